use super::{IMAGE, Lab, docker};
use reconcile::engine::{Engine as _, Progress};
use reconcile::model::desired::{BuildSpec, ContextFile, ContextKind, Stored};
use reconcile::model::labels;
use reconcile::model::step::Action;
use std::path::Path;
use std::sync::{Arc, Mutex};

fn file(root: &Path, path: &str, text: &str) -> ContextFile {
    let source = root.join(path);
    std::fs::write(&source, text).expect("file");
    let stored = Stored::File(source.clone());
    ContextFile { path: path.to_owned(), source, stored, kind: ContextKind::File, mode: 0o644 }
}

fn build(lab: &Lab, name: &str, files: Vec<ContextFile>) -> BuildSpec {
    BuildSpec {
        tags: vec![format!("{}:1", lab.name(name))],
        files,
        dockerfile: "Dockerfile".to_owned(),
        labels: lab.labels(),
        digest: "0123456789abcdef".to_owned(),
        ..BuildSpec::default()
    }
}

fn run(image: &str, script: &str) -> Result<String, String> {
    docker(&["run", "--rm", "--network", "none", image, "sh", "-c", script])
}

struct Lines(Mutex<Vec<String>>);

impl Progress for Lines {
    fn note(&self, line: &str) {
        self.0.lock().expect("lines").push(line.to_owned());
    }
}

#[tokio::test]
async fn an_image_is_built_with_arguments_target_tags_and_labels() {
    let Some(lab) = Lab::start().await else { return };
    let root = tempfile::tempdir().expect("temporary directory");
    let text = format!(
        "FROM {IMAGE} AS first\nARG WORD\nRUN echo $WORD > /word\nCOPY . /src\nFROM first\nRUN false\n"
    );
    let files = vec![file(root.path(), "Dockerfile", &text), file(root.path(), "a", "x")];
    let mut build = build(&lab, "img", files);
    build.tags.push(format!("{}:two", lab.name("img")));
    build.args.insert("WORD".to_owned(), "hello & more".to_owned());
    build.target = "first".to_owned();
    build.network = "none".to_owned();
    let lines = Lines(Mutex::default());
    lab.engine.perform(&Action::BuildImage(Arc::new(build)), &lines).await.expect("build");
    for tag in ["1", "two"] {
        let image = format!("{}:{tag}", lab.name("img"));
        assert_eq!(run(&image, "cat /word; ls /src").as_deref(), Ok("hello & more\nDockerfile\na"));
        let label =
            docker(&["inspect", "-f", &format!("{{{{index .Config.Labels {:?}}}}}", labels::BUILD), &image]);
        assert_eq!(label.as_deref(), Ok("0123456789abcdef"));
    }
    assert!(
        lines
            .0
            .lock()
            .expect("lines")
            .iter()
            .any(|line| line.starts_with("Step ") || line.starts_with("STEP "))
    );
    docker(&["rmi", &format!("{}:two", lab.name("img"))]).expect("untag");
}

#[tokio::test]
async fn an_inline_dockerfile_is_built_and_does_not_get_into_the_image() {
    let Some(lab) = Lab::start().await else { return };
    let root = tempfile::tempdir().expect("temporary directory");
    let files = vec![file(root.path(), "Dockerfile", "FROM scratch\n"), file(root.path(), "a", "x")];
    let mut build = build(&lab, "inline", files);
    build.dockerfile_text = Some(format!("FROM {IMAGE}\nCOPY . /src\n"));
    lab.done(Action::BuildImage(Arc::new(build))).await;
    assert_eq!(run(&format!("{}:1", lab.name("inline")), "ls -A /src").as_deref(), Ok("Dockerfile\na"));
}

#[tokio::test]
async fn a_failing_build_names_its_step_and_last_lines() {
    let Some(lab) = Lab::start().await else { return };
    let root = tempfile::tempdir().expect("temporary directory");
    let text = format!("FROM {IMAGE}\nRUN echo the reason; sleep 1; exit 6\n");
    let files = vec![file(root.path(), "Dockerfile", &text)];
    let mut failing = build(&lab, "fails", files);
    failing.network = "none".to_owned();
    let error = lab.fails(Action::BuildImage(Arc::new(failing))).await;
    assert!(error.contains("RUN echo the reason") && error.contains("| the reason"), "{error}");

    let mut gone = file(root.path(), "b", "x");
    gone.source = root.path().join("gone");
    gone.stored = Stored::File(gone.source.clone());
    let error = lab.fails(Action::BuildImage(Arc::new(build(&lab, "gone", vec![gone])))).await;
    assert!(error.contains("build context") && error.contains("gone"), "{error}");
}

#[tokio::test]
async fn what_needs_buildkit_is_told() {
    let Some(lab) = Lab::start().await else { return };
    let root = tempfile::tempdir().expect("temporary directory");
    let text = format!("FROM {IMAGE}\nRUN --mount=type=cache,target=/c true\n");
    let files = vec![file(root.path(), "Dockerfile", &text)];
    let error = lab.fails(Action::BuildImage(Arc::new(build(&lab, "kit", files)))).await;
    assert!(error.contains("BuildKit") && error.contains("not supported yet"), "{error}");
}

/// The context is sent as it is read: 64 MB of it do not stand in memory.
#[tokio::test]
async fn a_large_context_is_streamed() {
    let Some(lab) = Lab::start().await else { return };
    let root = tempfile::tempdir().expect("temporary directory");
    let large = ContextFile {
        path: "large".to_owned(),
        source: root.path().join("large"),
        stored: Stored::File(root.path().join("large")),
        kind: ContextKind::File,
        mode: 0o644,
    };
    std::fs::File::create(&large.source).expect("file").set_len(64 << 20).expect("size");
    let text = format!("FROM {IMAGE}\nCOPY large /large\n");
    let files = vec![file(root.path(), "Dockerfile", &text), large];
    lab.done(Action::BuildImage(Arc::new(build(&lab, "large", files)))).await;
    assert_eq!(run(&format!("{}:1", lab.name("large")), "stat -c %s /large").as_deref(), Ok("67108864"));
}
