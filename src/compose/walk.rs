//! Walking a tree by key path. Rules name the places they are about as dotted patterns, `*` for any key or element.

use super::attributes::Step;
use super::node::{Node, Span, Value};
use std::fmt;

/// Where a node stands in the project: keys, and list positions as `[0]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Place {
    segments: Vec<String>,
}

impl Place {
    /// The place of a list of keys.
    pub(super) fn of(keys: &[&str]) -> Self {
        Self { segments: keys.iter().map(|&key| key.to_owned()).collect() }
    }

    /// Goes down to a key.
    pub(super) fn push(&mut self, key: &str) {
        self.segments.push(key.to_owned());
    }

    /// Goes down to an element of a list.
    pub(super) fn push_index(&mut self, index: usize) {
        self.segments.push(format!("[{index}]"));
    }

    /// Goes back up.
    pub(super) fn pop(&mut self) {
        self.segments.pop();
    }

    /// The place of a key below this one.
    pub(super) fn join(&self, key: &str) -> Self {
        let mut place = self.clone();
        place.push(key);
        place
    }

    /// The keys from the top.
    pub(super) fn segments(&self) -> &[String] {
        &self.segments
    }

    /// The steps from the top.
    pub(super) fn steps(&self) -> impl Iterator<Item = Step<'_>> {
        self.segments.iter().map(|segment| match segment.as_str() {
            element if element.starts_with('[') => Step::Element,
            key => Step::Key(key),
        })
    }

    /// The path as the reference writes it where it does not tell list positions: `services.web.ports.[]`.
    pub(super) fn without_positions(&self) -> String {
        let parts: Vec<&str> = self
            .segments
            .iter()
            .map(|part| if part.starts_with('[') { "[]" } else { part.as_str() })
            .collect();
        parts.join(".")
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, segment) in self.segments.iter().enumerate() {
            if i > 0 && !segment.starts_with('[') {
                f.write_str(".")?;
            }
            f.write_str(segment)?;
        }
        Ok(())
    }
}

/// Calls `visit` for every node that a dotted pattern names.
pub(super) fn each_mut(root: &mut Node, pattern: &str, visit: &mut dyn FnMut(&mut Node, &Place)) {
    let parts: Vec<&str> = pattern.split('.').collect();
    descend(root, &parts, &mut Place::default(), visit);
}

fn descend(node: &mut Node, parts: &[&str], place: &mut Place, visit: &mut dyn FnMut(&mut Node, &Place)) {
    let Some((&part, rest)) = parts.split_first() else {
        visit(node, place);
        return;
    };
    match &mut node.value {
        Value::Map(map) if part == "*" => {
            for (key, child) in map.iter_mut() {
                place.push(&key.name);
                descend(child, rest, place, visit);
                place.pop();
            }
        }
        Value::Map(map) => {
            if let Some(child) = map.get_mut(part) {
                place.push(part);
                descend(child, rest, place, visit);
                place.pop();
            }
        }
        Value::List(list) if part == "*" => {
            for (index, child) in list.iter_mut().enumerate() {
                place.push_index(index);
                descend(child, rest, place, visit);
                place.pop();
            }
        }
        Value::List(_)
        | Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Float(_)
        | Value::Timestamp(_)
        | Value::String(_) => {}
    }
}

/// Takes out the node at a list of keys. List entries and whole resources stay as empty ones, so that others keep
/// their positions and references their targets.
pub(super) fn remove(root: &mut Node, target: &[String]) {
    let Some((last, above)) = target.split_last() else { return };
    let Some(node) = above.iter().try_fold(root, |node, key| child_mut(node, key)) else { return };
    match node.as_map_mut().filter(|_| target.len() > 2) {
        Some(map) => {
            map.shift_remove(last.as_str());
        }
        None => {
            if let Some(child) = child_mut(node, last) {
                child.value = Value::Null;
            }
        }
    }
}

fn child_mut<'n>(node: &'n mut Node, key: &str) -> Option<&'n mut Node> {
    match &mut node.value {
        Value::Map(map) => map.get_mut(key),
        Value::List(list) => list.get_mut(key.trim_matches(['[', ']']).parse::<usize>().ok()?),
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Float(_)
        | Value::Timestamp(_)
        | Value::String(_) => None,
    }
}

/// The node at a list of keys (`[0]` or `0` for list elements).
pub(super) fn at<'n>(root: &'n Node, keys: &[&str]) -> Option<&'n Node> {
    keys.iter().try_fold(root, |node, key| match &node.value {
        Value::Map(map) => map.get(*key),
        Value::List(list) => list.get(key.trim_matches(['[', ']']).parse::<usize>().ok()?),
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Float(_)
        | Value::Timestamp(_)
        | Value::String(_) => None,
    })
}

/// The best position known for a list of keys: that of the deepest one that a file holds.
pub(super) fn span_of(root: &Node, keys: &[&str]) -> Span {
    let mut best = Span::default();
    let mut node = root;
    for key in keys {
        let next = match &node.value {
            Value::Map(map) => match map.get_full(*key) {
                Some((_, found, child)) => {
                    if found.span != Span::default() {
                        best = found.span;
                    }
                    child
                }
                None => break,
            },
            Value::List(_) => match at(node, &[*key]) {
                Some(child) => {
                    if child.span != Span::default() {
                        best = child.span;
                    }
                    child
                }
                None => break,
            },
            Value::Null
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Float(_)
            | Value::Timestamp(_)
            | Value::String(_) => break,
        };
        node = next;
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(keys: &[&str]) -> Place {
        Place::of(keys)
    }

    #[test]
    fn list_positions_are_written_behind_their_key() {
        assert_eq!(place(&["services", "a", "ports", "[0]"]).to_string(), "services.a.ports[0]");
        assert_eq!(place(&["services", "a", "ports", "[0]"]).without_positions(), "services.a.ports.[]");
    }
}
