//! Why something changes, in the words of whoever wrote the files.

use crate::model::change::{Cause, CauseKind};

/// Values longer than this are cut: the diff has the whole.
const LONGEST: usize = 120;

/// A reason as one line. `what` is `service`, `network` or `volume`.
pub fn words(what: &str, cause: &Cause) -> String {
    let path = plain(&cause.path);
    let (old, new) = (cause.old.as_deref().map(short), cause.new.as_deref().map(short));
    let both = || match (&old, &new) {
        (Some(old), Some(new)) => format!(": {old} -> {new}"),
        (Some(one), None) | (None, Some(one)) => format!(": {one}"),
        (None, None) => String::new(),
    };
    let remarks = || {
        let told: Vec<&str> = [&old, &new].into_iter().flatten().map(String::as_str).collect();
        if told.is_empty() { String::new() } else { format!("; {}", told.join("; ")) }
    };
    match cause.kind {
        CauseKind::Attribute | CauseKind::Environment => match (&old, &new) {
            (Some(old), None) => format!("{path}: {old} -> (gone)"),
            (None, Some(new)) => format!("{path}: (none) -> {new}"),
            (None, None) => format!("{path} changed"),
            (Some(_), Some(_)) => format!("{path}{}", both()),
        },
        CauseKind::Missing if old.is_none() && new.is_none() => match what {
            "service" => format!("there is no container {path}"),
            _ => format!("there is no {what} {path}"),
        },
        CauseKind::Missing | CauseKind::Scale | CauseKind::Dependency => format!("{path}{}", both()),
        CauseKind::Image if path == "image" => format!("image{}", both()),
        CauseKind::Image => format!("image {path} is another one now{}", both()),
        CauseKind::MountedFileContent => format!("contents of {path}{}", both()),
        CauseKind::ConfigContent => format!("contents of config {path}{}", both()),
        CauseKind::SecretContent => format!("contents of secret {path} changed (not shown)"),
        CauseKind::BuildInputs => format!("build inputs{}", both()),
        CauseKind::NetworkChanged => format!("network {path} is made anew"),
        CauseKind::DependencyReplaced => match new {
            Some(why) => format!("{path} {why}"),
            None => format!("{path} is replaced"),
        },
        CauseKind::PreDeploy => format!("job {path} runs first{}", both()),
        CauseKind::Drift => format!("changed on the engine: {path}{}", both()),
        CauseKind::LeftAlone => new.unwrap_or_else(|| "is left as it is".to_owned()),
        CauseKind::Stopped => format!("{path} does not run{}", both()),
        CauseKind::JobFailed => format!("job {path} has not succeeded{}", both()),
        CauseKind::Orphan => match new {
            Some(why) => why,
            None => format!("no longer asked for: {path}"),
        },
        CauseKind::Leftover => match (old, new) {
            (Some(old), Some(new)) => format!("{old} gets its name {new} back"),
            _ => format!("left over from an earlier run: {path}"),
        },
        CauseKind::Foreign => format!("{path} was made by another tool{}", both()),
        CauseKind::EmptyVolume => format!(
            "data at risk: {path} is on {} now and would be on {}",
            old.unwrap_or_default(),
            new.unwrap_or_default()
        ),
        CauseKind::VolumeDefinition => format!("data at risk: {path}{}", both()),
        CauseKind::NameTaken => format!("the name {path} is taken{}", remarks()),
        CauseKind::PortTaken => format!("host port {path} is taken{}", remarks()),
        CauseKind::Unsupported => format!("{path} is not possible on this engine{}", remarks()),
        CauseKind::StartFirst => format!("start-first is not possible: {path}{}", remarks()),
        CauseKind::Quarantined => format!("quarantined{}", remarks()),
        CauseKind::Schedule => format!("closed by {path}{}", remarks()),
        CauseKind::Suspended => format!("suspended{}", remarks()),
    }
}

/// Whether a reason is that data would be lost to a service.
pub const fn is_about_data(kind: CauseKind) -> bool {
    matches!(kind, CauseKind::EmptyVolume | CauseKind::VolumeDefinition)
}

/// What a person can do about a change that is held back.
pub const fn hint(kind: CauseKind) -> Option<&'static str> {
    match kind {
        CauseKind::EmptyVolume => Some(
            "put the volume back, or agree with `x-reconcile: {allow_empty_volume: true}` in the service",
        ),
        CauseKind::VolumeDefinition => {
            Some("data does not move by itself: give the new definition another name and copy the data over")
        }
        _ => None,
    }
}

/// Text on one line, without what a terminal would obey.
pub fn plain(text: &str) -> String {
    if !text.contains(is_unseen) {
        return text.to_owned();
    }
    let one = |c: char| if is_unseen(c) { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(one).collect()
}

/// Control characters, and those that turn the direction of writing around.
fn is_unseen(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn short(text: &str) -> String {
    let text = plain(text);
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::{plain, words};
    use crate::model::change::{Cause, CauseKind};

    #[test]
    fn reasons_are_sentences() {
        let own = |text: &str| Some(text.to_owned());
        let with = |kind, path: &str, old: Option<&str>, new: Option<&str>| {
            words("service", &Cause::new(kind, path).values(old.and_then(own), new.and_then(own)))
        };
        for (kind, path, old, new, told) in [
            (CauseKind::Missing, "web-1", None, None, "there is no container web-1"),
            (CauseKind::Image, "image", Some("a:1"), Some("a:2"), "image: a:1 -> a:2"),
            (CauseKind::Image, "a:1", Some("12"), Some("34"), "image a:1 is another one now: 12 -> 34"),
            (CauseKind::Environment, "environment.A", None, Some("1"), "environment.A: (none) -> 1"),
            (CauseKind::Attribute, "init", Some("true"), None, "init: true -> (gone)"),
            (CauseKind::SecretContent, "token", None, None, "contents of secret token changed (not shown)"),
            (CauseKind::Leftover, "x.prev", None, None, "left over from an earlier run: x.prev"),
            (CauseKind::DependencyReplaced, "db", None, None, "db is replaced"),
            (
                CauseKind::EmptyVolume,
                "/data",
                Some("volume a"),
                Some("the new, empty volume b"),
                "data at risk: /data is on volume a now and would be on the new, empty volume b",
            ),
        ] {
            assert_eq!(with(kind, path, old, new), told);
        }
    }

    #[test]
    fn nothing_that_a_terminal_obeys_gets_through() {
        assert_eq!(plain("a\u{1b}[31mb\nc\u{202e}d"), "a\\u{1b}[31mb\\nc\\u{202e}d");
        assert_eq!(plain("naïve"), "naïve");
    }

    #[test]
    fn long_values_are_cut() {
        let cause = Cause::new(CauseKind::Environment, "environment.A").values(Some("x".repeat(300)), None);
        let told = words("service", &cause);
        assert!(told.contains('…') && told.len() < 160, "{told}");
    }
}
