//! Checks on the merged tree that the schema cannot express (reference: docker compose 2.40).

use super::diagnostic::{Diagnostic, Lack};
use super::node::{Map, Node, Value};
use super::walk::{self, Place};
use std::net::IpAddr;

/// Checks a merged tree in long form.
pub(super) fn check(root: &mut Node, diagnostics: &mut Vec<Diagnostic>) {
    walk::each_mut(root, "volumes.*", &mut |node, place| external_volume(node, place, diagnostics));
    let configs = ["file", "environment", "content"];
    walk::each_mut(root, "configs.*", &mut |node, place| one_origin(node, place, &configs, diagnostics));
    let secrets = ["file", "environment"];
    walk::each_mut(root, "secrets.*", &mut |node, place| one_origin(node, place, &secrets, diagnostics));
    walk::each_mut(root, "services.*.ports.*", &mut |node, place| port_address(node, place, diagnostics));
    walk::each_mut(root, "services.*.develop.watch.*.path", &mut |node, place| {
        watch_path(node, place, diagnostics);
    });
    walk::each_mut(root, "services.*.pid", &mut |node, place| {
        // The schema lets it pass, and the reference then crashes.
        if node.is_null() {
            refuse(
                diagnostics,
                format!("{place} must be a string"),
                place,
                node,
                "write host or service:NAME",
            );
        }
    });
    for pattern in ["services.*.gpus.*", "services.*.deploy.resources.reservations.devices.*"] {
        walk::each_mut(root, pattern, &mut |node, place| device_request(node, place, diagnostics));
    }
}

fn refuse(diagnostics: &mut Vec<Diagnostic>, message: String, place: &Place, node: &Node, hint: &str) {
    let own = [format!("{place}: "), format!("{}: ", place.without_positions())];
    let plain = own.iter().find_map(|own| message.strip_prefix(own.as_str())).unwrap_or(&message).to_owned();
    let error = Diagnostic::error(message).plain(plain).at(place.to_string()).span(node.span);
    diagnostics.push(error.hint(hint));
}

/// A boolean, also one that came as a word out of a variable.
pub(super) fn is_true(node: Option<&Node>) -> bool {
    match node.map(|node| &node.value) {
        Some(Value::Bool(flag)) => *flag,
        Some(Value::String(word)) => {
            matches!(word.to_lowercase().as_str(), "true" | "yes" | "y" | "on" | "1" | "t")
        }
        _ => false,
    }
}

fn external_volume(node: &Node, place: &Place, diagnostics: &mut Vec<Diagnostic>) {
    let Some(map) = node.as_map() else { return };
    if !is_true(map.get("external")) {
        return;
    }
    for key in map.keys() {
        if matches!(&*key.name, "external" | "name") || key.name.starts_with("x-") {
            continue;
        }
        let message = format!("{place}: conflicting parameters \"external\" and {:?} specified", key.name);
        let error = Diagnostic::error(message)
            .plain(format!("an external volume cannot have `{}`", key.name))
            .at(place.join(&key.name).to_string())
            .span(key.span)
            .allowed(["external", "name"]);
        diagnostics.push(error.hint("it is made elsewhere: only its `name` can be set"));
    }
}

/// Two keys of a mapping of which only one can be set.
fn exclusive(map: &Map, keys: &[&str], place: &Place, (message, plain): (String, String)) -> Diagnostic {
    let mut given = map.keys().filter(|key| keys.contains(&&*key.name));
    let mut error = Diagnostic::error(message).plain(plain).at(place.to_string()).hint("keep one of them");
    if let (Some(first), Some(second)) = (given.next(), given.next()) {
        error = error.at(place.join(&second.name).to_string()).span(second.span).focus(&*second.name);
        error = error.also(first.span, "the other one");
    }
    error
}

fn one_origin(node: &Node, place: &Place, origins: &[&'static str], diagnostics: &mut Vec<Diagnostic>) {
    let Some(map) = node.as_map() else { return };
    let set = origins.iter().filter(|key| map.contains_key(**key)).count();
    let (list, names) = (origins.join("|"), origins.join("`, `"));
    if set > 1 {
        let message = format!("{place}: {list} attributes are mutually exclusive");
        let plain = format!("only one of `{names}` can be set");
        diagnostics.push(exclusive(map, origins, place, (message, plain)));
    } else if set == 0 && !map.contains_key("driver") && !map.contains_key("external") {
        let name = place.segments().last().map_or("", String::as_str);
        let error = Diagnostic::error(format!("{place}: one of {list} must be set"))
            .plain(format!("`{name}` has none of `{names}`"))
            .at(place.to_string())
            .span(node.span)
            .lacks(Lack::Key(origins.to_vec()));
        diagnostics.push(error.hint("say where the content comes from, such as `file: PATH`"));
    }
}

fn port_address(node: &Node, place: &Place, diagnostics: &mut Vec<Diagnostic>) {
    let Some(address) = node.get("host_ip").filter(|ip| !ip.is_null()) else { return };
    let text = address.as_str().unwrap_or_default();
    if text.parse::<IpAddr>().is_err() {
        let message = format!("{}: invalid ip address: {text}", place.without_positions());
        let hint = if text == "localhost" {
            "write 127.0.0.1, or ::1"
        } else {
            "host_ip is an IPv4 or IPv6 address, not a name"
        };
        let error = Diagnostic::error(message)
            .plain(format!("`{text}` is not an IP address"))
            .at(place.join("host_ip").to_string())
            .span(address.span)
            .focus(text);
        diagnostics.push(error.hint(hint));
    }
}

fn watch_path(node: &Node, place: &Place, diagnostics: &mut Vec<Diagnostic>) {
    if node.as_str() == Some("") {
        let message = format!("{}: value can't be blank", place.without_positions());
        refuse(diagnostics, message, place, node, "name the directory to watch");
    }
}

fn device_request(node: &Node, place: &Place, diagnostics: &mut Vec<Diagnostic>) {
    let Some(map) = node.as_map() else { return };
    if map.contains_key("count") && map.contains_key("device_ids") {
        let message =
            format!("{}: \"count\" and \"device_ids\" attributes are exclusive", place.without_positions());
        let plain = "`count` and `device_ids` cannot stand together".to_owned();
        diagnostics.push(exclusive(map, &["count", "device_ids"], place, (message, plain)));
    }
}
