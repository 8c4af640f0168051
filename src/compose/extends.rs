//! `extends`: a service that starts from another one, of the same document or of another file.

use super::diagnostic::Diagnostic;
use super::document::{self, Purpose, Scope};
use super::growth;
use super::merge;
use super::node::{Map, Node, Span, Value};
use super::paths;
use super::session::{self, Failed, Session};
use super::suggest;
use super::tags;
use super::yaml::TaggedPath;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// The services among which one document's `extends` are resolved.
struct Level<'t> {
    file: PathBuf,
    services: Map,
    /// Those of an extended file; what is needed of them is copied into `services`.
    rest: Option<&'t Map>,
    tags: &'t [TaggedPath],
}

/// What `extends` says.
struct Base {
    service: String,
    file: Option<String>,
    /// Where the service is named.
    span: Span,
    /// Where the file is named.
    file_span: Span,
}

/// How many services may start from each other in a row. People need two or three; a bound keeps a made-up file from
/// exhausting the stack.
const MAX_CHAIN: usize = 100;

/// The services being resolved, outermost first, each with the file that it stands in.
type Chain = Vec<(PathBuf, String)>;

/// Resolves every `extends` of a document.
///
/// A base in the same document is looked up in that document only: services of other files are not seen,
/// as in the reference.
pub(super) fn apply(
    session: &mut Session<'_>,
    scope: &Scope<'_>,
    file: &Path,
    root: &mut Map,
    tags: &[TaggedPath],
) {
    let Some(services) = root.get_mut("services").and_then(Node::as_map_mut) else { return };
    let mut level = Level { file: file.to_owned(), services: std::mem::take(services), rest: None, tags };
    let names: Vec<String> = level.services.keys().map(|key| key.name.to_string()).collect();
    let mut resolver = Resolver { session: &mut *session, scope, chain: Chain::new(), failed: Vec::new() };
    for name in names {
        let link = (level.file.clone(), name);
        if !resolver.failed.contains(&link) && resolver.resolve(&mut level, &link.1).is_err() {
            // What it leads to has told what is wrong; whoever leads there would tell the same.
            let chain = std::mem::take(&mut resolver.chain);
            resolver.failed.extend(chain.into_iter().chain([link]));
        }
    }
    for (_, name) in resolver.failed {
        session.broken.lacks_base(&name);
        if let Some(map) = level.services.get_mut(name.as_str()).and_then(Node::as_map_mut) {
            map.shift_remove("extends");
        }
    }
    if let Some(services) = root.get_mut("services").and_then(Node::as_map_mut) {
        *services = level.services;
    }
}

struct Resolver<'r, 'a, 's> {
    session: &'r mut Session<'a>,
    scope: &'r Scope<'s>,
    chain: Chain,
    /// Services whose base cannot be had.
    failed: Chain,
}

impl Resolver<'_, '_, '_> {
    /// Resolves one service in place; afterwards it stands in `level` as a complete one.
    fn resolve(&mut self, level: &mut Level<'_>, name: &str) -> Result<(), Failed> {
        level.bring(name);
        let service = level.services.get(name).and_then(Node::as_map);
        let Some((_, key, extends)) = service.and_then(|service| service.get_full("extends")) else {
            return Ok(());
        };
        if self.session.broken.is_at_or_below(&format!("services.{name}.extends")) {
            return Err(Failed);
        }
        let base = self.session.take(read(name, extends, key.span))?;
        self.enter((level.file.clone(), name.to_owned()), base.span)?;
        let found = match &base.file {
            None => self.base_here(level, name, &base)?,
            Some(file) => self.base_elsewhere(&level.file, name, (&base, file))?,
        };
        self.chain.pop();
        // A base that is null leaves the service as it is, `extends` included, as in the reference.
        let Some(mut found) = found else { return Ok(()) };
        if !self.session.growth.take(growth::weight(&found)) {
            let place = format!("services.{name}.extends");
            let refused = self.session.growth.refusal("`extends`", &place, base.span);
            self.session.diagnostics.extend(refused);
            return Err(Failed);
        }
        tags::apply_to_service(&mut found, name, level.tags);
        let Some(slot) = level.services.get_mut(name) else { return Ok(()) };
        let mut merged = merge::service(name, found, std::mem::take(slot), &mut self.session.diagnostics);
        if let Some(map) = merged.as_map_mut() {
            map.shift_remove("extends");
        }
        *slot = merged;
        Ok(())
    }

    fn enter(&mut self, link: (PathBuf, String), span: Span) -> Result<(), Failed> {
        if self.chain.contains(&link) {
            return Err(self.session.fail(circular(&self.chain, &link, span)));
        }
        if self.chain.len() == MAX_CHAIN {
            return Err(self.session.fail(too_long(&link.1, span)));
        }
        self.chain.push(link);
        Ok(())
    }

    fn base_here(&mut self, level: &mut Level<'_>, name: &str, base: &Base) -> Result<Option<Node>, Failed> {
        level.bring(&base.service);
        if !level.services.contains_key(base.service.as_str()) {
            let message = format!(
                "cannot extend service {name:?} in {}: service {:?} not found",
                level.file.display(),
                base.service
            );
            let known = level.rest.unwrap_or(&level.services);
            return Err(self.session.fail(not_found(message, name, base, known)));
        }
        self.resolve(level, &base.service)?;
        Ok(level.services.get(base.service.as_str()).filter(|node| !node.is_null()).cloned())
    }

    fn base_elsewhere(
        &mut self,
        own: &Path,
        name: &str,
        (base, file): (&Base, &str),
    ) -> Result<Option<Node>, Failed> {
        let path = session::join(&self.scope.directory, file);
        let place = format!("services.{name}.extends.file");
        if let Some(refusal) = self.session.refusal(&path, file) {
            return Err(self.session.fail(refusal.at(place).span(base.file_span)));
        }
        self.session.sources.note_way(&path, "extended from", base.file_span);
        let before = self.session.diagnostics.len();
        let read = self.session.documents(&path);
        self.session.blame(before, &place, base.file_span);
        read?;
        let extended = self.extended(&path)?;
        if let Some(error) = missing_in_file(&extended.root, (own, &path, file), name, base) {
            return Err(self.session.fail(error));
        }
        let rest = extended.root.get("services").and_then(Node::as_map);
        let mut level = Level { file: path, services: Map::default(), rest, tags: &extended.tags };
        self.resolve(&mut level, &base.service)?;
        Ok(level.services.shift_remove(base.service.as_str()).filter(|node| !node.is_null()))
    }

    /// A file of which services are extended; it is loaded once, however many start from it.
    fn extended(&mut self, path: &Path) -> Result<Rc<Extended>, Failed> {
        let slot = (self.scope.number, path.to_owned());
        if let Some(known) = self.session.extended.get(&slot) {
            return known.clone().ok_or(Failed);
        }
        let loaded = self.load(path);
        self.session.extended.insert(slot, loaded.as_ref().ok().cloned());
        loaded
    }

    fn load(&mut self, path: &Path) -> Result<Rc<Extended>, Failed> {
        let mut root = Map::default();
        let tags = document::load_file(self.session, self.scope, path, &mut root, Purpose::Base)?;
        let mut root = Node::new(Value::Map(root), Span::default());
        let directory = self.directory_of(path);
        let found = paths::resolve(self.session, &mut root, &directory);
        self.session.diagnostics.extend(found);
        Ok(Rc::new(Extended { root, tags }))
    }

    /// The directory of the extended file as seen from the project's: paths of the base stay relative until the
    /// whole project's are made absolute.
    fn directory_of(&self, path: &Path) -> PathBuf {
        session::relative(&self.scope.directory, path.parent().unwrap_or(path))
    }
}

