//! What is kept of a deployment: plain data, as it stands in the history. Nothing is decided by it but which revision a
//! rollback without one goes to.

use super::commit::Commit;
use serde::{Deserialize, Serialize};

/// Lines of a container that are kept at most.
const LINES: usize = 10;
/// How much of any text is kept, in characters.
const WIDTH: usize = 400;
/// How many causes are kept of a service.
const CAUSES: usize = 12;

/// One run, as far as one stack is concerned. Secrets are masked in it. Fields that a later version adds are ignored, and
/// those that an earlier one lacks are empty.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Deployment {
    /// Counts the deployments of the stack, from 1.
    pub number: u64,
    /// When it ended, in seconds since 1970.
    pub time: i64,
    /// The stack.
    pub stack: String,
    /// What its source goes by.
    pub source: String,
    /// What the source said.
    pub revision: String,
    /// The commit of that, if the source is a repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<Commit>,
    /// A digest of what the stack was to be: commits that change nothing for it have the same. Empty for a stack that is
    /// gone from its source.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub content: String,
    /// Why the source was looked at.
    pub trigger: String,
    /// What ran it: `command` or `daemon`.
    pub by: String,
    /// What came of it.
    pub outcome: Outcome,
    /// How long the run took, all of its stacks together.
    pub seconds: f64,
    /// Id of the plan, which other stacks may have had a part in.
    pub plan: String,
    /// How many services stayed as they were.
    pub unchanged: usize,
    /// What became of the others, by name.
    pub services: Vec<ServiceNote>,
    /// What changed of networks and volumes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<ResourceNote>,
    /// The steps in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepNote>,
    /// How many services, resources and steps are left out, because there were too many.
    #[serde(skip_serializing_if = "is_zero")]
    pub left_out: usize,
}

/// The words of [`Outcome`].
pub const OUTCOMES: [&str; 8] =
    ["applied", "partly", "rolled_back", "failed", "interrupted", "blocked", "waiting", "unknown"];

/// What came of a deployment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The stack is as its source says.
    Applied,
    /// Something is as the source says, something else is held back.
    Partly,
    /// A change failed, and what served before serves again.
    RolledBack,
    /// A change failed.
    Failed,
    /// The run was told to stop.
    Interrupted,
    /// All that was to change is held back.
    Blocked,
    /// The stack may not be changed now; it was merely kept running.
    Waiting,
    /// A word of another version.
    #[default]
    #[serde(other)]
    Unknown,
}

impl Outcome {
    /// The word in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Partly => "partly",
            Self::RolledBack => "rolled_back",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::Blocked => "blocked",
            Self::Waiting => "waiting",
            Self::Unknown => "unknown",
        }
    }
}

/// What became of a service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServiceNote {
    /// Its name.
    pub name: String,
    /// What was to be done: a word of plans.
    pub action: String,
    /// What became of it: a word of reports.
    pub outcome: String,
    /// Why that is not as it should be.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Why it was to change, a line each.
    pub causes: Vec<String>,
    /// Its containers that failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<FailureNote>,
}

/// What a failed container left behind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FailureNote {
    /// Its name.
    pub container: String,
    /// Exit code, if it ended.
    pub exit_code: Option<i64>,
    /// Whether it was killed for want of memory.
    pub oom_killed: bool,
    /// Its last lines.
    pub logs: Vec<String>,
    /// Output of its last health check, if that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<String>,
}

/// What was to be done to a network or volume.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResourceNote {
    /// `network` or `volume`.
    pub kind: String,
    /// Its key.
    pub name: String,
    /// A word of plans.
    pub action: String,
    /// Why, a line each.
    pub causes: Vec<String>,
}

/// A step.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StepNote {
    /// Its id, without the stack.
    pub id: String,
    /// `done`, `failed` or `skipped`.
    pub outcome: String,
    /// How long it took.
    pub seconds: f64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
const fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl Deployment {
    /// Whether it tells nothing that this earlier one did not tell: nothing was done, because of what was blocked then.
    pub fn repeats(&self, earlier: &Self) -> bool {
        let is_idle = self.outcome == Outcome::Blocked && self.steps.is_empty();
        is_idle && self.blocked() == earlier.blocked()
    }

    /// What is blocked, with the reasons.
    fn blocked(&self) -> Vec<(&str, String)> {
        let services = self.services.iter().filter(|service| service.outcome == "blocked");
        let services = services.map(|service| (service.name.as_str(), service.reason.clone()));
        let resources = self.resources.iter().filter(|one| one.action == "blocked");
        services.chain(resources.map(|one| (one.name.as_str(), one.causes.join("\n")))).collect()
    }

    /// The commit as people say it, else the revision.
    pub fn short(&self) -> &str {
        let id = self.commit.as_ref().map_or(self.revision.as_str(), |commit| &commit.id);
        id.get(..8).unwrap_or(id)
    }

    /// Its line in the history, of at most so many bytes: what tells least goes first. Texts are cut in any case.
    pub fn line(&mut self, most: usize) -> serde_json::Result<String> {
        self.cut();
        let cuts: [fn(&mut Self); 5] =
            [Self::drop_steps, Self::drop_logs, Self::drop_causes, Self::drop_resources, Self::drop_services];
        for cut in cuts {
            let line = serde_json::to_string(self)?;
            if line.len() <= most {
                return Ok(line);
            }
            cut(self);
        }
        serde_json::to_string(self)
    }

    fn cut(&mut self) {
        for service in &mut self.services {
            shorten(&mut service.reason);
            shorten_all(&mut service.causes);
            for failure in &mut service.failures {
                failure.logs.drain(..failure.logs.len().saturating_sub(LINES));
                failure.logs.iter_mut().for_each(shorten);
                failure.health.iter_mut().for_each(shorten);
            }
        }
        for resource in &mut self.resources {
            shorten_all(&mut resource.causes);
        }
        for text in [&mut self.source, &mut self.revision] {
            shorten(text);
        }
    }

    fn drop_steps(&mut self) {
        self.left_out += self.steps.len();
        self.steps.clear();
    }

    fn drop_logs(&mut self) {
        for failure in self.services.iter_mut().flat_map(|service| &mut service.failures) {
            failure.logs.clear();
            failure.health = None;
        }
    }

    fn drop_causes(&mut self) {
        self.services.iter_mut().for_each(|service| service.causes.clear());
    }

    fn drop_resources(&mut self) {
        self.left_out += self.resources.len();
        self.resources.clear();
    }

    /// Those that did not come to be what they should be are told of first.
    fn drop_services(&mut self) {
        const KEPT: usize = 20;
        self.services.sort_by_key(|service| service.reason.is_empty());
        let dropped = self.services.drain(self.services.len().min(KEPT)..).count();
        self.left_out += dropped;
    }
}

fn shorten(text: &mut String) {
    if let Some((end, _)) = text.char_indices().nth(WIDTH) {
        text.truncate(end);
        text.push('…');
    }
}

fn shorten_all(causes: &mut Vec<String>) {
    causes.iter_mut().for_each(shorten);
    if let Some(more) = causes.len().checked_sub(CAUSES).filter(|more| *more > 0) {
        causes.truncate(CAUSES);
        causes.push(format!("and {more} more"));
    }
}

#[cfg(test)]
mod tests {
    use super::{Deployment, FailureNote, Outcome, ServiceNote};

    fn service(name: &str) -> ServiceNote {
        ServiceNote { name: name.to_owned(), causes: vec!["x".repeat(300); 40], ..ServiceNote::default() }
    }

    #[test]
    fn an_entry_is_bounded_whatever_happened() {
        let mut one = Deployment {
            services: (0..5000).map(|number| service(&format!("s{number}"))).collect(),
            ..Deployment::default()
        };
        let failure = FailureNote { logs: vec!["é".repeat(5000); 500], ..FailureNote::default() };
        one.services[4999].failures = vec![failure];
        one.services[4999].reason = "é".repeat(5000);
        let line = one.line(32 << 10).expect("JSON");
        assert!(line.len() <= 32 << 10, "{}", line.len());
        let read: Deployment = serde_json::from_str(&line).expect("JSON");
        assert_eq!((read.left_out, read.services.len()), (4980, 20));
        assert_eq!(read.services[0].name, "s4999", "what failed is told");
        assert_eq!(read.services[0].reason.chars().count(), 401);
    }

    #[test]
    fn of_a_short_entry_everything_is_kept_but_long_logs() {
        let mut one = Deployment { services: vec![service("a")], ..Deployment::default() };
        let logs = (0..30).map(|number| format!("line {number}")).collect();
        one.services[0].failures = vec![FailureNote { logs, ..FailureNote::default() }];
        let read: Deployment = serde_json::from_str(&one.line(32 << 10).expect("JSON")).expect("JSON");
        assert_eq!(read.services[0].failures[0].logs[0], "line 20");
        assert_eq!(read.services[0].causes.len(), 13);
        assert_eq!(read.services[0].causes[12], "and 28 more");
        assert_eq!(read, one);
    }

    #[test]
    fn entries_of_other_versions_are_read() {
        let text = r#"{"number": 7, "outcome": "exploded", "surprise": [1]}"#;
        let read: Deployment = serde_json::from_str(text).expect("JSON");
        assert_eq!((read.number, read.outcome), (7, Outcome::Unknown));
    }
}
