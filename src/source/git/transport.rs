//! The side of the child process that asks: it ends a child that takes too long.

use super::protocol::{Answer, Failure, Request, Update};
use rustix::process::{Pid, Signal, kill_process_group};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long a repository may take to say what there is.
const LISTING: Duration = Duration::from_secs(30);

/// What is started to talk to a repository.
#[derive(Debug, Clone)]
pub struct Helper {
    /// The program: this one.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
}

/// A child that is ended when it goes out of scope, with all that it started.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None))
            && let Some(group) = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw)
        {
            // It may have ended just now.
            let _ = kill_process_group(group, Signal::KILL);
        }
        drop(self.0.wait());
    }
}

/// Has a request served. `limit` is for all of it; to say that there is nothing new, a repository has 30 s at most.
pub fn ask(
    helper: &Helper,
    request: &Request,
    (home, ca_file): (&Path, Option<&Path>),
    limit: Duration,
) -> Result<Update, Failure> {
    let failed = |what: &str, error: &dyn std::fmt::Display| {
        Failure::new(format!("the process that talks to the repository {what}: {error}"))
    };
    let mut command = Command::new(&helper.program);
    command.args(&helper.arguments).env("HOME", home).env_remove("XDG_CONFIG_HOME").process_group(0);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    if let Some(file) = ca_file {
        command.env("SSL_CERT_FILE", file);
    }
    let mut child = Running(command.spawn().map_err(|error| failed("does not start", &error))?);
    let text = serde_json::to_vec(request).map_err(|error| failed("cannot be asked", &error))?;
    if let Some(mut input) = child.0.stdin.take() {
        input.write_all(&text).map_err(|error| failed("does not listen", &error))?;
    }
    let Some(output) = child.0.stdout.take() else { return Err(Failure::new("nothing can be read")) };
    let (tell, answers) = channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if tell.send(line).is_err() {
                return;
            }
        }
    });
    let start = Instant::now();
    let mut allowed = limit.min(LISTING);
    loop {
        let left = allowed.saturating_sub(start.elapsed());
        match answers.recv_timeout(left).map(|line| serde_json::from_str(&line)) {
            Ok(Ok(Answer::Fetching)) => allowed = limit,
            Ok(Ok(Answer::Done(update))) => return Ok(update),
            Ok(Ok(Answer::Failed(failure))) => return Err(failure),
            Ok(Err(error)) => return Err(failed("says what it should not", &error)),
            Err(RecvTimeoutError::Disconnected) => return Err(failed("ended", &ending(&mut child.0))),
            Err(RecvTimeoutError::Timeout) => {
                return Err(Failure::new(format!(
                    "{} took more than {} s",
                    request.url,
                    allowed.as_secs_f64()
                ))
                .hint("`timeout` of the source sets how long a fetch may take"));
            }
        }
    }
}

fn ending(child: &mut Child) -> String {
    child.wait().map_or_else(|error| error.to_string(), |status| status.to_string())
}
