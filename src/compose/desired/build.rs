//! Build inputs of a service.

use super::super::suggest;
use super::contents::clean;
use super::context_walk::Walk;
use super::strip::drop_gathered;
use super::{Scope, text};
use crate::compose::attributes::SERVICE;
use crate::compose::canonical::without_extensions;
use crate::compose::files::{FileKind, Files};
use crate::model::desired::{BuildSpec, ContextFile, ContextKind, ImageSource, PullPolicy};
use crate::model::service::{Pairs, Ulimit};
use crate::model::units::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// Name that a Dockerfile gets in the context when it is inline or lies outside.
const INLINE_NAME: &str = ".reconcile.dockerfile";
/// Keys that the support table refuses or warns about.
const OTHER: [&str; 8] =
    ["additional_contexts", "cache_to", "entitlements", "privileged", "provenance", "sbom", "secrets", "ssh"];

/// `build` in canonical form.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct Written {
    context: String,
    dockerfile: String,
    dockerfile_inline: String,
    args: Pairs,
    labels: Pairs,
    cache_from: Vec<String>,
    extra_hosts: Vec<String>,
    tags: Vec<String>,
    #[serde(rename = "platforms")]
    _platforms: Vec<String>,
    network: String,
    target: String,
    isolation: String,
    no_cache: bool,
    pull: bool,
    shm_size: Bytes,
    ulimits: BTreeMap<String, Ulimit>,
}

/// The build of a service; `None` after an error.
pub(super) fn spec(
    scope: &mut Scope<'_>,
    key: &str,
    service: &Map<String, Value>,
    image: &ImageSource,
) -> Option<BuildSpec> {
    let path = ["services", key, "build"];
    let Some(written) = read(service) else {
        scope.report.error(&path, "internal error: one of its keys is not mapped to the engine");
        return None;
    };
    let mut spec = BuildSpec {
        tags: std::iter::once(image.reference.clone())
            .chain(written.tags.iter().filter(|tag| **tag != image.reference).cloned())
            .collect(),
        args: written.args.clone(),
        target: written.target.clone(),
        labels: written.labels.clone(),
        network: written.network.clone(),
        platform: image.platform.clone(),
        no_cache: written.no_cache,
        pull: written.pull,
        extra_hosts: written.extra_hosts.iter().map(|host| host.replacen('=', ":", 1)).collect(),
        cache_from: written.cache_from.clone(),
        shm_size: written.shm_size,
        ulimits: written.ulimits.clone(),
        isolation: written.isolation.clone(),
        ..BuildSpec::default()
    };
    let files = scope.context.files;
    let located = if is_remote(&written.context) {
        spec.remote = Some(written.context.clone());
        remote_dockerfile(&mut spec, &written)
    } else {
        local(files, &mut spec, &written)
    };
    match located.and_then(|()| digest(files, &spec)) {
        Ok(digest) => spec.digest = digest,
        // The sources are elsewhere, but the image has a name: as with the reference, it is pulled.
        Err(problem)
            if problem.absent && service.contains_key("image") && image.pull != PullPolicy::Build =>
        {
            scope.report.warning(
                &[path[0], path[1], path[2], problem.key],
                format!("{}: the image is not built", problem.message),
            );
            return None;
        }
        Err(problem) => {
            let hint = problem.hint.unwrap_or_else(|| "check the path, and who may read it".to_owned());
            scope.report.value(&[path[0], path[1], path[2], problem.key], problem.message).hint = Some(hint);
            return None;
        }
    }
    Some(spec)
}

fn read(service: &Map<String, Value>) -> Option<Written> {
    let alone = Map::from_iter([("build".to_owned(), service.get("build")?.clone())]);
    let mut build = without_extensions(&SERVICE, &alone).shift_remove("build")?;
    build.as_object_mut()?.retain(|key, _| !OTHER.contains(&&**key));
    drop_gathered(&mut build);
    Written::deserialize(build).ok()
}

/// What is wrong with a build, and with which of its keys.
struct Problem {
    key: &'static str,
    message: String,
    /// What would be right, if that is known.
    hint: Option<String>,
    /// Whether there is no context at all.
    absent: bool,
}

impl Problem {
    fn new(key: &'static str, message: String) -> Self {
        Self { key, message, hint: None, absent: false }
    }

    fn read(key: &'static str, what: &str, path: &Path, error: &io::Error) -> Self {
        Self::new(key, format!("cannot read {what} {}: {error}", text(path)))
    }
}

/// Reference: docker compose 2.40 takes these for addresses.
fn is_remote(context: &str) -> bool {
    context.contains("://") || ["git@", "github.com/"].iter().any(|start| context.starts_with(start))
}

fn remote_dockerfile(spec: &mut BuildSpec, written: &Written) -> Result<(), Problem> {
    if !written.dockerfile_inline.is_empty() {
        let message = "an inline Dockerfile needs a local context";
        return Err(Problem::new("dockerfile_inline", message.to_owned()));
    }
    spec.dockerfile.clone_from(&written.dockerfile);
    Ok(())
}

