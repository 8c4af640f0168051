//! Reads settings by their table.

use super::table::{Each, Group, Items, Keys, Put, Setting, Takes, Within};
use super::{Lists, Placed, Secret};
use crate::compose::diagnostic::{Diagnostic, Lack};
use crate::compose::node::{Key, Map, Node, Span, Value};
use crate::compose::schema::nearest;
use crate::compose::schema::wrong_kind;
use crate::model::sensitive::{SecretSource, Sensitive};
use crate::model::units::Nanos;

/// Reads a mapping of the keys in a table. What is wrong is said, and left at its default.
pub(super) fn settings<T: Default + 'static>(
    keys: &Keys<T>,
    node: &Node,
    path: &str,
    diagnostics: &mut Vec<Diagnostic>,
) -> T {
    settings_of(keys, (node, node.span), path, diagnostics)
}

/// The same; `owner` is where to say that a key is missing.
fn settings_of<T: Default + 'static>(
    keys: &Keys<T>,
    (node, owner): (&Node, Span),
    path: &str,
    diagnostics: &mut Vec<Diagnostic>,
) -> T {
    let mut settings = T::default();
    if node.is_null() {
        let lacking = keys.required.iter().map(std::slice::from_ref).chain(keys.exactly_one.iter().copied());
        diagnostics.extend(lacking.map(|set| missing(set, owner, path)));
        return settings;
    }
    let Some(map) = mapping(node, path, diagnostics) else { return settings };
    let unknown_keys = || map.keys().filter(|key| keys.rows.iter().all(|row| row.key != &*key.name));
    // A key that is probably a slip of the pen is told as such.
    let is_meant =
        |wanted: &str| unknown_keys().any(|key| nearest(&key.name, std::iter::once(wanted)).is_some());
    let lacking = keys.required.iter().filter(|key| !map.contains_key(**key) && !is_meant(key));
    diagnostics.extend(lacking.map(|key| missing(&[key], owner, path)));
    for set in keys.exactly_one {
        let is_there = |key: &&&str| map.contains_key(**key) || is_meant(key);
        if !set.iter().any(|key| is_there(&key)) {
            diagnostics.push(missing(set, owner, path));
        }
    }
    for set in keys.exactly_one.iter().chain(keys.at_most_one) {
        diagnostics.extend(beside(set, map, path));
    }
    let idle = keys.needs.iter().filter(|(key, other)| map.contains_key(*key) && !map.contains_key(*other));
    diagnostics.extend(idle.filter_map(|pair| alone(*pair, map, path)));
    for (key, value) in map {
        let place = join(path, &key.name);
        match keys.rows.iter().find(|row| row.key == &*key.name) {
            Some(row) => take(row, &mut settings, (value, &place), diagnostics),
            None => diagnostics.push(unknown(key, &place, keys)),
        }
    }
    settings
}

fn take<T: 'static>(
    row: &Setting<T>,
    settings: &mut T,
    (node, place): (&Node, &str),
    diagnostics: &mut Vec<Diagnostic>,
) {
    match &row.takes {
        Takes::Text(put) => {
            if let Some(text) = text(node, place, diagnostics) {
                put(settings, text);
            }
        }
        Takes::Place(put) => {
            if let Some(text) = text(node, place, diagnostics) {
                put(settings, Placed { text, span: node.span });
            }
        }
        Takes::Verbatim(put) => {
            if let Some(text) = verbatim(node, place, diagnostics) {
                put(settings, Placed { text: text.to_owned(), span: node.span });
            }
        }
        Takes::Secret(put) => {
            if let Some(text) = verbatim(node, place, diagnostics) {
                put(settings, Secret { source: SecretSource::Inline(Sensitive::new(text)), span: node.span });
            }
        }
        Takes::Secrets(put) => put(settings, secrets(node, place, diagnostics)),
        Takes::Places(put) => put(settings, list(node, place, diagnostics)),
        Takes::Words(words, put) => {
            let of_one = |node: &Node, place: &str| choice(words, node, place, diagnostics).copied();
            put(settings, each(node, place, of_one));
        }
        Takes::Parsed(wanted, put) => {
            if let Some(text) = text(node, place, diagnostics)
                && let Err(reason) = put(settings, &text)
            {
                diagnostics.push(wrong(node, place, wanted).hint(reason));
            }
        }
        Takes::Texts(put) => {
            put(settings, list(node, place, diagnostics).into_iter().map(|found| found.text).collect());
        }
        Takes::Lists(put) => put(settings, lists(node, place, diagnostics)),
        Takes::Switch(put) => {
            if let Some(on) = switch(node, place, diagnostics) {
                put(settings, on);
            }
        }
        Takes::SwitchOr(put, group) => match &node.value {
            Value::Bool(on) => put(settings, *on),
            Value::Map(_) => group.read(settings, node, place, diagnostics),
            _ => {
                let error = wrong(node, place, "true, false or a mapping").allowed(["true", "false"]);
                diagnostics
                    .push(error.hint("write true or false, or `name: value` lines below it, indented"));
            }
        },
        Takes::Duration(put) => {
            if let Some(time) = duration(node, place, 1, diagnostics) {
                put(settings, time);
            }
        }
        Takes::Period(put) => {
            if let Some(time) = duration(node, place, 0, diagnostics) {
                put(settings, time);
            }
        }
        Takes::Count(put) => {
            if let Some(count) = count(node, place, diagnostics) {
                put(settings, count);
            }
        }
        Takes::Percent(put) => {
            let number = if let Value::Int(number) = node.value { u8::try_from(number).ok() } else { None };
            match number.filter(|number| *number <= 100) {
                Some(percent) => put(settings, percent),
                None => diagnostics.push(wrong(node, place, "a whole number from 0 to 100, without a sign")),
            }
        }
        Takes::Choice(words, put) => {
            if let Some(word) = choice(words, node, place, diagnostics) {
                put(settings, word);
            }
        }
        Takes::Group(group) => group.read(settings, node, place, diagnostics),
    }
}

