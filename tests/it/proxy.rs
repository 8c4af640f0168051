//! A pipe between a client and the engine's socket that counts requests.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// Listens on a socket and passes everything on.
pub struct Proxy {
    path: PathBuf,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// Starts listening at `path` for clients of `engine`.
    pub fn start(path: &Path, engine: &Path) -> Self {
        let requests = Arc::new(Mutex::new(Vec::new()));
        let listener = UnixListener::bind(path).expect("a socket");
        let (log, engine) = (Arc::clone(&requests), engine.to_owned());
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(upstream) = UnixStream::connect(&engine) else { continue };
                let (Ok(mut from), Ok(mut to)) = (client.try_clone(), upstream.try_clone()) else { continue };
                let log = Arc::clone(&log);
                std::thread::spawn(move || copy(&mut from, &mut to, Some(&log)));
                let (mut from, mut to) = (upstream, client);
                std::thread::spawn(move || copy(&mut from, &mut to, None));
            }
        });
        Self { path: path.to_owned(), requests }
    }

    /// What to put into `DOCKER_HOST`.
    pub fn address(&self) -> String {
        format!("unix://{}", self.path.display())
    }

    /// The request lines since the last look.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.requests.lock().expect("nobody panics while holding it"))
    }
}

fn copy(from: &mut UnixStream, to: &mut UnixStream, log: Option<&Mutex<Vec<String>>>) {
    let mut buffer = vec![0; 65536];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if let Some(log) = log {
            let text = String::from_utf8_lossy(&buffer[..count]);
            let lines = text.lines().filter(|line| line.ends_with(" HTTP/1.1")).map(str::to_owned);
            log.lock().expect("nobody panics while holding it").extend(lines);
        }
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    drop(to.shutdown(std::net::Shutdown::Write));
}

/// The socket of the engine that the tests use, if it is a local one.
pub fn engine_socket() -> Option<PathBuf> {
    match std::env::var("DOCKER_HOST") {
        Ok(host) => host.strip_prefix("unix://").map(PathBuf::from),
        Err(_) => Some(PathBuf::from("/var/run/docker.sock")),
    }
}
