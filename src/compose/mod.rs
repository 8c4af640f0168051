//! From the text of compose files to a [`Project`]. Pure: files come through [`Files`], the environment is an argument.

pub mod diagnostic;
pub mod dotenv;
pub mod files;
pub mod interpolate;
pub mod node;
pub mod schema;
pub mod unique;
pub mod yaml;
