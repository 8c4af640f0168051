//! Several sources on one host: a stack belongs to one of them.

use super::LoadedSource;
use crate::compose::desired::locate;
use crate::compose::diagnostic::Diagnostic;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Which source has which stack. Who had a name first keeps it.
#[derive(Debug, Default)]
pub struct Claims {
    stacks: BTreeMap<String, BTreeSet<String>>,
}

impl Claims {
    /// Notes the stacks of a source. Those that another source has are errors, and are no longer desired.
    pub fn settle(&mut self, source: &str, loaded: &mut LoadedSource) {
        let taken = |name: &str| {
            let others = self.stacks.iter().filter(|(other, _)| *other != source);
            others.filter(|(_, stacks)| stacks.contains(name)).map(|(other, _)| other.clone()).next()
        };
        let clashes: Vec<(String, String)> =
            loaded.desired.stacks.keys().filter_map(|name| Some((name.clone(), taken(name)?))).collect();
        for (name, other) in clashes {
            let desired = Arc::make_mut(&mut loaded.desired);
            desired.stacks.remove(&name);
            // What is not desired here must not be taken for removed either.
            desired.complete = false;
            for stack in loaded.stacks.iter_mut().filter(|stack| stack.name.as_deref() == Some(&name)) {
                let error = Diagnostic::error(format!(
                    "the project name {name} is also that of a stack of source {other}"
                ));
                let (path, span) = stack
                    .project
                    .as_ref()
                    .map(|project| locate(&project.nodes, &["name"]))
                    .unwrap_or_default();
                stack.desired = false;
                stack.diagnostics.push(error.at(path).span(span).hint("set another `name:`"));
            }
        }
        let own = loaded.desired.stacks.keys().cloned().collect();
        self.stacks.insert(source.to_owned(), own);
    }
}

#[cfg(test)]
mod tests {
    use super::Claims;
    use crate::model::desired::{DesiredStack, DesiredState};
    use crate::source::LoadedSource;

    fn with(names: &[&str]) -> LoadedSource {
        let stacks = names.iter().map(|name| ((*name).to_owned(), DesiredStack::default())).collect();
        let desired = DesiredState { stacks, complete: true, ..DesiredState::default() };
        LoadedSource { desired: desired.into(), ..LoadedSource::default() }
    }

    #[test]
    fn a_stack_belongs_to_the_source_that_had_it_first() {
        let mut claims = Claims::default();
        let (mut a, mut b) = (with(&["x", "y"]), with(&["y", "z"]));
        claims.settle("a", &mut a);
        claims.settle("b", &mut b);
        assert_eq!(b.desired.stacks.keys().collect::<Vec<_>>(), ["z"]);
        assert!(a.desired.complete && !b.desired.complete);
        claims.settle("a", &mut with(&["x"]));
        let mut b = with(&["y", "z"]);
        claims.settle("b", &mut b);
        assert_eq!(b.desired.stacks.len(), 2, "it was given up");
    }
}
