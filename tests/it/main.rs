//! The one integration binary; a module per subject.

mod contract;
mod plan_cases;
mod plan_properties;
mod rollback;
mod sequential;
mod typed;
