//! What changes, and above all what does not.

use crate::lab::{IMAGE, Lab, changed, docker};
use std::fs;

/// A stack whose two services differ only in name; each sleeps and stops at once.
const TWO: &str = "\
name: PREFIX-a
x-base: &base
  image: IMAGE
  command: [sleep, infinity]
  init: true
  stop_grace_period: 1s
services:
  one:
    <<: *base
    environment: {LEVEL: info}
    volumes: ['./one.conf:/etc/one.conf:ro']
  two:
    <<: *base
    environment: {LEVEL: info}
";

fn two(test: &str) -> Option<Lab> {
    let lab = Lab::new(test)?;
    lab.write("a/compose.yaml", TWO);
    lab.write("a/one.conf", "first\n");
    Some(lab)
}

#[test]
fn a_second_run_changes_nothing() {
    let Some(lab) = two("twice") else { return };
    lab.reconcile(&["."]).exits(0);
    let before = lab.containers();
    assert_eq!(before.len(), 2, "{before:?}");
    let run = lab.reconcile(&["--detailed-exitcode", "."]).exits(0);
    assert!(run.stderr.contains("Nothing to do"), "{run}");
    assert_eq!(changed(&before, &lab.containers()), Vec::<String>::new());
}

#[test]
fn a_dry_run_changes_nothing_and_says_what_would_change() {
    let Some(lab) = two("dry") else { return };
    let run = lab.reconcile(&["--dry-run", "--detailed-exitcode", "--format", "json", "."]).exits(2);
    assert!(lab.containers().is_empty());
    assert!(docker(&["network", "ls", "-q", "--filter", &format!("name={}", lab.prefix)]).stdout.is_empty());
    let plan = run.json();
    assert_eq!(plan["summary"]["create"], 2, "{run}");
    assert_eq!(plan["stacks"][0]["services"][0]["action"], "create", "{run}");
    assert_eq!(plan["stacks"][0]["services"][0]["causes"][0]["kind"], "missing", "{run}");
}

#[test]
fn a_changed_environment_value_replaces_exactly_that_service() {
    let Some(lab) = two("env") else { return };
    lab.reconcile(&["."]).exits(0);
    let before = lab.containers();
    lab.edit(
        "a/compose.yaml",
        "two:\n    <<: *base\n    environment: {LEVEL: info}",
        "two:\n    <<: *base\n    environment: {LEVEL: debug}",
    );
    let plan = lab.reconcile(&["--dry-run", "."]).exits(0);
    assert!(plan.stdout.contains("LEVEL"), "{plan}");
    assert!(plan.stdout.contains("info") && plan.stdout.contains("debug"), "{plan}");
    lab.reconcile(&["."]).exits(0);
    assert_eq!(changed(&before, &lab.containers()), [lab.stack("a-two-1")]);
    assert_eq!(lab.exec("a-two-1", "echo $LEVEL").stdout, "debug\n");
}

#[test]
fn quiet_tells_changes_and_failures_and_nothing_else() {
    let Some(lab) = two("quiet") else { return };
    let first = lab.reconcile(&["-q", "."]).exits(0);
    let name = lab.stack("a");
    assert_eq!(first.stderr.lines().count(), 3, "two services and what they come to: {first}");
    assert!(first.stderr.contains(&format!("created {name}/one: there is no container")), "{first}");
    assert!(first.stderr.ends_with("Done: 2 created.\n") && first.stdout.is_empty(), "{first}");
    for calm in [&["-q", "."][..], &["-q", "--dry-run", "."]] {
        let run = lab.reconcile(calm).exits(0);
        assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""), "{calm:?}");
    }
    lab.edit("a/compose.yaml", "two:\n    <<: *base", "two:\n    <<: *base\n    hostname: other");
    let shown = lab.reconcile(&["-q", "--dry-run", "."]).exits(0);
    assert!(shown.stdout.contains("hostname: (none) -> other"), "{shown}");
    let run = lab.reconcile(&["-q", "."]).exits(0);
    assert_eq!(
        run.stderr,
        format!("replaced {name}/two: hostname: (none) -> other\nDone: 1 replaced, 1 unchanged.\n")
    );
    lab.edit("a/compose.yaml", "hostname: other", "hostname: other\n    command: [nonsense]");
    let run = lab.reconcile(&["-q", "."]).exits(3);
    assert!(run.stderr.contains(&format!("rolled back {name}/two: ")), "{run}");
    assert!(run.stderr.contains("Not all is well: "), "{run}");
    lab.edit("a/compose.yaml", "    command: [nonsense]", "    image: reconcile-nowhere/missing:1");
    let run = lab.reconcile(&["-q", "."]).exits(3);
    assert!(run.stderr.contains("cannot pull reconcile-nowhere/missing:1"), "why it was skipped: {run}");
    let down = lab.reconcile(&["-q", "down", &name]).exits(0);
    assert_eq!(down.stderr, format!("Stack {name} is down; its volumes stay.\n"));
}

