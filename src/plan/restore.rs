//! A service that is blocked serves on as it was. If its container stands still, because a run that did not end has stopped it
//! or because somebody else has, it is started again: it would stay down for as long as the block lasts otherwise.

use super::compare::recorded;
use super::diff::ServiceDiff;
use super::index::is_ours;
use super::instances::{Instance, Judge, Kick, is_job};
use super::networks::NetworkFate;
use super::pre_deploy;
use super::replicas::Replicas;
use super::service::Decided;
use crate::model::change::{Cause, CauseKind};
use crate::model::desired::{DesiredService, JobMode};
use crate::model::drift::Drift;
use crate::model::observed::{ContainerState, ObservedContainer};
use crate::model::service::ServiceSpec;

/// Settles what is started again of a service that these causes block. If anything is, what else runs stays as it is; else
/// nothing changes.
pub(super) fn decide<'a>(
    judge: &Judge<'a, '_>,
    replicas: &mut Replicas<'a>,
    decided: &Decided<'a>,
    causes: &[Cause],
) -> bool {
    if judge.service.job == JobMode::Job {
        return false;
    }
    // Where its port or name has gone to another, or its owner wants it left as somebody changed it, only what a run of ours
    // has stopped is started.
    let is_taken = |cause: &Cause| matches!(cause.kind, CauseKind::PortTaken | CauseKind::NameTaken);
    let heals = judge.service.drift == Drift::Heal && !causes.iter().any(is_taken);
    let stopped = |instance: &Instance<'a>| stopped(judge, instance, decided, heals);
    let is_stopped = |instance: &Instance<'a>| stopped(instance).is_some();
    if !replicas.instances.iter().any(is_stopped) {
        return false;
    }
    for mut instance in std::mem::take(&mut replicas.instances) {
        let up = instance.standing().find(|found| found.is_up());
        let is_in_place = |kept: &ObservedContainer| kept.is_up() && kept.name == instance.name;
        if instance.kick == Kick::None && instance.keep.is_some_and(is_in_place) {
            // It is the one that is wanted: what it took over from may go, as it would without the block.
            replicas.instances.push(instance);
            continue;
        }
        if let Some(old) = stopped(&instance) {
            restore(judge, &mut instance, old);
        } else if let Some(up) = up {
            instance.name.clone_from(&up.name);
            instance.keep = Some(up);
            instance.kick = Kick::None;
            instance.rest.clear();
        } else {
            continue;
        }
        instance.start_first = false;
        instance.hooks_missed = false;
        replicas.instances.push(instance);
    }
    replicas.gone.clear();
    replicas.scale = None;
    true
}

/// What is worth a word about it.
pub(super) fn warnings(instances: &[Instance]) -> Vec<String> {
    let restored = instances.iter().filter(|instance| instance.kick == Kick::Restore);
    let told = restored
        .filter_map(|instance| instance.keep)
        .map(|old| format!("{} stands still; it is started again as it was", old.name));
    told.collect()
}

/// The container of a replica that served last and stands still. Unless all such are to be healed, it must show that a run has
/// stopped it: it was put aside, or stands beside the one that was to take its place, or a job needs it stopped. Beside one that
/// was put aside, a new one has never been found good.
fn stopped<'a>(
    judge: &Judge<'a, '_>,
    instance: &Instance<'a>,
    decided: &Decided<'a>,
    heals: bool,
) -> Option<&'a ObservedContainer> {
    if instance.standing().any(ObservedContainer::is_up) {
        return None;
    }
    let was_stopped = |found: &&ObservedContainer| match found.state {
        ContainerState::Exited(code) => code != 0 || !may_have_ended(judge.service, found),
        _ => false,
    };
    let [next, previous] = [".next", ".prev"].map(|suffix| format!("{}{suffix}", instance.name));
    let named = |name: &str| instance.standing().find(|found| found.name == name);
    let is_stopped_for_jobs = pre_deploy::stopping(judge.stack, judge.key).next().is_some();
    let was_interrupted = named(&previous).or(named(&next)).is_some() || is_stopped_for_jobs;
    let old = named(&previous).filter(was_stopped).or_else(|| instance.standing().find(was_stopped))?;
    let is_due = was_interrupted || heals && is_ours(&old.labels) && was_made_to_stop(old);
    (is_due && can_run(judge, old, decided)).then_some(old)
}

