use crate::compose::desired::tests::{errors, stack};
use crate::model::desired::{BuildSpec, ContextKind};
use std::sync::Arc;

const COMPOSE: &str =
    "services: {a: {build: {context: app, args: {A: '1'}, extra_hosts: ['h=10.0.0.1'], tags: [other]}}}";
const DOCKERFILE: (&str, &str) = ("app/Dockerfile", "FROM scratch");

fn build(compose: &str, files: &[(&str, &str)]) -> Arc<BuildSpec> {
    let mut all = vec![("compose.yaml", compose), DOCKERFILE];
    all.extend(files);
    stack(&all).services["a"].image.build.clone().expect("build")
}

fn paths(build: &BuildSpec) -> Vec<&str> {
    build.files.iter().filter(|file| file.kind == ContextKind::File).map(|file| file.path.as_str()).collect()
}

#[test]
fn a_local_context_is_listed_without_what_is_ignored() {
    let ignore = ("app/.dockerignore", "**/*.log\nnode_modules\n!keep.log\nDockerfile\n");
    let files =
        [ignore, ("app/a.rs", ""), ("app/x/y.log", ""), ("app/keep.log", ""), ("app/node_modules/m", "")];
    assert_eq!(paths(&build(COMPOSE, &files)), [".dockerignore", "Dockerfile", "a.rs", "keep.log"]);
}

#[test]
fn an_ignore_file_of_the_dockerfile_takes_precedence() {
    let files =
        [("app/.dockerignore", "*"), ("app/Dockerfile.dockerignore", "b"), ("app/a", ""), ("app/b", "")];
    assert_eq!(paths(&build(COMPOSE, &files)), ["Dockerfile", "Dockerfile.dockerignore", "a"]);
}

#[test]
fn every_input_counts_and_what_is_ignored_does_not() {
    let digest = |compose: &str, files: &[(&str, &str)]| build(compose, files).digest.clone();
    let old = digest(COMPOSE, &[("app/a", "1")]);
    assert_eq!(old, digest(COMPOSE, &[("app/a", "1"), ("app/.git/index", "x"), ("outside", "x")]));
    assert_ne!(old, digest(COMPOSE, &[("app/a", "2")]));
    assert_ne!(old, digest(COMPOSE, &[("app/b", "1")]));
    assert_ne!(old, digest(&COMPOSE.replace("'1'", "'2'"), &[("app/a", "1")]));
}

#[test]
fn attributes_are_taken_over() {
    let build = build(COMPOSE, &[]);
    assert_eq!(build.tags, ["p-a", "other"]);
    assert_eq!(build.args["A"], "1");
    assert_eq!(build.extra_hosts, ["h:10.0.0.1"]);
    assert_eq!(build.dockerfile, "Dockerfile");
}

#[test]
fn a_dockerfile_outside_of_the_context_or_inline_is_put_into_it() {
    let outside = build("services: {a: {build: {context: app, dockerfile: ../D}}}", &[("D", "FROM outside")]);
    assert_eq!(outside.dockerfile_text.as_deref(), Some("FROM outside"));
    assert_ne!(outside.dockerfile, "Dockerfile");
    let inline = build("services: {a: {build: {context: app, dockerfile_inline: FROM inline}}}", &[]);
    assert_eq!(inline.dockerfile_text.as_deref(), Some("FROM inline"));
}

#[test]
fn a_remote_context_is_not_read() {
    let build = build("services: {a: {build: 'https://example.org/x.git#main:sub'}}", &[]);
    assert_eq!(build.remote.as_deref(), Some("https://example.org/x.git#main:sub"));
    assert!(build.files.is_empty());
}

#[test]
fn what_is_missing_is_named() {
    let context = errors(&[("compose.yaml", "services: {a: {build: nowhere}}")]);
    assert_eq!(context, ["services.a.build.context: there is no build context /p/nowhere"]);
    let dockerfile =
        errors(&[("compose.yaml", "services: {a: {build: {context: app, dockerfile: D}}}"), DOCKERFILE]);
    assert!(dockerfile[0].starts_with("services.a.build.dockerfile: there is no Dockerfile /p/app/D"));
}

#[test]
fn what_needs_buildkit_is_refused() {
    let found =
        errors(&[("compose.yaml", "services: {a: {build: {context: app, ssh: [default]}}}"), DOCKERFILE]);
    assert!(found[0].starts_with("services.a.build.ssh: `ssh` is not supported"), "{}", found[0]);
}

#[test]
fn a_named_image_without_sources_is_pulled() {
    let compose = |more: &str| format!("services: {{a: {{image: named, build: nowhere{more}}}}}");
    let pulled = stack(&[("compose.yaml", &compose(""))]);
    assert!(pulled.services["a"].image.build.is_none());
    assert_eq!(errors(&[("compose.yaml", &compose(", pull_policy: build"))]).len(), 1);
}
