use super::{Gate, Refusal, Surroundings, create_body, endpoint, profile_file};
use crate::model::desired::MountedFile;
use crate::model::service::{Endpoint, ServiceSpec};
use crate::model::step::{ContainerSpec, EndpointSpec};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const OLD: (u32, u32) = (1, 41);
const NEW: (u32, u32) = (1, 51);

fn container(spec: &Value) -> ContainerSpec {
    let spec: ServiceSpec = serde_json::from_value(spec.clone()).expect("service");
    ContainerSpec {
        name: "p-web-1".into(),
        image: "app:1".into(),
        network_mode: "p_default".into(),
        spec,
        ..ContainerSpec::default()
    }
}

fn body_of(container: &ContainerSpec, api: (u32, u32)) -> Result<(Value, Vec<String>), String> {
    let options = container.spec.security_opt.clone();
    let around = Surroundings { api, proxies: &BTreeMap::new(), security_opt: &options };
    create_body(container, &around).map_err(|Refusal(reason)| reason)
}

fn body(spec: &Value) -> Value {
    body_of(&container(spec), NEW).expect("body").0
}

/// Each case: a service, where to look in the body, what must stand there (null: nothing).
#[test]
fn every_attribute_lands_where_the_engine_wants_it() {
    let cases = [
        (json!({}), "/Cmd", json!(null)),
        (json!({"command": []}), "/Cmd", json!([])),
        (json!({"command": ["a", "b"]}), "/Cmd", json!(["a", "b"])),
        (json!({"entrypoint": []}), "/Entrypoint", json!([])),
        (json!({"environment": {"B": "2", "A": null}}), "/Env", json!(["A", "B=2"])),
        (json!({"working_dir": "/w"}), "/WorkingDir", json!("/w")),
        (json!({"user": "1:2"}), "/User", json!("1:2")),
        (json!({"hostname": "h"}), "/Hostname", json!("h")),
        (json!({"domainname": "d"}), "/Domainname", json!("d")),
        (json!({"tty": true}), "/Tty", json!(true)),
        (json!({"stdin_open": true}), "/OpenStdin", json!(true)),
        (json!({"stop_signal": "SIGINT"}), "/StopSignal", json!("SIGINT")),
        (json!({"stop_grace_period": "1m30s"}), "/StopTimeout", json!(90)),
        (json!({"stop_grace_period": "500ms"}), "/StopTimeout", json!(0)),
        (json!({"healthcheck": {"disable": true}}), "/Healthcheck", json!({"Test": ["NONE"]})),
        (
            json!({"healthcheck": {"test": ["CMD", "x"], "interval": "1s", "retries": 3, "start_interval": "2s"}}),
            "/Healthcheck",
            json!({"Test": ["CMD", "x"], "Interval": 1_000_000_000, "Retries": 3, "StartInterval": 2_000_000_000_i64}),
        ),
        (
            json!({"expose": ["80", "90-91/udp"]}),
            "/ExposedPorts",
            json!({"80/tcp": {}, "90/udp": {}, "91/udp": {}}),
        ),
        (json!({"annotations": {"a": "b"}}), "/HostConfig/Annotations", json!({"a": "b"})),
        (json!({}), "/HostConfig/NetworkMode", json!("p_default")),
        (json!({"dns": ["1.1.1.1"]}), "/HostConfig/Dns", json!(["1.1.1.1"])),
        (json!({"dns_opt": ["use-vc"]}), "/HostConfig/DnsOptions", json!(["use-vc"])),
        (json!({"dns_search": ["a.b"]}), "/HostConfig/DnsSearch", json!(["a.b"])),
        (
            json!({"extra_hosts": ["a=10.0.0.1", "b:10.0.0.2", "c=::1", "d=[::2]", "e=host-gateway"]}),
            "/HostConfig/ExtraHosts",
            json!(["a:10.0.0.1", "b:10.0.0.2", "c:::1", "d:::2", "e:host-gateway"]),
        ),
        (json!({"init": false}), "/HostConfig/Init", json!(false)),
        (json!({"runtime": "runc"}), "/HostConfig/Runtime", json!("runc")),
        (json!({"isolation": "default"}), "/HostConfig/Isolation", json!("default")),
        (json!({"cgroup_parent": "/x"}), "/HostConfig/CgroupParent", json!("/x")),
        (json!({"cgroup": "host"}), "/HostConfig/CgroupnsMode", json!("host")),
        (json!({"uts": "host"}), "/HostConfig/UTSMode", json!("host")),
        (json!({"userns_mode": "host"}), "/HostConfig/UsernsMode", json!("host")),
        (json!({"privileged": true}), "/HostConfig/Privileged", json!(true)),
        (json!({"read_only": true}), "/HostConfig/ReadonlyRootfs", json!(true)),
        (
            json!({"cap_add": ["SYS_TIME", "cap_net_admin", "CAP_SYS_TIME"], "cap_drop": ["SYS_TIME"]}),
            "/HostConfig/CapAdd",
            json!(["CAP_NET_ADMIN", "CAP_SYS_TIME"]),
        ),
        (json!({"cap_add": ["A"], "cap_drop": ["A"]}), "/HostConfig/CapDrop", json!(null)),
        (json!({"cap_add": ["A", "ALL"]}), "/HostConfig/CapAdd", json!(["ALL"])),
        (json!({"cap_drop": ["ALL"]}), "/HostConfig/CapDrop", json!(["ALL"])),
        (json!({"group_add": ["g"]}), "/HostConfig/GroupAdd", json!(["g"])),
        (
            json!({"logging": {"options": {"a": "b"}}}),
            "/HostConfig/LogConfig",
            json!({"Type": "", "Config": {"a": "b"}}),
        ),
        (json!({"storage_opt": {"size": "1G"}}), "/HostConfig/StorageOpt", json!({"size": "1G"})),
        (json!({"sysctls": {"a.b": "1"}}), "/HostConfig/Sysctls", json!({"a.b": "1"})),
        (
            json!({"tmpfs": ["/run", "/tmp:size=1m"]}),
            "/HostConfig/Tmpfs",
            json!({"/run": "", "/tmp": "size=1m"}),
        ),
        (json!({"device_cgroup_rules": ["c 1:3 mr"]}), "/HostConfig/DeviceCgroupRules", json!(["c 1:3 mr"])),
    ];
    for (spec, pointer, expected) in cases {
        let body = body(&spec);
        assert_eq!(body.pointer(pointer).cloned().unwrap_or_default(), expected, "{spec} {pointer}");
    }
}

