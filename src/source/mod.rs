//! Where projects come from.

pub mod disk;

pub use disk::Disk;
