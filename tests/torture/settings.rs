//! How the harness is called: everything by the environment, so that `make torture NAME=…` does.

use crate::engine::{Kind, run};
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

/// See the fields.
pub struct Settings {
    /// `TORTURE_SEED`: what random choices come of; the time if it is not given.
    pub seed: u64,
    /// `TORTURE_MINUTES`: when no further round of anything begins.
    pub minutes: u64,
    /// `TORTURE_KILLS`: how often the program is killed.
    pub kills: usize,
    /// `TORTURE_ENGINES`: how many engines there are at a time.
    pub engines: u8,
    /// `TORTURE_FAULTS`: one of so many faults is played at each request; 1 is all of them.
    pub share: usize,
    /// `TORTURE_ONLY`: names of scenarios, if not all.
    pub only: Vec<String>,
    /// `TORTURE_ENGINE_28`: folder of an unpacked newer engine.
    pub newer: Option<PathBuf>,
    /// `TORTURE_REGISTRY`: the program `docker-registry`.
    pub registry: Option<PathBuf>,
    /// `RECONCILE_TEST_COMPOSE`: the reference implementation.
    pub compose: Option<PathBuf>,
    /// Where everything lies while it runs.
    pub run: PathBuf,
    /// `TORTURE_LOGS`: where it is told what happened.
    pub logs: PathBuf,
    /// When it began.
    pub begin: Instant,
    images: PathBuf,
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn file(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).map(PathBuf::from).filter(|path| path.exists())
}

impl Settings {
    /// Reads the environment, and takes the images from the machine's engine.
    pub fn read() -> Result<Self, String> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(1, |time| time.as_secs());
        let run = std::env::temp_dir().join(format!("reconcile-torture-{}", std::process::id()));
        let logs = std::env::var_os("TORTURE_LOGS").map_or_else(|| run.with_extension("logs"), PathBuf::from);
        for folder in [&run, &logs] {
            fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        }
        let only = std::env::var("TORTURE_ONLY").unwrap_or_default();
        let settings = Self {
            seed: number("TORTURE_SEED", now),
            minutes: number("TORTURE_MINUTES", 25),
            kills: usize::try_from(number("TORTURE_KILLS", 50)).unwrap_or(50),
            engines: u8::try_from(number("TORTURE_ENGINES", 3)).unwrap_or(3).clamp(1, 16),
            share: usize::try_from(number("TORTURE_FAULTS", 3)).unwrap_or(3).max(1),
            only: only.split([',', ' ']).filter(|name| !name.is_empty()).map(str::to_owned).collect(),
            newer: file("TORTURE_ENGINE_28"),
            registry: file("TORTURE_REGISTRY"),
            compose: file("RECONCILE_TEST_COMPOSE"),
            images: run.join("images.tar"),
            run,
            logs,
            begin: Instant::now(),
        };
        let images = ["reconcile-test/postgres:17", "reconcile-test/busybox:1"];
        let mut save = Command::new("docker");
        save.args(["save", "-o"]).arg(&settings.images).args(images);
        run_or_explain(&mut save).map(|()| settings)
    }

    /// What an engine is made of: the machine's own programs, or the newer ones.
    pub fn kind(&self, newer: bool) -> Result<Kind, String> {
        let programs = match (newer, &self.newer) {
            (false, _) => None,
            (true, Some(found)) => Some(found.clone()),
            (true, None) => return Err("no newer engine: TORTURE_ENGINE_28 names none".to_owned()),
        };
        Ok(Kind { programs, size: "3g", images: self.images.clone() })
    }

    /// Whether the time is up.
    pub fn is_over(&self) -> bool {
        self.begin.elapsed() > Duration::from_secs(60 * self.minutes)
    }

    /// Whether a scenario is to be played.
    pub fn plays(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|wanted| wanted == name)
    }

    /// Tells a line, on the terminal and in the log.
    pub fn line(&self, scenario: &str, text: &str) {
        use std::io::Write as _;
        let line = format!("{:>6.1} s  {scenario:<10} {text}\n", self.begin.elapsed().as_secs_f64());
        eprint!("{line}");
        let log = fs::File::options().create(true).append(true).open(self.logs.join("rounds.txt"));
        drop(log.and_then(|mut log| log.write_all(line.as_bytes())));
    }
}

impl Drop for Settings {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.run));
    }
}

fn run_or_explain(save: &mut Command) -> Result<(), String> {
    run(save).map(drop).map_err(|error| format!("{error}\nrun `scripts/images.sh test` first"))
}
