//! What is wanted and what stands, without secrets: every secret is the same other word wherever it stood, so that whatever is
//! decided by comparing comes out as before.

use super::quarantine;
use super::sensitive::{hidden_words, is_hidden};
use crate::model::desired::{DesiredStack, DesiredState};
use crate::model::labels;
use crate::model::observed::ObservedState;
use crate::model::redact::Redactor;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Maps whose keys people chose, so that those tell secrets.
const NAMED: [&str; 9] = [
    "environment",
    "labels",
    "args",
    "driver_opts",
    "options",
    "annotations",
    "sysctls",
    "storage_opt",
    "environments",
];
/// Lists of words of a command.
const COMMANDS: [&str; 5] = ["command", "entrypoint", "test", "Cmd", "Entrypoint"];
/// Lists of `NAME=value`.
const PAIRS: [&str; 1] = ["Env"];

/// Two states as JSON, and the words that stand for secrets.
pub struct Masked {
    /// What is wanted.
    pub desired: String,
    /// What stands.
    pub observed: String,
    /// The words.
    pub words: Vec<String>,
}

/// Masks both. `word` gives the word for a secret, `digest` another digest for one that covers secrets.
pub fn mask_states(
    (desired, observed): (&DesiredState, &ObservedState),
    redactor: &Redactor,
    word: &dyn Fn(&str) -> String,
    digest: &dyn Fn(&str) -> String,
) -> Result<Masked, serde_json::Error> {
    let (mut wanted, mut standing) = (serde_json::to_value(desired)?, serde_json::to_value(observed)?);
    unfold(&mut standing);
    let mut found: BTreeSet<String> = BTreeSet::new();
    collect(&wanted, &mut found);
    collect(&standing, &mut found);
    let short: BTreeSet<String> = found.iter().filter(|value| value.chars().count() < 4).cloned().collect();
    let all = redactor.clone().and(found.iter().cloned());
    let names = names(desired);
    let secrets: Vec<&String> =
        all.secrets().iter().filter(|secret| !names.contains(secret.as_str())).collect();
    let words: BTreeMap<&str, String> =
        secrets.iter().map(|secret| (secret.as_str(), word(secret))).collect();
    let mask = Mask { secrets, words, short, word };
    mask.value("", &mut wanted);
    mask.value("", &mut standing);
    secret_contents(&mut wanted, digest);
    fold(&mut standing);
    let masked: DesiredState = serde_json::from_value(wanted.clone())?;
    hashes((desired, &masked), &mut standing, digest);
    let mut told: Vec<String> = mask.words.values().cloned().collect();
    told.extend(mask.short.iter().map(|value| word(value)));
    Ok(Masked {
        desired: serde_json::to_string_pretty(&wanted)?,
        observed: serde_json::to_string_pretty(&standing)?,
        words: told,
    })
}

/// What the files call things: that is no secret, also if a password is the same.
fn names(desired: &DesiredState) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    for (name, stack) in &desired.stacks {
        let DesiredStack { services, networks, volumes, .. } = stack;
        names.insert(name.as_str());
        names.extend(services.keys().chain(networks.keys()).chain(volumes.keys()).map(String::as_str));
        names.extend(services.values().map(|service| service.image.reference.as_str()));
    }
    names
}

/// Specs that labels record as text become JSON, so that they are masked alike.
fn unfold(value: &mut Value) {
    each_spec(value, &|spec| {
        if let Some(text) = spec.as_str()
            && let Ok(parsed) = serde_json::from_str(text)
        {
            *spec = parsed;
        }
    });
}

fn fold(value: &mut Value) {
    each_spec(value, &|spec| {
        if !spec.is_string() {
            *spec = Value::from(spec.to_string());
        }
    });
}

fn each_spec(value: &mut Value, work: &dyn Fn(&mut Value)) {
    for container in value["containers"].as_array_mut().into_iter().flatten() {
        if let Some(spec) = container.get_mut("labels").and_then(|labels| labels.get_mut(labels::SPEC)) {
            work(spec);
        }
    }
}

