//! What was heard last of every source and stack, for whoever asks the daemon. Nothing is decided by it, and it begins empty.

use super::feed::Event;
use super::queue::Trigger;
use super::{JobNews, Look};
use crate::cycle::Applied;
use crate::model::change::{Cause, CauseKind, Change, ChangeAction, StackChanges};
use crate::model::commit::Commit;
use crate::model::observed::EngineInfo;
use crate::model::problem::Problem;
use crate::model::report::Fate;
use crate::model::shape::{Maybe, Time};
use crate::model::step::Plan;
pub use crate::plan::Job;
use crate::plan::{self, Jobs, StackPlan, Suspension};
use crate::source::LoadedSource;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// The words of [`StackNews::sync`].
pub const SYNC: [&str; 6] = ["under way", "broken", "blocked", "out of sync", "waiting", "in sync"];

/// Sources by name.
pub type Board = BTreeMap<String, SourceNews>;

/// The stack of a name, and the source that has it. One that several sources have belongs to that in which it is not broken.
pub fn find<'a>(board: &'a Board, stack: &str) -> Option<(&'a str, &'a SourceNews, &'a StackNews)> {
    let all =
        board.iter().filter_map(|(name, source)| Some((name.as_str(), source, source.stacks.get(stack)?)));
    all.min_by_key(|(_, _, stack)| stack.broken)
}

/// Why work on stacks ended before it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GaveUp {
    /// Another process works on the stacks.
    Locked,
    /// The source says something else by now.
    Outdated,
    /// The engine does not answer.
    Unreachable,
    /// A deputy does it.
    HandedOver,
    /// It ended in a panic.
    Panic,
}

impl GaveUp {
    /// The word in events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Locked => "locked",
            Self::Outdated => "outdated",
            Self::Unreachable => "unreachable",
            Self::HandedOver => "handed_over",
            Self::Panic => "failed",
        }
    }
}

/// A source.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SourceNews {
    /// What it says, if it was read.
    pub revision: Option<String>,
    /// The commit of that, of a repository.
    pub commit: Option<Commit>,
    /// What loading had to say.
    pub problems: Vec<Problem>,
    /// Why its repository could not be asked, the last time.
    pub outage: Option<String>,
    /// When its repository is asked next, at the earliest, in seconds since 1970.
    pub asked_next: Option<i64>,
    /// When it was read and the engine answered, in seconds since 1970.
    pub looked: Option<i64>,
    /// How long that took, from the files to the plan.
    pub took: Duration,
    /// When it is looked at next, at the latest, in seconds since 1970.
    pub next: Option<i64>,
    /// Whether it is looked at now.
    pub looking: bool,
    /// Why it was looked at last, or is.
    pub trigger: Option<Trigger>,
    /// Why the engine could not be looked at, the last time.
    pub error: Option<String>,
    /// The engine, if it was looked at.
    pub engine: EngineInfo,
    /// Stacks that did not load.
    pub broken: usize,
    /// Its stacks by name.
    pub stacks: BTreeMap<String, StackNews>,
}

/// A stack.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StackNews {
    /// Services that are as the source says.
    pub in_sync: usize,
    /// Services that are to be changed.
    pub out_of_sync: usize,
    /// Services that stopped or were changed on the engine, as the last look found them, whatever becomes of that.
    pub drifted: usize,
    /// Services, networks and volumes whose change is blocked.
    pub blocked: usize,
    /// Services, networks and volumes whose change waits for its time.
    pub waiting: usize,
    /// Whether it is being worked on.
    pub under_way: bool,
    /// Whether it does not load.
    pub broken: bool,
    /// What the last look would have done, if it was not under way then.
    pub plan: Option<Arc<StackPlan>>,
    /// Whether somebody suspended it.
    pub suspended: Option<Suspension>,
    /// Deployments since the daemon started, by what came of them.
    pub deployments: Deployments,
    /// When the last one ended, in seconds since 1970, and whether it was a success.
    pub last: Option<(i64, bool)>,
    /// How long it took.
    pub took: Option<Duration>,
    /// When it was last found to be, or brought to be, all that the source says, in seconds since 1970.
    pub success: Option<i64>,
    /// Services that run at times.
    pub jobs: BTreeMap<String, Job>,
}

/// How often a stack was changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Deployments {
    /// With success.
    pub applied: u64,
    /// In vain, and what served before serves again.
    pub rolled_back: u64,
    /// In vain.
    pub failed: u64,
}

