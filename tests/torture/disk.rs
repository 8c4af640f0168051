//! The engine's disk is full: during a pull, during a build, and from any request of an update on.

use crate::bench::{Bench, LIMIT, reasons};
use crate::engine::run;
use crate::program::Ended;
use crate::proxy::fault::{Fault, Point};
use crate::random::Random;
use crate::report::Tally;
use crate::settings::Settings;
use crate::stack::{Flaw, NAME};
use crate::state::running;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, mpsc};
use std::time::Duration;

/// How many moments of an update are tried.
const MOMENTS: usize = 6;
/// What is left free for pulls and builds that need more, in kilobytes.
const LITTLE: u64 = 20_000;

/// Plays a pull, a build, and updates.
pub fn play(settings: &Settings) -> Tally {
    let mut bench = match Bench::start(settings, "disk", false) {
        Ok(bench) => bench,
        Err(error) => return Tally { failures: vec![error], ..Tally::new("disk") },
    };
    bench.tally.wanted = 2 + MOMENTS;
    // A database that cannot write ends with an error, and nobody can tell that from one whose new version is wrong.
    bench.ends_by_itself = true;
    let registry = match registry(&bench) {
        Ok(registry) => registry,
        Err(error) => {
            bench.tally.failures.push(error);
            return bench.finish();
        }
    };
    if registry.is_none() {
        bench.tally.wanted -= 1;
        settings.line("disk", "skipped the pull: TORTURE_REGISTRY names no docker-registry");
    }
    let images = [(Flaw::BigPull, registry.is_some()), (Flaw::BigBuild, true)];
    for (flaw, _) in images.into_iter().filter(|(_, possible)| *possible) {
        if settings.is_over() || !bench.round(&format!("{flaw:?}"), |bench| image(bench, flaw)) {
            return bench.finish();
        }
    }
    moments(&mut bench, settings);
    bench.finish()
}

fn moments(bench: &mut Bench, settings: &Settings) {
    let mut random = Random::new(settings.seed, "disk");
    let points = match bench.requests() {
        Ok(points) => points,
        Err(error) => return bench.tally.failures.push(error),
    };
    for at in 0..MOMENTS {
        let part = points.len() / MOMENTS;
        let point = points[at * part + random.below(part)].clone();
        if settings.is_over() || !bench.round(&format!("full at {point}"), |bench| moment(bench, point)) {
            return;
        }
    }
}

/// A registry in the engine's own network, with an image that is too big.
fn registry(bench: &Bench) -> Result<Option<Child>, String> {
    let Some(program) = &bench.settings.registry else { return Ok(None) };
    let config = bench.engine.dir.join("registry.yml");
    let text = format!(
        "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: '127.0.0.1:5000'}}\n",
        bench.engine.dir.join("registry").display()
    );
    fs::write(&config, text).map_err(|error| error.to_string())?;
    let mut command = bench.engine.inside(&program.to_string_lossy());
    command.arg("serve").arg(&config).stdout(Stdio::null()).stderr(Stdio::null());
    let registry = command.env("OTEL_TRACES_EXPORTER", "none").spawn().map_err(|error| error.to_string())?;
    let build = bench.dir.join("big");
    fs::create_dir_all(&build).map_err(|error| error.to_string())?;
    let dockerfile = "FROM reconcile-test/busybox:1\nRUN dd if=/dev/urandom of=/big bs=1M count=60\n";
    fs::write(build.join("Dockerfile"), dockerfile).map_err(|error| error.to_string())?;
    let image = "127.0.0.1:5000/torture/big:1";
    let host = bench.engine.host();
    let mut command = Command::new("docker");
    command.args(["--host", &host, "build", "-q", "-t", image]).arg(&build).env("DOCKER_BUILDKIT", "0");
    run(&mut command)?;
    let mut pushed = Err(String::new());
    for _ in 0..20 {
        pushed = bench.engine.docker(&["push", "-q", image]);
        if pushed.is_ok() {
            break;
        }
        std::thread::sleep(Duration::from_millis(250));
    }
    pushed?;
    bench.engine.docker(&["rmi", "-f", image])?;
    bench.engine.docker(&["image", "prune", "-f"])?;
    Ok(Some(registry))
}

