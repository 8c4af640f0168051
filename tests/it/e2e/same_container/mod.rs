//! The same file gives the same containers: what `docker compose up` and `reconcile` make of one file is held against
//! each other, field by field, as the engine shows it. And whichever of the two comes second finds nothing to do.
//!
//! A case is a compose file in `tests/cases/attributes/`, with what it needs in its first comments (see [`case`]). A sample
//! runs always, all of them with `RECONCILE_TEST_ALL=1` (`make compat`), a single one with `RECONCILE_TEST_CASE=NAME`.

mod case;
mod compare;
mod known;
mod look;

use crate::lab::{Lab, Run, docker, engine_is_there};
use case::Case;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// What runs without `RECONCILE_TEST_ALL`: one case of each group of attributes.
const SAMPLE: [&str; 10] = [
    "anonymous_volumes",
    "environment",
    "inline_configs",
    "labels",
    "memory",
    "namespaces_of_services",
    "networks",
    "ports",
    "security",
    "subpath",
];

/// One case on its way, and what was found.
struct Trial<'a> {
    case: &'a Case,
    lab: Lab,
    compose: OsString,
    problems: Vec<String>,
}

impl Trial<'_> {
    fn reference(&self) -> Run {
        Command::new(&self.compose)
            .args(["up", "-d", "--quiet-pull"])
            .current_dir(self.lab.path())
            .envs(self.case.environment.iter().cloned())
            .stdin(Stdio::null())
            .output()
            .expect("docker-compose starts")
            .into()
    }

    fn reconcile(&self, args: &[&str]) -> Run {
        let environment: Vec<(&str, &str)> =
            self.case.environment.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        self.lab.reconcile_with(args, &environment)
    }

    fn expect(&mut self, what: &str, run: &Run, code: i32) -> bool {
        if run.code != code {
            self.problems.push(format!("{what}: {run}"));
        }
        run.code == code
    }

    fn ids(&self) -> BTreeMap<String, String> {
        let filter = format!("label=com.docker.compose.project={}", self.lab.stack("c"));
        let listed =
            docker(&["ps", "-a", "--no-trunc", "--filter", &filter, "--format", "{{.Names}} {{.ID}}"]);
        let pairs = listed.stdout.lines().filter_map(|line| line.split_once(' '));
        pairs.map(|(name, id)| (name.to_owned(), id.to_owned())).collect()
    }

    /// Notes containers that are others than before, except those of the services that are meant to be.
    fn same(&mut self, before: &BTreeMap<String, String>, what: &str, replaced: &[String]) {
        let after = self.ids();
        let stack = self.lab.stack("c");
        for name in before.keys().chain(after.keys().filter(|name| !before.contains_key(*name))) {
            let service = name.strip_prefix(&format!("{stack}-")).and_then(|rest| rest.rsplit_once('-'));
            let meant = service.is_some_and(|(service, _)| replaced.iter().any(|other| other == service));
            if (before.get(name) == after.get(name)) == meant {
                let did = if meant { "kept" } else { "replaced" };
                self.problems.push(format!("{what} {did} {name}"));
            }
        }
    }

    /// On an engine that would drop the attribute in silence: refused, and nothing made.
    fn refused(&mut self, needs: (u32, u32)) {
        let run = self.reconcile(&["."]);
        self.expect("reconcile must refuse this", &run, 3);
        let wanted = format!("API {}.{}", needs.0, needs.1);
        if !format!("{run}").contains(&wanted) {
            self.problems.push(format!("reconcile does not say {wanted}: {run}"));
        }
        if !self.ids().is_empty() {
            self.problems.push(format!("reconcile made containers nevertheless: {:?}", self.ids()));
        }
    }

    fn run(&mut self) {
        if let Some(needs) = self.case.needs.filter(|needs| look::api() < *needs) {
            return self.refused(needs);
        }
        if self.case.reference_needs.is_some_and(|needs| look::api() < needs) {
            let run = self.reconcile(&["."]);
            self.expect("reconcile fails where the reference is known to", &run, 0);
            let again = self.reconcile(&["--detailed-exitcode", "."]);
            self.expect("a second reconcile has something to do", &again, 0);
            return;
        }
        let up = self.reference();
        if !self.expect("the reference fails", &up, 0) {
            return;
        }
        let theirs = look::record(&self.lab, self.case);
        let before = self.ids();
        let run = self.reconcile(&["."]);
        if !self.expect("reconcile fails on what the reference made", &run, 0) {
            return;
        }
        self.same(&before, "reconcile (after docker compose up)", &self.case.not_adopted);
        self.clear();
        let run = self.reconcile(&["."]);
        if !self.expect("reconcile fails", &run, 0) {
            return;
        }
        for (below, word) in &self.case.warnings {
            let warned = run.stderr.lines().any(|line| line.contains("has no effect") && line.contains(word));
            if warned != (look::api() < *below) {
                self.problems.push(format!("reconcile and its warning about {word}: {run}"));
            }
        }
        let ours = look::record(&self.lab, self.case);
        self.problems.extend(compare::differences(&self.case.name, &theirs, &ours));
        let again = self.reconcile(&["--detailed-exitcode", "."]);
        self.expect("a second reconcile has something to do", &again, 0);
        let before = self.ids();
        let up = self.reference();
        self.expect("the reference fails on what reconcile made", &up, 0);
        self.same(&before, "docker compose up (after reconcile)", &self.case.recreated);
    }

    /// Removes the stack, and nothing else of the lab.
    fn clear(&self) {
        let filter = format!("label=com.docker.compose.project={}", self.lab.stack("c"));
        for (list, remove) in [
            (&["ps", "-aq"][..], &["rm", "-f", "-v"][..]),
            (&["network", "ls", "-q"], &["network", "rm"]),
            (&["volume", "ls", "-q"], &["volume", "rm"]),
        ] {
            let left = || docker(&[list, &["--filter", &filter]].concat()).stdout;
            // A busy engine lets go of a container's networks a moment after the container is gone.
            let begin = Instant::now();
            let mut found = left();
            while !found.is_empty() {
                let all: Vec<&str> = found.lines().collect();
                let run = docker(&[remove, &all].concat());
                assert!(run.code == 0 || begin.elapsed() < Duration::from_secs(10), "{run}");
                found = left();
            }
        }
    }
}