impl SourceNews {
    /// It is looked at from now on.
    pub fn looks(&mut self, name: &str, trigger: Trigger) -> Vec<Event> {
        let mut events = self.look_ended(name);
        (self.looking, self.trigger) = (true, Some(trigger));
        events.push(Event { trigger: trigger.as_str().into(), ..Event::new("look_began", name) });
        events
    }

    /// The look is over, and the next one comes at this time or earlier.
    pub fn rests(&mut self, name: &str, next: i64) -> Vec<Event> {
        self.next = Some(next);
        self.look_ended(name)
    }

    fn look_ended(&mut self, name: &str) -> Vec<Event> {
        if !std::mem::take(&mut self.looking) {
            return Vec::new();
        }
        let error = self.error.clone().or_else(|| self.outage.clone());
        vec![Event { error: Maybe(error), ..Event::new("look_ended", name) }]
    }

    /// It was read, and says something else than before.
    pub fn loaded(&mut self, loaded: &LoadedSource, problems: Vec<Problem>) {
        self.revision = Some(loaded.desired.revision.clone()).filter(|revision| !revision.is_empty());
        self.commit.clone_from(&loaded.commit);
        if loaded.stacks.is_empty() && !loaded.desired.stacks.is_empty() {
            // What was read earlier is given once more: what there was to say about stacks still holds.
            self.problems.retain(|problem| problem.stack.is_some());
            self.problems.extend(problems);
            return;
        }
        self.problems = problems;
        let broken = || loaded.stacks.iter().filter(|stack| !stack.desired);
        self.broken = broken().count();
        for stack in self.stacks.values_mut() {
            stack.broken = false;
        }
        for name in broken().filter_map(|stack| stack.name.as_ref()) {
            self.stacks.entry(name.clone()).or_default().broken = true;
        }
    }

    /// The engine could not be looked at.
    pub fn unreachable(&mut self, error: String) {
        self.error = Some(error);
    }

    /// The engine was looked at; of the stacks that are under way, what was seen is half done. `explain` puts into a plan, of which
    /// only the changes count, what people are told of it and takes away what they must not be told.
    pub fn looked(
        &mut self,
        name: &str,
        look: &Look<'_>,
        explain: impl FnOnce(&mut Plan),
        now: i64,
    ) -> Vec<Event> {
        let Look { planned, under_way, .. } = *look;
        let (plan, observed) = (&planned.plan, &planned.observed);
        (self.looked, self.error, self.asked_next) = (Some(now), None, look.asked_next);
        self.took = look.elapsed;
        if self.engine != observed.engine {
            self.engine.clone_from(&observed.engine);
        }
        self.stacks.retain(|stack, news| news.broken || plan.changes.contains_key(stack));
        let is_first = self.stacks.values().all(|news| news.plan.is_none());
        let mut events = Vec::new();
        let known = |stack: &str| self.stacks.get(stack)?.plan.as_deref();
        let mut found = StackPlan::news(plan, known);
        found.retain(|(stack, _)| !under_way.contains(*stack));
        let busy = found.iter().filter(|(_, found)| !found.is_plain());
        let changes = busy.map(|(stack, found)| ((*stack).to_owned(), found.changes.clone())).collect();
        let mut told = Plan { changes, ..Plan::default() };
        if !told.changes.is_empty() {
            explain(&mut told);
        }
        for (stack, mut found) in found {
            found.told = told.changes.remove(stack);
            let news = self.stacks.entry(stack.to_owned()).or_default();
            let summary = found.summary();
            let was_settled = news.plan.as_ref().is_none_or(|plan| plan.summary().is_settled());
            if !(was_settled && summary.is_settled()) {
                let event = Event::new("plan_changed", name).stack(stack);
                events.push(Event { plan_id: found.id.clone().into(), summary: summary.into(), ..event });
            }
            news.plan = Some(Arc::new(found));
        }
        let suspensions = plan::suspensions(observed);
        for (stack, changes) in &plan.changes {
            let news = self.stacks.entry(stack.clone()).or_default();
            news.under_way = under_way.contains(stack);
            if !news.under_way {
                news.count(changes);
                news.note_success(now);
            }
            let suspended = suspensions.get(stack).filter(|suspension| suspension.holds(now)).cloned();
            if news.suspended != suspended {
                // What is found at the start happened earlier.
                events.extend((!is_first).then(|| suspension(name, stack, suspended.as_ref())));
                news.suspended = suspended;
            }
        }
        events
    }

