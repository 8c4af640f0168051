//! The small languages inside attribute values: one file each, text in, value or error text out.
//!
//! Error texts are those of the reference (docker compose 2.40); the caller adds the place.

pub use crate::model::duration;

pub mod bytes;
pub mod device;
pub mod extra_hosts;
pub mod file_mode;
pub mod number;
pub mod port;
pub mod shell;
pub mod volume;
