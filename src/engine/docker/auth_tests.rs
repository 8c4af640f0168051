use super::{HUB, Secret, for_build, for_reference, run_program};
use crate::engine::EngineError;
use crate::engine::docker::client_config::ClientConfig;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::{Value, json};

fn config(value: &Value) -> ClientConfig {
    serde_json::from_value(value.clone()).expect("config")
}

fn login(user: &str, password: &str) -> Value {
    json!({"auth": STANDARD.encode(format!("{user}:{password}"))})
}

fn decode(header: &str) -> Value {
    serde_json::from_slice(&URL_SAFE.decode(header).expect("URL-safe base64")).expect("JSON")
}

async fn header(config: &ClientConfig, reference: &str) -> Option<Value> {
    for_reference(config, reference).await.header.map(|header| decode(&header))
}

#[tokio::test]
async fn logins_are_found_by_registry() {
    let config = config(&json!({"auths": {
        HUB: login("hub", "h"),
        "box:5000": login("me", "a:b"),
        "https://old.example/v1/": login("old", "o"),
        "token.example": {"identitytoken": "t"},
    }}));
    for (reference, user, password) in [
        ("nginx", "hub", "h"),
        ("team/app:1", "hub", "h"),
        ("box:5000/app", "me", "a:b"),
        ("old.example/x/y:1", "old", "o"),
    ] {
        let found = header(&config, reference).await.expect(reference);
        assert_eq!((found["username"].as_str(), found["password"].as_str()), (Some(user), Some(password)));
    }
    let token = header(&config, "token.example/a").await.expect("token");
    assert_eq!(token, json!({"identitytoken": "t", "serveraddress": "token.example"}));
    assert_eq!(header(&config, "other.example/a").await, None);
}

/// Reference: standard base64 is refused by engines as "no basic auth credentials".
#[tokio::test]
async fn the_header_is_url_safe() {
    let config = config(&json!({"auths": {"box:5000": login("u", "pa???ss>>>x")}}));
    let header = for_reference(&config, "box:5000/a").await.header.expect("header");
    assert!(!header.contains('+') && !header.contains('/'), "{header}");
}

#[tokio::test]
async fn a_build_gets_all_logins() {
    let config = config(&json!({"auths": {"a.example": login("a", "1"), "b.example": login("b", "2")}}));
    let (header, troubles) = for_build(&config).await;
    let all = decode(&header.expect("header"));
    assert_eq!(all["b.example"]["username"], "b");
    assert_eq!(all.as_object().map(serde_json::Map::len), Some(2));
    assert!(troubles.is_empty());
}

#[tokio::test]
async fn a_missing_helper_is_told_with_the_failure_it_causes() {
    let config = config(&json!({"credHelpers": {"box:5000": "surely-not-installed"}}));
    let credentials = for_reference(&config, "box:5000/a").await;
    assert!(credentials.header.is_none());
    let error =
        credentials.explain(EngineError::Api { status: 500, message: "denied".to_owned() }).to_string();
    assert!(error.contains("denied") && error.contains("docker-credential-surely-not-installed"), "{error}");
}

#[tokio::test]
async fn a_helper_is_asked_on_its_standard_input() {
    let home = tempfile::tempdir().expect("temporary directory");
    let path = home.path().join("helper");
    let script = r#"#!/bin/sh
read -r key
case "$1 $key" in
    "get box:5000") printf '{"Username":"<token>","Secret":"t"}' ;;
    "get gone") echo "credentials not found in native keychain"; exit 1 ;;
    *) echo "hunter2"; exit 2 ;;
esac
"#;
    std::fs::write(&path, script).expect("file");
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("mode");
    let program = path.to_str().expect("path");
    let ask = async |key: &str| run_program::<Secret>(program, "get", &format!("{key}\n")).await;
    let secret = ask("box:5000").await.expect("answer").expect("credentials").into_auth("box:5000");
    assert_eq!((secret.identitytoken.as_str(), secret.username.as_str()), ("t", ""));
    assert!(ask("gone").await.expect("answer").is_none());
    let error = ask("locked").await.err().expect("failure");
    assert!(error.contains("failed") && !error.contains("hunter2"), "{error}");
}
