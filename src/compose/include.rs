//! `include`: other projects whose resources become part of this one.

use super::attributes;
use super::diagnostic::Diagnostic;
use super::document::{self, Purpose, Scope};
use super::environment::{self, Environment, FromFiles};
use super::files::FileKind;
use super::load;
use super::node::{Map, Node, Span, Value};
use super::schema::wrong_kind;
use super::session::{self, Failed, Session};
use super::text;
use super::walk;
use std::path::{Path, PathBuf};

/// How many files a project may include in all: files that include each other twice over double with each level.
const MAX_INCLUDES: usize = 1000;

/// How deep projects may include each other; a bound keeps a made-up project from exhausting the stack.
const MAX_DEPTH: usize = 50;

/// One entry of `include`.
struct Entry {
    /// Its place in the document.
    place: String,
    paths: Vec<(String, Span)>,
    project_directory: Option<String>,
    env_files: Vec<(String, Span)>,
    span: Span,
}

/// Loads what a document includes into it, and takes the key out.
pub(super) fn apply(session: &mut Session<'_>, scope: &Scope<'_>, file: &Path, root: &mut Map) {
    let Some(include) = root.shift_remove("include") else { return };
    let entries = match read(&include) {
        Ok(entries) => entries,
        Err(error) => {
            session.diagnostics.push(error);
            session.broken.lacks_a_file();
            return;
        }
    };
    for entry in entries {
        match session
            .take(entry)
            .and_then(|entry| Ok((load_entry(session, scope, file, &entry)?, entry.span)))
        {
            Ok((imported, span)) => merge_in(session, imported, root, span),
            Err(Failed) => session.broken.lacks_a_file(),
        }
        session.settle();
    }
}

fn read(include: &Node) -> Result<Vec<Result<Entry, Diagnostic>>, Diagnostic> {
    match &include.value {
        Value::Null => Ok(Vec::new()),
        Value::List(list) => {
            let entry = |(index, node)| read_entry(node, format!("include[{index}]"));
            Ok(list.iter().enumerate().map(entry).collect())
        }
        other => {
            let found = text::of_scalar(other).unwrap_or_else(|| text::type_name(other).to_owned());
            Err(Diagnostic::error(format!("`include` must be a list, got {found}"))
                .plain(wrong_kind("`include`", other, &["a list"]))
                .allowed(["a list"])
                .at("include")
                .span(include.span)
                .hint("put a dash in front: `include:` and below it `- path/compose.yaml`"))
        }
    }
}

fn read_entry(node: &Node, place: String) -> Result<Entry, Diagnostic> {
    let entry = match &node.value {
        Value::String(path) => Entry {
            place,
            paths: vec![(path.clone(), node.span)],
            project_directory: None,
            env_files: Vec::new(),
            span: node.span,
        },
        _ => Entry {
            place,
            paths: strings(node.get("path")),
            project_directory: node
                .get("project_directory")
                .and_then(Node::as_str)
                .filter(|text| !text.is_empty())
                .map(str::to_owned),
            env_files: strings(node.get("env_file")),
            span: node.span,
        },
    };
    if entry.paths.is_empty() {
        return Err(Diagnostic::error("include needs a path")
            .plain("`path` is missing in this include")
            .at(entry.place)
            .span(node.span)
            .hint("write `- path/compose.yaml` or `- path: path/compose.yaml`"));
    }
    Ok(entry)
}

/// One or several texts, each with its place.
fn strings(node: Option<&Node>) -> Vec<(String, Span)> {
    let Some(node) = node else { return Vec::new() };
    let items = node.as_list().unwrap_or(std::slice::from_ref(node));
    items.iter().filter_map(|item| Some((item.as_str()?.to_owned(), item.span))).collect()
}