#[test]
fn resources_land_where_the_engine_wants_them() {
    let limits = json!({"deploy": {"resources": {
        "limits": {"cpus": 0.25, "memory": "64", "pids": 7},
        "reservations": {"memory": "32", "devices": [{"capabilities": ["gpu"], "device_ids": ["0"]}]},
    }}, "cpus": 4.0, "mem_limit": "99"});
    let cases = [
        (json!({"cpus": 1.5}), "/NanoCpus", json!(1_500_000_000)),
        (json!({"cpu_shares": 5}), "/CpuShares", json!(5)),
        (json!({"cpu_period": 5}), "/CpuPeriod", json!(5)),
        (json!({"cpu_quota": 5}), "/CpuQuota", json!(5)),
        (json!({"cpu_rt_period": 5}), "/CpuRealtimePeriod", json!(5)),
        (json!({"cpu_rt_runtime": 5}), "/CpuRealtimeRuntime", json!(5)),
        (json!({"cpuset": "0,1"}), "/CpusetCpus", json!("0,1")),
        (json!({"cpu_count": 2}), "/CpuCount", json!(2)),
        (json!({"cpu_percent": 50.0}), "/CpuPercent", json!(50)),
        (json!({"mem_limit": "1024"}), "/Memory", json!(1024)),
        (json!({"mem_reservation": "512"}), "/MemoryReservation", json!(512)),
        (json!({"memswap_limit": "-1"}), "/MemorySwap", json!(-1)),
        (json!({"mem_swappiness": "10"}), "/MemorySwappiness", json!(10)),
        (json!({"oom_kill_disable": true}), "/OomKillDisable", json!(true)),
        (json!({"oom_score_adj": -5}), "/OomScoreAdj", json!(-5)),
        (json!({"pids_limit": -1}), "/PidsLimit", json!(-1)),
        (json!({"shm_size": "64"}), "/ShmSize", json!(64)),
        (
            json!({"ulimits": {"nofile": {"soft": 1, "hard": 2}, "nproc": 3}}),
            "/Ulimits",
            json!([{"Name": "nofile", "Soft": 1, "Hard": 2}, {"Name": "nproc", "Soft": 3, "Hard": 3}]),
        ),
        (
            json!({"blkio_config": {"device_read_bps": [{"Path": "/dev/sda", "Rate": "1024"}]}}),
            "/BlkioDeviceReadBps",
            json!([{"Path": "/dev/sda", "Rate": 1024}]),
        ),
        (limits.clone(), "/NanoCpus", json!(250_000_000)),
        (limits.clone(), "/Memory", json!(64)),
        (limits.clone(), "/PidsLimit", json!(7)),
        (limits.clone(), "/MemoryReservation", json!(32)),
        (limits, "/DeviceRequests", json!([{"DeviceIDs": ["0"], "Capabilities": [["gpu"]]}])),
        (
            json!({"devices": [{"source": "/dev/a", "target": "/dev/b"}]}),
            "/Devices",
            json!([{"PathOnHost": "/dev/a", "PathInContainer": "/dev/b", "CgroupPermissions": "rwm"}]),
        ),
        (
            json!({"devices": [{"source": "v.com/gpu=0", "target": "v.com/gpu=0"}]}),
            "/DeviceRequests",
            json!([{"Driver": "cdi", "DeviceIDs": ["v.com/gpu=0"]}]),
        ),
        (json!({"gpus": [{}]}), "/DeviceRequests", json!([{"Count": -1, "Capabilities": [["gpu"]]}])),
    ];
    for (spec, key, expected) in cases {
        let body = body(&spec);
        let found = body.pointer(&format!("/HostConfig{key}")).cloned().unwrap_or_default();
        assert_eq!(found, expected, "{spec} {key}");
    }
}

