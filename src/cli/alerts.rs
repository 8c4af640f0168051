//! Tells the sinks of the host's settings what becomes of its sources.

use super::args::{CommonArgs, SourceArgs};
use super::config::{self, Chosen};
use super::engine::now;
use super::output::{Output, YELLOW};
use super::process::host_name;
use super::source::{problems, secret_file};
use crate::cycle::Applied;
use crate::engine::EngineError;
use crate::model::desired::DesiredState;
use crate::model::report::Results;
use crate::model::step::Plan;
use crate::plan::{self, Jobs};
use crate::sinks::observation::{self, Finding, Observation, Revision, Run};
use crate::sinks::{self, Notifier};
use crate::source::{Host, LoadedSource};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a daemon that ends waits for messages under way.
const AT_THE_END: Duration = Duration::from_secs(5);
/// How long a command that is done waits for its messages: long enough for one that does not get through at once.
const AFTER_A_RUN: Duration = Duration::from_secs(30);

/// Whom to tell, or nobody.
pub struct Alerts {
    host: Option<Host>,
    names: BTreeSet<String>,
    /// Whether nothing is wrong with any sink.
    sound: bool,
    output: Output,
    /// Tells at once; without it what was seen is kept until [`Self::deliver`].
    notifier: Option<Notifier>,
    seen: Mutex<BTreeMap<String, Seen>>,
    kept: Mutex<Vec<Kept>>,
}

/// What is known of a source.
#[derive(Default)]
struct Seen {
    revision: Option<Revision>,
    desired: Arc<DesiredState>,
    /// What did not load.
    unloaded: Vec<Observation>,
    /// All stacks that it has.
    stacks: BTreeSet<String>,
    /// Its jobs, as `stack/service`.
    jobs: BTreeSet<String>,
    /// Whether the source as a whole could be read.
    is_sound: bool,
    /// Stacks that were as this revision wants them.
    settled: BTreeSet<String>,
}

/// What is told when all is done.
struct Kept {
    source: String,
    seen: Vec<Observation>,
    /// All stacks of the source, if it was looked at.
    looked: Option<BTreeSet<String>>,
}

impl Alerts {
    /// For the sources of a command. What is wrong with a sink is said now, and again when it matters.
    pub fn new(args: &SourceArgs, common: &CommonArgs, sources: &[&Chosen], output: Output) -> Self {
        let host = config::settings(args, common).filter(|host| !host.notify.is_empty());
        let mut alerts = Self {
            host,
            sound: true,
            names: sources.iter().map(|source| source.title()).collect(),
            output,
            notifier: None,
            seen: Mutex::default(),
            kept: Mutex::default(),
        };
        let name = host_name();
        let mut sound = true;
        for sink in alerts.sinks_of(&name, true).iter().flat_map(sinks::sinks) {
            if let Err(error) = sink.check() {
                complain(output, &format!("{}: {error}", sink.name));
                sound = false;
            }
        }
        alerts.sound = sound;
        alerts
    }

    /// Whether every sink could be told something, as far as that shows without telling it.
    pub const fn is_sound(&self) -> bool {
        self.sound
    }

    /// Tells at once from now on. Called on a runtime.
    pub fn start(&mut self) {
        let name = host_name();
        self.notifier = self.sinks_of(&name, true).map(|host| self.notifier(&host));
    }

    fn notifier(&self, host: &sinks::Host<'_>) -> Notifier {
        let output = self.output;
        Notifier::start(host, Arc::new(move |line: &str| complain(output, line)))
    }

    fn sinks_of<'a>(&'a self, name: &'a str, runs_on: bool) -> Option<sinks::Host<'a>> {
        let host = self.host.as_ref()?;
        Some(sinks::Host {
            notify: &host.notify,
            directory: &host.directory,
            name,
            sources: self.names.clone(),
            now,
            runs_on,
        })
    }

    /// A source says this.
    pub fn loaded(&self, source: &str, loaded: &LoadedSource) {
        if self.host.is_none() {
            return;
        }
        let revision = revision(loaded);
        let problems = problems(loaded);
        let is_sound = !problems.contains_key("");
        let unloaded = problems
            .into_iter()
            .map(|(stack, problems)| observation::unloaded(source, &stack, revision.clone(), problems));
        let unloaded: Vec<Observation> = unloaded.collect();
        let stacks = loaded.stacks.iter().filter_map(|stack| stack.name.clone()).collect();
        let mut all = self.seen();
        let jobs = all.remove(source).map(|seen| seen.jobs).unwrap_or_default();
        let seen = Seen { revision, unloaded, stacks, jobs, is_sound, ..Seen::default() };
        all.insert(source.to_owned(), seen);
    }

    /// A source could not be loaded as a whole, so that nothing else is done.
    pub fn refused(&self, source: &str) {
        let seen = self.seen().get(source).map(|seen| seen.unloaded.clone()).unwrap_or_default();
        self.tell(source, seen, None);
    }

