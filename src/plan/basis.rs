//! What a plan was made from, as digests: what tells later that something moved, and what it was.

use crate::model::desired::DesiredState;
use crate::model::hash::ConfigHash;
use crate::model::observed::ObservedState;
use crate::model::step::Plan;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What the stacks of a plan were like on both sides when it was made. Names of services are `stack/service`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Basis {
    /// What is wanted of services.
    pub services: BTreeMap<String, Wanted>,
    /// Hashes of networks and volumes that are wanted, by `network stack/key` and `volume stack/key`.
    pub definitions: BTreeMap<String, String>,
    /// Containers of the stacks, by name.
    pub containers: BTreeMap<String, Standing>,
    /// Ids of the networks that the stacks use, by name.
    pub networks: BTreeMap<String, String>,
    /// Names of the volumes of theirs that are there.
    pub volumes: BTreeSet<String>,
    /// What references of services name: ids of local images, and digests that registries were asked for.
    pub images: BTreeMap<String, String>,
}

/// What is wanted of a service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// Its config hash.
    pub hash: String,
    /// The begins of the digests of contents that count, by name; secrets left out.
    pub contents: BTreeMap<String, String>,
}

/// A container as it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    /// Its id.
    pub id: String,
    /// The image that it was made of.
    pub image: String,
    /// Whether it runs.
    pub up: bool,
    /// The networks that it is attached to.
    pub networks: BTreeSet<String>,
}

/// What a plan was made from, as far as its stacks are concerned.
pub fn basis(desired: &DesiredState, observed: &ObservedState, plan: &Plan) -> Basis {
    let mut basis = Basis::default();
    let is_covered = |stack: &str| plan.changes.contains_key(stack);
    let made: BTreeMap<&str, &str> =
        observed.networks.iter().map(|found| (found.name.as_str(), found.id.as_str())).collect();
    for (stack, wanted) in desired.stacks.iter().filter(|(name, _)| is_covered(name)) {
        for (key, service) in &wanted.services {
            let contents = service.contents.iter().filter(|(name, _)| !name.starts_with("secret "));
            let contents = contents.map(|(name, digest)| (name.clone(), digest.chars().take(12).collect()));
            let own = Wanted { hash: service.hash().0, contents: contents.collect() };
            basis.services.insert(format!("{stack}/{key}"), own);
            basis.add_image(observed, &service.image.reference);
        }
        for (key, network) in &wanted.networks {
            basis.definitions.insert(format!("network {stack}/{key}"), network.hash().0);
            if let Some(id) = made.get(&*network.name) {
                basis.networks.insert(network.name.clone(), (*id).to_owned());
            }
        }
        for (key, volume) in &wanted.volumes {
            basis.definitions.insert(format!("volume {stack}/{key}"), ConfigHash::of(volume).0);
            if observed.volumes.contains_key(&volume.name) {
                basis.volumes.insert(volume.name.clone());
            }
        }
    }
    for found in observed.containers.iter().filter(|found| is_covered(found.stack())) {
        // Runs come and go by the clock, and what Compose runs once is nobody's service.
        if found.service().is_empty() || found.is_oneoff() || found.run().is_some() {
            continue;
        }
        let standing = Standing {
            id: found.id.clone(),
            image: found.image_id.clone(),
            up: found.is_up(),
            networks: found.networks.keys().cloned().collect(),
        };
        basis.containers.insert(found.name.clone(), standing);
    }
    basis
}

impl Basis {
    fn add_image(&mut self, observed: &ObservedState, reference: &str) {
        let local = observed.image(reference).map(|image| image.id.clone());
        let remote = observed.remote_digests.get(reference).and_then(|found| found.clone().ok());
        let told: Vec<String> = [local, remote].into_iter().flatten().collect();
        self.images.insert(reference.to_owned(), told.join(" "));
    }