/// A file of which services are extended, with the paths in it as the project sees them.
pub(super) struct Extended {
    root: Node,
    tags: Vec<TaggedPath>,
}

impl Level<'_> {
    /// Copies a service of an extended file to where it is resolved.
    fn bring(&mut self, name: &str) {
        if let Some((key, service)) = self.rest.and_then(|rest| rest.get_key_value(name))
            && !self.services.contains_key(name)
        {
            self.services.insert(key.clone(), service.clone());
        }
    }
}

/// What is wrong if an extended file lacks the service.
fn missing_in_file(
    root: &Node,
    (own, path, written): (&Path, &Path, &str),
    name: &str,
    base: &Base,
) -> Option<Diagnostic> {
    let Some(services) = root.get("services").and_then(Node::as_map) else {
        let message = format!("cannot extend service {name:?} in {}: no services section", path.display());
        return Some(not_found(message, name, base, &Map::default()));
    };
    if services.contains_key(base.service.as_str()) {
        return None;
    }
    let message = format!(
        "cannot extend service {name:?} in {}: service {:?} not found in {written}",
        own.display(),
        base.service
    );
    Some(not_found(message, name, base, services))
}

fn read(name: &str, extends: &Node, key: Span) -> Result<Base, Diagnostic> {
    let text = |key: &str| extends.get(key).and_then(Node::as_str).map(str::to_owned);
    let span = |key: &str| extends.get(key).map_or(extends.span, |node| node.span);
    let (service, file) = match &extends.value {
        Value::String(service) => (Some(service.clone()), None),
        Value::Map(_) => (text("service"), text("file")),
        _ => (Some(String::new()), None),
    };
    let service = service.ok_or_else(|| {
        Diagnostic::error(format!("extends.{name}.service is required"))
            .plain("`service` is missing in `extends`")
            .at(format!("services.{name}.extends"))
            .span(key)
            .hint("write extends: {service: NAME}, and file: PATH if it stands in another file")
    })?;
    Ok(Base { service, file, span: span("service"), file_span: span("file") })
}

fn not_found(message: String, name: &str, base: &Base, services: &Map) -> Diagnostic {
    let known: Vec<&str> = services.keys().map(|key| &*key.name).collect();
    let plain = match &base.file {
        Some(file) => format!("there is no service `{}` in {file}", base.service),
        None => format!("there is no service `{}` to extend", base.service),
    };
    Diagnostic::error(message)
        .plain(plain)
        .at(format!("services.{name}.extends"))
        .span(base.span)
        .hint(suggest::instead_of(&base.service, "services there", &known))
}

fn too_long(name: &str, span: Span) -> Diagnostic {
    Diagnostic::error(format!("more than {MAX_CHAIN} services extend each other in a row, down to {name:?}"))
        .at(format!("services.{name}.extends"))
        .span(span)
        .hint("extend the service at the end of the chain directly")
}

fn circular(chain: &Chain, link: &(PathBuf, String), span: Span) -> Diagnostic {
    let mut lines = vec!["Circular reference:".to_owned()];
    for (i, (file, service)) in chain.iter().chain([link]).enumerate() {
        let verb = if i == 0 { "" } else { "extends " };
        lines.push(format!("  {verb}{service} in {}", file.display()));
    }
    let names: Vec<String> = chain.iter().chain([link]).map(|(_, service)| format!("`{service}`")).collect();
    Diagnostic::error(lines.join("\n"))
        .plain(format!(
            "services extend each other in a circle: {}",
            names.join(", which extends ").replacen(", which", "", 1)
        ))
        .at(format!("services.{}.extends", link.1))
        .span(span)
        .hint("a service cannot start from itself; move the shared part to a third service")
}
