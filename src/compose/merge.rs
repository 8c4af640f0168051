//! Merging a later document, or an extending service, over what was there before.
//!
//! Maps merge key by key, lists append, scalars replace, and null never erases. [`RULES`] holds what differs
//! (reference: docker compose 2.40).

use super::diagnostic::Diagnostic;
use super::node::{Key, Map, Node, Value};
use super::text;
use super::walk::Place;

type Merged = Result<Node, Diagnostic>;

/// How the values of one attribute merge.
#[derive(Clone, Copy)]
enum Rule {
    /// The later value takes the place of the earlier, even if it is null.
    Replace,
    /// The later value takes the place of the earlier unless it is null.
    ReplaceUnlessNull,
    /// Both become lists of `key=value`, one after the other.
    Sequence,
    /// Like `Sequence`, but an entry that is there already is not repeated.
    Hosts,
    /// Both become maps from name to what [`Default`] says, then merge.
    Names(Default),
    /// A string is the context of a build.
    Build,
    /// Options of different drivers do not mix.
    Logging,
    /// Address pools of the same subnet merge, others are added.
    Pools,
}

/// What a name in a list stands for once the list is a map.
#[derive(Clone, Copy)]
pub(super) enum Default {
    /// Nothing.
    Null,
    /// A dependency on the start of a service.
    Started,
}

/// The attributes that do not merge by kind alone.
const RULES: &[(&str, Rule)] = &[
    ("services.*.command", Rule::Replace),
    ("services.*.entrypoint", Rule::Replace),
    ("services.*.healthcheck.test", Rule::Replace),
    ("services.*.ulimits.*", Rule::ReplaceUnlessNull),
    ("services.*.environment", Rule::Sequence),
    ("services.*.labels", Rule::Sequence),
    ("services.*.annotations", Rule::Sequence),
    ("services.*.sysctls", Rule::Sequence),
    ("services.*.deploy.labels", Rule::Sequence),
    ("services.*.build.args", Rule::Sequence),
    ("services.*.build.labels", Rule::Sequence),
    ("services.*.build.additional_contexts", Rule::Sequence),
    ("services.*.volumes.*.volume.labels", Rule::Sequence),
    ("services.*.dns", Rule::Sequence),
    ("services.*.dns_opt", Rule::Sequence),
    ("services.*.dns_search", Rule::Sequence),
    ("services.*.env_file", Rule::Sequence),
    ("services.*.label_file", Rule::Sequence),
    ("services.*.tmpfs", Rule::Sequence),
    ("networks.*.labels", Rule::Sequence),
    ("volumes.*.labels", Rule::Sequence),
    ("services.*.extra_hosts", Rule::Hosts),
    ("services.*.build.extra_hosts", Rule::Hosts),
    ("services.*.depends_on", Rule::Names(Default::Started)),
    ("services.*.networks", Rule::Names(Default::Null)),
    ("services.*.models", Rule::Names(Default::Null)),
    ("services.*.build", Rule::Build),
    ("services.*.logging", Rule::Logging),
    ("networks.*.ipam.config", Rule::Pools),
];

/// Merges a document over what was there before.
pub(super) fn documents(base: Map, over: Map) -> Result<Map, Diagnostic> {
    maps(base, over, &mut Place::default())
}

/// Merges a service over the one that it extends.
pub(super) fn service(name: &str, base: Node, over: Node) -> Merged {
    node(base, over, &mut Place::of(&["services", name]))
}

fn node(base: Node, over: Node, place: &mut Place) -> Merged {
    let rule = RULES.iter().find(|(pattern, _)| place.matches(pattern)).map(|(_, rule)| *rule);
    match rule {
        Some(Rule::Replace) => Ok(over),
        // The reference refuses a null list of pools, though null means nothing elsewhere.
        Some(Rule::Pools) => pools(base, over, place),
        // The reference crashes on anything but two mappings.
        Some(Rule::Logging) if base.as_map().is_none() || over.as_map().is_none() => {
            Err(cannot_override(place, &over))
        }
        _ if over.is_null() => Ok(base),
        Some(rule) => by_rule(rule, base, over, place),
        None => by_kind(base, over, place),
    }
}

fn by_kind(base: Node, over: Node, place: &mut Place) -> Merged {
    let span = over.span;
    match (base.value, over.value) {
        (Value::Map(base), Value::Map(over)) => Ok(Node::new(Value::Map(maps(base, over, place)?), span)),
        (Value::List(mut base), Value::List(over)) => {
            base.extend(over);
            Ok(Node::new(Value::List(base), span))
        }
        (Value::Map(_) | Value::List(_), value) => Err(cannot_override(place, &Node::new(value, span))),
        (_, value) => Ok(Node::new(value, span)),
    }
}

