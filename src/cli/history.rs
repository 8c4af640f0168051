//! `reconcile history`: what was deployed, when, and what came of it. It reads files and nothing else.

use super::apply::pretty;
use super::args::{CommonArgs, HistoryArgs};
use super::config;
use super::exit::Exit;
use super::output::{BOLD, DIM, GREEN, Output, RED, YELLOW};
use super::source::{environment, told};
use crate::compose::schema::nearest;
use crate::history::{ShownDeployment, Store};
use crate::model::clock;
use crate::model::history::{Deployment, FailureNote, Outcome, ServiceNote};
use anstyle::Style;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io;

/// Deployments that are listed of all stacks together if nothing else is asked for.
const LISTED: usize = 20;
/// Names that are listed of services.
const NAMED: usize = 3;

/// Shows the history of all stacks, of one, or one deployment.
pub fn run(args: &HistoryArgs, common: &CommonArgs) -> Exit {
    let output = Output::new(common);
    let store = config::history(common, &environment());
    match show(args, &store, output) {
        Ok(exit) => exit,
        Err(error) => {
            let directory = store.directory().display();
            output.error(&format!("the history in {directory} cannot be read: {error}"), None);
            Exit::Failure
        }
    }
}

fn show(args: &HistoryArgs, store: &Store, output: Output) -> io::Result<Exit> {
    let stacks = match &args.stack {
        Some(stack) => vec![stack.clone()],
        None => store.stacks()?,
    };
    let mut all: Vec<Deployment> = Vec::new();
    for stack in &stacks {
        all.extend(store.read(stack)?);
    }
    if let (Some(stack), true) = (&args.stack, all.is_empty()) {
        unknown(stack, store, output)?;
        return Ok(Exit::Failure);
    }
    if let Some(number) = args.number {
        let Some(found) = all.iter().find(|one| one.number == number) else {
            let (first, last) =
                (all.first().map_or(0, |one| one.number), all.last().map_or(0, |one| one.number));
            let message = format!("there is no deployment {number} in the history of {}", stacks.concat());
            output.error(&message, Some(&format!("it has numbers {first} to {last}")));
            return Ok(Exit::Failure);
        };
        output.result(&if output.json { pretty(&fields(found)) } else { detail(found, output.verbose > 0) });
        return Ok(Exit::Success);
    }
    all.sort_by(|a, b| (b.time, &a.stack, b.number).cmp(&(a.time, &b.stack, a.number)));
    let limit = args.limit.unwrap_or(if args.stack.is_some() { 0 } else { LISTED });
    let more = if limit == 0 { 0 } else { all.len().saturating_sub(limit) };
    all.truncate(all.len() - more);
    if output.json {
        let deployments: Vec<Value> = all.iter().map(fields).collect();
        output.result(&pretty(&json!({"deployments": deployments, "more": more})));
    } else if all.is_empty() {
        output.result(&format!("No deployment is recorded in {}.\n", store.directory().display()));
    } else {
        output.result(&table(&all, args.stack.is_none()));
        if more > 0 {
            output.talk(&format!("{more} earlier ones are not shown: --limit 0 shows all\n"));
        }
    }
    Ok(Exit::Success)
}

fn unknown(stack: &str, store: &Store, output: Output) -> io::Result<()> {
    let known = store.stacks()?;
    let hint = match nearest(stack, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean {near:?}?"),
        None if known.is_empty() => {
            "no deployment is recorded there; --state-dir, or the settings of the host, say where to look"
                .to_owned()
        }
        None => format!("it knows {}", known.join(", ")),
    };
    let message = format!("there is no stack {stack:?} in the history in {}", store.directory().display());
    output.error(&message, Some(&hint));
    Ok(())
}

/// A deployment as JSON.
pub fn fields(one: &Deployment) -> Value {
    serde_json::to_value(ShownDeployment::from(one)).unwrap_or_default()
}

fn word(outcome: Outcome) -> (String, Style) {
    let style = match outcome {
        Outcome::Applied => GREEN,
        Outcome::Partly | Outcome::Interrupted | Outcome::Waiting => YELLOW,
        Outcome::RolledBack | Outcome::Failed | Outcome::Blocked => RED,
        Outcome::Unknown => DIM,
    };
    (outcome.as_str().replace('_', " "), style)
}