#[test]
fn a_changed_secret_looking_value_is_not_shown() {
    let Some(lab) = two("hidden") else { return };
    lab.edit(
        "a/compose.yaml",
        "environment: {LEVEL: info}\n    volumes",
        "environment: {API_TOKEN: hunter2old}\n    volumes",
    );
    lab.reconcile(&["."]).exits(0);
    lab.edit("a/compose.yaml", "hunter2old", "hunter2new");
    for args in [&["--dry-run", "."][..], &["--dry-run", "--format", "json", "."], &["-vv", "."]] {
        let run = lab.reconcile(args).exits(0);
        assert!(!run.to_string().contains("hunter2"), "{run}");
        assert!(run.to_string().contains("API_TOKEN"), "{run}");
    }
    let labels = lab.inspect("a-one-1", "{{json .Config.Labels}}");
    assert!(labels.contains("dev.reconcile.spec") && !labels.contains("hunter2"), "{labels}");
}

#[test]
fn a_changed_mounted_file_replaces_exactly_that_service() {
    let Some(lab) = two("mount") else { return };
    lab.reconcile(&["."]).exits(0);
    let before = lab.containers();
    lab.write("a/one.conf", "second\n");
    let plan = lab.reconcile(&["--dry-run", "--format", "json", "."]).exits(0).json();
    assert_eq!(plan["stacks"][0]["services"][0]["causes"][0]["kind"], "mounted-file-content", "{plan}");
    lab.reconcile(&["."]).exits(0);
    assert_eq!(changed(&before, &lab.containers()), [lab.stack("a-one-1")]);
    assert_eq!(lab.exec("a-one-1", "cat /etc/one.conf").stdout, "second\n");
}

#[test]
fn a_tag_that_names_another_image_replaces_exactly_that_service() {
    let Some(lab) = two("tag") else { return };
    let tag = format!("{}-image:1", lab.prefix);
    let make = |text: &str| {
        lab.write("image/Dockerfile", &format!("FROM IMAGE\nLABEL text={text}\n"));
        let context = lab.path().join("image");
        let built = std::process::Command::new("docker")
            .env("DOCKER_BUILDKIT", "0")
            .args(["build", "-q", "-t", &tag, context.to_str().unwrap()])
            .output()
            .unwrap();
        assert!(built.status.success(), "{built:?}");
    };
    make("first");
    lab.edit(
        "a/compose.yaml",
        "two:\n    <<: *base",
        "two:\n    <<: *base\n    image: PREFIX-image:1".replace("PREFIX", &lab.prefix).as_str(),
    );
    lab.reconcile(&["a"]).exits(0);
    let before = lab.containers();
    make("second");
    lab.reconcile(&["a"]).exits(0);
    assert_eq!(changed(&before, &lab.containers()), [lab.stack("a-two-1")]);
}

#[test]
fn a_changed_build_context_rebuilds_and_replaces_exactly_that_service() {
    let Some(lab) = two("build") else { return };
    lab.write(
        "a/app/Dockerfile",
        "FROM IMAGE\nARG GREETING\nCOPY text /text\nRUN echo $GREETING > /greeting\n",
    );
    lab.write("a/app/text", "first\n");
    lab.write("a/app/.dockerignore", "notes\n");
    lab.edit(
        "a/compose.yaml",
        "two:\n    <<: *base",
        "two:\n    <<: *base\n    image: !reset null\n    build: {context: app, args: {GREETING: hello}}",
    );
    // `<<` gives two an image; an image name beside build is the tag, so give it one of its own.
    lab.edit("a/compose.yaml", "    image: !reset null\n", &format!("    image: {}-built:1\n", lab.prefix));
    lab.reconcile(&["a"]).exits(0);
    assert_eq!(lab.exec("a-two-1", "cat /text /greeting").stdout, "first\nhello\n");
    let before = lab.containers();
    lab.write("a/app/notes", "an ignored file is no input\n");
    let run = lab.reconcile(&["a"]).exits(0);
    assert_eq!(changed(&before, &lab.containers()), Vec::<String>::new(), "{run}");
    lab.write("a/app/text", "second\n");
    lab.reconcile(&["a"]).exits(0);
    assert_eq!(changed(&before, &lab.containers()), [lab.stack("a-two-1")]);
    assert_eq!(lab.exec("a-two-1", "cat /text").stdout, "second\n");
}

