//! Git repositories as sources: where they are kept, and the child process that talks to them.

use super::args::CommonArgs;
use super::exit::Exit;
use super::own_container;
use super::source::current_dir;
use crate::source::Host;
use crate::source::git::{GitSettings, GitSource, Helper, Place, child};
use rustix::fs::{Access, access};
use rustix::process::{Signal, geteuid, set_parent_process_death_signal};
use std::collections::BTreeMap;
use std::io::{stdin, stdout};
use std::path::{Path, PathBuf};

/// Where state is kept on a machine that is set up for it.
const SYSTEM_WIDE: &str = "/var/lib/reconcile";

/// `reconcile __git`: the child process.
pub fn run() -> Exit {
    // Whoever asked is gone: nobody would end a request that hangs.
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    match child::serve(stdin().lock(), stdout().lock()) {
        Ok(()) => Exit::Success,
        Err(_) => Exit::Failure,
    }
}

/// Where the program keeps what it has to remember: the path that this process sees, and that of the engine's host.
#[derive(Debug, Clone)]
pub struct StateDir {
    own: PathBuf,
    host: PathBuf,
}

impl StateDir {
    /// What the command line says, else the settings of the host, else what fits the user: the path that this process
    /// sees.
    pub fn own(common: &CommonArgs, host: &Host, environment: &BTreeMap<String, String>) -> PathBuf {
        let given = common.state_dir.as_ref().map(|path| current_dir().join(path));
        real(&given.or_else(|| host.state_dir.clone()).unwrap_or_else(|| default(environment)))
    }

    /// That directory. Where the engine finds it is found out only for commands that talk to the engine.
    pub fn find(
        common: &CommonArgs,
        host: &Host,
        environment: &BTreeMap<String, String>,
        is_for_engine: bool,
    ) -> Result<Self, String> {
        let own = Self::own(common, host, environment);
        let engine = match common.host_state_dir.clone().or_else(|| host.host_state_dir.clone()) {
            Some(given) => given,
            None if is_for_engine => own_container::host_path(&own, common.host.as_deref(), environment)?,
            None => own.clone(),
        };
        Ok(Self { own, host: engine })
    }

    /// A source that is kept here under a name.
    pub fn source(
        &self,
        name: &str,
        settings: GitSettings,
        environment: &BTreeMap<String, String>,
    ) -> GitSource {
        let inside = Path::new("sources").join(name);
        GitSource {
            settings,
            folder: self.own.join(&inside),
            place: Place {
                engine: self.host.join(&inside).join("files"),
                own: self.own.join(&inside).join("files"),
            },
            home: environment.get("HOME").map(PathBuf::from).filter(|home| home.is_absolute()),
            helper: Helper { program: PathBuf::from("/proc/self/exe"), arguments: vec!["__git".to_owned()] },
        }
    }
}

fn default(environment: &BTreeMap<String, String>) -> PathBuf {
    let system_wide = PathBuf::from(SYSTEM_WIDE);
    if geteuid().is_root() || access(&system_wide, Access::WRITE_OK).is_ok() {
        return system_wide;
    }
    let absolute = |name: &str| environment.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let own = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")));
    own.map_or(system_wide, |own| own.join("reconcile"))
}

/// A path without links, as far as it is there.
fn real(path: &Path) -> PathBuf {
    for ancestor in path.ancestors() {
        if let (Ok(real), Ok(rest)) = (ancestor.canonicalize(), path.strip_prefix(ancestor)) {
            return real.join(rest);
        }
    }
    path.to_owned()
}
