//! What the fuzz targets check.

#[path = "../../it/in_memory.rs"]
pub mod in_memory;

#[path = "../../it/fuzz_checks.rs"]
pub mod checks;
