//! What every engine must do: the simulated one keeps this contract, and so must a real one.
//!
//! Call [`all`] with a [`Ground`]: an engine, a small image with `sleep`, `true`, `false` and `cat` in it, and a
//! prefix that nothing else on the engine uses. What it makes it removes, volumes aside.

use reconcile::engine::{Engine, Locks, Observe, ObserveRequest, Silent};
use reconcile::model::desired::{InjectedFile, NetworkSpec, Sensitive, VolumeSpec};
use reconcile::model::labels;
use reconcile::model::lock::{Held, Holder, Taken};
use reconcile::model::observed::{ContainerState, ObservedContainer, ObservedState};
use reconcile::model::report::Outcome;
use reconcile::model::service::{Healthcheck, Hook, Mount, Pairs, ServiceSpec};
use reconcile::model::step::{Action, ContainerRef, ContainerSpec, EndpointSpec};
use reconcile::model::units::Nanos;
use std::collections::BTreeMap;

/// Where the contract is checked.
pub trait Ground: Sync {
    /// The engine's type.
    type Engine: Locks;
    /// The engine.
    fn engine(&self) -> &Self::Engine;
    /// A small image.
    fn image(&self) -> &str;
    /// First letters of all names.
    fn prefix(&self) -> &str;
    /// Whether a registry answers for the image.
    fn can_pull(&self) -> bool;
}

const WAIT: Nanos = Nanos(30_000_000_000);

/// Checks everything, one after another.
pub async fn all<G: Ground>(ground: &G) {
    if ground.can_pull() {
        pulling_again_is_no_error(ground).await;
    }
    networks_are_ensured(ground).await;
    volumes_are_ensured_and_outlive_containers(ground).await;
    containers_are_ensured_step_by_step(ground).await;
    names_are_taken_once(ground).await;
    renaming_is_ensured(ground).await;
    a_network_in_use_is_not_removed(ground).await;
    a_container_starts_on_a_network_that_was_made_anew(ground).await;
    completion_is_told_from_failure(ground).await;
    health_is_awaited(ground).await;
    commands_fail_only_where_they_must_succeed(ground).await;
    files_are_there_when_the_container_starts(ground).await;
    unnamed_volumes_are_taken_over(ground).await;
    marks_are_ensured_and_replace_older_ones(ground).await;
    a_lock_is_held_by_one_and_shows_signs_of_life(ground).await;
}

async fn a_lock_is_held_by_one_and_shows_signs_of_life<G: Ground>(ground: &G) {
    let (engine, stack) = (ground.engine(), format!("{}-locked", ground.prefix()));
    let holder = |id: &str| Holder { id: id.into(), host: "here".into(), ..Holder::default() };
    let take = async |id| engine.take_lock(&stack, &holder(id)).await.expect("the engine answers");
    let Taken::Ours(id) = take("one").await else { panic!("a lock that nobody has is not given") };
    assert_eq!(take("one").await, Taken::Ours(id.clone()), "its own again: the answer may have been lost");
    let theirs = Held { stack: stack.clone(), id: id.clone(), holder: holder("one") };
    assert_eq!(take("two").await, Taken::Theirs(theirs));
    let mut seen = Vec::new();
    for number in 1..=2 {
        seen.push(engine.pulse(&id).await.expect("a look"));
        assert!(engine.beat(&id, number).await.expect("a beat"));
    }
    seen.push(engine.pulse(&id).await.expect("a look"));
    assert_eq!(engine.pulse(&id).await.expect("a look"), seen[2], "without a beat it stays the same");
    assert_eq!(seen[0].as_deref(), Some(""));
    assert!(seen[1].is_some() && seen[1] != seen[0] && seen[1] != seen[2] && seen[2] != seen[0], "{seen:?}");
    engine.remove_lock(&id).await.expect("removed");
    engine.remove_lock(&id).await.expect("gone is removed");
    assert_eq!(engine.pulse(&id).await.expect("a look"), None);
    assert!(!engine.beat(&id, 3).await.expect("no error"));
    let Taken::Ours(second) = take("two").await else { panic!("it is free") };
    engine.remove_lock(&id).await.expect("the first one is gone");
    assert!(engine.pulse(&second).await.expect("a look").is_some(), "another one of that name stays");
    engine.remove_lock(&second).await.expect("removed");
}

