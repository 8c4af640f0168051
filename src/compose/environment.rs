//! Values that come from the environment: environment files, and names that are left for it to fill in
//! (reference: docker compose 2.40).

use super::diagnostic::Diagnostic;
use super::dotenv;
use super::files::FileKind;
use super::node::{Node, Span, Value};
use super::session::{Failed, Session};
use super::walk;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Names and values.
pub(super) type Environment = BTreeMap<String, String>;

/// Reads environment files in order; later values win, and each file sees the values of those before it.
///
/// Names resolve through `outer` first. The result holds only what the files say.
pub(super) fn read_files(
    session: &mut Session<'_>,
    outer: &Environment,
    paths: &[PathBuf],
) -> Result<Environment, Failed> {
    let mut values = Environment::new();
    for path in paths {
        match session.files.kind(path) {
            None => return Err(session.fail(missing(path))),
            Some(FileKind::Directory) => {
                return Err(session.fail(
                    Diagnostic::error(format!("{} is a directory", path.display()))
                        .hint("an env file is a text file of NAME=value lines"),
                ));
            }
            Some(FileKind::File) => {}
        }
        let (file, text) = session.read(path)?;
        let lookup = |name: &str| outer.get(name).or_else(|| values.get(name)).cloned();
        let mut unset = Vec::new();
        let parsed = dotenv::parse(&text, &lookup, &mut |name| unset.push(name.to_owned()));
        session.diagnostics.extend(unset.iter().map(|name| unset_warning(name)));
        let parsed = parsed.map_err(|error| unparsable(path, file, &error));
        values.extend(session.take(parsed)?);
    }
    Ok(values)
}

/// A variable that a file uses but nothing sets.
pub(super) fn unset_warning(name: &str) -> Diagnostic {
    Diagnostic::warning(format!("The {name:?} variable is not set. Defaulting to a blank string."))
        .hint(format!("set {name}, or write ${{{name}:-}} if blank is meant"))
}

fn missing(path: &Path) -> Diagnostic {
    Diagnostic::error(format!("couldn't find env file: {}", path.display()))
        .hint("create it, or leave the option out to use .env")
}

/// What to say about an environment file with a mistake in it.
pub(super) fn unparsable(path: &Path, file: super::node::FileId, error: &dotenv::DotenvError) -> Diagnostic {
    let start = u32::try_from(error.start).unwrap_or(u32::MAX);
    Diagnostic::error(format!("failed to read {}: {}", path.display(), error.message))
        .span(Span { file, start, end: start })
        .hint("lines are NAME=value; quote values that span lines or hold a #")
}

/// Fills the bare names of list-form service environments with their values, where the environment has them.
/// Names in map form are filled when the project is normalised; the two may see different environments when
/// the service comes from an included project.
pub(super) fn resolve_lists(root: &mut Node, environment: &Environment) {
    walk::each_mut(root, "services.*.environment.*", &mut |node, place| {
        if !place.segments().last().is_some_and(|last| last.starts_with('[')) {
            return;
        }
        let Some(name) = node.as_str().filter(|text| !text.contains('=')) else { return };
        if let Some(value) = environment.get(name) {
            node.value = Value::String(format!("{name}={value}"));
        }
    });
}
