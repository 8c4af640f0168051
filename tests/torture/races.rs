//! Two programs at work on one stack at once: whatever comes of it, the next run mends it.

use crate::bench::{Bench, LIMIT};
use crate::program::{self, Running};
use crate::random::Random;
use crate::report::Tally;
use crate::settings::Settings;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Rounds against each rival.
const ROUNDS: usize = 6;
/// The second one starts at most so much later.
const LATER: usize = 4000;

/// Who the rival is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rival {
    /// Another run of the same.
    Same,
    /// A run for the next edition.
    Newer,
    /// `docker compose up`.
    Compose,
}

/// Plays against every rival.
pub fn play(settings: &Settings) -> Tally {
    let mut bench = match Bench::start(settings, "races", false) {
        Ok(bench) => bench,
        Err(error) => return Tally { failures: vec![error], ..Tally::new("races") },
    };
    bench.is_shared = true;
    let mut random = Random::new(settings.seed, "races");
    let mut rivals = vec![Rival::Same, Rival::Newer];
    match &settings.compose {
        Some(_) => rivals.push(Rival::Compose),
        None => settings.line("races", "skipped docker compose: RECONCILE_TEST_COMPOSE names none"),
    }
    bench.tally.wanted = ROUNDS * rivals.len();
    for rival in rivals {
        for _ in 0..ROUNDS {
            let later = Duration::from_millis(random.below(LATER) as u64);
            let title = format!("{rival:?} {later:.0?} later");
            if settings.is_over() || !bench.round(&title, |bench| round(bench, rival, later)) {
                return bench.finish();
            }
        }
    }
    bench.finish()
}

fn round(bench: &mut Bench, rival: Rival, later: Duration) -> Result<(), String> {
    let other = bench.other();
    bench.write(other, None)?;
    let first = bench.reconcile(&bench.engine.host())?;
    std::thread::sleep(later);
    let second = match rival {
        Rival::Same => bench.reconcile(&bench.engine.host())?,
        Rival::Newer => {
            let other = bench.other();
            bench.write(other, None)?;
            bench.reconcile(&bench.engine.host())?
        }
        Rival::Compose => {
            let program = bench.settings.compose.clone().ok_or("no docker compose")?;
            compose(bench, &program)?
        }
    };
    for (who, running) in [("first", first), ("second", second)] {
        let run = running.end(LIMIT)?;
        bench.tally.count(&format!("{rival:?}: {who} ended with {}", run.code.unwrap_or(-1)));
        bench.note(&format!("the {who}: {}", run.whole()));
    }
    let services = bench.services()?;
    bench.note(&format!("running after both: {services:?}"));
    if !services.iter().any(|service| service == "db") {
        bench.tally.count("times the database was down after both");
    }
    bench.settle().map(drop)
}

fn compose(bench: &Bench, program: &Path) -> Result<Running, String> {
    let mut command = Command::new(program);
    command.args(["-p", crate::stack::NAME, "-f", "compose.yaml", "up", "-d", "--pull", "never"]);
    command.current_dir(&bench.dir).env("DOCKER_HOST", bench.engine.host());
    program::start(&mut command, &bench.dir.with_extension("compose"))
}
