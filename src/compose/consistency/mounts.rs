//! One target, one mount.

use super::Service;
use crate::compose::json;
use std::collections::BTreeMap;

/// Checks that no two mounts of a service share a target; tmpfs mounts count first.
pub(super) fn check(service: &mut Service<'_, '_>) {
    let tmpfs = json::strings(service.tree.get("tmpfs"));
    let tmpfs =
        tmpfs.iter().enumerate().map(|(i, spec)| (("tmpfs", i), spec.split(':').next().unwrap_or(spec)));
    let volumes = json::list(service.tree.get("volumes"));
    let volumes =
        volumes.iter().enumerate().map(|(i, volume)| (("volumes", i), json::text(volume, "target")));
    let mut seen: BTreeMap<&str, String> = BTreeMap::new();
    for ((section, index), target) in tmpfs.chain(volumes) {
        let own = format!("services.{}.{section}[{index}]", service.name);
        match seen.get(target) {
            Some(other) => {
                let message = format!("{own}: target {target} already mounted as {other}");
                service.refuse(message, &[section, &format!("[{index}]")], "remove one of the two");
            }
            None => {
                seen.insert(target, own);
            }
        }
    }
}
