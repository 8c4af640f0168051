use super::super::diagnostic::{Diagnostic, Sources};
use super::super::node::{FileId, Node, Value};
use super::{Document, TagKind, decode};
use crate::compose::growth::Growth;
use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

fn ok(text: &str) -> Vec<Document> {
    decode(FileId(1), text).unwrap_or_else(|found| panic!("{text}\n{found:?}"))
}

fn root(text: &str) -> Node {
    ok(text).remove(0).root
}

fn fault(text: &str) -> Diagnostic {
    decode(FileId(1), text).expect_err(text)
}

/// The text that a diagnostic points at, with line and column.
fn pointed(text: &str, found: &Diagnostic) -> (usize, usize, String) {
    let mut sources = Sources::default();
    let file = sources.add(Path::new("/f"), text.into());
    let span = found.span.expect("has a place");
    assert_eq!(span.file, file);
    let (line, column) = sources.position(span);
    (line, column, text[span.start as usize..span.end as usize].to_owned())
}

/// A node as compact text, keys in document order.
fn flat(node: &Node) -> String {
    match &node.value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => format!("{value:?}"),
        Value::Timestamp(text) => format!("@{text}"),
        Value::String(text) => text.clone(),
        Value::List(list) => format!("[{}]", list.iter().map(flat).collect::<Vec<_>>().join(",")),
        Value::Map(map) => {
            let entries: Vec<_> =
                map.iter().map(|(key, node)| format!("{}:{}", key.name, flat(node))).collect();
            format!("{{{}}}", entries.join(","))
        }
    }
}

fn tags(text: &str) -> Vec<String> {
    let shown = |kind| if kind == TagKind::Reset { "reset" } else { "override" };
    ok(text)[0].tags.iter().map(|tag| format!("{} {}", shown(tag.kind), tag.path.join("/"))).collect()
}

#[test]
fn explicit_keys_win_over_merged_ones_wherever_they_stand() {
    let text = "x-a: &a {u: 1, n: {p: 1}}\nb:\n  u: 2\n  <<: *a\nc:\n  <<: *a\n  u: 3\n  n: {q: 2}\n";
    assert_eq!(flat(&root(text)), "{x-a:{u:1,n:{p:1}},b:{u:2,n:{p:1}},c:{u:3,n:{q:2}}}");
}

#[test]
fn of_a_list_of_merges_the_earlier_wins() {
    let text = "a: &a {u: 1}\nb: &b {u: 2, v: 2}\nc: {<<: [*a, *b, {w: 3}]}\nd: {<<: {u: 4}}\n";
    assert_eq!(flat(&root(text)), "{a:{u:1},b:{u:2,v:2},c:{u:1,v:2,w:3},d:{u:4}}");
}

#[test]
fn a_merged_mapping_brings_what_it_merged_itself() {
    let text = "a: &a {u: 1}\nb: &b {<<: *a, v: 2}\nc: {<<: *b}\n";
    assert_eq!(flat(&root(text)), "{a:{u:1},b:{v:2,u:1},c:{v:2,u:1}}");
}

#[test]
fn a_quoted_merge_key_is_an_ordinary_key() {
    assert_eq!(flat(&root("a: &a {u: 1}\nb: {\"<<\": *a}\n")), "{a:{u:1},b:{<<:{u:1}}}");
}

#[test]
fn a_merge_needs_mappings() {
    for text in ["a:\n  <<:\n", "a: {<<: 1}", "a: {<<: [{u: 1}, 2]}", "a: {<<: [[{u: 1}]]}"] {
        let found = fault(text);
        assert_eq!(found.message, "yaml: map merge requires map or sequence of maps as the value", "{text}");
        assert_eq!(found.path, "a");
    }
}

#[test]
fn a_key_stands_once_in_a_mapping() {
    for (text, message) in [
        ("web:\n  image: a\n  image: b\n", "line 3: mapping key \"image\" already defined at line 2"),
        ("a: 1\n'a': 2\n", "line 2: mapping key \"a\" already defined at line 1"),
        ("x: &x {}\nb:\n  <<: *x\n  <<: *x\n", "line 4: mapping key \"<<\" already defined at line 3"),
        ("b: !override\n  k: 1\n  k: 2\n", "line 3: mapping key \"k\" already defined at line 2"),
        ("b:\n  k: !reset 1\n  k: 2\n", "line 3: mapping key \"k\" already defined at line 2"),
    ] {
        assert_eq!(fault(text).message, message);
    }
}

