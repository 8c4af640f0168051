//! One service.

use super::{Scope, dependencies, image, injected, rollout, seccomp, section, strip, words};
use crate::compose::canonical;
use crate::compose::node::Node;
use crate::compose::reference_hash::{self, Beside};
use crate::compose::settings::{self, ServiceSettings};
use crate::model::compose_hash::{ComposeHash, InDialects};
use crate::model::desired::{DesiredService, DesiredStack, JobMode};
use crate::model::service::ServiceSpec;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Converts a service; `None` after an error in this program's own mapping, which is then named.
pub(super) fn convert(
    scope: &mut Scope<'_>,
    stack: &DesiredStack,
    key: &str,
    service: &Map<String, Value>,
    waited_for: &BTreeSet<String>,
) -> Option<DesiredService> {
    let mut spec = match strip::spec(service) {
        Ok(spec) => spec,
        Err(keys) => {
            for unmapped in keys {
                let message = format!("internal error: `{unmapped}` is not mapped to the engine");
                let hint = "please report this with the lines of your compose file that hold it";
                scope.report.error(&["services", key, &unmapped], message).hint = Some(hint.to_owned());
            }
            return None;
        }
    };
    for mapping in strip::gathered(service) {
        let message = "names that begin with `x-` are left out: Compose takes them for extensions";
        let hint = "write the mapping as a list of `x-name=value` to have them";
        scope.report.warning(&["services", key, mapping], message).hint = Some(hint.to_owned());
    }
    let own = own_settings(scope, key);
    let image = image::source(scope, key, service);
    spec.image.clone_from(&image.reference);
    spec.platform.clone_from(&image.platform);
    let mut converted = DesiredService {
        replicas: replicas(scope, key, service),
        depends_on: dependencies::of(scope, key, service),
        image,
        names: names(&spec, stack),
        job: match own.job {
            _ if own.timetable.is_some() => JobMode::Job,
            Some(true) => JobMode::Job,
            Some(false) => JobMode::Service,
            None if waited_for.contains(key) => JobMode::Job,
            None => JobMode::Inferred,
        },
        timetable: own.timetable,
        compose_hash: compose_hash(scope, key, service),
        allow_empty_volume: own.allow_empty_volume,
        wait_timeout: own.wait_timeout,
        rollout: rollout::of(scope, key, service, &own.rollout),
        drift: own.drift.or(scope.settings.drift).unwrap_or_default(),
        ..DesiredService::default()
    };
    words::check(scope, key, service);
    injected::attach(scope, key, &spec, &mut converted);
    binds(scope, key, &spec, &mut converted.contents);
    seccomp::digests(scope, key, &spec.security_opt, &mut converted.contents);
    converted.spec = spec;
    Some(converted)
}

fn compose_hash(scope: &Scope<'_>, key: &str, service: &Map<String, Value>) -> InDialects<ComposeHash> {
    let beside = Beside { label_files: label_files(scope, key), unmade_binds: unmade_binds(scope, key) };
    reference_hash::container_hashes(service, &beside)
}

/// Targets of the binds whose host path is not to be made, in so many words. The canonical form leaves that out as it does
/// where nothing is said.
fn unmade_binds(scope: &Scope<'_>, key: &str) -> BTreeSet<String> {
    let service = scope.project.nodes.get("services").and_then(|services| services.get(key));
    let mounts = service.and_then(|service| service.get("volumes")).and_then(Node::as_list);
    let target = |mount: &Node| {
        let made = mount.get("bind")?.get("create_host_path")?;
        (canonical::boolean(made) == Some(false)).then(|| mount.get("target")?.as_str().map(str::to_owned))?
    };
    mounts.unwrap_or_default().iter().filter_map(target).collect()
}

/// Absolute paths of the service's label files, which the canonical form has no more.
fn label_files(scope: &Scope<'_>, key: &str) -> Vec<String> {
    let service = scope.project.nodes.get("services").and_then(|services| services.get(key));
    let files = service.and_then(|service| service.get("label_file")).and_then(Node::as_list);
    files.unwrap_or_default().iter().filter_map(Node::as_str).map(str::to_owned).collect()
}

fn own_settings(scope: &mut Scope<'_>, key: &str) -> ServiceSettings {
    let service = scope.project.nodes.get("services").and_then(|services| services.get(key));
    let block = service.and_then(|service| service.get(settings::KEY));
    let path = format!("services.{key}.{}", settings::KEY);
    block.map_or_else(ServiceSettings::default, |node| settings::service(node, &path, scope.report.sink()))
}

/// More containers of one service than any engine runs.
const MAX_REPLICAS: u32 = 10_000;

/// The number of containers; the loader has seen to it that `scale` and `deploy.replicas` agree.
fn replicas(scope: &mut Scope<'_>, key: &str, service: &Map<String, Value>) -> u32 {
    let deploy = section(service, "deploy");
    if let Some(mode) = deploy.get("mode").and_then(Value::as_str)
        && !matches!(mode, "" | "replicated" | "global" | "global-job" | "replicated-job")
    {
        let message = format!("`mode` cannot be `{mode}`");
        scope.report.value(&["services", key, "deploy", "mode"], message).hint =
            Some("the mode of a single engine is `replicated`, the default".to_owned());
    }
    let written = service.get("scale").or_else(|| deploy.get("replicas")).and_then(Value::as_u64);
    let count = written.map_or(1, |count| u32::try_from(count).unwrap_or(u32::MAX));
    if count > MAX_REPLICAS {
        let in_deploy = service.get("scale").is_none();
        let path: &[&str] =
            if in_deploy { &["services", key, "deploy", "replicas"] } else { &["services", key, "scale"] };
        let message =
            format!("{} containers are asked for, more than {MAX_REPLICAS}", written.unwrap_or_default());
        scope.report.value(path, message).hint =
            Some(format!("a service may have up to {MAX_REPLICAS} containers on one engine"));
    }
    count.min(MAX_REPLICAS)
}

/// Engine names of the networks and volumes that a service uses: they are part of its hash, since a spec has only keys.
fn names(spec: &ServiceSpec, stack: &DesiredStack) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    for key in spec.networks.keys() {
        if let Some(network) = stack.networks.get(key) {
            names.insert(format!("network {key}"), network.name.clone());
        }
    }
    for mount in spec.volumes.iter().filter(|mount| mount.kind == "volume") {
        if let Some(volume) = stack.volumes.get(&mount.source) {
            names.insert(format!("volume {}", mount.source), volume.name.clone());
        }
    }
    names
}

/// Digests of what is mounted from the source.
fn binds(scope: &mut Scope<'_>, key: &str, spec: &ServiceSpec, found: &mut BTreeMap<String, String>) {
    for (index, mount) in spec.volumes.iter().enumerate().filter(|(_, mount)| mount.kind == "bind") {
        let counted = scope.contents.of_bind(mount);
        let index = index.to_string();
        let path = ["services", key, "volumes", index.as_str()];
        if let Some(problem) = counted.problem {
            scope.report.warning(&path, problem).hint = Some(
                "if its contents need not count, name it in `x-reconcile: {ignore_contents: [...]}`"
                    .to_owned(),
            );
        }
        if let Some(error) = counted.error {
            scope.report.error(&path, error).hint = Some(
                "keep the file itself in the repository, or mount it from a volume or another path of the host"
                    .to_owned(),
            );
        }
        if let Some(digest) = counted.digest {
            found.insert(counted.name, digest);
        }
    }
}
