//! Files that are made from the program and kept in the tree: compared, or written anew with `UPDATE=1`.

use std::fs;
use std::path::{Path, PathBuf};

/// A path below the top of the repository.
pub fn path(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

/// Holds a file against what it should say.
#[track_caller]
pub fn hold(file: &str, wanted: &str, how: &str) {
    let path = path(file);
    if std::env::var_os("UPDATE").is_some_and(|value| value == "1") {
        fs::create_dir_all(path.parent().expect("a file has a parent")).expect("folder");
        fs::write(&path, wanted).expect("file");
        return;
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    if kept != wanted {
        let diff = similar::TextDiff::from_lines(&*kept, wanted);
        panic!("{file} is not what the program says; {how}\n{}", diff.unified_diff().context_radius(1));
    }
}
