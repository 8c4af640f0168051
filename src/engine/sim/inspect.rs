//! What the simulated engine shows of a container's configuration: what it was created with.

use super::World;
use crate::model::hash::digest;
use crate::model::inspected::{EngineDefaults, Inspected, InspectedFile, LookInto};
use crate::model::labels;
use crate::model::observed::ObservedState;
use crate::wire::{self, Surroundings};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Looks into every container that is not ours, which costs nothing in memory, and into those of ours that are asked for.
pub(super) fn fill(world: &World, wanted: &[LookInto], observed: &mut ObservedState) {
    observed.defaults = EngineDefaults {
        cgroup_version: "2".to_owned(),
        log_driver: "json-file".to_owned(),
        runtime: "runc".to_owned(),
    };
    let is_wanted = |id: &str| wanted.iter().any(|one| one.id == id);
    let shown = world
        .containers
        .iter()
        .filter(|(id, found)| !found.observed.labels.contains_key(labels::HASH) || is_wanted(id));
    for (id, found) in shown {
        let around = Surroundings {
            api: world.engine.api,
            proxies: &BTreeMap::new(),
            security_opt: &found.spec.spec.security_opt,
        };
        let Ok((mut config, _)) = wire::create_body(&found.spec, &around) else { continue };
        config["Labels"] = json!(found.observed.labels);
        let mut take = |key: &str| config.as_object_mut().and_then(|all| all.remove(key)).unwrap_or_default();
        let host = take("HostConfig");
        let networks = take("NetworkingConfig")["EndpointsConfig"].take();
        let mut all = json!({"Config": config, "HostConfig": host, "Networks": networks});
        for (pointer, value) in &found.configured {
            set(&mut all, pointer, value);
        }
        let files = found.files.iter().map(|(path, bytes)| {
            (path.clone(), Some(InspectedFile { digest: digest(bytes), mode: 0o444, uid: 0, gid: 0 }))
        });
        let inspected = Inspected {
            config: all["Config"].take(),
            host: all["HostConfig"].take(),
            networks: all["Networks"].take(),
            image: Some(json!({})),
            started: found.observed.created.saturating_mul(1_000_000_000),
            files: files.collect(),
            modified: found.modified.clone(),
            ..Inspected::default()
        };
        observed.inspected.insert(id.clone(), inspected);
    }
}

/// Sets a field, those above it too.
fn set(all: &mut Value, pointer: &str, value: &Value) {
    let mut place = all;
    for key in pointer.trim_start_matches('/').split('/') {
        if place.is_null() {
            *place = json!({});
        }
        place = &mut place[key];
    }
    *place = value.clone();
}
