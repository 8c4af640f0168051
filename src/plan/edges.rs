//! Steps under construction: what comes after what, and a way out where wishes contradict each other.

use crate::model::change::Cause;
use crate::model::step::{Action, Step, StepId};
use std::collections::{BTreeMap, BTreeSet};

/// Collects steps. An edge is hard (the step is wrong or unsafe before its predecessor) or soft (it is only better
/// after it). Soft edges that close a circle are dropped: two services that swap a host port cannot both wait for
/// the other to be up. Of those, wishes go before what was asked for.
#[derive(Default)]
pub(super) struct Builder {
    steps: Vec<Step>,
    places: BTreeMap<StepId, usize>,
    soft: Vec<Soft>,
}

/// A soft edge: the later step, the earlier one, and whether it is more than a wish.
type Soft = (usize, StepId, bool);

/// Who a step belongs to.
#[derive(Clone, Copy)]
pub(super) struct Owner<'a> {
    /// Stack.
    pub stack: &'a str,
    /// Service; empty for networks and volumes.
    pub service: &'a str,
}

impl Builder {
    /// Adds a step, unless one of that id is there already, and gives back its id.
    pub fn push(
        &mut self,
        id: impl Into<StepId>,
        owner: Owner,
        action: Action,
        causes: &[Cause],
        after: &[StepId],
    ) -> StepId {
        let id = id.into();
        if !self.places.contains_key(&id) {
            self.places.insert(id.clone(), self.steps.len());
            self.steps.push(Step {
                id: id.clone(),
                stack: owner.stack.to_owned(),
                service: owner.service.to_owned(),
                action,
                causes: causes.to_vec(),
                after: after.to_vec(),
                after_any: Vec::new(),
                tolerance: None,
            });
        }
        id
    }

    /// Whether there is a step of this id.
    pub fn contains(&self, id: &str) -> bool {
        self.places.contains_key(id)
    }

    /// The step of an id.
    pub fn step_of(&self, id: &str) -> Option<&Step> {
        self.places.get(id).and_then(|place| self.steps.get(*place))
    }

    /// The steps so far.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Whether a step comes after another one by hard edges, directly or not.
    pub fn comes_after(&self, id: &str, predecessor: &str) -> bool {
        let (mut open, mut seen) = (vec![id], BTreeSet::from([id]));
        while let Some(id) = open.pop() {
            if id == predecessor {
                return true;
            }
            let before =
                self.step_of(id).into_iter().flat_map(|step| step.after.iter().chain(&step.after_any));
            open.extend(before.map(String::as_str).filter(|before| seen.insert(before)));
        }
        false
    }

    /// A hard edge.
    pub fn after(&mut self, id: &str, predecessor: &str) {
        if let Some(step) = self.step(id).filter(|_| id != predecessor) {
            step.after.push(predecessor.to_owned());
        }
    }

    /// A hard edge that does not mind how the predecessor ends.
    pub fn after_any(&mut self, id: &str, predecessor: &str) {
        if let Some(step) = self.step(id) {
            step.after_any.push(predecessor.to_owned());
        }
    }

    /// Lets a step go on only if at most so many of those fail whose end it merely waits for.
    pub fn tolerate(&mut self, id: &str, failures: usize) {
        if let Some(step) = self.step(id) {
            step.tolerance = Some(failures);
        }
    }

    /// A soft edge that is a wish.
    pub fn rather_after(&mut self, id: &str, predecessor: &str) {
        self.soft_edge(id, predecessor, false);
    }

    /// A soft edge that the owner of the service asked for, or without which there may be no way back.
    pub fn in_turn_after(&mut self, id: &str, predecessor: &str) {
        self.soft_edge(id, predecessor, true);
    }

    fn soft_edge(&mut self, id: &str, predecessor: &str, is_asked: bool) {
        if let Some(place) = self.places.get(id) {
            self.soft.push((*place, predecessor.to_owned(), is_asked));
        }
    }

    fn step(&mut self, id: &str) -> Option<&mut Step> {
        self.places.get(id).and_then(|place| self.steps.get_mut(*place))
    }