/// The places of all that must not be told: secrets, and whatever stands below a key that is none beside secrets.
pub(super) fn secret_places<T: 'static>(keys: &Keys<T>, node: &Node, found: &mut Vec<Span>) {
    let is_secret = |takes: &Takes<T>| matches!(takes, Takes::Secret(_) | Takes::Secrets(_));
    let are_secrets = keys.rows.iter().any(|row| is_secret(&row.takes));
    for (key, value) in node.as_map().into_iter().flatten() {
        match keys.rows.iter().find(|row| row.key == &*key.name).map(|row| &row.takes) {
            Some(Takes::Group(group) | Takes::SwitchOr(_, group)) => group.secrets(value, found),
            Some(takes) if is_secret(takes) => scalars(value, found),
            None if are_secrets => scalars(value, found),
            Some(_) | None => {}
        }
    }
}

fn scalars(node: &Node, found: &mut Vec<Span>) {
    match &node.value {
        Value::Map(map) => map.values().for_each(|node| scalars(node, found)),
        Value::List(items) => items.iter().for_each(|node| scalars(node, found)),
        _ => found.push(node.span),
    }
}

impl<T: 'static, U: Default> Group<T> for Within<T, U> {
    fn read(&self, all: &mut T, node: &Node, path: &str, diagnostics: &mut Vec<Diagnostic>) {
        *(self.field)(all) = settings(self.keys, node, path, diagnostics);
    }

    fn secrets(&self, node: &Node, found: &mut Vec<Span>) {
        secret_places(self.keys, node, found);
    }

    fn schema(&self) -> serde_json::Value {
        super::schema::group(self.keys)
    }
}

impl<T: 'static, U: Default> Group<T> for Put<T, U> {
    fn read(&self, all: &mut T, node: &Node, path: &str, diagnostics: &mut Vec<Diagnostic>) {
        (self.put)(all, settings(self.keys, node, path, diagnostics));
    }

    fn secrets(&self, node: &Node, found: &mut Vec<Span>) {
        secret_places(self.keys, node, found);
    }

    fn schema(&self) -> serde_json::Value {
        super::schema::group(self.keys)
    }
}

impl<T: 'static, U: Default> Group<T> for Items<T, U> {
    fn read(&self, all: &mut T, node: &Node, path: &str, diagnostics: &mut Vec<Diagnostic>) {
        if node.is_null() {
            return;
        }
        let Some(items) = node.as_list() else {
            let error = wrong(node, path, "a list").hint("write `- key: value` lines below it");
            diagnostics.push(error);
            return;
        };
        for (index, item) in items.iter().enumerate() {
            let read = settings(self.keys, item, &format!("{path}[{index}]"), diagnostics);
            (self.field)(all).push((item.span, read));
        }
    }

    fn secrets(&self, node: &Node, found: &mut Vec<Span>) {
        node.as_list().into_iter().flatten().for_each(|item| secret_places(self.keys, item, found));
    }

    fn schema(&self) -> serde_json::Value {
        serde_json::json!({"type": ["array", "null"], "items": super::schema::group(self.keys)})
    }
}

