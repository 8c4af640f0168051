//! Bad input: a clear error at the right place, the right exit code, and nothing else changed.

use crate::lab::{IMAGE, Lab, docker};
use std::io::{Read, Write};
use std::os::unix::net::UnixListener;

/// A compose text that must not load, with words its error must hold.
fn refused(test: &str, compose: &str, words: &[&str]) {
    let lab = Lab::without_engine(test);
    lab.write("compose.yaml", compose);
    let run = lab.reconcile(&["validate", "."]).exits(1);
    for word in words {
        assert!(run.stderr.contains(word), "{word:?} is missing: {run}");
    }
    let json = lab.reconcile(&["validate", "--format", "json", "."]).exits(1).json();
    assert_eq!(json["valid"], false, "{json}");
    assert!(json["diagnostics"][0]["message"].is_string(), "{json}");
}

#[test]
fn malformed_yaml_points_to_the_line() {
    refused("yaml", "services:\n  web:\n    image: 'x\n", &["compose.yaml:", "error"]);
}

#[test]
fn an_unknown_key_names_the_nearest_one() {
    refused(
        "key",
        "services:\n  web:\n    imge: x\n",
        &["compose.yaml:3:5", "imge", "image", "services.web"],
    );
}

#[test]
fn a_wrong_type_names_what_is_allowed() {
    refused(
        "type",
        "services:\n  web:\n    image: [x]\n",
        &["compose.yaml:3:", "services.web.image", "string"],
    );
}

#[test]
fn a_missing_env_file_is_named() {
    refused("envfile", "services:\n  web:\n    image: x\n    env_file: [gone.env]\n", &["gone.env"]);
}

#[test]
fn a_missing_included_file_is_named() {
    refused("include", "include: [gone.yaml]\nservices: {}\n", &["gone.yaml"]);
}

#[test]
fn a_required_variable_that_is_unset_is_named_with_its_message() {
    refused(
        "required",
        "services:\n  web:\n    image: \"x:${THE_TAG:?pick a version}\"\n",
        &["THE_TAG", "pick a version", "compose.yaml:3:"],
    );
}

#[test]
fn a_dependency_cycle_is_shown() {
    refused(
        "cycle",
        "services:\n  a: {image: x, depends_on: [b]}\n  b: {image: x, depends_on: [a]}\n",
        &["in a circle", "a", "b"],
    );
}

#[test]
fn an_undefined_dependency_is_named() {
    refused("undefined", "services:\n  a: {image: x, depends_on: [nobody]}\n", &["nobody"]);
}

#[test]
fn a_missing_secret_file_is_named() {
    refused(
        "secret",
        "services:\n  a: {image: x, secrets: [s]}\nsecrets: {s: {file: ./gone.txt}}\n",
        &["gone.txt"],
    );
}

#[test]
fn what_needs_another_program_is_refused_by_its_key() {
    refused("provider", "services:\n  a:\n    provider: {type: model}\n", &["provider"]);
}

#[test]
fn an_unknown_setting_of_a_stack_names_the_nearest_one() {
    refused("setting", "x-reconcile: {profile: [a]}\nservices: {a: {image: x}}\n", &["profile", "profiles"]);
}

#[test]
fn an_empty_folder_says_what_is_looked_for() {
    let lab = Lab::without_engine("empty");
    let run = lab.reconcile(&["validate", "."]).exits(1);
    assert!(run.stderr.contains("compose.yaml"), "{run}");
    let run = lab.reconcile(&["validate", "./nowhere"]).exits(1);
    assert!(run.stderr.contains("nowhere"), "{run}");
}

#[test]
fn two_stacks_of_one_name_are_both_named() {
    let lab = Lab::without_engine("names");
    lab.write("a/compose.yaml", "name: shop\nservices: {web: {image: x}}\n");
    lab.write("b/compose.yaml", "name: shop\nservices: {web: {image: x}}\n");
    let run = lab.reconcile(&["validate", "."]).exits(1);
    assert!(
        run.stderr.contains("shop")
            && run.stderr.contains("a/compose.yaml")
            && run.stderr.contains("b/compose.yaml"),
        "{run}"
    );
}