#[test]
fn a_service_gone_from_the_file_is_removed_and_a_foreign_container_is_not() {
    let Some(lab) = two("orphan") else { return };
    lab.reconcile(&["."]).exits(0);
    let foreign = format!("{}-foreign", lab.prefix);
    docker(&[
        "run",
        "-d",
        "--name",
        &foreign,
        "--init",
        "--label",
        &format!("com.docker.compose.project={}", lab.stack("a")),
        IMAGE,
        "sleep",
        "infinity",
    ])
    .exits(0);
    let before = lab.containers();
    let text = fs::read_to_string(lab.path().join("a/compose.yaml")).unwrap();
    fs::write(lab.path().join("a/compose.yaml"), text.split("  two:").next().unwrap()).unwrap();
    lab.reconcile(&["."]).exits(0);
    assert_eq!(changed(&before, &lab.containers()), [lab.stack("a-two-1")]);
    assert!(lab.containers().contains_key(&foreign));
}

#[test]
fn a_stack_gone_from_the_tree_is_removed_with_its_network() {
    let Some(lab) = two("gone") else { return };
    lab.write(
        "b/compose.yaml",
        &TWO.replace("PREFIX-a", "PREFIX-b").replace("    volumes: ['./one.conf:/etc/one.conf:ro']\n", ""),
    );
    lab.reconcile(&["."]).exits(0);
    assert_eq!(lab.containers().len(), 4);
    let before = lab.containers();
    fs::remove_dir_all(lab.path().join("b")).unwrap();
    lab.reconcile(&["."]).exits(0);
    assert_eq!(changed(&before, &lab.containers()), [lab.stack("b-one-1"), lab.stack("b-two-1")]);
    let networks =
        docker(&["network", "ls", "--format", "{{.Name}}", "--filter", &format!("name={}", lab.prefix)])
            .stdout;
    assert_eq!(networks.trim(), lab.stack("a_default"));
}

#[test]
fn an_emptied_source_is_held_and_not_obeyed() {
    let Some(lab) = two("emptied") else { return };
    lab.reconcile(&["."]).exits(0);
    let before = lab.containers();
    fs::remove_dir_all(lab.path().join("a")).unwrap();
    let run = lab.reconcile(&["."]).exits(1);
    assert!(run.stderr.contains("compose.yaml"), "{run}");
    assert_eq!(changed(&before, &lab.containers()), Vec::<String>::new());
}

#[test]
fn a_job_runs_once_per_spec() {
    let Some(lab) = Lab::new("job") else { return };
    lab.write(
        "compose.yaml",
        "name: PREFIX-j\nservices:\n  job:\n    image: IMAGE\n    command: [sh, -c, 'echo ran >> /data/log']\n    volumes: ['log:/data']\n  app:\n    image: IMAGE\n    command: [sleep, infinity]\n    init: true\n    stop_grace_period: 1s\n    volumes: ['log:/data']\n    depends_on: {job: {condition: service_completed_successfully}}\nvolumes: {log: {}}\n",
    );
    lab.reconcile(&["."]).exits(0);
    lab.reconcile(&["."]).exits(0);
    assert_eq!(lab.exec("j-app-1", "cat /data/log").stdout, "ran\n");
    lab.edit("compose.yaml", "echo ran", "echo again");
    lab.reconcile(&["."]).exits(0);
    assert_eq!(lab.exec("j-app-1", "cat /data/log").stdout, "ran\nagain\n");
}

#[test]
fn a_failed_job_holds_back_its_dependents_and_nothing_else() {
    let Some(lab) = Lab::new("jobfail") else { return };
    lab.write(
        "compose.yaml",
        "name: PREFIX-j\nservices:\n  job:\n    image: IMAGE\n    command: [sh, -c, 'echo no rows; exit 3']\n  app:\n    image: IMAGE\n    command: [sleep, infinity]\n    init: true\n    depends_on: {job: {condition: service_completed_successfully}}\n  other:\n    image: IMAGE\n    command: [sleep, infinity]\n    init: true\n    stop_grace_period: 1s\n",
    );
    let run = lab.reconcile(&["."]).exits(3);
    assert!(run.stderr.contains("no rows"), "the job's last words are in the report: {run}");
    assert_eq!(lab.inspect("j-other-1", "{{.State.Status}}"), "running");
    assert_ne!(lab.inspect("j-app-1", "{{.State.Status}}"), "running");
}

