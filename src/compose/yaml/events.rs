//! The parser's events with byte positions, and a log of those under anchors so that aliases can replay them.
//!
//! Replaying builds each aliased node anew with the same code that built the first one: no second tree is
//! kept for files that use no anchors, and the paths of tags come out right under every alias.

use super::super::diagnostic::Diagnostic;
use super::super::growth::{self, Growth};
use super::super::node::{FileId, Span};
use super::fault;
use super::guard::{GuardedParser, PAD, Stopped};
use libyaml_safer::{EventData, Mark, ScalarStyle};
use std::cell::OnceCell;
use std::collections::HashMap;

/// One step of a document.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub kind: Kind,
    pub tag: Option<String>,
    pub span: Span,
}

/// What a step is.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    Scalar {
        text: String,
        plain: bool,
    },
    List,
    Map,
    /// The end of the innermost list or map; its span is empty after block style.
    End,
    Alias(AnchorId),
    /// An alias of an anchor that is not there.
    UnknownAlias(String),
    /// The end of a document or of the file.
    Close,
}

/// Index of an anchor's definition.
pub(super) type AnchorId = usize;

/// Where the next event comes from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cursor {
    /// The parser.
    Live,
    /// The log, from this index on.
    Replay(usize),
}

/// What an alias leads to.
pub(super) enum Target {
    /// A finished node, to be replayed.
    Node(Cursor),
    /// A node that the alias stands in, this many levels up.
    Enclosing { levels: usize },
}

struct Anchor {
    start: usize,
    /// How many collections were open outside it.
    depth: usize,
    closed: bool,
}

/// The events of one file.
pub(super) struct Events<'t> {
    parser: GuardedParser<'t>,
    /// Where the last event ended.
    read_to: Span,
    file: FileId,
    text: &'t str,
    base: u64,
    log: Vec<Event>,
    names: HashMap<String, AnchorId>,
    anchors: Vec<Anchor>,
    /// The open collections of the parser, with their anchors.
    open: Vec<Option<AnchorId>>,
    recording: usize,
    /// The line feeds of the text, once a line was asked for.
    line_ends: OnceCell<Vec<usize>>,
    /// How far aliases may still repeat.
    pub(super) growth: Growth,
}

impl<'t> Events<'t> {
    /// The events of a text; byte order marks in front of it are skipped.
    pub fn new(file: FileId, text: &'t str, growth: Growth) -> Self {
        let body = text.trim_start_matches('\u{feff}');
        Self {
            parser: GuardedParser::new(body),
            read_to: Span { file, start: 0, end: 0 },
            file,
            text,
            base: (text.len() - body.len()) as u64,
            log: Vec::new(),
            names: HashMap::new(),
            anchors: Vec::new(),
            open: Vec::new(),
            recording: 0,
            line_ends: OnceCell::new(),
            growth,
        }
    }

    /// The names of the anchors so far.
    pub fn anchors(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(String::as_str)
    }

    /// Line of the start of a span, from 1.
    pub fn line(&self, span: Span) -> usize {
        let ends = self.line_ends.get_or_init(|| self.text.match_indices('\n').map(|(at, _)| at).collect());
        ends.partition_point(|end| *end < span.start as usize) + 1
    }

    /// Goes to the next document; false at the end of the file.
    pub fn next_document(&mut self) -> Result<bool, Diagnostic> {
        loop {
            let event = self.read()?;
            match event.data {
                EventData::DocumentStart { version_directive, .. } => {
                    if version_directive.is_some_and(|version| version.minor != 1) {
                        let span = self.span(event.start_mark, event.start_mark);
                        return Err(fault::incompatible_version(span));
                    }
                    return Ok(true);
                }
                EventData::StreamEnd => return Ok(false),
                _ => {}
            }
        }
    }

    /// The next event at a cursor, which moves on.
    pub fn next(&mut self, cursor: &mut Cursor) -> Result<Event, Diagnostic> {
        match cursor {
            Cursor::Live => self.next_live(),
            Cursor::Replay(at) => {
                let event = self.log.get(*at).cloned();
                *at += 1;
                let event = event.unwrap_or(Event { kind: Kind::Close, tag: None, span: Span::default() });
                self.count(&event)?;
                Ok(event)
            }
        }
    }