/// The resources of an included project; fails if none of its files can be read.
fn load_entry(
    session: &mut Session<'_>,
    scope: &Scope<'_>,
    file: &Path,
    entry: &Entry,
) -> Result<Map, Failed> {
    let named: Vec<(PathBuf, &str, Span)> = entry
        .paths
        .iter()
        .map(|(path, span)| (session::join(&scope.directory, path), path.as_str(), *span))
        .collect();
    let main = named[0].0.clone();
    let mut included = scope.included.clone();
    included.push(file.to_owned());
    if included.contains(&main) {
        included.push(main);
        return Err(session.fail(cycle(&included, entry)));
    }
    if included.len() > MAX_DEPTH {
        let deep = Diagnostic::error(format!("projects include each other more than {MAX_DEPTH} deep"));
        return Err(
            session.fail(deep.at(&entry.place).span(entry.span).hint("include the innermost one directly"))
        );
    }
    session.includes += 1;
    if session.includes > MAX_INCLUDES {
        // Told once: whatever else is included comes after it.
        if session.includes == MAX_INCLUDES + 1 {
            let many = Diagnostic::error(format!("more than {MAX_INCLUDES} projects are included"));
            let hint = "a file that is included in several places counts each time: include it once";
            session.diagnostics.push(many.at(&entry.place).span(entry.span).hint(hint));
        }
        return Err(Failed);
    }
    let (directory, relative) = directories(session, scope, entry, &main);
    let (environment, is_whole) = inner_environment(session, scope, entry, &directory);
    let knows_variables = scope.knows_variables && is_whole;
    let number = session.includes;
    let inner = Scope { directory, relative, environment: &environment, knows_variables, number, included };
    let mut tree = Map::default();
    for (path, written, span) in named {
        if !load_path(session, &inner, entry, (&path, written, span), &mut tree) {
            session.broken.lacks_a_file();
        }
    }
    if tree.is_empty() && session.broken.is_incomplete() {
        return Err(Failed);
    }
    let mut root = Node::new(Value::Map(tree), entry.span);
    load::complete(session, &mut root, &inner.relative, inner.environment);
    configs_from_environment(session, &mut root, inner.environment);
    session.settle();
    if let Value::Map(tree) = root.value { Ok(tree) } else { Ok(Map::default()) }
}

/// Loads one file of an included project; tells whether all of it could be read.
fn load_path(
    session: &mut Session<'_>,
    inner: &Scope<'_>,
    entry: &Entry,
    (path, written, span): (&Path, &str, Span),
    tree: &mut Map,
) -> bool {
    if let Some(refusal) = session.refusal(path, written) {
        session.diagnostics.push(refusal.at(&entry.place).span(span));
        return false;
    }
    session.sources.note_way(path, "included from", span);
    let before = session.diagnostics.len();
    // A file that cannot be read at all is told where it is named; mistakes in it have places of their own.
    let read = session.documents(path).is_ok();
    session.blame(before, &entry.place, span);
    read && document::load_file(session, inner, path, tree, Purpose::Project).is_ok()
}

/// What variables resolve to in an included project, and whether that is all of them.
fn inner_environment(
    session: &mut Session<'_>,
    scope: &Scope<'_>,
    entry: &Entry,
    directory: &Path,
) -> (Environment, bool) {
    let files = env_files(session, scope, entry, directory);
    let is_complete = files.is_some();
    let files = files.unwrap_or_default();
    for (path, span) in &files {
        session.sources.note_way(path, "read for the project included from", *span);
    }
    let paths: Vec<PathBuf> = files.into_iter().map(|(path, _)| path).collect();
    let FromFiles { values, is_whole } = environment::read_files(session, scope.environment, &paths);
    let mut environment = values;
    environment.extend(scope.environment.clone());
    (environment, is_complete && is_whole)
}

/// The included project's directory, and the one that its paths start from as seen from the including project.
/// The two differ when the given directory does not exist: its paths then start one level higher, as in the reference.
fn directories(session: &Session<'_>, scope: &Scope<'_>, entry: &Entry, main: &Path) -> (PathBuf, PathBuf) {
    let parent = |path: &Path| path.parent().unwrap_or(Path::new("/")).to_owned();
    let Some(given) = &entry.project_directory else {
        let directory = parent(main);
        let relative = session::relative(&scope.directory, &directory);
        return (directory, relative);
    };
    let directory = session::join(&scope.directory, given);
    if given.starts_with('/') {
        return (directory.clone(), directory);
    }
    let exists = session.files.kind(&directory) == Some(FileKind::Directory);
    let base = if exists { directory.clone() } else { parent(&directory) };
    (directory, session::relative(&scope.directory, &base))
}