#[test]
fn a_dependent_waits_until_its_dependency_is_healthy() {
    let Some(lab) = Lab::new("healthy") else { return };
    lab.write(
        "compose.yaml",
        "name: PREFIX-h\nservices:\n  db:\n    image: IMAGE\n    command: [sh, -c, 'sleep 2; touch /ready; sleep infinity']\n    init: true\n    stop_grace_period: 1s\n    healthcheck: {test: [CMD, test, -f, /ready], interval: 500ms, retries: 20}\n  app:\n    image: IMAGE\n    command: [sleep, infinity]\n    init: true\n    stop_grace_period: 1s\n    depends_on: {db: {condition: service_healthy}}\n",
    );
    lab.reconcile(&["."]).exits(0);
    assert_eq!(lab.inspect("h-db-1", "{{.State.Health.Status}}"), "healthy");
    let started = |name| lab.inspect(name, "{{.State.StartedAt}}");
    assert!(started("h-app-1") > started("h-db-1"));
}

#[test]
fn a_stopped_service_is_started_again() {
    let Some(lab) = two("stopped") else { return };
    lab.reconcile(&["."]).exits(0);
    let id = lab.inspect("a-two-1", "{{.Id}}");
    docker(&["kill", &lab.stack("a-two-1")]).exits(0);
    let status = lab.reconcile(&["status", "."]).exits(0);
    assert!(status.stdout.contains("out of sync"), "{status}");
    lab.reconcile(&["."]).exits(0);
    assert_eq!(lab.inspect("a-two-1", "{{.State.Running}} {{.Id}}"), format!("true {id}"));
}

#[test]
fn replicas_are_added_and_taken_away() {
    let Some(lab) = two("scale") else { return };
    lab.edit("a/compose.yaml", "two:\n    <<: *base", "two:\n    <<: *base\n    scale: 3");
    lab.reconcile(&["."]).exits(0);
    let three = lab.containers();
    assert_eq!(three.len(), 4);
    lab.edit("a/compose.yaml", "scale: 3", "scale: 1");
    lab.reconcile(&["."]).exits(0);
    assert_eq!(changed(&three, &lab.containers()), [lab.stack("a-two-2"), lab.stack("a-two-3")]);
}

#[test]
fn inline_configs_and_secrets_are_files_in_the_container() {
    let Some(lab) = two("files") else { return };
    lab.edit("a/compose.yaml", "two:\n    <<: *base", "two:\n    <<: *base\n    configs: [{source: app, target: /etc/app.conf, mode: 0400}]\n    secrets: [token]");
    let text = fs::read_to_string(lab.path().join("a/compose.yaml")).unwrap();
    lab.write("a/compose.yaml", &format!("{text}configs:\n  app:\n    content: |\n      port=1\nsecrets:\n  token: {{environment: THE_TOKEN}}\n"));
    lab.reconcile_with(&["."], &[("THE_TOKEN", "s3cret")]).exits(0);
    assert_eq!(
        lab.exec("a-two-1", "cat /etc/app.conf /run/secrets/token; stat -c %a /etc/app.conf").stdout,
        "port=1\ns3cret400\n"
    );
    let before = lab.containers();
    let run = lab.reconcile_with(&["-v", "."], &[("THE_TOKEN", "an0ther")]).exits(0);
    assert!(!run.to_string().contains("an0ther") && !run.to_string().contains("s3cret"), "{run}");
    assert_eq!(changed(&before, &lab.containers()), [lab.stack("a-two-1")]);
}

#[test]
fn down_removes_containers_and_networks_and_keeps_volumes() {
    let Some(lab) = two("down") else { return };
    lab.edit("a/compose.yaml", "two:\n    <<: *base", "two:\n    <<: *base\n    volumes: ['data:/data']");
    let text = fs::read_to_string(lab.path().join("a/compose.yaml")).unwrap();
    lab.write("a/compose.yaml", &format!("{text}volumes: {{data: {{}}}}\n"));
    lab.reconcile(&["."]).exits(0);
    lab.exec("a-two-1", "echo kept > /data/row").exits(0);
    lab.reconcile(&["down", &lab.stack("a")]).exits(0);
    assert!(lab.containers().is_empty());
    assert!(docker(&["network", "ls", "-q", "--filter", &format!("name={}", lab.prefix)]).stdout.is_empty());
    lab.reconcile(&["."]).exits(0);
    assert_eq!(lab.exec("a-two-1", "cat /data/row").stdout, "kept\n");
}

