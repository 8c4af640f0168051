//! A plan in a file: what it was made of, so that exactly it is carried out later, or nothing.
//!
//! The file holds no means to do anything that the files do not ask for: its plan is made anew from the source and the
//! engine, and carried out only if it is the same. It holds digests and masked texts, and no secret.

use super::apply::pretty;
use super::args::{ApplyArgs, CommonArgs, SourceArgs};
use super::cause_text::plain;
use super::exit::Exit;
use super::output::{Output, RED};
use super::source::current_dir;
use crate::plan::Basis;
use crate::source::git::Address;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// How such a file says what it is.
const FORMAT: &str = "reconcile-plan";
/// What this program writes, and the only one that it reads.
const VERSION: u64 = 1;
/// More than this is only counted of what moved.
const MOST_TOLD: usize = 20;
/// A larger file is none.
const LARGEST: u64 = 1 << 30;

/// A plan of all sources of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedPlan {
    /// What kind of file it is.
    pub format: String,
    /// In which version.
    pub version: u64,
    /// The version of the program that wrote it.
    pub program: String,
    /// When it was made.
    pub made: String,
    /// What the command line said.
    pub arguments: Arguments,
    /// The plan of each source.
    pub sources: Vec<SavedSource>,
}

/// The plan of one source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedSource {
    /// The source: its real path or address.
    pub source: String,
    /// What it said: a digest, or a commit with local files.
    pub revision: String,
    /// The same for people.
    pub told: String,
    /// What the plan was made from.
    pub basis: Basis,
    /// The plan as `--dry-run --format json` prints it.
    pub plan: Value,
}

/// What the command line said of where to look and what may be done, with absolute paths.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own on the command line")]
pub struct Arguments {
    source: Option<PathBuf>,
    config: Option<PathBuf>,
    rev: Option<String>,
    stacks: Vec<String>,
    files: Vec<String>,
    project_name: Option<String>,
    project_directory: Option<String>,
    env_files: Vec<String>,
    profiles: Vec<String>,
    host: Option<String>,
    state_dir: Option<PathBuf>,
    host_state_dir: Option<PathBuf>,
    retry: Vec<String>,
    no_prune: bool,
    allow_mass_removal: bool,
    now: bool,
    inspect: bool,
}

impl Arguments {
    /// Of a command line; `config` are the settings of the host that it uses without naming them. Fails if they cannot be
    /// kept.
    pub fn of(
        args: &ApplyArgs,
        common: &CommonArgs,
        config: Option<PathBuf>,
    ) -> Result<Self, (String, String)> {
        let cwd = current_dir();
        let SourceArgs { source, rev, stacks, files, project_name, project_directory, env_files, profiles } =
            &args.source;
        if files.iter().any(|file| file == "-") {
            let hint = "name a file in place of `-`".to_owned();
            return Err((
                "standard input cannot be read again, so its plan cannot be saved".to_owned(),
                hint,
            ));
        }
        let place = |path: &String| cwd.join(path).to_string_lossy().into_owned();
        let source = match source {
            None => None,
            Some(path) => Some(kept(path, &cwd)?),
        };
        let is_alone = source.is_none() && common.config.is_none() && config.is_none();
        Ok(Self {
            source: source.or_else(|| is_alone.then(|| cwd.clone())),
            config: common.config.as_ref().map(|path| cwd.join(path)).or(config),
            rev: rev.clone(),
            stacks: stacks.clone(),
            files: files.iter().map(place).collect(),
            project_name: project_name.clone(),
            project_directory: project_directory.as_ref().map(place),
            env_files: env_files.iter().map(place).collect(),
            profiles: profiles.clone(),
            host: common.host.clone(),
            state_dir: common.state_dir.as_ref().map(|path| cwd.join(path)),
            host_state_dir: common.host_state_dir.clone(),
            retry: args.retry.clone(),
            no_prune: args.no_prune,
            allow_mass_removal: args.allow_mass_removal,
            now: args.now,
            inspect: args.inspect,
        })
    }