/// Whether a container may be a job that ended by itself: the service was one when that was made, or is one now.
fn may_have_ended(service: &DesiredService, container: &ObservedContainer) -> bool {
    let Some(spec) = made_of(container) else { return true };
    is_job(service) || is_job(&DesiredService { spec, job: service.job, ..DesiredService::default() })
}

/// Whether a container that stands still has not ended by itself with its work done: a job of an earlier version may have, and
/// its label does not tell it from a service.
fn was_made_to_stop(container: &ObservedContainer) -> bool {
    let is_kept_up = |spec: ServiceSpec| match spec.deploy.and_then(|deploy| deploy.restart_policy) {
        Some(policy) => matches!(&*policy.condition, "any" | "always" | ""),
        None => matches!(&*spec.restart, "always" | "unless-stopped"),
    };
    !matches!(container.state, ContainerState::Exited(0)) || made_of(container).is_some_and(is_kept_up)
}

/// The definition that a container was made of.
fn made_of(container: &ObservedContainer) -> Option<ServiceSpec> {
    let spec = recorded(container)?.get_mut("spec").map(serde_json::Value::take)?;
    serde_json::from_value(spec).ok()
}

/// Whether all stands that a container was made for, or is made by this plan. A network that was made anew meanwhile counts by its
/// name: a start attaches to that what stood still (`engine/docker/reattach.rs`).
fn can_run(judge: &Judge, old: &ObservedContainer, decided: &Decided) -> bool {
    let index = judge.context.index;
    let stands = |name: &String| {
        let is_made = matches!(judge.context.network_fate(name), NetworkFate::Create | NetworkFate::Replace);
        is_made || index.network(name).is_some()
    };
    let has_networks = old.networks.keys().all(stands);
    let Some(joined) = old.network_mode.strip_prefix("container:") else { return has_networks };
    let is_joined = |found: &ObservedContainer| found.id == joined || found.name == joined;
    let goes = |found: &ServiceDiff| found.leaving().any(is_joined);
    let is_started = |found: &ServiceDiff| {
        let starts =
            |instance: &Instance| instance.kick != Kick::None && instance.keep.is_some_and(is_joined);
        found.takes_part() && found.instances.iter().any(starts)
    };
    let is_up = index.observed.containers.iter().any(|found| is_joined(found) && found.is_up());
    has_networks && (is_up && !decided.values().any(goes) || decided.values().any(is_started))
}

fn restore<'a>(judge: &Judge, instance: &mut Instance<'a>, old: &'a ObservedContainer) {
    let is_aside = [".prev", ".next"].iter().any(|suffix| old.name.ends_with(suffix));
    let holder = judge.context.index.named(&instance.name);
    let own = holder.and_then(|holder| instance.standing().find(|found| found.id == holder.id));
    // Under a name that an interrupted run gave it, it takes its place again, unless somebody else is there.
    if !is_aside || holder.is_some() && own.is_none() {
        instance.name.clone_from(&old.name);
    }
    // What an interrupted run made and never started goes too: once this one runs it may be all that is wanted.
    let goes = |found: &&ObservedContainer| {
        let is_in_the_way = is_aside && own.is_some_and(|own| own.id == found.id);
        found.id != old.id && (is_in_the_way || found.state == ContainerState::Created)
    };
    let rest = instance.standing().filter(goes).collect();
    instance.rest = rest;
    instance.keep = Some(old);
    instance.kick = Kick::Restore;
    let cause = Cause::new(CauseKind::Stopped, &old.name);
    instance.causes = vec![cause.values(Some(old.state.as_str().to_owned()), Some("running".to_owned()))];
}
