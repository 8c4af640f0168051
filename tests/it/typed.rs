//! Desired states written down directly, without the loader: a stack's services are `ServiceSpec`s with a few keys
//! of their own (`replicas`, `rollout`, `depends_on`, `pull`, `build`, `contents`, `files`, `job`, `allow_empty_volume`, `drift`).

#![expect(clippy::unwrap_used, reason = "a malformed case is a bug of the case")]

use reconcile::model::compose_hash::{ComposeHash, Dialect, InDialects};
use reconcile::model::desired::{
    BuildSpec, Condition, Dependency, DesiredService, DesiredStack, DesiredState, ImageSource, InjectedFile,
    IpamPool, JobMode, NetworkSpec, PullPolicy, Sensitive, VolumeSpec,
};
use reconcile::model::drift::Drift;
use reconcile::model::hash::digest;
use reconcile::model::rollout::{FailureAction, Order, Pace, Rollout, WaitFor};
use reconcile::model::service::ServiceSpec;
use reconcile::model::units::Nanos;
use reconcile::model::windows::{self, Schedule, TimeZone, Window};
use serde_yaml::{Mapping, Value};
use std::sync::Arc;

/// Reads a desired state.
pub fn state(text: &str) -> DesiredState {
    let root: Value = serde_yaml::from_str(text).expect("the file is YAML");
    let source = root.get("source").map_or("test", |source| source.as_str().expect("source is text"));
    let complete =
        root.get("complete").is_none_or(|complete| complete.as_bool().expect("complete is a bool"));
    let mut state =
        DesiredState { source: source.into(), revision: "r".into(), complete, ..DesiredState::default() };
    for (name, value) in mapping(root.get("stacks")) {
        state.stacks.insert(name.clone(), stack(&name, &value));
    }
    state
}

fn mapping(value: Option<&Value>) -> Vec<(String, Value)> {
    let Some(Value::Mapping(map)) = value else { return Vec::new() };
    map.iter().map(|(key, value)| (key.as_str().expect("keys are text").to_owned(), value.clone())).collect()
}

fn list(value: Option<&Value>) -> Vec<String> {
    value.map(|value| serde_yaml::from_value(value.clone()).expect("a list of texts")).unwrap_or_default()
}

fn text(value: &Value, key: &str) -> String {
    value.get(key).map_or(String::new(), |found| found.as_str().expect("text").to_owned())
}

fn stack(name: &str, value: &Value) -> DesiredStack {
    let working_dir = value.get("working_dir").map_or(format!("/srv/{name}"), |_| text(value, "working_dir"));
    let mut stack = DesiredStack {
        name: name.into(),
        config_files: vec![format!("{working_dir}/compose.yaml")],
        working_dir,
        disabled: list(value.get("disabled")).into_iter().collect(),
        depends_on: list(value.get("depends_on")),
        pre_deploy: mapping(value.get("pre_deploy"))
            .into_iter()
            .map(|(job, stopped)| (job, list(Some(&stopped)).into_iter().collect()))
            .collect(),
        schedule: value.get("schedule").map(schedule),
        compose_dialect: value.get("compose_dialect").and_then(|word| Dialect::named(word.as_str()?)),
        ..DesiredStack::default()
    };
    for (key, value) in mapping(value.get("networks")) {
        stack.networks.insert(key.clone(), network(name, &key, &value));
    }
    for (key, value) in mapping(value.get("volumes")) {
        stack.volumes.insert(key.clone(), volume(name, &key, &value));
    }
    for (key, value) in mapping(value.get("services")) {
        let service = service(&mut stack, &key, value);
        stack.services.insert(key, service.into());
    }
    stack
}

/// `[OPENS, HOURS]` of the window in which changes are applied.
fn schedule(value: &Value) -> Schedule {
    let (opens, hours): (String, i64) = serde_yaml::from_value(value.clone()).expect("a window");
    let length = Some(Nanos(hours * 3_600_000_000_000));
    let window = Window::new("window", windows::cron(&opens).expect("a cron expression"), length);
    Schedule { zone: TimeZone::UTC, allow: vec![window], freeze: Vec::new() }
}

