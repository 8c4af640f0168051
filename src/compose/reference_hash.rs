//! The hashes that `docker compose` writes on containers, networks and volumes (`com.docker.compose.config-hash`).
//!
//! They are reproduced so that `docker compose up` recognises as unchanged what this program made. There are two dialects,
//! those of docker compose 2.40 and 5; earlier versions differ from both (2.29 hashes `depends_on`). What is said about 5 was
//! read in its source, up to 5.5.0.

use super::attributes::{NETWORK, Object, SERVICE, VOLUME};
use super::canonical::without_extensions;
use super::render::compact;
use crate::model::compose_hash::{ComposeHash, Dialect, InDialects};
use crate::model::service::Pairs;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// The hash of a canonical service.
///
/// Reference: `build`, `pull_policy`, `scale`, `deploy.replicas`, `depends_on`, `profiles` and `x-` keys do
/// not count; a required env file counts as its path.
pub fn service_hash(service: &Map<String, Value>) -> String {
    digest(hashed_part(service))
}

const MAKE_PATH: &str = "create_host_path";

/// Stands for a container's id until that is known. The character is one of those for private use.
const HOLE: char = '\u{f8ff}';

/// What the canonical form of a service has no more, and a hash covers.
#[derive(Debug, Clone, Default)]
pub struct Beside {
    /// Absolute paths of its label files.
    pub label_files: Vec<String>,
    /// Targets of the bind mounts that say `create_host_path: false`.
    pub unmade_binds: BTreeSet<String>,
}

/// The hashes of a canonical service as it stands on its containers. Beyond [`service_hash`] they cover the absolute paths of
/// label files, and the ids of the containers that the service shares namespaces and volumes with.
pub fn container_hashes(service: &Map<String, Value>, beside: &Beside) -> InDialects<ComposeHash> {
    let mut hashed = hashed_part(service);
    if !beside.label_files.is_empty() {
        hashed.insert("label_file".to_owned(), json!(beside.label_files));
        hashed = in_order(&SERVICE, hashed);
    }
    // Most services have no bind mount, and then one hash does for both.
    let newer = has_bind(&hashed).then(|| {
        let mut newer = hashed.clone();
        say_unmade_binds(&mut newer, &beside.unmade_binds);
        hash_of_parents(newer)
    });
    let v2 = hash_of_parents(hashed);
    InDialects { v5: newer.unwrap_or_else(|| v2.clone()), v2 }
}

fn hash_of_parents(mut hashed: Map<String, Value>) -> ComposeHash {
    let parents = cut_out_parents(&mut hashed);
    let text = compact(&Value::Object(hashed));
    let texts: Vec<String> = text.split(HOLE).map(str::to_owned).collect();
    if parents.is_empty() || texts.len() != parents.len() + 1 {
        return ComposeHash::Fixed(crate::model::hash::digest(text.as_bytes()));
    }
    ComposeHash::OfParents { texts, parents }
}

fn has_bind(hashed: &Map<String, Value>) -> bool {
    let mounts = hashed.get("volumes").and_then(Value::as_array);
    mounts.into_iter().flatten().any(|mount| mount.get("bind").is_some())
}

/// Reference: docker compose 5 makes a missing host path unless told otherwise, and prints only that it is told.
fn say_unmade_binds(hashed: &mut Map<String, Value>, unmade: &BTreeSet<String>) {
    for mount in hashed.get_mut("volumes").and_then(Value::as_array_mut).into_iter().flatten() {
        let target = mount.get("target").and_then(Value::as_str).unwrap_or_default();
        let is_unmade = unmade.contains(target);
        if let Some(bind) = mount.get_mut("bind").and_then(Value::as_object_mut) {
            bind.shift_remove(MAKE_PATH);
            if is_unmade {
                bind.insert(MAKE_PATH.to_owned(), json!(false));
                // The last key of the four.
                if let Some(recursive) = bind.shift_remove("recursive") {
                    bind.insert("recursive".to_owned(), recursive);
                }
            }
        }
    }
}

