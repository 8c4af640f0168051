//! Stacks that `docker compose` made are adopted as they are. Skipped where it is not installed
//! (`scripts/reference-compose.sh`).

use super::beside_compose::compose;
use crate::lab::{IMAGE, Lab, changed, docker};

/// Services with most of what a container can be given.
const RICH: &str = "\
name: PREFIX-c
x-base: &base {image: IMAGE, command: [sleep, infinity], init: true, stop_grace_period: 0s}
services:
  web:
    <<: *base
    env_file: [web.env]
    environment: {LEVEL: info, DB_PASSWORD: hidden}
    labels: {team: blue, empty: ''}
    ports: ['127.0.0.1::8080', '9090/udp']
    expose: ['7000']
    healthcheck: {test: 'true', interval: 1s, retries: 2}
    volumes: ['data:/data', './web.conf:/etc/web.conf:ro', {type: tmpfs, target: /scratch, tmpfs: {size: 1m}}]
    tmpfs: ['/run:size=1m']
    configs: [inline, {source: filed, target: /etc/filed}]
    secrets: [token]
    networks: {front: {aliases: [www], priority: 5}, back: null}
    restart: unless-stopped
    mem_limit: 64m
    cap_add: [NET_ADMIN]
    cap_drop: [ALL]
    security_opt: [no-new-privileges]
    ulimits: {nofile: 1024}
    sysctls: {net.core.somaxconn: 1024}
    extra_hosts: ['one:10.0.0.1', 'two:10.0.0.2']
    dns: [1.1.1.1]
    logging: {driver: json-file, options: {max-size: 1m}}
  worker: {<<: *base, scale: 2, user: '1000', working_dir: /tmp, depends_on: [web], networks: [back]}
  sidecar: {<<: *base, network_mode: 'service:web'}
  off: {<<: *base, profiles: [never]}
configs:
  inline: {content: first}
  filed: {file: filed.conf}
secrets: {token: {file: token}}
volumes: {data: {labels: {keep: '1'}}}
networks: {front: null, back: {internal: true}}
";

fn rich(test: &str) -> Option<Lab> {
    let lab = Lab::new(test)?;
    lab.write("compose.yaml", RICH);
    for (file, text) in
        [("web.env", "FROM_FILE=1\n"), ("web.conf", "a\n"), ("filed.conf", "b\n"), ("token", "c\n")]
    {
        lab.write(file, text);
    }
    Some(lab)
}

#[test]
fn a_stack_of_docker_compose_stays_as_it_is() {
    let Some(lab) = rich("rich") else { return };
    let Some(up) = compose(lab.path(), &["up", "-d"]) else { return };
    up.exits(0);
    let before = lab.containers();
    assert_eq!(before.len(), 4, "{before:?}");
    for _ in 0..2 {
        let run = lab.reconcile(&["--detailed-exitcode", "."]).exits(0);
        assert!(
            run.stderr.contains("Nothing to do: 3 services are as they should be, 3 of them adopted"),
            "{run}"
        );
    }
    let status = lab.reconcile(&["status", "."]).exits(0);
    assert_eq!(status.stdout.matches("in sync (adopted)").count(), 3, "{status}");
    assert_eq!(lab.containers(), before);
    compose(lab.path(), &["up", "-d"]).expect("checked above").exits(0);
    assert_eq!(lab.containers(), before);

    // What changes afterwards is seen, in the container's files and in those it mounts, and nothing else is touched.
    lab.edit("compose.yaml", "content: first", "content: second");
    let run = lab.reconcile(&["."]).exits(0);
    assert!(run.stderr.contains("contents of config inline") && !run.stderr.contains("hidden"), "{run}");
    let after = lab.containers();
    let web = lab.stack("c-web-1");
    assert_eq!(changed(&before, &after), [lab.stack("c-sidecar-1"), web], "it shares the network of web");
    lab.reconcile(&["--detailed-exitcode", "."]).exits(0);
}

