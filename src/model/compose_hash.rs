//! The hash that `docker compose` writes on containers (`com.docker.compose.config-hash`).

use super::hash::digest;
use std::fmt;

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
    use super::ComposeHash;
    use crate::model::hash::digest;

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