/// Puts a hole in place of every service that is meant for its container, in the order of the hashed text.
fn cut_out_parents(hashed: &mut Map<String, Value>) -> Vec<String> {
    let mut parents = Vec::new();
    for (key, value) in hashed {
        match (key.as_str(), value) {
            ("network_mode" | "ipc" | "pid", Value::String(mode)) => {
                if let Some(parent) = mode.strip_prefix("service:") {
                    parents.push(parent.to_owned());
                    *mode = format!("container:{HOLE}");
                }
            }
            // Reference: docker compose 2.40 drops the mode.
            ("volumes_from", Value::Array(entries)) => {
                for entry in entries.iter_mut() {
                    let written = entry.as_str().unwrap_or_default();
                    *entry = if let Some(container) = written.strip_prefix("container:") {
                        json!(container.split(':').next())
                    } else {
                        parents.push(written.split(':').next().unwrap_or_default().to_owned());
                        json!(HOLE)
                    };
                }
            }
            _ => {}
        }
    }
    parents
}

fn hashed_part(service: &Map<String, Value>) -> Map<String, Value> {
    let mut hashed = without_extensions(&SERVICE, service);
    for key in ["build", "pull_policy", "scale", "depends_on", "profiles"] {
        hashed.shift_remove(key);
    }
    if let Some(deploy) = hashed.get_mut("deploy").and_then(Value::as_object_mut) {
        deploy.shift_remove("replicas");
    }
    if let Some(files) = hashed.get_mut("env_file").and_then(Value::as_array_mut) {
        files.iter_mut().for_each(shorten_env_file);
    }
    hashed
}

fn shorten_env_file(file: &mut Value) {
    if file["required"] == json!(true) {
        *file = file["path"].take();
    }
}

/// The hash of a canonical network. `ipam_options` are those that the file gives to its address management: docker compose
/// 2.40 drops them.
pub fn network_hash(network: &Map<String, Value>, ipam_options: &Pairs, dialect: Dialect) -> String {
    let mut hashed = without_extensions(&NETWORK, network);
    if dialect == Dialect::V5
        && !ipam_options.is_empty()
        && let Some(ipam) = hashed.get_mut("ipam").and_then(Value::as_object_mut)
    {
        ipam.insert("options".to_owned(), json!(ipam_options));
    }
    digest(hashed)
}

/// The hash of a canonical volume, in all dialects. Reference: a volume without driver is hashed as one of `local`.
pub fn volume_hash(volume: &Map<String, Value>) -> String {
    let mut given = without_extensions(&VOLUME, volume);
    given.entry("driver").or_insert_with(|| json!("local"));
    digest(in_order(&VOLUME, given))
}

fn in_order(object: &Object, mut map: Map<String, Value>) -> Map<String, Value> {
    let fields = object.fields.iter();
    fields.filter_map(|field| Some((field.json.to_owned(), map.shift_remove(field.json)?))).collect()
}

