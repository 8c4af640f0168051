//! Connections to the engine: a local socket, plain TCP, or ssh. One pooled HTTP client uses them.

use super::address::{Address, SshTarget};
use bytes::Bytes;
use http::Uri;
use http_body_util::combinators::UnsyncBoxBody;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::io;
use std::pin::Pin;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::process::{Child, Command};
use tower_service::Service;

/// How long an unused connection is kept. Shorter than what engines and sshd allow.
const IDLE: Duration = Duration::from_secs(20);
/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(15);
/// How much of ssh's last words is kept.
const WORDS: usize = 600;

/// A request body of any kind.
pub(super) type Body = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;
/// The one client that all requests share.
pub(super) type HttpClient = Client<Connector, Body>;

/// A pooled client for the engine at an address.
pub(super) fn client(connector: Connector) -> HttpClient {
    Client::builder(TokioExecutor::new())
        .pool_idle_timeout(IDLE)
        .pool_timer(TokioTimer::new())
        .build(connector)
}

/// Opens connections.
#[derive(Clone)]
pub(super) struct Connector {
    address: Arc<Address>,
    /// What ssh said last on its standard error: the only place where it says why a connection ended.
    words: Arc<Mutex<String>>,
}

impl Connector {
    /// A connector to an address.
    pub(super) fn new(address: Address) -> Self {
        Self { address: Arc::new(address), words: Arc::default() }
    }

    /// What ssh said last; empty for other kinds of connection.
    pub(super) fn last_words(&self) -> String {
        self.words.lock().unwrap_or_else(PoisonError::into_inner).trim().to_owned()
    }

    async fn connect(self) -> io::Result<EngineConnection> {
        let opened = async {
            match &*self.address {
                Address::Unix(path) => UnixStream::connect(path).await.map(EngineConnection::plain),
                Address::Tcp(authority) => {
                    let stream = TcpStream::connect(authority).await?;
                    stream.set_nodelay(true)?;
                    Ok(EngineConnection::plain(stream))
                }
                Address::Ssh(target) => dial(target, &self.words),
            }
        };
        tokio::time::timeout(CONNECT, opened)
            .await
            .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "no connection within 15 s"))?
    }
}

impl Service<Uri> for Connector {
    type Response = EngineConnection;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<EngineConnection>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        Box::pin(self.clone().connect())
    }
}

/// Starts ssh with the engine's own relay at the far end. Batch mode: a question nobody answers would hang for ever.
fn dial(target: &SshTarget, words: &Arc<Mutex<String>>) -> io::Result<EngineConnection> {
    let mut command = Command::new("ssh");
    command.args(["-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=15", "-o", "ServerAliveInterval=15"]);
    if let Some(user) = &target.user {
        command.args(["-l", user]);
    }
    if let Some(port) = target.port {
        command.args(["-p", &port.to_string()]);
    }
    command.args(["--", &target.host, "docker"]);
    if let Some(socket) = &target.socket {
        command.args(["--host", &format!("'unix://{}'", socket.replace('\'', r"'\''"))]);
    }
    command.args(["system", "dial-stdio"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => io::Error::new(error.kind(), "the program `ssh` is not installed"),
        _ => error,
    })?;
    let (Some(output), Some(input), Some(mut errors)) =
        (child.stdout.take(), child.stdin.take(), child.stderr.take())
    else {
        return Err(io::Error::other("ssh has no standard streams"));
    };
    let words = Arc::clone(words);
    words.lock().unwrap_or_else(PoisonError::into_inner).clear();
    tokio::spawn(async move {
        let mut buffer = [0; WORDS];
        while let Ok(count @ 1..) = errors.read(&mut buffer).await {
            let text = String::from_utf8_lossy(&buffer[..count]).into_owned();
            *words.lock().unwrap_or_else(PoisonError::into_inner) = text;
        }
    });
    Ok(EngineConnection { io: TokioIo::new(Box::new(tokio::io::join(output, input))), _ssh: Some(child) })
}

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// An open connection.
pub(super) struct EngineConnection {
    io: TokioIo<Box<dyn Duplex>>,
    /// Ends with the connection.
    _ssh: Option<Child>,
}

impl EngineConnection {
    fn plain(stream: impl Duplex + 'static) -> Self {
        Self { io: TokioIo::new(Box::new(stream)), _ssh: None }
    }
}

impl Connection for EngineConnection {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl hyper::rt::Read for EngineConnection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl hyper::rt::Write for EngineConnection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
