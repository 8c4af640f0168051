use super::{Beginning, RunState, begin, jobs, overdue};
use crate::model::job::{Overlap, Timetable};
use crate::model::labels;
use crate::model::observed::{ContainerState, ObservedContainer, ObservedState};
use crate::model::step::{Action, Plan};
use crate::model::units::Nanos;

/// 2026-11-21 03:00:00 UTC.
const THREE: i64 = 1_795_230_000;

fn labelled(id: &str, name: &str, labels: &[(&str, &str)]) -> ObservedContainer {
    ObservedContainer {
        id: id.to_owned(),
        name: name.to_owned(),
        labels: labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        ..ObservedContainer::default()
    }
}

fn template(timetable: &Timetable) -> ObservedContainer {
    let table = serde_json::to_string(timetable).expect("text");
    let own = [
        (labels::PROJECT, "shop"),
        (labels::SERVICE, "backup"),
        (labels::HASH, "1:a"),
        (labels::SOURCE, "/s"),
        (labels::JOB, table.as_str()),
        (
            labels::SPEC,
            r#"{"spec":{"secrets":[{"source":"token"}],"configs":[{"source":"c","target":"/etc/c"}]}}"#,
        ),
    ];
    labelled("template", "shop-backup-1", &own)
}

fn run(at: i64, suffix: &str, state: ContainerState) -> ObservedContainer {
    let time = at.to_string();
    let own = [(labels::RUN, "shop/backup"), (labels::RUN_AT, &*time), (labels::SOURCE, "/s")];
    let id = format!("{:012}{suffix}", at - THREE + 30 * 86_400);
    ObservedContainer { state, ..labelled(&id, &format!("shop-backup-run-{at}{suffix}"), &own) }
}

fn nightly() -> Timetable {
    Timetable { schedule: "0 3 * * *".to_owned(), keep: 2, ..Timetable::default() }
}

fn world(timetable: &Timetable, runs: Vec<ObservedContainer>) -> ObservedState {
    let containers = [vec![template(timetable)], runs].concat();
    ObservedState { containers, ..ObservedState::default() }
}

fn told(plan: &Plan) -> Vec<String> {
    let step = |step: &crate::model::step::Step| {
        let after: Vec<&str> = step.after.iter().filter_map(|id| id.rsplit('/').next()).collect();
        let verb = step.id.rsplit('/').next().unwrap_or_default();
        format!("{verb} {} after {}", step.action.target(), after.join(" "))
            .trim_end_matches(" after ")
            .to_owned()
    };
    plan.steps.iter().map(step).collect()
}

fn planned(observed: &ObservedState) -> Vec<String> {
    match begin(observed, "shop", "backup", THREE, THREE + 2) {
        Beginning::Run(name, plan) => {
            assert_eq!(name, "shop-backup-run-20261121T030000Z");
            assert_eq!(
                super::super::lint(&plan, observed, &crate::model::desired::DesiredState::default()),
                [""; 0]
            );
            told(&plan)
        }
        Beginning::Skipped(why) => vec![format!("skipped: {why}")],
        Beginning::Nothing => Vec::new(),
    }
}

#[test]
fn a_run_is_made_and_started_and_the_oldest_go() {
    let day = 86_400;
    let runs = vec![
        run(THREE - 3 * day, "", ContainerState::Exited(0)),
        run(THREE - 2 * day, "", ContainerState::Exited(1)),
        run(THREE - day, ".timed-out", ContainerState::Exited(137)),
    ];
    let observed = world(&nightly(), runs);
    assert_eq!(
        planned(&observed),
        [
            "create shop-backup-run-20261121T030000Z",
            "start shop-backup-run-20261121T030000Z after create",
            "remove-000002419200 shop-backup-run-1795057200 (000002419200) after start",
            "remove-000002332800 shop-backup-run-1794970800 (000002332800) after start",
        ]
        .map(str::to_owned)
    );
    let job = &jobs(&observed)[&("shop".to_owned(), "backup".to_owned())];
    let states: Vec<RunState> = job.runs.iter().map(|run| run.state).collect();
    assert_eq!(states, [RunState::TimedOut, RunState::Failed(1), RunState::Succeeded]);
    assert_eq!(job.next(THREE), Some(THREE + day));
}

