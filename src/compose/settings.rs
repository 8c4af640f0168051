//! Settings of a stack: the `x-reconcile:` block of its first compose file, or a `.reconcile.yaml` beside it.
//!
//! They are read before the project is loaded, because they say what to load; so no variable is resolved in them.
//! One table of keys drives the reader and the JSON schemas. [`host`] is the same for the settings of the host.

pub mod host;
pub mod notify;
mod read;
pub mod schema;
mod table;

use super::diagnostic::Diagnostic;
use super::node::{Key, Node, Span};
use crate::model::compose_hash::Dialect;
use crate::model::drift::Drift;
use crate::model::job::Timetable;
use crate::model::rollout::{FailureAction, Order, WaitFor};
use crate::model::sensitive::SecretSource;
use crate::model::units::Nanos;
use crate::model::windows::{Cron, Schedule, TimeZone, Window};
use read::mapping;
use std::collections::BTreeMap;

/// Name of the top-level and service-level key.
pub const KEY: &str = "x-reconcile";
/// Name of the file that holds the same keys.
pub const FILE: &str = ".reconcile.yaml";

/// Settings of a stack. Paths mean what the flags of the same name mean when given in the stack's folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StackSettings {
    /// Project name.
    pub name: Option<String>,
    /// Compose files, in order.
    pub files: Vec<String>,
    /// Active profiles.
    pub profiles: Vec<String>,
    /// Files of variables in place of `.env`.
    pub env_files: Vec<String>,
    /// Stacks that must be up first.
    pub depends_on: Vec<String>,
    /// Paths, relative to the project directory, whose contents never count.
    pub ignore_contents: Vec<String>,
    /// Which version of the reference shares the stack.
    pub compose_dialect: Option<Dialect>,
    /// Jobs that run before the rest of the stack changes, each with the services that are stopped meanwhile.
    pub pre_deploy: Lists,
    /// How containers of its services are replaced, where those say nothing.
    pub rollout: RolloutSettings,
    /// When changes may be applied.
    pub schedule: ScheduleSettings,
    /// What becomes of what somebody changed on the engine, where a service says nothing.
    pub drift: Option<Drift>,
}

impl StackSettings {
    /// The same with positions in other files: settings are read before, and apart from, what they say to load.
    #[must_use]
    pub fn placed(mut self, mut other: impl FnMut(Span) -> Span) -> Self {
        for (job, stopped) in &mut self.pre_deploy {
            for text in stopped.iter_mut().chain([job]) {
                text.span = other(text.span);
            }
        }
        self
    }
}

/// Lists of names by name.
pub type Lists = Vec<(Placed, Vec<Placed>)>;

/// A text with its position: what it names is looked up only when the project is loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// The text.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

/// A secret with its position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// Where it is found.
    pub source: SecretSource,
    /// Where the settings say so.
    pub span: Span,
}

impl Secret {
    /// A secret in a file.
    fn file(path: Placed) -> Self {
        Self { source: SecretSource::File(path.text.into()), span: path.span }
    }
}

/// What a `.reconcile.yaml` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FolderSettings {
    /// The folder is one stack.
    One(Box<StackSettings>),
    /// The folder's files make several stacks, by project name.
    Several(BTreeMap<String, StackSettings>),
}

/// Settings of one service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceSettings {
    /// Whether it is a job, if its owner says so.
    pub job: Option<bool>,
    /// When it runs, if it runs at times.
    pub timetable: Option<Timetable>,
    /// Whether it may start on an empty volume.
    pub allow_empty_volume: bool,
    /// How long to wait for its health or completion.
    pub wait_timeout: Option<Nanos>,
    /// How its containers are replaced.
    pub rollout: RolloutSettings,
    /// What becomes of what somebody changed on the engine.
    pub drift: Option<Drift>,
}

/// When changes may be applied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScheduleSettings {
    /// In which times are given.
    pub timezone: Option<TimeZone>,
    /// When the one window opens that needs no name.
    pub cron: Option<Cron>,
    /// How long that one is open.
    pub duration: Option<Nanos>,
    /// Windows in which changes are applied.
    pub allow: Vec<(Placed, WindowSettings)>,
    /// Windows in which they are not.
    pub freeze: Vec<(Placed, WindowSettings)>,
}

