//! Which runs of jobs are to be begun now, and when that is to be asked again.
//!
//! Pure: the time is an argument, in seconds since 1970. What was begun stands on the engine; remembered here is only how
//! far each timetable was looked through, so that a time which came to nothing is not tried again.

use crate::model::step::Plan;
use crate::plan::{self, Job, Jobs, Run};
use std::collections::{BTreeMap, BTreeSet};

/// How late a run may be begun, in seconds. A daemon that is restarted misses nothing, and one that was away for the night does
/// not begin everything in the morning.
pub const GRACE: i64 = 60;

/// A stack and a service of it.
pub type Key = (String, String);

/// What a time of a job comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// A run is to be begun.
    Begin,
    /// Nobody was there at that time, and now it is too late.
    Missed,
}

/// The jobs of a source.
#[derive(Debug, Default)]
pub struct Roster {
    jobs: Jobs,
    /// Up to when each timetable was looked through.
    decided: BTreeMap<Key, i64>,
    /// Up to which time the ends of runs were told.
    told: BTreeMap<Key, i64>,
}

impl Roster {
    /// The jobs as they were seen last.
    pub const fn jobs(&self) -> &Jobs {
        &self.jobs
    }

    /// Takes in what the engine holds; gives the runs that have ended since, the earliest first.
    pub fn learn(&mut self, jobs: Jobs) -> Vec<(Key, Run)> {
        let mut ended = Vec::new();
        for (key, job) in &jobs {
            let is_over =
                |run: &&Run| !matches!(run.state, plan::RunState::Running | plan::RunState::NotStarted);
            let over = || job.runs.iter().filter(is_over);
            let latest = over().map(|run| run.at).max().unwrap_or(i64::MIN);
            // What ended before anybody watched is history.
            if let Some(before) = self.told.insert(key.clone(), latest) {
                let news = over().filter(|run| run.at > before).rev();
                ended.extend(news.map(|run| (key.clone(), run.clone())));
            }
        }
        self.told.retain(|key, _| jobs.contains_key(key));
        self.decided.retain(|key, _| jobs.contains_key(key));
        self.jobs = jobs;
        ended
    }

    /// The times that have come and were not decided about before; they are now.
    pub fn due(&mut self, now: i64) -> Vec<(Key, i64, Due)> {
        let mut all = Vec::new();
        for (key, job) in &self.jobs {
            let Some(template) = &job.template else { continue };
            let Ok(times) = &template.times else { continue };
            let catches_up = template.timetable.catch_up;
            let decided = self.decided.entry(key.clone()).or_insert_with(|| {
                let from = if catches_up { i64::MIN } else { now.saturating_sub(GRACE) };
                // Times before it was there are none of its own.
                template.created.max(from)
            });
            // A clock that was wrong and is right again must not keep a job from running until then.
            *decided = (*decided).min(now).max(begun(job, now));
            let Some(at) = times.last(now).filter(|at| *at > *decided) else { continue };
            *decided = at;
            let is_late = now - at > GRACE && !catches_up;
            all.push((key.clone(), at, if is_late { Due::Missed } else { Due::Begin }));
        }
        all
    }

    /// When there is something to do next, be it a time or the end of one; `stopping` are ids of runs that are being stopped.
    pub fn next(&self, now: i64, stopping: &BTreeSet<String>) -> Option<i64> {
        let times = self.jobs.values().filter_map(|job| job.next(now));
        let running = self.jobs.values().flat_map(Job::running);
        let ends = running.filter(|run| !stopping.contains(run.container.engine_ref()));
        times.chain(ends.filter_map(|run| run.until)).min()
    }

    /// What stops the runs whose time is over, and their ids.
    pub fn overdue(&self, now: i64, stopping: &BTreeSet<String>) -> (Plan, BTreeSet<String>) {
        let mut jobs = self.jobs.clone();
        for job in jobs.values_mut() {
            job.runs.retain(|run| !stopping.contains(run.container.engine_ref()));
        }
        let plan = plan::overdue(&jobs, now);
        let containers = plan.steps.iter().filter_map(|step| step.action.container());
        let ids = containers.map(|container| container.engine_ref().to_owned()).collect();
        (plan, ids)
    }
}

/// The last time for which a run was begun.
fn begun(job: &Job, now: i64) -> i64 {
    let begun = job.runs.iter().filter(|run| run.state != plan::RunState::NotStarted);
    begun.map(|run| run.at).filter(|at| *at <= now).max().unwrap_or(i64::MIN)
}

#[cfg(test)]
mod tests {
    use super::{Due, Key, Roster};
    use crate::model::job::Timetable;
    use crate::model::step::ContainerRef;
    use crate::plan::{Job, Jobs, Run, RunState, Template};
    use std::collections::BTreeSet;

    /// 2026-11-21 03:00:00 UTC.
    const THREE: i64 = 1_795_230_000;
    const DAY: i64 = 86_400;

    fn key() -> Key {
        ("shop".to_owned(), "backup".to_owned())
    }

    fn run(at: i64, state: RunState) -> Run {
        let container = ContainerRef::Id { id: format!("id-{at}"), name: format!("run-{at}") };
        Run { container, at, until: None, state }
    }

