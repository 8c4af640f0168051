//! Which of the things that happen on an engine are a reason to look at a source. On a busy host most are about others.

use crate::engine::EngineEvent;
use crate::model::desired::{DesiredStack, DesiredState};
use std::collections::BTreeSet;

/// What concerns a source.
#[derive(Debug, Default)]
pub struct Concern {
    stacks: BTreeSet<String>,
    /// Networks and volumes, by their names on the engine: not every event says which stack they belong to.
    names: BTreeSet<String>,
}

impl Concern {
    /// What concerns a source that says this, and of which the engine has or should have these stacks.
    pub fn new(desired: &DesiredState, stacks: BTreeSet<String>) -> Self {
        let of = |stack: &DesiredStack| {
            let networks = stack.networks.values().map(|network| network.name.clone());
            networks.chain(stack.volumes.values().map(|volume| volume.name.clone())).collect::<Vec<_>>()
        };
        Self { stacks, names: desired.stacks.values().flat_map(of).collect() }
    }

    /// The stacks.
    pub const fn stacks(&self) -> &BTreeSet<String> {
        &self.stacks
    }

    /// Whether an event may make a difference.
    pub fn holds(&self, event: &EngineEvent) -> bool {
        if !event.stack.is_empty() {
            return self.stacks.contains(&event.stack);
        }
        match event.kind.as_str() {
            // A mark has no stack of Docker's own tools, and taking one away is how a person lifts what it says.
            "container" => event.is_mark,
            "network" | "volume" => self.names.contains(&event.name),
            // The name of an image may be given in many ways, and changes seldom.
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Concern;
    use crate::engine::EngineEvent;
    use crate::model::desired::{DesiredStack, DesiredState, NetworkSpec};
    use std::collections::BTreeSet;

    #[test]
    fn what_happens_to_others_is_no_reason_to_look() {
        let network = NetworkSpec { name: "shop_default".to_owned(), ..NetworkSpec::default() };
        let mut stack = DesiredStack::default();
        stack.networks.insert("default".to_owned(), network);
        let desired = DesiredState { stacks: [("shop".to_owned(), stack)].into(), ..DesiredState::default() };
        let concern = Concern::new(&desired, BTreeSet::from(["shop".to_owned(), "gone".to_owned()]));
        let event = |kind: &str, name: &str, stack: &str, is_mark| EngineEvent {
            kind: kind.to_owned(),
            action: "die".to_owned(),
            name: name.to_owned(),
            id: String::new(),
            stack: stack.to_owned(),
            is_mark,
        };
        for (event, holds) in [
            (event("container", "shop-web-1", "shop", false), true),
            (event("container", "old", "gone", false), true),
            (event("container", "other-web-1", "other", false), false),
            (event("container", "adhoc", "", false), false),
            (event("container", "shop.suspended", "", true), true),
            (event("network", "shop_default", "", false), true),
            (event("network", "bridge", "", false), false),
            (event("volume", "else", "", false), false),
            (event("image", "sha256:aa", "", false), true),
        ] {
            assert_eq!(concern.holds(&event), holds, "{event:?}");
        }
    }
}
