//! Values that come from the environment: environment files, and names that are left for it to fill in
//! (reference: docker compose 2.40).

use super::diagnostic::Diagnostic;
use super::dotenv;
use super::files::FileKind;
use super::interpolate;
use super::node::{FileId, Node, Span, Value};
use super::session::{Failed, Session};
use super::walk;
use std::collections::BTreeMap;
use std::ops::Range;
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
    let mut failed = None;
    for path in paths {
        match read_file(session, outer, &values, path) {
            Ok(read) => values.extend(read),
            Err(error) => failed = Some(error),
        }
    }
    failed.map_or(Ok(values), Err)
}

fn read_file(
    session: &mut Session<'_>,
    outer: &Environment,
    values: &Environment,
    path: &Path,
) -> Result<Vec<(String, String)>, Failed> {
    match session.files.kind(path) {
        None => {
            let missing = missing(session, path);
            return Err(session.fail(missing));
        }
        Some(FileKind::Directory) => {
            return Err(session.fail(
                Diagnostic::error(format!("{} is a directory", path.display()))
                    .hint("an env file is a text file of NAME=value lines"),
            ));
        }
        Some(FileKind::File) => {}
    }
    let (file, text) = session.read_private(path)?;
    let lookup = |name: &str| outer.get(name).or_else(|| values.get(name)).cloned();
    let mut unset = Vec::new();
    let parsed = dotenv::parse(&text, &lookup, &mut |name, at| unset.push((name.to_owned(), at)));
    session.diagnostics.extend(unset.iter().map(|(name, at)| unset_warning(name, (file, &text, *at))));
    session.take(parsed.map_err(|error| unparsable(path, file, &error)))
}

/// A variable that a file uses, in the value that begins at a byte, but nothing sets.
pub(super) fn unset_warning(name: &str, (file, text, from): (FileId, &str, usize)) -> Diagnostic {
    let used = text.get(from..).and_then(|value| interpolate::find_variable(value, name));
    let used = used.map_or(from..from, |used| from + used.start..from + used.end);
    Diagnostic::warning(format!("The {name:?} variable is not set. Defaulting to a blank string."))
        .plain(format!("the variable {name} is not set, and is taken as empty"))
        .span(span(file, used))
        .hint(format!("set {name}, or write ${{{name}:-}} if empty is right"))
}

fn span(file: FileId, place: Range<usize>) -> Span {
    let byte = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Span { file, start: byte(place.start), end: byte(place.end) }
}

fn missing(session: &Session<'_>, path: &Path) -> Diagnostic {
    Diagnostic::error(format!("couldn't find env file: {}", path.display()))
        .plain(format!("there is no env file {}", path.display()))
        .hint(session.other_file(path, "create it, or leave the option out to use .env"))
}

/// What to say about an environment file with a mistake in it.
pub(super) fn unparsable(path: &Path, file: FileId, error: &dotenv::DotenvError) -> Diagnostic {
    Diagnostic::error(format!("failed to read {}: {}", path.display(), error.message))
        .plain(error.plain.clone())
        .span(span(file, error.start..error.end))
        .hint(error.hint)
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
