//! Reading YAML with positions. Reference: docker compose 2.40, which reads with go-yaml 3; the rules of
//! scalars, merge keys, duplicates and tags are written where they are applied.

mod build;
mod events;
mod explain;
mod fault;
mod guard;
mod scalar;
mod timestamp;

use super::diagnostic::Diagnostic;
use super::node::{FileId, Node};
pub use scalar::resolve_plain;

/// One YAML document of a file with the paths of its `!reset` and `!override` tags.
#[derive(Debug, Clone)]
pub struct Document {
    /// The content, without the nodes tagged `!reset`.
    pub root: Node,
    /// The tagged paths in document order, also those that aliases and merge keys bring.
    pub tags: Vec<TaggedPath>,
}

/// Where a `!reset` or `!override` stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaggedPath {
    /// The keys from the document's root; list elements are their index as text, such as `0`.
    pub path: Vec<String>,
    /// Which tag it was.
    pub kind: TagKind,
}

/// A tag that speaks about the documents before this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagKind {
    /// `!reset`: what they have at the path is dropped, and the tagged value is not used.
    Reset,
    /// `!override`: what they have at the path is dropped, and the tagged value takes its place.
    Override,
}

/// Decodes every document of a file.
///
/// `file` is where spans point; they are byte offsets into `text`, of which a byte order mark is a part.
/// A file without any document (empty, or only comments) gives none.
pub fn decode(file: FileId, text: &str) -> Result<Vec<Document>, Diagnostic> {
    if u32::try_from(text.len()).is_err() {
        return Err(fault::too_long(file, text.len()));
    }
    let mut builder = build::Builder::new(file, text);
    let mut documents = Vec::new();
    while let Some(document) = builder.document()? {
        documents.push(document);
    }
    Ok(documents)
}

#[cfg(test)]
mod tests;