/// The files of variables of an included project, and where they are named; none if one is missing.
fn env_files(
    session: &mut Session<'_>,
    scope: &Scope<'_>,
    entry: &Entry,
    directory: &Path,
) -> Option<Vec<(PathBuf, Span)>> {
    if entry.env_files.is_empty() {
        let implicit = directory.join(".env");
        let found = session.files.kind(&implicit) == Some(FileKind::File);
        return Some(if found { vec![(implicit, entry.span)] } else { Vec::new() });
    }
    // In a nested include the reference looks a relative file up from the process directory.
    let mut files = Some(Vec::new());
    for (name, span) in entry.env_files.iter().filter(|(name, _)| name != "/dev/null") {
        let shown = session::join(&scope.relative, name);
        let path = session.options.cwd.join(&shown);
        let problem = match session.files.kind(&path) {
            Some(FileKind::File) => {
                if let Some(files) = &mut files {
                    files.push((path.clone(), *span));
                }
                continue;
            }
            Some(FileKind::Directory) => Diagnostic::error(format!("{} is not a file", shown.display()))
                .plain(format!("the env file {} is a directory", path.display()))
                .hint("name a file of NAME=value lines"),
            None => Diagnostic::error(format!("stat {}: no such file or directory", shown.display()))
                .plain(format!("there is no env file {}", path.display()))
                .hint(session.other_file(&path, "create it, or leave `env_file` out")),
        };
        session.diagnostics.push(problem.at(format!("{}.env_file", entry.place)).span(*span));
        files = None;
    }
    files
}

/// The reference cannot include a config whose variable is set: by the time the including project is checked the
/// config has its content too. What it would mean is clear, but a project that loads here must load there.
fn configs_from_environment(session: &mut Session<'_>, root: &mut Node, environment: &Environment) {
    walk::each_mut(root, "configs.*", &mut |config, place| {
        let variable = config.get("environment").and_then(Node::as_str);
        if variable.is_some_and(|name| environment.contains_key(name)) {
            let message = format!("{place}: file|environment|content attributes are mutually exclusive");
            session
                .diagnostics
                .push(Diagnostic::error(message).at(place.to_string()).span(config.span).hint(
                "docker compose cannot include a config from the environment: declare it in the main project",
            ));
        }
    });
}

/// Copies the sections of an included project into the document; its `x-` keys stay behind. A name that both define must mean the same.
fn merge_in(session: &mut Session<'_>, imported: Map, root: &mut Map, span: Span) {
    for (section, resources) in imported {
        let Value::Map(resources) = resources.value else { continue };
        if !attributes::sections().any(|known| known == &*section.name) {
            continue;
        }
        let name = section.name.to_string();
        let target = root.entry(section).or_insert_with(|| Node::new(Value::Map(Map::default()), span));
        if target.is_null() {
            target.value = Value::Map(Map::default());
        }
        let Some(target) = target.as_map_mut() else { continue };
        for (key, resource) in resources {
            match target.get_full(&key) {
                Some((_, place, own)) if !equal(own, &resource) => {
                    session.diagnostics.push(conflict(&name, &key.name, (place.span, key.span)));
                }
                Some(_) => {}
                None => {
                    target.insert(key, resource);
                }
            }
        }
    }
}

/// Whether two trees hold the same, wherever they stand.
fn equal(a: &Node, b: &Node) -> bool {
    match (&a.value, &b.value) {
        (Value::Null, Value::Null) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Int(a), Value::Int(b)) => a == b,
        (Value::Float(a), Value::Float(b)) => a.total_cmp(b).is_eq(),
        (Value::String(a), Value::String(b)) | (Value::Timestamp(a), Value::Timestamp(b)) => a == b,
        (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Value::Map(a), Value::Map(b)) => {
            a.len() == b.len()
                && a.iter().all(|(key, value)| b.get(key).is_some_and(|other| equal(value, other)))
        }
        _ => false,
    }
}

fn conflict(section: &str, name: &str, (span, included): (Span, Span)) -> Diagnostic {
    Diagnostic::error(format!("{section}.{name} conflicts with imported resource"))
        .plain(format!("`{name}` is also in an included file, and differs"))
        .at(format!("{section}.{name}"))
        .span(span)
        .also(included, "the included one")
        .hint("rename one of the two, or change the included one in a compose.override.yaml")
}

fn cycle(chain: &[PathBuf], entry: &Entry) -> Diagnostic {
    let lines: Vec<String> = chain.iter().map(|path| path.display().to_string()).collect();
    let span = entry.paths.first().map_or(entry.span, |(_, span)| *span);
    Diagnostic::error(format!("include cycle detected:\n{}", lines.join("\n include ")))
        .plain(format!(
            "files include each other in a circle: {}",
            lines.join(", which includes ").replacen(", which", "", 1)
        ))
        .at(&entry.place)
        .span(span)
        .hint("a project cannot include itself; move the shared part to a third file")
}
