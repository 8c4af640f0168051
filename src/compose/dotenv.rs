//! Files of variables: `.env`, `env_file` and `label_file`. Reference: docker compose 2.40.

use super::interpolate::{Lookup, TEMPLATE_HINT, TOO_LONG_HINT, TemplateError, find_variable, substitute};
use std::collections::HashMap;
use std::ops::Range;
use thiserror::Error;

/// What makes a file of variables unreadable.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct DotenvError {
    /// The reference's text, without the `failed to read FILE: ` that it puts in front.
    pub message: String,
    /// The same in plain words and without any value.
    pub plain: String,
    /// What would be right.
    pub hint: &'static str,
    /// Line of the place, from 1.
    pub line: usize,
    /// Byte of the place in the text that was given.
    pub start: usize,
    /// First byte after it.
    pub end: usize,
    /// Whether it costs everything behind it.
    takes_rest: bool,
    /// Whether a variable that it demands is missing.
    is_demand: bool,
}

const LINES: &str = "lines are NAME=value";
const NAMES: &str = "lines are NAME=value; a name holds letters, digits, `_`, `.` and `-`, and no blanks";
const QUOTES: &str = "close the quote; a quoted value may span lines";

/// What could be read of a file of variables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parsed {
    /// Names and values in file order and with repeats, of which the caller lets the later win.
    pub pairs: Vec<(String, String)>,
    /// What is wrong; each costs the line or the value that it stands in.
    pub errors: Vec<DotenvError>,
}

/// Mistakes of one file that are told; behind the last of them it is not read.
const MAX_ERRORS: usize = 100;
/// Bytes by which variables in its values may make a file longer.
const MAX_GROWTH: usize = 32 << 20;

/// Reads a file of variables.
///
/// Variables in values resolve through `lookup` first, then through the values already read; so does a key
/// alone on its line, which is left out if `lookup` has no value. `on_unset` hears of every other unset name, with the
/// byte where the value that uses it begins.
pub fn parse(text: &str, lookup: Lookup, on_unset: &mut dyn FnMut(&str, usize)) -> Parsed {
    let at = text.len() - text.strip_prefix('\u{feff}').unwrap_or(text).len();
    Reader { text, at, lookup, on_unset, known: HashMap::new(), grown: 0, parsed: Parsed::default() }.read()
}

/// Reads a file of the format `raw`: everything after the first `=` is the value, as it stands.
pub fn parse_raw(text: &str, lookup: Lookup) -> Parsed {
    let mut parsed = Parsed::default();
    let mut at = text.len() - text.strip_prefix('\u{feff}').unwrap_or(text).len();
    for written in text[at..].split('\n') {
        let whole = written.strip_suffix('\r').unwrap_or(written);
        let line = whole.trim_start();
        let start = at + (whole.len() - line.len());
        at += written.len() + 1;
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (key, value) = match line.split_once('=') {
            Some((key, value)) => (key, Some(value.to_owned())),
            None => (line, None),
        };
        if key.is_empty() {
            let plain = ("there is no name in front of `=`".to_owned(), LINES);
            parsed.refuse(error(
                text,
                start..start + 1,
                &format!("no variable name on line '{line}'"),
                plain,
            ));
            if parsed.errors.len() == MAX_ERRORS {
                break;
            }
            continue;
        }
        if key.contains([' ', '\t']) {
            let plain = (format!("the name `{key}` holds blanks"), NAMES);
            let place = start..start + key.len();
            parsed.refuse(error(text, place, &format!("variable '{key}' contains whitespaces"), plain));
            if parsed.errors.len() == MAX_ERRORS {
                break;
            }
            continue;
        }
        parsed.pairs.extend(value.or_else(|| lookup(key)).map(|value| (key.to_owned(), value)));
    }
    parsed
}

impl Parsed {
    fn refuse(&mut self, error: DotenvError) {
        if self.errors.len() < MAX_ERRORS {
            self.errors.push(error);
        }
    }
}

