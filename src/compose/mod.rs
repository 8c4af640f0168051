//! From the text of compose files to a [`Project`]. Pure: files come through [`Files`], the environment is an argument.

pub mod desired;
pub mod diagnostic;
pub mod files;
pub mod load;
pub mod node;
pub mod reference_hash;
pub mod schema;
pub mod settings;
pub mod support;
