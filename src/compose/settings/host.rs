//! Settings of the host: a `reconcile.yaml`, which says what sources there are.

use super::notify::{self, NotifySettings};
use super::table::{Each, Items, Keys, Setting, Takes};
use super::{Placed, read};
use crate::compose::diagnostic::Diagnostic;
use crate::compose::node::{Node, Span};
use crate::model::units::Nanos;

/// Name of the file.
pub const FILE: &str = "reconcile.yaml";

/// Settings of the host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostSettings {
    /// Its sources with their names, in the order of the file.
    pub sources: Vec<(Placed, SourceSettings)>,
    /// Whom to tell, in the order of the file, each with its place.
    pub notify: Vec<(Span, NotifySettings)>,
}

/// Settings of one source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceSettings {
    /// The directory or compose file; relative to the directory of the settings.
    pub dir: Option<Placed>,
    /// The longest time between two looks of `reconcile watch`.
    pub interval: Option<Nanos>,
    /// Whether stacks that are gone from it are removed.
    pub prune: Option<bool>,
}

/// Reads a `reconcile.yaml`.
pub fn host(root: &Node, diagnostics: &mut Vec<Diagnostic>) -> HostSettings {
    let settings = read::settings(&HOST, root, "", diagnostics);
    if settings.sources.is_empty() && diagnostics.is_empty() {
        let error = Diagnostic::error("the settings name no source").at("sources").span(root.span);
        diagnostics.push(error.hint("write `sources: {NAME: {dir: PATH}}`"));
    }
    notify::check(&settings, diagnostics);
    settings
}

/// The places of all that must not be told.
pub fn secret_places(root: &Node) -> Vec<Span> {
    let mut found = Vec::new();
    read::secret_places(&HOST, root, &mut found);
    found
}

/// Settings of the host.
pub(super) static HOST: Keys<HostSettings> = Keys {
    rows: &[
        Setting {
            key: "sources",
            takes: Takes::Group(&Each {
                keys: &SOURCE,
                field: |settings: &mut HostSettings| &mut settings.sources,
            }),
            doc: "Where stacks come from, by names of your choice.",
        },
        Setting {
            key: "notify",
            takes: Takes::Group(&Items {
                keys: &notify::NOTIFY,
                field: |settings: &mut HostSettings| &mut settings.notify,
            }),
            doc: "Whom to tell what becomes of the stacks; docs/alerts.md tells more.",
        },
    ],
    required: &["sources"],
    exactly_one: &[],
    at_most_one: &[],
    planned: &["state_dir", "http", "policy"],
};

/// Settings of a source.
pub(super) static SOURCE: Keys<SourceSettings> = Keys {
    rows: &[
        Setting {
            key: "dir",
            takes: Takes::Place(|settings, dir| settings.dir = Some(dir)),
            doc: "A directory of stacks, or a compose file; relative paths start from the directory of this file.",
        },
        Setting {
            key: "interval",
            takes: Takes::Duration(|settings, time| settings.interval = Some(time)),
            doc: "The longest time between two looks of `reconcile watch`, such as `60s`, which it is if left out.",
        },
        Setting {
            key: "prune",
            takes: Takes::Switch(|settings, prune| settings.prune = Some(prune)),
            doc: "Whether stacks that are gone from the source are removed; true if left out.",
        },
    ],
    required: &["dir"],
    exactly_one: &[],
    at_most_one: &[],
    planned: &["git", "branch", "tag", "commit", "path", "allow_paths_outside"],
};