fn local(files: &dyn Files, spec: &mut BuildSpec, written: &Written) -> Result<(), Problem> {
    let context = clean(Path::new(&written.context));
    if files.kind(&context) != Some(FileKind::Directory) {
        let absent = files.kind(&context).is_none();
        let message = if absent {
            format!("there is no build context {}", text(&context))
        } else {
            format!("the build context {} is no directory", text(&context))
        };
        let hint = suggest::other_file(files, &context);
        return Err(Problem { key: "context", message, hint, absent });
    }
    let inside = place_dockerfile(files, spec, written, &context)?;
    let walk = Walk::new(files, &context, inside.as_deref());
    spec.files = walk
        .entries(&context)
        .map_err(|error| Problem::read("context", "the build context", &context, &error))?;
    Ok(())
}

/// Says where the Dockerfile is, and gives its path in the context if it has one.
fn place_dockerfile(
    files: &dyn Files,
    spec: &mut BuildSpec,
    written: &Written,
    context: &Path,
) -> Result<Option<String>, Problem> {
    if !written.dockerfile_inline.is_empty() {
        INLINE_NAME.clone_into(&mut spec.dockerfile);
        spec.dockerfile_text = Some(written.dockerfile_inline.clone());
        return Ok(None);
    }
    let name = if written.dockerfile.is_empty() { "Dockerfile" } else { &written.dockerfile };
    let path = clean(&context.join(name));
    let unreadable = |error: &io::Error| Problem::read("dockerfile", "the Dockerfile", &path, error);
    if let Ok(inside) = path.strip_prefix(context) {
        if files.kind(&path) != Some(FileKind::File) {
            let message = format!("there is no Dockerfile {}", text(&path));
            let hint = suggest::other_file(files, &path);
            return Err(Problem { hint, ..Problem::new("dockerfile", message) });
        }
        spec.dockerfile = text(inside);
        return Ok(Some(spec.dockerfile.clone()));
    }
    let bytes = files.read(&path).map_err(|error| unreadable(&error))?;
    INLINE_NAME.clone_into(&mut spec.dockerfile);
    spec.dockerfile_text = Some(String::from_utf8_lossy(&bytes).into_owned());
    Ok(None)
}

/// What the digest is over, besides the files.
#[derive(Serialize)]
struct Inputs<'a> {
    tags: &'a [String],
    remote: &'a Option<String>,
    dockerfile: &'a str,
    dockerfile_text: &'a Option<String>,
    args: &'a Pairs,
    target: &'a str,
    labels: &'a Pairs,
    network: &'a str,
    platform: &'a str,
    no_cache: bool,
    pull: bool,
    extra_hosts: &'a [String],
    cache_from: &'a [String],
    shm_size: Bytes,
    ulimits: &'a BTreeMap<String, Ulimit>,
    isolation: &'a str,
}

fn digest(files: &dyn Files, spec: &BuildSpec) -> Result<String, Problem> {
    let inputs = Inputs {
        tags: &spec.tags,
        remote: &spec.remote,
        dockerfile: &spec.dockerfile,
        dockerfile_text: &spec.dockerfile_text,
        args: &spec.args,
        target: &spec.target,
        labels: &spec.labels,
        network: &spec.network,
        platform: &spec.platform,
        no_cache: spec.no_cache,
        pull: spec.pull,
        extra_hosts: &spec.extra_hosts,
        cache_from: &spec.cache_from,
        shm_size: spec.shm_size,
        ulimits: &spec.ulimits,
        isolation: &spec.isolation,
    };
    let mut sum = Sha256::new();
    sum.update(serde_json::to_vec(&inputs).unwrap_or_default());
    for file in spec.files.iter().filter(|file| counts(file)) {
        let content = match &file.kind {
            ContextKind::File => {
                let mut own = Sha256::new();
                super::contents::digest_into(files, &file.source, &mut own)
                    .map_err(|error| Problem::read("context", "the file", &file.source, &error))?;
                own.finalize().to_vec()
            }
            ContextKind::Directory => Vec::new(),
            ContextKind::Symlink(target) => target.as_bytes().to_vec(),
        };
        let kind = match &file.kind {
            ContextKind::File if file.mode & 0o111 != 0 => b'x',
            ContextKind::File => b'f',
            ContextKind::Directory => b'd',
            ContextKind::Symlink(_) => b'l',
        };
        sum.update([kind]);
        for part in [file.path.as_bytes(), &content] {
            sum.update((part.len() as u64).to_be_bytes());
            sum.update(part);
        }
    }
    Ok(hex::encode(sum.finalize()))
}

/// A `.git` directory is sent, but changes with every fetch: it must not cause a build.
fn counts(file: &ContextFile) -> bool {
    file.path.split('/').all(|part| part != ".git")
}

#[cfg(test)]
mod tests;
