//! As much of HTTP/1.1 as is needed to tell one request from the next.

use std::io::{self, BufRead, Read, Write};

/// The head of a request or an answer, and how long its body is.
pub struct Head {
    /// First line and headers as they came.
    pub raw: Vec<u8>,
    /// The first line without its end.
    pub start: String,
    chunked: bool,
    length: Option<u64>,
}

impl Head {
    /// The next head; `None` if the other side has ended the connection.
    pub fn read(from: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut raw = Vec::new();
        while !raw.ends_with(b"\r\n\r\n") {
            if from.read_until(b'\n', &mut raw)? == 0 {
                return Ok(None);
            }
        }
        let text = String::from_utf8_lossy(&raw).to_ascii_lowercase();
        let header = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let start = String::from_utf8_lossy(&raw).lines().next().unwrap_or_default().to_owned();
        let chunked = header("transfer-encoding:").is_some_and(|value| value.contains("chunked"));
        let length = header("content-length:").and_then(|value| value.parse().ok());
        Ok(Some(Self { raw, start, chunked, length }))
    }

    /// The status of an answer; 0 if it has none.
    pub fn status(&self) -> u16 {
        self.start.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or_default()
    }

    /// Copies a request's body: without a length there is none.
    pub fn copy_request(&self, from: &mut impl BufRead, to: &mut impl Write) -> io::Result<()> {
        self.copy(from, to, false)
    }

    /// Copies an answer's body: without a length it lasts until the connection ends.
    pub fn copy_answer(&self, from: &mut impl BufRead, to: &mut impl Write) -> io::Result<()> {
        self.copy(from, to, !matches!(self.status(), 100..=199 | 204 | 304))
    }

    fn copy(&self, from: &mut impl BufRead, to: &mut impl Write, until_end: bool) -> io::Result<()> {
        if self.chunked {
            return copy_chunks(from, to);
        }
        match self.length {
            Some(length) => copy_now(&mut from.take(length), to),
            None if until_end => copy_now(from, to),
            None => Ok(()),
        }
    }
}

fn copy_chunks(from: &mut impl BufRead, to: &mut impl Write) -> io::Result<()> {
    loop {
        let mut line = Vec::new();
        from.read_until(b'\n', &mut line)?;
        to.write_all(&line)?;
        let text = String::from_utf8_lossy(&line);
        let size = text.split(';').next().unwrap_or_default().trim();
        let size = u64::from_str_radix(size, 16).map_err(io::Error::other)?;
        // The chunk's own line end is part of it.
        copy_now(&mut from.take(size + 2), to)?;
        if size == 0 {
            return Ok(());
        }
    }
}

/// Copies what comes as soon as it comes.
fn copy_now(from: &mut impl BufRead, to: &mut impl Write) -> io::Result<()> {
    loop {
        let count = match from.fill_buf()? {
            [] => return to.flush(),
            bytes => {
                to.write_all(bytes)?;
                bytes.len()
            }
        };
        to.flush()?;
        from.consume(count);
    }
}

/// Passes on some bytes, and then fails.
pub struct Limited<W> {
    /// Where they go.
    pub to: W,
    /// How many are left.
    pub left: usize,
}

impl<W: Write> Write for Limited<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(self.left);
        if count == 0 && !bytes.is_empty() {
            return Err(io::Error::other("the connection is cut here"));
        }
        self.left -= count;
        self.to.write(&bytes[..count])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