#[test]
fn nothing_set_means_nothing_sent() {
    let expected = json!({
        "Image": "app:1", "Labels": {}, "Env": [],
        "AttachStdin": false, "AttachStdout": true, "AttachStderr": true,
        "HostConfig": {"NetworkMode": "p_default"},
    });
    assert_eq!(body(&json!({})), expected);
}

#[test]
fn ports_are_exposed_and_bound_once() {
    let body = body(&json!({"ports": [
        {"target": 80, "published": "8080", "protocol": "tcp", "mode": "ingress"},
        {"target": 80, "published": "8080", "protocol": "tcp"},
        {"target": 80, "published": "9000-9002", "host_ip": "[::1]"},
        {"target": 53, "protocol": "udp"},
    ]}));
    assert_eq!(body["ExposedPorts"], json!({"53/udp": {}, "80/tcp": {}}));
    let expected = json!({
        "53/udp": [{"HostIp": "", "HostPort": ""}],
        "80/tcp": [{"HostIp": "", "HostPort": "8080"}, {"HostIp": "::1", "HostPort": "9000-9002"}],
    });
    assert_eq!(body["HostConfig"]["PortBindings"], expected);
}

#[test]
fn restart_policies_follow_the_specification() {
    for (spec, name, count, warns) in [
        (json!({"restart": "on-failure:3"}), "on-failure", 3, false),
        (json!({"restart": "unless-stopped"}), "unless-stopped", 0, false),
        (json!({"restart": "no", "deploy": {"restart_policy": {}}}), "always", 0, false),
        (json!({"deploy": {"restart_policy": {"condition": "none"}}}), "no", 0, false),
        (
            json!({"deploy": {"restart_policy": {"condition": "on-failure", "max_attempts": 2}}}),
            "on-failure",
            2,
            false,
        ),
        (json!({"deploy": {"restart_policy": {"condition": "any", "max_attempts": 2}}}), "always", 0, true),
    ] {
        let (body, warnings) = body_of(&container(&spec), NEW).expect("body");
        let expected = json!({"Name": name, "MaximumRetryCount": count});
        assert_eq!(body["HostConfig"]["RestartPolicy"], expected, "{spec}");
        assert_eq!(!warnings.is_empty(), warns, "{spec}");
    }
}