async fn perform<G: Ground>(ground: &G, action: Action) -> Result<Outcome, String> {
    ground.engine().perform(&action, &Silent).await.map_err(|error| error.to_string())
}

async fn done<G: Ground>(ground: &G, action: Action) -> Outcome {
    let what = format!("{} {}", action.as_str(), action.target());
    let outcome = perform(ground, action).await.unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(outcome.is_success(), "{what}: {outcome:?}");
    outcome
}

async fn done_once<G: Ground>(ground: &G, action: Action) {
    let what = format!("{} {}", action.as_str(), action.target());
    assert_eq!(done(ground, action.clone()).await, Outcome::Done, "{what}, the first time");
    assert_eq!(done(ground, action).await, Outcome::AlreadyDone, "{what}, the second time");
}

async fn refused<G: Ground>(ground: &G, action: Action) {
    let what = format!("{} {}", action.as_str(), action.target());
    let result = perform(ground, action).await;
    assert!(result.is_err(), "{what} should be refused: {result:?}");
}

async fn observe<G: Ground>(ground: &G) -> ObservedState {
    ground.engine().observe(&ObserveRequest::default()).await.expect("the engine can be observed")
}

async fn find<G: Ground>(ground: &G, name: &str) -> Option<ObservedContainer> {
    observe(ground).await.containers.into_iter().find(|container| container.name == name)
}

fn by_name(name: &str) -> ContainerRef {
    ContainerRef::Name(name.to_owned())
}

fn name<G: Ground>(ground: &G, rest: &str) -> String {
    format!("{}-{rest}", ground.prefix())
}

fn container<G: Ground>(ground: &G, rest: &str, command: &[&str]) -> ContainerSpec {
    let name = name(ground, rest);
    let labels = [(labels::PROJECT, ground.prefix()), (labels::SERVICE, rest), (labels::HASH, "1:contract")];
    ContainerSpec {
        final_name: name.clone(),
        name,
        service: rest.to_owned(),
        image: ground.image().to_owned(),
        labels: labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
        network_mode: "none".into(),
        stop_timeout: Some(0),
        spec: ServiceSpec {
            image: ground.image().to_owned(),
            command: Some(command.iter().map(ToString::to_string).collect()),
            ..ServiceSpec::default()
        },
        ..ContainerSpec::default()
    }
}

fn create(spec: &ContainerSpec) -> Action {
    Action::CreateContainer(Box::new(spec.clone()))
}

fn stop(name: &str) -> Action {
    Action::StopContainer { container: by_name(name), grace: Some(0) }
}

async fn run<G: Ground>(ground: &G, spec: &ContainerSpec) {
    done(ground, create(spec)).await;
    done(ground, Action::StartContainer(by_name(&spec.name))).await;
}

async fn clean<G: Ground>(ground: &G, name: &str) {
    if find(ground, name).await.is_some_and(|container| container.is_up()) {
        done(ground, stop(name)).await;
    }
    done(ground, Action::RemoveContainer(by_name(name))).await;
}

fn network<G: Ground>(ground: &G, rest: &str) -> (NetworkSpec, Action) {
    let spec = NetworkSpec { key: rest.into(), name: name(ground, rest), ..NetworkSpec::default() };
    let labels = Pairs::from([(labels::HASH.to_owned(), spec.hash().0)]);
    (spec.clone(), Action::CreateNetwork { spec, labels })
}

async fn remove_network<G: Ground>(ground: &G, name: &str) -> Action {
    let network = observe(ground).await.networks.into_iter().find(|network| network.name == name);
    let network = network.unwrap_or_else(|| panic!("no network {name}"));
    Action::RemoveNetwork { id: network.id, name: network.name }
}

async fn pulling_again_is_no_error<G: Ground>(ground: &G) {
    let pull = Action::PullImage { reference: ground.image().to_owned(), platform: String::new() };
    done(ground, pull.clone()).await;
    done(ground, pull).await;
    assert!(observe(ground).await.image(ground.image()).is_some(), "the image has its name");
}

