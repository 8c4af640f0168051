//! A git repository as a source.

use super::access::known_hosts_files;
use super::folder::Folder;
use super::protocol::{Failure, Request, Update};
use super::settings::GitSettings;
use super::transport::{self, Helper};
use super::tree::{Place, Tree};
use crate::compose::diagnostic::Diagnostic;
use crate::compose::files::{FileKind, Files as _};
use crate::model::desired::DesiredState;
use crate::source::load::{LoadedSource, load_from};
use crate::source::mounted::{Mounts, written};
use crate::source::options::{PROJECT_VARIABLES, SourceRequest};
use std::path::PathBuf;
use std::sync::Arc;

/// A repository, and how it is read.
#[derive(Debug, Clone)]
pub struct GitSource {
    /// The repository, and what of it is wanted.
    pub settings: GitSettings,
    /// The folder that belongs to the source.
    pub folder: PathBuf,
    /// Where its files appear.
    pub place: Place,
    /// The user's home directory.
    pub home: Option<PathBuf>,
    /// What talks to the repository.
    pub helper: Helper,
}

/// Whether the repository is asked what there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// Now.
    Now,
    /// If it was not asked for a while.
    WhenDue,
    /// Not if any revision of it is known.
    IfUnknown,
}

/// The revision that counts.
pub(super) struct LastGood {
    pub(super) update: Update,
    /// That the repository could not be asked, and why.
    pub(super) outage: Option<Diagnostic>,
}

impl LastGood {
    /// Tells of an outage; then no stack counts as removed.
    pub(super) fn tell(self, loaded: &mut LoadedSource) {
        let Some(outage) = self.outage else { return };
        if loaded.desired.complete {
            Arc::make_mut(&mut loaded.desired).complete = false;
        }
        loaded.outage = Some(outage.text().to_owned());
        loaded.diagnostics.push(outage);
    }
}

impl GitSource {
    /// Gets the wanted revision into the folder.
    pub fn update(&self, anew: bool) -> Result<Update, Failure> {
        let folder = Folder::new(&self.folder);
        folder.make()?;
        let hosts = known_hosts_files(&self.settings.access, self.home.as_deref())
            .into_iter()
            .find(|path| path.is_file());
        let home = folder
            .home(hosts.as_deref(), self.home.as_deref())
            .map_err(|error| Failure::new(format!("cannot write to {}: {error}", self.folder.display())))?;
        let request = Request {
            folder: self.folder.clone(),
            url: self.settings.address.url.clone(),
            user: self.settings.address.user.clone(),
            password: self.settings.address.password.clone(),
            wanted: self.settings.wanted.clone(),
            access: self.settings.access.clone(),
            submodules: self.settings.submodules,
            anew,
            home: self.home.clone(),
        };
        transport::ask(
            &self.helper,
            &request,
            (&home, self.settings.access.ca_file.as_deref()),
            self.settings.timeout,
        )
    }

    /// The last good revision, and when the repository was last seen to have it.
    pub fn known(&self) -> Option<(Update, i64)> {
        Folder::new(&self.folder).known(&self.settings.address.identity, &self.settings.wanted)
    }

    /// Loads the stacks of the wanted revision. A repository that cannot be asked is told, and its last good revision
    /// loaded. `now` is in seconds since 1970.
    pub fn load(&self, request: &SourceRequest, ask: Ask, now: i64) -> LoadedSource {
        match self.last_good(ask, now) {
            Ok(good) => self.load_good(request, good),
            Err(failure) => self.unreadable(&failure),
        }
    }

    /// The revision that counts now; fails if none is known.
    pub(super) fn last_good(&self, ask: Ask, now: i64) -> Result<LastGood, Failure> {
        let known = self.known();
        if let (Some((update, _)), Ask::IfUnknown) = (&known, ask) {
            return Ok(LastGood { update: update.clone(), outage: None });
        }
        match (self.update(false), known) {
            (Ok(update), _) => Ok(LastGood { update, outage: None }),
            (Err(failure), Some((update, seen))) => {
                let outage = Some(outage(&failure, &update, now - seen));
                Ok(LastGood { update, outage })
            }
            (Err(failure), None) => Err(failure),
        }
    }

