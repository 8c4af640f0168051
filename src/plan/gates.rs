//! What this engine cannot do: found before anything is touched, because engines of old ignore in silence what they
//! do not know, and newer ones complain only when the old container is already gone.

use crate::model::change::{Cause, CauseKind};
use crate::model::desired::DesiredService;
use crate::model::service::{BindOptions, Mount, ServiceSpec};

/// What stands against a service on this engine, and what is merely worth knowing.
#[derive(Debug, Default)]
pub(super) struct Gates {
    /// Reasons not to make the container.
    pub blocked: Vec<Cause>,
    /// Attributes without effect.
    pub warnings: Vec<String>,
}

/// Holds a service against the engine's API version and against itself.
pub(super) fn check(service: &DesiredService, api: (u32, u32)) -> Gates {
    let mut gates = Gates::default();
    let spec = &service.spec;
    versions(spec, api, &mut gates);
    endpoints(spec, api, &mut gates);
    for (at, mount) in spec.volumes.iter().enumerate() {
        mount_versions(at, mount, api, &mut gates);
    }
    namespace_conflicts(spec, &mut gates);
    injected_files(service, &mut gates);
    gates
}

impl Gates {
    fn needs(&mut self, path: &str, needed: (u32, u32), api: (u32, u32)) {
        if api < needed {
            let (old, new) = (format!("the engine's API is {}.{}", api.0, api.1), needed);
            let cause = Cause::new(CauseKind::Unsupported, path);
            self.blocked.push(cause.values(Some(old), Some(format!("needs API {}.{}", new.0, new.1))));
        }
    }

    fn ignored(&mut self, path: &str, needed: (u32, u32), api: (u32, u32)) {
        if api < needed {
            self.warnings.push(format!(
                "`{path}` has no effect: it needs engine API {}.{}, and this engine has {}.{}",
                needed.0, needed.1, api.0, api.1
            ));
        }
    }

    fn conflict(&mut self, path: &str, why: &str) {
        let cause = Cause::new(CauseKind::Unsupported, path);
        self.blocked.push(cause.values(None, Some(why.to_owned())));
    }
}

fn versions(spec: &ServiceSpec, api: (u32, u32), gates: &mut Gates) {
    if !spec.annotations.is_empty() {
        gates.ignored("annotations", (1, 43), api);
    }
    if spec.healthcheck.as_ref().is_some_and(|check| check.start_interval.is_some()) {
        gates.needs("healthcheck.start_interval", (1, 44), api);
    }
    if spec.network_mode == "host" && !spec.ports.is_empty() {
        gates.warnings.push("`ports` has no effect with `network_mode: host`".to_owned());
    }
}

fn endpoints(spec: &ServiceSpec, api: (u32, u32), gates: &mut Gates) {
    let primary = super::create::primary_network(spec);
    for (key, endpoint) in &spec.networks {
        let Some(endpoint) = endpoint else { continue };
        let path = |attribute: &str| format!("networks.{key}.{attribute}");
        // The primary network's address is set on the container itself on engines of old.
        if !endpoint.mac_address.is_empty() && primary != Some(key) {
            gates.needs(&path("mac_address"), (1, 44), api);
        }
        if endpoint.gw_priority != 0 {
            gates.ignored(&path("gw_priority"), (1, 48), api);
        }
        if !endpoint.interface_name.is_empty() {
            gates.needs(&path("interface_name"), (1, 49), api);
        }
    }
}

fn mount_versions(at: usize, mount: &Mount, api: (u32, u32), gates: &mut Gates) {
    let path = |attribute: &str| format!("volumes[{at}].{attribute}");
    if mount.kind == "image" {
        gates.needs(&path("type"), (1, 48), api);
    }
    if mount.volume.as_ref().is_some_and(|volume| !volume.subpath.is_empty()) {
        // An engine of old would mount the whole volume.
        gates.needs(&path("volume.subpath"), (1, 45), api);
    }
    if let Some(bind) = &mount.bind {
        bind_options(bind, &path, api, gates);
    }
}

/// `writable` needs nothing: it is what engines of old do with every read-only bind.
fn bind_options(bind: &BindOptions, path: &dyn Fn(&str) -> String, api: (u32, u32), gates: &mut Gates) {
    if bind.recursive == "readonly" {
        gates.needs(&path("bind.recursive"), (1, 44), api);
    }
    if bind.selinux.is_empty() {
        return;
    }
    if !bind.recursive.is_empty() {
        gates.conflict(
            &path("bind.selinux"),
            "the engine takes no `recursive` beside it: leave one of them out",
        );
    } else if !bind.create_host_path {
        gates.warnings.push(format!(
            "`{}` is false and has no effect: the engine makes a missing host path of every bind with `selinux`",
            path("bind.create_host_path")
        ));
    }
}

/// With another container's network the engine refuses everything that belongs to that network.
fn namespace_conflicts(spec: &ServiceSpec, gates: &mut Gates) {
    let mode = &spec.network_mode;
    if !mode.starts_with("service:") && !mode.starts_with("container:") {
        return;
    }
    let why = format!("cannot be combined with `network_mode: {mode}`: set it on that container");
    let set = [
        ("ports", !spec.ports.is_empty()),
        ("expose", !spec.expose.is_empty()),
        ("hostname", !spec.hostname.is_empty()),
        ("dns", !spec.dns.is_empty()),
        ("extra_hosts", !spec.extra_hosts.is_empty()),
        ("links", !spec.links.is_empty() || !spec.external_links.is_empty()),
        ("mac_address", !spec.mac_address.is_empty()),
    ];
    for (path, _) in set.iter().filter(|(_, is_set)| *is_set) {
        gates.conflict(path, &why);
    }
}

/// Files are written into the container before it starts: a read-only root refuses them, and a tmpfs hides them.
fn injected_files(service: &DesiredService, gates: &mut Gates) {
    let spec = &service.spec;
    let is_under = |target: &str, mount: &str| {
        let mount = mount.trim_end_matches('/');
        target.strip_prefix(mount).is_some_and(|rest| rest.starts_with('/'))
    };
    let mounts_tmpfs = spec.volumes.iter().filter(|mount| mount.kind == "tmpfs").map(|mount| &*mount.target);
    let short_tmpfs = spec.tmpfs.iter().map(|entry| entry.split_once(':').map_or(&**entry, |(path, _)| path));
    let tmpfs: Vec<&str> = mounts_tmpfs.chain(short_tmpfs).collect();
    for file in &service.files {
        let target = &file.target;
        if let Some(hiding) = tmpfs.iter().find(|mount| is_under(target, mount)) {
            gates.conflict(
                target,
                &format!("would be hidden by the tmpfs at {hiding}: choose another target"),
            );
            continue;
        }
        let is_writable = spec.volumes.iter().any(|mount| {
            matches!(&*mount.kind, "volume" | "bind") && !mount.read_only && is_under(target, &mount.target)
        });
        if spec.read_only && !is_writable {
            let why = format!("{target} cannot be written: use a `file:` source, or mount a volume there");
            gates.conflict("read_only", &why);
        }
    }
}
