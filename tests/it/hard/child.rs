//! One run of the program over files in a directory, measured.

use super::cases::Content;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// What a run did.
pub struct Found {
    /// Bytes of the files.
    pub input: usize,
    /// The largest resident memory that was seen.
    pub peak_kib: u64,
    pub time: Duration,
    pub code: Option<i32>,
    pub output: String,
    pub first_line: String,
}

/// Longer than any case takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(120);

/// Validates the files as a project.
pub fn run(files: &[(String, Content)]) -> Found {
    let directory = tempfile::tempdir().unwrap();
    let mut input = 0;
    for (name, content) in files {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        match content {
            Content::Bytes(bytes) => {
                input += bytes.len();
                fs::write(path, bytes).unwrap();
            }
            Content::Link(target) => symlink(target, path).unwrap(),
            Content::Directory => fs::create_dir_all(path).unwrap(),
            Content::Pipe => assert!(Command::new("mkfifo").arg(path).status().unwrap().success()),
            Content::Sparse(length) => fs::File::create(path).unwrap().set_len(*length).unwrap(),
        }
    }
    let started = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_reconcile"))
        .args(["validate", "--format", "json", "."])
        .current_dir(directory.path())
        .env_clear()
        .env("HOME", "/nowhere")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let reader = thread::spawn(move || {
        let mut output = Vec::new();
        stdout.read_to_end(&mut output).map(|_| String::from_utf8_lossy(&output).into_owned())
    });
    let (peak_kib, code) = watch(&mut child, started);
    let output = reader.join().unwrap().unwrap();
    let message = output.split("\"message\":").nth(1).unwrap_or("").chars().take(110).collect::<String>();
    let first_line = message.replace('\n', " ");
    Found { input, peak_kib, time: started.elapsed(), code, output, first_line }
}

/// The peak of a process, which is read until it ends: the kernel keeps it, and tells it while the process is there.
fn watch(child: &mut Child, started: Instant) -> (u64, Option<i32>) {
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        peak = peak.max(high_water(Path::new(&status)));
        if let Some(ended) = child.try_wait().unwrap() {
            return (peak, ended.code());
        }
        if started.elapsed() > LIMIT {
            child.kill().unwrap();
            child.wait().unwrap();
            return (peak, None);
        }
        thread::sleep(Duration::from_millis(2));
    }
}

/// `VmHWM`, in KiB.
fn high_water(status: &Path) -> u64 {
    let text = fs::read_to_string(status).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse().ok()).unwrap_or(0)
}
