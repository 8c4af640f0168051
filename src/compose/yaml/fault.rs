//! The errors of reading YAML. Texts start as the reference's do (docker compose 2.40), without the
//! `failed to parse FILE: ` that it puts in front.

use super::super::diagnostic::Diagnostic;
use super::super::node::{FileId, Span};
use super::super::schema::nearest;
use super::explain::{Explained, explain};
use libyaml_safer::{Error, Mark};
use std::ops::Range;

/// A file that positions cannot describe.
pub(super) fn too_long(file: FileId, bytes: usize) -> Diagnostic {
    Diagnostic::error(format!("yaml: the file has {bytes} bytes, more than 4 GiB")).span(Span {
        file,
        start: 0,
        end: 1,
    })
}

/// Line of a byte of a text, from 1.
pub(super) fn line_at(text: &str, byte: usize) -> usize {
    text.get(..byte).unwrap_or(text).matches('\n').count() + 1
}

/// What the parser could not read.
pub(super) fn syntax(error: &Error, file: FileId, text: &str) -> Diagnostic {
    let problem = error.problem();
    let start = match error.problem_mark() {
        Some(mark) => byte_of(mark, text),
        None => text.char_indices().find(|(_, c)| unprintable(*c)).map_or(0, |(at, _)| at),
    };
    let rest = text.get(start..).unwrap_or("");
    let end = start + rest.chars().next().map_or(0, char::len_utf8);
    let opened = error.context_mark().map(|mark| byte_of(mark, text)).filter(|at| *at < start);
    let Explained { plain, hint, place, also } = explain(problem, text, start, opened);
    let span = |place: Range<usize>| Span {
        file,
        start: u32::try_from(place.start).unwrap_or(u32::MAX),
        end: u32::try_from(place.end).unwrap_or(u32::MAX),
    };
    let found = Diagnostic::error(format!("yaml: line {}: {problem}", line_at(text, start)))
        .plain(plain)
        .span(span(place.unwrap_or(start..end)))
        .hint(hint);
    match also {
        Some((place, label)) => found.also(span(place), label),
        None => found,
    }
}

/// The byte of a text that the parser's mark means.
fn byte_of(mark: Mark, text: &str) -> usize {
    let skipped = text.len() - text.trim_start_matches('\u{feff}').len();
    usize::try_from(mark.index).unwrap_or(usize::MAX).saturating_add(skipped).min(text.len())
}

/// The parser gave up somewhere behind `read_to`; what is known to make it do so is looked for.
pub(super) fn gave_up(read_to: Span, text: &str) -> Diagnostic {
    let from = read_to.end as usize;
    let rest = text.get(from..).unwrap_or("");
    let is_tag_end = |c: char| c.is_whitespace() || matches!(c, ',' | '[' | ']' | '{' | '}');
    let tag = rest.match_indices('!').find_map(|(at, _)| {
        let end = at + rest[at..].find(is_tag_end)?;
        rest[end..].starts_with(',').then_some((at, end))
    });
    let Some((start, end)) = tag else {
        return Diagnostic::error(format!("yaml: line {}: cannot be read from here on", line_at(text, from)))
            .plain("this cannot be read from here on")
            .span(read_to)
            .hint("check the next characters");
    };
    let byte = |offset: usize| u32::try_from(from + offset).unwrap_or(u32::MAX);
    let line = line_at(text, from + start);
    Diagnostic::error(format!("yaml: line {line}: did not find expected whitespace or line break"))
        .plain(format!("the tag `{}` needs a blank behind it", &rest[start..end]))
        .span(Span { start: byte(start), end: byte(end), ..read_to })
        .hint(format!("put a blank behind the tag `{}`", &rest[start..end]))
}

fn unprintable(c: char) -> bool {
    (c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}')) || matches!(c, '\u{fffe}' | '\u{ffff}')
}

/// For a `%YAML` line.
pub(super) const VERSION_HINT: &str = "leave the %YAML line out, or write %YAML 1.1";

