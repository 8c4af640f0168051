//! The HTTP interface of `watch`, as the settings of the host ask for it.

use super::config::Chosen;
use super::engine::now;
use super::history::fields;
use super::output::Output;
use super::source::current_dir;
use crate::cycle::Applied;
use crate::daemon::board::{Board, SourceNews};
use crate::daemon::queue::Trigger;
use crate::history::Store;
use crate::http::{Daemon, Interface, serve};
use crate::model::step::Plan;
use crate::plan::Jobs;
use crate::source::{Host, LoadedSource};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::TcpListener;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;

/// What the daemon heard last, and how to have it look.
pub struct Desk {
    board: Mutex<Board>,
    requests: Mutex<BTreeMap<String, UnboundedSender<Trigger>>>,
    secrets: BTreeMap<String, Vec<u8>>,
    token: Option<Vec<u8>>,
    history: Store,
}

impl Desk {
    /// A desk for sources, with the secrets that the settings name. What cannot be read is an error: a daemon that
    /// refuses what it should take would go unseen.
    pub fn new(host: Option<&Host>, sources: &[Chosen], history: Store) -> Result<Self, String> {
        let directory = host.map_or_else(current_dir, |host| host.directory.clone());
        let read = |path: &str| secret(&directory.join(path));
        let http = host.map(|host| &host.http);
        let token = http.and_then(|http| http.token_file.as_deref()).map(read).transpose()?;
        let mut secrets = BTreeMap::new();
        for source in host.into_iter().flat_map(|host| &host.sources) {
            if let Some(path) = &source.webhook_secret_file {
                secrets.insert(source.name.clone(), read(path)?);
            }
        }
        let board = sources.iter().map(|source| (source.title(), SourceNews::default())).collect();
        Ok(Self { board: Mutex::new(board), requests: Mutex::default(), secrets, token, history })
    }

    /// Lets a source be asked for.
    pub fn follows(&self, source: String, request: UnboundedSender<Trigger>) {
        lock(&self.requests).insert(source, request);
    }

    /// Notes what a source says.
    pub fn loaded(&self, source: &str, loaded: &LoadedSource) {
        lock(&self.board).entry(source.to_owned()).or_default().loaded(loaded);
    }

    /// Notes that the engine could not be looked at.
    pub fn unreachable(&self, source: &str, error: String) {
        lock(&self.board).entry(source.to_owned()).or_default().unreachable(error);
    }

    /// Notes what was seen.
    pub fn looked(&self, source: &str, plan: &Plan, under_way: &BTreeSet<String>) {
        lock(&self.board).entry(source.to_owned()).or_default().looked(plan, under_way, now());
    }

    /// Notes how its jobs are.
    pub fn jobs(&self, source: &str, jobs: &Jobs) {
        lock(&self.board).entry(source.to_owned()).or_default().jobs(jobs);
    }

    /// Notes what came of a deployment.
    pub fn applied(&self, source: &str, plan: &Plan, applied: &Applied) {
        lock(&self.board).entry(source.to_owned()).or_default().applied(plan, applied, now());
    }
}

fn lock<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a file holds, without the line end that editors add.
fn secret(path: &Path) -> Result<Vec<u8>, String> {
    let read = std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let secret = read.trim_ascii_end().to_vec();
    if secret.is_empty() { Err(format!("{} is empty", path.display())) } else { Ok(secret) }
}

/// The desk as requests see it.
struct Counter(Arc<Desk>);

impl Daemon for Counter {
    fn board(&self) -> Board {
        lock(&self.0.board).clone()
    }

    fn look(&self, source: &str, why: Trigger) -> bool {
        lock(&self.0.requests).get(source).is_some_and(|request| request.send(why).is_ok())
    }

    fn secret(&self, source: &str) -> Option<Vec<u8>> {
        self.0.secrets.get(source).cloned()
    }

    fn history(&self, stack: &str) -> io::Result<Vec<Value>> {
        Ok(self.0.history.read(stack)?.iter().rev().map(fields).collect())
    }
}

/// Serves on the address of the settings, if they give one, until told to stop.
pub async fn listen(
    host: Option<&Host>,
    desk: &Arc<Desk>,
    stop: watch::Receiver<bool>,
    output: Output,
) -> Result<(), String> {
    let Some(address) = host.and_then(|host| host.http.listen) else { return Ok(()) };
    let refused = |error| format!("cannot listen on {address}: {error}");
    let listener = TcpListener::bind(address).await.map_err(refused)?;
    let address = listener.local_addr().map_err(refused)?;
    output.talk(&format!("listening on http://{address}\n"));
    let interface = Interface { daemon: Arc::new(Counter(Arc::clone(desk))), token: desk.token.clone() };
    tokio::spawn(async move {
        if let Err(error) = serve(listener, interface, stop).await {
            tracing::error!(%error, "the HTTP interface ended");
        }
    });
    Ok(())
}
