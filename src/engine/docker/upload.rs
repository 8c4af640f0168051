//! Files put into a container before it starts.

use super::DockerEngine;
use super::api::Call;
use super::containers::path;
use crate::engine::EngineError;
use crate::model::desired::InjectedFile;
use crate::model::report::Outcome;
use crate::model::step::ContainerRef;
use std::io;

impl DockerEngine {
    pub(super) async fn upload_files(
        &self,
        container: &ContainerRef,
        files: &[InjectedFile],
    ) -> Result<Outcome, EngineError> {
        if files.is_empty() {
            return Ok(Outcome::AlreadyDone);
        }
        let archive = archive(files)
            .map_err(|error| EngineError::Failed(format!("cannot pack the files of {container}: {error}")))?;
        let call = Call::put(path(container.engine_ref(), "/archive"))
            .query("path", "/")
            .query("noOverwriteDirNonDir", "1")
            .tar(archive);
        self.api.send(call).await?;
        Ok(Outcome::Done)
    }
}

/// A tar of the files alone. Directories are not in it: the engine makes missing ones, and leaves those that exist with
/// their owners and modes.
fn archive(files: &[InjectedFile]) -> io::Result<Vec<u8>> {
    let mut builder = tar::Builder::new(Vec::new());
    for file in files {
        let InjectedFile { target, content, uid, gid, mode } = file;
        let bytes = content.expose();
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_size(bytes.len() as u64);
        header.set_mode(*mode);
        header.set_uid(*uid);
        header.set_gid(*gid);
        header.set_mtime(0);
        builder.append_data(&mut header, target.trim_start_matches('/'), bytes.as_slice())?;
    }
    builder.into_inner()
}

#[cfg(test)]
mod tests {
    use super::archive;
    use crate::model::desired::{InjectedFile, Sensitive};
    use std::io::Read as _;

    #[test]
    fn files_keep_owner_mode_and_bytes_and_bring_no_directories() {
        let long = format!("/run/{}/token", "d".repeat(150));
        let file = InjectedFile {
            target: long.clone(),
            content: Sensitive::new(b"s3cret".to_vec()),
            uid: 3_000_000,
            gid: 7,
            mode: 0o440,
        };
        let bytes = archive(&[file]).expect("archive");
        let mut archive = tar::Archive::new(bytes.as_slice());
        let mut entries = archive.entries().expect("entries");
        let mut entry = entries.next().expect("one").expect("entry");
        assert_eq!(entry.path().expect("path").to_string_lossy(), long.trim_start_matches('/'));
        assert_eq!(entry.header().uid().expect("uid"), 3_000_000);
        assert_eq!((entry.header().gid().expect("gid"), entry.header().mode().expect("mode")), (7, 0o440));
        let mut text = String::new();
        entry.read_to_string(&mut text).expect("text");
        assert_eq!(text, "s3cret");
        assert!(entries.next().is_none());
    }
}
