//! Where in the files stands what brings a change.

use super::source::current_dir;
use crate::compose::desired::{clean, locate};
use crate::compose::diagnostic::Sources;
use crate::compose::load::Project;
use crate::compose::node::{FileId, Node, Span, Value};
use crate::model::change::{Cause, CauseKind};
use crate::model::step::Plan;
use crate::source::LoadedSource;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The loaded files of all stacks, to find places in.
pub struct Places<'a> {
    stacks: BTreeMap<&'a str, (&'a Project, &'a Sources)>,
    cwd: PathBuf,
    recorded: Option<&'a Spots>,
}

/// Places by what they are the places of.
pub type Spots = BTreeMap<String, String>;

fn spot(stack: &str, (what, key): (&str, &str), cause: &Cause) -> String {
    format!("{what} {stack}/{key} {} {}", cause.kind.as_str(), cause.path)
}

impl<'a> Places<'a> {
    /// Those of a source.
    pub fn of(loaded: &'a LoadedSource) -> Self {
        let stacks = loaded.stacks.iter().filter_map(|stack| {
            let project = stack.project.as_ref()?;
            Some((stack.name.as_deref()?, (project, &stack.sources)))
        });
        let cwd = loaded.base.clone().unwrap_or_else(current_dir);
        Self { stacks: stacks.collect(), cwd, recorded: None }
    }

    /// Those of a record.
    pub fn recorded(spots: &'a Spots) -> Self {
        Self { stacks: BTreeMap::new(), cwd: PathBuf::new(), recorded: Some(spots) }
    }

    /// The places of all causes of a plan.
    pub fn spots(&self, plan: &Plan) -> Spots {
        let mut spots = Spots::new();
        for (stack, changes) in &plan.changes {
            let groups = [
                ("service", &changes.services),
                ("network", &changes.networks),
                ("volume", &changes.volumes),
            ];
            for (what, group) in groups {
                for (key, change) in group {
                    for cause in &change.causes {
                        let place = self.of_cause(stack, (what, key), cause);
                        spots.extend(place.map(|place| (spot(stack, (what, key), cause), place)));
                    }
                }
            }
        }
        spots
    }

    /// File and line of what brings a cause for a `service`, `network` or `volume` of a stack; several if a variable of
    /// another file has a part in it, and none if no file has: the engine brings some changes.
    pub fn of_cause(&self, stack: &str, (what, key): (&str, &str), cause: &Cause) -> Option<String> {
        if let Some(recorded) = self.recorded {
            return recorded.get(&spot(stack, (what, key), cause)).cloned();
        }
        let (project, sources) = self.stacks.get(stack)?;
        let found = Found { project, sources, cwd: &self.cwd };
        match what {
            "service" => found.of_service(key, cause),
            "network" => found.of_resource("networks", key, cause),
            _ => found.of_resource("volumes", key, cause),
        }
    }
}

struct Found<'a> {
    project: &'a Project,
    sources: &'a Sources,
    cwd: &'a Path,
}

