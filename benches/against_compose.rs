//! `make bench`: what a run costs, beside `docker compose` in the same run where it is installed
//! (`RECONCILE_BENCH_COMPOSE` names its program), and beside the same calls to the engine by themselves, the floor. All in
//! turn, so that a drift of the machine's speed meets them all. Prints medians and ratios; asserts nothing about time.
//!
//! `BENCH_SIZES` (default `10,50,100,200`) and `BENCH_RUNS` (default 5) set the extent; `BENCH_ONLY=render` leaves the engine out,
//! `BENCH_ONLY=idle` and `scale` leave all of this out.

mod engine;
#[path = "../tests/it/proxy/mod.rs"]
mod proxy;

use engine::IMAGE;
use proxy::{Proxy, engine_socket};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const PREFIX: &str = "reconcile-bench";
/// The benchmark itself, as a process that does nothing but ask the engine for its lists.
const LISTS: &str = "--lists-of";
/// Calls in flight that the floor is tried with; the best counts.
const PARALLEL: [usize; 3] = [4, 8, 16];

/// One run: time, peak memory in KiB (0 if unknown), requests (0 if they were not counted).
#[derive(Clone, Copy, Default)]
struct Sample {
    time: Duration,
    memory: u64,
    requests: usize,
}

/// The runs of one kind.
#[derive(Default)]
struct Row {
    ours: Vec<Sample>,
    theirs: Vec<Sample>,
    floor: Vec<Sample>,
}

struct Bench {
    dir: tempfile::TempDir,
    socket: Option<PathBuf>,
    compose: Option<PathBuf>,
    runs: usize,
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    if let [_, word, socket] = &args[..]
        && word == LISTS
    {
        return engine::lists(Path::new(socket));
    }
    if std::env::var("BENCH_ONLY").is_ok_and(|only| matches!(&*only, "idle" | "scale")) {
        return;
    }
    let setting = |name: &str, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
    let sizes: Vec<usize> =
        setting("BENCH_SIZES", "10,50,100,200").split(',').filter_map(|n| n.trim().parse().ok()).collect();
    let only_render = setting("BENCH_ONLY", "") == "render";
    let bench = Bench {
        dir: tempfile::tempdir().expect("a temporary folder"),
        socket: engine_socket().filter(|socket| !only_render && socket.exists()),
        compose: std::env::var_os("RECONCILE_BENCH_COMPOSE").map(PathBuf::from).filter(|path| path.exists()),
        runs: setting("BENCH_RUNS", "5").parse().unwrap_or(5),
    };
    if bench.compose.is_none() {
        println!("docker compose is not installed: figures stand alone");
    }
    println!(
        "{:<38}{:>26}{:>26}{:>10}{:>9}{:>9}",
        "", "reconcile", "docker compose", "floor", "compose/", "/floor"
    );
    bench.render(1000, 10);
    bench.render_one(&[100, 1000, 10_000]);
    match bench.socket.clone() {
        Some(socket) => {
            for size in sizes {
                bench.one_stack(size, &socket);
            }
            bench.tree(20, 5, &socket);
            engine::clean(PREFIX);
        }
        None => println!("no local engine: engine figures left out"),
    }
}

fn stack_text(name: &str, services: usize, settings: &str) -> String {
    let mut text = format!("name: {name}\n{settings}services:\n");
    for service in 0..services {
        let _ = writeln!(
            text,
            "  app{service}:\n    image: {IMAGE}\n    command: [sleep, infinity]\n    init: true\n    stop_grace_period: 1s\n    environment: {{LEVEL: info, NUMBER: '{service}'}}"
        );
    }
    text
}

/// How long something takes.
fn timed(work: impl FnOnce()) -> Sample {
    let begin = Instant::now();
    work();
    Sample { time: begin.elapsed(), ..Sample::default() }
}

impl Bench {
    fn write(&self, file: &str, text: &str) {
        let path = self.dir.path().join(file);
        fs::create_dir_all(path.parent().expect("a parent")).expect("folder");
        fs::write(path, text).expect("file");
    }

