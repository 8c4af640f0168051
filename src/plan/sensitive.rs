//! What may be shown to people: names often tell a secret from a setting, and so do shape and randomness.

use super::randomness::looks_random;
use crate::model::change::Cause;
use crate::model::desired::{DesiredService, DesiredState};
use crate::model::redact::Redactor;
use crate::model::step::Plan;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What stands in place of a value that is not shown.
pub(super) const HIDDEN: &str = "***";

const TELLTALES: [&str; 10] =
    ["pass", "secret", "token", "key", "credential", "auth", "private", "dsn", "cert", "salt"];

/// What stands behind the asterisks of a value that is another one than before.
pub(super) const CHANGED: &str = "*** (changed)";

/// The value, or asterisks if its key, its shape or its randomness says that it is none of a reader's business.
pub(super) fn shown<'a>(key: &str, value: &'a str) -> &'a str {
    if value.starts_with(HIDDEN) || is_sensitive_key(key) || has_userinfo(value) || looks_random(key, value) {
        HIDDEN
    } else {
        value
    }
}

/// Both sides of a change. If one of them may not be shown, neither is, but that it changed.
pub(super) fn shown_pair(
    key: &str,
    old: Option<&str>,
    new: Option<&str>,
) -> (Option<String>, Option<String>) {
    let is_hidden = [old, new].into_iter().flatten().any(|value| shown(key, value) == HIDDEN);
    if !is_hidden {
        return (old.map(str::to_owned), new.map(str::to_owned));
    }
    let after = if old.is_some() && old != new { CHANGED } else { HIDDEN };
    (old.map(|_| HIDDEN.to_owned()), new.map(|_| after.to_owned()))
}

/// Whether a value may not be shown under its key.
pub(super) fn is_hidden(key: &str, value: &str) -> bool {
    !value.starts_with(HIDDEN) && shown(key, value) == HIDDEN
}

/// The words of a command that may not be shown.
pub(super) fn hidden_words(items: &[Value], found: &mut BTreeSet<String>) {
    let mut is_secret = false;
    for text in items.iter().filter_map(Value::as_str) {
        let hides = std::mem::replace(&mut is_secret, is_telling_flag(text)) && !is_path(text);
        if hides || is_hidden("", text) {
            found.insert(text.to_owned());
        }
        let mut follows = false;
        for word in text.split_whitespace() {
            if std::mem::replace(&mut follows, is_telling_flag(word)) && !is_path(word) {
                found.insert(word.to_owned());
            }
            if let Some((name, value)) = word.split_once('=')
                && is_telling_name(name)
                && !value.is_empty()
                && !is_path(value)
            {
                found.insert(value.to_owned());
            }
        }
    }
}

/// Puts asterisks in place of what may not be shown in two versions of a tree, and says where such a value changed.
pub(super) fn mask_pair(key: &str, old: &mut Value, new: &mut Value) {
    match (&mut *old, &mut *new) {
        (Value::Object(before), Value::Object(after)) => {
            for (key, value) in before.iter_mut() {
                match after.get_mut(key) {
                    Some(other) => mask_pair(key, value, other),
                    None => mask(key, value),
                }
            }
            for (key, value) in after.iter_mut().filter(|(key, _)| !before.contains_key(*key)) {
                mask(key, value);
            }
        }
        (Value::Array(before), Value::Array(after)) if before.len() == after.len() => {
            let (told_before, told_after) = (words(before), words(after));
            for (at, (one, other)) in before.iter_mut().zip(after.iter_mut()).enumerate() {
                match (one.as_str(), other.as_str()) {
                    (Some(_), Some(_)) => settle(one, other, (told_before.get(at), told_after.get(at))),
                    _ => mask_pair("", one, other),
                }
            }
        }
        (Value::String(before), Value::String(after)) => {
            let told = |text: &str| Value::from(shown_text(key, text));
            let (before, after) = (told(before), told(after));
            settle(old, new, (Some(&before), Some(&after)));
        }
        _ => {
            mask(key, old);
            mask(key, new);
        }
    }
}

