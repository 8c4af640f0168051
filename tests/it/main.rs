//! The one integration binary; a module per subject.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod contract;
mod docker;
mod docs;
mod e2e;
mod errors;
mod golden;
mod kept;
mod lab;
mod layering;
mod plan_cases;
mod plan_properties;
mod proxy;
mod quarantine;
mod rendering;
mod rollback;
mod sequential;
mod typed;
