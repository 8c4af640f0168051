//! Stacks that cannot stand side by side: the same project name, container name or host port, or dependencies that lead
//! nowhere.

mod names;
mod ports;
mod stacks;

use super::load::Outcome;
use crate::compose::desired::locate;
use crate::compose::diagnostic::Diagnostic;
use crate::model::desired::{DesiredService, DesiredStack};
use std::path::Path;

/// A stack that loads.
struct View<'a> {
    /// Its index among the outcomes.
    index: usize,
    stack: &'a DesiredStack,
    outcome: &'a Outcome,
    root: &'a Path,
}

/// Diagnostics by the index of the outcome that they are about. Each clash is told to both sides.
pub(super) fn find(outcomes: &[Outcome], root: &Path) -> Vec<(usize, Diagnostic)> {
    let view = |(index, outcome)| {
        let outcome: &Outcome = outcome;
        Some(View { index, stack: outcome.desired.as_ref()?, outcome, root })
    };
    let views: Vec<View<'_>> = outcomes.iter().enumerate().filter_map(view).collect();
    let known: Vec<&str> = outcomes.iter().filter_map(|outcome| outcome.stack.name.as_deref()).collect();
    let mut found = stacks::same_name(&views);
    found.extend(names::containers(&views));
    found.extend(ports::clashes(&views));
    found.extend(stacks::dependencies(&views, &known));
    found
}

impl View<'_> {
    /// An error about a key of this stack.
    fn error(&self, path: &[&str], message: String) -> (usize, Diagnostic) {
        let error = Diagnostic::error(message);
        let Some(project) = &self.outcome.stack.project else { return (self.index, error) };
        let (dotted, span) = locate(&project.nodes, path);
        (self.index, error.at(dotted).span(span))
    }

    /// Where a key of this stack stands, for the other side's message.
    fn place(&self, path: &[&str]) -> String {
        let directory = &self.outcome.stack.directory;
        let shown = |path: &Path| path.strip_prefix(self.root).unwrap_or(path).display().to_string();
        let span = self.outcome.stack.project.as_ref().map(|project| locate(&project.nodes, path).1);
        match span.filter(|span| span.file != crate::compose::node::FileId::default()) {
            Some(span) => {
                let (line, column) = self.outcome.stack.sources.position(span);
                format!("{}:{line}:{column}", shown(self.outcome.stack.sources.path(span.file)))
            }
            None => shown(directory),
        }
    }
}

/// A service of a stack that loads.
#[derive(Clone, Copy)]
struct Member<'a> {
    view: &'a View<'a>,
    key: &'a str,
    service: &'a DesiredService,
}

/// Every service, in the order of stacks and keys.
fn members<'a>(views: &'a [View<'a>]) -> impl Iterator<Item = Member<'a>> {
    views
        .iter()
        .flat_map(|view| view.stack.services.iter().map(move |(key, service)| Member { view, key, service }))
}

impl Member<'_> {
    fn is(&self, other: &Member<'_>) -> bool {
        self.view.index == other.view.index && self.key == other.key
    }

    fn error(&self, path: &[&str], message: String) -> (usize, Diagnostic) {
        self.view.error(&self.path(path), message)
    }

    /// The service and where a key of it stands, for the other side's message.
    fn named(&self, path: &[&str]) -> String {
        format!(
            "service {} of stack {} ({})",
            self.key,
            self.view.stack.name,
            self.view.place(&self.path(path))
        )
    }

    fn path<'b>(&'b self, rest: &[&'b str]) -> Vec<&'b str> {
        ["services", self.key].into_iter().chain(rest.iter().copied()).collect()
    }
}

#[cfg(test)]
mod tests;
