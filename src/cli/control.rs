//! The control socket: how commands of this machine ask the daemon that keeps the same state directory. Who may open it is the
//! daemon's own user, or root: it needs no token.

use super::args::CommonArgs;
use super::config;
use super::http::{self, Desk};
use super::output::{BOLD, Output, RED, YELLOW};
use crate::http::serve;
use crate::model::clock;
use axum::serve::Listener;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper::{Method, Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use rustix::process::geteuid;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{DirBuilder, File, Permissions, TryLockError, remove_file, set_permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;

/// Name of the socket in the state directory.
const SOCKET: &str = "control.sock";
/// A file that the daemon keeps locked whose socket it is. The kernel lets go of it however that daemon ends.
const LOCK: &str = "control.lock";
/// Time between two looks whether the daemon has ended whose socket it is.
const PAUSE: Duration = Duration::from_secs(10);
/// How long a daemon may take to answer a command: it tells what it knows and looks at nothing.
const PATIENCE: Duration = Duration::from_secs(2);
/// What is said of a daemon that is there and says nothing.
const SILENT: &str = "it runs, and does not answer";
/// How much of an answer is read.
const LARGEST: usize = 64 << 20;

/// What a daemon says of itself.
pub enum Told {
    /// There is none.
    Nobody,
    /// There is one that does not answer.
    Nothing,
    /// Its status.
    Status(Value),
}

/// The status of the daemon, if one runs.
pub async fn status(common: &CommonArgs, environment: &BTreeMap<String, String>) -> Told {
    let path = config::state_dir_of(common, environment).join(SOCKET);
    let Ok(Ok(stream)) = tokio::time::timeout(PATIENCE, UnixStream::connect(path)).await else {
        return Told::Nobody;
    };
    match tokio::time::timeout(PATIENCE, request(stream, Method::GET, "/api/v1/status")).await {
        Ok(Some(status)) => Told::Status(status),
        Ok(None) | Err(_) => Told::Nothing,
    }
}

/// What a daemon says of itself, as JSON: what it says of stacks is left out, since the engine was asked just now.
pub fn json(told: Told) -> Value {
    match told {
        Told::Nobody => Value::Null,
        Told::Nothing => json!({"error": SILENT}),
        Told::Status(mut status) => {
            let mut sources = status["sources"].take();
            for source in sources.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
                source.shift_remove("stacks");
            }
            let mut daemon = status["daemon"].take();
            if let Some(daemon) = daemon.as_object_mut() {
                daemon.insert("sources".to_owned(), sources);
            }
            daemon
        }
    }
}

/// The same for people: a line for the daemon, and one for each of its sources. Empty if there is none.
pub fn text(told: &Told) -> String {
    let status = match told {
        Told::Nobody => return String::new(),
        Told::Nothing => return format!("{YELLOW}daemon: {SILENT}{YELLOW:#}\n"),
        Told::Status(status) => status,
    };
    let daemon = &status["daemon"];
    let mut text =
        format!("{BOLD}daemon{BOLD:#} since {}, process {}\n", time(&daemon["since"]), daemon["process"]);
    for source in status["sources"].as_array().into_iter().flatten() {
        let _ = writeln!(text, "  {}", line(source));
    }
    text
}

fn line(source: &Value) -> String {
    let mut line = source["name"].as_str().unwrap_or_default().to_owned();
    match &source["looked_at"] {
        Value::Null => line.push_str(": not looked at yet"),
        at => {
            let _ = write!(line, ": looked at {}", time(at));
        }
    }
    if source["looking"] == true {
        line.push_str(", is looked at now");
    } else if !source["next_look_at"].is_null() {
        let _ = write!(line, ", next at {}", time(&source["next_look_at"]));
    }
    let mut troubles: Vec<String> = Vec::new();
    troubles.extend(source["error"].as_str().map(str::to_owned));
    troubles.extend(source["outage"].as_str().map(|outage| match &source["asked_next_at"] {
        Value::Null => outage.to_owned(),
        at => format!("{outage}; asked again at {} or later", time(at)),
    }));
    troubles.extend(match source["broken_stacks"].as_u64().unwrap_or(0) {
        0 => None,
        1 => Some("1 stack does not load".to_owned()),
        count => Some(format!("{count} stacks do not load")),
    });
    let of_source = |problem: &&Value| problem["stack"].is_null();
    let errors = source["errors"].as_array().into_iter().flatten().filter(of_source);
    troubles.extend(errors.filter_map(|problem| problem["message"].as_str()).map(str::to_owned));
    for trouble in troubles {
        let _ = write!(line, "; {RED}{trouble}{RED:#}");
    }
    line
}

/// A time of the status as people read it.
fn time(value: &Value) -> String {
    let nanos = value.as_str().and_then(clock::nanos);
    nanos.map_or("an unknown time".to_owned(), |nanos| clock::utc(nanos / 1_000_000_000))
}

/// Has the daemon look at the source of a stack, if one runs. It is a hint: what was done stands on the engine, which tells the
/// daemon, too.
pub async fn hint(common: &CommonArgs, environment: &BTreeMap<String, String>, stack: &str) {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if stack.is_empty() || !stack.chars().all(is_plain) {
        return;
    }
    let path = config::state_dir_of(common, environment).join(SOCKET);
    let ask = async {
        let stream = UnixStream::connect(path).await.ok()?;
        request(stream, Method::POST, &format!("/api/v1/stacks/{stack}/look")).await
    };
    drop(tokio::time::timeout(PATIENCE, ask).await);
}

/// What is answered, if it is what was asked for.
async fn request(stream: UnixStream, method: Method, path: &str) -> Option<Value> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
    let request = Request::builder().method(method).uri(path).header(header::HOST, "localhost");
    let request = request.body(Empty::<Bytes>::new()).ok()?;
    let answer = async {
        let response = sender.send_request(request).await.ok()?;
        let is_good = matches!(response.status(), StatusCode::OK | StatusCode::ACCEPTED);
        let body = Limited::new(response.into_body(), LARGEST).collect().await.ok()?.to_bytes();
        serde_json::from_slice(&body).ok().filter(|_| is_good)
    };
    tokio::pin!(answer, connection);
    tokio::select! {
        answer = &mut answer => answer,
        _ = &mut connection => answer.await,
    }
}

