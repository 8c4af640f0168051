//! Reaching the engine and running asynchronous work.

use super::exit::Exit;
use super::output::Output;
use crate::engine::EngineError;
use crate::engine::docker::{ConnectOptions, DockerEngine};
use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::runtime::Runtime;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

/// Runs work to its end on this thread: the program waits for the engine nearly all the time.
pub fn block_on<T: From<Exit>>(output: Output, work: impl Future<Output = Result<T, EngineError>>) -> T {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return cannot_start(output, &error).into(),
    };
    let exit = runtime.block_on(work).unwrap_or_else(|error| unreached(output, &error));
    // What is still open are idle connections; waiting for them would only cost time.
    runtime.shutdown_background();
    exit
}

/// The engine of a run on several sources: reached once, and if wanted while the sources are being read.
pub struct Reach {
    /// Has a thread of its own, on which answers are read while this one works. `None` once it has ended.
    runtime: Option<Runtime>,
    host: Option<String>,
    environment: BTreeMap<String, String>,
    state: Mutex<Reached>,
}

enum Reached {
    Not,
    OnTheWay(JoinHandle<Result<DockerEngine, EngineError>>),
    There(Box<DockerEngine>),
}

impl Reach {
    /// Asks for nothing yet. Tells what is wrong if there are no threads to be had.
    pub fn new(
        host: Option<&str>,
        environment: &BTreeMap<String, String>,
        output: Output,
    ) -> Result<Self, Exit> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(|error| cannot_start(output, &error))?;
        let (host, environment) = (host.map(str::to_owned), environment.clone());
        Ok(Self { runtime: Some(runtime), host, environment, state: Mutex::new(Reached::Not) })
    }

    /// Begins to ask the engine what a first look will ask it for. What fails is told when the engine is needed.
    pub fn begin(&mut self) {
        let (host, environment) = (self.host.clone(), self.environment.clone());
        let work = async move {
            let engine = connect(host.as_deref(), &environment).await?;
            // The look itself will ask again, and tell.
            drop(engine.look_ahead().await);
            Ok(engine)
        };
        if let Some(runtime) = &self.runtime {
            *self.state.get_mut() = Reached::OnTheWay(runtime.spawn(work));
        }
    }

    /// The engine.
    pub async fn engine(&self) -> Result<DockerEngine, EngineError> {
        let mut state = self.state.lock().await;
        let engine = match std::mem::replace(&mut *state, Reached::Not) {
            Reached::Not => connect(self.host.as_deref(), &self.environment).await?,
            Reached::OnTheWay(work) => match work.await {
                Ok(engine) => engine?,
                Err(error) => match error.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    Err(error) => return Err(EngineError::Failed(error.to_string())),
                },
            },
            Reached::There(engine) => *engine,
        };
        *state = Reached::There(Box::new(engine.clone()));
        Ok(engine)
    }

    /// Runs work to its end.
    pub fn block_on<T: From<Exit>>(
        &self,
        output: Output,
        work: impl Future<Output = Result<T, EngineError>>,
    ) -> T {
        match &self.runtime {
            Some(runtime) => runtime.block_on(work).unwrap_or_else(|error| unreached(output, &error)),
            None => Exit::Failure.into(),
        }
    }
}

impl Drop for Reach {
    fn drop(&mut self) {
        // What is still open are idle connections; waiting for them would only cost time.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn cannot_start(output: Output, error: &std::io::Error) -> Exit {
    output.error(&format!("cannot start the runtime: {error}"), None);
    Exit::Failure
}

fn unreached<T: From<Exit>>(output: Output, error: &EngineError) -> T {
    output.error(&error.to_string(), error.hint());
    Exit::Failure.into()
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