/// Takes over what may be shown of two values, and that they differ where that does not show it.
fn settle(old: &mut Value, new: &mut Value, told: (Option<&Value>, Option<&Value>)) {
    let (Some(before), Some(after)) = told else { return };
    let is_changed = old != new && before == after;
    *old = before.clone();
    *new = match after.as_str() {
        Some(text) if is_changed => Value::from(format!("{text} (changed)")),
        _ => after.clone(),
    };
}

/// Puts asterisks in place of what may not be shown.
pub(super) fn mask(key: &str, value: &mut Value) {
    match value {
        Value::Object(map) => map.iter_mut().for_each(|(key, value)| mask(key, value)),
        Value::Array(items) => {
            let told = words(items);
            for (item, told) in items.iter_mut().zip(told) {
                if item.is_string() { *item = told } else { mask("", item) }
            }
        }
        Value::String(text) => *value = Value::from(shown_text(key, text)),
        Value::Number(_) if is_sensitive_key(key) => *value = Value::from(HIDDEN),
        Value::Number(_) | Value::Bool(_) | Value::Null => {}
    }
}

/// The texts of a list as they may be shown: a command gives secrets behind flags. What is no text stays.
fn words(items: &[Value]) -> Vec<Value> {
    let mut is_secret = false;
    let one = |item: &Value| {
        let Some(text) = item.as_str() else { return item.clone() };
        let hides = std::mem::replace(&mut is_secret, is_telling_flag(text)) && !is_path(text);
        Value::from(if hides { HIDDEN.to_owned() } else { shown_text("", text) })
    };
    items.iter().map(one).collect()
}

/// The same of one text: it may be a whole command line.
fn shown_text(key: &str, text: &str) -> String {
    if shown(key, text) == HIDDEN {
        return if text == CHANGED { CHANGED.to_owned() } else { HIDDEN.to_owned() };
    }
    let mut is_secret = false;
    let word = |word: &str| {
        let bare = word.trim_end();
        let space = &word[bare.len()..];
        let hides =
            !bare.is_empty() && std::mem::replace(&mut is_secret, is_telling_flag(bare)) && !is_path(bare);
        match bare.split_once('=') {
            _ if hides => format!("{HIDDEN}{space}"),
            Some((name, value)) if is_telling_name(name) && !value.is_empty() && !is_path(value) => {
                format!("{name}={HIDDEN}{space}")
            }
            _ => word.to_owned(),
        }
    };
    text.split_inclusive(char::is_whitespace).map(word).collect()
}

/// `--password`, behind which the secret itself stands.
fn is_telling_flag(word: &str) -> bool {
    word.starts_with('-') && !word.contains('=') && is_telling_name(word)
}

/// A name of a flag or variable, not prose.
fn is_telling_name(name: &str) -> bool {
    let plain = name.trim_start_matches('-');
    !plain.is_empty()
        && plain.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
        && is_sensitive_key(plain)
}

/// Where a secret lies is none.
fn is_path(text: &str) -> bool {
    text.starts_with(['/', '-']) || text.starts_with("./") || text.starts_with('$')
}

/// Puts asterisks in place of known secrets in all that a plan says to people. What is done stays what it is.
pub fn mask_plan(plan: &mut Plan, redactor: &Redactor) {
    let text = |text: &mut Option<String>| {
        if let Some(text) = text {
            *text = redactor.apply(text);
        }
    };
    let causes = |causes: &mut Vec<Cause>| {
        for cause in causes {
            let before = cause.new.clone();
            text(&mut cause.new);
            text(&mut cause.old);
            if let (Some(old), Some(new)) = (&mut cause.old, &cause.new)
                && cause.new != before
            {
                *old = as_masked(old, new);
            }
        }
    };
    for stack in plan.changes.values_mut() {
        let groups = [&mut stack.services, &mut stack.networks, &mut stack.volumes];
        for change in groups.into_iter().flat_map(|group| group.values_mut()) {
            causes(&mut change.causes);
            change.diff = mask_diff(&change.diff, redactor);
            for diff in change.contents.values_mut() {
                *diff = mask_diff(diff, redactor);
            }
            for warning in &mut change.warnings {
                *warning = redactor.apply(warning);
            }
        }
    }
    plan.steps.iter_mut().for_each(|step| causes(&mut step.causes));
}

