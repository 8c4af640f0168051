//! The steps by which a container goes: its own `pre_stop` commands, a stop, the removal.

use super::compare::recorded;
use super::edges::{Builder, Owner};
use crate::model::change::Cause;
use crate::model::observed::{ContainerState, ObservedContainer};
use crate::model::service::Hook;
use crate::model::step::{Action, ContainerRef, StepId};

/// A container as steps name it.
pub(super) fn reference(container: &ObservedContainer) -> ContainerRef {
    ContainerRef::Id { id: container.id.clone(), name: container.name.clone() }
}

/// An id that no step has yet: `prefix/verb`, else with the container's own id.
pub(super) fn free_id(builder: &Builder, prefix: &str, verb: &str, container: &ObservedContainer) -> StepId {
    let id = format!("{prefix}/{verb}");
    if builder.contains(&id) {
        let short = container.id.get(..12).unwrap_or(&container.id);
        return format!("{id}-{short}");
    }
    id
}

/// The steps that stop a container, `pre_stop` commands first.
pub(super) struct Stopping {
    /// The first of them.
    pub first: StepId,
    /// The stop itself.
    pub stop: StepId,
}

/// Stops a container, if it is up. The commands are those it was made with: the label holds no values of variables,
/// so `hooks` lends them where the same command is still wanted.
pub(super) fn stop(
    builder: &mut Builder,
    owner: Owner,
    (prefix, container): (&str, &ObservedContainer),
    hooks: &[Hook],
    (causes, after): (&[Cause], &[StepId]),
) -> Option<Stopping> {
    if !container.is_up() {
        return None;
    }
    let before = pre_stop(builder, owner, (prefix, container), hooks, (causes, after));
    let id = free_id(builder, prefix, "stop", container);
    let action = Action::StopContainer { container: reference(container), grace: None };
    let mut all = after.to_vec();
    all.extend(before.last().cloned());
    let stop = builder.push(id, owner, action, causes, &all);
    Some(Stopping { first: before.first().unwrap_or(&stop).clone(), stop })
}

/// Runs the `pre_stop` commands of a running container, one after another. A frozen one can run none.
pub(super) fn pre_stop(
    builder: &mut Builder,
    owner: Owner,
    (prefix, container): (&str, &ObservedContainer),
    hooks: &[Hook],
    (causes, after): (&[Cause], &[StepId]),
) -> Vec<StepId> {
    let mut ids: Vec<StepId> = Vec::new();
    if container.state != ContainerState::Running {
        return ids;
    }
    for (at, hook) in recorded_hooks(container, hooks).into_iter().enumerate() {
        let verb = if at == 0 { "pre-stop".to_owned() } else { format!("pre-stop-{}", at + 1) };
        let action = Action::Exec { container: reference(container), hook, must_succeed: false };
        let id = free_id(builder, prefix, &verb, container);
        let mut all = after.to_vec();
        all.extend(ids.last().cloned());
        ids.push(builder.push(id, owner, action, causes, &all));
    }
    ids
}

fn recorded_hooks(container: &ObservedContainer, wanted: &[Hook]) -> Vec<Hook> {
    let spec = recorded(container);
    let hooks = spec.as_ref().and_then(|spec| spec.pointer("/spec/pre_stop")).cloned();
    let mut hooks: Vec<Hook> = hooks.and_then(|hooks| serde_json::from_value(hooks).ok()).unwrap_or_default();
    for hook in &mut hooks {
        let same = wanted.iter().find(|other| other.command == hook.command);
        for (key, value) in &mut hook.environment {
            *value = same.and_then(|same| same.environment.get(key).cloned()).flatten();
        }
        hook.environment.retain(|_, value| value.is_some());
    }
    hooks
}

/// Removes a container that does not run by then.
pub(super) fn remove(
    builder: &mut Builder,
    owner: Owner,
    (prefix, container): (&str, &ObservedContainer),
    (causes, after): (&[Cause], &[StepId]),
) -> StepId {
    let id = free_id(builder, prefix, "remove", container);
    builder.push(id, owner, Action::RemoveContainer(reference(container)), causes, after)
}