    /// Its jobs are so.
    pub fn jobs(&mut self, jobs: &Jobs) {
        for (name, news) in &mut self.stacks {
            let own = jobs.iter().filter(|((stack, _), _)| stack == name);
            news.jobs = own.map(|((_, service), job)| (service.clone(), job.clone())).collect();
        }
    }

    /// Some of its stacks are worked on from now on, if there is anything to be done.
    pub fn planned(&mut self, name: &str, plan: &Plan) -> Vec<Event> {
        let busy: BTreeSet<&str> = plan.steps.iter().map(|step| step.stack.as_str()).collect();
        let begin = |stack: &str| {
            let news = self.stacks.entry(stack.to_owned()).or_default();
            news.under_way = true;
            let event = Event::new("deployment_began", name).stack(stack);
            Event {
                trigger: Maybe(self.trigger.map(Trigger::as_str)),
                plan_id: Maybe(news.plan.as_ref().map(|plan| plan.id.clone())),
                summary: Maybe(news.plan.as_ref().map(|plan| plan.summary())),
                ..event
            }
        };
        busy.into_iter().map(begin).collect()
    }

    /// Some of its stacks were worked on.
    pub fn applied(&mut self, plan: &Plan, applied: &Applied, now: i64) {
        let worked_on: BTreeSet<&str> = plan.steps.iter().map(|step| step.stack.as_str()).collect();
        for (name, services) in applied.results(plan) {
            if !worked_on.contains(name.as_str()) {
                continue;
            }
            let has = |fate| services.values().any(|result| result.fate == fate);
            let news = self.stacks.entry(name).or_default();
            let (count, is_success) = if has(Fate::RolledBack) {
                (&mut news.deployments.rolled_back, false)
            } else if has(Fate::Failed) || has(Fate::Skipped) {
                (&mut news.deployments.failed, false)
            } else {
                (&mut news.deployments.applied, true)
            };
            *count += 1;
            news.last = Some((now, is_success));
            // The next look may be an interval away.
            let of =
                |wanted: &[Fate]| services.values().filter(|result| wanted.contains(&result.fate)).count();
            news.in_sync = of(&[Fate::Applied, Fate::Unchanged]);
            news.out_of_sync = of(&[Fate::RolledBack, Fate::Failed, Fate::Skipped, Fate::Locked]);
            news.blocked = of(&[Fate::Blocked, Fate::Quarantined]);
            news.waiting = of(&[Fate::Waiting]);
            news.note_success(now);
        }
    }

    /// Work on these stacks took so long.
    pub fn took(&mut self, plan: &Plan, elapsed: Duration) {
        for stack in plan.steps.iter().map(|step| &step.stack) {
            if let Some(news) = self.stacks.get_mut(stack) {
                news.took = Some(elapsed);
            }
        }
    }

    /// The work on some stacks is over. `outcome` gives what came of it, and its number in the history.
    pub fn ended<'a>(
        &mut self,
        name: &str,
        stacks: impl Iterator<Item = &'a String>,
        outcome: impl Fn(&str) -> (&'static str, Option<u64>),
    ) -> Vec<Event> {
        let mut events = Vec::new();
        for stack in stacks {
            let Some(news) = self.stacks.get_mut(stack).filter(|news| news.under_way) else { continue };
            news.under_way = false;
            let (outcome, number) = outcome(stack);
            let event = Event::new("deployment_ended", name).stack(stack);
            events.push(Event { outcome: outcome.into(), number: Maybe(number), ..event });
        }
        events
    }
}

fn suspension(source: &str, stack: &str, suspended: Option<&Suspension>) -> Event {
    match suspended {
        None => Event::new("resumed", source).stack(stack),
        Some(Suspension { reason, until, at: _ }) => Event {
            reason: reason.clone().into(),
            until: Maybe(until.map(Time)),
            ..Event::new("suspended", source).stack(stack)
        },
    }
}

/// What happened to a job, as an event.
pub fn job_event(source: &str, (stack, service): (&str, &str), news: &JobNews) -> Event {
    let event = |kind| Event { service: service.to_owned().into(), ..Event::new(kind, source).stack(stack) };
    match news {
        JobNews::Began(run) => Event { run: run.clone().into(), ..event("job_began") },
        JobNews::Ended(run, state) => Event {
            run: run.clone().into(),
            outcome: state.as_str().into(),
            exit_code: Maybe(state.exit_code()),
            ..event("job_ended")
        },
        JobNews::Failed(why) => Event { error: why.clone().into(), ..event("job_failed") },
        JobNews::Skipped(why) => Event { reason: why.clone().into(), ..event("job_skipped") },
        JobNews::Missed(at) => Event { at: Time(*at).into(), ..event("job_missed") },
    }
}

