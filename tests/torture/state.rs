//! What an engine holds of a stack, in a form in which two states can be compared.

use crate::api::{Api, text};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// How long an id is that the engine shows to people.
const SHORT: usize = 12;

/// Everything of a stack's that an update may change, and nothing that differs between two equal states.
#[derive(Clone, PartialEq)]
pub struct State(Value);

impl State {
    /// Looks at a stack.
    pub fn of(api: &Api, stack: &str) -> Result<Self, String> {
        let mut containers = Map::new();
        for found in api.list("/containers/json?all=1", stack)? {
            let found = api.get(&format!("/containers/{}/json", text(&found["Id"])))?;
            containers.insert(text(&found["Name"]), container(&found));
        }
        let networks = api.list("/networks", stack)?.iter().map(network).collect::<Map<_, _>>();
        let volumes = api.list("/volumes", stack)?;
        let volumes: Map<_, _> =
            volumes.iter().map(|volume| (text(&volume["Name"]), volume["Labels"].clone())).collect();
        let anonymous = api.get("/volumes")?["Volumes"]
            .as_array()
            .map_or(0, |all| all.iter().filter(|volume| text(&volume["Name"]).len() == 64).count());
        Ok(Self(json!({"containers": sorted(containers), "networks": sorted(networks),
            "volumes": sorted(volumes), "anonymous volumes": anonymous})))
    }

    /// The same without what may differ where two programs had their hands in it: who made an anonymous volume, and
    /// whose labels a container of the same configuration carries.
    pub fn loose(&self) -> Self {
        let mut value = self.0.clone();
        value["anonymous volumes"] = Value::Null;
        for kind in ["containers", "networks"] {
            for (_, found) in value[kind].as_object_mut().into_iter().flatten() {
                if let Some(labels) = found["labels"].as_object_mut() {
                    let is_ours = |key: &str| key.starts_with("dev.reconcile.");
                    labels.retain(|key, _| !is_ours(key) && key != "com.docker.compose.replace");
                }
            }
        }
        for (_, container) in value["containers"].as_object_mut().into_iter().flatten() {
            for mount in container["mounts"].as_array_mut().into_iter().flatten() {
                if mount["Name"].as_str().is_some_and(|name| name.len() == 64) {
                    mount["Name"] = Value::Null;
                }
            }
        }
        Self(value)
    }

    /// The same of some services' containers only.
    pub fn of_services(&self, services: &[&str]) -> Value {
        let containers = self.0["containers"].as_object().into_iter().flatten();
        containers
            .filter(|(_, found)| {
                let service = text(&found["labels"]["com.docker.compose.service"]);
                services.contains(&service.as_str())
            })
            .map(|(name, found)| (name.clone(), found.clone()))
            .collect()
    }

    /// How it differs from what it should be; `None` if it does not.
    pub fn difference(&self, wanted: &Self) -> Option<String> {
        difference(&self.0, &wanted.0)
    }
}

/// How a value differs from what it should be, line by line.
pub fn difference(found: &Value, wanted: &Value) -> Option<String> {
    let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap_or_default();
    let (found, wanted) = (pretty(found), pretty(wanted));
    let diff = similar::TextDiff::from_lines(&*wanted, &*found);
    (found != wanted).then(|| diff.unified_diff().context_radius(3).header("wanted", "found").to_string())
}

fn sorted(map: Map<String, Value>) -> Map<String, Value> {
    map.into_iter().collect::<BTreeMap<_, _>>().into_iter().collect()
}

fn container(found: &Value) -> Value {
    let id = text(&found["Id"]);
    let networks = found["NetworkSettings"]["Networks"].as_object().into_iter().flatten();
    let networks: Map<String, Value> = networks
        .map(|(name, endpoint)| {
            let aliases = endpoint["Aliases"].as_array().into_iter().flatten().map(text);
            // The engine adds the beginning of the id.
            let aliases: BTreeSet<String> =
                aliases.filter(|alias| alias.len() != SHORT || !id.starts_with(alias)).collect();
            // Nothing asked for is nothing or an empty object, as the client has it.
            let asked = endpoint["IPAMConfig"].as_object().filter(|asked| !asked.is_empty());
            (name.clone(), json!({"aliases": aliases, "address": asked}))
        })
        .collect();
    let mut mounts: Vec<Value> = found["Mounts"].as_array().cloned().unwrap_or_default();
    mounts.sort_by_key(|mount| text(&mount["Destination"]));
    for mount in &mut mounts {
        *mount = json!({"Name": mount["Name"], "Destination": mount["Destination"], "RW": mount["RW"]});
    }
    let state = &found["State"];
    json!({"image": found["Image"], "labels": found["Config"]["Labels"], "environment": found["Config"]["Env"],
        "command": found["Config"]["Cmd"], "status": state["Status"], "exit code": state["ExitCode"],
        "ports": found["HostConfig"]["PortBindings"].as_object().cloned().unwrap_or_default(), "restart": found["HostConfig"]["RestartPolicy"],
        "networks": sorted(networks), "mounts": mounts})
}

fn network(found: &Value) -> (String, Value) {
    // The engine fills in the gateways when it starts.
    let pools = found["IPAM"]["Config"].as_array().into_iter().flatten();
    let pools: Vec<&Value> = pools.map(|pool| &pool["Subnet"]).collect();
    let facts = json!({"driver": found["Driver"], "options": found["Options"], "labels": found["Labels"],
        "addresses": pools});
    (text(&found["Name"]), facts)
}

/// Containers by name: id and start time of each.
pub type Started = BTreeMap<String, (String, String)>;

/// The containers of a stack that run, by service.
pub fn running(api: &Api, stack: &str) -> Result<BTreeMap<String, Started>, String> {
    let mut services: BTreeMap<String, Started> = BTreeMap::new();
    for found in api.list("/containers/json", stack)? {
        let service = text(&found["Labels"]["com.docker.compose.service"]);
        let id = text(&found["Id"]);
        // Containers may go while they are looked at.
        let Ok(facts) = api.get(&format!("/containers/{id}/json")) else { continue };
        if facts["State"]["Running"] == true {
            let started = text(&facts["State"]["StartedAt"]);
            services.entry(service).or_default().insert(text(&facts["Name"]), (id, started));
        }
    }
    Ok(services)
}
