//! The engine, asked directly: what it takes by itself is the floor under every figure.
#![allow(dead_code, reason = "several benchmarks share it, and each uses its part")]

use super::proxy::http::Head;
use std::io::{BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The image of everything that benchmarks make.
pub const IMAGE: &str = "reconcile-test/busybox:1";
/// The lists of a run without changes.
const LISTS: [&str; 5] =
    ["/version", "/containers/json?all=1", "/networks", "/volumes", "/images/json?all=1"];

/// A connection that is kept.
pub struct Client(BufReader<UnixStream>);

impl Client {
    /// Connects.
    pub fn new(socket: &Path) -> Self {
        Self(BufReader::new(UnixStream::connect(socket).expect("the engine answers")))
    }

    /// One request, which must succeed; the length of its answer.
    pub fn call(&mut self, method: &str, path: &str, body: &str) -> usize {
        let request = format!(
            "{method} /v1.41{path} HTTP/1.1\r\nHost: engine\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.0.get_mut().write_all(request.as_bytes()).expect("the engine listens");
        let head = Head::read(&mut self.0).expect("an answer").expect("an answer");
        let mut answer = Vec::new();
        head.copy_answer(&mut self.0, &mut answer).expect("the whole answer");
        let is_good = matches!(head.status(), 200..=304);
        assert!(is_good, "{method} {path}: {} {}", head.start, String::from_utf8_lossy(&answer));
        answer.len()
    }
}

/// The lists that a run without changes asks for, side by side.
pub fn lists(socket: &Path) {
    std::thread::scope(|scope| {
        for list in LISTS {
            scope.spawn(move || Client::new(socket).call("GET", list, ""));
        }
    });
}

fn create(client: &mut Client, name: &str, network: &str, level: &str) {
    let body = format!(
        r#"{{"Image":"{IMAGE}","Cmd":["sleep","infinity"],"Env":["LEVEL={level}","NUMBER=0"],"StopTimeout":1,"HostConfig":{{"Init":true,"NetworkMode":"{network}"}},"NetworkingConfig":{{"EndpointsConfig":{{"{network}":{{"Aliases":["app"]}}}}}}}}"#
    );
    client.call("POST", &format!("/containers/create?name={name}"), &body);
}

/// Makes a network and starts containers on it, so many at a time.
pub fn up(socket: &Path, prefix: &str, count: usize, parallel: usize) {
    let network = format!("{prefix}_default");
    let body = format!(r#"{{"Name":"{network}","CheckDuplicate":true}}"#);
    Client::new(socket).call("POST", "/networks/create", &body);
    side_by_side(count, parallel, socket, |client, number| {
        let name = format!("{prefix}-app{number}-1");
        create(client, &name, &network, "info");
        client.call("POST", &format!("/containers/{name}/start"), "");
    });
}

/// Does something for each number, so many at a time, each with a connection of its own.
fn side_by_side(count: usize, parallel: usize, socket: &Path, work: impl Fn(&mut Client, usize) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..parallel {
            scope.spawn(|| {
                let mut client = Client::new(socket);
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return;
                    }
                    work(&mut client, number);
                }
            });
        }
    });
}

/// Stops and removes them, and their network.
pub fn down(socket: &Path, prefix: &str, count: usize, parallel: usize) {
    side_by_side(count, parallel, socket, |client, number| {
        let name = format!("{prefix}-app{number}-1");
        client.call("POST", &format!("/containers/{name}/stop"), "");
        client.call("DELETE", &format!("/containers/{name}"), "");
    });
    Client::new(socket).call("DELETE", &format!("/networks/{prefix}_default"), "");
}

/// Replaces one container by another: created, the old one stopped and removed, started.
pub fn replace(socket: &Path, prefix: &str, level: &str) {
    let (old, next) = (format!("{prefix}-app0-1"), format!("{prefix}-app0-1.next"));
    let mut client = Client::new(socket);
    create(&mut client, &next, &format!("{prefix}_default"), level);
    client.call("POST", &format!("/containers/{old}/stop"), "");
    client.call("DELETE", &format!("/containers/{old}"), "");
    client.call("POST", &format!("/containers/{next}/rename?name={old}"), "");
    client.call("POST", &format!("/containers/{old}/start"), "");
}

/// Removes what a benchmark made, and nothing else.
pub fn clean(prefix: &str) {
    let filter = format!("name={prefix}");
    for (list, remove) in
        [(&["ps", "-aq"][..], &["rm", "-f"][..]), (&["network", "ls", "-q"], &["network", "rm"])]
    {
        let found = Command::new("docker").args(list).args(["--filter", &filter]).output();
        let found = String::from_utf8_lossy(&found.expect("the docker client").stdout).into_owned();
        // The client removes all at once that it is told, which engine 20.10 may not survive.
        for some in found.lines().collect::<Vec<_>>().chunks(8) {
            drop(Command::new("docker").args(remove).args(some).output());
        }
    }
}
