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
    pub(super) name: String,
}

/// Finds everything that a load starts from.
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
    read_env(session, &mut environment, &named, &first_dir)?;
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
                .hint(format!("create one of {looked_for} in {} or above, or use -f", first_dir.display())),
        ));
    }
    let working_dir = working_dir(options, &config_files);
    if working_dir != first_dir && named.is_empty() {
        read_env(session, &mut environment, &named, &working_dir)?;
    }
    check_files(session, &config_files)?;
    let name = project_name::decide(session, &environment, &config_files, &working_dir)?;
    environment.insert("COMPOSE_PROJECT_NAME".to_owned(), name.clone());
    Ok(Inputs { working_dir, config_files, env_files: named, environment, name })
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

/// Adds what environment files say to the environment; what is set already stays.
fn read_env(
    session: &mut Session<'_>,
    environment: &mut Environment,
    named: &[PathBuf],
    directory: &Path,
) -> Result<(), Failed> {
    let paths = if named.is_empty() { default_env_file(session, directory)? } else { named.to_vec() };
    let outer = environment.clone();
    for (name, value) in environment::read_files(session, &outer, &paths)? {
        environment.entry(name).or_insert(value);
    }
    Ok(())
}

fn default_env_file(session: &mut Session<'_>, directory: &Path) -> Result<Vec<PathBuf>, Failed> {
    if let Some(switch) =
        session.options.environment.get("COMPOSE_DISABLE_ENV_FILE").filter(|text| !text.is_empty())
    {
        match parse_bool(switch) {
            Some(true) => return Ok(Vec::new()),
            Some(false) => {}
            None => {
                let message = format!("strconv.ParseBool: parsing {switch:?}: invalid syntax");
                let error = Diagnostic::error(message).hint("set COMPOSE_DISABLE_ENV_FILE to true or false");
                return Err(session.fail(error));
            }
        }
    }
    let path = directory.join(".env");
    Ok(if session.files.kind(&path) == Some(FileKind::File) { vec![path] } else { Vec::new() })
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
        let Some(main) = pick(session, directory, &CONFIG_NAMES, "config files") else { continue };
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
        let several = format!("Found multiple {what} with supported names: {}", list.join(", "));
        let plain = format!("there are several {what}: {}", list.join(", "));
        session.diagnostics.push(Diagnostic::warning(several).plain(plain).hint(HINT));
        let used = Diagnostic::warning(format!("Using {}", list[0]));
        session.diagnostics.push(used.plain(format!("{} is used", list[0])).hint(HINT));
    }
    found.into_iter().next()
}

/// All files must be there before the first is read: a missing last one must not hide behind a mistake in the first.
fn check_files(session: &mut Session<'_>, config_files: &[PathBuf]) -> Result<(), Failed> {
    let options = session.options;
    for (i, file) in config_files.iter().enumerate().filter(|(_, file)| *file != Path::new(STDIN)) {
        let written = options.files.get(i).map_or("", String::as_str);
        session.diagnostics.extend(session.refusal(file, written));
    }
    session.checkpoint()
}
