//! What this engine cannot do: found before anything is touched, because engines of old ignore in silence what they
//! do not know, and newer ones complain only when the old container is already gone.

use crate::model::change::{Cause, CauseKind};
use crate::model::desired::DesiredService;
use crate::model::service::{Endpoint, Mount, ServiceSpec};

/// An attribute, or a value of one, that engines of old do not know. The manual has them from here too.
#[derive(Debug)]
pub struct Versioned {
    /// Key path as in the table of support; `=value` narrows to a value.
    pub path: &'static str,
    /// The API version that brought it.
    pub api: (u32, u32),
    /// What becomes of it on older engines.
    pub before: Before,
    /// Where a service uses it.
    uses: fn(&ServiceSpec) -> Vec<String>,
}

/// What becomes of an attribute on an engine that does not know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// The service is left as it is: without it the container would be another one.
    Blocked,
    /// The service is made without it, with a warning.
    NoEffect,
}

/// Every attribute that not every supported engine has.
pub static VERSIONED: &[Versioned] = &[
    Versioned {
        path: "services.*.annotations",
        api: (1, 43),
        before: Before::NoEffect,
        uses: |spec| if_used("annotations", !spec.annotations.is_empty()),
    },
    Versioned {
        path: "services.*.healthcheck.start_interval",
        api: (1, 44),
        before: Before::Blocked,
        uses: |spec| {
            let check = spec.healthcheck.as_ref();
            if_used("healthcheck.start_interval", check.is_some_and(|check| check.start_interval.is_some()))
        },
    },
    Versioned {
        path: "services.*.networks.*.mac_address",
        api: (1, 44),
        before: Before::Blocked,
        uses: |spec| {
            // The primary network's address is set on the container itself on engines of old.
            let primary = super::create::primary_network(spec);
            let mut paths = endpoints(spec, "mac_address", |endpoint| !endpoint.mac_address.is_empty());
            paths.retain(|path| primary.is_none_or(|key| *path != format!("networks.{key}.mac_address")));
            paths
        },
    },
    Versioned {
        path: "services.*.networks.*.gw_priority",
        api: (1, 48),
        before: Before::NoEffect,
        uses: |spec| endpoints(spec, "gw_priority", |endpoint| endpoint.gw_priority != 0),
    },
    Versioned {
        path: "services.*.networks.*.interface_name",
        api: (1, 49),
        before: Before::Blocked,
        uses: |spec| endpoints(spec, "interface_name", |endpoint| !endpoint.interface_name.is_empty()),
    },
    Versioned {
        path: "services.*.volumes[].type=image",
        api: (1, 48),
        before: Before::Blocked,
        uses: |spec| mounts(spec, "type", |mount| mount.kind == "image"),
    },
    Versioned {
        path: "services.*.volumes[].volume.subpath",
        api: (1, 45),
        before: Before::Blocked,
        // An engine of old would mount the whole volume.
        uses: |spec| mounts(spec, "volume.subpath", has_subpath),
    },
    Versioned {
        path: "services.*.volumes[].bind.recursive=readonly",
        api: (1, 44),
        before: Before::Blocked,
        uses: |spec| mounts(spec, "bind.recursive", |mount| is_recursive(mount, "readonly")),
    },
];

fn has_subpath(mount: &Mount) -> bool {
    mount.volume.as_ref().is_some_and(|volume| !volume.subpath.is_empty())
}

fn is_recursive(mount: &Mount, how: &str) -> bool {
    mount.bind.as_ref().is_some_and(|bind| bind.recursive == how)
}

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
    selinux(spec, &mut gates);
    namespace_conflicts(spec, &mut gates);
    injected_files(service, &mut gates);
    gates
}

impl Gates {
    fn needs(&mut self, path: &str, needed: (u32, u32), api: (u32, u32)) {
        let (old, new) = (format!("the engine's API is {}.{}", api.0, api.1), needed);
        let cause = Cause::new(CauseKind::Unsupported, path);
        self.blocked.push(cause.values(Some(old), Some(format!("needs API {}.{}", new.0, new.1))));
    }

    fn ignored(&mut self, path: &str, needed: (u32, u32), api: (u32, u32)) {
        self.warnings.push(format!(
            "`{path}` has no effect: it needs engine API {}.{}, and this engine has {}.{}",
            needed.0, needed.1, api.0, api.1
        ));
    }

    fn conflict(&mut self, path: &str, why: &str) {
        let cause = Cause::new(CauseKind::Unsupported, path);
        self.blocked.push(cause.values(None, Some(why.to_owned())));
    }
}

fn versions(spec: &ServiceSpec, api: (u32, u32), gates: &mut Gates) {
    for row in VERSIONED.iter().filter(|row| api < row.api) {
        for path in (row.uses)(spec) {
            match row.before {
                Before::Blocked => gates.needs(&path, row.api, api),
                Before::NoEffect => gates.ignored(&path, row.api, api),
            }
        }
    }
    // In the order of the attributes in a service, not of the rows.
    gates.blocked.sort_by(|a, b| a.path.cmp(&b.path));
    without_effect(spec, gates);
}

