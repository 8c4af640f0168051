//! Stand-in: the branch `canon` owns this file.
use serde_json::{Map, Value};
/// Stand-in.
pub fn service_hash(service: &Map<String, Value>) -> String {
    crate::model::hash::digest(&serde_json::to_vec(service).unwrap_or_default())
}
/// Stand-in.
pub fn network_hash(network: &Map<String, Value>) -> String {
    service_hash(network)
}
/// Stand-in.
pub fn volume_hash(volume: &Map<String, Value>) -> String {
    service_hash(volume)
}
