//! A daemon of a test, and stacks for it to follow.

use crate::lab::{Lab, STATE_DIR};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A stack of one service that idles. `NAME` stands for what sets it apart.
pub const STACK: &str = "\
name: PREFIX-NAME
services:
  app:
    image: IMAGE
    command: [sleep, infinity]
    init: true
    stop_grace_period: 1s
    environment: {LEVEL: info}
";

/// Status and body of an answer.
pub fn ask(address: &str, line: &str, headers: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).expect("the daemon listens");
    let length = body.len();
    let request = format!(
        "{line} HTTP/1.1\r\nhost: test\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    );
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    (head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status"), body.to_owned())
}

/// A daemon over the folder of a test, with what it says in a file beside it.
pub struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts it with further arguments after `watch`.
    pub fn start(lab: &Lab, args: &[&str]) -> Self {
        Self::start_with(lab, args, &[])
    }

    /// A second one over the same folder.
    pub fn start_beside(lab: &Lab, args: &[&str]) -> Self {
        Self::logging_to(lab, &format!("{}-2.log", lab.prefix), (args, &[]))
    }

    /// The same with variables set.
    pub fn start_with(lab: &Lab, args: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::logging_to(lab, &format!("{}.log", lab.prefix), (args, variables))
    }

    fn logging_to(lab: &Lab, log: &str, (args, variables): (&[&str], &[(&str, &str)])) -> Self {
        let log = std::env::temp_dir().join(log);
        let file = File::create(&log).expect("log");
        let child = Command::new(env!("CARGO_BIN_EXE_reconcile"))
            .args([&["watch", "--interval", "1h"], args].concat())
            .current_dir(lab.path())
            .env(STATE_DIR, lab.path().join("state"))
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("log"))
            .stderr(file)
            .spawn()
            .expect("the program starts");
        Self { child, log }
    }

    /// Waits for something to hold.
    #[track_caller]
    pub fn until(&self, what: &str, holds: impl Fn() -> bool) {
        let end = Instant::now() + Duration::from_secs(60);
        while !holds() {
            assert!(Instant::now() < end, "{what} did not come:\n{}", self.said());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Where it answers over HTTP.
    pub fn address(&self) -> String {
        let address = || {
            let said = self.said();
            let rest = said.split("listening on http://").nth(1)?;
            Some(rest.lines().next()?.to_owned())
        };
        self.until("its address", || address().is_some());
        address().expect("it was there")
    }

    /// What it has printed so far.
    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Sends it a signal, by name.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().is_ok_and(|status| status.success()));
    }

    /// The number of its process.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end, and gives its exit code.
    pub fn stop(mut self) -> Option<i32> {
        self.signal("TERM");
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(status) = self.child.try_wait().expect("it can be waited for") {
                return status.code();
            }
            assert!(Instant::now() < end, "it does not end:\n{}", self.said());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // After a failed assertion; what has ended already does not mind.
        drop(self.child.kill());
        drop(self.child.wait());
        drop(std::fs::remove_file(&self.log));
    }
}
