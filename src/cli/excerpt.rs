//! What of a file may be shown: values of variables are secrets until someone says otherwise.

use crate::compose::diagnostic::{Diagnostic, Sources};
use crate::compose::node::FileId;
use std::borrow::Cow;
use std::ops::Range;

/// A part of a file as a diagnostic may show it, of the same length.
pub fn shown<'s>(
    diagnostic: &Diagnostic,
    sources: &'s Sources,
    file: FileId,
    part: Range<usize>,
) -> Cow<'s, str> {
    let text = lines_of(&sources.text(file)[part]);
    if is_secret(diagnostic, sources, file) {
        Cow::Owned(text.split_inclusive('\n').map(masked).collect())
    } else {
        text
    }
}

/// The part of a text that some places in it are shown with: the lines that they lie in, of a small text all of it.
/// None if those have more than `most` bytes.
pub fn window(text: &str, places: impl Iterator<Item = Range<usize>>, most: usize) -> Option<Range<usize>> {
    if text.len() <= most {
        return Some(0..text.len());
    }
    let (start, end) =
        places.fold((text.len(), 0), |(start, end), place| (start.min(place.start), end.max(place.end)));
    if start > end || end - start > most {
        return None;
    }
    let is_end = ['\n', '\r'];
    let start = text[..start].rfind(is_end).map_or(0, |at| at + 1);
    let end = text[end..].find(is_end).map_or(text.len(), |at| end + at);
    (end - start <= most).then_some(start..end)
}

/// A part of one line of a file as a diagnostic may show it.
pub fn found(diagnostic: &Diagnostic, sources: &Sources, file: FileId, part: Range<usize>) -> String {
    let text = sources.text(file);
    if !is_secret(diagnostic, sources, file) {
        return text[part].to_owned();
    }
    let is_end = ['\n', '\r'];
    let start = text[..part.start].rfind(is_end).map_or(0, |at| at + 1);
    let end = text[part.end..].find(is_end).map_or(text.len(), |at| part.end + at);
    masked(&text[start..end])[part.start - start..part.end - start].to_owned()
}

fn is_secret(diagnostic: &Diagnostic, sources: &Sources, file: FileId) -> bool {
    let in_environment = diagnostic.path.split(['.', '[']).any(|part| part == "environment")
        && diagnostic.path.starts_with("services.");
    sources.is_private(file) || in_environment
}

/// A text whose lines all end with a line feed: a carriage return alone ends one too in YAML.
fn lines_of(text: &str) -> Cow<'_, str> {
    if text.replace("\r\n", "").contains('\r') {
        let feeds = text.split("\r\n").map(|part| part.replace('\r', "\n"));
        Cow::Owned(feeds.collect::<Vec<_>>().join("\r\n"))
    } else {
        Cow::Borrowed(text)
    }
}

/// A line with its value masked. What makes the syntax stays, and so do the names of variables.
fn masked(line: &str) -> String {
    let Some(start) = line.find(['=', ':']) else { return line.to_owned() };
    let (name, value) = line.split_at(start + 1);
    let mut out = name.to_owned();
    let mut rest = value;
    while let Some(c) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("${") {
            let length =
                after.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
            let operators = after[length..].bytes().take_while(|byte| b":-+?".contains(byte)).count();
            out.push_str(&rest[..2 + length + operators]);
            rest = &after[length + operators..];
            continue;
        }
        if c.is_whitespace() || "\"'`{}[]#,$".contains(c) {
            out.push(c);
        } else {
            out.extend(std::iter::repeat_n('*', c.len_utf8()));
        }
        rest = &rest[c.len_utf8()..];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn values_are_masked_and_syntax_is_not() {
        assert_eq!(masked("PASSWORD=\"ge heim${SALT-x}é\n"), "PASSWORD=\"** ****${SALT-*}**\n");
        assert_eq!(masked("  - TOKEN: abc\n"), "  - TOKEN: ***\n");
        assert_eq!(masked("no value"), "no value");
    }
}
