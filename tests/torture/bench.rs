//! An engine of its own with the stack on it, a proxy before it, and a client that writes rows: what rounds are played on.

mod settle;

use crate::engine::Engine;
use crate::program::{self, Running};
use crate::proxy::Proxy;
use crate::proxy::fault::{Fault, Point};
use crate::report::Tally;
use crate::settings::Settings;
use crate::stack::{self, Flaw};
use crate::state::{Started, State, running};
use crate::writer::Writer;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

pub use settle::reasons;

/// How long a run may take: well above what it takes on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(240);

/// See the module.
pub struct Bench<'s> {
    /// How the harness was called.
    pub settings: &'s Settings,
    /// What it has come to.
    pub tally: Tally,
    /// Its engine.
    pub engine: Engine,
    /// What stands between the program and the engine.
    pub proxy: Proxy,
    /// What writes rows.
    pub writer: Writer,
    /// Folder of the compose file.
    pub dir: PathBuf,
    /// Whether others than the program have their hands in the stack: see [`State::loose`].
    pub is_shared: bool,
    /// Whether a new container may fail by itself because of what is disturbed, as a database does on a full disk.
    pub ends_by_itself: bool,
    /// The edition that stands, 1 or 2.
    pub edition: u32,
    references: BTreeMap<u32, State>,
    identity: String,
    begin: Instant,
    runs: usize,
    log: String,
    has_waited: bool,
}

impl<'s> Bench<'s> {
    /// Brings the stack up, and remembers what both of its editions look like when nothing disturbs.
    pub fn start(settings: &'s Settings, name: &str, newer: bool) -> Result<Self, String> {
        let kind = settings.kind(newer)?;
        let engine = Engine::start(&settings.run, name, &kind)?;
        let dir = engine.dir.join("stack");
        fs::create_dir_all(&dir).map_err(|error| error.to_string())?;
        let proxy = Proxy::start(&engine.dir.join("proxy.sock"), &engine.api.socket);
        fs::write(dir.join("compose.yaml"), stack::text(1, None)).map_err(|error| error.to_string())?;
        let up = program::reconcile(&dir, &engine.host(), &["."], 0)?.end(LIMIT)?;
        if up.code != Some(0) {
            return Err(format!("the stack does not come up: {}", up.whole()));
        }
        let writer = Writer::start(engine.address(stack::PORT))?;
        let identity = writer.identity()?;
        let mut bench = Self {
            settings,
            tally: Tally::new(name),
            engine,
            proxy,
            writer,
            dir,
            is_shared: false,
            ends_by_itself: false,
            edition: 1,
            references: BTreeMap::new(),
            identity,
            begin: Instant::now(),
            runs: 0,
            log: String::new(),
            has_waited: false,
        };
        for edition in [2, 1] {
            bench.write(edition, None)?;
            bench.arm(Vec::new())?;
            let run = bench.reconcile(&bench.proxy.address())?.end(LIMIT)?;
            if run.code != Some(0) {
                return Err(format!("an undisturbed update fails: {}", run.whole()));
            }
            let state = bench.state()?;
            bench.references.insert(edition, state);
        }
        Ok(bench)
    }

    /// Writes the compose file.
    pub fn write(&mut self, edition: u32, flaw: Option<Flaw>) -> Result<(), String> {
        self.edition = edition;
        let text = stack::text(edition, flaw);
        fs::write(self.dir.join("compose.yaml"), text).map_err(|error| error.to_string())
    }

    /// The edition that does not stand.
    pub const fn other(&self) -> u32 {
        3 - self.edition
    }

    /// Lets these go wrong in the next run that passes the proxy.
    pub fn arm(&self, faults: Vec<(Point, Fault)>) -> Result<(), String> {
        self.proxy.arm(faults, self.engine.api.names()?);
        Ok(())
    }

    /// Starts the program, for the engine at `host`.
    pub fn reconcile(&mut self, host: &str) -> Result<Running, String> {
        self.reconcile_with(host, &["--format", "json", "."])
    }

    fn reconcile_with(&mut self, host: &str, arguments: &[&str]) -> Result<Running, String> {
        self.runs += 1;
        program::reconcile(&self.dir, host, arguments, self.runs)
    }

    /// Whether a container that runs has the database's port.
    pub fn has_port(&self) -> Result<bool, String> {
        let found = self.engine.api.get("/containers/json")?;
        let ports = found.as_array().into_iter().flatten().filter_map(|one| one["Ports"].as_array());
        Ok(ports.flatten().any(|port| port["PublicPort"] == stack::PORT))
    }

