//! The name of a project: asked for, set in a variable, written in a file, or that of its directory.

use super::diagnostic::Diagnostic;
use super::environment::Environment;
use super::interpolate;
use super::node::{Key, Map, Node, Span, Value};
use super::session::Session;
use super::text;
use std::path::{Path, PathBuf};

/// Decides the name (reference: docker compose 2.40: `-p`, `COMPOSE_PROJECT_NAME`, the last `name`, the directory).
pub(super) fn decide(
    session: &mut Session<'_>,
    environment: &Environment,
    config_files: &[PathBuf],
    working_dir: &Path,
) -> String {
    let asked = session.options.project_name.as_ref().filter(|name| !name.is_empty());
    let set = environment.get("COMPOSE_PROJECT_NAME").filter(|name| !name.is_empty());
    if let Some(name) = asked.or(set) {
        session.diagnostics.extend(refused(name));
        return normalize(name);
    }
    if let Some(written) = written(session, config_files) {
        return normalize(&interpolated(session, environment, written));
    }
    let base =
        |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name = normalize(&base(working_dir));
    let target = session.files.read_link(working_dir);
    if target.is_some_and(|target| base(&target) != base(working_dir)) {
        session.diagnostics.push(
            Diagnostic::warning(format!(
                "project has been loaded without an explicit name from a symlink. Using name {name:?}"
            ))
            .plain(format!("the directory is a link, so the project is called `{name}` after the link"))
            .hint("set `name:` in the compose file so that the name does not depend on the way to it"),
        );
    }
    name
}

/// What is wrong with a name that was asked for.
fn refused(name: &str) -> Option<Diagnostic> {
    const RULE: &str = "a project name holds a-z, 0-9, `-` and `_`, and begins with a letter or digit";
    let normal = normalize(name);
    if normal == name {
        return None;
    }
    let error = Diagnostic::error(format!(
        "invalid project name {name:?}: must consist only of lowercase alphanumeric characters, hyphens, and \
         underscores as well as start with a letter or number"
    ));
    let error = error.plain(format!("`{name}` cannot be a project name"));
    Some(error.hint(if normal.is_empty() { RULE.to_owned() } else { format!("{RULE}, such as `{normal}`") }))
}

/// The last non-empty `name` over all documents of all files.
fn written(session: &mut Session<'_>, config_files: &[PathBuf]) -> Option<Node> {
    let mut last = None;
    for file in config_files {
        let Ok(decoded) = session.documents(file) else { continue };
        for document in decoded.documents.iter() {
            let name = document.root.get("name");
            if let Some(name) =
                name.filter(|name| text::of_scalar(&name.value).is_some_and(|text| !text.is_empty()))
            {
                last = Some(name.clone());
            }
        }
    }
    last
}

fn interpolated(session: &mut Session<'_>, environment: &Environment, name: Node) -> String {
    let mut root = Node::new(Value::Map(Map::from_iter([(Key::from("name"), name)])), Span::default());
    if session.options.interpolate {
        let lookup = |name: &str| environment.get(name).cloned();
        interpolate::interpolate(&mut root, &lookup, &mut session.growth, &mut session.diagnostics);
    }
    root.get("name").and_then(|name| text::of_scalar(&name.value)).unwrap_or_default()
}

/// The nearest valid name: lower case, without other characters than letters, digits, `_` and `-`, and not
/// starting with one of the last two.
pub(crate) fn normalize(name: &str) -> String {
    let kept: String = name
        .to_lowercase()
        .chars()
        .filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-'))
        .collect();
    kept.trim_start_matches(['_', '-']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_normalised_as_the_reference_does() {
        assert_eq!(normalize("My.App_1-x"), "myapp_1-x");
        assert_eq!(normalize("_-x"), "x");
        assert_eq!(normalize("___"), "");
    }

    #[test]
    fn a_name_asked_for_must_be_valid_as_it_is() {
        let error = refused("Bad.Name").unwrap();
        assert!(error.message.starts_with("invalid project name \"Bad.Name\""));
        assert!(error.hint.is_some_and(|hint| hint.ends_with("such as `badname`")));
    }
}