    /// A source was read and the engine answered. Of stacks under way the end is told, not what is half done.
    pub fn looked(
        &self,
        source: &str,
        desired: &Arc<DesiredState>,
        plan: &Plan,
        under_way: &BTreeSet<String>,
    ) {
        if self.host.is_none() {
            return;
        }
        let results = Applied::default().results(plan);
        let mut all = self.seen();
        let seen = all.entry(source.to_owned()).or_default();
        seen.desired = Arc::clone(desired);
        let run = seen.run((source, plan), &results);
        let mut found = masked(observation::observe(&run), &seen.desired);
        found.retain(|one| !under_way.contains(&one.stack));
        seen.settle(&found);
        found.retain(|one| seen.unloaded.iter().all(|other| other.stack != one.stack));
        found.extend_from_slice(&seen.unloaded);
        let looked = seen.is_sound.then(|| {
            found.push(Observation {
                source: source.to_owned(),
                stack: String::new(),
                revision: seen.revision.clone(),
                finding: Finding::Fine,
            });
            seen.stacks.iter().chain(plan.changes.keys()).chain(&seen.jobs).cloned().collect()
        });
        drop(all);
        self.tell(source, found, looked);
    }

    /// A plan was carried out.
    pub fn applied(&self, source: &str, plan: &Plan, applied: &Applied) {
        if self.host.is_none() {
            return;
        }
        let results = applied.results(plan);
        let mut all = self.seen();
        let seen = all.entry(source.to_owned()).or_default();
        let run = Run {
            report: Some(&applied.report),
            failures: &applied.failures,
            ..seen.run((source, plan), &results)
        };
        let mut found = masked(observation::observe(&run), &seen.desired);
        seen.settle(&found);
        found.retain(|one| seen.unloaded.iter().all(|other| other.stack != one.stack));
        drop(all);
        self.tell(source, found, None);
    }

    /// The jobs of a source are so. Each is a matter of its own: that its stack was deployed says nothing about it.
    pub fn jobs(&self, source: &str, jobs: &Jobs) {
        if self.host.is_none() {
            return;
        }
        let mut all = self.seen();
        let seen = all.entry(source.to_owned()).or_default();
        seen.jobs = jobs.keys().map(|(stack, service)| format!("{stack}/{service}")).collect();
        let found = jobs.iter().filter_map(|((stack, service), job)| {
            let run = job.last().filter(|_| job.running().next().is_none())?;
            let end = run.state.is_trouble().then(|| observation::JobEnd {
                run: run.container.name().to_owned(),
                outcome: run.state.as_str(),
                exit_code: run.state.exit_code(),
                at: run.at,
            });
            Some(observation::job(source, (stack, service), end))
        });
        let found = found.collect();
        drop(all);
        self.tell(source, found, None);
    }

    /// The engine does not answer.
    pub fn unreachable(&self, source: &str, error: &EngineError) {
        self.tell(source, vec![observation::unreachable(source, error.to_string())], None);
    }

    fn tell(&self, source: &str, seen: Vec<Observation>, looked: Option<BTreeSet<String>>) {
        let kept = Kept { source: source.to_owned(), seen, looked };
        match &self.notifier {
            Some(notifier) => kept.tell(notifier),
            None if self.host.is_some() => {
                self.kept.lock().unwrap_or_else(PoisonError::into_inner).push(kept);
            }
            None => {}
        }
    }

    fn seen(&self) -> MutexGuard<'_, BTreeMap<String, Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is anything to tell.
    pub fn has_news(&self) -> bool {
        !self.kept.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Tells what was kept, without memory of what was told before. Called on a runtime.
    pub async fn deliver(&self) {
        let name = host_name();
        let Some(host) = self.sinks_of(&name, false) else { return };
        let kept = std::mem::take(&mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner));
        let notifier = self.notifier(&host);
        for one in &kept {
            one.tell(&notifier);
        }
        notifier.close(AFTER_A_RUN).await;
    }

    /// Brings messages under way to an end, if that does not take long.
    pub async fn close(&self) {
        if let Some(notifier) = &self.notifier {
            notifier.close(AT_THE_END).await;
        }
    }
}

impl Kept {
    fn tell(&self, notifier: &Notifier) {
        notifier.observe(&self.source, &self.seen);
        if let Some(stacks) = &self.looked {
            notifier.looked(&self.source, stacks);
        }
    }
}

impl Seen {
    fn run<'a>(&'a self, (source, plan): (&'a str, &'a Plan), results: &'a Results) -> Run<'a> {
        Run {
            source,
            revision: self.revision.clone(),
            desired: &self.desired,
            plan,
            results,
            report: None,
            failures: &[],
            settled: &self.settled,
        }
    }

    fn settle(&mut self, found: &[Observation]) {
        let is_fine = |one: &&Observation| {
            matches!(one.finding, Finding::Fine | Finding::Deployed(_) | Finding::Mended(_))
        };
        self.settled.extend(found.iter().filter(is_fine).map(|one| one.stack.clone()));
    }
}

/// The same with the secrets of the stacks masked, also where a plan shows them: it is sent to others.
fn masked(mut found: Vec<Observation>, desired: &DesiredState) -> Vec<Observation> {
    if found.iter().any(Observation::has_story) {
        let redactor = plan::secrets(desired, &secret_file);
        for one in &mut found {
            one.mask(&redactor);
        }
    }
    found
}

/// What a source says; nothing if it says nothing.
fn revision(loaded: &LoadedSource) -> Option<Revision> {
    if let Some(commit) = &loaded.commit {
        return Some(Revision { id: commit.id.clone(), is_commit: true });
    }
    let id = loaded.desired.revision.clone();
    (!id.is_empty()).then_some(Revision { id, is_commit: false })
}

fn complain(output: Output, line: &str) {
    output.complain(&format!("{YELLOW}alert{YELLOW:#} {line}\n"));
}
