use super::{Candidate, differences, host};
use crate::model::change::CauseKind;
use crate::model::desired::{DesiredService, DesiredStack, ImageSource, NetworkSpec};
use crate::model::inspected::{EngineDefaults, Inspected};
use crate::model::labels;
use crate::model::observed::{ObservedContainer, ObservedNetwork, ObservedState};
use crate::model::service::ServiceSpec;
use crate::wire;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const OTHER: &str = "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210";

fn spec(value: &Value) -> ServiceSpec {
    let mut spec: ServiceSpec = serde_json::from_value(value.clone()).expect("service");
    if spec.network_mode.is_empty() && spec.networks.is_empty() {
        spec.networks.insert("default".into(), None);
    }
    spec
}

fn stack(services: &[(&str, &Value)]) -> DesiredStack {
    let service = |value: &Value| DesiredService {
        spec: spec(value),
        replicas: 1,
        image: ImageSource { reference: "app:1".into(), ..ImageSource::default() },
        ..DesiredService::default()
    };
    let network =
        |key: &str| NetworkSpec { key: key.into(), name: format!("web_{key}"), ..NetworkSpec::default() };
    DesiredStack {
        name: "web".into(),
        services: services.iter().map(|(key, value)| ((*key).to_owned(), service(value).into())).collect(),
        networks: ["default", "back"].map(|key| (key.to_owned(), network(key))).into(),
        ..DesiredStack::default()
    }
}

const HOST: &str = r#"{
            "Binds": null, "ContainerIDFile": "", "LogConfig": {"Type": "json-file", "Config": {"max-size": "10m"}},
            "NetworkMode": "web_default", "PortBindings": {}, "RestartPolicy": {"Name": "", "MaximumRetryCount": 0},
            "AutoRemove": false, "VolumeDriver": "", "VolumesFrom": null, "CapAdd": null, "CapDrop": null,
            "CgroupnsMode": "host", "Dns": [], "DnsOptions": [], "DnsSearch": [], "ExtraHosts": [], "GroupAdd": null,
            "IpcMode": "private", "Cgroup": "", "Links": null, "OomScoreAdj": 0, "PidMode": "", "Privileged": false,
            "PublishAllPorts": false, "ReadonlyRootfs": false, "SecurityOpt": null, "UTSMode": "", "UsernsMode": "",
            "ShmSize": 67108864, "Runtime": "runc", "ConsoleSize": [0, 0], "Isolation": "", "CpuShares": 0,
            "Memory": 0, "NanoCpus": 0, "CgroupParent": "", "BlkioWeight": 0, "BlkioWeightDevice": null,
            "BlkioDeviceReadBps": null, "CpuPeriod": 0, "CpusetCpus": "", "Devices": null, "DeviceCgroupRules": null,
            "DeviceRequests": null, "MemoryReservation": 0, "MemorySwap": 0, "MemorySwappiness": null,
            "OomKillDisable": false, "PidsLimit": null, "Ulimits": null, "CpuCount": 0, "CpuPercent": 0,
            "MaskedPaths": ["/proc/acpi"], "ReadonlyPaths": ["/proc/bus"],
            "Mounts": [{"Type": "volume", "Source": "OTHER", "Target": "/data"}]
        }"#;

/// What an engine shows of a new container: 20.10, control groups of version 1, log options set by its owner.
fn fresh() -> Inspected {
    Inspected {
        config: json!({
            "Hostname": "0123456789ab", "Domainname": "", "User": "", "AttachStdin": false, "AttachStdout": true,
            "Tty": false, "OpenStdin": false, "StdinOnce": false, "Env": ["PATH=/bin", "MODE=image"],
            "Cmd": ["serve"], "Image": "app:1", "Volumes": {"/data": {}}, "WorkingDir": "/app", "Entrypoint": ["/init"],
            "ExposedPorts": {"80/tcp": {}}, "OnBuild": null, "StopSignal": "SIGINT",
            "Healthcheck": {"Test": ["CMD", "check"], "Interval": 5_000_000_000_i64},
            "Labels": {
                "maintainer": "us", "com.docker.compose.project": "web", "com.docker.compose.service": "app",
                "com.docker.compose.config-hash": "0e58", "desktop.docker.io/binds/0/Source": "/x",
            },
        }),
        host: serde_json::from_str(&HOST.replace("OTHER", OTHER)).expect("host configuration"),
        networks: json!({"web_default": {
            "IPAMConfig": {}, "Links": null, "Aliases": ["web-app-1", "app", "0123456789ab"], "NetworkID": "n1",
            "IPAddress": "172.18.0.2", "MacAddress": "02:42:ac:12:00:02", "DriverOpts": null,
        }}),
        image: Some(json!({
            "Env": ["PATH=/bin", "MODE=image"], "Cmd": ["serve"], "Entrypoint": ["/init"], "WorkingDir": "/app",
            "Labels": {"maintainer": "us"}, "ExposedPorts": {"80/tcp": {}}, "Volumes": {"/data": {}},
            "StopSignal": "SIGINT", "Healthcheck": {"Test": ["CMD", "check"], "Interval": 5_000_000_000_i64},
        })),
        ..Inspected::default()
    }
}

