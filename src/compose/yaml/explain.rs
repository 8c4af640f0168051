//! Mistakes of YAML syntax in plain words: where it most likely is, and what to do about it.

use super::fault::line_at;
use std::ops::Range;

/// What a syntax error most likely is.
pub(super) struct Explained {
    pub plain: String,
    pub hint: String,
    /// Where, if not where the parser stumbled.
    pub place: Option<Range<usize>>,
    /// Another line that has to do with it, and what is there.
    pub also: Option<(Range<usize>, &'static str)>,
}

impl Explained {
    fn new(plain: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { plain: plain.into(), hint: hint.into(), place: None, also: None }
    }
}

/// Explains what the parser says about a byte; `opened` is where the construct that it was reading begins.
pub(super) fn explain(problem: &str, text: &str, at: usize, opened: Option<usize>) -> Explained {
    let next = text.get(at..).and_then(|rest| rest.chars().next());
    match (problem, next) {
        ("found character that cannot start any token", Some('\t')) => {
            Explained::new("a tab cannot indent a line", "YAML indents with blanks: replace the tab")
        }
        ("found character that cannot start any token", Some(c)) => Explained::new(
            format!("a value cannot begin with `{c}`"),
            format!("put the value in quotes: it begins with `{c}`"),
        ),
        ("mapping values are not allowed in this context", _) => second_colon(text, at),
        ("did not find expected key" | "did not find expected '-' indicator", _) => Explained::new(
            "this line fits no list or mapping that is open here",
            "check its indentation against the lines above, and whether a quote above ends too early",
        ),
        ("did not find expected ',' or '}'", _) => unclosed(text, at, opened, ('{', '}')),
        ("did not find expected ',' or ']'", _) => unclosed(text, at, opened, ('[', ']')),
        ("found unexpected end of stream", _) if opened.is_some() => Explained {
            place: opened.map(|at| at..at + 1),
            ..Explained::new("the quote that opens here is not closed", "close it at the end of the value")
        },
        ("found unknown escape character", _) => {
            let escape: String = text.get(at..).unwrap_or("").chars().take(2).collect();
            let escape = if escape.starts_with('\\') {
                format!("`{escape}` is no escape")
            } else {
                "this is no escape".to_owned()
            };
            Explained::new(escape, "write `\\\\` for a backslash, or put the value in single quotes")
        }
        ("could not find expected ':'", _) => {
            Explained::new("a key without `:` ends here", "a key must be followed by `: `")
        }
        ("found incompatible YAML document", _) => {
            Explained::new("this version of YAML is not read", super::fault::VERSION_HINT)
        }
        ("control characters are not allowed", _) => Explained::new(
            "a control character cannot stand in a file",
            "write it as an escape in double quotes",
        ),
        _ => Explained::new(problem, "check this line, and where what is above it ends"),
    }
}

/// A bracket that is not closed, or a comma that is missing.
fn unclosed(text: &str, at: usize, opened: Option<usize>, (open, close): (char, char)) -> Explained {
    match opened {
        Some(opened) if line_at(text, opened) != line_at(text, at) || text[at..].trim().is_empty() => {
            Explained {
                place: Some(opened..opened + 1),
                ..Explained::new(
                    format!("the `{open}` that opens here is not closed"),
                    format!("close it with `{close}`, and separate its entries with `,`"),
                )
            }
        }
        _ => Explained::new(
            format!("`,` or `{close}` is missing here"),
            format!(
                "separate the entries with `,`; a value that holds `{open}`, `{close}` or `,` must be in quotes"
            ),
        ),
    }
}

/// A `: ` where no key can be.
fn second_colon(text: &str, at: usize) -> Explained {
    let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let line = &text[start..at];
    if line.trim_start_matches(['-', ' ']).contains(": ") {
        let hint = "put the value in quotes: it holds a colon and a blank";
        return Explained::new("a value without quotes cannot hold `: `", hint);
    }
    let Some((above_at, above)) = line_above(text, start) else {
        return Explained::new("a key cannot stand here", "check the indentation of this line");
    };
    let number = line_at(text, above_at);
    let written = above.trim().trim_start_matches("- ");
    let first = above_at + (above.len() - above.trim_start().len());
    let also = Some((first..above_at + above.trim_end().len(), "this"));
    let (plain, hint) = match written.split_once(':') {
        None => {
            ("a key cannot follow a text".to_owned(), format!("line {number} needs a colon: `{written}:`"))
        }
        Some((name, value))
            if !value.is_empty() && !value.starts_with([' ', '/']) && !written.contains(": ") =>
        {
            let hint = format!("line {number} needs a blank after its colon: `{name}: …`");
            ("a key cannot follow a text".to_owned(), hint)
        }
        Some(_) => (
            "this line is indented deeper than the one above, which has a value already".to_owned(),
            format!("indent it as line {number}"),
        ),
    };
    Explained { also, ..Explained::new(plain, hint) }
}

/// The nearest line above a byte that is neither empty nor a comment, and where it begins.
fn line_above(text: &str, start: usize) -> Option<(usize, &str)> {
    let mut at = 0;
    let lines = text[..start].split_inclusive('\n').map(|line| {
        let begin = at;
        at += line.len();
        (begin, line)
    });
    lines.filter(|(_, line)| !line.trim().is_empty() && !line.trim_start().starts_with('#')).last()
}
