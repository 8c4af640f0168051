//! Names of stacks, and what they depend on.

use super::View;
use crate::compose::diagnostic::Diagnostic;
use crate::compose::schema::nearest;
use crate::compose::settings::KEY;
use std::collections::BTreeMap;

const PLACE: [&str; 2] = [KEY, "depends_on"];

/// Two stacks with one project name: each would remove the other's containers.
pub(super) fn same_name(views: &[View<'_>]) -> Vec<(usize, Diagnostic)> {
    let mut by_name: BTreeMap<&str, Vec<&View<'_>>> = BTreeMap::new();
    for view in views {
        by_name.entry(&view.stack.name).or_default().push(view);
    }
    let mut found = Vec::new();
    for (name, same) in by_name.into_iter().filter(|(_, same)| same.len() > 1) {
        for (at, view) in same.iter().enumerate() {
            let other = same[usize::from(at == 0)];
            let message = format!("the project name {name} is also that of {}", other.place(&["name"]));
            let (index, error) = view.error(&["name"], message);
            found.push((index, error.hint("set another `name:`")));
        }
    }
    found
}

/// Dependencies on stacks that are not there, and circles.
pub(super) fn dependencies(views: &[View<'_>], known: &[&str]) -> Vec<(usize, Diagnostic)> {
    let by_name: BTreeMap<&str, &View<'_>> =
        views.iter().map(|view| (view.stack.name.as_str(), view)).collect();
    let mut found = Vec::new();
    for view in views {
        let wanted = || view.stack.depends_on.iter().enumerate();
        for (at, on) in wanted().filter(|(_, on)| !known.contains(&on.as_str())) {
            let message = format!("there is no stack `{on}` to depend on");
            let (index, error) = view.error(&[PLACE[0], PLACE[1], &at.to_string()], message);
            let others: Vec<&str> = known.iter().copied().filter(|name| *name != view.stack.name).collect();
            found.push((index, error.hint(instead_of(on, &others))));
        }
        if let Some(circle) = circle(&by_name, &view.stack.name) {
            let names: Vec<String> = circle.iter().map(|name| format!("`{name}`")).collect();
            let words = names.join(", which depends on ").replacen(", which", "", 1);
            let message = format!("stacks wait for each other in a circle: {words}");
            let at = wanted().find(|(_, on)| **on == circle[1]).map_or(0, |(at, _)| at);
            let (index, error) = view.error(&[PLACE[0], PLACE[1], &at.to_string()], message);
            found.push((index, error.hint("remove one of these dependencies")));
        }
    }
    found
}

/// The hint for a stack that is not there.
fn instead_of(wrong: &str, others: &[&str]) -> String {
    match (nearest(wrong, others.iter().copied()), others) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, []) => "there are no other stacks in this source".to_owned(),
        (None, _) => format!("the other stacks are {}", others.join(", ")),
    }
}

/// The shortest way from a stack back to itself.
fn circle<'a>(views: &BTreeMap<&'a str, &'a View<'a>>, start: &'a str) -> Option<Vec<&'a str>> {
    let mut came_from: BTreeMap<&str, &str> = BTreeMap::new();
    let mut open = vec![start];
    while !open.is_empty() {
        let mut next = Vec::new();
        for name in open {
            for on in views.get(name).into_iter().flat_map(|view| &view.stack.depends_on) {
                if on == start {
                    return Some(way(&came_from, start, name));
                }
                if !came_from.contains_key(on.as_str()) {
                    came_from.insert(on, name);
                    next.push(on.as_str());
                }
            }
        }
        open = next;
    }
    None
}

fn way<'a>(came_from: &BTreeMap<&'a str, &'a str>, start: &'a str, end: &'a str) -> Vec<&'a str> {
    let mut way = vec![start, end];
    let mut at = end;
    while at != start {
        let Some(before) = came_from.get(at) else { break };
        at = before;
        way.push(at);
    }
    if end == start {
        way.truncate(2);
    }
    way.reverse();
    way
}
