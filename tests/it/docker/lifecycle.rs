use super::{Lab, docker};
use reconcile::engine::{Observe as _, ObserveRequest};
use reconcile::model::desired::{NetworkSpec, VolumeSpec};
use reconcile::model::observed::ContainerState;
use reconcile::model::step::{Action, ContainerRef, ContainerSpec, EndpointSpec};
use serde_json::json;

fn network(lab: &Lab, name: &str) -> Action {
    let spec = NetworkSpec { name: lab.name(name), ..NetworkSpec::default() };
    Action::CreateNetwork { spec, labels: lab.labels() }
}

fn volume(lab: &Lab, name: &str) -> Action {
    let spec = VolumeSpec { name: lab.name(name), ..VolumeSpec::default() };
    Action::CreateVolume { spec, labels: lab.labels() }
}

fn endpoint(alias: &str) -> EndpointSpec {
    EndpointSpec { aliases: vec![alias.to_owned()], ..EndpointSpec::default() }
}

fn web(lab: &Lab) -> ContainerSpec {
    let mut web = lab.container(
        "web",
        "sleep 600",
        json!({
            "ports": [{"target": 80, "protocol": "tcp", "host_ip": "127.0.0.1"}],
            "volumes": [{"type": "volume", "source": "data", "target": "/data"}],
            "environment": {"A": "1"},
        }),
    );
    web.network_mode = lab.name("net");
    web.endpoints.insert(lab.name("net"), endpoint("web"));
    web.volume_names.insert("data".to_owned(), lab.name("data"));
    web
}

/// Every step twice: the second time it is done already. At the end the volume is still there.
#[tokio::test]
async fn a_life_in_steps_that_are_all_ensures() {
    let Some(lab) = Lab::start().await else { return };
    let create = Action::CreateContainer(Box::new(web(&lab)));
    let container = ContainerRef::Name(lab.name("web"));
    let renamed = ContainerRef::Name(lab.name("web2"));
    let start = Action::StartContainer(container.clone());
    let stop = Action::StopContainer { container: container.clone(), grace: None };
    for action in [network(&lab, "net"), volume(&lab, "data"), create, start] {
        lab.done(action.clone()).await;
        lab.done_already(action).await;
    }
    let observed = lab.engine.observe(&ObserveRequest::default()).await.expect("observe");
    let found = observed.containers.iter().find(|found| found.name == lab.name("web")).expect("listed");
    let network_id = docker(&["network", "inspect", "-f", "{{.Id}}", &lab.name("net")]).expect("network");
    assert_eq!(found.state, ContainerState::Running);
    assert_eq!(found.networks.get(&lab.name("net")), Some(&network_id));
    // Podman does not list it.
    assert!(lab.engine.info().podman || found.network_mode == lab.name("net"), "{}", found.network_mode);
    assert!(found.mounts.iter().any(|mount| mount.name == lab.name("data") && mount.target == "/data"));
    assert!(found.ports.iter().any(|(address, _, protocol)| address == "127.0.0.1" && protocol == "tcp"));
    assert_eq!(observed.image(super::IMAGE).map(|image| &image.id), Some(&found.image_id));
    assert!(observed.volumes.contains_key(&lab.name("data")));

    lab.done(stop.clone()).await;
    lab.done_already(stop).await;
    lab.done(Action::RenameContainer { container: container.clone(), to: lab.name("web2") }).await;
    // Podman renames a container to the name that it has.
    let again = Action::RenameContainer { container: renamed.clone(), to: lab.name("web2") };
    assert!(lab.perform(again).await.is_ok_and(|outcome| outcome.is_success()));
    lab.done(Action::RemoveContainer(renamed.clone())).await;
    lab.done_already(Action::RemoveContainer(renamed.clone())).await;
    lab.done_already(Action::StopContainer { container: renamed, grace: None }).await;
    let remove = Action::RemoveNetwork { id: network_id, name: lab.name("net") };
    lab.done(remove.clone()).await;
    lab.done_already(remove).await;
    docker(&["volume", "inspect", &lab.name("data")]).expect("the volume stays");
}

#[tokio::test]
async fn a_running_container_is_not_removed() {
    let Some(lab) = Lab::start().await else { return };
    let container = lab.run(lab.container("run", "sleep 600", json!({}))).await;
    let error = lab.fails(Action::RemoveContainer(container.clone())).await;
    assert!(error.contains("running"), "{error}");
    assert_eq!(Lab::look(container.name(), ".State.Running"), json!(true));
}

