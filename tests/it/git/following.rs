//! On an engine: what is applied of a repository.

use super::server::{Http, Manner};
use super::{Repository, STACK, reconcile};
use crate::e2e::daemon::Daemon;
use crate::lab::{IMAGE, Lab, changed, docker};
use std::time::{Duration, Instant};

#[test]
fn a_push_replaces_exactly_the_service_that_it_changes() {
    let Some(lab) = Lab::new("gitpush") else { return };
    let stack = |name: &str, level: &str| {
        format!(
            "name: {}\nservices:\n  app:\n    image: {IMAGE}\n    command: [sleep, infinity]\n    init: true\n    stop_grace_period: 1s\n    environment: {{LEVEL: {level}}}\n",
            lab.stack(name)
        )
    };
    let (a, b) = (stack("a", "info"), stack("b", "info"));
    let repository = Repository::with(&[("a/compose.yaml", &a), ("b/compose.yaml", &b)]);
    let address = repository.address();
    reconcile(&lab, &[&address]).exits(0);
    let before = lab.containers();
    assert_eq!(before.len(), 2);
    repository.push("louder", &[("a/compose.yaml", &stack("a", "debug"))]);
    reconcile(&lab, &["--dry-run", "--detailed-exitcode", &address]).exits(2);
    reconcile(&lab, &["--dry-run", "--detailed-exitcode", "--rev", "HEAD", &address]).exits(2);
    reconcile(&lab, &[&address]).exits(0);
    assert_eq!(changed(&before, &lab.containers()), [lab.stack("a-app-1")]);
    assert_eq!(lab.exec("a-app-1", "echo $LEVEL").stdout, "debug\n");

    // Neither an empty nor a missing repository removes anything.
    let before = lab.containers();
    repository.git(&["rm", "-q", "-r", "a", "b"]);
    repository.push("nothing left", &[("readme", "x")]);
    assert_ne!(reconcile(&lab, &[&address]).code, 0);
    std::fs::rename(repository.bare(), repository.root().join("away")).expect("moved");
    assert_ne!(reconcile(&lab, &[&address]).code, 0);
    assert_eq!(changed(&before, &lab.containers()), Vec::<String>::new());
}

const FILES: &str = "\
name: NAME
services:
  app:
    image: IMAGE
    command: [sh, -c, 'test \"$$(cat /conf/flag)\" != broken && exec sleep infinity']
    init: true
    stop_grace_period: 1s
    volumes: ['./conf:/conf:ro', './one.txt:/one.txt:ro', './data:/data']
    secrets: [key]
  other:
    image: IMAGE
    command: [sleep, infinity]
    init: true
    stop_grace_period: 1s
    volumes: ['./other:/other:ro']
secrets:
  key: {file: key.txt}
";

fn stack(lab: &Lab) -> String {
    FILES.replace("NAME", &lab.stack("files")).replace("IMAGE", IMAGE)
}

