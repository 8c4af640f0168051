//! Images that `docker compose` built. Nothing tells of what: no digest of the inputs is kept. But what has not changed
//! since the image was made is what it was made of, as far as times can tell.
//!
//! Where they cannot, the image is built anew: a build too many costs a replacement, one too few leaves old code running.

use super::super::index::{Index, is_ours};
use super::belongs;
use crate::model::desired::{DesiredService, DesiredStack};
use crate::model::labels;
use crate::model::observed::ObservedImage;
use std::path::{Path, PathBuf};

/// Whether `docker compose` built the image for this stack: it says so in the image's labels.
pub(super) fn is_of(image: &ObservedImage, stack: &DesiredStack) -> bool {
    !image.labels.contains_key(labels::BUILD)
        && image.labels.get(labels::PROJECT).is_some_and(|project| *project == stack.name)
}

/// What the image of a service is built of, its directories too, whose times tell what went from them, and the compose
/// files, which say how. Empty where times do not tell enough: of a context elsewhere, of a Dockerfile outside of the
/// context, and where the build takes arguments or a target, whose values may come from a shell.
pub(super) fn inputs(stack: &DesiredStack, service: &DesiredService) -> Vec<PathBuf> {
    let Some(build) = &service.image.build else { return Vec::new() };
    let is_plain = build.remote.is_none()
        && build.dockerfile_text.is_none()
        && build.args.is_empty()
        && [&build.target, &build.network, &build.platform, &build.isolation]
            .iter()
            .all(|text| text.is_empty())
        && build.extra_hosts.is_empty();
    // The Dockerfile is always sent. So its path in the context tells where the context is.
    let dockerfile = build.files.iter().find(|file| file.path == build.dockerfile);
    let context = dockerfile.and_then(|file| file.source.ancestors().nth(file.path.split('/').count()));
    let Some(context) = context.filter(|_| is_plain) else { return Vec::new() };
    let is_sent = |path: &str| path.split('/').all(|part| part != ".git");
    let files = build.files.iter().filter(|file| is_sent(&file.path)).map(|file| file.source.as_path());
    let described = stack.config_files.iter().map(Path::new);
    std::iter::once(context).chain(files).chain(described).map(Path::to_owned).collect()
}

/// Whether an image that `docker compose` built for a service is what a build would give: one of the service's containers
/// is made of it, and none of the inputs changed after it was made.
pub(in super::super) fn is_current(
    image: &ObservedImage,
    (stack, key): (&DesiredStack, &str),
    index: &Index,
) -> bool {
    let containers = index.service(&stack.name, key).iter();
    let mut made = containers
        .filter(|container| container.image_id == image.id)
        .filter(|container| is_ours(&container.labels) || belongs(container, stack))
        .filter_map(|container| index.observed.inspected.get(&container.id));
    is_of(image, stack)
        && made.any(|inspected| inspected.inputs.is_some_and(|newest| newest < inspected.image_created))
}

#[cfg(test)]
mod tests {
    use super::{inputs, is_current};
    use crate::model::desired::{BuildSpec, ContextFile, ContextKind, DesiredService, DesiredStack, Stored};
    use crate::model::inspected::Inspected;
    use crate::model::labels;
    use crate::model::observed::{ObservedContainer, ObservedImage, ObservedState};
    use crate::plan::index::Index;
    use std::collections::BTreeMap;
    use std::path::Path;
    use std::sync::Arc;

    fn stack(change: impl FnOnce(&mut BuildSpec)) -> DesiredStack {
        let file = |path: &str| ContextFile {
            path: path.into(),
            source: Path::new("/srv/app").join(path),
            stored: Stored::File(Path::new("/srv/app").join(path)),
            kind: ContextKind::File,
            mode: 0o644,
        };
        let mut build = BuildSpec {
            files: [".git/HEAD", "docker/Dockerfile", "main.c"].map(file).into(),
            dockerfile: "docker/Dockerfile".into(),
            ..BuildSpec::default()
        };
        change(&mut build);
        let mut service = DesiredService::default();
        service.image.build = Some(Arc::new(build));
        DesiredStack {
            name: "web".into(),
            working_dir: "/srv".into(),
            config_files: vec!["/srv/compose.yaml".into()],
            services: BTreeMap::from([("app".to_owned(), service.into())]),
            ..DesiredStack::default()
        }
    }

    fn inputs_of(change: impl FnOnce(&mut BuildSpec)) -> Vec<String> {
        let stack = stack(change);
        inputs(&stack, &stack.services["app"]).iter().map(|path| path.display().to_string()).collect()
    }

    #[test]
    fn the_context_its_files_and_the_compose_files_are_inputs() {
        let all = ["/srv/app", "/srv/app/docker/Dockerfile", "/srv/app/main.c", "/srv/compose.yaml"];
        assert_eq!(inputs_of(|_| {}), all);
    }

    #[test]
    fn times_tell_nothing_where_more_than_files_goes_into_an_image() {
        let none = Vec::<String>::new();
        assert_eq!(inputs_of(|build| drop(build.args.insert("A".into(), "1".into()))), none);
        assert_eq!(inputs_of(|build| build.target = "prod".into()), none);
        assert_eq!(inputs_of(|build| build.remote = Some("https://example.org/a.git".into())), none);
        assert_eq!(inputs_of(|build| build.dockerfile_text = Some("FROM a".into())), none);
    }

    /// Whether an image with these labels, made at 10, is current for a container with these.
    fn current(newest: Option<i64>, image: &[(&str, &str)], container: &[(&str, &str)], runs: &str) -> bool {
        let owned = |labels: &[(&str, &str)]| {
            labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        let image = ObservedImage { id: "i".into(), labels: owned(image), ..ObservedImage::default() };
        let container = ObservedContainer {
            id: "c".into(),
            image_id: runs.into(),
            labels: owned(container),
            ..ObservedContainer::default()
        };
        let inspected = Inspected { image_created: 10, inputs: newest, ..Inspected::default() };
        let observed = ObservedState {
            containers: vec![container],
            inspected: BTreeMap::from([("c".to_owned(), inspected)]),
            ..ObservedState::default()
        };
        is_current(&image, (&stack(|_| {}), "app"), &Index::new(&observed))
    }

    #[test]
    fn an_image_is_current_while_its_inputs_are_older() {
        let image = [(labels::PROJECT, "web")];
        let container = [
            (labels::PROJECT, "web"),
            (labels::SERVICE, "app"),
            (labels::NUMBER, "1"),
            (labels::WORKING_DIR, "/srv"),
        ];
        assert!(current(Some(9), &image, &container, "i"));
        let ours = [&container[..3], &[(labels::HASH, "h")]].concat();
        assert!(current(Some(9), &image, &ours, "i"), "a container of ours may be made of it");
        let elsewhere = [&container[..3], &[(labels::WORKING_DIR, "/other")]].concat();
        let no = [
            (Some(10), &image[..], &container[..], "i", "changed as it was made"),
            (None, &image, &container, "i", "unknown"),
            (Some(9), &[], &container, "i", "another tool's image"),
            (
                Some(9),
                &[(labels::PROJECT, "web"), (labels::BUILD, "d")],
                &container,
                "i",
                "ours, of other inputs",
            ),
            (Some(9), &image, &container, "j", "no container of it"),
            (Some(9), &image, &elsewhere, "i", "a project of another directory"),
        ];
        for (newest, image, container, runs, why) in no {
            assert!(!current(newest, image, container, runs), "{why}");
        }
    }
}