impl StackNews {
    fn count(&mut self, changes: &StackChanges) {
        let of = |changes: &BTreeMap<String, Change>, wanted: &[ChangeAction]| {
            changes.values().filter(|change| wanted.contains(&change.action)).count()
        };
        let all = |wanted: &[ChangeAction]| {
            of(&changes.services, wanted) + of(&changes.networks, wanted) + of(&changes.volumes, wanted)
        };
        let changing = [
            ChangeAction::Create,
            ChangeAction::Replace,
            ChangeAction::Start,
            ChangeAction::Tidy,
            ChangeAction::Remove,
        ];
        self.in_sync = of(&changes.services, &[ChangeAction::Unchanged]);
        self.out_of_sync = of(&changes.services, &changing);
        self.blocked = all(&[ChangeAction::Blocked]);
        self.waiting = all(&[ChangeAction::Wait]);
        let is_drift = |cause: &Cause| matches!(cause.kind, CauseKind::Drift | CauseKind::Stopped);
        let drifted = |change: &&Change| change.causes.iter().any(is_drift);
        self.drifted = changes.services.values().filter(drifted).count();
    }

    fn note_success(&mut self, now: i64) {
        if self.out_of_sync + self.blocked + self.waiting == 0 && !self.broken {
            self.success = Some(now);
        }
    }

    /// In a word, how it stands.
    pub const fn sync(&self) -> &'static str {
        if self.under_way {
            "under way"
        } else if self.broken {
            "broken"
        } else if self.blocked > 0 {
            "blocked"
        } else if self.out_of_sync > 0 {
            "out of sync"
        } else if self.waiting > 0 {
            "waiting"
        } else {
            "in sync"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, Event, JobNews, Look, SourceNews, job_event};
    use crate::cycle::Planned;
    use crate::daemon::queue::Trigger;
    use crate::model::change::{Change, ChangeAction};
    use crate::model::desired::DesiredState;
    use crate::model::labels;
    use crate::model::observed::{ObservedContainer, ObservedState};
    use crate::model::step::{Action, Plan, Step};
    use crate::model::units::Nanos;
    use crate::plan::RunState;
    use std::collections::BTreeSet;
    use std::sync::Arc;

    fn plan(actions: &[ChangeAction]) -> Plan {
        let mut plan = Plan::default();
        let stack = plan.changes.entry("shop".to_owned()).or_default();
        for (number, action) in actions.iter().enumerate() {
            stack.services.insert(format!("s{number}"), Change::new(*action, Vec::new()));
        }
        plan
    }

    fn looked(
        news: &mut SourceNews,
        plan: Plan,
        observed: ObservedState,
        under_way: &[&str],
        now: i64,
    ) -> Vec<String> {
        let under_way: BTreeSet<String> = under_way.iter().map(|&stack| stack.to_owned()).collect();
        let (desired, planned) = (Arc::new(DesiredState::default()), Planned { observed, plan });
        let look = Look {
            desired: &desired,
            mounts: None,
            asked_next: None,
            planned: &planned,
            under_way: &under_way,
            elapsed: Duration::ZERO,
        };
        kinds(&news.looked("home", &look, |_| {}, now))
    }

    fn kinds(events: &[Event]) -> Vec<String> {
        events.iter().map(|event| event.event.to_owned()).collect()
    }

    #[test]
    fn a_stack_is_told_in_a_word() {
        let mut news = SourceNews::default();
        let cases = [
            (&[ChangeAction::Unchanged][..], "in sync"),
            (&[ChangeAction::Unchanged, ChangeAction::Wait], "waiting"),
            (&[ChangeAction::Wait, ChangeAction::Replace], "out of sync"),
            (&[ChangeAction::Replace, ChangeAction::Blocked], "blocked"),
        ];
        for (actions, word) in cases {
            looked(&mut news, plan(actions), ObservedState::default(), &[], 7);
            assert_eq!(news.stacks["shop"].sync(), word);
        }
        let unchanged = plan(&[ChangeAction::Unchanged]);
        looked(&mut news, unchanged, ObservedState::default(), &["shop"], 8);
        assert_eq!((news.stacks["shop"].sync(), news.stacks["shop"].blocked), ("under way", 1));
        looked(&mut news, Plan::default(), ObservedState::default(), &[], 9);
        assert!(news.stacks.is_empty() && news.looked == Some(9));
    }

