//! What of a file may be shown: values of variables are secrets until someone says otherwise.

use crate::compose::diagnostic::{Diagnostic, Sources};
use crate::compose::node::FileId;
use std::borrow::Cow;

/// The text of a file as a diagnostic may show it, of the same length.
pub fn shown<'s>(diagnostic: &Diagnostic, sources: &'s Sources, file: FileId) -> Cow<'s, str> {
    let text = sources.text(file);
    let in_environment = diagnostic.path.split(['.', '[']).any(|part| part == "environment")
        && diagnostic.path.starts_with("services.");
    if sources.is_private(file) || in_environment {
        Cow::Owned(text.split_inclusive('\n').map(masked).collect())
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
