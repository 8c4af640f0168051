//! One compose file: each of its documents is decoded, interpolated, extended, checked and merged in turn.

use super::diagnostic::Diagnostic;
use super::environment::Environment;
use super::extends;
use super::include;
use super::interpolate;
use super::long_form;
use super::merge;
use super::node::{Map, Node, Span, Value};
use super::schema::{self, Violation, wrong_kind};
use super::session::{Failed, Session};
use super::tags;
use super::unique;
use super::walk;
use super::yaml::{self, Document, TaggedPath};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// A project, or an included one: where it lives and what its names resolve to.
pub(super) struct Scope<'s> {
    /// Its directory; relative paths start there.
    pub(super) directory: PathBuf,
    /// The same as seen from the including project's directory; that of the root project is absolute.
    pub(super) relative: PathBuf,
    /// What variables resolve to.
    pub(super) environment: &'s Environment,
    /// Whether that is all of them: a file of variables with a mistake may set others.
    pub(super) knows_variables: bool,
    /// Which of the project's includes it is, from 1; 0 for the project itself.
    pub(super) number: usize,
    /// The files that include each other down to here, outermost first.
    pub(super) included: Vec<PathBuf>,
}

/// What a file is loaded for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It is (part of) a project.
    Project,
    /// A service of it is extended: the file itself is neither validated nor extended nor are its includes read.
    Base,
}

/// Merges every document of a file over `accumulated`; gives the tags of the last document.
///
/// What is wrong is said, and left out. An error means that whole parts of the file are not in `accumulated`.
pub(super) fn load_file(
    session: &mut Session<'_>,
    scope: &Scope<'_>,
    file: &Path,
    accumulated: &mut Map,
    purpose: Purpose,
) -> Result<Vec<TaggedPath>, Failed> {
    let Decoded { documents, is_whole } = session.documents(file)?;
    let mut last = Vec::new();
    let mut is_whole = is_whole;
    for document in documents.iter() {
        is_whole &= load_document(session, scope, file, (accumulated, document), purpose).is_ok();
        last.clone_from(&document.tags);
    }
    if is_whole { Ok(last) } else { Err(Failed) }
}

fn load_document(
    session: &mut Session<'_>,
    scope: &Scope<'_>,
    file: &Path,
    (accumulated, document): (&mut Map, &Document),
    purpose: Purpose,
) -> Result<(), Failed> {
    let mut root = document.root.clone();
    if root.as_map().is_none() {
        return Err(session.fail(not_a_mapping(root.span)));
    }
    if session.options.interpolate {
        let lookup = |name: &str| scope.environment.get(name).cloned();
        if scope.knows_variables {
            interpolate::interpolate(&mut root, &lookup, &mut session.growth, &mut session.diagnostics);
        } else {
            let Session { growth, diagnostics, .. } = &mut *session;
            let unknown = interpolate::interpolate_known(&mut root, &lookup, growth, diagnostics);
            for place in &unknown {
                session.broken.note_place(&place.path, place.span);
            }
        }
        session.settle();
    }
    let Value::Map(mut own) = root.value else { return Ok(()) };
    if purpose == Purpose::Project {
        let misshapen = straighten_services(&mut own);
        session.diagnostics.extend(misshapen);
        session.settle();
        extends::apply(session, scope, file, &mut own, &document.tags);
        session.settle();
    }
    let mut before = Node::new(Value::Map(std::mem::take(accumulated)), Span::default());
    tags::apply(&mut before, &document.tags);
    if purpose == Purpose::Project {
        include::apply(session, scope, file, &mut own);
        session.settle();
    }
    let Value::Map(before) = before.value else { return Ok(()) };
    let merged = merge::documents(before, own, &mut session.diagnostics);
    session.settle();
    *accumulated = finish(session, file, Node::new(Value::Map(merged), root.span), purpose);
    Ok(())
}

/// What happens to the accumulated tree after each document: it is checked and brought to the long form.
fn finish(session: &mut Session<'_>, file: &Path, mut tree: Node, purpose: Purpose) -> Map {
    session.diagnostics.extend(unique::enforce(&mut tree));
    session.settle();
    if purpose == Purpose::Project {
        let found = schema::check(&tree);
        for violation in &found {
            walk::remove(&mut tree, &violation.target);
        }
        let meant: Vec<String> = found.iter().filter_map(|one| one.meant.clone()).collect();
        session.diagnostics.extend(found.into_iter().map(|one| prefixed(one, file)));
        session.settle();
        for path in &meant {
            session.broken.note_path(path);
        }
        drop_version(session, file, &mut tree);
    }
    let Session { growth, diagnostics, options, .. } = &mut *session;
    long_form::apply(&mut tree, options.interpolate, growth, diagnostics);
    session.settle();
    drop_empty_dns(&mut tree);
    session.diagnostics.extend(unique::enforce(&mut tree));
    session.settle();
    if let Value::Map(map) = tree.value { map } else { Map::default() }
}

