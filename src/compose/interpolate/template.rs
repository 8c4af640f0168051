//! Substitution of variables in one string. Reference: docker compose 2.40, whose scanner is a regular
//! expression with a greedy middle; what follows from that is told where it is copied.

use super::super::diagnostic::MAX_TOLD;
use std::ops::Range;
use thiserror::Error;

/// How deep defaults may nest in each other.
const MAX_NESTING: usize = 100;
/// Bytes that one text may have after its variables were replaced.
const MAX_LENGTH: usize = 32 << 20;

/// Gives the value of a variable, if it is set.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Why a template gives no text.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TemplateError {
    /// A `${` that begins no variable.
    #[error("Invalid template: {template:?}")]
    Invalid {
        /// The text that was scanned: the whole string, or the word or the rest of a line after a variable.
        template: String,
    },
    /// The variables make it longer than any value may be.
    #[error("with its variables replaced the text is longer than {} MiB", MAX_LENGTH >> 20)]
    TooLong,
    /// A variable that its user demands (`${NAME:?message}`) and nobody set.
    #[error("required variable {name} is missing a value{}", reason(message))]
    Required {
        /// The variable.
        name: String,
        /// What its user says about it, substituted; may be empty.
        message: String,
    },
}

fn reason(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(": {message}") }
}

/// Substitutes variables in one string; of several mistakes the first is the error.
///
/// As [`substitute_all`] otherwise.
pub fn substitute(
    text: &str,
    lookup: Lookup,
    on_unset: &mut dyn FnMut(&str),
) -> Result<String, TemplateError> {
    substitute_all(text, lookup, on_unset).map_err(|mut problems| problems.swap_remove(0))
}

/// Substitutes variables in one string.
///
/// `$$` is a dollar sign; `$NAME` and `${NAME}` are a variable; `${NAME:-word}`, `${NAME-word}`,
/// `${NAME:+word}`, `${NAME+word}`, `${NAME:?word}` and `${NAME?word}` are those of the shell, where words
/// may hold variables. Words are evaluated whether used or not. `on_unset` hears of every use of an unset
/// variable that has no word. Errors are every demanded variable that is missing, up to the first `${` that begins none;
/// there is always one.
pub fn substitute_all(
    text: &str,
    lookup: Lookup,
    on_unset: &mut dyn FnMut(&str),
) -> Result<String, Vec<TemplateError>> {
    let mut substitution = Substitution { lookup, on_unset, missing: Vec::new() };
    let result = substitution.text(text, 0);
    let mut problems = substitution.missing;
    match result {
        Ok(text) if problems.is_empty() => Ok(text),
        Ok(_) => Err(problems),
        Err(invalid) => {
            problems.push(invalid);
            Err(problems)
        }
    }
}

struct Substitution<'a> {
    lookup: Lookup<'a>,
    on_unset: &'a mut dyn FnMut(&str),
    /// Demanded variables that nobody set.
    missing: Vec<TemplateError>,
}

