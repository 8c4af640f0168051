//! What the daemon heard last, as JSON.

use super::About;
use crate::daemon::board::{Board, Job, SYNC, SourceNews, StackNews};
use crate::model::commit::ShownCommit;
use crate::model::problem::Problem;
use crate::model::shape::{Time, shape};
use crate::plan::{ShownPlan, ShownSuspension};

/// What may have become of a run that ended.
const ENDS: [&str; 3] = ["succeeded", "failed", "timed out"];

shape! {
    /// How everything is.
    pub struct Status {
        /// The daemon.
        daemon: DaemonStatus,
        /// Its sources, by name.
        sources: Vec<SourceStatus>,
    }

    /// The daemon.
    pub struct DaemonStatus {
        /// Its version.
        version: String,
        /// The number of its process, where it runs.
        process: u32,
        /// When it was started.
        since: Time,
    }

    /// A source.
    pub struct SourceStatus {
        /// Its name.
        name: String,
        /// What it said last: of a git repository the commit, else a digest. Null if it was never read.
        revision: Option<String>,
        /// The commit of that; null if it is no repository.
        commit: Option<ShownCommit>,
        /// When it was read and the engine answered last.
        looked_at: Option<Time>,
        /// When it is looked at next, if nothing happens before.
        next_look_at: Option<Time>,
        /// Whether it is looked at now.
        looking: bool,
        /// Why the engine could not be looked at, the last time; null if it could.
        error: Option<String>,
        /// Why the repository cannot be asked: what it said last still counts. Null if it can.
        outage: Option<String>,
        /// When the repository is asked next, at the earliest: less often while it does not answer. Null if it is none.
        asked_next_at: Option<Time>,
        /// How many stacks do not load.
        broken_stacks: usize,
        /// Why they, or the source as a whole, do not load.
        errors: Vec<Problem>,
        /// Its stacks, by name.
        stacks: Vec<StackStatus>,
    }

    /// A stack.
    pub struct StackStatus {
        /// Its name.
        name: String,
        /// Its source.
        source: String,
        /// How it is.
        sync: &'static str [SYNC],
        /// Numbers of its services.
        services: ServiceCounts,
        /// Services, networks and volumes whose change is blocked.
        blocked: usize,
        /// Services, networks and volumes whose change waits for its time.
        waiting: usize,
        /// That somebody suspended it; null if nobody did.
        suspended: Option<ShownSuspension>,
        /// Deployments since the daemon started, by what came of them.
        deployments: DeploymentCounts,
        /// Its services that run at times.
        jobs: Vec<JobStatus>,
        /// The last deployment since the daemon started.
        last_deployment: Option<LastDeployment>,
    }

    /// Numbers of services.
    pub struct ServiceCounts {
        /// Those that are as the source says.
        in_sync: usize,
        /// Those that are to be changed.
        out_of_sync: usize,
    }

    /// Numbers of deployments.
    pub struct DeploymentCounts {
        /// Those that did what they were to do.
        applied: u64,
        /// Those that failed and were taken back.
        rolled_back: u64,
        /// Those that failed.
        failed: u64,
    }

    /// A deployment that is over.
    pub struct LastDeployment {
        /// When it ended.
        at: Time,
        /// Whether it did what it was to do.
        success: bool,
    }

    /// A service that runs at times.
    pub struct JobStatus {
        /// Its name.
        name: String,
        /// How many runs are under way.
        running: usize,
        /// The last run that ended by itself or took too long.
        last_run: Option<LastRun>,
    }

    /// A run that is over.
    pub struct LastRun {
        /// The time that it was for.
        at: Time,
        /// What came of it.
        outcome: &'static str [ENDS],
        /// Its exit code; null if it took too long.
        exit_code: Option<i64>,
    }

    /// What the last look at a stack would have done.
    pub struct PlanOfStack {
        /// The stack.
        stack: String,
        /// Its source.
        source: String,
        /// When that look was.
        looked_at: Time,
        /// Whether the stack has been worked on since, or is: the plan is that from before.
        under_way: bool,
        /// The plan, as `reconcile --dry-run --format json` prints it, for this stack alone.
        plan: ShownPlan,
    }
}

impl Status {
    /// All sources.
    pub fn of(about: &About, board: &Board) -> Self {
        let About { version, process, since } = about;
        let daemon = DaemonStatus { version: version.clone(), process: *process, since: Time(*since) };
        Self { daemon, sources: board.iter().map(|(name, news)| source(name, news)).collect() }
    }
}

fn source(name: &str, news: &SourceNews) -> SourceStatus {
    let errors = news.problems.iter().filter(|problem| problem.severity == "error");
    SourceStatus {
        name: name.to_owned(),
        revision: news.revision.clone(),
        commit: news.commit.as_ref().map(ShownCommit::from),
        looked_at: news.looked.map(Time),
        next_look_at: news.next.map(Time),
        looking: news.looking,
        error: news.error.clone(),
        outage: news.outage.clone(),
        asked_next_at: news.asked_next.map(Time),
        broken_stacks: news.broken,
        errors: errors.cloned().collect(),
        stacks: news.stacks.iter().map(|(stack, news)| StackStatus::of(name, stack, news)).collect(),
    }
}

impl StackStatus {
    /// One stack of a source.
    pub fn of(source: &str, name: &str, news: &StackNews) -> Self {
        let done = news.deployments;
        Self {
            name: name.to_owned(),
            source: source.to_owned(),
            sync: news.sync(),
            services: ServiceCounts { in_sync: news.in_sync, out_of_sync: news.out_of_sync },
            blocked: news.blocked,
            waiting: news.waiting,
            suspended: news.suspended.as_ref().map(ShownSuspension::from),
            deployments: DeploymentCounts {
                applied: done.applied,
                rolled_back: done.rolled_back,
                failed: done.failed,
            },
            jobs: news.jobs.iter().map(|(name, news)| job(name, news)).collect(),
            last_deployment: news.last.map(|(at, success)| LastDeployment { at: Time(at), success }),
        }
    }
}

fn job(name: &str, job: &Job) -> JobStatus {
    let last = job.last().map(|run| LastRun {
        at: Time(run.at),
        outcome: run.state.as_str(),
        exit_code: run.state.exit_code(),
    });
    JobStatus { name: name.to_owned(), running: job.running().count(), last_run: last }
}

impl PlanOfStack {
    /// Of a stack that was looked at; `None` before that.
    pub fn of(source: &str, news: &SourceNews, name: &str, stack: &StackNews) -> Option<Self> {
        let (plan, looked) = (stack.plan.as_ref()?, news.looked?);
        let own = news.problems.iter().filter(|one| one.stack.as_deref().is_none_or(|stack| stack == name));
        let errors = own.cloned().collect();
        let revision = news.revision.as_deref().unwrap_or_default();
        Some(Self {
            stack: name.to_owned(),
            source: source.to_owned(),
            looked_at: Time(looked),
            under_way: stack.under_way,
            plan: plan.shown(name, revision, &news.engine, errors),
        })
    }
}