#[test]
fn mounts_take_the_form_that_can_say_them() {
    let cases = [
        (json!({"type": "bind", "source": "/s", "target": "/t"}), "Binds", json!(["/s:/t:rw"])),
        (
            json!({"type": "bind", "source": "/s", "target": "/t", "read_only": true,
                   "bind": {"create_host_path": true, "selinux": "z", "propagation": "rslave"}}),
            "Binds",
            json!(["/s:/t:ro,z,rslave"]),
        ),
        (
            json!({"type": "bind", "source": "/s", "target": "/t", "bind": {"selinux": "Z"}}),
            "Binds",
            json!(["/s:/t:rw,Z"]),
        ),
        (
            json!({"type": "bind", "source": "/s", "target": "/t", "bind": {"propagation": "rslave"}}),
            "Mounts",
            json!([{"Type": "bind", "Source": "/s", "Target": "/t", "BindOptions": {"Propagation": "rslave"}}]),
        ),
        (
            json!({"type": "bind", "source": "/a:b", "target": "/t", "bind": {"create_host_path": true}}),
            "Mounts",
            json!([{"Type": "bind", "Source": "/a:b", "Target": "/t", "BindOptions": {"CreateMountpoint": true}}]),
        ),
        (
            json!({"type": "bind", "source": "/s", "target": "/t", "read_only": true, "bind": {"recursive": "readonly"}}),
            "Mounts",
            json!([{"Type": "bind", "Source": "/s", "Target": "/t", "ReadOnly": true,
                    "BindOptions": {"ReadOnlyForceRecursive": true, "Propagation": "rprivate"}}]),
        ),
        (
            json!({"type": "volume", "source": "data", "target": "/t", "volume": {}}),
            "Binds",
            json!(["p_data:/t:rw"]),
        ),
        (
            json!({"type": "volume", "source": "data", "target": "/t", "volume": {"nocopy": true}}),
            "Mounts",
            json!([{"Type": "volume", "Source": "p_data", "Target": "/t", "VolumeOptions": {"NoCopy": true}}]),
        ),
        (
            json!({"type": "volume", "source": "data", "target": "/t", "volume": {"subpath": "x"}}),
            "Mounts",
            json!([{"Type": "volume", "Source": "p_data", "Target": "/t", "VolumeOptions": {"Subpath": "x"}}]),
        ),
        (
            json!({"type": "volume", "target": "/anon"}),
            "Mounts",
            json!([{"Type": "volume", "Target": "/anon"}]),
        ),
        (
            json!({"type": "tmpfs", "target": "/t", "tmpfs": {"size": "10", "mode": 511}}),
            "Mounts",
            json!([{"Type": "tmpfs", "Target": "/t", "TmpfsOptions": {"SizeBytes": 10, "Mode": 511}}]),
        ),
        (
            json!({"type": "image", "source": "i:1", "target": "/t", "image": {"subpath": "x"}}),
            "Mounts",
            json!([{"Type": "image", "Source": "i:1", "Target": "/t", "ImageOptions": {"Subpath": "x"}}]),
        ),
    ];
    for (mount, key, expected) in cases {
        let mut container = container(&json!({"volumes": [mount]}));
        container.volume_names.insert("data".into(), "p_data".into());
        let (body, _) = body_of(&container, NEW).expect("body");
        assert_eq!(body["HostConfig"][key], expected, "{mount}");
    }
}