fn collect(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                match value {
                    Value::Object(inner) if NAMED.contains(&key.as_str()) => named(inner, found),
                    Value::Array(items) if COMMANDS.contains(&key.as_str()) => hidden_words(items, found),
                    Value::Array(items) if PAIRS.contains(&key.as_str()) => pairs(items, found),
                    _ => {}
                }
                collect(value, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn named(map: &Map<String, Value>, found: &mut BTreeSet<String>) {
    for (key, value) in map {
        let is_own = key.starts_with(labels::OURS) || key.starts_with(labels::DOCKERS);
        match value {
            Value::String(text) if !is_own && is_hidden(key, text) => drop(found.insert(text.clone())),
            // Environments by container.
            Value::Object(inner) if !is_own => named(inner, found),
            _ => {}
        }
    }
}

fn pairs(items: &[Value], found: &mut BTreeSet<String>) {
    for (key, value) in items.iter().filter_map(|item| item.as_str()?.split_once('=')) {
        if is_hidden(key, value) {
            found.insert(value.to_owned());
        }
    }
}

struct Mask<'a> {
    /// Longest first.
    secrets: Vec<&'a String>,
    words: BTreeMap<&'a str, String>,
    /// Those that are too short to be looked for inside of other texts.
    short: BTreeSet<String>,
    word: &'a dyn Fn(&str) -> String,
}

impl Mask<'_> {
    fn value(&self, key: &str, value: &mut Value) {
        match value {
            Value::Object(map) => {
                for (key, mut value) in std::mem::take(map) {
                    self.value(&key, &mut value);
                    map.insert(self.text(&key), value);
                }
            }
            Value::Array(items) => {
                let is_command = COMMANDS.contains(&key) || PAIRS.contains(&key);
                for item in items {
                    match item {
                        Value::String(text) if is_command => *text = self.text(&self.words_of(text)),
                        _ => self.value(key, item),
                    }
                }
            }
            Value::String(text) if self.short.contains(text) && is_hidden(key, text) => {
                *text = (self.word)(text);
            }
            Value::String(text) => *text = self.text(text),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// A command or pair without short secrets, which are looked for as whole words only.
    fn words_of(&self, text: &str) -> String {
        let one = |word: &str| {
            let bare = word.trim_end();
            let space = &word[bare.len()..];
            match bare.split_once('=') {
                Some((name, value)) if self.short.contains(value) && is_hidden(name, value) => {
                    format!("{name}={}{space}", (self.word)(value))
                }
                _ if self.short.contains(bare) => format!("{}{space}", (self.word)(bare)),
                _ => word.to_owned(),
            }
        };
        text.split_inclusive(char::is_whitespace).map(one).collect()
    }

    fn text(&self, text: &str) -> String {
        let mut told = text.to_owned();
        for secret in &self.secrets {
            if told.contains(secret.as_str()) {
                told = told.replace(secret.as_str(), &self.words[secret.as_str()]);
            }
        }
        told
    }
}

/// Digests of secrets keep the three digits that labels record of them: those tell that they changed, and nothing more.
fn secret_contents(wanted: &mut Value, digest: &dyn Fn(&str) -> String) {
    let stacks = wanted["stacks"].as_object_mut().into_iter().flatten();
    for (_, stack) in stacks {
        for (_, service) in stack["services"].as_object_mut().into_iter().flatten() {
            for (name, value) in service["contents"].as_object_mut().into_iter().flatten() {
                if let Some(own) = value.as_str().filter(|_| name.starts_with("secret ")) {
                    let head = own.get(..3).unwrap_or_default();
                    *value = Value::from(format!("{head}{}", digest(own).get(3..).unwrap_or_default()));
                }
            }
        }
    }
}

/// Labels that hold hashes of definitions: what is as it is wanted is so again, and what is not is not.
fn hashes(
    (desired, masked): (&DesiredState, &DesiredState),
    standing: &mut Value,
    digest: &dyn Fn(&str) -> String,
) {
    let mut same: BTreeMap<String, String> = BTreeMap::new();
    let mut definitions: Vec<(&DesiredStack, &DesiredStack)> = Vec::new();
    for (name, stack) in &desired.stacks {
        let Some(other) = masked.stacks.get(name) else { continue };
        definitions.push((stack, other));
        let services =
            stack.services.iter().filter_map(|(key, service)| Some((service, other.services.get(key)?)));
        same.extend(services.map(|(service, other)| (service.hash().0, other.hash().0)));
        let networks =
            stack.networks.iter().filter_map(|(key, network)| Some((network, other.networks.get(key)?)));
        same.extend(networks.map(|(network, other)| (network.hash().0, other.hash().0)));
    }
    let another = |hash: &str| {
        let (version, rest) = hash.split_once(':').unwrap_or(("", hash));
        same.get(hash).cloned().unwrap_or_else(|| format!("{version}:{}", digest(rest)))
    };
    for kind in ["containers", "networks"] {
        for object in standing[kind].as_array_mut().into_iter().flatten() {
            let Some(all) = object.get_mut("labels").and_then(Value::as_object_mut) else { continue };
            for (key, value) in all.iter_mut() {
                let Some(text) = value.as_str() else { continue };
                match key.as_str() {
                    labels::HASH | labels::REFUSED if !text.is_empty() => *value = Value::from(another(text)),
                    labels::COMPOSE_HASH => *value = Value::from(digest(text)),
                    _ => {}
                }
            }
            quarantine_key(all, &definitions);
        }
    }
}

/// A mark that holds a service back does so again.
fn quarantine_key(mark: &mut Map<String, Value>, stacks: &[(&DesiredStack, &DesiredStack)]) {
    let text = |key: &str| mark.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (subject, with, key) =
        (text(labels::QUARANTINE), text(labels::QUARANTINE_WITH), text(labels::QUARANTINE_KEY));
    let (Some((stack, service)), Some((then, images))) = (subject.split_once('/'), key.split_once(':'))
    else {
        return;
    };
    let Some((desired, masked)) = stacks.iter().find(|(desired, _)| desired.name == stack) else { return };
    let of = |stack| quarantine::definitions(stack, with.split(',').chain([service]));
    if of(desired) == then {
        mark.insert(labels::QUARANTINE_KEY.to_owned(), Value::from(format!("{}:{images}", of(masked))));
    }
}
