//! The one integration binary; a module per subject.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod alerts;
mod contract;
mod deploy;
mod docker;
mod docs;
mod e2e;
mod errors;
mod fuzz_checks;
mod git;
mod golden;
mod hard;
mod histories;
mod in_memory;
mod kept;
mod lab;
mod layering;
mod loader_properties;
mod plan_cases;
mod plan_properties;
mod proxy;
mod quarantine;
mod receiver;
mod rendering;
mod rollback;
mod rollback_services;
mod sequential;
mod typed;
