//! Errors and warnings about what a user wrote, with the place where it stands.

use super::node::{FileId, Span};
use std::collections::BTreeSet;
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
    also: Option<(Span, String)>,
    allowed: Vec<String>,
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
            self.details().also = Some((span, label.into()));
        }
        self
    }

    /// The same with what may stand there.
    #[must_use]
    pub fn allowed<T: Into<String>>(mut self, words: impl IntoIterator<Item = T>) -> Self {
        self.details().allowed = words.into_iter().map(Into::into).collect();
        self
    }

    fn details(&mut self) -> &mut Details {
        self.details.get_or_insert_default()
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

    /// Another place that has to do with it, and what is there.
    pub fn other_place(&self) -> Option<(Span, &str)> {
        let (span, label) = self.details.as_ref()?.also.as_ref()?;
        Some((*span, label))
    }

    /// What may stand there, if that is one of a few words.
    pub fn choices(&self) -> &[String] {
        self.details.as_ref().map_or(&[], |details| &details.allowed)
    }
}

/// The text of every file that was read, for positions in diagnostics.
///
/// Index 0 is reserved for "no file", so that [`Span::default`] never points into a real one.
#[derive(Debug, Clone)]
pub struct Sources {
    files: Vec<(PathBuf, Arc<str>)>,
    /// Files of variables, whose values are nobody's business.
    private: BTreeSet<FileId>,
}

impl Default for Sources {
    fn default() -> Self {
        Self { files: vec![(PathBuf::new(), Arc::from(""))], private: BTreeSet::new() }
    }
}

impl Sources {
    /// Adds a file and gives its id.
    pub fn add(&mut self, path: &Path, text: Arc<str>) -> FileId {
        self.files.push((path.to_owned(), text));
        FileId(u32::try_from(self.files.len() - 1).unwrap_or(u32::MAX))
    }

    /// Marks the file added last as one of variables: values in it are not to be shown.
    pub fn keep_last_private(&mut self) {
        self.private.insert(FileId(u32::try_from(self.files.len() - 1).unwrap_or(u32::MAX)));
    }

    /// Whether values in a file are not to be shown.
    pub fn is_private(&self, file: FileId) -> bool {
        self.private.contains(&file)
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