#[test]
fn a_duplicate_key_is_pointed_at() {
    let text = "# ä\nwëb:\n  image: a\n  image: b\n";
    let found = fault(text);
    assert_eq!(pointed(text, &found), (4, 3, "image".to_owned()));
    assert_eq!(found.path, "wëb.image");
}

#[test]
fn keys_must_be_strings() {
    for (text, message) in [
        (
            "services:\n  web:\n    environment:\n      1: a\n",
            "non-string key in services.web.environment: 1",
        ),
        ("services: {web: {x-l: [{a: {~: 1}}]}}", "non-string key in services.web.x-l[0].a: <nil>"),
        ("1: a", "non-string key at top level: 1"),
        ("true: a", "non-string key at top level: true"),
        ("1.5: a", "non-string key at top level: 1.5"),
    ] {
        assert_eq!(fault(text).message, message);
    }
    assert_eq!(fault("? [a, b]\n: c\n").message, "yaml: invalid map key: a list or mapping");
    assert_eq!(flat(&root("'1': a\n!!str 2: b\nyes: c\n")), "{1:a,2:b,yes:c}");
}

#[test]
fn anchors_live_across_the_documents_of_a_file() {
    let documents = ok("a: &x 1\n---\nb: *x\n---\nc: &x 2\nd: *x\n");
    let shown: Vec<_> = documents.iter().map(|document| flat(&document.root)).collect();
    assert_eq!(shown, ["{a:1}", "{b:1}", "{c:2,d:2}"]);
}

#[test]
fn an_unknown_anchor_is_an_error_with_the_nearest_name() {
    let found = fault("a: &common 1\nb: *comon\n");
    assert_eq!(found.message, "yaml: unknown anchor 'comon' referenced");
    assert_eq!(found.hint.as_deref(), Some("did you mean `*common`?"));
}

#[test]
fn an_alias_inside_its_own_anchor_is_a_cycle() {
    let found = fault("services:\n  web: &w\n    image: nginx\n    x-self: *w\n");
    assert_eq!(
        found.message,
        "cycle detected: node at path services.web.x-self.x-self references node at path services.web.x-self"
    );
    assert!(
        fault("a: &a [1, [*a]]").message.starts_with("cycle detected: node at path a.1.0.1.0 references")
    );
    assert!(fault("a: &a {<<: *a}").message.starts_with("cycle detected"));
}

#[test]
fn an_inner_definition_hides_the_outer_anchor() {
    assert_eq!(flat(&root("a: &x {b: &x 1, c: *x}\nd: *x\n")), "{a:{b:1,c:1},d:1}");
}

#[test]
fn documents_are_kept_apart_and_empty_ones_are_null() {
    let shown = |text: &str| ok(text).iter().map(|document| flat(&document.root)).collect::<Vec<_>>();
    assert_eq!(shown("a: 1\n---\n"), ["{a:1}", "null"]);
    assert_eq!(shown("---\na: 1\n...\n---\nb: 2\n"), ["{a:1}", "{b:2}"]);
    assert!(ok("").is_empty());
    assert!(ok("# only a comment\n").is_empty());
    assert!(ok("\u{feff}").is_empty());
}

#[test]
fn only_version_1_1_may_be_declared() {
    assert_eq!(flat(&root("%YAML 1.1\n---\na: 1\n")), "{a:1}");
    for version in ["1.2", "2.0"] {
        let found = fault(&format!("%YAML {version}\n---\na: 1\n"));
        assert!(found.message.contains("found incompatible YAML document"), "{version}");
        assert!(found.hint.is_some());
    }
}

#[test]
fn a_byte_order_mark_and_crlf_leave_positions_right() {
    let text = "\u{feff}a: 1\r\nb:\r\n  - x\r\n  - y\r\n";
    let root = root(text);
    assert_eq!(flat(&root), "{a:1,b:[x,y]}");
    let second = &root.get("b").and_then(Node::as_list).expect("a list")[1];
    assert_eq!(&text[second.span.start as usize..second.span.end as usize], "y");
    let (key, _) = root.as_map().expect("a map").get_index(0).expect("a key");
    assert_eq!(&text[key.span.start as usize..key.span.end as usize], "a");
}

