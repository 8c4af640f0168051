//! A client that writes rows all the time, and knows which of them the database has promised to keep.

use crate::postgres::Connection;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The pause between two rows.
const PAUSE: Duration = Duration::from_millis(20);

/// Writes until it is dropped.
pub struct Writer {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    book: Mutex<Book>,
}

/// What a writer knows.
#[derive(Default, Clone)]
pub struct Book {
    /// Rows that were sent.
    pub written: u64,
    /// Rows that the database has said to hold.
    pub acknowledged: BTreeSet<u64>,
    /// When the last row was acknowledged.
    last: Option<Instant>,
    /// The longest time between two acknowledged rows.
    pub longest_gap: Duration,
}

impl Shared {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().expect("nobody panics while holding it")
    }
}

impl Writer {
    /// Makes the table, and begins.
    pub fn start(address: SocketAddr) -> Result<Self, String> {
        let shared = Arc::new(Shared::default());
        let mut writer = Self { address, shared: Arc::clone(&shared), thread: None };
        writer.query("CREATE TABLE IF NOT EXISTS rows (n bigint PRIMARY KEY)")?;
        writer.thread = Some(std::thread::spawn(move || write(address, &shared)));
        Ok(writer)
    }

    /// What it knows by now.
    pub fn book(&self) -> Book {
        self.shared.book().clone()
    }

    /// Asks the database, for as long as half a minute.
    pub fn query(&self, statement: &str) -> Result<Vec<String>, String> {
        let begin = Instant::now();
        loop {
            match Connection::open(self.address).and_then(|mut open| open.query(statement)) {
                Ok(rows) => return Ok(rows),
                Err(error) if begin.elapsed() > Duration::from_secs(30) => {
                    return Err(format!("the database does not answer: {error}"));
                }
                Err(_) => std::thread::sleep(Duration::from_millis(100)),
            }
        }
    }

    /// Waits until a row is acknowledged that was written after now: the service is up, as its clients see it.
    pub fn wait_for_service(&self) -> Result<(), String> {
        let begin = Instant::now();
        while self.shared.book().last.is_none_or(|last| last < begin) {
            if begin.elapsed() > Duration::from_secs(30) {
                return Err("the database takes no rows any more".to_owned());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Holds the table against what was acknowledged; gives how many rows were found to be there.
    pub fn verify(&self) -> Result<usize, String> {
        let book = self.book();
        let rows = self.query("SELECT n FROM rows")?;
        let rows: BTreeSet<u64> = rows.iter().filter_map(|row| row.parse().ok()).collect();
        let lost: Vec<&u64> = book.acknowledged.difference(&rows).collect();
        if lost.is_empty() {
            return Ok(book.acknowledged.len());
        }
        Err(format!(
            "{} of {} acknowledged rows are lost: {:?}…",
            lost.len(),
            book.acknowledged.len(),
            &lost[..lost.len().min(10)]
        ))
    }

    /// Writes no more.
    pub fn end(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }

    /// What tells one database from another that was made anew.
    pub fn identity(&self) -> Result<String, String> {
        let found = self.query("SELECT system_identifier FROM pg_control_system()")?;
        found.into_iter().next().ok_or_else(|| "the database has no identity".to_owned())
    }
}

fn write(address: SocketAddr, shared: &Shared) {
    let mut connection = None;
    while !shared.stop.load(Ordering::Relaxed) {
        std::thread::sleep(PAUSE);
        let Some(mut open) = connection.take().or_else(|| Connection::open(address).ok()) else { continue };
        let number = {
            let mut book = shared.book();
            book.written += 1;
            book.written
        };
        // A row whose answer got lost is not sent again: whether it is there is not known, and need not be.
        if open.query(&format!("INSERT INTO rows VALUES ({number})")).is_ok() {
            let mut book = shared.book();
            let now = Instant::now();
            let gap = book.last.map_or(Duration::ZERO, |last| now - last);
            book.longest_gap = book.longest_gap.max(gap);
            book.last = Some(now);
            book.acknowledged.insert(number);
            connection = Some(open);
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.end();
    }
}
