//! The program as its users run it, on a real engine.

mod adopting;
mod alerting;
mod api;
mod api_schema;
mod applying;
mod beside_compose;
mod control;
pub mod daemon;
mod failing;
mod faults;
mod history;
mod http;
mod jobs;
mod locking;
mod own_stack;
mod plans;
mod refusing;
mod requests;
mod rollouts;
mod same_container;
mod sources;
mod unchanged;
mod volumes;
mod waiting;
mod watching;
mod weaknesses;
