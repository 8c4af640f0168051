//! What a string becomes where a number or boolean is wanted, as soon as its variables are substituted: `"5"` and `${N}`
//! may stand there. Reference: docker compose 2.40.

use super::Step;
use crate::compose::attributes;
use crate::compose::node::Value;

/// What a string is converted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cast {
    /// A decimal whole number; the reference names two functions in its errors.
    Int(&'static str),
    /// A number.
    Float,
    /// A number of single precision.
    Float32,
    /// `true` or `false`, or the words of YAML 1.1.
    Bool,
}

impl Cast {
    /// A whole number that the reference reads with `Atoi`.
    pub const ATOI: Self = Self::Int("strconv.Atoi");
    /// A whole number that the reference reads with `ParseInt`.
    pub const INT64: Self = Self::Int("strconv.ParseInt");
}

/// The conversion of the string at a path, if it has one.
pub(super) fn at(path: &[Step]) -> Option<Cast> {
    attributes::at(path.iter().map(|step| match step {
        Step::Key(key) => attributes::Step::Key(key),
        Step::Item(_) => attributes::Step::Element,
    }))?
    .cast
}

/// What a conversion gave.
#[derive(Debug)]
pub enum Casted {
    /// The value.
    Value(Value),
    /// The value of a word that YAML 1.2 does not know, with the word to write instead.
    OldWord(Value, &'static str),
}

impl Cast {
    /// Converts a string; the error is the reference's text.
    pub fn apply(self, text: &str) -> Result<Casted, String> {
        match self {
            Self::Int(function) => match text.parse::<i64>() {
                Ok(number) => Ok(Casted::Value(Value::Int(number.into()))),
                Err(error) => Err(unparsed(function, text, is_range(&error))),
            },
            Self::Float => match text.parse::<f64>() {
                Ok(number) if number.is_finite() || is_named(text) => Ok(Casted::Value(Value::Float(number))),
                parsed => Err(unparsed("strconv.ParseFloat", text, parsed.is_ok())),
            },
            Self::Float32 => match text.parse::<f32>() {
                Ok(number) if number.is_finite() || is_named(text) => {
                    Ok(Casted::Value(Value::Float(number.into())))
                }
                parsed => Err(unparsed("strconv.ParseFloat", text, parsed.is_ok())),
            },
            Self::Bool => match text.to_lowercase().as_str() {
                "true" => Ok(Casted::Value(Value::Bool(true))),
                "false" => Ok(Casted::Value(Value::Bool(false))),
                "y" | "yes" | "on" => Ok(Casted::OldWord(Value::Bool(true), "true")),
                "n" | "no" | "off" => Ok(Casted::OldWord(Value::Bool(false), "false")),
                _ => Err(format!("invalid boolean: {text}")),
            },
        }
    }

    /// What it makes of a string.
    pub fn name(self) -> &'static str {
        match self {
            Self::Int(_) => "a whole number",
            Self::Float | Self::Float32 => "a number",
            Self::Bool => "a boolean",
        }
    }

    /// What would be right.
    pub fn wanted(self) -> &'static str {
        match self {
            Self::Int(_) => "write a whole number in decimal digits",
            Self::Float | Self::Float32 => "write a number such as 0.5",
            Self::Bool => "write true or false",
        }
    }
}

fn is_range(error: &std::num::ParseIntError) -> bool {
    use std::num::IntErrorKind::{NegOverflow, PosOverflow};
    matches!(error.kind(), PosOverflow | NegOverflow)
}

/// Infinity by name rather than by size.
fn is_named(text: &str) -> bool {
    text.contains(['n', 'N'])
}

fn unparsed(function: &str, text: &str, out_of_range: bool) -> String {
    let problem = if out_of_range { "value out of range" } else { "invalid syntax" };
    format!("{function}: parsing {text:?}: {problem}")
}
