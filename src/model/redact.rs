//! Masking of secrets in text that was written by others: output of containers and hooks, words of the engine.

/// What stands in place of a secret.
pub const MASK: &str = "***";

/// What is larger than this, in bytes, is no secret.
pub const LARGEST_SECRET: u64 = 1 << 20;

/// Shorter values are no secrets worth the name, and masking them would garble every text.
const SHORTEST: usize = 4;
/// Words that settings with a telling name often hold (`AUTH_ENABLED: true`) and that tell nothing.
const HARMLESS: [&str; 8] = ["true", "false", "none", "null", "auto", "info", "default", "disabled"];

/// Replaces the values that it knows wherever they occur literally.
#[derive(Clone, Default)]
pub struct Redactor {
    /// Longest first, so that no part of a longer one stays.
    secrets: Vec<String>,
}

impl Redactor {
    /// Knows these values. Of one with several lines each line counts by itself as well: logs are cut into lines.
    pub fn new(values: impl IntoIterator<Item = String>) -> Self {
        let mut secrets: Vec<String> = Vec::new();
        for value in values {
            secrets.extend(value.lines().map(|line| line.trim().to_owned()));
            secrets.push(value.trim().to_owned());
        }
        secrets.retain(|secret| {
            secret.chars().count() >= SHORTEST && !HARMLESS.contains(&secret.to_ascii_lowercase().as_str())
        });
        secrets.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        secrets.dedup();
        Self { secrets }
    }

    /// Knows these values as well.
    #[must_use]
    pub fn and(self, values: impl IntoIterator<Item = String>) -> Self {
        Self::new(self.secrets.into_iter().chain(values))
    }

    /// The values, longest first.
    pub fn secrets(&self) -> &[String] {
        &self.secrets
    }

    /// The text without the secrets.
    pub fn apply(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| {
            if text.contains(secret.as_str()) { text.replace(secret.as_str(), MASK) } else { text }
        })
    }
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Redactor of {} values", self.secrets.len())
    }
}

#[cfg(test)]
mod tests {
    use super::Redactor;

    #[test]
    fn values_are_masked_wherever_they_occur() {
        let redactor = Redactor::new(["hunter2\n".to_owned(), "hunter2hunter2".to_owned()]);
        assert_eq!(
            redactor.apply("login hunter2 failed, also [hunter2hunter2]"),
            "login *** failed, also [***]"
        );
        assert!(!format!("{redactor:?}").contains("hunter2"));
    }

    #[test]
    fn each_line_of_a_long_secret_is_masked() {
        let redactor = Redactor::new(["-----BEGIN\nabcdefgh\n-----END\n".to_owned()]);
        assert_eq!(redactor.apply("key: abcdefgh"), "key: ***");
    }

    #[test]
    fn what_tells_nothing_stays_readable() {
        let redactor = Redactor::new(["true".to_owned(), "1".to_owned(), String::new()]);
        assert_eq!(redactor.apply("is true: 1"), "is true: 1");
    }
}
