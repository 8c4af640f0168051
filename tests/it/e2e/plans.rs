//! What a dry run tells its reader.

use crate::lab::{IMAGE, Lab, changed, docker};
use std::os::unix::fs::PermissionsExt as _;

const STACK: &str = "name: PREFIX-shop
services:
  app:
    image: IMAGE
    command: sleep infinity
    init: true
    network_mode: none
    stop_grace_period: 3s
    environment:
      LEVEL: info
      DB_PASSWORD: hunter2-old
    env_file: [app.env]
    labels:
      note: ${NOTE}
";

#[test]
fn a_plan_says_where_a_change_stands_what_it_interrupts_and_no_secret() {
    let Some(lab) = Lab::new("plan") else { return };
    lab.write("compose.yaml", STACK);
    lab.write("app.env", "# of the app\nREGION=eu\n");
    lab.write(".env", "NOTE=one\nADMIN_TOKEN=t0ken-of-the-admin\n");
    lab.reconcile(&["."]).exits(0);
    lab.edit("compose.yaml", "LEVEL: info", "LEVEL: debug");
    lab.edit("compose.yaml", "hunter2-old", "hunter2-new");
    lab.edit("compose.yaml", "command: sleep infinity", "command: [sleep, infinity, '${ADMIN_TOKEN}']");
    lab.edit("app.env", "eu", "us");
    lab.edit(".env", "one", "two");
    let run = lab.reconcile(&["--dry-run", "."]).exits(0);
    let lines: Vec<&str> = run.stdout.lines().map(str::trim).collect();
    assert_eq!(lines[0], "Plan: 1 to replace.", "the summary comes first: {run}");
    for line in [
        "~ replace   service app",
        "compose.yaml:10  environment.LEVEL: info -> debug",
        "compose.yaml:11  environment.DB_PASSWORD: *** -> *** (changed)",
        "app.env:2  environment.REGION: eu -> us",
        "compose.yaml:14, .env:1  labels.note: one -> two",
        "compose.yaml:5, .env:2  command: sleep infinity -> sleep infinity ***",
        "interrupted for up to 3 s; taken back if it does not run for 2 s",
        "-  LEVEL: info",
        "+  LEVEL: debug",
        "+  DB_PASSWORD: *** (changed)",
    ] {
        assert!(lines.contains(&line), "{line:?} is not in {run}");
    }
    let json = lab.reconcile(&["--dry-run", "--format", "json", "."]).exits(0);
    let app = &json.json()["stacks"][0]["services"][0];
    assert_eq!(app["interruption"]["seconds"], 3.0, "{app:#}");
    let applied = lab.reconcile(&["."]).exits(0);
    assert!(applied.stderr.contains("Done: 1 replaced.\n"), "{applied}");
    for secret in ["hunter2", "t0ken-of-the-admin"] {
        for run in [&run, &json, &applied] {
            assert!(!run.to_string().contains(secret), "{secret} is in {run}");
        }
    }
}

#[test]
fn a_plan_as_markdown_is_a_comment_that_nothing_breaks_out_of() {
    let Some(lab) = Lab::new("markdown") else { return };
    lab.write("compose.yaml", STACK);
    lab.write("app.env", "REGION=eu\n");
    lab.write(".env", "NOTE=one\n");
    lab.write("broken/compose.yaml", "name: PREFIX-broken\nservices: {a: {imag: x}}\n");
    lab.write(
        "sound/compose.yaml",
        "name: PREFIX-sound\nservices: {a: {image: IMAGE, network_mode: none}}\n",
    );
    lab.reconcile(&["."]).exits(0);
    lab.edit("compose.yaml", "LEVEL: info", "LEVEL: 'a | ``` @you </details>'");
    let run = lab.reconcile(&["--dry-run", "--format", "markdown", "-f", "compose.yaml"]).exits(0);
    assert!(run.stdout.starts_with("### Plan: 1 to replace.\n"), "{run}");
    assert!(
        run.stdout.contains("`compose.yaml:10` ````environment.LEVEL: info -> a \\| ``` @you </details>````"),
        "{run}"
    );
    assert!(run.stdout.contains("\n````diff\n") && run.stdout.ends_with("\n````\n\n</details>\n"), "{run}");
    let tree = lab.reconcile(&["--dry-run", "--format", "markdown", "."]).exits(0);
    assert!(tree.stdout.starts_with("### Plan"), "{tree}");
    lab.edit("sound/compose.yaml", "image:", "imag:");
    std::fs::remove_file(lab.path().join("compose.yaml")).expect("removed");
    let none = lab.reconcile(&["--dry-run", "--format", "markdown", "."]).exits(1);
    assert!(none.stdout.starts_with("### Nothing was loaded") && none.stdout.contains("imag"), "{none}");
    let wrong = lab.reconcile(&["--format", "markdown", "."]).exits(1);
    assert!(wrong.stderr.contains("--format markdown is for --dry-run"), "{wrong}");
}

