//! The child process: asks a repository what there is, and fetches what is new.
//!
//! It runs apart so that it can be ended: libgit2 has no deadline that a slow server could not outlast, and its memory and
//! its faults stay here.

use super::access::Prover;
use super::address::{Address, Scheme};
use super::folder::{Folder, Known, State};
use super::modules;
use super::protocol::{Access, Answer, Failure, Request, Update, Wanted};
use super::store;
use crate::model::commit::Commit;
use crate::model::hash;
use git2::{AutotagOption, Direction, FetchOptions, ObjectType, Oid, ProxyOptions, Remote, Repository};
use std::io::{Read, Write};
use std::time::{SystemTime, UNIX_EPOCH};

/// A store with more packs is made anew: each fetch adds one.
const MOST_PACKS: usize = 20;
/// How old the note may be that a repository still says the same, in seconds: it is not written at every look.
const NOTE: i64 = 300;
/// What fetches the whole history, also of a store that had the newest commit only.
const WHOLE: i32 = i32::MAX;

/// Serves one request.
pub fn serve(input: impl Read, mut output: impl Write) -> std::io::Result<()> {
    let answer = match serde_json::from_reader::<_, Request>(input) {
        Ok(request) => {
            let tell = |output: &mut dyn Write| -> std::io::Result<()> {
                writeln!(output, "{}", serde_json::to_string(&Answer::Fetching)?)?;
                output.flush()
            };
            match update(&request, &mut || drop(tell(&mut output))) {
                Ok(update) => Answer::Done(update),
                Err(failure) => Answer::Failed(failure),
            }
        }
        Err(error) => Answer::Failed(Failure::new(format!("the request cannot be read: {error}"))),
    };
    writeln!(output, "{}", serde_json::to_string(&answer)?)?;
    output.flush()
}

/// What a repository says is there.
struct Listed {
    /// Its name there.
    name: String,
    /// The object that the name stands for.
    id: Oid,
}

fn update(request: &Request, fetching: &mut dyn FnMut()) -> Result<Update, Failure> {
    let address = request.address()?;
    let folder = Folder::new(&request.folder);
    folder.make()?;
    let _lock = folder.lock()?;
    let mut state = folder.state(&address.identity);
    if request.anew {
        state.revisions.clear();
        state.store.clear();
    }
    let key = request.wanted.to_string();
    let known = state
        .revisions
        .get(&key)
        .filter(|known| folder.store(&state.store).is_dir() && (known.submodules || !request.submodules));
    let done =
        |known: &Known, state: &State| Update { commit: known.commit.clone(), store: state.store.clone() };
    // A commit is what it is for ever: nobody needs to be asked.
    if let (Some(known), Wanted::Commit(_)) = (known, &request.wanted) {
        return Ok(done(known, &state));
    }
    // Nor does it need a name; it may be in the store already, while the repository cannot be reached.
    let listed = if let Wanted::Commit(_) = request.wanted {
        None
    } else {
        let prover = Prover::new(request, &address, &request.access);
        choose(&request.wanted, &list(&address, &prover)?, &address)?
    };
    if let (Some(known), Some(listed)) = (known, &listed)
        && known.advertised == listed.id.to_string()
    {
        let update = done(known, &state);
        if now() - known.seen > NOTE {
            let seen = Known { seen: now(), ..known.clone() };
            state.revisions.insert(key, seen);
            folder.write(&state)?;
        }
        return Ok(update);
    }
    fetching();
    fetch(request, &address, &folder, state, listed.as_ref())
}

/// Asks for everything that a repository has a name for.
fn list(address: &Address, prover: &Prover<'_>) -> Result<Vec<Listed>, Failure> {
    let failed = |error: git2::Error| prover.failure(&error);
    let mut remote = Remote::create_detached(address.url.as_str()).map_err(failed)?;
    let connection =
        remote.connect_auth(Direction::Fetch, Some(prover.callbacks()), Some(proxy())).map_err(failed)?;
    let all = connection.list().map_err(failed)?;
    let named = all.iter().map(|head| Listed { name: head.name().to_owned(), id: head.oid() }).collect();
    Ok(named)
}