/// What is wrong in plain words, and what would be right.
type Plain = (String, &'static str);

fn error(text: &str, place: Range<usize>, message: &str, (plain, hint): Plain) -> DotenvError {
    let line = text.get(..place.start).unwrap_or(text).matches('\n').count() + 1;
    DotenvError {
        message: message.to_owned(),
        plain,
        hint,
        line,
        start: place.start,
        end: place.end,
        takes_rest: false,
        is_demand: false,
    }
}

/// As [`error`], with the line in the message.
fn numbered(text: &str, place: Range<usize>, message: &str, plain: Plain) -> DotenvError {
    let found = error(text, place, message, plain);
    DotenvError { message: format!("line {}: {message}", found.line), ..found }
}

struct Reader<'t, 'a> {
    text: &'t str,
    at: usize,
    lookup: Lookup<'a>,
    on_unset: &'a mut dyn FnMut(&str, usize),
    known: HashMap<String, String>,
    /// Bytes that variables added so far.
    grown: usize,
    parsed: Parsed,
}

/// What stands in front of a value.
enum Statement {
    /// A key and its separator.
    Assignment(String),
    /// A key alone on its line.
    Inherited(String),
}

impl<'t> Reader<'t, '_> {
    fn read(mut self) -> Parsed {
        while self.find_statement() {
            let start = self.at;
            if let Err(error) = self.pair() {
                // Behind the line that it is in, or the value that was read; a quote that is not closed takes all.
                let line_end =
                    self.text[error.start..].find('\n').map_or(self.text.len(), |end| error.start + end + 1);
                self.at =
                    if error.takes_rest { self.text.len() } else { self.at.max(line_end).max(start + 1) };
                // A line that cannot be read may have set what a later one demands.
                if !error.is_demand || self.parsed.errors.is_empty() {
                    self.parsed.refuse(error);
                }
                if self.parsed.errors.len() == MAX_ERRORS {
                    break;
                }
            }
        }
        self.parsed
    }

    fn pair(&mut self) -> Result<(), DotenvError> {
        let (key, value) = match self.statement()? {
            Statement::Inherited(key) => {
                let value = (self.lookup)(&key);
                (key, value)
            }
            Statement::Assignment(key) => (key, Some(self.value()?)),
        };
        if let Some(value) = value {
            self.known.insert(key.clone(), value.clone());
            self.parsed.pairs.push((key, value));
        }
        Ok(())
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    /// Goes to the next statement, past blanks, empty lines and comments.
    fn find_statement(&mut self) -> bool {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            if !trimmed.starts_with('#') {
                return !trimmed.is_empty();
            }
            let trimmed = self.rest();
            self.at += trimmed.find('\n').unwrap_or(trimmed.len());
        }
    }

    fn statement(&mut self) -> Result<Statement, DotenvError> {
        if let Some(after) = self.rest().strip_prefix("export")
            && after.starts_with(['\t', '\n', '\u{c}', '\r', ' '])
        {
            self.at += "export".len();
            self.skip_blanks();
        }
        let rest = self.rest();
        let mut end = None;
        for (offset, c) in rest.char_indices() {
            match c {
                '=' | ':' | '\n' => {
                    end = Some((offset, c));
                    break;
                }
                '_' | '.' | '-' | '[' | ']' => {}
                c if is_blank(c) || c.is_alphanumeric() => {}
                c => {
                    let shown = rest.split('\n').next().unwrap_or(rest);
                    let message =
                        format!("unexpected character {:?} in variable name {shown:?}", c.to_string());
                    let place = self.at + offset;
                    let plain = (format!("`{c}` cannot be part of a name"), NAMES);
                    return Err(numbered(self.text, place..place + c.len_utf8(), &message, plain));
                }
            }
        }
        // As in the reference, a key alone at the end of the file is taken for the value of an empty key.
        let Some((offset, separator)) = end else { return Ok(Statement::Assignment(String::new())) };
        let key = rest[..offset].trim_end().to_owned();
        if key.contains(' ') {
            let plain = (format!("the name `{key}` holds a blank"), NAMES);
            let place = self.at..self.at + key.len();
            return Err(numbered(self.text, place, "key cannot contain a space", plain));
        }
        self.at += offset + 1;
        self.skip_blanks();
        Ok(if separator == '\n' { Statement::Inherited(key) } else { Statement::Assignment(key) })
    }

    fn skip_blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches(is_blank).len();
    }

    fn value(&mut self) -> Result<String, DotenvError> {
        match self.rest().as_bytes().first() {
            Some(b'\'') => self.quoted('\''),
            Some(b'"') => {
                let start = self.at;
                let inner = self.quoted('"')?;
                self.substituted(&unescape(&inner), start)
            }
            _ => {
                let start = self.at;
                let text = self.text;
                let line = text[start..].split('\n').next().unwrap_or("");
                self.at = (start + line.len() + 1).min(text.len());
                let value = line.split_once(" #").map_or(line, |(value, _)| value);
                self.substituted(value.trim_end(), start)
            }
        }
    }

    /// What stands between two quotes, which a backslash before a quote makes part of the text.
    fn quoted(&mut self, quote: char) -> Result<String, DotenvError> {
        let rest = self.rest();
        let mut inner = String::new();
        let mut escaped = false;
        for (offset, c) in rest.char_indices().skip(1) {
            if c == quote && !escaped {
                self.at += offset + 1;
                return Ok(inner);
            }
            if c == '\\' && !escaped {
                escaped = true;
                continue;
            }
            if escaped && c != quote {
                inner.push('\\');
            }
            escaped = false;
            inner.push(c);
        }
        let shown = rest.split('\n').next().unwrap_or(rest);
        let plain = ("the quote that begins here is not closed".to_owned(), QUOTES);
        let message = format!("unterminated quoted value {shown}");
        Err(DotenvError { takes_rest: true, ..numbered(self.text, self.at..self.at + 1, &message, plain) })
    }

    fn substituted(&mut self, value: &str, start: usize) -> Result<String, DotenvError> {
        let Self { text, lookup, on_unset, known, grown, .. } = self;
        let resolve = |name: &str| lookup(name).or_else(|| known.get(name).cloned());
        let mut unset = |name: &str| on_unset(name, start);
        let substituted = substitute(value, &resolve, &mut unset).and_then(|long| {
            *grown += long.len().saturating_sub(value.len());
            if *grown > MAX_GROWTH { Err(TemplateError::TooLong) } else { Ok(long) }
        });
        substituted.map_err(|problem| {
            let written = &text[start..];
            let (plain, found) = match &problem {
                TemplateError::Invalid { .. } => (
                    ("`${` begins no variable here".to_owned(), TEMPLATE_HINT),
                    written.find("${").map(|at| at..at + 2),
                ),
                TemplateError::TooLong => {
                    let limit = MAX_GROWTH >> 20;
                    (
                        (
                            format!("variables make the values of this file more than {limit} MiB longer"),
                            TOO_LONG_HINT,
                        ),
                        None,
                    )
                }
                TemplateError::Required { name, .. } => (
                    (problem.to_string(), "set it in the environment, or earlier in the file"),
                    find_variable(written, name),
                ),
            };
            let place = found.map_or(start..start + 1, |found| start + found.start..start + found.end);
            let is_demand = matches!(problem, TemplateError::Required { .. });
            let takes_rest = problem == TemplateError::TooLong;
            DotenvError { takes_rest, is_demand, ..error(text, place, &problem.to_string(), plain) }
        })
    }
}