#[test]
fn a_service_is_explained_with_what_brought_it_there_and_what_is_next() {
    let Some(lab) = Lab::new("explain") else { return };
    let stack = lab.stack("shop");
    lab.write(
        "compose.yaml",
        "name: PREFIX-shop
services:
  db: {image: IMAGE, command: sleep infinity, init: true, network_mode: none}
  app:
    image: IMAGE
    command: sleep infinity
    init: true
    network_mode: none
    depends_on: [db]
    environment: {LEVEL: info, TOKEN: hunter2}
",
    );
    lab.reconcile(&["."]).exits(0);
    let db = lab.reconcile(&["explain", &format!("{stack}/db"), "."]).exits(0);
    assert!(db.stdout.contains("/db: it is as the files ask for: nothing would be done"), "{db}");
    assert!(db.stdout.contains("needed by  app (service_started)") && !db.stdout.contains("/app:"), "{db}");
    lab.edit("compose.yaml", "LEVEL: info", "LEVEL: debug");
    let app = lab.reconcile(&["explain", &stack, "."]).exits(0);
    for told in [
        "/app: it would be replaced",
        "-app-1 is running; made ",
        "#1, 2",
        "needs      db (service_started)",
        "compose.yaml:10  environment.LEVEL: info -> debug",
        "/db: it is as the files ask for",
    ] {
        assert!(app.stdout.contains(told), "{told:?} is not in {app}");
    }
    // It fails, and is left as it serves.
    lab.edit(
        "compose.yaml",
        "LEVEL: debug, TOKEN: hunter2}",
        "LEVEL: debug, TOKEN: hunter2}\n    entrypoint: [sh, -c, exit 7]",
    );
    lab.reconcile(&["."]).exits(3);
    let app = lab.reconcile(&["explain", &format!("{stack}/app"), "."]).exits(0);
    for told in
        ["its change failed before and was taken back", "exited with code 7", "rolled back", "--retry="]
    {
        assert!(app.stdout.contains(told), "{told:?} is not in {app}");
    }
    assert!(!app.stdout.contains("hunter2"), "{app}");
    let json = lab.reconcile(&["explain", &format!("{stack}/app"), "--format", "json", "."]).exits(0).json();
    assert_eq!(json["services"][0]["next"]["action"], "blocked", "{json:#}");
    let nobody = lab.reconcile(&["explain", &format!("{stack}/ap"), "."]).exits(1);
    assert!(nobody.stderr.contains("did you mean app?"), "{nobody}");
    let nobody = lab.reconcile(&["explain", "nobody", "."]).exits(1);
    assert!(nobody.stderr.contains("there is no stack"), "{nobody}");
}