async fn networks_are_ensured<G: Ground>(ground: &G) {
    let (spec, create) = network(ground, "net");
    done_once(ground, create).await;
    let observed = observe(ground).await;
    let found = observed.networks.iter().find(|network| network.name == spec.name).expect("the network");
    assert_eq!(found.labels.get(labels::HASH), Some(&spec.hash().0));
    let remove = remove_network(ground, &spec.name).await;
    done_once(ground, remove).await;
}

async fn volumes_are_ensured_and_outlive_containers<G: Ground>(ground: &G) {
    let volume = VolumeSpec { key: "data".into(), name: name(ground, "data"), ..VolumeSpec::default() };
    let create = Action::CreateVolume { spec: volume.clone(), labels: Pairs::new() };
    done(ground, create.clone()).await;
    assert_eq!(done(ground, create).await, Outcome::AlreadyDone);
    let mut spec = container(ground, "keeper", &["true"]);
    spec.volume_names.insert("data".into(), volume.name.clone());
    spec.spec.volumes.push(Mount {
        kind: "volume".into(),
        source: "data".into(),
        target: "/data".into(),
        ..Mount::default()
    });
    run(ground, &spec).await;
    let found = find(ground, &spec.name).await.expect("the container");
    assert!(found.mounts.iter().any(|mount| mount.name == volume.name && mount.target == "/data"));
    clean(ground, &spec.name).await;
    assert!(observe(ground).await.volumes.contains_key(&volume.name), "the volume stays");
}

async fn containers_are_ensured_step_by_step<G: Ground>(ground: &G) {
    let (net, make) = network(ground, "step");
    done(ground, make).await;
    let mut spec = container(ground, "step", &["sleep", "600"]);
    spec.network_mode.clone_from(&net.name);
    spec.endpoints.insert(net.name.clone(), EndpointSpec::default());
    done_once(ground, create(&spec)).await;
    let found = find(ground, &spec.name).await.expect("the container");
    assert_eq!(found.state, ContainerState::Created);
    assert_eq!(found.label(labels::HASH), "1:contract");
    assert!(found.networks.contains_key(&net.name), "a container that never ran lists its networks");
    done_once(ground, Action::StartContainer(by_name(&spec.name))).await;
    let observed = observe(ground).await;
    let found =
        observed.containers.iter().find(|container| container.name == spec.name).expect("the container");
    let id = &observed.networks.iter().find(|network| network.name == net.name).expect("the network").id;
    assert_eq!(found.state, ContainerState::Running);
    assert_eq!(found.networks.get(&net.name), Some(id), "a running container is attached by id");
    let by_id = ContainerRef::Id { id: found.id.clone(), name: found.name.clone() };
    assert_eq!(done(ground, Action::UnpauseContainer(by_id.clone())).await, Outcome::AlreadyDone);
    done(ground, Action::RestartContainer { container: by_id.clone(), grace: Some(0) }).await;
    refused(ground, Action::RemoveContainer(by_id.clone())).await;
    done_once(ground, stop(&spec.name)).await;
    let found = find(ground, &spec.name).await.expect("the container");
    assert!(found.networks.contains_key(&net.name), "a stopped container lists its networks");
    done_once(ground, Action::RemoveContainer(by_id)).await;
    let remove = remove_network(ground, &net.name).await;
    done(ground, remove).await;
}

async fn names_are_taken_once<G: Ground>(ground: &G) {
    let spec = container(ground, "taken", &["true"]);
    done(ground, create(&spec)).await;
    let mut other = spec.clone();
    other.labels.insert(labels::HASH.to_owned(), "1:other".to_owned());
    refused(ground, create(&other)).await;
    clean(ground, &spec.name).await;
    refused(ground, Action::StartContainer(by_name(&spec.name))).await;
}