fn table(all: &[Deployment], with_stack: bool) -> String {
    let mut cells =
        vec![["STACK", "#", "TIME", "REVISION", "OUTCOME", "TRIGGER", "CHANGED"].map(str::to_owned)];
    cells.extend(all.iter().map(|one| {
        let (outcome, _) = word(one.outcome);
        let (number, time) = (one.number.to_string(), clock::utc(one.time));
        [one.stack.clone(), number, time, one.short().to_owned(), outcome, one.trigger.clone(), changed(one)]
    }));
    let widths: Vec<usize> = (0..7)
        .map(|column| cells.iter().map(|line| line[column].chars().count()).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for (index, line) in cells.iter().enumerate() {
        let one = index.checked_sub(1).map(|index| &all[index]);
        let style = one.map_or(Style::new(), |one| word(one.outcome).1);
        let shown = line.iter().zip(&widths).enumerate().skip(usize::from(!with_stack));
        for (column, (cell, width)) in shown {
            let style = if column == 4 { style } else { Style::new() };
            let _ = match column {
                1 => write!(text, "{cell:>width$}  "),
                _ => write!(text, "{style}{cell:<width$}{style:#}  "),
            };
        }
        let subject = one.map_or("SUBJECT", |one| one.commit.as_ref().map_or("", |commit| &commit.subject));
        text.push_str(subject);
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

/// The services of a deployment in a few words.
fn changed(one: &Deployment) -> String {
    let names: Vec<&str> = one.services.iter().map(|service| service.name.as_str()).collect();
    match names[..] {
        [] if one.resources.is_empty() => "-".to_owned(),
        [] => {
            let names = one.resources.iter().map(|found| format!("{} {}", found.kind, found.name));
            names.collect::<Vec<_>>().join(", ")
        }
        _ if names.len() <= NAMED => names.join(", "),
        _ => format!("{} and {} more", names[..NAMED].join(", "), names.len() - NAMED + one.left_out),
    }
}

/// Everything about one deployment; its steps only if `verbose`.
fn detail(one: &Deployment, verbose: bool) -> String {
    let (outcome, style) = word(one.outcome);
    let mut text = format!("{BOLD}{} #{}{BOLD:#}: {style}{outcome}{style:#}\n", one.stack, one.number);
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "  {name:<8} {value}");
    };
    line("time", &format!("{}, {} s", clock::utc(one.time), one.seconds));
    line("source", &one.source);
    match &one.commit {
        Some(commit) => {
            line("commit", &told(commit));
            line("", &format!("{}, {}", commit.id, clock::utc(commit.time)));
        }
        None => line("revision", one.short()),
    }
    line("trigger", &format!("{} ({})", one.trigger, one.by));
    let count = |word: &str| one.steps.iter().filter(|step| step.outcome == word).count();
    let counts = format!("{} done, {} failed, {} skipped", count("done"), count("failed"), count("skipped"));
    line("steps", &if one.steps.is_empty() { "none".to_owned() } else { counts });
    for service in &one.services {
        write_service(&mut text, service);
    }
    for found in &one.resources {
        let _ = writeln!(text, "{} {BOLD}{}{BOLD:#}: {}", found.kind, found.name, found.action);
        for cause in &found.causes {
            let _ = writeln!(text, "    {cause}");
        }
    }
    if one.unchanged > 0 {
        let _ = writeln!(text, "{} services unchanged", one.unchanged);
    }
    if one.left_out > 0 {
        let _ =
            writeln!(text, "{} services, networks, volumes and steps are not in the history", one.left_out);
    }
    for step in one.steps.iter().filter(|_| verbose) {
        let _ =
            writeln!(text, "  {DIM}{:<7}{DIM:#} {} {DIM}{} s{DIM:#}", step.outcome, step.id, step.seconds);
    }
    text
}

fn write_service(text: &mut String, service: &ServiceNote) {
    let ServiceNote { name, action, outcome, reason, causes, failures } = service;
    let _ = writeln!(text, "service {BOLD}{name}{BOLD:#}: {action}, {}", outcome.replace('_', " "));
    for cause in causes {
        let _ = writeln!(text, "    {}", cause.replace('\n', "\n    "));
    }
    if !reason.is_empty() {
        let _ = writeln!(text, "    {RED}{}{RED:#}", reason.replace('\n', "\n    "));
    }
    for FailureNote { container, logs, health, oom_killed, exit_code: _ } in failures {
        if *oom_killed {
            let _ = writeln!(text, "    {container} was killed: out of memory");
        }
        if let Some(health) = health {
            let _ = writeln!(text, "    last health check of {container}:");
            quote(text, health.lines());
        }
        if !logs.is_empty() {
            let _ = writeln!(text, "    last lines of {container}:");
            quote(text, logs.iter().map(String::as_str));
        }
    }
}

fn quote<'a>(text: &mut String, lines: impl Iterator<Item = &'a str>) {
    for line in lines {
        let _ = writeln!(text, "      {DIM}|{DIM:#} {line}");
    }
}
