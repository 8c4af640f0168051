//! `reconcile notify test`: tries the sinks of the host's settings.

use super::apply::pretty;
use super::args::{CommonArgs, NotifyArgs, NotifyCommand, SourceArgs};
use super::config;
use super::diagnostics::{self, Scene};
use super::engine::{block_on, now};
use super::exit::Exit;
use super::output::{BOLD, GREEN, Output, RED};
use super::process::host_name;
use super::source::{current_dir, is_error};
use crate::sinks::delivery::Sink;
use crate::sinks::{self, trial};
use futures_util::future::join_all;
use serde_json::json;
use std::sync::Arc;

/// Runs the command.
pub fn run(args: &NotifyArgs, common: &CommonArgs) -> Exit {
    let NotifyCommand::Test { name } = &args.command;
    let output = Output::new(common);
    let Some(host) = config::settings(&SourceArgs::default(), common) else {
        output.error("there are no settings of the host", Some("name them with --config FILE"));
        return Exit::Failure;
    };
    if host.diagnostics.iter().any(is_error) {
        let cwd = current_dir();
        for one in &host.diagnostics {
            output.complain(&diagnostics::text(one, Scene { sources: &host.texts, cwd: &cwd }));
        }
        return Exit::Failure;
    }
    let sources = host.sources.iter().map(|source| source.name.clone()).collect();
    let own = host_name();
    let (notify, directory) = (&host.notify, &host.directory);
    let all = sinks::sinks(&sinks::Host { notify, directory, name: &own, sources, now, runs_on: false });
    let names: Vec<&str> = all.iter().map(|sink| sink.name.as_str()).collect();
    let chosen: Vec<Arc<Sink>> =
        all.iter().filter(|sink| name.as_ref().is_none_or(|name| *name == sink.name)).cloned().collect();
    if chosen.is_empty() {
        match name {
            Some(name) => {
                let hint = format!("the sinks are {}", names.join(", "));
                output.error(&format!("there is no sink {name:?}"), (!names.is_empty()).then_some(&hint));
            }
            None => output.error("the settings name nobody to tell", Some("add sinks below `notify`")),
        }
        return Exit::Failure;
    }
    block_on(output, async {
        let tried = join_all(chosen.iter().map(|sink| sink.deliver_once_checked(now()))).await;
        let mut results = Vec::new();
        for (sink, answer) in chosen.iter().zip(&tried) {
            let (name, kind) = (&sink.name, sink.settings.word());
            let (word, style, text) = match answer {
                Ok(text) => ("delivered", GREEN, text),
                Err(text) => ("failed", RED, text),
            };
            results.push(json!({"name": name, "kind": kind, "delivered": answer.is_ok(), "answer": text}));
            if !output.json {
                output.result(&format!("{style}{word:<9}{style:#} {BOLD}{name}{BOLD:#} ({kind}): {text}\n"));
            }
        }
        if output.json {
            output.result(&pretty(&json!(results)));
        }
        Ok(if tried.iter().all(Result::is_ok) { Exit::Success } else { Exit::Failure })
    })
}

impl Sink {
    /// Tries a sink once.
    async fn deliver_once_checked(self: &Arc<Self>, now: i64) -> Result<String, String> {
        self.check()?;
        self.deliver_once(&trial(self, now)).await.map_err(|refusal| refusal.why)
    }
}
