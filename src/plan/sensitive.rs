//! What may be shown to people: names often tell a secret from a setting.

use crate::model::desired::{DesiredService, DesiredState};
use crate::model::redact::Redactor;
use std::collections::BTreeSet;

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

/// Everything in a desired state that must not be told: contents of secrets, and values of variables and build
/// arguments whose name or shape tells a secret. `read` gives the bytes of a host file that a secret is mounted from.
pub fn secrets(desired: &DesiredState, read: &dyn Fn(&str) -> Option<Vec<u8>>) -> Redactor {
    let mut found = Vec::new();
    for service in desired.stacks.values().flat_map(|stack| stack.services.values()) {
        found.extend(contents(service, read));
        let spec = &service.spec;
        let hooks = spec.post_start.iter().chain(&spec.pre_stop).map(|hook| &hook.environment);
        for (key, value) in std::iter::once(&spec.environment).chain(hooks).flatten() {
            found.extend(value.iter().flat_map(|value| parts(key, value)));
        }
        let args = service.image.build.iter().flat_map(|build| &build.args);
        found.extend(args.flat_map(|(key, value)| parts(key, value)));
    }
    Redactor::new(found)
}

/// The value of a telling variable; of an address that holds a user and password also those alone.
fn parts(key: &str, value: &str) -> Vec<String> {
    if shown(key, value) == value {
        return Vec::new();
    }
    let mut parts = vec![value.to_owned()];
    for rest in value.split("://").skip(1) {
        let authority = rest.split(['/', '?', '#', ' ']).next().unwrap_or(rest);
        let Some((user, _)) = authority.rsplit_once('@') else { continue };
        parts.push(user.to_owned());
        parts.extend(user.split_once(':').map(|(_, password)| password.to_owned()));
    }
    parts
}

fn contents(service: &DesiredService, read: &dyn Fn(&str) -> Option<Vec<u8>>) -> Vec<String> {
    let targets: BTreeSet<String> = service
        .spec
        .secrets
        .iter()
        .map(|secret| {
            let name = if secret.target.is_empty() { &secret.source } else { &secret.target };
            if name.starts_with('/') { name.clone() } else { format!("/run/secrets/{name}") }
        })
        .collect();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let written = service.files.iter().filter(|file| targets.contains(&file.target));
    let mounted = service.mounted_files.iter().filter(|file| targets.contains(&file.target));
    written
        .map(|file| text(file.content.expose()))
        .chain(mounted.filter_map(|file| read(&file.source)).map(|bytes| text(&bytes)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{HIDDEN, secrets, shown};
    use crate::model::desired::{DesiredService, DesiredStack, DesiredState, MountedFile};
    use crate::model::service::{FileRef, ServiceSpec};

    #[test]
    fn secrets_and_telling_variables_are_masked_in_any_text() {
        let value = |text: &str| Some(text.to_owned());
        let spec = ServiceSpec {
            environment: [
                ("DB_PASSWORD".to_owned(), value("s3same")),
                ("URL".to_owned(), value("postgres://app:hunter2@db/app")),
                ("LEVEL".to_owned(), value("debug")),
            ]
            .into(),
            secrets: vec![FileRef { source: "token".to_owned(), ..FileRef::default() }],
            ..ServiceSpec::default()
        };
        let mounted =
            |target: &str| MountedFile { source: target.replace('/', "_"), target: target.to_owned() };
        let service = DesiredService {
            spec,
            mounted_files: vec![mounted("/run/secrets/token"), mounted("/etc/app.conf")],
            ..DesiredService::default()
        };
        let mut desired = DesiredState::default();
        let stack =
            DesiredStack { services: [("app".to_owned(), service)].into(), ..DesiredStack::default() };
        desired.stacks.insert("shop".to_owned(), stack);
        let redactor = secrets(&desired, &|file| Some(format!("content of {file}").into_bytes()));
        let text = "s3same, hunter2, debug, content of _run_secrets_token, content of _etc_app.conf";
        assert_eq!(redactor.apply(text), "***, ***, debug, ***, content of _etc_app.conf");
    }

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
