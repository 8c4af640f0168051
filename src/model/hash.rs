//! The config hash: what decides whether a service is the one that runs.

use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::fmt;

/// Version of the hash's recipe, part of its text. A container whose label has another version is compared by
/// its recorded spec instead, so that upgrading `reconcile` never restarts a container.
pub const HASH_VERSION: u32 = 1;

/// A versioned SHA-256, as text `1:<64 hex digits>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ConfigHash(pub String);

impl ConfigHash {
    /// The hash of a value's canonical JSON (the maps of the model are ordered, so it is the same everywhere).
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Self {
        let text = serde_json::to_vec(value).unwrap_or_default();
        Self(format!("{HASH_VERSION}:{}", hex::encode(Sha256::digest(&text))))
    }

    /// The first twelve hex digits, for people.
    pub fn short(&self) -> &str {
        let start = self.0.find(':').map_or(0, |at| at + 1);
        self.0.get(start..start + 12).unwrap_or(&self.0)
    }
}

impl fmt::Display for ConfigHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A SHA-256 in lower-case hex, of bytes that count in the hash but are not kept (file contents, build inputs).
pub fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
