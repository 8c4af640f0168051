//! Values under `x-` keys: kept as they are, whatever they hold.

use crate::compose::node::{Map, Node, Value};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

/// The only key of an object that stands for a value JSON cannot hold. No file can spell it.
pub const PLAIN: &str = "\0plain";

/// The text of a value that JSON cannot hold, if `value` is one.
pub fn plain_text(value: &Json) -> Option<&str> {
    value.as_object()?.get(PLAIN)?.as_str()
}

/// A float as JSON; infinities and "not a number" become [`PLAIN`] values.
pub(super) fn finite(value: f64) -> Json {
    if value.is_nan() {
        json!({ PLAIN: ".nan" })
    } else if value.is_infinite() {
        json!({ PLAIN: if value > 0.0 { ".inf" } else { "-.inf" } })
    } else {
        Json::from(value)
    }
}

/// A value of any shape as it stands, untyped; mappings get sorted keys.
pub fn any(node: &Node) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Int(value) => i64::try_from(*value)
            .map(Json::from)
            .or_else(|_| u64::try_from(*value).map(Json::from))
            .unwrap_or_else(|_| Json::from(value.to_string())),
        Value::Float(value) => finite(*value),
        Value::Timestamp(text) => json!({ PLAIN: rfc3339(text).unwrap_or_else(|| text.clone()) }),
        Value::String(text) => Json::from(text.as_str()),
        Value::List(items) => items.iter().map(any).collect(),
        Value::Map(map) => {
            let sorted: BTreeMap<&str, &Node> = map.iter().map(|(key, node)| (&*key.name, node)).collect();
            sorted.into_iter().map(|(key, node)| (key.to_owned(), any(node))).collect()
        }
    }
}

/// Gathers the `x-` keys of a free mapping under the one key `#extensions`, as the reference does by
/// mistake with labels, environment and the like; `None` if there are none.
pub(super) fn sweep(map: &Map) -> Option<Map> {
    let (extra, mut kept): (Map, Map) = map
        .iter()
        .map(|(key, node)| (key.clone(), node.clone()))
        .partition(|(key, _)| key.name.starts_with("x-"));
    let span = extra.first()?.0.span;
    let mut key = crate::compose::node::Key::from("#extensions");
    key.span = span;
    kept.insert(key, Node::new(Value::Map(extra), span));
    Some(kept)
}

/// A YAML timestamp in the one form of RFC 3339: two digits each, no trailing zeros in the fraction.
fn rfc3339(text: &str) -> Option<String> {
    let (date, time) = match text.find(['T', 't', ' ']) {
        Some(at) => (&text[..at], text[at + 1..].trim_start()),
        None => (text, "0:0:0"),
    };
    let mut date = date.splitn(3, '-').map(|part| part.parse::<u32>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let zone_at = time.find(['Z', '+', '-']).unwrap_or(time.len());
    let (clock, zone) = time.split_at(zone_at);
    let zone = if zone.is_empty() || matches!(zone, "+00:00" | "-00:00") { "Z" } else { zone };
    let (clock, fraction) = clock.trim_end().split_once('.').unwrap_or((clock.trim_end(), ""));
    let mut clock = clock.splitn(3, ':').map(|part| part.parse::<u32>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{point}{fraction}{zone}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_come_out_in_one_form() {
        for (text, expected) in [
            ("2024-01-01", "2024-01-01T00:00:00Z"),
            ("2001-12-14t21:59:43.10-05:00", "2001-12-14T21:59:43.1-05:00"),
            ("2001-1-4 1:5:3", "2001-01-04T01:05:03Z"),
        ] {
            assert_eq!(rfc3339(text).as_deref(), Some(expected));
        }
    }
}
