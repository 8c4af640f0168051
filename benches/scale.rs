//! `make bench`: what a look without changes costs by itself, beside an engine that answers at once (the simulated one): thousands
//! of stacks of five services, read from the disk, observed and planned. `SCALE_STACKS` (default `100,1000,10000`) are the numbers of stacks;
//! each is measured in a process of its own. Asserts nothing.

use reconcile::cycle;
use reconcile::engine::sim::SimEngine;
use reconcile::execute::{Events, Options, execute};
use reconcile::model::redact::Redactor;
use reconcile::model::report::Outcome;
use reconcile::model::step::Step;
use reconcile::plan::Policy;
use reconcile::source::{LoadedSource, SourceRequest, load_source};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use tokio::sync::watch;

const SERVICES: usize = 5;
/// Set in the processes that measure.
const CHILD: &str = "SCALE_CHILD";
const RUNS: usize = 5;

fn main() {
    if let Ok(stacks) = std::env::var(CHILD) {
        return measure(stacks.parse().expect("a number"));
    }
    if std::env::var("BENCH_ONLY").is_ok_and(|only| only != "scale") {
        return;
    }
    let sizes = std::env::var("SCALE_STACKS").unwrap_or_else(|_| "100,1000,10000".to_owned());
    println!(
        "{:<34}{:>10}{:>12}{:>12}{:>14}",
        "look without changes", "reading", "deciding", "together", "memory at most"
    );
    for size in sizes.split(',') {
        let own = std::env::current_exe().expect("this program");
        let status = Command::new(own).env(CHILD, size.trim()).status().expect("it starts");
        assert!(status.success(), "{status}");
    }
}

struct Deaf;

impl Events for Deaf {
    fn started(&self, _: &Step) {}
    fn note(&self, _: &Step, _: &str) {}
    fn finished(&self, _: &Step, _: &Outcome, _: Duration) {}
}

fn measure(stacks: usize) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for stack in 0..stacks {
        let folder = dir.path().join(format!("s{stack}"));
        fs::create_dir_all(&folder).expect("folder");
        fs::write(folder.join("compose.yaml"), text(stack)).expect("file");
    }
    let (engine, policy) = (SimEngine::default(), Policy::default());
    // The simulated engine waits as a real one would, in time that costs nothing.
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().expect("a runtime");
    runtime.block_on(async {
        let loaded = load(dir.path());
        let planned = cycle::plan(&engine, &loaded.desired, &policy, 0).await.expect("a plan");
        let (_go_on, stop) = watch::channel(false);
        let (events, redactor) = (&Deaf, &Redactor::default());
        let options = Options { parallel: 8, stop, events, redactor, chance: || 0.0 };
        let report = execute(&planned.plan, &engine, &options).await;
        assert!(report.is_success(), "the stacks come up");
        let (mut reading, mut deciding) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            let begin = Instant::now();
            let loaded = load(dir.path());
            reading.push(begin.elapsed());
            let begin = Instant::now();
            let planned = cycle::plan(&engine, &loaded.desired, &policy, 0).await.expect("a plan");
            deciding.push(begin.elapsed());
            assert!(planned.plan.steps.is_empty(), "nothing changed");
        }
        let (reading, deciding) = (median(reading), median(deciding));
        println!(
            "{:<34}{reading:>8.3} s{deciding:>10.3} s{:>10.3} s{:>10.0} MiB",
            format!("{stacks} stacks of {SERVICES}"),
            reading + deciding,
            peak()
        );
    });
}

fn load(root: &Path) -> LoadedSource {
    load_source(&SourceRequest { root: root.to_owned(), cwd: root.to_owned(), ..SourceRequest::default() })
}

fn text(stack: usize) -> String {
    let mut text = format!("name: scale-s{stack}\nservices:\n");
    for service in 0..SERVICES {
        let _ = writeln!(
            text,
            "  app{service}:\n    image: app:1\n    command: [serve]\n    environment: {{LEVEL: info, NUMBER: '{service}'}}\n    volumes: ['data{service}:/data']"
        );
    }
    text.push_str("volumes:\n");
    for service in 0..SERVICES {
        let _ = writeln!(text, "  data{service}: {{}}");
    }
    text
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64()
}

/// What this process had in memory at most, the simulated engine's containers included, in MiB.
fn peak() -> f64 {
    let status = fs::read_to_string("/proc/self/status").expect("this process");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|text| text.trim().trim_end_matches(" kB").parse::<f64>().ok()).expect("a number") / 1024.0
}