    /// The steps in an order that can be walked, each after those it comes after.
    pub fn finish(mut self) -> Vec<Step> {
        let mut graph: Vec<Vec<usize>> = self.steps.iter().map(|step| self.predecessors(step)).collect();
        let mut kept: BTreeMap<usize, Vec<StepId>> = BTreeMap::new();
        for asked in [true, false] {
            for (place, before) in self.without_circles(&graph, asked) {
                graph[place].push(before);
                kept.entry(place).or_default().push(self.steps[before].id.clone());
            }
        }
        for (place, predecessors) in kept {
            self.steps[place].after.extend(predecessors);
        }
        let order = walk(&graph);
        let places = self.places;
        let mut steps: Vec<Option<Step>> = self.steps.into_iter().map(Some).collect();
        let mut sorted: Vec<Step> = order.into_iter().filter_map(|place| steps[place].take()).collect();
        for step in &mut sorted {
            let tidy = |list: &mut Vec<StepId>| {
                let mut seen = BTreeSet::new();
                list.retain(|id| places.contains_key(id) && seen.insert(id.clone()));
                list.sort_by_key(|id| places.get(id).copied());
            };
            tidy(&mut step.after);
            tidy(&mut step.after_any);
            let after = &step.after;
            step.after_any.retain(|id| !after.contains(id));
        }
        sorted
    }

    /// The soft edges of one kind that close no circle with what is settled and with each other. Of what was asked for as little
    /// as possible is given up: edges on circles are added one by one, as long as they close none.
    fn without_circles(&self, settled: &[Vec<usize>], asked: bool) -> Vec<(usize, usize)> {
        let own = self.soft.iter().filter(|(_, _, is_asked)| *is_asked == asked);
        let edges: Vec<(usize, usize)> =
            own.filter_map(|(place, before, _)| Some((*place, *self.places.get(before)?))).collect();
        let mut all = settled.to_vec();
        for (place, before) in &edges {
            all[*place].push(*before);
        }
        let circles = circles(&all);
        let (mut kept, doubtful): (Vec<_>, Vec<_>) =
            edges.into_iter().partition(|(place, before)| circles[*place] != circles[*before]);
        let mut sound = settled.to_vec();
        for (place, before) in doubtful.into_iter().filter(|_| asked) {
            // Whatever closes a circle lies on one of those found.
            let inside = |other: &usize| circles[*other] == circles[place];
            if !leads_to(&sound, (before, place), inside) {
                sound[place].push(before);
                kept.push((place, before));
            }
        }
        kept
    }

    fn predecessors(&self, step: &Step) -> Vec<usize> {
        step.after.iter().chain(&step.after_any).filter_map(|id| self.places.get(id)).copied().collect()
    }
}

/// Whether the second place comes, directly or not, before the first, by way of those that count.
fn leads_to(before: &[Vec<usize>], (from, to): (usize, usize), counts: impl Fn(&usize) -> bool) -> bool {
    let (mut open, mut seen) = (vec![from], BTreeSet::from([from]));
    while let Some(place) = open.pop() {
        if place == to {
            return true;
        }
        open.extend(before[place].iter().filter(|next| counts(next) && seen.insert(**next)));
    }
    false
}

/// Kahn's order, earlier additions first. What lies on a circle of hard edges comes last; the linter tells.
fn walk(before: &[Vec<usize>]) -> Vec<usize> {
    let mut open = vec![0_usize; before.len()];
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); before.len()];
    for (place, predecessors) in before.iter().enumerate() {
        let unique: BTreeSet<usize> = predecessors.iter().copied().collect();
        open[place] = unique.len();
        for predecessor in unique {
            after[predecessor].push(place);
        }
    }
    let mut ready: BTreeSet<usize> = (0..before.len()).filter(|place| open[*place] == 0).collect();
    let mut order = Vec::with_capacity(before.len());
    let mut done = vec![false; before.len()];
    while let Some(place) = ready.pop_first() {
        order.push(place);
        done[place] = true;
        for next in &after[place] {
            open[*next] -= 1;
            if open[*next] == 0 {
                ready.insert(*next);
            }
        }
    }
    order.extend((0..before.len()).filter(|place| !done[*place]));
    order
}

