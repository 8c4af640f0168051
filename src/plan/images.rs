//! Which images have to be pulled or built, once per reference for all stacks together.

use super::index::Index;
use super::{Policy, adopt};
use crate::model::change::{Cause, CauseKind};
use crate::model::desired::{BuildSpec, DesiredService, DesiredStack, DesiredState, PullPolicy};
use crate::model::labels;
use crate::model::observed::{ObservedContainer, ObservedImage, ObservedState, normalize_reference};
use crate::model::platform;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What becomes of one image.
#[derive(Debug)]
pub(super) struct ImageFate {
    /// Reference as written by the first service that uses it.
    pub reference: String,
    /// How it gets there, if it has to.
    pub step: Option<ImageStep>,
    /// Whether it comes out of a build, be it one that was done before.
    pub is_built: bool,
    /// Id that the reference names now.
    pub id: Option<String>,
    /// Why containers of it are replaced although they are made of `id`.
    pub cause: Option<Cause>,
    /// Containers younger than this many seconds do not follow the tag yet.
    pub period: i64,
    /// Why it cannot be had.
    pub blocked: Option<Cause>,
    /// What is worth knowing.
    pub warning: Option<String>,
}

/// How an image gets there.
#[derive(Debug)]
pub(super) enum ImageStep {
    /// Pulled, for a platform; empty is the engine's own.
    Pull(String),
    /// Built.
    Build(Arc<BuildSpec>),
}

/// All images, by normalised reference.
#[derive(Debug, Default)]
pub(super) struct Images(BTreeMap<String, ImageFate>);

impl Images {
    /// Decides for every image of the stacks that are looked at.
    pub fn decide(desired: &DesiredState, index: &Index, policy: &Policy) -> Self {
        let observed = index.observed;
        let covered = desired.stacks.values().filter(|stack| policy.covers(&stack.name));
        let mut users: BTreeMap<String, Vec<User>> = BTreeMap::new();
        let mut mounted: Vec<&str> = Vec::new();
        for (stack, key, service) in covered.flat_map(services_of) {
            users
                .entry(normalize_reference(&service.image.reference))
                .or_default()
                .push((stack, key, service));
            mounted.extend(mounted_images(service));
        }
        let mut fates: BTreeMap<String, ImageFate> =
            users.into_iter().map(|(reference, users)| (reference, decide(&users, index))).collect();
        for reference in mounted {
            fates.entry(normalize_reference(reference)).or_insert_with(|| {
                let local = observed.image(reference);
                let step = local.is_none().then(|| ImageStep::Pull(String::new()));
                ImageFate { step, ..fate(reference, local) }
            });
        }
        Self(fates)
    }

    /// What becomes of a reference's image.
    pub fn get(&self, reference: &str) -> Option<&ImageFate> {
        self.0.get(&normalize_reference(reference))
    }

    /// What becomes of all images that a service needs: its own and those it mounts.
    pub fn of_service<'a>(&'a self, service: &'a DesiredService) -> impl Iterator<Item = &'a ImageFate> {
        let all = std::iter::once(service.image.reference.as_str()).chain(mounted_images(service));
        all.filter_map(|reference| self.get(reference))
    }
}

impl ImageFate {
    /// Why a container is not made of the image that it should be made of.
    pub fn cause_for(&self, container: &ObservedContainer, now: i64) -> Option<Cause> {
        if let Some(cause) = &self.cause
            && now.saturating_sub(container.created) >= self.period
        {
            return Some(cause.clone());
        }
        let id = self.id.as_ref()?;
        if container.image_id.is_empty() || container.image_id == *id {
            return None;
        }
        let cause = Cause::new(CauseKind::Image, &self.reference);
        Some(cause.values(Some(short(&container.image_id)), Some(short(id))))
    }

    /// Id of the step that gets it.
    pub fn step_id(&self) -> Option<String> {
        let reference = &self.reference;
        Some(match self.step.as_ref()? {
            ImageStep::Pull(_) => format!("image/{reference}/pull"),
            ImageStep::Build(_) => format!("image/{reference}/build"),
        })
    }
}

/// A service that uses an image, with its stack and key.
type User<'a> = (&'a DesiredStack, &'a str, &'a DesiredService);

fn services_of(stack: &DesiredStack) -> impl Iterator<Item = User<'_>> {
    stack.services.iter().map(move |(key, service)| (stack, key.as_str(), &**service))
}

fn mounted_images(service: &DesiredService) -> impl Iterator<Item = &str> {
    let mounts =
        service.spec.volumes.iter().filter(|mount| mount.kind == "image" && !mount.source.is_empty());
    mounts.map(|mount| mount.source.as_str())
}

