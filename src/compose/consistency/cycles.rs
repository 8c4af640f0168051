//! Dependencies must not go in circles: nothing in one could be started first.

use super::Scene;
use crate::compose::diagnostic::Diagnostic;
use crate::compose::node::Span;
use crate::compose::{json, walk};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Reports the first circle of dependencies, if there is one.
pub(super) fn check(scene: &Scene<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let mut done = BTreeSet::new();
    let mut names: Vec<&str> = json::entries(scene.tree, "services").map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    for name in names {
        if let Some(circle) = find(scene, name, &mut done) {
            let message = format!("dependency cycle detected: {}", circle.join(" -> "));
            let ways: Vec<Way> = circle.windows(2).map(|pair| way(scene, pair[0], pair[1])).collect();
            diagnostics.push(
                Diagnostic::error(message)
                    .plain(in_words(&circle, &ways))
                    .at(format!("services.{}.{}", circle[0], ways[0].key))
                    .span(ways[0].span)
                    .hint("remove one of these; a service starts after all that it depends on or shares something with"),
            );
            return;
        }
    }
}

/// Why one service waits for another.
struct Way {
    /// What the first does to the second.
    verb: &'static str,
    /// The key that says so, below the service.
    key: String,
    span: Span,
}

/// Attributes that make a service wait for the one they name.
const IMPLIED: [(&str, &str); 6] = [
    ("links", "links to"),
    ("network_mode", "uses the network of"),
    ("ipc", "uses the IPC namespace of"),
    ("pid", "uses the PID namespace of"),
    ("uts", "uses the UTS namespace of"),
    ("volumes_from", "mounts the volumes of"),
];

/// A dependency that another attribute implies stands where that does.
fn way(scene: &Scene<'_>, from: &str, to: &str) -> Way {
    let span = walk::span_of(scene.nodes, &["services", from, "depends_on", to]);
    let says_so = |key: &str| {
        let Some(node) = walk::at(scene.nodes, &["services", from, key]) else { return false };
        node.span == span || node.as_list().is_some_and(|list| list.iter().any(|item| item.span == span))
    };
    match IMPLIED.iter().find(|(key, _)| says_so(key)) {
        Some((key, verb)) => Way { verb, key: (*key).to_owned(), span },
        None => Way { verb: "depends on", key: format!("depends_on.{to}"), span },
    }
}

/// `a` depends on `b`, which links to `a`.
fn in_words(circle: &[&str], ways: &[Way]) -> String {
    if let [way] = ways {
        return format!("service `{}` waits for itself: it {} `{}`", circle[0], way.verb, circle[1]);
    }
    let mut text = format!("services wait for each other in a circle: `{}`", circle[0]);
    for (at, (way, name)) in ways.iter().zip(&circle[1..]).enumerate() {
        let _ = write!(text, "{} {} `{name}`", if at == 0 { "" } else { ", which" }, way.verb);
    }
    text
}

/// A step of the search: a service, and which of its dependencies comes next.
struct Step<'s> {
    name: &'s str,
    targets: Vec<&'s str>,
    next: usize,
}

/// Follows dependencies from a service, without recursion: chains may be as long as the project.
fn find<'s>(scene: &Scene<'s>, start: &'s str, done: &mut BTreeSet<&'s str>) -> Option<Vec<&'s str>> {
    let step = |name: &'s str| Step { name, targets: targets(scene, name), next: 0 };
    let mut trail = vec![step(start)];
    let mut on_trail = BTreeSet::from([start]);
    while let Some(top) = trail.last_mut() {
        let Some(&target) = top.targets.get(top.next) else {
            done.insert(top.name);
            on_trail.remove(top.name);
            trail.pop();
            continue;
        };
        top.next += 1;
        if on_trail.contains(target) {
            let from = trail.iter().position(|step| step.name == target).unwrap_or_default();
            let circle = trail[from..].iter().map(|step| step.name);
            return Some(circle.chain([target]).collect());
        }
        if !done.contains(target) {
            on_trail.insert(target);
            trail.push(step(target));
        }
    }
    None
}

fn targets<'s>(scene: &Scene<'s>, name: &str) -> Vec<&'s str> {
    let dependencies = scene.service(name).and_then(|service| service.get("depends_on"));
    json::fields(dependencies).map(|(target, _)| target.as_str()).collect()
}