/// What engines drop in silence, whatever their version.
fn without_effect(spec: &ServiceSpec, gates: &mut Gates) {
    let mode = &*spec.network_mode;
    let shares = mode.starts_with("service:") || mode.starts_with("container:");
    for (attribute, is_lost) in [
        ("ports", matches!(mode, "host" | "none") && !spec.ports.is_empty()),
        ("dns_opt", shares && !spec.dns_opt.is_empty()),
        ("dns_search", shares && !spec.dns_search.is_empty()),
        ("domainname", shares && !spec.domainname.is_empty()),
    ] {
        if is_lost {
            gates.warnings.push(format!("`{attribute}` has no effect with `network_mode: {mode}`"));
        }
    }
}

fn endpoints(spec: &ServiceSpec, attribute: &str, has_it: fn(&Endpoint) -> bool) -> Vec<String> {
    let found = spec.networks.iter().filter(|(_, endpoint)| endpoint.as_ref().is_some_and(has_it));
    found.map(|(key, _)| format!("networks.{key}.{attribute}")).collect()
}

fn mounts(spec: &ServiceSpec, attribute: &str, has_it: fn(&Mount) -> bool) -> Vec<String> {
    let found = spec.volumes.iter().enumerate().filter(|(_, mount)| has_it(mount));
    found.map(|(at, _)| format!("volumes[{at}].{attribute}")).collect()
}

fn if_used(attribute: &str, is_used: bool) -> Vec<String> {
    if is_used { vec![attribute.to_owned()] } else { Vec::new() }
}

/// The engine takes `selinux` only in the form of a bind that makes missing paths and knows no `recursive`. Reference:
/// docker compose 2.40 drops it then; here it is honoured where it can be.
fn selinux(spec: &ServiceSpec, gates: &mut Gates) {
    for (at, bind) in
        spec.volumes.iter().enumerate().filter_map(|(at, mount)| Some((at, mount.bind.as_ref()?)))
    {
        let path = |attribute: &str| format!("volumes[{at}].bind.{attribute}");
        if bind.selinux.is_empty() {
            continue;
        }
        if !bind.recursive.is_empty() {
            gates.conflict(
                &path("selinux"),
                "the engine takes no `recursive` beside it: leave one of them out",
            );
        } else if !bind.create_host_path {
            gates.warnings.push(format!(
                "`{}` is false and has no effect: the engine makes a missing path of a bind with `selinux`",
                path("create_host_path")
            ));
        }
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

#[cfg(test)]
mod tests {
    use super::{VERSIONED, check};
    use crate::compose::support::SUPPORT;
    use crate::model::desired::DesiredService;
    use crate::model::service::{BindOptions, Endpoint, Healthcheck, Mount, ServiceSpec, VolumeOptions};
    use crate::model::units::Nanos;
    use std::collections::BTreeMap;

    #[test]
    fn every_row_is_about_an_attribute_of_the_table_of_support() {
        for row in VERSIONED {
            let path = row.path.split('=').next().unwrap_or(row.path);
            assert!(SUPPORT.iter().any(|other| other.path == path), "{path}");
        }
    }

    #[test]
    fn an_old_engine_stands_against_what_it_would_leave_out() {
        let endpoint = |mac: &str| Some(Endpoint { mac_address: mac.into(), ..Endpoint::default() });
        let subpath = VolumeOptions { subpath: "a".into(), ..VolumeOptions::default() };
        let spec = ServiceSpec {
            annotations: BTreeMap::from([("a".to_owned(), "b".to_owned())]),
            healthcheck: Some(Healthcheck { start_interval: Some(Nanos(1)), ..Healthcheck::default() }),
            networks: BTreeMap::from([
                ("back".to_owned(), endpoint("02:42:ac:11:65:43")),
                ("front".to_owned(), endpoint("02:42:ac:11:65:44")),
            ]),
            volumes: vec![
                Mount { kind: "image".into(), ..Mount::default() },
                Mount { kind: "volume".into(), volume: Some(subpath), ..Mount::default() },
            ],
            ..ServiceSpec::default()
        };
        let service = DesiredService { spec, ..DesiredService::default() };
        let old = check(&service, (1, 41));
        let paths: Vec<&str> = old.blocked.iter().map(|cause| cause.path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "healthcheck.start_interval",
                "networks.front.mac_address",
                "volumes[0].type",
                "volumes[1].volume.subpath"
            ]
        );
        assert_eq!(old.warnings.len(), 1);
        let new = check(&service, (1, 49));
        assert!(new.blocked.is_empty() && new.warnings.is_empty());
    }

    #[test]
    fn what_every_engine_drops_is_said_and_selinux_beside_recursive_is_refused() {
        let bind = |recursive: &str| {
            let bind =
                BindOptions { selinux: "z".into(), recursive: recursive.into(), ..BindOptions::default() };
            Mount { kind: "bind".into(), bind: Some(bind), ..Mount::default() }
        };
        let spec = ServiceSpec {
            network_mode: "service:vpn".into(),
            dns_search: vec!["a".into()],
            volumes: vec![bind("disabled"), bind("")],
            ..ServiceSpec::default()
        };
        let found = check(&DesiredService { spec, ..DesiredService::default() }, (1, 51));
        assert_eq!(found.blocked.len(), 1);
        assert_eq!(found.blocked[0].path, "volumes[0].bind.selinux");
        for word in ["dns_search", "volumes[1].bind.create_host_path"] {
            assert!(
                found.warnings.iter().any(|warning| warning.contains(word)),
                "{word}: {:?}",
                found.warnings
            );
        }
    }
}
