use super::{DotenvError, Parsed, parse, parse_raw};
use std::collections::BTreeMap;

fn lookup(name: &str) -> Option<String> {
    (name == "OSVAR").then(|| "os".to_owned())
}

/// The pairs, or the first error.
fn whole(parsed: Parsed) -> Result<Vec<(String, String)>, DotenvError> {
    parsed.errors.into_iter().next().map_or(Ok(parsed.pairs), Err)
}

fn read(text: &str) -> Result<BTreeMap<String, String>, DotenvError> {
    whole(parse(text, &lookup, &mut |_, _| {})).map(|pairs| pairs.into_iter().collect())
}

fn value(text: &str) -> String {
    read(&format!("PLAIN=value\nK={text}\n")).expect(text).remove("K").expect(text)
}

#[test]
fn values_follow_the_grammar_of_the_reference() {
    for (written, wanted) in [
        (" spaced value  ", "spaced value"),
        ("", ""),
        ("\"\"", ""),
        ("'single $PLAIN ${PLAIN}'", "single $PLAIN ${PLAIN}"),
        ("\"double $PLAIN ${PLAIN}\"", "double value value"),
        ("unq $PLAIN ${PLAIN}", "unq value value"),
        ("val # comment", "val"),
        ("val#notcomment", "val#notcomment"),
        ("val\t# tab comment", "val\t# tab comment"),
        ("#x", "#x"),
        (" #x", "#x"),
        ("\"val\" # comment", "val"),
        ("\"val # not\"", "val # not"),
        ("'val # not'", "val # not"),
        ("\"tab\\tnl\\nq\\\"bs\\\\d\\$PLAIN\"", "tab\tnl\nq\"bs\\d$PLAIN"),
        ("'tab\\tnl\\nq\\'end'", "tab\\tnl\\nq'end"),
        ("tab\\tnl\\nd\\$PLAIN", "tab\\tnl\\nd\\value"),
        ("\"line1\nline2\"", "line1\nline2"),
        ("'line1\nline2'", "line1\nline2"),
        ("${UNSET:-default}", "default"),
        ("${PLAIN:+alt}", "alt"),
        ("a$$b", "a$b"),
        ("100%", "100%"),
        ("http://x/?a=b&c=d", "http://x/?a=b&c=d"),
        ("{\"a\": \"b\"}", "{\"a\": \"b\"}"),
        ("é😀", "é😀"),
        ("$OSVAR", "os"),
        (" \"quoted after space\"", "quoted after space"),
        ("a\"b\"c", "a\"b\"c"),
        ("\"\\0101 \\a\"", "A \u{7}"),
        ("\"\\012 \\0400 \\q\"", "\\12 \\400 \\q"),
        ("x\r", "x"),
    ] {
        assert_eq!(value(written), wanted, "{written:?}");
    }
}

#[test]
fn keys_follow_the_grammar_of_the_reference() {
    let text = "\u{feff}# comment\r\n\nSPACES = x\nexport EXPORTED=yes\nexport   TWO = x\nYAML: v\nYAML2:n\n   \
                INDENTED=x\nDOTS.IN-KEY=d\nBR[0]=x\n1DIGIT=x\nEQ=a=b\nÉ=1\nexport=2\nOSVAR\nNOBODY\nDUP=1\nDUP=2\n#end";
    let shown: Vec<String> = read(text).expect("valid").iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(
        shown,
        [
            "1DIGIT=x",
            "BR[0]=x",
            "DOTS.IN-KEY=d",
            "DUP=2",
            "EQ=a=b",
            "EXPORTED=yes",
            "INDENTED=x",
            "OSVAR=os",
            "SPACES=x",
            "TWO=x",
            "YAML=v",
            "YAML2=n",
            "export=2",
            "É=1"
        ]
    );
}

#[test]
fn text_after_a_closing_quote_begins_the_next_statement() {
    let found = read("A=\"x\"B=3\nC='2' D=4").expect("valid");
    assert_eq!(found.into_iter().map(|(k, v)| k + &v).collect::<String>(), "AxB3C2D4");
}

