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
    let mut seen: BTreeMap<&str, (&str, usize)> = BTreeMap::new();
    for ((section, index), target) in tmpfs.chain(volumes) {
        let Some((other, first)) = seen.get(target) else {
            seen.insert(target, (section, index));
            continue;
        };
        let place = |section: &str, index: usize| format!("services.{}.{section}[{index}]", service.name);
        let (own, other_place) = (place(section, index), place(other, *first));
        let message = format!("{own}: target {target} already mounted as {other_place}");
        let plain = format!("two mounts have the target `{target}`");
        let error = service
            .error((message, plain), &[section, &format!("[{index}]")])
            .focus(target)
            .also(service.span(&[other, &format!("[{first}]")]), "the other one")
            .hint("remove one of the two");
        service.found.push(error);
    }
}
