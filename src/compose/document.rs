//! One compose file: each of its documents is decoded, interpolated, extended, checked and merged in turn.

use super::diagnostic::Diagnostic;
use super::environment::Environment;
use super::extends;
use super::include;
use super::interpolate;
use super::long_form;
use super::merge;
use super::node::{Map, Node, Span, Value};
use super::schema::{self, Violation};
use super::session::{Failed, Session};
use super::tags;
use super::unique;
use super::walk;
use super::yaml::{Document, TaggedPath};
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

/// Merges every document of a file over `accumulated`; gives the tags of the last document too.
pub(super) fn load_file(
    session: &mut Session<'_>,
    scope: &Scope<'_>,
    file: &Path,
    mut accumulated: Map,
    purpose: Purpose,
) -> Result<(Map, Vec<TaggedPath>), Failed> {
    let documents = session.documents(file)?;
    let mut last = Vec::new();
    for document in documents.iter() {
        accumulated = load_document(session, scope, file, (accumulated, document), purpose)?;
        last.clone_from(&document.tags);
    }
    Ok((accumulated, last))
}

fn load_document(
    session: &mut Session<'_>,
    scope: &Scope<'_>,
    file: &Path,
    (accumulated, document): (Map, &Document),
    purpose: Purpose,
) -> Result<Map, Failed> {
    let mut root = document.root.clone();
    if root.as_map().is_none() {
        return Err(session.fail(not_a_mapping(root.span)));
    }
    if session.options.interpolate {
        let lookup = |name: &str| scope.environment.get(name).cloned();
        let before = session.diagnostics.len();
        interpolate::interpolate(&mut root, &lookup, &mut session.diagnostics);
        if purpose == Purpose::Base || names_files(&session.diagnostics[before..]) {
            session.checkpoint()?;
        }
        session.settle();
    }
    let Value::Map(mut own) = root.value else { return Ok(accumulated) };
    if purpose == Purpose::Project {
        session.diagnostics.extend(misshapen_services(&own));
        session.checkpoint()?;
        extends::apply(session, scope, file, &mut own, &document.tags);
        session.settle();
    }
    let mut accumulated = Node::new(Value::Map(accumulated), Span::default());
    tags::apply(&mut accumulated, &document.tags);
    if purpose == Purpose::Project {
        include::apply(session, scope, file, &mut own);
        session.settle();
    }
    let Value::Map(accumulated) = accumulated.value else { return Ok(own) };
    let merged = session.take(merge::documents(accumulated, own))?;
    finish(session, file, Node::new(Value::Map(merged), root.span), purpose)
}

/// What happens to the accumulated tree after each document: it is checked and brought to the long form.
fn finish(session: &mut Session<'_>, file: &Path, mut tree: Node, purpose: Purpose) -> Result<Map, Failed> {
    session.diagnostics.extend(unique::enforce(&mut tree));
    settle(session, purpose)?;
    if purpose == Purpose::Project {
        let found = schema::check(&tree);
        for violation in &found {
            walk::remove(&mut tree, &violation.target);
        }
        session.diagnostics.extend(found.into_iter().map(|one| prefixed(one, file)));
        session.settle();
        drop_version(session, file, &mut tree);
    }
    long_form::apply(&mut tree, session.options.interpolate, &mut session.diagnostics);
    settle(session, purpose)?;
    drop_empty_dns(&mut tree);
    session.diagnostics.extend(unique::enforce(&mut tree));
    settle(session, purpose)?;
    if let Value::Map(map) = tree.value { Ok(map) } else { Ok(Map::new()) }
}

/// Goes on in spite of errors in a project. What is extended goes by other names, so that what follows from its errors
/// could not be told.
fn settle(session: &mut Session<'_>, purpose: Purpose) -> Result<(), Failed> {
    if purpose == Purpose::Base {
        session.checkpoint()?;
    }
    session.settle();
    Ok(())
}

/// Whether errors are about the names of other files.
fn names_files(found: &[Diagnostic]) -> bool {
    found.iter().any(|one| one.path.starts_with("include") || one.path.contains(".extends"))
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

/// Services must be mappings before anything looks into them.
fn misshapen_services(root: &Map) -> Vec<Diagnostic> {
    let Some(services) = root.get("services") else { return Vec::new() };
    let Value::Map(map) = &services.value else { return vec![must_be_mapping("services", services.span)] };
    map.iter()
        .filter(|(_, service)| service.as_map().is_none() && !service.is_null())
        .map(|(key, service)| must_be_mapping(&format!("services.{}", key.name), service.span))
        .collect()
}

fn must_be_mapping(path: &str, span: Span) -> Diagnostic {
    let name = path.rsplit('.').next().unwrap_or(path);
    Diagnostic::error(format!("{path} must be a mapping"))
        .plain(format!("`{name}` must be a mapping"))
        .at(path)
        .span(span)
        .allowed(["a mapping"])
        .hint(format!("write `name: value` lines below `{name}:`, indented and without dashes"))
}

impl Session<'_> {
    /// The decoded documents of a file; a file is read once however often it is named.
    pub(super) fn documents(&mut self, file: &Path) -> Result<Rc<Vec<Document>>, Failed> {
        if let Some(documents) = self.decoded.get(file) {
            return Ok(Rc::clone(documents));
        }
        let (id, text) = self.read(file)?;
        let decoded = super::yaml::decode(id, &text).map_err(|mut error| {
            if !error.message.starts_with("failed to parse") && !error.message.starts_with("non-string key") {
                error.message = format!("failed to parse {}: {}", file.display(), error.message);
            }
            error
        });
        let documents = Rc::new(self.take(decoded)?);
        self.decoded.insert(file.to_owned(), Rc::clone(&documents));
        Ok(documents)
    }
}
