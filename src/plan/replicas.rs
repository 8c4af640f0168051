//! Matching a service's containers with its replicas: per number one that stays or is made, the others go.

use super::index::{is_of_source, is_ours};
use super::instances::{Instance, Judge, Kick};
use super::order;
use crate::model::change::{Cause, CauseKind};
use crate::model::labels;
use crate::model::observed::{ContainerState, ObservedContainer};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// The replicas of a service.
#[derive(Debug, Default)]
pub(super) struct Replicas<'a> {
    /// Those that are wanted, by number.
    pub instances: Vec<Instance<'a>>,
    /// Containers of numbers that are not.
    pub gone: Vec<&'a ObservedContainer>,
    /// Why there are more or fewer.
    pub scale: Option<Cause>,
    /// Somebody else's containers under this project and service.
    pub taken: Vec<Cause>,
    /// What is worth knowing.
    pub warnings: Vec<String>,
}

/// A candidate with why it cannot stay.
type Judged<'a> = (&'a ObservedContainer, Vec<Cause>);

/// Decides for all replicas of a service.
pub(super) fn decide<'a>(judge: &Judge<'a, '_>) -> Replicas<'a> {
    let mut replicas = Replicas::default();
    let mut numbers: BTreeMap<u32, Vec<Judged<'a>>> = BTreeMap::new();
    for container in candidates(judge, &mut replicas) {
        numbers.entry(container.number()).or_default().push((container, judge.verdict(container)));
    }
    let standing = numbers.len();
    let wanted = usize::try_from(judge.service.replicas).unwrap_or(usize::MAX);
    if standing > wanted {
        // What is out of date goes first, then the highest numbers.
        let mut by_worth: Vec<u32> = numbers.keys().copied().collect();
        by_worth
            .sort_by_key(|number| (!numbers[number].iter().any(|(_, causes)| causes.is_empty()), *number));
        for number in &by_worth[wanted..] {
            let containers = numbers.remove(number).unwrap_or_default();
            replicas.gone.extend(containers.into_iter().map(|(container, _)| container));
        }
    }
    if standing > 0 && standing != wanted {
        let cause = Cause::new(CauseKind::Scale, "replicas");
        replicas.scale = Some(cause.values(Some(standing.to_string()), Some(wanted.to_string())));
    }
    if judge.service.timetable.is_none() {
        replicas.gone.extend(judge.context.index.runs(&judge.stack.name, judge.key));
    }
    let free = (1..).filter(|number| !numbers.contains_key(number));
    let missing: Vec<u32> = free.take(wanted.saturating_sub(standing)).collect();
    let mut instances: Vec<Instance> =
        numbers.into_iter().map(|(number, judged)| existing(judge, number, judged)).collect();
    instances.extend(missing.into_iter().map(|number| absent(judge, number, replicas.scale.as_ref())));
    instances.sort_by_key(|instance| instance.number);
    replicas.instances = instances;
    replicas
}

/// The containers that count as this service's: ours, and those of a `docker compose` run in the same directory.
fn candidates<'a>(judge: &Judge<'a, '_>, replicas: &mut Replicas<'a>) -> Vec<&'a ObservedContainer> {
    let source = &judge.context.desired.source;
    let mut found = Vec::new();
    for container in judge.context.index.service(&judge.stack.name, judge.key) {
        if is_ours(&container.labels) {
            if !is_of_source(&container.labels, source) {
                replicas.warnings.push(format!(
                    "{} was made from another source, {}; this one takes it over",
                    container.name,
                    container.label(labels::SOURCE)
                ));
            }
        } else if container.label(labels::WORKING_DIR) != judge.stack.working_dir {
            let owner = match container.label(labels::WORKING_DIR) {
                "" => "made by another tool".to_owned(),
                directory => format!("belongs to the project of the same name in {directory}"),
            };
            replicas.taken.push(Cause::new(CauseKind::NameTaken, &container.name).values(Some(owner), None));
            continue;
        }
        if container.number() > 0 {
            found.push(*container);
        }
    }
    found
}

fn absent<'a>(judge: &Judge<'a, '_>, number: u32, scale: Option<&Cause>) -> Instance<'a> {
    let name = judge.name(number);
    let cause = scale.cloned().unwrap_or_else(|| Cause::new(CauseKind::Missing, &name));
    Instance {
        number,
        name,
        keep: None,
        kick: Kick::None,
        hooks_missed: false,
        rest: Vec::new(),
        start_first: false,
        back_first: false,
        causes: vec![cause],
    }
}

fn existing<'a>(judge: &Judge<'a, '_>, number: u32, judged: Vec<Judged<'a>>) -> Instance<'a> {
    let name = judge.name(number);
    let is_final = |container: &ObservedContainer| container.name == name;
    // What served and is wanted again needs nothing but a start, whatever its successor waits for. Where it is bound to another
    // container, the newest is most likely bound to the one that stands.
    let is_bound = !order::parents(&judge.service.spec).is_empty();
    let served = |container: &ObservedContainer| !is_bound && container.state != ContainerState::Created;
    let best = judged
        .iter()
        .filter(|(_, causes)| causes.is_empty())
        .max_by_key(|(container, _)| {
            let age = (container.created, &container.name);
            (served(container), is_final(container), container.is_up(), age)
        })
        .map(|(container, _)| *container);
    let mut rest: Vec<Judged> =
        judged.into_iter().filter(|(container, _)| best.is_none_or(|best| best.id != container.id)).collect();
    // First the one that it takes over from: one that runs, else one that did, rather under the final name.
    rest.sort_by_key(|(container, _)| {
        let never_ran = container.state == ContainerState::Created;
        let age = Reverse(container.created);
        (!container.is_up(), never_ran, !is_final(container), age, container.name.clone())
    });
    let (kick, mut causes) = match best {
        Some(kept) => {
            let (kick, cause) = judge.kick(kept);
            (kick, cause.into_iter().collect())
        }
        None => (Kick::None, rest.first().map(|(_, causes)| causes.clone()).unwrap_or_default()),
    };
    if let Some(kept) = best.filter(|kept| !is_final(kept)) {
        let cause = Cause::new(CauseKind::Leftover, &kept.name);
        causes.push(cause.values(Some(kept.name.clone()), Some(name.clone())));
    }
    let leftovers = usize::from(best.is_none());
    let is_leftover = rest.iter().skip(leftovers).map(|(container, _)| container);
    causes.extend(is_leftover.map(|container| Cause::new(CauseKind::Leftover, &container.name)));
    let previous = format!("{name}.prev");
    let hooks_missed = best.is_some_and(ObservedContainer::is_up)
        && rest.iter().any(|(container, _)| container.name == previous)
        && !judge.service.spec.post_start.is_empty();
    let rest = rest.into_iter().map(|(container, _)| container).collect();
    Instance {
        number,
        name,
        keep: best,
        kick,
        hooks_missed,
        rest,
        start_first: false,
        back_first: false,
        causes,
    }
}
