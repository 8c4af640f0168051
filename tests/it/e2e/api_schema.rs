//! The document about the HTTP interface is true: a client that knows nothing but the document asks what it says can be asked, and
//! what it says cannot.

use super::daemon::{Daemon, STACK, ask};
use crate::kept;
use crate::lab::Lab;
use std::process::{Command, Stdio};

/// Where `scripts/schemathesis.sh` puts it.
const CLIENT: &str = ".lab/schemathesis/bin/schemathesis";
const TOKEN: &str = "t0ken";

/// Whether the client is there, which `make unit` fetches where it can be had. Without it the test is skipped.
fn client_is_there() -> bool {
    let there = kept::path(CLIENT).exists();
    if !there {
        eprintln!("skipped: no {CLIENT}: `scripts/schemathesis.sh` puts it there");
    }
    there
}

#[test]
fn the_daemon_answers_as_its_document_says() {
    if !client_is_there() {
        return;
    }
    let Some(lab) = Lab::new("schema") else { return };
    let stack = STACK.replace("NAME", "a") + "    network_mode: none\n";
    lab.write("stacks/a/compose.yaml", &stack);
    lab.write("stacks/b/compose.yaml", &stack.replace("-a\n", "-b\n"));
    lab.write(
        "stacks/jobs/compose.yaml",
        &(stack.replace("-a\n", "-jobs\n").replace("sleep, infinity", "\"true\"")
            + "    x-reconcile: {job: {schedule: '* * * * *'}}\n"),
    );
    lab.write("stacks/broken/compose.yaml", "services: [");
    lab.write("token", TOKEN);
    lab.write(
        "reconcile.yaml",
        "http: {listen: '127.0.0.1:0', token_file: token}\n\
         sources: {home: {dir: stacks, webhook_secret_file: token}}\n",
    );
    let daemon = Daemon::start(&lab, &["--config", "reconcile.yaml"]);
    let address = daemon.address();
    let header = format!("authorization: Bearer {TOKEN}\r\n");
    daemon.until("the stacks", || {
        let status = ask(&address, "GET /api/v1/status", &header, "").1;
        status.matches("\"sync\": \"in sync\"").count() == 3
    });
    // What it cannot guess; and that it got past the names is a matter of the test as well.
    lab.write(
        "names.toml",
        &format!(
            "[parameters]\n\"path.stack\" = \"{}\"\n\"path.source\" = \"home\"\n\
             [warnings]\nfail-on = [\"missing_test_data\"]\n",
            lab.stack("a")
        ),
    );
    for names in [&["--config-file", "names.toml"][..], &[]] {
        let run = Command::new(kept::path(CLIENT))
            .args(names)
            .args(["run", &format!("http://{address}/api/v1/openapi.json")])
            .args(["--header", &format!("Authorization: Bearer {TOKEN}")])
            // A stream has no end: `e2e::api` reads them.
            .args(["--exclude-operation-id", "events", "--exclude-operation-id", "events_of_stack"])
            .args(["--checks", "all", "--max-examples", "25", "--seed", "1"])
            .args(["--continue-on-failure", "--generation-database", "none", "--no-color"])
            .current_dir(lab.path())
            .stdin(Stdio::null())
            .output()
            .expect("the client starts");
        let said = String::from_utf8_lossy(&run.stdout);
        assert!(run.status.success(), "{names:?}\n{said}\n{}", daemon.said());
        assert!(said.contains("Tested: 12"), "not every route was asked: {said}");
    }
    assert!(!daemon.said().contains("panic"), "{}", daemon.said());
    assert_eq!(daemon.stop(), Some(0));
}
