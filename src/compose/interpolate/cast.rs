//! The places where a string becomes a number or boolean as soon as its variables are substituted, so that
//! `"5"` and `${N}` may stand there. Reference: docker compose 2.40.

use super::Step;
use crate::compose::node::Value;

/// What a string is converted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cast {
    /// A decimal whole number; the reference names two functions in its errors.
    Int(&'static str),
    /// A number.
    Float,
    /// A number of single precision.
    Float32,
    /// `true` or `false`, or the words of YAML 1.1.
    Bool,
}

const ATOI: Cast = Cast::Int("strconv.Atoi");
const INT64: Cast = Cast::Int("strconv.ParseInt");

/// Paths below a service; `*` is any key, `[]` any list element.
const SERVICE: &[(&[&str], Cast)] = &[
    (&["cpu_count"], INT64),
    (&["cpu_percent"], Cast::Float),
    (&["cpu_period"], INT64),
    (&["cpu_quota"], INT64),
    (&["cpu_rt_period"], INT64),
    (&["cpu_rt_runtime"], INT64),
    (&["cpu_shares"], INT64),
    (&["cpus"], Cast::Float32),
    (&["deploy", "placement", "max_replicas_per_node"], ATOI),
    (&["deploy", "replicas"], ATOI),
    (&["deploy", "restart_policy", "max_attempts"], ATOI),
    (&["deploy", "rollback_config", "max_failure_ratio"], Cast::Float),
    (&["deploy", "rollback_config", "parallelism"], ATOI),
    (&["deploy", "update_config", "max_failure_ratio"], Cast::Float),
    (&["deploy", "update_config", "parallelism"], ATOI),
    (&["healthcheck", "disable"], Cast::Bool),
    (&["healthcheck", "retries"], ATOI),
    (&["init"], Cast::Bool),
    (&["oom_kill_disable"], Cast::Bool),
    (&["oom_score_adj"], INT64),
    (&["pids_limit"], INT64),
    (&["ports", "[]", "target"], ATOI),
    (&["privileged"], Cast::Bool),
    (&["read_only"], Cast::Bool),
    (&["scale"], ATOI),
    (&["stdin_open"], Cast::Bool),
    (&["tty"], Cast::Bool),
    (&["ulimits", "*"], ATOI),
    (&["ulimits", "*", "hard"], ATOI),
    (&["ulimits", "*", "soft"], ATOI),
    (&["volumes", "[]", "read_only"], Cast::Bool),
    (&["volumes", "[]", "volume", "nocopy"], Cast::Bool),
];

/// Keys of a network that are booleans.
const NETWORK: [&str; 5] = ["external", "internal", "attachable", "enable_ipv4", "enable_ipv6"];

/// The conversion of the string at a path, if it has one.
pub(super) fn at(path: &[Step]) -> Option<Cast> {
    let [Step::Key(section), Step::Key(_), rest @ ..] = path else { return None };
    match (&**section, rest) {
        ("services", rest) => {
            SERVICE.iter().find(|(pattern, _)| matches(pattern, rest)).map(|(_, cast)| *cast)
        }
        ("networks", [Step::Key(key)]) => NETWORK.contains(&&**key).then_some(Cast::Bool),
        ("volumes" | "secrets" | "configs", [Step::Key(key)]) => (&**key == "external").then_some(Cast::Bool),
        _ => None,
    }
}

fn matches(pattern: &[&str], path: &[Step]) -> bool {
    pattern.len() == path.len()
        && pattern.iter().zip(path).all(|(wanted, step)| match step {
            Step::Key(key) => *wanted == "*" || *wanted == &**key,
            Step::Item(_) => *wanted == "[]",
        })
}

/// What a conversion gave.
#[derive(Debug)]
pub(super) enum Casted {
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
