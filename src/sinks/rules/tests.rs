use super::super::observation::{self, Finding, JobEnd, Observation, ServiceStory, Story, Trouble};
use super::{OUTAGE_GRACE, RETELL, Rules, Telling};
use crate::model::alert::AlertKind;
use proptest::prelude::*;
use std::collections::BTreeSet;

const DAY: i64 = 24 * 3600;

fn rules() -> Rules {
    Rules::new(AlertKind::USUAL.into(), DAY)
}

fn seen(finding: Finding) -> Observation {
    Observation { source: "home".to_owned(), stack: "shop".to_owned(), revision: None, finding }
}

fn trouble(kind: AlertKind, identity: &str) -> Observation {
    let identity = identity.to_owned();
    seen(Finding::Trouble(Trouble { kind, identity, is_outage: false, story: Story::default() }))
}

fn mended(name: &str) -> Observation {
    let services = vec![ServiceStory { name: name.to_owned(), ..ServiceStory::default() }];
    seen(Finding::Mended(Story { services, ..Story::default() }))
}

fn kind(telling: Option<Telling>) -> Option<AlertKind> {
    telling.map(|telling| telling.kind)
}

#[test]
fn what_stays_is_told_once_and_again_after_a_day() {
    let mut rules = rules();
    let broken = trouble(AlertKind::RolledBack, "web 1");
    assert_eq!(rules.decide(&broken, 0), Some(Telling::new(AlertKind::RolledBack)));
    for now in (1..DAY).step_by(60) {
        assert_eq!(rules.decide(&broken, now), None);
    }
    let reminder = Telling { since: Some(0), ..Telling::new(AlertKind::RolledBack) };
    assert_eq!(rules.decide(&broken, DAY), Some(reminder));
    assert_eq!(rules.decide(&broken, DAY + 60), None);
}

#[test]
fn other_inputs_or_another_end_are_told_at_once() {
    let mut rules = rules();
    assert!(rules.decide(&trouble(AlertKind::RolledBack, "web 1"), 0).is_some());
    assert!(rules.decide(&trouble(AlertKind::RolledBack, "web 2"), 1).is_some());
    assert_eq!(kind(rules.decide(&trouble(AlertKind::Failed, "web 2"), 2)), Some(AlertKind::Failed));
}

#[test]
fn recovery_is_told_once_and_only_after_trouble() {
    let mut rules = rules();
    assert_eq!(rules.decide(&seen(Finding::Fine), 0), None);
    assert!(rules.decide(&trouble(AlertKind::Failed, "x"), 10).is_some());
    assert_eq!(rules.decide(&seen(Finding::Pending), 15), None);
    let told = rules.decide(&seen(Finding::Deployed(Story::default())), 20).expect("told");
    assert_eq!(
        (told.kind, told.since, told.before),
        (AlertKind::Recovered, Some(10), Some(AlertKind::Failed))
    );
    assert_eq!(rules.decide(&seen(Finding::Fine), 30), None);
}

#[test]
fn a_sink_hears_only_of_what_it_asked_for() {
    let mut rules = Rules::new(BTreeSet::from([AlertKind::Blocked, AlertKind::Recovered]), DAY);
    assert_eq!(rules.decide(&trouble(AlertKind::Failed, "x"), 0), None);
    assert_eq!(rules.decide(&seen(Finding::Fine), 1), None, "it never heard of the trouble");
    assert!(rules.decide(&trouble(AlertKind::Blocked, "x"), 2).is_some());
    rules.stacks = BTreeSet::from(["other".to_owned()]);
    assert_eq!(rules.decide(&trouble(AlertKind::Blocked, "y"), 3), None);
    rules.sources = BTreeSet::from(["office".to_owned()]);
    assert!(!rules.concerns("home", "") && rules.concerns("office", "") && !rules.concerns("office", "shop"));
}

#[test]
fn every_deployment_is_a_success_of_its_own() {
    let mut rules = Rules::new(BTreeSet::from([AlertKind::Succeeded]), DAY);
    for now in 0..3 {
        let told = rules.decide(&seen(Finding::Deployed(Story::default())), now);
        assert_eq!(kind(told), Some(AlertKind::Succeeded));
    }
}

#[test]
fn a_container_that_dies_again_and_again_is_told_once_a_day() {
    let mut rules = rules();
    assert_eq!(kind(rules.decide(&mended("web"), 0)), Some(AlertKind::Drift));
    assert_eq!(rules.decide(&mended("web"), 60), None);
    assert_eq!(kind(rules.decide(&mended("db"), 120)), Some(AlertKind::Drift));
    assert_eq!(kind(rules.decide(&mended("db"), 120 + DAY)), Some(AlertKind::Drift));
}

#[test]
fn an_engine_that_is_restarted_is_not_told() {
    let mut rules = rules();
    let away = |source: &str| {
        let trouble = Trouble {
            kind: AlertKind::Failed,
            identity: "engine".to_owned(),
            is_outage: true,
            story: Story::default(),
        };
        let (source, stack) = (source.to_owned(), String::new());
        Observation { source, stack, revision: None, finding: Finding::Trouble(trouble) }
    };
    let back = Observation { stack: String::new(), ..seen(Finding::Fine) };
    assert_eq!(rules.decide(&away("home"), 0), None);
    assert_eq!(rules.decide(&back, 5), None);
    assert_eq!(rules.decide(&away("home"), 100), None);
    assert!(rules.decide(&away("home"), 100 + OUTAGE_GRACE).is_some());
    assert_eq!(kind(rules.decide(&back, 300)), Some(AlertKind::Recovered));
}