#[test]
fn two_stacks_on_one_port_are_both_named() {
    let lab = Lab::without_engine("ports");
    lab.write("a/compose.yaml", "services: {web: {image: x, ports: ['8080:80']}}\n");
    lab.write("b/compose.yaml", "services: {api: {image: x, ports: ['127.0.0.1:8080:80']}}\n");
    lab.write("c/compose.yaml", "services: {dns: {image: x, ports: ['8080:80/udp']}}\n");
    let run = lab.reconcile(&["validate", "--format", "json", "."]).exits(1).json();
    assert_eq!(run["stacks"], serde_json::json!(["c"]), "udp does not clash with tcp: {run}");
    let text = run["diagnostics"].to_string();
    assert!(text.contains("8080") && text.contains("web") && text.contains("api"), "{text}");
}

#[test]
fn one_broken_stack_does_not_hold_up_another() {
    let Some(lab) = Lab::new("broken") else { return };
    lab.write("bad/compose.yaml", "services:\n  web:\n    imge: x\n");
    lab.write(
        "good/compose.yaml",
        "name: PREFIX-good\nservices: {app: {image: IMAGE, command: [sleep, infinity], init: true}}\n",
    );
    let run = lab.reconcile(&["."]).exits(3);
    assert!(run.stderr.contains("imge"), "{run}");
    assert_eq!(lab.inspect("good-app-1", "{{.State.Status}}"), "running");
    lab.reconcile(&["--detailed-exitcode", "--dry-run", "."]).exits(1);
}

#[test]
fn an_image_that_cannot_be_pulled_fails_its_service_alone() {
    let Some(lab) = Lab::new("pull") else { return };
    lab.write(
        "compose.yaml",
        "name: PREFIX-p\nservices:\n  lost: {image: 'localhost:1/nowhere/nothing:1'}\n  app: {image: IMAGE, command: [sleep, infinity], init: true}\n",
    );
    let run = lab.reconcile(&["."]).exits(3);
    assert!(run.stderr.contains("localhost:1/nowhere/nothing:1"), "{run}");
    assert_eq!(lab.inspect("p-app-1", "{{.State.Status}}"), "running");
    assert_eq!(lab.containers().len(), 1);
}

#[test]
fn a_failed_pull_leaves_the_old_container_running() {
    let Some(lab) = Lab::new("oldpull") else { return };
    lab.write(
        "compose.yaml",
        "name: PREFIX-p\nservices:\n  app: {image: IMAGE, command: [sleep, infinity], init: true}\n",
    );
    lab.reconcile(&["."]).exits(0);
    let before = lab.containers();
    lab.edit("compose.yaml", IMAGE, "localhost:1/nowhere/nothing:1");
    lab.reconcile(&["."]).exits(1);
    assert_eq!(lab.containers(), before);
}

#[test]
fn a_build_that_fails_shows_its_last_lines_and_leaves_the_rest() {
    let Some(lab) = Lab::new("badbuild") else { return };
    lab.write("app/Dockerfile", "FROM IMAGE\nRUN echo the-reason && exit 7\n");
    lab.write("compose.yaml", "name: PREFIX-b\nservices:\n  built: {build: app}\n  app: {image: IMAGE, command: [sleep, infinity], init: true}\n");
    let run = lab.reconcile(&["."]).exits(3);
    assert!(run.stderr.contains("the-reason") && run.stderr.contains('7'), "{run}");
    assert_eq!(lab.containers().len(), 1);
}

#[test]
fn a_container_name_that_somebody_else_has_is_blocked() {
    let Some(lab) = Lab::new("taken") else { return };
    let foreign = lab.stack("mine");
    docker(&["run", "-d", "--name", &foreign, "--init", IMAGE, "sleep", "infinity"]).exits(0);
    let before = lab.containers();
    lab.write(
        "compose.yaml",
        "name: PREFIX-t\nservices:\n  app: {image: IMAGE, container_name: PREFIX-mine}\n",
    );
    let run = lab.reconcile(&["."]);
    assert_ne!(run.code, 0, "{run}");
    assert!(run.stderr.contains("is taken") && run.stderr.contains(&foreign), "{run}");
    assert_eq!(lab.containers(), before);
}

const STACK: &str = "services: {app: {image: x}}\n";

