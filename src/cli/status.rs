//! `reconcile status`: what runs, how it is, and whether it is what the source says.

use super::apply::pretty;
use super::args::{CommonArgs, SourceArgs};
use super::config::Sources;
use super::engine::{block_on, connect, now};
use super::exit::Exit;
use super::jobs;
use super::output::{BOLD, GREEN, Output, RED, YELLOW};
use super::source::{commit_json, diagnostics_json, environment, failures, print_diagnostics};
use super::{config, control, running};
use crate::cycle;
use crate::engine::ReadOnly;
use crate::model::change::{CauseKind, ChangeAction, ChangeSet};
use crate::model::clock;
use crate::model::commit::Commit;
use crate::model::desired::DesiredState;
use crate::model::labels;
use crate::model::observed::{ContainerState, Health, ObservedContainer, ObservedState};
use crate::plan::{self, Job, Policy, Quarantine, ShownSuspension, Suspension};
use anstyle::Style;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Shows every stack of the source and every stack of ours on the engine.
pub fn run(args: &SourceArgs, common: &CommonArgs) -> Exit {
    let output = Output::new(common);
    let environment = environment();
    let sources = match Sources::load(args, common, &environment, output, true) {
        Ok(sources) => sources.all,
        Err(errors) => {
            if output.json {
                output.result(&pretty(&json!({"stacks": [], "errors": errors})));
            }
            return Exit::Failure;
        }
    };
    for (_, loaded) in &sources {
        print_diagnostics(loaded, output);
    }
    block_on(output, async {
        let engine = ReadOnly::new(connect(common.host.as_deref(), &environment).await?);
        // No stack is in two sources, so what they say can be put together.
        let (mut desired, mut observed) = (DesiredState::default(), ObservedState::default());
        let mut changes = ChangeSet::default();
        for (_, loaded) in &sources {
            let planned = cycle::plan(&engine, &loaded.desired, &Policy::default(), now()).await?;
            changes.extend(planned.plan.changes);
            desired.stacks.extend(loaded.desired.stacks.clone());
            observed = planned.observed;
        }
        let mut rows = rows(&desired, &observed, &changes);
        let is_chosen = |stack: &String| args.stacks.is_empty() || args.stacks.contains(stack);
        rows.retain(|row| is_chosen(&row.stack));
        let mut suspensions = plan::suspensions(&observed);
        suspensions.retain(|stack, suspension| is_chosen(stack) && suspension.holds(now()));
        let store = config::history(common, &environment);
        let names = rows.iter().map(|row| row.stack.as_str());
        let commits = running::commits(&sources, &changes, names, &store);
        let told = control::status(common, &environment).await;
        if output.json {
            let errors: Vec<Value> =
                sources.iter().flat_map(|(_, loaded)| diagnostics_json(loaded)).collect();
            let stacks = stacks_json(&rows, &suspensions, (&commits, now()));
            let daemon = control::json(told);
            output.result(&pretty(&json!({"stacks": stacks, "daemon": daemon, "errors": errors})));
        } else {
            let commits = running::text(&sources, &commits);
            let text = table(&rows, now()) + &commits + &suspended(&suspensions) + &control::text(&told);
            output.result(&text);
        }
        let failed = sources.iter().any(|(_, loaded)| failures(loaded) > 0);
        Ok(if failed { Exit::Failure } else { Exit::Success })
    })
}

/// One service.
struct Row {
    stack: String,
    service: String,
    up: usize,
    wanted: Option<u32>,
    state: String,
    health: Option<Health>,
    action: Option<ChangeAction>,
    causes: Vec<String>,
    adopted: Vec<String>,
    quarantine: Option<Quarantine>,
    job: Option<Job>,
}

