//! Requests on the shared client: paths, queries, time limits, and the engine's errors in its own words.

use super::transport::{self, Body, Connector, HttpClient};
use crate::engine::EngineError;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::error::Error as StdError;
use std::fmt::Write as _;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Time limit of calls that only look something up.
pub(super) const QUICK: Duration = Duration::from_secs(60);
/// Time limit of calls that make the engine work.
pub(super) const SLOW: Duration = Duration::from_secs(300);

/// The engine's API over the shared client.
#[derive(Clone)]
pub(super) struct Api {
    client: HttpClient,
    connector: Connector,
    /// Where the engine is, for people.
    pub address: String,
    /// `host[:port]` for the Host header.
    authority: String,
    /// `/v1.41`; empty until the version is agreed.
    pub prefix: String,
    /// Shared by all that talk to the engine.
    pub counts: Arc<Counts>,
}

/// Requests since the start.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// All of them.
    pub sent: AtomicU64,
    /// Those without an answer, and those of which the engine said that it failed.
    pub failed: AtomicU64,
}

/// One request.
pub(super) struct Call {
    method: Method,
    path: String,
    query: String,
    headers: Vec<(&'static str, String)>,
    body: Body,
    limit: Duration,
}

/// The engine's whole answer.
pub(super) struct Answer {
    /// HTTP status, below 400.
    pub status: StatusCode,
    headers: HeaderMap,
    bytes: Bytes,
}

impl Call {
    fn new(method: Method, path: String) -> Self {
        let body = Full::default().map_err(Into::into).boxed_unsync();
        Self { method, path, query: String::new(), headers: Vec::new(), body, limit: QUICK }
    }

    /// A look.
    pub(super) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path.into())
    }

    /// A look that wants no more than the answer's head.
    pub(super) fn head(path: impl Into<String>) -> Self {
        Self::new(Method::HEAD, path.into())
    }

    /// A change.
    pub(super) fn post(path: impl Into<String>) -> Self {
        Self { limit: SLOW, ..Self::new(Method::POST, path.into()) }
    }

    /// A removal.
    pub(super) fn delete(path: impl Into<String>) -> Self {
        Self { limit: SLOW, ..Self::new(Method::DELETE, path.into()) }
    }

    /// An upload.
    pub(super) fn put(path: impl Into<String>) -> Self {
        Self { limit: SLOW, ..Self::new(Method::PUT, path.into()) }
    }

    /// Adds a query parameter.
    pub(super) fn query(mut self, key: &str, value: &str) -> Self {
        self.query.push(if self.query.is_empty() { '?' } else { '&' });
        self.query.push_str(key);
        self.query.push('=');
        self.query.push_str(&escape(value));
        self
    }

    /// Adds a query parameter unless its value is empty.
    pub(super) fn query_if_set(self, key: &str, value: &str) -> Self {
        if value.is_empty() { self } else { self.query(key, value) }
    }

    /// Adds a header.
    pub(super) fn header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Sends a JSON body.
    pub(super) fn json(self, value: &impl Serialize) -> Self {
        // The bodies are trees of text keys, which always have a JSON form.
        let text = serde_json::to_vec(value).unwrap_or_default();
        self.header(CONTENT_TYPE.as_str(), "application/json".to_owned()).bytes(text)
    }

    /// Sends a tar archive that is in memory.
    pub(super) fn tar(self, bytes: Vec<u8>) -> Self {
        self.header(CONTENT_TYPE.as_str(), "application/x-tar".to_owned()).bytes(bytes)
    }

    /// Sends a tar archive as it is made.
    pub(super) fn tar_stream(self, body: Body) -> Self {
        Self { body, ..self.header(CONTENT_TYPE.as_str(), "application/x-tar".to_owned()) }
    }

    fn bytes(self, bytes: Vec<u8>) -> Self {
        Self { body: Full::from(bytes).map_err(Into::into).boxed_unsync(), ..self }
    }

    /// How long the answer's head may take.
    pub(super) const fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }
}

impl Answer {
    /// A header's text; empty if there is none.
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// What it holds.
    pub(super) fn body(&self) -> &[u8] {
        &self.bytes
    }

    /// Reads the answer as JSON.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, EngineError> {
        serde_json::from_slice(&self.bytes)
            .map_err(|error| EngineError::Failed(format!("the engine's answer is not understood: {error}")))
    }
}

impl Api {
    /// The API of an engine whose version is not known yet.
    pub(super) fn new(client: HttpClient, connector: Connector, address: String) -> Self {
        let authority = address.strip_prefix("tcp://").unwrap_or("docker").to_owned();
        let counts = Arc::default();
        Self { client, connector, address, authority, prefix: String::new(), counts }
    }

    /// The same over connections of its own.
    pub(super) fn anew(&self) -> Self {
        Self { client: transport::client(self.connector.clone()), ..self.clone() }
    }

    /// Sends a request and reads the whole answer. Status 400 and above is an error.
    pub(super) async fn send(&self, call: Call) -> Result<Answer, EngineError> {
        let limit = call.limit;
        let what = format!("no answer to {} {}", call.method, call.path);
        let whole = async {
            let response = self.open(call).await?;
            let status = response.status();
            let headers = response.headers().clone();
            let bytes = self.collect(response).await?;
            Ok(Answer { status, headers, bytes })
        };
        let timeout = || EngineError::NoAnswer { what, seconds: limit.as_secs() };
        let answer = tokio::time::timeout(limit, whole).await.map_err(|_| timeout()).flatten();
        self.count(&answer);
        answer
    }

