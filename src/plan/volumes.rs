//! What becomes of volumes: they are made, used or held against a change, and never anything else.

use super::index::Index;
use super::order::volumes_parent;
use crate::model::change::{Cause, CauseKind, Change, ChangeAction};
use crate::model::desired::{DesiredService, DesiredStack, DesiredState, VolumeSpec};
use crate::model::labels;
use crate::model::observed::{ObservedContainer, ObservedMount, ObservedVolume};
use std::collections::{BTreeMap, BTreeSet};

/// A volume with what becomes of it.
#[derive(Debug)]
pub(super) struct VolumeDiff<'a> {
    /// What is wanted.
    pub spec: &'a VolumeSpec,
    /// `Create`, `Unchanged` or `Blocked`, with the reasons.
    pub change: Change,
}

/// The volumes of one stack by key.
pub(super) type Volumes<'a> = BTreeMap<String, VolumeDiff<'a>>;

/// Names of the volumes that some stack makes.
pub(super) fn claims(desired: &DesiredState) -> BTreeSet<&str> {
    let all = desired.stacks.values().flat_map(|stack| stack.volumes.values());
    all.filter(|volume| !volume.external).map(|volume| &*volume.name).collect()
}

/// Decides for the volumes in a stack's file. `held` are names that must not be made yet.
pub(super) fn decide<'a>(
    stack: &'a DesiredStack,
    index: &Index,
    claims: &BTreeSet<&str>,
    held: &BTreeMap<String, Cause>,
) -> Volumes<'a> {
    let one = |spec: &'a VolumeSpec| {
        let change = match index.observed.volumes.get(&spec.name) {
            _ if spec.external => external(spec, index, claims),
            None => match held.get(&spec.name) {
                Some(cause) => Change::new(ChangeAction::Blocked, vec![cause.clone()]),
                None => Change::new(ChangeAction::Create, vec![Cause::new(CauseKind::Missing, &spec.name)]),
            },
            Some(found) => existing(stack, spec, found),
        };
        VolumeDiff { spec, change }
    };
    stack.volumes.iter().map(|(key, spec)| (key.clone(), one(spec))).collect()
}

fn external(spec: &VolumeSpec, index: &Index, claims: &BTreeSet<&str>) -> Change {
    if index.observed.volumes.contains_key(&spec.name) || claims.contains(&*spec.name) {
        return Change::unchanged();
    }
    let why = "external volume is not there: create it, or drop `external`";
    let cause = Cause::new(CauseKind::Missing, &spec.name).values(None, Some(why.to_owned()));
    Change::new(ChangeAction::Blocked, vec![cause])
}

fn existing(stack: &DesiredStack, spec: &VolumeSpec, found: &ObservedVolume) -> Change {
    let mut causes = Vec::new();
    let mut differ = |path: String, old: Option<&str>, new: Option<&str>| {
        if old != new {
            let cause = Cause::new(CauseKind::VolumeDefinition, path);
            let shown = |value: Option<&str>, key: &str| {
                value.map(|value| super::sensitive::shown(key, value).to_owned())
            };
            let key = cause.path.clone();
            causes.push(cause.values(shown(old, &key), shown(new, &key)));
        }
    };
    differ("driver".into(), Some(&found.driver), Some(spec.driver()));
    let keys: BTreeSet<&String> = spec.driver_opts.keys().chain(found.driver_opts.keys()).collect();
    for key in keys {
        let (old, new) = (found.driver_opts.get(key), spec.driver_opts.get(key));
        differ(format!("driver_opts.{key}"), old.map(String::as_str), new.map(String::as_str));
    }
    let mut change =
        if causes.is_empty() { Change::unchanged() } else { Change::new(ChangeAction::Blocked, causes) };
    if change.action == ChangeAction::Blocked {
        change.warnings.push(format!(
            "volume {} cannot take another definition and keep its data: move the data to a volume of another name, \
             or remove this one with `docker volume rm`",
            spec.name
        ));
    }
    if found.labels.get(labels::PROJECT) != Some(&stack.name) {
        let owner = found.labels.get(labels::PROJECT).map_or("nobody", String::as_str);
        change.warnings.push(format!("volume {} was made for {owner}; it is used as it is", spec.name));
    }
    change
}

/// Whether a volume's name is one that the engine makes up.
pub(super) fn is_anonymous(mount: &ObservedMount) -> bool {
    mount.kind == "volume" && is_anonymous_name(&mount.name)
}

