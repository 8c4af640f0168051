//! What the daemon heard last, as JSON.

use crate::daemon::board::{Board, Job, SourceNews, StackNews};
use crate::model::clock;
use serde_json::{Value, json};

/// All sources.
pub fn json(board: &Board) -> Value {
    json!({"sources": board.iter().map(source).collect::<Vec<_>>()})
}

fn source((name, news): (&String, &SourceNews)) -> Value {
    json!({
        "name": name,
        "revision": news.revision,
        "looked_at": news.looked.map(clock::iso),
        "error": news.error,
        "broken_stacks": news.broken,
        "stacks": news.stacks.iter().map(stack).collect::<Vec<_>>(),
    })
}

fn stack((name, news): (&String, &StackNews)) -> Value {
    json!({
        "name": name,
        "sync": news.sync(),
        "services": {"in_sync": news.in_sync, "out_of_sync": news.out_of_sync},
        "blocked": news.blocked,
        "waiting": news.waiting,
        "deployments": {
            "applied": news.deployments.applied,
            "rolled_back": news.deployments.rolled_back,
            "failed": news.deployments.failed,
        },
        "jobs": news.jobs.iter().map(job).collect::<Vec<_>>(),
        "last_deployment": news.last.map(|(at, success)| json!({"at": clock::iso(at), "success": success})),
    })
}

fn job((name, job): (&String, &Job)) -> Value {
    let last = job.last();
    json!({
        "name": name,
        "running": job.running().count(),
        "last_run": last.map(|run| json!({
            "at": clock::iso(run.at),
            "outcome": run.state.as_str(),
            "exit_code": run.state.exit_code(),
        })),
    })
}