impl<T: 'static, U: Default> Group<T> for Each<T, U> {
    fn read(&self, all: &mut T, node: &Node, path: &str, diagnostics: &mut Vec<Diagnostic>) {
        if node.is_null() {
            return;
        }
        let Some(map) = mapping(node, path, diagnostics) else { return };
        for (key, node) in map {
            let name = Placed { text: key.name.to_string(), span: key.span };
            let read = settings_of(self.keys, (node, key.span), &join(path, &key.name), diagnostics);
            (self.field)(all).push((name, read));
        }
    }

    fn secrets(&self, node: &Node, found: &mut Vec<Span>) {
        let all = node.as_map().into_iter().flatten();
        all.for_each(|(_, node)| secret_places(self.keys, node, found));
    }

    fn schema(&self) -> serde_json::Value {
        let each = super::schema::group(self.keys);
        serde_json::json!({"type": ["object", "null"], "additionalProperties": each})
    }
}

/// Says that a key is missing, or all of several of which one must be there.
fn missing(keys: &[&'static str], owner: Span, path: &str) -> Diagnostic {
    let name = match path.rsplit('.').next() {
        Some(name) if !name.is_empty() => format!("`{name}`"),
        _ => "the settings".to_owned(),
    };
    let first = keys.first().copied().unwrap_or_default();
    let is_one = keys.len() == 1;
    let what = if is_one { format!("`{first}`") } else { format!("one of `{}`", keys.join("`, `")) };
    let hint = if is_one { format!("add `{first}:`") } else { format!("add one of {}", keys.join(", ")) };
    Diagnostic::error(format!("{what} is missing in {name}"))
        .at(if path.is_empty() { first } else { path })
        .span(owner)
        .lacks(Lack::Key(keys.to_vec()))
        .hint(hint)
}

/// Says that several keys are there of which one may be.
fn beside(set: &[&'static str], map: &Map, path: &str) -> Option<Diagnostic> {
    let mut found = map.keys().filter(|key| set.contains(&&*key.name));
    let (first, second) = (found.next()?, found.next()?);
    let error = Diagnostic::error(format!("`{}` stands beside `{}`", second.name, first.name));
    Some(error.at(join(path, &second.name)).span(second.span).hint("keep one of the two"))
}

/// Says that a key is there without the one that gives it a meaning.
fn alone((key, other): (&'static str, &'static str), map: &Map, path: &str) -> Option<Diagnostic> {
    let found = map.keys().find(|found| &*found.name == key)?;
    let error = Diagnostic::error(format!("`{key}` means nothing without `{other}`"));
    let hint = format!("add `{other}:` beside it, or remove it");
    Some(error.at(join(path, key)).span(found.span).lacks(Lack::Key(vec![other])).hint(hint))
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn unknown<T: 'static>(key: &Key, place: &str, keys: &Keys<T>) -> Diagnostic {
    let message = format!("unknown key `{}`", key.name);
    let known: Vec<&'static str> = keys.rows.iter().map(|row| row.key).collect();
    let hint = match nearest(&key.name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the keys are {}", known.join(", ")),
    };
    Diagnostic::error(message).at(place).span(key.span).allowed(known.iter().copied()).hint(hint)
}

fn wrong(node: &Node, place: &str, wanted: &str) -> Diagnostic {
    let name = place.rsplit('.').next().unwrap_or(place);
    let subject = if name.is_empty() { "what the settings hold".to_owned() } else { format!("`{name}`") };
    let message = match node.as_str() {
        Some(text) => format!("{subject} is `{}`, but must be {wanted}", text.escape_debug()),
        None => wrong_kind(&subject, &node.value, &[wanted]),
    };
    Diagnostic::error(message).at(place).span(node.span)
}

/// A mapping; anything else is said.
pub(super) fn mapping<'a>(node: &'a Node, place: &str, diagnostics: &mut Vec<Diagnostic>) -> Option<&'a Map> {
    let map = node.as_map();
    if map.is_none() {
        diagnostics
            .push(wrong(node, place, "a mapping").hint("write `name: value` lines below it, indented"));
    }
    map
}

fn text(node: &Node, place: &str, diagnostics: &mut Vec<Diagnostic>) -> Option<String> {
    let Some(text) = node.as_str().filter(|text| !text.is_empty()) else {
        diagnostics.push(wrong(node, place, "a text").hint("quote a value that reads as a number"));
        return None;
    };
    if text.contains('$') {
        let name = place.rsplit('.').next().unwrap_or(place);
        let refused = Diagnostic::error(format!("`{name}` holds a variable, but must be written out"));
        let refused = refused.at(place).span(node.span).focus("$");
        diagnostics.push(refused.hint("variables are not resolved in settings"));
        return None;
    }
    Some(text.to_owned())
}

