//! Containers that another tool made, `docker compose` above all: is one of them what is wanted as it is?
//!
//! The hash of another tool never decides. What the engine shows of the container is held against what this program would
//! ask the engine for, field by field; what the image gives and what the engine fills in by itself is known on both sides.
//! Labels cannot be changed afterwards, so an adopted container is looked into again at every run.

mod builds;
mod config;
mod contents;
mod expected;
mod host;
mod mounts;
mod networks;
mod value;

use super::Policy;
use super::index::is_ours;
use crate::model::change::{Cause, CauseKind};
use crate::model::desired::{DesiredService, DesiredStack, DesiredState};
use crate::model::inspected::{EngineDefaults, Inspected, LookInto};
use crate::model::labels;
use crate::model::observed::{ObservedContainer, ObservedState};
use crate::wire;
pub(super) use builds::is_current as build_is_current;
use serde_json::Value;
use std::collections::BTreeMap;
use value::Values;

/// A container of another tool, and the place that it may have in a stack.
#[derive(Clone, Copy)]
pub(super) struct Candidate<'a> {
    /// The stack.
    pub stack: &'a DesiredStack,
    /// Key of the service.
    pub key: &'a str,
    /// The service.
    pub service: &'a DesiredService,
    /// The container.
    pub container: &'a ObservedContainer,
}

/// What a container is held against, and what there is to know about the engine.
struct Comparison<'a> {
    candidate: Candidate<'a>,
    observed: &'a ObservedState,
    inspected: &'a Inspected,
    /// The body of the request that would make it.
    body: Value,
}

impl<'a> Comparison<'a> {
    /// `None` if the container was not looked into, or if the engine could not make it as it is wanted, which is told where
    /// the service is blocked for it.
    fn of(candidate: Candidate<'a>, observed: &'a ObservedState) -> Option<Self> {
        let inspected = observed.inspected.get(&candidate.container.id)?;
        let around = wire::Surroundings {
            api: observed.engine.api,
            proxies: &BTreeMap::new(),
            security_opt: &candidate.service.spec.security_opt,
        };
        let (body, _) = wire::create_body(&expected::container(candidate), &around).ok()?;
        Some(Self { candidate, observed, inspected, body })
    }

    fn defaults(&self) -> &'a EngineDefaults {
        &self.observed.defaults
    }

    /// The name of the container that a reference names by id or name.
    fn container_name<'b>(&'b self, reference: &'b str) -> &'b str {
        let found = self.observed.containers.iter().find(|container| container.id == reference);
        found.map_or(reference, |container| &container.name)
    }
}

/// Whether a container counts as one of a stack although this program did not make it: `docker compose` made it in the
/// stack's own directory.
pub(super) fn belongs(container: &ObservedContainer, stack: &DesiredStack) -> bool {
    !is_ours(&container.labels)
        && container.stack() == stack.name
        && container.label(labels::WORKING_DIR) == stack.working_dir
        && container.number() > 0
        && !container.is_oneoff()
}

/// The containers to look into before planning: those that may be adopted, our own of an image that may be, and those whose
/// limits the policy asks for.
pub(super) fn wanted(desired: &DesiredState, observed: &ObservedState, policy: &Policy) -> Vec<LookInto> {
    let mut wanted = Vec::new();
    for container in &observed.containers {
        let stack = desired.stacks.get(container.stack());
        let Some(stack) = stack.filter(|stack| policy.covers(&stack.name)) else { continue };
        let Some(service) = stack.services.get(container.service()) else { continue };
        let image = service.image.build.as_ref().and_then(|_| observed.image(&service.image.reference));
        let inputs = match image {
            Some(image) if builds::is_of(image, stack) => builds::inputs(stack, service),
            _ => Vec::new(),
        };
        let (id, image_id) = (container.id.clone(), container.image_id.clone());
        if belongs(container, stack) {
            let files = service.files.iter().map(|file| file.target.clone()).collect();
            let mounted = contents::mounted(stack, service);
            wanted.push(LookInto { id, only_limits: false, image_id, files, mounted, inputs });
        } else if is_ours(&container.labels) && !inputs.is_empty() {
            wanted.push(LookInto { id, image_id, inputs, ..LookInto::default() });
        } else if is_ours(&container.labels) && policy.inspect.covers(&container.id) {
            wanted.push(LookInto { id, only_limits: true, ..LookInto::default() });
        }
    }
    wanted
}

/// Why a container is not what is wanted, in the order of the attributes; empty if it is.
pub(super) fn differences(candidate: Candidate, observed: &ObservedState) -> Vec<Cause> {
    let foreign = || vec![Cause::new(CauseKind::Foreign, &candidate.container.name)];
    let Some(comparison) = Comparison::of(candidate, observed) else { return foreign() };
    // Without its image nobody can tell what in its configuration is its own.
    let Some(image) = &comparison.inspected.image else { return foreign() };
    let mut causes = Vec::new();
    config::compare(&comparison, image, &mut causes);
    host::compare(&comparison, &mut causes);
    mounts::compare(&comparison, image, &mut causes);
    networks::compare(&comparison, &mut causes);
    contents::compare(&comparison, &mut causes);
    causes.sort_by(|a, b| (&a.path, a.kind).cmp(&(&b.path, b.kind)));
    causes.dedup();
    causes
}

/// What `docker update` changed of one of our own containers, as far as it was looked into. Podman tells some limits in other
/// words than they were asked for, so there nothing is said.
pub(super) fn updated(candidate: Candidate, observed: &ObservedState) -> Vec<Cause> {
    let comparison = Some(candidate).filter(|_| !observed.engine.podman);
    let comparison = comparison.and_then(|candidate| Comparison::of(candidate, observed));
    comparison.map(|comparison| host::updated(&comparison)).unwrap_or_default()
}

/// A difference of an attribute, with both values if they may be shown.
fn differs(path: impl Into<String>, old: &Value, new: &Value) -> Cause {
    let path = path.into();
    let text = |value: &Value| (!value.is_null()).then(|| value::text(&path, value));
    let (old, new) = (text(old), text(new));
    let unset = || Some("(unset)".to_owned());
    Cause::new(CauseKind::Attribute, path).values(old.or_else(unset), new.or_else(unset))
}

/// Notes what differs between two sets of values, one by one: `labels.a`, `sysctls.b`.
fn entries(attribute: &str, old: &Values, new: &Values, causes: &mut Vec<Cause>) {
    let keys = old.keys().chain(new.keys().filter(|key| !old.contains_key(*key)));
    for key in keys {
        let (before, after) = (old.get(key), new.get(key));
        if before != after {
            let none = Value::Null;
            let path = format!("{attribute}.{key}");
            causes.push(differs(path, before.unwrap_or(&none), after.unwrap_or(&none)));
        }
    }
}

#[cfg(test)]
mod tests;
