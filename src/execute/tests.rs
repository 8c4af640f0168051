use super::{Events, INTERRUPTED, Options, execute};
use crate::engine::{Engine, EngineError, Observe, ObserveRequest, Progress};
use crate::model::inspected::LookInto;
use crate::model::observed::ObservedState;
use crate::model::redact::Redactor;
use crate::model::report::{LastWords, Outcome};
use crate::model::step::{Action, ContainerRef, Plan, Step};
use crate::model::units::Nanos;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{Semaphore, watch};

/// How long each call takes.
const CALL: Duration = Duration::from_millis(10);

/// Fails its first calls as it is told, the last error first, and every step whose container is named `bad`. Counts calls
/// in flight, and never ends a wait for `forever`.
#[derive(Default)]
struct Recorder {
    errors: Mutex<Vec<EngineError>>,
    in_flight: AtomicUsize,
    most: AtomicUsize,
    order: Mutex<Vec<String>>,
}

impl Observe for Recorder {
    async fn observe(&self, _: &ObserveRequest) -> Result<ObservedState, EngineError> {
        Ok(ObservedState::default())
    }
    async fn environments(&self, _: &[String], _: &mut ObservedState) -> Result<(), EngineError> {
        Ok(())
    }
    async fn look_into(&self, _: &[LookInto], _: &mut ObservedState) -> Result<(), EngineError> {
        Ok(())
    }
    async fn last_words(&self, _: &ContainerRef) -> Result<LastWords, EngineError> {
        Ok(LastWords::default())
    }
}

impl Engine for Recorder {
    async fn perform(&self, action: &Action, _: &dyn Progress) -> Result<Outcome, EngineError> {
        let name = action.target();
        if name == "forever" {
            std::future::pending::<()>().await;
        }
        let now = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        tokio::time::sleep(CALL).await;
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
        self.order.lock().unwrap().push(name.clone());
        if let Some(error) = self.errors.lock().unwrap().pop() {
            return Err(error);
        }
        if name == "bad" { Err(EngineError::Failed("no".into())) } else { Ok(Outcome::Done) }
    }
}

struct Deaf;
impl Events for Deaf {
    fn started(&self, _: &Step) {}
    fn note(&self, _: &Step, _: &str) {}
    fn finished(&self, _: &Step, _: &Outcome, _: Duration) {}
}

fn step(id: &str, after: &[&str], after_any: &[&str]) -> Step {
    Step {
        id: id.into(),
        stack: "s".into(),
        service: id.into(),
        action: Action::StartContainer(ContainerRef::Name(id.into())),
        causes: vec![],
        after: after.iter().map(|&name| name.into()).collect(),
        after_any: after_any.iter().map(|&name| name.into()).collect(),
        tolerance: None,
    }
}

fn sharing<'a>(turns: &'a Semaphore, stop: watch::Receiver<bool>, redactor: &'a Redactor) -> Options<'a> {
    Options { parallel: 8, stop, events: &Deaf, redactor, chance: || 0.0, turns: Some(turns) }
}

async fn run(steps: Vec<Step>, parallel: usize) -> (Recorder, crate::model::report::Report) {
    let (_keep, stop) = watch::channel(false);
    let engine = Recorder::default();
    let plan = Plan { steps, ..Plan::default() };
    let report = execute(
        &plan,
        &engine,
        &Options {
            parallel,
            stop,
            events: &Deaf,
            redactor: &Redactor::default(),
            chance: || 0.0,
            turns: None,
        },
    )
    .await;
    (engine, report)
}

#[tokio::test(start_paused = true)]
async fn steps_run_after_those_they_name() {
    let (engine, report) =
        run(vec![step("c", &["b"], &[]), step("b", &["a"], &[]), step("a", &[], &[])], 8).await;
    assert_eq!(*engine.order.lock().unwrap(), ["a", "b", "c"]);
    assert!(report.is_success());
}

