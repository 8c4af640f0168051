use super::Lab;
use reconcile::engine::docker::{ConnectOptions, DockerEngine};
use reconcile::engine::{EngineError, Observe as _, ObserveRequest};
use reconcile::model::observed::ContainerState;
use reconcile::model::step::Action;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UnixStream};

/// A TCP address in front of the local socket that counts requests.
async fn counter() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("listen");
    let address = format!("tcp://{}", listener.local_addr().expect("address"));
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let count = Arc::clone(&counted);
            tokio::spawn(async move {
                let socket = UnixStream::connect("/var/run/docker.sock").await.expect("socket");
                let (mut from_client, mut to_client) = client.into_split();
                let (mut from_engine, mut to_engine) = socket.into_split();
                tokio::spawn(async move { tokio::io::copy(&mut from_engine, &mut to_client).await });
                let mut buffer = vec![0; 64 << 10];
                while let Ok(length @ 1..) = from_client.read(&mut buffer).await {
                    if buffer.starts_with(b"GET ") {
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                    if to_engine.write_all(&buffer[..length]).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    (address, count)
}

async fn connect(host: &str) -> Result<DockerEngine, EngineError> {
    let environment: BTreeMap<String, String> = BTreeMap::new();
    DockerEngine::connect(&ConnectOptions { host: Some(host.to_owned()), environment: &environment }).await
}

/// Looking costs the same for twenty containers as for none.
#[tokio::test]
async fn observing_takes_four_requests_however_many_containers_there_are() {
    let Some(lab) = Lab::start().await else { return };
    if !lab.engine.address().starts_with("unix:///var/run/") {
        return;
    }
    for number in 0..20 {
        let container =
            lab.container(&format!("c{number}"), "true", json!({"environment": {"N": number.to_string()}}));
        lab.done(Action::CreateContainer(Box::new(container))).await;
    }
    let (address, count) = counter().await;
    let start = std::time::Instant::now();
    let engine = connect(&address).await.expect("connect");
    let connected = start.elapsed();
    assert_eq!(count.swap(0, Ordering::Relaxed), 1, "connecting is one request");
    let start = std::time::Instant::now();
    let mut observed = engine.observe(&ObserveRequest::default()).await.expect("observe");
    eprintln!(
        "connect {connected:?}, observe of {} containers {:?}",
        observed.containers.len(),
        start.elapsed()
    );
    assert_eq!(count.swap(0, Ordering::Relaxed), 4);
    let made: Vec<_> =
        observed.containers.iter().filter(|found| found.name.starts_with(&lab.name("c"))).collect();
    assert_eq!(made.len(), 20);
    assert!(made.iter().all(|found| found.state == ContainerState::Created));
    assert_eq!(observed.engine.os, "linux");

    let ids: Vec<String> =
        made.iter().take(3).map(|found| found.id.clone()).chain(["gone".to_owned()]).collect();
    engine.environments(&ids, &mut observed).await.expect("environments");
    assert_eq!(observed.environments.len(), 3);
    assert!(observed.environments.values().all(|environment| environment.contains_key("N")));
}

#[tokio::test]
async fn a_registry_that_does_not_answer_is_told_and_stops_nothing() {
    let Some(lab) = Lab::start().await else { return };
    let reference = "127.0.0.1:1/reconcile-test/absent:1".to_owned();
    let request = ObserveRequest { remote_digests: vec![reference.clone()], ..ObserveRequest::default() };
    let observed = lab.engine.observe(&request).await.expect("observe");
    assert!(observed.remote_digests.get(&reference).is_some_and(Result::is_err));
    let platform = String::new();
    let error = lab.fails(Action::PullImage { reference, platform }).await;
    assert!(error.contains("127.0.0.1:1"), "{error}");
}

#[tokio::test]
async fn no_engine_is_a_typed_error() {
    for host in ["unix:///no/such/socket", "tcp://127.0.0.1:1"] {
        let error = connect(host).await.err().expect("no engine");
        assert!(matches!(&error, EngineError::Unreachable { address, .. } if address == host), "{error}");
    }
}
