//! JSON schemas of the settings, for editors: what the reader takes, no more and no less.
//!
//! A time of zero is the one thing that passes them and not the reader, where it has to be above zero.

use super::table::{self, Keys, Takes};
use super::{FILE, KEY, host};
use serde_json::{Map, Value, json};

const DIALECT: &str = "http://json-schema.org/draft-07/schema#";
/// A text that is not empty and holds no variable.
const PLAIN: &str = "^[^$]+$";
/// Go's notation, with days and weeks.
const DURATION: &str = r"^\+?(([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h|d|w))+$";

/// The schema of a `.reconcile.yaml`.
pub fn stack() -> Value {
    let mut object = group(&table::STACK);
    object["properties"]["stacks"] = json!({
        "description": "Several stacks made of the same folder's files, by project name; no other key stands beside it.",
        "type": "object",
        "additionalProperties": {"$ref": "#/definitions/stack"},
    });
    object["dependencies"] = json!({"stacks": {"maxProperties": 1}});
    let title = format!("{FILE}: settings of the stack, or of the stacks, in its folder");
    document(&title, object, &[("stack", group(&table::STACK))])
}

/// The schema of the block of a service.
pub fn service() -> Value {
    document(&format!("The `{KEY}` block of a service"), group(&table::SERVICE), &[])
}

/// The schema of both blocks in a compose file; everything else in it is left alone.
pub fn compose() -> Value {
    let service = json!({"properties": {KEY: {"$ref": "#/definitions/service"}}});
    let object = json!({"properties": {
        KEY: {"$ref": "#/definitions/stack"},
        "services": {"additionalProperties": service},
    }});
    let definitions = [("stack", group(&table::STACK)), ("service", group(&table::SERVICE))];
    document(&format!("The `{KEY}` blocks of a compose file"), object, &definitions)
}

/// The schema of a `reconcile.yaml`.
pub fn host() -> Value {
    document(&format!("{}: settings of the host", host::FILE), group(&host::HOST), &[])
}

fn document(title: &str, content: Value, definitions: &[(&str, Value)]) -> Value {
    let mut all = Map::from_iter([
        ("$schema".to_owned(), Value::from(DIALECT)),
        ("title".to_owned(), Value::from(title)),
    ]);
    if let Value::Object(content) = content {
        all.extend(content);
    }
    if !definitions.is_empty() {
        let named = definitions.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        all.insert("definitions".to_owned(), Value::Object(named.collect()));
    }
    Value::Object(all)
}

/// A group of keys; null is a group in which nothing is set.
pub(super) fn group<T: 'static>(keys: &Keys<T>) -> Value {
    let property = |doc: &str, takes: &Takes<T>| {
        let mut property = json!({"description": doc});
        if let (Value::Object(property), Value::Object(kind)) = (&mut property, kind(takes)) {
            property.extend(kind);
        }
        property
    };
    let properties: Map<String, Value> =
        keys.rows.iter().map(|row| (row.key.to_owned(), property(row.doc, &row.takes))).collect();
    let mut group =
        json!({"type": ["object", "null"], "properties": properties, "additionalProperties": false});
    if !keys.required.is_empty() {
        group["type"] = json!("object");
        group["required"] = json!(keys.required);
    }
    if !keys.exactly_one.is_empty() {
        group["type"] = json!("object");
    }
    let rules = rules(keys);
    if !rules.is_empty() {
        group["allOf"] = Value::Array(rules);
    }
    for (key, other) in keys.needs {
        group["dependentRequired"][key] = json!([other]);
    }
    group
}

/// Which keys stand beside which.
fn rules<T: 'static>(keys: &Keys<T>) -> Vec<Value> {
    let one = |set: &&[&str]| {
        let each: Vec<Value> = set.iter().map(|key| json!({"required": [key]})).collect();
        json!({"oneOf": each})
    };
    let pairs = |set: &&'static [&'static str]| -> Vec<Value> {
        let set = *set;
        let pair = |(index, first): (usize, &'static &'static str)| {
            set[index + 1..].iter().map(move |second| json!({"not": {"required": [first, second]}}))
        };
        set.iter().enumerate().flat_map(pair).collect()
    };
    keys.exactly_one.iter().map(one).chain(keys.at_most_one.iter().flat_map(pairs)).collect()
}