    /// The same command line again, with what does not belong to the plan as it is given now.
    pub fn restore(&self, own: &ApplyArgs, common: &CommonArgs) -> (ApplyArgs, CommonArgs) {
        let saved = self.clone();
        let source = SourceArgs {
            source: saved.source,
            rev: saved.rev,
            stacks: saved.stacks,
            files: saved.files,
            project_name: saved.project_name,
            project_directory: saved.project_directory,
            env_files: saved.env_files,
            profiles: saved.profiles,
        };
        let args = ApplyArgs {
            source,
            retry: saved.retry,
            no_prune: saved.no_prune,
            allow_mass_removal: saved.allow_mass_removal,
            now: saved.now,
            inspect: saved.inspect,
            ..own.clone()
        };
        let common = CommonArgs {
            config: saved.config,
            host: common.host.clone().or(saved.host),
            state_dir: common.state_dir.clone().or(saved.state_dir),
            host_state_dir: common.host_state_dir.clone().or(saved.host_state_dir),
            ..common.clone()
        };
        (args, common)
    }
}

/// A source as it can be kept: an address without a password in it, or an absolute path.
fn kept(path: &Path, cwd: &Path) -> Result<PathBuf, (String, String)> {
    let text = path.to_string_lossy();
    if !matches!(Address::parse(&text, cwd), Some(Ok(_))) {
        return Ok(cwd.join(path));
    }
    let authority = text.split_once("://").map_or("", |(_, rest)| rest.split('/').next().unwrap_or(rest));
    let is_http = text.starts_with("http://") || text.starts_with("https://");
    if authority.contains('@')
        && (is_http || authority.split('@').next().is_some_and(|user| user.contains(':')))
    {
        let hint = "give the address without it, and its `token_file` in the settings of the host".to_owned();
        return Err(("SOURCE holds a user or password, which is not written into a plan".to_owned(), hint));
    }
    Ok(path.to_owned())
}

impl SavedSource {
    /// What is another one now, a sentence each.
    pub fn moved(&self, now: &Self) -> Vec<String> {
        let mut moved = Vec::new();
        if self.source != now.source {
            moved.push(format!("the source is {} and was {}", now.source, self.source));
        }
        if self.revision != now.revision {
            let what = if self.told == now.told {
                format!("values beside the source {} are other ones", self.told)
            } else {
                format!("the source was at {} and is at {} now", self.told, now.told)
            };
            moved.push(what);
        }
        moved.extend(self.basis.moved(&now.basis));
        let is_same = |key: &str| self.plan[key] == now.plan[key];
        if !moved.is_empty() || is_same("plan_id") && is_same("steps") {
            return moved;
        }
        moved.push(if is_same("plan_id") {
            "the steps in the file are not those of its plan: it was edited".to_owned()
        } else {
            let version =
                if self.plan["engine"] == now.plan["engine"] { "" } else { ", for it is another engine" };
            format!(
                "the steps would be other ones by now, such as for a deploy window or a quarantine{version}"
            )
        });
        moved
    }
}

/// Says that a plan is not carried out, and why.
pub fn stale(output: Output, moved: &[String]) -> Exit {
    if output.json {
        output.result(&pretty(&json!({"error": "stale plan", "moved": moved})));
    }
    let mut text = format!("{RED}error{RED:#}: stale plan: nothing was changed, since meanwhile\n");
    for one in moved.iter().take(MOST_TOLD) {
        let _ = writeln!(text, "  - {}", plain(one));
    }
    if moved.len() > MOST_TOLD {
        let _ = writeln!(text, "  - … and {} more", moved.len() - MOST_TOLD);
    }
    text.push_str("  hint: look at a new plan, `reconcile --dry-run --out FILE`, and apply that\n");
    output.complain(&text);
    Exit::Stale
}