/// A window of a schedule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WindowSettings {
    /// When it opens.
    pub cron: Option<Cron>,
    /// How long it is open.
    pub duration: Option<Nanos>,
}

impl ScheduleSettings {
    /// The windows, if there are any.
    pub fn windows(&self) -> Option<Schedule> {
        let named = |(name, window): &(Placed, WindowSettings)| {
            Some(Window::new(&name.text, window.cron.clone()?, window.duration))
        };
        let own = self.cron.clone().map(|cron| Window::new("cron", cron, self.duration));
        let schedule = Schedule {
            zone: self.timezone.clone().unwrap_or(TimeZone::UTC),
            allow: own.into_iter().chain(self.allow.iter().filter_map(named)).collect(),
            freeze: self.freeze.iter().filter_map(named).collect(),
        };
        (!schedule.allow.is_empty() || !schedule.freeze.is_empty()).then_some(schedule)
    }
}

/// How containers are replaced; what is left out is said elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RolloutSettings {
    /// Which of the old and the new container gives way first.
    pub order: Option<Order>,
    /// Replicas replaced at a time; 0 is all.
    pub parallelism: Option<u32>,
    /// Time between one batch of replicas and the next.
    pub delay: Option<Nanos>,
    /// How long a new container must hold after it is up.
    pub monitor: Option<Nanos>,
    /// What counts as up.
    pub wait: Option<WaitFor>,
    /// How long it must run where no health check is awaited.
    pub running_for: Option<Nanos>,
    /// How long the health check may take to pass.
    pub timeout: Option<Nanos>,
    /// What happens when a replacement fails.
    pub on_failure: Option<FailureAction>,
    /// Whether the old and the new container may write to the same volumes at once.
    pub share_volumes: Option<bool>,
}

impl RolloutSettings {
    /// The same, with `general` where this says nothing.
    #[must_use]
    pub fn or(self, general: &Self) -> Self {
        Self {
            order: self.order.or(general.order),
            parallelism: self.parallelism.or(general.parallelism),
            delay: self.delay.or(general.delay),
            monitor: self.monitor.or(general.monitor),
            wait: self.wait.or(general.wait),
            running_for: self.running_for.or(general.running_for),
            timeout: self.timeout.or(general.timeout),
            on_failure: self.on_failure.or(general.on_failure),
            share_volumes: self.share_volumes.or(general.share_volumes),
        }
    }
}

/// Reads a `.reconcile.yaml`.
pub fn folder(root: &Node, diagnostics: &mut Vec<Diagnostic>) -> FolderSettings {
    let Some(stacks) = root.get("stacks") else {
        return FolderSettings::One(Box::new(stack(root, "", diagnostics)));
    };
    for (key, _) in root.as_map().into_iter().flatten().filter(|(key, _)| &*key.name != "stacks") {
        diagnostics.push(
            Diagnostic::error(format!("`{}` stands beside `stacks`", key.name))
                .at(&*key.name)
                .span(key.span)
                .hint("put it into the stacks that it is meant for"),
        );
    }
    let Some(map) = mapping(stacks, "stacks", diagnostics) else {
        return FolderSettings::Several(BTreeMap::new());
    };
    let read = |(key, node): (&Key, &Node)| {
        (key.name.to_string(), stack(node, &format!("stacks.{}", key.name), diagnostics))
    };
    FolderSettings::Several(map.iter().map(read).collect())
}

/// Reads the settings of one stack; `path` is where they stand in their file.
pub fn stack(node: &Node, path: &str, diagnostics: &mut Vec<Diagnostic>) -> StackSettings {
    read::settings(&table::STACK, node, path, diagnostics)
}

/// Reads the `x-reconcile:` block of a service.
pub fn service(node: &Node, path: &str, diagnostics: &mut Vec<Diagnostic>) -> ServiceSettings {
    read::settings(&table::SERVICE, node, path, diagnostics)
}

/// The keys of the block of a service.
pub fn service_keys() -> impl Iterator<Item = &'static str> {
    table::SERVICE.rows.iter().map(|row| row.key)
}

#[cfg(test)]
mod tests;
