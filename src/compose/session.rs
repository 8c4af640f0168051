//! What every step of one load shares: the files, what was read so far, and what there is to say about it.

use super::broken::Broken;
use super::diagnostic::{Diagnostic, MAX_TOLD, Sources};
use super::document::Decoded;
use super::extends::Extended;
use super::files::{FileKind, Files, Refused};
use super::growth::Growth;
use super::load::LoadOptions;
use super::node::{FileId, Span};
use super::suggest;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::string::FromUtf8Error;
use std::sync::Arc;

/// The name of standard input among config paths.
pub(super) const STDIN: &str = "-";

/// Loading cannot go on; the reason stands among the session's diagnostics.
#[derive(Debug)]
pub(super) struct Failed;

/// One load.
pub(super) struct Session<'a> {
    pub(super) files: &'a dyn Files,
    pub(super) options: &'a LoadOptions,
    pub(super) sources: Sources,
    pub(super) diagnostics: Vec<Diagnostic>,
    /// Files that were decoded already; none for one that cannot be read.
    pub(super) decoded: BTreeMap<PathBuf, Option<Decoded>>,
    /// Files that were extended already, for which of the includes; none for one that cannot be read.
    pub(super) extended: BTreeMap<(usize, PathBuf), Option<Rc<Extended>>>,
    /// How far the project may still grow.
    pub(super) growth: Growth,
    /// How many files were included.
    pub(super) includes: usize,
    /// What the settled errors left broken.
    pub(super) broken: Broken,
    /// How many of the diagnostics are settled.
    settled: usize,
    /// Errors beyond those that are told.
    untold: usize,
}

impl<'a> Session<'a> {
    pub(super) fn new(files: &'a dyn Files, options: &'a LoadOptions) -> Self {
        Self {
            files,
            options,
            sources: Sources::default(),
            diagnostics: Vec::new(),
            decoded: BTreeMap::new(),
            extended: BTreeMap::new(),
            growth: Growth::default(),
            includes: 0,
            broken: Broken::default(),
            settled: 0,
            untold: 0,
        }
    }

    /// Records an error that ends the load.
    pub(super) fn fail(&mut self, diagnostic: Diagnostic) -> Failed {
        self.diagnostics.push(diagnostic);
        Failed
    }

    /// Records the error of a result, if it is one.
    pub(super) fn take<T>(&mut self, result: Result<T, Diagnostic>) -> Result<T, Failed> {
        result.map_err(|diagnostic| self.fail(diagnostic))
    }

    /// Lets the load go on in spite of what was found so far, so that all mistakes are told at once. What is found
    /// later and only follows from it is dropped.
    pub(super) fn settle(&mut self) {
        let new = self.diagnostics.split_off(self.settled);
        self.diagnostics.extend(self.broken.keep(new));
        self.leave_out_the_rest();
    }

    /// Records what nothing follows from: the part that it is about was mended.
    pub(super) fn tell(&mut self, mended: impl IntoIterator<Item = Diagnostic>) {
        self.settle();
        self.diagnostics.extend(mended);
        self.leave_out_the_rest();
    }

    /// Keeps as many diagnostics as anybody reads.
    fn leave_out_the_rest(&mut self) {
        if self.diagnostics.len() > MAX_TOLD {
            let rest = self.diagnostics.drain(MAX_TOLD..);
            self.untold += rest.filter(Diagnostic::is_error).count();
        }
        self.settled = self.diagnostics.len();
    }

    /// What there is to say; that some is left out is an error, if errors are among it.
    pub(super) fn told(self) -> (Vec<Diagnostic>, Sources, Broken) {
        let mut diagnostics = self.diagnostics;
        if self.untold > 0 {
            let more = format!("{} more errors are not told", self.untold);
            diagnostics.push(Diagnostic::error(more).hint("mend those that are told first"));
        }
        (diagnostics, self.sources, self.broken)
    }

    /// Whether nothing was found that keeps the project from being used.
    pub(super) fn is_sound(&self) -> bool {
        self.untold == 0 && !self.diagnostics.iter().any(Diagnostic::is_error)
    }

    /// The home directory of the process environment.
    pub(super) fn home(&self) -> Option<&str> {
        self.options.environment.get("HOME").map(String::as_str)
    }

