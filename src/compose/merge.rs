//! Merging a later document, or an extending service, over what was there before.
//!
//! Maps merge key by key, lists append, scalars replace, and null never erases. A [`Rule`] in the row of an attribute says
//! what differs (reference: docker compose 2.40).

use super::attributes;
use super::diagnostic::Diagnostic;
use super::node::{Key, Map, Node, Value};
use super::text;
use super::walk::Place;
use indexmap::map::MutableKeys as _;

/// How the values of one attribute merge.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rule {
    /// The later value takes the place of the earlier, even if it is null.
    Replace,
    /// The later value takes the place of the earlier unless it is null.
    ReplaceUnlessNull,
    /// Both become lists of `key=value`, one after the other.
    Sequence,
    /// Like `Sequence`, but an entry that is there already is not repeated.
    Hosts,
    /// Both become maps from name to what [`Entry`] says, then merge.
    Names(Entry),
    /// A string is the context of a build.
    Build,
    /// Options of different drivers do not mix.
    Logging,
    /// Address pools of the same subnet merge, others are added.
    Pools,
}

/// What a name in a list stands for once the list is a map.
#[derive(Debug, Clone, Copy)]
pub(super) enum Entry {
    /// Nothing.
    Null,
    /// A dependency on the start of a service.
    Started,
}

/// Merges a document over what was there before. Where the two do not fit each other the later one is left out, with an
/// error.
pub(super) fn documents(base: Map, over: Map, diagnostics: &mut Vec<Diagnostic>) -> Map {
    Merge { place: Place::default(), diagnostics }.maps(base, over)
}

/// Merges a service over the one that it extends, likewise.
pub(super) fn service(name: &str, base: Node, over: Node, diagnostics: &mut Vec<Diagnostic>) -> Node {
    Merge { place: Place::of(&["services", name]), diagnostics }.node(base, over)
}

struct Merge<'d> {
    /// Where in the project the two nodes stand.
    place: Place,
    diagnostics: &'d mut Vec<Diagnostic>,
}

impl Merge<'_> {
    fn node(&mut self, base: Node, over: Node) -> Node {
        let rule = attributes::at(self.place.steps()).and_then(|facts| facts.merge);
        match rule {
            Some(Rule::Replace) => over,
            // The reference refuses a null list of pools, though null means nothing elsewhere.
            Some(Rule::Pools) => self.pools(base, over),
            // The reference crashes on anything but two mappings.
            Some(Rule::Logging) if base.as_map().is_none() || over.as_map().is_none() => {
                self.cannot_override(base, &over)
            }
            _ if over.is_null() => base,
            Some(rule) => self.by_rule(rule, base, over),
            None => self.by_kind(base, over),
        }
    }

    fn by_kind(&mut self, base: Node, over: Node) -> Node {
        let span = over.span;
        match (base.value, over.value) {
            (Value::Map(base), Value::Map(over)) => Node::new(Value::Map(self.maps(base, over)), span),
            (Value::List(mut base), Value::List(over)) => {
                base.extend(over);
                Node::new(Value::List(base), span)
            }
            (whole @ (Value::Map(_) | Value::List(_)), value) => {
                self.cannot_override(Node::new(whole, base.span), &Node::new(value, span))
            }
            (_, value) => Node::new(value, span),
        }
    }

    fn by_rule(&mut self, rule: Rule, base: Node, over: Node) -> Node {
        let span = over.span;
        match rule {
            Rule::Replace | Rule::ReplaceUnlessNull => over,
            Rule::Sequence => {
                let mut list = sequence(base);
                list.extend(sequence(over));
                Node::new(Value::List(list), span)
            }
            Rule::Hosts => {
                let mut list = sequence(base);
                for entry in sequence(over) {
                    if !list.iter().any(|known| known.as_str().is_some() && known.as_str() == entry.as_str())
                    {
                        list.push(entry);
                    }
                }
                Node::new(Value::List(list), span)
            }
            Rule::Names(default) => self.by_kind(names_to_map(base, default), names_to_map(over, default)),
            Rule::Build => self.by_kind(build_to_map(base), build_to_map(over)),
            Rule::Logging => {
                let driver = |node: &Node| node.get("driver").and_then(Node::as_str).map(str::to_owned);
                let (before, after) = (driver(&base), driver(&over));
                let other_driver = before.is_some() && after.is_some() && before != after;
                if other_driver { over } else { self.by_kind(base, over) }
            }
            Rule::Pools => self.pools(base, over),
        }
    }

    fn maps(&mut self, mut base: Map, over: Map) -> Map {
        for (key, value) in over {
            let Some((_, known, slot)) = base.get_full_mut2(&key) else {
                base.insert(key, value);
                continue;
            };
            let is_joined = slot.as_map().is_some() && value.as_map().is_some();
            self.place.push(&key.name);
            *slot = self.node(std::mem::take(slot), value);
            self.place.pop();
            // A value that took the place of the earlier one stands below its own key.
            if !is_joined && slot.span.file == key.span.file {
                known.span = key.span;
            }
        }
        base
    }

    fn cannot_override(&mut self, base: Node, over: &Node) -> Node {
        let segments = self.place.segments();
        let name = match segments {
            [.., name, last] if last.starts_with('[') => format!("an entry of `{name}`"),
            _ => format!("`{}`", segments.last().map_or("", String::as_str)),
        };
        let kind = |node: &Node| match &node.value {
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
            Value::Null => "empty",
            Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Timestamp(_) | Value::String(_) => {
                "a single value"
            }
        };
        let (before, after) = (kind(&base), kind(over));
        let error = Diagnostic::error(format!("cannot override {}", self.place.without_positions()))
            .plain(format!("{name} is {after} here and {before} before, so the two cannot be merged"))
            .at(self.place.to_string())
            .span(over.span)
            .also(base.span, "before")
            .allowed([before])
            .hint(format!(
                "write {before} here too, or put `!override` in front of it to replace what was before"
            ));
        self.diagnostics.push(error);
        base
    }

    fn pools(&mut self, base: Node, over: Node) -> Node {
        let span = over.span;
        let (mut list, later) = match (base.value, over.value) {
            (Value::List(list), Value::List(later)) => (list, later),
            (value, _) => {
                let message = format!("{}: unexpected type", self.place.without_positions());
                let error = Diagnostic::error(message).plain("`config` must be a list").allowed(["a list"]);
                let error = error.at(self.place.to_string()).span(span);
                self.diagnostics.push(error.hint("write a list of pools, or leave the key out"));
                return Node::new(value, base.span);
            }
        };
        let subnet = |node: &Node| node.get("subnet").and_then(Node::as_str).map(str::to_owned);
        for pool in later {
            match list.iter_mut().find(|known| subnet(known) == subnet(&pool)) {
                Some(known) => *known = self.by_kind(std::mem::take(known), pool),
                None => list.push(pool),
            }
        }
        Node::new(Value::List(list), span)
    }
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
pub(super) fn names_to_map(node: Node, default: Entry) -> Node {
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

fn default_value(default: Entry, span: super::node::Span) -> Node {
    match default {
        Entry::Null => Node::new(Value::Null, span),
        Entry::Started => {
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

#[cfg(test)]
#[path = "merge_tests.rs"]
mod tests;
