//! Relative paths of a project start from its directory (reference: docker compose 2.40). Nothing is checked to exist.

use super::attributes;
use super::diagnostic::{Diagnostic, Lack};
use super::node::{Node, Value};
use super::session::{self, Session};
use super::walk::{self, Place};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// How an attribute names a path.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reading {
    /// It is one.
    Path(Kind),
    /// It is a mount, whose source is one if it binds.
    Mount,
    /// It is a volume, which may bind a directory.
    Volume,
}

impl Reading {
    pub const PLAIN: Self = Self::Path(Kind::Plain);
    pub const CONTEXT: Self = Self::Path(Kind::Context);
    pub const HOST: Self = Self::Path(Kind::Host);
    pub const WATCHED: Self = Self::Path(Kind::Watched);
}

/// How a path is read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// A plain path; an empty one stays empty.
    Plain,
    /// The context of a build: a path, an address, or a service.
    Context,
    /// A path on the engine's host, which may be a Windows one; an empty one is the project directory.
    Host,
    /// A watched path, whose first symbolic link is resolved.
    Watched,
}

static PATHS: LazyLock<Vec<(String, Reading)>> = LazyLock::new(|| attributes::rules(|facts| facts.path));

/// Joins every relative path of a tree with `directory`, which may be relative itself; says which are missing.
pub(super) fn resolve(session: &Session<'_>, root: &mut Node, directory: &Path) -> Vec<Diagnostic> {
    let resolver = Resolver { session, directory };
    let mut found = Vec::new();
    for (pattern, reading) in PATHS.iter() {
        walk::each_mut(root, pattern, &mut |node, place| match reading {
            Reading::Mount => found.extend(resolver.mount(node, place)),
            Reading::Volume => resolver.volume(node),
            Reading::Path(kind) => {
                if let Value::String(path) = &mut node.value {
                    *path = resolver.path(path, *kind);
                }
            }
        });
    }
    found
}

struct Resolver<'s> {
    session: &'s Session<'s>,
    directory: &'s Path,
}

impl Resolver<'_> {
    fn path(&self, path: &str, kind: Kind) -> String {
        match kind {
            Kind::Plain | Kind::Context if path.is_empty() => String::new(),
            Kind::Context if is_address(path) => path.to_owned(),
            Kind::Plain | Kind::Context => self.plain(path),
            Kind::Host => {
                let path = self.expand(path);
                if is_windows_absolute(&path) { path } else { self.absolute(&path) }
            }
            Kind::Watched => self.without_link(&self.plain(path)),
        }
    }

    fn plain(&self, path: &str) -> String {
        self.absolute(&self.expand(path))
    }

    /// Absolute paths stay as they are written, relative ones are joined and cleaned.
    fn absolute(&self, path: &str) -> String {
        if path.starts_with('/') {
            return path.to_owned();
        }
        session::join(self.directory, path).to_string_lossy().into_owned()
    }

    /// `~` is the home directory, whatever follows it: `~user` is not looked up.
    fn expand(&self, path: &str) -> String {
        match (path.strip_prefix('~'), self.session.home()) {
            (Some(rest), Some(home)) => {
                session::join(Path::new(home), rest.trim_start_matches('/')).to_string_lossy().into_owned()
            }
            _ => path.to_owned(),
        }
    }

    fn without_link(&self, path: &str) -> String {
        let whole = Path::new(path);
        if !whole.is_absolute() {
            return path.to_owned();
        }
        let mut prefix = PathBuf::new();
        let mut rest = whole.components();
        while let Some(part) = rest.next() {
            prefix.push(part);
            if self.session.files.read_link(&prefix).is_some()
                && let Ok(real) = self.session.files.canonicalize(&prefix)
            {
                return session::clean(&real.join(rest.as_path())).to_string_lossy().into_owned();
            }
        }
        path.to_owned()
    }

    fn mount(&self, node: &mut Node, place: &Place) -> Option<Diagnostic> {
        let span = node.span;
        if node.get("type").and_then(Node::as_str) != Some("bind") {
            return None;
        }
        if let Some(Value::String(source)) =
            node.as_map_mut().and_then(|map| map.get_mut("source")).map(|source| &mut source.value)
        {
            *source = self.path(source, Kind::Host);
            return None;
        }
        let missing =
            Diagnostic::error("invalid mount config for type \"bind\": field Source must not be empty")
                .plain("`source` is missing in this bind mount")
                .at(place.to_string())
                .span(span)
                .lacks(Lack::Key(vec!["source"]));
        Some(missing.hint("add `source: PATH`, the path on the host"))
    }

    /// A volume of the local driver that binds a directory.
    fn volume(&self, node: &mut Node) {
        let local = node.get("driver").and_then(Node::as_str) == Some("local");
        let Some(options) = node.as_map_mut().and_then(|map| map.get_mut("driver_opts")) else { return };
        if !local || options.get("o").and_then(Node::as_str) != Some("bind") {
            return;
        }
        let device = options.as_map_mut().and_then(|map| map.get_mut("device"));
        if let Some(Value::String(device)) = device.map(|device| &mut device.value) {
            *device = self.path(device, Kind::Host);
        }
    }
}

fn is_address(path: &str) -> bool {
    const PREFIXES: [&str; 7] =
        ["service:", "https://", "http://", "git://", "ssh://", "github.com/", "git@"];
    path.contains("://") || PREFIXES.iter().any(|prefix| path.starts_with(prefix))
}

/// `C:\x`, `c:/x` or `\\host\share`.
fn is_windows_absolute(path: &str) -> bool {
    let bytes = path.as_bytes();
    let drive = matches!(bytes, [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic());
    drive || path.starts_with("\\\\")
}

#[cfg(test)]
#[path = "paths_tests.rs"]
mod tests;
