//! A pipe between a client and the engine's socket: counts requests, and lets chosen ones go wrong.
#![allow(dead_code, reason = "several binaries share it, and each uses its part")]

pub mod fault;
pub mod http;

use fault::{Fault, Point};
use http::{Head, Limited};
use std::collections::BTreeMap;
use std::io::{self, BufReader, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

/// What a client is told in place of the engine's answer.
pub const INJECTED: &str = "this error was injected by the test";

/// Listens on a socket and passes everything on, but for what is to go wrong.
pub struct Proxy {
    path: PathBuf,
    shared: Arc<Shared>,
}

struct Shared {
    engine: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    lines: Vec<String>,
    points: Vec<Point>,
    faults: Vec<(Point, Fault)>,
    struck: Vec<String>,
    gone: bool,
    /// Whether new connections are refused, as by an engine that is told to end.
    closed: bool,
    /// Ids of containers and networks to their names.
    names: BTreeMap<String, String>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics while holding it")
    }

    fn is_closed(&self) -> bool {
        let state = self.state();
        state.gone || state.closed
    }

    /// Notes a request, and says what is to happen to it.
    fn note(&self, line: &str) -> Option<Fault> {
        let mut state = self.state();
        state.lines.push(line.to_owned());
        let label = fault::label(line, &state.names);
        let occurrence = 1 + state.points.iter().filter(|point| point.label == label).count();
        let point = Point { label, occurrence };
        let at = state.faults.iter().position(|(wanted, _)| *wanted == point);
        let found = at.map(|at| state.faults.remove(at).1);
        if let Some(found) = &found {
            state.struck.push(format!("{} at {point}", found.name()));
            state.gone |= matches!(found, Fault::Gone);
        }
        state.points.push(point);
        found
    }
}

impl Proxy {
    /// Starts listening at `path` for clients of `engine`.
    pub fn start(path: &Path, engine: &Path) -> Self {
        let listener = UnixListener::bind(path).expect("a socket");
        let shared = Arc::new(Shared { engine: engine.to_owned(), state: Mutex::default() });
        let found = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let shared = Arc::clone(&found);
                // A connection that is cut ends in an error here, and that is what it is for.
                std::thread::spawn(move || drop(serve(&client, &shared)));
            }
        });
        Self { path: path.to_owned(), shared }
    }

    /// What to put into `DOCKER_HOST`.
    pub fn address(&self) -> String {
        format!("unix://{}", self.path.display())
    }

    /// The request lines since the last look.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.state().lines)
    }

    /// Forgets the requests of the last run, and lets these go wrong in the next; `names` are those of ids.
    pub fn arm(&self, faults: Vec<(Point, Fault)>, names: BTreeMap<String, String>) {
        *self.shared.state() = State { faults, names, ..State::default() };
    }

    /// The requests since [`arm`](Self::arm), in their order.
    pub fn points(&self) -> Vec<Point> {
        self.shared.state().points.clone()
    }

    /// What lets it take no new connections until [`arm`](Self::arm); those that it has go on.
    pub fn closer(&self) -> Arc<dyn Fn() + Send + Sync> {
        let shared = Arc::clone(&self.shared);
        Arc::new(move || shared.state().closed = true)
    }

    /// What has gone wrong since [`arm`](Self::arm).
    pub fn struck(&self) -> Vec<String> {
        self.shared.state().struck.clone()
    }
}

fn serve(client: &UnixStream, shared: &Shared) -> io::Result<()> {
    let engine = match UnixStream::connect(&shared.engine) {
        Ok(engine) if !shared.is_closed() => engine,
        _ => return client.shutdown(Shutdown::Both),
    };
    let served = pass(client, &engine, shared);
    drop(client.shutdown(Shutdown::Both));
    drop(engine.shutdown(Shutdown::Both));
    served
}

/// Passes requests on until one side ends the connection.
fn pass(client: &UnixStream, engine: &UnixStream, shared: &Shared) -> io::Result<()> {
    let (mut requests, mut answers) = (BufReader::new(client), BufReader::new(engine));
    let (mut to_client, mut to_engine) = (client, engine);
    while let Some(head) = Head::read(&mut requests)? {
        let fault = shared.note(&head.start);
        if shared.state().gone {
            return Ok(());
        }
        match &fault {
            Some(Fault::CutBefore) => return Ok(()),
            Some(Fault::Error) => {
                head.copy_request(&mut requests, &mut io::sink())?;
                return refuse(to_client);
            }
            Some(Fault::Hang { done: false }) => return hang(client),
            Some(Fault::Delay(time)) => std::thread::sleep(*time),
            Some(Fault::Before(hook)) => hook(),
            _ => {}
        }
        to_engine.write_all(&head.raw)?;
        head.copy_request(&mut requests, &mut to_engine)?;
        if fault.is_some() {
            match answer(&mut answers, to_client, fault) {
                Ok(()) => continue,
                ended => return ended,
            }
        }
        let Some(answer) = Head::read(&mut answers)? else { return Ok(()) };
        to_client.write_all(&answer.raw)?;
        if answer.status() == 101 {
            return tunnel(requests, answers);
        }
        answer.copy_answer(&mut answers, &mut to_client)?;
    }
    Ok(())
}

/// Passes an answer on as the fault wants it. An error ends the connection.
fn answer(
    answers: &mut BufReader<&UnixStream>,
    mut client: &UnixStream,
    fault: Option<Fault>,
) -> io::Result<()> {
    let ended = || io::Error::from(io::ErrorKind::UnexpectedEof);
    let head = Head::read(answers)?.ok_or_else(ended)?;
    if let Some(Fault::CutBytes(left)) = fault {
        let mut limited = Limited { to: client, left };
        limited.write_all(&head.raw)?;
        return head.copy_answer(answers, &mut limited);
    }
    let mut whole = head.raw.clone();
    head.copy_answer(answers, &mut whole)?;
    match fault {
        Some(Fault::CutAfter) => return Err(ended()),
        Some(Fault::LateError) => return refuse(client).and(Err(ended())),
        Some(Fault::Hang { .. }) => return hang(client),
        Some(Fault::After(hook)) => hook(),
        _ => {}
    }
    client.write_all(&whole)
}

fn refuse(mut client: &UnixStream) -> io::Result<()> {
    let body = format!("{{\"message\":\"{INJECTED}\"}}");
    let length = body.len();
    let head = "HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\nConnection: close";
    client.write_all(format!("{head}\r\nContent-Length: {length}\r\n\r\n{body}").as_bytes())
}

/// Waits for the client to lose patience.
fn hang(mut client: &UnixStream) -> io::Result<()> {
    io::copy(&mut client, &mut io::sink()).map(drop)
}

/// Bytes both ways, for connections that have left HTTP.
fn tunnel(mut requests: BufReader<&UnixStream>, mut answers: BufReader<&UnixStream>) -> io::Result<()> {
    let (mut to_client, mut to_engine) = (*requests.get_ref(), *answers.get_ref());
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let copied = io::copy(&mut requests, &mut to_engine);
            drop(to_engine.shutdown(Shutdown::Write));
            copied
        });
        let copied = io::copy(&mut answers, &mut to_client);
        // The other direction may be waiting for a client that says no more.
        drop(to_client.shutdown(Shutdown::Both));
        copied.map(drop)
    })
}

/// The socket of the engine that the tests use, if it is a local one.
pub fn engine_socket() -> Option<PathBuf> {
    match std::env::var("DOCKER_HOST") {
        Ok(host) => host.strip_prefix("unix://").map(PathBuf::from),
        Err(_) => Some(PathBuf::from("/var/run/docker.sock")),
    }
}
