//! What a bug report needs: a directory with what a plan was made from, without its secrets, and the plan made of it again.
//!
//! A secret is the same word wherever it stood, made with a key that is thrown away: comparisons come out as they did, and
//! nobody can try guesses against it. Hashes that cover secrets are made anew.

use super::output::Output;
use super::places::{Places, Spots};
use super::plan_text::{View, text};
use crate::model::desired::DesiredState;
use crate::model::observed::ObservedState;
use crate::model::redact::{MASK, Redactor};
use crate::model::step::Plan;
use crate::plan::{self, Masked, Policy};
use hmac::{Hmac, Mac as _};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

const FORMAT: &str = "reconcile-record";
const VERSION: u64 = 1;
const HEAD: &str = "record.json";
/// How much of a masked word tells it from others, in digits.
const DIGITS: usize = 10;

/// The head of a record.
#[derive(Debug, Serialize, Deserialize)]
pub struct Head {
    format: String,
    version: u64,
    program: String,
    made: String,
    sources: Vec<Entry>,
}

/// What is recorded of a source besides what is wanted and what stands.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    source: String,
    told: String,
    now: i64,
    policy: Policy,
    verbose: bool,
    /// Whether the plan made of the record is the one that was shown.
    faithful: bool,
    places: Spots,
    contents: BTreeMap<String, BTreeMap<String, BTreeMap<String, String>>>,
    secrets: Vec<String>,
}

/// What a source gives to a record.
pub struct Subject<'a> {
    /// What it goes by.
    pub source: &'a str,
    /// What it says, for people.
    pub told: &'a str,
    /// When the plan was made, in seconds since 1970.
    pub now: i64,
    /// What may be done.
    pub policy: &'a Policy,
    /// What is wanted.
    pub desired: &'a DesiredState,
    /// What stands.
    pub observed: &'a ObservedState,
    /// The plan as it is shown.
    pub plan: &'a Plan,
    /// Where causes stand.
    pub places: &'a Places<'a>,
    /// What must not be told.
    pub redactor: &'a Redactor,
}

/// A record on its way.
pub struct Recording {
    entries: Vec<(Entry, String, String, String)>,
    key: [u8; 32],
    verbose: bool,
}

impl Recording {
    /// An empty one.
    pub fn new(verbose: bool) -> io::Result<Self> {
        let mut key = [0; 32];
        fs::File::open("/dev/urandom")?.read_exact(&mut key)?;
        Ok(Self { entries: Vec::new(), key, verbose })
    }

    /// Adds a source.
    pub fn add(&mut self, subject: &Subject<'_>) -> io::Result<()> {
        let key = self.key;
        let token = move |value: &str| {
            let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("a key of any length will do");
            mac.update(value.as_bytes());
            hex::encode(mac.finalize().into_bytes())
        };
        let mut secrets = Vec::new();
        let word = |value: &str| format!("{MASK}{}", &token(value)[..DIGITS]);
        let masked = plan::mask_states((subject.desired, subject.observed), subject.redactor, &word, &token);
        let Masked { desired, observed, words } = masked.map_err(io::Error::other)?;
        secrets.extend(words);
        let contents = subject.plan.changes.iter().map(|(stack, changes)| {
            let own = changes.services.iter().filter(|(_, change)| !change.contents.is_empty());
            (stack.clone(), own.map(|(key, change)| (key.clone(), change.contents.clone())).collect())
        });
        let mut entry = Entry {
            source: subject.redactor.apply(subject.source),
            told: subject.redactor.apply(subject.told),
            now: subject.now,
            policy: subject.policy.clone(),
            verbose: self.verbose,
            faithful: true,
            places: subject.places.spots(subject.plan),
            contents: contents.collect(),
            secrets,
        };
        let shown = plain(&text(View::new(subject.plan, self.verbose).with(subject.places)));
        let replayed = again(&entry, &parse(&desired)?, &parse(&observed)?);
        entry.faithful = replayed == shown;
        self.entries.push((entry, desired, observed, shown));
        Ok(())
    }

    /// Writes the record into a directory that is made for it, or is empty.
    pub fn write(self, directory: &Path, made: String, output: Output) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        if fs::read_dir(directory)?.next().is_some() {
            return Err(io::Error::other("it is not empty"));
        }
        let mut sources = Vec::new();
        for (number, (entry, desired, observed, shown)) in self.entries.into_iter().enumerate() {
            if !entry.faithful {
                let message =
                    format!("warning: the record of {} does not give quite the same plan\n", entry.source);
                output.complain(&message);
            }
            for (name, content) in
                [("desired.json", desired), ("observed.json", observed), ("plan.txt", shown)]
            {
                write(&directory.join(format!("{number}-{name}")), &content)?;
            }
            sources.push(entry);
        }
        let program = env!("CARGO_PKG_VERSION").to_owned();
        let head = Head { format: FORMAT.to_owned(), version: VERSION, program, made, sources };
        let text = serde_json::to_string_pretty(&head).map_err(io::Error::other)?;
        write(&directory.join(HEAD), &text)
    }
}

/// The plan of a record made again, for each source.
pub fn replay(directory: &Path) -> io::Result<String> {
    let wrong = |why: String| io::Error::other(why);
    let head = fs::read_to_string(directory.join(HEAD))?;
    let value: serde_json::Value = parse(&head)?;
    if value["format"] != FORMAT {
        return Err(wrong(format!("{HEAD} is no record: its `format` is not `{FORMAT}`")));
    }
    if value["version"] != VERSION {
        return Err(wrong(format!(
            "it is a record of version {}; this program knows {VERSION}",
            value["version"]
        )));
    }
    let head: Head =
        serde_json::from_value(value).map_err(|error| wrong(format!("{HEAD} is damaged: {error}")))?;
    let mut told = String::new();
    for (number, entry) in head.sources.iter().enumerate() {
        let read = |name: &str| fs::read_to_string(directory.join(format!("{number}-{name}")));
        let (desired, observed) = (parse(&read("desired.json")?)?, parse(&read("observed.json")?)?);
        told.push_str(&again(entry, &desired, &observed));
    }
    Ok(told)
}

fn again(entry: &Entry, desired: &DesiredState, observed: &ObservedState) -> String {
    let mut plan = plan::plan(desired, observed, &entry.policy, entry.now);
    for (stack, services) in &entry.contents {
        for (service, contents) in services {
            let changes = plan.changes.get_mut(stack).map(|changes| &mut changes.services);
            if let Some(change) = changes.and_then(|services| services.get_mut(service)) {
                change.contents.clone_from(contents);
            }
        }
    }
    plan::mask_plan(&mut plan, &Redactor::new(entry.secrets.iter().cloned()));
    let places = Places::recorded(&entry.places);
    plain(&text(View::new(&plan, entry.verbose).with(&places)))
}

fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

fn parse<T: DeserializeOwned>(text: &str) -> io::Result<T> {
    serde_json::from_str(text).map_err(io::Error::other)
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")
}
