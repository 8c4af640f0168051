use super::{Lab, docker};
use reconcile::engine::Observe as _;
use reconcile::model::desired::{InjectedFile, MountedFile, Sensitive};
use reconcile::model::step::{Action, ContainerRef};
use serde_json::json;

/// Volumes stay: the replacement has the anonymous volume, and removing the old container leaves it.
#[tokio::test]
async fn anonymous_volumes_move_to_the_replacement() {
    let Some(lab) = Lab::start().await else { return };
    let attributes = json!({"volumes": [{"type": "volume", "target": "/anon"}]});
    let old = lab.run(lab.container("db", "echo kept > /anon/file; sleep 600", attributes.clone())).await;
    let volume = Lab::look(old.name(), "(index .Mounts 0).Name").as_str().expect("volume").to_owned();
    let mut next = lab.container("db", "cat /anon/file", attributes);
    next.name = lab.name("db.next");
    next.inherited_volumes.insert("/anon".to_owned(), volume.clone());
    lab.done(Action::CreateContainer(Box::new(next))).await;
    lab.done(Action::StopContainer { container: old.clone(), grace: Some(0) }).await;
    lab.done(Action::RemoveContainer(old)).await;
    let next = ContainerRef::Name(lab.name("db.next"));
    lab.done(Action::RenameContainer { container: next, to: lab.name("db") }).await;
    let container = ContainerRef::Name(lab.name("db"));
    lab.done(Action::StartContainer(container.clone())).await;
    let timeout = reconcile::model::units::Nanos(20_000_000_000);
    lab.done(Action::AwaitCompleted { container: container.clone(), timeout, through: false }).await;
    assert_eq!(docker(&["logs", container.name()]).as_deref(), Ok("kept"));
    assert_eq!(Lab::look(container.name(), "(index .Mounts 0).Name"), json!(volume));
    lab.done(Action::RemoveContainer(container)).await;
    docker(&["volume", "rm", &volume]).expect("the volume stayed");
}

#[tokio::test]
async fn uploaded_files_have_their_owner_and_mode_and_leave_directories_alone() {
    let Some(lab) = Lab::start().await else { return };
    let script = "stat -c '%a %u %g' /etc/app/token; cat /etc/app/token; stat -c %a /tmp; cat /tmp/x";
    lab.done(Action::CreateContainer(Box::new(lab.container("up", script, json!({}))))).await;
    let container = ContainerRef::Name(lab.name("up"));
    let mode_before =
        docker(&["run", "--rm", "--network", "none", super::IMAGE, "stat", "-c", "%a", "/tmp"]).expect("run");
    let file = |target: &str, text: &str, uid, mode| InjectedFile {
        target: target.to_owned(),
        content: Sensitive::new(text.as_bytes().to_vec()),
        uid,
        gid: 7,
        mode,
    };
    let files = vec![file("/etc/app/token", "s3cret\n", 5, 0o440), file("/tmp/x", "y\n", 0, 0o644)];
    lab.done(Action::UploadFiles { container: container.clone(), files }).await;
    lab.done(Action::StartContainer(container.clone())).await;
    let timeout = reconcile::model::units::Nanos(20_000_000_000);
    lab.done(Action::AwaitCompleted { container: container.clone(), timeout, through: false }).await;
    let expected = format!("440 5 7\ns3cret\n{mode_before}\ny");
    assert_eq!(docker(&["logs", container.name()]), Ok(expected));
}

#[tokio::test]
async fn a_mounted_file_must_be_there_and_is_read_only() {
    let Some(lab) = Lab::start().await else { return };
    let home = tempfile::tempdir().expect("temporary directory");
    let source = home.path().join("conf");
    std::fs::write(&source, "text\n").expect("file");
    let mut container = lab.container("m", "cat /etc/conf; echo x > /etc/conf", json!({}));
    let path = source.to_string_lossy().into_owned();
    container.mounted_files.push(MountedFile { source: path, target: "/etc/conf".to_owned() });
    let name = lab.run(container.clone()).await;
    let timeout = reconcile::model::units::Nanos(20_000_000_000);
    lab.fails(Action::AwaitCompleted { container: name.clone(), timeout, through: false }).await;
    let words = lab.engine.last_words(&name).await.expect("words").output;
    assert!(words.contains("text") && words.contains("Read-only"), "{words}");

    container.name = lab.name("n");
    container.mounted_files.iter_mut().for_each(|file| file.source.push_str(".gone"));
    let error = lab.fails(Action::CreateContainer(Box::new(container))).await;
    assert!(error.contains("conf.gone"), "{error}");
}