#[test]
fn a_record_gives_the_same_plan_without_engine_and_source_and_holds_no_secret() {
    let Some(lab) = Lab::new("record") else { return };
    lab.write(
        "s/compose.yaml",
        "name: PREFIX-rec
services:
  app:
    image: IMAGE
    command: [sh, -c, 'sleep infinity', --token, tok3n-0ld]
    init: true
    network_mode: none
    stop_grace_period: 1s
    environment: {DB_PASSWORD: hunter2-old, LEVEL: info, PASS: pq7}
    labels: {auth.users: me-basic-old}
    secrets: [key]
  kept:
    image: IMAGE
    command: [sh, -c, 'sleep infinity', '${ADMIN_TOKEN}']
    init: true
    network_mode: none
    environment: {API_KEY: k3pt-secret}
secrets:
  key: {environment: DEEP}
",
    );
    lab.write("s/.env", "ADMIN_TOKEN=adm1n-token\nDEEP=deep-secret-content\n");
    lab.reconcile(&["s"]).exits(0);
    lab.edit("s/compose.yaml", "hunter2-old", "hunter2-new");
    lab.edit("s/compose.yaml", "tok3n-0ld", "tok3n-n3w");
    lab.edit("s/compose.yaml", "me-basic-old", "me-basic-new");
    lab.edit("s/compose.yaml", "LEVEL: info", "LEVEL: debug");
    lab.edit("s/.env", "deep-secret-content", "deep-secret-other");
    let replays = |directory: &str, wanted: &str| {
        let nowhere = [("DOCKER_HOST", "unix:///nowhere.sock")];
        let again = lab.reconcile_with(&["plan", "--from", directory], &nowhere).exits(0);
        assert_eq!(again.stdout, wanted);
    };
    let run = lab.reconcile(&["--dry-run", "--record", "rec", "s"]).exits(0);
    assert!(run.stdout.starts_with("Plan: 1 to replace, 1 unchanged."), "{run}");
    assert!(run.stderr.contains("reconcile plan --from rec") && !run.stderr.contains("quite"), "{run}");
    replays("rec", &run.stdout);
    // With one that is held back, whose inputs have secrets.
    lab.edit("s/compose.yaml", "[sh, -c, 'sleep infinity', --token", "[sh, -c, 'exit 7', --token");
    lab.reconcile(&["s"]).exits(3);
    let held = lab.reconcile(&["--dry-run", "--record", "held", "s"]).exits(3);
    assert!(held.stdout.contains("quarantined"), "{held}");
    replays("held", &held.stdout);
    let secrets = ["hunter2", "tok3n", "me-basic", "deep-secret", "k3pt-secret", "adm1n-token", "\"pq7\""];
    for directory in ["rec", "held"] {
        for entry in std::fs::read_dir(lab.path().join(directory)).expect("the record") {
            let path = entry.expect("entry").path();
            let text = std::fs::read_to_string(&path).expect("text");
            for secret in secrets {
                assert!(!text.contains(secret), "{secret} is in {}", path.display());
            }
        }
    }
    let full = lab.reconcile(&["--dry-run", "--record", "rec", "s"]).exits(1);
    assert!(full.stderr.contains("rec is there already; nothing was done"), "{full}");
    for (directory, told) in [("nowhere", "is no record"), ("s", "is no record")] {
        let run = lab.reconcile(&["plan", "--from", directory]).exits(1);
        assert!(run.stderr.contains(told), "{run}");
    }
    lab.write("future/record.json", r#"{"format": "reconcile-record", "version": 9}"#);
    let run = lab.reconcile(&["plan", "--from", "future"]).exits(1);
    assert!(run.stderr.contains("version 9; this program knows 1"), "{run}");
}

const SAVED: &str = "name: PREFIX-shop
services:
  web:
    image: PREFIX-web:1
    command: sleep infinity
    init: true
    network_mode: none
    stop_grace_period: 1s
    environment: {DB_PASSWORD: hunter2-old, LEVEL: info}
    volumes: ['./index.html:/index.html:ro']
  other: {image: IMAGE, command: sleep infinity, init: true, network_mode: none, stop_grace_period: 1s}
";

type Move<'a> = &'a dyn Fn();

/// A stack that runs, then a change of it, of which the plan is saved.
fn with_saved_plan(test: &str) -> Option<Lab> {
    let lab = Lab::new(test)?;
    docker(&["tag", IMAGE, &lab.stack("web:1")]).exits(0);
    lab.write("stacks/compose.yaml", SAVED);
    lab.write("stacks/index.html", "one");
    lab.reconcile(&["stacks"]).exits(0);
    lab.edit("stacks/compose.yaml", "LEVEL: info", "LEVEL: debug");
    lab.edit("stacks/compose.yaml", "hunter2-old", "hunter2-new");
    let run = lab.reconcile(&["--dry-run", "--out", "plan.json", "stacks"]).exits(0);
    assert!(run.stdout.starts_with("Plan: 1 to replace"), "{run}");
    assert!(run.stderr.contains("reconcile apply plan.json"), "{run}");
    Some(lab)
}

#[test]
fn a_saved_plan_is_carried_out_once_and_holds_no_secret() {
    let Some(lab) = with_saved_plan("saved") else { return };
    let file = lab.path().join("plan.json");
    let text = std::fs::read_to_string(&file).expect("the plan");
    assert!(!text.contains("hunter2") && text.contains("*** (changed)"), "{text}");
    let mode = std::fs::metadata(&file).expect("the plan").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let before = lab.containers();
    let run = lab.reconcile(&["apply", "plan.json"]).exits(0);
    assert!(run.stderr.contains("Done: 1 replaced, 1 unchanged."), "{run}");
    assert_eq!(changed(&before, &lab.containers()), [lab.stack("shop-web-1")]);
    let before = lab.containers();
    let again = lab.reconcile(&["apply", "plan.json"]).exits(4);
    assert!(again.stderr.contains("stale plan: nothing was changed"), "{again}");
    assert!(again.stderr.contains("shop-web-1 is another one now"), "{again}");
    assert_eq!(changed(&before, &lab.containers()), Vec::<String>::new());
}

#[test]
fn a_saved_plan_is_refused_when_anything_moved() {
    let Some(lab) = with_saved_plan("stale") else { return };
    let moves: [(&str, Move<'_>, Move<'_>); 5] = [
        (
            "shop/web: contents of ./index.html changed",
            &|| lab.edit("stacks/index.html", "one", "two"),
            &|| lab.edit("stacks/index.html", "two", "one"),
        ),
        (
            "shop/web is defined in another way",
            &|| lab.edit("stacks/compose.yaml", "hunter2-new", "hunter2-newer"),
            &|| lab.edit("stacks/compose.yaml", "hunter2-newer", "hunter2-new"),
        ),
        (
            "shop/other is defined in another way",
            &|| lab.edit("stacks/compose.yaml", "other: {image: ", "other: {tty: true, image: "),
            &|| lab.edit("stacks/compose.yaml", "tty: true, ", ""),
        ),
        (
            "shop-other-1 does not run any more",
            &|| drop(docker(&["stop", "-t", "1", &lab.stack("shop-other-1")]).exits(0)),
            &|| drop(docker(&["start", &lab.stack("shop-other-1")]).exits(0)),
        ),
        (
            "web:1 is another one now",
            &|| {
                let made =
                    docker(&["commit", "-m", "another", &lab.stack("shop-web-1"), &lab.stack("web:1")]);
                drop(made.exits(0));
            },
            &|| drop(docker(&["tag", IMAGE, &lab.stack("web:1")]).exits(0)),
        ),
    ];
    for (told, there, back) in moves {
        there();
        let before = lab.containers();
        let run = lab.reconcile(&["apply", "plan.json"]).exits(4);
        assert!(run.stderr.contains("stale plan") && run.stderr.contains(told), "{told}: {run}");
        assert!(!run.to_string().contains("hunter2"), "{run}");
        assert_eq!(changed(&before, &lab.containers()), Vec::<String>::new(), "{told}");
        back();
    }
    let json = lab.reconcile(&["apply", "plan.json", "--format", "json"]).exits(0).json();
    assert_eq!(json["stacks"][0]["services"][1]["outcome"], "applied", "{json:#}");
}

#[test]
fn what_is_no_saved_plan_is_refused_and_changes_nothing() {
    let Some(lab) = with_saved_plan("noplan") else { return };
    let before = lab.containers();
    let plan = std::fs::read_to_string(lab.path().join("plan.json")).expect("the plan");
    lab.write("text.json", "hello");
    lab.write("future.json", &plan.replace("\"version\": 1", "\"version\": 7"));
    lab.write("edited.json", &plan.replacen("StopContainer", "RemoveContainer", 1));
    let printed = lab.reconcile(&["--dry-run", "--format", "json", "stacks"]).exits(0).stdout;
    lab.write("printed.json", &printed);
    for (file, code, told) in [
        ("missing.json", 1, "missing.json cannot be read"),
        ("text.json", 1, "it is not JSON"),
        ("future.json", 1, "version 7; this program knows version 1"),
        ("printed.json", 1, "`--out FILE` writes one that can be applied"),
        ("stacks", 1, "is no saved plan"),
        ("edited.json", 4, "it was edited"),
    ] {
        let run = lab.reconcile(&["apply", file]).exits(code);
        assert!(run.stderr.contains(told), "{file}: {run}");
    }
    for (arguments, told) in [
        (&["--out", "x.json", "stacks"][..], "--dry-run"),
        (&["--dry-run", "--out", "no/such/folder/x.json", "stacks"], "cannot be saved"),
        (
            &["--dry-run", "--out", "x.json", "https://me:pw@git.example.org/x.git"],
            "holds a user or password",
        ),
        (&["--dry-run", "--out", "x.json", "-f", "-"], "standard input"),
        (&["apply"], "FILE"),
        (&["apply", "plan.json", "--config", "x"], "--config is for"),
    ] {
        let run = lab.reconcile(arguments).exits(1);
        assert!(run.stderr.contains(told), "{arguments:?}: {run}");
    }
    assert!(!lab.path().join("x.json").exists());
    assert_eq!(changed(&before, &lab.containers()), Vec::<String>::new());
}

#[test]
fn what_is_left_over_of_a_failure_is_tidied_up_and_nothing_is_started() {
    let Some(lab) = Lab::new("tidy") else { return };
    lab.write("compose.yaml", "name: PREFIX-t\nservices:\n  app: {image: IMAGE, init: true, network_mode: none, command: sleep infinity}\n");
    lab.reconcile(&["."]).exits(0);
    let id = lab.inspect("t-app-1", "{{.Id}}");
    lab.edit("compose.yaml", "sleep infinity", "sh -c 'exit 7'");
    lab.reconcile(&["."]).exits(3);
    lab.edit("compose.yaml", "sh -c 'exit 7'", "sleep infinity");
    let dry = lab.reconcile(&["--dry-run", "."]).exits(0);
    assert!(dry.stdout.starts_with("Plan: 1 to tidy up.\n"), "{dry}");
    assert!(dry.stdout.contains("* tidy up   service app\n      left over from an earlier run: "), "{dry}");
    let run = lab.reconcile(&["."]).exits(0);
    assert!(run.stderr.contains("Done: 1 tidied up.\n"), "{run}");
    assert_eq!(lab.inspect("t-app-1", "{{.Id}} {{.State.Running}}"), format!("{id} true"));
    assert!(lab.reconcile(&["."]).exits(0).stderr.contains("Nothing to do"));
}
