//! Plans as text: for people, for tests, and for the plan's own id.

use crate::model::change::{Cause, Change, ChangeAction, StackChanges};
use crate::model::hash::digest;
use crate::model::step::{Action, Plan, Step};

/// What changes and the steps, one per line: `web/app-1/create  CreateContainer  web-app-1.next  image  after …`.
/// Unchanged resources without a warning are left out.
pub fn text(plan: &Plan) -> String {
    let mut lines = Vec::new();
    for (name, stack) in &plan.changes {
        changes(name, stack, &mut lines);
    }
    if !plan.steps.is_empty() && !lines.is_empty() {
        lines.push(String::new());
    }
    lines.extend(plan.steps.iter().map(step));
    lines.into_iter().map(|line| line + "\n").collect()
}

fn changes(stack: &str, changes: &StackChanges, lines: &mut Vec<String>) {
    let networks = changes.networks.iter().map(|(key, change)| (format!("{stack}/network-{key}"), change));
    let volumes = changes.volumes.iter().map(|(key, change)| (format!("{stack}/volume-{key}"), change));
    let services = changes.services.iter().map(|(key, change)| (format!("{stack}/{key}"), change));
    for (name, change) in networks.chain(volumes).chain(services) {
        one_change(&name, change, lines);
    }
}

fn one_change(name: &str, change: &Change, lines: &mut Vec<String>) {
    let is_quiet = change.warnings.is_empty() && change.adopted.is_empty();
    if change.action != ChangeAction::Unchanged || !is_quiet {
        lines.push(format!("{name}  {}", change.action.as_str()));
    }
    lines.extend(change.causes.iter().map(|found| format!("  {}", cause(found))));
    lines.extend(change.interruption.iter().map(|told| format!("  {told}")));
    lines.extend(change.adopted.iter().map(|name| format!("  adopted {name}")));
    lines.extend(change.warnings.iter().map(|warning| format!("  warning: {warning}")));
    lines.extend(change.diff.lines().map(|line| format!("  | {line}").trim_end().to_owned()));
}

fn cause(cause: &Cause) -> String {
    let kind = cause.kind.as_str();
    let values = match (&cause.old, &cause.new) {
        (None, None) => String::new(),
        (Some(old), None) => format!(": {old}"),
        (None, Some(new)) => format!(": -> {new}"),
        (Some(old), Some(new)) => format!(": {old} -> {new}"),
    };
    format!("{kind} {}{values}", cause.path)
}

fn step(step: &Step) -> String {
    let mut kinds: Vec<&str> = step.causes.iter().map(|cause| cause.kind.as_str()).collect();
    kinds.dedup();
    let mut parts = vec![step.id.clone(), step.action.as_str().to_owned(), target(&step.action)];
    if !kinds.is_empty() {
        parts.push(kinds.join(","));
    }
    if !step.after.is_empty() {
        parts.push(format!("after {}", step.after.join(" ")));
    }
    if !step.after_any.is_empty() {
        let any = match step.tolerance {
            None => "after any end of".to_owned(),
            Some(0) => "after success of".to_owned(),
            Some(count) => format!("if at most {count} failed of"),
        };
        parts.push(format!("{any} {}", step.after_any.join(" ")));
    }
    parts.join("  ")
}

/// What a step is done to, by name: ids are other ones on every engine.
fn target(action: &Action) -> String {
    match action {
        Action::ConnectNetwork { container, network, .. } => format!("{} to {network}", container.name()),
        Action::RenameContainer { container, to } => format!("{} to {to}", container.name()),
        Action::UploadFiles { container, files } => {
            let files: Vec<&str> = files.iter().map(|file| file.target.as_str()).collect();
            format!("{} {}", container.name(), files.join(" "))
        }
        Action::Exec { container, hook, .. } => {
            let command = hook.command.as_deref().unwrap_or_default().join(" ");
            format!("{} {command:?}", container.name())
        }
        Action::StartContainer(container)
        | Action::UnpauseContainer(container)
        | Action::RestartContainer { container, .. }
        | Action::StopContainer { container, .. }
        | Action::RemoveContainer(container)
        | Action::AwaitHealthy { container, .. }
        | Action::AwaitStable { container, .. }
        | Action::AwaitCompleted { container, .. } => container.name().to_owned(),
        Action::PullImage { .. }
        | Action::BuildImage(_)
        | Action::CreateNetwork { .. }
        | Action::RemoveNetwork { .. }
        | Action::CreateVolume { .. }
        | Action::CreateRun { .. }
        | Action::Mark { .. }
        | Action::Delay { .. }
        | Action::CreateContainer(_) => action.target(),
    }
}

/// The id of a plan: equal ids mean equal steps. Causes are left out: they say why, not what.
pub(super) fn plan_id<'a>(steps: impl IntoIterator<Item = &'a Step>) -> String {
    let lines = steps.into_iter().map(|step| {
        let action = canonical_action(&step.action);
        format!("{} {:?} {:?} {:?} {action}\n", step.id, step.after, step.after_any, step.tolerance)
    });
    let canonical: String = lines.collect();
    digest(canonical.as_bytes())
}

/// Every field of an action. File contents count by their digest, since printing hides them.
fn canonical_action(action: &Action) -> String {
    match action {
        Action::UploadFiles { container, files } => {
            let digests: Vec<String> = files.iter().map(|file| digest(file.content.expose())).collect();
            format!("{} {files:?} {digests:?}", container.engine_ref())
        }
        other => format!("{other:?}"),
    }
}
