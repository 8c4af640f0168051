//! From events to nodes: merge keys, duplicate keys, and the tags `!reset` and `!override`.

use super::super::diagnostic::{Diagnostic, MAX_TOLD};
use super::super::growth::Growth;
use super::super::node::{FileId, Key, Map, Node, Span, Value};
use super::events::{Cursor, Event, Events, Kind, Target};
use super::{Document, TagKind, TaggedPath, fault, scalar};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

/// How deep lists and mappings may nest, aliases included.
pub(super) const MAX_DEPTH: usize = 160;

/// Whether `!reset` and `!override` mean something where a node stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tags {
    /// They are obeyed.
    Obeyed,
    /// They are tags like any other: reference: docker compose 2.40 does not look inside an `!override`.
    Literal,
}

enum Step {
    Key(Arc<str>),
    Index(usize),
    /// The value of a merge key: its content stands one level up.
    Merge,
}

/// The entries of a mapping that is being read.
#[derive(Default)]
struct Entries {
    map: Map,
    /// The keys that `map` does not hold: merge keys and those whose value was reset.
    absent: HashMap<Arc<str>, Span>,
    merges: Vec<Map>,
}

/// Builds the documents of one file.
pub(super) struct Builder<'t> {
    events: Events<'t>,
    path: Vec<Step>,
    tags: Vec<TaggedPath>,
    depth: usize,
    /// Mistakes that leave nothing open.
    pub mended: Vec<Diagnostic>,
    /// Mistakes that cost a node its value.
    pub broken: Vec<Diagnostic>,
}

impl<'t> Builder<'t> {
    /// Reads a text, whose aliases may repeat as much as `growth` allows.
    pub fn new(file: FileId, text: &'t str, growth: Growth) -> Self {
        Self {
            events: Events::new(file, text, growth),
            path: Vec::new(),
            tags: Vec::new(),
            depth: 0,
            mended: Vec::new(),
            broken: Vec::new(),
        }
    }

    /// What is left of the growth.
    pub fn growth(&mut self) -> Growth {
        std::mem::take(&mut self.events.growth)
    }

    /// The next document, if there is one. After an error nothing more can be read.
    pub fn document(&mut self) -> Result<Option<Document>, Diagnostic> {
        // Where the error is: what was entered was not left.
        self.read_document()
            .map_err(|error| if error.path.is_empty() { error.at(self.place()) } else { error })
    }

    fn read_document(&mut self) -> Result<Option<Document>, Diagnostic> {
        if !self.events.next_document()? {
            return Ok(None);
        }
        let mut cursor = Cursor::Live;
        let first = self.events.next(&mut cursor)?;
        let root = self.node(first, &mut cursor, Tags::Obeyed)?.unwrap_or_default();
        Ok(Some(Document { root, tags: std::mem::take(&mut self.tags) }))
    }

    /// The node that begins with `event`; none if it is to be removed from the document.
    fn node(&mut self, event: Event, cursor: &mut Cursor, tags: Tags) -> Result<Option<Node>, Diagnostic> {
        let Event { kind, tag, span } = event;
        let tags = match tag.as_deref() {
            Some("!reset") if tags == Tags::Obeyed => {
                self.tag(TagKind::Reset);
                self.skip(&kind, cursor)?;
                return Ok(None);
            }
            Some("!override") if tags == Tags::Obeyed => {
                self.tag(TagKind::Override);
                Tags::Literal
            }
            _ => tags,
        };
        if self.depth == MAX_DEPTH {
            return Err(fault::too_deep(MAX_DEPTH, self.place(), span));
        }
        self.depth += 1;
        let node = match kind {
            Kind::Alias(anchor) => match self.events.target(anchor) {
                Target::Node(mut inner) => {
                    let first = self.events.next(&mut inner)?;
                    self.node(first, &mut inner, tags)?
                }
                Target::Enclosing { levels } => Some(self.without_value(self.cycle(levels, span))),
            },
            Kind::UnknownAlias(name) => Some(self.without_value(fault::unknown_anchor(
                &name,
                self.events.anchors(),
                self.place(),
                span,
            ))),
            Kind::Scalar { text, plain } => match scalar::decode(text, plain, tag.as_deref()) {
                Ok(value) => Some(Node::new(value, span)),
                Err(problem) => Some(self.without_value(fault::bad_scalar(&problem, self.place(), span))),
            },
            Kind::List => Some(self.list(span, cursor, tags)?),
            Kind::Map => Some(self.map(span, cursor, tags)?),
            Kind::End | Kind::Close => Some(Node::default()),
        };
        self.depth -= 1;
        Ok(node)
    }