/// A text that may hold anything. What it holds instead is not told, since it may be a secret.
fn verbatim<'a>(node: &'a Node, place: &str, diagnostics: &mut Vec<Diagnostic>) -> Option<&'a str> {
    let text = node.as_str().filter(|text| !text.is_empty());
    if text.is_none() {
        let name = place.rsplit('.').next().unwrap_or(place);
        let error = Diagnostic::error(format!("`{name}` must be a text")).at(place).span(node.span);
        diagnostics.push(error.hint("quote a value that reads as a number"));
    }
    text
}

fn secrets(node: &Node, place: &str, diagnostics: &mut Vec<Diagnostic>) -> Vec<(Placed, Sensitive)> {
    if node.is_null() {
        return Vec::new();
    }
    let Some(map) = mapping(node, place, diagnostics) else { return Vec::new() };
    let read = |(key, node): (&Key, &Node)| {
        let text = verbatim(node, &join(place, &key.name), diagnostics)?;
        Some((Placed { text: key.name.to_string(), span: key.span }, Sensitive::new(text)))
    };
    map.iter().filter_map(read).collect()
}

/// Reads every element of a list, or the one that stands in its place.
fn each<U>(node: &Node, place: &str, mut read: impl FnMut(&Node, &str) -> Option<U>) -> Vec<U> {
    match node.as_list() {
        Some(items) => {
            let item = |(index, node): (usize, &Node)| read(node, &format!("{place}[{index}]"));
            items.iter().enumerate().filter_map(item).collect()
        }
        None => read(node, place).into_iter().collect(),
    }
}

fn lists(node: &Node, place: &str, diagnostics: &mut Vec<Diagnostic>) -> Lists {
    if node.is_null() {
        return Vec::new();
    }
    let Some(map) = mapping(node, place, diagnostics) else { return Vec::new() };
    let read = |(key, node): (&Key, &Node)| {
        let name = Placed { text: key.name.to_string(), span: key.span };
        (name, list(node, &join(place, &key.name), diagnostics))
    };
    map.iter().map(read).collect()
}

fn list(node: &Node, place: &str, diagnostics: &mut Vec<Diagnostic>) -> Vec<Placed> {
    let placed = |node: &Node, text| Placed { text, span: node.span };
    match &node.value {
        Value::Null => Vec::new(),
        Value::String(_) => {
            text(node, place, diagnostics).map(|text| placed(node, text)).into_iter().collect()
        }
        Value::List(items) => {
            let item = |(index, node): (usize, &Node)| {
                text(node, &format!("{place}[{index}]"), diagnostics).map(|text| placed(node, text))
            };
            items.iter().enumerate().filter_map(item).collect()
        }
        Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Timestamp(_) | Value::Map(_) => {
            diagnostics.push(wrong(node, place, "a list of texts").hint("write [one, two]"));
            Vec::new()
        }
    }
}

fn switch(node: &Node, place: &str, diagnostics: &mut Vec<Diagnostic>) -> Option<bool> {
    if let Value::Bool(on) = node.value {
        return Some(on);
    }
    diagnostics
        .push(wrong(node, place, "true or false").allowed(["true", "false"]).hint("write true or false"));
    None
}

fn duration(node: &Node, place: &str, least: i64, diagnostics: &mut Vec<Diagnostic>) -> Option<Nanos> {
    let read = node.as_str().and_then(|text| Nanos::parse(text).ok()).filter(|time| time.0 >= least);
    if read.is_none() {
        diagnostics.push(wrong(node, place, "a time").hint("write a time such as 90s or 5m"));
    }
    read
}

fn count(node: &Node, place: &str, diagnostics: &mut Vec<Diagnostic>) -> Option<u32> {
    let read = match node.value {
        Value::Int(count) => u32::try_from(count).ok(),
        _ => None,
    };
    if read.is_none() {
        diagnostics
            .push(wrong(node, place, "a whole number").hint("write a number such as 2, without quotes"));
    }
    read
}

fn choice<'w>(
    words: &'w [&'static str],
    node: &Node,
    place: &str,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<&'w &'static str> {
    let written = node.as_str();
    let found = words.iter().find(|word| Some(**word) == written);
    if found.is_none() {
        let list = words.join(", ");
        let near = written.and_then(|written| nearest(written, words.iter().copied()));
        let hint = match (near, written) {
            (Some(near), _) => format!("did you mean `{near}`?"),
            (None, Some(_)) => format!("write one of {list}"),
            // A word that reads as a number.
            (None, None) => format!("write one of \"{}\", in quotes", words.join("\", \"")),
        };
        diagnostics
            .push(wrong(node, place, &format!("one of {list}")).allowed(words.iter().copied()).hint(hint));
    }
    found
}
