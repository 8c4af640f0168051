//! One stack to load: where it is and what its settings say.

use super::discover::Folder;
use super::options::{PROJECT_VARIABLES, ProjectFlags, SourceRequest};
use crate::compose::diagnostic::{Diagnostic, Severity, Sources};
use crate::compose::files::Files;
use crate::compose::load::LoadOptions;
use crate::compose::node::Node;
use crate::compose::session::is_remote;
use crate::compose::settings::{self, FolderSettings, StackSettings};
use crate::compose::{project_name, suggest, yaml};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A stack to load.
#[derive(Debug)]
pub(super) struct Unit {
    pub(super) directory: PathBuf,
    pub(super) settings: StackSettings,
    /// The files that its settings stand in.
    pub(super) texts: Sources,
    /// The compose file that made its directory a stack.
    pub(super) compose_file: Option<PathBuf>,
    /// Whether its settings are those of an `x-reconcile:` block.
    pub(super) reads_block: bool,
    /// Why it cannot even be tried, and the texts that the reasons point into.
    pub(super) refused: Option<(Vec<Diagnostic>, Sources)>,
}

/// The stacks of a folder.
pub(super) fn of_folder(files: &dyn Files, folder: &Folder) -> Vec<Unit> {
    let mut reader = Reader { files, diagnostics: Vec::new(), sources: Sources::default() };
    let in_compose = folder.compose_file.as_deref().and_then(|path| reader.block(path));
    let reads_block = in_compose.is_some();
    let own = folder.has_settings.then(|| reader.own(&folder.directory.join(settings::FILE)));
    let mut named: Vec<(Option<String>, StackSettings)> = match (in_compose, own) {
        (Some(_), Some(_)) => {
            let message = format!(
                "the stack has settings in {} and in `{}:` of its compose file",
                settings::FILE,
                settings::KEY
            );
            reader.diagnostics.push(Diagnostic::error(message).hint("keep one of the two"));
            Vec::new()
        }
        (Some(block), None) => vec![(None, block)],
        (None, None) => vec![(None, StackSettings::default())],
        (None, Some(FolderSettings::One(one))) => vec![(None, *one)],
        (None, Some(FolderSettings::Several(several))) => {
            several.into_iter().map(|(name, settings)| (Some(name), settings)).collect()
        }
    };
    if folder.has_settings
        && folder.compose_file.is_none()
        && named.iter().any(|(_, settings)| settings.files.is_empty())
    {
        let message = format!("{} names no compose file, and none stands beside it", settings::FILE);
        reader.diagnostics.push(Diagnostic::error(message).hint("add `files: [...]`"));
    }
    if reader.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
        let refused = Some((reader.diagnostics, reader.sources));
        return vec![Unit { refused, ..unit(folder, StackSettings::default()) }];
    }
    for (name, settings) in &mut named {
        settings.name = settings.name.take().or(name.take());
    }
    let texts = || reader.sources.clone();
    let read = |(_, settings)| Unit { reads_block, texts: texts(), ..unit(folder, settings) };
    named.into_iter().map(read).collect()
}

fn unit(folder: &Folder, settings: StackSettings) -> Unit {
    Unit {
        directory: folder.directory.clone(),
        settings,
        texts: Sources::default(),
        compose_file: folder.compose_file.clone(),
        reads_block: false,
        refused: None,
    }
}

impl Unit {
    /// How to load it as one of a tree: as Compose would in its directory, without the variables of the process that
    /// are meant for one project.
    pub(super) fn options_in_tree(&self, request: &SourceRequest) -> LoadOptions {
        let mut options = self.options_in_place(request);
        for name in PROJECT_VARIABLES {
            options.environment.remove(name);
        }
        options
    }

    /// How to load it as the only one: as Compose would with the given flags and variables.
    pub(super) fn options_alone(&self, request: &SourceRequest) -> LoadOptions {
        let mut options = self.options_in_place(request);
        let ProjectFlags { files, project_name, project_directory, env_files, profiles } = &request.flags;
        let stays = |path: &str| path == "-" || is_remote(path);
        let given = |path: &String| if stays(path) { path.clone() } else { absolute(&request.cwd, path) };
        if !files.is_empty() {
            options.files = files.iter().map(given).collect();
        }
        if !env_files.is_empty() {
            options.env_files = env_files.iter().map(given).collect();
        }
        if !profiles.is_empty() {
            options.profiles.clone_from(profiles);
        }
        options.project_directory = project_directory.as_ref().map(given);
        options.project_name = project_name.clone().or(options.project_name);
        options.stdin.clone_from(&request.stdin);
        options
    }

