//! The floor plan.

use serde_json::{Value, json};

use super::day::{ANA, Day, INES, Logins, RUI};

const TABLES: &str = "tables";

pub(super) fn moved_and_turned(logins: &Logins) -> String {
    let mut placed = Vec::new();
    for (turned, moved_first) in [("15:05", true), ("15:05", false), ("14:55", true), ("14:55", false)] {
        let table = json!({"name": "Azulejo", "x": 4.5, "y": 7.5, "rotation": 0.5, "capacity": 10});
        let mut day = Day::new(logins, &[INES, RUI], &json!({}), &[(TABLES, "table-01", table)]);
        day.at("15:00").edit(ANA, TABLES, "table-01", json!({"x": 6.5, "y": 9.5}));
        day.at(turned).edit(INES, TABLES, "table-01", json!({"rotation": 22.5, "y": 7.25}));
        for part in if moved_first { [ANA, INES] } else { [INES, ANA] } {
            day.sync(part);
        }
        let table = day.live(TABLES, "table-01");
        let place = ["x", "y", "rotation"].map(|member| table[member].clone());
        let newest = if turned == "15:05" { [4.5, 7.25, 22.5] } else { [6.5, 9.5, 0.5] }.map(Value::from);
        assert_eq!(place, newest, "one whole placement, the newest, whoever sends first: never x of one and y of the other");
        day.nothing_is_asked();
        day.converges();
        placed.push(place);
    }
    format!("the newest whole placement: {}", json!(placed))
}
