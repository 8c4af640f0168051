//! The settings of the host, read from the disk.

use super::git::GitSettings;
use crate::compose::desired::clean;
use crate::compose::diagnostic::{Diagnostic, Severity, Sources};
use crate::compose::files::Files;
use crate::compose::node::Span;
use crate::compose::settings::Placed;
use crate::compose::settings::host::{self, HostSettings, HttpSettings};
use crate::compose::settings::notify::NotifySettings;
use crate::compose::{suggest, yaml};
use crate::model::units::Nanos;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A source of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostSource {
    /// Its name.
    pub name: String,
    /// Where its stacks are.
    pub origin: Origin,
    /// The longest time between two looks.
    pub interval: Option<Nanos>,
    /// Whether stacks that are gone from it are removed.
    pub prune: bool,
    /// The share of its stacks that may go at once, in percent.
    pub max_removals: Option<u8>,
    /// A file with the secret of its webhook.
    pub webhook_secret_file: Option<String>,
}

/// Where the stacks of a source are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// In a directory, or a compose file.
    Directory(PathBuf),
    /// In a git repository.
    Git(Box<GitSettings>),
}

/// What the settings say, or what is wrong with them.
#[derive(Debug, Clone, Default)]
pub struct Host {
    /// The sources; none if anything is wrong.
    pub sources: Vec<HostSource>,
    /// Whom to tell what becomes of them; nobody if anything is wrong.
    pub notify: Vec<NotifySettings>,
    /// Where the daemon can be asked.
    pub http: HttpSettings,
    /// Where relative paths start.
    pub directory: PathBuf,
    /// Where the program keeps what it has to remember, if they say so.
    pub state_dir: Option<PathBuf>,
    /// The same directory as the engine's host has it, if they say so.
    pub host_state_dir: Option<PathBuf>,
    /// How many deployments of each stack are kept, if they say so.
    pub history: Option<u32>,
    /// What there is to say.
    pub diagnostics: Vec<Diagnostic>,
    /// The text that the diagnostics point into.
    pub texts: Sources,
}

/// Reads the settings of the host. `path` is absolute.
pub fn read_host(files: &dyn Files, path: &Path) -> Host {
    let mut host = Host { directory: path.parent().unwrap_or(path).to_owned(), ..Host::default() };
    let text = files
        .read(path)
        .map_err(|error| error.to_string())
        .and_then(|bytes| String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned()));
    let text: Arc<str> = match text {
        Ok(text) => text.into(),
        Err(error) => {
            let error = Diagnostic::error(format!("cannot read {}: {error}", path.display()));
            let hint = suggest::other_file(files, path);
            host.diagnostics
                .push(error.hint(hint.unwrap_or_else(|| "check the path behind `--config`".to_owned())));
            return host;
        }
    };
    let file = host.texts.add(path, Arc::clone(&text));
    let mut root = match yaml::decode(file, &text) {
        Ok(documents) => documents.into_iter().next().map(|document| document.root).unwrap_or_default(),
        Err(error) => {
            // In what cannot be read secrets cannot be told from the rest.
            if text.contains("notify") {
                host.texts.keep_private(file);
            }
            host.diagnostics.push(error);
            return host;
        }
    };
    let secrets = host::secret_places(&root);
    if !secrets.is_empty() {
        host.texts.replace(file, masked(&text, &secrets).into());
    }
    if root.span == Span::default() {
        root.span = Span { file, start: 0, end: 0 };
    }
    let settings = host::host(&root, &mut host.diagnostics);
    let sources = place(files, path, &settings, &mut host.diagnostics);
    let directory = path.parent().unwrap_or(path);
    let absolute = |dir: &Option<Placed>| dir.as_ref().map(|dir| clean(&directory.join(&dir.text)));
    host.state_dir = absolute(&settings.state_dir);
    host.host_state_dir = absolute(&settings.host_state_dir);
    host.history = settings.history;
    if host.diagnostics.iter().all(|one| one.severity != Severity::Error) {
        host.sources = sources;
        host.http = settings.http;
        host.notify = settings.notify.into_iter().map(|(_, notify)| notify).collect();
    }
    host
}

