//! Files of variables and labels become part of the services that name them (reference: docker compose 2.40).

use super::diagnostic::{Diagnostic, MAX_TOLD};
use super::dotenv;
use super::environment::{self, Environment};
use super::files::FileKind;
use super::growth;
use super::json;
use super::load::Project;
use super::node::{Node, Span};
use super::session::Session;
use super::validation::is_true;
use super::walk;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::Path;

/// Keys of a service that come before `environment` and `labels` in the canonical order.
const BEFORE_ENVIRONMENT: &[&str] = &[
    "profiles",
    "annotations",
    "attach",
    "build",
    "develop",
    "blkio_config",
    "cap_add",
    "cap_drop",
    "cgroup_parent",
    "cgroup",
    "cpu_count",
    "cpu_percent",
    "cpu_period",
    "cpu_quota",
    "cpu_rt_period",
    "cpu_rt_runtime",
    "cpus",
    "cpuset",
    "cpu_shares",
    "command",
    "configs",
    "container_name",
    "credential_spec",
    "depends_on",
    "deploy",
    "device_cgroup_rules",
    "devices",
    "dns",
    "dns_opt",
    "dns_search",
    "domainname",
    "entrypoint",
    "provider",
];
const BEFORE_LABELS: &[&str] = &[
    "environment",
    "env_file",
    "expose",
    "extends",
    "external_links",
    "extra_hosts",
    "group_add",
    "gpus",
    "hostname",
    "healthcheck",
    "image",
    "init",
    "ipc",
    "isolation",
];

/// One file that a service names.
struct Reference<'p> {
    path: &'p str,
    required: bool,
    raw: bool,
    span: Span,
    /// Its place in the project.
    place: String,
    what: &'static str,
}

/// Variables by name; one without value is null.
type Values = BTreeMap<String, Value>;

/// Merges `env_file` of every service that is on into its `environment`.
pub(super) fn env_files(session: &mut Session<'_>, project: &mut Project) {
    let Some(Value::Object(services)) = project.tree.get_mut("services") else { return };
    for (name, service) in services.iter_mut() {
        let Some(service) = service.as_object_mut() else { continue };
        service.shift_remove("env_file");
        let list = walk::at(&project.nodes, &["services", name, "env_file"]).and_then(Node::as_list);
        let mut own: Values =
            json::fields(service.get("environment")).map(|(k, v)| (k.clone(), v.clone())).collect();
        fill(&mut own, &project.environment);
        let mut merged = Values::new();
        for (index, node) in list.unwrap_or_default().iter().enumerate() {
            let place = format!("services.{name}.env_file[{index}]");
            let Ok(reference) = session.take(env_reference(node, place)) else { continue };
            read_env_file(session, &reference, &project.environment, &own, &mut merged);
        }
        merged.extend(own);
        set(service, "environment", merged, BEFORE_ENVIRONMENT);
    }
}

/// Gives names without value that of the project's environment.
fn fill(own: &mut Values, environment: &Environment) {
    for (name, value) in own.iter_mut().filter(|(_, value)| value.is_null()) {
        if let Some(found) = environment.get(name) {
            *value = Value::String(found.clone());
        }
    }
}

fn set(service: &mut Map<String, Value>, key: &str, values: Values, before: &[&str]) {
    if !values.is_empty() {
        json::put(service, key, Value::Object(values.into_iter().collect()), before);
    }
}

fn env_reference(node: &Node, place: String) -> Result<Reference<'_>, Diagnostic> {
    let path = node.get("path").and_then(Node::as_str).unwrap_or_default();
    let raw = match node.get("format").and_then(Node::as_str) {
        None | Some("") => false,
        Some("raw") => true,
        Some(other) => {
            return Err(Diagnostic::error(format!("unsupported env_file format {other:?}"))
                .plain(format!("`{other}` is no format of an env file"))
                .at(format!("{place}.format"))
                .span(node.get("format").map_or(node.span, |format| format.span))
                .allowed(["raw"])
                .hint("the only format is `raw`; leave the key out for the usual one"));
        }
    };
    let required = node.get("required").is_none_or(|flag| is_true(Some(flag)));
    let span = node.get("path").map_or(node.span, |path| path.span);
    Ok(Reference { path, required, raw, span, place, what: "env file" })
}

fn read_env_file(
    session: &mut Session<'_>,
    reference: &Reference<'_>,
    outer: &Environment,
    own: &Values,
    merged: &mut Values,
) {
    let Some(text) = open(session, reference) else { return };
    let lookup = |name: &str| {
        let own = || own.get(name).and_then(Value::as_str);
        let earlier = || merged.get(name).and_then(Value::as_str);
        outer.get(name).map(String::as_str).or_else(own).or_else(earlier).map(str::to_owned)
    };
    let values = parse(session, reference, &text, &lookup);
    merged.extend(values.into_iter().map(|(name, value)| (name, Value::String(value))));
}

