//! The document about the interface, in the words of OpenAPI 3.1: made of the table of routes.

use super::route::{Body, Content, Needs, ROUTES, Route, refused};
use crate::daemon::feed::LARGEST_ID;
use crate::model::shape::Named;
use serde_json::{Map, Value, json};

/// The document.
pub fn document() -> Value {
    let mut named = Named::new();
    let mut paths: Map<String, Value> = Map::new();
    for route in ROUTES {
        let operation = operation(route, &mut named);
        paths.entry(route.path).or_insert_with(|| json!({}))[route.method.word()] = operation;
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "reconcile",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What the daemon of reconcile tells and does when it is asked. docs/http.md tells more.",
        },
        "paths": paths,
        "components": {
            "schemas": named,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "The token of `http.token_file`."},
                "secret": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The secret of the source's `webhook_secret_file`; forges show it in ways of their own.",
                },
            },
        },
    })
}

fn operation(route: &Route, named: &mut Named) -> Value {
    let mut operation = Map::new();
    operation.insert("operationId".to_owned(), json!(route.id));
    operation.insert("summary".to_owned(), json!(route.about));
    match route.needs {
        Needs::Nothing => {}
        Needs::Token => drop(operation.insert("security".to_owned(), json!([{"token": []}]))),
        Needs::Secret => drop(operation.insert("security".to_owned(), json!([{"secret": []}]))),
    }
    let mut parameters: Vec<Value> = parameter(route.path).into_iter().map(in_path).collect();
    if matches!(route.good.1, Content::Events(_)) {
        parameters.push(json!({
            "name": "Last-Event-ID",
            "in": "header",
            "description": "The last event that was heard.",
            "schema": {"type": "integer", "minimum": 0, "maximum": LARGEST_ID},
        }));
    }
    if !parameters.is_empty() {
        operation.insert("parameters".to_owned(), json!(parameters));
    }
    match route.body {
        Body::Nothing => {}
        Body::Json(schema) => {
            let schema = schema(named);
            let body = json!({"required": false, "content": {"application/json": {"schema": schema}}});
            operation.insert("requestBody".to_owned(), body);
        }
        Body::Anything => {
            let body = json!({"required": false, "content": {"application/json": {"schema": {}}}});
            operation.insert("requestBody".to_owned(), body);
        }
    }
    operation.insert("responses".to_owned(), responses(route, named));
    Value::Object(operation)
}

/// What a path takes.
fn parameter(path: &str) -> Option<&str> {
    Some(path.split_once('{')?.1.split_once('}')?.0)
}

fn in_path(name: &str) -> Value {
    json!({
        "name": name,
        "in": "path",
        "required": true,
        "description": format!("Name of the {name}."),
        "schema": {"type": "string", "minLength": 1},
    })
}

fn responses(route: &Route, named: &mut Named) -> Value {
    let (status, content) = route.good;
    let (kind, schema) = match content {
        Content::Json(schema) => ("application/json", schema(named)),
        Content::Document => ("application/json", json!({"type": "object"})),
        Content::Events(schema) => {
            // It stands for the data of each event: a stream as a whole has no schema.
            schema(named);
            ("text/event-stream", json!({"type": "string"}))
        }
        Content::Text(kind) => (kind, json!({"type": "string"})),
    };
    let mut responses = Map::new();
    let good = json!({"description": "Done.", "content": {kind: {"schema": schema}}});
    responses.insert(status.to_string(), good);
    let mut refusals: Vec<(u16, &str)> = route.refusals.to_vec();
    match route.needs {
        Needs::Nothing => {}
        Needs::Token => {
            refusals.push((401, "The token is missing or wrong."));
            refusals.push((403, "No token is set, so nobody is let in."));
        }
        Needs::Secret => refusals.push((401, "The signature or the secret is missing or wrong.")),
    }
    if parameter(route.path).is_some() {
        refusals.push((400, "The name is no text."));
    }
    if let Some(limit) = route.body.limit() {
        if matches!(route.body, Body::Json(_)) {
            refusals.push((400, "The body is not what it should be."));
        }
        refusals.push((408, "The request took too long to arrive."));
        refusals.push((
            413,
            if limit > 1 << 20 {
                "The body is larger than 8 MiB."
            } else {
                "The body is larger than 16 KiB."
            },
        ));
    }
    // Stable: of one status the reason of the route itself comes first.
    refusals.sort_by_key(|(status, _)| *status);
    for group in refusals.chunk_by(|one, other| one.0 == other.0) {
        let reasons: Vec<&str> = group.iter().map(|(_, reason)| *reason).collect();
        let refusal = json!({
            "description": reasons.join(" "),
            "content": {"application/json": {"schema": refused(named)}},
        });
        responses.insert(group[0].0.to_string(), refusal);
    }
    Value::Object(responses)
}