#[test]
fn mounted_files_come_with_their_service_and_go_back_with_it() {
    let Some(lab) = Lab::new("gitfiles") else { return };
    let repository = Repository::with(&[
        ("web/compose.yaml", &stack(&lab)),
        ("web/conf/flag", "one"),
        ("web/one.txt", "one"),
        ("web/key.txt", "s3cret"),
        ("web/other/x", "one"),
        ("web/readme", "not mounted"),
    ]);
    let address = repository.address();
    reconcile(&lab, &["--dry-run", &address]).exits(0);
    let sources = lab.path().join("state/sources");
    let source = std::fs::read_dir(&sources).expect("sources").flatten().next().expect("one").path();
    let web = source.join("files/web");
    assert!(!web.exists(), "a dry run writes nothing there");
    let run = reconcile(&lab, &[&address]).exits(0);
    assert!(run.stderr.contains("(Ann: first)"), "{run}");
    let seen = || lab.exec("files-app-1", "cat /conf/flag /one.txt /run/secrets/key").stdout;
    assert_eq!(seen(), "oneones3cret");
    assert!(!web.join("readme").exists(), "only what is mounted");
    lab.exec("files-app-1", "echo rows > /data/db");

    // Both mounts change: a container that has a single file mounted is replaced, so it sees the new one.
    let before = lab.containers();
    repository.push("second", &[("web/conf/flag", "two"), ("web/one.txt", "two")]);
    reconcile(&lab, &[&address]).exits(0);
    assert_eq!(seen(), "twotwos3cret");
    assert_eq!(changed(&before, &lab.containers()), [lab.stack("files-app-1")]);
    assert_eq!(std::fs::read_to_string(web.join("data/db")).expect("data"), "rows\n");

    let before = lab.containers();
    repository.push("third", &[("web/conf/flag", "broken"), ("web/one.txt", "three"), ("web/conf/new", "x")]);
    let run = reconcile(&lab, &[&address]).exits(3);
    assert!(run.stderr.contains("rolled back"), "{run}");
    assert_eq!(seen(), "twotwos3cret", "the old container has its old files");
    assert!(!web.join("conf/new").exists());
    let after = lab.containers();
    let same = |name: &str| {
        before.get(&lab.stack(name)).map(|one| &one.0) == after.get(&lab.stack(name)).map(|one| &one.0)
    };
    assert!(same("files-app-1") && same("files-other-1"));
    reconcile(&lab, &[&address]);
    assert_eq!(seen(), "twotwos3cret", "it is quarantined, with its old files");

    std::fs::write(web.join("one.txt"), "by hand").expect("edited");
    repository.git(&["rm", "-q", "web/conf/new"]);
    repository.push("fourth", &[("web/conf/flag", "four"), ("web/one.txt", "four")]);
    let run = reconcile(&lab, &[&address]).exits(0);
    assert!(run.stderr.contains("one.txt was edited on the server"), "{run}");
    assert_eq!(seen(), "fourfours3cret");
    assert_eq!(std::fs::read_to_string(web.join("one.txt.reconcile-backup")).expect("backup"), "by hand");

    // What got lost comes back with the next run, which has nothing else to do.
    std::fs::remove_dir_all(web.join("other")).expect("removed");
    let before = lab.containers();
    reconcile(&lab, &["--detailed-exitcode", &address]).exits(0);
    assert_eq!(std::fs::read_to_string(web.join("other/x")).expect("back"), "one");
    assert_eq!(changed(&before, &lab.containers()), Vec::<String>::new());
}

#[test]
fn images_are_built_from_what_was_fetched() {
    let Some(lab) = Lab::new("gitbuild") else { return };
    let stack = format!(
        "name: {0}\nservices:\n  app:\n    build: ./app\n    image: {1}:1\n    init: true\n    stop_grace_period: 1s\n    command: [sleep, infinity]\n",
        lab.stack("built"),
        lab.prefix
    );
    let dockerfile = format!("FROM {IMAGE}\nCOPY run /run.sh\n");
    let files = [("compose.yaml", stack.as_str()), ("app/Dockerfile", &dockerfile), ("app/run", "one")];
    let repository = Repository::with(&files);
    let address = repository.address();
    reconcile(&lab, &[&address]).exits(0);
    assert_eq!(lab.exec("built-app-1", "cat /run.sh").stdout, "one");
    repository.push("second", &[("app/run", "two")]);
    reconcile(&lab, &[&address]).exits(0);
    assert_eq!(lab.exec("built-app-1", "cat /run.sh").stdout, "two");
    reconcile(&lab, &["--detailed-exitcode", &address]).exits(0);
}

