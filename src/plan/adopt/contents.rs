//! Contents that the configuration names by their place only: files of the source that are mounted, files that were
//! written into the container.
//!
//! Of a container of ours a label tells which contents it was started with. Here the container's own files are looked at,
//! and of those that it mounts, whether they changed after it was started.

use super::Comparison;
use crate::model::change::{Cause, CauseKind};
use crate::model::desired::{DesiredService, DesiredStack};
use crate::model::hash::digest;
use crate::model::inspected::Mounted;
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

/// What a service mounts from the source, by the name of the contents.
pub(super) fn mounted(stack: &DesiredStack, service: &DesiredService) -> BTreeMap<String, Mounted> {
    let mut found = BTreeMap::new();
    for name in service.contents.keys() {
        let path = match name.split_once(' ') {
            Some(("bind" | "seccomp", path)) => clean(&Path::new(&stack.working_dir).join(path)),
            Some((kind, source)) => {
                let target = target_of(service, kind, source);
                let file = service
                    .mounted_files
                    .iter()
                    .find(|file| Some(Path::new(&file.target)) == target.as_deref());
                let Some(file) = file else { continue };
                PathBuf::from(&file.source)
            }
            None => continue,
        };
        let writable =
            service.spec.volumes.iter().any(|mount| {
                mount.kind == "bind" && !mount.read_only && clean(Path::new(&mount.source)) == path
            });
        found.insert(name.clone(), Mounted { path, writable });
    }
    found
}

/// Where a config or secret lies in the container.
fn target_of(service: &DesiredService, kind: &str, source: &str) -> Option<PathBuf> {
    let (references, directory) = match kind {
        "config" => (&service.spec.configs, "/"),
        _ => (&service.spec.secrets, "/run/secrets"),
    };
    let reference = references.iter().find(|reference| reference.source == source)?;
    let written = if reference.target.is_empty() { &reference.source } else { &reference.target };
    Some(clean(&Path::new(directory).join(written)))
}

fn clean(path: &Path) -> PathBuf {
    let mut cleaned = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(cleaned.pop()),
            other => cleaned.push(other),
        }
    }
    cleaned
}

/// Compares all contents of a service.
pub(super) fn compare(comparison: &Comparison, causes: &mut Vec<Cause>) {
    let service = comparison.candidate.service;
    let mounted = mounted(comparison.candidate.stack, service);
    for name in service.contents.keys() {
        let is_same = if mounted.contains_key(name) {
            is_older(comparison, name)
        } else {
            is_written(comparison, name)
        };
        if is_same {
            continue;
        }
        let (kind, path) = match name.split_once(' ') {
            Some(("config", source)) => (CauseKind::ConfigContent, source),
            Some(("secret", source)) => (CauseKind::SecretContent, source),
            Some(("bind", path)) => (CauseKind::MountedFileContent, path),
            _ => (CauseKind::Attribute, name.as_str()),
        };
        causes.push(Cause::new(kind, path));
    }
}

/// Whether what is mounted has not changed since the container was started.
fn is_older(comparison: &Comparison, name: &str) -> bool {
    let inspected = comparison.inspected;
    let started = match inspected.started {
        0 => comparison.candidate.container.created.saturating_mul(1_000_000_000),
        started => started,
    };
    inspected.modified.get(name).is_some_and(|modified| *modified <= started)
}

/// Whether a config or secret stands in the container as it is wanted.
fn is_written(comparison: &Comparison, name: &str) -> bool {
    let service = comparison.candidate.service;
    let target = name.split_once(' ').and_then(|(kind, source)| target_of(service, kind, source));
    let file = service.files.iter().find(|file| Some(Path::new(&file.target)) == target.as_deref());
    file.is_some_and(|file| {
        let found = comparison.inspected.files.get(&file.target).and_then(Option::as_ref);
        found.is_some_and(|found| {
            found.digest == digest(file.content.expose())
                && (found.mode, found.uid, found.gid) == (file.mode, file.uid, file.gid)
        })
    })
}
