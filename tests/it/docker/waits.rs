use super::Lab;
use reconcile::engine::Observe as _;
use reconcile::model::report::Outcome;
use reconcile::model::service::Hook;
use reconcile::model::step::{Action, ContainerRef};
use reconcile::model::units::Nanos;
use serde_json::{Value, json};

const TIMEOUT: Nanos = Nanos(20_000_000_000);

fn check(command: &str) -> Value {
    json!({"healthcheck": {"test": ["CMD-SHELL", command], "interval": "200ms", "retries": 1}})
}

fn healthy(container: &ContainerRef, timeout: Nanos) -> Action {
    Action::AwaitHealthy { container: container.clone(), timeout }
}

fn completed(container: &ContainerRef, timeout: Nanos) -> Action {
    Action::AwaitCompleted { container: container.clone(), timeout, through: false }
}

#[tokio::test]
async fn health_is_waited_for() {
    let Some(lab) = Lab::start().await else { return };
    let good = lab
        .run(lab.container(
            "good",
            "sleep 1; touch /up; sleep 600",
            json!({"healthcheck": {
        "test": ["CMD", "test", "-e", "/up"], "interval": "300ms", "retries": 20}}),
        ))
        .await;
    lab.done(healthy(&good, TIMEOUT)).await;

    let bad = lab.run(lab.container("bad", "sleep 600", check("echo no route; exit 7"))).await;
    let error = lab.fails(healthy(&bad, TIMEOUT)).await;
    assert!(error.contains("unhealthy") && error.contains("no route"), "{error}");

    let none = lab.run(lab.container("none", "sleep 600", json!({}))).await;
    let error = lab.fails(healthy(&none, TIMEOUT)).await;
    assert!(error.contains("no health check"), "{error}");

    let ended = lab.run(lab.container("ended", "echo boom; exit 4", check("true"))).await;
    let error = lab.fails(healthy(&ended, TIMEOUT)).await;
    assert!(error.contains("exited with code 4"), "{error}");
}

#[tokio::test]
async fn a_wait_ends_at_its_limit() {
    let Some(lab) = Lab::start().await else { return };
    let slow = lab
        .run(lab.container(
            "slow",
            "sleep 600",
            json!({"healthcheck": {
        "test": ["CMD", "false"], "interval": "10s"}}),
        ))
        .await;
    let error = lab.fails(healthy(&slow, Nanos(1_000_000_000))).await;
    assert!(error.contains("did not become healthy") && error.contains("within 1 s"), "{error}");
    let error = lab.fails(completed(&slow, Nanos(1_000_000_000))).await;
    assert!(error.contains("did not complete"), "{error}");
}

#[tokio::test]
async fn jobs_end_with_their_code_and_leave_last_words() {
    let Some(lab) = Lab::start().await else { return };
    let words = async |container: &ContainerRef| lab.engine.last_words(container).await.expect("words");
    let good = lab.run(lab.container("good", "sleep 0.3", json!({}))).await;
    lab.done(completed(&good, TIMEOUT)).await;
    let script = "for i in $(seq 30); do echo out $i; done; sleep 0.5; echo last >&2; exit 3";
    let bad = lab.run(lab.container("bad", script, json!({}))).await;
    let error = lab.fails(completed(&bad, TIMEOUT)).await;
    assert!(error.contains("exited with code 3") && !error.contains("last"), "{error}");
    let said = words(&bad).await;
    assert_eq!((said.exit_code, said.oom_killed, &said.unreadable), (Some(3), false, &None));
    assert!(said.output.contains("last\n") && said.output.contains("out 30\n"), "{said:?}");
    assert!(!said.output.contains("out 1\n"), "only the last lines: {said:?}");
    let terminal = lab.run(lab.container("tty", "echo seen; exit 5", json!({"tty": true}))).await;
    lab.fails(completed(&terminal, TIMEOUT)).await;
    let said = words(&terminal).await;
    assert_eq!((said.exit_code, said.output.trim()), (Some(5), "seen"));
    let silent = json!({"logging": {"driver": "none"}});
    let silent = lab.run(lab.container("silent", "echo unheard; exit 6", silent)).await;
    lab.fails(completed(&silent, TIMEOUT)).await;
    let said = words(&silent).await;
    assert_eq!((said.exit_code, said.output.as_str()), (Some(6), ""));
    assert!(said.unreadable.is_some_and(|why| why.contains("log")));
}

#[tokio::test]
async fn last_words_tell_the_failed_check_and_the_want_of_memory() {
    let Some(lab) = Lab::start().await else { return };
    let bad = lab.run(lab.container("bad", "echo up; sleep 600", check("echo no route; exit 7"))).await;
    lab.fails(healthy(&bad, TIMEOUT)).await;
    let said = lab.engine.last_words(&bad).await.expect("words");
    assert_eq!((said.exit_code, said.health.as_deref()), (None, Some("no route")));
    assert_eq!(said.output, "up\n");
    let long = "yes | head -c 200000 | tr -d '\\n'; echo; echo end; exit 1";
    let long = lab.run(lab.container("long", long, json!({}))).await;
    lab.fails(completed(&long, TIMEOUT)).await;
    let said = lab.engine.last_words(&long).await.expect("words");
    assert!(said.output.ends_with("end\n") && said.output.len() < 70_000, "{} bytes", said.output.len());
    let greedy = "tail /dev/zero";
    let greedy = lab.run(lab.container("greedy", greedy, json!({"mem_limit": "33554432"}))).await;
    lab.fails(completed(&greedy, TIMEOUT)).await;
    let said = lab.engine.last_words(&greedy).await.expect("words");
    assert!(said.oom_killed, "{said:?}");
}

#[tokio::test]
async fn hooks_run_in_the_container() {
    let Some(lab) = Lab::start().await else { return };
    let container = lab.run(lab.container("h", "sleep 600", json!({}))).await;
    let hook = |script: &str| Hook {
        command: Some(["sh", "-c", script].map(str::to_owned).to_vec()),
        user: "7".to_owned(),
        environment: [("A".to_owned(), Some("b".to_owned()))].into(),
        working_dir: "/tmp".to_owned(),
        ..Hook::default()
    };
    let run = |script: &str, must_succeed| Action::Exec {
        container: container.clone(),
        hook: hook(script),
        must_succeed,
    };
    lab.done(run("test $(id -u) = 7 && test $A = b && test $PWD = /tmp", true)).await;
    let error = lab.fails(run("echo why; exit 9", true)).await;
    assert!(error.contains("code 9") && error.contains("why"), "{error}");
    let outcome = lab.perform(run("exit 9", false)).await.expect("only a warning");
    assert!(matches!(outcome, Outcome::DoneWithWarning(_)), "{outcome:?}");
}
