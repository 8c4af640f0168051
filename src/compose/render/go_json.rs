//! JSON as the reference's encoder writes it.

use crate::compose::canonical::plain_text;
use crate::compose::grammar::number;
use serde_json::{Map, Number, Value};
use std::fmt::Write as _;

/// One line without blanks.
pub fn compact(value: &Value) -> String {
    let mut writer = Writer { out: String::new(), indent: None };
    writer.value(value, 0);
    writer.out
}

/// Two blanks of indent per level.
pub(super) fn pretty(value: &Value) -> String {
    let mut writer = Writer { out: String::new(), indent: Some("  ") };
    writer.value(value, 0);
    writer.out
}

struct Writer {
    out: String,
    indent: Option<&'static str>,
}

impl Writer {
    fn value(&mut self, value: &Value, depth: usize) {
        match value {
            Value::Null => self.out.push_str("null"),
            Value::Bool(flag) => self.out.push_str(if *flag { "true" } else { "false" }),
            Value::Number(number) => self.out.push_str(&number_text(number)),
            Value::String(text) => self.string(text),
            Value::Array(items) => self.array(items, depth),
            Value::Object(map) => match plain_text(value) {
                Some(text) => self.string(text),
                None => self.object(map, depth),
            },
        }
    }

    fn array(&mut self, items: &[Value], depth: usize) {
        self.out.push('[');
        for (index, item) in items.iter().enumerate() {
            self.separate(index, depth + 1);
            self.value(item, depth + 1);
        }
        self.close(']', items.is_empty(), depth);
    }

    fn object(&mut self, map: &Map<String, Value>, depth: usize) {
        self.out.push('{');
        for (index, (key, value)) in map.iter().enumerate() {
            self.separate(index, depth + 1);
            self.string(key);
            self.out.push_str(if self.indent.is_some() { ": " } else { ":" });
            self.value(value, depth + 1);
        }
        self.close('}', map.is_empty(), depth);
    }

    fn separate(&mut self, index: usize, depth: usize) {
        if index > 0 {
            self.out.push(',');
        }
        self.line(depth);
    }

    fn close(&mut self, bracket: char, empty: bool, depth: usize) {
        if !empty {
            self.line(depth);
        }
        self.out.push(bracket);
    }

    fn line(&mut self, depth: usize) {
        if let Some(indent) = self.indent {
            self.out.push('\n');
            self.out.extend(std::iter::repeat_n(indent, depth));
        }
    }

    fn string(&mut self, text: &str) {
        self.out.push('"');
        for c in text.chars() {
            match c {
                '"' | '\\' => self.out.extend(['\\', c]),
                '\n' => self.out.push_str("\\n"),
                '\r' => self.out.push_str("\\r"),
                '\t' => self.out.push_str("\\t"),
                '\u{8}' => self.out.push_str("\\b"),
                '\u{c}' => self.out.push_str("\\f"),
                '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..'\u{20}' => {
                    // Writing to a string cannot fail.
                    let _ = write!(self.out, "\\u{:04x}", u32::from(c));
                }
                c => self.out.push(c),
            }
        }
        self.out.push('"');
    }
}

fn number_text(number: &Number) -> String {
    match number.as_f64() {
        Some(value) if number.is_f64() => number::format_json_float(value),
        _ => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn markup_characters_are_escaped_and_other_text_stays() {
        assert_eq!(
            compact(&json!("<a&b>\u{2028}é\u{1}\n\u{8}")),
            "\"\\u003ca\\u0026b\\u003e\\u2028é\\u0001\\n\\b\""
        );
    }

    #[test]
    fn empty_collections_stay_on_one_line() {
        assert_eq!(
            pretty(&json!({"a": {}, "b": [], "c": [1.0]})),
            "{\n  \"a\": {},\n  \"b\": [],\n  \"c\": [\n    1\n  ]\n}"
        );
    }
}
