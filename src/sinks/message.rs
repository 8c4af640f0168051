//! What a sink is told, in words. How each service marks up text is said by its [`Markup`].

use super::observation::{Finding, Observation, Revision, ServiceStory, Story};
use super::rules::Telling;
use crate::model::alert::AlertKind;
use crate::model::clock;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// What a message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// An alert.
    Alert(AlertKind),
    /// A trial of the settings.
    Test,
}

impl What {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Alert(kind) => kind.as_str(),
            Self::Test => "test",
        }
    }

    /// How much it matters, from 2 (good to know) to 5 (look at once).
    pub const fn urgency(self) -> u8 {
        match self {
            Self::Alert(AlertKind::Failed) => 5,
            Self::Alert(AlertKind::RolledBack | AlertKind::Blocked) => 4,
            Self::Alert(AlertKind::Drift | AlertKind::Recovered) | Self::Test => 3,
            Self::Alert(AlertKind::Succeeded) => 2,
        }
    }
}

/// What a sink is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What about.
    pub what: What,
    /// Since when it has been so, if it was told before; of what recovered, since when it had been otherwise.
    pub since: Option<i64>,
    /// What recovered from.
    pub before: Option<AlertKind>,
    /// The host.
    pub host: String,
    /// The source.
    pub source: String,
    /// The stack; empty for the source as a whole.
    pub stack: String,
    /// What the source said.
    pub revision: Option<Revision>,
    /// All about it.
    pub story: Story,
    /// When, in seconds since 1970.
    pub at: i64,
}

/// Services that are named in a summary.
const NAMED: usize = 5;
/// Characters of a reason or of the output of a health check.
const LONGEST: usize = 600;
/// Causes that are told.
const CAUSES: usize = 12;

impl Message {
    /// What to tell of what was seen.
    pub fn new(host: &str, seen: &Observation, telling: Telling, at: i64) -> Self {
        let story = match &seen.finding {
            Finding::Deployed(story) | Finding::Mended(story) => story.clone(),
            Finding::Trouble(trouble) => trouble.story.clone(),
            Finding::Gone => {
                Story { problems: vec!["the source has it no more".to_owned()], ..Story::default() }
            }
            Finding::Fine | Finding::Pending => Story::default(),
        };
        Self {
            what: What::Alert(telling.kind),
            since: telling.since,
            before: telling.before,
            host: host.to_owned(),
            source: seen.source.clone(),
            stack: seen.stack.clone(),
            revision: seen.revision.clone(),
            story,
            at,
        }
    }

    /// A trial of the settings.
    pub fn test(host: &str, at: i64) -> Self {
        Self {
            what: What::Test,
            since: None,
            before: None,
            host: host.to_owned(),
            source: String::new(),
            stack: String::new(),
            revision: None,
            story: Story::default(),
            at,
        }
    }

    /// One line that says it all.
    pub fn summary(&self) -> String {
        let subject =
            if self.stack.is_empty() { format!("source {}", self.source) } else { self.stack.clone() };
        let still = self.since.is_some();
        let What::Alert(kind) = self.what else {
            return format!("[{}] test: alerts of reconcile arrive here", self.host);
        };
        let words = match (kind, still) {
            (AlertKind::Failed, false) => "failed",
            (AlertKind::Failed, true) => "still fails",
            (AlertKind::RolledBack, false) => "was rolled back",
            (AlertKind::RolledBack, true) => "is still rolled back",
            (AlertKind::Blocked, false) => "is blocked",
            (AlertKind::Blocked, true) => "is still blocked",
            (AlertKind::Drift, _) => "was changed by hand and is put right",
            (AlertKind::Recovered, _) => "is as it should be again",
            (AlertKind::Succeeded, _) => "was deployed",
        };
        let is_trouble = matches!(kind, AlertKind::Failed | AlertKind::RolledBack | AlertKind::Blocked);
        let is_meant = |service: &&ServiceStory| !is_trouble || service.outcome != "applied";
        let services = self.story.services.iter().filter(is_meant);
        let mut names: Vec<&str> = services.map(|service| service.name.as_str()).collect();
        let more = names.len().saturating_sub(NAMED);
        names.truncate(NAMED);
        let mut list = names.join(", ");
        if more > 0 {
            let _ = write!(list, " and {more} more");
        }
        let colon = if list.is_empty() { "" } else { ": " };
        one_line(&format!("[{}] {subject} {words}{colon}{list}", self.host))
    }

    /// What it is about, besides services and causes.
    fn facts(&self) -> Vec<(&'static str, String)> {
        let mut facts = vec![("host", self.host.clone())];
        for (name, value) in [("source", &self.source), ("stack", &self.stack)] {
            if !value.is_empty() {
                facts.push((name, value.clone()));
            }
        }
        if let Some(revision) = &self.revision {
            facts.push(("revision", revision.short().to_owned()));
        }
        if let Some(before) = self.before {
            facts.push(("before", before.as_str().replace('_', " ")));
        }
        if let Some(since) = self.since {
            facts.push(("since", clock::utc(since)));
        }
        facts
    }