#[tokio::test]
async fn a_second_network_is_connected_before_the_start() {
    let Some(lab) = Lab::start().await else { return };
    for name in ["net", "back"] {
        lab.done(network(&lab, name)).await;
    }
    lab.done(volume(&lab, "data")).await;
    let container = ContainerRef::Name(lab.name("web"));
    lab.done(Action::CreateContainer(Box::new(web(&lab)))).await;
    let network = lab.name("back");
    lab.done(Action::ConnectNetwork { container: container.clone(), network, endpoint: endpoint("extra") })
        .await;
    let observed = lab.engine.observe(&ObserveRequest::default()).await.expect("observe");
    let found = observed.containers.iter().find(|found| found.name == lab.name("web")).expect("listed");
    let known =
        |name: &str| observed.networks.iter().find(|network| network.name == name).map(|network| &network.id);
    for name in [lab.name("net"), lab.name("back")] {
        assert_eq!(found.networks.get(&name), known(&name), "also before the first start: {name}");
    }
    lab.done(Action::StartContainer(container.clone())).await;
    let aliases = Lab::look(
        container.name(),
        &format!("(index .NetworkSettings.Networks {:?}).Aliases", lab.name("back")),
    );
    assert!(aliases.as_array().is_some_and(|names| names.contains(&json!("extra"))), "{aliases}");
}

#[tokio::test]
async fn what_is_foreign_or_in_use_is_left_alone() {
    let Some(lab) = Lab::start().await else { return };
    lab.done(network(&lab, "net")).await;
    lab.done(volume(&lab, "data")).await;
    lab.run(web(&lab)).await;
    let id = docker(&["network", "inspect", "-f", "{{.Id}}", &lab.name("net")]).expect("network");
    let error = lab.fails(Action::RemoveNetwork { id, name: lab.name("net") }).await;
    assert!(error.contains("active endpoints"), "{error}");

    let mut labels = lab.labels();
    labels.insert(reconcile::model::labels::HASH.to_owned(), "1:other".to_owned());
    let spec = NetworkSpec { name: lab.name("net"), ..NetworkSpec::default() };
    let error = lab.fails(Action::CreateNetwork { spec, labels: labels.clone() }).await;
    assert!(error.contains("exists already"), "{error}");
    let other = ContainerSpec { labels, ..web(&lab) };
    let error = lab.fails(Action::CreateContainer(Box::new(other))).await;
    assert!(error.contains("already in use"), "{error}");
}

#[tokio::test]
async fn the_engines_words_come_through_when_a_creation_or_start_fails() {
    let Some(lab) = Lab::start().await else { return };
    let absent =
        ContainerSpec { image: "reconcile-test/absent:1".into(), ..lab.container("a", "true", json!({})) };
    let error = lab.fails(Action::CreateContainer(Box::new(absent))).await;
    assert!(error.to_lowercase().contains("no such image"), "{error}");

    let mut broken = lab.container("b", "", json!({}));
    broken.spec.command = Some(vec!["/no/such/program".to_owned()]);
    lab.done(Action::CreateContainer(Box::new(broken))).await;
    let error = lab.fails(Action::StartContainer(ContainerRef::Name(lab.name("b")))).await;
    assert!(error.contains("/no/such/program"), "{error}");
    lab.done(Action::RemoveContainer(ContainerRef::Name(lab.name("b")))).await;
}

#[tokio::test]
async fn a_folder_to_mount_that_is_not_there_is_refused() {
    let Some(lab) = Lab::start().await else { return };
    let mounted =
        json!({"volumes": [{"type": "bind", "source": "/no/such/folder", "target": "/x", "bind": {}}]});
    let error = lab.fails(Action::CreateContainer(Box::new(lab.container("c", "true", mounted)))).await;
    assert!(error.contains("/no/such/folder"), "{error}");
}

#[tokio::test]
async fn frozen_containers_are_unfrozen_and_restarted() {
    let Some(lab) = Lab::start().await else { return };
    let container = lab.run(lab.container("p", "sleep 600", json!({}))).await;
    docker(&["pause", container.name()]).expect("pause");
    lab.done(Action::UnpauseContainer(container.clone())).await;
    lab.done_already(Action::UnpauseContainer(container.clone())).await;
    let before = Lab::look(container.name(), ".State.StartedAt");
    lab.done(Action::RestartContainer { container: container.clone(), grace: Some(0) }).await;
    assert_ne!(Lab::look(container.name(), ".State.StartedAt"), before);
}