/// A file's id and text.
type Text = (super::node::FileId, std::sync::Arc<str>);

/// Opens a file that a service names; `None` if it may be missing and is, or cannot be read.
fn open(session: &mut Session<'_>, reference: &Reference<'_>) -> Option<Text> {
    let Reference { path, what, .. } = *reference;
    // Without path resolution a relative one is left, and starts at the process directory.
    let absolute = session.options.cwd.join(path);
    // The project is refused; to read the same file for each service would change nothing.
    if session.growth.is_spent() {
        return None;
    }
    let found = if path.is_empty() { None } else { session.files.kind(&absolute) };
    let error = match found {
        Some(FileKind::File) => {
            session.sources.note_way(&absolute, "named in", reference.span);
            let before = session.diagnostics.len();
            let read = session.read_private(&absolute).ok();
            session.blame(before, &reference.place, reference.span);
            return read;
        }
        None if !reference.required => return None,
        Some(FileKind::Directory) => {
            Diagnostic::error(format!("failed to read {path}: read {path}: is a directory"))
                .plain(format!("the {what} {path} is a directory"))
                .hint("name a file in it")
        }
        None => {
            let otherwise = if what == "env file" {
                "create the file, or write {path: …, required: false} for one that may be missing"
            } else {
                "create the file, or take it out of the list"
            };
            Diagnostic::error(format!("{what} {path} not found: stat {path}: no such file or directory"))
                .plain(format!("there is no {what} {path}"))
                .hint(session.other_file(&absolute, otherwise))
        }
    };
    session.fail(error.at(reference.place.clone()).span(reference.span));
    None
}

/// The values of a file, as far as it can be read.
fn parse(
    session: &mut Session<'_>,
    reference: &Reference<'_>,
    (file, text): &Text,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Vec<(String, String)> {
    let mut unset = Vec::new();
    let parsed = if reference.raw {
        dotenv::parse_raw(text, lookup)
    } else {
        dotenv::parse(text, lookup, &mut |name, at| unset.push((name.to_owned(), at)))
    };
    if parsed.errors.is_empty() {
        let warning = |(name, at): &(String, usize)| environment::unset_warning(name, (*file, text, *at));
        session
            .diagnostics
            .extend(unset.iter().take(MAX_TOLD).map(warning).map(|one| one.at(reference.place.clone())));
    }
    let path = Path::new(reference.path);
    session.tell(parsed.errors.iter().map(|error| {
        let mut refused = environment::unparsable(path, *file, error).at(reference.place.clone());
        if reference.raw {
            refused.message = format!("failed to parse env_file {}: {}", path.display(), error.message);
        }
        refused
    }));
    let weight = parsed.pairs.iter().map(|(name, value)| growth::NODE + name.len() + value.len()).sum();
    if session.growth.take(weight) {
        return parsed.pairs;
    }
    let refused = session.growth.refusal("`env_file` and `label_file`", &reference.place, reference.span);
    session.diagnostics.extend(refused);
    Vec::new()
}

fn label_reference(node: &Node, place: String) -> Reference<'_> {
    let path = node.as_str().unwrap_or_default();
    Reference { path, required: true, raw: false, span: node.span, place, what: "label file" }
}

/// Merges `label_file` of every service that is on into its `labels`.
pub(super) fn label_files(session: &mut Session<'_>, project: &mut Project) {
    let Some(Value::Object(services)) = project.tree.get_mut("services") else { return };
    let before: Vec<&str> = BEFORE_ENVIRONMENT.iter().chain(BEFORE_LABELS).copied().collect();
    for (name, service) in services.iter_mut() {
        let Some(service) = service.as_object_mut() else { continue };
        if service.shift_remove("label_file").is_none() {
            continue;
        }
        let list = walk::at(&project.nodes, &["services", name, "label_file"]).and_then(Node::as_list);
        let mut merged = Values::new();
        for (index, node) in list.unwrap_or_default().iter().enumerate() {
            let reference = label_reference(node, format!("services.{name}.label_file[{index}]"));
            let Some(text) = open(session, &reference) else { continue };
            let lookup = |name: &str| merged.get(name).and_then(Value::as_str).map(str::to_owned);
            let values = parse(session, &reference, &text, &lookup);
            merged.extend(values.into_iter().map(|(name, value)| (name, Value::String(value))));
        }
        merged.extend(json::fields(service.get("labels")).map(|(name, value)| (name.clone(), value.clone())));
        set(service, "labels", merged, &before);
    }
}