    /// All of it as text, no longer than the markup allows: the oldest lines of logs go first.
    pub fn text(&self, markup: &dyn Markup) -> String {
        let mut text = String::new();
        for lines in [20, 10, 5, 2, 0] {
            text = self.all(markup, lines);
            if markup.length(&text) <= markup.most() {
                return text;
            }
        }
        while markup.length(&text) > markup.most() - 2 {
            text.pop();
        }
        text.push_str(" …");
        text
    }

    fn all(&self, markup: &dyn Markup, lines: usize) -> String {
        let mut text = String::new();
        if markup.has_headline() {
            text.push_str(&markup.bold(&self.summary()));
            text.push('\n');
        }
        for (name, value) in self.facts() {
            text.push_str(&markup.escape(&format!("{name}: {}\n", one_line(&value))));
        }
        for problem in &self.story.problems {
            text.push_str(&markup.escape(&format!("{}\n", short(problem))));
        }
        for service in &self.story.services {
            text.push_str(&markup.bold(&service.name));
            text.push_str(&markup.escape(&format!(": {}\n", words(service))));
            if let Some(health) = &service.health {
                text.push_str("last health check:\n");
                text.push_str(&markup.code(&short(health)));
            }
            let last = &service.logs[service.logs.len().saturating_sub(lines)..];
            if !last.is_empty() {
                text.push_str("last lines:\n");
                text.push_str(&markup.code(&last.join("\n")));
            }
        }
        let causes = &self.story.causes;
        if !causes.is_empty() {
            text.push_str("changes:\n");
        }
        for cause in causes.iter().take(CAUSES) {
            text.push_str(&markup.escape(&format!("- {}\n", short(&one_line(cause)))));
        }
        if causes.len() > CAUSES {
            text.push_str(&markup.escape(&format!("- and {} more\n", causes.len() - CAUSES)));
        }
        text.trim_end().to_owned()
    }

    /// All of it as fields.
    pub fn json(&self) -> Value {
        let services: Vec<Value> = self.story.services.iter().map(service_json).collect();
        json!({
            "event": self.what.as_str(),
            "summary": self.summary(),
            "text": self.text(&Plain { headline: false, most: usize::MAX }),
            "host": self.host,
            "source": self.source,
            "stack": self.stack,
            "revision": self.revision.as_ref().map(|revision| revision.id.as_str()),
            "at": clock::iso(self.at),
            "since": self.since.map(clock::iso),
            "before": self.before.map(AlertKind::as_str),
            "problems": self.story.problems,
            "services": services,
            "causes": self.story.causes,
        })
    }
}

impl Revision {
    /// As much of it as people read.
    pub fn short(&self) -> &str {
        self.id.get(..12).unwrap_or(&self.id)
    }
}

fn service_json(service: &ServiceStory) -> Value {
    json!({
        "name": service.name,
        "outcome": service.outcome,
        "reason": service.reason,
        "exit_code": service.exit_code,
        "oom_killed": service.oom_killed,
        "health": service.health,
        "logs": service.logs,
    })
}

fn words(service: &ServiceStory) -> String {
    let mut text = service.outcome.replace('_', " ");
    if !service.reason.is_empty() {
        let _ = write!(text, ", {}", short(&service.reason));
    }
    if service.oom_killed && !service.reason.contains("memory") {
        text.push_str(", out of memory");
    }
    if let Some(code) = service.exit_code.filter(|_| !service.reason.contains("exit")) {
        let _ = write!(text, ", exit code {code}");
    }
    text
}

fn short(text: &str) -> String {
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    text.chars().take(LONGEST).chain(" …".chars()).collect()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// How a service takes text.
pub trait Markup {
    /// Text in which nothing is markup.
    fn escape(&self, text: &str) -> String;
    /// The same, to stand out.
    fn bold(&self, text: &str) -> String;
    /// Lines that are shown as they are, with a line end.
    fn code(&self, lines: &str) -> String;
    /// How long a text is, as the service counts.
    fn length(&self, text: &str) -> usize {
        text.len()
    }
    /// How long a text may be.
    fn most(&self) -> usize;
    /// Whether the summary is part of the text, and not sent beside it.
    fn has_headline(&self) -> bool {
        true
    }
}

/// Text without markup, measured in bytes.
pub struct Plain {
    /// Whether it begins with the summary.
    pub headline: bool,
    /// How long it may be.
    pub most: usize,
}

impl Markup for Plain {
    fn escape(&self, text: &str) -> String {
        text.to_owned()
    }

    fn bold(&self, text: &str) -> String {
        text.to_owned()
    }

    fn code(&self, lines: &str) -> String {
        lines.lines().flat_map(|line| ["  | ", line, "\n"]).collect()
    }

    fn most(&self) -> usize {
        self.most
    }

    fn has_headline(&self) -> bool {
        self.headline
    }
}

#[cfg(test)]
mod tests;