#[test]
fn the_daemon_follows_pushes_and_outlives_its_repository() {
    let Some(lab) = Lab::new("gitwatch") else { return };
    let text = stack(&lab);
    let repository = Repository::with(&[
        ("web/compose.yaml", &text),
        ("web/conf/flag", "one"),
        ("web/one.txt", "one"),
        ("web/key.txt", "k"),
        ("web/other/x", "one"),
    ]);
    lab.write(
        "reconcile.yaml",
        &format!("state_dir: state\nsources:\n  x: {{git: '{}', interval: 1s}}\n", repository.address()),
    );
    let daemon = Daemon::start(&lab, &["--config", "reconcile.yaml"]);
    let sees = |text: &str| lab.exec("files-app-1", "cat /conf/flag").stdout == text;
    daemon.until("the first revision", || sees("one"));
    assert!(daemon.said().contains("(Ann: first): 1 stacks"), "{}", daemon.said());
    daemon.until("the end of it", || lab.containers().len() == 2);
    let before = lab.containers();
    repository.push("second", &[("web/conf/flag", "two")]);
    daemon.until("the push", || sees("two"));
    daemon.until("the end of it", || lab.containers().len() == 2);
    assert_eq!(changed(&before, &lab.containers()), [lab.stack("files-app-1")]);

    std::fs::rename(repository.bare(), repository.root().join("away")).expect("moved");
    daemon.until("the outage", || daemon.said().contains("the last good revision stays"));
    docker(&["rm", "-f", &lab.stack("files-other-1")]);
    daemon.until("the container that was removed", || lab.containers().len() == 2);
    // A look for which the repository was not asked says nothing about it.
    assert!(!daemon.said().contains("answers again"), "{}", daemon.said());
    let status = lab.reconcile(&["status", "--config", "reconcile.yaml", "--stack", &lab.stack("files")]);
    let told = status.stdout.lines().last().unwrap_or_default().to_owned();
    assert!(told.contains("the last good revision stays") && told.contains("; asked again at"), "{status}");
    assert_eq!(daemon.stop(), Some(0));
    let daemon = Daemon::start(&lab, &["--config", "reconcile.yaml"]);
    docker(&["rm", "-f", &lab.stack("files-other-1")]);
    daemon.until("the same after a restart", || lab.containers().len() == 2);
    std::fs::rename(repository.root().join("away"), repository.bare()).expect("moved");
    repository.push("third", &[("web/conf/flag", "three")]);
    daemon.until("the repository again", || sees("three"));
    assert!(daemon.said().contains("answers again"), "{}", daemon.said());
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn in_a_container_mounts_have_the_paths_of_the_host() {
    let Some(lab) = Lab::new("gitinside") else { return };
    let text = stack(&lab);
    let repository = Repository::with(&[
        ("web/compose.yaml", &text),
        ("web/conf/flag", "one"),
        ("web/one.txt", "one"),
        ("web/key.txt", "k"),
        ("web/other/x", "one"),
    ]);
    let address = repository.address();
    let state = lab.path().join("of-the-host");
    std::fs::create_dir_all(&state).expect("folder");
    let bare = repository.bare().display().to_string();
    let inside = |mounts: &[String], args: &[&str]| {
        let program = format!("{}:/bin/reconcile:ro", env!("CARGO_BIN_EXE_reconcile"));
        let repository = format!("{bare}:{bare}:ro");
        let mut all = vec!["run", "--rm", "--name"];
        let name = lab.stack("tool");
        all.push(&name);
        // The image has no libraries: those of the host do.
        let fixed =
            ["/lib:/lib:ro", "/lib64:/lib64:ro", "/usr:/usr:ro", "/var/run/docker.sock:/var/run/docker.sock"];
        for mount in
            fixed.into_iter().chain([program.as_str(), &repository]).chain(mounts.iter().map(String::as_str))
        {
            all.extend(["-v", mount]);
        }
        all.extend([IMAGE, "/bin/reconcile"]);
        all.extend(args);
        docker(&all)
    };
    let said = inside(&[], &["--dry-run", &address]).exits(1).stderr;
    assert!(said.contains("this runs in a container") && said.contains("host_state_dir"), "{said}");
    let mounts = [format!("{}:/var/lib/reconcile", state.display())];
    inside(&mounts, &[&address]).exits(0);
    assert_eq!(lab.exec("files-app-1", "cat /conf/flag /one.txt /run/secrets/key").stdout, "oneonek");
    let source = lab.inspect("files-other-1", "{{range .Mounts}}{{.Source}}{{end}}");
    assert!(source.starts_with(&state.display().to_string()), "{source}");
    let before = lab.containers();
    inside(&mounts, &["--detailed-exitcode", &address]).exits(0);
    assert_eq!(changed(&before, &lab.containers()), Vec::<String>::new());
}

#[test]
fn the_daemon_ends_at_once_while_a_server_keeps_it_waiting() {
    let Some(lab) = Lab::new("githangs") else { return };
    let repository = Repository::with(&[("compose.yaml", STACK)]);
    let server = Http::start(repository.root(), Manner::Silent);
    lab.write(
        "reconcile.yaml",
        &format!("state_dir: state\nsources:\n  x: {{git: '{}'}}\n", server.address()),
    );
    let daemon = Daemon::start(&lab, &["--config", "reconcile.yaml"]);
    daemon.until("the request", || server.requests() > 0);
    let start = Instant::now();
    assert_eq!(daemon.stop(), Some(0));
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
}