async fn renaming_is_ensured<G: Ground>(ground: &G) {
    let spec = container(ground, "from.next", &["true"]);
    let third = container(ground, "third", &["true"]);
    done(ground, create(&spec)).await;
    done(ground, create(&third)).await;
    let to = name(ground, "from");
    done_once(ground, Action::RenameContainer { container: by_name(&spec.name), to: to.clone() }).await;
    assert!(find(ground, &to).await.is_some());
    refused(ground, Action::RenameContainer { container: by_name(&third.name), to: to.clone() }).await;
    clean(ground, &to).await;
    clean(ground, &third.name).await;
}

async fn a_network_in_use_is_not_removed<G: Ground>(ground: &G) {
    let (net, make) = network(ground, "used");
    done(ground, make).await;
    let mut spec = container(ground, "user", &["sleep", "600"]);
    spec.network_mode.clone_from(&net.name);
    spec.endpoints.insert(net.name.clone(), EndpointSpec::default());
    run(ground, &spec).await;
    let remove = remove_network(ground, &net.name).await;
    refused(ground, remove.clone()).await;
    done(ground, stop(&spec.name)).await;
    done(ground, remove).await;
    clean(ground, &spec.name).await;
}

async fn a_container_starts_on_a_network_that_was_made_anew<G: Ground>(ground: &G) {
    let (net, make) = network(ground, "anew");
    done(ground, make.clone()).await;
    let mut spec = container(ground, "stays", &["sleep", "600"]);
    spec.network_mode.clone_from(&net.name);
    let endpoint = EndpointSpec { aliases: vec!["site".into()], ..EndpointSpec::default() };
    spec.endpoints.insert(net.name.clone(), endpoint);
    run(ground, &spec).await;
    done(ground, stop(&spec.name)).await;
    let remove = remove_network(ground, &net.name).await;
    done(ground, remove).await;
    refused(ground, Action::StartContainer(by_name(&spec.name))).await;
    done(ground, make).await;
    done(ground, Action::StartContainer(by_name(&spec.name))).await;
    let observed = observe(ground).await;
    let standing = observed.networks.iter().find(|network| network.name == net.name).expect("the network");
    let found = find(ground, &spec.name).await.expect("the container");
    assert_eq!(found.networks.get(&net.name), Some(&standing.id));
    clean(ground, &spec.name).await;
    done(ground, remove_network(ground, &net.name).await).await;
}

async fn completion_is_told_from_failure<G: Ground>(ground: &G) {
    for (rest, command, succeeds) in [("good", "true", true), ("bad", "false", false)] {
        let spec = container(ground, rest, &[command]);
        run(ground, &spec).await;
        let action = Action::AwaitCompleted { container: by_name(&spec.name), timeout: WAIT, through: false };
        assert_eq!(perform(ground, action).await.is_ok(), succeeds, "{command}");
        let code = i64::from(!succeeds);
        let found = find(ground, &spec.name).await.expect("the container");
        assert_eq!(found.state, ContainerState::Exited(code));
        let words = ground.engine().last_words(&by_name(&spec.name)).await.expect("last words");
        assert_eq!((words.exit_code, words.unreadable), (Some(code), None));
        clean(ground, &spec.name).await;
    }
}

async fn health_is_awaited<G: Ground>(ground: &G) {
    let second = Some(Nanos(1_000_000_000));
    for (rest, test, succeeds) in [("well", vec!["CMD", "true"], true), ("unchecked", vec![], false)] {
        let mut spec = container(ground, rest, &["sleep", "600"]);
        spec.spec.healthcheck = (!test.is_empty()).then(|| Healthcheck {
            test: test.iter().map(ToString::to_string).collect(),
            interval: second,
            ..Healthcheck::default()
        });
        run(ground, &spec).await;
        let action = Action::AwaitHealthy { container: by_name(&spec.name), timeout: WAIT };
        assert_eq!(perform(ground, action).await.is_ok(), succeeds, "{rest}");
        clean(ground, &spec.name).await;
    }
}

async fn commands_fail_only_where_they_must_succeed<G: Ground>(ground: &G) {
    let spec = container(ground, "hooked", &["sleep", "600"]);
    run(ground, &spec).await;
    let exec = |command: &str, must_succeed| Action::Exec {
        container: by_name(&spec.name),
        hook: Hook { command: Some(vec![command.to_owned()]), ..Hook::default() },
        must_succeed,
    };
    assert_eq!(done(ground, exec("true", true)).await, Outcome::Done);
    refused(ground, exec("false", true)).await;
    assert!(matches!(done(ground, exec("false", false)).await, Outcome::DoneWithWarning(_)));
    clean(ground, &spec.name).await;
}