/// 64 hexadecimal digits.
pub(super) fn is_anonymous_name(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether a mount is there because the service takes the mounts of other containers: it is theirs to keep.
fn is_taken(index: &Index, stack: &str, service: &DesiredService, mount: &ObservedMount) -> bool {
    // What it mounts itself at that place is its own, whoever else has it.
    let is_own = !matches!(mount_at(service, &mount.target), Mounted::Nothing);
    !is_own
        && service.spec.volumes_from.iter().any(|from| {
            let has = |container: &ObservedContainer| {
                container.mounts.iter().any(|other| other.target == mount.target && other.name == mount.name)
            };
            match (from.strip_prefix("container:"), volumes_parent(from)) {
                (Some(name), _) => index.named(name.split(':').next().unwrap_or(name)).is_some_and(has),
                (None, Some(parent)) => index.service(stack, parent).iter().any(|container| has(container)),
                (None, None) => false,
            }
        })
}

/// Anonymous volumes that the new container takes over: path in the container to volume name.
pub(super) fn inherited(
    index: &Index,
    stack: &str,
    service: &DesiredService,
    old: &ObservedContainer,
) -> BTreeMap<String, String> {
    let is_free = |target: &str| match mount_at(service, target) {
        Mounted::Nothing | Mounted::Anonymous => true,
        Mounted::Named(_) | Mounted::Other(_) => false,
    };
    let mounts = old.mounts.iter().filter(|mount| is_anonymous(mount) && is_free(&mount.target));
    let mounts = mounts.filter(|mount| !is_taken(index, stack, service, mount));
    mounts.map(|mount| (mount.target.clone(), mount.name.clone())).collect()
}

/// What a service wants at a path.
enum Mounted<'a> {
    Nothing,
    Anonymous,
    Named(&'a str),
    Other(&'a str),
}

fn mount_at<'a>(service: &'a DesiredService, target: &str) -> Mounted<'a> {
    let clean = |path: &'a str| if path.len() > 1 { path.trim_end_matches('/') } else { path };
    if let Some(mount) = service.spec.volumes.iter().find(|mount| clean(&mount.target) == target) {
        return match (&*mount.kind, &*mount.source) {
            ("volume", "") => Mounted::Anonymous,
            ("volume", key) => Mounted::Named(key),
            (kind, _) => Mounted::Other(kind),
        };
    }
    let mut tmpfs =
        service.spec.tmpfs.iter().map(|entry| entry.split_once(':').map_or(&**entry, |(path, _)| path));
    if tmpfs.any(|path| clean(path) == target) { Mounted::Other("tmpfs") } else { Mounted::Nothing }
}

/// Paths at which the new container would find an empty volume, or none, where the old one has a full one.
///
/// A volume that the service still mounts somewhere has only moved. A bind mount is the owner's own place, filled by
/// hand, and passes.
pub(super) fn emptied(
    stack: &DesiredStack,
    service: &DesiredService,
    old: &ObservedContainer,
    index: &Index,
) -> Vec<Cause> {
    let engine_name = |key: &str| stack.volumes.get(key).map_or(key.to_owned(), |volume| volume.name.clone());
    let still_used: BTreeSet<String> =
        service.spec.volumes.iter().map(|mount| engine_name(&mount.source)).collect();
    let mut causes = Vec::new();
    for mount in old.mounts.iter().filter(|mount| mount.kind == "volume" && !mount.name.is_empty()) {
        if is_taken(index, &stack.name, service, mount) {
            continue;
        }
        let anonymous = is_anonymous(mount);
        let new = match mount_at(service, &mount.target) {
            Mounted::Named(key) => {
                let name = engine_name(key);
                if name == mount.name || index.observed.volumes.contains_key(&name) {
                    continue;
                }
                format!("the new, empty volume {name}")
            }
            Mounted::Other("bind" | "image" | "npipe" | "cluster") => continue,
            Mounted::Other(kind) => format!("an empty {kind}"),
            Mounted::Nothing | Mounted::Anonymous if anonymous || still_used.contains(&mount.name) => {
                continue;
            }
            Mounted::Nothing => "no volume".to_owned(),
            Mounted::Anonymous => "a new, empty volume".to_owned(),
        };
        if anonymous || !still_used.contains(&mount.name) {
            let old =
                if anonymous { "an unnamed volume".to_owned() } else { format!("volume {}", mount.name) };
            causes.push(Cause::new(CauseKind::EmptyVolume, &mount.target).values(Some(old), Some(new)));
        }
    }
    causes
}
