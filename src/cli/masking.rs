//! What must not be told of a source: more than its services know of it.

use super::source::secret_file;
use crate::model::desired::DesiredState;
use crate::model::observed::ObservedState;
use crate::model::redact::Redactor;
use crate::plan;
use crate::source::mounted::Mounts;
use crate::source::{LoadedSource, LoadedStack};
use std::path::Path;

/// What files of variables are called that hold nothing else.
const TELLTALES: [&str; 5] = ["secret", "credential", "passw", "private", "vault"];

/// Everything that must not be told of a source: contents of secrets, telling variables of services and of the files that they
/// come from, and what those variables were until now.
pub fn redactor(loaded: &LoadedSource, observed: &ObservedState) -> Redactor {
    of_look(&loaded.desired, loaded.mounts.as_deref(), observed, of_files(loaded))
}

/// The same, of a source whose files were read earlier: `files` is what they gave.
pub fn of_look(
    desired: &DesiredState,
    mounts: Option<&Mounts>,
    observed: &ObservedState,
    files: Vec<String>,
) -> Redactor {
    let tracked = |path: &str| mounts.and_then(|mounts| mounts.secret(Path::new(path)));
    let read = |path: &str| tracked(path).or_else(|| secret_file(path));
    let before = observed.environments.values().flatten();
    let before = before.filter(|(name, _)| plan::tells_a_secret(name)).map(|(_, value)| value.clone());
    plan::secrets(desired, &read).and(before.chain(files).collect::<Vec<_>>())
}

/// What files of a source say that must not be told.
pub fn of_files(loaded: &LoadedSource) -> Vec<String> {
    loaded.stacks.iter().flat_map(of_stack).collect()
}

/// Values that the files of a stack get from telling variables, wherever they put them, and all that a file of variables says
/// whose own name tells of secrets.
fn of_stack(stack: &LoadedStack) -> Vec<String> {
    let Some(project) = &stack.project else { return Vec::new() };
    let sources = &stack.sources;
    let ids: Vec<_> = sources.paths().filter_map(|path| sources.id(path)).collect();
    let is_used = |name: &str| {
        let forms = [format!("${{{name}"), format!("${name}")];
        ids.iter().any(|id| forms.iter().any(|form| sources.text(*id).contains(form.as_str())))
    };
    let variables = project.environment.iter().filter(|(name, _)| plan::tells_a_secret(name));
    let mut found: Vec<String> =
        variables.filter(|(name, _)| is_used(name)).map(|(_, value)| value.clone()).collect();
    for id in ids.iter().filter(|id| sources.is_private(**id)) {
        let name = sources.path(*id).file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !TELLTALES.iter().any(|telltale| name.to_ascii_lowercase().contains(telltale)) {
            continue;
        }
        for line in sources.text(*id).lines().filter(|line| !line.trim_start().starts_with('#')) {
            if let Some((_, value)) = line.split_once('=') {
                found.push(value.trim().trim_matches(['"', '\'']).to_owned());
            }
        }
    }
    found
}
