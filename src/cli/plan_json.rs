//! A plan as the JSON object of `--dry-run --format json`.

use crate::model::change::{Change, ChangeAction, ChangeSet};
use crate::model::interruption::{Down, Interruption};
use crate::model::observed::EngineInfo;
use crate::model::step::Plan;
use crate::model::units::Nanos;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Number of services (and stacks' networks and volumes that are blocked or wait) by action.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Services to create.
    pub create: usize,
    /// Services to replace.
    pub replace: usize,
    /// Services to start.
    pub start: usize,
    /// Services beside which something is left over.
    pub tidy: usize,
    /// Services to remove.
    pub remove: usize,
    /// Services that stay as they are.
    pub unchanged: usize,
    /// Services, networks and volumes whose change is blocked.
    pub blocked: usize,
    /// Services, networks and volumes whose change waits for its time.
    pub wait: usize,
}

impl Summary {
    /// Counts a change set.
    pub fn of(changes: &ChangeSet) -> Self {
        let mut summary = Self::default();
        for stack in changes.values() {
            for change in stack.services.values() {
                *match change.action {
                    ChangeAction::Create => &mut summary.create,
                    ChangeAction::Replace => &mut summary.replace,
                    ChangeAction::Start => &mut summary.start,
                    ChangeAction::Tidy => &mut summary.tidy,
                    ChangeAction::Remove => &mut summary.remove,
                    ChangeAction::Unchanged => &mut summary.unchanged,
                    ChangeAction::Blocked => &mut summary.blocked,
                    ChangeAction::Wait => &mut summary.wait,
                } += 1;
            }
            let others = || stack.networks.values().chain(stack.volumes.values());
            let count = |action| others().filter(|change| change.action == action).count();
            summary.blocked += count(ChangeAction::Blocked);
            summary.wait += count(ChangeAction::Wait);
        }
        summary
    }

    /// Whether nothing is to change and nothing is held back.
    pub const fn is_settled(self) -> bool {
        let Self { create, replace, start, tidy, remove, unchanged: _, blocked, wait } = self;
        create + replace + start + tidy + remove + blocked + wait == 0
    }

    /// Whether something is held back, until its time or until somebody sees to it.
    pub const fn is_held_back(self) -> bool {
        self.blocked + self.wait > 0
    }

    /// The counts as a sentence, what there is none of left out.
    pub fn sentence(self) -> String {
        self.told(["to create", "to replace", "to start", "to tidy up", "to remove"])
    }

    /// The same of what was done.
    pub fn past(self) -> String {
        self.told(["created", "replaced", "started", "tidied up", "removed"])
    }

    fn told(self, words: [&str; 5]) -> String {
        let Self { create, replace, start, tidy, remove, unchanged, blocked, wait } = self;
        let counts = [create, replace, start, tidy, remove].into_iter().zip(words);
        let counts = counts.chain([(unchanged, "unchanged"), (blocked, "blocked"), (wait, "waiting")]);
        let told: Vec<String> =
            counts.filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
        if told.is_empty() { "no services to change".to_owned() } else { told.join(", ") }
    }

    fn json(self) -> Value {
        let Self { create, replace, start, tidy, remove, unchanged, blocked, wait } = self;
        json!({"create": create, "replace": replace, "start": start, "tidy": tidy, "remove": remove,
            "unchanged": unchanged, "blocked": blocked, "wait": wait})
    }
}

/// The plan's JSON object. `errors` are the diagnostics of loading.
pub fn json(plan: &Plan, engine: &EngineInfo, errors: &[Value]) -> Value {
    let stacks: Vec<Value> = plan
        .changes
        .iter()
        .map(|(name, changes)| {
            let blocked: Vec<Value> = [
                ("service", &changes.services),
                ("network", &changes.networks),
                ("volume", &changes.volumes),
            ]
            .into_iter()
            .flat_map(|(kind, resources)| resources.iter().map(move |entry| (kind, entry)))
            .filter(|(_, (_, change))| change.action == ChangeAction::Blocked)
            .map(|(kind, (name, change))| json!({"kind": kind, "name": name, "causes": change.causes}))
            .collect();
            json!({
                "name": name,
                "services": resources(&changes.services, true),
                "networks": resources(&changes.networks, false),
                "volumes": resources(&changes.volumes, false),
                "blocked": blocked,
            })
        })
        .collect();
    let steps: Vec<Value> = plan
        .steps
        .iter()
        .map(|step| {
            let after: Vec<&String> = step.after.iter().chain(&step.after_any).collect();
            json!({"id": step.id, "action": step.action.as_str(), "target": step.action.target(), "after": after})
        })
        .collect();
    json!({
        "plan_id": plan.id,
        "revision": plan.revision,
        "engine": {"version": engine.version, "api": format!("{}.{}", engine.api.0, engine.api.1),
            "os": engine.os},
        "stacks": stacks,
        "steps": steps,
        "summary": Summary::of(&plan.changes).json(),
        "errors": errors,
    })
}

/// How long a service is down at most: null if nothing limits it.
fn interruption(told: Interruption) -> Value {
    let seconds = |time: Nanos| time.to_std().as_secs_f64();
    let down = match told.down {
        Down::Never => json!(0),
        Down::UpTo(time) => json!(seconds(time)),
        Down::Unknown => Value::Null,
    };
    json!({"containers": told.containers, "seconds": down, "text": told.to_string()})
}

fn resources(changes: &BTreeMap<String, Change>, with_diff: bool) -> Vec<Value> {
    changes
        .iter()
        .map(|(name, change)| {
            let mut object = Map::new();
            object.insert("name".into(), json!(name));
            object.insert("action".into(), json!(change.action));
            object.insert("causes".into(), json!(change.causes));
            if with_diff || !change.diff.is_empty() {
                object.insert("diff".into(), json!(change.diff));
            }
            if !change.contents.is_empty() {
                object.insert("contents".into(), json!(change.contents));
            }
            if let Some(told) = change.interruption {
                object.insert("interruption".into(), interruption(told));
            }
            if !change.adopted.is_empty() {
                object.insert("adopted".into(), json!(change.adopted));
            }
            if !change.warnings.is_empty() {
                object.insert("warnings".into(), json!(change.warnings));
            }
            Value::Object(object)
        })
        .collect()
}