fn engine_name(stack: &str, key: &str, value: &Value) -> (String, bool) {
    let external = value.get("external").is_some();
    let name = text(value, "name");
    let default = if external { key.to_owned() } else { format!("{stack}_{key}") };
    (if name.is_empty() { default } else { name }, external)
}

fn network(stack: &str, key: &str, value: &Value) -> NetworkSpec {
    let (name, external) = engine_name(stack, key, value);
    let pool = |subnet| IpamPool { subnet, ..IpamPool::default() };
    NetworkSpec {
        key: key.into(),
        name,
        external,
        driver: text(value, "driver"),
        internal: value.get("internal").is_some(),
        ipam_pools: list(value.get("subnets")).into_iter().map(pool).collect(),
        ..NetworkSpec::default()
    }
}

fn volume(stack: &str, key: &str, value: &Value) -> VolumeSpec {
    let (name, external) = engine_name(stack, key, value);
    let pairs =
        |key| mapping(value.get(key)).into_iter().map(|(key, value)| (key, value.as_str().unwrap().into()));
    VolumeSpec {
        key: key.into(),
        name,
        external,
        driver: text(value, "driver"),
        driver_opts: pairs("driver_opts").collect(),
        labels: pairs("labels").collect(),
        ..VolumeSpec::default()
    }
}

fn service(stack: &mut DesiredStack, key: &str, value: Value) -> DesiredService {
    let Value::Mapping(mut map) = value else { panic!("service {key} is no mapping") };
    let mut take = |key: &str| map.remove(key);
    let replicas = take("replicas").map_or(1, |value| u32::try_from(value.as_u64().unwrap()).unwrap());
    let depends_on = mapping(take("depends_on").as_ref());
    let pull = take("pull").map(|value| value.as_str().expect("pull is text").to_owned());
    let build = take("build").map(|value| value.as_str().expect("build is a digest").to_owned());
    let contents = mapping(take("contents").as_ref());
    let files = list(take("files").as_ref());
    let job = take("job");
    let timetable = job.clone().filter(Value::is_mapping);
    let timetable = timetable.map(|value| serde_yaml::from_value(value).expect("a timetable"));
    let job = job.map(|value| value.is_mapping() || value.as_bool().expect("job is a bool"));
    let allow_empty_volume = take("allow_empty_volume").is_some();
    let drift = take("drift").map(|value| Drift::parse(value.as_str().unwrap()).expect("a word for drift"));
    let rollout = take("rollout").map(|value| rollout(&value)).unwrap_or_default();
    let spec = spec(stack, map);
    let compose_hash = InDialects::of(|dialect| {
        let text = format!("{} {}", dialect.version(), serde_json::to_string(&spec).unwrap());
        ComposeHash::Fixed(digest(text.as_bytes()))
    });
    let names = spec.networks.keys().map(|key| (format!("network {key}"), stack.networks[key].name.clone()));
    let names = names.chain(
        spec.volumes
            .iter()
            .filter_map(|mount| stack.volumes.get(&mount.source))
            .map(|volume| (format!("volume {}", volume.key), volume.name.clone())),
    );
    DesiredService {
        names: names.collect(),
        replicas,
        depends_on: depends_on.iter().map(|(key, value)| (key.clone(), dependency(value))).collect(),
        image: ImageSource {
            reference: spec.image.clone(),
            pull: pull.map_or(PullPolicy::Missing, |word| pull_policy(&word)),
            platform: String::new(),
            build: build.map(|digest| Arc::new(build_spec(&spec.image, digest))),
        },
        files: files.iter().map(|target| injected(target)).collect(),
        contents: contents
            .into_iter()
            .map(|(key, value)| (key, digest(value.as_str().unwrap().as_bytes())))
            .collect(),
        timetable,
        job: job.map_or(JobMode::Inferred, |job| if job { JobMode::Job } else { JobMode::Service }),
        compose_hash,
        allow_empty_volume,
        drift: drift.unwrap_or_default(),
        rollout,
        spec,
        ..DesiredService::default()
    }
}