fn kind<T: 'static>(takes: &Takes<T>) -> Value {
    match takes {
        Takes::Text(_) | Takes::Place(_) | Takes::Parsed(..) => json!({"type": "string", "pattern": PLAIN}),
        Takes::Verbatim(_) | Takes::Secret(_) => json!({"type": "string", "minLength": 1}),
        Takes::Secrets(_) => {
            json!({"type": ["object", "null"], "additionalProperties": {"type": "string", "minLength": 1}})
        }
        Takes::Texts(_) | Takes::Places(_) => texts(),
        Takes::Words(words, _) => {
            let pattern = format!("^({})$", words.join("|"));
            json!({"type": ["array", "string"], "items": {"type": "string", "enum": words}, "pattern": pattern})
        }
        Takes::Lists(_) => json!({"type": ["object", "null"], "additionalProperties": texts()}),
        Takes::Switch(_) => json!({"type": "boolean"}),
        Takes::SwitchOr(_, group) => {
            let mut schema = group.schema();
            schema["type"] = json!(["boolean", "object"]);
            schema
        }
        Takes::Duration(_) | Takes::Period(_) => json!({"type": "string", "pattern": DURATION}),
        Takes::Count(_) => json!({"type": "integer", "minimum": 0, "maximum": u32::MAX}),
        Takes::Percent(_) => json!({"type": "integer", "minimum": 0, "maximum": 100}),
        Takes::Choice(words, _) => json!({"type": "string", "enum": words}),
        Takes::Group(group) => group.schema(),
    }
}

/// A list of texts, or one.
fn texts() -> Value {
    json!({
        "type": ["array", "string", "null"],
        "items": {"type": "string", "pattern": PLAIN},
        "pattern": PLAIN,
    })
}

#[cfg(test)]
mod tests {
    use super::super::host::SOURCE;
    use super::super::notify::{ADDRESS, COMMIT_STATUS, EMAIL, GOTIFY, HEARTBEAT, NOTIFY, NTFY, WEBHOOK};
    use super::super::table::{Keys, ROLLOUT, SERVICE, STACK};
    use super::{DURATION, PLAIN, group};
    use crate::compose::node::{Key, Map, Node, Span, Value};
    use crate::compose::settings::read;
    use regex_lite::Regex;
    use serde_json::{Value as Json, json};

    fn node(value: Value) -> Node {
        Node::new(value, Span::default())
    }

    fn samples() -> Vec<Node> {
        let texts = [
            "5",
            "2.40",
            "a",
            "",
            "$A",
            "90s",
            "1h30m",
            "1.5d",
            ".5s",
            "+2m",
            "90",
            "s",
            "5 s",
            "-1s",
            "pause",
            "start-first",
            "failed",
        ];
        let mut samples: Vec<Node> = texts.map(|text| Node::string(text, Span::default())).into();
        samples.extend([
            node(Value::Null),
            node(Value::Bool(true)),
            node(Value::Int(5)),
            node(Value::Int(0)),
            node(Value::Int(-1)),
            node(Value::Int(1 << 40)),
            node(Value::Float(1.5)),
            node(Value::Map(Map::default())),
            node(Value::Map(Map::from_iter([(Key::from("a"), node(Value::List(vec![])))]))),
            node(Value::Map(Map::from_iter([(Key::from("a"), node(Value::Int(1)))]))),
            node(Value::List(vec![])),
            node(Value::List(vec![Node::string("a", Span::default())])),
            node(Value::List(vec![Node::string("$a", Span::default())])),
            node(Value::List(vec![node(Value::Int(1))])),
            node(Value::List(vec![Node::string("drift", Span::default())])),
        ]);
        samples
    }

