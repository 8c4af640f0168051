//! From the text of compose files to a [`Project`](load::Project). Pure: files come through
//! [`Files`](files::Files), the environment is an argument.

pub mod attributes;
pub mod canonical;
pub mod desired;
pub mod diagnostic;
pub mod dotenv;
pub mod files;
pub mod grammar;
pub mod growth;
pub mod interpolate;
pub mod load;
pub mod node;
pub mod reference_hash;
pub mod render;
pub mod schema;
pub mod settings;
pub mod support;
pub mod unique;
pub mod yaml;

pub mod broken;
mod consistency;
mod defaults;
mod document;
mod environment;
mod extends;
mod include;
pub(crate) mod inputs;
mod json;
mod long_form;
#[cfg(test)]
pub(crate) mod memory;
mod merge;
mod normalize;
mod paths;
mod profiles;
pub(crate) mod project_name;
mod resolve;
mod select;
pub(crate) mod session;
pub(crate) mod suggest;
mod tags;
mod text;
mod validation;
mod walk;
