//! Interpolation: variables in every string of a document, and the conversions that go with it.

mod cast;
mod template;

use super::diagnostic::{Diagnostic, MAX_TOLD};
use super::growth::Growth;
use super::node::{Node, Span, Value};
pub use cast::Cast;
use cast::Casted;
use std::collections::BTreeMap;
use std::sync::Arc;
pub use template::{Lookup, TemplateError, find_variable, substitute, substitute_all};

/// One step of the path to a node.
enum Step {
    Key(Arc<str>),
    Item(usize),
}

/// The place of a string that uses a variable of which nobody knows whether it is set.
pub struct Unknown {
    /// Its key path.
    pub path: String,
    /// Where it stands.
    pub span: Span,
}

/// Interpolates every string scalar of the tree in place, and converts those at the paths that hold numbers
/// or booleans. Keys are left alone, and a substituted value is not scanned again.
///
/// Pushes every error, a warning for each unset variable at its first use with the number of others, and one for booleans
/// such as `yes`; a string with an error stays as it was. Message texts begin as the reference's do (docker compose
/// 2.40). Values may make the text longer as far as `growth` goes.
pub fn interpolate(root: &mut Node, lookup: Lookup, growth: &mut Growth, diagnostics: &mut Vec<Diagnostic>) {
    let mut walk = Walk::new(lookup, growth, diagnostics, true);
    walk.node(root);
    walk.warn();
}

/// The same where variables that nothing sets may have been set in a file that cannot be read: strings that use them
/// are no mistakes, and are given back.
pub fn interpolate_known(
    root: &mut Node,
    lookup: Lookup,
    growth: &mut Growth,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Unknown> {
    let mut walk = Walk::new(lookup, growth, diagnostics, false);
    walk.node(root);
    walk.unknown
}

struct Walk<'a> {
    lookup: Lookup<'a>,
    growth: &'a mut Growth,
    diagnostics: &'a mut Vec<Diagnostic>,
    path: Vec<Step>,
    /// Unset variables: the warning about the first use, and how many more strings use it.
    unset: BTreeMap<String, (Diagnostic, usize)>,
    unknown: Vec<Unknown>,
    /// Whether a variable that is not set could be set nowhere.
    is_all_known: bool,
}

impl<'a> Walk<'a> {
    fn new(
        lookup: Lookup<'a>,
        growth: &'a mut Growth,
        diagnostics: &'a mut Vec<Diagnostic>,
        is_all_known: bool,
    ) -> Self {
        let (path, unset, unknown) = (Vec::new(), BTreeMap::new(), Vec::new());
        Self { lookup, growth, diagnostics, path, unset, unknown, is_all_known }
    }

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
                Some(substituted) => {
                    if !self.growth.take(substituted.len().saturating_sub(text.len())) {
                        let place = self.place();
                        self.diagnostics.extend(self.growth.refusal("variables", &place, node.span));
                        return;
                    }
                    *text = substituted;
                }
                None => return,
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

    /// The text with its variables replaced, unless something is wrong with it or unknown about it.
    fn substituted(&mut self, text: &str, span: Span) -> Option<String> {
        let mut unset: Vec<String> = Vec::new();
        let result = substitute_all(text, self.lookup, &mut |name| {
            if unset.len() < MAX_TOLD && !unset.iter().any(|known| known == name) {
                unset.push(name.to_owned());
            }
        });
        let (demanded, invalid): (Vec<_>, Vec<_>) = result
            .as_ref()
            .err()
            .into_iter()
            .flatten()
            .partition(|problem| matches!(problem, TemplateError::Required { .. }));
        for problem in invalid.iter().chain(demanded.iter().filter(|_| self.is_all_known)) {
            let error = self.problem(problem, text, span);
            self.diagnostics.push(error);
        }
        let all_set = unset.is_empty() && demanded.is_empty();
        if !self.is_all_known && !all_set {
            self.unknown.push(Unknown { path: self.place(), span });
            return None;
        }
        for name in unset {
            self.note_unset(name, text, span);
        }
        result.ok()
    }

    fn note_unset(&mut self, name: String, text: &str, span: Span) {
        if let Some((_, more)) = self.unset.get_mut(&name) {
            *more += 1;
            return;
        }
        let warning = used(unset(&name), text, &name).at(self.place()).span(span);
        self.unset.insert(name, (warning, 0));
    }

    fn warn(self) {
        self.diagnostics.extend(self.unset.into_values().map(|(warning, more)| warning.more_places(more)));
    }

    fn problem(&self, problem: &TemplateError, text: &str, span: Span) -> Diagnostic {
        match problem {
            TemplateError::Invalid { template } => {
                let place = self.reference_place();
                let message = format!(
                    "invalid interpolation format for {place}.\nYou may need to escape any $ with another $.\n{template}"
                );
                let error = Diagnostic::error(message).plain("`${` begins no variable here");
                error.at(self.place()).span(span).focus("${").hint(TEMPLATE_HINT)
            }
            TemplateError::TooLong => {
                self.failed(&problem.to_string(), span).plain(problem.to_string()).hint(TOO_LONG_HINT)
            }
            TemplateError::Required { name, .. } => {
                let failed = self.failed(&problem.to_string(), span).plain(problem.to_string());
                used(failed, text, name)
                    .hint(format!("set {name} in the environment or in an env file of the project"))
            }
        }
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

/// What to do about a text that its variables make too long.
pub(super) const TOO_LONG_HINT: &str = "use a shorter value, or use it less often";

/// The warning about a variable that nothing sets, still without its place.
pub(in crate::compose) fn unset(name: &str) -> Diagnostic {
    Diagnostic::warning(format!("The {name:?} variable is not set. Defaulting to a blank string."))
        .plain(format!("the variable {name} is not set, and is taken as empty"))
        .variable(name)
        .hint(format!("set {name}, or write ${{{name}:-}} if empty is right"))
}

/// A diagnostic about the place where a text uses a variable.
fn used(diagnostic: Diagnostic, text: &str, name: &str) -> Diagnostic {
    match find_variable(text, name) {
        Some(place) => diagnostic.focus(&text[place]),
        None => diagnostic,
    }
}

#[cfg(test)]
mod tests;
