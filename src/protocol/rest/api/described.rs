//! The document that describes the routes, generated from their table.

use serde_json::{Map, Value, json};

use super::table::{Action, BASE, routes};

/// Returns the fields of a body of which at least one is required.
fn one_of(action: Action) -> &'static [&'static str] {
    match action {
        Action::EditFlow => &["title", "info"],
        Action::Send => &["text", "files"],
        _ => &[],
    }
}

fn schema(kind: &str) -> Value {
    match kind {
        "array" => json!({"type": "array", "items": {"type": "string"}}),
        "ids" => json!({"type": "array", "items": {"type": "string"}, "minItems": 1}),
        "text" => json!({"type": "string", "minLength": 1}),
        "key" => json!({"type": "string", "maxLength": 64}),
        "kind" => json!({"type": "string", "enum": ["chat", "group", "channel"]}),
        "format" => json!({"type": "integer", "enum": [0, 1]}),
        "number" => {
            json!({"type": "integer", "format": "int64", "minimum": 0, "maximum": i64::MAX})
        }
        "integer" => {
            json!({"type": "integer", "format": "int64", "minimum": -1, "maximum": i64::MAX})
        }
        kind => json!({"type": kind}),
    }
}

/// Returns the document that describes the routes.
///
/// Source: `OpenAPI` 3.1.
pub(super) fn document(version: &str, admin: bool) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for entry in routes(admin) {
        let mut parameters: Vec<Value> = entry
            .path
            .split('/')
            .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
            .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}))
            .collect();
        for (name, kind) in entry.query {
            parameters.push(
                json!({"name": name, "in": "query", "required": false, "schema": schema(kind)}),
            );
        }
        for (name, kind, about) in entry.headers {
            parameters.push(json!({
                "name": name, "in": "header", "required": false, "description": about, "schema": schema(kind),
            }));
        }
        let mut answer = json!({"description": "Done.", "content": {"application/json": {"schema": {"type": "object"}}}});
        if entry.is_stream {
            // Each event has the position as its id, and the same JSON as its data.
            answer["content"]["text/event-stream"] = json!({"schema": {"type": "string"}});
        }
        let error = json!({"description": "Not done.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}});
        let mut operation = json!({
            "summary": entry.about,
            "operationId": format!("{:?}", entry.action),
            "parameters": parameters,
            "responses": {"200": answer, "default": error},
        });
        if entry.action == Action::Describe {
            operation["security"] = json!([]);
        }
        if !entry.body.is_empty() {
            let properties: Map<String, Value> = entry
                .body
                .iter()
                .map(|(name, kind, _)| ((*name).to_owned(), schema(kind)))
                .collect();
            let required: Vec<&str> = entry
                .body
                .iter()
                .filter(|(_, _, needed)| *needed)
                .map(|(name, _, _)| *name)
                .collect();
            let mut schema =
                json!({"type": "object", "properties": properties, "required": required});
            let either = one_of(entry.action).iter();
            let either: Vec<Value> = either.map(|name| json!({"required": [name]})).collect();
            if !either.is_empty() {
                schema["anyOf"] = Value::from(either);
            }
            if entry.action == Action::AddFlow {
                // A chat has exactly one other user.
                schema["anyOf"] = json!([
                    {"properties": {"type": {"enum": ["group", "channel"]}}},
                    {"properties": {"users": {"minItems": 1, "maxItems": 1}}, "required": ["users"]},
                ]);
            }
            operation["requestBody"] =
                json!({"required": true, "content": {"application/json": {"schema": schema}}});
        }
        let path = entry.path.strip_prefix(BASE).unwrap_or(entry.path);
        let item = paths.entry(path).or_insert_with(|| json!({}));
        item[entry.method.as_str().to_ascii_lowercase()] = operation;
    }
    json!({
        "openapi": "3.1.0",
        "info": {"title": "Morelia", "version": version},
        "servers": [{"url": BASE}],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Error": {
                "type": "object",
                "required": ["error"],
                "properties": {"error": {
                    "type": "object",
                    "required": ["code", "detail"],
                    "properties": {"code": {"type": "integer"}, "status": {"type": "string"}, "detail": {"type": "string"}},
                }},
            }},
        },
    })
}

#[cfg(test)]
mod tests {
    use super::super::table::{Entry, TABLE};
    use super::*;

    #[test]
    fn every_route_is_in_the_document() {
        let document = document("0.1.0", true);
        let paths = document["paths"].as_object().unwrap();
        let count: usize = paths.values().map(|it| it.as_object().unwrap().len()).sum();
        assert_eq!(count, TABLE.len());
        for entry in TABLE {
            let path = entry.path.strip_prefix(BASE).unwrap();
            let operation = &paths[path][entry.method.as_str().to_ascii_lowercase()];
            assert_eq!(operation["operationId"], format!("{:?}", entry.action));
            assert!(entry.about.ends_with('.'));
        }
        let streams = |entry: &&Entry| entry.is_stream;
        assert_eq!(TABLE.iter().filter(streams).count(), 1);
        let updates = &paths["/updates"]["get"];
        let kinds = updates["responses"]["200"]["content"].as_object().unwrap();
        assert_eq!(
            kinds.keys().collect::<Vec<_>>(),
            ["application/json", "text/event-stream"]
        );
        assert!(
            !super::document("0.1.0", false)
                .to_string()
                .contains("/admin/")
        );
    }
}
