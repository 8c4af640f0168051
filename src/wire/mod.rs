//! A container in the words of the engine's API: the body of its creation, one line for every attribute of a service.
//!
//! Pure. `engine::docker` sends it; `plan::adopt` holds what another tool made against it.
//!
//! [`create_body`] takes the service apart without `..`, so an attribute that nobody mapped does not compile.

mod devices;
mod endpoints;
mod fields;
mod health;
mod mounts;
mod ports;
mod process;
mod resources;
mod run;
mod security;

pub(crate) use endpoints::endpoint;
pub(crate) use fields::{Fields, Gate, Refusal};
pub(crate) use process::extra_hosts;
pub(crate) use resources::ulimits;
pub(crate) use run::{RunBody, plain_ulimits, run_body};
pub(crate) use security::{capabilities, profile_file};

use crate::model::service::{Pairs, ServiceSpec};
use crate::model::step::ContainerSpec;
use serde_json::Value;

/// What the body depends on besides the container itself.
#[derive(Debug)]
pub(crate) struct Surroundings<'a> {
    /// Agreed API version.
    pub api: (u32, u32),
    /// Proxy variables that go underneath the container's environment.
    pub proxies: &'a Pairs,
    /// `security_opt` with seccomp profiles read in.
    pub security_opt: &'a [String],
}

