//! CPU, memory, block I/O, limits.

use super::fields::Fields;
use crate::model::service::{Blkio, Deploy, DeviceRequest, Limits, ThrottleDevice, Ulimit, WeightDevice};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What `deploy.resources` says, which comes before the service's own attributes.
#[derive(Debug, Default)]
pub(super) struct Deployed {
    pub cpus: Option<f64>,
    pub memory: Option<i64>,
    pub pids: Option<i64>,
    pub memory_reservation: Option<i64>,
    pub devices: Vec<DeviceRequest>,
}

/// Takes `deploy.resources` apart. Reserved CPUs and generic resources have a meaning only in a Swarm.
pub(super) fn deployed(deploy: Option<&Deploy>) -> Deployed {
    let mut found = Deployed::default();
    let Some(Deploy { resources, restart_policy: _ }) = deploy else {
        return found;
    };
    if let Some(Limits { cpus, memory, pids, devices, generic_resources: _ }) = &resources.limits {
        found.cpus = (*cpus > 0.0).then_some(*cpus);
        found.memory = (memory.0 != 0).then_some(memory.0);
        found.pids = (*pids != 0).then_some(*pids);
        found.devices.extend(devices.iter().cloned());
    }
    if let Some(Limits { cpus: _, memory, pids: _, devices, generic_resources: _ }) = &resources.reservations
    {
        found.memory_reservation = (memory.0 != 0).then_some(memory.0);
        found.devices.extend(devices.iter().cloned());
    }
    found
}

/// CPUs in billionths.
pub(super) fn nano_cpus(cpus: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "numbers of CPUs are small; others saturate")]
    let nanos = (cpus * 1e9).round() as i64;
    nanos
}

/// Whole percent, as Windows engines take it.
pub(super) fn percent(percent: f64) -> i64 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "1 to 100; others saturate and are refused by the engine"
    )]
    let percent = percent.round() as i64;
    percent
}

/// Soft and hard limit by name.
pub(crate) fn ulimits(limits: &BTreeMap<String, Ulimit>) -> Vec<Value> {
    limits
        .iter()
        .map(|(name, limit)| {
            let (soft, hard) = match limit {
                Ulimit::Single(limit) => (limit, limit),
                Ulimit::Pair { soft, hard } => (soft, hard),
            };
            json!({"Name": name, "Soft": soft, "Hard": hard})
        })
        .collect()
}

/// Block I/O weights and limits.
pub(super) fn block_io(host: &mut Fields, blkio: Option<&Blkio>) {
    let Some(blkio) = blkio else { return };
    let Blkio {
        weight,
        weight_device,
        device_read_bps,
        device_read_iops,
        device_write_bps,
        device_write_iops,
    } = blkio;
    let weights: Vec<Value> = weight_device
        .iter()
        .map(|WeightDevice { path, weight }| json!({"Path": path, "Weight": weight}))
        .collect();
    host.set("BlkioWeight", weight);
    host.set("BlkioWeightDevice", &weights);
    host.set("BlkioDeviceReadBps", &throttles(device_read_bps));
    host.set("BlkioDeviceReadIOps", &throttles(device_read_iops));
    host.set("BlkioDeviceWriteBps", &throttles(device_write_bps));
    host.set("BlkioDeviceWriteIOps", &throttles(device_write_iops));
}

fn throttles(devices: &[ThrottleDevice]) -> Vec<Value> {
    devices.iter().map(|ThrottleDevice { path, rate }| json!({"Path": path, "Rate": rate.0})).collect()
}
