//! Texts that must not be told.

use super::redact::MASK;
use std::fmt;
use std::path::PathBuf;

/// A text that must not be told: printing it for debugging shows asterisks.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Sensitive(String);

impl Sensitive {
    /// Keeps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for whom it is meant for.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Sensitive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

/// Where a secret is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// In the settings.
    Inline(Sensitive),
    /// In a file of the host; blanks and line ends around it do not count.
    File(PathBuf),
}

#[cfg(test)]
mod tests {
    use super::{SecretSource, Sensitive};

    #[test]
    fn debugging_shows_no_secret() {
        let shown = format!("{:?}", SecretSource::Inline(Sensitive::new("hunter2")));
        assert_eq!(shown, "Inline(***)");
    }
}