#[tokio::test(start_paused = true)]
async fn runs_share_their_turns_and_none_that_waits_for_one_begins_after_the_stop() {
    let (tell, stop) = watch::channel(false);
    let (engine, turns) = (Recorder::default(), Semaphore::new(3));
    let ids: Vec<String> = (0..20).map(|number| format!("s{number}")).collect();
    let plan = Plan { steps: ids.iter().map(|id| step(id, &[], &[])).collect(), ..Plan::default() };
    let redactor = Redactor::default();
    let options = sharing(&turns, stop, &redactor);
    let stopper = async {
        tokio::time::sleep(CALL * 5 / 2).await;
        tell.send_replace(true);
    };
    let (one, other, ()) =
        tokio::join!(execute(&plan, &engine, &options), execute(&plan, &engine, &options), stopper);
    assert_eq!(engine.most.load(Ordering::SeqCst), 3, "in flight at most");
    let outcomes = || one.outcomes.values().chain(other.outcomes.values()).map(|(outcome, _)| outcome);
    let skipped = Outcome::Skipped { because: INTERRUPTED.into() };
    assert_eq!(outcomes().filter(|outcome| **outcome == Outcome::Done).count(), 9, "three times three");
    assert_eq!(outcomes().filter(|outcome| **outcome == skipped).count(), 31);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_hangs_does_not_keep_its_turn() {
    let (_keep, stop) = watch::channel(false);
    let (engine, turns, redactor) = (Recorder::default(), Semaphore::new(1), Redactor::default());
    let options = sharing(&turns, stop, &redactor);
    let [hangs, other] =
        ["forever", "x"].map(|id| Plan { steps: vec![step(id, &[], &[])], ..Plan::default() });
    tokio::select! {
        biased;
        _ = execute(&hangs, &engine, &options) => panic!("it hangs"),
        report = execute(&other, &engine, &options) => assert!(report.is_success()),
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_skips_what_comes_after_it_and_nothing_else() {
    let (_, report) = run(
        vec![step("bad", &[], &[]), step("x", &["bad"], &[]), step("y", &["x"], &[]), step("z", &[], &[])],
        8,
    )
    .await;
    assert_eq!(report.outcomes["bad"].0, Outcome::Failed("no".into()));
    assert_eq!(report.outcomes["x"].0, Outcome::Skipped { because: "bad".into() });
    assert_eq!(report.outcomes["y"].0, Outcome::Skipped { because: "x".into() });
    assert_eq!(report.outcomes["z"].0, Outcome::Done);
}

#[tokio::test(start_paused = true)]
async fn a_step_after_any_runs_although_its_predecessor_failed() {
    let (_, report) =
        run(vec![step("bad", &[], &[]), step("x", &["bad"], &[]), step("y", &[], &["x"])], 8).await;
    assert_eq!(report.outcomes["y"].0, Outcome::Done);
}

#[tokio::test(start_paused = true)]
async fn a_step_that_tolerates_failures_runs_up_to_that_many() {
    for (tolerance, runs) in [(None, true), (Some(2), true), (Some(1), false), (Some(0), false)] {
        let mut last = step("last", &[], &["bad", "x", "fine"]);
        last.tolerance = tolerance;
        let steps = vec![
            step("bad", &[], &[]),
            step("x", &["bad"], &[]),
            step("fine", &[], &[]),
            last,
            step("after", &["last"], &[]),
        ];
        let (_, report) = run(steps, 8).await;
        assert_eq!(report.outcomes["last"].0.is_success(), runs, "{tolerance:?}");
        assert_eq!(report.outcomes["after"].0.is_success(), runs, "{tolerance:?}");
        assert_eq!(report.outcomes.len(), 5);
    }
}

#[tokio::test(start_paused = true)]
async fn a_delay_takes_its_time_and_ends_when_told_to_stop() {
    let mut delay = step("delay", &[], &[]);
    delay.action = Action::Delay { period: Nanos(60_000_000_000) };
    let start = tokio::time::Instant::now();
    let (_, report) = run(vec![delay.clone(), step("later", &["delay"], &[])], 1).await;
    assert!(report.is_success() && start.elapsed() >= Duration::from_secs(60));
    let (tell, stop) = watch::channel(false);
    let plan = Plan { steps: vec![delay], ..Plan::default() };
    let options = Options {
        parallel: 1,
        stop,
        events: &Deaf,
        redactor: &Redactor::default(),
        chance: || 0.0,
        turns: None,
    };
    let engine = Recorder::default();
    let start = tokio::time::Instant::now();
    let (report, ()) = tokio::join!(execute(&plan, &engine, &options), async {
        tell.send(true).unwrap();
    });
    assert!(!report.is_success() && start.elapsed() < Duration::from_secs(60));
}

#[tokio::test(start_paused = true)]
async fn no_more_calls_are_in_flight_than_allowed() {
    let names: Vec<String> = (0..20).map(|n| n.to_string()).collect();
    let (engine, report) = run(names.iter().map(|name| step(name, &[], &[])).collect(), 3).await;
    assert_eq!(engine.most.load(Ordering::SeqCst), 3);
    assert_eq!(report.outcomes.len(), 20);
}

#[tokio::test(start_paused = true)]
async fn told_to_stop_it_ends_waits_and_begins_nothing() {
    let (tell, stop) = watch::channel(false);
    let engine = Recorder::default();
    let mut wait = step("forever", &[], &[]);
    wait.action =
        Action::AwaitHealthy { container: ContainerRef::Name("forever".into()), timeout: Nanos(i64::MAX) };
    let plan = Plan { steps: vec![wait, step("later", &["forever"], &[])], ..Plan::default() };
    let options = Options {
        parallel: 1,
        stop,
        events: &Deaf,
        redactor: &Redactor::default(),
        chance: || 0.0,
        turns: None,
    };
    let (report, ()) = tokio::join!(execute(&plan, &engine, &options), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        tell.send(true).unwrap();
    });
    assert_eq!(report.outcomes["forever"].0, Outcome::Failed(INTERRUPTED.into()));
    assert!(!report.outcomes["later"].0.is_success());
    assert_eq!(report.outcomes.len(), 2);
}

/// What became of one step, the calls that it took, and the time between them.
async fn tried(action: Action, errors: Vec<EngineError>) -> (bool, usize, Duration) {
    let engine = Recorder { errors: Mutex::new(errors), ..Recorder::default() };
    let plan = Plan { steps: vec![Step { action, ..step("a", &[], &[]) }], ..Plan::default() };
    let (_tell, stop) = watch::channel(false);
    let redactor = Redactor::default();
    let options =
        Options { parallel: 1, stop, events: &Deaf, redactor: &redactor, chance: || 0.5, turns: None };
    let start = tokio::time::Instant::now();
    let report = execute(&plan, &engine, &options).await;
    let calls = engine.order.into_inner().unwrap().len();
    let waited = start.elapsed().saturating_sub(CALL * u32::try_from(calls).unwrap());
    (report.is_success(), calls, waited)
}

fn down() -> EngineError {
    EngineError::Registry("it is down".into())
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_tried_again_after_growing_pauses_and_not_for_ever() {
    let pull = || Action::PullImage { reference: "app:1".into(), platform: String::new() };
    assert_eq!(tried(pull(), vec![]).await, (true, 1, Duration::ZERO));
    assert_eq!(tried(pull(), vec![down()]).await, (true, 2, Duration::from_millis(500)));
    assert_eq!(tried(pull(), vec![down(), down()]).await, (true, 3, Duration::from_millis(2500)));
    assert_eq!(tried(pull(), vec![down(), down(), down()]).await, (false, 3, Duration::from_millis(2500)));
}

#[tokio::test(start_paused = true)]
async fn what_another_try_cannot_mend_or_must_not_repeat_is_tried_once() {
    let start = || Action::StartContainer(ContainerRef::Name("a".into()));
    let missing = EngineError::Api { status: 404, message: "manifest unknown".into() };
    let internal = EngineError::Api { status: 500, message: "no such device".into() };
    let silent = EngineError::NoAnswer { what: "no answer".into(), seconds: 300 };
    for error in [missing, internal, silent] {
        assert_eq!(tried(start(), vec![error]).await, (false, 1, Duration::ZERO));
    }
    let restart = Action::RestartContainer { container: ContainerRef::Name("a".into()), grace: None };
    assert_eq!(tried(restart, vec![down()]).await, (false, 1, Duration::ZERO));
}
