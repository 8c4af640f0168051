//! Over the network: who is let in, who is believed, and how long anything may take.

use super::server::{Certificate, Http, Manner, Ssh};
use super::{Repository, STACK, level, reconcile, reconcile_with};
use crate::lab::Lab;
use std::path::Path;
use std::time::{Duration, Instant};

fn settings(lab: &Lab, text: &str) {
    lab.write("reconcile.yaml", &format!("sources:\n  x:\n{text}"));
}

/// What the program says to a source that it may not read; it must not take long.
#[track_caller]
fn refused(lab: &Lab) -> String {
    let run = reconcile(lab, &["validate", "--config", "reconcile.yaml"]);
    assert_eq!(run.code, 1, "{run}");
    run.stderr
}

#[test]
fn http_with_every_way_to_log_in() {
    let lab = Lab::without_engine("githttp");
    let repository = Repository::with(&[("compose.yaml", STACK)]);
    let server = Http::start(repository.root(), Manner::Login("ci:t0ken-of-it".to_owned()));
    let address = server.address();
    lab.write("token", "t0ken-of-it\n");
    lab.write(
        "logins",
        "machine other login a password b\nmachine 127.0.0.1 login ci password t0ken-of-it\n",
    );
    lab.write("helper", "grep -q host=127.0.0.1: && echo username=ci && echo password=t0ken-of-it\n");
    let helper = format!("sh {}", lab.path().join("helper").display());
    for way in [
        "    username: ci\n    token_file: token\n".to_owned(),
        "    username: ci\n    password_file: token\n".to_owned(),
        "    credentials_file: logins\n".to_owned(),
        format!("    credential_helper: {helper}\n"),
    ] {
        settings(&lab, &format!("    git: {address}\n{way}"));
        drop(std::fs::remove_dir_all(lab.path().join("state")));
        reconcile(&lab, &["validate", "--config", "reconcile.yaml"]).exits(0);
    }
    settings(&lab, &format!("    git: {address}\n    username: ci\n    password_file: token\n"));
    assert_eq!(level(reconcile(&lab, &["render", &address])), "one", "the settings know how it is reached");
    server.requests();
    reconcile(&lab, &["validate", "--config", "reconcile.yaml"]).exits(0);
    assert_eq!(server.requests(), 2, "a look is one listing: refused once, then with the password");

    drop(std::fs::remove_dir_all(lab.path().join("state")));
    lab.write("token", "wrong-t0ken\n");
    let said = refused(&lab);
    assert!(said.contains("does not let us in") && said.contains("token_file"), "{said}");
    assert!(!said.contains("wrong-t0ken"), "{said}");
    assert!(server.requests() <= 4, "it is not asked for ever");
    lab.write("token", "");
    assert!(refused(&lab).contains("is empty"));
    settings(&lab, &format!("    git: {address}\n    token_file: nowhere\n"));
    assert!(refused(&lab).contains("nowhere"));
    settings(&lab, &format!("    git: {address}\n    credential_helper: 'false'\n"));
    assert!(refused(&lab).contains("credential helper"));
    std::fs::remove_file(lab.path().join("reconcile.yaml")).expect("file");
    let with = |login: &str| address.replace("http://", &format!("http://{login}@"));
    assert_eq!(level(reconcile(&lab, &["render", &with("ci:t0ken-of-it")])), "one");
    drop(std::fs::remove_dir_all(lab.path().join("state")));
    let said = reconcile(&lab, &["render", &with("ci:wrong-t0ken")]).exits(1).stderr;
    assert!(!said.contains("wrong-t0ken"), "{said}");
}

#[test]
fn https_with_a_certificate_that_is_believed() {
    let lab = Lab::without_engine("githttps");
    let repository = Repository::with(&[("compose.yaml", STACK)]);
    let certificate = Certificate::new();
    let server = Http::start_tls(repository.root(), Manner::Login("ci:t0ken-of-it".to_owned()), &certificate);
    lab.write("token", "t0ken-of-it\n");
    let with = |more: &str| {
        let address = server.address();
        settings(&lab, &format!("    git: {address}\n    username: ci\n    password_file: token\n{more}"));
    };
    with(&format!("    ca_file: {}\n", certificate.file().display()));
    assert_eq!(level(reconcile(&lab, &["render", &server.address()])), "one");
    server.requests();
    // Nobody whom this machine believes has signed it, and it is asked for nothing, let alone shown the password.
    drop(std::fs::remove_dir_all(lab.path().join("state")));
    with("");
    let said = refused(&lab);
    assert!(said.contains("`ca_file` names certificates") && said.contains("certificate"), "{said}");
    with(&format!("    ca_file: {}\n", Certificate::new().file().display()));
    let said = refused(&lab);
    assert!(said.contains("certificate"), "the certificate of another: {said}");
    assert_eq!(server.requests(), 0);
}

