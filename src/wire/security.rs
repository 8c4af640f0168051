//! Security options.

use super::fields::Fields;
use std::collections::BTreeSet;

/// The file that a `seccomp` option names, if it does. Relative paths are relative to the project directory.
pub(crate) fn profile_file(option: &str) -> Option<&str> {
    let (_, file) = split(option).filter(|(key, _)| *key == "seccomp")?;
    let is_file = !matches!(file, "unconfined" | "builtin") && !file.trim_start().starts_with('{');
    is_file.then_some(file)
}

/// Added and dropped capabilities as the engine stores them. Reference: docker compose 2.40 gives them their full names,
/// sorted, each once; `ALL` stands alone, and what is added is not dropped.
pub(crate) fn capabilities(add: &[String], drop: &[String]) -> (Vec<String>, Vec<String>) {
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
