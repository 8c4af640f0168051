//! From the text of compose files to a [`Project`]. Pure: files come through [`Files`], the environment is an argument.

pub mod canonical;
pub mod diagnostic;
pub mod files;
pub mod grammar;
pub mod node;
pub mod reference_hash;
pub mod render;
