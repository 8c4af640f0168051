//! The Docker engine against a real one. Without a reachable engine (and `docker` to look at it with) the tests say so and
//! pass.

mod build;
mod keeps_the_contract;
mod lifecycle;
mod newer;
mod observe;
mod registry;
mod replace;
mod waits;

use reconcile::engine::docker::{ConnectOptions, DockerEngine};
use reconcile::engine::{Engine, EngineError, Silent};
use reconcile::model::labels;
use reconcile::model::report::Outcome;
use reconcile::model::service::ServiceSpec;
use reconcile::model::step::{Action, ContainerRef, ContainerSpec};
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::Command;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// The image that everything runs.
const IMAGE: &str = "reconcile-test/busybox:1";
/// Makes a tree with busybox under all its names, and an image of it.
const MAKE_IMAGE: &str = r#"set -e; d=$(mktemp -d); mkdir -p "$d/bin" "$d/etc" "$d/tmp" "$d/proc" "$d/sys" "$d/dev"
cp "$(command -v busybox)" "$d/bin/busybox"; for name in $(busybox --list | grep -vx busybox); do ln -s busybox "$d/bin/$name"; done
tar -C "$d" -c . | docker import -c 'CMD ["sh"]' - reconcile-test/busybox:1; rm -rf "$d""#;
/// Marks what tests make, and by whom.
const MARK: &str = "dev.reconcile.test";
const RUN: &str = "dev.reconcile.test.run";

/// Whether the image is there, made once if it is not.
static HAS_IMAGE: LazyLock<bool> = LazyLock::new(|| {
    docker(&["image", "inspect", IMAGE]).is_ok()
        || Command::new("sh").args(["-c", MAKE_IMAGE]).status().is_ok_and(|status| status.success())
});
static COUNTER: AtomicU32 = AtomicU32::new(0);

/// Runs `docker`, for a second opinion. The output, or what it says is wrong.
fn docker(arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("docker").args(arguments).output().map_err(|error| error.to_string())?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

/// An engine, and a prefix for the names of what a test makes on it. What it made goes with it, also after a panic.
struct Lab {
    engine: DockerEngine,
    prefix: String,
}

impl Lab {
    /// `None`, with a message, if there is no engine.
    async fn start() -> Option<Self> {
        let environment: BTreeMap<String, String> = std::env::vars().collect();
        let engine =
            match DockerEngine::connect(&ConnectOptions { host: None, environment: &environment }).await {
                Ok(engine) => engine,
                Err(error) => {
                    eprintln!("skipped: {error}");
                    return None;
                }
            };
        if !*HAS_IMAGE {
            eprintln!("skipped: there is no image {IMAGE}, and no busybox to make it of");
            return None;
        }
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        Some(Self { engine, prefix: format!("reconcile-test-{}-{number}-", std::process::id()) })
    }

    fn name(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    fn labels(&self) -> BTreeMap<String, String> {
        [(MARK, "1"), (RUN, &self.prefix), (labels::HASH, "1:test")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into()
    }

    /// A container that runs a shell command, with further attributes.
    fn container(&self, name: &str, command: &str, more: Value) -> ContainerSpec {
        let mut spec: ServiceSpec = serde_json::from_value(more).expect("attributes");
        spec.command = Some(["sh", "-c", command].map(str::to_owned).to_vec());
        spec.stop_grace_period = Some(reconcile::model::units::Nanos(0));
        ContainerSpec {
            name: self.name(name),
            final_name: self.name(name),
            image: IMAGE.to_owned(),
            labels: self.labels(),
            network_mode: "none".to_owned(),
            spec,
            ..ContainerSpec::default()
        }
    }

    async fn perform(&self, action: Action) -> Result<Outcome, EngineError> {
        self.engine.perform(&action, &Silent).await
    }

    async fn done(&self, action: Action) {
        let text = action.as_str();
        let outcome = self.perform(action).await.unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(outcome, Outcome::Done, "{text}");
    }

    async fn done_already(&self, action: Action) {
        let text = action.as_str();
        let outcome = self.perform(action).await.unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(outcome, Outcome::AlreadyDone, "{text}");
    }

    async fn fails(&self, action: Action) -> String {
        match self.perform(action).await {
            Ok(outcome) => panic!("{outcome:?} in place of a failure"),
            Err(error) => error.to_string(),
        }
    }

    /// Creates and starts a container.
    async fn run(&self, container: ContainerSpec) -> ContainerRef {
        let name = ContainerRef::Name(container.name.clone());
        self.done(Action::CreateContainer(Box::new(container))).await;
        self.done(Action::StartContainer(name.clone())).await;
        name
    }

    /// A field of `docker inspect`, as JSON.
    fn look(name: &str, field: &str) -> Value {
        let text = docker(&["inspect", "-f", &format!("{{{{json {field}}}}}"), name]).expect("inspect");
        serde_json::from_str(&text).expect("JSON")
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let filter = format!("label={RUN}={}", self.prefix);
        for (list, remove) in [
            (&["ps", "-aq", "--filter"][..], &["rm", "-f", "-v"][..]),
            (&["network", "ls", "-q", "--filter"], &["network", "rm"]),
            (&["volume", "ls", "-q", "--filter"], &["volume", "rm"]),
            (&["images", "-q", "--filter"], &["rmi", "-f"]),
        ] {
            let found = docker(&[list, &[filter.as_str()]].concat()).unwrap_or_default();
            let found: Vec<&str> = found.split_whitespace().collect();
            if !found.is_empty() {
                let _ = docker(&[remove, &found].concat());
            }
        }
    }
}
