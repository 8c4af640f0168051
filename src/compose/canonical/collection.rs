//! Typing of lists and mappings of plain values, which the reference accepts in several spellings.

use super::extension;
use super::text;
use crate::compose::attributes::canon::Type;
use crate::compose::grammar::extra_hosts::Hosts;
use crate::compose::node::{Node, Value};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

/// The value of a kind that holds several plain values; `None` for other kinds.
pub(super) fn collection(kind: &Type, node: &Node) -> Option<Result<Json, String>> {
    match kind {
        Type::OneOrMoreTexts | Type::ScalarTexts => Some(one_or_more(kind, node)),
        Type::Pairs | Type::OptionalPairs => Some(pairs(kind, node)),
        Type::Options | Type::MultiOptions => Some(options(kind, node)),
        Type::Hosts => Some(hosts(node)),
        Type::Ssh => Some(Ok(ssh(node))),
        _ => None,
    }
}

fn one_or_more(kind: &Type, node: &Node) -> Result<Json, String> {
    let problem = || format!("invalid type {} for string list", text::type_name(node));
    match &node.value {
        Value::String(text) => Ok(json!([text])),
        Value::List(items) => items
            .iter()
            .map(|item| match kind {
                Type::ScalarTexts => Ok(text::print(item)),
                _ => item.as_str().map(str::to_owned).ok_or_else(problem),
            })
            .collect(),
        _ => Err(problem()),
    }
}

fn pairs(kind: &Type, node: &Node) -> Result<Json, String> {
    let optional = matches!(kind, Type::OptionalPairs);
    let missing = || if optional { Json::Null } else { json!("") };
    let mut json = BTreeMap::new();
    match &node.value {
        Value::Map(map) => {
            let swept = extension::sweep(map);
            for (key, node) in swept.as_ref().unwrap_or(map) {
                let value = if node.is_null() { missing() } else { json!(text::print(node)) };
                json.insert(key.name.to_string(), value);
            }
        }
        Value::List(items) => {
            for item in items {
                let entry = text::print(item);
                let (key, value) = match entry.split_once('=') {
                    Some((key, value)) => (key, json!(value)),
                    None => (entry.as_str(), missing()),
                };
                if optional && key.ends_with(char::is_whitespace) {
                    return Err(format!("environment variable {key} is declared with a trailing space"));
                }
                json.insert(key.to_owned(), value);
            }
        }
        _ => return Err(format!("unexpected value type {} for mapping", text::type_name(node))),
    }
    Ok(Json::Object(json.into_iter().collect()))
}

fn options(kind: &Type, node: &Node) -> Result<Json, String> {
    let Some(map) = node.as_map() else {
        return Err(format!("invalid type {} for options", text::type_name(node)));
    };
    let swept = extension::sweep(map);
    let mut json = BTreeMap::new();
    for (key, node) in swept.as_ref().unwrap_or(map) {
        let value = match (kind, &node.value) {
            (Type::MultiOptions, Value::List(items)) => items.iter().map(text::print).collect(),
            (Type::MultiOptions, _) => json!([text::print(node)]),
            (_, Value::Null) => json!(""),
            _ => json!(text::print(node)),
        };
        json.insert(key.name.to_string(), value);
    }
    Ok(Json::Object(json.into_iter().collect()))
}

fn hosts(node: &Node) -> Result<Json, String> {
    let mut hosts = Hosts::default();
    match &node.value {
        Value::Map(map) => {
            let swept = extension::sweep(map);
            for (key, entry) in swept.as_ref().unwrap_or(map) {
                match &entry.value {
                    Value::Null => hosts.add_host(&key.name, [String::new()]),
                    Value::String(address) => hosts.add_host(&key.name, [address.clone()]),
                    Value::List(items) => hosts.add_host(&key.name, items.iter().map(text::print)),
                    _ => {
                        let found = text::type_name(node);
                        return Err(format!("unexpected value type {found} for extra_hosts entry"));
                    }
                }
            }
        }
        Value::List(items) => {
            for item in items {
                hosts.add_entry(&text::print(item))?;
            }
        }
        _ => return Err(format!("unexpected value type {} for extra_hosts", text::type_name(node))),
    }
    hosts.into_lines().map(Json::from)
}

/// SSH keys as `id` or `id: path`, in the order they are written (the reference's order is random).
fn ssh(node: &Node) -> Json {
    let keys = node.as_map().into_iter().flatten().map(|(key, node)| (&*key.name, node));
    let line = |(id, path): (&str, &Node)| match &path.value {
        Value::Null => id.to_owned(),
        _ if text::print(path).is_empty() => id.to_owned(),
        _ => format!("{id}: {}", text::print(path)),
    };
    keys.map(line).collect()
}