    /// As much of JSON schema as the schemas use.
    fn passes(schema: &Json, node: &Node) -> bool {
        let kind = match &node.value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Int(_) => "integer",
            Value::Float(_) => "number",
            Value::String(_) | Value::Timestamp(_) => "string",
            Value::List(_) => "array",
            Value::Map(_) => "object",
        };
        let is_kind = match &schema["type"] {
            Json::Array(kinds) => kinds.iter().any(|name| name == kind),
            name => name == kind,
        };
        let matches = |text: &str| {
            schema["pattern"]
                .as_str()
                .is_none_or(|pattern| Regex::new(pattern).expect(pattern).is_match(text))
        };
        let is_word = |word: &str| {
            schema["enum"].as_array().is_none_or(|words| words.iter().any(|known| known == word))
        };
        let is_in = |number: i64| {
            schema["minimum"].as_i64().is_none_or(|least| number >= least)
                && schema["maximum"].as_i64().is_none_or(|most| number <= most)
        };
        let number = if let Value::Int(number) = &node.value { i64::try_from(*number).ok() } else { None };
        let is_long =
            |text: &str| schema["minLength"].as_u64().is_none_or(|least| text.len() as u64 >= least);
        is_kind
            && (node.as_map().is_none() || stands_together(schema, node))
            && node.as_str().is_none_or(is_long)
            && number.is_none_or(is_in)
            && node.as_str().is_none_or(is_word)
            && node.as_str().is_none_or(matches)
            && node.as_list().is_none_or(|items| items.iter().all(|item| passes(&schema["items"], item)))
            && node
                .as_map()
                .is_none_or(|map| map.iter().all(|(_, value)| passes(&schema["additionalProperties"], value)))
    }

    /// Whether a mapping has the keys that it needs, and none that exclude each other.
    fn stands_together(schema: &Json, node: &Node) -> bool {
        let has = |rule: &Json| {
            let keys = rule["required"].as_array();
            keys.is_none_or(|keys| keys.iter().all(|key| node.get(key.as_str().expect("a key")).is_some()))
        };
        let holds = |rule: &Json| match rule["oneOf"].as_array() {
            Some(all) => all.iter().filter(|rule| has(rule)).count() == 1,
            None => !has(&rule["not"]),
        };
        has(schema) && schema["allOf"].as_array().is_none_or(|rules| rules.iter().all(holds))
    }

    /// `base` is what stands beside the key in question.
    fn hold<T: Default>(keys: &Keys<T>, base: &[(&str, Node)]) {
        let schema = group(keys);
        for row in keys.rows {
            for sample in samples() {
                let shown = format!("{}: {:?}", row.key, sample.value);
                let passes = passes(&schema["properties"][row.key], &sample);
                let is_instead = |key: &str| {
                    let mut sets = keys.exactly_one.iter().chain(keys.at_most_one);
                    key == row.key || sets.any(|set| set.contains(&key) && set.contains(&row.key))
                };
                let others = base.iter().filter(|(key, _)| !is_instead(key));
                let others = others.map(|(key, node)| (Key::from(*key), node.clone()));
                let map: Map = others.chain([(Key::from(row.key), sample)]).collect();
                let mut diagnostics = Vec::new();
                read::settings(keys, &node(Value::Map(map)), "", &mut diagnostics);
                assert_eq!(passes, diagnostics.is_empty(), "{shown}: {diagnostics:?}");
            }
        }
    }

    #[test]
    fn the_schema_passes_what_the_reader_takes_and_nothing_else() {
        let text = |key| (key, Node::string("a", Span::default()));
        hold(&STACK, &[]);
        hold(&SERVICE, &[]);
        hold(&ROLLOUT, &[]);
        hold(&SOURCE, &[text("dir")]);
        let address = Map::from_iter([(Key::from("url"), Node::string("a", Span::default()))]);
        hold(&NOTIFY, &[("slack", node(Value::Map(address)))]);
        hold(&ADDRESS, &[text("url")]);
        hold(&WEBHOOK, &[text("url")]);
        hold(&NTFY, &[text("url")]);
        hold(&GOTIFY, &[text("url"), text("token")]);
        hold(&EMAIL, &[text("host"), text("from"), text("to")]);
        hold(&HEARTBEAT, &[text("url")]);
        let forge = ("forge", Node::string("github", Span::default()));
        hold(&COMMIT_STATUS, &[forge, text("repository"), text("token")]);
    }

    #[test]
    fn keys_that_exclude_each_other_do_so_in_the_schema() {
        let schema = group(&WEBHOOK);
        let (one, two) = (json!({"required": ["url"]}), json!({"required": ["url_file"]}));
        let rules = schema["allOf"].as_array().expect("rules");
        assert_eq!(rules[0], json!({"oneOf": [one, two]}));
        assert_eq!(rules[1], json!({"not": {"required": ["token", "token_file"]}}));
        assert_eq!(rules.len(), 3);
    }

    #[test]
    fn the_patterns_are_patterns() {
        assert!(Regex::new(PLAIN).is_ok() && Regex::new(DURATION).is_ok());
    }
}
