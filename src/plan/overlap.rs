//! Whether the old and the new container of a service can run side by side, as `order: start-first` asks for.
//!
//! What forbids it is said when the plan is made, and the service is left as it is: to stop the old one first after all
//! would be the very interruption that its owner ruled out. Where only the way back asks for it, it is said and no more:
//! a way back is rare, and an update held up for it helps nobody.

use super::instances::{Instance, Judge, shares_namespace};
use super::networks::NetworkFate;
use super::pre_deploy;
use super::volumes;
use crate::model::change::{Cause, CauseKind};
use crate::model::desired::{DesiredService, DesiredStack, JobMode, host_ports};
use crate::model::rollout::{Order, Pace};
use crate::model::service::Mount;

/// What stands against running side by side, and what is worth knowing.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Reasons to leave the service as it is.
    pub causes: Vec<Cause>,
    /// What is merely worth knowing.
    pub warnings: Vec<String>,
}

/// Settles which replicas start first, and what forbids it. A job has nothing to overlap with.
pub(super) fn decide(judge: &Judge, instances: &mut [Instance]) -> Found {
    let mut found = Found::default();
    let service = judge.service;
    let (update, back) = (&service.rollout.update, &service.rollout.rollback);
    if service.job == JobMode::Job {
        return found;
    }
    if update.order == Order::StopFirst {
        found.warnings = way_back(judge, instances);
        return found;
    }
    let replaced: Vec<usize> = (0..instances.len()).filter(|at| overlaps(&instances[*at])).collect();
    let forbidden = forbidden(judge, instances, (&replaced, update));
    if replaced.is_empty() {
        // The first of its containers starts all the same; its owner should not learn it from the first update.
        if instances.iter().any(Instance::is_created) {
            found.warnings.extend(forbidden.iter().map(|(path, why)| {
                format!("`order: start-first` will not be possible: {path} {why}; {REMEDY}")
            }));
        }
        return found;
    }
    found.causes = forbidden
        .into_iter()
        .map(|(path, why)| {
            let old = "the old and the new container cannot run side by side".to_owned();
            Cause::new(CauseKind::StartFirst, path).values(Some(old), Some(format!("{why}; {REMEDY}")))
        })
        .collect();
    if let Some(network) = judge.networks_replaced().next() {
        found.warnings.push(format!(
            "network {network} is made anew: this time the old containers stop before the new ones start"
        ));
        return found;
    }
    for at in replaced {
        instances[at].start_first = true;
        instances[at].back_first = back.order == Order::StartFirst;
    }
    found
}

/// Settles which replicas go back with the old container up before the new one stops, where updates stop first; gives
/// what stands against it. A single replica goes back because it does not serve, so there is nothing to keep up.
fn way_back(judge: &Judge, instances: &mut [Instance]) -> Vec<String> {
    let back = &judge.service.rollout.rollback;
    let is_changed = |instance: &Instance| instance.is_created() || overlaps(instance);
    if back.order == Order::StopFirst || instances.len() < 2 || !instances.iter().any(is_changed) {
        return Vec::new();
    }
    let replaced: Vec<usize> = (0..instances.len()).filter(|at| overlaps(&instances[*at])).collect();
    let forbidden = forbidden(judge, instances, (&replaced, back));
    if let Some((path, why)) = forbidden.first() {
        return vec![format!(
            "`rollback_config.order: start-first` will not be possible: {path} {why}; on the way back new containers stop \
             before the old ones start"
        )];
    }
    if judge.networks_replaced().next().is_none() {
        for at in replaced {
            instances[at].back_first = true;
        }
    }
    Vec::new()
}

/// What to do about it.
const REMEDY: &str = "take it out, or set `order: stop-first`";

/// Whether a replica has a running container that a new one takes over from.
fn overlaps(instance: &Instance) -> bool {
    let is_in_place = instance.keep.is_some_and(|kept| kept.name == instance.name);
    let runs = instance.predecessor().is_some_and(crate::model::observed::ObservedContainer::is_up);
    runs && !is_in_place && !instance.is_resumed()
}

/// Key paths that hold something which only one container can have at a time, each with what.
fn forbidden(
    judge: &Judge,
    instances: &[Instance],
    (replaced, pace): (&[usize], &Pace),
) -> Vec<(String, String)> {
    let mut found = declared(judge.stack, judge.key, (judge.service, pace));
    found.extend(inherited(judge, instances, replaced));
    found
}

