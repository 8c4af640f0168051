//! What may be shown to people: names often tell a secret from a setting.

/// What stands in place of a value that is not shown.
pub(super) const HIDDEN: &str = "***";

const TELLTALES: [&str; 10] =
    ["pass", "secret", "token", "key", "credential", "auth", "private", "dsn", "cert", "salt"];

/// The value, or asterisks if its key or its shape says that it is none of a reader's business.
pub(super) fn shown<'a>(key: &str, value: &'a str) -> &'a str {
    if is_sensitive_key(key) || has_userinfo(value) { HIDDEN } else { value }
}

/// Whether a key names something that should not be shown.
pub(super) fn is_sensitive_key(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    TELLTALES.iter().any(|telltale| key.contains(telltale))
}

/// Whether the text holds an address with a user or password in it: `scheme://user:password@host`.
fn has_userinfo(value: &str) -> bool {
    value.split("://").skip(1).any(|rest| {
        let authority = rest.split(['/', '?', '#', ' ']).next().unwrap_or(rest);
        authority.contains('@')
    })
}

#[cfg(test)]
mod tests {
    use super::{HIDDEN, shown};

    #[test]
    fn secrets_are_told_by_key_or_by_address() {
        for (key, value) in [
            ("DB_PASSWORD", "x"),
            ("API_KEY", "x"),
            ("AuthHeader", "x"),
            ("DATABASE_URL", "postgres://app:hunter2@db/app"),
            ("SENTRY", "https://abc@sentry.example.org/1"),
        ] {
            assert_eq!(shown(key, value), HIDDEN, "{key}");
        }
        for (key, value) in [("LOG_LEVEL", "debug"), ("URL", "https://example.org/@me"), ("MAIL", "me@here")]
        {
            assert_eq!(shown(key, value), value, "{key}");
        }
    }
}
