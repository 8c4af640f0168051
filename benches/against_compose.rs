//! `make bench`: what a run costs, beside `docker compose` in the same run where it is installed
//! (`RECONCILE_BENCH_COMPOSE` names its program), else alone. Prints medians and ratios; asserts nothing about time.
//!
//! `BENCH_SIZES` (default `10,50,100`) and `BENCH_RUNS` (default 5) set the extent; `BENCH_ONLY=render` leaves the engine out, `BENCH_ONLY=idle`
//! leaves all of this out.

#[path = "../tests/it/proxy/mod.rs"]
mod proxy;

use proxy::{Proxy, engine_socket};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const IMAGE: &str = "reconcile-test/busybox:1";
const PREFIX: &str = "reconcile-bench";

/// One run: time, peak memory in KiB (0 if unknown), requests.
#[derive(Clone, Copy)]
struct Sample {
    time: Duration,
    memory: u64,
    requests: usize,
}

struct Bench {
    dir: tempfile::TempDir,
    proxy: Option<Proxy>,
    compose: Option<PathBuf>,
    runs: usize,
}

fn main() {
    if std::env::var("BENCH_ONLY").is_ok_and(|only| only == "idle") {
        return;
    }
    let setting = |name: &str, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
    let sizes: Vec<usize> =
        setting("BENCH_SIZES", "10,50,100").split(',').filter_map(|n| n.trim().parse().ok()).collect();
    let dir = tempfile::tempdir().expect("a temporary folder");
    let only_render = setting("BENCH_ONLY", "") == "render";
    let proxy = engine_socket()
        .filter(|socket| !only_render && socket.exists())
        .map(|socket| Proxy::start(&dir.path().join("engine.sock"), &socket));
    let compose = std::env::var_os("RECONCILE_BENCH_COMPOSE").map(PathBuf::from).filter(|path| path.exists());
    let bench = Bench { dir, proxy, compose, runs: setting("BENCH_RUNS", "5").parse().unwrap_or(5) };
    if bench.compose.is_none() {
        println!("docker compose is not installed: figures stand alone");
    }
    println!("{:<44} {:>22} {:>22} {:>8}", "", "reconcile", "docker compose", "ratio");
    bench.render(1000, 10);
    bench.render_one(&[100, 1000, 10_000]);
    if bench.proxy.is_some() {
        for size in sizes {
            bench.one_stack(size);
        }
        bench.tree(20, 5);
    } else {
        println!("no local engine: engine figures left out");
    }
    bench.clean();
}

fn stack_text(name: &str, services: usize) -> String {
    let mut text = format!("name: {name}\nservices:\n");
    for service in 0..services {
        let _ = writeln!(
            text,
            "  app{service}:\n    image: {IMAGE}\n    command: [sleep, infinity]\n    init: true\n    stop_grace_period: 1s\n    environment: {{LEVEL: info, NUMBER: '{service}'}}"
        );
    }
    text
}

impl Bench {
    fn write(&self, file: &str, text: &str) {
        let path = self.dir.path().join(file);
        fs::create_dir_all(path.parent().expect("a parent")).expect("folder");
        fs::write(path, text).expect("file");
    }

