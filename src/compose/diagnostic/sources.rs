//! The texts that diagnostics point into, and how each file came to be read.

use crate::compose::node::{FileId, Span};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// The text of every file that was read, for positions in diagnostics.
///
/// Index 0 is reserved for "no file", so that [`Span::default`] never points into a real one.
#[derive(Debug, Clone)]
pub struct Sources {
    files: Vec<(PathBuf, Arc<str>)>,
    /// The first byte of each line of a file, once one was asked for.
    lines: Vec<OnceLock<Vec<u32>>>,
    /// Files of variables, whose values are nobody's business.
    private: BTreeSet<FileId>,
    ids: BTreeMap<PathBuf, FileId>,
    ways: BTreeMap<PathBuf, Way>,
}

/// What made a file part of a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way {
    /// What the other file does with it, such as `included from`.
    pub verb: &'static str,
    /// Where the other file does so.
    pub span: Span,
}

impl Default for Sources {
    fn default() -> Self {
        Self {
            files: vec![(PathBuf::new(), Arc::from(""))],
            lines: vec![OnceLock::new()],
            private: BTreeSet::new(),
            ids: BTreeMap::new(),
            ways: BTreeMap::new(),
        }
    }
}

impl Sources {
    /// Adds a file and gives its id; a file that is there already keeps it.
    pub fn add(&mut self, path: &Path, text: Arc<str>) -> FileId {
        if let Some(known) = self.ids.get(path).filter(|known| *self.files[known.0 as usize].1 == *text) {
            return *known;
        }
        self.files.push((path.to_owned(), text));
        self.lines.push(OnceLock::new());
        let id = FileId(u32::try_from(self.files.len() - 1).unwrap_or(u32::MAX));
        self.ids.insert(path.to_owned(), id);
        id
    }

    /// Adds the file that a span of other sources lies in, and gives the same span in it.
    pub fn adopt(&mut self, other: &Sources, span: Span) -> Span {
        let Some((path, text)) = other.files.get(span.file.0 as usize).filter(|_| span.file.0 > 0) else {
            return Span::default();
        };
        let file = self.add(path, Arc::clone(text));
        if other.is_private(span.file) {
            self.keep_private(file);
        }
        Span { file, ..span }
    }

    /// Shows another text of the same length in place of a file's own: one without its secrets.
    pub fn replace(&mut self, file: FileId, text: Arc<str>) {
        if let Some((_, shown)) = self.files.get_mut(file.0 as usize) {
            *shown = text;
        }
    }

    /// Marks a file as one of variables: values in it are not to be shown.
    pub fn keep_private(&mut self, file: FileId) {
        self.private.insert(file);
    }

    /// Whether values in a file are not to be shown.
    pub fn is_private(&self, file: FileId) -> bool {
        self.private.contains(&file)
    }

    /// Notes what makes a file part of the project; of several ways the first counts.
    pub fn note_way(&mut self, path: &Path, verb: &'static str, span: Span) {
        if span != Span::default() {
            self.ways.entry(path.to_owned()).or_insert(Way { verb, span });
        }
    }

    /// The ways from a file up to one that was asked for by its name: none for such a file itself.
    pub fn ways_to(&self, file: FileId) -> Vec<Way> {
        let mut ways: Vec<Way> = Vec::new();
        let mut seen = BTreeSet::from([file]);
        let mut here = file;
        while let Some(way) = self.ways.get(self.path(here)) {
            // Files that include each other have no end.
            if !seen.insert(way.span.file) {
                break;
            }
            ways.push(*way);
            here = way.span.file;
        }
        ways
    }

    /// The paths of all files, in the order they were read.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().skip(1).map(|(path, _)| path.as_path())
    }

    /// The file at a path, if it was read.
    pub fn id(&self, path: &Path) -> Option<FileId> {
        self.ids.get(path).copied()
    }

    /// The path of a file.
    pub fn path(&self, file: FileId) -> &Path {
        self.files.get(file.0 as usize).map_or(Path::new(""), |(path, _)| path)
    }

    /// The text of a file.
    pub fn text(&self, file: FileId) -> &str {
        self.files.get(file.0 as usize).map_or("", |(_, text)| text)
    }

    /// Line and column of the start of a span, both from 1; columns count characters. Lines end as YAML has it: with a line
    /// feed, a carriage return, or both.
    pub fn position(&self, span: Span) -> (usize, usize) {
        let text = self.text(span.file);
        let mut start = (span.start as usize).min(text.len());
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        let lines = self.lines.get(span.file.0 as usize);
        let Some(lines) = lines.map(|lines| lines.get_or_init(|| line_starts(text))) else { return (1, 1) };
        let line = lines.partition_point(|first| *first as usize <= start);
        let first = lines.get(line - 1).map_or(0, |first| *first as usize);
        (line, text[first..start].chars().count() + 1)
    }
}

/// The first byte of each line; there is always a first line.
fn line_starts(text: &str) -> Vec<u32> {
    let bytes = text.as_bytes();
    let ends = |at: &usize| bytes[*at] == b'\n' || (bytes[*at] == b'\r' && bytes.get(at + 1) != Some(&b'\n'));
    let after = (0..bytes.len()).filter(ends).map(|at| u32::try_from(at + 1).unwrap_or(u32::MAX));
    std::iter::once(0).chain(after).collect()
}

#[cfg(test)]
mod tests {
    use super::Sources;
    use crate::compose::node::{FileId, Span};
    use std::path::Path;

    fn at(file: FileId) -> Span {
        Span { file, start: 0, end: 1 }
    }

    #[test]
    fn a_file_that_is_read_twice_is_one_file() {
        let mut sources = Sources::default();
        let first = sources.add(Path::new("/a"), "x".into());
        assert_eq!(sources.add(Path::new("/a"), "x".into()), first);
        assert_ne!(sources.add(Path::new("/a"), "y".into()), first);
    }

    #[test]
    fn the_way_to_a_file_ends_at_one_that_was_asked_for_and_never_goes_in_circles() {
        let mut sources = Sources::default();
        let [main, middle, inner] =
            ["/main", "/middle", "/inner"].map(|path| sources.add(Path::new(path), path.into()));
        sources.note_way(Path::new("/middle"), "included from", at(main));
        sources.note_way(Path::new("/inner"), "extended from", at(middle));
        let ways: Vec<FileId> = sources.ways_to(inner).iter().map(|way| way.span.file).collect();
        assert_eq!(ways, [middle, main]);
        assert!(sources.ways_to(main).is_empty());
        sources.note_way(Path::new("/main"), "included from", at(inner));
        assert_eq!(sources.ways_to(inner).len(), 2);
    }

    #[test]
    fn every_kind_of_line_end_counts_once() {
        let mut sources = Sources::default();
        let file = sources.add(Path::new("/a"), "a\nb\r\ncé\rd".into());
        let position = |start: u32| sources.position(Span { file, start, end: start });
        assert_eq!(position(0), (1, 1));
        assert_eq!(position(2), (2, 1));
        assert_eq!(position(3), (2, 2));
        assert_eq!(position(5), (3, 1));
        assert_eq!(position(8), (3, 3));
        assert_eq!(position(9), (4, 1));
        assert_eq!(position(99), (4, 2));
    }

    #[test]
    fn an_adopted_place_stays_private() {
        let mut other = Sources::default();
        let file = other.add(Path::new("/env"), "A=secret".into());
        other.keep_private(file);
        let mut sources = Sources::default();
        let span = sources.adopt(&other, at(file));
        assert!(sources.is_private(span.file));
        assert_eq!(sources.text(span.file), "A=secret");
    }
}