fn declared(
    stack: &DesiredStack,
    key: &str,
    (service, pace): (&DesiredService, &Pace),
) -> Vec<(String, String)> {
    let spec = &service.spec;
    let mut found: Vec<(String, String)> = Vec::new();
    let mut forbid = |path: String, why: &str| found.push((path, why.to_owned()));
    let at_once = pace.batch().min(usize::try_from(service.replicas).unwrap_or(usize::MAX));
    let needed = usize::try_from(service.replicas).unwrap_or(usize::MAX).saturating_add(at_once);
    for (at, port) in spec.ports.iter().enumerate() {
        let Some((_, first, last, _)) = host_ports(port) else { continue };
        let count = usize::from(last.saturating_sub(first)) + 1;
        if first != 0 && count < needed {
            let why = format!("{} on the host is too few for {needed} containers", port.published);
            forbid(format!("ports[{at}].published"), &why);
        }
    }
    if !spec.container_name.is_empty() {
        forbid("container_name".into(), "is a name that one container can have");
    }
    for (path, mode) in [("network_mode", &spec.network_mode), ("ipc", &spec.ipc), ("pid", &spec.pid)] {
        let joins = mode.starts_with("service:") || mode.starts_with("container:");
        if joins || path == "network_mode" && mode == "host" {
            forbid(path.into(), &format!("`{mode}` is shared with another container or the host"));
        }
    }
    let children = stack.services.iter().filter(|(_, other)| shares_namespace(other, key));
    for (child, _) in children {
        forbid(format!("services.{child}"), "shares a namespace with it, and is bound to one container");
    }
    if !spec.mac_address.is_empty() {
        forbid("mac_address".into(), "is an address that one container can have");
    }
    for (network, endpoint) in &spec.networks {
        let Some(endpoint) = endpoint else { continue };
        for (field, value) in [
            ("ipv4_address", &endpoint.ipv4_address),
            ("ipv6_address", &endpoint.ipv6_address),
            ("mac_address", &endpoint.mac_address),
        ] {
            if !value.is_empty() {
                forbid(format!("networks.{network}.{field}"), "is an address that one container can have");
            }
        }
    }
    for job in pre_deploy::stopping(stack, key) {
        forbid(format!("pre_deploy.{job}"), "needs the service stopped while it runs");
    }
    if !service.rollout.share_volumes {
        shared_data(service, &mut forbid);
    }
    found
}

/// Places that both containers would write to. Two databases on one directory destroy it, so its owner has to agree.
fn shared_data(service: &DesiredService, forbid: &mut impl FnMut(String, &str)) {
    let writes = |mount: &&Mount| matches!(&*mount.kind, "volume" | "bind") && !mount.read_only;
    for mount in service.spec.volumes.iter().filter(writes) {
        forbid(
            format!("volumes.{}", mount.target),
            "would be written to by both; `rollout.share_volumes: true` allows it",
        );
    }
    for from in service.spec.volumes_from.iter().filter(|from| !from.ends_with(":ro")) {
        forbid(
            format!("volumes_from.{from}"),
            "would be written to by both; `rollout.share_volumes: true` allows it",
        );
    }
}

/// Anonymous volumes that the image declares pass to the new container too.
fn inherited(judge: &Judge, instances: &[Instance], replaced: &[usize]) -> Vec<(String, String)> {
    if judge.service.rollout.share_volumes {
        return Vec::new();
    }
    let old = replaced.iter().filter_map(|at| instances[*at].predecessor());
    let own = |target: &str| judge.service.spec.volumes.iter().any(|mount| mount.target == target);
    let mut targets: Vec<String> = old
        .flat_map(|old| volumes::inherited(judge.context.index, &judge.stack.name, judge.service, old))
        .map(|(target, _)| target)
        .filter(|target| !own(target))
        .collect();
    targets.sort();
    targets.dedup();
    let why = "is a volume of the image that both would write to; `rollout.share_volumes: true` allows it";
    targets.into_iter().map(|target| (format!("volumes.{target}"), why.to_owned())).collect()
}

impl Judge<'_, '_> {
    /// Networks of the service that are made anew.
    fn networks_replaced(&self) -> impl Iterator<Item = &str> {
        let replaced = self.networks().iter().filter(|(_, fate)| *fate == NetworkFate::Replace);
        replaced.map(|(name, _)| *name)
    }
}