    /// Runs a program to its end and measures it.
    fn run(&self, program: &Path, at: &str, args: &[&str]) -> Sample {
        let log = self.dir.path().join("memory");
        let mut command = if Path::new("/usr/bin/time").exists() {
            let mut command = Command::new("/usr/bin/time");
            command.args(["-q", "-f", "%M", "-o"]).arg(&log).arg(program);
            command
        } else {
            Command::new(program)
        };
        if let Some(proxy) = &self.proxy {
            command.env("DOCKER_HOST", proxy.address());
            proxy.take();
        }
        command
            .args(args)
            .current_dir(self.dir.path().join(at))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let begin = Instant::now();
        let status = command.status().expect("the program starts");
        let time = begin.elapsed();
        assert!(status.success(), "{} {args:?} in {at}: {status}", program.display());
        let memory = fs::read_to_string(&log).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0);
        let requests = self.proxy.as_ref().map_or(0, |proxy| proxy.take().len());
        Sample { time, memory, requests }
    }

    fn ours(&self, at: &str, args: &[&str]) -> Sample {
        self.run(Path::new(env!("CARGO_BIN_EXE_reconcile")), at, args)
    }

    fn theirs(&self, at: &str, args: &[&str]) -> Option<Sample> {
        Some(self.run(self.compose.as_deref()?, at, args))
    }

    /// Both in turn, so that a drift of the machine's speed meets both.
    fn pairs(
        &self,
        ours: impl Fn(&Self) -> Sample,
        theirs: impl Fn(&Self) -> Option<Sample>,
    ) -> (Vec<Sample>, Vec<Sample>) {
        let (mut left, mut right) = (Vec::new(), Vec::new());
        for _ in 0..self.runs {
            left.push(ours(self));
            right.extend(theirs(self));
        }
        (left, right)
    }

    fn render(&self, stacks: usize, services: usize) {
        for stack in 0..stacks {
            self.write(
                &format!("render/s{stack}/compose.yaml"),
                &stack_text(&format!("{PREFIX}-r{stack}"), services),
            );
        }
        // The reference renders one stack per run; ten runs are measured and stand for all.
        let (ours, theirs) = self.pairs(
            |bench| bench.ours("render", &["render", "."]),
            |bench| {
                let samples: Option<Vec<Sample>> =
                    (0..10).map(|stack| bench.theirs(&format!("render/s{stack}"), &["config"])).collect();
                let mut whole = sum(&samples?);
                whole.time = whole.time * u32::try_from(stacks).expect("small") / 10;
                Some(whole)
            },
        );
        print(&format!("render {stacks} stacks of {services}"), &ours, &theirs);
    }

    /// One stack of more and more services: what one service costs must not grow with their number.
    fn render_one(&self, sizes: &[usize]) {
        let mut first = None;
        for size in sizes {
            let at = format!("render-one{size}");
            self.write(&format!("{at}/compose.yaml"), &stack_text(&format!("{PREFIX}-one"), *size));
            let (ours, theirs) =
                self.pairs(|bench| bench.ours(&at, &["render", "."]), |bench| bench.theirs(&at, &["config"]));
            print(&format!("render one stack of {size}"), &ours, &theirs);
            let each =
                median(&ours).time.as_secs_f64() * 1e6 / f64::from(u32::try_from(*size).expect("small"));
            let ratio = each / *first.get_or_insert(each);
            println!(
                "{:<44} {each:>19.1} us {:>22} {ratio:>6.2} x",
                "  each service, and beside the smallest", ""
            );
        }
    }

    fn one_stack(&self, size: usize) {
        let file = format!("one{size}/compose.yaml");
        let at = format!("one{size}");
        let text = stack_text(&format!("{PREFIX}-one{size}"), size);
        self.write(&file, &text);
        let up = |bench: &Self| {
            let sample = bench.ours(&at, &["."]);
            bench.clean();
            sample
        };
        let compose_up = |bench: &Self| {
            let sample = bench.theirs(&at, &["up", "-d"]);
            bench.clean();
            sample
        };
        let (ours, theirs) = (
            vec![up(self), up(self)],
            [compose_up(self), compose_up(self)].into_iter().flatten().collect::<Vec<_>>(),
        );
        print(&format!("first up of {size}"), &ours, &theirs);
        self.ours(&at, &["."]);
        let ours: Vec<Sample> = (0..self.runs).map(|_| self.ours(&at, &["."])).collect();
        let changed = |level: usize| self.write(&file, &text.replacen("info", &format!("level{level}"), 1));
        let our_change: Vec<Sample> = (0..self.runs)
            .map(|run| {
                changed(run);
                self.ours(&at, &["."])
            })
            .collect();
        self.clean();
        self.write(&file, &text);
        self.theirs(&at, &["up", "-d"]);
        let theirs: Vec<Sample> = (0..self.runs).filter_map(|_| self.theirs(&at, &["up", "-d"])).collect();
        let their_change: Vec<Sample> = (0..self.runs)
            .filter_map(|run| {
                changed(run);
                self.theirs(&at, &["up", "-d"])
            })
            .collect();
        self.clean();
        print(&format!("no change in {size}"), &ours, &theirs);
        print(&format!("one service of {size} changed"), &our_change, &their_change);
    }

    fn tree(&self, stacks: usize, services: usize) {
        for stack in 0..stacks {
            self.write(
                &format!("tree/s{stack}/compose.yaml"),
                &stack_text(&format!("{PREFIX}-t{stack}"), services),
            );
        }
        self.ours("tree", &["."]);
        let ours: Vec<Sample> = (0..self.runs).map(|_| self.ours("tree", &["."])).collect();
        self.clean();
        let all = |bench: &Self| -> Option<Sample> {
            let samples: Option<Vec<Sample>> =
                (0..stacks).map(|stack| bench.theirs(&format!("tree/s{stack}"), &["up", "-d"])).collect();
            Some(sum(&samples?))
        };
        all(self);
        let theirs: Vec<Sample> = (0..self.runs).filter_map(|_| all(self)).collect();
        self.clean();
        print(&format!("no change in {stacks} stacks of {services}"), &ours, &theirs);
    }

    /// Removes what the benchmark made, and nothing else.
    fn clean(&self) {
        if self.proxy.is_none() {
            return;
        }
        let filter = format!("name={PREFIX}");
        for (list, remove) in
            [(&["ps", "-aq"][..], &["rm", "-f"][..]), (&["network", "ls", "-q"], &["network", "rm"])]
        {
            let found = Command::new("docker")
                .args(list)
                .args(["--filter", &filter])
                .output()
                .expect("the docker client");
            let found = String::from_utf8_lossy(&found.stdout).into_owned();
            if !found.trim().is_empty() {
                drop(Command::new("docker").args(remove).args(found.lines()).output());
            }
        }
    }
}

fn sum(samples: &[Sample]) -> Sample {
    Sample {
        time: samples.iter().map(|sample| sample.time).sum(),
        memory: samples.iter().map(|sample| sample.memory).max().unwrap_or(0),
        requests: samples.iter().map(|sample| sample.requests).sum(),
    }
}

fn median(samples: &[Sample]) -> Sample {
    let mut times: Vec<Duration> = samples.iter().map(|sample| sample.time).collect();
    times.sort();
    Sample { time: times[times.len() / 2], ..sum_max(samples) }
}

fn sum_max(samples: &[Sample]) -> Sample {
    Sample {
        time: Duration::ZERO,
        memory: samples.iter().map(|sample| sample.memory).max().unwrap_or(0),
        requests: samples.iter().map(|sample| sample.requests).max().unwrap_or(0),
    }
}

fn cell(samples: &[Sample]) -> String {
    if samples.is_empty() {
        return "-".into();
    }
    let Sample { time, memory, requests } = median(samples);
    format!("{:.3} s {:>3} MiB {requests:>4} rq", time.as_secs_f64(), memory / 1024)
}

fn print(what: &str, ours: &[Sample], theirs: &[Sample]) {
    let ratio = if theirs.is_empty() {
        "-".into()
    } else {
        format!("{:.1} x", median(theirs).time.as_secs_f64() / median(ours).time.as_secs_f64())
    };
    println!("{what:<44} {:>22} {:>22} {ratio:>8}", cell(ours), cell(theirs));
}
