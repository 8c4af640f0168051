//! What every step of one load shares: the files, what was read so far, and what there is to say about it.

use super::diagnostic::{Diagnostic, Severity, Sources};
use super::files::{FileKind, Files};
use super::load::LoadOptions;
use super::node::{FileId, Span};
use super::suggest;
use super::yaml::Document;
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
    /// Files that were decoded already.
    pub(super) decoded: BTreeMap<PathBuf, Rc<Vec<Document>>>,
    /// Whether parts of the project are missing, so that nothing can be said about what refers to them.
    pub(super) is_incomplete: bool,
    /// How many of the diagnostics are settled.
    settled: usize,
    /// Where the settled errors are.
    failed: Vec<String>,
    /// Services that lack what they extend: what they lack themselves is no mistake.
    headless: Vec<String>,
}

impl<'a> Session<'a> {
    pub(super) fn new(files: &'a dyn Files, options: &'a LoadOptions) -> Self {
        Self {
            files,
            options,
            sources: Sources::default(),
            diagnostics: Vec::new(),
            decoded: BTreeMap::new(),
            is_incomplete: false,
            settled: 0,
            failed: Vec::new(),
            headless: Vec::new(),
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

    /// Ends the load here if something wrong was found that is not settled: what follows may rely on everything before
    /// being right.
    pub(super) fn checkpoint(&self) -> Result<(), Failed> {
        let new = &self.diagnostics[self.settled..];
        if new.iter().any(|one| one.severity == Severity::Error) { Err(Failed) } else { Ok(()) }
    }

    /// Lets the load go on in spite of what was found so far, so that all mistakes are told at once. What is found
    /// later at the same place, above it or below it would only follow from it, and is dropped.
    pub(super) fn settle(&mut self) {
        let new = self.diagnostics.split_off(self.settled);
        let is_error = |one: &Diagnostic| one.severity == Severity::Error;
        let follows = |one: &Diagnostic| {
            self.headless.contains(&one.path)
                || self.failed.iter().any(|failed| is_related(failed, &one.path))
        };
        let kept: Vec<Diagnostic> = new.into_iter().filter(|one| !(is_error(one) && follows(one))).collect();
        self.failed.extend(kept.iter().filter(|one| is_error(one)).map(|one| one.path.clone()));
        self.diagnostics.extend(kept);
        self.settled = self.diagnostics.len();
    }

    /// Notes that a service lacks what it extends.
    pub(super) fn lacks_base(&mut self, service: &str) {
        self.headless.push(format!("services.{service}"));
    }

    /// Ends the load if what was found so far leaves whole resources unknown.
    pub(super) fn needs_whole_project(&self) -> Result<(), Failed> {
        let is_resource = |path: &String| path.split('.').count() <= 2 && !path.contains('[');
        if self.is_incomplete || self.failed.iter().any(is_resource) { Err(Failed) } else { Ok(()) }
    }

    /// Whether nothing was found that keeps the project from being used.
    pub(super) fn is_sound(&self) -> bool {
        self.diagnostics.iter().all(|one| one.severity != Severity::Error)
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
        let before = self.sources.paths().count();
        let result = self.read(path);
        if self.sources.paths().count() > before {
            self.sources.keep_last_private();
        }
        result
    }

    /// Reads a text file and registers it for positions. `-` is standard input.
    pub(super) fn read(&mut self, path: &Path) -> Result<(FileId, Arc<str>), Failed> {
        let bytes = if path == Path::new(STDIN) {
            self.options.stdin.clone().ok_or_else(|| Diagnostic::error("standard input is not available"))
        } else {
            self.files.read(path).map_err(|error| unreadable(path, &error))
        };
        let bytes = self.take(bytes)?;
        match String::from_utf8(bytes) {
            Ok(text) => {
                let text: Arc<str> = text.into();
                Ok((self.sources.add(path, Arc::clone(&text)), text))
            }
            Err(error) => {
                let refused = not_utf8(&mut self.sources, path, &error);
                Err(self.fail(refused))
            }
        }
    }
}

/// Whether one of two key paths begins with the other.
fn is_related(a: &str, b: &str) -> bool {
    let (short, long) = if a.len() < b.len() { (a, b) } else { (b, a) };
    long.strip_prefix(short)
        .is_some_and(|rest| short.is_empty() || rest.is_empty() || rest.starts_with(['.', '[']))
}

/// What to say about a file that is no UTF-8, at the first byte that shows it.
fn not_utf8(sources: &mut Sources, path: &Path, error: &FromUtf8Error) -> Diagnostic {
    let bytes = error.as_bytes();
    let message = format!("failed to parse {}: the file is not UTF-8 text", path.display());
    let refused = Diagnostic::error(message);
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        let plain = format!("{} is UTF-16 text, not UTF-8", path.display());
        return refused.plain(plain).hint("save the file in UTF-8");
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

/// Whether a name means something on another machine: an OCI artifact or a git repository.
pub(crate) fn is_remote(name: &str) -> bool {
    const PREFIXES: [&str; 3] = ["oci:", "git@", "github.com/"];
    name.contains("://") || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// What to say about a file that cannot be read.
fn unreadable(path: &Path, error: &io::Error) -> Diagnostic {
    let path = path.display();
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