/// Volumes stay: the replacement gets the anonymous volumes of the container before.
#[test]
fn anonymous_volumes_are_taken_over_unless_something_else_is_mounted_there() {
    let mut container = container(&json!({
        "volumes": [{"type": "volume", "target": "/anon", "read_only": true}, {"type": "bind", "source": "/s", "target": "/b"}],
        "tmpfs": ["/t:size=1m"],
    }));
    for (target, name) in [("/anon", "v1"), ("/image", "v2"), ("/b", "v3"), ("/t", "v4")] {
        container.inherited_volumes.insert(target.into(), name.into());
    }
    let (body, _) = body_of(&container, OLD).expect("body");
    let expected = json!([
        {"Type": "volume", "Source": "v1", "Target": "/anon", "ReadOnly": true},
        {"Type": "volume", "Source": "v2", "Target": "/image"},
    ]);
    assert_eq!(body["HostConfig"]["Mounts"], expected);
}

#[test]
fn mounted_files_are_read_only_and_yield_to_volumes() {
    let mut container =
        container(&json!({"volumes": [{"type": "bind", "source": "/s", "target": "/etc/a"}]}));
    for target in ["/etc/a", "/etc/b"] {
        container.mounted_files.push(MountedFile { source: "/f".into(), target: target.into() });
    }
    let (body, _) = body_of(&container, OLD).expect("body");
    let expected = json!([{"Type": "bind", "Source": "/f", "Target": "/etc/b", "ReadOnly": true}]);
    assert_eq!(body["HostConfig"]["Mounts"], expected);
}

#[test]
fn resolved_references_come_from_the_container() {
    let mut container = container(&json!({"ipc": "service:a", "pid": "service:a", "volumes_from": ["a:ro"]}));
    container.ipc = "container:p-a-1".into();
    container.pid = "container:p-a-1".into();
    container.volumes_from = vec!["p-a-1:ro".into(), "container:x".into()];
    container.network_mode = "disabled".into();
    container.stop_timeout = Some(3);
    let (body, _) = body_of(&container, OLD).expect("body");
    assert_eq!(body["HostConfig"]["IpcMode"], "container:p-a-1");
    assert_eq!(body["HostConfig"]["PidMode"], "container:p-a-1");
    assert_eq!(body["HostConfig"]["VolumesFrom"], json!(["p-a-1:ro", "x"]));
    assert_eq!((&body["NetworkDisabled"], &body["StopTimeout"]), (&json!(true), &json!(3)));
}

fn with_endpoint(mac: &str) -> ContainerSpec {
    let mut container = container(&json!({}));
    let endpoint = Endpoint { ipv4_address: "10.0.0.9".into(), ..Endpoint::default() };
    let spec = EndpointSpec {
        aliases: vec!["p-web-1".into(), "web".into()],
        links: vec!["p-db-1:db".into()],
        endpoint,
        mac_address: mac.into(),
    };
    container.endpoints.insert("p_default".into(), spec);
    container
}

#[test]
fn endpoints_carry_names_addresses_and_links() {
    let (body, _) = body_of(&with_endpoint("02:00:00:00:00:01"), NEW).expect("body");
    let expected = json!({
        "Aliases": ["p-web-1", "web"], "Links": ["p-db-1:db"], "IPAMConfig": {"IPv4Address": "10.0.0.9"},
        "MacAddress": "02:00:00:00:00:01",
    });
    assert_eq!(body["NetworkingConfig"]["EndpointsConfig"]["p_default"], expected);
    assert_eq!(body["HostConfig"]["Links"], json!(["p-db-1:db"]));
    assert_eq!(body["MacAddress"], json!(null));
}