impl SavedPlan {
    /// A plan of these sources.
    pub fn new(arguments: Arguments, sources: Vec<SavedSource>, made: String) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            made,
            arguments,
            sources,
        }
    }

    /// Writes it, for its owner only, whole or not at all.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let mut text = serde_json::to_vec_pretty(self).map_err(io::Error::other)?;
        text.push(b'\n');
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy();
        let beside = path.with_file_name(format!(".{name}.{}", std::process::id()));
        drop(fs::remove_file(&beside));
        let written = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&beside)
            .and_then(|mut file| file.write_all(&text).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&beside, path));
        if written.is_err() {
            drop(fs::remove_file(&beside));
        }
        written
    }

    /// Reads one; else what is wrong with the file, and what would be right.
    pub fn read(path: &Path) -> Result<Self, (String, &'static str)> {
        let hint = "`reconcile --dry-run --out FILE` writes one";
        let name = path.display();
        let is_file =
            fs::metadata(path).map_err(|error| (format!("{name} cannot be read: {error}"), hint))?;
        if !is_file.is_file() || is_file.len() > LARGEST {
            return Err((format!("{name} is no saved plan"), hint));
        }
        let text = fs::read(path).map_err(|error| (format!("{name} cannot be read: {error}"), hint))?;
        Self::parse(&text).map_err(|(error, hint)| (format!("{name} {error}"), hint))
    }

    fn parse(text: &[u8]) -> Result<Self, (String, &'static str)> {
        let hint = "`reconcile --dry-run --out FILE` writes one";
        let value: Value = serde_json::from_slice(text)
            .map_err(|error| (format!("is no saved plan: it is not JSON ({error})"), hint))?;
        match value.get("format").and_then(Value::as_str) {
            Some(FORMAT) => {}
            _ if value.get("plan_id").is_some() => {
                let hint = "that is what --format json prints; `--out FILE` writes one that can be applied";
                return Err(("is no saved plan, but one to be read".to_owned(), hint));
            }
            _ => return Err((format!("is no saved plan: its `format` is not `{FORMAT}`"), hint)),
        }
        match value.get("version").and_then(Value::as_u64) {
            Some(VERSION) => {}
            Some(other) => {
                let message =
                    format!("is a saved plan of version {other}; this program knows version {VERSION}");
                return Err((message, "make the plan and apply it with the same version of reconcile"));
            }
            None => return Err(("is no saved plan: it has no `version`".to_owned(), hint)),
        }
        serde_json::from_value(value)
            .map_err(|error| (format!("is damaged: {error}"), "make the plan anew with --dry-run --out"))
    }
}

#[cfg(test)]
mod tests {
    use super::{Arguments, SavedPlan, kept};
    use std::path::Path;

    #[test]
    fn what_is_no_plan_is_told() {
        for (text, told) in [
            ("{", "is not JSON"),
            ("{}", "its `format` is not"),
            (r#"{"plan_id": "x"}"#, "one to be read"),
            (r#"{"format": "reconcile-plan"}"#, "no `version`"),
            (r#"{"format": "reconcile-plan", "version": 2}"#, "of version 2; this program knows version 1"),
            (r#"{"format": "reconcile-plan", "version": 1}"#, "is damaged: missing field"),
        ] {
            let (error, _) = SavedPlan::parse(text.as_bytes()).expect_err(text);
            assert!(error.contains(told), "{error}");
        }
        let plan = SavedPlan::new(Arguments::default(), Vec::new(), "2026-11-21T00:00:00Z".to_owned());
        let text = serde_json::to_vec(&plan).expect("JSON");
        assert_eq!(SavedPlan::parse(&text).expect("a plan"), plan);
    }

    #[test]
    fn no_password_is_written_into_a_plan() {
        let cwd = Path::new("/srv");
        for address in ["https://me:secret@git.example.org/x.git", "https://token@git.example.org/x.git"] {
            assert!(kept(Path::new(address), cwd).is_err(), "{address}");
        }
        for address in ["https://git.example.org/x.git", "git@git.example.org:x.git", "ssh://git@host/x.git"]
        {
            assert_eq!(kept(Path::new(address), cwd).expect(address), Path::new(address));
        }
        assert_eq!(kept(Path::new("stacks"), cwd).expect("a path"), Path::new("/srv/stacks"));
    }
}
