//! Short forms become long ones, so that later steps meet one form only (reference: docker compose 2.40).
//!
//! The rows of attributes name the conversions here; other short forms are converted when they get their types.

use super::attributes;
use super::diagnostic::Diagnostic;
use super::grammar::{device, port, volume};
use super::growth::{self, Growth};
use super::merge::{self, Entry};
use super::node::{Key, Map, Node, Span, Value};
use super::session;
use super::text;
use super::walk::{self, Place};
use std::path::Path;
use std::sync::LazyLock;

/// What a conversion has to say.
pub(super) struct Report<'d> {
    diagnostics: &'d mut Vec<Diagnostic>,
    growth: &'d mut Growth,
    /// Whether a short form that cannot be read is an error. Without interpolation it may hold variables, and stays.
    strict: bool,
}

impl Report<'_> {
    fn refuse(&mut self, message: impl Into<String>, place: &Place, span: Span, hint: &str) {
        let message = message.into();
        let plain = message.strip_prefix(&format!("{place}: ")).unwrap_or(&message).to_owned();
        let error = Diagnostic::error(message).plain(plain).at(place.to_string()).span(span);
        self.diagnostics.push(error.hint(hint));
    }

    /// An error about a port in short form.
    fn refuse_port(&mut self, message: String, place: &Place, span: Span) {
        let (plain, part, hint) = explain_port(&message);
        let mut error = Diagnostic::error(message).plain(plain).at(place.to_string()).span(span).hint(hint);
        if let Some(part) = part {
            error = error.focus(part);
        }
        self.diagnostics.push(error);
    }
}