    /// What the engine holds of the stack.
    pub fn state(&self) -> Result<State, String> {
        State::of(&self.engine.api, stack::NAME)
    }

    /// What it holds of an edition that came about undisturbed.
    pub fn reference(&self, edition: u32) -> &State {
        &self.references[&edition]
    }

    /// Id and start time of what no version changes.
    pub fn untouched(&self) -> Result<Started, String> {
        Ok(running(&self.engine.api, stack::NAME)?.remove(stack::UNTOUCHED).unwrap_or_default())
    }

    /// The requests of an undisturbed update that change something.
    pub fn requests(&mut self) -> Result<Vec<Point>, String> {
        let other = self.other();
        self.write(other, None)?;
        self.arm(Vec::new())?;
        self.reconcile(&self.proxy.address())?.end(LIMIT)?;
        let points = self.proxy.points();
        self.settle()?;
        Ok(points.into_iter().filter(|point| !point.label.starts_with("GET ")).collect())
    }

    /// Which services run.
    pub fn services(&self) -> Result<Vec<String>, String> {
        Ok(running(&self.engine.api, stack::NAME)?.into_keys().collect())
    }

    /// Remembers something of the round, to be kept if the round fails.
    pub fn note(&mut self, text: &str) {
        let _ = writeln!(self.log, "[{:.2?}] {text}", self.begin.elapsed());
    }

    /// Plays a round; if it fails, keeps everything that may tell why, and brings the stack back.
    /// False if that is not possible.
    pub fn round(&mut self, title: &str, play: impl FnOnce(&mut Self) -> Result<(), String>) -> bool {
        self.log.clear();
        self.note(title);
        self.tally.rounds += 1;
        let Err(failure) = play(self) else {
            self.settings.line(&self.tally.name, &format!("ok      {title}"));
            return true;
        };
        let folder = format!("{}-{}", self.tally.name, self.tally.rounds);
        self.settings.line(&self.tally.name, &format!("FAILED  {title}: {failure} ({folder})"));
        self.keep(&folder, &failure);
        self.tally.failures.push(format!("round {}: {title}: {failure} (see {folder}/)", self.tally.rounds));
        let mut recovered = Err(String::new());
        for _ in 0..3 {
            recovered = self.settle().map(drop);
            if recovered.is_ok() {
                self.settings.line(&self.tally.name, "        (went on after a further run)");
                return true;
            }
        }
        let reason = recovered.err().unwrap_or_default();
        self.tally.failures.push(format!("given up after that: further runs do not mend it: {reason}"));
        false
    }

    fn keep(&self, folder: &str, failure: &str) {
        let folder = self.settings.logs.join(folder);
        drop(fs::create_dir_all(&folder));
        let points: Vec<String> = self.proxy.points().iter().map(ToString::to_string).collect();
        let ask = |args: &[&str]| self.engine.docker(args).unwrap_or_else(|error| error);
        let ids = ask(&["ps", "-aq", "--no-trunc"]);
        let ids: Vec<&str> = ids.lines().collect();
        let plan = program::reconcile(&self.dir, &self.engine.host(), &["--dry-run", "."], 0)
            .and_then(|run| run.end(LIMIT))
            .map_or_else(|error| error, |run| run.whole());
        for (file, text) in [
            ("round.txt", format!("seed {}\n{}\nFAILED: {failure}\n", self.settings.seed, self.log)),
            ("requests.txt", points.join("\n")),
            ("struck.txt", self.proxy.struck().join("\n")),
            ("plan-after.txt", plan),
            ("containers.txt", ask(&["ps", "-a", "--no-trunc"])),
            ("inspect.json", ask(&[&["inspect"], &ids[..]].concat())),
            ("networks.txt", ask(&["network", "ls"])),
            ("compose.yaml", fs::read_to_string(self.dir.join("compose.yaml")).unwrap_or_default()),
            ("engine.log", fs::read_to_string(self.engine.dir.join("log")).unwrap_or_default()),
        ] {
            drop(fs::write(folder.join(file), text));
        }
    }

    /// The end: every acknowledged row is there.
    pub fn finish(mut self) -> Tally {
        self.writer.end();
        let found = self.writer.verify();
        let book = self.writer.book();
        self.tally.rows =
            (book.written, book.acknowledged.len(), found.as_ref().copied().unwrap_or_default());
        self.tally.longest_gap = book.longest_gap;
        if let Err(error) = found {
            self.keep(&format!("{}-end", self.tally.name), &error);
            self.tally.failures.push(error);
        }
        self.tally.elapsed = self.begin.elapsed();
        self.tally
    }
}
