//! The OpenAPI document, held against what the server does: every answer to every test is checked by it.

use std::collections::HashMap;
use std::sync::OnceLock;

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::harness::Reply;

static CONTRACT: OnceLock<Contract> = OnceLock::new();

/// What the document promises.
pub(crate) struct Contract {
    pub(crate) document: Value,
    /// By path, method in small letters and status.
    answers: HashMap<(String, String, String), Validator>,
    problem: Validator,
}

impl Contract {
    /// The document as it was served first; it never changes.
    pub(crate) fn of(document: Value) -> &'static Self {
        CONTRACT.get_or_init(|| Self::read(document))
    }

    fn read(document: Value) -> Self {
        let mut strict = document["components"].clone();
        forbid_more(&mut strict["schemas"]);
        let validator = |schema: &Value| compiled(schema, &strict);
        let mut answers = HashMap::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                for (status, answer) in operation["responses"].as_object().unwrap() {
                    let schema = &answer["content"]["application/json"]["schema"];
                    let schema = if schema.is_null() { &json!(true) } else { schema };
                    answers.insert((path.clone(), method.clone(), status.clone()), validator(schema));
                }
            }
        }
        let problem = validator(&json!({"$ref":"#/components/schemas/Problem"}));
        Self { document, answers, problem }
    }

    /// The path of the document that a path of a request is meant for.
    fn template(&self, path: &str) -> Option<&str> {
        let segments: Vec<&str> = path.split('/').collect();
        let fits = |template: &&String| {
            let parts: Vec<&str> = template.split('/').collect();
            parts.len() == segments.len() && parts.iter().zip(&segments).all(|(part, segment)| part.starts_with('{') || part == segment)
        };
        let paths = self.document["paths"].as_object().unwrap();
        // a fixed path goes before one with a parameter
        paths.keys().find(|template| *template == path).or_else(|| paths.keys().find(fits)).map(String::as_str)
    }

    /// Checks an answer.
    pub(crate) fn check(&self, method: &str, path: &str, reply: &Reply) {
        if reply.body.is_empty() || !reply.header("content-encoding").is_empty() {
            return;
        }
        let status = reply.status.as_u16();
        let told = |errors: Vec<String>| assert!(errors.is_empty(), "{method} {path} answers {status}, and {errors:?}: {reply:?}");
        let key = |template: &str| (template.to_owned(), method.to_lowercase().replace("head", "get"), status.to_string());
        if reply.header("content-type") == "application/problem+json" {
            if let Some(template) = self.template(path)
                && !self.document["paths"][template][&key(template).1].is_null()
            {
                assert!(self.answers.contains_key(&key(template)), "{:?} is not documented: {reply:?}", key(template));
            }
            return told(self.problem.iter_errors(&reply.json()).map(|error| format!("{}: {error}", error.instance_path())).collect());
        }
        let template = self.template(path).unwrap_or_else(|| panic!("{path} answers {status} and is not documented"));
        let key = key(template);
        let answer = self.answers.get(&key).unwrap_or_else(|| panic!("{key:?} is not documented"));
        if reply.header("content-type").starts_with("application/json") {
            told(answer.iter_errors(&reply.json()).map(|error| format!("{}: {error}", error.instance_path())).collect());
        }
    }
}

/// A schema that may refer to the components.
pub(crate) fn compiled(schema: &Value, components: &Value) -> Validator {
    let schema = json!({"allOf":[schema],"components":components});
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap_or_else(|error| panic!("{error}"))
}

/// Lets an object have the members that are listed and no others, where the schema does not say.
fn forbid_more(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            members.values_mut().for_each(forbid_more);
            if members.get("properties").is_some_and(Value::is_object) && members.get("type").is_some() {
                members.entry("additionalProperties").or_insert(json!(false));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(forbid_more),
        _ => {}
    }
}