#[test]
fn collections_end_with_their_last_entry() {
    let text = "a:\n  b: {c: 1}  # tail\n  d:\n    - x\n\n# end\ne: 2\n";
    let root = root(text);
    let piece = |node: &Node| text[node.span.start as usize..node.span.end as usize].to_owned();
    let a = root.get("a").expect("a");
    assert_eq!(piece(a), "b: {c: 1}  # tail\n  d:\n    - x");
    assert_eq!(piece(a.get("b").expect("b")), "{c: 1}");
}

#[test]
fn aliased_nodes_point_at_their_definition() {
    let text = "a: &x {u: v}\nb: *x\n";
    let found = root(text).get("b").and_then(|b| b.get("u")).map(|u| u.span.start);
    assert_eq!(found, text.find('v').and_then(|at| u32::try_from(at).ok()));
}

#[test]
fn syntax_errors_say_where_and_what_to_do() {
    let text = "a:\n  b: 1\n\tc: 2\n";
    let found = fault(text);
    assert!(found.message.starts_with("yaml: line 3: "), "{}", found.message);
    assert_eq!(pointed(text, &found).0, 3);
    let text = "é: ok\nb: @x\n";
    let found = fault(text);
    assert_eq!(pointed(text, &found), (2, 4, "@".to_owned()));
    assert_eq!(found.hint.as_deref(), Some("put the value in quotes: it begins with `@`"));
    let text = "a: b\nc: \u{1}\n";
    assert_eq!(pointed(text, &fault(text)).0, 2);
    assert!(fault("a: {b: c").span.is_some());
    assert!(fault("a: \"b\n").span.is_some());
}

#[test]
fn a_block_scalar_may_end_with_the_file() {
    for (text, wanted) in [
        ("a: |\n  x", "x"),
        ("a: |-\n  x", "x"),
        ("a: |+\n  x", "x"),
        ("a: |+\n  x\n\n", "x\n\n"),
        ("a: >\n  x\n  y", "x y"),
        ("a: |\n  x\n  ", "x\n"),
        ("a: |\n  x\n    ", "x\n  "),
        ("a: |", ""),
        ("a: x", "x"),
        ("a: 'x'", "x"),
        ("a: x # c", "x"),
    ] {
        let root = root(text);
        assert_eq!(root.get("a").and_then(Node::as_str), Some(wanted), "{text:?}");
        assert!(root.get("a").is_some_and(|a| a.span.end as usize <= text.len()));
    }
    assert_eq!(flat(&root("a: [1]\nb:")), "{a:[1],b:null}");
}

#[test]
fn what_the_parser_trips_over_is_an_error_with_a_place() {
    let text = "a: 1\nb: {c: !reset, d: 1}\n";
    let found = fault(text);
    assert_eq!(found.message, "yaml: line 2: did not find expected whitespace or line break");
    assert_eq!(pointed(text, &found), (2, 8, "!reset".to_owned()));
    assert!(fault("a: \"\\").span.is_some());
}

#[test]
fn a_reset_node_is_removed_and_its_path_kept() {
    let text = "services:\n  web:\n    ports: !reset [1, {a: b}]\n    image: x\n    my.key: !reset\n";
    assert_eq!(flat(&root(text)), "{services:{web:{image:x}}}");
    assert_eq!(tags(text), ["reset services/web/ports", "reset services/web/my.key"]);
}

#[test]
fn a_reset_list_element_is_dropped() {
    let text = "a: [x, !reset y, z]";
    assert_eq!(flat(&root(text)), "{a:[x,z]}");
    assert_eq!(tags(text), ["reset a/1"]);
}

#[test]
fn an_override_node_stays_and_tags_inside_are_not_obeyed() {
    let text = "a: !override\n  h: !reset null\n  e: {C: 1}\nb: !override [x]\nc: !override i\n";
    assert_eq!(flat(&root(text)), "{a:{h:null,e:{C:1}},b:[x],c:i}");
    assert_eq!(root(text).get("a").and_then(|a| a.get("h")).and_then(Node::as_str), Some("null"));
    assert_eq!(tags(text), ["override a", "override b", "override c"]);
}