    /// Loads the stacks of a revision.
    pub(super) fn load_good(&self, request: &SourceRequest, good: LastGood) -> LoadedSource {
        let loaded = match self.read(request, &good.update) {
            // What was fetched is not as it should be: everything once more.
            Err(broken) => match self.update(true) {
                Ok(update) => self.read(request, &update),
                Err(failure) => Err(Failure { message: format!("{broken}; {failure}"), ..failure }),
            },
            read => read,
        };
        match loaded {
            Ok(mut loaded) => {
                loaded.complete_but_for_outage = loaded.desired.complete;
                good.tell(&mut loaded);
                loaded
            }
            Err(failure) => self.unreadable(&failure),
        }
    }

    /// Loads the stacks of a revision; fails if it cannot be read.
    fn read(&self, request: &SourceRequest, update: &Update) -> Result<LoadedSource, Failure> {
        let store = Folder::new(&self.folder).store(&update.store);
        let tree = Tree::open(
            &store,
            &update.commit.id,
            self.place.clone(),
            self.settings.submodules,
            written(&self.folder),
        )?;
        let root = self.place.engine.join(&self.settings.path);
        if tree.kind(&root) != Some(FileKind::Directory) && !self.settings.path.as_os_str().is_empty() {
            let message = format!(
                "there is no directory {} in {} at {}",
                self.settings.path.display(),
                self.settings.address.identity,
                update.commit.short()
            );
            return Ok(self
                .without_stacks(Diagnostic::error(message).hint("`path` is a directory of the repository")));
        }
        let mut request = SourceRequest {
            root: root.clone(),
            cwd: root,
            may_not_leave: !self.settings.may_leave,
            ..request.clone()
        };
        for name in PROJECT_VARIABLES {
            request.environment.remove(name);
        }
        let tree = Arc::new(tree);
        let mut loaded = load_from(&request, &*tree, &self.place.engine);
        if tree.is_broken() {
            return Err(Failure::new(format!(
                "what was fetched of {} is broken",
                self.settings.address.identity
            )));
        }
        let desired = Arc::make_mut(&mut loaded.desired);
        desired.source = self.settings.identity();
        let has_locals = tree.locals().values().any(Option::is_some);
        desired.revision = if has_locals {
            // What is local counts too, and has no revision of its own.
            format!("{}+{}", update.commit.id, desired.revision.get(..12).unwrap_or_default())
        } else {
            update.commit.id.clone()
        };
        loaded.base = Some(self.place.engine.clone());
        loaded.commit = Some(update.commit.clone());
        loaded.mounts = Some(Arc::new(Mounts::new(tree, &self.folder)));
        Ok(loaded)
    }

    /// Nothing, for this reason.
    pub(super) fn unreadable(&self, failure: &Failure) -> LoadedSource {
        let error = Diagnostic::error(failure.message.clone());
        self.without_stacks(match &failure.hint {
            Some(hint) => error.hint(hint.clone()),
            None => error,
        })
    }

    fn without_stacks(&self, diagnostic: Diagnostic) -> LoadedSource {
        let desired = DesiredState { source: self.settings.identity(), ..DesiredState::default() };
        LoadedSource {
            desired: desired.into(),
            diagnostics: vec![diagnostic],
            base: Some(self.place.engine.clone()),
            ..LoadedSource::default()
        }
    }
}

/// That the repository could not be asked, and what stays.
fn outage(failure: &Failure, update: &Update, age: i64) -> Diagnostic {
    let age = match age {
        ..120 => "just now".to_owned(),
        120..7200 => format!("{} minutes ago", age / 60),
        7200..172_800 => format!("{} hours ago", age / 3600),
        _ => format!("{} days ago", age / 86_400),
    };
    let message = format!("{failure}: the last good revision stays, {} seen {age}", update.commit.short());
    let error = Diagnostic::error(message);
    match &failure.hint {
        Some(hint) => error.hint(hint.clone()),
        None => error,
    }
}