fn fate(reference: &str, local: Option<&ObservedImage>) -> ImageFate {
    ImageFate {
        reference: reference.to_owned(),
        step: None,
        is_built: false,
        id: local.map(|image| image.id.clone()),
        cause: None,
        period: 0,
        blocked: None,
        warning: None,
    }
}

/// Services that share a reference share its image, so a build by one or the eagerest pull policy counts for all.
fn decide(users: &[User], index: &Index) -> ImageFate {
    let observed = index.observed;
    let services: Vec<&DesiredService> = users.iter().map(|(_, _, service)| *service).collect();
    let source = &services[0].image;
    let wanted = services.iter().map(|service| &service.image.platform).find(|platform| !platform.is_empty());
    let has = observed.platforms.get(&source.reference).zip(wanted);
    let other = has.filter(|(has, wanted)| !platform::serves(has, wanted)).map(|(has, _)| has);
    // Reference: docker compose 2.40 counts an image of another platform as absent.
    let local = observed.image(&source.reference).filter(|_| other.is_none());
    let mut fate = fate(&source.reference, local);
    let built_for =
        users.iter().find_map(|(stack, key, service)| Some((service.image.build.as_ref()?, (*stack, *key))));
    if let Some((build, owner)) = built_for {
        fate.is_built = true;
        let built = local.and_then(|image| image.labels.get(labels::BUILD));
        let is_adopted = local.is_some_and(|image| adopt::build_is_current(image, owner, index));
        if built != Some(&build.digest) && !is_adopted {
            let old = local.map(|_| built.map_or_else(|| "unknown".to_owned(), |digest| short(digest)));
            let cause = Cause::new(CauseKind::BuildInputs, &source.reference);
            fate.cause = Some(cause.values(old, Some(short(&build.digest))));
            fate.step = Some(ImageStep::Build(Arc::clone(build)));
        }
        return fate;
    }
    let pulls = services.iter().map(|service| service.image.pull);
    let eagerest = pulls.min_by_key(|pull| eagerness(*pull)).unwrap_or_default();
    if let PullPolicy::Every(period) = eagerest {
        fate.period = period.whole_seconds();
    }
    match (eagerest, local) {
        (PullPolicy::Never | PullPolicy::Build, None) => {
            let why = "is not on the engine, and its pull policy forbids to fetch it";
            let cause = Cause::new(CauseKind::Missing, &source.reference);
            let old = other.map(|has| format!("an image for {has}"));
            let of = wanted
                .filter(|_| other.is_some())
                .map_or(String::new(), |wanted| format!("for {wanted} it "));
            fate.blocked = Some(cause.values(old, Some(format!("{of}{why}"))));
        }
        (PullPolicy::Always | PullPolicy::Every(_) | PullPolicy::Missing, None) => {
            fate.step = Some(ImageStep::Pull(String::new()));
        }
        (PullPolicy::Always | PullPolicy::Every(_), Some(local)) => follow_tag(&mut fate, local, observed),
        (PullPolicy::Never | PullPolicy::Build | PullPolicy::Missing, Some(_)) => {}
    }
    if let Some(ImageStep::Pull(platform)) = &mut fate.step {
        platform.clone_from(wanted.unwrap_or(&source.platform));
    }
    fate
}

/// Lower is eagerer.
const fn eagerness(pull: PullPolicy) -> i64 {
    match pull {
        PullPolicy::Always => -1,
        PullPolicy::Every(period) => period.0,
        PullPolicy::Missing => i64::MAX - 2,
        PullPolicy::Build => i64::MAX - 1,
        PullPolicy::Never => i64::MAX,
    }
}

fn follow_tag(fate: &mut ImageFate, local: &ObservedImage, observed: &ObservedState) {
    match observed.remote_digests.get(&fate.reference) {
        None => {}
        // An outage is no change: what is there goes on.
        Some(Err(reason)) => {
            let reference = &fate.reference;
            fate.warning =
                Some(format!("the registry was not asked whether `{reference}` is up to date: {reason}"));
        }
        Some(Ok(remote)) => {
            let mut known =
                local.digests.iter().filter_map(|name| name.split_once('@')).map(|(_, digest)| digest);
            if known.clone().any(|digest| digest == remote) {
                return;
            }
            let cause = Cause::new(CauseKind::Image, &fate.reference);
            fate.cause = Some(cause.values(known.next().map(short), Some(short(remote))));
            fate.step = Some(ImageStep::Pull(String::new()));
        }
    }
}

/// Twelve hex digits, for people.
fn short(digest: &str) -> String {
    digest.strip_prefix("sha256:").unwrap_or(digest).chars().take(12).collect()
}