    /// What is another one in a later basis, a sentence each.
    pub fn moved(&self, now: &Self) -> Vec<String> {
        let mut moved = Vec::new();
        each(&self.services, &now.services, |name, then, now| match (then, now) {
            (Some(then), Some(now)) => moved.extend(service(name, then, now)),
            (None, _) => moved.push(format!("service {name} is new")),
            (_, None) => moved.push(format!("service {name} is gone from the files")),
        });
        each(&self.definitions, &now.definitions, |name, _, _| {
            moved.push(format!("{name} is defined in another way"));
        });
        each(&self.images, &now.images, |name, then, now| {
            if let (Some(then), Some(now)) = (then, now) {
                let what = match (then.as_str(), now.as_str()) {
                    (_, "") => "is not there any more",
                    ("", _) => "is there by now",
                    _ => "is another one now",
                };
                moved.push(format!("image {name} {what}"));
            }
        });
        each(&self.containers, &now.containers, |name, then, now| {
            moved.push(format!("container {name} {}", container(then, now)));
        });
        each(&self.networks, &now.networks, |name, then, now| {
            let what = match (then, now) {
                (Some(_), Some(_)) => "was made anew",
                (None, _) => "was made meanwhile",
                (_, None) => "was removed",
            };
            moved.push(format!("network {name} {what}"));
        });
        for name in self.volumes.symmetric_difference(&now.volumes) {
            let what = if now.volumes.contains(name) { "was made meanwhile" } else { "was removed" };
            moved.push(format!("volume {name} {what}"));
        }
        moved
    }
}

/// Calls for every key whose values differ.
fn each<V: PartialEq>(
    then: &BTreeMap<String, V>,
    now: &BTreeMap<String, V>,
    mut tell: impl FnMut(&str, Option<&V>, Option<&V>),
) {
    let keys: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
    for key in keys {
        let (before, after) = (then.get(key), now.get(key));
        if before != after {
            tell(key, before, after);
        }
    }
}

fn service(name: &str, then: &Wanted, now: &Wanted) -> Vec<String> {
    let mut told = Vec::new();
    each(&then.contents, &now.contents, |content, _, _| {
        let content = content.strip_prefix("bind ").unwrap_or(content);
        told.push(format!("service {name}: contents of {content} changed"));
    });
    if told.is_empty() {
        told.push(format!("service {name} is defined in another way"));
    }
    told
}

fn container(then: Option<&Standing>, now: Option<&Standing>) -> &'static str {
    match (then, now) {
        (None, _) => "was made meanwhile",
        (_, None) => "was removed",
        (Some(then), Some(now)) if then.id != now.id => "is another one now",
        (Some(then), Some(now)) if then.up != now.up => {
            if now.up {
                "was started"
            } else {
                "does not run any more"
            }
        }
        (Some(_), Some(_)) => "is attached to other networks",
    }
}

#[cfg(test)]
mod tests {
    use super::{Basis, Standing, Wanted};

    type Move = fn(&mut Basis);

    fn made() -> Basis {
        let contents = [("bind ./index.html".to_owned(), "a1".to_owned())].into();
        let web = Wanted { hash: "1:aa".into(), contents };
        let standing =
            Standing { id: "c1".into(), image: "i1".into(), up: true, networks: ["front".into()].into() };
        Basis {
            services: [("shop/web".into(), web)].into(),
            definitions: [("network shop/front".into(), "1:bb".into())].into(),
            containers: [("shop-web-1".into(), standing)].into(),
            networks: [("front".into(), "n1".into())].into(),
            volumes: ["data".into()].into(),
            images: [("web:1".into(), "sha256:1".into())].into(),
        }
    }

    #[test]
    fn nothing_moved_if_nothing_did() {
        assert!(made().moved(&made()).is_empty());
    }

    #[test]
    fn whatever_moves_is_named() {
        let cases: [(Move, &str); 10] = [
            (
                |basis| {
                    let web = basis.services.get_mut("shop/web").expect("there");
                    web.hash = "1:cc".into();
                    web.contents.insert("bind ./index.html".into(), "b2".into());
                },
                "service shop/web: contents of ./index.html changed",
            ),
            (
                |basis| basis.services.get_mut("shop/web").expect("there").hash = "1:cc".into(),
                "service shop/web is defined in another way",
            ),
            (|basis| basis.services.clear(), "service shop/web is gone from the files"),
            (|basis| basis.definitions.clear(), "network shop/front is defined in another way"),
            (|basis| basis.containers.clear(), "container shop-web-1 was removed"),
            (
                |basis| basis.containers.get_mut("shop-web-1").expect("there").up = false,
                "container shop-web-1 does not run any more",
            ),
            (
                |basis| basis.containers.get_mut("shop-web-1").expect("there").id = "c2".into(),
                "container shop-web-1 is another one now",
            ),
            (|basis| drop(basis.networks.insert("front".into(), "n2".into())), "network front was made anew"),
            (|basis| basis.volumes.clear(), "volume data was removed"),
            (
                |basis| drop(basis.images.insert("web:1".into(), "sha256:2".into())),
                "image web:1 is another one now",
            ),
        ];
        for (change, told) in cases {
            let mut now = made();
            change(&mut now);
            assert_eq!(made().moved(&now), [told]);
        }
    }
}
