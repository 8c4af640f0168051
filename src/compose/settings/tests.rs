use super::{FolderSettings, RolloutSettings, StackSettings, folder, service, stack};
use crate::compose::node::{Key, Map, Node, Span, Value};
use crate::model::drift::Drift;
use crate::model::rollout::{FailureAction, Order};
use crate::model::units::Nanos;

fn node(value: Value) -> Node {
    Node::new(value, Span::default())
}

fn text(text: &str) -> Node {
    Node::string(text, Span::default())
}

fn map(entries: Vec<(&str, Node)>) -> Node {
    node(Value::Map(entries.into_iter().map(|(key, value)| (Key::from(key), value)).collect::<Map>()))
}

#[test]
fn a_single_text_is_a_list_of_one() {
    let mut diagnostics = Vec::new();
    let read =
        stack(&map(vec![("profiles", text("a")), ("name", text("n"))]), "x-reconcile", &mut diagnostics);
    assert!(diagnostics.is_empty());
    assert_eq!(
        read,
        StackSettings { name: Some("n".into()), profiles: vec!["a".into()], ..StackSettings::default() }
    );
}

#[test]
fn an_unknown_key_names_the_nearest() {
    let mut diagnostics = Vec::new();
    stack(&map(vec![("profile", text("a"))]), "x-reconcile", &mut diagnostics);
    assert_eq!(diagnostics.len(), 1);
    assert_eq!(diagnostics[0].message, "unknown key `profile`");
    assert_eq!(diagnostics[0].path, "x-reconcile.profile");
    assert_eq!(diagnostics[0].hint.as_deref(), Some("did you mean `profiles`?"));
}

#[test]
fn what_becomes_of_drift_is_one_of_three_words() {
    let mut diagnostics = Vec::new();
    let read = stack(&map(vec![("drift", text("warn"))]), "", &mut diagnostics);
    assert_eq!((read.drift, diagnostics.len()), (Some(Drift::Warn), 0));
    stack(&map(vec![("drift", text("report"))]), "", &mut diagnostics);
    assert_eq!(diagnostics[0].message, "`drift` is `report`, but must be one of heal, warn, ignore");
}

#[test]
fn a_variable_in_settings_is_an_error() {
    let mut diagnostics = Vec::new();
    let read = stack(&map(vec![("env_files", text("$HOME/.env"))]), "", &mut diagnostics);
    assert!(read.env_files.is_empty());
    assert!(diagnostics[0].message.contains("written out"));
}

#[test]
fn a_folder_with_stacks_holds_several() {
    let mut diagnostics = Vec::new();
    let root = map(vec![(
        "stacks",
        map(vec![("a", node(Value::Null)), ("b", map(vec![("files", text("b.yaml"))]))]),
    )]);
    let FolderSettings::Several(stacks) = folder(&root, &mut diagnostics) else { panic!("one stack") };
    assert_eq!(stacks.keys().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(stacks["b"].files, ["b.yaml"]);
    assert!(diagnostics.is_empty());
}

#[test]
fn keys_beside_stacks_are_errors() {
    let mut diagnostics = Vec::new();
    folder(&map(vec![("stacks", map(vec![])), ("name", text("x"))]), &mut diagnostics);
    assert_eq!(diagnostics[0].message, "`name` stands beside `stacks`");
}

#[test]
fn a_service_says_whether_it_is_a_job() {
    let mut diagnostics = Vec::new();
    let block = map(vec![("job", node(Value::Bool(false))), ("wait_timeout", text("2m"))]);
    let read = service(&block, "services.a.x-reconcile", &mut diagnostics);
    assert_eq!((read.job, read.wait_timeout), (Some(false), Some(Nanos(120_000_000_000))));
    service(&map(vec![("wait_timeout", node(Value::Int(5)))]), "services.a.x-reconcile", &mut diagnostics);
    assert_eq!(diagnostics[0].message, "`wait_timeout` is the number `5`, but must be a time");
}

#[test]
fn a_rollout_is_read_for_a_stack_and_for_a_service() {
    let mut diagnostics = Vec::new();
    let rollout = map(vec![
        ("order", text("start-first")),
        ("parallelism", node(Value::Int(0))),
        ("delay", text("0s")),
        ("on_failure", text("pause")),
    ]);
    let of_stack = stack(&map(vec![("rollout", rollout.clone())]), "", &mut diagnostics).rollout;
    let of_service = service(&map(vec![("rollout", rollout)]), "", &mut diagnostics).rollout;
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    assert_eq!(of_stack, of_service);
    let expected = RolloutSettings {
        order: Some(Order::StartFirst),
        parallelism: Some(0),
        delay: Some(Nanos(0)),
        on_failure: Some(FailureAction::Pause),
        ..RolloutSettings::default()
    };
    assert_eq!(of_stack, expected);
}

#[test]
fn what_is_wrong_in_a_group_is_named_by_its_whole_path() {
    let mut diagnostics = Vec::new();
    let rollout = map(vec![
        ("order", text("start_first")),
        ("parallelism", text("two")),
        ("paralelism", node(Value::Int(1))),
    ]);
    service(&map(vec![("rollout", rollout)]), "services.a.x-reconcile", &mut diagnostics);
    let told: Vec<String> =
        diagnostics.iter().map(|found| format!("{}: {}", found.path, found.message)).collect();
    assert_eq!(
        told,
        [
            "services.a.x-reconcile.rollout.order: `order` is `start_first`, but must be one of stop-first, start-first",
            "services.a.x-reconcile.rollout.parallelism: `parallelism` is `two`, but must be a whole number",
            "services.a.x-reconcile.rollout.paralelism: unknown key `paralelism`",
        ]
    );
    assert_eq!(diagnostics[0].hint.as_deref(), Some("did you mean `start-first`?"));
}