    /// What is wrong with a compose file before it is read; `written` is how its author named it.
    pub(super) fn refusal(&self, path: &Path, written: &str) -> Option<Diagnostic> {
        let shown = path.display();
        match self.files.kind(path) {
            Some(FileKind::File) => None,
            Some(FileKind::Directory) => Some(
                Diagnostic::error(format!("read {shown}: is a directory"))
                    .plain(format!("{shown} is a directory"))
                    .hint("name the compose file in it"),
            ),
            None if is_remote(written) => Some(
                Diagnostic::error(format!("{written} is a remote resource, which is not supported here"))
                    .hint("fetch it first, and name the file"),
            ),
            None => Some(
                Diagnostic::error(format!("open {shown}: no such file or directory"))
                    .plain(format!("there is no file {shown}"))
                    .hint(
                        self.other_file(path, "check the path; relative ones start at the project directory"),
                    ),
            ),
        }
    }

    /// The hint for a file that is not there: the one beside it that was probably meant, or else something general.
    pub(super) fn other_file(&self, path: &Path, otherwise: &str) -> String {
        suggest::other_file(self.files, path).unwrap_or_else(|| otherwise.to_owned())
    }

    /// Reads a file of variables, whose values no diagnostic shows.
    pub(super) fn read_private(&mut self, path: &Path) -> Result<(FileId, Arc<str>), Failed> {
        let read = self.text(path);
        let file = match &read {
            Ok((file, _)) => Some(*file),
            Err(error) => error.span.map(|span| span.file),
        };
        if let Some(file) = file {
            self.sources.keep_private(file);
        }
        self.take(read)
    }

    /// Reads a text file and registers it for positions. `-` is standard input.
    pub(super) fn read(&mut self, path: &Path) -> Result<(FileId, Arc<str>), Failed> {
        let read = self.text(path);
        self.take(read)
    }

    fn text(&mut self, path: &Path) -> Result<(FileId, Arc<str>), Diagnostic> {
        let bytes = if path == Path::new(STDIN) {
            self.options.stdin.clone().ok_or_else(|| {
                Diagnostic::error("standard input is not available").hint("name a file in place of `-`")
            })
        } else {
            self.files.read(path).map_err(|error| unreadable(path, &error))
        };
        let bytes = bytes?;
        if self.sources.id(path).is_none() {
            self.growth.read(bytes.len());
        }
        match String::from_utf8(bytes) {
            Ok(text) => {
                let text: Arc<str> = text.into();
                Ok((self.sources.add(path, Arc::clone(&text)), text))
            }
            Err(error) => Err(not_utf8(&mut self.sources, path, &error)),
        }
    }

    /// Gives errors since the `before`th that have no place the one that named their file.
    pub(super) fn blame(&mut self, before: usize, place: &str, span: Span) {
        for one in self.diagnostics.iter_mut().skip(before).filter(|one| one.span.is_none()) {
            *one = one.clone().at(place).span(span);
        }
    }
}

/// What to say about a file that is no UTF-8, at the first byte that shows it.
fn not_utf8(sources: &mut Sources, path: &Path, error: &FromUtf8Error) -> Diagnostic {
    let bytes = error.as_bytes();
    let message = format!("failed to parse {}: the file is not UTF-8 text", path.display());
    let refused = Diagnostic::error(message);
    if let Some(text) = utf16(bytes) {
        let end = text.chars().next().map_or(0, char::len_utf8);
        let file = sources.add(path, text.into());
        let plain = format!("{} is UTF-16 text, not UTF-8", path.display());
        let span = Span { file, start: 0, end: u32::try_from(end).unwrap_or_default() };
        return refused.plain(plain).span(span).hint("save the file in UTF-8");
    }
    let start = error.utf8_error().valid_up_to();
    // Up to there the text is the same, and what stands for the byte is no longer than three.
    let file = sources.add(path, String::from_utf8_lossy(bytes).into());
    let byte = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    refused
        .plain(format!("the byte 0x{:02x} is not UTF-8 text", bytes.get(start).copied().unwrap_or_default()))
        .span(Span { file, start: byte(start), end: byte(start + char::REPLACEMENT_CHARACTER.len_utf8()) })
        .hint("save the file in UTF-8")
}

/// UTF-16 text that begins with a byte order mark.
fn utf16(bytes: &[u8]) -> Option<String> {
    let order: fn([u8; 2]) -> u16 = match bytes.first_chunk()? {
        b"\xff\xfe" => u16::from_le_bytes,
        b"\xfe\xff" => u16::from_be_bytes,
        _ => return None,
    };
    let units: Vec<u16> =
        bytes.chunks_exact(2).skip(1).filter_map(|pair| Some(order(*pair.first_chunk()?))).collect();
    Some(String::from_utf16_lossy(&units))
}

