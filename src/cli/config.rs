//! Which sources a command is about: the one that the command line names, or those of the host's settings.

use super::apply::pretty;
use super::args::{CommonArgs, SourceArgs};
use super::diagnostics::{self, Scene};
use super::engine::now;
use super::git::StateDir;
use super::output::{BOLD, Output};
use super::source::{current_dir, is_error, request};
use crate::compose::settings::host::FILE;
use crate::cycle::Reread;
use crate::history::Store;
use crate::model::units::Nanos;
use crate::plan::Policy;
use crate::source::git::{Address, Ask, GitSettings, GitSource, Wanted};
use crate::source::{Claims, Disk, Host, LoadedSource, Origin, load_source, read_host};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where the settings of the host are if neither the command line nor the current directory has any.
const SYSTEM_WIDE: &str = "/etc/reconcile/reconcile.yaml";

/// How many deployments of each stack are kept if the settings say nothing.
const KEEP: usize = 50;

/// A source that a command is about.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// Its name, if the host's settings give it one.
    pub name: Option<String>,
    /// How it is loaded.
    pub args: SourceArgs,
    /// The repository, if it is one.
    pub git: Option<Arc<GitSource>>,
    /// The longest time between two looks, if the host's settings say so.
    pub interval: Option<Nanos>,
    /// Whether stacks that are gone from it are removed.
    pub prune: bool,
    /// The share of its stacks that may go at once, in percent, if the host's settings say so.
    pub max_removals: Option<u8>,
}

impl Chosen {
    /// A directory or compose file that has no name.
    fn alone(args: &SourceArgs) -> Self {
        Self { name: None, args: args.clone(), git: None, interval: None, prune: true, max_removals: None }
    }

    /// What may be done for it.
    pub fn policy(&self, no_prune: bool) -> Policy {
        let usual = Policy::default();
        let max_removals = self.max_removals.unwrap_or(usual.max_removals);
        Policy { prune: self.prune && !no_prune, max_removals, ..usual }
    }

    /// What it goes by.
    pub fn title(&self) -> String {
        let path = || self.args.source.as_deref().unwrap_or(Path::new(".")).display().to_string();
        let address = || self.git.as_ref().map(|git| git.settings.identity());
        self.name.clone().or_else(address).unwrap_or_else(path)
    }

    /// Loads it; with `among_others` set, other sources may have the stacks that are wanted and this one lacks.
    pub fn load(&self, environment: &BTreeMap<String, String>, among_others: bool, ask: Ask) -> LoadedSource {
        let request = request(&self.args, environment, among_others);
        match &self.git {
            Some(git) => git.load(&request, ask, now()),
            None => load_source(&request),
        }
    }

    /// Says which of several sources the following is about.
    pub fn announce(&self, output: Output) {
        if let (Some(name), false) = (&self.name, output.json) {
            output.talk(&format!("{BOLD}source {name}{BOLD:#}\n"));
        }
    }

    /// A result as JSON, which says whose it is.
    pub fn print(&self, output: Output, mut result: Value) {
        if let (Some(name), Value::Object(result)) = (&self.name, &mut result) {
            result.insert("source".to_owned(), Value::from(name.as_str()));
        }
        output.result(&pretty(&result));
    }
}

/// The sources that a command is about, in the order of their names; `is_for_engine` tells whether it talks to the engine. What is wrong with the settings is printed, and given
/// back as fields.
pub fn sources(
    args: &SourceArgs,
    common: &CommonArgs,
    environment: &BTreeMap<String, String>,
    output: Output,
    is_for_engine: bool,
) -> Result<Vec<Chosen>, Vec<Value>> {
    let is_given = is_given(args);
    let path = match (&common.config, is_given) {
        (Some(_), true) => {
            let hint = "leave out SOURCE and the options of a single project, or --config";
            output.error("--config names sources already", Some(hint));
            return Err(Vec::new());
        }
        (Some(path), false) => current_dir().join(path),
        (None, true) => return Ok(vec![named(args, common, environment, output, is_for_engine)?]),
        (None, false) => match usual_settings() {
            Some(path) => path,
            None => return Ok(vec![named(args, common, environment, output, is_for_engine)?]),
        },
    };
    let mut host = settled(&path, output)?;
    let has_git = host.sources.iter().any(|source| matches!(source.origin, Origin::Git(_)));
    let state = state_dir((common, &host, environment), has_git && is_for_engine, output)?;
    let sources = std::mem::take(&mut host.sources);
    let mut chosen: Vec<Chosen> = sources
        .into_iter()
        .map(|source| {
            let (root, git) = match source.origin {
                Origin::Directory(root) => (Some(root), None),
                Origin::Git(settings) => {
                    (None, Some(Arc::new(state.source(&source.name, *settings, environment))))
                }
            };
            Chosen {
                name: Some(source.name),
                args: SourceArgs { source: root, ..args.clone() },
                git,
                interval: source.interval,
                prune: source.prune,
                max_removals: source.max_removals,
            }
        })
        .collect();
    chosen.sort_by(|a, b| a.name.cmp(&b.name));
    if let Some(wanted) = &args.rev {
        let mut repositories = chosen.iter_mut().filter_map(|chosen| chosen.git.as_mut());
        let (Some(git), None) = (repositories.next(), repositories.next()) else {
            output.error("--rev is for one git repository", Some("name the repository as SOURCE"));
            return Err(Vec::new());
        };
        Arc::make_mut(git).settings.wanted = Wanted::Any(wanted.clone());
    }
    Ok(chosen)
}

