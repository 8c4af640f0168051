//! Tells a person, step by step, what a run does.

use super::output::{BOLD, DIM, GREEN, Output, RED, YELLOW};
use crate::execute::Events;
use crate::model::report::Outcome;
use crate::model::step::{Action, Step};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use textwrap::core::display_width;

/// More steps under way than this are only counted.
const MOST: usize = 6;

/// Prints a line per finished step, and on a terminal below them what is under way, for how long, and how far.
pub struct Printer {
    output: Output,
    total: usize,
    tells_ends: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    ended: usize,
    /// Steps under way by id, in the order of the ids: a line stays where it is while its step goes on.
    under_way: BTreeMap<String, UnderWay>,
    /// How many lines below the last finished step are ours.
    drawn: usize,
}

struct UnderWay {
    what: String,
    /// What is said of it last.
    news: String,
    since: Instant,
}

impl Printer {
    /// For a plan of so many steps.
    pub fn new(output: Output, total: usize) -> Self {
        Self { output, total, tells_ends: true, state: Mutex::default() }
    }

    /// For a single step of whose end somebody else tells.
    pub fn silent_at_ends(output: Output) -> Self {
        Self { output, total: 0, tells_ends: false, state: Mutex::default() }
    }

    /// Says anew how long things take by now.
    pub fn tick(&self) {
        if self.output.is_live() {
            self.update(|_| None);
        }
    }

    fn update(&self, change: impl FnOnce(&mut State) -> Option<String>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = change(&mut state).unwrap_or_default();
        if !self.output.is_live() {
            return self.output.talk(&text);
        }
        let lines = if state.under_way.is_empty() {
            Vec::new()
        } else {
            status(&state, self.total, self.output.width().unwrap_or(80), Instant::now())
        };
        for line in &lines {
            let _ = writeln!(text, "{DIM}{line}{DIM:#}");
        }
        self.output.redraw(state.drawn, &text);
        state.drawn = lines.len();
    }
}

/// What is under way, a line each, none of them wider than the terminal: one that wraps could not be taken back.
fn status(state: &State, total: usize, width: usize, now: Instant) -> Vec<String> {
    let all = state.under_way.values().take(MOST).map(|step| {
        let seconds = now.saturating_duration_since(step.since).as_secs();
        let time = if seconds > 0 { format!("  {seconds} s") } else { String::new() };
        let news = if step.news.is_empty() { String::new() } else { format!(": {}", step.news) };
        let room = width.saturating_sub(display_width(&time) + 1);
        format!("{}{time}", cut(&format!("  {}{news}", step.what), room))
    });
    let mut lines: Vec<String> = all.collect();
    let more = state.under_way.len().saturating_sub(MOST);
    let more = if more > 0 { format!("  and {more} more") } else { String::new() };
    let count = if total > 0 { format!("  {} of {total} steps done", state.ended) } else { String::new() };
    if !(more.is_empty() && count.is_empty()) {
        lines.push(cut(&format!("{more}{count}"), width.saturating_sub(1)));
    }
    lines
}

/// As much of a line as fits.
fn cut(line: &str, width: usize) -> String {
    let line: String = line.chars().filter(|c| !c.is_control()).collect();
    if display_width(&line) <= width {
        return line;
    }
    let mut short = String::new();
    for c in line.chars() {
        short.push(c);
        if display_width(&short) >= width {
            short.pop();
            break;
        }
    }
    short.push('…');
    short
}

impl Drop for Printer {
    /// Work that ended early leaves nothing behind that looks as if it went on.
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if state.drawn > 0 {
            self.output.redraw(state.drawn, "");
        }
    }
}

impl Events for Printer {
    fn started(&self, step: &Step) {
        if self.output.is_live() {
            self.update(|state| {
                let what = format!("{} {}", Words::of(&step.action).doing, step.action.target());
                let begun = UnderWay { what, news: String::new(), since: Instant::now() };
                state.under_way.insert(step.id.clone(), begun);
                None
            });
        }
    }

    fn note(&self, step: &Step, line: &str) {
        if self.output.is_live() {
            self.update(|state| {
                if let Some(step) = state.under_way.get_mut(&step.id) {
                    line.trim_end().clone_into(&mut step.news);
                }
                None
            });
        } else if self.output.verbose > 0 {
            self.output.talk(&format!("  {DIM}{}: {}{DIM:#}\n", step.id, line.trim_end()));
        }
    }

    fn finished(&self, step: &Step, outcome: &Outcome, elapsed: Duration) {
        // What fails of a service is told with the service; images and networks are nobody's.
        if self.output.quiet && step.service.is_empty() && matches!(outcome, Outcome::Failed(_)) {
            self.output.complain(&line(step, outcome, elapsed));
        }
        self.update(|state| {
            state.ended += 1;
            state.under_way.remove(&step.id);
            self.tells_ends.then(|| line(step, outcome, elapsed))
        });
    }
}

