//! Configs and secrets: mounted from a file, or written into the container.

use super::super::suggest;
use super::{Scope, contents, section, string, text};
use crate::model::desired::{DesiredService, InjectedFile, MountedFile, Sensitive};
use crate::model::hash;
use crate::model::service::{FileRef, ServiceSpec};
use std::path::{Path, PathBuf};

/// The two kinds; they differ in names and in where they go by default.
#[derive(Clone, Copy)]
struct Kind {
    section: &'static str,
    name: &'static str,
    directory: &'static str,
}

const CONFIG: Kind = Kind { section: "configs", name: "config", directory: "/" };
const SECRET: Kind = Kind { section: "secrets", name: "secret", directory: "/run/secrets" };
/// Readable by all, as with the reference.
const DEFAULT_MODE: u32 = 0o444;

/// Gives a service its configs and secrets.
pub(super) fn attach(scope: &mut Scope<'_>, key: &str, spec: &ServiceSpec, service: &mut DesiredService) {
    for (kind, references) in [(CONFIG, &spec.configs), (SECRET, &spec.secrets)] {
        for (index, reference) in references.iter().enumerate() {
            let index = index.to_string();
            let item = Item { kind, reference, spec, path: ["services", key, kind.section, &index] };
            // Reference: a volume at the same place wins.
            if spec.volumes.iter().all(|mount| mount.target != item.target()) {
                item.attach(scope, service);
            }
        }
    }
}

struct Item<'a> {
    kind: Kind,
    reference: &'a FileRef,
    spec: &'a ServiceSpec,
    path: [&'a str; 4],
}

impl Item<'_> {
    fn attach(&self, scope: &mut Scope<'_>, service: &mut DesiredService) {
        let source = &self.reference.source;
        let definition = section(section(&scope.project.tree, self.kind.section), source);
        let (file, variable) = (string(definition, "file"), string(definition, "environment"));
        if !file.is_empty() {
            self.mount_file(scope, service, Path::new(file));
        } else if !variable.is_empty() {
            if let Some(value) = scope.project.environment.get(variable) {
                self.inject(scope, service, value.clone().into_bytes());
            } else {
                let path = [self.kind.section, source, "environment"];
                let name = self.kind.name;
                let message = format!("the variable {variable} that {name} `{source}` is made of is not set");
                let hint = format!("set {variable} in the environment or in the project's .env file");
                let found = scope.report.value(&path, message);
                *found = found.clone().variable(variable).hint(hint);
            }
        } else if let Some(content) = definition.get("content").and_then(serde_json::Value::as_str) {
            self.inject(scope, service, content.as_bytes().to_vec());
        }
        // Anything else (external, driver) is refused by the support table.
    }

    /// Mounts the file; with an owner or mode of its own, which a mount cannot have, it is written instead.
    fn mount_file(&self, scope: &mut Scope<'_>, service: &mut DesiredService, file: &Path) {
        let digest = match contents::digest_path(scope.context.files, file) {
            Ok(digest) => digest,
            Err(error) => {
                let path = [self.kind.section, self.reference.source.as_str(), "file"];
                let of = format!("the file of {} `{}`", self.kind.name, self.reference.source);
                let message = if scope.context.files.kind(file).is_none() {
                    format!("there is no {}: {of} is missing", text(file))
                } else {
                    format!("{of} cannot be read: {}: {error}", text(file))
                };
                let hint = suggest::other_file(scope.context.files, file);
                scope.report.value(&path, message).hint =
                    Some(hint.unwrap_or_else(|| "create the file, or check the path".to_owned()));
                return;
            }
        };
        let owned =
            !self.reference.uid.is_empty() || !self.reference.gid.is_empty() || self.reference.mode.is_some();
        if owned
            && self.obstacle().is_none()
            && let Ok(bytes) = scope.context.files.read(file)
        {
            self.inject(scope, service, bytes);
            return;
        }
        if owned {
            let why = self.obstacle().unwrap_or("a directory is mounted as it is");
            scope.report.warning(
                &self.path,
                format!(
                    "uid, gid and mode of {} {:?} are ignored: {why}",
                    self.kind.name, self.reference.source
                ),
            );
        }
        service.contents.insert(self.name(), digest);
        service.mounted_files.push(MountedFile { source: text(file), target: self.target() });
    }

    fn inject(&self, scope: &mut Scope<'_>, service: &mut DesiredService, content: Vec<u8>) {
        if let Some(why) = self.obstacle() {
            let message = format!(
                "{} {:?} cannot be written into the container: {why}",
                self.kind.name, self.reference.source
            );
            scope.report.error(&self.path, message).hint =
                Some("use a `file:`, which is mounted, or another target".to_owned());
            return;
        }
        let mut id = |text: &str, what: &str| {
            if text.is_empty() {
                return 0;
            }
            text.parse().unwrap_or_else(|_| {
                let message = format!("{what} {text:?} is not a number");
                scope.report.error(&self.path, message).hint =
                    Some("names are known only inside the image".to_owned());
                0
            })
        };
        let (uid, gid) = (id(&self.reference.uid, "uid"), id(&self.reference.gid, "gid"));
        let mode = self.reference.mode.as_deref().and_then(|mode| u32::from_str_radix(mode, 8).ok());
        service.contents.insert(self.name(), hash::digest(&content));
        service.files.push(InjectedFile {
            target: self.target(),
            content: Sensitive::new(content),
            uid,
            gid,
            mode: mode.unwrap_or(DEFAULT_MODE),
        });
    }

    fn name(&self) -> String {
        format!("{} {}", self.kind.name, self.reference.source)
    }

    fn target(&self) -> String {
        let written =
            if self.reference.target.is_empty() { &self.reference.source } else { &self.reference.target };
        text(&contents::clean(&PathBuf::from(self.kind.directory).join(written)))
    }

    /// Why nothing can be written to the target before the start: the engine refuses read-only containers, and what is
    /// written under a tmpfs is hidden once it is mounted.
    fn obstacle(&self) -> Option<&'static str> {
        if self.spec.read_only {
            return Some("it is read-only");
        }
        let target = self.target();
        let short = self.spec.tmpfs.iter().map(|entry| entry.split(':').next().unwrap_or_default());
        let long =
            self.spec.volumes.iter().filter(|mount| mount.kind == "tmpfs").map(|mount| mount.target.as_str());
        let hidden = short.chain(long).any(|directory| Path::new(&target).starts_with(directory));
        hidden.then_some("its target lies in a tmpfs")
    }
}
