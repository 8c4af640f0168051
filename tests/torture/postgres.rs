//! As much of a PostgreSQL client as it takes to write rows and read them back.

use std::io::{self, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long a server may take to answer.
const LIMIT: Duration = Duration::from_secs(5);

/// An open connection.
pub struct Connection(BufReader<TcpStream>);

impl Connection {
    /// Connects as `postgres`, whom the server trusts.
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, Duration::from_millis(500))?;
        stream.set_read_timeout(Some(LIMIT))?;
        stream.set_nodelay(true)?;
        let mut connection = Self(BufReader::new(stream));
        let mut start = 196_608_u32.to_be_bytes().to_vec();
        start.extend_from_slice(b"user\0postgres\0\0");
        connection.send(None, &start)?;
        connection.rows().map(|_| connection)
    }

    /// Runs a statement; gives the first column of its rows.
    pub fn query(&mut self, statement: &str) -> io::Result<Vec<String>> {
        self.send(Some(b'Q'), format!("{statement}\0").as_bytes())?;
        self.rows()
    }

    fn send(&mut self, kind: Option<u8>, body: &[u8]) -> io::Result<()> {
        let length = u32::try_from(body.len() + 4).map_err(io::Error::other)?;
        let mut message: Vec<u8> = kind.into_iter().collect();
        message.extend_from_slice(&length.to_be_bytes());
        message.extend_from_slice(body);
        self.0.get_mut().write_all(&message)
    }

    /// Reads until the server is ready for more.
    fn rows(&mut self) -> io::Result<Vec<String>> {
        let mut rows = Vec::new();
        let mut failure = None;
        loop {
            let mut head = [0; 5];
            self.0.read_exact(&mut head)?;
            let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
            let mut body = vec![0; usize::try_from(length).unwrap_or_default().saturating_sub(4)];
            self.0.read_exact(&mut body)?;
            match head[0] {
                b'D' => rows.push(first_column(&body)),
                b'E' => failure = Some(io::Error::other(String::from_utf8_lossy(&body).replace('\0', " "))),
                b'Z' => return failure.map_or(Ok(rows), Err),
                _ => {}
            }
            // An error before the server is ready, such as while it starts, ends the connection.
            if head[0] == b'E' && body.windows(6).any(|field| field == b"VFATAL") {
                return failure.map_or(Ok(rows), Err);
            }
        }
    }
}

/// Number of columns (2 bytes), then length (4 bytes) and bytes of each.
fn first_column(body: &[u8]) -> String {
    let length = body.get(2..6).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_be_bytes);
    let end = 6 + usize::try_from(length).unwrap_or_default();
    body.get(6..end).map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default()
}
