//! Sends HTTP requests. No word of an error holds an address, a header or a body.

use super::request::Request;
use crate::model::redact::Redactor;
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Response, StatusCode};
use std::sync::OnceLock;
use std::time::Duration;

/// As much of an answer as is told.
const TOLD: usize = 200;
/// As much of an answer as is read.
const READ: usize = 4096;
/// The longest time that a service may ask for before the next try.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why something was not delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// In words.
    pub why: String,
    /// Whether another try makes no sense.
    pub is_final: bool,
    /// How long the service asks to wait.
    pub wait: Option<Duration>,
}

impl Refusal {
    /// Something that will not change by itself.
    pub const fn for_good(why: String) -> Self {
        Self { why, is_final: true, wait: None }
    }
}

/// The client, made once. Reads the host's certificates: call it where blocking does no harm.
pub fn client() -> Result<Client, String> {
    static MADE: OnceLock<Result<Client, String>> = OnceLock::new();
    let make = || {
        // Somebody else in this process may have chosen one already, which is as good.
        drop(rustls::crypto::ring::default_provider().install_default());
        let builder = Client::builder()
            .user_agent(concat!("reconcile/", env!("CARGO_PKG_VERSION")))
            // A redirect would lose the body, and take secrets to another place.
            .redirect(Policy::none())
            .pool_idle_timeout(Duration::from_secs(30));
        builder.build().map_err(|error| format!("cannot make an HTTP client: {}", words(&error)))
    };
    MADE.get_or_init(make).clone()
}

/// Sends a request; gives the answer in a few words.
pub async fn send(client: &Client, request: Request) -> Result<String, Refusal> {
    let masked = masks(&request);
    let method = match request.method {
        "GET" => Method::GET,
        "PUT" => Method::PUT,
        _ => Method::POST,
    };
    let mut builder = client.request(method, request.url.expose());
    for (name, value) in &request.headers {
        builder = builder.header(name, value.expose());
    }
    let answer = builder.body(request.body).send().await.map_err(|error| Refusal {
        is_final: error.is_builder(),
        why: masked.apply(&words(&error.without_url())),
        wait: None,
    })?;
    let status = answer.status();
    let (wait, leads) = (retry_after(&answer), location(&answer));
    let text = masked.apply(&read(answer).await);
    let told = if text.is_empty() { status.to_string() } else { format!("{status}: {text}") };
    if status.is_success() {
        return Ok(told);
    }
    let is_passing = status.is_server_error()
        || matches!(
            status,
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS
        );
    let why = match leads.filter(|_| status.is_redirection()) {
        Some(host) => {
            format!("{status}: it leads to {host}, and redirects are not followed; set that address")
        }
        None => told,
    };
    Err(Refusal { why, is_final: !is_passing, wait })
}

/// Everything in a request that an answer must not repeat.
fn masks(request: &Request) -> Redactor {
    let url = request.url.expose();
    let mut values = vec![url.to_owned()];
    if let Ok(url) = reqwest::Url::parse(url) {
        values.push(url.path().to_owned());
        values.extend(
            url.path_segments().into_iter().flatten().filter(|part| part.len() > 7).map(str::to_owned),
        );
        values.extend(url.query().map(str::to_owned));
        values.extend(url.query_pairs().map(|(_, value)| value.into_owned()));
        values.extend(url.password().map(str::to_owned));
    }
    let is_plain = |name: &str| matches!(name, "content-type" | "accept");
    for (_, value) in request.headers.iter().filter(|(name, _)| !is_plain(name)) {
        values.push(value.expose().to_owned());
        values.extend(value.expose().split_once(' ').map(|(_, token)| token.to_owned()));
    }
    Redactor::new(values)
}

async fn read(mut answer: Response) -> String {
    let mut bytes = Vec::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > READ {
            break;
        }
    }
    let text = String::from_utf8_lossy(&bytes);
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().filter(|c| !c.is_control()).take(TOLD).collect()
}

fn retry_after(answer: &Response) -> Option<Duration> {
    let value = answer.headers().get("retry-after")?.to_str().ok()?;
    let seconds: f64 = value.trim().parse().ok()?;
    Some(Duration::try_from_secs_f64(seconds).ok()?.min(PATIENCE))
}

/// The host that a redirect leads to: the rest of the address may be a secret.
fn location(answer: &Response) -> Option<String> {
    let value = answer.headers().get("location")?.to_str().ok()?;
    let url = answer.url().join(value).ok()?;
    Some(format!("{}://{}", url.scheme(), url.host_str()?))
}

/// An error with what is behind it.
fn words(error: &dyn std::error::Error) -> String {
    let mut parts = vec![error.to_string()];
    let mut behind = error.source();
    while let Some(error) = behind {
        parts.push(error.to_string());
        behind = error.source();
    }
    parts.dedup();
    parts.join(": ")
}
