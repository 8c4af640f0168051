//! The errors of reading YAML. Texts start as the reference's do (docker compose 2.40), without the
//! `failed to parse FILE: ` that it puts in front.

use super::super::diagnostic::Diagnostic;
use super::super::node::{FileId, Span};
use super::super::schema::nearest;
use libyaml_safer::Error;

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
        Some(mark) => {
            let skipped = text.len() - text.trim_start_matches('\u{feff}').len();
            usize::try_from(mark.index).unwrap_or(usize::MAX).saturating_add(skipped).min(text.len())
        }
        None => text.char_indices().find(|(_, c)| unprintable(*c)).map_or(0, |(at, _)| at),
    };
    let rest = text.get(start..).unwrap_or("");
    let end = start + rest.chars().next().map_or(0, char::len_utf8);
    let line = line_at(text, start);
    let (start, end) = (u32::try_from(start).unwrap_or(u32::MAX), u32::try_from(end).unwrap_or(u32::MAX));
    let found = Diagnostic::error(format!("yaml: line {line}: {problem}")).span(Span { file, start, end });
    match advice(problem, rest) {
        Some(hint) => found.hint(hint),
        None => found,
    }
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
            .span(read_to);
    };
    let byte = |offset: usize| u32::try_from(from + offset).unwrap_or(u32::MAX);
    let line = line_at(text, from + start);
    Diagnostic::error(format!("yaml: line {line}: did not find expected whitespace or line break"))
        .span(Span { start: byte(start), end: byte(end), ..read_to })
        .hint(format!("put a blank behind the tag `{}`", &rest[start..end]))
}

fn unprintable(c: char) -> bool {
    (c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}')) || matches!(c, '\u{fffe}' | '\u{ffff}')
}

fn advice(problem: &str, rest: &str) -> Option<String> {
    let hint = match problem {
        "found character that cannot start any token" => match rest.chars().next()? {
            '\t' => "YAML indents with blanks: replace the tab".to_owned(),
            c => format!("put the value in quotes: it begins with `{c}`"),
        },
        "mapping values are not allowed in this context" => {
            "check the indentation of this line, or put the value in quotes if it holds `: `".to_owned()
        }
        "did not find expected key" | "did not find expected '-' indicator" => {
            "check the indentation: this line fits no list or mapping that is open here".to_owned()
        }
        "did not find expected ',' or '}'" | "did not find expected ',' or ']'" => {
            "separate the entries with `,`; a value that holds `{`, `}`, `[`, `]` or `,` must be in quotes here"
                .to_owned()
        }
        "could not find expected ':'" => "a key must be followed by `: `".to_owned(),
        "found incompatible YAML document" => VERSION_HINT.to_owned(),
        "control characters are not allowed" => "write it as an escape in double quotes".to_owned(),
        _ => return None,
    };
    Some(hint)
}

const VERSION_HINT: &str = "leave the %YAML line out, or write %YAML 1.1";

/// `%YAML 1.2` is refused by the reference.
pub(super) fn incompatible_version(span: Span) -> Diagnostic {
    Diagnostic::error("yaml: found incompatible YAML document").span(span).hint(VERSION_HINT)
}

/// An alias without anchor.
pub(super) fn unknown_anchor<'a>(
    name: &str,
    known: impl Iterator<Item = &'a String>,
    span: Span,
) -> Diagnostic {
    let mut known: Vec<&str> = known.map(String::as_str).collect();
    known.sort_unstable();
    let hint = match nearest(name, known.into_iter()) {
        Some(other) => format!("did you mean `*{other}`?"),
        None => format!("define `&{name}` earlier in this file; anchors of other files are not seen"),
    };
    Diagnostic::error(format!("yaml: unknown anchor '{name}' referenced")).span(span).hint(hint)
}

/// Aliases that multiply each other.
pub(super) fn too_many_aliases(span: Span) -> Diagnostic {
    Diagnostic::error("yaml: the aliases of this file expand to too many nodes")
        .span(span)
        .hint("anchors that hold aliases of other anchors multiply: write some of them out")
}

/// More levels than any reader should follow.
pub(super) fn too_deep(limit: usize, path: String, span: Span) -> Diagnostic {
    Diagnostic::error(format!("yaml: nested deeper than {limit} levels")).at(path).span(span)
}

/// An alias that stands inside its own anchor.
pub(super) fn cycle(path: String, again: &str, span: Span) -> Diagnostic {
    Diagnostic::error(format!("cycle detected: node at path {again} references node at path {path}"))
        .at(path)
        .span(span)
        .hint("an alias cannot stand inside the node that it repeats")
}

/// Two equal keys in one mapping.
pub(super) fn duplicate_key(key: &str, lines: (usize, usize), path: String, span: Span) -> Diagnostic {
    let (line, first) = lines;
    Diagnostic::error(format!("line {line}: mapping key {key:?} already defined at line {first}"))
        .at(path)
        .span(span)
        .hint("keep one of the two")
}

/// A key that reads as a number, a boolean, a date or null.
pub(super) fn non_string_key(shown: &str, written: &str, path: String, span: Span) -> Diagnostic {
    let place = if path.is_empty() { "at top level".to_owned() } else { format!("in {path}") };
    Diagnostic::error(format!("non-string key {place}: {shown}"))
        .at(path)
        .span(span)
        .hint(format!("write it in quotes: \"{written}\""))
}

/// A list or mapping as key.
pub(super) fn complex_key(path: String, span: Span) -> Diagnostic {
    Diagnostic::error("yaml: invalid map key: a list or mapping")
        .at(path)
        .span(span)
        .hint("keys are strings; a value that begins with `{` or `[` must be in quotes")
}

/// `<<` with a value that has no keys.
pub(super) fn bad_merge(path: String, span: Span) -> Diagnostic {
    Diagnostic::error("yaml: map merge requires map or sequence of maps as the value")
        .at(path)
        .span(span)
        .hint("give `<<` an alias of a mapping, or a list of them")
}

/// A tag that its scalar does not fit.
pub(super) fn bad_scalar(problem: &str, path: String, span: Span) -> Diagnostic {
    Diagnostic::error(format!("yaml: {problem}")).at(path).span(span)
}
