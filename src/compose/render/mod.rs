//! A canonical project as text, byte for byte as `docker compose config` prints it.

mod go_json;
pub mod json;
mod natural;
mod plain;
mod scalar;
pub mod yaml;
mod yaml_text;

pub use go_json::compact;
pub use json::{json, untyped_json};
pub use yaml::{untyped_yaml, yaml};
