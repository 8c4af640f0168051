//! Servers on loopback: git's own program behind http, Debian's sshd, and some that misbehave.

use base64::Engine as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// What a server does with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Manner {
    /// Serves everybody.
    Open,
    /// Serves who shows this `user:password`.
    Login(String),
    /// Takes connections and says nothing.
    Silent,
    /// Begins to answer, a byte at a time.
    Trickling,
}

/// An http server of the repositories in a folder.
pub struct Http {
    /// Its port.
    pub port: u16,
    requests: Arc<AtomicUsize>,
    scheme: &'static str,
}

/// A certificate for this host, signed by nobody else, and its key.
pub struct Certificate {
    dir: tempfile::TempDir,
}

impl Certificate {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().expect("folder");
        let made = Command::new("openssl")
            .args([
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
                "-days",
                "2",
            ])
            .args(["-subj", "/CN=reconcile test", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout"])
            .arg(dir.path().join("key.pem"))
            .arg("-out")
            .arg(dir.path().join("certificate.pem"))
            .stderr(Stdio::null())
            .status();
        assert!(made.expect("openssl is installed: scripts/setup.sh").success());
        Self { dir }
    }

    /// What a client that believes it is given.
    pub fn file(&self) -> PathBuf {
        self.dir.path().join("certificate.pem")
    }

    fn config(&self) -> Arc<ServerConfig> {
        let chain = CertificateDer::from_pem_file(self.file()).expect("a certificate");
        let key = PrivateKeyDer::from_pem_file(self.dir.path().join("key.pem")).expect("a key");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.expect("protocols").with_no_client_auth();
        Arc::new(config.with_single_cert(vec![chain], key).expect("they belong together"))
    }
}

impl Http {
    pub fn start(root: &Path, manner: Manner) -> Self {
        Self::run("http", root, manner, serve)
    }

    /// The same over TLS.
    pub fn start_tls(root: &Path, manner: Manner, certificate: &Certificate) -> Self {
        let config = certificate.config();
        Self::run("https", root, manner, move |stream, root, manner, counter| {
            let connection = ServerConnection::new(Arc::clone(&config)).expect("a connection");
            let mut stream = StreamOwned::new(connection, stream);
            serve(&mut stream, root, manner, counter);
            stream.conn.send_close_notify();
            let _ = stream.flush();
        })
    }

    fn run(
        scheme: &'static str,
        root: &Path,
        manner: Manner,
        serve: impl Fn(TcpStream, &Path, &Manner, &AtomicUsize) + Clone + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("address").port();
        let requests = Arc::new(AtomicUsize::new(0));
        let (root, counter) = (root.to_owned(), Arc::clone(&requests));
        // It ends with the tests.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (root, manner, counter) = (root.clone(), manner.clone(), Arc::clone(&counter));
                let serve = serve.clone();
                thread::spawn(move || serve(stream, &root, &manner, &counter));
            }
        });
        Self { port, requests, scheme }
    }

    pub fn address(&self) -> String {
        format!("{}://127.0.0.1:{}/x.git", self.scheme, self.port)
    }

    /// Number of requests since the last call.
    pub fn requests(&self) -> usize {
        self.requests.swap(0, Ordering::SeqCst)
    }
}

struct Asked {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Asked {
    fn read(stream: &mut impl Read) -> Option<Self> {
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let mut words = line.split_whitespace();
        let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim().split_once(':') else { break };
            headers.push((name.to_lowercase(), value.trim().to_owned()));
        }
        let mut asked = Self { method, target, headers, body: Vec::new() };
        if asked.header("transfer-encoding") == "chunked" {
            loop {
                let mut size = String::new();
                reader.read_line(&mut size).ok()?;
                let size = u64::from_str_radix(size.trim(), 16).ok()?;
                reader.by_ref().take(size).read_to_end(&mut asked.body).ok()?;
                reader.read_line(&mut String::new()).ok()?;
                if size == 0 {
                    break;
                }
            }
        } else if let Ok(length) = asked.header("content-length").parse() {
            reader.by_ref().take(length).read_to_end(&mut asked.body).ok()?;
        }
        Some(asked)
    }

    fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }
}

fn serve(mut stream: impl Read + Write, root: &Path, manner: &Manner, counter: &AtomicUsize) {
    let Some(asked) = Asked::read(&mut stream) else { return };
    counter.fetch_add(1, Ordering::SeqCst);
    match manner {
        Manner::Silent => thread::sleep(Duration::from_secs(120)),
        Manner::Trickling => {
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\nContent-Length: 5000\r\n\r\n";
            // A line of 500 bytes begins, and never ends.
            let _ = stream.write_all(head.as_bytes());
            let _ = stream.write_all(b"001e# service=git-upload-pack\n000001f4");
            while stream.write_all(b"a").is_ok() {
                thread::sleep(Duration::from_millis(200));
            }
        }
        Manner::Login(login)
            if asked.header("authorization")
                != format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(login)) =>
        {
            let text = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            let _ = stream.write_all(text.as_bytes());
        }
        Manner::Open | Manner::Login(_) => {
            let _ = stream.write_all(&backend(root, &asked));
        }
    }
}