/// `%YAML 1.2` is refused by the reference.
pub(super) fn incompatible_version(span: Span) -> Diagnostic {
    Diagnostic::error("yaml: found incompatible YAML document")
        .plain("this version of YAML is not read")
        .span(span)
        .hint(VERSION_HINT)
}

/// An alias without anchor.
pub(super) fn unknown_anchor<'a>(
    name: &str,
    known: impl Iterator<Item = &'a str>,
    path: String,
    span: Span,
) -> Diagnostic {
    let mut known: Vec<&str> = known.collect();
    known.sort_unstable();
    let hint = match nearest(name, known.into_iter()) {
        Some(other) => format!("did you mean `*{other}`?"),
        None => format!("define `&{name}` earlier in this file; anchors of other files are not seen"),
    };
    Diagnostic::error(format!("yaml: unknown anchor '{name}' referenced"))
        .plain(format!("there is no anchor `&{name}`"))
        .at(path)
        .span(span)
        .hint(hint)
}

/// Aliases that multiply each other.
pub(super) fn too_many_aliases(span: Span) -> Diagnostic {
    Diagnostic::error("yaml: the aliases of this file expand to too many nodes")
        .plain("the aliases of this file expand to too many nodes")
        .span(span)
        .hint("anchors that hold aliases of other anchors multiply: write some of them out")
}

/// More levels than any reader should follow.
pub(super) fn too_deep(limit: usize, path: String, span: Span) -> Diagnostic {
    Diagnostic::error(format!("yaml: nested deeper than {limit} levels"))
        .plain(format!("this is nested deeper than {limit} levels"))
        .at(path)
        .span(span)
        .hint("no compose file needs that many: check its brackets")
}

/// An alias that stands inside its own anchor.
pub(super) fn cycle(path: String, again: &str, span: Span) -> Diagnostic {
    Diagnostic::error(format!("cycle detected: node at path {again} references node at path {path}"))
        .plain("this alias stands inside the node that it repeats")
        .at(path)
        .span(span)
        .hint("write out what is meant here")
}

/// Two equal keys in one mapping.
pub(super) fn duplicate_key(
    key: &str,
    lines: (usize, usize),
    path: &str,
    (span, earlier): (Span, Span),
) -> Diagnostic {
    let (line, first) = lines;
    Diagnostic::error(format!("line {line}: mapping key {key:?} already defined at line {first}"))
        .plain(format!("the key `{key}` stands here twice"))
        .at(if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") })
        .span(span)
        .also(earlier, "first here")
        .hint("keep one of the two")
}

/// A key that reads as a number, a boolean, a date or null.
pub(super) fn non_string_key(shown: &str, written: &str, path: &str, span: Span) -> Diagnostic {
    let place = if path.is_empty() { "at top level".to_owned() } else { format!("in {path}") };
    Diagnostic::error(format!("non-string key {place}: {shown}"))
        .plain(format!("the key `{written}` is not a string"))
        .at(if path.is_empty() { written.to_owned() } else { format!("{path}.{written}") })
        .span(span)
        .hint(format!("write it in quotes: \"{written}\""))
}

/// A list or mapping as key.
pub(super) fn complex_key(path: String, span: Span) -> Diagnostic {
    Diagnostic::error("yaml: invalid map key: a list or mapping")
        .plain("a list or mapping cannot be a key")
        .at(path)
        .span(span)
        .hint("keys are strings; a value that begins with `{` or `[` must be in quotes")
}

/// `<<` with a value that has no keys.
pub(super) fn bad_merge(path: String, span: Span) -> Diagnostic {
    Diagnostic::error("yaml: map merge requires map or sequence of maps as the value")
        .plain("`<<` takes a mapping, or a list of mappings")
        .at(path)
        .span(span)
        .hint("give `<<` an alias of a mapping, or a list of them")
}

/// A tag that its scalar does not fit.
pub(super) fn bad_scalar(problem: &str, path: String, span: Span) -> Diagnostic {
    Diagnostic::error(format!("yaml: {problem}"))
        .plain(problem)
        .at(path)
        .span(span)
        .hint("change the value, or leave the tag out")
}