    /// Runs a program to its end and measures it.
    fn run(&self, program: &Path, at: &str, args: &[&str], proxy: Option<&Proxy>) -> Sample {
        let log = self.dir.path().join("memory");
        let mut command = if Path::new("/usr/bin/time").exists() {
            let mut command = Command::new("/usr/bin/time");
            command.args(["-q", "-f", "%M", "-o"]).arg(&log).arg(program);
            command
        } else {
            Command::new(program)
        };
        if let Some(proxy) = proxy {
            command.env("DOCKER_HOST", proxy.address());
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
        let requests = proxy.map_or(0, |proxy| proxy.take().len());
        Sample { time, memory, requests }
    }

    fn ours(&self, at: &str, args: &[&str]) -> Sample {
        self.run(Path::new(env!("CARGO_BIN_EXE_reconcile")), at, args, None)
    }

    fn theirs(&self, at: &str, args: &[&str]) -> Option<Sample> {
        Some(self.run(self.compose.as_deref()?, at, args, None))
    }

    /// How many requests a run makes: in a run of its own, since counting takes time.
    fn count(&self, row: &mut Row, socket: &Path, ours: (&str, &[&str]), theirs: (&str, &[&str])) {
        let pipe = self.dir.path().join("engine.sock");
        drop(fs::remove_file(&pipe));
        let proxy = Proxy::start(&pipe, socket);
        let program = Path::new(env!("CARGO_BIN_EXE_reconcile"));
        let counted = self.run(program, ours.0, ours.1, Some(&proxy)).requests;
        row.ours.iter_mut().for_each(|sample| sample.requests = counted);
        if let Some(program) = &self.compose {
            let counted = self.run(program, theirs.0, theirs.1, Some(&proxy)).requests;
            row.theirs.iter_mut().for_each(|sample| sample.requests = counted);
        }
    }

    fn render(&self, stacks: usize, services: usize) {
        for stack in 0..stacks {
            let text = stack_text(&format!("{PREFIX}-r{stack}"), services, "");
            self.write(&format!("render/s{stack}/compose.yaml"), &text);
        }
        let mut row = Row::default();
        for _ in 0..self.runs {
            row.ours.push(self.ours("render", &["render", "."]));
            // The reference renders one stack per run; ten runs are measured and stand for all.
            let ten: Option<Vec<Sample>> =
                (0..10).map(|stack| self.theirs(&format!("render/s{stack}"), &["config"])).collect();
            row.theirs.extend(ten.map(|ten| {
                let whole = sum(&ten);
                Sample { time: whole.time * u32::try_from(stacks).expect("small") / 10, ..whole }
            }));
        }
        row.print(&format!("render {stacks} stacks of {services}"));
    }

    /// One stack of more and more services: what one service costs must not grow with their number.
    fn render_one(&self, sizes: &[usize]) {
        let mut first = None;
        for size in sizes {
            let at = format!("render-one{size}");
            self.write(&format!("{at}/compose.yaml"), &stack_text(&format!("{PREFIX}-one"), *size, ""));
            let mut row = Row::default();
            for _ in 0..self.runs {
                row.ours.push(self.ours(&at, &["render", "."]));
                row.theirs.extend(self.theirs(&at, &["config"]));
            }
            row.print(&format!("render one stack of {size}"));
            let each =
                median(&row.ours).time.as_secs_f64() * 1e6 / f64::from(u32::try_from(*size).expect("small"));
            let ratio = each / *first.get_or_insert(each);
            println!(
                "{:<38}{:>26}",
                "  each service, and beside the smallest",
                format!("{each:.1} us {ratio:.2} x")
            );
        }
    }

    /// One stack brought up, left alone, changed and taken down.
    fn one_stack(&self, size: usize, socket: &Path) {
        let name = |whose: &str| format!("{PREFIX}-{whose}{size}");
        let (a, b, c) = (name("a"), name("b"), name("c"));
        let write = |whose: &str, level: &str, settings: &str| {
            let text = stack_text(whose, size, settings);
            self.write(&format!("{whose}/compose.yaml"), &text.replacen("info", level, 1));
        };
        write(&a, "info", "");
        write(&b, "info", "");
        let (mut up, mut down) = (Row::default(), Row::default());
        for run in 0..self.runs {
            up.ours.push(self.ours(&a, &["."]));
            down.ours.push(self.ours(&a, &["down", &a]));
            up.theirs.extend(self.theirs(&b, &["up", "-d"]));
            down.theirs.extend(self.theirs(&b, &["down"]));
            // Each parallelism has its turns; the best run stands for all.
            let parallel = PARALLEL[run % PARALLEL.len()];
            up.floor.push(timed(|| engine::up(socket, &c, size, parallel)));
            down.floor.push(timed(|| engine::down(socket, &c, size, parallel)));
        }
        for row in [&mut up, &mut down] {
            let best = row.floor.iter().min_by_key(|sample| sample.time).copied();
            row.floor = best.into_iter().collect();
        }
        up.print(&format!("first up of {size}"));
        self.ours(&a, &["."]);
        self.theirs(&b, &["up", "-d"]);
        engine::up(socket, &c, 1, 1);
        let mut idle = Row::default();
        for _ in 0..self.runs {
            idle.ours.push(self.ours(&a, &["."]));
            idle.theirs.extend(self.theirs(&b, &["up", "-d"]));
            idle.floor.push(self.lists(socket));
        }
        self.count(&mut idle, socket, (&a, &["."]), (&b, &["up", "-d"]));
        idle.print(&format!("no change in {size}"));
        // Watched for two seconds, as it is by default, and not at all, as with the reference.
        for (settings, what) in [("", ""), ("x-reconcile: {rollout: {running_for: 1ms}}\n", ", not watched")]
        {
            let mut changed = Row::default();
            for run in 0..self.runs {
                let level = format!("level{run}{}", settings.len());
                write(&a, &level, settings);
                write(&b, &level, "");
                changed.ours.push(self.ours(&a, &["."]));
                changed.theirs.extend(self.theirs(&b, &["up", "-d"]));
                changed.floor.push(timed(|| engine::replace(socket, &c, &level)));
            }
            write(&a, "counted", settings);
            write(&b, &format!("counted{}", settings.len()), "");
            self.count(&mut changed, socket, (&a, &["."]), (&b, &["up", "-d"]));
            changed.print(&format!("one service of {size} changed{what}"));
        }
        down.print(&format!("down of {size}"));
        engine::clean(PREFIX);
    }

    /// A process that does nothing but ask for the lists.
    fn lists(&self, socket: &Path) -> Sample {
        let own = std::env::current_exe().expect("this program");
        self.run(&own, ".", &[LISTS, socket.to_str().expect("text")], None)
    }

    fn tree(&self, stacks: usize, services: usize, socket: &Path) {
        for stack in 0..stacks {
            let text = stack_text(&format!("{PREFIX}-t{stack}"), services, "");
            self.write(&format!("tree/s{stack}/compose.yaml"), &text);
        }
        // Both find each other's stacks to be what they want, so they are brought up once.
        self.ours("tree", &["."]);
        let mut row = Row::default();
        for _ in 0..self.runs {
            row.ours.push(self.ours("tree", &["."]));
            let all: Option<Vec<Sample>> =
                (0..stacks).map(|stack| self.theirs(&format!("tree/s{stack}"), &["up", "-d"])).collect();
            row.theirs.extend(all.map(|all| sum(&all)));
            row.floor.push(self.lists(socket));
        }
        self.count(&mut row, socket, ("tree", &["."]), ("tree/s0", &["up", "-d"]));
        row.theirs.iter_mut().for_each(|sample| sample.requests *= stacks);
        row.print(&format!("no change in {stacks} stacks of {services}"));
    }
}

fn sum(samples: &[Sample]) -> Sample {
    Sample {
        time: samples.iter().map(|sample| sample.time).sum(),
        memory: samples.iter().map(|sample| sample.memory).max().unwrap_or(0),
        requests: samples.iter().map(|sample| sample.requests).sum(),
    }
}

/// The median of the times, and the most of the rest.
fn median(samples: &[Sample]) -> Sample {
    let mut times: Vec<Duration> = samples.iter().map(|sample| sample.time).collect();
    times.sort();
    Sample {
        time: times[times.len() / 2],
        memory: samples.iter().map(|sample| sample.memory).max().unwrap_or(0),
        requests: samples.iter().map(|sample| sample.requests).max().unwrap_or(0),
    }
}

fn cell(samples: &[Sample]) -> String {
    if samples.is_empty() {
        return "-".into();
    }
    let Sample { time, memory, requests } = median(samples);
    let requests = if requests == 0 { String::new() } else { format!("{requests} rq") };
    format!("{:.3} s {:>3} MiB {requests:>7}", time.as_secs_f64(), memory / 1024)
}

impl Row {
    fn print(&self, what: &str) {
        let seconds = |samples: &[Sample]| (!samples.is_empty()).then(|| median(samples).time.as_secs_f64());
        let ours = seconds(&self.ours).expect("a run");
        let ratio = |ratio: Option<f64>| ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.2} x"));
        let floor = seconds(&self.floor);
        println!(
            "{what:<38}{:>26}{:>26}{:>10}{:>9}{:>9}",
            cell(&self.ours),
            cell(&self.theirs),
            floor.map_or("-".to_owned(), |floor| format!("{floor:.3} s")),
            ratio(seconds(&self.theirs).map(|theirs| theirs / ours)),
            ratio(floor.map(|floor| ours / floor)),
        );
    }
}