#[test]
fn an_engine_that_is_not_there_is_a_clear_error() {
    let lab = Lab::without_engine("unreachable");
    lab.write("compose.yaml", STACK);
    let run = lab.reconcile_with(&["."], &[("DOCKER_HOST", "unix:///nowhere/docker.sock")]).exits(1);
    assert!(run.stderr.contains("/nowhere/docker.sock") && run.stderr.contains("hint"), "{run}");
    let run = lab.reconcile(&["--host", "tcp://127.0.0.1:1", "--dry-run", "."]).exits(1);
    assert!(run.stderr.contains("127.0.0.1:1"), "{run}");
    let run = lab.reconcile(&["--host", "gopher://x", "."]).exits(1);
    assert!(run.stderr.contains("gopher"), "{run}");
}

#[test]
fn an_engine_that_is_too_old_is_a_clear_error() {
    let lab = Lab::without_engine("old");
    lab.write("compose.yaml", STACK);
    let socket = lab.path().join("old.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let mut buffer = [0; 4096];
            drop(client.read(&mut buffer));
            let body = r#"{"Version":"17.05.0","ApiVersion":"1.29","MinAPIVersion":"1.12","Os":"linux","Arch":"amd64"}"#;
            drop(write!(
                client,
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            ));
        }
    });
    let host = format!("unix://{}", socket.display());
    let run = lab.reconcile_with(&["."], &[("DOCKER_HOST", &host)]).exits(1);
    assert!(run.stderr.contains("1.29") && run.stderr.contains("1.41"), "{run}");
}

#[test]
fn no_permission_on_the_socket_is_a_clear_error() {
    // Root may use any socket, so this one runs the program as `nobody` where it can.
    let lab = Lab::without_engine("permission");
    let socket = lab.path().join("docker.sock");
    let _listener = UnixListener::bind(&socket).unwrap();
    let mode = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    };
    mode(&socket, 0o600);
    mode(lab.path(), 0o755);
    lab.write("compose.yaml", STACK);
    let program = lab.path().join("reconcile");
    std::fs::copy(env!("CARGO_BIN_EXE_reconcile"), &program).unwrap();
    mode(&program, 0o755);
    let run = std::process::Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(&program)
        .args(["--host", &format!("unix://{}", socket.display()), "."])
        .current_dir(lab.path())
        .output();
    let Ok(output) = run else { return eprintln!("skipped: no setpriv") };
    let run = crate::lab::Run::from(output);
    if run.stderr.contains("setpriv:") {
        return eprintln!("skipped: {}", run.stderr);
    }
    let run = run.exits(1);
    assert!(run.stderr.contains("permission") && run.stderr.contains("docker.sock"), "{run}");
}

#[test]
fn an_image_of_another_platform_is_not_taken() {
    let Some(lab) = Lab::new("platform") else { return };
    let text = "\
name: PREFIX-p
services:
  app: {image: IMAGE, command: [sleep, infinity], platform: linux/s390x, pull_policy: never}
";
    lab.write("compose.yaml", text);
    let run = lab.reconcile(&["."]).exits(3);
    assert!(run.stderr.contains("blocked   service app") && run.stderr.contains("linux/s390x"), "{run}");
    assert!(lab.containers().is_empty());
    lab.edit("compose.yaml", "never", "missing");
    let run = lab.reconcile(&["--dry-run", "--format", "json", "."]).json();
    let steps: Vec<&str> =
        run["steps"].as_array().expect("steps").iter().filter_map(|step| step["action"].as_str()).collect();
    assert!(steps.iter().any(|step| step.contains("Pull")), "{run}");
}

/// A directory that was taken away is not mistaken for another one, such as the root of the file system.
#[test]
fn without_a_working_directory_nothing_is_looked_at() {
    let home = tempfile::tempdir().expect("temporary directory");
    let line = format!(
        "mkdir gone && cd gone && rmdir ../gone && exec {} --dry-run .",
        env!("CARGO_BIN_EXE_reconcile")
    );
    let run = std::process::Command::new("sh").args(["-c", &line]).current_dir(home.path()).output();
    let run = crate::lab::Run::from(run.expect("a shell")).exits(1);
    assert!(run.stderr.contains("working directory is gone"), "{run}");
}
