use super::{Finding, Observation, Run, observe};
use crate::model::alert::AlertKind;
use crate::model::change::{Cause, CauseKind, Change, ChangeAction};
use crate::model::desired::DesiredState;
use crate::model::redact::Redactor;
use crate::model::report::{Blame, Failure, Fate, Report, Results, ServiceResult};
use crate::model::step::{Action, Plan, Step};
use std::collections::{BTreeMap, BTreeSet};

/// A stack with one service of which something became.
struct Case {
    plan: Plan,
    results: Results,
    report: Report,
    failures: Vec<Failure>,
    settled: BTreeSet<String>,
}

impl Case {
    fn new(fate: Fate, kind: CauseKind) -> Self {
        let mut plan = Plan::default();
        let change = match fate {
            Fate::Unchanged => Change::unchanged(),
            _ => Change::new(ChangeAction::Replace, vec![Cause::new(kind, "")]),
        };
        plan.changes.entry("shop".to_owned()).or_default().services.insert("web".to_owned(), change);
        let result = ServiceResult { fate, reason: "for a reason".to_owned() };
        let results = BTreeMap::from([("shop".to_owned(), BTreeMap::from([("web".to_owned(), result)]))]);
        let (report, failures, settled) = (Report::default(), Vec::new(), BTreeSet::new());
        Self { plan, results, report, failures, settled }
    }

    fn with_step(mut self) -> Self {
        self.plan.steps.push(Step {
            id: "shop/web-1/pull".to_owned(),
            stack: "shop".to_owned(),
            service: "web".to_owned(),
            action: Action::Delay { period: crate::model::units::Nanos(0) },
            causes: Vec::new(),
            after: Vec::new(),
            after_any: Vec::new(),
            tolerance: None,
        });
        self
    }

    fn failed(mut self, service: &str, blame: Blame) -> Self {
        let step = "shop/web-1/pull".to_owned();
        self.report.blames.insert(step.clone(), blame);
        self.failures.push(Failure {
            stack: "shop".to_owned(),
            service: service.to_owned(),
            step,
            reason: "no hunter2".to_owned(),
            logs: vec!["with hunter2".to_owned()],
            ..Failure::default()
        });
        self
    }

    fn seen(&self, is_carried_out: bool) -> Vec<Observation> {
        observe(&Run {
            source: "home",
            revision: None,
            desired: &DesiredState::default(),
            plan: &self.plan,
            results: &self.results,
            report: is_carried_out.then_some(&self.report),
            failures: &self.failures,
            settled: &self.settled,
        })
    }

    fn finding(&self, is_carried_out: bool) -> Option<Finding> {
        self.seen(is_carried_out).pop().map(|one| one.finding)
    }

    fn trouble(&self, is_carried_out: bool) -> Option<AlertKind> {
        match self.finding(is_carried_out) {
            Some(Finding::Trouble(trouble)) => Some(trouble.kind),
            _ => None,
        }
    }
}

#[test]
fn each_fate_is_what_people_call_it() {
    let case = |fate| Case::new(fate, CauseKind::Image).with_step();
    assert_eq!(case(Fate::Failed).trouble(true), Some(AlertKind::Failed));
    assert_eq!(case(Fate::RolledBack).trouble(true), Some(AlertKind::RolledBack));
    assert_eq!(case(Fate::Blocked).trouble(true), Some(AlertKind::Blocked));
    assert!(matches!(case(Fate::Applied).finding(true), Some(Finding::Deployed(_))));
    assert_eq!(case(Fate::Applied).finding(false), Some(Finding::Pending), "it is still to be carried out");
    assert_eq!(case(Fate::Skipped).finding(true), None, "what it waits for is told of");
    assert_eq!(case(Fate::Locked).finding(true), None);
}

#[test]
fn a_look_without_steps_says_how_things_are() {
    assert_eq!(Case::new(Fate::Unchanged, CauseKind::Missing).finding(false), Some(Finding::Fine));
    let quarantined = Case::new(Fate::Quarantined, CauseKind::Quarantined);
    assert_eq!(quarantined.trouble(false), Some(AlertKind::RolledBack));
    let identity = |case: &Case| match case.finding(true) {
        Some(Finding::Trouble(trouble)) => trouble.identity,
        other => panic!("{other:?}"),
    };
    let first = Case::new(Fate::RolledBack, CauseKind::Image).with_step();
    assert_eq!(identity(&first), identity(&quarantined), "the same is not news");
    let volume = Change::new(ChangeAction::Blocked, vec![Cause::new(CauseKind::VolumeDefinition, "data")]);
    let mut blocked = Case::new(Fate::Unchanged, CauseKind::Missing);
    let stack = blocked.plan.changes.get_mut("shop").expect("a stack");
    stack.volumes.insert("data".to_owned(), volume);
    assert_eq!(blocked.trouble(false), Some(AlertKind::Blocked));
    assert_eq!(identity(&blocked), "volume data: volume-definition data");
}

#[test]
fn what_changes_although_nothing_asked_for_it_was_changed_by_hand() {
    let is_drift = |kind, is_settled: bool| {
        let mut case = Case::new(Fate::Applied, kind).with_step();
        case.settled.extend(is_settled.then(|| "shop".to_owned()));
        matches!(case.finding(true), Some(Finding::Mended(_)))
    };
    assert!(is_drift(CauseKind::Stopped, false) && is_drift(CauseKind::Drift, false));
    assert!(!is_drift(CauseKind::Missing, false), "it is new");
    assert!(is_drift(CauseKind::Missing, true), "it was there");
    assert!(!is_drift(CauseKind::Image, true), "a tag moved");
}

#[test]
fn a_run_that_was_told_to_stop_has_not_failed() {
    let case = |blame| Case::new(Fate::Failed, CauseKind::Image).with_step().failed("web", blame);
    assert_eq!(case(Blame::Interruption).finding(true), None);
    assert_eq!(case(Blame::Outage).trouble(true), Some(AlertKind::Failed));
}

#[test]
fn the_story_holds_reasons_and_logs_and_can_be_masked() {
    let case = Case::new(Fate::Failed, CauseKind::Image).with_step();
    let mut seen = case.failed("web", Blame::Input).failed("", Blame::Input).seen(true).pop().expect("seen");
    seen.mask(&Redactor::new(["hunter2".to_owned()]));
    let Finding::Trouble(trouble) = &seen.finding else { panic!("{seen:?}") };
    assert_eq!(trouble.story.problems, ["shop/web-1/pull: no ***"]);
    assert_eq!(trouble.story.services[0].logs, ["with ***"]);
    assert_eq!(trouble.story.services[0].reason, "for a reason");
    assert_eq!(trouble.story.causes, ["web: image"]);
}

#[test]
fn what_somebody_changed_and_is_left_so_is_told_as_drift_once() {
    let case = Case::new(Fate::Waiting, CauseKind::LeftAlone);
    let Some(Finding::Trouble(trouble)) = case.finding(true) else { panic!("{:?}", case.finding(true)) };
    assert_eq!((trouble.kind, &*trouble.identity), (AlertKind::Drift, "web: left-alone"));
    assert_eq!(trouble.story.services[0].name, "web");
    let others = Case::new(Fate::Waiting, CauseKind::Suspended);
    assert_eq!(others.finding(true), Some(Finding::Fine), "nobody changed anything");
}
