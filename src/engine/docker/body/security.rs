//! Security options.

use super::fields::Fields;
use crate::engine::EngineError;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

/// Replaces `seccomp=FILE` by the file's profile, as the engine wants it. Paths are relative to the project directory.
pub(in super::super) fn read_profiles(options: &[String], base: &Path) -> Result<Vec<String>, EngineError> {
    options
        .iter()
        .map(|option| {
            let Some((_, file)) = split(option).filter(|(key, _)| *key == "seccomp") else {
                return Ok(option.clone());
            };
            if matches!(file, "unconfined" | "builtin") || file.trim_start().starts_with('{') {
                return Ok(option.clone());
            }
            let path = base.join(file);
            let fail = |reason: String| {
                EngineError::Failed(format!("`security_opt`: seccomp profile {}: {reason}", path.display()))
            };
            let text = std::fs::read(&path).map_err(|error| fail(error.to_string()))?;
            let profile: Value = serde_json::from_slice(&text).map_err(|error| fail(error.to_string()))?;
            Ok(format!("seccomp={profile}"))
        })
        .collect()
}

/// Added and dropped capabilities as the engine stores them. Reference: docker compose 2.40 gives them their full names,
/// sorted, each once; `ALL` stands alone, and what is added is not dropped.
pub(super) fn capabilities(add: &[String], drop: &[String]) -> (Vec<String>, Vec<String>) {
    let add: BTreeSet<String> = add.iter().map(|name| capability(name)).collect();
    let mut drop: BTreeSet<String> = drop.iter().map(|name| capability(name)).collect();
    drop.retain(|name| !add.contains(name));
    let listed = |all: BTreeSet<String>| {
        if all.contains(ALL) { vec![ALL.to_owned()] } else { all.into_iter().collect() }
    };
    (listed(add), listed(drop))
}

const ALL: &str = "ALL";

fn capability(name: &str) -> String {
    let name = name.trim().to_uppercase();
    if name == ALL || name.starts_with("CAP_") { name } else { format!("CAP_{name}") }
}

/// Splits at the first `=`, or the first `:` as older files have it.
fn split(option: &str) -> Option<(&str, &str)> {
    option.split_once('=').or_else(|| option.split_once(':'))
}

/// Sets the options. `systempaths=unconfined` is no option of the engine: it means empty lists of hidden paths, which are
/// something else than none.
pub(super) fn options(host: &mut Fields, options: &[String]) {
    let (system, others): (Vec<&String>, Vec<&String>) =
        options.iter().partition(|option| split(option) == Some(("systempaths", "unconfined")));
    host.set("SecurityOpt", &others);
    if !system.is_empty() {
        let none: [&str; 0] = [];
        host.put("MaskedPaths", none);
        host.put("ReadonlyPaths", none);
    }
}
