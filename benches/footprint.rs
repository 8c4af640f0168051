//! `make bench`: what the daemon takes while nothing happens: memory, and time of the processor, its children's included.
//!
//! `BENCH_STACKS` (default 100) of five services each are brought up from a git repository, followed at a poll of 30 s for
//! `BENCH_IDLE` seconds (default 120), then at a poll of 2 s, with the repository as it is and with ten thousand further
//! files in it. Asserts nothing.

mod engine;
#[path = "../tests/it/proxy/mod.rs"]
mod proxy;

use engine::IMAGE;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

const PREFIX: &str = "reconcile-idle";
const SERVICES: usize = 5;
/// What the kernel counts the time of processes in, on every platform that Linux still runs on.
const TICKS_PER_SECOND: f64 = 100.0;
/// The first look, and what it leaves to be done, is over by then.
const SETTLES: Duration = Duration::from_secs(15);

fn main() {
    let setting = |name: &str, default: u64| {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    if std::env::var("BENCH_ONLY").is_ok_and(|only| only != "idle") {
        return;
    }
    let stacks = setting("BENCH_STACKS", 100);
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (work, bare, state) =
        (dir.path().join("work"), dir.path().join("repo.git"), dir.path().join("state"));
    for stack in 0..stacks {
        let path = work.join(format!("stacks/s{stack}/compose.yaml"));
        fs::create_dir_all(path.parent().expect("a parent")).expect("folder");
        fs::write(path, text(stack)).expect("file");
    }
    git(dir.path(), &["init", "-q", "--bare", "-b", "main", "repo.git"]);
    git(&work, &["init", "-q", "-b", "main", "."]);
    push(&work, &bare);
    let args = |command: &[&str]| -> Vec<String> {
        let own = ["--state-dir", state.to_str().expect("text"), bare.to_str().expect("text")];
        command.iter().chain(&own).map(ToString::to_string).collect()
    };
    let up = Command::new(env!("CARGO_BIN_EXE_reconcile"))
        .args(args(&["--quiet"]))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("the program starts");
    if up.success() {
        let what = format!("daemon with {stacks} stacks of {SERVICES}, a repository");
        let idle = Daemon::start(&args(&["watch", "--interval", "30s"])).over(setting("BENCH_IDLE", 120));
        println!("{:<58} {:>6.1} MiB resident", format!("{what}, poll 30 s"), idle.memory);
        println!("{:<58} {:>6.3} % of a core", "", 100.0 * idle.share);
        let short = |what: &str| {
            let busy = Daemon::start(&args(&["watch", "--interval", "2s"])).over(30);
            println!("{what:<58} {:>6.1} ms of a core", busy.share * 2000.0);
            busy.share
        };
        let small = short("each poll without news");
        for folder in 0..100 {
            let path = work.join(format!("other/d{folder}"));
            fs::create_dir_all(&path).expect("folder");
            for file in 0..100 {
                fs::write(path.join(format!("f{file}")), format!("{folder} {file}\n")).expect("file");
            }
        }
        push(&work, &bare);
        let large = short("each, with 10,000 further files in the repository");
        println!("{:<58} {:>6.2} x", "", large / small);
    } else {
        println!("the stacks could not be brought up ({up}): the daemon is not measured");
    }
    engine::clean(&format!("{PREFIX}-s"));
}

/// Without networks of their own: an engine has addresses for about thirty.
fn text(stack: u64) -> String {
    let mut text = format!("name: {PREFIX}-s{stack}\nservices:\n");
    for service in 0..SERVICES {
        let _ = writeln!(
            text,
            "  app{service}:\n    image: {IMAGE}\n    command: [sleep, infinity]\n    init: true\n    network_mode: none\n    stop_grace_period: 1s\n    environment: {{LEVEL: info, NUMBER: '{service}'}}"
        );
    }
    text
}

fn git(at: &Path, args: &[&str]) {
    let who = ["-c", "user.name=Bench", "-c", "user.email=bench@example.org"];
    let status = Command::new("git").args(who).args(args).current_dir(at).status().expect("git is there");
    assert!(status.success(), "git {args:?}: {status}");
}

fn push(work: &Path, bare: &Path) {
    git(work, &["add", "-A"]);
    git(work, &["commit", "-q", "-m", "stacks"]);
    git(work, &["push", "-q", bare.to_str().expect("text"), "main"]);
}

/// What it took over some time.
struct Use {
    /// MiB at the end.
    memory: f64,
    /// Of a core.
    share: f64,
}

struct Daemon(Child);

impl Daemon {
    fn start(args: &[String]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_reconcile"));
        let daemon = command.args(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        sleep(SETTLES);
        Self(daemon.expect("the program starts"))
    }

    fn over(self, seconds: u64) -> Use {
        let (begin, before) = (Instant::now(), self.ticks());
        sleep(Duration::from_secs(seconds));
        let share = (self.ticks() - before) / TICKS_PER_SECOND / begin.elapsed().as_secs_f64();
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id())).expect("it still runs");
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = resident.and_then(|text| text.trim().trim_end_matches(" kB").parse::<f64>().ok());
        Use { memory: kib.expect("a number") / 1024.0, share }
    }

    /// The time of the process and of its children that ended.
    fn ticks(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0.id())).expect("it still runs");
        // The name of the program may hold blanks; the state comes first after it.
        let fields = stat.rsplit_once(") ").expect("a name").1.split(' ');
        fields.skip(11).take(4).map(|field| field.parse::<f64>().expect("a number")).sum()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let pid = self.0.id().to_string();
        drop(Command::new("kill").args(["-TERM", &pid]).status());
        drop(self.0.wait());
    }
}
