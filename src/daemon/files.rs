//! Watching a directory for changes.

use notify::event::EventKind;
use notify::{Config, PollWatcher, RecommendedWatcher, RecursiveMode, Watcher};
use std::path::Path;
use std::time::Duration;

/// How often a directory is read through where the system cannot tell of changes.
const POLL: Duration = Duration::from_secs(10);

/// A directory that is being watched, as long as it is held.
pub struct Watched {
    _watcher: Box<dyn Watcher + Send>,
    /// Why it is read through at intervals instead of being watched, if it is.
    pub polls: Option<String>,
}

/// Tells of every change at or below a directory. What changed is not said: editors replace files in too many ways.
pub fn watch(directory: &Path, changed: impl Fn() + Send + Clone + 'static) -> Result<Watched, String> {
    let tell = move |event: notify::Result<notify::Event>| {
        // An error may hide a change: better look once too often.
        if event.is_ok_and(|event| matches!(event.kind, EventKind::Access(_))) {
            return;
        }
        changed();
    };
    let native = RecommendedWatcher::new(tell.clone(), Config::default()).and_then(|mut watcher| {
        watcher.watch(directory, RecursiveMode::Recursive)?;
        Ok(watcher)
    });
    let reason = match native {
        Ok(watcher) => return Ok(Watched { _watcher: Box::new(watcher), polls: None }),
        Err(error) => error.to_string(),
    };
    let mut watcher = PollWatcher::new(tell, Config::default().with_poll_interval(POLL))
        .map_err(|error| format!("cannot watch {}: {error}", directory.display()))?;
    watcher
        .watch(directory, RecursiveMode::Recursive)
        .map_err(|error| format!("cannot watch {}: {error}", directory.display()))?;
    Ok(Watched { _watcher: Box::new(watcher), polls: Some(reason) })
}

#[cfg(test)]
mod tests {
    use super::watch;
    use std::fs;
    use std::sync::mpsc::channel;
    use std::time::Duration;

    #[test]
    fn changes_are_told_however_an_editor_makes_them() {
        let folder = tempfile::tempdir().expect("folder");
        let file = folder.path().join("a/compose.yaml");
        fs::create_dir(folder.path().join("a")).expect("folder");
        fs::write(&file, "one").expect("file");
        let (sender, changes) = channel();
        let watched = watch(folder.path(), move || {
            let _ = sender.send(());
        })
        .expect("watched");
        let told = || {
            let first = changes.recv_timeout(Duration::from_secs(20)).is_ok();
            while changes.recv_timeout(Duration::from_millis(100)).is_ok() {}
            first
        };
        fs::write(&file, "two").expect("in place");
        assert!(told());
        fs::write(folder.path().join("a/.compose.yaml.swp"), "three").expect("beside");
        fs::rename(folder.path().join("a/.compose.yaml.swp"), &file).expect("replace");
        assert!(told());
        fs::create_dir(folder.path().join("b")).expect("folder");
        assert!(told());
        fs::write(folder.path().join("b/compose.yaml"), "new").expect("in a new folder");
        assert!(told());
        fs::read(&file).expect("read");
        assert!(changes.recv_timeout(Duration::from_millis(300)).is_err(), "reading is no change");
        drop(watched);
    }
}