#[test]
fn tags_reach_through_aliases_and_merge_keys() {
    let text = "x-p: &p\n  ports: !override [1]\n  u: !reset 1\na: {<<: *p}\nb: *p\n";
    assert_eq!(flat(&root(text)), "{x-p:{ports:[1]},a:{ports:[1]},b:{ports:[1]}}");
    assert_eq!(
        tags(text),
        [
            "override x-p/ports",
            "reset x-p/u",
            "override a/ports",
            "reset a/u",
            "override b/ports",
            "reset b/u"
        ]
    );
}

#[test]
fn an_anchor_inside_a_reset_node_can_be_used() {
    assert_eq!(flat(&root("a: !reset {b: &x 1}\nc: *x\n")), "{c:1}");
}

#[test]
fn other_local_tags_change_nothing_but_scalars_to_text() {
    assert_eq!(flat(&root("a: !mine {b: !mine [1]}\nc: !mine 12\n")), "{a:{b:[1]},c:12}");
    assert_eq!(root("c: !mine 12").get("c").and_then(Node::as_str), Some("12"));
}

#[test]
fn an_alias_bomb_is_a_quick_error() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let before = level - 1;
        let row = vec![format!("*a{before}"); 10].join(", ");
        let _ = writeln!(text, "a{level}: &a{level} [{row}]");
    }
    let start = Instant::now();
    assert!(fault(&text).message.contains("through aliases"));
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

#[test]
fn a_long_text_repeated_by_aliases_is_bounded_too() {
    let long = "x".repeat(1 << 20);
    let text = format!("a: &a {long}\nb: [{}]\n", vec!["*a"; 1000].join(", "));
    assert!(fault(&text).message.contains("through aliases"));
}

#[test]
fn nesting_is_bounded() {
    for text in ["[".repeat(100_000), "{a: ".repeat(100_000), "- ".repeat(100_000)] {
        assert!(fault(&text).message.contains("nested deeper than 160 levels"));
    }
    let mut chain = "a0: &a0 {k: v}\n".to_owned();
    for level in 1..300 {
        let _ = writeln!(chain, "a{level}: &a{level} {{k: *a{}}}", level - 1);
    }
    assert!(fault(&chain).message.contains("nested deeper"));
    assert!(decode(FileId(1), &format!("{}{}", "[".repeat(150), "]".repeat(150))).is_ok());
}

const PIECES: [&str; 30] = [
    "{",
    "}",
    "[",
    "]",
    ":",
    ": ",
    "- ",
    "\n",
    "\n  ",
    "\t",
    "&a ",
    "*a",
    "<<: ",
    "!reset ",
    "!override",
    ",",
    "'",
    "\"",
    "|\n",
    ">\n  ",
    "%",
    "---\n",
    "? ",
    "${",
    "}",
    "#",
    " #",
    "\\",
    "é",
    "key",
];

proptest::proptest! {
    #[test]
    fn no_text_makes_the_readers_panic(
        picks in proptest::collection::vec(0..PIECES.len(), 0..40)
    ) {
        let text: String = picks.iter().map(|pick| PIECES[*pick]).collect();
        let mut found = Vec::new();
        match decode(FileId(1), &text) {
            Ok(documents) => {
                for Document { mut root, .. } in documents {
                    crate::compose::interpolate::interpolate(
                        &mut root,
                        &|_| None,
                        &mut Growth::default(),
                        &mut found,
                    );
                    let _ = crate::compose::unique::enforce(&mut root);
                    found.extend(crate::compose::schema::check(&root).into_iter().map(|one| one.diagnostic));
                }
            }
            Err(fault) => found.push(fault),
        }
        let _ = crate::compose::dotenv::parse(&text, &|_| None, &mut |_, _| {});
        for span in found.iter().filter_map(|found| found.span) {
            let place = text.get(span.start as usize..span.end as usize);
            proptest::prop_assert!(place.is_some(), "{:?} is no place in {:?}", span, text);
        }
    }
}
