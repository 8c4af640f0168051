//! Dependencies must not go in circles: nothing in one could be started first.

use super::Scene;
use crate::compose::diagnostic::Diagnostic;
use crate::compose::{json, walk};
use std::collections::BTreeSet;

/// Reports the first circle of dependencies, if there is one.
pub(super) fn check(scene: &Scene<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let mut done = BTreeSet::new();
    let mut names: Vec<&str> = json::entries(scene.tree, "services").map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    for name in names {
        if let Some(circle) = find(scene, name, &mut done) {
            let (first, second) = (circle[0], circle[1]);
            let message = format!("dependency cycle detected: {}", circle.join(" -> "));
            let keys = ["services", first, "depends_on", second];
            diagnostics.push(
                Diagnostic::error(message)
                    .plain(format!("dependency cycle: {}", circle.join(" -> ")))
                    .at(keys.join("."))
                    .span(walk::span_of(scene.nodes, &keys))
                    .hint("remove one of these dependencies; links and shared namespaces count too"),
            );
            return;
        }
    }
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
