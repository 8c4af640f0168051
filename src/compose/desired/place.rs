//! Diagnostics with the place of a key of the canonical tree.

use crate::compose::diagnostic::Diagnostic;
use crate::compose::node::{Node, Span, Value};
use crate::compose::walk;

/// Collects diagnostics about a project.
pub(super) struct Report<'a> {
    nodes: &'a Node,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> Report<'a> {
    pub(super) fn new(nodes: &'a Node) -> Self {
        Self { nodes, diagnostics: Vec::new() }
    }

    /// An error at a path; list elements are their index as text.
    pub(super) fn error(&mut self, path: &[&str], message: impl Into<String>) -> &mut Diagnostic {
        self.add(Diagnostic::error(message), path)
    }

    /// An error about the value at a path, if it is a plain one.
    pub(super) fn value(&mut self, path: &[&str], message: impl Into<String>) -> &mut Diagnostic {
        let node = walk::at(self.nodes, path);
        let span = node.filter(|node| node.as_str().is_some()).map_or_else(Span::default, |node| node.span);
        let found = self.error(path, message);
        *found = found.clone().span(span);
        found
    }

    /// A warning at a path.
    pub(super) fn warning(&mut self, path: &[&str], message: impl Into<String>) -> &mut Diagnostic {
        self.add(Diagnostic::warning(message), path)
    }

    fn add(&mut self, diagnostic: Diagnostic, path: &[&str]) -> &mut Diagnostic {
        let (dotted, span) = locate(self.nodes, path);
        let index = self.diagnostics.len();
        self.diagnostics.push(diagnostic.at(dotted).span(span));
        &mut self.diagnostics[index]
    }

    /// All diagnostics, also those that have their own positions.
    pub(super) fn sink(&mut self) -> &mut Vec<Diagnostic> {
        &mut self.diagnostics
    }

    pub(super) fn finish(self) -> Vec<Diagnostic> {
        self.diagnostics
    }
}

/// The dotted form of a path and where it stands: the key, or for a list element the element. A path that the files do
/// not have (a default, or a short form made long) stands where its nearest ancestor does.
pub fn locate(nodes: &Node, path: &[&str]) -> (String, Span) {
    let mut dotted = String::new();
    let mut span = Span::default();
    let mut here = Some(nodes);
    for part in path {
        let is_item = here.map_or_else(|| part.parse::<usize>().is_ok(), |node| node.as_list().is_some());
        if is_item {
            dotted.push('[');
            dotted.push_str(part);
            dotted.push(']');
        } else {
            if !dotted.is_empty() {
                dotted.push('.');
            }
            dotted.push_str(part);
        }
        let (next, found) = step(here, part);
        if found != Span::default() {
            span = found;
        }
        here = next;
    }
    (dotted, span)
}

fn step<'a>(node: Option<&'a Node>, part: &str) -> (Option<&'a Node>, Span) {
    match node.map(|node| &node.value) {
        Some(Value::Map(map)) => match map.get_full(part) {
            Some((_, key, value)) if key.span == Span::default() => (Some(value), value.span),
            Some((_, key, value)) => (Some(value), key.span),
            None => (None, Span::default()),
        },
        Some(Value::List(list)) => match part.parse::<usize>().ok().and_then(|index| list.get(index)) {
            Some(value) => (Some(value), value.span),
            None => (None, Span::default()),
        },
        Some(
            Value::Null
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Float(_)
            | Value::Timestamp(_)
            | Value::String(_),
        )
        | None => (None, Span::default()),
    }
}

#[cfg(test)]
mod tests {
    use super::locate;
    use crate::compose::node::{FileId, Key, Map, Node, Span, Value};

    fn span(start: u32) -> Span {
        Span { file: FileId(1), start, end: start + 1 }
    }

    fn map(key: &str, start: u32, value: Node) -> Node {
        let key = Key { name: key.into(), span: span(start) };
        Node::new(Value::Map(Map::from_iter([(key, value)])), span(start))
    }

    #[test]
    fn the_nearest_ancestor_stands_for_what_no_file_holds() {
        let list = Node::new(Value::List(vec![Node::string("x", span(9))]), span(8));
        let nodes = map("services", 1, map("a.b", 4, map("volumes", 7, list)));
        let found = locate(&nodes, &["services", "a.b", "volumes", "0", "type"]);
        assert_eq!(found, ("services.a.b.volumes[0].type".to_owned(), span(9)));
        assert_eq!(locate(&nodes, &["services", "a.b"]).1, span(4));
        assert_eq!(locate(&nodes, &["networks"]), ("networks".to_owned(), Span::default()));
    }
}
