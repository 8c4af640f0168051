//! Interpolation: variables in every string of a document, and the conversions that go with it.

mod cast;
mod template;

use super::diagnostic::Diagnostic;
use super::node::{Node, Span, Value};
use cast::Casted;
use std::sync::Arc;
pub use template::{Lookup, TemplateError, find_variable, substitute};

/// One step of the path to a node.
enum Step {
    Key(Arc<str>),
    Item(usize),
}

/// Interpolates every string scalar of the tree in place, and converts those at the paths that hold numbers
/// or booleans. Keys are left alone, and a substituted value is not scanned again.
///
/// Pushes every error, and a warning for each use of an unset variable and for booleans such as `yes`; a
/// string with an error stays as it was. Message texts begin as the reference's do (docker compose 2.40).
pub fn interpolate(root: &mut Node, lookup: Lookup, diagnostics: &mut Vec<Diagnostic>) {
    Walk { lookup, diagnostics, path: Vec::new() }.node(root);
}

struct Walk<'a> {
    lookup: Lookup<'a>,
    diagnostics: &'a mut Vec<Diagnostic>,
    path: Vec<Step>,
}

impl Walk<'_> {
    fn node(&mut self, node: &mut Node) {
        match &mut node.value {
            Value::String(_) => self.string(node),
            Value::List(list) => {
                for (index, element) in list.iter_mut().enumerate() {
                    self.path.push(Step::Item(index));
                    self.node(element);
                    self.path.pop();
                }
            }
            Value::Map(map) => {
                for (key, value) in map.iter_mut() {
                    self.path.push(Step::Key(key.name.clone()));
                    self.node(value);
                    self.path.pop();
                }
            }
            Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Timestamp(_) => {}
        }
    }

    fn string(&mut self, node: &mut Node) {
        let Value::String(text) = &mut node.value else { return };
        if text.contains('$') {
            match self.substituted(text, node.span) {
                Ok(substituted) => *text = substituted,
                Err(found) => {
                    self.diagnostics.push(found);
                    return;
                }
            }
        }
        let Some(cast) = cast::at(&self.path) else { return };
        match cast.apply(text) {
            Ok(Casted::Value(value)) => node.value = value,
            Ok(Casted::OldWord(value, word)) => {
                let message =
                    format!("{text:?} for boolean is not supported by YAML 1.2, please use `{word}`");
                let plain = format!("`{text}` is not a boolean in YAML 1.2; it is read as `{word}`");
                let warning = Diagnostic::warning(message).plain(plain).hint(format!("write {word}"));
                self.diagnostics.push(warning.at(self.place()).span(node.span).allowed(["true", "false"]));
                node.value = value;
            }
            Err(problem) => {
                let problem = format!("failed to cast to expected type: {problem}");
                let plain = format!("`{text}` is not {}", cast.name());
                self.diagnostics.push(self.failed(&problem, node.span).plain(plain).hint(cast.wanted()));
            }
        }
    }

    fn substituted(&mut self, text: &str, span: Span) -> Result<String, Diagnostic> {
        let mut unset: Vec<String> = Vec::new();
        let result = substitute(text, self.lookup, &mut |name| unset.push(name.to_owned()));
        for name in unset {
            let message = format!("The {name:?} variable is not set. Defaulting to a blank string.");
            let warning = Diagnostic::warning(message)
                .plain(format!("the variable {name} is not set, and is taken as empty"))
                .hint(format!("set {name}, or write ${{{name}:-}} if empty is right"));
            self.diagnostics.push(used(warning, text, &name).at(self.place()).span(span));
        }
        result.map_err(|error| match &error {
            TemplateError::Invalid { template } => {
                let place = self.reference_place();
                let message = format!(
                    "invalid interpolation format for {place}.\nYou may need to escape any $ with another $.\n{template}"
                );
                let error = Diagnostic::error(message).plain("`${` begins no variable here");
                error.at(self.place()).span(span).focus("${").hint(TEMPLATE_HINT)
            }
            TemplateError::Required { name, .. } => {
                let failed = self.failed(&error.to_string(), span).plain(error.to_string());
                used(failed, text, name)
                    .hint(format!("set {name} in the environment or in an env file of the project"))
            }
        })
    }

    fn failed(&self, problem: &str, span: Span) -> Diagnostic {
        let message = format!("error while interpolating {}: {problem}", self.reference_place());
        Diagnostic::error(message).at(self.place()).span(span)
    }

    /// The path as the reference's messages print it, where list elements have no number.
    fn reference_place(&self) -> String {
        let steps: Vec<&str> = self
            .path
            .iter()
            .map(|step| match step {
                Step::Key(key) => &**key,
                Step::Item(_) => "[]",
            })
            .collect();
        steps.join(".")
    }

    fn place(&self) -> String {
        self.path.iter().fold(String::new(), |place, step| match step {
            Step::Key(key) if place.is_empty() => key.to_string(),
            Step::Key(key) => format!("{place}.{key}"),
            Step::Item(index) => format!("{place}[{index}]"),
        })
    }
}

/// What is right in place of a template that is none.
pub(super) const TEMPLATE_HINT: &str =
    "a variable is $NAME, ${NAME} or ${NAME:-default}, all on one line; a dollar sign is $$";

/// A diagnostic about the place where a text uses a variable.
fn used(diagnostic: Diagnostic, text: &str, name: &str) -> Diagnostic {
    match find_variable(text, name) {
        Some(place) => diagnostic.focus(&text[place]),
        None => diagnostic,
    }
}

#[cfg(test)]
mod tests;