fn digest(map: Map<String, Value>) -> String {
    hex::encode(Sha256::digest(compact(&Value::Object(map))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(text: &str) -> Map<String, Value> {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_minimal_service_hashes_like_the_reference() {
        let text = r#"{"command":null,"entrypoint":null,"image":"spec-img:1","networks":{"default":null}}"#;
        let hash = "0e58971dd61b460e8cf005c675ac6d62c547562fe7f6377de9701542f8cbfb8f";
        assert_eq!(service_hash(&object(text)), hash);
        let text = r#"{"profiles":["a"],"build":{"context":"/x"},"command":null,"depends_on":{"b":{}},"entrypoint":null,
            "image":"spec-img:1","networks":{"default":null},"pull_policy":"always","scale":3,"x-note":"n"}"#;
        assert_eq!(service_hash(&object(text)), hash);
    }

    #[test]
    fn label_files_and_parents_count_on_containers() {
        let plain = object(r#"{"command":null,"image":"a","labels":{"a":"b"},"networks":{}}"#);
        let [none, file] =
            [vec![], vec!["/l".to_owned()]].map(|label_files| Beside { label_files, ..Beside::default() });
        let hash = |text: &Map<String, Value>, beside| container_hashes(text, beside).v2;
        assert_eq!(hash(&plain, &none), ComposeHash::Fixed(service_hash(&plain)));
        let text = r#"{"command":null,"image":"a","labels":{"a":"b"},"label_file":["/l"],"networks":{}}"#;
        let wanted = ComposeHash::Fixed(crate::model::hash::digest(text.as_bytes()));
        assert_eq!(hash(&plain, &file), wanted);

        let text = r#"{"command":null,"image":"a","network_mode":"service:n","pid":"host",
            "volumes_from":["v:ro","container:c:ro"]}"#;
        let found = hash(&object(text), &none).given(|key| Some(format!("id-of-{key}")));
        let text = r#"{"command":null,"image":"a","network_mode":"container:id-of-n","pid":"host","volumes_from":["id-of-v","c"]}"#;
        assert_eq!(found, Some(crate::model::hash::digest(text.as_bytes())));
    }

    /// Facts about docker compose 5 from its source: no program of it was at hand to ask.
    #[test]
    fn in_the_dialect_of_5_a_bind_says_only_that_no_path_is_made() {
        let service = object(
            r#"{"command":null,"image":"a","volumes":[
                {"type":"bind","source":"/s","target":"/short","bind":{"create_host_path":true}},
                {"type":"bind","source":"/s","target":"/plain"},
                {"type":"bind","source":"/s","target":"/long","read_only":true,"bind":{"propagation":"rslave","recursive":"disabled"}},
                {"type":"bind","source":"/s","target":"/unmade","bind":{"propagation":"rslave","recursive":"disabled"}},
                {"type":"volume","source":"v","target":"/v","volume":{}}]}"#,
        );
        let beside = Beside { unmade_binds: ["/unmade".to_owned()].into(), ..Beside::default() };
        let wanted = concat!(
            r#"{"command":null,"image":"a","volumes":["#,
            r#"{"type":"bind","source":"/s","target":"/short","bind":{}},"#,
            r#"{"type":"bind","source":"/s","target":"/plain"},"#,
            r#"{"type":"bind","source":"/s","target":"/long","read_only":true,"bind":{"propagation":"rslave","recursive":"disabled"}},"#,
            r#"{"type":"bind","source":"/s","target":"/unmade","bind":{"propagation":"rslave","create_host_path":false,"recursive":"disabled"}},"#,
            r#"{"type":"volume","source":"v","target":"/v","volume":{}}]}"#
        );
        let found = container_hashes(&service, &beside);
        assert_eq!(found.v5, ComposeHash::Fixed(crate::model::hash::digest(wanted.as_bytes())));
        assert_eq!(found.v2, ComposeHash::Fixed(service_hash(&service)));
        let plain = object(r#"{"command":null,"image":"a","networks":{"default":null}}"#);
        let found = container_hashes(&plain, &beside);
        assert_eq!(found.v2, found.v5);
    }

    #[test]
    fn in_the_dialect_of_5_options_of_address_management_count() {
        let network = object(r#"{"name":"n","ipam":{"config":[{"subnet":"10.0.0.0/24"}]},"internal":true}"#);
        let options = Pairs::from([("b".to_owned(), "2".to_owned()), ("a".to_owned(), "1".to_owned())]);
        let wanted = r#"{"name":"n","ipam":{"config":[{"subnet":"10.0.0.0/24"}],"options":{"a":"1","b":"2"}},"internal":true}"#;
        let hash = |options, dialect| network_hash(&network, options, dialect);
        assert_eq!(hash(&options, Dialect::V5), crate::model::hash::digest(wanted.as_bytes()));
        assert_eq!(hash(&options, Dialect::V2), hash(&Pairs::new(), Dialect::V5));
    }

    fn network_hash_of(text: &str) -> String {
        network_hash(&object(text), &Pairs::new(), Dialect::V2)
    }

    #[test]
    fn networks_hash_like_the_reference() {
        assert_eq!(
            network_hash_of(r#"{"name":"spec-hash_default","ipam":{}}"#),
            "294a55969d6417f30819ea60be2ea760d28fb4c1fdf54d22884d8f73535a248e"
        );
        let text = r#"{"name":"spec-hash_n2","driver":"bridge","driver_opts":{"com.docker.network.bridge.enable_icc":"true"},
            "ipam":{"config":[{"subnet":"10.213.0.0/24"}]},"labels":{"k":"v"}}"#;
        assert_eq!(network_hash_of(text), "5bb4ec99b63d42e9e0adaa7a7d86fa594ead475e4cd619683d93ea7a2bc52333");
    }

    #[test]
    fn a_volume_without_driver_hashes_as_local() {
        let hash = "8e3fc93d2e0ccb1f6b80398146a428f9686091089e5cb5643396b09937b974ad";
        assert_eq!(volume_hash(&object(r#"{"name":"spec-hash_vol"}"#)), hash);
        assert_eq!(volume_hash(&object(r#"{"name":"spec-hash_vol","driver":"local"}"#)), hash);
    }

    #[test]
    fn a_rich_service_hashes_like_the_reference() {
        assert_eq!(
            service_hash(&object(include_str!("reference_hash/rich_service.json"))),
            "8040a20768caa719d75ffd02747ebe8a7f75b6c1d7801b71f0f078f76d500d90"
        );
    }
}