/// Answers over the socket until told to stop. What keeps it from that is said once, and stops nothing else.
pub fn listen(directory: PathBuf, desk: Arc<Desk>, stop: watch::Receiver<bool>, output: Output) {
    tokio::spawn(async move {
        let mut stopped = stop.clone();
        let mut complained = false;
        while !*stop.borrow() {
            match Door::open(&directory) {
                Ok(Some(door)) => {
                    if let Err(error) = serve(door, http::local(&desk), stop.clone()).await {
                        tracing::error!(%error, "the control socket ended");
                    }
                    return;
                }
                Ok(None) if !complained => output.complain(&format!(
                    "{YELLOW}warning{YELLOW:#}: another daemon keeps {}; until it ends, `reconcile status` asks that one\n",
                    directory.join(SOCKET).display()
                )),
                Ok(None) => {}
                Err(error) => {
                    output.complain(&format!(
                        "{YELLOW}warning{YELLOW:#}: {} cannot be made, so `reconcile status` does not ask this daemon: \
                         {error}\n",
                        directory.join(SOCKET).display()
                    ));
                    return;
                }
            }
            complained = true;
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                _ = stopped.wait_for(|stop| *stop) => {}
            }
        }
    });
}

/// The socket of this daemon. It goes with it.
struct Door {
    listener: UnixListener,
    path: PathBuf,
    _lock: File,
}

impl Door {
    /// The socket, unless it is another daemon's that runs. One that a dead daemon left behind is taken away.
    fn open(directory: &Path) -> io::Result<Option<Self>> {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(directory.join(LOCK))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let path = directory.join(SOCKET);
        match remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&path)?;
        set_permissions(&path, Permissions::from_mode(0o600))?;
        Ok(Some(Self { listener, path, _lock: lock }))
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        // The next daemon would do it, too.
        drop(remove_file(&self.path));
    }
}

impl Listener for Door {
    type Io = UnixStream;
    type Addr = ();

    async fn accept(&mut self) -> (UnixStream, ()) {
        loop {
            let (stream, _) = Listener::accept(&mut self.listener).await;
            // Between the making of the socket and its permissions is a moment.
            let is_ours = |user: u32| user == 0 || user == geteuid().as_raw();
            if stream.peer_cred().is_ok_and(|peer| is_ours(peer.uid())) {
                return (stream, ());
            }
        }
    }

    fn local_addr(&self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Door, Told, json, text};

    #[test]
    fn a_daemon_is_told_in_a_line_for_each_source() {
        let told = || {
            Told::Status(json!({
                "daemon": {"version": "1", "process": 7, "since": "2026-11-21T10:00:00Z"},
                "sources": [
                    {"name": "home", "looked_at": "2026-11-21T12:57:03Z", "next_look_at": "2026-11-21T12:58:03Z",
                        "looking": false, "error": null, "outage": null, "broken_stacks": 2, "stacks": [1],
                        "errors": [{"stack": "a", "message": "x"}]},
                    {"name": "shop", "looked_at": null, "next_look_at": null, "looking": true, "error": null,
                        "outage": "no route", "asked_next_at": "2026-11-21T12:59:03Z", "broken_stacks": 0, "stacks": [],
                        "errors": [{"stack": null, "message": "was never fetched"}]},
                ],
            }))
        };
        assert_eq!(
            anstream::adapter::strip_str(&text(&told())).to_string(),
            "daemon since 2026-11-21 10:00 UTC, process 7\n  \
             home: looked at 2026-11-21 12:57 UTC, next at 2026-11-21 12:58 UTC; 2 stacks do not load\n  \
             shop: not looked at yet, is looked at now; no route; asked again at 2026-11-21 12:59 UTC or later; was never fetched\n"
        );
        let value = json(told());
        assert_eq!((&value["process"], &value["sources"][0]["stacks"]), (&json!(7), &json!(null)));
        assert!(text(&Told::Nobody).is_empty() && json(Told::Nobody).is_null());
    }

    #[tokio::test]
    async fn the_socket_of_a_dead_daemon_is_taken_and_that_of_a_living_one_is_not() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        std::fs::create_dir(&state).unwrap();
        drop(std::os::unix::net::UnixListener::bind(state.join("control.sock")).unwrap());
        let door = Door::open(&state).unwrap().expect("nobody keeps it");
        let mode = std::fs::metadata(state.join("control.sock")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(Door::open(&state).unwrap().is_none());
        drop(door);
        assert!(!state.join("control.sock").exists());
        assert!(Door::open(&state).unwrap().is_some());
    }
}
