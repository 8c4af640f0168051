//! The lock of a stack: a container that never runs, whose name only one can have. Its labels say who holds it.

use super::labels;
use super::service::Pairs;

/// Name of the lock of a stack. Stack names have no dot, so no container of a stack is called so by itself.
pub fn name(stack: &str) -> String {
    format!("{stack}.lock")
}

/// A process that holds locks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holder {
    /// Differs between any two runs anywhere.
    pub id: String,
    /// The machine's name, for people.
    pub host: String,
    /// The process there: its number, with what tells it from another one of that number.
    pub process: Process,
    /// Since when it holds the lock, in seconds since 1970.
    pub since: i64,
}

/// A process on a machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Process {
    /// Which start of which machine, and which namespace of process numbers on it; empty if that is not known.
    pub place: String,
    /// Process number.
    pub id: u32,
    /// When it was started, in the kernel's own ticks: numbers are used again.
    pub started: u64,
}

impl Holder {
    /// The labels of a lock that it holds.
    pub fn labels(&self, stack: &str) -> Pairs {
        let Self { id, host, process: Process { place, id: number, started }, since } = self;
        let process = format!("{number} {started} {place}");
        Pairs::from([
            (labels::LOCK.to_owned(), stack.to_owned()),
            (labels::LOCK_HOLDER.to_owned(), id.clone()),
            (labels::LOCK_HOST.to_owned(), host.clone()),
            (labels::LOCK_PROCESS.to_owned(), process),
            (labels::LOCK_SINCE.to_owned(), since.to_string()),
        ])
    }

    /// The holder that a lock's labels name; `None` if they are not those of a lock.
    pub fn read(labels: &Pairs) -> Option<Self> {
        let label = |key: &str| labels.get(key).map_or("", String::as_str);
        labels.get(labels::LOCK)?;
        let mut process = label(labels::LOCK_PROCESS).splitn(3, ' ');
        let mut part = || process.next().unwrap_or_default();
        let (id, started) = (part().parse().unwrap_or_default(), part().parse().unwrap_or_default());
        Some(Self {
            id: label(labels::LOCK_HOLDER).to_owned(),
            host: label(labels::LOCK_HOST).chars().filter(|c| !c.is_control()).take(100).collect(),
            process: Process { id, started, place: part().to_owned() },
            since: label(labels::LOCK_SINCE).parse().unwrap_or_default(),
        })
    }
}

/// A lock that another process has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The stack.
    pub stack: String,
    /// Id of the lock on the engine: the next one of that stack has another.
    pub id: String,
    /// Who has it.
    pub holder: Holder,
}

/// What came of trying to take a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// It is ours, under this id.
    Ours(String),
    /// Another process has it.
    Theirs(Held),
}

#[cfg(test)]
mod tests {
    use super::{Holder, Process};
    use crate::model::service::Pairs;

    #[test]
    fn labels_give_back_the_holder() {
        let process = Process { place: "boot 4026531836".into(), id: 12, started: 99 };
        let holder = Holder { id: "a1".into(), host: "web".into(), process, since: 1000 };
        assert_eq!(Holder::read(&holder.labels("shop")), Some(holder));
        assert_eq!(Holder::read(&Pairs::new()), None);
    }
}
