//! What a source holds, before anything of it is loaded.

use super::discover::{self, Folder};
use super::options::SourceRequest;
use super::unit::{self, Unit};
use crate::compose::desired::clean;
use crate::compose::diagnostic::Diagnostic;
use crate::compose::files::{FileKind, Files};
use crate::compose::inputs::CONFIG_NAMES;
use crate::compose::settings;
use std::path::{Path, PathBuf};

/// What there is to load.
pub(super) struct Work {
    pub(super) units: Vec<Unit>,
    /// Whether it is one project, so that flags and variables for one project are meant for it.
    pub(super) alone: bool,
    pub(super) diagnostics: Vec<Diagnostic>,
    /// The identity of the source.
    pub(super) identity: PathBuf,
    /// The directory whose contents count.
    pub(super) directory: PathBuf,
}

/// Finds what there is to load.
pub(super) fn find(request: &SourceRequest, files: &dyn Files) -> Work {
    let root = clean(&request.cwd.join(&request.root));
    let cwd = clean(&request.cwd);
    let real = |path: &Path| files.canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut work = Work {
        units: Vec::new(),
        alone: true,
        diagnostics: Vec::new(),
        identity: real(&root),
        directory: root.clone(),
    };
    let first = request
        .flags
        .files
        .first()
        .map(String::as_str)
        .or_else(|| by_variable(request).filter(|_| root == cwd));
    if let Some(first) = first {
        let path = clean(&cwd.join(first));
        work.identity = real(&path);
        let compose_file = (first != "-").then_some(path);
        work.add(files, &Folder { directory: cwd, compose_file, has_settings: false });
        return work;
    }
    if let Some(directory) = &request.flags.project_directory {
        let directory = clean(&cwd.join(directory));
        work.identity = real(&directory);
        let found = discover::folder(files, &directory);
        work.add(files, &found.unwrap_or(Folder { directory, compose_file: None, has_settings: false }));
        return work;
    }
    match files.kind(&root) {
        None => {
            let message = format!("there is no {}", root.display());
            work.diagnostics.push(Diagnostic::error(message).hint("give a directory or a compose file"));
        }
        Some(FileKind::File) => {
            let directory = root.parent().unwrap_or(&root).to_owned();
            let folder = Folder {
                directory: directory.clone(),
                compose_file: Some(root.clone()),
                has_settings: false,
            };
            work.add(files, &folder);
            // The file that was named, not whichever is found in its directory.
            for unit in work.units.iter_mut().filter(|unit| unit.settings.files.is_empty()) {
                unit.settings.files = vec![root.to_string_lossy().into_owned()];
            }
            work.directory = directory;
        }
        Some(FileKind::Directory) => work.search(files, request, &root),
    }
    work
}

/// The first file of `COMPOSE_FILE`.
fn by_variable(request: &SourceRequest) -> Option<&str> {
    let files = request.environment.get("COMPOSE_FILE").filter(|files| !files.is_empty())?;
    let separator = request.environment.get("COMPOSE_PATH_SEPARATOR").map_or(":", String::as_str);
    if separator.is_empty() { Some(files) } else { files.split(separator).next() }
}

impl Work {
    fn add(&mut self, files: &dyn Files, folder: &Folder) {
        self.units.extend(unit::of_folder(files, folder));
    }

    fn search(&mut self, files: &dyn Files, request: &SourceRequest, root: &Path) {
        let found = discover::discover(files, root);
        self.diagnostics.extend(found.diagnostics);
        for folder in &found.folders {
            self.add(files, folder);
        }
        let is_root = matches!(&*found.folders, [only] if only.directory == root);
        self.alone = self.units.len() == 1 && (is_root || !request.flags.is_empty());
        if found.folders.is_empty() && self.diagnostics.is_empty() {
            let message = format!("no compose file in {} or below it", root.display());
            let hint = format!(
                "the names that are looked for are {} and {}; hidden directories are left out",
                CONFIG_NAMES.join(", "),
                settings::FILE
            );
            self.diagnostics.push(Diagnostic::error(message).hint(hint));
        }
    }

    /// Flags for one project do not fit several.
    pub(super) fn refuse_flags(&self, request: &SourceRequest) -> Option<Diagnostic> {
        if self.units.len() <= 1 || request.flags.is_empty() {
            return None;
        }
        let message = format!(
            "-f, -p, --project-directory, --env-file and --profile are for one project, but {} holds {} stacks",
            self.directory.display(),
            self.units.len()
        );
        Some(
            Diagnostic::error(message)
                .hint("name the directory of one stack, or use its `x-reconcile:` settings"),
        )
    }
}
