//! What lies in `deploy/` fits the program: its metrics, its settings, its stack.

use crate::lab::Lab;
use reconcile::daemon::board::{Board, SourceNews, StackNews};
use reconcile::http::metrics;
use reconcile::source::Disk;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The metrics that a text speaks of.
fn named(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("reconcile_")).collect()
}

#[test]
fn rules_and_dashboard_speak_of_metrics_that_there_are() {
    let stack = StackNews { last: Some((7, true)), ..StackNews::default() };
    let stacks = [("shop".to_owned(), stack)].into();
    let news =
        SourceNews { looked: Some(7), revision: Some("abc".to_owned()), stacks, ..SourceNews::default() };
    let text = metrics::text(&Board::from([("homelab".to_owned(), news)]), (1, 0));
    let known = named(&text);
    for file in ["deploy/prometheus-rules.yml", "deploy/grafana-dashboard.json"] {
        let text = fs::read_to_string(file).expect(file);
        let unknown: Vec<_> = named(&text).difference(&known).copied().collect();
        assert!(!named(&text).is_empty() && unknown.is_empty(), "{file}: {unknown:?} of {known:?}");
    }
    let dashboard = fs::read_to_string("deploy/grafana-dashboard.json").expect("file");
    serde_json::from_str::<serde_json::Value>(&dashboard).expect("JSON");
}

#[test]
fn the_example_settings_are_taken() {
    let lab = Lab::without_engine("settings");
    let text = fs::read_to_string("deploy/reconcile.yaml").expect("file");
    let file = lab.write("reconcile.yaml", &text.replace("/srv/stacks", &lab.path().to_string_lossy()));
    let host = reconcile::source::read_host(&Disk, &file);
    assert!(host.diagnostics.is_empty(), "{:?}", host.diagnostics);
    assert_eq!(host.sources.len(), 2);
}

#[test]
fn the_stack_of_the_daemon_is_taken() {
    let lab = Lab::without_engine("deploy");
    let file = Path::new("deploy/compose.yaml").canonicalize().expect("file");
    let run = lab.reconcile(&["validate", &file.to_string_lossy()]).exits(0);
    assert!(!run.stderr.contains("warning") && !run.stdout.contains("warning"), "{run}");
}
