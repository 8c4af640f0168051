//! The daemon asked over HTTP.

use super::daemon::{Daemon, STACK, ask};
use crate::lab::Lab;
use serde_json::Value;
use std::net::TcpStream;

#[test]
fn the_daemon_tells_how_things_are_and_looks_when_told_to() {
    let Some(lab) = Lab::new("http") else { return };
    lab.write("stacks/a/compose.yaml", &STACK.replace("NAME", "a"));
    lab.write("token", "t0ken\n");
    lab.write("hook", "hush\n");
    lab.write(
        "reconcile.yaml",
        "http: {listen: '127.0.0.1:0', token_file: token}\n\
         sources:\n  home: {dir: stacks, webhook_secret_file: hook}\n  other: {dir: more}\n",
    );
    lab.write("more/b/compose.yaml", &STACK.replace("NAME", "b"));
    let variables = [("RECONCILE_LOG", "reconcile=debug")];
    let daemon = Daemon::start_with(&lab, &["--config", "reconcile.yaml"], &variables);
    let address = daemon.address();
    let token = "authorization: Bearer t0ken\r\n";
    assert_eq!(ask(&address, "GET /healthz", "", "").0, 200);
    assert_eq!(ask(&address, "GET /api/v1/status", "", "").0, 401);
    daemon.until("all sources", || ask(&address, "GET /readyz", "", "").0 == 200);

    let stack = || {
        let (status, body) = ask(&address, "GET /api/v1/status", token, "");
        assert_eq!(status, 200, "{body}");
        let all: Value = serde_json::from_str(&body).expect("JSON");
        all["sources"][0]["stacks"][0].clone()
    };
    daemon.until("the stack", || stack()["sync"] == "in sync" && stack()["deployments"]["applied"] == 1);
    assert_eq!(stack()["name"], lab.stack("a"), "{}", stack());
    let (status, body) = ask(&address, &format!("GET /api/v1/stacks/{}/history", lab.stack("a")), token, "");
    let told: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!((status, &told["deployments"][0]["outcome"]), (200, &"applied".into()), "{body}");
    let metrics = || ask(&address, "GET /metrics", token, "").1;
    let line = format!(
        "reconcile_stack_deployments_total{{source=\"home\",stack=\"{}\",result=\"applied\"}} 1",
        lab.stack("a")
    );
    assert!(metrics().lines().any(|found| found == line), "{}", metrics());

    let looked = |source: &str, why: &str| {
        let said = daemon.said();
        said.lines().filter(|line| line.contains(source) && line.contains(why)).count()
    };
    assert_eq!(ask(&address, "POST /webhook/home", "x-gitlab-token: wrong\r\n", "{}").0, 401);
    assert_eq!(ask(&address, "POST /webhook/other", "x-gitlab-token: hush\r\n", "{}").0, 401);
    assert_eq!(ask(&address, "POST /webhook/home", "x-gitlab-token: hush\r\n", "{}").0, 202);
    daemon.until("the look of the webhook", || looked("home", "webhook") == 1);
    assert_eq!(ask(&address, "POST /api/v1/sources/other/look", token, "").0, 202);
    daemon.until("the look that was asked for", || looked("other", "request") == 1);
    assert_eq!(ask(&address, "POST /api/v1/sources/nobody/look", token, "").0, 404);

    lab.write("stacks/a/compose.yaml", "services: [");
    daemon.until("the broken stack", || {
        metrics().contains("reconcile_source_broken_stacks{source=\"home\"} 1")
    });
    assert!(!daemon.said().contains("t0ken") && !daemon.said().contains("hush"));
    let idle = TcpStream::connect(&address).expect("a connection that stays open");
    assert_eq!(daemon.stop(), Some(0));
    drop(idle);
}

#[test]
fn an_address_or_a_secret_that_cannot_be_had_ends_it_with_the_reason() {
    let Some(lab) = Lab::new("nohttp") else { return };
    lab.write("stacks/a/compose.yaml", &STACK.replace("NAME", "a"));
    lab.write("reconcile.yaml", "http: {listen: '192.0.2.1:80'}\nsources: {home: {dir: stacks}}\n");
    let run = lab.reconcile(&["watch", "--config", "reconcile.yaml"]).exits(1);
    assert!(run.stderr.contains("cannot listen on 192.0.2.1:80"), "{run}");
    lab.write(
        "reconcile.yaml",
        "http: {listen: '127.0.0.1:0', token_file: nothing}\nsources: {home: {dir: stacks}}\n",
    );
    let run = lab.reconcile(&["watch", "--config", "reconcile.yaml"]).exits(1);
    assert!(run.stderr.contains("cannot read") && run.stderr.contains("nothing"), "{run}");
    assert!(lab.containers().is_empty());
}