/// The causes, one per line, of holding an inspection against a service.
fn causes_of(stack: &DesiredStack, inspected: Inspected) -> Vec<String> {
    let container = |id: &str, name: &str| ObservedContainer {
        id: id.into(),
        name: name.into(),
        labels: [(labels::PROJECT, "web"), (labels::SERVICE, "app"), (labels::NUMBER, "1")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        ..ObservedContainer::default()
    };
    let network = |name: &str| ObservedNetwork {
        id: format!("id of {name}"),
        name: name.into(),
        labels: BTreeMap::from([(labels::PROJECT.to_owned(), "web".to_owned())]),
        ..ObservedNetwork::default()
    };
    let mut observed = ObservedState {
        containers: vec![container(ID, "web-app-1"), container(OTHER, "web-db-1")],
        networks: vec![network("web_default"), network("web_back")],
        inspected: BTreeMap::from([(ID.to_owned(), inspected)]),
        defaults: EngineDefaults {
            cgroup_version: "1".into(),
            log_driver: "json-file".into(),
            runtime: "runc".into(),
        },
        ..ObservedState::default()
    };
    observed.engine.api = (1, 51);
    let found = &observed.containers[0];
    let candidate = Candidate { stack, key: "app", service: &stack.services["app"], container: found };
    let told = |value: Option<String>| value.unwrap_or_default();
    let causes = differences(candidate, &observed).into_iter();
    causes.map(|cause| format!("{}: {} -> {}", cause.path, told(cause.old), told(cause.new))).collect()
}

/// A change of what an engine shows, as pointer below `config`, `host` or `networks`, and value.
fn changed(changes: &[(&str, Value)]) -> Inspected {
    let mut inspected = fresh();
    for (pointer, value) in changes {
        let (part, field) = pointer.split_once('/').expect("two parts");
        let part = match part {
            "config" => &mut inspected.config,
            "host" => &mut inspected.host,
            _ => &mut inspected.networks,
        };
        let mut place = part;
        for key in field.split('>').filter(|key| !key.is_empty()) {
            place = &mut place[key];
        }
        *place = value.clone();
    }
    inspected
}

#[test]
fn what_image_and_engine_give_is_no_difference() {
    assert_eq!(causes_of(&stack(&[("app", &json!({}))]), fresh()), Vec::<String>::new());
}

/// Each case: the service, what the engine shows otherwise than of a new container; there is no difference.
#[test]
fn the_same_said_otherwise_is_no_difference() {
    let cases = [
        (json!({"environment": {"A": "1"}}), vec![("config/Env", json!(["A=1", "MODE=image", "PATH=/bin"]))]),
        (json!({"environment": {"MODE": null}}), vec![("config/Env", json!(["PATH=/bin", "MODE"]))]),
        (json!({}), vec![("config/Env", json!(["PATH=/bin", "MODE=image", "http_proxy=http://p"]))]),
        (
            json!({"entrypoint": ["x"]}),
            vec![("config/Entrypoint", json!(["x"])), ("config/Cmd", json!(null))],
        ),
        (json!({"entrypoint": []}), vec![("config/Entrypoint", json!([]))]),
        (json!({"command": []}), vec![]),
        (json!({"stop_signal": "SIGTERM"}), vec![("config/StopSignal", json!(""))]),
        (json!({"expose": ["90-91"]}), vec![("config/ExposedPorts", json!({"80/tcp": {}, "90-91": {}}))]),
        (json!({"restart": "no"}), vec![("host/RestartPolicy>Name", json!("no"))]),
        (json!({"mem_limit": "1024"}), vec![("host/Memory", json!(1024)), ("host/MemorySwap", json!(2048))]),
        (json!({"mem_limit": "1024"}), vec![("host/Memory", json!(1024)), ("host/MemorySwap", json!(-1))]),
        (
            json!({"cap_add": ["net_admin", "SYS_TIME"]}),
            vec![("host/CapAdd", json!(["CAP_SYS_TIME", "NET_ADMIN"]))],
        ),
        (
            json!({"extra_hosts": ["a=1.1.1.1", "b=::1"]}),
            vec![("host/ExtraHosts", json!(["b:::1", "a:1.1.1.1"]))],
        ),
        (
            json!({"pid": "host"}),
            vec![("host/PidMode", json!("host")), ("host/SecurityOpt", json!(["label=disable"]))],
        ),
        (
            json!({"security_opt": ["no-new-privileges"]}),
            vec![("host/SecurityOpt", json!(["no-new-privileges:true"]))],
        ),
        (
            json!({"security_opt": ["seccomp=p.json"]}),
            vec![("host/SecurityOpt", json!(["seccomp={\"a\":1}"]))],
        ),
        (json!({"hostname": "here"}), vec![("config/Hostname", json!("here"))]),
        (
            json!({"network_mode": "bridge"}),
            vec![("host/NetworkMode", json!("default")), ("networks/", json!({}))],
        ),
        (json!({"ipc": "service:db"}), vec![("host/IpcMode", json!(format!("container:{OTHER}")))]),
        (json!({"volumes_from": ["db:rw"]}), vec![("host/VolumesFrom", json!([OTHER]))]),
        (
            json!({"volumes": [{"type": "bind", "source": "/s", "target": "/t/", "bind": {"create_host_path": true}}]}),
            vec![(
                "host/Mounts",
                json!([{"Type": "bind", "Source": "/s", "Target": "/t", "BindOptions": {"Propagation": "rprivate"}}]),
            )],
        ),
        (
            json!({"volumes": [{"type": "volume", "target": "/anon"}]}),
            vec![("host/Binds", json!([format!("{OTHER}:/anon:rw")]))],
        ),
        (
            json!({"ports": [{"target": 80, "published": "8080"}, {"target": 80}]}),
            vec![(
                "host/PortBindings",
                json!({"80/tcp": [{"HostIp": "", "HostPort": "0"}, {"HostIp": "", "HostPort": "8080"}]}),
            )],
        ),
        (
            json!({"networks": {"default": {"aliases": ["www"]}, "back": null}}),
            vec![
                ("host/NetworkMode", json!("web_back")),
                ("networks/web_default>Aliases", json!(["www", "app"])),
                ("networks/web_back", json!({"Aliases": ["app", "web-app-1"]})),
            ],
        ),
        (json!({"healthcheck": {"retries": 3}}), vec![("config/Healthcheck>Retries", json!(3))]),
        (json!({"pids_limit": -1}), vec![]),
        (
            json!({"logging": {"options": {"max-size": "1m"}}}),
            vec![("host/LogConfig>Config", json!({"max-size": "1m", "max-file": "3"}))],
        ),
    ];
    for (service, shown) in cases {
        let stack = stack(&[("app", &service), ("db", &json!({}))]);
        assert_eq!(causes_of(&stack, changed(&shown)), Vec::<String>::new(), "{service} {shown:?}");
    }
}

/// Each case: the service, what the engine shows otherwise, and the differences.
#[test]
fn every_difference_is_told_with_both_values() {
    let cases = [
        (
            json!({"environment": {"A": "2"}}),
            ("config/Env", json!(["A=1", "MODE=image", "PATH=/bin"])),
            "environment.A: 1 -> 2",
        ),
        (
            json!({}),
            ("config/Env", json!(["MODE=image", "PATH=/bin", "OLD=x"])),
            "environment.OLD: x -> (unset)",
        ),
        (
            json!({"environment": {"DB_PASSWORD": "b"}}),
            ("config/Env", json!(["PATH=/bin", "MODE=image", "DB_PASSWORD=a"])),
            "environment.DB_PASSWORD: *** -> *** (changed)",
        ),
        (json!({}), ("config/Image", json!("app:0")), "image: app:0 -> app:1"),
        (json!({"command": ["b"]}), ("config/Cmd", json!(["a"])), "command: [\"a\"] -> [\"b\"]"),
        (json!({"user": "5"}), ("config/User", json!("")), "user:  -> 5"),
        (json!({}), ("config/WorkingDir", json!("/else")), "working_dir: /else -> /app"),
        (json!({"labels": {"a": ""}}), ("config/Tty", json!(false)), "labels.a: (unset) -> "),
        (json!({}), ("config/Labels>a", json!("1")), "labels.a: 1 -> (unset)"),
        (json!({}), ("config/StopTimeout", json!(0)), "stop_grace_period: 0 -> (unset)"),
        (json!({}), ("config/Hostname", json!("else")), "hostname: else -> (unset)"),
        (
            json!({"healthcheck": {"disable": true}}),
            ("config/Tty", json!(false)),
            "healthcheck.test: [\"CMD\",\"check\"] -> [\"NONE\"]",
        ),
        (
            json!({}),
            ("config/ExposedPorts>9/tcp", json!({})),
            "expose: [\"80/tcp\",\"9/tcp\"] -> [\"80/tcp\"]",
        ),
        (json!({"mem_limit": "1024"}), ("host/Tty", json!(null)), "mem_limit: (unset) -> 1024"),
        (json!({}), ("host/MemorySwap", json!(-1)), "memswap_limit: -1 -> (unset)"),
        (json!({}), ("host/CgroupnsMode", json!("private")), "cgroup: private -> (unset)"),
        (json!({}), ("host/Runtime", json!("runsc")), "runtime: runsc -> (unset)"),
        (
            json!({}),
            ("host/LogConfig", json!({"Type": "syslog", "Config": {}})),
            "logging: {\"Type\":\"syslog\"} -> (unset)",
        ),
        (json!({}), ("host/RestartPolicy>Name", json!("always")), "restart: always -> (unset)"),
        (json!({}), ("host/Privileged", json!(true)), "privileged: true -> (unset)"),
        (json!({}), ("host/CapAdd", json!(["CAP_SYS_ADMIN"])), "cap_add: [\"CAP_SYS_ADMIN\"] -> (unset)"),
        (
            json!({}),
            ("host/SecurityOpt", json!(["label=disable"])),
            "security_opt: [\"label=disable\"] -> (unset)",
        ),
        (
            json!({}),
            ("host/MaskedPaths", json!([])),
            "security_opt (masked system paths): unconfined -> confined",
        ),
        (json!({}), ("host/Sysctls", json!({"a": "1"})), "sysctls.a: 1 -> (unset)"),
        (json!({"tmpfs": ["/run"]}), ("host/Tty", json!(null)), "tmpfs./run: (unset) -> "),
        (json!({}), ("host/Binds", json!(["web_data:/x:rw"])), "volumes./x: volume web_data -> nothing"),
        (
            json!({"volumes": [{"type": "bind", "source": "/s", "target": "/t", "read_only": true}]}),
            ("host/Binds", json!(["/s:/t:rw,z"])),
            "volumes./t: bind /s (selinux z) -> bind /s (read-only)",
        ),
        (
            json!({}),
            ("host/PortBindings>80/tcp", json!([{"HostIp": "::1", "HostPort": "80"}])),
            "ports.80/tcp: [::1]:80 -> (unset)",
        ),
        (json!({}), ("host/NetworkMode", json!("host")), "network_mode: host -> web_default"),
        (json!({}), ("networks/web_back", json!({"Aliases": []})), "networks.back: attached -> not attached"),
        (
            json!({}),
            ("networks/web_default>Aliases", json!(["old", "app"])),
            "networks.default.aliases: [\"app\",\"old\"] -> [\"app\"]",
        ),
        (
            json!({"networks": {"default": {"ipv4_address": "10.0.0.5"}}}),
            ("networks/web_default>IPAMConfig", json!({"IPv4Address": "10.0.0.4"})),
            "networks.default.ipv4_address: 10.0.0.4 -> 10.0.0.5",
        ),
        (
            json!({"networks": {"default": {"mac_address": "02:42:00:00:00:01"}}}),
            ("networks/web_default>Links", json!(null)),
            "networks.default.mac_address: 02:42:ac:12:00:02 -> 02:42:00:00:00:01",
        ),
        (
            json!({"ipc": "service:db"}),
            ("host/IpcMode", json!("container:gone")),
            "ipc: container:gone -> container:web-db-1",
        ),
    ];
    for (service, shown, expected) in cases {
        let stack = stack(&[("app", &service), ("db", &json!({}))]);
        let found = causes_of(&stack, changed(std::slice::from_ref(&shown)));
        assert_eq!(found, [expected], "{service} {shown:?}");
    }
}

#[test]
fn an_attachment_by_hand_to_a_network_of_nobody_is_left_alone() {
    let shown = changed(&[("networks/somebody", json!({"Aliases": ["x"]}))]);
    assert_eq!(causes_of(&stack(&[("app", &json!({}))]), shown), Vec::<String>::new());
}

#[test]
fn what_cannot_be_compared_is_foreign() {
    let stack = stack(&[("app", &json!({}))]);
    let without_image = Inspected { image: None, ..fresh() };
    assert_eq!(causes_of(&stack, without_image), ["web-app-1:  -> "]);
    let found =
        ObservedContainer { id: "unseen".into(), name: "web-app-1".into(), ..ObservedContainer::default() };
    let candidate =
        Candidate { stack: &stack, key: "app", service: &stack.services["app"], container: &found };
    let causes = differences(candidate, &ObservedState::default());
    assert_eq!(causes[0].kind, CauseKind::Foreign);
}

/// A service with every attribute that the engine is told.
const ALL: &str = r#"{
        "annotations": {"a": "b"}, "blkio_config": {
            "weight": 10, "weight_device": [{"Path": "/d", "Weight": 1}], "device_read_bps": [{"Path": "/d", "Rate": "1"}],
            "device_read_iops": [{"Path": "/d", "Rate": "1"}], "device_write_bps": [{"Path": "/d", "Rate": "1"}],
            "device_write_iops": [{"Path": "/d", "Rate": "1"}]
        },
        "cap_add": ["A"], "cap_drop": ["B"], "cgroup_parent": "x", "cgroup": "host", "cpu_count": 1, "cpu_percent": 1.0,
        "cpu_period": 1, "cpu_quota": 1, "cpu_rt_period": 1, "cpu_rt_runtime": 1, "cpus": 1.0, "cpuset": "0",
        "cpu_shares": 1, "command": ["a"], "device_cgroup_rules": ["a"], "devices": [{"source": "/d"}], "dns": ["1"],
        "dns_opt": ["a"], "dns_search": ["a"], "domainname": "d", "entrypoint": ["a"], "environment": {"A": "b"},
        "expose": ["1"], "extra_hosts": ["a=b"], "group_add": ["g"], "gpus": [{}], "hostname": "h",
        "healthcheck": {"test": ["CMD", "a"]}, "init": true, "ipc": "host", "isolation": "x", "labels": {"a": "b"},
        "logging": {"driver": "none"}, "mem_limit": "1", "mem_reservation": "1", "memswap_limit": "1",
        "mem_swappiness": "1", "mac_address": "02:42:00:00:00:01", "oom_kill_disable": true, "oom_score_adj": 1,
        "pid": "host", "pids_limit": 1, "ports": [{"target": 1, "published": "1"}], "privileged": true,
        "read_only": true, "restart": "always", "runtime": "x", "security_opt": ["a=b", "systempaths=unconfined"],
        "shm_size": "1", "stdin_open": true, "stop_grace_period": "1s", "stop_signal": "SIGINT",
        "storage_opt": {"a": "b"}, "sysctls": {"a": "b"}, "tmpfs": ["/t"], "tty": true, "ulimits": {"a": 1}, "user": "u",
        "userns_mode": "host", "uts": "host", "volumes": [
            {"type": "bind", "source": "/a", "target": "/a"}, {"type": "tmpfs", "target": "/b"}
        ],
        "volumes_from": ["container:x"], "working_dir": "/w", "external_links": ["x:y"]
    }"#;

/// Every field of a body is compared somewhere: a new attribute that nobody compares fails here.
#[test]
fn every_field_is_compared() {
    let all = spec(&serde_json::from_str(ALL).expect("a service"));
    let stack = stack(&[("app", &json!({}))]);
    let mut service = (*stack.services["app"]).clone();
    service.spec = all;
    let found = ObservedContainer::default();
    let container = super::expected::container(Candidate {
        stack: &stack,
        key: "app",
        service: &service,
        container: &found,
    });
    let around = wire::Surroundings {
        api: (1, 51),
        proxies: &BTreeMap::new(),
        security_opt: &service.spec.security_opt,
    };
    let (body, _) = wire::create_body(&container, &around).expect("body");
    let fields = body["HostConfig"].as_object().expect("an object");
    for field in fields.keys() {
        assert!(host::covers(field) || host::ELSEWHERE.contains(&field.as_str()), "nobody compares {field}");
    }
    assert!(fields.len() >= 55, "only {} fields: the service above must set all", fields.len());
}
