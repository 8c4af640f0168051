use super::{IMAGE, Lab, docker};
use base64::Engine as _;
use reconcile::engine::docker::{ConnectOptions, DockerEngine};
use reconcile::engine::{Engine as _, Observe as _, ObserveRequest, Silent};
use reconcile::model::report::Outcome;
use reconcile::model::step::Action;
use std::collections::BTreeMap;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A password whose standard base64 has characters that URL-safe base64 has not, and its bcrypt hash.
const PASSWORD: &str = "pa???ss>>>x";
const HASH: &str = "ci:$2y$05$j9oU9RHO9BHivZoDjrRe/OZcPKdXIVxkmQ.IEY3kLDJ/MaCV.RHB.";

/// A registry that asks for a login; it ends with the test.
struct Registry {
    process: Child,
    host: String,
}

impl Registry {
    /// `None`, with a message, if the program is not installed.
    fn start(home: &Path) -> Option<Self> {
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("port").port();
        let host = format!("127.0.0.1:{port}");
        let (root, logins, config) = (home.join("data"), home.join("htpasswd"), home.join("registry.yml"));
        let text = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: '{host}'}}\n\
             auth: {{htpasswd: {{realm: test, path: {}}}}}\n",
            root.display(),
            logins.display()
        );
        std::fs::write(&logins, HASH).expect("logins");
        std::fs::write(&config, text).expect("config");
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(&config).stdout(Stdio::null()).stderr(Stdio::null());
        let Ok(process) = command.spawn() else {
            eprintln!("skipped: docker-registry is not installed");
            return None;
        };
        for _ in 0..100 {
            if TcpStream::connect(&host).is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(Self { process, host })
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An engine connection with the Docker settings of a folder.
async fn connect(settings: &Path) -> DockerEngine {
    let settings = settings.to_string_lossy().into_owned();
    let environment = BTreeMap::from([("DOCKER_CONFIG".to_owned(), settings)]);
    let options = ConnectOptions { host: None, environment: &environment };
    DockerEngine::connect(&options).await.expect("connect")
}

#[tokio::test]
async fn images_are_pulled_with_the_login_of_their_registry() {
    let Some(lab) = Lab::start().await else { return };
    if !lab.engine.address().starts_with("unix:///var/run/") {
        return;
    }
    let (with, without) = (tempfile::tempdir().expect("directory"), tempfile::tempdir().expect("directory"));
    let Some(registry) = Registry::start(with.path()) else { return };
    let login = base64::engine::general_purpose::STANDARD.encode(format!("ci:{PASSWORD}"));
    let settings = serde_json::json!({"auths": {&registry.host: {"auth": login}}}).to_string();
    std::fs::write(with.path().join("config.json"), settings).expect("settings");
    let reference = format!("{}/team/app:1", registry.host);
    docker(&["tag", IMAGE, &reference]).expect("tag");
    docker(&["--config", &with.path().to_string_lossy(), "push", "-q", &reference]).expect("push");
    docker(&["rmi", &reference]).expect("untag");

    let (member, stranger) = (connect(with.path()).await, connect(without.path()).await);
    let request = ObserveRequest { remote_digests: vec![reference.clone()], ..ObserveRequest::default() };
    let observed = member.observe(&request).await.expect("observe");
    let digest = observed.remote_digests.get(&reference).expect("asked").clone().expect("digest");
    let observed = stranger.observe(&request).await.expect("observe");
    assert!(observed.remote_digests.get(&reference).is_some_and(Result::is_err));

    let pull = Action::PullImage { reference: reference.clone(), platform: String::new() };
    let error = stranger.perform(&pull, &Silent).await.expect_err("no login").to_string();
    assert!(error.contains("no basic auth credentials"), "{error}");
    assert_eq!(member.perform(&pull, &Silent).await.expect("pull"), Outcome::Done);
    assert_eq!(member.perform(&pull, &Silent).await.expect("pull"), Outcome::AlreadyDone);
    let observed = member.observe(&ObserveRequest::default()).await.expect("observe");
    let image = observed.image(&reference).expect("pulled");
    assert!(image.digests.iter().any(|name| name.ends_with(&digest)), "{:?} {digest}", image.digests);

    let by_digest = Action::PullImage {
        reference: format!("{}/team/app@{digest}", registry.host),
        platform: String::new(),
    };
    member.perform(&by_digest, &Silent).await.expect("pull by digest");
    let absent =
        Action::PullImage { reference: format!("{}/team/absent", registry.host), platform: String::new() };
    let error = member.perform(&absent, &Silent).await.expect_err("absent").to_string();
    assert!(error.contains("manifest unknown") || error.contains("not found"), "{error}");
    docker(&["rmi", &reference]).expect("clean");
}
