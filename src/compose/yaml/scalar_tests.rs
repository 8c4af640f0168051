//! What docker compose 2.40 makes of a scalar under an `x-` key, as its JSON output showed it.

use super::super::super::node::{FileId, Node, Value};
use super::super::decode;
use super::resolve_plain;

/// The text after `x-v: ` and what it means. `error`: refused; `timestamp`: a date.
const VECTORS: &[(&str, &str)] = &[
    ("yes", "\"yes\""),
    ("no", "\"no\""),
    ("on", "\"on\""),
    ("off", "\"off\""),
    ("y", "\"y\""),
    ("n", "\"n\""),
    ("True", "true"),
    ("TRUE", "true"),
    ("0o17", "15"),
    ("017", "15"),
    ("08", "8"),
    ("0x1F", "31"),
    ("0X1F", "31"),
    ("0b101", "5"),
    ("1_000", "1000"),
    ("0x1_0", "16"),
    ("12:30:45", "\"12:30:45\""),
    ("1:30", "\"1:30\""),
    ("~", "null"),
    ("null", "null"),
    ("Null", "null"),
    ("", "null"),
    (".nan", "NaN"),
    (".NaN", "NaN"),
    ("NaN", "\"NaN\""),
    (".inf", "+Inf"),
    ("-.Inf", "-Inf"),
    ("inf", "\"inf\""),
    ("1e3", "1000"),
    ("1.0e+3", "1000"),
    ("1e-3", "0.001"),
    (".5", "0.5"),
    ("5.", "5"),
    ("+12", "12"),
    ("-12", "-12"),
    ("-0", "0"),
    ("123456789012345678901234567890", "1.2345678901234568e+29"),
    ("9223372036854775807", "9223372036854775807"),
    ("18446744073709551615", "18446744073709551615"),
    ("2001-12-14", "timestamp"),
    ("2001-12-14t21:59:43.10-05:00", "timestamp"),
    ("1.10", "1.1"),
    ("\"3.8\"", "\"3.8\""),
    ("3.8", "3.8"),
    ("'012'", "\"012\""),
    ("!!str 123", "\"123\""),
    ("!!int \"123\"", "123"),
    ("!!float 3", "3"),
    ("!!bool \"yes\"", "error"),
    ("!!binary aGVsbG8=", "\"hello\""),
    ("!foo 12", "\"12\""),
    ("=", "\"=\""),
    ("\"<<\"", "\"<<\""),
    ("-", "error"),
    ("_", "\"_\""),
    ("3306:3306", "\"3306:3306\""),
    ("1_000.5", "1000.5"),
    ("+.inf", "+Inf"),
    ("-0x10", "-16"),
    ("-017", "-15"),
    ("+017", "15"),
    ("<<", "\"<<\""),
    ("0o8", "\"0o8\""),
    ("0b2", "\"0b2\""),
    ("0x", "\"0x\""),
    ("1__0", "10"),
    ("_1", "\"_1\""),
    ("1_", "1"),
    ("+0x10", "16"),
    ("-0b1", "-1"),
    ("0.", "0"),
    ("1e5", "100000"),
    ("1E5", "100000"),
    ("1.e+5", "100000"),
    (".5e3", "500"),
    ("-.5", "-0.5"),
    ("+.5", "0.5"),
    ("1,000", "\"1,000\""),
    ("190:20:30", "\"190:20:30\""),
    ("2001-1-1", "timestamp"),
    ("2001-12-14 21:59:43", "timestamp"),
    (".NAN", "NaN"),
    (".INF", "+Inf"),
    ("-.inf", "-Inf"),
    ("Off", "\"Off\""),
    ("ON", "\"ON\""),
    ("Yes", "\"Yes\""),
    ("NO", "\"NO\""),
    ("nUll", "\"nUll\""),
    ("NULL", "null"),
    ("~x", "\"~x\""),
    ("!!null \"\"", "null"),
    ("!!int 0o17", "15"),
    ("!!int 017", "15"),
    ("!!float 1e3", "1000"),
    ("!!bool on", "error"),
    ("!!str ~", "\"~\""),
    ("!!timestamp 2001-12-14", "timestamp"),
    ("0777", "511"),
    ("00", "0"),
    ("0", "0"),
    ("-0.0", "0"),
    ("1.0", "1"),
    ("100000000000000000000.0", "100000000000000000000"),
    ("1e400", "\"1e400\""),
    ("0.1", "0.1"),
    ("12345678.9", "12345678.9"),
    ("1e20", "100000000000000000000"),
    ("1e21", "1e+21"),
    ("!!binary \"a b\"", "error"),
    ("\"a\\tb\"", "\"a\\tb\""),
    ("'it''s'", "\"it's\""),
    ("a # c", "\"a\""),
    ("a#c", "\"a#c\""),
    ("[a, b]", "[\"a\", \"b\"]"),
    ("{a: 1, b}", "{\"a\": 1, \"b\": null}"),
    ("? x", "error"),
    ("%x", "error"),
    ("@x", "error"),
    ("`x", "error"),
    ("&a x", "\"x\""),
    ("*a", "error"),
    ("!override [a]", "[\"a\"]"),
    ("|\n   lit", "\"lit\\n\""),
    (">\n   f1\n   f2", "\"f1 f2\\n\""),
];

fn show(node: &Node) -> String {
    match &node.value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) if value.is_nan() => "NaN".to_owned(),
        Value::Float(value) if value.is_infinite() => format!("{value:+}").replace("inf", "Inf"),
        Value::Float(value) => value.to_string(),
        Value::Timestamp(_) => "timestamp".to_owned(),
        Value::String(text) => format!("{text:?}"),
        Value::List(list) => format!("[{}]", list.iter().map(show).collect::<Vec<_>>().join(", ")),
        Value::Map(map) => {
            let entries: Vec<_> =
                map.iter().map(|(key, node)| format!("{:?}: {}", key.name, show(node))).collect();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

/// Numbers are compared as numbers: JSON shows the float 1000 as `1000`.
fn same(shown: &str, wanted: &str) -> bool {
    match (shown.parse::<f64>(), wanted.parse::<f64>()) {
        (Ok(a), Ok(b)) => a.total_cmp(&b).is_eq() || a.abs() + b.abs() == 0.0,
        _ => shown == wanted,
    }
}

#[test]
fn every_scalar_means_what_the_reference_says() {
    for (text, wanted) in VECTORS {
        let shown = match decode(FileId(1), &format!("x-v: {text}\n")) {
            Ok(documents) => show(documents[0].root.get("x-v").expect("the key is there")),
            Err(_) => "error".to_owned(),
        };
        assert!(same(&shown, wanted), "{text:?} is {wanted}, not {shown}");
    }
}

#[test]
fn whole_numbers_beyond_64_bits_are_floats() {
    for (text, wanted) in [
        ("-9223372036854775808", Value::Int(i128::from(i64::MIN))),
        ("-9223372036854775809", Value::Float(-9_223_372_036_854_775_809.0)),
        ("18446744073709551616", Value::Float(18_446_744_073_709_551_616.0)),
        ("+18446744073709551615", Value::Float(18_446_744_073_709_551_615.0)),
    ] {
        let found = resolve_plain(text);
        assert_eq!(format!("{found:?}"), format!("{wanted:?}"), "{text}");
    }
}

#[test]
fn a_tag_that_does_not_fit_names_both_kinds() {
    let found = decode(FileId(1), "a: !!int 3.5").expect_err("3.5 is no int");
    assert_eq!(found.message, "yaml: cannot decode !!float `3.5` as a !!int");
    assert_eq!(found.path, "a");
}
