//! Errors and warnings about what a user wrote, with the place where it stands.

mod sources;

use super::node::Span;
pub use sources::{Sources, Way};
use std::sync::Arc;

/// Diagnostics of one project that are told; nobody reads more, and each of a million would take its memory.
pub const MAX_TOLD: usize = 1000;

/// How bad a diagnostic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The stack cannot be loaded.
    Error,
    /// The stack loads, but its author should know.
    Warning,
}

/// What an error says is not there. Where parts of a project could not be read, it may stand in one of them, and the
/// error says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lack {
    /// One of these keys below the error's path.
    Key(Vec<&'static str>),
    /// An entry of a section of the project, such as `networks`.
    Entry(&'static str),
}

/// Something to tell the author of a compose file.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What was found. Where the reference (docker compose 2.40) refuses the same, this begins with its words; what
    /// people read is [`Self::text`].
    pub message: String,
    /// Dotted path of the key in the project, such as `services.web.ports[0]`; empty if there is none.
    pub path: String,
    /// Where it stands, if a file holds it.
    pub span: Option<Span>,
    /// What would be right, if that is known.
    pub hint: Option<String>,
    /// What only some have; in a box, since most results carry no diagnostic at all.
    details: Option<Box<Details>>,
}

/// What only some diagnostics have.
#[derive(Debug, Clone, Default)]
struct Details {
    plain: Option<String>,
    focus: Option<String>,
    also: Vec<(Span, String)>,
    allowed: Option<Arc<[String]>>,
    lacks: Option<Lack>,
    variable: Option<String>,
    more: usize,
}

impl Diagnostic {
    /// An error without position.
    pub fn error(message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            message: message.into(),
            path: String::new(),
            span: None,
            hint: None,
            details: None,
        }
    }

    /// A warning without position.
    pub fn warning(message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(message) }
    }

    /// The same at a key path.
    #[must_use]
    pub fn at(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// The same at a place in a file; a span that no file holds is left out.
    #[must_use]
    pub fn span(mut self, span: Span) -> Self {
        if span != Span::default() {
            self.span = Some(span);
        }
        self
    }

    /// The same with a correction.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same in plain words, where the message has those of the reference.
    #[must_use]
    pub fn plain(mut self, plain: impl Into<String>) -> Self {
        self.details().plain = Some(plain.into());
        self
    }

    /// The same about a part of what stands at its place: the first occurrence of this text.
    #[must_use]
    pub fn focus(mut self, part: impl Into<String>) -> Self {
        self.details().focus = Some(part.into());
        self
    }

    /// The same with another place that has to do with it, and what is there.
    #[must_use]
    pub fn also(mut self, span: Span, label: impl Into<String>) -> Self {
        if span != Span::default() {
            self.details().also.push((span, label.into()));
        }
        self
    }

    /// The same with what may stand there.
    #[must_use]
    pub fn allowed<T: Into<String>>(mut self, words: impl IntoIterator<Item = T>) -> Self {
        self.details().allowed = Some(words.into_iter().map(Into::into).collect());
        self
    }

    /// The same with what may stand there, in a list that many diagnostics share.
    #[must_use]
    pub fn choose_from(mut self, words: Arc<[String]>) -> Self {
        self.details().allowed = Some(words);
        self
    }

    /// The same about something that is not there.
    #[must_use]
    pub fn lacks(mut self, what: Lack) -> Self {
        self.details().lacks = Some(what);
        self
    }

    /// The same about a variable that nothing sets.
    #[must_use]
    pub fn variable(mut self, name: impl Into<String>) -> Self {
        self.details().variable = Some(name.into());
        self
    }

    /// The same, which holds at so many more places.
    #[must_use]
    pub fn more_places(mut self, count: usize) -> Self {
        self.details().more = count;
        self
    }

    fn details(&mut self) -> &mut Details {
        self.details.get_or_insert_default()
    }

    /// Whether the stack cannot be loaded.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// What was found, in plain words.
    pub fn text(&self) -> &str {
        let plain = self.details.as_ref().and_then(|details| details.plain.as_deref());
        plain.unwrap_or_else(|| self.message.trim_end_matches(": invalid compose project"))
    }

    /// Where exactly it stands.
    pub fn place(&self, sources: &Sources) -> Option<Span> {
        let span = self.span?;
        let Some(part) = self.details.as_ref().and_then(|details| details.focus.as_deref()) else {
            return Some(span);
        };
        let written = sources.text(span.file).get(span.start as usize..span.end as usize);
        let found = written.and_then(|written| u32::try_from(written.find(part)?).ok());
        Some(found.map_or(span, |at| Span {
            start: span.start + at,
            end: span.start + at + u32::try_from(part.len()).unwrap_or_default(),
            ..span
        }))
    }

    /// Other places that have to do with it, each with what is there.
    pub fn other_places(&self) -> &[(Span, String)] {
        self.details.as_ref().map_or(&[], |details| &details.also)
    }

    /// What may stand there, if that is one of a few words.
    pub fn choices(&self) -> &[String] {
        self.details.as_ref().and_then(|details| details.allowed.as_deref()).unwrap_or_default()
    }

    /// What it says is not there, if it says that.
    pub fn lack(&self) -> Option<&Lack> {
        self.details.as_ref()?.lacks.as_ref()
    }

    /// The variable that nothing sets, if it is about one.
    pub fn unset_variable(&self) -> Option<&str> {
        self.details.as_ref()?.variable.as_deref()
    }

    /// How many places it holds at.
    pub fn count(&self) -> usize {
        1 + self.details.as_ref().map_or(0, |details| details.more)
    }
}