#[test]
fn a_replacement_that_cannot_start_is_taken_back() {
    let Some(lab) = two("rollback") else { return };
    lab.reconcile(&["."]).exits(0);
    let id = lab.inspect("a-two-1", "{{.Id}}");
    lab.edit(
        "a/compose.yaml",
        "two:\n    <<: *base",
        "two:\n    <<: *base\n    init: false\n    command: [/no/such/program]",
    );
    let run = lab.reconcile(&["."]).exits(3);
    assert!(run.stderr.contains("/no/such/program") && run.stderr.contains("rolled back"), "{run}");
    assert_eq!(lab.inspect("a-two-1", "{{.Id}} {{.State.Running}}"), format!("{id} true"));
    // The third is the mark of what failed; it never runs.
    let names: Vec<String> = lab.containers().into_keys().collect();
    assert_eq!(names, ["a-one-1", "a-two-1", "a-two-1.failed"].map(|name| lab.stack(name)));
}

#[test]
fn a_replacement_that_dies_at_once_is_taken_back() {
    let Some(lab) = two("dies") else { return };
    lab.reconcile(&["."]).exits(0);
    let id = lab.inspect("a-two-1", "{{.Id}}");
    for restart in ["no", "always"] {
        lab.write("a/compose.yaml", TWO);
        let command = "[sh, -c, 'echo my last words; exit 7']";
        let two = format!("two:\n    <<: *base\n    restart: '{restart}'\n    command: {command}");
        lab.edit("a/compose.yaml", "two:\n    <<: *base", &two);
        let run = lab.reconcile(&["."]).exits(3);
        assert!(run.stderr.contains("my last words") && run.stderr.contains("rolled back"), "{run}");
        assert_eq!(lab.inspect("a-two-1", "{{.Id}} {{.State.Running}}"), format!("{id} true"));
        assert_eq!(lab.containers().len(), 3, "two and a mark");
    }
}

#[test]
fn a_replacement_that_gets_unhealthy_is_taken_back() {
    let Some(lab) = two("unhealthy") else { return };
    lab.edit("a/compose.yaml", "two:\n    <<: *base", "two:\n    <<: *base\n    healthcheck: {test: [CMD, test, \"$$LEVEL\", '=', info], interval: 300ms, retries: 2}".replace("[CMD, test, \"$$LEVEL\", '=', info]", "'test $$LEVEL = info'").as_str());
    lab.reconcile(&["."]).exits(0);
    let id = lab.inspect("a-two-1", "{{.Id}}");
    lab.edit(
        "a/compose.yaml",
        "retries: 2}\n    environment: {LEVEL: info}",
        "retries: 2}\n    environment: {LEVEL: broken}",
    );
    let run = lab.reconcile(&["."]).exits(3);
    assert!(run.stderr.contains("unhealthy") && run.stderr.contains("rolled back"), "{run}");
    assert_eq!(lab.inspect("a-two-1", "{{.Id}} {{.State.Running}}"), format!("{id} true"));
}

#[test]
fn a_changed_network_is_made_anew_with_all_names_on_it() {
    let Some(lab) = Lab::new("network") else { return };
    let base = "image: IMAGE, command: [sleep, infinity], init: true, stop_grace_period: 1s";
    lab.write(
        "compose.yaml",
        &format!(
            "name: PREFIX-n\nservices:\n  gate: {{{base}, networks: {{front: {{aliases: [door]}}}}}}\n  \
             inside: {{{base}, network_mode: 'service:gate'}}\n  web: {{{base}, networks: [back, front]}}\n\
             networks:\n  front: {{labels: {{a: '1'}}}}\n  back: {{}}\n"
        ),
    );
    lab.reconcile(&["."]).exits(0);
    lab.edit("compose.yaml", "{labels: {a: '1'}}", "{internal: true}");
    lab.reconcile(&["."]).exits(0);
    // The name server of Podman 4 hears of a new container some moments late, also of one on a network of before.
    let finds = |container: &str, name: &str| {
        let look = format!(
            "for i in 1 2 3 4 5 6; do nslookup {name} >/dev/null 2>&1 && break; sleep 1; done; echo $i"
        );
        let tries = lab.exec(container, &look).stdout;
        assert!(tries.trim() < "6", "{container} finds {name}: {tries}");
    };
    finds("n-web-1", "door");
    finds("n-inside-1", "web");
    let run = lab.reconcile(&["."]).exits(0);
    assert!(run.stderr.contains("Nothing to do"), "{run}");
    // A stopped container remembers a network that is gone: starting it would fail for ever.
    docker(&["stop", &lab.stack("n-web-1")]).exits(0);
    docker(&["network", "disconnect", "-f", &lab.stack("n_back"), &lab.stack("n-web-1")]);
    docker(&["network", "rm", &lab.stack("n_back")]).exits(0);
    lab.reconcile(&["."]).exits(0);
    assert_eq!(lab.inspect("n-web-1", "{{.State.Running}}"), "true");
}