#[test]
fn old_engines_take_the_mac_address_of_the_primary_network_for_the_container() {
    let (body, _) = body_of(&with_endpoint("02:00:00:00:00:01"), OLD).expect("body");
    assert_eq!(body["MacAddress"], "02:00:00:00:00:01");
    assert_eq!(body["NetworkingConfig"]["EndpointsConfig"]["p_default"]["MacAddress"], json!(null));
}

/// An old engine would leave these out without a word, and run something else than was asked for.
#[test]
fn what_an_old_engine_would_drop_is_refused() {
    for spec in [
        json!({"healthcheck": {"test": ["CMD", "x"], "start_interval": "2s"}}),
        json!({"volumes": [{"type": "volume", "source": "v", "target": "/t", "volume": {"subpath": "x"}}]}),
        json!({"volumes": [{"type": "image", "source": "v", "target": "/t"}]}),
        json!({"volumes": [{"type": "bind", "source": "/v", "target": "/t", "bind": {"recursive": "readonly"}}]}),
    ] {
        let error = body_of(&container(&spec), OLD).expect_err("refused");
        assert!(error.contains("needs engine API 1.4") && error.contains("speaks 1.41"), "{error}");
        body_of(&container(&spec), NEW).expect("newer engines can");
    }
    let mut named = with_endpoint("");
    named.endpoints.values_mut().for_each(|spec| spec.endpoint.interface_name = "eth7".into());
    assert!(body_of(&named, OLD).is_err());
}

#[test]
fn what_an_old_engine_ignores_harmlessly_is_a_warning() {
    let (body, warnings) = body_of(&container(&json!({"annotations": {"a": "b"}})), OLD).expect("body");
    assert_eq!(body["HostConfig"]["Annotations"], json!(null));
    assert!(warnings.iter().any(|warning| warning.contains("annotations")), "{warnings:?}");
    let spec = EndpointSpec {
        endpoint: Endpoint { gw_priority: 5, ..Endpoint::default() },
        ..EndpointSpec::default()
    };
    let mut gate = Gate::new(OLD);
    assert_eq!(endpoint(&spec, &mut gate).expect("endpoint"), json!({}));
    assert_eq!(gate.warnings.len(), 1);
}

#[test]
fn proxies_go_underneath_the_environment() {
    let container = container(&json!({"environment": {"HTTP_PROXY": "mine", "NO_PROXY": null}}));
    let proxies =
        ["HTTP_PROXY", "NO_PROXY", "http_proxy"].map(|key| (key.to_owned(), "theirs".to_owned())).into();
    let around = Surroundings { api: OLD, proxies: &proxies, security_opt: &[] };
    let (body, _) = create_body(&container, &around).expect("body");
    assert_eq!(body["Env"], json!(["HTTP_PROXY=mine", "NO_PROXY", "http_proxy=theirs"]));
}

#[test]
fn security_options_are_translated() {
    let options =
        [r#"seccomp={"a":[1]}"#, "seccomp:unconfined", "systempaths=unconfined", "no-new-privileges"];
    let options = options.map(str::to_owned);
    let around = Surroundings { api: OLD, proxies: &BTreeMap::new(), security_opt: &options };
    let (body, _) = create_body(&container(&json!({})), &around).expect("body");
    let expected = json!([r#"seccomp={"a":[1]}"#, "seccomp:unconfined", "no-new-privileges"]);
    assert_eq!(body["HostConfig"]["SecurityOpt"], expected);
    assert_eq!(
        (&body["HostConfig"]["MaskedPaths"], &body["HostConfig"]["ReadonlyPaths"]),
        (&json!([]), &json!([]))
    );
    assert_eq!(profile_file("seccomp:p.json"), Some("p.json"));
    assert_eq!(options.iter().find_map(|option| profile_file(option)), None);
}
