//! Text as a YAML scalar: which quotes it needs, and how it looks in them.

use super::plain::reads_as_other;
use std::fmt::Write as _;

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Plain,
    Single,
    Double,
    Literal,
}

/// Writes `text` as a scalar whose further lines are indented by `indent`. A key that stands before its
/// colon on one line must be `simple`, which rules out the block style.
pub(super) fn write(out: &mut String, text: &str, indent: usize, simple: bool) {
    match style(text, simple) {
        Style::Plain => out.push_str(text),
        Style::Single => single(out, text, indent),
        Style::Double => double(out, text),
        Style::Literal => literal(out, text, indent),
    }
}

/// Whether a key is too long, or has too many lines, to stand before its colon.
pub(super) fn is_complex_key(text: &str) -> bool {
    text.len() > 128 || text.contains(is_break)
}

fn is_break(c: char) -> bool {
    matches!(c, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Characters that need no escape: the reference's emitter takes those beyond the basic plane for special.
fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
}

/// Which lighter styles a text rules out.
struct Traits {
    /// Only double quotes can hold it on one line.
    escapes: bool,
    /// It is not plain.
    quotes: bool,
    /// It cannot be a block.
    no_block: bool,
}

fn traits(text: &str) -> Traits {
    let chars: Vec<char> = text.chars().collect();
    let marker = text.starts_with("---") || text.starts_with("...");
    let mut traits = Traits { escapes: false, quotes: marker, no_block: text.ends_with(' ') };
    for (at, &c) in chars.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| chars[at]);
        let after = chars.get(at + 1).copied();
        let special = c != '\t' && !is_printable(c);
        let blank_before_break = is_break(c) && before == Some(' ');
        let blank_after_break = c == ' ' && before.is_some_and(is_break);
        let edge = before.is_none() || after.is_none();
        traits.escapes |= c == '\t' || special || blank_before_break || blank_after_break;
        traits.quotes |= is_break(c) || (c == ' ' && edge) || is_indicator(before, c, after);
        traits.no_block |= special || blank_before_break;
    }
    traits
}

fn is_indicator(before: Option<char>, c: char, after: Option<char>) -> bool {
    let blank_after = after.is_none_or(|c| c == ' ' || c == '\t');
    let blank_before = before.is_none_or(|c| c == ' ' || c == '\t' || is_break(c));
    match (before, c) {
        (_, ':') | (None, '?' | '-') => blank_after,
        (_, '#') => blank_before,
        (None, _) => matches!(
            c,
            ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`'
        ),
        (Some(_), _) => false,
    }
}

fn style(text: &str, simple: bool) -> Style {
    let traits = traits(text);
    if text.contains('\n') {
        return if simple || traits.no_block { Style::Double } else { Style::Literal };
    }
    if reads_as_other(text) || traits.escapes {
        Style::Double
    } else if traits.quotes {
        Style::Single
    } else {
        Style::Plain
    }
}

/// A line break other than the newline (those make the text a block) is kept, and the next line indented.
fn single(out: &mut String, text: &str, indent: usize) {
    out.push('\'');
    let mut broken = false;
    for c in text.chars() {
        if broken && !is_break(c) {
            out.extend(std::iter::repeat_n(' ', indent));
        }
        broken = is_break(c);
        if c == '\'' {
            out.push('\'');
        }
        out.push(c);
    }
    out.push('\'');
}

fn double(out: &mut String, text: &str) {
    // Reference: a byte order mark at the start makes the emitter escape every character.
    let escape_all = text.starts_with('\u{feff}');
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\0' => out.push_str("\\0"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            '\u{1b}' => out.push_str("\\e"),
            '\u{85}' => out.push_str("\\N"),
            '\u{2028}' => out.push_str("\\L"),
            '\u{2029}' => out.push_str("\\P"),
            c if is_printable(c) && !escape_all => out.push(c),
            '\u{a0}' => out.push_str("\\_"),
            c => escape(out, c),
        }
    }
    out.push('"');
}

fn escape(out: &mut String, c: char) {
    let code = u32::from(c);
    // Writing to a string cannot fail.
    let _ = match code {
        0..=0xff => write!(out, "\\x{code:02X}"),
        0x100..=0xffff => write!(out, "\\u{code:04X}"),
        _ => write!(out, "\\U{code:08X}"),
    };
}

fn literal(out: &mut String, text: &str, indent: usize) {
    out.push('|');
    if text.starts_with(|c| c == ' ' || is_break(c)) {
        out.push('2');
    }
    let mut from_end = text.chars().rev();
    match (from_end.next().is_some_and(is_break), from_end.next()) {
        (false, _) => out.push('-'),
        (true, None) => out.push('+'),
        (true, Some(before)) if is_break(before) => out.push('+'),
        (true, Some(_)) => {}
    }
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        out.push('\n');
        if !line.is_empty() {
            out.extend(std::iter::repeat_n(' ', indent));
            out.push_str(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> String {
        let mut out = String::new();
        write(&mut out, text, 2, false);
        out
    }

    #[test]
    fn syntax_asks_for_single_quotes_and_other_types_for_double() {
        for (text, expected) in [
            ("a b", "a b"),
            ("yes", "\"yes\""),
            ("", "\"\""),
            (" lead", "' lead'"),
            ("a: b", "'a: b'"),
            ("a #b", "'a #b'"),
            ("a#b", "a#b"),
            ("- x", "'- x'"),
            ("-a", "-a"),
            ("it's", "it's"),
            ("'q'", "'''q'''"),
            ("---", "'---'"),
            ("<<", "<<"),
            ("tab\there", "\"tab\\there\""),
            ("x\u{1F600}", "\"x\\U0001F600\""),
            ("\u{feff}b ", "\"\\uFEFF\\x62\\x20\""),
            ("u\u{2028}x", "'u\u{2028}  x'"),
            ("del\u{7f}", "\"del\\x7F\""),
        ] {
            assert_eq!(written(text), expected);
        }
    }

    #[test]
    fn several_lines_are_a_block_unless_a_line_ends_in_a_blank() {
        for (text, expected) in [
            ("a\nb", "|-\n  a\n  b"),
            ("a\nb\n", "|\n  a\n  b"),
            ("a\n\nb\n\n", "|+\n  a\n\n  b\n"),
            ("\nlead", "|2-\n\n  lead"),
            ("\n", "|2+\n"),
            ("  a\nb", "|2-\n    a\n  b"),
            ("a\tb\nc", "|-\n  a\tb\n  c"),
            ("a \nb", "\"a \\nb\""),
            ("a\n ", "\"a\\n \""),
        ] {
            assert_eq!(written(text), expected);
        }
    }
}