fn rows(desired: &DesiredState, observed: &ObservedState, changes: &ChangeSet) -> Vec<Row> {
    let mut containers: BTreeMap<(&str, &str), Vec<&ObservedContainer>> = BTreeMap::new();
    for container in &observed.containers {
        if !container.service().is_empty() && !container.is_oneoff() {
            containers.entry((container.stack(), container.service())).or_default().push(container);
        }
    }
    let ours = containers
        .iter()
        .filter(|(_, group)| group.iter().any(|container| container.labels.contains_key(labels::HASH)))
        .map(|(key, _)| *key);
    let planned = changes.iter().flat_map(|(stack, changes)| {
        changes.services.keys().map(move |service| (stack.as_str(), service.as_str()))
    });
    let keys: BTreeSet<(&str, &str)> = ours.chain(planned).collect();
    let mut marked = plan::quarantines(observed);
    let mut jobs = plan::jobs(observed);
    keys.into_iter()
        .map(|key @ (stack, service)| {
            let group = containers.get(&key).map_or(&[][..], Vec::as_slice);
            let change = changes.get(stack).and_then(|changes| changes.services.get(service));
            let is_held = change
                .is_some_and(|change| change.causes.iter().any(|cause| cause.kind == CauseKind::Quarantined));
            let job = jobs.remove(&(stack.to_owned(), service.to_owned()));
            let job = job.filter(|job| job.template.is_some());
            let runs = job.as_ref().map_or(0, |job| job.running().count());
            Row {
                stack: stack.to_owned(),
                service: service.to_owned(),
                up: runs + group.iter().filter(|container| container.is_up()).count(),
                wanted: desired
                    .stacks
                    .get(stack)
                    .and_then(|stack| stack.services.get(service))
                    .map(|service| service.replicas),
                state: match &job {
                    Some(_) if runs > 0 => "running".to_owned(),
                    Some(_) => "scheduled".to_owned(),
                    None => states(group),
                },
                health: worst_health(group),
                action: change.map(|change| change.action),
                causes: change
                    .map_or_else(Vec::new, |change| change.causes.iter().map(ToString::to_string).collect()),
                adopted: change.map_or_else(Vec::new, |change| change.adopted.clone()),
                quarantine: marked.remove(&(stack.to_owned(), service.to_owned())).filter(|_| is_held),
                job,
            }
        })
        .collect()
}

fn states(group: &[&ObservedContainer]) -> String {
    let words: BTreeSet<String> = group
        .iter()
        .map(|container| match container.state {
            ContainerState::Exited(code) => format!("exited ({code})"),
            state => state.as_str().to_owned(),
        })
        .collect();
    if words.is_empty() { "absent".into() } else { words.into_iter().collect::<Vec<_>>().join(", ") }
}

fn worst_health(group: &[&ObservedContainer]) -> Option<Health> {
    let rank = |health: &Health| match health {
        Health::Unhealthy => 0,
        Health::Starting => 1,
        Health::Healthy => 2,
    };
    group.iter().filter_map(|container| container.health).min_by_key(rank)
}

impl Row {
    fn sync(&self) -> (&'static str, Style) {
        match self.action {
            _ if self.quarantine.is_some() => ("quarantined", RED),
            Some(ChangeAction::Unchanged) => ("in sync", GREEN),
            Some(ChangeAction::Blocked) => ("blocked", RED),
            Some(ChangeAction::Wait) => ("waiting", YELLOW),
            Some(ChangeAction::Remove) => ("orphan", YELLOW),
            Some(ChangeAction::Create | ChangeAction::Replace | ChangeAction::Start | ChangeAction::Tidy) => {
                ("out of sync", YELLOW)
            }
            None => ("not in source", Style::new()),
        }
    }

    fn count(&self) -> String {
        if self.job.is_some() {
            return self.up.to_string();
        }
        self.wanted.map_or_else(|| self.up.to_string(), |wanted| format!("{}/{wanted}", self.up))
    }
}

