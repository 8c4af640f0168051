//! The words of the program as plain data: no I/O, nothing of ours but each other.
//!
//! [`desired`] is what the files ask for, [`observed`] what the engine runs, [`change`] the difference
//! with its causes, [`step`] the plan that removes the difference, [`report`] what executing it did.

pub mod alert;
pub mod change;
pub mod clock;
pub mod commit;
pub mod compose_hash;
pub mod dependencies;
pub mod desired;
pub mod drift;
pub mod duration;
pub mod hash;
pub mod history;
pub mod inspected;
pub mod interruption;
pub mod job;
pub mod labels;
pub mod lock;
pub mod observed;
pub mod platform;
pub mod problem;
pub mod redact;
pub mod report;
pub mod rollout;
pub mod sensitive;
pub mod service;
pub mod shape;
pub mod step;
pub mod units;
pub mod way_back;
pub mod windows;
