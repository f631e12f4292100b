//! Four hundred questions are opened, listed and answered by as many statements as ten.

use serde_json::{Value, json};
use sync_core::conflict::Conflict;
use sync_service::{Caller, ConflictQuery, Service};

use crate::database::Database;
use crate::server::op_id;
use crate::statements::{counted, enter, sync};

/// Documents of a round of questions.
struct Round<'a> {
    service: &'a Service,
    space: &'a str,
    number: u32,
    documents: u32,
}

impl Round<'_> {
    /// Writes the same field of all documents. Gives the version that it came to.
    fn write(&self, caller: &Caller, op_round: u32, kind: &str, base: i64) -> i64 {
        let operation = |number: u32| {
            json!({"op_id": op_id(op_round, number), "collection": "notes", "document_id": format!("q-{}-{number}", self.number),
                "kind": kind, "base_version": base, "patch": {"t": op_round}})
        };
        let operations: Vec<Value> = (0..self.documents).map(operation).collect();
        let results = sync(self.service, caller, self.space, &operations);
        results.iter().filter_map(|result| result.decided_version).max().unwrap_or_default()
    }
}

fn listed(service: &Service, caller: &Caller) -> Vec<Conflict> {
    pollster::block_on(service.list_conflicts(caller, ConflictQuery::default())).unwrap().items
}

fn second_device(service: &Service) -> Caller {
    let login = json!({"email": "ana@example.org", "password": "correct horse", "device": {"name": "b"}});
    let grant = pollster::block_on(service.login(serde_json::from_value(login).unwrap())).unwrap();
    pollster::block_on(service.authenticate(&grant.access_token)).unwrap()
}

#[test]
fn questions_take_the_same_statements_whatever_their_number() {
    let Some(database) = Database::postgres() else { return };
    let (store, service) = counted(&database);
    let (caller, space) = enter(&service, &Value::Null);
    let count = |work: &dyn Fn()| {
        let before = store.statements();
        work();
        store.statements() - before
    };
    let round = |number: u32, documents: u32| {
        let round = Round { service: &service, space: &space, number, documents };
        let made = round.write(&caller, number, "create", 0);
        round.write(&caller, number + 100, "update", made);
        // another device that has not seen the edit
        let second = second_device(&service);
        let open = count(&|| assert!(round.write(&second, number + 200, "update", made) >= 0));
        let list = count(&|| assert!(!listed(&service, &caller).is_empty()));
        let answer = count(&|| {
            let filter = json!({"space_id": space, "collection": "notes", "kind": "fields"});
            let body = json!({"op_id": op_id(number + 300, 1), "filter": filter, "choose": "theirs"});
            let answered = pollster::block_on(service.answer_all(&caller, serde_json::from_value(body).unwrap())).unwrap();
            assert_eq!(u32::try_from(answered.count).unwrap(), documents);
        });
        (open, list, answer)
    };
    // a first look at everything that is looked up once
    round(1, 20);
    let (few, many) = (round(2, 10), round(3, 400));
    println!("statements: to open, list and answer {few:?} and {many:?}");
    assert_eq!(few, many);
    assert!(many.0 <= 30 && many.1 <= 8 && many.2 <= 40, "{many:?}");
}
