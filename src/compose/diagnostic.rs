//! Errors and warnings about what a user wrote, with the place where it stands.

use super::node::{FileId, Span};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How bad a diagnostic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The stack cannot be loaded.
    Error,
    /// The stack loads, but its author should know.
    Warning,
}

/// Something to tell the author of a compose file.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// One sentence: what was found.
    pub message: String,
    /// Dotted path of the key in the project, such as `services.web.ports[0]`; empty if there is none.
    pub path: String,
    /// Where it stands, if a file holds it.
    pub span: Option<Span>,
    /// What would be right, if that is known.
    pub hint: Option<String>,
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
}

/// The text of every file that was read, for positions in diagnostics.
///
/// Index 0 is reserved for "no file", so that [`Span::default`] never points into a real one.
#[derive(Debug, Clone)]
pub struct Sources {
    files: Vec<(PathBuf, Arc<str>)>,
}

impl Default for Sources {
    fn default() -> Self {
        Self { files: vec![(PathBuf::new(), Arc::from(""))] }
    }
}

impl Sources {
    /// Adds a file and gives its id.
    pub fn add(&mut self, path: &Path, text: Arc<str>) -> FileId {
        self.files.push((path.to_owned(), text));
        FileId(u32::try_from(self.files.len() - 1).unwrap_or(u32::MAX))
    }

    /// The paths of all files, in the order they were read.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().skip(1).map(|(path, _)| path.as_path())
    }

    /// The path of a file.
    pub fn path(&self, file: FileId) -> &Path {
        self.files.get(file.0 as usize).map_or(Path::new(""), |(path, _)| path)
    }

    /// The text of a file.
    pub fn text(&self, file: FileId) -> &str {
        self.files.get(file.0 as usize).map_or("", |(_, text)| text)
    }

    /// Line and column of the start of a span, both from 1; columns count characters.
    pub fn position(&self, span: Span) -> (usize, usize) {
        let text = self.text(span.file);
        let mut start = (span.start as usize).min(text.len());
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        let before = &text[..start];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        (line, column)
    }
}
