//! Seccomp profiles, which the engine takes as text and compose files name as files.

use crate::engine::EngineError;
use crate::wire::profile_file;
use serde_json::Value;
use std::path::Path;

/// Replaces `seccomp=FILE` by the file's profile, as the engine wants it. Paths are relative to the project directory.
pub(super) fn read_profiles(options: &[String], base: &Path) -> Result<Vec<String>, EngineError> {
    options
        .iter()
        .map(|option| {
            let Some(file) = profile_file(option) else { return Ok(option.clone()) };
            let path = base.join(file);
            let fail = |reason: String| {
                EngineError::Failed(format!("`security_opt`: seccomp profile {}: {reason}", path.display()))
            };
            let text = std::fs::read(&path).map_err(|error| fail(error.to_string()))?;
            let profile: Value = serde_json::from_slice(&text).map_err(|error| fail(error.to_string()))?;
            Ok(format!("seccomp={profile}"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::read_profiles;

    #[test]
    fn profiles_are_read_in() {
        let home = tempfile::tempdir().expect("temporary directory");
        std::fs::write(home.path().join("p.json"), "{ \"a\": [ 1 ] }\n").expect("file");
        let options = ["seccomp=p.json", "seccomp:unconfined", "no-new-privileges"].map(str::to_owned);
        let options = read_profiles(&options, home.path()).expect("profiles");
        assert_eq!(options, [r#"seccomp={"a":[1]}"#, "seccomp:unconfined", "no-new-privileges"]);
        let gone = read_profiles(&["seccomp=gone.json".to_owned()], home.path());
        let error = gone.expect_err("gone").to_string();
        assert!(error.contains("gone.json"), "{error}");
    }
}
