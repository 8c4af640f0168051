//! An HTTP request as a sink makes it, before it is sent.

use crate::model::sensitive::Sensitive;
use serde_json::Value;

/// A request; what it holds is not told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `POST` or `PUT`.
    pub method: &'static str,
    /// Where it goes.
    pub url: Sensitive,
    /// Its headers.
    pub headers: Vec<(String, Sensitive)>,
    /// Its body.
    pub body: Vec<u8>,
}

impl Request {
    /// A request without a body.
    pub fn get(url: Sensitive) -> Self {
        Self { method: "GET", url, headers: Vec::new(), body: Vec::new() }
    }

    /// A request that carries JSON.
    pub fn json(url: Sensitive, body: &Value) -> Self {
        let headers = vec![("content-type".to_owned(), Sensitive::new("application/json"))];
        Self { method: "POST", url, headers, body: body.to_string().into_bytes() }
    }

    /// The same with a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), Sensitive::new(value)));
        self
    }

    /// The same for somebody who has a token.
    #[must_use]
    pub fn bearer(self, token: Option<&Sensitive>) -> Self {
        match token {
            Some(token) => self.header("authorization", format!("Bearer {}", token.expose())),
            None => self,
        }
    }
}

/// An address with a path below it.
pub fn below(address: &Sensitive, path: &str) -> Sensitive {
    Sensitive::new(format!("{}/{path}", address.expose().trim_end_matches('/')))
}