/// What stood in the place of a text of which a secret was masked: a secret as well, unless it is part of what is shown.
fn as_masked(old: &str, new: &str) -> String {
    let (Some((head, _)), Some((_, tail))) = (new.split_once(HIDDEN), new.rsplit_once(HIDDEN)) else {
        return HIDDEN.to_owned();
    };
    if new.contains(old) {
        old.to_owned()
    } else if old.len() >= head.len() + tail.len() && old.starts_with(head) && old.ends_with(tail) {
        format!("{head}{HIDDEN}{tail}")
    } else {
        HIDDEN.to_owned()
    }
}

/// A diff without known secrets. Those of before are not all known: where a line that comes holds one, lines of the same kind
/// that go are hidden.
fn mask_diff(diff: &str, redactor: &Redactor) -> String {
    let mut masked = String::with_capacity(diff.len());
    let mut rest = diff;
    while !rest.is_empty() {
        let next = rest.get(1..).and_then(|tail| tail.find("\n@@ ")).map_or(rest.len(), |at| at + 2);
        let (hunk, tail) = rest.split_at(next);
        rest = tail;
        let heads: BTreeSet<&str> = hunk
            .lines()
            .filter(|line| line.starts_with('+') && redactor.apply(line) != *line)
            .map(head)
            .collect();
        for line in hunk.split_inclusive('\n') {
            let told = redactor.apply(line);
            let goes = line.starts_with('-') && told == line && heads.contains(head(line));
            if goes {
                masked.push('-');
                masked.push_str(head(line));
                masked.push_str(HIDDEN);
                masked.push('\n');
            } else {
                masked.push_str(&told);
            }
        }
    }
    masked
}

/// What stands before the value on a line of a diff: `  key: ` or `  - `.
fn head(line: &str) -> &str {
    let line = line.get(1..).unwrap_or_default();
    let end = ["- ", ": ", "="].iter().filter_map(|end| Some(line.find(end)? + end.len())).min();
    &line[..end.unwrap_or(0)]
}

/// A line of a mounted file as it may be shown: files of settings name what they hold.
pub fn shown_line(line: &str) -> String {
    if has_userinfo(line) {
        return HIDDEN.to_owned();
    }
    let divided = line.find(['=', ':']).map(|at| line.split_at(at + 1));
    if let Some((name, value)) = divided {
        let bare = name[..name.len() - 1].trim().trim_matches(['"', '\'']);
        let bare = bare.rsplit([' ', '\t']).next().unwrap_or(bare);
        if is_telling_name(bare) && !value.trim().is_empty() {
            return format!("{name} {HIDDEN}");
        }
    }
    if looks_random("", line) { HIDDEN.to_owned() } else { shown_text("", line) }
}