#[test]
fn a_commit_is_fetched_alone_and_nothing_more_at_the_next_look() {
    let lab = Lab::without_engine("gitshallow");
    let repository = Repository::with(&[("compose.yaml", STACK)]);
    let old = repository.git(&["rev-parse", "HEAD"]);
    let new = repository.push("second", &[("compose.yaml", &STACK.replace("one", "two"))]);
    let server = Http::start(repository.root(), Manner::Open);
    let address = server.address();
    let held = |id: &str| {
        let stores = std::fs::read_dir(lab.path().join("state/sources")).expect("sources");
        let source = stores.flatten().next().expect("a source").path();
        let state = std::fs::read_to_string(source.join("state.json")).expect("state");
        let state: serde_json::Value = serde_json::from_str(&state).expect("json");
        let store = source.join(state["store"].as_str().expect("store"));
        git2::Repository::open_bare(store)
            .expect("store")
            .find_commit(git2::Oid::from_str(id).expect("id"))
            .is_ok()
    };
    assert_eq!(level(reconcile(&lab, &["render", &address])), "two");
    assert!(held(&new) && !held(&old), "one commit deep");
    server.requests();
    assert_eq!(level(reconcile(&lab, &["render", &address])), "two");
    assert_eq!(server.requests(), 1, "one listing");
    // No name stands for it, and the server does not hand out commits by id: everything is fetched.
    assert_eq!(level(reconcile(&lab, &["render", "--rev", &old, &address])), "one");
    server.requests();
    assert_eq!(level(reconcile(&lab, &["render", &address])), "two", "the other revision is fetched again");

    repository.git(&["commit", "-q", "--amend", "-m", "rewritten"]);
    let forced = repository.push("forced", &[("compose.yaml", &STACK.replace("one", "three"))]);
    assert_eq!(level(reconcile(&lab, &["render", &address])), "three");
    assert!(held(&forced));
}

#[test]
fn ssh_with_keys_and_hosts_that_are_known() {
    let lab = Lab::without_engine("gitssh");
    let repository = Repository::with(&[("compose.yaml", STACK)]);
    let server = Ssh::start();
    let address = format!("ssh://root@127.0.0.1:{}{}", server.port, repository.bare().display());
    let file = |name: &str| server.file(name).display().to_string();
    let with = |key: &str, more: &str| {
        let hosts = file("known_hosts");
        settings(
            &lab,
            &format!("    git: {address}\n    key_file: {}\n    known_hosts: {hosts}\n{more}", file(key)),
        );
        drop(std::fs::remove_dir_all(lab.path().join("state")));
    };
    let is_read = || reconcile(&lab, &["validate", "--config", "reconcile.yaml"]).exits(0);
    with("key", "");
    is_read();
    lab.write("phrase", "pass word\n");
    with("locked", "    passphrase_file: phrase\n");
    is_read();
    lab.write("phrase", "other\n");
    assert!(refused_without_store(&lab).contains("does not let us in") || refused(&lab).contains("key"));
    with("other", "");
    assert!(refused(&lab).contains("does not let us in"));

    // Without a key file, the agent is asked.
    settings(&lab, &format!("    git: {address}\n    known_hosts: {}\n", file("known_hosts")));
    let check = ["validate", "--config", "reconcile.yaml"];
    let asking = |agent: &Path| reconcile_with(&lab, &check, &[("SSH_AUTH_SOCK", &agent.to_string_lossy())]);
    let said = asking(Path::new("")).exits(1).stderr;
    assert!(said.contains("does not let us in") || said.contains("key_file"), "{said}");
    asking(&server.agent("key").socket).exits(0);

    server.know("other");
    with("key", "");
    let said = refused(&lab);
    assert!(said.contains("has changed: it shows ssh-ed25519 SHA256:"), "{said}");
    assert!(said.contains("lists SHA256:") && said.contains("somebody may stand in between"), "{said}");
    std::fs::write(server.file("known_hosts"), "").expect("file");
    let said = refused(&lab);
    assert!(
        said.contains("is not known: it shows ssh-ed25519 SHA256:") && said.contains("ssh-keyscan"),
        "{said}"
    );
}

fn refused_without_store(lab: &Lab) -> String {
    drop(std::fs::remove_dir_all(lab.path().join("state")));
    refused(lab)
}

#[test]
fn a_server_that_hangs_or_trickles_is_left_in_time() {
    let lab = Lab::without_engine("githang");
    let repository = Repository::with(&[("compose.yaml", STACK)]);
    for manner in [Manner::Silent, Manner::Trickling] {
        let server = Http::start(repository.root(), manner.clone());
        settings(&lab, &format!("    git: {}\n    timeout: 2s\n", server.address()));
        let start = Instant::now();
        let said = refused(&lab);
        assert!(start.elapsed() < Duration::from_secs(20), "{manner:?}: {said}");
        assert!(said.contains("took more than 2 s"), "{said}");
    }
}