/// The same text with asterisks in the place of secrets: nothing else moves.
fn masked(text: &str, secrets: &[Span]) -> String {
    let mut masked = text.to_owned();
    for span in secrets {
        let place = span.start as usize..span.end as usize;
        let Some(secret) = text.get(place.clone()) else { continue };
        let stars: String = secret
            .chars()
            .map(|c| if c.is_whitespace() { c.to_string() } else { "*".repeat(c.len_utf8()) })
            .collect();
        masked.replace_range(place, &stars);
    }
    masked
}

/// Looks up where the sources are, which differ.
fn place(
    files: &dyn Files,
    path: &Path,
    settings: &HostSettings,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<HostSource> {
    let directory = path.parent().unwrap_or(path);
    let mut sources: Vec<HostSource> = Vec::new();
    for (name, source) in &settings.sources {
        let at = |key: &str| format!("sources.{}.{key}", name.text);
        let (origin, key, span) = match (&source.dir, &source.git) {
            (Some(dir), _) => {
                if let Some(key) = source.of_git.first() {
                    let error = Diagnostic::error(format!("`{}` is for git repositories", key.text));
                    diagnostics
                        .push(error.at(at(&key.text)).span(key.span).hint("leave it out, or give `git`"));
                }
                let root = directory.join(&dir.text);
                if let Ok(real) = files.canonicalize(&root) {
                    (Origin::Directory(real), "dir", dir.span)
                } else {
                    let error = Diagnostic::error(format!("there is no directory {}", root.display()));
                    let hint = suggest::other_file(files, &root)
                        .unwrap_or_else(|| format!("relative paths start from {}", directory.display()));
                    diagnostics.push(error.at(at("dir")).span(dir.span).hint(hint));
                    continue;
                }
            }
            (None, Some(git)) => match GitSettings::read(git, &source.repository, directory) {
                Ok(found) => (Origin::Git(Box::new(found)), "git", git.span),
                Err((key, span, message, hint)) => {
                    let span = if span == Span::default() { name.span } else { span };
                    diagnostics.push(Diagnostic::error(message).at(at(key)).span(span).hint(hint));
                    continue;
                }
            },
            (None, None) => continue,
        };
        if let Some(wrong) = unfit_name(&name.text).filter(|_| matches!(origin, Origin::Git(_))) {
            let error = Diagnostic::error(format!("`{}` cannot name a git source: {wrong}", name.text));
            let hint = "letters, digits, `-`, `_` and `.` make a name; a folder is called so";
            diagnostics.push(error.at(format!("sources.{}", name.text)).span(name.span).hint(hint));
        }
        if let Some(other) = sources.iter().find(|other| is_same(&other.origin, &origin)) {
            let error =
                Diagnostic::error(format!("`{}` and `{}` are the same source", other.name, name.text));
            diagnostics.push(error.at(at(key)).span(span).hint("keep one of the two"));
        }
        sources.push(HostSource {
            name: name.text.clone(),
            origin,
            interval: source.interval,
            prune: source.prune.unwrap_or(true),
            max_removals: source.max_removals,
            webhook_secret_file: source.webhook_secret_file.clone(),
        });
    }
    sources
}

/// Whether two sources have the same stacks: branches of a repository count as one.
fn is_same(one: &Origin, other: &Origin) -> bool {
    match (one, other) {
        (Origin::Directory(one), Origin::Directory(other)) => one == other,
        (Origin::Git(one), Origin::Git(other)) => one.identity() == other.identity(),
        (Origin::Directory(_), Origin::Git(_)) | (Origin::Git(_), Origin::Directory(_)) => false,
    }
}

/// Why a name cannot be that of a folder.
fn unfit_name(name: &str) -> Option<&'static str> {
    if name.starts_with('.') {
        return Some("it begins with a dot");
    }
    let is_fit = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    (!name.chars().all(is_fit) || name.len() > 100).then_some("it cannot be the name of a folder")
}

#[cfg(test)]
mod tests {
    use super::read_host;
    use crate::source::Disk;
    use std::fs;

    fn said(text: &str) -> Vec<(String, String)> {
        let folder = tempfile::tempdir().expect("folder");
        fs::create_dir(folder.path().join("stacks")).expect("folder");
        let path = folder.path().join("reconcile.yaml");
        fs::write(&path, text).expect("file");
        let host = read_host(&Disk, &path);
        assert_eq!(host.sources.is_empty(), !host.diagnostics.is_empty());
        host.diagnostics
            .iter()
            .map(|one| {
                let span = one.span.unwrap_or_else(|| panic!("{one:?}"));
                assert_eq!(host.texts.path(span.file), path);
                (one.path.clone(), one.text().to_owned())
            })
            .collect()
    }