    #[test]
    fn a_plan_is_news_when_it_is_another_one() {
        let mut news = SourceNews::default();
        let mut look = |actions: &[ChangeAction]| {
            looked(&mut news, plan(actions), ObservedState::default(), &[], 7).len()
        };
        assert_eq!(look(&[ChangeAction::Unchanged]), 0, "nothing to do at the start");
        assert_eq!(look(&[ChangeAction::Replace]), 1);
        assert_eq!(look(&[ChangeAction::Replace]), 0);
        assert_eq!(look(&[ChangeAction::Blocked]), 1);
        assert_eq!(look(&[ChangeAction::Unchanged]), 1, "and nothing any more");
        assert_eq!(look(&[ChangeAction::Unchanged, ChangeAction::Unchanged]), 0);
    }

    #[test]
    fn whoever_suspends_a_stack_the_next_look_tells_it() {
        let mark = |until: &str| ObservedState {
            containers: vec![ObservedContainer {
                labels: [(labels::SUSPENDED, "shop"), (labels::SUSPENDED_UNTIL, until)]
                    .map(|(key, value)| (key.to_owned(), value.to_owned()))
                    .into(),
                ..ObservedContainer::default()
            }],
            ..ObservedState::default()
        };
        let mut news = SourceNews::default();
        let mut look =
            |observed, now| looked(&mut news, plan(&[ChangeAction::Unchanged]), observed, &[], now);
        assert!(look(ObservedState::default(), 1).is_empty());
        assert_eq!(look(mark("9"), 2), ["suspended"]);
        assert!(look(mark("9"), 3).is_empty());
        assert_eq!(look(mark("20"), 4), ["suspended"], "for longer");
        assert_eq!(look(mark("20"), 20), ["resumed"], "its time is over");
    }

    #[test]
    fn what_happens_to_jobs_is_told() {
        let told = |news: &JobNews| serde_json::to_value(job_event("home", ("shop", "tidy"), news)).unwrap();
        let ended = told(&JobNews::Ended("run-1".to_owned(), RunState::Failed(3)));
        assert_eq!((&ended["event"], &ended["stack"]), (&"job_ended".into(), &"shop".into()));
        assert_eq!((&ended["outcome"], &ended["exit_code"]), (&"failed".into(), &3.into()));
        assert_eq!((&ended["run"], &ended["service"]), (&"run-1".into(), &"tidy".into()));
        assert_eq!(told(&JobNews::Began("run-2".to_owned()))["event"], "job_began");
        assert_eq!(told(&JobNews::Skipped("busy".to_owned()))["reason"], "busy");
        assert_eq!(told(&JobNews::Failed("no".to_owned()))["error"], "no");
        assert_eq!(told(&JobNews::Missed(60))["at"], "1970-01-01T00:01:00Z");
    }

    #[test]
    fn work_has_a_beginning_and_an_end() {
        let mut news = SourceNews::default();
        let mut busy = plan(&[ChangeAction::Start]);
        busy.steps.push(Step {
            id: "shop/s0/delay".to_owned(),
            stack: "shop".to_owned(),
            service: String::new(),
            action: Action::Delay { period: Nanos(0) },
            causes: Vec::new(),
            after: Vec::new(),
            after_any: Vec::new(),
            tolerance: None,
        });
        assert_eq!(kinds(&news.looks("home", Trigger::Poll)), ["look_began"]);
        looked(&mut news, busy.clone(), ObservedState::default(), &[], 7);
        let began = news.planned("home", &busy);
        assert_eq!((kinds(&began), began[0].trigger.0), (vec!["deployment_began".to_owned()], Some("poll")));
        assert_eq!(news.stacks["shop"].sync(), "under way");
        assert_eq!(kinds(&news.rests("home", 70)), ["look_ended"]);
        assert!(news.rests("home", 71).is_empty() && news.next == Some(71));
        let stacks = ["shop".to_owned(), "idle".to_owned()];
        let ended = news.ended("home", stacks.iter(), |_| ("applied", Some(3)));
        assert_eq!(
            (kinds(&ended), ended[0].outcome.0),
            (vec!["deployment_ended".to_owned()], Some("applied"))
        );
        assert!(news.ended("home", stacks.iter(), |_| ("applied", None)).is_empty(), "once");
    }
}
