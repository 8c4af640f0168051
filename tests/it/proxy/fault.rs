//! What can go wrong between a client and its engine, and with which request.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// What goes wrong.
#[derive(Clone)]
pub enum Fault {
    /// The engine is not asked; the client is told that it failed (500).
    Error,
    /// The engine does it; the client is told that it failed (500).
    LateError,
    /// The connection ends before the engine hears of the request.
    CutBefore,
    /// The engine does it, and the connection ends before the client hears of it.
    CutAfter,
    /// The connection ends after so many bytes of the answer.
    CutBytes(usize),
    /// The request is passed on late.
    Delay(Duration),
    /// No answer ever comes; whether the engine hears of the request.
    Hang {
        /// The engine does it.
        done: bool,
    },
    /// From this request on no connection comes about any more.
    Gone,
    /// Something is done before the request is passed on.
    Before(Arc<dyn Fn() + Send + Sync>),
    /// Something is done after the engine answered, before the client hears of it.
    After(Arc<dyn Fn() + Send + Sync>),
}

impl Fault {
    /// Its name in reports.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::LateError => "late-error",
            Self::CutBefore => "cut-before",
            Self::CutAfter => "cut-after",
            Self::CutBytes(_) => "cut-bytes",
            Self::Delay(_) => "delay",
            Self::Hang { done: false } => "hang-before",
            Self::Hang { done: true } => "hang-after",
            Self::Gone => "gone",
            Self::Before(_) => "before",
            Self::After(_) => "after",
        }
    }
}

/// A request among others: what it does to what, and how many like it came before.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    /// See [`label`].
    pub label: String,
    /// Counted from 1.
    pub occurrence: usize,
}

impl std::fmt::Display for Point {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} #{}", self.label, self.occurrence)
    }
}

/// What a request line asks for: method and path without the version, with names in place of ids, and the name that is
/// given by it. Equal requests of two runs have equal labels although the ids differ.
pub fn label(line: &str, names: &BTreeMap<String, String>) -> String {
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let is_version =
        |part: &&str| part.starts_with('v') && part[1..].starts_with(|c: char| c.is_ascii_digit());
    let parts = path.split('/').skip(1).enumerate().filter(|(at, part)| *at > 0 || !is_version(part));
    let parts: Vec<&str> =
        parts.map(|(_, part)| names.get(part).map_or(part, String::as_str)).map(nameless).collect();
    let name = query.split('&').find_map(|pair| pair.strip_prefix("name=")).unwrap_or_default();
    format!("{method} /{} {name}", parts.join("/")).trim_end().to_owned()
}

/// An id that has no name differs from run to run.
fn nameless(part: &str) -> &str {
    let is_id = part.len() == 64 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_id { "ID" } else { part }
}

#[test]
fn labels_leave_out_what_differs_from_run_to_run() {
    let id = "a".repeat(64);
    let names = BTreeMap::from([(id.clone(), "web-1".to_owned())]);
    let of = |line: &str| label(line, &names);
    assert_eq!(of("GET /_ping HTTP/1.1"), "GET /_ping");
    assert_eq!(
        of("POST /v1.41/containers/create?name=web-1.next HTTP/1.1"),
        "POST /containers/create web-1.next"
    );
    assert_eq!(of(&format!("POST /v1.41/containers/{id}/stop?t=3 HTTP/1.1")), "POST /containers/web-1/stop");
    assert_eq!(of(&format!("DELETE /v1.41/networks/{} HTTP/1.1", "b".repeat(64))), "DELETE /networks/ID");
    assert_eq!(of("GET /v1.41/volumes/v1 HTTP/1.1"), "GET /volumes/v1");
}
