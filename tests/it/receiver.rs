//! Stand-ins for services that take alerts, on loopback: they keep what they are sent.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What a receiver was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The first line: method and path.
    pub line: String,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Received {
    /// A header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

/// How a receiver answers.
#[derive(Debug, Clone)]
pub enum Manner {
    /// With a status and a body.
    Answer(u16, &'static str),
    /// With 503 this many times, then with 200.
    BusyFirst(usize),
    /// Not at all.
    Hang,
    /// With another address.
    Redirect(String),
}

/// A receiver; it ends with the test.
pub struct Receiver {
    /// `127.0.0.1` and its port.
    pub address: String,
    kept: Arc<Mutex<Vec<Received>>>,
}

impl Receiver {
    /// A server of HTTP.
    pub fn http(manner: Manner) -> Self {
        let count = AtomicUsize::new(0);
        Self::start(move |stream, kept| {
            let Some(received) = read_request(&stream) else { return };
            kept.lock().expect("kept").push(received);
            let number = count.fetch_add(1, Ordering::SeqCst);
            let (status, more, body) = match &manner {
                Manner::Answer(status, body) => (*status, String::new(), *body),
                Manner::BusyFirst(times) if number < *times => (503, String::new(), "busy"),
                Manner::BusyFirst(_) => (200, String::new(), "ok"),
                Manner::Hang => {
                    std::thread::sleep(Duration::from_secs(60));
                    return;
                }
                Manner::Redirect(to) => (302, format!("Location: {to}\r\n"), ""),
            };
            let length = body.len();
            let head =
                format!("HTTP/1.1 {status} X\r\n{more}Content-Length: {length}\r\nConnection: close\r\n\r\n");
            drop((&stream).write_all(format!("{head}{body}").as_bytes()));
        })
    }

    /// A mail server without encryption. It keeps a mail with its sender and recipients as the first line.
    pub fn smtp() -> Self {
        Self::start(|stream, kept| {
            drop(take_mail(&stream, kept));
        })
    }

    fn start(serve: impl Fn(TcpStream, &Mutex<Vec<Received>>) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let kept: Arc<Mutex<Vec<Received>>> = Arc::default();
        let (keep, serve) = (Arc::clone(&kept), Arc::new(serve));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (keep, serve) = (Arc::clone(&keep), Arc::clone(&serve));
                std::thread::spawn(move || serve(stream, &keep));
            }
        });
        Self { address, kept }
    }

    /// The port.
    pub fn port(&self) -> &str {
        self.address.rsplit_once(':').expect("a port").1
    }

    /// What it was sent so far.
    pub fn received(&self) -> Vec<Received> {
        self.kept.lock().expect("kept").clone()
    }

    /// The same, once it is so many.
    #[track_caller]
    pub fn wait_for(&self, count: usize) -> Vec<Received> {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            let received = self.received();
            if received.len() >= count {
                return received;
            }
            assert!(Instant::now() < end, "{count} messages did not come: {received:#?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn read_request(stream: &TcpStream) -> Option<Received> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let mut body = vec![0; length.and_then(|(_, value)| value.parse().ok()).unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    let line = line.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
    Some(Received { line, headers, body: String::from_utf8_lossy(&body).into_owned() })
}

fn take_mail(mut stream: &TcpStream, kept: &Mutex<Vec<Received>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    stream.write_all(b"220 mail.example.org ready\r\n")?;
    let mut envelope = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let line = line.trim_end().to_owned();
        let answer: &[u8] = match line.split(' ').next().unwrap_or_default() {
            "EHLO" => b"250-mail.example.org\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME\r\n",
            "AUTH" => b"235 welcome\r\n",
            "QUIT" => {
                stream.write_all(b"221 bye\r\n")?;
                return Ok(());
            }
            "DATA" => {
                stream.write_all(b"354 go on\r\n")?;
                let mut mail = String::new();
                while !mail.ends_with("\r\n.\r\n") {
                    if reader.read_line(&mut mail)? == 0 {
                        return Ok(());
                    }
                }
                let (head, body) = mail.split_once("\r\n\r\n").unwrap_or((&mail, ""));
                let headers = head.lines().filter_map(|line| line.split_once(": "));
                let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
                kept.lock().expect("kept").push(Received {
                    line: envelope.join(" "),
                    headers: headers.collect(),
                    body: body.trim_end_matches("\r\n.\r\n").to_owned(),
                });
                b"250 queued as 7\r\n"
            }
            _ => b"250 ok\r\n",
        };
        envelope.push(line);
        stream.write_all(answer)?;
    }
}
