//! Which sources a command is about: the one that the command line names, or those of the host's settings.

use super::apply::pretty;
use super::args::{CommonArgs, SourceArgs};
use super::diagnostics::{self, Scene};
use super::output::{BOLD, Output};
use super::source::{current_dir, is_error, load_among};
use crate::compose::settings::host::FILE;
use crate::cycle::Reread;
use crate::model::units::Nanos;
use crate::source::{Claims, Disk, Host, LoadedSource, read_host};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where the settings of the host are if neither the command line nor the current directory has any.
const SYSTEM_WIDE: &str = "/etc/reconcile/reconcile.yaml";

/// A source that a command is about.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// Its name, if the host's settings give it one.
    pub name: Option<String>,
    /// How it is loaded.
    pub args: SourceArgs,
    /// The longest time between two looks, if the host's settings say so.
    pub interval: Option<Nanos>,
    /// Whether stacks that are gone from it are removed.
    pub prune: bool,
}

impl Chosen {
    /// What it goes by.
    pub fn title(&self) -> String {
        let path = || self.args.source.as_deref().unwrap_or(Path::new(".")).display().to_string();
        self.name.clone().unwrap_or_else(path)
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

/// The sources that a command is about, in the order of their names. What is wrong with the settings is printed, and given
/// back as fields.
pub fn sources(args: &SourceArgs, common: &CommonArgs, output: Output) -> Result<Vec<Chosen>, Vec<Value>> {
    let is_given = is_given(args);
    let alone = Chosen { name: None, args: args.clone(), interval: None, prune: true };
    let path = match (&common.config, is_given) {
        (Some(_), true) => {
            let hint = "leave out SOURCE and the options of a single project, or --config";
            output.error("--config names sources already", Some(hint));
            return Err(Vec::new());
        }
        (Some(path), false) => current_dir().join(path),
        (None, true) => return Ok(vec![alone]),
        (None, false) => match usual_settings() {
            Some(path) => path,
            None => return Ok(vec![alone]),
        },
    };
    let host = read_host(&Disk, &path);
    let cwd = current_dir();
    let scene = Scene { sources: &host.texts, cwd: &cwd };
    if host.diagnostics.iter().any(is_error) {
        for one in host.diagnostics.iter().filter(|_| !output.json) {
            output.complain(&diagnostics::text(one, scene));
        }
        if !output.json {
            output.complain("The settings of the host are wrong: everything is left as it is.\n");
        }
        return Err(host.diagnostics.iter().map(|one| diagnostics::fields(one, scene, None)).collect());
    }
    let mut chosen: Vec<Chosen> = host
        .sources
        .into_iter()
        .map(|source| Chosen {
            name: Some(source.name),
            args: SourceArgs { source: Some(source.root), ..args.clone() },
            interval: source.interval,
            prune: source.prune,
        })
        .collect();
    chosen.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(chosen)
}

/// Whether the command line names a source.
fn is_given(args: &SourceArgs) -> bool {
    SourceArgs { stacks: Vec::new(), ..args.clone() } != SourceArgs::default()
}

/// The settings of the host if the command line names none.
fn usual_settings() -> Option<PathBuf> {
    [current_dir().join(FILE), PathBuf::from(SYSTEM_WIDE)].into_iter().find(|path| path.exists())
}

/// The settings of the host that go with the sources, if there are any: a source of the command line has none.
pub fn settings(args: &SourceArgs, common: &CommonArgs) -> Option<Host> {
    let named = common.config.as_ref().map(|path| current_dir().join(path));
    let path = named.or_else(|| usual_settings().filter(|_| !is_given(args)))?;
    Some(read_host(&Disk, &path))
}

/// The sources that a command is about, loaded. A stack that several of them have belongs to the first.
pub struct Sources {
    /// Each with what it says.
    pub all: Vec<(Chosen, LoadedSource)>,
    claims: Claims,
}

impl Sources {
    /// Loads them.
    pub fn load(
        args: &SourceArgs,
        common: &CommonArgs,
        environment: &BTreeMap<String, String>,
        output: Output,
    ) -> Result<Self, Vec<Value>> {
        let chosen = sources(args, common, output)?;
        let are_several = chosen.len() > 1;
        let all = chosen.into_iter().map(|chosen| (chosen, LoadedSource::default())).collect();
        let mut sources = Self { all, claims: Claims::default() };
        for index in 0..sources.all.len() {
            sources.reload(index, environment);
        }
        let known = |name: &String| {
            let mut stacks = sources.all.iter().flat_map(|(_, loaded)| &loaded.stacks);
            stacks.any(|stack| stack.name.as_ref() == Some(name))
        };
        match args.stacks.iter().find(|name| are_several && !known(name)) {
            Some(name) => {
                output.error(&format!("there is no stack {name:?} in any source"), None);
                Err(Vec::new())
            }
            None => Ok(sources),
        }
    }

    /// Loads one of them anew.
    pub fn reload(&mut self, index: usize, environment: &BTreeMap<String, String>) {
        let are_several = self.all.len() > 1;
        let (chosen, loaded) = &mut self.all[index];
        *loaded = load_among(&chosen.args, environment, are_several);
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
        let (args, environment) = (chosen.args.clone(), environment.clone());
        Arc::new(move || load_among(&args, &environment, are_several).desired.revision)
    }
}
