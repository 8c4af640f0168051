//! Tells a person, step by step, what a run does.

use super::output::{BOLD, DIM, GREEN, Output, RED, YELLOW};
use crate::execute::Events;
use crate::model::report::Outcome;
use crate::model::step::{Action, Step};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Prints a line per finished step, and on a terminal a last line with what is under way.
pub struct Printer {
    output: Output,
    total: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    ended: usize,
    /// Steps under way with their latest news.
    under_way: BTreeMap<String, String>,
    drawn: bool,
}

impl Printer {
    /// For a plan of so many steps.
    pub fn new(output: Output, total: usize) -> Self {
        Self { output, total, state: Mutex::default() }
    }

    fn update(&self, change: impl FnOnce(&mut State) -> Option<String>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let line = change(&mut state);
        let mut text = String::new();
        if state.drawn {
            text.push_str("\r\x1b[2K");
        }
        text.push_str(line.as_deref().unwrap_or_default());
        state.drawn = self.output.is_live() && !state.under_way.is_empty();
        if state.drawn {
            text.push_str(&status_line(&state, self.total));
        }
        if !text.is_empty() {
            self.output.talk(&text);
        }
    }
}

fn status_line(state: &State, total: usize) -> String {
    let mut line = format!("[{}/{total}]", state.ended);
    if let Some((target, news)) = state.under_way.iter().find(|(_, news)| !news.is_empty()) {
        let _ = write!(line, " {target}: {news}");
    } else if let Some((target, _)) = state.under_way.iter().next() {
        let _ = write!(line, " {target}");
    }
    let mut short: String = line.chars().filter(|c| !c.is_control()).take(78).collect();
    if short.len() < line.len() {
        short.push('…');
    }
    format!("{DIM}{short}{DIM:#}")
}

impl Events for Printer {
    fn started(&self, step: &Step) {
        if self.output.is_live() {
            self.update(|state| {
                let target = format!("{} {}", step.action.as_str(), step.action.target());
                state.under_way.insert(step.id.clone(), target);
                None
            });
        }
    }

    fn note(&self, step: &Step, line: &str) {
        if self.output.is_live() {
            self.update(|state| {
                state.under_way.insert(step.id.clone(), line.trim_end().to_owned());
                None
            });
        } else if self.output.verbose > 0 {
            self.output.talk(&format!("  {DIM}{}: {}{DIM:#}\n", step.id, line.trim_end()));
        }
    }

    fn finished(&self, step: &Step, outcome: &Outcome, elapsed: Duration) {
        self.update(|state| {
            state.ended += 1;
            state.under_way.remove(&step.id);
            Some(line(step, outcome, elapsed))
        });
    }
}

/// One line about a step that ended.
fn line(step: &Step, outcome: &Outcome, elapsed: Duration) -> String {
    let what = deed(&step.action);
    let target = step.action.target();
    let time = format!("{DIM}{:.1} s{DIM:#}", elapsed.as_secs_f64());
    match outcome {
        Outcome::Done => format!("  {GREEN}{what}{GREEN:#} {BOLD}{target}{BOLD:#} {time}\n"),
        Outcome::AlreadyDone => {
            format!("  {GREEN}{what}{GREEN:#} {BOLD}{target}{BOLD:#} {DIM}(was so already){DIM:#}\n")
        }
        Outcome::DoneWithWarning(warning) => {
            format!(
                "  {YELLOW}{what}{YELLOW:#} {BOLD}{target}{BOLD:#} {time}\n    {YELLOW}warning{YELLOW:#}: {warning}\n"
            )
        }
        Outcome::Failed(reason) => {
            let reason = reason.trim_end().replace('\n', "\n    ");
            format!(
                "  {RED}failed{RED:#} {} {BOLD}{target}{BOLD:#} {time}\n    {reason}\n",
                step.action.as_str()
            )
        }
        Outcome::Skipped { because } => {
            format!("  {DIM}skipped {} {target} because of {because}{DIM:#}\n", step.action.as_str())
        }
    }
}

const fn deed(action: &Action) -> &'static str {
    match action {
        Action::PullImage { .. } => "pulled",
        Action::BuildImage(_) => "built",
        Action::CreateNetwork { .. } => "created network",
        Action::RemoveNetwork { .. } => "removed network",
        Action::CreateVolume { .. } => "created volume",
        Action::CreateContainer(_) | Action::CreateRun { .. } => "created",
        Action::Mark { .. } => "marked",
        Action::ConnectNetwork { .. } => "connected",
        Action::UploadFiles { .. } => "wrote files into",
        Action::StartContainer(_) => "started",
        Action::UnpauseContainer(_) => "unpaused",
        Action::RestartContainer { .. } => "restarted",
        Action::StopContainer { .. } => "stopped",
        Action::RenameContainer { .. } => "renamed",
        Action::RemoveContainer(_) => "removed",
        Action::AwaitHealthy { .. } => "healthy",
        Action::AwaitStable { .. } => "stable",
        Action::AwaitCompleted { .. } => "completed",
        Action::Delay { .. } => "waited",
        Action::Exec { .. } => "ran a hook in",
    }
}
