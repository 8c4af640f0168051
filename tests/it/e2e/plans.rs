//! What a dry run tells its reader.

use crate::lab::Lab;

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
