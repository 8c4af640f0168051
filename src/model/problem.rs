//! What loading had to say, as it is told in JSON.

use super::shape::shape;

/// How bad it is.
pub const SEVERITIES: [&str; 2] = ["error", "warning"];

shape! {
    /// An error, which keeps a stack or a source from loading, or a warning.
    pub struct Problem {
        /// How bad it is.
        severity: &'static str [SEVERITIES],
        /// The stack; null if it is about the source as a whole.
        stack: Option<String>,
        /// What is wrong.
        message: String,
        /// How often the same was found.
        count: usize,
        /// The path of the key that it is about.
        path: String,
        /// The file.
        file: Option<String>,
        /// The line in it, from 1.
        line: Option<usize>,
        /// The column in that, from 1.
        column: Option<usize>,
        /// What stands there.
        found: Option<String>,
        /// What may stand there, if that can be listed.
        allowed: Vec<String>,
        /// What would be right.
        hint: Option<String>,
        /// Other places that have to do with it.
        related: Vec<ProblemPlace>,
        /// How the file came to be part of the stack.
        chain: Vec<ProblemPlace>,
    }

    /// A place in a file.
    pub struct ProblemPlace {
        /// The file.
        file: String,
        /// The line in it, from 1.
        line: usize,
        /// The column in that, from 1.
        column: usize,
        /// What is there.
        message: String,
    }
}
