//! `reconcile rollback STACK [REVISION]`: one stack as an earlier revision of its repository has it.

use super::args::{ApplyArgs, CommonArgs, RollbackArgs, SourceArgs};
use super::config::{self, Chosen};
use super::control;
use super::deploy::{Ended, Rollback, Run};
use super::engine::Reach;
use super::exit::Exit;
use super::output::Output;
use super::record::Recorder;
use super::source::{current_dir, diagnostics_json, environment, failures, print_diagnostics, told};
use crate::cycle::Reread;
use crate::history::{Choice, choose};
use crate::model::history::Deployment;
use crate::plan::Policy;
use crate::source::git::{Address, Ask, Wanted, is_commit_id};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

/// Goes back, or shows what that would do.
pub fn run(args: &RollbackArgs, common: &CommonArgs) -> Exit {
    let output = Output::new(common);
    let environment = environment();
    let args = placed(args);
    let store = config::history(common, &environment);
    let history = store.read(&args.stack).unwrap_or_else(|error| {
        output.complain(&format!("the history in {} cannot be read: {error}\n", store.directory().display()));
        Vec::new()
    });
    let apply = ApplyArgs {
        source: SourceArgs {
            source: args.source.clone(),
            stacks: vec![args.stack.clone()],
            ..SourceArgs::default()
        },
        dry_run: args.dry_run,
        lock_timeout: args.lock_timeout,
        ..ApplyArgs::default()
    };
    let Ok(sources) = config::sources(&apply.source, common, &environment, output, true) else {
        return Exit::Failure;
    };
    let Some(mut source) = pick(sources, &args, &history, &environment, output) else {
        return Exit::Failure;
    };
    let Some(git) = &mut source.git else {
        let hint = "bring its files back, such as with `git checkout`, and run `reconcile`; or give a git repository as \
                    SOURCE";
        let message =
            format!("{} is a directory, which has no earlier revisions; nothing was changed", source.title());
        output.error(&message, Some(hint));
        return Exit::Failure;
    };
    let wanted = match choose(&history, args.revision.as_deref()) {
        Choice::Known(commit) => Wanted::Commit(commit.id),
        Choice::Given(text) if is_commit_id(&text) => Wanted::Commit(text.to_lowercase()),
        Choice::Given(text) => Wanted::Any(text),
        Choice::None(why) => {
            let hint = format!(
                "name one: `reconcile rollback {0} REVISION`, a number of `reconcile history {0}`, a commit, branch or tag",
                args.stack
            );
            output.error(&format!("{}: {why}; nothing was changed", args.stack), Some(&hint));
            return Exit::Failure;
        }
    };
    Arc::make_mut(git).settings.wanted = wanted;
    go_back(&args.stack, (&apply, common), &source, &environment, output)
}

fn go_back(
    stack: &str,
    (args, common): (&ApplyArgs, &CommonArgs),
    source: &Chosen,
    environment: &BTreeMap<String, String>,
    output: Output,
) -> Exit {
    let loaded = source.load(environment, false, Ask::Now);
    if let Some(commit) = &loaded.commit {
        output.talk(&format!("{} at {}\n", source.title(), told(commit)));
    }
    print_diagnostics(&loaded, output);
    let Some(commit) = loaded.commit.as_ref().filter(|_| loaded.desired.stacks.contains_key(stack)) else {
        if output.json {
            source.print(output, json!({"stacks": [], "errors": diagnostics_json(&loaded)}));
        }
        return Exit::Failure;
    };
    // Whoever goes back has a reason not to wait for a window, and may do so once more from where an earlier rollback led.
    let policy = Policy {
        only: Some(BTreeSet::from([stack.to_owned()])),
        anytime: true,
        despite_suspension: true,
        ..Policy::default()
    };
    let revision = loaded.desired.revision.clone();
    let reread: Reread = Arc::new(move || revision.clone());
    let rollback = Rollback { stack: stack.to_owned(), to: commit.short().to_owned() };
    let reach = match Reach::new(common.host.as_deref(), environment, output) {
        Ok(reach) => reach,
        Err(exit) => return exit,
    };
    let run = Run {
        args,
        output,
        reach: &reach,
        source,
        loaded: &loaded,
        reread: &reread,
        alerts: None,
        recorder: &Recorder::new(common, environment, output, "command"),
        policy,
        failed: failures(&loaded),
        rollback: Some(&rollback),
        expected: None,
        keeps: None,
        records: None,
    };
    let ended = reach.block_on(output, async {
        if args.dry_run {
            return run.preview().await.map(Ended::With);
        }
        let ended = Box::pin(run.apply()).await;
        control::hint(common, environment, stack).await;
        ended
    });
    match ended {
        Ended::With(exit) => exit,
        // It is one commit, which says the same for ever; what belongs to the server may have changed.
        Ended::Outdated => {
            output
                .error("local files of the source changed meanwhile; nothing was changed", Some("try again"));
            Exit::Failure
        }
    }
}

/// The same with an address that stands where a revision may stand as the source.
fn placed(args: &RollbackArgs) -> RollbackArgs {
    let mut args = args.clone();
    let is_address = |text: &String| matches!(Address::parse(text, &current_dir()), Some(Ok(_)));
    if let (Some(text), None) = (args.revision.clone().filter(is_address), &args.source) {
        (args.revision, args.source) = (None, Some(PathBuf::from(text)));
    }
    args
}

/// The source that the stack is of: the one that it was deployed from, else the first that has it.
fn pick(
    mut sources: Vec<Chosen>,
    args: &RollbackArgs,
    history: &[Deployment],
    environment: &BTreeMap<String, String>,
    output: Output,
) -> Option<Chosen> {
    if sources.len() == 1 {
        return sources.pop();
    }
    let last = history.last().map(|last| last.source.as_str());
    if let Some(at) = sources.iter().position(|source| Some(source.title().as_str()) == last) {
        return Some(sources.swap_remove(at));
    }
    let has = |source: &Chosen| {
        let loaded = source.load(environment, true, Ask::IfUnknown);
        loaded.stacks.iter().any(|stack| stack.name.as_ref() == Some(&args.stack))
    };
    let found = sources.into_iter().find(has);
    if found.is_none() {
        let message = format!("there is no stack {:?} in any source, nor in the history", args.stack);
        output.error(&message, Some("`reconcile status` and `reconcile history` list the stacks"));
    }
    found
}
