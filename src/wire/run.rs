//! The container of a run in the words of the engine's API: what an inspection shows of the container of its service, with
//! another name and other labels.
//!
//! An inspection holds all that a container was created with, the image's share filled in. The image is the same, so giving it
//! back changes nothing.

use crate::model::service::Pairs;
use serde_json::{Map, Value, json};

/// Engines from this version on take all networks of a container at its creation.
const ALL_ENDPOINTS: (u32, u32) = (1, 44);
/// What of an endpoint is asked for, and not merely told.
const ENDPOINT: [&str; 5] = ["IPAMConfig", "Links", "Aliases", "DriverOpts", "GwPriority"];

/// The creation of a run.
#[derive(Debug, Default)]
pub(crate) struct RunBody {
    /// The body.
    pub body: Value,
    /// Networks to connect it to afterwards, with the settings.
    pub connects: Vec<(String, Value)>,
}

/// The run of a job, made of the inspection of its service's container.
pub(crate) fn run_body(found: &Value, (image, labels): (&str, &Pairs), api: (u32, u32)) -> RunBody {
    let id = found["Id"].as_str().unwrap_or_default();
    let short = id.get(..12).unwrap_or(id);
    let mut body = object(&found["Config"]);
    // Left to the engine, the name is the container's own id.
    if body.get("Hostname").and_then(Value::as_str) == Some(short) {
        body.remove("Hostname");
    }
    body.insert("Image".to_owned(), Value::from(image));
    body.insert("Labels".to_owned(), json!(labels));
    let mut host = object(&found["HostConfig"]);
    links(&mut host);
    plain_ulimits(&mut host);
    volumes(&mut host, &found["Mounts"]);
    let mode = host.get("NetworkMode").and_then(Value::as_str).unwrap_or_default().to_owned();
    body.insert("HostConfig".to_owned(), Value::Object(host));
    let mut endpoints = Map::new();
    let mut connects = Vec::new();
    let never_ran = found["State"]["Status"] == "created";
    for (name, settings) in object(&found["NetworkSettings"]["Networks"]) {
        if matches!(&*mode, "none" | "host") || mode.starts_with("container:") {
            break;
        }
        let settings = endpoint(&settings, short, never_ran);
        if api >= ALL_ENDPOINTS || name == mode {
            endpoints.insert(name, settings);
        } else {
            connects.push((name, settings));
        }
    }
    body.insert("NetworkingConfig".to_owned(), json!({"EndpointsConfig": endpoints}));
    RunBody { body: Value::Object(body), connects }
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

/// An inspection shows `/db:/job/alias` where `db:alias` was asked for.
fn links(host: &mut Map<String, Value>) {
    for link in host.get_mut("Links").and_then(Value::as_array_mut).into_iter().flatten() {
        let text = link.as_str().unwrap_or_default();
        if let Some((target, alias)) = text.split_once(':') {
            let alias = alias.rsplit('/').next().unwrap_or(alias);
            *link = Value::from(format!("{}:{alias}", target.trim_start_matches('/')));
        }
    }
}

/// Podman 4 shows `RLIMIT_NOFILE` where `nofile` was asked for, and takes that alone.
pub(crate) fn plain_ulimits(host: &mut Map<String, Value>) {
    for limit in host.get_mut("Ulimits").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(name) = limit["Name"].as_str().and_then(|name| name.strip_prefix("RLIMIT_")) {
            limit["Name"] = Value::from(name.to_ascii_lowercase());
        }
    }
}

/// Gives it the volumes that the engine made without a name of their own.
fn volumes(host: &mut Map<String, Value>, mounts: &Value) {
    let mut added = Vec::new();
    for mount in mounts.as_array().into_iter().flatten().filter(|mount| mount["Type"] == "volume") {
        let (Some(name), Some(target)) = (mount["Name"].as_str(), mount["Destination"].as_str()) else {
            continue;
        };
        let is_bound =
            |bind: &Value| bind.as_str().is_some_and(|bind| bind.split(':').nth(1) == Some(target));
        let list = |key: &str| host.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
        if list("Binds").iter().any(is_bound) {
            continue;
        }
        let own = host.get_mut("Mounts").and_then(Value::as_array_mut).into_iter().flatten();
        match own.filter(|own| own["Target"] == target).last() {
            Some(own) if own["Source"].as_str().is_none_or(str::is_empty) => {
                own["Source"] = Value::from(name);
            }
            Some(_) => {}
            None => added.push(Value::from(format!("{name}:{target}"))),
        }
    }
    if !added.is_empty() {
        match host.get_mut("Binds").and_then(Value::as_array_mut) {
            Some(binds) => binds.extend(added),
            None => drop(host.insert("Binds".to_owned(), Value::Array(added))),
        }
    }
}