/// Picks what is wanted; `None` is a commit that no name stands for.
fn choose(wanted: &Wanted, all: &[Listed], address: &Address) -> Result<Option<Listed>, Failure> {
    let find = |name: &str| {
        all.iter().find(|one| one.name == name).map(|one| Listed { name: one.name.clone(), id: one.id })
    };
    if all.is_empty() && !matches!(wanted, Wanted::Commit(_)) {
        return Err(
            Failure::new(format!("the repository {} is empty", address.identity)).hint("push a commit to it")
        );
    }
    let branch = |name: &str| find(&format!("refs/heads/{name}"));
    let tag = |name: &str| find(&format!("refs/tags/{name}"));
    let found = match wanted {
        Wanted::Default => find("HEAD"),
        Wanted::Branch(name) => branch(name),
        Wanted::Tag(name) => tag(name),
        Wanted::Commit(_) => return Ok(None),
        Wanted::Any(name) => {
            let found = branch(name).or_else(|| tag(name)).or_else(|| find(name));
            if found.is_none() && store::is_commit_id(name) {
                return Ok(None);
            }
            found
        }
    };
    found.map(Some).ok_or_else(|| missing(wanted, all, address))
}

fn missing(wanted: &Wanted, all: &[Listed], address: &Address) -> Failure {
    let (what, prefix) = match wanted {
        Wanted::Tag(_) => ("tags", "refs/tags/"),
        _ => ("branches", "refs/heads/"),
    };
    let short = all.iter().filter_map(|one| one.name.strip_prefix(prefix));
    let known: Vec<&str> = short.filter(|name| !name.ends_with("^{}")).collect();
    let failure = match wanted {
        Wanted::Default => {
            Failure::new(format!("the HEAD of {} names no branch that is there", address.identity))
        }
        Wanted::Any(name) => {
            Failure::new(format!("there is no branch, tag or commit {name} in {}", address.identity))
        }
        _ => Failure::new(format!("there is no {wanted} in {}", address.identity)),
    };
    let names: Vec<&str> = known.iter().take(10).copied().collect();
    let is_short =
        matches!(wanted, Wanted::Any(name) if name.len() >= 7 && name.chars().all(|c| c.is_ascii_hexdigit()));
    failure.hint(match (is_short, names.is_empty()) {
        (true, _) => "a commit is named by all 40 digits of its id".to_owned(),
        (false, true) => format!("there are no {what}"),
        (false, false) => {
            format!("the {what} are {}{}", names.join(", "), if known.len() > 10 { ", …" } else { "" })
        }
    })
}

/// Fetches a revision, looks it through, and notes it as the last good one.
fn fetch(
    request: &Request,
    address: &Address,
    folder: &Folder,
    mut state: State,
    listed: Option<&Listed>,
) -> Result<Update, Failure> {
    let (repository, name) = open(folder, &state, &request.wanted)?;
    let mut used = Used { repository, name };
    let commit = obtain(request, address, folder, &mut used, listed)?;
    if used.name != state.store {
        // The others were in the store that goes; those that came along stay known.
        let has = |id: &str| Oid::from_str(id).is_ok_and(|id| store::is_whole(&used.repository, id));
        state.revisions.retain(|_, known| !known.submodules && has(&known.commit.id));
        state.store.clone_from(&used.name);
    }
    let told = store::describe(&used.repository, commit).map_err(|error| store::broken(&error))?;
    let known = Known {
        advertised: listed.map_or(commit, |listed| listed.id).to_string(),
        commit: told,
        seen: now(),
        submodules: request.submodules,
    };
    let commit: Commit = known.commit.clone();
    state.revisions.insert(request.wanted.to_string(), known);
    folder.write(&state)?;
    folder.tidy(&used.name);
    Ok(Update { commit, store: used.name })
}

/// The store that is fetched into.
struct Used {
    repository: Repository,
    name: String,
}

/// The store of the state, or a new one if it is not there, broken, or has too many packs and not what is wanted.
fn open(folder: &Folder, state: &State, wanted: &Wanted) -> Result<(Repository, String), Failure> {
    let path = folder.store(&state.store);
    let holds = |repository: &Repository| match wanted {
        Wanted::Commit(id) => Oid::from_str(id).is_ok_and(|id| store::is_whole(repository, id)),
        _ => false,
    };
    if !state.store.is_empty()
        && let Ok(repository) = Repository::open_bare(&path)
        && (store::packs(&path) <= MOST_PACKS || holds(&repository))
    {
        return Ok((repository, state.store.clone()));
    }
    let name = folder.new_store();
    Ok((store::create(&folder.store(&name))?, name))
}

