//! The OpenAPI document against the router and against what the server answers. Every answer of
//! the tests around this one passes through [`check`].

use super::*;
use crate::service::{EXPIRES_IN_DEFAULT_S, NewOrder};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

static API: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(crate::http::docs::OPENAPI).expect("it is JSON"));

const METHODS: [&str; 6] = ["get", "post", "put", "patch", "delete", "options"];

/// What belongs to the page `/docs` and is no interface.
const NO_INTERFACE: [&str; 2] = ["/docs/page.js", "/docs/page.css"];

/// The documented path that this one is an example of.
fn pattern_of(path: &str) -> Option<&'static str> {
    let is_like = |pattern: &str| {
        let (pattern, path): (Vec<_>, Vec<_>) =
            (pattern.split('/').collect(), path.split('/').collect());
        let parts = pattern.iter().zip(&path);
        pattern.len() == path.len()
            && parts.into_iter().all(|(part, is)| part == is || part.starts_with('{'))
    };
    let paths = API["paths"].as_object().unwrap().keys();
    paths.map(String::as_str).find(|pattern| is_like(pattern))
}

fn resolved(value: &'static Value) -> &'static Value {
    match value["$ref"].as_str() {
        Some(reference) => API.pointer(reference.strip_prefix('#').unwrap()).unwrap(),
        None => value,
    }
}

/// The document's schemas, in which nothing may be there that is not described. (Callers are to
/// take no notice of new fields; we are to describe them.)
fn strict(mut value: Value) -> Value {
    fn close(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                if fields.contains_key("properties") {
                    fields.entry("additionalProperties").or_insert(json!(false));
                }
                fields.values_mut().for_each(close);
            }
            Value::Array(values) => values.iter_mut().for_each(close),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    close(&mut value);
    value
}

/// Whether an answer is one that the document describes.
pub(super) fn check(method: &str, path: &str, status: u16, content_type: &str, body: &str) {
    let Some(pattern) = pattern_of(path) else {
        let is_known = status == 404 || NO_INTERFACE.contains(&path);
        assert!(is_known, "{path} is not in openapi.json");
        return;
    };
    let operation = &API["paths"][pattern][method.to_lowercase()];
    if status == 405 {
        assert!(operation.is_null(), "{method} {pattern} is in openapi.json");
        return;
    }
    let response = &operation["responses"][status.to_string()];
    assert!(
        response.is_object(),
        "openapi.json: {method} {pattern} has no answer {status}: {body}"
    );
    let media = content_type.split(';').next().unwrap();
    let content = &resolved(response)["content"];
    let schema = &content[media]["schema"];
    assert!(
        schema.is_object() || (media.is_empty() && content.is_null()),
        "openapi.json: {method} {pattern} {status} has no {media:?}"
    );
    if media != "application/json" {
        return;
    }
    let schema = json!({ "components": API["components"], "allOf": [schema] });
    let schema = strict(schema);
    let body: Value = serde_json::from_str(body).unwrap();
    if let Err(error) = jsonschema::validate(&schema, &body) {
        panic!("openapi.json: {method} {pattern} {status}: {error}: {body}");
    }
}

/// Every path that stands in a `.route("...")` of this folder.
fn routes() -> BTreeSet<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/http");
    let mut paths = BTreeSet::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap().path();
        if file.extension().is_none_or(|kind| kind != "rs") || file.ends_with("tests.rs") {
            continue;
        }
        let text = std::fs::read_to_string(&file).unwrap();
        for rest in text.split(".route(").skip(1) {
            let (path, _) = rest.trim_start().split_once(',').unwrap();
            // Where it is not a text, it is a constant of the same file.
            let constant = format!("const {path}: &str = ");
            let found = text.split_once(&constant).map_or(path, |(_, value)| value);
            paths.insert(found.split('"').nth(1).unwrap().to_owned());
        }
    }
    paths
}

#[tokio::test]
async fn the_document_knows_every_path_and_method_and_no_others() {
    let desk = Desk::start().await;
    let mut served: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for path in routes() {
        // The router itself says which methods a path has.
        let nonsense = reqwest::Method::from_bytes(b"NONSENSE").unwrap();
        let url = desk.url(&path.replace(['{', '}'], ""));
        let response = desk.http.request(nonsense, url).send().await.unwrap();
        assert_eq!(response.status(), 405, "{path}");
        let allow = response.headers()["allow"].to_str().unwrap().to_lowercase();
        let methods = allow.split(',').filter(|method| *method != "head").map(str::to_owned);
        if !NO_INTERFACE.contains(&path.as_str()) {
            served.insert(path, methods.collect());
        }
    }
    let paths = API["paths"].as_object().unwrap();
    let documented: BTreeMap<String, BTreeSet<String>> = paths
        .iter()
        .map(|(path, item)| {
            let methods = METHODS.iter().filter(|method| item.get(**method).is_some());
            (path.clone(), methods.map(|method| (*method).to_owned()).collect())
        })
        .collect();
    assert_eq!(documented, served);
    desk.server.stop().await;
}