    /// Notes a mistake that leaves nothing open.
    fn mend(&mut self, mistake: Diagnostic) {
        if self.mended.len() < MAX_TOLD {
            self.mended.push(mistake);
        }
    }

    /// An empty node in place of one that cannot be read.
    fn without_value(&mut self, error: Diagnostic) -> Node {
        let span = error.span.unwrap_or_default();
        if self.broken.len() < MAX_TOLD {
            self.broken.push(error);
        }
        Node::new(Value::Null, span)
    }

    /// Passes over what a node holds, such as a `!reset` one.
    fn skip(&mut self, kind: &Kind, cursor: &mut Cursor) -> Result<(), Diagnostic> {
        let mut open = usize::from(matches!(kind, Kind::List | Kind::Map));
        while open > 0 {
            match self.events.next(cursor)?.kind {
                Kind::List | Kind::Map => open += 1,
                Kind::End => open -= 1,
                Kind::Close => break,
                Kind::Scalar { .. } | Kind::Alias(_) | Kind::UnknownAlias(_) => {}
            }
        }
        Ok(())
    }

    fn list(&mut self, start: Span, cursor: &mut Cursor, tags: Tags) -> Result<Node, Diagnostic> {
        let mut list: Vec<Node> = Vec::new();
        let mut end = start.end;
        for index in 0.. {
            let event = self.events.next(cursor)?;
            if let Kind::End | Kind::Close = event.kind {
                end = end_of(event.span, end);
                break;
            }
            let written_to = event.span.end;
            self.path.push(Step::Index(index));
            let node = self.node(event, cursor, tags)?;
            self.path.pop();
            end = node.as_ref().map_or(written_to, |node| end_within(node.span, written_to));
            list.extend(node);
        }
        // Most lists and mappings are small: the spare room of growth would weigh more than they do.
        list.shrink_to_fit();
        Ok(Node::new(Value::List(list), Span { end, ..start }))
    }

    fn map(&mut self, start: Span, cursor: &mut Cursor, tags: Tags) -> Result<Node, Diagnostic> {
        let mut entries = Entries::default();
        let mut end = start.end;
        loop {
            let event = self.events.next(cursor)?;
            if let Kind::End | Kind::Close = event.kind {
                end = end_of(event.span, end);
                break;
            }
            end = self.entry(&mut entries, event, cursor, tags)?;
        }
        let Entries { mut map, merges, .. } = entries;
        for (key, node) in merges.into_iter().flatten() {
            map.entry(key).or_insert(node);
        }
        map.shrink_to_fit();
        Ok(Node::new(Value::Map(map), Span { end, ..start }))
    }

    /// One key and its value; gives the byte after them.
    fn entry(
        &mut self,
        entries: &mut Entries,
        key: Event,
        cursor: &mut Cursor,
        tags: Tags,
    ) -> Result<u32, Diagnostic> {
        let is_merge = matches!(&key.kind, Kind::Scalar { text, plain: true } if text == "<<")
            && key.tag.as_deref().is_none_or(|tag| tag == "tag:yaml.org,2002:merge");
        let key = if is_merge { Key { name: "<<".into(), span: key.span } } else { self.key(key, cursor)? };
        let first = entries
            .map
            .get_key_value(&*key.name)
            .map(|(first, _)| first.span)
            .or(entries.absent.get(&key.name).copied());
        if let Some(first) = first {
            let lines = (self.events.line(key.span), self.events.line(first));
            self.mend(fault::duplicate_key(&key.name, lines, &self.place(), (key.span, first)));
        }
        self.path.push(if is_merge { Step::Merge } else { Step::Key(key.name.clone()) });
        let event = self.events.next(cursor)?;
        let written = event.span;
        let mistakes = self.broken.len();
        let node = self.node(event, cursor, tags)?;
        self.path.pop();
        let end = node.as_ref().map_or(written.end, |node| end_within(node.span, written.end));
        match node {
            // The first one counts.
            _ if first.is_some() => {}
            Some(node) if is_merge => {
                entries.absent.insert(key.name, key.span);
                let problem = self.merge(&mut entries.merges, node, written);
                self.broken.extend(problem.err().filter(|_| self.broken.len() == mistakes));
            }
            Some(node) => {
                entries.map.insert(key, node);
            }
            None => {
                entries.absent.insert(key.name, key.span);
            }
        }
        Ok(end)
    }