/// Whether a name means something on another machine: an OCI artifact or a git repository.
pub(crate) fn is_remote(name: &str) -> bool {
    const PREFIXES: [&str; 3] = ["oci:", "git@", "github.com/"];
    name.contains("://") || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// What to say about a file that cannot be read.
fn unreadable(path: &Path, error: &io::Error) -> Diagnostic {
    let path = path.display();
    if let Some(refused) = Refused::of(error) {
        return Diagnostic::error(format!("open {path}: {refused}")).plain(format!("{path} is not read: {refused}")).hint(
            match refused {
                Refused::TooLarge => "take data out of it, or name another file",
                Refused::NoFile(_) => "name a file",
                Refused::Outside(_) => "copy it into the source, or let the source leave its directory in the settings of the host",
                Refused::Pointer(_) => "keep the file itself in the repository",
            },
        );
    }
    match error.kind() {
        io::ErrorKind::NotFound => Diagnostic::error(format!("open {path}: no such file or directory"))
            .plain(format!("there is no file {path}"))
            .hint("check the path; relative ones start at the project directory"),
        io::ErrorKind::IsADirectory => Diagnostic::error(format!("read {path}: is a directory"))
            .plain(format!("{path} is a directory"))
            .hint("name the compose file in it"),
        io::ErrorKind::NotADirectory => Diagnostic::error(format!("open {path}: not a directory"))
            .plain(format!("{path} lies below something that is no directory"))
            .hint("check the path"),
        io::ErrorKind::PermissionDenied => Diagnostic::error(format!("open {path}: permission denied"))
            .plain(format!("{path} may not be read"))
            .hint("let the user that runs this read the file"),
        _ => Diagnostic::error(format!("open {path}: {error}"))
            .plain(format!("{path} cannot be read: {error}"))
            .hint("look at the file's disk"),
    }
}

/// `base` joined with `path` and cleaned of `.`, `..` and doubled slashes, without asking the file system.
pub(super) fn join(base: &Path, path: &str) -> PathBuf {
    clean(&if path.starts_with('/') { PathBuf::from(path) } else { base.join(path) })
}

/// A path without `.`, `..` and doubled slashes, by its text alone. An empty path is `.`.
pub(super) fn clean(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut parts: Vec<Component<'_>> = Vec::new();
    for part in path.components() {
        match (part, parts.last()) {
            (Component::CurDir, _) | (Component::ParentDir, Some(Component::RootDir)) => {}
            (Component::ParentDir, Some(Component::Normal(_))) => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    if parts.is_empty() { PathBuf::from(".") } else { parts.iter().collect() }
}

/// `path` as seen from the directory `base`. Both are absolute, or both relative to the same directory.
pub(super) fn relative(base: &Path, path: &Path) -> PathBuf {
    let (base, path) = (clean(base), clean(path));
    let shared = base.components().zip(path.components()).take_while(|(a, b)| a == b).count();
    let ups = base.components().skip(shared).filter(|part| part.as_os_str() != ".").count();
    let mut result: PathBuf = std::iter::repeat_n("..", ups).collect();
    result.extend(path.components().skip(shared));
    if result.as_os_str().is_empty() { PathBuf::from(".") } else { result }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned_by_their_text() {
        assert_eq!(join(Path::new("/a/b"), "../c/./d"), Path::new("/a/c/d"));
        assert_eq!(join(Path::new("/a"), "../../x"), Path::new("/x"));
        assert_eq!(join(Path::new("/a"), ""), Path::new("/a"));
        assert_eq!(join(Path::new("."), "./x"), Path::new("x"));
        assert_eq!(clean(Path::new("../../x")), Path::new("../../x"));
    }

    #[test]
    fn a_relative_path_leads_from_one_directory_to_the_other() {
        assert_eq!(relative(Path::new("/a/b"), Path::new("/a/b/c")), Path::new("c"));
        assert_eq!(relative(Path::new("/a/b"), Path::new("/a/d")), Path::new("../d"));
        assert_eq!(relative(Path::new("/a"), Path::new("/a")), Path::new("."));
        assert_eq!(relative(Path::new("."), Path::new("sub")), Path::new("sub"));
    }
}
