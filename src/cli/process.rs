//! This process, as locks name it, and whether another one of this machine still runs.

use super::engine::now;
use crate::model::lock::{Holder, Process};
use std::fs;
use std::hash::{BuildHasher as _, RandomState};
use std::io::ErrorKind;
use std::path::Path;
use std::process;

/// This process, under an id that no other call gives.
pub fn holder() -> Holder {
    let chance = || RandomState::new().hash_one(());
    let id = format!("{:016x}{:016x}", chance(), chance());
    let host = host_name();
    let process = Process {
        place: place().unwrap_or_default(),
        id: process::id(),
        started: start_of(process::id()).ok().flatten().unwrap_or_default(),
    };
    Holder { id, host, process, since: now() }
}

/// What this host goes by.
pub fn host_name() -> String {
    read("/proc/sys/kernel/hostname").unwrap_or_else(|| "an unknown host".to_owned())
}

/// Whether a process is known to run no more: it ran in this place, where it is not now. A process in another container
/// or on another machine cannot be judged, and neither can one that the kernel hides from this user.
pub fn is_gone(holder: &Holder) -> bool {
    let Process { place: other, id, started } = &holder.process;
    let is_here = place().is_some_and(|place| place == *other);
    // Process 1 always runs: if it cannot be seen, others may be hidden as well.
    let sees_all = || matches!(start_of(1), Ok(Some(_)));
    is_here && sees_all() && start_of(*id).is_ok_and(|found| found != Some(*started))
}

/// This start of this machine, and the namespace of process numbers.
fn place() -> Option<String> {
    let boot = read("/proc/sys/kernel/random/boot_id")?;
    let namespace = fs::read_link("/proc/self/ns/pid").ok()?;
    Some(format!("{boot} {}", namespace.display()))
}

/// When a process was started; `None` if none of that number runs, or it has ended and only its exit code is left.
fn start_of(id: u32) -> Result<Option<u64>, std::io::Error> {
    match fs::read_to_string(format!("/proc/{id}/stat")) {
        Ok(text) => Ok(start_in(&text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The start time in a line of `/proc/PID/stat`: its 22nd field. The second one, the name in brackets, may hold anything.
fn start_in(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let has_ended = matches!(fields.first(), Some(&("Z" | "X" | "x")));
    fields.get(19).filter(|_| !has_ended)?.parse().ok()
}

fn read(path: impl AsRef<Path>) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::{holder, is_gone, start_in};
    use std::process::{Command, Stdio};

    #[test]
    fn a_process_is_gone_once_it_was_killed_though_nobody_asked_for_its_code() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().expect("cat runs");
        let mut other = holder();
        other.process.id = child.id();
        other.process.started = super::start_of(child.id()).expect("readable").expect("running");
        assert!(!is_gone(&other) && !is_gone(&holder()));
        child.kill().expect("killed");
        let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while !is_gone(&other) {
            assert!(std::time::Instant::now() < end, "a zombie counts as running");
        }
        child.wait().expect("ended");
        assert!(is_gone(&other));
        other.process.place = "another boot".to_owned();
        assert!(!is_gone(&other), "elsewhere nobody knows");
    }

    #[test]
    fn a_number_that_is_used_again_is_another_process() {
        let mut other = holder();
        other.process.started += 1;
        assert!(is_gone(&other));
    }

    #[test]
    fn a_name_may_hold_brackets_and_blanks() {
        let rest = "S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20";
        assert_eq!(start_in(&format!("7 (a) b) c) {rest}")), Some(4711));
    }
}