/// One line about a step that ended.
fn line(step: &Step, outcome: &Outcome, elapsed: Duration) -> String {
    let Words { doing, done, failed } = Words::of(&step.action);
    let target = step.action.target();
    let time = format!("{DIM}{:.1} s{DIM:#}", elapsed.as_secs_f64());
    match outcome {
        Outcome::Done => format!("  {GREEN}{done}{GREEN:#} {BOLD}{target}{BOLD:#} {time}\n"),
        Outcome::AlreadyDone => {
            format!("  {GREEN}{done}{GREEN:#} {BOLD}{target}{BOLD:#} {DIM}(was so already){DIM:#}\n")
        }
        Outcome::DoneWithWarning(warning) => {
            format!(
                "  {YELLOW}{done}{YELLOW:#} {BOLD}{target}{BOLD:#} {time}\n    {YELLOW}warning{YELLOW:#}: {warning}\n"
            )
        }
        Outcome::Failed(reason) => {
            let reason = reason.trim_end().replace('\n', "\n    ");
            format!("  {RED}{failed}{RED:#} {BOLD}{target}{BOLD:#} {time}\n    {reason}\n")
        }
        Outcome::Skipped { because } => {
            format!("  {DIM}skipped {doing} {target} because of {because}{DIM:#}\n")
        }
    }
}

/// What is said of a step, before the name of what it is done to.
struct Words {
    doing: &'static str,
    done: &'static str,
    failed: &'static str,
}

impl Words {
    const fn of(action: &Action) -> Self {
        let (doing, done, failed) = match action {
            Action::PullImage { .. } => ("pulling", "pulled", "cannot pull"),
            Action::BuildImage(_) => ("building", "built", "cannot build"),
            Action::CreateNetwork { .. } => ("creating network", "created network", "cannot create network"),
            Action::RemoveNetwork { .. } => ("removing network", "removed network", "cannot remove network"),
            Action::CreateVolume { .. } => ("creating volume", "created volume", "cannot create volume"),
            Action::CreateContainer(_) | Action::CreateRun { .. } => ("creating", "created", "cannot create"),
            Action::Mark { .. } => ("marking", "marked", "cannot mark"),
            Action::ConnectNetwork { .. } => ("connecting", "connected", "cannot connect"),
            Action::UploadFiles { .. } => {
                ("writing files into", "wrote files into", "cannot write files into")
            }
            Action::StartContainer(_) => ("starting", "started", "cannot start"),
            Action::UnpauseContainer(_) => ("unpausing", "unpaused", "cannot unpause"),
            Action::RestartContainer { .. } => ("restarting", "restarted", "cannot restart"),
            Action::StopContainer { .. } => ("stopping", "stopped", "cannot stop"),
            Action::RenameContainer { .. } => ("renaming", "renamed", "cannot rename"),
            Action::RemoveContainer(_) => ("removing", "removed", "cannot remove"),
            Action::AwaitHealthy { .. } => ("waiting for the health of", "healthy", "did not get healthy:"),
            Action::AwaitStable { .. } => ("watching", "stable", "did not last:"),
            Action::AwaitCompleted { .. } => ("waiting for the end of", "completed", "did not succeed:"),
            Action::Delay { .. } => ("pausing for", "waited", "cannot wait"),
            Action::Exec { .. } => ("running a hook in", "ran a hook in", "a hook failed in"),
        };
        Self { doing, done, failed }
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST, State, UnderWay, cut, status};
    use std::time::{Duration, Instant};
    use textwrap::core::display_width;

    fn state(count: usize, now: Instant) -> State {
        let mut state = State { ended: 3, ..State::default() };
        for number in 0..count {
            let since = now.checked_sub(Duration::from_secs(number as u64)).expect("a time");
            let news = if number == 1 { "12 of 40 MB".to_owned() } else { String::new() };
            let step = UnderWay { what: format!("pulling app:{number}"), news, since };
            state.under_way.insert(format!("s{number}"), step);
        }
        state
    }

    #[test]
    fn every_step_under_way_has_a_line_with_its_news_and_its_time() {
        let now = Instant::now();
        assert_eq!(
            status(&state(3, now), 9, 80, now),
            [
                "  pulling app:0",
                "  pulling app:1: 12 of 40 MB  1 s",
                "  pulling app:2  2 s",
                "  3 of 9 steps done"
            ]
        );
        assert_eq!(status(&state(1, now), 0, 80, now), ["  pulling app:0"], "a single wait counts no steps");
        let many = status(&state(MOST + 2, now), 9, 80, now);
        assert_eq!((many.len(), many[MOST].as_str()), (MOST + 1, "  and 2 more  3 of 9 steps done"));
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let now = Instant::now();
        for width in 1..40 {
            for line in status(&state(9, now), 9, width, now) {
                // The time stands even where there is room for nothing else.
                assert!(display_width(&line) < width.max(8), "{width}: {line:?}");
            }
        }
        assert_eq!(cut("日本語のイメージ", 7), "日本語…");
        assert_eq!(cut("a\u{1b}[2Jb", 80), "a[2Jb");
    }
}