    /// What an alias leads to.
    pub fn target(&self, anchor: AnchorId) -> Target {
        match self.anchors.get(anchor) {
            Some(found) if found.closed => Target::Node(Cursor::Replay(found.start)),
            Some(found) => Target::Enclosing { levels: self.open.len() - found.depth },
            None => Target::Enclosing { levels: 0 },
        }
    }

    fn count(&mut self, event: &Event) -> Result<(), Diagnostic> {
        let bytes = if let Kind::Scalar { text, .. } = &event.kind { text.len() } else { 0 };
        if self.growth.take(growth::NODE + bytes) {
            return Ok(());
        }
        // Told by another file before: an error all the same, for the rest of this file is lost.
        Err(self
            .growth
            .refusal("aliases", "", event.span)
            .unwrap_or_else(|| fault::too_many_aliases(event.span)))
    }

    fn next_live(&mut self) -> Result<Event, Diagnostic> {
        let event = self.read()?;
        let span = self.span(event.start_mark, event.end_mark);
        let (kind, tag, anchor) = match event.data {
            EventData::Scalar { anchor, tag, value, style, .. } => {
                let text = self.without_pad(value, style);
                (Kind::Scalar { text, plain: style == ScalarStyle::Plain }, tag, anchor)
            }
            EventData::SequenceStart { anchor, tag, .. } => (Kind::List, tag, anchor),
            EventData::MappingStart { anchor, tag, .. } => (Kind::Map, tag, anchor),
            EventData::SequenceEnd | EventData::MappingEnd => (Kind::End, None, None),
            EventData::Alias { anchor } => match self.names.get(&anchor) {
                Some(id) => (Kind::Alias(*id), None, None),
                None => (Kind::UnknownAlias(anchor), None, None),
            },
            EventData::StreamStart { .. }
            | EventData::StreamEnd
            | EventData::DocumentStart { .. }
            | EventData::DocumentEnd { .. } => (Kind::Close, None, None),
        };
        let event = Event { kind, tag, span };
        self.record(&event, anchor);
        Ok(event)
    }

    fn read(&mut self) -> Result<libyaml_safer::Event, Diagnostic> {
        match self.parser.next() {
            Ok(event) => {
                self.read_to = self.span(event.end_mark, event.end_mark);
                Ok(event)
            }
            Err(Stopped::Syntax(error)) => Err(fault::syntax(&error, self.file, self.text)),
            Err(Stopped::Panicked) => Err(fault::gave_up(self.read_to, self.text)),
        }
    }

    /// Takes the pad off a block scalar that reached the end of the text.
    fn without_pad(&self, mut text: String, style: ScalarStyle) -> String {
        let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
        if is_block && self.parser.is_padded && text.ends_with(PAD) {
            text.pop();
        }
        text
    }

    /// Keeps an event that stands under an anchor, and the book of open collections.
    fn record(&mut self, event: &Event, name: Option<String>) {
        let anchor = name.map(|name| {
            let id = self.anchors.len();
            self.anchors.push(Anchor { start: self.log.len(), depth: self.open.len(), closed: false });
            self.names.insert(name, id);
            self.recording += 1;
            id
        });
        if self.recording > 0 {
            self.log.push(event.clone());
        }
        let finished = match event.kind {
            Kind::List | Kind::Map => {
                self.open.push(anchor);
                None
            }
            Kind::End => self.open.pop().flatten(),
            Kind::Scalar { .. } | Kind::Alias(_) | Kind::UnknownAlias(_) | Kind::Close => anchor,
        };
        if let Some(found) = finished.and_then(|id| self.anchors.get_mut(id)) {
            found.closed = true;
            self.recording -= 1;
        }
    }

    fn span(&self, start: Mark, end: Mark) -> Span {
        let length = self.text.len() as u64;
        let byte = |mark: Mark| u32::try_from((mark.index + self.base).min(length)).unwrap_or(u32::MAX);
        Span { file: self.file, start: byte(start), end: byte(end) }
    }
}
