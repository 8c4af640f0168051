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

/// A container that goes, and whose steps they are.
#[derive(Clone, Copy)]
pub(super) struct Target<'t> {
    /// Owner of the steps.
    pub owner: Owner<'t>,
    /// `stack/service-n`.
    pub prefix: &'t str,
    /// The container.
    pub container: &'t ObservedContainer,
    /// Whether it is left over: then its steps carry its id, so that the plain names stay with the container that is
    /// taken over from.
    pub is_leftover: bool,
    /// Why it goes.
    pub causes: &'t [Cause],
}

impl Target<'_> {
    fn id(&self, builder: &Builder, verb: &str) -> StepId {
        let id = format!("{}/{verb}", self.prefix);
        if self.is_leftover || builder.contains(&id) {
            let short = self.container.id.get(..12).unwrap_or(&self.container.id);
            return format!("{id}-{short}");
        }
        id
    }
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
    target: Target,
    hooks: &[Hook],
    after: &[StepId],
) -> Option<Stopping> {
    if !target.container.is_up() {
        return None;
    }
    let before = pre_stop(builder, target, hooks, after);
    let id = target.id(builder, "stop");
    let action = Action::StopContainer { container: reference(target.container), grace: None };
    let all = before.last().map_or(after, std::slice::from_ref);
    let stop = builder.push(id, target.owner, action, target.causes, all);
    Some(Stopping { first: before.first().unwrap_or(&stop).clone(), stop })
}

/// Runs the `pre_stop` commands of a running container, one after another. A frozen one can run none.
pub(super) fn pre_stop(
    builder: &mut Builder,
    target: Target,
    hooks: &[Hook],
    after: &[StepId],
) -> Vec<StepId> {
    let mut ids: Vec<StepId> = Vec::new();
    if target.container.state != ContainerState::Running {
        return ids;
    }
    for (at, hook) in recorded_hooks(target.container, hooks).into_iter().enumerate() {
        let verb = if at == 0 { "pre-stop".to_owned() } else { format!("pre-stop-{}", at + 1) };
        let action = Action::Exec { container: reference(target.container), hook, must_succeed: false };
        let id = target.id(builder, &verb);
        let all = ids.last().map_or(after, std::slice::from_ref).to_vec();
        ids.push(builder.push(id, target.owner, action, target.causes, &all));
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

/// Removes a mark.
pub(super) fn lift(builder: &mut Builder, target: Target, after: &[StepId]) -> StepId {
    let id = target.id(builder, "lift");
    let action = Action::RemoveContainer(reference(target.container));
    builder.push(id, target.owner, action, target.causes, after)
}

/// Removes a container that does not run by then.
pub(super) fn remove(builder: &mut Builder, target: Target, after: &[StepId]) -> StepId {
    let id = target.id(builder, "remove");
    let action = Action::RemoveContainer(reference(target.container));
    builder.push(id, target.owner, action, target.causes, after)
}
