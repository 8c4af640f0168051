//! Jobs that run at times, told to people.

use super::output::{BOLD, GREEN, RED, YELLOW};
use crate::daemon::JobNews;
use crate::model::clock;
use crate::plan::{Job, Run, RunState};
use serde_json::{Value, json};

/// A line about something that happened, and whether it is trouble.
pub fn line((stack, service): (&str, &str), news: &JobNews) -> (String, bool) {
    let (text, is_trouble) = match news {
        JobNews::Began(name) => (format!("began {name}"), false),
        JobNews::Ended(name, state @ (RunState::Failed(_) | RunState::TimedOut)) => {
            (format!("{RED}{}{RED:#}; `docker logs {name}` tells more", outcome(*state)), true)
        }
        JobNews::Ended(name, state) => (format!("{name} {GREEN}{}{GREEN:#}", outcome(*state)), false),
        JobNews::Failed(why) => (format!("{RED}failed{RED:#}: {why}"), true),
        JobNews::Skipped(why) => (format!("{YELLOW}skipped{YELLOW:#}: {why}"), false),
        JobNews::Missed(at) => {
            (format!("{YELLOW}missed{YELLOW:#}: nobody was there at {}", clock::utc(*at)), false)
        }
    };
    (format!("job {BOLD}{stack}/{service}{BOLD:#} {text}\n"), is_trouble)
}

/// What became of a run, in words.
pub fn outcome(state: RunState) -> String {
    match state {
        RunState::Failed(code) if code >= 0 => format!("failed with exit code {code}"),
        state => state.as_str().to_owned(),
    }
}

/// A job in a line of the status: when it runs next, and what came of it last.
pub fn summary(job: &Job, now: i64) -> String {
    let mut parts = Vec::new();
    if let Some(run) = job.running().next() {
        parts.push(format!("runs since {}", clock::utc(run.at)));
    }
    parts.push(match job.template.as_ref().map(|template| &template.times) {
        Some(Err(error)) => format!("no times: {error}"),
        _ => job.next(now).map_or("never runs".to_owned(), |at| format!("next {}", clock::utc(at))),
    });
    if let Some(run) = job.last() {
        parts.push(format!("last {} at {}", outcome(run.state), clock::utc(run.at)));
    }
    parts.join(", ")
}

/// All that is known of a job.
pub fn json(job: &Job, now: i64) -> Value {
    let timetable = job.template.as_ref().map(|template| &template.timetable);
    json!({
        "schedule": timetable.map(|timetable| &timetable.schedule),
        "timezone": timetable.map(|timetable| match timetable.timezone.as_str() {
            "" => "UTC",
            name => name,
        }),
        "next": job.next(now).map(clock::iso),
        "runs": job.runs.iter().map(run).collect::<Vec<_>>(),
    })
}

fn run(run: &Run) -> Value {
    json!({
        "name": run.container.name(),
        "at": clock::iso(run.at),
        "outcome": run.state.as_str(),
        "exit_code": run.state.exit_code(),
    })
}