fn trial(case: &Case, compose: OsString) -> Vec<String> {
    let Some(lab) = Lab::new(&case.name.replace('_', "-")) else { return Vec::new() };
    case.prepare(&lab);
    let mut trial = Trial { case, lab, compose, problems: Vec::new() };
    trial.run();
    trial.problems
}

/// Runs cases side by side and says all that is wrong at once.
fn run(wanted: impl Fn(&str) -> bool) {
    let Some(compose) = std::env::var_os("RECONCILE_TEST_COMPOSE") else {
        eprintln!("skipped: RECONCILE_TEST_COMPOSE names no docker-compose program");
        return;
    };
    if !engine_is_there() {
        return;
    }
    let cases: Vec<Case> = Case::all().into_iter().filter(|case| wanted(&case.name)).collect();
    assert!(!cases.is_empty(), "no such case");
    let (waiting, failed) = (Mutex::new(cases.iter()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                loop {
                    let next = waiting.lock().expect("no worker panics while it takes a case").next();
                    let Some(case) = next else { return };
                    let problems = trial(case, compose.clone());
                    let mut failed = failed.lock().expect("no worker panics while it reports");
                    failed.extend(problems.into_iter().map(|problem| format!("{}: {problem}", case.name)));
                }
            });
        }
    });
    let mut failed = failed.into_inner().expect("all workers have ended");
    failed.sort();
    assert!(failed.is_empty(), "{} differences\n{}", failed.len(), failed.join("\n"));
    println!("{} cases", cases.len());
}

#[test]
fn the_same_file_gives_the_same_containers() {
    let all = std::env::var_os("RECONCILE_TEST_ALL").is_some();
    match std::env::var("RECONCILE_TEST_CASE") {
        Ok(one) => run(|name| one.split(',').any(|one| one == name)),
        Err(_) => run(|name| all || SAMPLE.contains(&name)),
    }
}