/// Git's own program answers.
fn backend(root: &Path, asked: &Asked) -> Vec<u8> {
    let (path, query) = asked.target.split_once('?').unwrap_or((&asked.target, ""));
    let mut child = Command::new("git")
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .env("REQUEST_METHOD", &asked.method)
        .env("CONTENT_TYPE", asked.header("content-type"))
        .env("CONTENT_LENGTH", asked.body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", asked.header("content-encoding"))
        .env("REMOTE_ADDR", "127.0.0.1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("git http-backend starts");
    let mut input = child.stdin.take().expect("input");
    let body = asked.body.clone();
    let writer = thread::spawn(move || drop(input.write_all(&body)));
    let output = child.wait_with_output().expect("it ends").stdout;
    writer.join().expect("written");
    let split = output.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(0);
    let head = String::from_utf8_lossy(&output[..split]).into_owned();
    let status = head.lines().find_map(|line| line.strip_prefix("Status: ")).unwrap_or("200 OK");
    let rest = &output[(split + 4).min(output.len())..];
    let kept: Vec<&str> = head.lines().filter(|line| !line.starts_with("Status:")).collect();
    let mut answer = format!(
        "HTTP/1.1 {status}\r\n{}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        kept.join("\r\n"),
        rest.len()
    )
    .into_bytes();
    answer.extend_from_slice(rest);
    answer
}

/// An sshd with keys of its own, which lets one key in.
pub struct Ssh {
    /// Its port.
    pub port: u16,
    child: Child,
    dir: tempfile::TempDir,
}

impl Ssh {
    pub fn start() -> Self {
        let dir = tempfile::tempdir().expect("folder");
        let path = |name: &str| dir.path().join(name);
        for (name, passphrase) in [("host", ""), ("other", ""), ("key", ""), ("locked", "pass word")] {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", passphrase, "-C", name, "-f"])
                .arg(path(name))
                .status();
            assert!(made.expect("ssh-keygen is installed: scripts/setup.sh").success());
        }
        let public = |name: &str| std::fs::read_to_string(path(&format!("{name}.pub"))).expect("key");
        std::fs::write(path("allowed"), public("key") + &public("locked")).expect("file");
        std::fs::create_dir_all("/run/sshd").expect("the tests run as root");
        let port = TcpListener::bind("127.0.0.1:0").expect("port").local_addr().expect("address").port();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nStrictModes no\n\
             PasswordAuthentication no\nKbdInteractiveAuthentication no\nUsePAM no\nPermitRootLogin prohibit-password\nPidFile none\n",
            path("host").display(),
            path("allowed").display()
        );
        std::fs::write(path("config"), config).expect("file");
        let mut command = Command::new("/usr/sbin/sshd");
        command.args(["-D", "-e", "-f"]).arg(path("config")).stdin(Stdio::null()).stdout(Stdio::null());
        let child = command.stderr(Stdio::null()).spawn().expect("sshd is installed: scripts/setup.sh");
        let ssh = Self { port, child, dir };
        ssh.know("host");
        let end = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < end, "sshd does not come up");
            thread::sleep(Duration::from_millis(50));
        }
        ssh
    }

    /// An agent that holds one of the keys.
    pub fn agent(&self, key: &str) -> Agent {
        let socket = self.file("agent");
        let child = Command::new("ssh-agent").arg("-D").arg("-a").arg(&socket).stdout(Stdio::null()).spawn();
        let agent = Agent { child: child.expect("ssh-agent is installed: scripts/setup.sh"), socket };
        let end = Instant::now() + Duration::from_secs(20);
        while !agent.socket.exists() {
            assert!(Instant::now() < end, "ssh-agent does not come up");
            thread::sleep(Duration::from_millis(20));
        }
        let mut add = Command::new("ssh-add");
        add.arg("-q").arg(self.file(key)).env("SSH_AUTH_SOCK", &agent.socket);
        assert!(add.status().expect("ssh-add is installed").success());
        agent
    }

    /// A file of the server: its keys by name, `known_hosts`.
    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Makes `known_hosts` list one of the keys for the server.
    pub fn know(&self, name: &str) {
        let key = std::fs::read_to_string(self.file(&format!("{name}.pub"))).expect("key");
        std::fs::write(self.file("known_hosts"), format!("[127.0.0.1]:{} {key}", self.port)).expect("file");
    }
}

impl Drop for Ssh {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// An agent of ssh, until it is dropped.
pub struct Agent {
    child: Child,
    /// Where it is asked.
    pub socket: PathBuf,
}

impl Drop for Agent {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