/// What stands after a `$`.
enum Found<'t> {
    /// `$$`.
    Dollar,
    /// `$NAME` or `${NAME}`, of this many bytes with the dollar sign.
    Plain { name: &'t str, length: usize },
    /// `${NAME` with an operator, which ends at this byte after the dollar sign.
    Operator { name: &'t str, operator: Operator, word_at: usize },
    /// Nothing: the dollar sign is text.
    Text,
    /// `${` and no variable.
    Invalid,
}

#[derive(Clone, Copy)]
struct Operator {
    kind: OperatorKind,
    /// Whether an empty value counts as unset: there was a colon.
    empty_is_unset: bool,
}

#[derive(Clone, Copy)]
enum OperatorKind {
    /// `-`: the word stands in for a missing value.
    Default,
    /// `+`: the word stands in for a value that is there.
    Alternative,
    /// `?`: a missing value is an error, and the word says why.
    Required,
}

impl OperatorKind {
    fn of(byte: u8) -> Option<Self> {
        match byte {
            b'-' => Some(Self::Default),
            b'+' => Some(Self::Alternative),
            b'?' => Some(Self::Required),
            _ => None,
        }
    }
}

impl Substitution<'_> {
    fn text(&mut self, text: &str, depth: usize) -> Result<String, TemplateError> {
        let mut out = String::new();
        // After a variable with a word, the reference takes the rest of the line up to its last brace as a
        // text of its own: errors show that, and the greedy middle ends with it.
        let mut rest: Option<(usize, usize)> = None;
        let mut at = 0;
        while let Some(offset) = text[at..].find('$') {
            let dollar = at + offset;
            out.push_str(&text[at..dollar]);
            if out.len() > MAX_LENGTH.max(text.len()) {
                return Err(TemplateError::TooLong);
            }
            rest = rest.filter(|(_, end)| dollar < *end);
            let (scope, scope_end) = rest.unwrap_or((0, text.len()));
            let invalid = || TemplateError::Invalid { template: text[scope..scope_end].to_owned() };
            let here = &text[dollar..scope_end];
            at = match recognise(here) {
                Found::Dollar => {
                    out.push('$');
                    dollar + 2
                }
                Found::Text => {
                    out.push('$');
                    dollar + 1
                }
                Found::Plain { name, length } => {
                    out.push_str(&self.plain(name));
                    dollar + length
                }
                Found::Operator { name, operator, word_at } => {
                    let last = match rest {
                        Some(_) => here.len() - 1,
                        None => last_brace(here).filter(|last| *last >= word_at).ok_or_else(invalid)?,
                    };
                    let close = closing_brace(&here[..=last]).unwrap_or(last);
                    out.push_str(&self.operate(name, operator, &here[word_at..close], depth)?);
                    let next = dollar + close + 1;
                    rest = Some((next, dollar + last + 1));
                    next
                }
                Found::Invalid => return Err(invalid()),
            };
        }
        out.push_str(&text[at..]);
        Ok(out)
    }

    fn plain(&mut self, name: &str) -> String {
        (self.lookup)(name).unwrap_or_else(|| {
            (self.on_unset)(name);
            String::new()
        })
    }

    fn operate(
        &mut self,
        name: &str,
        operator: Operator,
        word: &str,
        depth: usize,
    ) -> Result<String, TemplateError> {
        if depth == MAX_NESTING {
            return Err(TemplateError::Invalid { template: word.to_owned() });
        }
        let word = self.text(word, depth + 1)?;
        let value = (self.lookup)(name);
        let counts = value.as_ref().is_some_and(|value| !(operator.empty_is_unset && value.is_empty()));
        match operator.kind {
            OperatorKind::Default | OperatorKind::Required if counts => Ok(value.unwrap_or_default()),
            OperatorKind::Alternative if !counts => Ok(value.unwrap_or_default()),
            OperatorKind::Default | OperatorKind::Alternative => Ok(word),
            OperatorKind::Required => {
                let missing = TemplateError::Required { name: name.to_owned(), message: word };
                if self.missing.len() < MAX_TOLD && !self.missing.contains(&missing) {
                    self.missing.push(missing);
                }
                Ok(String::new())
            }
        }
    }
}

/// Where a text uses a variable: `$NAME`, or `${NAME` with the brace if it follows at once.
pub fn find_variable(text: &str, name: &str) -> Option<Range<usize>> {
    let plain = format!("${name}");
    let braced = format!("${{{name}");
    let ends = |at: usize| !text[at..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    let uses = |needle: &str| {
        text.match_indices(needle).map(|(at, found)| at..at + found.len()).find(|place| ends(place.end))
    };
    match uses(&braced) {
        Some(place) if text[place.end..].starts_with('}') => Some(place.start..place.end + 1),
        found => found.or_else(|| uses(&plain)),
    }
}

/// What a text that begins with `$` begins with.
fn recognise(text: &str) -> Found<'_> {
    let after = &text[1..];
    match after.as_bytes().first() {
        Some(b'$') => Found::Dollar,
        Some(b'{') => braced(&after[1..]),
        Some(_) => match name(after) {
            "" => Found::Text,
            name => Found::Plain { name, length: 1 + name.len() },
        },
        None => Found::Text,
    }
}

fn braced(inner: &str) -> Found<'_> {
    let name = name(inner);
    if name.is_empty() {
        return Found::Invalid;
    }
    let after = &inner.as_bytes()[name.len()..];
    if after.first() == Some(&b'}') {
        return Found::Plain { name, length: name.len() + 3 };
    }
    let empty_is_unset = after.first() == Some(&b':');
    let kind = after.get(usize::from(empty_is_unset)).and_then(|byte| OperatorKind::of(*byte));
    match kind {
        Some(kind) => {
            let operator = Operator { kind, empty_is_unset };
            Found::Operator { name, operator, word_at: name.len() + 3 + usize::from(empty_is_unset) }
        }
        None => Found::Invalid,
    }
}

/// The variable name that a text begins with; empty if none does.
fn name(text: &str) -> &str {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let length = text.bytes().take_while(|byte| is_part(byte)).count();
    if text.starts_with(|c: char| c.is_ascii_digit()) { "" } else { &text[..length] }
}

/// The last closing brace of the first line of a text.
fn last_brace(text: &str) -> Option<usize> {
    text.split('\n').next()?.rfind('}')
}

/// Where the brace that `${` opens is closed. As in the reference, the byte after an opening brace is not
/// looked at: `${A:-{}}` never closes, so that its last brace is taken.
fn closing_brace(text: &str) -> Option<usize> {
    let mut open = 0_usize;
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'{' => {
                open += 1;
                bytes.next();
            }
            b'}' if open == 1 => return Some(at),
            b'}' => open = open.saturating_sub(1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
#[path = "template_tests.rs"]
mod tests;
