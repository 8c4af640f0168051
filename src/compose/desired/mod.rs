//! From a loaded project to a [`DesiredStack`]: what is left when everything that does not shape a container is gone,
//! and everything that does (files, secrets, build inputs) is there.

mod build;
mod contents;
mod context_walk;
mod dependencies;
mod glob;
mod image;
mod injected;
mod place;
mod pre_deploy;
mod resources;
mod rollout;
mod seccomp;
mod service;
mod strip;
mod timetable;
mod words;

use super::diagnostic::Diagnostic;
use super::files::Files;
use super::load::Project;
use super::settings::StackSettings;
use super::support::{self, Status};
use crate::model::desired::DesiredStack;
use contents::Contents;
pub(crate) use contents::clean;
pub use contents::digest_path;
use place::Report;
pub(crate) use place::locate;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What stands around a project.
#[derive(Clone, Copy)]
pub struct DesiredContext<'a> {
    /// The files.
    pub files: &'a dyn Files,
    /// Which of them are sources and which data.
    pub tracked: &'a dyn Tracked,
    /// The source's directory: the contents of what is mounted from it count.
    pub root: &'a Path,
}

/// Knows which files belong to the tracked repository. Files that a container writes do not.
pub trait Tracked: Sync {
    /// The tracked files at a path or below it, sorted and spelled as the path is; `None` outside of any work tree.
    fn tracked(&self, path: &Path) -> Option<Vec<PathBuf>>;
}

/// A [`Tracked`] for files that no repository tracks.
#[derive(Debug, Clone, Copy, Default)]
pub struct Untracked;

impl Tracked for Untracked {
    fn tracked(&self, _: &Path) -> Option<Vec<PathBuf>> {
        None
    }
}

/// What is at hand while a stack is converted.
struct Scope<'a> {
    project: &'a Project,
    settings: &'a StackSettings,
    context: &'a DesiredContext<'a>,
    contents: Contents<'a>,
    report: Report<'a>,
}

/// Converts a project. The stack is `None` if and only if one of the diagnostics is an error.
pub fn desired(
    project: &Project,
    settings: &StackSettings,
    context: &DesiredContext<'_>,
) -> (Option<DesiredStack>, Vec<Diagnostic>) {
    let services = section(&project.tree, "services");
    let mut scope = Scope {
        project,
        settings,
        context,
        contents: Contents::new(project, settings, context, services),
        report: Report::new(&project.nodes),
    };
    refuse(&mut scope);
    let mut stack = DesiredStack {
        name: project.name.clone(),
        working_dir: text(&project.working_dir),
        config_files: project.config_files.iter().map(|path| text(path)).collect(),
        env_files: project.env_files.iter().map(|path| text(path)).collect(),
        disabled: project.disabled_services.iter().cloned().collect(),
        depends_on: settings.depends_on.clone(),
        pre_deploy: pre_deploy::jobs(&mut scope, settings, services),
        schedule: settings.schedule.windows(),
        compose_dialect: settings.compose_dialect,
        networks: resources::networks(&mut scope, services),
        volumes: resources::volumes(&mut scope, services),
        services: BTreeMap::new(),
    };
    let mut waited_for = dependencies::completed(services);
    waited_for.extend(stack.pre_deploy.keys().cloned());
    for (key, value) in services {
        if let Some(map) = value.as_object()
            && let Some(service) = service::convert(&mut scope, &stack, key, map, &waited_for)
        {
            stack.services.insert(key.clone(), Arc::new(service));
        }
    }
    pre_deploy::check(&mut scope, settings, &stack);
    timetable::check(&mut scope, settings, &stack);
    let diagnostics = scope.report.finish();
    let sound =
        diagnostics.iter().all(|diagnostic| diagnostic.severity != super::diagnostic::Severity::Error);
    (sound.then_some(stack), diagnostics)
}

/// Says what of the project is not supported, by the table.
fn refuse(scope: &mut Scope<'_>) {
    for hit in support::check(&scope.project.tree) {
        let path: Vec<&str> = hit.path.iter().map(String::as_str).collect();
        let name = name_of(&path);
        match hit.row.status {
            Status::Refused(reason) => {
                let name = match hit.row.path.split_once('=') {
                    Some((_, value)) => format!("{name}: {value}"),
                    None => name.to_owned(),
                };
                scope.report.error(&path, format!("`{name}` is not supported")).hint =
                    Some(reason.to_owned());
            }
            Status::Warned(reason) => {
                scope.report.warning(&path, format!("`{name}` is ignored")).hint = Some(reason.to_owned());
            }
            Status::Full | Status::Ignored(_) => {}
        }
    }
}

/// The last key of a path, for a sentence; list indexes are no names.
fn name_of<'a>(path: &[&'a str]) -> &'a str {
    path.iter().rev().find(|part| part.parse::<usize>().is_err()).copied().unwrap_or_default()
}

static EMPTY: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);

/// A mapping in a mapping; an empty one if it is not there.
fn section<'a>(map: &'a Map<String, Value>, key: &str) -> &'a Map<String, Value> {
    map.get(key).and_then(Value::as_object).unwrap_or(&EMPTY)
}

/// A text in a mapping; an empty one if it is not there.
fn string<'a>(map: &'a Map<String, Value>, key: &str) -> &'a str {
    map.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
pub(crate) mod tests;