    fn count<T>(&self, answer: &Result<T, EngineError>) {
        self.counts.sent.fetch_add(1, Ordering::Relaxed);
        // What is not there, or not allowed, is an answer like any other.
        if !matches!(answer, Ok(_) | Err(EngineError::Api { status: ..500, .. })) {
            self.counts.failed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Sends a request and reads the answer as JSON.
    pub(super) async fn read<T: DeserializeOwned>(&self, call: Call) -> Result<T, EngineError> {
        self.send(call).await?.json()
    }

    /// Sends a request and leaves the answer's body to be read. Status 400 and above is an error.
    pub(super) async fn stream(&self, call: Call) -> Result<Incoming, EngineError> {
        let limit = call.limit;
        let what = format!("no answer to {} {}", call.method, call.path);
        let timeout = |_| EngineError::NoAnswer { what, seconds: limit.as_secs() };
        let opened = tokio::time::timeout(limit, self.open(call)).await.map_err(timeout).flatten();
        self.count(&opened);
        Ok(opened?.into_body())
    }

    async fn open(&self, call: Call) -> Result<Response<Incoming>, EngineError> {
        let uri = format!("http://{}{}{}{}", self.authority, self.prefix, call.path, call.query);
        let mut request = Request::builder().method(call.method).uri(uri);
        for (name, value) in call.headers {
            request = request.header(HeaderName::from_static(name), value);
        }
        let request = request
            .body(call.body)
            .map_err(|error| EngineError::Failed(format!("cannot form a request: {error}")))?;
        let response = self.client.request(request).await.map_err(|error| self.broken(&error))?;
        let status = response.status();
        if status.as_u16() < 400 {
            return Ok(response);
        }
        let bytes = self.collect(response).await?;
        Err(EngineError::Api { status: status_of(status, &bytes), message: message_of(status, &bytes) })
    }

    async fn collect(&self, response: Response<Incoming>) -> Result<Bytes, EngineError> {
        Ok(response.into_body().collect().await.map_err(|error| self.broken(&error))?.to_bytes())
    }

    /// What a failure below HTTP means.
    pub(super) fn broken(&self, error: &(dyn StdError + 'static)) -> EngineError {
        let chain = || chain(error);
        let denied = |error: &(dyn StdError + 'static)| {
            error.downcast_ref::<io::Error>().is_some_and(|io| io.kind() == io::ErrorKind::PermissionDenied)
        };
        let address = self.address.clone();
        if chain().any(denied) {
            return EngineError::Permission { address };
        }
        let words = self.connector.last_words();
        let innermost = chain().last().map_or_else(String::new, ToString::to_string);
        let reason = if words.is_empty() { innermost } else { format!("{innermost}; ssh says: {words}") };
        EngineError::Unreachable { address, reason }
    }
}

/// An error and its causes.
fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error: &&'a (dyn StdError + 'static)| error.source())
}

/// The status with which Docker would have answered. Podman answers conflicts with 500, and names the cause by one of few
/// fixed texts.
fn status_of(status: StatusCode, bytes: &[u8]) -> u16 {
    #[derive(serde::Deserialize)]
    struct Answer {
        cause: String,
    }
    let Ok(Answer { cause }) = serde_json::from_slice(bytes) else { return status.as_u16() };
    let is_conflict = CONFLICTS.iter().any(|known| cause.starts_with(known));
    if is_conflict { StatusCode::CONFLICT.as_u16() } else { status.as_u16() }
}

/// Causes that Podman names where a name is taken or a state forbids what is asked for.
const CONFLICTS: [&str; 5] = [
    "that name is already in use",
    "container already exists",
    "UNIQUE constraint failed: ContainerConfig.Name",
    "container state improper",
    "network is being used",
];

/// The engine's error text. Docker sends `{"message": …}`; a proxy may send anything.
fn message_of(status: StatusCode, bytes: &[u8]) -> String {
    let parsed: Option<serde_json::Value> = serde_json::from_slice(bytes).ok();
    let message = parsed.as_ref().and_then(|value| value.get("message")?.as_str()).map(str::to_owned);
    let message =
        message.unwrap_or_else(|| String::from_utf8_lossy(bytes).trim().chars().take(500).collect());
    let message = message.trim();
    if message.is_empty() { format!("the engine answered {status}") } else { message.to_owned() }
}

/// Percent-encodes a path segment or a query value.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::{Call, escape, message_of, status_of};
    use http::StatusCode;

    #[test]
    fn a_conflict_is_one_whatever_its_status() {
        let judge = |text: &str| status_of(StatusCode::INTERNAL_SERVER_ERROR, text.as_bytes());
        let taken =
            r#"{"cause":"that name is already in use","message":"container create: …","response":500}"#;
        assert_eq!(judge(taken), 409);
        assert_eq!(judge(r#"{"cause":"out of space","message":"…","response":500}"#), 500);
        assert_eq!(judge(r#"{"message":"container state improper"}"#), 500);
    }

    #[test]
    fn queries_are_escaped_and_joined() {
        let call = Call::get("/x").query("a", "1 &").query_if_set("b", "").query("c", "ü/:");
        assert_eq!(call.query, "?a=1%20%26&c=%C3%BC%2F%3A");
        assert_eq!(escape("web-1_x.next~"), "web-1_x.next~");
    }

    #[test]
    fn errors_keep_the_engines_words() {
        assert_eq!(message_of(StatusCode::NOT_FOUND, br#"{"message":"no such image"}"#), "no such image");
        assert_eq!(message_of(StatusCode::BAD_GATEWAY, b"upstream gone\n"), "upstream gone");
        assert!(message_of(StatusCode::BAD_GATEWAY, b"").contains("502"));
    }
}
