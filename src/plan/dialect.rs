//! Which version of the reference shares a stack: its hash goes into the labels of what is made.

use super::index::Index;
use crate::model::compose_hash::Dialect;
use crate::model::desired::DesiredStack;
use crate::model::labels;

/// What the owner of the stack says, else the dialect of whatever made its newest container. Our own containers carry the
/// dialect that they were made in, so it lasts. No container is replaced for it: a hash of the reference decides nothing
/// about those.
pub(super) fn of(stack: &DesiredStack, index: &Index) -> Dialect {
    let containers = index.services(&stack.name).flat_map(|(_, containers)| containers);
    let newest = containers.max_by_key(|container| (container.created, &container.name));
    let found = || newest.map(|container| Dialect::of_version(container.label(labels::VERSION)));
    stack.compose_dialect.or_else(found).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::of;
    use crate::model::compose_hash::Dialect;
    use crate::model::desired::DesiredStack;
    use crate::model::labels;
    use crate::model::observed::{ObservedContainer, ObservedState};
    use crate::plan::index::Index;

    fn container(stack: &str, created: i64, version: &str) -> ObservedContainer {
        let labels = [(labels::PROJECT, stack), (labels::SERVICE, "app"), (labels::VERSION, version)];
        ObservedContainer {
            name: format!("{stack}-app-{created}"),
            labels: labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
            created,
            ..ObservedContainer::default()
        }
    }

    #[test]
    fn the_newest_container_tells_unless_the_owner_does() {
        let observed = |containers| ObservedState { containers, ..ObservedState::default() };
        let mut stack = DesiredStack { name: "web".into(), ..DesiredStack::default() };
        let none = observed(vec![container("other", 9, "5.1.0")]);
        assert_eq!(of(&stack, &Index::new(&none)), Dialect::V2);
        let five = observed(vec![container("web", 1, "2.40.3"), container("web", 2, "5.1.0")]);
        assert_eq!(of(&stack, &Index::new(&five)), Dialect::V5);
        let back = observed(vec![container("web", 3, "2.40.3"), container("web", 2, "5.1.0")]);
        assert_eq!(of(&stack, &Index::new(&back)), Dialect::V2);
        stack.compose_dialect = Some(Dialect::V2);
        assert_eq!(of(&stack, &Index::new(&five)), Dialect::V2);
        stack.compose_dialect = Some(Dialect::V5);
        assert_eq!(of(&stack, &Index::new(&none)), Dialect::V5);
    }
}
