//! What was heard last of every source and stack, for whoever asks the daemon. Nothing is decided by it, and it begins empty.

use crate::cycle::Applied;
use crate::model::change::{Change, ChangeAction, StackChanges};
use crate::model::report::Fate;
use crate::model::step::Plan;
pub use crate::plan::Job;
use crate::plan::Jobs;
use crate::source::LoadedSource;
use std::collections::{BTreeMap, BTreeSet};

/// Sources by name.
pub type Board = BTreeMap<String, SourceNews>;

/// A source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceNews {
    /// What it says, if it was read.
    pub revision: Option<String>,
    /// When it was read and the engine answered, in seconds since 1970.
    pub looked: Option<i64>,
    /// Why the engine could not be looked at, the last time.
    pub error: Option<String>,
    /// Stacks that did not load.
    pub broken: usize,
    /// Its stacks by name.
    pub stacks: BTreeMap<String, StackNews>,
}

/// A stack.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StackNews {
    /// Services that are as the source says.
    pub in_sync: usize,
    /// Services that are to be changed.
    pub out_of_sync: usize,
    /// Services, networks and volumes whose change is blocked.
    pub blocked: usize,
    /// Services, networks and volumes whose change waits for its time.
    pub waiting: usize,
    /// Whether it is being worked on.
    pub under_way: bool,
    /// Deployments since the daemon started, by what came of them.
    pub deployments: Deployments,
    /// When the last one ended, in seconds since 1970, and whether it was a success.
    pub last: Option<(i64, bool)>,
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
    /// It was read, and says something else than before.
    pub fn loaded(&mut self, loaded: &LoadedSource) {
        self.revision = Some(loaded.desired.revision.clone());
        self.broken = loaded.stacks.iter().filter(|stack| !stack.desired).count();
    }

    /// The engine could not be looked at.
    pub fn unreachable(&mut self, error: String) {
        self.error = Some(error);
    }

    /// The engine was looked at; of the stacks that are under way, what was seen is half done.
    pub fn looked(&mut self, plan: &Plan, under_way: &BTreeSet<String>, now: i64) {
        self.looked = Some(now);
        self.error = None;
        self.stacks.retain(|name, _| plan.changes.contains_key(name));
        for (name, changes) in &plan.changes {
            let news = self.stacks.entry(name.clone()).or_default();
            news.under_way = under_way.contains(name);
            if !news.under_way {
                news.count(changes);
            }
        }
    }

    /// Its jobs are so.
    pub fn jobs(&mut self, jobs: &Jobs) {
        for (name, news) in &mut self.stacks {
            let own = jobs.iter().filter(|((stack, _), _)| stack == name);
            news.jobs = own.map(|((_, service), job)| (service.clone(), job.clone())).collect();
        }
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
            news.under_way = false;
        }
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
    }

    /// In a word, how it stands.
    pub const fn sync(&self) -> &'static str {
        if self.under_way {
            "under way"
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
    use super::SourceNews;
    use crate::model::change::{Change, ChangeAction};
    use crate::model::step::Plan;
    use std::collections::BTreeSet;

    fn plan(actions: &[ChangeAction]) -> Plan {
        let mut plan = Plan::default();
        let stack = plan.changes.entry("shop".to_owned()).or_default();
        for (number, action) in actions.iter().enumerate() {
            stack.services.insert(format!("s{number}"), Change::new(*action, Vec::new()));
        }
        plan
    }

    #[test]
    fn a_stack_is_told_in_a_word() {
        let mut news = SourceNews::default();
        let none = BTreeSet::new();
        let cases = [
            (&[ChangeAction::Unchanged][..], "in sync"),
            (&[ChangeAction::Unchanged, ChangeAction::Wait], "waiting"),
            (&[ChangeAction::Wait, ChangeAction::Replace], "out of sync"),
            (&[ChangeAction::Replace, ChangeAction::Blocked], "blocked"),
        ];
        for (actions, word) in cases {
            news.looked(&plan(actions), &none, 7);
            assert_eq!(news.stacks["shop"].sync(), word);
        }
        news.looked(&plan(&[ChangeAction::Unchanged]), &BTreeSet::from(["shop".to_owned()]), 8);
        assert_eq!((news.stacks["shop"].sync(), news.stacks["shop"].blocked), ("under way", 1));
        news.looked(&Plan::default(), &none, 9);
        assert!(news.stacks.is_empty() && news.looked == Some(9));
    }
}
