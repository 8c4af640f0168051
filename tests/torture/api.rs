//! The harness's own look at an engine, past the program that is tested: one request per connection.

use crate::proxy::http::Head;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

/// How long an engine may take to answer the harness.
const LIMIT: Duration = Duration::from_secs(60);

/// An engine at a socket.
#[derive(Clone)]
pub struct Api {
    /// The socket.
    pub socket: PathBuf,
}

impl Api {
    /// Asks for something; the body is JSON or nothing.
    pub fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, String> {
        let text = body.map(Value::to_string).unwrap_or_default();
        let ask = || -> std::io::Result<(u16, Vec<u8>)> {
            let mut stream = UnixStream::connect(&self.socket)?;
            stream.set_read_timeout(Some(LIMIT))?;
            // HTTP/1.0: the answer ends with the connection.
            let head = format!("{method} {path} HTTP/1.0\r\nHost: engine\r\nContent-Type: application/json");
            write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{text}", text.len())?;
            let mut answer = BufReader::new(stream);
            let head = Head::read(&mut answer)?.ok_or(std::io::ErrorKind::UnexpectedEof)?;
            let mut bytes = Vec::new();
            head.copy_answer(&mut answer, &mut bytes)?;
            Ok((head.status(), bytes))
        };
        let (status, bytes) = ask().map_err(|error| format!("{method} {path}: {error}"))?;
        if status >= 400 {
            return Err(format!("{method} {path}: {status} {}", String::from_utf8_lossy(&bytes)));
        }
        Ok(serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    /// Asks for something to read.
    pub fn get(&self, path: &str) -> Result<Value, String> {
        self.call("GET", path, None)
    }

    /// The entries of a list, with `?filters=` for a stack.
    pub fn list(&self, path: &str, stack: &str) -> Result<Vec<Value>, String> {
        let filter = format!("%7B%22label%22%3A%5B%22com.docker.compose.project%3D{stack}%22%5D%7D");
        let sign = if path.contains('?') { '&' } else { '?' };
        let found = self.get(&format!("{path}{sign}filters={filter}"))?;
        Ok(found.as_array().or_else(|| found["Volumes"].as_array()).cloned().unwrap_or_default())
    }

    /// Whether the engine answers.
    pub fn is_up(&self) -> bool {
        self.get("/_ping").is_ok()
    }

    /// Names of all containers and networks by id.
    pub fn names(&self) -> Result<BTreeMap<String, String>, String> {
        let mut names = BTreeMap::new();
        for path in ["/containers/json?all=1", "/networks"] {
            for found in self.get(path)?.as_array().into_iter().flatten() {
                let name = found["Names"][0].as_str().or_else(|| found["Name"].as_str()).unwrap_or_default();
                names.insert(text(&found["Id"]), name.trim_start_matches('/').to_owned());
            }
        }
        Ok(names)
    }
}

/// A text, or nothing.
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
