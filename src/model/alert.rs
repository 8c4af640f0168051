//! What alerts are about.

/// What is told. The words are those of the settings and of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AlertKind {
    /// Something is not as its source wants it, and nothing could be taken back.
    Failed,
    /// A change failed and was taken back: what served before serves again.
    RolledBack,
    /// A change is held back.
    Blocked,
    /// Something had been changed by hand.
    Drift,
    /// What was told of is as it should be again.
    Recovered,
    /// A change was carried out.
    Succeeded,
}

impl AlertKind {
    /// All words, in the order of the enumeration.
    pub const WORDS: &'static [&'static str] =
        &["failed", "rolled_back", "blocked", "drift", "recovered", "succeeded"];

    /// What is told where nothing else is said: all but what goes as planned.
    pub const USUAL: [Self; 5] =
        [Self::Failed, Self::RolledBack, Self::Blocked, Self::Drift, Self::Recovered];

    /// The word.
    pub const fn as_str(self) -> &'static str {
        Self::WORDS[self as usize]
    }

    /// The kind of a word.
    pub fn parse(word: &str) -> Option<Self> {
        let all =
            [Self::Failed, Self::RolledBack, Self::Blocked, Self::Drift, Self::Recovered, Self::Succeeded];
        all.into_iter().find(|kind| kind.as_str() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::AlertKind;

    #[test]
    fn every_word_is_a_kind() {
        for word in AlertKind::WORDS {
            assert_eq!(AlertKind::parse(word).expect("a kind").as_str(), *word);
        }
        assert_eq!(AlertKind::parse("test"), None);
    }
}
