//! Values that come from the environment: environment files, and names that are left for it to fill in
//! (reference: docker compose 2.40).

use super::diagnostic::{Diagnostic, MAX_TOLD};
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

/// What files of variables say.
#[derive(Debug, Default)]
pub(super) struct FromFiles {
    pub(super) values: Environment,
    /// Whether the values are all that the files say: what is wrong with one is told, and left out.
    pub(super) is_whole: bool,
}

/// Reads environment files in order; later values win, and each file sees the values of those before it.
///
/// Names resolve through `outer` first. The result holds only what the files say.
pub(super) fn read_files(session: &mut Session<'_>, outer: &Environment, paths: &[PathBuf]) -> FromFiles {
    let mut read = FromFiles { values: Environment::new(), is_whole: true };
    for path in paths {
        let is_whole = read_file(session, outer, &mut read, path).is_ok();
        read.is_whole &= is_whole;
    }
    read
}

fn read_file(
    session: &mut Session<'_>,
    outer: &Environment,
    read: &mut FromFiles,
    path: &Path,
) -> Result<(), Failed> {
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
    let lookup = |name: &str| outer.get(name).or_else(|| read.values.get(name)).cloned();
    let mut unset = Vec::new();
    let parsed = dotenv::parse(&text, &lookup, &mut |name, at| unset.push((name.to_owned(), at)));
    if read.is_whole && parsed.errors.is_empty() {
        let warnings = unset.iter().take(MAX_TOLD).map(|(name, at)| unset_warning(name, (file, &text, *at)));
        session.diagnostics.extend(warnings);
    }
    let is_room =
        session.growth.take(parsed.pairs.iter().map(|(name, value)| name.len() + value.len()).sum());
    if !is_room {
        let refused = session.growth.refusal("variables", "", Span { file, start: 0, end: 0 });
        session.diagnostics.extend(refused);
        return Err(Failed);
    }
    read.values.extend(parsed.pairs);
    let is_whole = parsed.errors.is_empty();
    session.tell(parsed.errors.iter().map(|error| unparsable(path, file, error)));
    if is_whole { Ok(()) } else { Err(Failed) }
}

/// A variable that a file uses, in the value that begins at a byte, but nothing sets.
pub(super) fn unset_warning(name: &str, (file, text, from): (FileId, &str, usize)) -> Diagnostic {
    // Not beyond what an excerpt shows: a file with as many such values as fit would be read from each to its end.
    let end = (from..=text.len().min(from + 4096)).rev().find(|end| text.is_char_boundary(*end));
    let value = end.and_then(|end| text.get(from..end));
    let used = value.and_then(|value| interpolate::find_variable(value, name));
    let used = used.map_or(from..from, |used| from + used.start..from + used.end);
    interpolate::unset(name).span(span(file, used))
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
