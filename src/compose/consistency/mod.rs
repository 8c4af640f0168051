//! Checks on references between the resources of a project (reference: docker compose 2.40).
//!
//! The services that profiles switch off are not checked, and count as missing for those that need them.

use super::diagnostic::{Diagnostic, Lack};
use super::json;
use super::load::Project;
use super::node::{Node, Span};
use super::suggest;
use super::walk;
use serde_json::{Map, Value};
use std::cell::Cell;

mod cycles;
mod limits;
mod mounts;
mod references;

/// Hints that look for a near name; one for each of ten thousand wrong references would take minutes.
const MAX_SEARCHES: usize = 200;

/// What the checks look at.
pub(super) struct Scene<'p> {
    tree: &'p Map<String, Value>,
    nodes: &'p Node,
    disabled: &'p Map<String, Value>,
    /// How many hints may still look for a near name: each looks at every name of its section.
    searches: Cell<usize>,
}

impl<'p> Scene<'p> {
    fn service(&self, name: &str) -> Option<&'p Value> {
        self.tree.get("services")?.get(name)
    }

    /// Whether a section has an entry. Models are not part of the canonical JSON, so the tree with positions counts.
    fn has(&self, section: &str, name: &str) -> bool {
        walk::at(self.nodes, &[section, name]).is_some()
    }

    /// What to write instead of a name that a section lacks.
    fn instead_of(&self, wrong: &str, section: &str) -> String {
        let map = self.nodes.get(section).and_then(Node::as_map);
        // What no file holds is implied, and nothing to choose from.
        let written = map.into_iter().flatten().filter(|(key, _)| key.span != Span::default());
        let known: Vec<&str> = written.map(|(key, _)| &*key.name).collect();
        let Some(left) = self.searches.get().checked_sub(1) else {
            return format!("check the spelling, or add it below `{section}:`");
        };
        self.searches.set(left);
        suggest::instead_of(wrong, section, &known)
    }
}

/// A service under check, and what was found wrong with it.
pub(super) struct Service<'p, 'd> {
    scene: &'p Scene<'p>,
    name: &'p str,
    tree: &'p Value,
    found: &'d mut Vec<Diagnostic>,
}

impl Service<'_, '_> {
    /// An error at a key below the service, in the reference's words and in plain ones.
    fn error(&self, (message, plain): (impl Into<String>, impl Into<String>), keys: &[&str]) -> Diagnostic {
        let mut path = vec!["services", self.name];
        path.extend_from_slice(keys);
        let place = walk::Place::of(&path).to_string();
        Diagnostic::error(message).plain(plain).at(place).span(self.span(keys))
    }

    /// Where a key below the service stands.
    fn span(&self, keys: &[&str]) -> Span {
        let mut path = vec!["services", self.name];
        path.extend_from_slice(keys);
        walk::span_of(self.scene.nodes, &path)
    }

    /// The node at keys below the service.
    fn node(&self, keys: &[&str]) -> Option<&Node> {
        let mut path = vec!["services", self.name];
        path.extend_from_slice(keys);
        walk::at(self.scene.nodes, &path)
    }

    fn text(&self, key: &str) -> &str {
        json::text(self.tree, key)
    }
}

/// Checks a project, and settles `scale` and `deploy.replicas` to one number.
pub(super) fn check(project: &mut Project, disabled: &Map<String, Value>, diagnostics: &mut Vec<Diagnostic>) {
    let scene =
        Scene { tree: &project.tree, nodes: &project.nodes, disabled, searches: Cell::new(MAX_SEARCHES) };
    for (name, tree) in json::entries(&project.tree, "services") {
        let mut service = Service { scene: &scene, name, tree, found: diagnostics };
        references::origin(&mut service);
        references::build(&mut service);
        references::networks(&mut service);
        health_test(&mut service);
        references::services(&mut service);
        references::resources(&mut service);
        limits::check(&mut service);
        watch(&mut service);
        mounts::check(&mut service);
    }
    secrets(&scene, diagnostics);
    cycles::check(&scene, diagnostics);
    limits::settle_replicas(&mut project.tree);
}

fn health_test(service: &mut Service<'_, '_>) {
    const KINDS: [&str; 3] = ["CMD", "CMD-SHELL", "NONE"];
    let test = service.tree.get("healthcheck").and_then(|check| check.get("test")).and_then(Value::as_array);
    let first = test.and_then(|words| words.first()).and_then(Value::as_str);
    if let Some(word) = first.filter(|word| !KINDS.contains(word)) {
        let message = "healthcheck.test must start either by \"CMD\", \"CMD-SHELL\" or \"NONE\"";
        let plain = format!("a test that is a list cannot begin with `{word}`");
        let error = service.error((message, plain), &["healthcheck", "test", "[0]"]).allowed(KINDS);
        service.found.push(error.hint("put CMD in front, or write the test as one string"));
    }
}

fn watch(service: &mut Service<'_, '_>) {
    let develop =
        service.tree.get("develop").and_then(|develop| develop.get("watch")).and_then(Value::as_array);
    for rule in develop.into_iter().flatten() {
        let needs_target = !matches!(json::text(rule, "action"), "rebuild" | "restart");
        if needs_target && json::text(rule, "target").is_empty() {
            let message = format!(
                "services.{}.develop.watch: target is required for non-rebuild actions: invalid compose project",
                service.name
            );
            let error = service.error((message, "`target` is missing in this rule"), &["develop", "watch"]);
            let error = error.lacks(Lack::Key(vec!["target"]));
            service.found.push(error.hint("add `target: PATH`, the path in the container"));
        }
    }
}

fn secrets(scene: &Scene<'_>, diagnostics: &mut Vec<Diagnostic>) {
    for (name, secret) in json::entries(scene.tree, "secrets") {
        let external = secret.get("external").and_then(Value::as_bool) == Some(true);
        if external || !json::text(secret, "file").is_empty() || !json::text(secret, "environment").is_empty()
        {
            continue;
        }
        let message =
            format!("secret {name:?} must declare either `file` or `environment`: invalid compose project");
        diagnostics.push(
            Diagnostic::error(message)
                .plain(format!("the secret `{name}` has neither `file` nor `environment`"))
                .at(format!("secrets.{name}"))
                .span(walk::span_of(scene.nodes, &["secrets", name]))
                .lacks(Lack::Key(vec!["file", "environment"]))
                .hint("the engine has no secrets of its own: say which file or variable holds it"),
        );
    }
}

#[cfg(test)]
mod tests;
