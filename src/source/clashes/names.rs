//! Container names: the engine has each once.

use super::{Member, View, members};
use crate::compose::diagnostic::Diagnostic;
use std::collections::BTreeMap;

/// Replicas beyond this are not told apart.
const MAX_REPLICAS: u32 = 1000;

/// Two services whose containers would have the same name.
pub(super) fn containers(views: &[View<'_>]) -> Vec<(usize, Diagnostic)> {
    let mut taken: BTreeMap<String, Member<'_>> = BTreeMap::new();
    let mut found = Vec::new();
    for member in members(views) {
        let fixed = &member.service.spec.container_name;
        let count = if fixed.is_empty() { member.service.replicas.min(MAX_REPLICAS) } else { 1 };
        for number in 1..=count {
            let name = if fixed.is_empty() {
                format!("{}-{}-{number}", member.view.stack.name, member.key)
            } else {
                fixed.clone()
            };
            let Some(other) = taken.get(&name) else {
                taken.insert(name, member);
                continue;
            };
            // The same project name is told apart from this, once for the stack.
            if other.view.stack.name != member.view.stack.name || other.view.index == member.view.index {
                found.push(tell(&member, other, &name));
                found.push(tell(other, &member, &name));
            }
            break;
        }
    }
    found
}

fn tell(member: &Member<'_>, other: &Member<'_>, name: &str) -> (usize, Diagnostic) {
    let path = |member: &Member<'_>| {
        if member.service.spec.container_name.is_empty() { Vec::new() } else { vec!["container_name"] }
    };
    let message = format!("the container name {name} is also that of {}", other.named(&path(other)));
    let (index, error) = member.error(&path(member), message);
    (index, error.hint("give one of them another `container_name`, or none"))
}