    fn jobs(timetable: Timetable, runs: Vec<Run>) -> Jobs {
        let times = timetable.times();
        let container = ContainerRef::Id { id: "t".to_owned(), name: "shop-backup-1".to_owned() };
        let source = "/s".to_owned();
        let created = THREE - 10 * DAY;
        let template = Template { container, source, created, is_up: false, timetable, times };
        Jobs::from([(key(), Job { template: Some(template), runs })])
    }

    fn nightly() -> Timetable {
        Timetable { schedule: "0 3 * * *".to_owned(), ..Timetable::default() }
    }

    fn started(timetable: Timetable, runs: Vec<Run>) -> Roster {
        let mut roster = Roster::default();
        assert!(roster.learn(jobs(timetable, runs)).is_empty());
        roster
    }

    fn due(roster: &mut Roster, now: i64) -> Vec<(i64, Due)> {
        roster.due(now).into_iter().map(|(_, at, due)| (at, due)).collect()
    }

    #[test]
    fn a_time_comes_once() {
        let mut roster = started(nightly(), vec![]);
        assert!(due(&mut roster, THREE - 5).is_empty());
        assert_eq!(roster.next(THREE - 5, &BTreeSet::new()), Some(THREE));
        assert_eq!(due(&mut roster, THREE), [(THREE, Due::Begin)]);
        assert!(due(&mut roster, THREE).is_empty() && due(&mut roster, THREE + 30).is_empty());
        assert_eq!(due(&mut roster, THREE + DAY + 1), [(THREE + DAY, Due::Begin)]);
    }

    #[test]
    fn a_daemon_that_is_restarted_neither_misses_nor_doubles() {
        assert_eq!(due(&mut started(nightly(), vec![]), THREE + 50), [(THREE, Due::Begin)]);
        let begun = vec![run(THREE, RunState::Running)];
        assert!(due(&mut started(nightly(), begun), THREE + 50).is_empty());
        let interrupted = vec![run(THREE, RunState::NotStarted)];
        assert_eq!(due(&mut started(nightly(), interrupted), THREE + 50), [(THREE, Due::Begin)]);
    }

    #[test]
    fn what_was_missed_is_made_up_for_only_on_demand_and_once() {
        let yesterday = || vec![run(THREE - 2 * DAY, RunState::Succeeded)];
        assert!(due(&mut started(nightly(), yesterday()), THREE + 3600).is_empty());
        let catching = Timetable { catch_up: true, ..nightly() };
        let mut roster = started(catching.clone(), yesterday());
        assert_eq!(due(&mut roster, THREE + 3600), [(THREE, Due::Begin)], "the last one only");
        assert!(due(&mut roster, THREE + 3601).is_empty());
        let done = vec![run(THREE, RunState::Failed(1))];
        assert!(due(&mut started(catching, done), THREE + 3600).is_empty());
    }

    #[test]
    fn a_machine_that_slept_says_what_it_missed() {
        let mut roster = started(nightly(), vec![]);
        assert!(due(&mut roster, THREE - 3600).is_empty());
        assert_eq!(due(&mut roster, THREE + 3600), [(THREE, Due::Missed)]);
        assert!(due(&mut roster, THREE + 3601).is_empty());
    }

    #[test]
    fn a_job_has_no_times_before_it_was_deployed() {
        for catch_up in [false, true] {
            let mut all = jobs(Timetable { catch_up, ..nightly() }, vec![]);
            let template = all.get_mut(&key()).and_then(|job| job.template.as_mut()).expect("a template");
            template.created = THREE + 20;
            let mut roster = Roster::default();
            roster.learn(all);
            assert!(due(&mut roster, THREE + 30).is_empty());
        }
    }

    #[test]
    fn a_clock_that_was_ahead_holds_nothing_up() {
        let mut roster = started(nightly(), vec![run(THREE + 400 * DAY, RunState::Succeeded)]);
        assert_eq!(due(&mut roster, THREE + 400 * DAY + 30), []);
        assert!(due(&mut roster, THREE - 100).is_empty());
        assert_eq!(due(&mut roster, THREE), [(THREE, Due::Begin)]);
    }

    #[test]
    fn what_ended_is_told_once_and_not_what_ended_before() {
        let old = run(THREE - DAY, RunState::Succeeded);
        let mut roster = started(nightly(), vec![old.clone()]);
        let running = vec![run(THREE, RunState::Running), old.clone()];
        assert!(roster.learn(jobs(nightly(), running)).is_empty());
        let over = || vec![run(THREE, RunState::Failed(2)), old.clone()];
        assert_eq!(roster.learn(jobs(nightly(), over())), [(key(), run(THREE, RunState::Failed(2)))]);
        assert!(roster.learn(jobs(nightly(), over())).is_empty());
    }

    #[test]
    fn the_end_of_a_run_is_something_to_wake_for() {
        let long = Run { until: Some(THREE + 10), ..run(THREE, RunState::Running) };
        let roster = started(nightly(), vec![long]);
        let none = BTreeSet::new();
        assert_eq!(roster.next(THREE, &none), Some(THREE + 10));
        let (plan, stopping) = roster.overdue(THREE + 10, &none);
        assert_eq!(plan.steps.len(), 2);
        assert_eq!(roster.next(THREE + 10, &stopping), Some(THREE + DAY));
        assert!(roster.overdue(THREE + 10, &stopping).0.steps.is_empty());
    }
}