    #[test]
    fn sources_are_read_with_what_they_leave_out() {
        assert_eq!(
            said("sources: {a: {dir: stacks}, b: {dir: ., interval: 5m, prune: false, max_removals: 25}}"),
            []
        );
        assert_eq!(
            said("state_dir: x\nsources: {a: {git: 'git@x:y', path: a/b, tag: v1, submodules: true}}"),
            []
        );
    }

    #[test]
    fn no_secret_is_left_in_the_text_that_is_shown() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("reconcile.yaml");
        for text in [
            "sources: {a: {dir: .}}\nnotify:\n- slack: {url: https://x/hunter2}\n  onn: failed\n",
            "sources: {a: {dri: .}}\nnotify:\n- webhook: {urll: https://x/hunter2, headers: {A: hunter2}}\n",
            "notify: [{gotify: {url: https://x, token: [hunter2, {a: \"hunter2\"}]}}]",
            "notify: [{email: {host: a, from: a, to: b, user: u, password: >-\n  a\n  hunter2\n}}]",
            "notify: [{slack: {url: hunter2}}",
        ] {
            fs::write(&path, text).expect("file");
            let host = read_host(&Disk, &path);
            assert!(host.sources.is_empty() && host.notify.is_empty(), "{text}");
            assert!(!host.diagnostics.is_empty(), "{text}");
            for one in &host.diagnostics {
                assert!(!format!("{one:?}").contains("hunter2"), "{one:?}");
                let span = one.span.unwrap_or_else(|| panic!("{one:?}"));
                let is_hidden = host.texts.is_private(span.file);
                assert!(is_hidden || !host.texts.text(span.file).contains("hunter2"), "{text}");
            }
        }
    }

    #[test]
    fn what_is_wrong_has_its_place() {
        let one = |text: &str| said(text).into_iter().next().unwrap_or_default();
        let told = |path: &str, text: &str| (path.to_owned(), text.to_owned());
        assert_eq!(one("sources: {a: {dri: stacks}}").0, "sources.a.dri");
        assert_eq!(
            one("sources: {a: {prune: true}}"),
            told("sources.a", "one of `dir`, `git` is missing in `a`")
        );
        assert_eq!(one("sources:\n  a:\n"), told("sources.a", "one of `dir`, `git` is missing in `a`"));
        assert_eq!(one("sources: {}"), told("sources", "the settings name no source"));
        assert_eq!(one("{}"), told("sources", "`sources` is missing in the settings"));
        assert_eq!(
            one("sources: {a: {git: https://x/y, dir: stacks}}"),
            told("sources.a.dir", "`dir` stands beside `git`")
        );
        assert_eq!(
            one("sources: {a: {dir: stacks, branch: x}}"),
            told("sources.a.branch", "`branch` is for git repositories")
        );
        assert_eq!(
            one("sources: {a: {git: https://x/y}, b: {git: 'https://x/y/', branch: b}}"),
            told("sources.b.git", "`a` and `b` are the same source")
        );
        assert_eq!(one("sources: {a/b: {git: https://x/y}}").0, "sources.a/b");
        assert_eq!(one("sources: {a: {git: https://x/y, branch: b, tag: t}}").0, "sources.a.tag");
        assert_eq!(one("sources: {a: {git: https://x/y, commit: abc}}").0, "sources.a.commit");
        assert_eq!(one("sources: {a: {git: https://x/y, path: ../b}}").0, "sources.a.path");
        assert_eq!(one("sources: {a: {git: 'https://me:secret@x/y'}}").0, "sources.a.git");
        assert!(!one("sources: {a: {git: 'https://me:secret@x/y'}}").1.contains("secret"));
        assert_eq!(one("sources: {a: {git: stacks}}").0, "sources.a.git");
        assert_eq!(one("sources: {a: {dir: stacks, max_removals: 101}}").0, "sources.a.max_removals");
        assert_eq!(one("sources: {a: {dir: stacks, max_removals: 50%}}").0, "sources.a.max_removals");
        assert_eq!(
            one("sources: {a: {dir: stacks}, b: {dir: ./stacks}}"),
            told("sources.b.dir", "`a` and `b` are the same source")
        );
        assert!(one("sources: {a: {dir: stakcs}}").1.starts_with("there is no directory"));
    }
}