#[test]
fn a_file_that_changed_after_the_start_replaces_its_container() {
    let Some(lab) = rich("edited") else { return };
    let Some(up) = compose(lab.path(), &["up", "-d"]) else { return };
    up.exits(0);
    let before = lab.containers();
    lab.write("web.conf", "edited\n");
    let run = lab.reconcile(&["--dry-run", "."]).exits(0);
    assert!(run.stdout.contains("contents of ./web.conf"), "{run}");
    lab.reconcile(&["."]).exits(0);
    assert_eq!(changed(&before, &lab.containers()).len(), 2);
    lab.reconcile(&["--detailed-exitcode", "."]).exits(0);
}

const ONE: &str = "\
name: PREFIX-c
services:
  app: {image: IMAGE, command: [sleep, infinity], init: true, stop_grace_period: 0s, environment: {LEVEL: info}}
";

#[test]
fn another_hash_over_the_same_configuration_replaces_nothing() {
    let Some(lab) = Lab::new("other-hash") else { return };
    lab.write("compose.yaml", ONE);
    let Some(up) = compose(lab.path(), &["up", "-d"]) else { return };
    up.exits(0);
    let before = lab.containers();
    // Their hash covers what only a Swarm has a use for.
    lab.edit("compose.yaml", "environment:", "deploy: {labels: {a: b}}, environment:");
    let run = lab.reconcile(&["--detailed-exitcode", "."]).exits(0);
    assert!(run.stderr.contains("adopted"), "{run}");
    assert_eq!(lab.containers(), before);
    compose(lab.path(), &["up", "-d"]).expect("checked above").exits(0);
    assert_ne!(lab.containers(), before, "the hash that docker compose goes by is another one");
}

#[test]
fn a_forged_hash_does_not_save_another_configuration() {
    let Some(lab) = Lab::new("forged") else { return };
    lab.write("compose.yaml", ONE);
    let Some(up) = compose(lab.path(), &["up", "-d"]) else { return };
    up.exits(0);
    let labels = lab
        .inspect("c-app-1", "{{range $key, $value := .Config.Labels}}{{$key}}={{$value}}{{\"\\n\"}}{{end}}");
    let name = lab.stack("c-app-1");
    docker(&["rm", "-f", &name]).exits(0);
    let network = lab.stack("c_default");
    let mut run =
        vec!["run", "-d", "--init", "--name", &name, "--network", &network, "--network-alias", "app"];
    run.extend(["--stop-timeout", "0", "-e", "LEVEL=debug", "--memory", "32m"]);
    run.extend(labels.lines().filter(|line| !line.is_empty()).flat_map(|line| ["--label", line]));
    run.extend([IMAGE, "sleep", "infinity"]);
    docker(&run).exits(0);
    let before = lab.containers();
    // As far as docker compose is concerned, this is its container.
    compose(lab.path(), &["up", "-d"]).expect("checked above").exits(0);
    assert_eq!(lab.containers(), before);
    let plan = lab.reconcile(&["--dry-run", "."]).exits(0);
    for cause in ["environment.LEVEL: debug -> info", "mem_limit: 32m -> (unset)"] {
        assert!(plan.stdout.contains(cause), "{plan}");
    }
    lab.reconcile(&["."]).exits(0);
    assert_eq!(changed(&before, &lab.containers()), [name]);
    lab.reconcile(&["--detailed-exitcode", "."]).exits(0);
}

#[test]
fn docker_compose_finds_a_rich_stack_of_ours_running() {
    let Some(lab) = rich("ours") else { return };
    lab.reconcile(&["."]).exits(0);
    let before = lab.containers();
    let Some(up) = compose(lab.path(), &["up", "-d"]) else { return };
    up.exits(0);
    // A container that takes the volumes of another has that one's id in their hash, and its mode is no part of ours.
    assert_eq!(changed(&before, &lab.containers()), Vec::<String>::new());
}

const BUILT: &str = "\
name: PREFIX-c
services:
  app: {build: context, command: [sleep, infinity], init: true, stop_grace_period: 0s}
";

