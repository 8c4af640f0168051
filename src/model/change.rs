//! The difference between desired and observed, with its causes.

use super::interruption::Interruption;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// The words of [`ChangeAction`].
pub const ACTIONS: [&str; 8] =
    ["create", "replace", "start", "tidy", "remove", "unchanged", "blocked", "wait"];

/// What happens to a resource. The words are those of `--dry-run --format json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeAction {
    /// It is made.
    Create,
    /// It is made anew in place of the old one.
    Replace,
    /// It is there as it should be, and is started (or restarted).
    Start,
    /// It serves as it should and goes on doing so; what an earlier run left beside it goes, or it gets its own name back.
    Tidy,
    /// It goes.
    Remove,
    /// It stays as it is.
    Unchanged,
    /// It should change, but doing so could lose data or touch something foreign: nothing is done.
    Blocked,
    /// It should change, and its stack may not be changed now: nothing is done until then.
    Wait,
}

impl ChangeAction {
    /// The word in plans.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Replace => "replace",
            Self::Start => "start",
            Self::Tidy => "tidy",
            Self::Remove => "remove",
            Self::Unchanged => "unchanged",
            Self::Blocked => "blocked",
            Self::Wait => "wait",
        }
    }
}

/// Why something changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CauseKind {
    /// It is not there.
    Missing,
    /// The image reference, or what the tag names, is another one.
    Image,
    /// An environment value.
    Environment,
    /// The bytes of a file or directory mounted from the source.
    MountedFileContent,
    /// The content of a config.
    ConfigContent,
    /// The content of a secret.
    SecretContent,
    /// A build input.
    BuildInputs,
    /// Another attribute: `path` names it.
    Attribute,
    /// A network it is attached to is replaced.
    NetworkChanged,
    /// A container whose namespace or volumes it shares is replaced.
    DependencyReplaced,
    /// A job runs before it that needs it stopped meanwhile.
    PreDeploy,
    /// Somebody changed the running container.
    Drift,
    /// It should run and does not.
    Stopped,
    /// The job has not succeeded yet.
    JobFailed,
    /// The number of replicas.
    Scale,
    /// It is no longer in the source.
    Orphan,
    /// It is left over from an interrupted run.
    Leftover,
    /// It has no hash of ours: another tool made it.
    Foreign,
    /// A service would start on an empty volume in place of one with data.
    EmptyVolume,
    /// A volume's definition changed, which cannot be done without losing its data.
    VolumeDefinition,
    /// An object of that name belongs to somebody else.
    NameTaken,
    /// A host port belongs to somebody else.
    PortTaken,
    /// The engine cannot do what the attribute asks for.
    Unsupported,
    /// The old and the new container cannot run side by side, as `order: start-first` asks for.
    StartFirst,
    /// What it needs is not there or is blocked.
    Dependency,
    /// The same inputs failed before, and what served before serves again.
    Quarantined,
    /// The deploy windows of its stack are closed.
    Schedule,
    /// Somebody suspended its stack.
    Suspended,
    /// Somebody changed it on the engine, and its settings say to leave it so.
    LeftAlone,
}

impl CauseKind {
    /// The word in plans.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Image => "image",
            Self::Environment => "environment",
            Self::MountedFileContent => "mounted-file-content",
            Self::ConfigContent => "config-content",
            Self::SecretContent => "secret-content",
            Self::BuildInputs => "build-inputs",
            Self::Attribute => "attribute",
            Self::NetworkChanged => "network-changed",
            Self::DependencyReplaced => "dependency-replaced",
            Self::PreDeploy => "pre-deploy",
            Self::Drift => "drift",
            Self::Stopped => "stopped",
            Self::JobFailed => "job-failed",
            Self::Scale => "scale",
            Self::Orphan => "orphan",
            Self::Leftover => "leftover",
            Self::Foreign => "foreign",
            Self::EmptyVolume => "empty-volume",
            Self::VolumeDefinition => "volume-definition",
            Self::NameTaken => "name-taken",
            Self::PortTaken => "port-taken",
            Self::Unsupported => "unsupported",
            Self::StartFirst => "start-first",
            Self::Dependency => "dependency",
            Self::Quarantined => "quarantined",
            Self::Schedule => "schedule",
            Self::Suspended => "suspended",
            Self::LeftAlone => "left-alone",
        }
    }

    /// Whether a change for this reason is not for now, which is nobody's fault.
    pub const fn waits(self) -> bool {
        matches!(self, Self::Schedule | Self::Suspended | Self::LeftAlone)
    }
}

/// One reason. Never holds an environment value or a secret unless it was judged harmless to show.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Cause {
    /// What kind of reason.
    pub kind: CauseKind,
    /// What it is about: a key path such as `ports[0].published`, a file, a container.
    pub path: String,
    /// What stands now, for people.
    pub old: Option<String>,
    /// What is wanted, for people.
    pub new: Option<String>,
}

impl Cause {
    /// A reason without values.
    pub fn new(kind: CauseKind, path: impl Into<String>) -> Self {
        Self { kind, path: path.into(), old: None, new: None }
    }

    /// The same with what stands and what is wanted.
    #[must_use]
    pub fn values(mut self, old: Option<String>, new: Option<String>) -> Self {
        (self.old, self.new) = (old, new);
        self
    }
}

/// As one line of a report.
impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            CauseKind::Attribute | CauseKind::Environment => f.write_str(&self.path)?,
            kind if self.path.is_empty() => f.write_str(kind.as_str())?,
            kind => write!(f, "{}: {}", kind.as_str(), self.path)?,
        }
        match (&self.old, &self.new) {
            (Some(old), Some(new)) => write!(f, ": {old} -> {new}"),
            (Some(one), None) | (None, Some(one)) => write!(f, ": {one}"),
            (None, None) => Ok(()),
        }
    }
}

/// What happens to one resource and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What happens.
    pub action: ChangeAction,
    /// Why; empty if unchanged.
    pub causes: Vec<Cause>,
    /// Readable unified diff of the old and new spec; empty if there is none.
    pub diff: String,
    /// Readable differences of the contents of mounted files, by path, as far as the contents of before are known.
    pub contents: BTreeMap<String, String>,
    /// Things to know that stop nothing, such as an attribute the engine ignores.
    pub warnings: Vec<String>,
    /// Containers that stay as they are although another tool made them: they are what is wanted.
    pub adopted: Vec<String>,
    /// What it interrupts, if it stops a container that is to run again.
    pub interruption: Option<Interruption>,
}

impl Change {
    /// A change for reasons.
    pub const fn new(action: ChangeAction, causes: Vec<Cause>) -> Self {
        Self {
            action,
            causes,
            diff: String::new(),
            contents: BTreeMap::new(),
            warnings: Vec::new(),
            adopted: Vec::new(),
            interruption: None,
        }
    }

    /// Nothing to do.
    pub const fn unchanged() -> Self {
        Self::new(ChangeAction::Unchanged, Vec::new())
    }
}

/// The changes of one stack, by key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StackChanges {
    /// Services, orphaned ones included.
    pub services: BTreeMap<String, Change>,
    /// Networks by key.
    pub networks: BTreeMap<String, Change>,
    /// Volumes by key. Never `Replace` or `Remove`.
    pub volumes: BTreeMap<String, Change>,
}

/// The changes of all stacks, by name.
pub type ChangeSet = BTreeMap<String, StackChanges>;
