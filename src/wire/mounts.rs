//! Volumes, binds, temporary file systems.
//!
//! The engine has two forms. `Binds` makes a missing host path, and takes SELinux labels together with propagation; `Mounts`
//! can do what has no place in a text. The first is used wherever it can say what is wanted.

use super::fields::Refusal;
use super::fields::{Fields, Gate};
use crate::model::service::{BindOptions, ImageOptions, Mount, TmpfsOptions, VolumeOptions};
use crate::model::step::ContainerSpec;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A mount in one of the engine's two forms.
enum Form {
    Bind(String),
    Mount(Value),
}

/// Sets `Binds` and `Mounts`: the service's own, then mounted files, then anonymous volumes of the container before.
pub(super) fn all(host: &mut Fields, container: &ContainerSpec, gate: &Gate) -> Result<(), Refusal> {
    let (mut binds, mut mounts) = (Vec::new(), Vec::new());
    let spec = &container.spec;
    let mut taken: BTreeSet<&str> = spec.tmpfs.iter().map(|entry| tmpfs_path(entry)).collect();
    for mount in &spec.volumes {
        taken.insert(&mount.target);
        match form(mount, container, gate)? {
            Form::Bind(bind) => binds.push(bind),
            Form::Mount(mount) => mounts.push(mount),
        }
    }
    // Reference: a volume on the same target wins over a config or secret.
    for file in &container.mounted_files {
        if taken.insert(&file.target) {
            mounts.push(
                json!({"Type": "bind", "Source": file.source, "Target": file.target, "ReadOnly": true}),
            );
        }
    }
    for (target, volume) in &container.inherited_volumes {
        if taken.insert(target) {
            mounts.push(json!({"Type": "volume", "Source": volume, "Target": target}));
        }
    }
    host.set("Binds", &binds);
    host.set("Mounts", &mounts);
    Ok(())
}

fn form(mount: &Mount, container: &ContainerSpec, gate: &Gate) -> Result<Form, Refusal> {
    match mount.kind.as_str() {
        "bind" => bind(mount, gate),
        "volume" | "" => volume(mount, container, gate),
        "tmpfs" => {
            let mut options = Fields::default();
            if let Some(TmpfsOptions { size, mode }) = &mount.tmpfs {
                options.set("SizeBytes", &size.0);
                options.set("Mode", mode);
            }
            Ok(Form::Mount(long(mount, "", "TmpfsOptions", options)))
        }
        "image" => {
            gate.need("volumes.type: image", (1, 48))?;
            let mut options = Fields::default();
            if let Some(ImageOptions { subpath }) = &mount.image {
                options.set("Subpath", subpath);
            }
            Ok(Form::Mount(long(mount, &mount.source, "ImageOptions", options)))
        }
        // Named pipes and cluster volumes: this engine says best whether it can.
        _ => Ok(Form::Mount(long(mount, &mount.source, "", Fields::default()))),
    }
}

fn bind(mount: &Mount, gate: &Gate) -> Result<Form, Refusal> {
    let default = BindOptions { create_host_path: true, ..BindOptions::default() };
    let BindOptions { selinux, propagation, create_host_path, recursive } =
        mount.bind.as_ref().unwrap_or(&default);
    // A colon separates the parts of the text, and a file lies in the container's way only by `Mounts`.
    let fits = (*create_host_path || !selinux.is_empty())
        && recursive.is_empty()
        && !mount.source.contains(':')
        && !mount.target.contains(':');
    if fits {
        let mut text = format!("{}:{}:{}", mount.source, mount.target, access(mount));
        for option in [selinux, propagation] {
            if !option.is_empty() {
                text.push(',');
                text.push_str(option);
            }
        }
        return Ok(Form::Bind(text));
    }
    let mut options = Fields::default();
    let mut propagation = propagation.clone();
    match recursive.as_str() {
        "disabled" => options.put("NonRecursive", true),
        // Older engines do just that for every read-only bind.
        "writable" if gate.api >= (1, 44) => options.put("ReadOnlyNonRecursive", true),
        "readonly" => {
            gate.need("volumes.bind.recursive: readonly", (1, 44))?;
            options.put("ReadOnlyForceRecursive", true);
            if propagation.is_empty() {
                // The engine insists on it.
                "rprivate".clone_into(&mut propagation);
            }
        }
        _ => {}
    }
    options.set("Propagation", &propagation);
    // Without it an older engine refuses a path that is missing, which is no silence.
    if *create_host_path && gate.api >= (1, 42) {
        options.put("CreateMountpoint", true);
    }
    Ok(Form::Mount(long(mount, &mount.source, "BindOptions", options)))
}

fn volume(mount: &Mount, container: &ContainerSpec, gate: &Gate) -> Result<Form, Refusal> {
    let none = VolumeOptions::default();
    let VolumeOptions { labels, nocopy, subpath } = mount.volume.as_ref().unwrap_or(&none);
    if !subpath.is_empty() {
        // Older engines would mount the whole volume without a word.
        gate.need("volumes.volume.subpath", (1, 45))?;
    }
    let name = if mount.source.is_empty() {
        container.inherited_volumes.get(&mount.target).map_or("", String::as_str)
    } else {
        container.volume_names.get(&mount.source).map_or(mount.source.as_str(), String::as_str)
    };
    let is_plain = labels.is_empty() && subpath.is_empty() && !*nocopy;
    if !mount.source.is_empty() && is_plain && !mount.target.contains(':') {
        return Ok(Form::Bind(format!("{name}:{}:{}", mount.target, access(mount))));
    }
    let mut options = Fields::default();
    options.set("NoCopy", nocopy);
    options.set("Labels", labels);
    options.set("Subpath", subpath);
    Ok(Form::Mount(long(mount, name, "VolumeOptions", options)))
}

const fn access(mount: &Mount) -> &'static str {
    if mount.read_only { "ro" } else { "rw" }
}

fn long(mount: &Mount, source: &str, option_key: &str, options: Fields) -> Value {
    let Mount { kind, source: _, target, read_only, consistency, bind: _, volume: _, tmpfs: _, image: _ } =
        mount;
    let mut fields = Fields::default();
    fields.put("Type", if kind.is_empty() { "volume" } else { kind });
    fields.set("Source", &source.to_owned());
    fields.put("Target", target);
    fields.set("ReadOnly", read_only);
    fields.set("Consistency", consistency);
    fields.set_object(option_key, options);
    fields.into_value()
}

/// Options by path, from `path[:options]`.
pub(super) fn tmpfs(entries: &[String]) -> BTreeMap<&str, &str> {
    entries.iter().map(|entry| entry.split_once(':').unwrap_or((entry, ""))).collect()
}

fn tmpfs_path(entry: &str) -> &str {
    entry.split_once(':').map_or(entry, |(path, _)| path)
}

/// Containers whose mounts are taken, with their mode. Reference: docker compose 2.40 drops the mode, so that `:ro` becomes
/// writable; here it stays.
pub(super) fn volumes_from(entries: &[String]) -> Vec<&str> {
    entries.iter().map(|entry| entry.strip_prefix("container:").unwrap_or(entry)).collect()
}
