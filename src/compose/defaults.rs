//! What attributes mean when they leave something out (reference: docker compose 2.40).

use super::node::{Key, Map, Node, Value};
use super::walk;

/// Writes defaults out.
pub(super) fn apply(root: &mut Node) {
    walk::each_mut(root, "services.*.build", &mut |node, _| set(node, "context", |_| Some(text("."))));
    walk::each_mut(root, "services.*.secrets.*", &mut |node, _| {
        set(node, "target", |map| {
            let source = map.get("source").and_then(Node::as_str)?;
            Some(Value::String(format!("/run/secrets/{source}")))
        });
    });
    walk::each_mut(root, "services.*.ports.*", &mut |node, _| {
        set(node, "protocol", |_| Some(text("tcp")));
        set(node, "mode", |_| Some(text("ingress")));
    });
    for pattern in ["services.*.gpus.*", "services.*.deploy.resources.reservations.devices.*"] {
        walk::each_mut(root, pattern, &mut |node, _| {
            set(node, "count", |map| (!map.contains_key("device_ids")).then(|| text("all")));
        });
    }
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