#[test]
fn a_key_at_the_end_without_newline_becomes_the_value_of_the_empty_name() {
    assert_eq!(parse("A=1\nKEY", &lookup, &mut |_, _| {}).pairs[1], (String::new(), "KEY".to_owned()));
    assert_eq!(parse("=x\n", &lookup, &mut |_, _| {}).pairs[0], (String::new(), "x".to_owned()));
}

#[test]
fn a_name_resolves_through_the_lookup_before_earlier_values() {
    let found = read("OSVAR=mine\nA=$OSVAR\nB=1\nB=2\nC=$B\n").expect("valid");
    assert_eq!(found["A"], "os");
    assert_eq!(found["C"], "2");
}

#[test]
fn unset_names_are_told() {
    let mut unset = Vec::new();
    parse("A=$U ${V:-x}\nB='$W'\n", &lookup, &mut |name, _| unset.push(name.to_owned()));
    assert_eq!(unset, ["U"]);
}

#[test]
fn errors_have_the_references_text_and_a_place() {
    for (text, message, line, start) in [
        ("OK=1\nBAD!KEY=2\n", "line 2: unexpected character \"!\" in variable name \"BAD!KEY=2\"", 2, 8),
        ("A=1\n\"B\"=2\n", "line 2: unexpected character \"\\\"\" in variable name \"\\\"B\\\"=2\"", 2, 4),
        ("export A B=1\n", "line 1: key cannot contain a space", 1, 7),
        ("A=1\nB=\"open\nC=3\n", "line 2: unterminated quoted value \"open", 2, 6),
        ("A=1\nB=x${B", "Invalid template: \"x${B\"", 2, 7),
        ("A=${B:?set it}", "required variable B is missing a value: set it", 1, 2),
    ] {
        let found = read(text).expect_err(text);
        assert_eq!((found.message.as_str(), found.line, found.start), (message, line, start), "{text:?}");
        assert!(!found.plain.contains("open") && !found.plain.contains("=2"), "{}", found.plain);
    }
}

#[test]
fn raw_files_are_taken_as_they_stand() {
    let text = "\u{feff}# c\nA=v # no comment\r\nQ=\"q\"\n D=$A ${A}  \nE=\nOSVAR\nNOBODY\n\nF=a=b";
    let found = whole(parse_raw(text, &lookup)).expect("valid");
    let shown: Vec<String> = found.iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(shown, ["A=v # no comment", "Q=\"q\"", "D=$A ${A}  ", "E=", "OSVAR=os", "F=a=b"]);
}

#[test]
fn raw_files_need_names_without_blanks() {
    for (text, message, line, start) in [
        ("A=1\n  A B=1\n", "variable 'A B' contains whitespaces", 2, 6),
        ("=x\n", "no variable name on line '=x'", 1, 0),
    ] {
        let found = whole(parse_raw(text, &lookup)).expect_err(text);
        assert_eq!((found.message.as_str(), found.line, found.start), (message, line, start));
    }
}

#[test]
fn every_line_with_a_mistake_is_told_and_the_others_are_read() {
    let text =
        "A=1\nB C=2\n&D=3\nE=${\nF=\"x ${\"\nG=${X:?from a line that cannot be read}\nH=$A\nI=\"open\nJ=4\n";
    let Parsed { pairs, errors } = parse(text, &lookup, &mut |_, _| {});
    assert_eq!(errors.iter().map(|error| error.line).collect::<Vec<_>>(), [2, 3, 4, 5, 8]);
    assert_eq!(pairs, [("A", "1"), ("H", "1")].map(|(name, value)| (name.to_owned(), value.to_owned())));
    let Parsed { pairs, errors } = parse_raw("=1\nA=2\nB C=3\nD=4", &lookup);
    assert_eq!((pairs.len(), errors.len()), (2, 2));
}
