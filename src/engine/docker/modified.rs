//! When files of the source changed last.

use crate::model::inspected::Mounted;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Above this number of files a directory counts as changed just now.
const MAX_FILES: usize = 20_000;

/// The newest time below each path, in nanoseconds since 1970; 0 for what tells nothing. What cannot be read is left out.
pub(super) fn all(mounted: &BTreeMap<String, Mounted>) -> BTreeMap<String, i64> {
    let time = |Mounted { path, writable }: &Mounted| {
        if *writable && path.is_dir() { Some(0) } else { newest(path) }
    };
    mounted.iter().filter_map(|(name, mounted)| Some((name.clone(), time(mounted)?))).collect()
}

/// The newest time of a path and of all below it; a directory's own tells what came and went. `.git` is left out, as it
/// is where contents are compared.
fn newest(path: &Path) -> Option<i64> {
    let mut newest = time(&fs::metadata(path).ok()?);
    let mut open = if path.is_dir() { vec![path.to_owned()] } else { Vec::new() };
    let mut seen = 0;
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).ok()? {
            let entry = entry.ok()?;
            if entry.file_name() == ".git" {
                continue;
            }
            seen += 1;
            if seen > MAX_FILES {
                return Some(i64::MAX);
            }
            let metadata = fs::symlink_metadata(entry.path()).ok()?;
            newest = newest.max(time(&metadata));
            if metadata.is_dir() {
                open.push(entry.path());
            }
        }
    }
    Some(newest)
}

/// The newest time of build inputs, each looked at by itself. What counts is also when a file came to its place: one that
/// was moved or copied there with its old time is another input, too. `None` if there are none or one cannot be read.
pub(super) fn of_inputs(paths: &[PathBuf]) -> Option<i64> {
    let times = paths.iter().map(|path| {
        let own = fs::symlink_metadata(path).ok()?;
        // A compose file may be a link; one in a context may lead nowhere.
        let target = if own.is_symlink() { fs::metadata(path).ok() } else { None };
        let newest = [Some(own), target].into_iter().flatten().map(|metadata| {
            let placed = metadata.ctime().saturating_mul(1_000_000_000).saturating_add(metadata.ctime_nsec());
            time(&metadata).max(placed)
        });
        newest.max()
    });
    times.collect::<Option<Vec<i64>>>()?.into_iter().max()
}

fn time(metadata: &fs::Metadata) -> i64 {
    metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec())
}

#[cfg(test)]
mod tests {
    use super::{newest, of_inputs};
    use std::fs::{self, File};
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    #[test]
    fn the_newest_of_all_files_counts_and_git_does_not() {
        let home = tempfile::tempdir().expect("a temporary folder");
        let set = |path: &str, seconds| {
            let path = home.path().join(path);
            File::open(path)
                .and_then(|file| file.set_modified(UNIX_EPOCH + Duration::from_secs(seconds)))
                .expect("time");
        };
        fs::create_dir_all(home.path().join("conf/.git")).expect("folders");
        for file in ["conf/a", "conf/b", "conf/.git/x"] {
            fs::write(home.path().join(file), "x").expect("file");
        }
        for (path, seconds) in [("conf/a", 5), ("conf/b", 7), ("conf/.git/x", 9), ("conf", 6)] {
            set(path, seconds);
        }
        assert_eq!(newest(&home.path().join("conf")), Some(7_000_000_000));
        set("conf", 8);
        assert_eq!(newest(&home.path().join("conf")), Some(8_000_000_000));
        assert_eq!(newest(&home.path().join("conf/a")), Some(5_000_000_000));
        assert_eq!(newest(&home.path().join("gone")), None);
    }

    #[test]
    fn an_input_is_as_old_as_its_place_and_all_must_be_there() {
        let home = tempfile::tempdir().expect("a temporary folder");
        let path = home.path().join("moved");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_nanos();
        fs::write(&path, "x").expect("file");
        let file = File::open(&path).expect("file");
        file.set_modified(UNIX_EPOCH + Duration::from_secs(5)).expect("time");
        let found = of_inputs(std::slice::from_ref(&path)).expect("it is there");
        // Clocks of file systems tick slowly.
        assert!(u128::try_from(found).expect("after 1970") + 1_000_000_000 > now);
        assert_eq!(of_inputs(&[path, home.path().join("gone")]), None);
        assert_eq!(of_inputs(&[]), None);
    }
}