#[test]
fn the_document_bounds_an_orders_time_as_the_server_does() {
    let schema = &API["components"]["schemas"]["NewOrder"]["properties"]["expires_in_s"];
    let is_taken = |expires_in_s| NewOrder::new("A-1", 1, "Latte", expires_in_s).is_ok();
    let bound_s = |name: &str| schema[name].as_u64().unwrap();
    let (min_s, max_s) = (bound_s("minimum"), bound_s("maximum"));
    assert!(is_taken(min_s) && !is_taken(min_s - 1), "from {min_s}");
    assert!(is_taken(max_s) && !is_taken(max_s + 1), "to {max_s}");
    assert_eq!(schema["default"], EXPIRES_IN_DEFAULT_S);
}

#[test]
fn the_document_takes_a_day_as_the_server_does() {
    let schema = &API["paths"]["/v1/bills/{date}"]["parameters"][0]["schema"];
    for (day, is_good) in [
        ("2026-11-24", true),
        ("20261124", true),
        ("2026-1124", false),
        ("202611-24", false),
        ("2026-11-2", false),
        ("yesterday", false),
        ("", false),
    ] {
        assert_eq!(crate::reconcile::read_date(day).is_some(), is_good, "{day}");
        for end in ["", ".csv"] {
            let written = json!(format!("{day}{end}"));
            let is_taken = jsonschema::is_valid(schema, &written);
            assert_eq!(is_taken, is_good, "{day}{end}");
        }
    }
}

#[test]
fn the_document_holds_together() {
    assert_eq!(API["openapi"], "3.1.0");
    assert_eq!(API["info"]["version"], env!("CARGO_PKG_VERSION"));
    let text = API.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1).map(|rest| rest.split('"').next()) {
        let reference = reference.unwrap();
        assert!(API.pointer(reference).is_some(), "{reference} leads nowhere");
    }
    let mut ids = BTreeSet::new();
    for (path, item) in API["paths"].as_object().unwrap() {
        for operation in METHODS.iter().filter_map(|method| item.get(*method)) {
            for text in ["summary", "x-summary-zh"] {
                assert!(operation[text].is_string(), "{path} has no {text}");
            }
            let has_both =
                operation["description"].is_string() == operation["x-description-zh"].is_string();
            assert!(has_both, "{path} is described in one language");
            assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{path}");
        }
    }
    let codes = &API["components"]["schemas"]["Error"]["properties"]["error"]["properties"];
    let described = codes["code"]["enum"].as_array().unwrap().iter();
    let described: BTreeSet<&str> = described.map(|code| code.as_str().unwrap()).collect();
    let source = include_str!("../error.rs");
    let (_, source) = source.split_once("fn code_and_message").unwrap();
    let (source, _) = source.split_once("\n    }\n").unwrap();
    let is_code = |text: &&str| text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let sent: BTreeSet<&str> = source.split('"').skip(1).step_by(2).filter(is_code).collect();
    assert_eq!(described, sent, "every error's code is in openapi.json");
}

#[tokio::test]
async fn the_page_may_load_and_call_this_server_alone() {
    let desk = Desk::start().await;
    let response = desk.http.get(desk.url("/docs")).send().await.unwrap();
    let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"), "{policy}");
    let page = response.text().await.unwrap();
    assert!(!page.contains("://") && !page.contains("<script>") && !page.contains("style="));
    for (file, kind) in [("page.js", "text/javascript"), ("page.css", "text/css")] {
        assert!(page.contains(&format!("\"docs/{file}\"")));
        let response = desk.http.get(desk.url(&format!("/docs/{file}"))).send().await.unwrap();
        assert!(response.headers()["content-type"].to_str().unwrap().starts_with(kind));
        let text = response.text().await.unwrap();
        for word in ["://", "innerHTML", "localStorage", "sessionStorage", "eval("] {
            assert!(!text.contains(word), "{file}: {word}");
        }
    }
    desk.server.stop().await;
}
