//! YAML in block style: two blanks of indent, lists indented under their key, no line folding.

use super::scalar;
use crate::compose::canonical::plain_text;
use crate::compose::grammar::number;
use serde_json::{Map, Value};

/// A mapping as a document that ends with a newline.
pub(super) fn document(map: &Map<String, Value>) -> String {
    let mut writer = Writer { out: String::new() };
    if map.is_empty() {
        return "{}\n".to_owned();
    }
    writer.mapping(map, 0);
    writer.out.push('\n');
    writer.out
}

struct Writer {
    out: String,
}

impl Writer {
    /// Writes a value after `key:` or `-`. `indent` is that of the line, `inner` that of a nested collection.
    fn value(&mut self, value: &Value, indent: usize, compact: bool) {
        match value {
            Value::Object(map) if map.is_empty() => self.out.push_str(" {}"),
            Value::Array(items) if items.is_empty() => self.out.push_str(" []"),
            Value::Object(map) if plain_text(value).is_none() => {
                self.begin_nested(indent + 2, compact);
                self.mapping(map, indent + 2);
            }
            Value::Array(items) => {
                self.begin_nested(indent + 2, compact);
                self.sequence(items, indent + 2);
            }
            _ => {
                self.out.push(' ');
                self.scalar(value, indent + 2);
            }
        }
    }

    /// A collection after `-` begins on the same line.
    fn begin_nested(&mut self, indent: usize, compact: bool) {
        if compact {
            self.out.push(' ');
        } else {
            self.line(indent);
        }
    }

    fn line(&mut self, indent: usize) {
        self.out.push('\n');
        self.out.extend(std::iter::repeat_n(' ', indent));
    }

    fn mapping(&mut self, map: &Map<String, Value>, indent: usize) {
        for (index, (key, value)) in map.iter().enumerate() {
            if index > 0 {
                self.line(indent);
            }
            let complex = scalar::is_complex_key(key);
            if complex {
                self.out.push_str("? ");
                scalar::write(&mut self.out, key, indent + 2, false);
                self.line(indent);
            } else {
                scalar::write(&mut self.out, key, indent + 2, true);
            }
            self.out.push(':');
            self.value(value, indent, complex);
        }
    }

    fn sequence(&mut self, items: &[Value], indent: usize) {
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.line(indent);
            }
            self.out.push('-');
            self.value(item, indent, true);
        }
    }

    fn scalar(&mut self, value: &Value, indent: usize) {
        match value {
            Value::Null => self.out.push_str("null"),
            Value::Bool(flag) => self.out.push_str(if *flag { "true" } else { "false" }),
            Value::Number(number) => match number.as_f64() {
                Some(value) if number.is_f64() => self.out.push_str(&number::format_float(value)),
                _ => self.out.push_str(&number.to_string()),
            },
            Value::String(text) => scalar::write(&mut self.out, text, indent, false),
            Value::Array(_) | Value::Object(_) => self.out.push_str(plain_text(value).unwrap_or("null")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn collections_in_lists_begin_on_the_line_of_the_dash() {
        let value = json!({"a": [{"b": 1, "c": [2, [3, 4]]}, [], {}], "t": "x\ny\n"});
        let expected =
            "a:\n  - b: 1\n    c:\n      - 2\n      - - 3\n        - 4\n  - []\n  - {}\nt: |\n  x\n  y\n";
        assert_eq!(document(value.as_object().unwrap()), expected);
    }

    #[test]
    fn a_long_key_gets_a_question_mark() {
        let key = "k".repeat(129);
        let value = json!({"m": {key.as_str(): 1.0}});
        assert_eq!(document(value.as_object().unwrap()), format!("m:\n  ? {key}\n  : 1\n"));
    }
}