fn by_rule(rule: Rule, base: Node, over: Node, place: &mut Place) -> Merged {
    match rule {
        Rule::Replace | Rule::ReplaceUnlessNull => Ok(over),
        Rule::Sequence => {
            let span = over.span;
            let mut list = sequence(base);
            list.extend(sequence(over));
            Ok(Node::new(Value::List(list), span))
        }
        Rule::Hosts => {
            let span = over.span;
            let mut list = sequence(base);
            for entry in sequence(over) {
                if !list.iter().any(|known| known.as_str().is_some() && known.as_str() == entry.as_str()) {
                    list.push(entry);
                }
            }
            Ok(Node::new(Value::List(list), span))
        }
        Rule::Names(default) => by_kind(names_to_map(base, default), names_to_map(over, default), place),
        Rule::Build => by_kind(build_to_map(base), build_to_map(over), place),
        Rule::Logging => {
            let driver = |node: &Node| node.get("driver").and_then(Node::as_str).map(str::to_owned);
            let (before, after) = (driver(&base), driver(&over));
            let other_driver = before.is_some() && after.is_some() && before != after;
            if other_driver { Ok(over) } else { by_kind(base, over, place) }
        }
        Rule::Pools => pools(base, over, place),
    }
}

fn maps(mut base: Map, over: Map, place: &mut Place) -> Result<Map, Diagnostic> {
    for (key, value) in over {
        match base.get_mut(&key) {
            Some(slot) => {
                place.push(&key.name);
                *slot = node(std::mem::take(slot), value, place)?;
                place.pop();
            }
            None => {
                base.insert(key, value);
            }
        }
    }
    Ok(base)
}

fn cannot_override(place: &Place, over: &Node) -> Diagnostic {
    let name = place.segments().last().map_or("", String::as_str);
    Diagnostic::error(format!("cannot override {}", place.without_positions()))
        .plain(format!("`{name}` has another form here than in the file before, so the two cannot be merged"))
        .at(place.to_string())
        .span(over.span)
        .hint("write it in the same form (list or mapping) as in the file before, or put !override in front of it")
}

/// A map as sorted `key=value` entries, a string as a list of one.
fn sequence(node: Node) -> Vec<Node> {
    match node.value {
        Value::Map(map) => {
            let mut entries: Vec<(String, Node)> =
                map.into_iter().flat_map(|(key, value)| pairs(&key, value)).collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            entries.into_iter().map(|(_, node)| node).collect()
        }
        Value::List(list) => list,
        Value::String(text) => vec![Node::string(text, node.span)],
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Timestamp(_) => Vec::new(),
    }
}

fn pairs(key: &Key, value: Node) -> Vec<(String, Node)> {
    let span = key.span;
    let pair = |text: String| (text.clone(), Node::string(text, span));
    match value.value {
        Value::Null => vec![pair(key.name.to_string())],
        Value::List(list) => list
            .iter()
            .map(|item| pair(format!("{}={}", key.name, text::of_scalar(&item.value).unwrap_or_default())))
            .collect(),
        // Not a value that can stand there: kept as it is for the schema to refuse with its position.
        Value::Map(_) => vec![(key.name.to_string(), value)],
        other => vec![pair(format!("{}={}", key.name, text::of_scalar(&other).unwrap_or_default()))],
    }
}

/// A list of names as a map; anything else stays.
pub(super) fn names_to_map(node: Node, default: Default) -> Node {
    let Value::List(list) = node.value else { return node };
    if list.iter().any(|item| item.as_str().is_none()) {
        return Node::new(Value::List(list), node.span);
    }
    let entry = |item: Node| {
        let span = item.span;
        let name = item.as_str().unwrap_or_default().into();
        (Key { name, span }, default_value(default, span))
    };
    Node::new(Value::Map(list.into_iter().map(entry).collect()), node.span)
}

fn default_value(default: Default, span: super::node::Span) -> Node {
    match default {
        Default::Null => Node::new(Value::Null, span),
        Default::Started => {
            let fields = [
                (Key::from("condition"), Node::string("service_started", span)),
                (Key::from("required"), Node::new(Value::Bool(true), span)),
            ];
            Node::new(Value::Map(fields.into_iter().collect()), span)
        }
    }
}

/// A build given as a string, in long form; anything else stays.
pub(super) fn build_to_map(node: Node) -> Node {
    match node.value {
        Value::String(context) => {
            let field = (Key { name: "context".into(), span: node.span }, Node::string(context, node.span));
            Node::new(Value::Map([field].into_iter().collect()), node.span)
        }
        _ => node,
    }
}

fn pools(base: Node, over: Node, place: &mut Place) -> Merged {
    let span = over.span;
    let (Value::List(mut list), Value::List(later)) = (base.value, over.value) else {
        return Err(Diagnostic::error(format!("{}: unexpected type", place.without_positions()))
            .plain("`config` must be a list")
            .at(place.to_string())
            .span(span)
            .hint("write a list of pools, or leave the key out"));
    };
    let subnet = |node: &Node| node.get("subnet").and_then(Node::as_str).map(str::to_owned);
    for pool in later {
        match list.iter_mut().find(|known| subnet(known) == subnet(&pool)) {
            Some(known) => *known = by_kind(std::mem::take(known), pool, place)?,
            None => list.push(pool),
        }
    }
    Ok(Node::new(Value::List(list), span))
}

#[cfg(test)]
#[path = "merge_tests.rs"]
mod tests;
