//! `reconcile explain STACK[/SERVICE]`: what it is now, what brought it there, and what the next run would do with it and why.

use super::apply::pretty;
use super::args::{CommonArgs, ExplainArgs, SourceArgs};
use super::cause_text::{plain, words};
use super::config::{self, Sources};
use super::engine::{block_on, connect, now};
use super::exit::Exit;
use super::output::{BOLD, DIM, Output};
use super::places::Places;
use super::plan_text::{View, write_change};
use super::source::{environment, failures, print_diagnostics, told};
use super::{contents, masking};
use crate::compose::schema::nearest;
use crate::cycle::{self, Planned};
use crate::engine::ReadOnly;
use crate::model::change::{CauseKind, Change, ChangeAction, StackChanges};
use crate::model::clock;
use crate::model::desired::{Dependency, DesiredService, DesiredStack};
use crate::model::history::{Deployment, ServiceNote};
use crate::model::labels;
use crate::model::observed::{ContainerState, Health, ObservedContainer};
use crate::plan::{self, ShownService};
use crate::source::LoadedSource;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

/// Explains a stack, or one of its services.
pub fn run(args: &ExplainArgs, common: &CommonArgs) -> Exit {
    let output = Output::new(common);
    let environment = environment();
    let (stack, service) = match args.name.split_once('/') {
        Some((stack, service)) => (stack, Some(service)),
        None => (args.name.as_str(), None),
    };
    if !args.source.stacks.is_empty() {
        output.error("--stack is given beside the name of a stack", Some("leave it out"));
        return Exit::Failure;
    }
    let source = SourceArgs { stacks: vec![stack.to_owned()], ..args.source.clone() };
    let Ok(sources) = Sources::load(&source, common, &environment, output, true) else {
        return Exit::Failure;
    };
    let has = |loaded: &LoadedSource| loaded.stacks.iter().any(|found| found.name.as_deref() == Some(stack));
    let found = sources.all.iter().find(|(_, loaded)| has(loaded)).or_else(|| sources.all.first());
    let Some((source, loaded)) = found else { return Exit::Failure };
    print_diagnostics(loaded, output);
    let Some(wanted) = loaded.desired.stacks.get(stack).filter(|_| failures(loaded) == 0) else {
        return Exit::Failure;
    };
    let history = config::history(common, &environment).read(stack).unwrap_or_default();
    block_on(output, async {
        let engine = ReadOnly::new(connect(common.host.as_deref(), &environment).await?);
        let mut planned = cycle::plan(&engine, &loaded.desired, &source.policy(false), now()).await?;
        contents::explain(&mut planned.plan, &loaded.desired, loaded.mounts.as_deref());
        plan::mask_plan(&mut planned.plan, &masking::redactor(loaded, &planned.observed));
        let scene = Scene { stack, wanted, planned: &planned, history: &history, loaded };
        let Some(changes) = planned.plan.changes.get(stack) else { return Ok(Exit::Failure) };
        if let Some(name) = service.filter(|name| !changes.services.contains_key(*name)) {
            let near = nearest(name, changes.services.keys().map(String::as_str));
            let names: Vec<&str> = changes.services.keys().map(String::as_str).collect();
            let hint = near.map_or_else(
                || format!("its services are {}", names.join(", ")),
                |near| format!("did you mean {near}?"),
            );
            output.error(&format!("stack {stack} has no service {name:?}"), Some(&hint));
            return Ok(Exit::Failure);
        }
        let chosen: BTreeSet<&str> = match service {
            Some(service) => BTreeSet::from([service]),
            None => changes.services.keys().map(String::as_str).collect(),
        };
        if output.json {
            let services: Vec<Value> = chosen.iter().map(|service| scene.json(changes, service)).collect();
            output.result(&pretty(&json!({"stack": stack, "services": services})));
        } else {
            output.result(&scene.text(changes, &chosen, service.is_none(), output.verbose > 0));
        }
        Ok(Exit::Success)
    })
}

struct Scene<'a> {
    stack: &'a str,
    wanted: &'a DesiredStack,
    planned: &'a Planned,
    history: &'a [Deployment],
    loaded: &'a LoadedSource,
}