/// A violation of the schema in the reference's words, which name the file that was merged last and the place with
/// list positions as keys.
fn prefixed(violation: Violation, file: &Path) -> Diagnostic {
    let Violation { place, mut diagnostic, .. } = violation;
    let place = place.join(".").replace(['[', ']'], "");
    diagnostic.message = format!("validating {}: {place} {}", file.display(), diagnostic.message);
    diagnostic
}

fn drop_version(session: &mut Session<'_>, file: &Path, tree: &mut Node) {
    let Some((key, _)) = tree.as_map_mut().and_then(|map| map.shift_remove_entry("version")) else { return };
    let message = format!(
        "{}: the attribute `version` is obsolete, it will be ignored, please remove it to avoid potential confusion",
        file.display()
    );
    let warning = Diagnostic::warning(message).plain("`version` is obsolete, and is ignored");
    session.diagnostics.push(warning.at("version").span(key.span).hint("remove the line"));
}

fn drop_empty_dns(tree: &mut Node) {
    walk::each_mut(tree, "services.*.dns", &mut |node, _| {
        if let Value::List(list) = &mut node.value {
            list.retain(|item| item.as_str() != Some("") && !item.is_null());
        }
    });
}

fn not_a_mapping(span: Span) -> Diagnostic {
    Diagnostic::error("top-level object must be a mapping")
        .plain("a compose file is a mapping at the top, but this is not")
        .span(span)
        .hint("begin with keys such as `services:`; a `---` at the end starts an empty document: remove it")
}

/// Services must be mappings before anything looks into them: those that are none are emptied.
fn straighten_services(root: &mut Map) -> Vec<Diagnostic> {
    let Some(services) = root.get_mut("services") else { return Vec::new() };
    let Value::Map(map) = &mut services.value else {
        let found = must_be_mapping("services", services);
        root.shift_remove("services");
        return vec![found];
    };
    let mut found = Vec::new();
    for (key, service) in
        map.iter_mut().filter(|(_, service)| service.as_map().is_none() && !service.is_null())
    {
        found.push(must_be_mapping(&format!("services.{}", key.name), service));
        service.value = Value::Map(Map::default());
    }
    found
}

fn must_be_mapping(path: &str, node: &Node) -> Diagnostic {
    let name = path.rsplit('.').next().unwrap_or(path);
    let hint = match &node.value {
        Value::List(_) => {
            format!("leave the dashes out: write `name: value` lines below `{name}:`, indented")
        }
        Value::String(text) if path != "services" => {
            format!("write `image: {text}` below `{name}:`, indented, if that is its image")
        }
        _ => format!("write `name: value` lines below `{name}:`, indented"),
    };
    Diagnostic::error(format!("{path} must be a mapping"))
        .plain(wrong_kind(&format!("`{name}`"), &node.value, &["a mapping"]))
        .at(path)
        .span(node.span)
        .allowed(["a mapping"])
        .hint(hint)
}

/// The documents of a file.
#[derive(Clone)]
pub(super) struct Decoded {
    pub(super) documents: Rc<Vec<Document>>,
    /// Whether they hold everything that the file does.
    pub(super) is_whole: bool,
}

impl Session<'_> {
    /// The decoded documents of a file, as far as it can be read; a file is read once however often it is named, and
    /// what is wrong with it is told once.
    pub(super) fn documents(&mut self, file: &Path) -> Result<Decoded, Failed> {
        if let Some(known) = self.decoded.get(file) {
            return known.clone().ok_or(Failed);
        }
        let decoded = self.decode(file);
        self.decoded.insert(file.to_owned(), decoded.as_ref().ok().cloned());
        decoded
    }

    fn decode(&mut self, file: &Path) -> Result<Decoded, Failed> {
        let (id, text) = self.read(file)?;
        let yaml::Decoded { documents, mended, broken, is_whole } = yaml::read(id, &text, &mut self.growth);
        let named = |mut error: Diagnostic| {
            if !error.message.starts_with("non-string key") {
                error.message = format!("failed to parse {}: {}", file.display(), error.message);
            }
            error
        };
        self.tell(mended.into_iter().map(named));
        self.diagnostics.extend(broken.into_iter().map(named));
        Ok(Decoded { documents: Rc::new(documents), is_whole })
    }
}
