//! What a load starts from: working directory, config files, environment, project name (reference: docker compose
//! 2.40).

use super::diagnostic::Diagnostic;
use super::environment::{self, Environment};
use super::files::FileKind;
use super::load::LoadOptions;
use super::project_name;
use super::session::{self, Failed, STDIN, Session};
use std::path::{Path, PathBuf};

/// Names of compose files in order of preference.
pub(crate) const CONFIG_NAMES: [&str; 4] =
    ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
/// Names of files that are merged over a found compose file, in order of preference.
const OVERRIDE_NAMES: [&str; 4] = [
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];

/// What a load starts from.
pub(super) struct Inputs {
    pub(super) working_dir: PathBuf,
    pub(super) config_files: Vec<PathBuf>,
    /// Environment files that were asked for by name.
    pub(super) env_files: Vec<PathBuf>,
    pub(super) environment: Environment,
    /// Whether the environment holds all that its files say.
    pub(super) knows_variables: bool,
    pub(super) name: String,
}

/// Finds everything that a load starts from; fails if there is no compose file.
///
/// The default `.env` is read twice, before and after the config files are known: the first one may name them,
/// the second lies beside them. What the first sets stays.
pub(super) fn collect(session: &mut Session<'_>) -> Result<Inputs, Failed> {
    let options = session.options;
    let mut environment = options.environment.clone();
    environment.entry("PWD".to_owned()).or_insert_with(|| options.cwd.to_string_lossy().into_owned());
    let named = named_env_files(options);
    let mut config_files = given_files(options);
    let first_dir = working_dir(options, &config_files);
    let mut knows_variables = read_env(session, &mut environment, &named, &first_dir);
    if config_files.is_empty() {
        config_files = from_variable(&environment, &options.cwd);
    }
    if config_files.is_empty() {
        config_files = search(session, &working_dir(options, &[]));
    }
    if config_files.is_empty() {
        let looked_for = CONFIG_NAMES.join(", ");
        return Err(session.fail(
            Diagnostic::error("no configuration file provided: not found")
                .plain(format!("there is no compose file in {} or above it", first_dir.display()))
                .hint(format!("create one of {looked_for}, or name a file with -f")),
        ));
    }
    let working_dir = working_dir(options, &config_files);
    if working_dir != first_dir && named.is_empty() {
        knows_variables &= read_env(session, &mut environment, &named, &working_dir);
    }
    if !knows_variables {
        session.broken.lacks_variables();
    }
    let config_files = existing(session, config_files);
    let name = project_name::decide(session, &environment, &config_files, &working_dir);
    environment.insert("COMPOSE_PROJECT_NAME".to_owned(), name.clone());
    Ok(Inputs { working_dir, config_files, env_files: named, environment, knows_variables, name })
}

fn given_files(options: &LoadOptions) -> Vec<PathBuf> {
    options.files.iter().map(|file| absolute(file, &options.cwd)).collect()
}

fn absolute(file: &str, cwd: &Path) -> PathBuf {
    if file == STDIN { PathBuf::from(STDIN) } else { session::join(cwd, file) }
}

fn working_dir(options: &LoadOptions, config_files: &[PathBuf]) -> PathBuf {
    if let Some(directory) = options.project_directory.as_deref().filter(|text| !text.is_empty()) {
        return session::join(&options.cwd, directory);
    }
    let first = config_files.iter().find(|file| *file != Path::new(STDIN));
    first.and_then(|file| file.parent()).unwrap_or(&options.cwd).to_owned()
}

fn named_env_files(options: &LoadOptions) -> Vec<PathBuf> {
    if !options.env_files.is_empty() {
        return options.env_files.iter().map(|file| session::join(&options.cwd, file)).collect();
    }
    let listed = options.environment.get("COMPOSE_ENV_FILES").map_or("", String::as_str);
    listed.split(',').filter(|file| !file.is_empty()).map(|file| session::join(&options.cwd, file)).collect()
}