/// Settings of an endpoint without what the engine gave it: the id as a name, and the hardware address once it ran.
fn endpoint(settings: &Value, short: &str, never_ran: bool) -> Value {
    let mut kept = Map::new();
    for (key, value) in object(settings) {
        let is_asked_for = ENDPOINT.contains(&key.as_str()) || never_ran && key == "MacAddress";
        if is_asked_for && !value.is_null() && value != "" {
            kept.insert(key, value);
        }
    }
    if let Some(aliases) = kept.get_mut("Aliases").and_then(Value::as_array_mut) {
        aliases.retain(|alias| alias != short);
    }
    Value::Object(kept)
}

#[cfg(test)]
mod tests {
    use super::run_body;
    use crate::model::service::Pairs;
    use serde_json::json;

    #[test]
    fn a_run_is_like_the_container_of_its_service_but_for_name_and_labels() {
        let found = json!({
            "Id": "0123456789abcdef",
            "State": {"Status": "created"},
            "Config": {
                "Hostname": "0123456789ab", "Image": "backup:1", "Cmd": ["dump"], "Env": ["A=1"],
                "Labels": {"com.docker.compose.project": "shop"},
            },
            "HostConfig": {
                "NetworkMode": "shop_default",
                "Binds": ["shop_data:/data:rw"],
                "Mounts": [{"Type": "volume", "Target": "/cache"}, {"Type": "bind", "Source": "/a", "Target": "/b"}],
                "Links": ["/shop-db-1:/shop-backup-1/db"],
                "Ulimits": [{"Name": "RLIMIT_NOFILE", "Soft": 1, "Hard": 2}, {"Name": "core", "Soft": 0, "Hard": 0}],
            },
            "Mounts": [
                {"Type": "volume", "Name": "shop_data", "Destination": "/data"},
                {"Type": "volume", "Name": "aa", "Destination": "/cache"},
                {"Type": "volume", "Name": "bb", "Destination": "/of-the-image"},
                {"Type": "bind", "Source": "/a", "Destination": "/b"},
            ],
            "NetworkSettings": {"Networks": {
                "shop_default": {
                    "Aliases": ["backup", "0123456789ab"], "NetworkID": "", "MacAddress": "", "IPAMConfig": null,
                },
                "shop_back": {"Aliases": ["backup"], "IPAMConfig": {"IPv4Address": "10.0.0.9"}},
            }},
        });
        let labels = Pairs::from([("a".to_owned(), "b".to_owned())]);
        let made = run_body(&found, ("sha256:aa", &labels), (1, 44));
        let back = json!({"Aliases": ["backup"], "IPAMConfig": {"IPv4Address": "10.0.0.9"}});
        assert_eq!(
            made.body,
            json!({
                "Image": "sha256:aa", "Cmd": ["dump"], "Env": ["A=1"], "Labels": {"a": "b"},
                "HostConfig": {
                    "NetworkMode": "shop_default",
                    "Binds": ["shop_data:/data:rw", "bb:/of-the-image"],
                    "Mounts": [
                        {"Type": "volume", "Target": "/cache", "Source": "aa"},
                        {"Type": "bind", "Source": "/a", "Target": "/b"},
                    ],
                    "Links": ["shop-db-1:db"],
                    "Ulimits": [{"Name": "nofile", "Soft": 1, "Hard": 2}, {"Name": "core", "Soft": 0, "Hard": 0}],
                },
                "NetworkingConfig": {"EndpointsConfig": {"shop_default": {"Aliases": ["backup"]}, "shop_back": back}},
            })
        );
        assert!(made.connects.is_empty());
        let old = run_body(&found, ("sha256:aa", &labels), (1, 43));
        assert_eq!(old.connects, [("shop_back".to_owned(), back)]);
    }
}