/// The conversion of a value.
pub(super) type Convert = fn(&mut Node, &Place, &mut Report<'_>);

static FORMS: LazyLock<Vec<(String, Convert)>> = LazyLock::new(|| attributes::rules(|facts| facts.long));

/// Brings a tree to the long form. With `strict` unset, ports and volumes that cannot be read stay as written.
pub(super) fn apply(root: &mut Node, strict: bool, growth: &mut Growth, diagnostics: &mut Vec<Diagnostic>) {
    let mut report = Report { diagnostics, growth, strict };
    for (pattern, convert) in FORMS.iter() {
        walk::each_mut(root, pattern, &mut |node, place| convert(node, place, &mut report));
    }
}

/// A mapping whose keys and values all stand where `span` says.
pub(super) fn mapping<const N: usize>(fields: [(&str, Value); N], span: Span) -> Value {
    let entry = |(key, value): (&str, Value)| (Key { name: key.into(), span }, Node::new(value, span));
    Value::Map(fields.into_iter().map(entry).collect::<Map>())
}

pub(super) fn build(node: &mut Node, _: &Place, _: &mut Report<'_>) {
    *node = merge::build_to_map(std::mem::take(node));
}

pub(super) fn names(node: &mut Node, _: &Place, _: &mut Report<'_>) {
    *node = merge::names_to_map(std::mem::take(node), Entry::Null);
}

pub(super) fn depends_on(node: &mut Node, _: &Place, _: &mut Report<'_>) {
    *node = merge::names_to_map(std::mem::take(node), Entry::Started);
    let Some(map) = node.as_map_mut() else { return };
    for (key, dependency) in map.iter_mut() {
        let span = key.span;
        if let Some(fields) = dependency.as_map_mut() {
            fields.entry("required".into()).or_insert_with(|| Node::new(Value::Bool(true), span));
        }
    }
}

pub(super) fn key_values(node: &mut Node, place: &Place, report: &mut Report<'_>) {
    let Value::List(list) = &node.value else { return };
    let mut map = Map::default();
    for item in list {
        let Some((key, value)) = item.as_str().and_then(|text| text.split_once('=')) else {
            let found = text::of_scalar(&item.value).unwrap_or_default();
            let message = format!("{place}: invalid value {found}, expected key=value");
            report.refuse(message, place, item.span, "write NAME=PATH, or a mapping");
            continue;
        };
        map.insert(Key { name: key.into(), span: item.span }, Node::string(value, item.span));
    }
    node.value = Value::Map(map);
}

pub(super) fn to_text(node: &mut Node, _: &Place, _: &mut Report<'_>) {
    if let Some(text) = text::of_scalar(&node.value) {
        node.value = Value::String(text);
    }
}

pub(super) fn source(node: &mut Node, _: &Place, _: &mut Report<'_>) {
    if let Value::String(name) = &node.value {
        node.value = mapping([("source", Value::String(name.clone()))], node.span);
    }
}

pub(super) fn ssh(node: &mut Node, place: &Place, report: &mut Report<'_>) {
    let Value::List(list) = &node.value else { return };
    let mut map = Map::default();
    for item in list {
        let text = item.as_str().unwrap_or_default();
        let (key, value) = match text.split_once('=') {
            Some((key, path)) => (key, Value::String(path.to_owned())),
            None if text == "default" => (text, Value::Null),
            None => {
                let message = format!("invalid ssh key {text:?}");
                report.refuse(message, place, item.span, "write default, or ID=PATH");
                continue;
            }
        };
        map.insert(Key { name: key.into(), span: item.span }, Node::new(value, item.span));
    }
    node.value = Value::Map(map);
}

pub(super) fn build_ulimit(node: &mut Node, place: &Place, report: &mut Report<'_>) {
    if let Value::String(_) = &node.value {
        let message = format!("{place}: invalid type string for external");
        report.refuse(message, place, node.span, "write a number without quotes, or {soft: N, hard: N}");
    }
}

pub(super) fn one_or_many(node: &mut Node, _: &Place, _: &mut Report<'_>) {
    if let Value::String(text) = &node.value {
        node.value = Value::List(vec![Node::string(text.clone(), node.span)]);
    }
}

pub(super) fn env_file(node: &mut Node, _: &Place, _: &mut Report<'_>) {
    let span = node.span;
    match &mut node.value {
        Value::String(path) => {
            let path = Value::String(std::mem::take(path));
            node.value = mapping([("path", path), ("required", Value::Bool(true))], span);
        }
        Value::Map(map) => {
            map.entry("required".into()).or_insert_with(|| Node::new(Value::Bool(true), span));
        }
        _ => {}
    }
}

pub(super) fn extends(node: &mut Node, _: &Place, _: &mut Report<'_>) {
    if let Value::String(service) = &node.value {
        node.value = mapping([("service", Value::String(service.clone()))], node.span);
    }
}

pub(super) fn gpus(node: &mut Node, _: &Place, _: &mut Report<'_>) {
    if let Value::String(count) = &node.value {
        let request = mapping([("count", Value::String(count.clone()))], node.span);
        node.value = Value::List(vec![Node::new(request, node.span)]);
    }
}

pub(super) fn device(node: &mut Node, place: &Place, report: &mut Report<'_>) {
    let Value::String(text) = &node.value else { return };
    match device::parse_short(text) {
        Ok(device) => {
            let fields = [
                ("source", Value::String(device.source)),
                ("target", Value::String(device.target)),
                ("permissions", Value::String(device.permissions)),
            ];
            node.value = mapping(fields, node.span);
        }
        Err(_) if !report.strict => {}
        Err(message) => {
            let error =
                Diagnostic::error(message).plain("this device has too many parts").at(place.to_string());
            let hint = "write \"SOURCE[:TARGET[:rwm]]\", or {source: PATH, target: PATH, permissions: rwm}";
            report.diagnostics.push(error.span(node.span).hint(hint));
        }
    }
}

/// An error of the short form of ports in plain words, with the part that is wrong, and what would be right.
fn explain_port(message: &str) -> (String, Option<String>, &'static str) {
    const FORM: &str = "write \"[IP:][HOST:]CONTAINER[/PROTOCOL]\" in quotes, such as \"8080:80\"";
    let after = |start: &str| message.strip_prefix(start).filter(|rest| !rest.contains(' '));
    if let Some(part) = after("Invalid containerPort: ").or_else(|| after("Invalid hostPort: ")) {
        let plain = format!("`{part}` is not a port: they are numbers up to 65535");
        return (plain, Some(part.to_owned()), FORM);
    }
    if let Some(part) = after("Invalid proto: ") {
        return (format!("`{part}` is not a protocol"), Some(part.to_owned()), "write tcp, udp or sctp");
    }
    if let Some(part) = after("Invalid ip address: ") {
        let plain = format!("`{part}` is not an IP address");
        return (plain, Some(part.to_owned()), "write an address such as 127.0.0.1, not a name");
    }
    if message.starts_with("Invalid ranges") {
        return (
            "the two ranges are not of the same length".to_owned(),
            None,
            "write as many host ports as container ports",
        );
    }
    (message.to_owned(), None, FORM)
}

/// What each further port of a range weighs: a mapping of four texts.
const PORT: usize = 8 * growth::NODE;

/// Long ports, or `None` to leave the whole list as it is written.
fn long_ports(list: &[Node], whole: &Place, report: &mut Report<'_>) -> Option<Vec<Node>> {
    let mut long = Vec::with_capacity(list.len());
    for (index, item) in list.iter().enumerate() {
        let place = &whole.join(&format!("[{index}]"));
        let text = match &item.value {
            Value::Map(_) => {
                long.push(item.clone());
                continue;
            }
            Value::Int(number) => number.to_string(),
            Value::String(text) => text.clone(),
            other => {
                let whole = whole.to_string();
                let message = format!("{whole}: invalid type {} for port", text::type_name(other));
                report.refuse(message, place, item.span, "write a number or \"HOST:CONTAINER\" in quotes");
                continue;
            }
        };
        if report.growth.is_spent() {
            continue;
        }
        match port::parse_short(&text) {
            Ok(parsed) if report.growth.take((parsed.len() - 1) * PORT) => {
                long.extend(parsed.into_iter().map(|port| port.into_node(item.span)));
            }
            Ok(_) => {
                let refused = report.growth.refusal("ranges of ports", &place.to_string(), item.span);
                report.diagnostics.extend(refused);
            }
            Err(_) if !report.strict => return None,
            Err(message) => report.refuse_port(message, place, item.span),
        }
    }
    Some(long)
}

pub(super) fn ports(node: &mut Node, place: &Place, report: &mut Report<'_>) {
    let Value::List(list) = &mut node.value else { return };
    if let Some(long) = long_ports(list, place, report) {
        *list = long;
    }
}

pub(super) fn mount(node: &mut Node, place: &Place, report: &mut Report<'_>) {
    let Value::String(text) = &node.value else { return };
    match volume::parse_short(text) {
        Ok(mut volume) => {
            if !volume.target.is_empty() {
                volume.target = session::clean(Path::new(&volume.target)).to_string_lossy().into_owned();
            }
            *node = volume.into_node(node.span);
        }
        Err(_) if !report.strict => {}
        Err(message) => {
            report.refuse(message, place, node.span, "write \"[SOURCE:]TARGET[:ro]\"");
        }
    }
}

pub(super) fn external(node: &mut Node, place: &Place, report: &mut Report<'_>) {
    let Some(map) = node.as_map_mut() else { return };
    let Some(external) = map.get_mut("external") else { return };
    let Value::Map(details) = &external.value else { return };
    let span = external.span;
    let outer_name = details.get("name").cloned();
    external.value = Value::Bool(true);
    let Some(name) = outer_name else { return };
    let message = format!("{place}: external.name is deprecated. Please set name and external: true");
    let warning = Diagnostic::warning(message).plain("`external.name` is deprecated");
    let hint = "write `external: true` with `name:` beside it";
    report.diagnostics.push(warning.at(place.to_string()).span(span).hint(hint));
    match map.get("name") {
        None => {
            map.insert(Key { name: "name".into(), span }, name);
        }
        Some(own) if text::of_scalar(&own.value) == text::of_scalar(&name.value) => {}
        Some(_) => {
            let message = format!("{place}: name and external.name conflict; only use name");
            report.refuse(message, place, span, "write external: true and keep name");
        }
    }
}

#[cfg(test)]
#[path = "long_form_tests.rs"]
mod tests;