/// Whether the name of a variable or file tells that it holds a secret.
pub fn tells_a_secret(name: &str) -> bool {
    is_sensitive_key(name)
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

/// What of a container's environment must not be told, where nothing else is known of its service.
pub fn secrets_of(environment: &BTreeMap<String, String>) -> Redactor {
    Redactor::new(environment.iter().flat_map(|(key, value)| parts(key, value)))
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
    use super::{
        HIDDEN, as_masked, mask_diff, mask_pair, secrets, shown, shown_line, shown_pair, shown_text, words,
    };
    use crate::model::desired::{DesiredService, DesiredStack, DesiredState, MountedFile};
    use crate::model::redact::Redactor;
    use crate::model::service::{FileRef, ServiceSpec};
    use serde_json::json;

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
            DesiredStack { services: [("app".to_owned(), service.into())].into(), ..DesiredStack::default() };
        desired.stacks.insert("shop".to_owned(), stack);
        let redactor = secrets(&desired, &|file| Some(format!("content of {file}").into_bytes()));
        let text = "s3same, hunter2, debug, content of _run_secrets_token, content of _etc_app.conf";
        assert_eq!(redactor.apply(text), "***, ***, debug, ***, content of _etc_app.conf");
    }

    #[test]
    fn a_change_of_a_secret_is_visible_and_its_value_is_not() {
        let mut old = json!({"command": ["serve", "--api-key", "old1", "--port", "80"], "labels": {"auth.users": "me:x", "a": "1"}});
        let mut new = json!({"command": ["serve", "--api-key", "new1", "--port", "81"], "labels": {"auth.users": "me:y", "a": "1"}});
        mask_pair("", &mut old, &mut new);
        assert_eq!(
            old,
            json!({"command": ["serve", "--api-key", "***", "--port", "80"], "labels": {"auth.users": "***", "a": "1"}})
        );
        assert_eq!(
            new,
            json!({"command": ["serve", "--api-key", "*** (changed)", "--port", "81"], "labels": {"auth.users": "*** (changed)", "a": "1"}})
        );
        let text = |old, new| shown_pair("TOKEN", old, new);
        let own = |text: &str| Some(text.to_owned());
        assert_eq!(text(Some("a"), Some("b")), (own("***"), own("*** (changed)")));
        assert_eq!(text(None, Some("b")), (None, own("***")));
    }

    #[test]
    fn a_known_secret_is_masked_in_a_diff_with_what_it_takes_the_place_of() {
        let redactor = Redactor::new(["newpass".to_owned()]);
        let diff = "@@ -1,4 +1,4 @@\n command:\n-  - oldpass\n+  - newpass\n image: a\n@@ -9 +9 @@\n-  - left\n+  - right\n";
        assert_eq!(
            mask_diff(diff, &redactor),
            "@@ -1,4 +1,4 @@\n command:\n-  - ***\n+  - ***\n image: a\n@@ -9 +9 @@\n-  - left\n+  - right\n"
        );
    }

    #[test]
    fn what_a_masked_text_takes_the_place_of_is_masked_alike() {
        for (old, told) in [
            ("serve --with old --debug", "serve --with *** --debug"),
            ("serve", "serve"),
            ("run oldpass", "***"),
        ] {
            assert_eq!(as_masked(old, "serve --with *** --debug"), told);
        }
    }

    #[test]
    fn lines_of_files_hide_what_their_names_tell() {
        for (line, told) in [
            ("password = hunter2", "password = ***"),
            ("  \"api_key\": \"x\",", "  \"api_key\": ***"),
            ("export TOKEN=abc", "export TOKEN= ***"),
            ("url: postgres://a:b@db/x", "***"),
            ("server_name example.org;", "server_name example.org;"),
            ("secrets:", "secrets:"),
        ] {
            assert_eq!(shown_line(line), told);
        }
    }

    #[test]
    fn secrets_in_command_lines_stand_behind_flags_and_telling_names() {
        for (line, told) in [
            ("redis-server --requirepass hunter2 --save 60", "redis-server --requirepass *** --save 60"),
            ("sh -c 'PGPASSWORD=x psql -h db'", "sh -c 'PGPASSWORD=x psql -h db'"),
            ("PGPASSWORD=x psql -h db", "PGPASSWORD=*** psql -h db"),
            ("--tls-key=/etc/tls/key.pem --token=abc", "--tls-key=/etc/tls/key.pem --token=***"),
            ("serve --password-file /run/secrets/p", "serve --password-file /run/secrets/p"),
            ("mysqladmin ping -p$PASSWORD", "mysqladmin ping -p$PASSWORD"),
            ("the key to success", "the key to success"),
        ] {
            assert_eq!(shown_text("command", line), told);
        }
        let list = ["--auth-token", "abc", "x"].map(serde_json::Value::from);
        assert_eq!(words(&list), ["--auth-token", "***", "x"]);
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
