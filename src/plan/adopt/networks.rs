//! Attachments to networks. One that is missing is drift like that of our own containers, and is told as such.

use super::value::{Values, entries_of, text_of, texts, tidy};
use super::{Comparison, differs, entries};
use crate::model::change::Cause;
use crate::model::labels;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Compares the network mode and all attachments.
pub(super) fn compare(comparison: &Comparison, causes: &mut Vec<Cause>) {
    let wanted = &comparison.body["NetworkingConfig"]["EndpointsConfig"];
    let found = &comparison.inspected.networks;
    mode(comparison, wanted, causes);
    for (name, endpoint) in wanted.as_object().into_iter().flatten() {
        if let Some(standing) = found.get(name) {
            let path = format!("networks.{}", key(comparison, name));
            one(comparison, (&path, name), (standing, endpoint), causes);
        }
    }
    // A network that somebody attached by hand is theirs; one of the stack that the file does not name is a difference.
    for (name, _) in found.as_object().into_iter().flatten() {
        let network = comparison.observed.networks.iter().find(|network| network.name == *name);
        let is_of_stack = network
            .and_then(|network| network.labels.get(labels::PROJECT))
            .is_some_and(|project| *project == comparison.candidate.stack.name);
        if is_of_stack && wanted.get(name).is_none() {
            let path = format!("networks.{}", key(comparison, name));
            causes.push(differs(path, &json!("attached"), &json!("not attached")));
        }
    }
    if wanted.is_null() {
        let own = |value: &Value| -> BTreeSet<String> { texts(value).map(legacy_link).collect() };
        let (old, new) =
            (own(&comparison.inspected.host["Links"]), own(&comparison.body["HostConfig"]["Links"]));
        if old != new {
            causes.push(differs("links", &json!(old), &json!(new)));
        }
    }
}

/// The key of a network in the file; its name if it is not in it.
fn key<'a>(comparison: &Comparison<'a>, name: &'a str) -> &'a str {
    let networks = &comparison.candidate.stack.networks;
    networks.iter().find(|(_, network)| network.name == name).map_or(name, |(key, _)| key)
}

/// Which of its networks a container starts with makes no difference once it is attached to all of them.
fn mode(comparison: &Comparison, wanted: &Value, causes: &mut Vec<Cause>) {
    let name = |value: &Value| {
        let mode = text_of(value);
        if let Some(reference) = mode.strip_prefix("container:") {
            return format!("container:{}", comparison.container_name(reference));
        }
        let named = comparison.observed.networks.iter().find(|network| network.id == mode);
        let mode = named.map_or(mode, |network| &network.name);
        if mode == "default" { "bridge".to_owned() } else { mode.to_owned() }
    };
    let old = name(&comparison.inspected.host["NetworkMode"]);
    let new = name(&comparison.body["HostConfig"]["NetworkMode"]);
    let is_one_of_them = wanted.get(&old).is_some() && wanted.get(&new).is_some();
    if old != new && !is_one_of_them {
        causes.push(differs("network_mode", &json!(old), &json!(new)));
    }
}

/// Compares one attachment.
fn one(
    comparison: &Comparison,
    (path, network): (&str, &str),
    (found, wanted): (&Value, &Value),
    causes: &mut Vec<Cause>,
) {
    let container = comparison.candidate.container;
    let own_names = [container.name.as_str(), text_of(&comparison.inspected.config["Hostname"])];
    let names = |value: &Value| -> BTreeSet<String> {
        let all = texts(&value["Aliases"]).filter(|alias| {
            // The engine adds the container's id, and answers to its name in any case.
            !own_names.contains(alias) && !container.id.starts_with(*alias)
        });
        all.map(str::to_owned).collect()
    };
    let mut note = |what: &str, old: Value, new: Value| {
        if old != new {
            causes.push(differs(format!("{path}.{what}"), &old, &new));
        }
    };
    note("aliases", json!(names(found)), json!(names(wanted)));
    for (field, what) in
        [("IPv4Address", "ipv4_address"), ("IPv6Address", "ipv6_address"), ("LinkLocalIPs", "link_local_ips")]
    {
        note(what, tidy(&found["IPAMConfig"][field]), tidy(&wanted["IPAMConfig"][field]));
    }
    note("gw_priority", tidy(&found["GwPriority"]), tidy(&wanted["GwPriority"]));
    let links = |value: &Value| texts(&value["Links"]).map(str::to_owned).collect::<BTreeSet<String>>();
    note("links", json!(links(found)), json!(links(wanted)));
    // Every attachment has an address; only one that is asked for can differ.
    let is_primary = text_of(&comparison.body["HostConfig"]["NetworkMode"]) == network;
    let of_container = if is_primary { &comparison.body["MacAddress"] } else { &Value::Null };
    let mac = if wanted["MacAddress"].is_null() { of_container } else { &wanted["MacAddress"] };
    if !mac.is_null() {
        let lower = |value: &Value| json!(text_of(value).to_ascii_lowercase());
        let fixed = &comparison.inspected.config["MacAddress"];
        let standing = if is_primary && !text_of(fixed).is_empty() { fixed } else { &found["MacAddress"] };
        if !text_of(standing).is_empty() {
            note("mac_address", lower(standing), lower(mac));
        }
    }
    let options = |value: &Value| -> Values { entries_of(&value["DriverOpts"]) };
    entries(&format!("{path}.driver_opts"), &options(found), &options(wanted), causes);
}

/// `/db:/web/alias`, as an inspection shows it, as `db:alias`.
fn legacy_link(link: &str) -> String {
    let (target, alias) = link.split_once(':').unwrap_or((link, link));
    let alias = alias.rsplit('/').next().unwrap_or(alias);
    format!("{}:{alias}", target.trim_start_matches('/'))
}
