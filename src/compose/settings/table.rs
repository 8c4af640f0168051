//! The keys: what each takes and what it is for. The reader and the schemas know no other.

use super::{ServiceSettings, StackSettings};
use crate::model::units::Nanos;

/// A group of keys.
pub(super) struct Keys<T: 'static> {
    /// The keys, in the order in which they are listed.
    pub rows: &'static [Setting<T>],
    /// Keys of the plan of record that this version does not carry out yet.
    pub planned: &'static [&'static str],
}

/// One key.
pub(super) struct Setting<T> {
    /// Its name.
    pub key: &'static str,
    /// What it takes, and where that goes.
    pub takes: Takes<T>,
    /// What it is for, for people who write it.
    pub doc: &'static str,
}

/// What a key takes.
pub(super) enum Takes<T> {
    /// One text.
    Text(fn(&mut T, String)),
    /// A list of texts, or one.
    Texts(fn(&mut T, Vec<String>)),
    /// True or false.
    Switch(fn(&mut T, bool)),
    /// A time above zero.
    Duration(fn(&mut T, Nanos)),
}

/// Settings of a stack.
pub(super) static STACK: Keys<StackSettings> = Keys {
    rows: &[
        Setting {
            key: "name",
            takes: Takes::Text(|settings, name| settings.name = Some(name)),
            doc: "Project name; what `-p` is to Compose.",
        },
        Setting {
            key: "files",
            takes: Takes::Texts(|settings, files| settings.files = files),
            doc: "Compose files in order, later ones override; what `-f` is to Compose, relative to the stack's folder.",
        },
        Setting {
            key: "profiles",
            takes: Takes::Texts(|settings, profiles| settings.profiles = profiles),
            doc: "Active profiles; what `--profile` is to Compose.",
        },
        Setting {
            key: "env_files",
            takes: Takes::Texts(|settings, files| settings.env_files = files),
            doc: "Files of variables in place of `.env`; what `--env-file` is to Compose, relative to the stack's folder.",
        },
        Setting {
            key: "depends_on",
            takes: Takes::Texts(|settings, stacks| settings.depends_on = stacks),
            doc: "Names of stacks of the same source that must be up first.",
        },
        Setting {
            key: "ignore_contents",
            takes: Takes::Texts(|settings, paths| settings.ignore_contents = paths),
            doc: "Paths, relative to the project directory, whose contents never make a change.",
        },
    ],
    planned: &["rollout", "schedule", "drift"],
};

/// Settings of a service.
pub(super) static SERVICE: Keys<ServiceSettings> = Keys {
    rows: &[
        Setting {
            key: "job",
            takes: Takes::Switch(|settings, job| settings.job = Some(job)),
            doc: "true: it runs once to completion for each change of its definition. false: it is meant to keep running. \
                  Left out, it is a job if another service waits for its completion.",
        },
        Setting {
            key: "allow_empty_volume",
            takes: Takes::Switch(|settings, allow| settings.allow_empty_volume = allow),
            doc: "Consent to a change after which it no longer sees the data of a volume that it sees now.",
        },
        Setting {
            key: "wait_timeout",
            takes: Takes::Duration(|settings, time| settings.wait_timeout = Some(time)),
            doc: "How long to wait until it is healthy or has completed, such as `90s`; 10 minutes if left out.",
        },
    ],
    planned: &[],
};