    fn options_in_place(&self, request: &SourceRequest) -> LoadOptions {
        let mut options = LoadOptions::new(&self.directory, request.environment.clone());
        // A shell that goes there would set it.
        options.environment.insert("PWD".to_owned(), self.directory.to_string_lossy().into_owned());
        options.files.clone_from(&self.settings.files);
        options.profiles.clone_from(&self.settings.profiles);
        options.env_files.clone_from(&self.settings.env_files);
        options.project_name.clone_from(&self.settings.name);
        options
    }

    /// The name it would most likely have, for when it cannot be loaded.
    pub(super) fn likely_name(&self, files: &dyn Files) -> Option<String> {
        let written = || {
            let text = String::from_utf8(files.read(self.compose_file.as_deref()?).ok()?).ok()?;
            let line = text.lines().find_map(|line| line.strip_prefix("name:"))?;
            let name = line.split(" #").next()?.trim().trim_matches(['"', '\'']);
            (!name.is_empty() && !name.contains('$')).then(|| name.to_owned())
        };
        let base = || self.directory.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = project_name::normalize(&self.settings.name.clone().or_else(written).or_else(base)?);
        (!name.is_empty()).then_some(name)
    }
}

fn absolute(cwd: &Path, path: &str) -> String {
    cwd.join(path).to_string_lossy().into_owned()
}

struct Reader<'a> {
    files: &'a dyn Files,
    diagnostics: Vec<Diagnostic>,
    sources: Sources,
}

impl Reader<'_> {
    /// Says which of the files that settings name are not there.
    fn check_files(&mut self, settings: &Node, place: &str, directory: &Path) {
        for (key, what) in [("files", "compose file"), ("env_files", "env file")] {
            let Some(named) = settings.get(key) else { continue };
            for node in named.as_list().unwrap_or(std::slice::from_ref(named)) {
                let Some(path) = node.as_str().map(|name| directory.join(name)) else { continue };
                if node.as_str() == Some("-") || self.files.kind(&path).is_some() {
                    continue;
                }
                let hint = suggest::other_file(self.files, &path);
                self.diagnostics.push(
                    Diagnostic::error(format!("there is no {what} {}", path.display()))
                        .at(if place.is_empty() { key.to_owned() } else { format!("{place}.{key}") })
                        .span(node.span)
                        .hint(hint.unwrap_or_else(|| "paths start at the directory of the stack".to_owned())),
                );
            }
        }
    }

    /// The `x-reconcile:` block of a compose file. What is wrong with the file otherwise is the loader's to say.
    fn block(&mut self, path: &Path) -> Option<StackSettings> {
        let text = String::from_utf8(self.files.read(path).ok()?).ok()?;
        if !text.contains(settings::KEY) {
            return None;
        }
        let root = self.decode(path, text).ok()??;
        let block = root.get(settings::KEY)?;
        self.check_files(block, settings::KEY, path.parent().unwrap_or(path));
        Some(settings::stack(block, settings::KEY, &mut self.diagnostics))
    }

    /// A `.reconcile.yaml`.
    fn own(&mut self, path: &Path) -> FolderSettings {
        let read = self.files.read(path).map_err(|error| error.to_string());
        let text = read.and_then(|bytes| String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned()));
        let decoded = match text {
            Ok(text) => self.decode(path, text),
            Err(error) => Err(Diagnostic::error(format!("cannot read {}: {error}", path.display()))),
        };
        match decoded {
            Ok(Some(root)) => {
                let directory = path.parent().unwrap_or(path);
                self.check_files(&root, "", directory);
                for (name, stack) in root.get("stacks").and_then(Node::as_map).into_iter().flatten() {
                    self.check_files(stack, &format!("stacks.{}", name.name), directory);
                }
                settings::folder(&root, &mut self.diagnostics)
            }
            Ok(None) => FolderSettings::One(Box::default()),
            Err(diagnostic) => {
                self.diagnostics.push(diagnostic);
                FolderSettings::One(Box::default())
            }
        }
    }

    fn decode(&mut self, path: &Path, text: String) -> Result<Option<Node>, Diagnostic> {
        let text: Arc<str> = text.into();
        let file = self.sources.add(path, Arc::clone(&text));
        Ok(yaml::decode(file, &text)?.into_iter().next().map(|document| document.root))
    }
}