    fn key(&mut self, mut event: Event, cursor: &mut Cursor) -> Result<Key, Diagnostic> {
        let span = event.span;
        if let Kind::Alias(anchor) = event.kind {
            event = match self.events.target(anchor) {
                Target::Node(mut inner) => self.events.next(&mut inner)?,
                Target::Enclosing { levels } => return Err(self.cycle(levels, span)),
            };
        }
        let (text, plain) = match event.kind {
            Kind::Scalar { text, plain } => (text, plain),
            Kind::UnknownAlias(name) => {
                return Err(fault::unknown_anchor(&name, self.events.anchors(), self.place(), span));
            }
            other => {
                self.mend(fault::complex_key(self.place(), span));
                self.skip(&other, cursor)?;
                return Ok(Key { name: "?".into(), span });
            }
        };
        let written = text.clone();
        let value = scalar::decode(text, plain, event.tag.as_deref())
            .map_err(|problem| fault::bad_scalar(&problem, self.place(), span))?;
        let shown = match value {
            Value::String(name) => return Ok(Key { name: name.into(), span }),
            Value::Null => "<nil>".to_owned(),
            Value::Bool(value) => value.to_string(),
            Value::Int(value) => value.to_string(),
            Value::Float(value) => value.to_string(),
            Value::Timestamp(text) => text,
            Value::List(_) | Value::Map(_) => String::new(),
        };
        self.mend(fault::non_string_key(&shown, &written, &self.place(), span));
        Ok(Key { name: written.into(), span })
    }

    /// Notes the mappings that a merge key names, the strongest first.
    fn merge(&self, merges: &mut Vec<Map>, node: Node, written: Span) -> Result<(), Diagnostic> {
        let sources = match node.value {
            Value::List(list) => list,
            Value::Map(map) => {
                merges.push(map);
                return Ok(());
            }
            _ => return Err(fault::bad_merge(self.place(), written)),
        };
        for source in sources {
            let Value::Map(map) = source.value else {
                return Err(fault::bad_merge(self.place(), source.span));
            };
            merges.push(map);
        }
        Ok(())
    }

    fn tag(&mut self, kind: TagKind) {
        let path = self.steps().map(Cow::into_owned).collect();
        self.tags.push(TaggedPath { path, kind });
    }

    /// The current path without merge steps.
    fn steps(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.path.iter().filter_map(|step| match step {
            Step::Key(name) => Some((&**name).into()),
            Step::Index(index) => Some(index.to_string().into()),
            Step::Merge => None,
        })
    }

    /// The current path as diagnostics show it: `services.web.x-list[0].a`.
    fn place(&self) -> String {
        let mut shown = String::new();
        for step in &self.path {
            let written = match step {
                Step::Key(name) if shown.is_empty() => write!(shown, "{name}"),
                Step::Key(name) => write!(shown, ".{name}"),
                Step::Index(index) => write!(shown, "[{index}]"),
                Step::Merge => Ok(()),
            };
            // Writing to a string cannot fail.
            let _ = written;
        }
        shown
    }

    fn cycle(&self, levels: usize, span: Span) -> Diagnostic {
        let steps: Vec<_> = self.steps().collect();
        let path = steps.join(".");
        let again = steps[steps.len().saturating_sub(levels)..]
            .iter()
            .fold(path.clone(), |path, step| path + "." + step);
        fault::cycle(path, &again, span)
    }
}

/// Where a collection ends: block style has no closing mark, so it ends with its last entry.
fn end_of(closing: Span, last: u32) -> u32 {
    if closing.start == closing.end { last } else { closing.end }
}

/// Where an entry ends: a node that an alias brought stands elsewhere, so the alias counts.
fn end_within(node: Span, written_to: u32) -> u32 {
    if node.end < written_to { written_to } else { node.end }
}
