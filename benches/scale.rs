//! `make bench`: what a look without changes costs by itself, beside an engine that answers at once: thousands of stacks of five
//! services, read from the disk, observed and planned. The engine is the simulated one: one process brings the stacks up and writes down what it shows,
//! another reads that as the answer of each look, and is measured. `SCALE_STACKS` (default `100,1000,10000`) are the numbers of
//! stacks. Asserts nothing.

use reconcile::cycle;
use reconcile::engine::sim::SimEngine;
use reconcile::engine::{EngineError, Observe, ObserveRequest};
use reconcile::execute::{Events, Options, execute};
use reconcile::model::hash::digest;
use reconcile::model::inspected::LookInto;
use reconcile::model::observed::ObservedState;
use reconcile::model::redact::Redactor;
use reconcile::model::report::{LastWords, Outcome};
use reconcile::model::step::{ContainerRef, Step};
use reconcile::plan::{self, Policy};
use reconcile::source::{LoadedSource, SourceRequest, load_source};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tokio::sync::watch;

const SERVICES: usize = 5;
/// Stacks that are brought up on one simulated engine: it looks names up one by one.
const SLICE: usize = 250;
/// Set in the processes that do the work: what they do, and where the stacks are.
const CHILD: &str = "SCALE_CHILD";
const RUNS: usize = 5;

fn main() {
    if let Ok(child) = std::env::var(CHILD) {
        let (task, folder) = child.split_once(' ').expect("a task and a folder");
        return match task {
            "prepare" => prepare(Path::new(folder)),
            _ => measure(Path::new(folder)),
        };
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
        let folder = tempfile::tempdir().expect("a temporary folder");
        let stacks: usize = size.trim().parse().expect("a number");
        for stack in 0..stacks {
            let folder = folder.path().join("stacks").join(format!("s{stack}"));
            fs::create_dir_all(&folder).expect("folder");
            fs::write(folder.join("compose.yaml"), text(stack)).expect("file");
        }
        for task in ["prepare", "measure"] {
            let own = std::env::current_exe().expect("this program");
            let child = format!("{task} {}", folder.path().display());
            let status = Command::new(own).env(CHILD, child).status().expect("it starts");
            assert!(status.success(), "{status}");
        }
    }
}

struct Deaf;

impl Events for Deaf {
    fn started(&self, _: &Step) {}
    fn note(&self, _: &Step, _: &str) {}
    fn finished(&self, _: &Step, _: &Outcome, _: Duration) {}
}

/// The simulated engine waits as a real one would, in time that costs nothing.
fn block_on<T>(work: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_time().start_paused(true).build().expect("a runtime").block_on(work)
}

/// Brings the stacks up and writes down what their engine shows.
fn prepare(folder: &Path) {
    let mut loaded = load(&folder.join("stacks"));
    let mut all = ObservedState::default();
    while !loaded.desired.stacks.is_empty() {
        let mut slice = (*loaded.desired).clone();
        let rest = slice.stacks.keys().nth(SLICE).cloned();
        let rest = rest.map(|first| slice.stacks.split_off(&first)).unwrap_or_default();
        let first = slice.stacks.keys().next().cloned().unwrap_or_default();
        join(&mut all, up(&slice), &first);
        slice.stacks = rest;
        loaded.desired = slice.into();
    }
    all.containers.sort_by(|a, b| a.name.cmp(&b.name));
    all.networks.sort_by(|a, b| a.name.cmp(&b.name));
    fs::write(folder.join("engine.json"), serde_json::to_vec(&all).expect("JSON")).expect("file");
}

fn up(desired: &reconcile::model::desired::DesiredState) -> ObservedState {
    let engine = SimEngine::default();
    let policy = Policy { prune: false, ..Policy::default() };
    block_on(async {
        let planned = cycle::plan(&engine, desired, &policy, 0).await.expect("a plan");
        let (_go_on, stop) = watch::channel(false);
        let (events, redactor) = (&Deaf, &Redactor::default());
        let options = Options { parallel: 8, stop, events, redactor, chance: || 0.0, turns: None };
        let report = execute(&planned.plan, &engine, &options).await;
        assert!(report.is_success(), "the stacks come up");
    });
    engine.snapshot(&plan::observe_request(desired))
}

/// Adds what one engine shows to what another one does, with ids of its own.
fn join(all: &mut ObservedState, mut slice: ObservedState, name: &str) {
    let own = |id: &str| digest(format!("{name} {id}").as_bytes());
    for container in &mut slice.containers {
        container.id = own(&container.id);
        for network in container.networks.values_mut() {
            *network = own(network);
        }
    }
    let is_first = all.containers.is_empty();
    slice.networks.retain(|network| is_first || !matches!(&*network.name, "bridge" | "host" | "none"));
    for network in &mut slice.networks {
        network.id = own(&network.id);
    }
    all.containers.append(&mut slice.containers);
    all.networks.append(&mut slice.networks);
    all.volumes.append(&mut slice.volumes);
    if is_first {
        *all = ObservedState {
            containers: std::mem::take(&mut all.containers),
            networks: std::mem::take(&mut all.networks),
            volumes: std::mem::take(&mut all.volumes),
            ..slice
        };
    }
}

/// An engine that shows what was written down, read anew at each look as an answer is.
struct Recorded(PathBuf);

impl Observe for Recorded {
    async fn observe(&self, _: &ObserveRequest) -> Result<ObservedState, EngineError> {
        let text = fs::read(&self.0).expect("file");
        Ok(serde_json::from_slice(&text).expect("JSON"))
    }

    async fn environments(&self, _: &[String], _: &mut ObservedState) -> Result<(), EngineError> {
        Ok(())
    }

    async fn look_into(&self, _: &[LookInto], _: &mut ObservedState) -> Result<(), EngineError> {
        Ok(())
    }

    async fn last_words(&self, _: &ContainerRef) -> Result<LastWords, EngineError> {
        Ok(LastWords::default())
    }
}

fn measure(folder: &Path) {
    let (engine, policy) = (Recorded(folder.join("engine.json")), Policy::default());
    let (mut reading, mut deciding, mut stacks) = (Vec::new(), Vec::new(), 0);
    for _ in 0..RUNS {
        let begin = Instant::now();
        let loaded = load(&folder.join("stacks"));
        reading.push(begin.elapsed());
        stacks = loaded.desired.stacks.len();
        let begin = Instant::now();
        let planned = block_on(cycle::plan(&engine, &loaded.desired, &policy, 0)).expect("a plan");
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

/// What this process had in memory at most, in MiB.
fn peak() -> f64 {
    let status = fs::read_to_string("/proc/self/status").expect("this process");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|text| text.trim().trim_end_matches(" kB").parse::<f64>().ok()).expect("a number") / 1024.0
}