/// The settings of the host that a command line uses without naming them.
pub fn found(args: &SourceArgs, common: &CommonArgs) -> Option<PathBuf> {
    usual_settings().filter(|_| common.config.is_none() && !is_given(args))
}

/// Whether the command line names a source.
fn is_given(args: &SourceArgs) -> bool {
    SourceArgs { stacks: Vec::new(), rev: None, ..args.clone() } != SourceArgs::default()
}

/// The settings of the host that go with the sources, if there are any: a source of the command line has none.
pub fn settings(args: &SourceArgs, common: &CommonArgs) -> Option<Host> {
    let named = common.config.as_ref().map(|path| current_dir().join(path));
    let path = named.or_else(|| usual_settings().filter(|_| !is_given(args)))?;
    Some(read_host(&Disk, &path))
}

/// The settings of the host, as far as they can be read: what is wrong with them is told of where it matters.
fn host(common: &CommonArgs) -> Host {
    let named = common.config.as_ref().map(|path| current_dir().join(path));
    named.or_else(usual_settings).map_or_else(Host::default, |path| read_host(&Disk, &path))
}

/// Where the program keeps what it has to remember, as this process sees it.
pub fn state_dir_of(common: &CommonArgs, environment: &BTreeMap<String, String>) -> PathBuf {
    StateDir::own(common, &host(common), environment)
}

/// Where the history is.
pub fn history(common: &CommonArgs, environment: &BTreeMap<String, String>) -> Store {
    let host = host(common);
    let keep = host.history.map_or(KEEP, |count| usize::try_from(count).unwrap_or(KEEP));
    let directory = StateDir::own(common, &host, environment);
    Store::new(directory.join("history"), keep)
}

fn state_dir(
    (common, host, environment): (&CommonArgs, &Host, &BTreeMap<String, String>),
    is_for_engine: bool,
    output: Output,
) -> Result<StateDir, Vec<Value>> {
    StateDir::find(common, host, environment, is_for_engine).map_err(|error| {
        let hint = "mount a directory or volume of the host at the state directory, or set `host_state_dir` in \
                    reconcile.yaml or --host-state-dir";
        output.error(&error, Some(hint));
        Vec::new()
    })
}

/// The settings of the host that are read if the command line names none.
fn usual_settings() -> Option<PathBuf> {
    [current_dir().join(FILE), PathBuf::from(SYSTEM_WIDE)].into_iter().find(|path| path.exists())
}

/// The settings of the host. What is wrong with them is printed, and given back as fields.
fn settled(path: &Path, output: Output) -> Result<Host, Vec<Value>> {
    let host = read_host(&Disk, path);
    let cwd = current_dir();
    let scene = Scene { sources: &host.texts, cwd: &cwd };
    if !host.diagnostics.iter().any(is_error) {
        return Ok(host);
    }
    for one in host.diagnostics.iter().filter(|_| !output.json) {
        output.complain(&diagnostics::text(one, scene));
    }
    if !output.json {
        output.complain("The settings of the host are wrong: everything is left as it is.\n");
    }
    Err(host.diagnostics.iter().map(|one| diagnostics::fields(one, scene, None)).collect())
}

