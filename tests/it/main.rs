//! The one integration binary; a module per subject.

mod docker;
mod e2e;
mod errors;
mod lab;
mod layering;
mod proxy;
mod rendering;