/// Which circle each place lies on: places of one strongly connected part share a number (Tarjan's algorithm with
/// its own stack, because plans are long and call stacks are not).
fn circles(before: &[Vec<usize>]) -> Vec<usize> {
    const NONE: usize = usize::MAX;
    let count = before.len();
    let (mut found, mut low, mut circle) = (vec![NONE; count], vec![0; count], vec![NONE; count]);
    let (mut open, mut calls) = (Vec::new(), Vec::<(usize, usize)>::new());
    let (mut next, mut circles) = (0, 0);
    for root in 0..count {
        if found[root] != NONE {
            continue;
        }
        calls.push((root, 0));
        while let Some((place, edge)) = calls.pop() {
            if edge == 0 {
                (found[place], low[place]) = (next, next);
                next += 1;
                open.push(place);
            }
            if let Some(&target) = before[place].get(edge) {
                calls.push((place, edge + 1));
                if found[target] == NONE {
                    calls.push((target, 0));
                } else if circle[target] == NONE {
                    low[place] = low[place].min(found[target]);
                }
                continue;
            }
            if low[place] == found[place] {
                while let Some(member) = open.pop() {
                    circle[member] = circles;
                    if member == place {
                        break;
                    }
                }
                circles += 1;
            }
            if let Some(&(parent, _)) = calls.last() {
                low[parent] = low[parent].min(low[place]);
            }
        }
    }
    circle
}

#[cfg(test)]
mod tests {
    use super::{Builder, Owner};
    use crate::model::step::{Action, ContainerRef};

    fn add(builder: &mut Builder, id: &str, after: &[&str]) {
        let after: Vec<String> = after.iter().map(ToString::to_string).collect();
        let action = Action::StartContainer(ContainerRef::Name(id.to_owned()));
        builder.push(id, Owner { stack: "s", service: "" }, action, &[], &after);
    }

    fn ids(builder: Builder) -> Vec<String> {
        builder.finish().into_iter().map(|step| format!("{}<{}", step.id, step.after.join(","))).collect()
    }

    #[test]
    fn steps_come_after_their_predecessors() {
        let mut builder = Builder::default();
        add(&mut builder, "c", &["b"]);
        add(&mut builder, "b", &["a"]);
        add(&mut builder, "a", &[]);
        assert_eq!(ids(builder), ["a<", "b<a", "c<b"]);
    }

    #[test]
    fn a_wish_that_closes_a_circle_is_dropped_and_others_stay() {
        let mut builder = Builder::default();
        add(&mut builder, "a", &["b"]);
        add(&mut builder, "b", &[]);
        add(&mut builder, "d", &[]);
        builder.rather_after("b", "a");
        builder.rather_after("d", "a");
        assert_eq!(ids(builder), ["b<", "a<b", "d<a"]);
    }

    #[test]
    fn of_edges_that_contradict_each_other_the_wish_goes() {
        let mut builder = Builder::default();
        add(&mut builder, "a", &[]);
        add(&mut builder, "b", &[]);
        builder.rather_after("a", "b");
        builder.in_turn_after("b", "a");
        assert_eq!(ids(builder), ["a<", "b<a"]);
    }

    #[test]
    fn of_what_was_asked_for_only_that_is_given_up_which_cannot_be() {
        let mut builder = Builder::default();
        add(&mut builder, "stop", &[]);
        add(&mut builder, "network", &["stop"]);
        add(&mut builder, "first", &["network"]);
        add(&mut builder, "second", &[]);
        add(&mut builder, "last", &["second"]);
        // Kept, although it lies on the circle that the next one closes.
        builder.in_turn_after("second", "first");
        builder.in_turn_after("stop", "last");
        assert_eq!(ids(builder), ["stop<", "network<stop", "first<network", "second<first", "last<second"]);
    }
}
