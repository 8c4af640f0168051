//! What attributes mean when they leave something out (reference: docker compose 2.40).

use super::attributes;
use super::node::{Key, Map, Node, Value};
use super::walk;
use std::sync::LazyLock;

/// The completion of a value with what it leaves out.
pub(super) type Fill = fn(&mut Node);

static FILLS: LazyLock<Vec<(String, Fill)>> = LazyLock::new(|| attributes::rules(|facts| facts.fill));

/// Writes defaults out.
pub(super) fn apply(root: &mut Node) {
    for (pattern, fill) in FILLS.iter() {
        walk::each_mut(root, pattern, &mut |node, _| fill(node));
    }
}

pub(super) fn build(node: &mut Node) {
    set(node, "context", |_| Some(text(".")));
}

pub(super) fn secret(node: &mut Node) {
    set(node, "target", |map| {
        let source = map.get("source").and_then(Node::as_str)?;
        Some(Value::String(format!("/run/secrets/{source}")))
    });
}

pub(super) fn port(node: &mut Node) {
    set(node, "protocol", |_| Some(text("tcp")));
    set(node, "mode", |_| Some(text("ingress")));
}

pub(super) fn device_request(node: &mut Node) {
    set(node, "count", |map| (!map.contains_key("device_ids")).then(|| text("all")));
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

/// Sets a key that a mapping lacks, if there is something to set.
fn set(node: &mut Node, key: &str, value: impl FnOnce(&Map) -> Option<Value>) {
    let span = node.span;
    let Some(map) = node.as_map_mut() else { return };
    if map.contains_key(key) {
        return;
    }
    if let Some(value) = value(map) {
        map.insert(Key { name: key.into(), span }, Node::new(value, span));
    }
}
