//! What must hold for any bytes at all: the checks of the fuzz targets. A panic is the finding.

use super::in_memory::{InMemory, ROOT};
use reconcile::cli::diagnostics::{self, Scene};
use reconcile::compose::desired::{DesiredContext, Untracked, desired};
use reconcile::compose::diagnostic::{Diagnostic, Sources};
use reconcile::compose::growth::Growth;
use reconcile::compose::interpolate::{interpolate, substitute_all};
use reconcile::compose::load::{LoadOptions, Loaded, load};
use reconcile::compose::node::FileId;
use reconcile::compose::settings::{self, StackSettings};
use reconcile::compose::{dotenv, render, yaml};
use std::collections::BTreeMap;
use std::path::Path;

/// Variables that the cases use.
fn environment() -> BTreeMap<String, String> {
    let pairs =
        [("HOME", "/home/u"), ("A", "a"), ("EMPTY", ""), ("N", "3"), ("TAG", "1.27"), ("LOOP", "${LOOP}")];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Loads files as a project.
pub fn load_files(files: &InMemory) -> Loaded {
    load(files, &LoadOptions::new(ROOT, environment()))
}

/// A project from files that are packed into one text, as far as it goes: loaded, shown, rendered, made a desired state.
pub fn loader(packed: &[u8]) {
    let files = InMemory::unpack(packed);
    let loaded = load_files(&files);
    let failed = loaded.diagnostics.iter().any(Diagnostic::is_error);
    assert_eq!(loaded.project.is_none(), failed, "a project and errors exclude each other");
    show(&loaded.diagnostics, &loaded.sources);
    let Some(project) = loaded.project else { return };
    let json = render::json(&project.tree);
    assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok(), "rendered JSON reads");
    let text = render::yaml(&project.tree);
    assert!(yaml::decode(FileId::default(), &text).is_ok(), "rendered YAML reads:\n{text}");
    let mut found = Vec::new();
    let settings = match project.nodes.get(settings::KEY) {
        Some(block) => settings::stack(block, settings::KEY, &mut found),
        None => StackSettings::default(),
    };
    show(&found, &loaded.sources);
    let context = DesiredContext { files: &files, tracked: &Untracked, root: Path::new(ROOT) };
    let (stack, diagnostics) = desired(&project, &settings, &context);
    assert_eq!(stack.is_none(), diagnostics.iter().any(Diagnostic::is_error));
    show(&diagnostics, &loaded.sources);
    for service in stack.iter().flat_map(|stack| stack.services.values()) {
        assert_eq!(service.hash(), service.hash());
    }
}

/// Every diagnostic can be shown both ways.
fn show(diagnostics: &[Diagnostic], sources: &Sources) {
    let scene = Scene { sources, cwd: Path::new(ROOT) };
    for one in diagnostics.iter().take(20) {
        assert!(!one.message.is_empty());
        assert!(!diagnostics::text(one, scene).is_empty());
        let fields = diagnostics::fields(one, scene, Some("p"));
        assert!(fields.is_object());
    }
}

/// A file of variables in both formats.
pub fn dotenv(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let environment = environment();
    let lookup = |name: &str| environment.get(name).cloned();
    let mut unset = Vec::new();
    let parsed = dotenv::parse(text, &lookup, &mut |name, at| unset.push((name.to_owned(), at)));
    assert!(unset.iter().all(|(_, at)| text.is_char_boundary(*at)));
    for parsed in [parsed, dotenv::parse_raw(text, &lookup)] {
        for error in &parsed.errors {
            let in_text = error.start <= error.end && text.get(error.start..).is_some();
            assert!(in_text && error.line >= 1, "{error:?} in {text:?}");
        }
    }
}

/// The first line is a template for a lookup that knows some names and gives the rest back as a document, which is
/// interpolated whole.
pub fn interpolation(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let environment = environment();
    let lookup = |name: &str| environment.get(name).cloned();
    let substituted = substitute_all(text, &lookup, &mut |_| ());
    if !text.contains('$') {
        assert_eq!(substituted.as_deref(), Ok(text), "what has no dollar sign stays as it is");
    }
    if let Err(problems) = &substituted {
        assert!(!problems.is_empty());
    }
    // What doubled dollar signs protect comes back unchanged.
    let protected = text.replace('$', "$$");
    assert_eq!(substitute_all(&protected, &lookup, &mut |_| ()).as_deref(), Ok(text));
    for mut document in yaml::read(FileId::default(), text, &mut Growth::default()).documents {
        let mut found = Vec::new();
        interpolate(&mut document.root, &lookup, &mut Growth::default(), &mut found);
        assert!(found.iter().all(|one| !one.message.is_empty()));
    }
}