async fn files_are_there_when_the_container_starts<G: Ground>(ground: &G) {
    let spec = container(ground, "files", &["cat", "/etc/contract/motd"]);
    done(ground, create(&spec)).await;
    let file = InjectedFile {
        target: "/etc/contract/motd".into(),
        content: Sensitive::new(b"hello\n".to_vec()),
        uid: 0,
        gid: 0,
        mode: 0o444,
    };
    done(ground, Action::UploadFiles { container: by_name(&spec.name), files: vec![file] }).await;
    done(ground, Action::StartContainer(by_name(&spec.name))).await;
    done(ground, Action::AwaitCompleted { container: by_name(&spec.name), timeout: WAIT, through: false })
        .await;
    let words = ground.engine().last_words(&by_name(&spec.name)).await.expect("last words");
    assert_eq!(words.output.trim_end(), "hello");
    clean(ground, &spec.name).await;
    assert!(ground.engine().last_words(&by_name(&spec.name)).await.is_err(), "it is gone");
}

async fn unnamed_volumes_are_taken_over<G: Ground>(ground: &G) {
    let mut old = container(ground, "cache", &["true"]);
    old.spec.volumes.push(Mount { kind: "volume".into(), target: "/cache".into(), ..Mount::default() });
    done(ground, create(&old)).await;
    let found = find(ground, &old.name).await.expect("the container");
    let volume = found.mounts.iter().find(|mount| mount.target == "/cache").expect("the mount").name.clone();
    let mut new = old.clone();
    new.name = name(ground, "cache.next");
    new.inherited_volumes = BTreeMap::from([("/cache".to_owned(), volume.clone())]);
    done(ground, create(&new)).await;
    clean(ground, &old.name).await;
    let found = find(ground, &new.name).await.expect("the container");
    assert!(found.mounts.iter().any(|mount| mount.name == volume && mount.target == "/cache"));
    clean(ground, &new.name).await;
}

async fn marks_are_ensured_and_replace_older_ones<G: Ground>(ground: &G) {
    let spec = container(ground, "marked", &["true"]);
    let failed = format!("{}.failed", spec.name);
    let mark = |at: &str| {
        let subject = format!("{}/marked", ground.prefix());
        let labels = [(labels::QUARANTINE, subject.as_str()), (labels::QUARANTINE_AT, at)];
        let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        Action::Mark { name: failed.clone(), labels }
    };
    done_once(ground, mark("1")).await;
    let first = find(ground, &failed).await.expect("the mark");
    assert_eq!((first.state, first.label(labels::QUARANTINE_AT)), (ContainerState::Created, "1"));
    assert!(first.mounts.is_empty() && first.stack().is_empty() && first.service().is_empty());
    done_once(ground, mark("2")).await;
    let second = find(ground, &failed).await.expect("the mark");
    assert_eq!(second.label(labels::QUARANTINE_AT), "2");
    assert_ne!(second.id, first.id);
    clean(ground, &failed).await;
    let mut foreign = spec.clone();
    foreign.name.clone_from(&failed);
    done(ground, create(&foreign)).await;
    refused(ground, mark("3")).await;
    assert!(find(ground, &failed).await.is_some(), "what is no mark stays");
    clean(ground, &failed).await;
}

mod simulated {
    use super::Ground;
    use reconcile::engine::sim::SimEngine;

    struct Simulated(SimEngine);

    impl Ground for Simulated {
        type Engine = SimEngine;

        fn engine(&self) -> &SimEngine {
            &self.0
        }

        fn image(&self) -> &'static str {
            "tiny:1"
        }

        fn prefix(&self) -> &'static str {
            "contract"
        }

        fn can_pull(&self) -> bool {
            true
        }
    }

    #[tokio::test]
    async fn the_simulated_engine_keeps_the_contract() {
        super::all(&Simulated(SimEngine::default())).await;
    }
}