/// Leaves so many kilobytes free on the engine's disk.
fn fill(bench: &Bench, left: u64) -> Result<(), String> {
    let data = bench.engine.dir.join("data");
    let line = format!(
        "free=$(df -k --output=avail {0} | tail -1); fallocate -l $(( (free - {left}) * 1024 )) {0}/filler",
        data.display()
    );
    run(bench.engine.inside("sh").args(["-c", &line])).map(drop)
}

fn free(bench: &Bench) -> Result<(), String> {
    let data = bench.engine.dir.join("data");
    run(bench.engine.inside("rm").arg("-f").arg(data.join("filler")).arg(data.join("filler.rest"))).map(drop)
}

/// An image that does not fit: nothing is touched, and the reason is told. Once it fits, the same is applied.
fn image(bench: &mut Bench, flaw: Flaw) -> Result<(), String> {
    let before = running(&bench.engine.api, NAME)?;
    bench.write(bench.edition, Some(flaw))?;
    fill(bench, LITTLE)?;
    let run = bench.reconcile(&bench.engine.host())?.end(LIMIT);
    free(bench)?;
    let run = run?;
    says_full(bench, &run)?;
    if running(&bench.engine.api, NAME)? != before {
        return Err("something was touched although its image did not fit".to_owned());
    }
    let run = bench.reconcile(&bench.engine.host())?.end(LIMIT)?;
    bench.note(&format!("with space: {}", run.whole()));
    if run.code != Some(0) {
        return Err(format!("with space it fails too: {}", reasons(&run)));
    }
    bench.write(bench.edition, None)?;
    bench.settle()?;
    bench.engine.docker(&["image", "prune", "-f"]).map(drop)
}

/// The disk gets full in the middle of an update.
fn moment(bench: &mut Bench, point: Point) -> Result<(), String> {
    let other = bench.other();
    bench.write(other, None)?;
    let data = bench.engine.dir.join("data");
    // As much as can be had at once, and then the rest: what is free changes meanwhile.
    let line = format!(
        "fallocate -l $(( ($(df -k --output=avail {0} | tail -1) - 1024) * 1024 )) {0}/filler && ! cat /dev/zero >{0}/filler.rest",
        data.display()
    );
    let mut command = bench.engine.inside("sh");
    command.args(["-c", &line]);
    let command = std::sync::Mutex::new(command);
    let (sender, receiver) = mpsc::channel();
    let hook = Arc::new(move || {
        if let Ok(mut command) = command.lock() {
            sender.send(run(&mut command)).unwrap_or_default();
        }
    });
    bench.arm(vec![(point, Fault::Before(hook))])?;
    let run = bench.reconcile(&bench.proxy.address())?.end(LIMIT);
    let services = bench.services();
    free(bench)?;
    let run = run?;
    bench.note(&format!("the disturbed run: {}; running after it: {services:?}", run.whole()));
    match receiver.try_recv() {
        Ok(filled) => filled.map(drop)?,
        Err(_) => return Err("the disk did not get full: the request did not occur".to_owned()),
    }
    bench.tally.count("updates on a disk that got full");
    if run.code != Some(0) {
        bench.tally.count("of these failed");
    }
    if !services?.iter().any(|service| service == "db") {
        bench.tally.count("times the database was down with the disk full");
    }
    bench.settle().map(drop)
}

fn says_full(bench: &mut Bench, run: &Ended) -> Result<(), String> {
    bench.note(&format!("the run: {}", run.whole()));
    if run.code == Some(0) {
        return Err("it is said to have been applied".to_owned());
    }
    let reason = reasons(run);
    bench.settings.line("disk", &format!("        {}", reason.lines().next().unwrap_or_default()));
    if reason.contains("no space left on device") || reason.contains("No space left on device") {
        return Ok(());
    }
    Err(format!("the error does not tell that the disk is full: {reason}"))
}
