//! `!reset` and `!override`: what a document takes out of the documents before it.

use super::node::{Node, Value};
use super::yaml::TaggedPath;

/// Deletes what the tags name from a tree. Elements of lists are never deleted: the reference cannot either,
/// and positions in an earlier file would be a fragile way to name them.
pub(super) fn apply(tree: &mut Node, tags: &[TaggedPath]) {
    for tag in tags {
        delete(tree, &tag.path);
    }
}

/// The same for the tags below one service, on that service's tree.
pub(super) fn apply_to_service(service: &mut Node, name: &str, tags: &[TaggedPath]) {
    for tag in tags {
        if let [section, owner, rest @ ..] = tag.path.as_slice()
            && section == "services"
            && owner == name
        {
            delete(service, rest);
        }
    }
}

fn delete(node: &mut Node, path: &[String]) {
    let Some((first, rest)) = path.split_first() else { return };
    match &mut node.value {
        Value::Map(map) if rest.is_empty() => {
            map.shift_remove(first.as_str());
        }
        Value::Map(map) => {
            if let Some(child) = map.get_mut(first.as_str()) {
                delete(child, rest);
            }
        }
        Value::List(list) => {
            let index = first.trim_matches(['[', ']']).parse::<usize>().ok();
            if let Some(child) = index.and_then(|index| list.get_mut(index))
                && !rest.is_empty()
            {
                delete(child, rest);
            }
        }
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Float(_)
        | Value::Timestamp(_)
        | Value::String(_) => {}
    }
}