/// A blank within a line.
fn is_blank(c: char) -> bool {
    matches!(c, '\t' | '\u{b}' | '\u{c}' | '\r' | ' ' | '\u{85}' | '\u{a0}')
}

/// Expands the escapes of a double-quoted value; unknown ones stay as they are written.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let mut length = 1;
        match after.as_bytes().first() {
            Some(b'a') => out.push('\u{7}'),
            Some(b'b') => out.push('\u{8}'),
            Some(b'f') => out.push('\u{c}'),
            Some(b'n') => out.push('\n'),
            Some(b'r') => out.push('\r'),
            Some(b't') => out.push('\t'),
            Some(b'v') => out.push('\u{b}'),
            Some(b'\\') => out.push('\\'),
            // Two of them, since variables are substituted afterwards.
            Some(b'$') => out.push_str("$$"),
            Some(b'0') => {
                length += octal(&after[1..], &mut out);
            }
            _ => {
                out.push('\\');
                length = 0;
            }
        }
        rest = &after[length..];
    }
    out.push_str(rest);
    out
}

/// The character after `\0`, of three octal digits; gives the number of bytes used. Reference: fewer digits
/// or too large a number leave a backslash and the digits.
fn octal(digits: &str, out: &mut String) -> usize {
    let count = digits.bytes().take(3).take_while(u8::is_ascii_digit).count();
    let digits = &digits[..count];
    match u8::from_str_radix(digits, 8) {
        Ok(byte) if count == 3 => out.push(char::from(byte)),
        _ => {
            out.push('\\');
            out.push_str(digits);
        }
    }
    count
}

#[cfg(test)]
#[path = "dotenv_tests.rs"]
mod tests;
