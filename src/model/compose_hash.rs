//! The hash that `docker compose` writes on containers, networks and volumes (`com.docker.compose.config-hash`).

use super::hash::digest;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The versions of the reference hash one definition in two ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Dialect {
    /// Docker compose 2, as of 2.40.
    #[default]
    V2,
    /// Docker compose 5.
    V5,
}

impl Dialect {
    /// The words of the setting, in the order of the versions.
    pub const WORDS: [&'static str; 2] = ["2.40", "5"];

    /// The dialect that a word of [`WORDS`](Self::WORDS) stands for.
    pub fn named(word: &str) -> Option<Self> {
        Self::WORDS.iter().position(|known| *known == word).map(|at| [Self::V2, Self::V5][at])
    }

    /// The dialect of the version of the reference that made an object.
    pub fn of_version(version: &str) -> Self {
        if version.starts_with("5.") { Self::V5 } else { Self::V2 }
    }

    /// The version whose behaviour our labels follow.
    pub const fn version(self) -> &'static str {
        match self {
            Self::V2 => "2.40.3",
            Self::V5 => "5.5.0",
        }
    }
}

/// The same in both dialects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InDialects<T> {
    /// As docker compose 2.40 has it.
    pub v2: T,
    /// As docker compose 5 has it.
    pub v5: T,
}

impl<T> InDialects<T> {
    /// Makes both.
    pub fn of(make: impl Fn(Dialect) -> T) -> Self {
        Self { v2: make(Dialect::V2), v5: make(Dialect::V5) }
    }

    /// One of them.
    pub const fn get(&self, dialect: Dialect) -> &T {
        match dialect {
            Dialect::V2 => &self.v2,
            Dialect::V5 => &self.v5,
        }
    }
}

/// The reference's hash of a service.
#[derive(Clone, PartialEq, Eq)]
pub enum ComposeHash {
    /// Known from the files alone.
    Fixed(String),
    /// It covers the ids of containers that the service shares namespaces or volumes with. Reference: docker compose 2.40
    /// replaces `service:x` by the id of that service's first container before it hashes.
    OfParents {
        /// The hashed text around the ids; one part more than there are parents.
        texts: Vec<String>,
        /// Whose ids stand in between: service keys, and container names once they are resolved.
        parents: Vec<String>,
    },
}

impl Default for ComposeHash {
    fn default() -> Self {
        Self::Fixed(String::new())
    }
}

impl ComposeHash {
    /// The hash, given the ids of the parents; `None` if one of them has none.
    pub fn given(&self, mut id: impl FnMut(&str) -> Option<String>) -> Option<String> {
        let (texts, parents) = match self {
            Self::Fixed(hash) => return Some(hash.clone()),
            Self::OfParents { texts, parents } => (texts, parents),
        };
        let mut texts = texts.iter();
        let mut whole = texts.next().cloned().unwrap_or_default();
        for (parent, text) in parents.iter().zip(texts) {
            whole.push_str(&id(parent)?);
            whole.push_str(text);
        }
        Some(digest(whole.as_bytes()))
    }

    /// The same with other names for the parents.
    #[must_use]
    pub fn renamed(&self, name: impl Fn(&str) -> String) -> Self {
        match self {
            Self::Fixed(_) => self.clone(),
            Self::OfParents { texts, parents } => Self::OfParents {
                texts: texts.clone(),
                parents: parents.iter().map(|parent| name(parent)).collect(),
            },
        }
    }

    /// Whose ids it needs.
    pub fn parents(&self) -> &[String] {
        match self {
            Self::Fixed(_) => &[],
            Self::OfParents { parents, .. } => parents,
        }
    }
}

impl fmt::Debug for ComposeHash {
    /// The text is not shown: it holds values of environment variables.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(hash) => f.write_str(hash),
            Self::OfParents { parents, .. } => write!(f, "*** of {parents:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ComposeHash, Dialect};
    use crate::model::hash::digest;

    #[test]
    fn the_version_that_made_a_container_tells_its_dialect() {
        for (version, dialect) in [
            ("5.0.0", Dialect::V5),
            ("5.12.1", Dialect::V5),
            ("2.40.3", Dialect::V2),
            ("50.1", Dialect::V2),
            ("", Dialect::V2),
        ] {
            assert_eq!(Dialect::of_version(version), dialect, "{version}");
        }
        for word in Dialect::WORDS {
            let dialect = Dialect::named(word).expect(word);
            assert_eq!(Dialect::of_version(dialect.version()), dialect);
        }
        assert_eq!(Dialect::named("2.39"), None);
    }

    #[test]
    fn ids_are_filled_in_and_values_are_not_shown() {
        let texts = ["{\"a\":\"secret\",\"pid\":\"container:", "\"}"].map(str::to_owned).to_vec();
        let hash = ComposeHash::OfParents { texts, parents: vec!["base".to_owned()] };
        let id = |name: &str| (name == "p-base-1").then(|| "c0ffee".to_owned());
        assert_eq!(hash.given(id), None);
        let wanted = digest(br#"{"a":"secret","pid":"container:c0ffee"}"#);
        assert_eq!(hash.renamed(|key| format!("p-{key}-1")).given(id), Some(wanted));
        assert!(!format!("{hash:?}").contains("secret"));
    }
}
