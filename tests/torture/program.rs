//! Running `reconcile`, and ending it before its time.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A run of a program that has begun.
pub struct Running {
    child: Arc<Mutex<Child>>,
    begin: Instant,
    stdout: PathBuf,
    stderr: PathBuf,
}

/// How it ended.
pub struct Ended {
    /// Its exit code; `None` if it was killed.
    pub code: Option<i32>,
    /// How long it ran.
    pub elapsed: Duration,
    /// Its result.
    pub stdout: String,
    /// Its talk.
    pub stderr: String,
}

impl Ended {
    /// Everything it said, for a log.
    pub fn whole(&self) -> String {
        let code = self.code.map_or_else(|| "killed".to_owned(), |code| format!("exit {code}"));
        format!(
            "{code} after {:.2?}\n--- stdout\n{}\n--- stderr\n{}\n",
            self.elapsed, self.stdout, self.stderr
        )
    }
}

/// What ends a run from elsewhere.
#[derive(Clone)]
pub struct Killer(Arc<Mutex<Child>>);

impl Killer {
    /// Ends it with SIGKILL.
    pub fn kill(&self) {
        if let Ok(mut child) = self.0.lock() {
            drop(child.kill());
        }
    }
}

/// Starts `reconcile` in a folder, for the engine at `host`: the one that was built with the harness, or another build of
/// it that `TORTURE_PROGRAM` names.
pub fn reconcile(dir: &Path, host: &str, args: &[&str], number: usize) -> Result<Running, String> {
    let program =
        std::env::var_os("TORTURE_PROGRAM").unwrap_or_else(|| env!("CARGO_BIN_EXE_reconcile").into());
    let mut command = Command::new(program);
    command.args(args).env("DOCKER_HOST", host).current_dir(dir);
    start(&mut command, &dir.with_extension(format!("run{number}")))
}

/// Starts a program that writes to files beside `output`.
pub fn start(command: &mut Command, output: &Path) -> Result<Running, String> {
    let (stdout, stderr) = (output.with_extension("out"), output.with_extension("err"));
    let create = |path: &Path| File::create(path).map_err(|error| error.to_string());
    command.stdin(Stdio::null()).stdout(create(&stdout)?).stderr(create(&stderr)?);
    let child = command.spawn().map_err(|error| error.to_string())?;
    Ok(Running { child: Arc::new(Mutex::new(child)), begin: Instant::now(), stdout, stderr })
}

impl Running {
    /// What can end it.
    pub fn killer(&self) -> Killer {
        Killer(Arc::clone(&self.child))
    }

    /// Waits for its end; after the limit it is killed, and that is an error.
    pub fn end(self, limit: Duration) -> Result<Ended, String> {
        let status = loop {
            if let Some(status) = self.ended()? {
                break status;
            }
            if self.begin.elapsed() > limit {
                self.killer().kill();
                let said = fs::read_to_string(&self.stderr).unwrap_or_default();
                return Err(format!("the run did not end within {limit:.0?}; it said:\n{said}"));
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        let elapsed = self.begin.elapsed();
        let read = |path: &Path| String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned();
        let ended =
            Ended { code: status.code(), elapsed, stdout: read(&self.stdout), stderr: read(&self.stderr) };
        if ended.code == Some(101) || ended.stderr.contains("panicked at") {
            return Err(format!("the program panicked: {}", ended.whole()));
        }
        Ok(ended)
    }

    fn ended(&self) -> Result<Option<ExitStatus>, String> {
        let mut child = self.child.lock().map_err(|error| error.to_string())?;
        child.try_wait().map_err(|error| error.to_string())
    }
}