#[test]
fn an_image_that_docker_compose_built_is_built_anew_once_an_input_changes() {
    let Some(lab) = Lab::new("built") else { return };
    lab.write("compose.yaml", BUILT);
    lab.write("context/Dockerfile", &format!("FROM {IMAGE}\nCOPY file gone* /\n"));
    // What comes out of the engine's build cache is as old as that: another content each time.
    lab.write("context/file", &format!("{:?}\n", std::time::SystemTime::now()));
    lab.write("context/gone", "");
    let Some(up) = compose(lab.path(), &["up", "-d"]) else { return };
    up.exits(0);
    let before = lab.containers();
    for _ in 0..2 {
        let run = lab.reconcile(&["--detailed-exitcode", "."]).exits(0);
        assert!(run.stderr.contains("1 of them adopted"), "{run}");
    }
    assert_eq!(lab.containers(), before);

    lab.edit("compose.yaml", "context,", "context, mem_limit: 64m,");
    let plan = lab.reconcile(&["--dry-run", "."]).exits(0);
    assert!(plan.stdout.contains("build inputs"), "the compose file says how to build: {plan}");
    lab.edit("compose.yaml", " mem_limit: 64m,", "");
    std::fs::remove_file(lab.path().join("context/gone")).expect("it is there");
    let run = lab.reconcile(&["."]).exits(0);
    assert!(run.stderr.contains("build inputs"), "{run}");
    assert_eq!(changed(&before, &lab.containers()).len(), 1);
    lab.reconcile(&["--detailed-exitcode", "."]).exits(0);
}

const GROWING: &str = "\
name: PREFIX-c
x-base: &base {image: IMAGE, command: [sleep, infinity], init: true, stop_grace_period: 0s}
services:
  app: {<<: *base, scale: 2, volumes: ['data:/data']}
  tool: {<<: *base, profiles: [tools], networks: [extra]}
volumes: {data: null}
networks: {extra: null}
";

#[test]
fn what_docker_compose_adds_to_a_stack_of_ours_stays_and_goes_with_it() {
    let Some(lab) = Lab::new("growing") else { return };
    lab.write("compose.yaml", GROWING);
    lab.reconcile(&["."]).exits(0);
    let ours = lab.containers();
    assert_eq!(ours.len(), 2, "{ours:?}");
    lab.edit("compose.yaml", "scale: 2", "scale: 3");
    let Some(up) = compose(lab.path(), &["--profile", "tools", "up", "-d"]) else { return };
    up.exits(0);
    let all = lab.containers();
    assert_eq!(changed(&ours, &all), [lab.stack("c-app-3"), lab.stack("c-tool-1")], "only what is new");

    // The profile is off for us: its container is left alone, and so are the other tool's ones.
    let run = lab.reconcile(&["--detailed-exitcode", "."]).exits(0);
    assert!(run.stderr.contains("adopted"), "{run}");
    assert_eq!(lab.containers(), all);
    lab.edit("compose.yaml", "scale: 3", "scale: 1");
    lab.reconcile(&["."]).exits(0);
    let left = lab.containers();
    assert_eq!(changed(&all, &left), [lab.stack("c-app-2"), lab.stack("c-app-3")], "{left:?}");

    lab.reconcile(&["down", &lab.stack("c")]).exits(0);
    assert!(lab.containers().is_empty());
    let networks = docker(&["network", "ls", "--format", "{{.Name}}"]);
    assert!(!networks.stdout.contains(&lab.stack("c_")), "{networks}");
    docker(&["volume", "inspect", &lab.stack("c_data")]).exits(0);
}

#[test]
fn a_stack_that_is_all_docker_composes_own_is_left_to_it() {
    let Some(lab) = Lab::new("theirs") else { return };
    lab.write("compose.yaml", ONE);
    let Some(up) = compose(lab.path(), &["up", "-d"]) else { return };
    up.exits(0);
    let before = lab.containers();
    let down = lab.reconcile(&["down", &lab.stack("c")]).exits(1);
    assert!(down.stderr.contains(&format!("docker compose -p {} down", lab.stack("c"))), "{down}");
    assert_eq!(lab.containers(), before);
}
