//! Reaching the engine and running asynchronous work.

use super::exit::Exit;
use super::output::Output;
use crate::engine::EngineError;
use crate::engine::docker::{ConnectOptions, DockerEngine};
use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

/// Runs work to its end on this thread: the program waits for the engine nearly all the time.
pub fn block_on<T: From<Exit>>(output: Output, work: impl Future<Output = Result<T, EngineError>>) -> T {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output.error(&format!("cannot start the runtime: {error}"), None);
            return Exit::Failure.into();
        }
    };
    let exit = runtime.block_on(work).unwrap_or_else(|error| {
        output.error(&error.to_string(), error.hint());
        Exit::Failure.into()
    });
    // What is still open are idle connections; waiting for them would only cost time.
    runtime.shutdown_background();
    exit
}

/// Connects to the engine that `--host`, the environment or the Docker context names.
pub async fn connect(
    host: Option<&str>,
    environment: &BTreeMap<String, String>,
) -> Result<DockerEngine, EngineError> {
    DockerEngine::connect(&ConnectOptions { host: host.map(str::to_owned), environment }).await
}

/// Seconds since 1970.
pub fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| i64::try_from(time.as_secs()).unwrap_or(0))
}
