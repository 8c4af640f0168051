//! A program in a container: which one that is, and where the engine's host has a directory that this process sees.

use super::engine::connect;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use tokio::runtime::Builder;

/// Files that engines mount into each container from a directory that is called by its id.
const MOUNTED: [&str; 3] = ["/etc/hostname", "/etc/hosts", "/etc/resolv.conf"];

/// The path of a directory on the engine's host. Outside of a container that is the path itself. `host` is the address of
/// the engine.
pub fn host_path(
    own: &Path,
    host: Option<&str>,
    environment: &BTreeMap<String, String>,
) -> Result<PathBuf, String> {
    let Some(id) = self::own() else { return Ok(own.to_owned()) };
    let unknown = |why: &str| {
        format!(
            "this runs in a container, and where {} is on the host of the engine is not known: {why}",
            own.display()
        )
    };
    let runtime =
        Builder::new_current_thread().enable_all().build().map_err(|error| unknown(&error.to_string()))?;
    let mounts = runtime.block_on(async { connect(host, environment).await?.mounts_of(&id).await });
    runtime.shutdown_background();
    let mounts = mounts.map_err(|error| unknown(&error.to_string()))?;
    on_host(own, &mounts).ok_or_else(|| unknown("no directory of the host is mounted there"))
}

/// The id of the container that this process runs in.
pub fn own() -> Option<String> {
    id(&fs::read_to_string("/proc/self/mountinfo").unwrap_or_default())
}

/// The same, as the list of its mounts tells.
fn id(mounts: &str) -> Option<String> {
    let sources = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(3);
        let (source, target) = (fields.next()?, fields.next()?);
        MOUNTED.contains(&target).then_some(source)
    });
    let is_id = |part: &&str| part.len() == 64 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    sources.flat_map(|source| source.split('/')).find(is_id).map(str::to_owned)
}

/// A path on the host, by the mount that is nearest to it.
fn on_host(own: &Path, mounts: &[(String, String)]) -> Option<PathBuf> {
    let holds =
        mounts.iter().filter_map(|(target, source)| Some((target, source, own.strip_prefix(target).ok()?)));
    let (_, source, rest) = holds.max_by_key(|(target, ..)| target.len())?;
    Some(if rest.as_os_str().is_empty() { PathBuf::from(source) } else { Path::new(source).join(rest) })
}

#[cfg(test)]
mod tests {
    use super::{id, on_host};
    use std::path::{Path, PathBuf};

    #[test]
    fn engines_tell_by_their_mounts_which_container_it_is() {
        let hex = "0123456789abcdef".repeat(4);
        for source in [
            format!("/var/lib/docker/containers/{hex}/hostname"),
            format!("/x/overlay-containers/{hex}/userdata/hostname"),
        ] {
            let line = format!(
                "36 35 98:0 / / rw - overlay overlay rw\n37 36 98:1 {source} /etc/hostname rw - ext4 /dev/x rw\n"
            );
            assert_eq!(id(&line).as_deref(), Some(hex.as_str()));
        }
        assert_eq!(
            id("36 35 98:0 / / rw - ext4 /dev/x rw\n37 36 98:1 /x /etc/hosts rw - ext4 /dev/x rw\n"),
            None
        );
    }

    #[test]
    fn the_nearest_mount_counts() {
        let mounts = [
            ("/var/lib".to_owned(), "/a".to_owned()),
            ("/var/lib/reconcile".to_owned(), "/srv/state".to_owned()),
        ];
        let found = |path: &str| on_host(Path::new(path), &mounts);
        assert_eq!(found("/var/lib/reconcile"), Some(PathBuf::from("/srv/state")));
        assert_eq!(found("/var/lib/reconcile/x"), Some(PathBuf::from("/srv/state/x")));
        assert_eq!(found("/var/lib/x"), Some(PathBuf::from("/a/x")));
        assert_eq!(found("/home"), None);
    }
}