impl Found<'_> {
    fn of_service(&self, key: &str, cause: &Cause) -> Option<String> {
        let at = |rest: &[&str]| self.at(&[&["services", key], rest].concat());
        match cause.kind {
            CauseKind::Missing if cause.new.is_none() => at(&[]),
            CauseKind::Image if cause.path == "image" => at(&["image"]),
            CauseKind::Environment => {
                let Some(name) = cause.path.strip_prefix("environment.") else {
                    return at(&parts(&cause.path));
                };
                self.of_variable(key, name)
            }
            CauseKind::Attribute | CauseKind::Unsupported | CauseKind::StartFirst => {
                let path = parts(&cause.path);
                match path.as_slice() {
                    [section @ ("networks" | "volumes"), .., "name"] => {
                        let name = &cause.path[section.len() + 1..cause.path.len() - ".name".len()];
                        self.at(&[section, name, "name"])
                    }
                    _ => at(&path),
                }
            }
            CauseKind::MountedFileContent => self.of_mount(key, &cause.path, "source"),
            CauseKind::EmptyVolume => self.of_mount(key, &cause.path, "target"),
            CauseKind::ConfigContent => self.at(&["configs", &cause.path]),
            CauseKind::SecretContent => self.at(&["secrets", &cause.path]),
            CauseKind::BuildInputs => at(&["build"]),
            CauseKind::Scale => {
                let is_scaled = self.node(&["services", key, "scale"]).is_some();
                if is_scaled { at(&["scale"]) } else { at(&["deploy", "replicas"]) }
            }
            CauseKind::PortTaken => at(&["ports"]),
            CauseKind::NameTaken => at(&["container_name"]),
            CauseKind::Missing
            | CauseKind::Image
            | CauseKind::NetworkChanged
            | CauseKind::DependencyReplaced
            | CauseKind::PreDeploy
            | CauseKind::Drift
            | CauseKind::LeftAlone
            | CauseKind::Stopped
            | CauseKind::JobFailed
            | CauseKind::Orphan
            | CauseKind::Leftover
            | CauseKind::Foreign
            | CauseKind::VolumeDefinition
            | CauseKind::Dependency
            | CauseKind::Quarantined
            | CauseKind::Schedule
            | CauseKind::Suspended => None,
        }
    }

    fn of_resource(&self, section: &str, key: &str, cause: &Cause) -> Option<String> {
        match cause.kind {
            CauseKind::Attribute | CauseKind::VolumeDefinition => {
                self.at(&[&[section, key], parts(&cause.path).as_slice()].concat())
            }
            CauseKind::Missing | CauseKind::Unsupported => self.at(&[section, key]),
            _ => None,
        }
    }

    /// The place of a path, or of what comes nearest to it.
    fn at(&self, path: &[&str]) -> Option<String> {
        let (_, span) = locate(&self.project.nodes, path);
        self.told(span, self.node(path))
    }

    /// A place for people, with those of the variables that are used there.
    fn told(&self, span: Span, node: Option<&Node>) -> Option<String> {
        let mut told = vec![self.place(span)?];
        let mut names = Vec::new();
        used(self.sources, node, &mut names);
        for name in names {
            let places = self.variables().filter_map(|file| self.assignment(file, &name));
            if let Some(place) = places.last().filter(|place| !told.contains(place)) {
                told.push(place);
            }
        }
        Some(told.join(", "))
    }

    fn place(&self, span: Span) -> Option<String> {
        if span == Span::default() {
            return None;
        }
        let (line, _) = self.sources.position(span);
        Some(format!("{}:{line}", self.file(self.sources.path(span.file))))
    }

    fn file(&self, path: &Path) -> String {
        let name = path.strip_prefix(self.cwd).unwrap_or(path);
        if name == Path::new("-") { "(standard input)".to_owned() } else { name.display().to_string() }
    }

    fn node(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(&self.project.nodes, |node, part| match &node.value {
            Value::Map(map) => map.get(*part),
            Value::List(list) => list.get(part.parse::<usize>().ok()?),
            _ => None,
        })
    }

    /// A variable of a service: where its compose file sets it, else the last of its env files that does.
    fn of_variable(&self, key: &str, name: &str) -> Option<String> {
        let node = self.node(&["services", key, "environment"]);
        if let Some(list) = node.and_then(Node::as_list) {
            let sets = |item: &&Node| item.as_str().is_some_and(|text| text.split('=').next() == Some(name));
            if let Some(item) = list.iter().rfind(sets) {
                return self.told(item.span, Some(item));
            }
        } else if self.node(&["services", key, "environment", name]).is_some() {
            return self.at(&["services", key, "environment", name]);
        }
        let files = self.node(&["services", key, "env_file"]).and_then(Node::as_list);
        let set = files.unwrap_or_default().iter().rev().find_map(|file| {
            let path = file.get("path").and_then(Node::as_str)?;
            self.assignment(self.sources.id(Path::new(path))?, name)
        });
        set.or_else(|| self.at(&["services", key, "environment"]))
    }

    fn of_mount(&self, key: &str, path: &str, side: &str) -> Option<String> {
        let mounts = self.node(&["services", key, "volumes"]).and_then(Node::as_list)?;
        let wanted = clean(&self.project.working_dir.join(path));
        let index = mounts.iter().position(|mount| {
            let own = mount.get(side).and_then(Node::as_str).unwrap_or_default();
            own == path || side == "source" && clean(Path::new(own)) == wanted
        })?;
        self.at(&["services", key, "volumes", &index.to_string()])
    }

    /// The files that give variables to the project as a whole.
    fn variables(&self) -> impl Iterator<Item = FileId> {
        let is_given = |path: &&Path| {
            path.file_name().is_some_and(|name| name == ".env")
                || self.project.env_files.iter().any(|file| file == path)
        };
        let ids = self.sources.paths().filter(is_given).filter_map(|path| self.sources.id(path));
        ids.filter(|file| self.sources.is_private(*file))
    }

    /// The line of a file of variables that sets one, for people.
    fn assignment(&self, file: FileId, name: &str) -> Option<String> {
        let sets = |line: &str| {
            let line = line.trim_start();
            let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
            let rest = line.strip_prefix(name).map(str::trim_start);
            rest.is_some_and(|rest| rest.starts_with(['=', ':']) || rest.is_empty())
        };
        let lines: Vec<&str> = self.sources.text(file).lines().collect();
        let at = lines.iter().rposition(|line| sets(line))?;
        Some(format!("{}:{}", self.file(self.sources.path(file)), at + 1))
    }
}

/// Names of the variables that a value uses as it is written.
fn used(sources: &Sources, node: Option<&Node>, names: &mut Vec<String>) {
    let Some(node) = node else { return };
    match &node.value {
        // What is inside has places of its own.
        Value::Map(_) => {}
        Value::List(list) => list.iter().for_each(|value| used(sources, Some(value), names)),
        _ => {
            let span = node.span;
            let written = sources.text(span.file).get(span.start as usize..span.end as usize);
            for rest in written.unwrap_or_default().split('$').skip(1) {
                let rest = rest.strip_prefix('{').unwrap_or(rest);
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
                if end > 0 && !names.iter().any(|name| name == &rest[..end]) {
                    names.push(rest[..end].to_owned());
                }
            }
        }
    }
}

/// `ports[0].published` as the keys from the top. A key of labels or the like may itself hold dots: what comes nearest is
/// shown then.
fn parts(path: &str) -> Vec<&str> {
    path.split(['.', '[']).map(|part| part.trim_end_matches(']')).filter(|part| !part.is_empty()).collect()
}
