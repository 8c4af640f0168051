//! Seccomp profiles: files that shape a container without being mounted.

use super::{Scope, contents, text};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The file that an entry of `security_opt` names, if it names one.
pub(super) fn profile(entry: &str) -> Option<&str> {
    let (kind, value) = entry.split_once(['=', ':'])?;
    let is_file =
        kind == "seccomp" && !matches!(value, "" | "unconfined" | "builtin") && !value.starts_with('{');
    is_file.then_some(value)
}

/// Digests of the profiles that a service names. A relative path starts from the project directory.
pub(super) fn digests(
    scope: &mut Scope<'_>,
    key: &str,
    options: &[String],
    found: &mut BTreeMap<String, String>,
) {
    for (index, path) in
        options.iter().enumerate().filter_map(|(index, entry)| Some((index, profile(entry)?)))
    {
        let file = absolute(&scope.project.working_dir, path);
        match contents::digest_path(scope.context.files, &file) {
            Ok(digest) => {
                found.insert(format!("seccomp {path}"), digest);
            }
            Err(error) => {
                let index = index.to_string();
                let message = format!("cannot read seccomp profile {}: {error}", text(&file));
                scope.report.error(&["services", key, "security_opt", &index], message);
            }
        }
    }
}

fn absolute(directory: &Path, path: &str) -> PathBuf {
    super::clean(&directory.join(path))
}
