//! What only newer engines can do. Older ones refuse or warn: see the unit tests of the body.

use super::{IMAGE, Lab, docker};
use reconcile::model::desired::{NetworkSpec, VolumeSpec};
use reconcile::model::service::Endpoint;
use reconcile::model::step::{Action, ContainerRef, EndpointSpec};
use reconcile::model::units::Nanos;
use serde_json::{Value, json};

/// A started lab on an engine that speaks at least this version.
async fn lab(api: (u32, u32)) -> Option<Lab> {
    let lab = Lab::start().await?;
    if lab.engine.info().api < api {
        eprintln!("skipped: the engine speaks {:?}, this needs {api:?}", lab.engine.info().api);
        return None;
    }
    Some(lab)
}

#[tokio::test]
async fn two_networks_at_creation_with_addresses_of_their_own() {
    let Some(lab) = lab((1, 49)).await else { return };
    let mut container = lab.container("web", "sleep 600", json!({}));
    for (number, name) in ["net", "back"].into_iter().enumerate() {
        let spec = NetworkSpec { name: lab.name(name), ..NetworkSpec::default() };
        lab.done(Action::CreateNetwork { spec, labels: lab.labels() }).await;
        let endpoint = Endpoint {
            interface_name: format!("lab{number}"),
            gw_priority: i64::try_from(number).expect("small"),
            ..Endpoint::default()
        };
        let mac_address = format!("02:00:00:00:00:0{number}");
        container
            .endpoints
            .insert(lab.name(name), EndpointSpec { endpoint, mac_address, ..EndpointSpec::default() });
    }
    container.network_mode = lab.name("net");
    let container = lab.run(container).await;
    let addresses = docker(&["exec", container.name(), "ip", "link"]).expect("ip link");
    for part in ["lab0", "lab1", "02:00:00:00:00:00", "02:00:00:00:00:01"] {
        assert!(addresses.contains(part), "{part}: {addresses}");
    }
}

#[tokio::test]
async fn parts_of_volumes_and_images_are_mounted() {
    let Some(lab) = lab((1, 48)).await else { return };
    let spec = VolumeSpec { name: lab.name("data"), ..VolumeSpec::default() };
    lab.done(Action::CreateVolume { spec, labels: lab.labels() }).await;
    let whole = json!({"volumes": [{"type": "volume", "source": "data", "target": "/v"}]});
    let mut writer = lab.container("writer", "mkdir -p /v/part && echo inner > /v/part/file", whole);
    writer.volume_names.insert("data".to_owned(), lab.name("data"));
    let writer = lab.run(writer).await;
    let timeout = Nanos(20_000_000_000);
    lab.done(Action::AwaitCompleted { container: writer, timeout, through: false }).await;

    let attributes = json!({
        "volumes": [
            {"type": "volume", "source": "data", "target": "/p", "volume": {"subpath": "part"}},
            {"type": "image", "source": IMAGE, "target": "/i", "image": {"subpath": "bin"}},
        ],
        "annotations": {"a.b": "c"},
        "healthcheck": {"test": ["CMD", "true"], "interval": "60s", "start_period": "30s", "start_interval": "200ms"},
    });
    let mut reader =
        lab.container("reader", "cat /p/file; test -e /i/busybox && echo there; sleep 600", attributes);
    reader.volume_names.insert("data".to_owned(), lab.name("data"));
    // Engines before 29 warn that image mounts are an experiment of theirs.
    lab.perform(Action::CreateContainer(Box::new(reader))).await.expect("create");
    let reader = ContainerRef::Name(lab.name("reader"));
    lab.done(Action::StartContainer(reader.clone())).await;
    lab.done(Action::AwaitHealthy { container: reader.clone(), timeout }).await;
    assert_eq!(docker(&["logs", reader.name()]).as_deref(), Ok("inner\nthere"));
    assert_eq!(Lab::look(reader.name(), ".HostConfig.Annotations"), json!({"a.b": "c"}));
}

/// On every engine: attributes that go to the kernel are accepted and are really set.
#[tokio::test]
async fn limits_and_options_take_effect() {
    let Some(lab) = Lab::start().await else { return };
    let attributes = json!({
        "mem_limit": "67108864", "cpus": 0.5, "pids_limit": 50, "read_only": true, "init": true,
        "cap_drop": ["ALL"], "security_opt": ["no-new-privileges"], "tmpfs": ["/run:size=1m"],
        "sysctls": {"net.ipv4.ip_unprivileged_port_start": "0"}, "ulimits": {"nofile": {"soft": 100, "hard": 200}},
        "extra_hosts": ["box=10.1.2.3"], "dns": ["10.9.9.9"], "hostname": "h", "user": "1:1", "shm_size": "1048576",
        "logging": {"driver": "json-file", "options": {"max-size": "1m"}}, "restart": "on-failure:2",
        "devices": [{"source": "/dev/null", "target": "/dev/lab"}], "stop_signal": "SIGINT", "group_add": ["7"],
    });
    let mut container = lab.container(
        "opt",
        "hostname; id -u; id -G; ulimit -n; grep box /etc/hosts; test -c /dev/lab && echo device; grep CapBnd /proc/self/status; touch /x; sleep 600",
        attributes,
    );
    container.network_mode = "bridge".to_owned();
    let container = lab.run(container).await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let output = docker(&["logs", container.name()]).expect("logs");
    for part in ["h\n1\n", "7", "\n100\n", "10.1.2.3", "device", "CapBnd:\t0000000000000000"] {
        assert!(output.contains(part), "{part}: {output}");
    }
    let host: Value = Lab::look(container.name(), ".HostConfig");
    for (key, expected) in [
        ("Memory", json!(67_108_864)),
        ("NanoCpus", json!(500_000_000)),
        ("PidsLimit", json!(50)),
        ("ReadonlyRootfs", json!(true)),
        ("Init", json!(true)),
        ("RestartPolicy", json!({"Name": "on-failure", "MaximumRetryCount": 2})),
    ] {
        assert_eq!(host[key], expected, "{key}");
    }
    assert!(host["Tmpfs"]["/run"].as_str().is_some_and(|options| options.starts_with("size=1m")), "{host}");
}
