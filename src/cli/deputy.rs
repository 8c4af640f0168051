//! A process that manages the stack it is itself a part of: a deputy replaces its container.

use super::args::{ApplyArgs, CommonArgs, SourceArgs, WatchArgs};
use super::exit::Exit;
use super::output::{Output, YELLOW};
use super::{apply, own_container};
use crate::daemon::Deputy;
use crate::engine::EngineError;
use crate::engine::docker::{DockerEngine, MISSION};
use crate::model::step::Plan;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The stacks that this process is to work on as the deputy of another one.
pub fn mission(environment: &BTreeMap<String, String>) -> Option<Vec<String>> {
    let stacks = environment.get(MISSION).filter(|stacks| !stacks.is_empty())?;
    Some(stacks.split(',').map(str::to_owned).collect())
}

/// Does what a daemon with these arguments would do about the stacks, once. What came of it is in its log: the engine
/// starts a deputy again that ends with an error.
pub fn run(args: &WatchArgs, common: &CommonArgs, stacks: Vec<String>) -> Exit {
    let apply = ApplyArgs {
        source: SourceArgs { stacks, ..args.source.clone() },
        parallel: args.parallel,
        lock_timeout: args.lock_timeout,
        no_prune: args.no_prune,
        ..ApplyArgs::default()
    };
    match apply::run(&apply, common) {
        Exit::Failure | Exit::Stale => Exit::Failure,
        Exit::Success | Exit::Changes | Exit::Partly => Exit::Success,
    }
}

/// How the daemon has its own container replaced; `None` if it runs in none.
pub fn deputy(engine: &DockerEngine, output: Output) -> Option<Deputy> {
    let own = own_container::own()?;
    let (engine, id) = (engine.clone(), own.clone());
    let send = move |stacks: String, apart: bool| {
        let (engine, id) = (engine.clone(), id.clone());
        let work = async move {
            output.talk(&format!("{stacks}: this process is part of it, so a deputy takes over\n"));
            let sent = engine.send_deputy(&id, &stacks, apart).await?;
            tell(&engine, &sent, output).await
        };
        Box::pin(work) as _
    };
    Some(Deputy { own, send: Arc::new(send) })
}

/// Waits for deputies that an earlier process sent, and says what became of them.
pub async fn settle(engine: DockerEngine, output: Output) {
    let found = match engine.deputies().await {
        Ok(found) => found,
        Err(error) => return output.complain(&format!("{YELLOW}warning{YELLOW:#}: deputies: {error}\n")),
    };
    for id in found {
        if let Err(error) = tell(&engine, &id, output).await {
            output.complain(&format!("{YELLOW}warning{YELLOW:#}: a deputy: {error}\n"));
        }
    }
}

async fn tell(engine: &DockerEngine, id: &str, output: Output) -> Result<(), EngineError> {
    let Some(words) = engine.deputy_ended(id).await? else { return Ok(()) };
    output.talk("the deputy has ended; it said:\n");
    for line in words.output.lines() {
        output.talk(&format!("  {line}\n"));
    }
    Ok(())
}

/// Whether a plan would stop the container that this process runs in, which is then said: nothing would see the rest of
/// the plan through.
pub fn is_part_of(plan: &Plan, output: Output) -> bool {
    if plan.steps.is_empty() {
        return false;
    }
    let Some(own) = own_container::own().filter(|own| plan.stops(own)) else { return false };
    let id = own.get(..12).unwrap_or(&own);
    output.error(
        &format!("this runs in the container {id}, which would be replaced; nothing was changed"),
        Some("`reconcile watch` in a container replaces it by a deputy; or run this from somewhere else"),
    );
    true
}