fn obtain(
    request: &Request,
    address: &Address,
    folder: &Folder,
    used: &mut Used,
    listed: Option<&Listed>,
) -> Result<Oid, Failure> {
    let into = format!("refs/reconcile/{}", hash::digest(request.wanted.to_string().as_bytes()));
    let wanted = match (listed, &request.wanted) {
        (Some(listed), _) => (listed.name.clone(), listed.id),
        (None, Wanted::Commit(id) | Wanted::Any(id)) => {
            let oid = Oid::from_str(id).map_err(|_| Failure::new(format!("{id} is no id of a commit")))?;
            (id.clone(), oid)
        }
        (None, other) => return Err(Failure::new(format!("{other} has no name"))),
    };
    let line = Line { request, address, access: &request.access };
    let commit = if let Some(commit) = line.commit(&used.repository, &wanted, &into)? {
        commit
    } else {
        // A server need not hand out a commit that no name stands for, and the store may be in disorder: once more, with
        // all there is.
        let name = folder.new_store();
        *used = Used { repository: store::create(&folder.store(&name))?, name };
        line.whole(&used.repository, wanted.1)?
    };
    if request.submodules {
        modules::fetch(&used.repository, commit, address, &|address, id| {
            let elsewhere = address.host != line.address.host || address.scheme != line.address.scheme;
            let bare = Access {
                known_hosts: request.access.known_hosts.clone(),
                ca_file: request.access.ca_file.clone(),
                ..Access::default()
            };
            let access = if elsewhere { &bare } else { &request.access };
            let line = Line { request, address, access };
            let into = format!("refs/reconcile/{id}");
            match line.commit(&used.repository, &(id.to_string(), id), &into)? {
                Some(_) => Ok(()),
                None => line.whole(&used.repository, id).map(drop),
            }
        })?;
    }
    Ok(commit)
}

/// A repository to fetch from.
struct Line<'a> {
    request: &'a Request,
    address: &'a Address,
    access: &'a Access,
}

impl Line<'_> {
    /// Fetches one revision; `None` if it did not come, or not whole.
    fn commit(
        &self,
        store: &Repository,
        (name, id): &(String, Oid),
        into: &str,
    ) -> Result<Option<Oid>, Failure> {
        let is_whole = || {
            let commit =
                store.find_object(*id, None).and_then(|object| object.peel(ObjectType::Commit)).ok()?.id();
            store::is_whole(store, commit).then_some(commit)
        };
        if let Some(commit) = is_whole() {
            store::name(store, into, commit)?;
            return Ok(Some(commit));
        }
        // Without this the objects that are missing would be taken for being there.
        let depth = if self.address.scheme == Scheme::Local { None } else { Some(1) };
        let is_bare_id = store::is_commit_id(name);
        match self.run(store, &[format!("+{name}:{into}")], depth) {
            Err(_) if is_bare_id => return Ok(None),
            other => other?,
        }
        Ok(is_whole())
    }

    /// Fetches all branches and tags with their history, for a commit among them.
    fn whole(&self, store: &Repository, id: Oid) -> Result<Oid, Failure> {
        let specs = ["heads", "tags"].map(|kind| format!("+refs/{kind}/*:refs/reconcile/all/{kind}/*"));
        let depth = store.is_shallow().then_some(WHOLE);
        self.run(store, &specs, depth)?;
        let commit = store.find_object(id, None).and_then(|object| object.peel(ObjectType::Commit));
        let commit = commit.map_err(|_| {
            Failure::new(format!("there is no commit {id} in {}", self.address.identity))
                .hint("only what a branch or tag leads to can be fetched")
        })?;
        if store::is_whole(store, commit.id()) {
            Ok(commit.id())
        } else {
            Err(Failure::new(format!("{} does not hand out all of commit {id}", self.address.identity)))
        }
    }

    fn run(&self, store: &Repository, specs: &[String], depth: Option<i32>) -> Result<(), Failure> {
        let prover = Prover::new(self.request, self.address, self.access);
        let mut options = FetchOptions::new();
        options.download_tags(AutotagOption::None).update_fetchhead(false).proxy_options(proxy());
        options.remote_callbacks(prover.callbacks());
        if let Some(depth) = depth {
            options.depth(depth);
        }
        let failed = |error: git2::Error| prover.failure(&error);
        let mut remote = store.remote_anonymous(&self.address.url).map_err(failed)?;
        remote.fetch(specs, Some(&mut options), None).map_err(failed)
    }
}

fn proxy<'a>() -> ProxyOptions<'a> {
    let mut proxy = ProxyOptions::new();
    proxy.auto();
    proxy
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