impl Scene<'_> {
    fn text(&self, changes: &StackChanges, chosen: &BTreeSet<&str>, is_whole: bool, verbose: bool) -> String {
        let mut text = String::new();
        let places = Places::of(self.loaded);
        let view = View::new(&self.planned.plan, true).with(&places);
        if is_whole {
            let revision = self
                .loaded
                .commit
                .as_ref()
                .map_or_else(String::new, |commit| format!(" at {}", told(commit)));
            let _ = writeln!(text, "{BOLD}{}{BOLD:#}{revision}", plain(self.stack));
            for (what, name, change) in view.shown(changes) {
                let is_quiet = change.action == ChangeAction::Unchanged && change.warnings.is_empty();
                if what != "service" && (verbose || !is_quiet) {
                    write_change(&mut text, view, (self.stack, what, name), change);
                }
            }
            text.push('\n');
        }
        for service in chosen {
            if let Some(change) = changes.services.get(*service) {
                self.write_service(&mut text, view, service, change);
            }
        }
        text
    }

    fn write_service(&self, text: &mut String, view: View<'_>, service: &str, change: &Change) {
        let (stack, name) = (plain(self.stack), plain(service));
        let _ = writeln!(text, "{BOLD}{stack}/{name}{BOLD:#}: {}", verdict(change));
        let containers = self.containers(service);
        for container in &containers {
            let _ = writeln!(text, "  {DIM}now{DIM:#}        {}", self.standing(container));
        }
        if containers.is_empty() {
            let _ = writeln!(text, "  {DIM}now{DIM:#}        no container");
        }
        if let Some((deployment, note)) = self.last(service) {
            let _ = writeln!(text, "  {DIM}last{DIM:#}       {}", last(deployment, note));
            for cause in &note.causes {
                let _ = writeln!(text, "               {}", plain(cause));
            }
        }
        for (word, all) in [("needs", self.needs(service)), ("needed by", self.needed_by(service))] {
            if !all.is_empty() {
                let _ = writeln!(text, "  {DIM}{word:<10}{DIM:#} {}", all.join("; "));
            }
        }
        if change.action != ChangeAction::Unchanged || !change.warnings.is_empty() {
            write_change(text, view, (self.stack, "service", service), change);
        }
        for advice in advice(self.stack, service, change) {
            let _ = writeln!(text, "  {advice}");
        }
        text.push('\n');
    }

    fn containers(&self, service: &str) -> Vec<&ObservedContainer> {
        let all = self.planned.observed.containers.iter();
        all.filter(|found| {
            found.stack() == self.stack
                && found.service() == service
                && !found.is_oneoff()
                && found.run().is_none()
        })
        .collect()
    }

    fn standing(&self, found: &ObservedContainer) -> String {
        let state = match found.state {
            ContainerState::Exited(code) => format!("exited with {code}"),
            other => other.as_str().to_owned(),
        };
        let health = found.health.map(|health| format!(", {}", health.as_str())).unwrap_or_default();
        let image = self.planned.observed.images.get(&found.image_id);
        let recorded = || serde_json::from_str::<Value>(found.label(labels::SPEC)).ok();
        let written = recorded().and_then(|spec| Some(spec.pointer("/spec/image")?.as_str()?.to_owned()));
        let name = written.or_else(|| image?.tags.first().cloned());
        let name = name.unwrap_or_else(|| "an image without a name".to_owned());
        let made = clock::utc(found.created);
        format!("{} is {state}{health}; made {made} of {}", plain(&found.name), plain(&name))
    }

    /// The last deployment in which something was done to a service.
    fn last(&self, service: &str) -> Option<(&Deployment, &ServiceNote)> {
        let mut noted = self.history.iter().rev();
        noted.find_map(|one| Some((one, one.services.iter().find(|note| note.name == service)?)))
    }

    fn needs(&self, service: &str) -> Vec<String> {
        let Some(service) = self.wanted.services.get(service) else { return Vec::new() };
        let told =
            |(key, dependency): (&String, &Dependency)| format!("{key} ({})", dependency.condition.as_str());
        let mut all: Vec<String> = service.depends_on.iter().map(told).collect();
        let shared = service.spec.network_mode.strip_prefix("service:");
        all.extend(shared.map(|key| format!("{key} (shares its network)")));
        all
    }

    fn needed_by(&self, service: &str) -> Vec<String> {
        let mode = format!("service:{service}");
        let told = |(key, other): (&String, &Arc<DesiredService>)| {
            if other.spec.network_mode == mode {
                return Some(format!("{key} (shares its network, and is replaced with it)"));
            }
            let dependency = other.depends_on.get(service)?;
            let restarts = if dependency.restart { ", restarts when it is replaced" } else { "" };
            Some(format!("{key} ({}{restarts})", dependency.condition.as_str()))
        };
        self.wanted.services.iter().filter_map(told).collect()
    }

    fn json(&self, changes: &StackChanges, service: &str) -> Value {
        let change = &changes.services[service];
        let containers: Vec<Value> = self
            .containers(service)
            .iter()
            .map(|found| {
                json!({"name": found.name, "id": found.id, "state": found.state.as_str(),
                    "health": found.health.map(Health::as_str)})
            })
            .collect();
        let last = self.last(service).map(|(deployment, note)| {
            json!({"number": deployment.number, "time": clock::iso(deployment.time), "outcome": note.outcome,
                "action": note.action, "causes": note.causes, "reason": note.reason})
        });
        let next = ShownService::of(service, change);
        json!({"name": service, "verdict": verdict(change), "containers": containers, "last": last, "next": next,
            "needs": self.needs(service), "needed_by": self.needed_by(service),
            "advice": advice(self.stack, service, change)})
    }
}

