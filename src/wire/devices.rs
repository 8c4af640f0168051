//! Devices and device requests.

use super::fields::Fields;
use crate::model::service::{Device, DeviceRequest};
use serde_json::{Value, json};

/// Host devices. Reference: docker compose 2.40 sends empty permissions for the long form, with which the start fails;
/// here all are given, as in the short form.
pub(super) fn mappings(devices: &[Device]) -> Vec<Value> {
    devices
        .iter()
        .filter(|device| !is_cdi(device))
        .map(|Device { source, target, permissions }| {
            json!({
                "PathOnHost": source,
                "PathInContainer": if target.is_empty() { source } else { target },
                "CgroupPermissions": if permissions.is_empty() { "rwm" } else { permissions },
            })
        })
        .collect()
}

/// CDI devices of `devices`, then GPUs, then those of `deploy.resources`.
pub(super) fn requests(devices: &[Device], gpus: &[DeviceRequest], reserved: &[DeviceRequest]) -> Vec<Value> {
    let named: Vec<&str> =
        devices.iter().filter(|device| is_cdi(device)).map(|device| device.source.as_str()).collect();
    let cdi = (!named.is_empty()).then(|| json!({"Driver": "cdi", "DeviceIDs": named}));
    let gpus = gpus.iter().map(|gpu| {
        let mut gpu = gpu.clone();
        if !gpu.capabilities.iter().any(|capability| capability == "gpu") {
            gpu.capabilities.push("gpu".to_owned());
        }
        request(&gpu)
    });
    cdi.into_iter().chain(gpus).chain(reserved.iter().map(request)).collect()
}

/// A name such as `vendor.com/class=device`, for container and host alike.
fn is_cdi(device: &Device) -> bool {
    let Device { source, target, permissions: _ } = device;
    !source.starts_with('/')
        && source.contains('/')
        && source.contains('=')
        && (target.is_empty() || source == target)
}

/// Neither a count nor names means all.
fn request(request: &DeviceRequest) -> Value {
    let DeviceRequest { capabilities, driver, count, device_ids, options } = request;
    let mut fields = Fields::default();
    fields.set("Driver", driver);
    fields.set("Count", &if *count == 0 && device_ids.is_empty() { -1 } else { *count });
    fields.set("DeviceIDs", device_ids);
    fields.put("Capabilities", [capabilities]);
    fields.set("Options", options);
    fields.into_value()
}