/// The keys of `rollout`, with `ratio` for `max_failure_ratio`, and those of the way back under `back`.
fn rollout(value: &Value) -> Rollout {
    let time = |key: &str| value.get(key).map(|_| Nanos::parse(&text(value, key)).expect("a time"));
    Rollout {
        update: pace(value, &Pace::default()),
        rollback: pace(value.get("back").unwrap_or(&Value::Null), &Rollout::default().rollback),
        wait: value.get("wait").map(|_| WaitFor::parse(&text(value, "wait")).expect("a word")),
        running_for: time("running_for"),
        timeout: time("timeout"),
        share_volumes: value.get("share_volumes").is_some(),
    }
}

fn pace(value: &Value, plain: &Pace) -> Pace {
    let time = |key: &str| value.get(key).map(|_| Nanos::parse(&text(value, key)).expect("a time"));
    let number = |key: &str| value.get(key).map(|number| number.as_f64().expect("a number"));
    Pace {
        order: Order::parse(&text(value, "order")).unwrap_or(plain.order),
        parallelism: value
            .get("parallelism")
            .map_or(plain.parallelism, |count| u32::try_from(count.as_u64().unwrap()).unwrap()),
        delay: time("delay").unwrap_or(plain.delay),
        monitor: time("monitor").or(plain.monitor),
        failure_action: FailureAction::parse(&text(value, "on_failure")).unwrap_or(plain.failure_action),
        max_failure_ratio: number("ratio").unwrap_or(plain.max_failure_ratio),
    }
}

/// The rest of the keys are the spec's own. A service without networks joins `default`, and mounts make volumes.
fn spec(stack: &mut DesiredStack, map: Mapping) -> ServiceSpec {
    let mut spec: ServiceSpec = serde_yaml::from_value(Value::Mapping(map)).expect("a service spec");
    if spec.network_mode.is_empty() && spec.networks.is_empty() {
        spec.networks.insert("default".into(), None);
    }
    let name = stack.name.clone();
    for key in spec.networks.keys() {
        stack.networks.entry(key.clone()).or_insert_with(|| network(&name, key, &Value::Null));
    }
    for mount in spec.volumes.iter().filter(|mount| mount.kind == "volume" && !mount.source.is_empty()) {
        let key = &mount.source;
        stack.volumes.entry(key.clone()).or_insert_with(|| volume(&name, key, &Value::Null));
    }
    spec
}

fn dependency(value: &Value) -> Dependency {
    let word = value.as_str().map_or_else(|| text(value, "condition"), str::to_owned);
    let condition = match word.as_str() {
        "healthy" => Condition::Healthy,
        "completed" => Condition::Completed,
        _ => Condition::Started,
    };
    let flag = |key: &str, default| value.get(key).map_or(default, |value| value.as_bool().unwrap());
    Dependency { condition, restart: flag("restart", false), required: flag("required", true) }
}

fn pull_policy(word: &str) -> PullPolicy {
    match word {
        "always" => PullPolicy::Always,
        "never" => PullPolicy::Never,
        "build" => PullPolicy::Build,
        period => PullPolicy::Every(Nanos::parse(period).expect("a period")),
    }
}

fn build_spec(image: &str, digest: String) -> BuildSpec {
    BuildSpec { tags: vec![image.to_owned()], digest, ..BuildSpec::default() }
}

fn injected(target: &str) -> InjectedFile {
    InjectedFile {
        target: target.to_owned(),
        content: Sensitive::new(format!("content of {target}").into_bytes()),
        uid: 0,
        gid: 0,
        mode: 0o444,
    }
}
