//! What becomes of every attribute: carried out, ignored, or refused, as its row in the table of attributes
//! says. The manual is made from the same.

use super::attributes::{self, Inside};
use super::settings;
use serde_json::{Map, Value};
use std::sync::LazyLock;

/// What becomes of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It is carried out.
    Full,
    /// It has no effect, as with the reference, and nobody is told.
    Ignored(&'static str),
    /// It has no effect, and its author is warned.
    Warned(&'static str),
    /// The stack does not load with it.
    Refused(&'static str),
}

/// One attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Key path: `*` is any name, `[]` any list element, `[1]` the second one; `=value` narrows to a value.
    pub path: String,
    /// What becomes of it.
    pub status: Status,
}

/// Every attribute of the Compose model, in the order of the table of attributes.
pub static SUPPORT: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let mut rows = Vec::new();
    let mut row = |path: String, status| rows.push(Row { path, status });
    attributes::each(&mut |path, field| {
        let Some(status) = field.status else { return Inside::Visited };
        row(path.to_owned(), status);
        for (narrow, status) in field.narrowed {
            row(format!("{path}{narrow}"), *status);
        }
        Inside::Skipped
    });
    row(settings::KEY.to_owned(), Status::Full);
    for key in settings::service_keys() {
        row(format!("services.*.{}.{key}", settings::KEY), Status::Full);
    }
    row("x-*".to_owned(), Status::Ignored("extensions belong to their authors"));
    rows
});

/// An attribute of a project that is warned about or refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// Where it stands in the canonical tree; list elements by their index as text.
    pub path: Vec<String>,
    /// Its row.
    pub row: &'static Row,
}

#[derive(Debug)]
enum Step {
    Key(&'static str),
    AnyKey,
    Item(usize),
    AnyItem,
}

#[derive(Debug)]
struct Pattern {
    steps: Vec<Step>,
    value: Option<&'static str>,
    row: &'static Row,
}

static PATTERNS: LazyLock<Vec<Pattern>> = LazyLock::new(|| {
    let spoken = |row: &&Row| matches!(row.status, Status::Warned(_) | Status::Refused(_));
    SUPPORT.iter().filter(spoken).map(pattern).collect()
});

fn pattern(row: &'static Row) -> Pattern {
    let (path, value) = match row.path.split_once('=') {
        Some((path, value)) => (path, Some(value)),
        None => (row.path.as_str(), None),
    };
    let mut steps = Vec::new();
    for part in path.split('.') {
        let (key, indexes) = part.split_at(part.find('[').unwrap_or(part.len()));
        steps.push(if key == "*" { Step::AnyKey } else { Step::Key(key) });
        for index in indexes.split(['[', ']']).skip(1).step_by(2) {
            steps.push(index.parse().map_or(Step::AnyItem, Step::Item));
        }
    }
    Pattern { steps, value, row }
}

/// The attributes of a canonical tree that are warned about or refused, in the order of the table.
///
/// An attribute that is false, empty or null asks for nothing and is no hit.
pub fn check(tree: &Map<String, Value>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for pattern in PATTERNS.iter() {
        if let Some((Step::Key(first), rest)) = pattern.steps.split_first()
            && let Some(value) = tree.get(*first)
        {
            descend(value, rest, &mut vec![(*first).to_owned()], pattern, &mut hits);
        }
    }
    hits
}

fn descend(value: &Value, steps: &[Step], path: &mut Vec<String>, pattern: &Pattern, hits: &mut Vec<Hit>) {
    let Some((step, rest)) = steps.split_first() else {
        let wanted = pattern.value.is_none_or(|wanted| value.as_str() == Some(wanted));
        if wanted && asks(value) {
            hits.push(Hit { path: path.clone(), row: pattern.row });
        }
        return;
    };
    let mut enter = |name: String, value: &Value| {
        path.push(name);
        descend(value, rest, path, pattern, hits);
        path.pop();
    };
    match (step, value) {
        (Step::Key(key), Value::Object(map)) => {
            if let Some(value) = map.get(*key) {
                enter((*key).to_owned(), value);
            }
        }
        (Step::AnyKey, Value::Object(map)) => {
            for (key, value) in map {
                enter(key.clone(), value);
            }
        }
        (Step::Item(index), Value::Array(list)) => {
            if let Some(value) = list.get(*index) {
                enter(index.to_string(), value);
            }
        }
        (Step::AnyItem, Value::Array(list)) => {
            for (index, value) in list.iter().enumerate() {
                enter(index.to_string(), value);
            }
        }
        (Step::Key(_) | Step::AnyKey | Step::Item(_) | Step::AnyItem, _) => {}
    }
}

fn asks(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(on) => *on,
        Value::Number(_) => true,
        Value::String(text) => !text.is_empty() && text != "false",
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => !map.is_empty(),
    }
}

#[cfg(test)]
mod tests;
