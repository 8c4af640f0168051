//! A daemon in a container that manages the stack it is itself a part of.

use crate::lab::{Lab, docker};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// The paths are the same in the container, so that relative ones mean what they mean on the host.
const STACK: &str = "\
name: PREFIX-own
services:
  daemon:
    image: PREFIX-own:1
    command: [watch, --interval, 2s, --state-dir, /state, DIR/stacks]
    environment: {LEVEL: one}
    stop_grace_period: 10m
    volumes: ['/var/run/docker.sock:/var/run/docker.sock', 'DIR/stacks:DIR/stacks:ro', 'state:/state']
  app: {image: IMAGE, command: [sleep, infinity], init: true, stop_grace_period: 0s}
volumes: {state: {}}
";

/// An image of the program and the libraries that it needs, and nothing else.
fn image(lab: &Lab) {
    let program = Path::new(env!("CARGO_BIN_EXE_reconcile"));
    let needs = Command::new("ldd").arg(program).output().expect("ldd is installed").stdout;
    let needs = String::from_utf8_lossy(&needs).into_owned();
    let libraries = needs.split_whitespace().filter(|word| word.starts_with('/')).map(Path::new);
    let root = lab.path().join("image/root");
    for file in libraries.chain([program]) {
        let name = if file == program { "reconcile" } else { file.to_str().expect("text") };
        let to = root.join(name.trim_start_matches('/'));
        std::fs::create_dir_all(to.parent().expect("a parent")).expect("folder");
        std::fs::copy(file, to).expect("file");
    }
    lab.write("image/Dockerfile", "FROM scratch\nCOPY root /\nENTRYPOINT [\"/reconcile\"]\n");
    let tag = format!("{}:1", lab.stack("own"));
    docker(&["build", "-q", "-t", &tag, &lab.path().join("image").to_string_lossy()]).exits(0);
}

#[test]
fn a_daemon_has_its_own_container_replaced_and_gets_it_back_if_that_fails() {
    let Some(lab) = Lab::new("own") else { return };
    image(&lab);
    let text = STACK.replace("DIR", &lab.path().to_string_lossy());
    lab.write("stacks/compose.yaml", &text);
    lab.reconcile(&["stacks"]).exits(0);
    let daemon = lab.stack("own-daemon-1");
    let is = |level: &str| {
        let state = lab.inspect("own-daemon-1", "{{.State.Running}} {{.Config.Env}}");
        let names = lab.containers().into_keys().collect::<Vec<_>>();
        let settled = [lab.stack("own-app-1"), daemon.clone(), format!("{daemon}.failed")];
        state.starts_with("true ") && state.contains(level) && names.iter().all(|name| settled.contains(name))
    };
    let log = || docker(&["logs", &daemon]);
    let wait_until = |what: &str, holds: &dyn Fn() -> bool| {
        let end = Instant::now() + Duration::from_secs(90);
        while !holds() {
            let left = docker(&["ps", "-a", "--filter", &format!("name={}", lab.prefix)]);
            assert!(Instant::now() < end, "{what} did not come:\n{left}\n{}", log());
            std::thread::sleep(Duration::from_millis(300));
        }
    };
    let app = lab.inspect("own-app-1", "{{.Id}} {{.State.StartedAt}}");
    wait_until("the daemon looks", &|| log().stderr.contains("1 stacks"));

    lab.edit("stacks/compose.yaml", "LEVEL: one", "LEVEL: two");
    wait_until("the daemon is replaced", &|| is("LEVEL=two"));
    wait_until("the new one tells", &|| log().stderr.contains("1 replaced"));

    lab.edit("stacks/compose.yaml", "--interval, 2s", "--nonsense");
    wait_until("the old one serves again", &|| {
        let status = lab.reconcile(&["status", "stacks"]);
        status.stdout.contains("quarantined") && is("LEVEL=two")
    });

    lab.edit("stacks/compose.yaml", "--nonsense", "--interval, 3s");
    wait_until("it goes on", &|| {
        is("LEVEL=two") && lab.inspect("own-daemon-1", "{{.Config.Cmd}}").contains("3s")
    });
    assert_eq!(lab.inspect("own-app-1", "{{.Id}} {{.State.StartedAt}}"), app);
    // Else it might take a lock while all is cleared away, which nobody would remove.
    docker(&["stop", "-t", "60", &daemon]).exits(0);
}