fn table(rows: &[Row], now: i64) -> String {
    if rows.is_empty() {
        return "No stacks in the source, and none of ours on the engine.\n".into();
    }
    let mut cells = vec![["STACK", "SERVICE", "UP", "STATE", "HEALTH"].map(str::to_owned)];
    cells.extend(rows.iter().map(|row| {
        let health = row.health.map_or("-", Health::as_str).to_owned();
        [row.stack.clone(), row.service.clone(), row.count(), row.state.clone(), health]
    }));
    let widths: Vec<usize> = (0..5)
        .map(|column| cells.iter().map(|line| line[column].chars().count()).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for (index, line) in cells.iter().enumerate() {
        for (cell, width) in line.iter().zip(&widths) {
            let _ = write!(text, "{cell:<width$}  ");
        }
        match index.checked_sub(1).map(|index| &rows[index]) {
            None => text.push_str("SYNC\n"),
            Some(row) => {
                let (word, style) = row.sync();
                let _ = write!(text, "{style}{word}{style:#}");
                if let Some(Quarantine { reason, at, until }) = &row.quarantine {
                    let at = at.map_or(String::new(), |at| format!(", rolled back {}", clock::utc(at)));
                    let until = until
                        .map_or(String::new(), |until| format!(", tried again after {}", clock::utc(until)));
                    let _ = write!(text, " ({reason}{at}{until})");
                } else if let Some(cause) = row.causes.first() {
                    let _ = write!(text, " ({cause})");
                } else if !row.adopted.is_empty() {
                    text.push_str(" (adopted)");
                } else if let Some(job) = &row.job {
                    let style =
                        if job.last().is_some_and(|run| run.state.is_trouble()) { RED } else { Style::new() };
                    let _ = write!(text, " ({style}{}{style:#})", jobs::summary(job, now));
                }
                text.push('\n');
            }
        }
    }
    // Stacks of other sources are shown, but whether they are in sync is not ours to say.
    let known: Vec<ChangeAction> = rows.iter().filter_map(|row| row.action).collect();
    let behind = known.iter().filter(|action| **action != ChangeAction::Unchanged).count();
    if behind > 0 {
        let _ = writeln!(text, "{BOLD}{behind} of {} services are not in sync.{BOLD:#}", known.len());
    }
    text
}

/// A line for each stack that somebody suspended.
fn suspended(suspensions: &BTreeMap<String, Suspension>) -> String {
    let mut text = String::new();
    for (stack, Suspension { reason, at, until }) in suspensions {
        let _ = write!(text, "{YELLOW}{stack} is suspended{YELLOW:#}");
        if let Some(at) = at {
            let _ = write!(text, " since {}", clock::utc(*at));
        }
        let until = until.map_or("`reconcile resume`".to_owned(), clock::utc);
        let _ = write!(text, ", until {until}");
        let _ = writeln!(text, "{}{reason}", if reason.is_empty() { "" } else { ": " });
    }
    text
}

fn stacks_json(
    rows: &[Row],
    suspended: &BTreeMap<String, Suspension>,
    (commits, now): (&BTreeMap<String, Commit>, i64),
) -> Vec<Value> {
    let mut stacks: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for row in rows {
        stacks.entry(&row.stack).or_default().push(json!({
            "name": row.service,
            "up": row.up,
            "replicas": row.wanted,
            "state": row.state,
            "health": row.health.map(Health::as_str),
            "in_sync": row.action.map(|action| action == ChangeAction::Unchanged),
            "action": row.action,
            "causes": row.causes,
            "adopted": row.adopted,
            "job": row.job.as_ref().map(|job| jobs::json(job, now)),
            "quarantine": row.quarantine.as_ref().map(|found| json!({
                "reason": found.reason,
                "at": found.at.map(clock::iso),
                "until": found.until.map(clock::iso),
            })),
        }));
    }
    let stack = |(name, services)| {
        let suspended = suspended.get(name).map(ShownSuspension::from);
        let commit = commits.get(name).map(commit_json);
        json!({"name": name, "commit": commit, "services": services, "suspended": suspended})
    };
    stacks.into_iter().map(stack).collect()
}

#[cfg(test)]
mod tests {
    use super::{rows, table};
    use crate::model::change::{Change, ChangeAction, ChangeSet};
    use crate::model::desired::DesiredState;
    use crate::model::labels;
    use crate::model::observed::{ContainerState, Health, ObservedContainer, ObservedState};

    #[test]
    fn a_stopped_service_is_out_of_sync_and_a_running_one_is_not() {
        let container = |service: &str, state| ObservedContainer {
            labels: [(labels::PROJECT, "shop"), (labels::SERVICE, service), (labels::HASH, "1:a")]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
            state,
            health: Some(Health::Healthy),
            ..ObservedContainer::default()
        };
        let observed = ObservedState {
            containers: vec![
                container("db", ContainerState::Running),
                container("web", ContainerState::Exited(1)),
            ],
            ..ObservedState::default()
        };
        let mut changes = ChangeSet::new();
        let stack = changes.entry("shop".into()).or_default();
        stack.services.insert("db".into(), Change::unchanged());
        stack.services.insert("web".into(), Change::new(ChangeAction::Start, vec![]));
        let rows = rows(&DesiredState::default(), &observed, &changes);
        let text = anstream::adapter::strip_str(&table(&rows, 0)).to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[1].contains("db") && lines[1].ends_with("in sync"), "{text}");
        assert!(lines[2].contains("exited (1)") && lines[2].ends_with("out of sync"), "{text}");
        assert_eq!(lines[3], "1 of 2 services are not in sync.");
    }
}