/// The source that the command line names. For a repository that the settings of the host know, they say how it is
/// reached and where it is kept.
pub fn named(
    args: &SourceArgs,
    common: &CommonArgs,
    environment: &BTreeMap<String, String>,
    output: Output,
    is_for_engine: bool,
) -> Result<Chosen, Vec<Value>> {
    let text = args.source.as_ref().map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
    let address = match Address::parse(&text, &current_dir()).filter(|_| !text.is_empty()) {
        Some(Ok(address)) => address,
        Some(Err(error)) => {
            output.error(&format!("SOURCE is no address: {error}"), None);
            return Err(Vec::new());
        }
        None if args.rev.is_some() => {
            let hint = "give the address of a git repository as SOURCE";
            output.error("--rev is for a git repository", Some(hint));
            return Err(Vec::new());
        }
        None => return Ok(Chosen::alone(args)),
    };
    let mut host = match usual_settings() {
        Some(path) => settled(&path, output)?,
        None => Host::default(),
    };
    let state = state_dir((common, &host, environment), is_for_engine, output)?;
    let known = std::mem::take(&mut host.sources).into_iter().find_map(|source| match source.origin {
        Origin::Git(settings) if settings.address.identity == address.identity => Some((
            *settings,
            Chosen {
                name: Some(source.name),
                interval: source.interval,
                prune: source.prune,
                max_removals: source.max_removals,
                ..Chosen::alone(args)
            },
        )),
        Origin::Git(_) | Origin::Directory(_) => None,
    });
    let (mut settings, known) =
        known.unwrap_or_else(|| (GitSettings::new(address.clone()), Chosen::alone(args)));
    let name = known.name.clone().unwrap_or_else(|| address.name());
    if address.password.is_some() {
        settings.address = address;
    }
    if let Some(wanted) = &args.rev {
        settings.wanted = Wanted::Any(wanted.clone());
    }
    let git = Some(Arc::new(state.source(&name, settings, environment)));
    // What is named on the command line goes by its address.
    Ok(Chosen { name: None, git, ..known })
}

/// The sources that a command is about, loaded. A stack that several of them have belongs to the first.
pub struct Sources {
    /// Each with what it says.
    pub all: Vec<(Chosen, LoadedSource)>,
    claims: Claims,
}

impl Sources {
    /// Finds out which they are, and loads them.
    pub fn load(
        args: &SourceArgs,
        common: &CommonArgs,
        environment: &BTreeMap<String, String>,
        output: Output,
        is_for_engine: bool,
    ) -> Result<Self, Vec<Value>> {
        Self::choose(args, common, environment, output, is_for_engine)?.load_all(args, environment, output)
    }

    /// Finds out which they are, and loads none of them.
    pub fn choose(
        args: &SourceArgs,
        common: &CommonArgs,
        environment: &BTreeMap<String, String>,
        output: Output,
        is_for_engine: bool,
    ) -> Result<Self, Vec<Value>> {
        let chosen = sources(args, common, environment, output, is_for_engine)?;
        let all = chosen.into_iter().map(|chosen| (chosen, LoadedSource::default())).collect();
        Ok(Self { all, claims: Claims::default() })
    }

    /// Loads them.
    pub fn load_all(
        mut self,
        args: &SourceArgs,
        environment: &BTreeMap<String, String>,
        output: Output,
    ) -> Result<Self, Vec<Value>> {
        for index in 0..self.all.len() {
            self.load_one(index, environment, Ask::Now);
        }
        let known = |name: &String| {
            let mut stacks = self.all.iter().flat_map(|(_, loaded)| &loaded.stacks);
            stacks.any(|stack| stack.name.as_ref() == Some(name))
        };
        match args.stacks.iter().find(|name| self.all.len() > 1 && !known(name)) {
            Some(name) => {
                output.error(&format!("there is no stack {name:?} in any source"), None);
                Err(Vec::new())
            }
            None => Ok(self),
        }
    }

    /// Loads one of them anew, if it is a repository from what has been fetched by now.
    pub fn reload(&mut self, index: usize, environment: &BTreeMap<String, String>) {
        self.load_one(index, environment, Ask::IfUnknown);
    }

    fn load_one(&mut self, index: usize, environment: &BTreeMap<String, String>, ask: Ask) {
        let are_several = self.all.len() > 1;
        let (chosen, loaded) = &mut self.all[index];
        *loaded = chosen.load(environment, are_several, ask);
        self.claims.settle(&chosen.title(), loaded);
    }

    /// What tells the revision of one of them later on. Standard input can be read only once, so it stays what it was.
    pub fn reread(&self, index: usize, environment: &BTreeMap<String, String>) -> Reread {
        let are_several = self.all.len() > 1;
        let (chosen, loaded) = &self.all[index];
        if chosen.args.files.iter().any(|file| file == "-") {
            let revision = loaded.desired.revision.clone();
            return Arc::new(move || revision.clone());
        }
        let (chosen, environment) = (chosen.clone(), environment.clone());
        Arc::new(move || chosen.load(&environment, are_several, Ask::IfUnknown).desired.revision.clone())
    }
}