#[test]
fn stacks_of_settings_deploy_unattended() {
    let Some(lab) = Lab::new("settings") else { return };
    let service = |name: &str, more: &str| {
        format!(
            "  {name}: {{image: IMAGE, command: [sleep, infinity], init: true, stop_grace_period: 1s{more}}}\n"
        )
    };
    lab.write("shop/base.yaml", &format!("name: PREFIX-shop\nservices:\n{}", service("db", "")));
    lab.write(
        "shop/more.yaml",
        &format!(
            "services:\n{}{}",
            service("api", ", environment: {WHO: \"${WHO}\"}"),
            service("tool", ", profiles: [tools]")
        ),
    );
    lab.write("shop/prod.env", "WHO=prod\n");
    lab.write(
        "shop/.reconcile.yaml",
        "files: [base.yaml, more.yaml]\nenv_files: [prod.env]\nprofiles: [tools]\n",
    );
    lab.write(
        "late/compose.yaml",
        &format!(
            "name: PREFIX-late\nx-reconcile: {{depends_on: [PREFIX-shop]}}\nservices:\n{}",
            service("app", "")
        ),
    );
    lab.reconcile(&["."]).exits(0);
    assert_eq!(lab.containers().len(), 4);
    assert_eq!(lab.exec("shop-api-1", "echo $WHO").stdout, "prod\n");
    let started = |name| lab.inspect(name, "{{.State.StartedAt}}");
    assert!(started("late-app-1") > started("shop-api-1"));
    let before = lab.containers();
    lab.reconcile(&["."]).exits(0);
    assert_eq!(changed(&before, &lab.containers()), Vec::<String>::new());
}

/// A job that fails if it sees the writer, and notes that it ran.
const MIGRATION: &str = "\
name: PREFIX-m
x-reconcile: {pre_deploy: {migrate: [writer]}}
x-base: &base {image: IMAGE, init: true, stop_grace_period: 1s, volumes: ['data:/data']}
services:
  migrate:
    <<: *base
    command: [sh, -c, 'test ! -e /data/writing && echo VERSION >>/data/log && RESULT']
  writer:
    <<: *base
    command: [sh, -c, 'trap \"rm /data/writing; exit\" TERM; touch /data/writing; sleep infinity & wait']
    init: false
  reader:
    <<: *base
    command: [sleep, infinity]
volumes: {data: }
";

#[test]
fn a_job_before_a_deployment_runs_with_services_stopped_and_brings_them_back() {
    let Some(lab) = Lab::new("pre-deploy") else { return };
    let version = |version: &str, result: &str| {
        lab.write("m/compose.yaml", &MIGRATION.replace("VERSION", version).replace("RESULT", result));
    };
    version("one", "true");
    lab.reconcile(&["."]).exits(0);
    let before = lab.containers();
    lab.reconcile(&["."]).exits(0);
    assert_eq!(changed(&before, &lab.containers()), Vec::<String>::new());
    version("two", "true");
    lab.reconcile(&["."]).exits(0);
    let names = changed(&before, &lab.containers());
    assert_eq!(names, [lab.stack("m-migrate-1"), lab.stack("m-writer-1")], "the reader goes on");
    assert_eq!(lab.exec("m-reader-1", "cat /data/log; ls /data/writing").stdout, "one\ntwo\n/data/writing\n");
    version("three", "false");
    assert_ne!(lab.reconcile(&["."]).code, 0);
    assert_eq!(
        lab.exec("m-reader-1", "cat /data/log; ls /data/writing").stdout,
        "one\ntwo\nthree\n/data/writing\n"
    );
}