/// The body, and what the engine will ignore.
#[expect(clippy::too_many_lines, reason = "a table: each attribute once in the taking apart and once below")]
pub(crate) fn create_body(
    container: &ContainerSpec,
    around: &Surroundings<'_>,
) -> Result<(Value, Vec<String>), Refusal> {
    let ServiceSpec {
        annotations,
        blkio_config,
        cap_add,
        cap_drop,
        cgroup_parent,
        cgroup,
        cpu_count,
        cpu_percent,
        cpu_period,
        cpu_quota,
        cpu_rt_period,
        cpu_rt_runtime,
        cpus,
        cpuset,
        cpu_shares,
        command,
        // Mounted or written as files: see `ContainerSpec::mounted_files` and `Action::UploadFiles`.
        configs: _,
        // The name is a query parameter, and differs while a container is replaced.
        container_name: _,
        deploy,
        device_cgroup_rules,
        devices,
        dns,
        dns_opt,
        dns_search,
        domainname,
        entrypoint,
        environment,
        expose,
        // Resolved in `EndpointSpec::links` and `ContainerSpec::links`, like `links`.
        external_links: _,
        extra_hosts,
        group_add,
        gpus,
        hostname,
        healthcheck,
        // `ContainerSpec::image` is what it resolved to.
        image: _,
        init,
        // Resolved in `ContainerSpec`, like `network_mode`, `pid` and `volumes_from`.
        ipc: _,
        isolation,
        // `ContainerSpec::labels` holds them together with those of tools.
        labels: _,
        links: _,
        logging,
        mem_limit,
        mem_reservation,
        memswap_limit,
        mem_swappiness,
        mac_address,
        network_mode: _,
        networks: _,
        oom_kill_disable,
        oom_score_adj,
        pid: _,
        pids_limit,
        // A query parameter.
        platform: _,
        ports,
        privileged,
        read_only,
        restart,
        runtime,
        secrets: _,
        // Comes with its profiles read in.
        security_opt: _,
        shm_size,
        stdin_open,
        stop_grace_period,
        stop_signal,
        storage_opt,
        sysctls,
        tmpfs,
        tty,
        ulimits: limits,
        user,
        userns_mode,
        uts,
        volumes: _,
        volumes_from: _,
        working_dir,
        // Run by `Action::Exec`.
        post_start: _,
        pre_stop: _,
    } = &container.spec;
    let mut gate = Gate::new(around.api);
    let mut body = Fields::default();
    let mut host = Fields::default();

    body.put("Image", &container.image);
    body.put("Labels", &container.labels);
    body.set("Cmd", command);
    body.set("Entrypoint", entrypoint);
    body.put("Env", process::environment(environment, around.proxies));
    body.set("WorkingDir", working_dir);
    body.set("User", user);
    body.set("Hostname", hostname);
    body.set("Domainname", domainname);
    body.set("Tty", tty);
    body.set("OpenStdin", stdin_open);
    body.put("AttachStdin", false);
    body.put("AttachStdout", true);
    body.put("AttachStderr", true);
    body.set("StopSignal", stop_signal);
    let grace = stop_grace_period.map(crate::model::units::Nanos::whole_seconds);
    body.set("StopTimeout", &container.stop_timeout.or(grace));
    body.set_object("Healthcheck", health::healthcheck(healthcheck.as_ref(), &gate)?);
    body.set("ExposedPorts", &ports::exposed(ports, expose)?);
    body.set("NetworkDisabled", &(container.network_mode == "disabled"));

    if !annotations.is_empty() && gate.takes("annotations", (1, 43)) {
        host.put("Annotations", annotations);
    }
    host.set("NetworkMode", &container.network_mode);
    host.set("PortBindings", &ports::bindings(ports));
    host.set("Dns", dns);
    host.set("DnsOptions", dns_opt);
    host.set("DnsSearch", dns_search);
    host.set("ExtraHosts", &process::extra_hosts(extra_hosts));
    host.set("Links", &endpoints::legacy_links(container).to_vec());
    host.set("RestartPolicy", &process::restart_policy(restart, deploy.as_ref(), &mut gate));
    host.set("LogConfig", &logging.as_ref().map(process::log_config));
    host.set("Init", init);
    host.set("Runtime", runtime);
    host.set("Isolation", isolation);

    host.set("CgroupParent", cgroup_parent);
    host.set("CgroupnsMode", cgroup);
    host.set("IpcMode", &container.ipc);
    host.set("PidMode", &container.pid);
    host.set("UTSMode", uts);
    host.set("UsernsMode", userns_mode);
    host.set("Privileged", privileged);
    host.set("ReadonlyRootfs", read_only);
    let (cap_add, cap_drop) = security::capabilities(cap_add, cap_drop);
    host.set("CapAdd", &cap_add);
    host.set("CapDrop", &cap_drop);
    host.set("GroupAdd", group_add);
    security::options(&mut host, around.security_opt);

    let deployed = resources::deployed(deploy.as_ref());
    host.set("NanoCpus", &resources::nano_cpus(deployed.cpus.unwrap_or(*cpus)));
    host.set("CpuShares", cpu_shares);
    host.set("CpuPeriod", cpu_period);
    host.set("CpuQuota", cpu_quota);
    host.set("CpuRealtimePeriod", cpu_rt_period);
    host.set("CpuRealtimeRuntime", cpu_rt_runtime);
    host.set("CpusetCpus", cpuset);
    host.set("CpuCount", cpu_count);
    host.set("CpuPercent", &resources::percent(*cpu_percent));
    host.set("Memory", &deployed.memory.unwrap_or(mem_limit.0));
    host.set("MemoryReservation", &deployed.memory_reservation.unwrap_or(mem_reservation.0));
    host.set("MemorySwap", &memswap_limit.0);
    host.set("MemorySwappiness", &mem_swappiness.0);
    host.set("OomKillDisable", oom_kill_disable);
    host.set("OomScoreAdj", oom_score_adj);
    host.set("PidsLimit", &deployed.pids.unwrap_or(*pids_limit));
    host.set("ShmSize", &shm_size.0);
    host.set("Ulimits", &ulimits(limits));
    resources::block_io(&mut host, blkio_config.as_ref());
    host.set("Devices", &devices::mappings(devices));
    host.set("DeviceRequests", &devices::requests(devices, gpus, &deployed.devices));
    host.set("DeviceCgroupRules", device_cgroup_rules);
    host.set("StorageOpt", storage_opt);
    host.set("Sysctls", sysctls);

    host.set("Tmpfs", &mounts::tmpfs(tmpfs));
    mounts::all(&mut host, container, &gate)?;
    host.set("VolumesFrom", &mounts::volumes_from(&container.volumes_from));
    endpoints::networking(&mut body, container, mac_address, &mut gate)?;

    body.put("HostConfig", host.into_value());
    Ok((body.into_value(), gate.warnings))
}

#[cfg(test)]
mod tests;