/// Adds what environment files say to the environment; what is set already stays. Tells whether that is all of it.
fn read_env(
    session: &mut Session<'_>,
    environment: &mut Environment,
    named: &[PathBuf],
    directory: &Path,
) -> bool {
    let paths = if named.is_empty() { default_env_file(session, directory) } else { named.to_vec() };
    let outer = environment.clone();
    let read = environment::read_files(session, &outer, &paths);
    for (name, value) in read.values {
        environment.entry(name).or_insert(value);
    }
    read.is_whole
}

fn default_env_file(session: &mut Session<'_>, directory: &Path) -> Vec<PathBuf> {
    if let Some(switch) =
        session.options.environment.get("COMPOSE_DISABLE_ENV_FILE").filter(|text| !text.is_empty())
    {
        match parse_bool(switch) {
            Some(true) => return Vec::new(),
            Some(false) => {}
            None => {
                let message = format!("strconv.ParseBool: parsing {switch:?}: invalid syntax");
                let plain = format!("COMPOSE_DISABLE_ENV_FILE cannot be `{switch}`");
                let error = Diagnostic::error(message).plain(plain).allowed(["true", "false"]);
                session.diagnostics.push(error.hint("set COMPOSE_DISABLE_ENV_FILE to true or false"));
            }
        }
    }
    let path = directory.join(".env");
    if session.files.kind(&path) == Some(FileKind::File) { vec![path] } else { Vec::new() }
}

/// A boolean in the words of the reference's command line.
fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

fn from_variable(environment: &Environment, cwd: &Path) -> Vec<PathBuf> {
    let Some(listed) = environment.get("COMPOSE_FILE") else { return Vec::new() };
    let separator = environment.get("COMPOSE_PATH_SEPARATOR").map_or(":", String::as_str);
    if separator.is_empty() {
        return vec![absolute(listed, cwd)];
    }
    listed.split(separator).map(|file| absolute(file, cwd)).collect()
}

/// The compose file in a directory or the nearest one above it, with its override.
fn search(session: &mut Session<'_>, start: &Path) -> Vec<PathBuf> {
    for directory in start.ancestors() {
        let Some(main) = pick(session, directory, &CONFIG_NAMES, "compose files") else { continue };
        let beside = pick(session, directory, &OVERRIDE_NAMES, "override files");
        return std::iter::once(main).chain(beside).collect();
    }
    Vec::new()
}

fn pick(session: &mut Session<'_>, directory: &Path, names: &[&str], what: &str) -> Option<PathBuf> {
    const HINT: &str = "remove all but one, or name one with -f";
    let found: Vec<PathBuf> = names
        .iter()
        .map(|name| directory.join(name))
        .filter(|path| session.files.kind(path).is_some())
        .collect();
    if found.len() > 1 {
        let list: Vec<String> = found.iter().map(|path| path.display().to_string()).collect();
        let several = format!(
            "Found multiple {} with supported names: {}",
            what.replace("compose", "config"),
            list.join(", ")
        );
        let plain = format!("there are several {what} in one directory: {}", list.join(", "));
        session.diagnostics.push(Diagnostic::warning(several).plain(plain).hint(HINT));
        let used = Diagnostic::warning(format!("Using {}", list[0]));
        let plain = format!("{} is read, the others are not", list[0]);
        session.diagnostics.push(used.plain(plain).hint(HINT));
    }
    found.into_iter().next()
}

/// The config files that are there; each that is not is told.
fn existing(session: &mut Session<'_>, config_files: Vec<PathBuf>) -> Vec<PathBuf> {
    let options = session.options;
    let mut found = Vec::with_capacity(config_files.len());
    for (i, file) in config_files.into_iter().enumerate() {
        let written = options.files.get(i).map_or("", String::as_str);
        match session.refusal(&file, written).filter(|_| file != Path::new(STDIN)) {
            None => found.push(file),
            Some(refusal) => {
                session.diagnostics.push(refusal);
                session.broken.lacks_a_file();
            }
        }
    }
    found
}
