//! The decoded YAML tree. Every node and key remembers where it stands, also after merging, so that an
//! error found late still points into the right file.

use indexmap::{Equivalent, IndexMap};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// Index of a file in [`Sources`](super::diagnostic::Sources).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct FileId(pub u32);

/// A range of bytes in a source file, half open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// The file that the range lies in.
    pub file: FileId,
    /// First byte of the range.
    pub start: u32,
    /// First byte after the range.
    pub end: u32,
}

/// A mapping key with its position. Equality and hash are those of the text alone.
#[derive(Debug, Clone)]
pub struct Key {
    /// The key's text.
    pub name: Arc<str>,
    /// Where the key stands.
    pub span: Span,
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}
impl Eq for Key {}
impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}
impl Equivalent<Key> for str {
    fn equivalent(&self, key: &Key) -> bool {
        *self == *key.name
    }
}
impl From<&str> for Key {
    fn from(name: &str) -> Self {
        Self { name: name.into(), span: Span::default() }
    }
}

/// A mapping in document order.
pub type Map = IndexMap<Key, Node, foldhash::fast::RandomState>;

/// A value with its position.
#[derive(Debug, Clone, Default)]
pub struct Node {
    /// What the node holds.
    pub value: Value,
    /// Where the node stands; the default span (empty) for values that no file holds.
    pub span: Span,
}

/// What a node holds, after YAML scalar resolution (loader.md section 4).
#[derive(Debug, Clone, Default)]
pub enum Value {
    /// `null`, `~` or nothing.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer within `i64` or `u64`.
    Int(i128),
    /// A floating-point number.
    Float(f64),
    /// An unquoted timestamp, kept as written: the schema refuses it outside `x-` keys.
    Timestamp(String),
    /// A string.
    String(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping.
    Map(Map),
}

impl Node {
    /// A node at a position.
    pub fn new(value: Value, span: Span) -> Self {
        Self { value, span }
    }

    /// A string at a position.
    pub fn string(text: impl Into<String>, span: Span) -> Self {
        Self { value: Value::String(text.into()), span }
    }

    /// The mapping, if the node is one.
    pub fn as_map(&self) -> Option<&Map> {
        if let Value::Map(map) = &self.value { Some(map) } else { None }
    }

    /// The mapping, if the node is one.
    pub fn as_map_mut(&mut self) -> Option<&mut Map> {
        if let Value::Map(map) = &mut self.value { Some(map) } else { None }
    }

    /// The sequence, if the node is one.
    pub fn as_list(&self) -> Option<&[Node]> {
        if let Value::List(list) = &self.value { Some(list) } else { None }
    }

    /// The string, if the node is one.
    pub fn as_str(&self) -> Option<&str> {
        if let Value::String(text) = &self.value { Some(text) } else { None }
    }

    /// The value under `key`, if the node is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.as_map()?.get(key)
    }

    /// Whether the node is null.
    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }
}