fn last(deployment: &Deployment, note: &ServiceNote) -> String {
    let Deployment { number, time, trigger, .. } = deployment;
    let outcome = note.outcome.replace('_', " ");
    let commit =
        deployment.commit.as_ref().map(|commit| format!(", commit {}", told(commit))).unwrap_or_default();
    let reason = if note.reason.is_empty() { String::new() } else { format!(": {}", note.reason.trim_end()) };
    let text =
        format!("#{number}, {}: {}, {outcome} ({trigger}){commit}{reason}", clock::utc(*time), note.action);
    plain(&text)
}

/// What the next run would do, in a sentence.
fn verdict(change: &Change) -> &'static str {
    let has = |kind| change.causes.iter().any(|cause| cause.kind == kind);
    match change.action {
        ChangeAction::Unchanged if !change.adopted.is_empty() => {
            "it is as the files ask for, though another tool made it: nothing would be done"
        }
        ChangeAction::Unchanged => "it is as the files ask for: nothing would be done",
        ChangeAction::Create => "it would be created",
        ChangeAction::Replace => "it would be replaced",
        ChangeAction::Start => "it would be started",
        ChangeAction::Tidy => "it is as the files ask for; what an earlier run left would go",
        ChangeAction::Remove => "it would be removed",
        ChangeAction::Blocked if has(CauseKind::Quarantined) => {
            "its change failed before and was taken back: it is left as it serves"
        }
        ChangeAction::Blocked => "its change is blocked: it is left as it is",
        ChangeAction::Wait if has(CauseKind::LeftAlone) => "somebody changed it, and it is left so",
        ChangeAction::Wait => "its change waits",
    }
}

/// What a person can do about it.
fn advice(stack: &str, service: &str, change: &Change) -> Vec<String> {
    let one = |kind: CauseKind| match kind {
        CauseKind::Quarantined => Some(format!(
            "a new input of the service lifts the quarantine; `reconcile --retry={stack}/{service}` tries the same again"
        )),
        CauseKind::Schedule => {
            Some(format!("`reconcile --now --stack {stack}` does not wait for the window"))
        }
        CauseKind::Suspended => {
            Some(format!("`reconcile resume {stack}` lets the stack follow its source again"))
        }
        CauseKind::LeftAlone => Some("`drift: heal` would have it put right".to_owned()),
        CauseKind::JobFailed => {
            Some(format!("its last words: `docker logs` of the container; `reconcile history {stack}`"))
        }
        _ => None,
    };
    let mut told: Vec<String> = change.causes.iter().filter_map(|cause| one(cause.kind)).collect();
    let blockers = change
        .causes
        .iter()
        .filter(|cause| change.action == ChangeAction::Blocked && cause.kind == CauseKind::Dependency);
    told.extend(blockers.map(|cause| format!("it waits for {}", words("service", cause))));
    told.dedup();
    told
}
