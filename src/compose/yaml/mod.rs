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
use super::growth::Growth;
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

/// What could be read of a file.
#[derive(Debug, Default)]
pub struct Decoded {
    /// Its documents. What is wrong in them is left out.
    pub documents: Vec<Document>,
    /// Mistakes that leave nothing open: a key that stands twice counts once, one that is no string counts as one.
    pub mended: Vec<Diagnostic>,
    /// Mistakes that cost the node at their path its value.
    pub broken: Vec<Diagnostic>,
    /// Whether the text was read to its end; a mistake of syntax costs everything from its document on.
    pub is_whole: bool,
}

/// Decodes every document of a file; the first mistake is an error.
///
/// `file` is where spans point; they are byte offsets into `text`, of which a byte order mark is a part.
/// A file without any document (empty, or only comments) gives none.
pub fn decode(file: FileId, text: &str) -> Result<Vec<Document>, Diagnostic> {
    let Decoded { documents, mended, broken, .. } = read(file, text, &mut Growth::of(text.len()));
    let first = mended.into_iter().chain(broken).min_by_key(|one| one.span.map(|span| span.start));
    first.map_or(Ok(documents), Err)
}

/// Decodes what can be read of a file, and tells all that is wrong with it. Its aliases may repeat as much as `growth` allows.
pub fn read(file: FileId, text: &str, growth: &mut Growth) -> Decoded {
    let mut decoded = Decoded::default();
    if u32::try_from(text.len()).is_err() {
        decoded.broken.push(fault::too_long(file, text.len()));
        return decoded;
    }
    let mut builder = build::Builder::new(file, text, std::mem::take(growth));
    decoded.is_whole = loop {
        match builder.document() {
            Ok(Some(document)) => decoded.documents.push(document),
            Ok(None) => break true,
            Err(error) => {
                builder.broken.push(error);
                break false;
            }
        }
    };
    *growth = builder.growth();
    decoded.mended = builder.mended;
    decoded.broken = builder.broken;
    decoded
}

#[cfg(test)]
mod tests;