#[test]
fn a_run_says_what_it_is_for_and_takes_its_files_along() {
    let timetable = Timetable { timeout: Some(Nanos(90_000_000_000)), ..nightly() };
    let Beginning::Run(_, plan) = begin(&world(&timetable, vec![]), "shop", "backup", THREE, THREE + 2)
    else {
        panic!("no run");
    };
    let Action::CreateRun { labels, files, .. } = &plan.steps[0].action else { panic!("no creation") };
    assert_eq!(labels[labels::RUN_AT], THREE.to_string());
    assert_eq!(labels[labels::RUN_UNTIL], (THREE + 92).to_string());
    assert_eq!(labels[labels::SOURCE], "/s");
    assert_eq!(files, &["/etc/c", "/run/secrets/token"]);
}

#[test]
fn a_time_whose_run_was_begun_is_done() {
    assert!(planned(&world(&nightly(), vec![run(THREE, "", ContainerState::Exited(1))])).is_empty());
    let by_hand = run(THREE + 1, "", ContainerState::Running);
    assert!(planned(&world(&nightly(), vec![by_hand])).is_empty(), "somebody was quicker by hand");
    assert!(planned(&ObservedState::default()).is_empty(), "the job is gone");
}

#[test]
fn a_run_that_was_never_started_is_made_anew() {
    let mut left = run(THREE, "", ContainerState::Created);
    "shop-backup-run-20261121T030000Z".clone_into(&mut left.name);
    let steps = planned(&world(&nightly(), vec![left]));
    assert!(steps[0].starts_with("clear ") && steps[1].ends_with("after clear"), "{steps:?}");
    assert_eq!(steps.len(), 3);
}

#[test]
fn an_earlier_run_goes_on_or_is_stopped_first() {
    let runs = vec![run(THREE - 86_400, "", ContainerState::Running)];
    assert_eq!(
        planned(&world(&nightly(), runs.clone())),
        ["skipped: shop-backup-run-1795143600 still runs".to_owned()]
    );
    let replacing = Timetable { overlap: Overlap::Replace, ..nightly() };
    assert_eq!(
        planned(&world(&replacing, runs)),
        [
            "create shop-backup-run-20261121T030000Z",
            "rename-000002505600 shop-backup-run-1795143600 (000002505600) to shop-backup-run-1795143600.replaced \
             after create",
            "stop-000002505600 shop-backup-run-1795143600 (000002505600) after rename-000002505600",
            "start shop-backup-run-20261121T030000Z after create stop-000002505600",
        ]
        .map(str::to_owned)
    );
}

#[test]
fn a_suspended_stack_runs_nothing() {
    let mut observed = world(&nightly(), vec![]);
    observed.containers.push(labelled("mark", "shop.suspended", &[(labels::SUSPENDED, "shop")]));
    assert_eq!(planned(&observed), ["skipped: shop is suspended".to_owned()]);
}

#[test]
fn a_run_that_takes_too_long_is_named_so_and_stopped() {
    let mut long = run(THREE - 60, "", ContainerState::Running);
    long.labels.insert(labels::RUN_UNTIL.to_owned(), THREE.to_string());
    let observed = world(&nightly(), vec![long.clone()]);
    assert!(overdue(&jobs(&observed), THREE - 1).steps.is_empty());
    let steps = told(&overdue(&jobs(&observed), THREE));
    assert!(steps[0].ends_with(".timed-out") && steps[1].starts_with("stop-"), "{steps:?}");
    // Whoever began that was interrupted.
    long.name.push_str(".timed-out");
    let steps = told(&overdue(&jobs(&world(&nightly(), vec![long])), THREE));
    assert!(steps.len() == 1 && steps[0].starts_with("stop-"), "{steps:?}");
}