#[test]
fn what_nobody_heard_is_told_again_soon() {
    let mut rules = rules();
    let broken = trouble(AlertKind::Failed, "x");
    let told = rules.decide(&broken, 0).expect("told");
    rules.lost("home", "shop", told, 70);
    assert_eq!(rules.decide(&broken, 100), None);
    let again = rules.decide(&broken, 70 + RETELL).expect("told again");
    assert_eq!(again.since, None, "nobody was told before");
    let over = rules.decide(&seen(Finding::Fine), 1000).expect("over");
    rules.lost("home", "shop", over, 1070);
    assert_eq!(rules.decide(&seen(Finding::Fine), 1100), None);
    assert_eq!(kind(rules.decide(&seen(Finding::Fine), 1070 + RETELL)), Some(AlertKind::Recovered));
    let told = rules.decide(&broken, 3000).expect("told");
    rules.lost("home", "shop", told, 3070);
    assert_eq!(rules.decide(&seen(Finding::Fine), 3100), None, "what nobody heard of needs no end");
}

#[derive(Debug, Clone)]
enum Event {
    See(Observation),
    LoseLast,
}

fn event() -> impl Strategy<Value = (Event, i64)> {
    let kinds = prop_oneof![Just(AlertKind::Failed), Just(AlertKind::RolledBack), Just(AlertKind::Blocked)];
    let seen = prop_oneof![
        4 => (kinds, "[ab]").prop_map(|(kind, identity)| trouble(kind, &identity)),
        2 => Just(seen(Finding::Fine)),
        1 => Just(seen(Finding::Deployed(Story::default()))),
        1 => Just(seen(Finding::Pending)),
        1 => "[ab]".prop_map(|name| mended(&name)),
    ];
    let event = prop_oneof![9 => seen.prop_map(Event::See), 1 => Just(Event::LoseLast)];
    (event, 1i64..DAY / 4)
}

proptest! {
    /// Whatever happens: nothing is repeated before its time, recovery follows trouble that was heard of, and what is
    /// wrong at the end was told.
    #[test]
    fn nothing_is_told_too_often_and_nothing_is_kept_back(history in prop::collection::vec(event(), 1..60)) {
        let mut rules = rules();
        let (mut now, mut last): (i64, Option<(Telling, String)>) = (0, None);
        let mut open: Option<(AlertKind, String, i64)> = None;
        let mut lost = false;
        for (event, pause) in history {
            now += pause;
            let observation = match event {
                Event::LoseLast => {
                    if let Some((telling, _)) = last.take() {
                        rules.lost("home", "shop", telling, now);
                        lost = true;
                    }
                    continue;
                }
                Event::See(observation) => observation,
            };
            let told = rules.decide(&observation, now);
            match (&observation.finding, told) {
                (Finding::Pending, told) => prop_assert_eq!(told, None),
                (Finding::Trouble(trouble), Some(telling)) => {
                    prop_assert_eq!(telling.kind, trouble.kind);
                    if let Some((kind, identity, at)) = &open {
                        let is_same = *kind == trouble.kind && *identity == trouble.identity;
                        prop_assert!(!is_same || lost || now - at >= DAY);
                    }
                    prop_assert!(telling.since.is_none_or(|since| since <= now - RETELL));
                    open = Some((trouble.kind, trouble.identity.clone(), now));
                    (last, lost) = (Some((telling, trouble.identity.clone())), false);
                }
                (Finding::Trouble(trouble), None) => {
                    let told = open.as_ref().is_some_and(|(kind, identity, at)| {
                        *kind == trouble.kind && *identity == trouble.identity && now - at < DAY
                    });
                    prop_assert!(told || lost, "kept back");
                }
                (_, Some(telling)) if telling.kind == AlertKind::Recovered => {
                    prop_assert!(open.is_some() || lost, "nothing was wrong");
                    prop_assert!(telling.before.is_some() && telling.since.is_some());
                    open = None;
                    (last, lost) = (Some((telling, String::new())), false);
                }
                (_, Some(telling)) => {
                    prop_assert_eq!(telling.kind, AlertKind::Drift);
                    last = Some((telling, String::new()));
                }
                (Finding::Mended(_), None) => {}
                (_, None) => prop_assert!(open.is_none() || lost, "recovery was not told"),
            }
        }
    }
}

#[test]
fn a_job_is_a_matter_of_its_own_and_told_to_whom_its_stack_concerns() {
    let mut rules = rules();
    rules.stacks = BTreeSet::from(["shop".to_owned()]);
    let failed = |at: i64| {
        let run = format!("shop-backup-run-{at}");
        let end = JobEnd { run, outcome: "failed", exit_code: Some(3), at };
        observation::job("home", ("shop", "backup"), Some(end))
    };
    assert_eq!(kind(rules.decide(&failed(0), 0)), Some(AlertKind::Failed));
    assert_eq!(rules.decide(&failed(60), 60), None, "it fails each minute");
    assert_eq!(rules.decide(&seen(Finding::Fine), 70), None, "that its stack is well says nothing about it");
    let good = observation::job("home", ("shop", "backup"), None);
    assert_eq!(kind(rules.decide(&good, 120)), Some(AlertKind::Recovered));
    let other = observation::job("home", ("other", "backup"), None);
    assert!(!rules.concerns(&other.source, &other.stack));
}
