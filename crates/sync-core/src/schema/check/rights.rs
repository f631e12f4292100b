//! Rights that can be kept: nobody writes what they don't read, and nothing that somebody reads depends on what is hidden
//! from them. Only collections that declare rights are held to it: where nothing is declared, a view hides more instead.

use crate::json::pointer;
use crate::schema::read::{Read, SchemaFault};
use crate::schema::rights::{Grant, Reader, Rights};
use crate::schema::{Collection, FieldType};
use crate::{Audience, Role};

/// Checks what a collection declares of who reads and who writes.
pub(super) fn check(collection: &Collection, at: &str) -> Read<()> {
    if !collection.declares_rights() {
        return Ok(());
    }
    let viewers = collection.viewers();
    listed(&collection.rights, (&viewers, &viewers), at)?;
    own(collection, &viewers, at)?;
    read_by_all(collection, &viewers, at)?;
    for (name, field) in &collection.fields {
        let place = format!("{at}/fields{}", pointer(&[name]));
        listed(&field.rights, (&viewers, &collection.readers(name)), &place)?;
        leans(collection, name, &place)?;
    }
    Ok(())
}

/// Who is listed: readers among those who see the document, writers among the readers, and the masked among the rest.
fn listed(rights: &Rights, (viewers, readers): (&Grant, &Grant), at: &str) -> Read<()> {
    for (index, reader) in rights.read.iter().flatten().enumerate() {
        if !has(viewers, reader) {
            let detail = format!("{reader} does not read the collection, and so nothing in it; name it in the collection's read as well");
            return Err(SchemaFault::at(format!("{at}/read/{index}"), detail));
        }
    }
    for (index, writer) in rights.write.iter().flatten().enumerate() {
        let place = format!("{at}/write/{index}");
        if *writer == Reader::Role(Role::Viewer) {
            return Err(SchemaFault::at(place, "a viewer only reads; give another role"));
        }
        if !has(readers, writer) {
            return Err(SchemaFault::at(place, format!("{writer} would write what it does not read; name it in read as well")));
        }
    }
    for (index, masked) in rights.mask.iter().enumerate() {
        let place = format!("{at}/mask/{index}");
        if !has(viewers, masked) {
            return Err(SchemaFault::at(place, format!("{masked} does not see the document, and is told nothing of it; leave it out")));
        }
        if rights.read.is_some() && has(readers, masked) {
            return Err(SchemaFault::at(place, format!("{masked} reads it, so that nothing is masked; leave it out of one of them")));
        }
    }
    Ok(())
}

fn has(grant: &Grant, reader: &Reader) -> bool {
    match reader {
        Reader::Role(role) => grant.roles.includes(*role),
        Reader::Space(key) => grant.is_everybody() || grant.spaces.contains(key),
    }
}

fn own(collection: &Collection, viewers: &Grant, at: &str) -> Read<()> {
    let Some(own) = &collection.own else { return Ok(()) };
    let place = format!("{at}/own");
    match collection.fields.get(&own.field).map(|field| field.kind) {
        Some(FieldType::Id | FieldType::Text) => {}
        Some(_) => return Err(SchemaFault::at(format!("{place}/field"), "it is to hold a user's id: declare it as an id")),
        None => return Err(SchemaFault::at(format!("{place}/field"), format!("{:?} is none of the fields; declare it", own.field))),
    }
    for (member, roles) in [("read", &own.read), ("write", &own.write)] {
        for (index, role) in roles.iter().enumerate() {
            let place = format!("{place}/{member}/{index}");
            let name = role.as_str();
            if *role == Role::Lead {
                return Err(SchemaFault::at(place, "a lead sees and writes all documents; leave it out"));
            }
            if !viewers.roles.includes(*role) {
                return Err(SchemaFault::at(place, format!("{name} does not read the collection; name it in read as well")));
            }
            if member == "write" && !role.may_write() {
                return Err(SchemaFault::at(place, format!("a {name} only reads; give another role")));
            }
        }
    }
    Ok(())
}

/// What decides who sees a document, what it is called, until when something is asked, and what a shift looks at, is read by
/// whoever sees the document.
fn read_by_all(collection: &Collection, viewers: &Grant, at: &str) -> Read<()> {
    let shift = collection.shift.as_ref();
    let held = |values: Option<&crate::schema::Values>| values.map(|values| values.field.clone());
    let named = [
        ("own/field", collection.own.as_ref().map(|own| own.field.clone())),
        ("visibility/field", collection.visibility.as_ref().map(|rule| rule.field.clone())),
        ("label", collection.label.clone()),
        ("deadline/field", collection.deadline.as_ref().map(|deadline| deadline.field.clone())),
        ("shift/start", shift.map(|shift| shift.start.clone())),
        ("shift/fixed/field", held(shift.and_then(|shift| shift.fixed.as_ref()))),
        ("shift/done/field", held(shift.and_then(|shift| shift.done.as_ref()))),
    ];
    for (place, name) in named.into_iter().filter_map(|(place, name)| Some((place, name?))) {
        let readers = collection.readers(&name);
        if !readers.covers(viewers) {
            let detail = format!("{name} is to be read by whoever sees the document, and {} does not read it", missing(&readers, viewers));
            return Err(SchemaFault::at(format!("{at}/{place}"), detail));
        }
    }
    Ok(())
}

/// What becomes of an edit of a field must not depend on what its writer does not read.
fn leans(collection: &Collection, name: &str, at: &str) -> Read<()> {
    let readers = collection.readers(name);
    for needed in collection.leans_on(name) {
        let others = collection.readers(&needed);
        if !others.covers(&readers) {
            let who = missing(&others, &readers);
            let detail = format!("{name} comes together by {needed}, which {who} does not read; let both be read by the same people");
            return Err(SchemaFault::at(format!("{at}/read"), detail));
        }
    }
    Ok(())
}

/// The first who has one right, and not the other.
fn missing(has: &Grant, needs: &Grant) -> String {
    let role = Role::ALL.into_iter().find(|role| needs.roles.includes(*role) && !has.roles.includes(*role));
    let person = || needs.spaces.difference(&has.spaces).next().map(|key| format!("space:{key}"));
    role.map(|role| role.as_str().to_owned()).or_else(person).unwrap_or_else(|| Audience::EVERYONE.bits().to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::Schema;

    fn check(collection: &Value) -> Option<String> {
        let schema = json!({"name": "x", "version": 1, "collections": {"a": collection}});
        Schema::from_value(&schema).err().map(|fault| fault.pointer.trim_start_matches("/collections/a/").to_owned())
    }

    fn with(field: &Value) -> Value {
        json!({"fields": {"f": field, "g": {"type": "text"}}})
    }

    #[test]
    fn nobody_writes_what_they_do_not_read() {
        for (collection, place) in [
            (with(&json!({"type": "text", "read": ["couple"], "write": ["couple"]})), None),
            (with(&json!({"type": "text", "read": ["couple"], "write": ["vendor"]})), Some("fields/f/write/0")),
            (with(&json!({"type": "text", "sensitivity": 3, "write": ["vendor"]})), Some("fields/f/write/0")),
            (with(&json!({"type": "text", "write": ["viewer"]})), Some("fields/f/write/0")),
            (with(&json!({"type": "text", "read": ["boss"]})), Some("fields/f/read")),
            (with(&json!({"type": "text", "read": ["space:"]})), Some("fields/f/read")),
            (with(&json!({"type": "text", "read": ["space:venue"], "write": ["space:venue"]})), None),
            (with(&json!({"type": "text", "read": ["couple"], "mask": ["vendor"]})), None),
            (with(&json!({"type": "text", "read": ["couple"], "mask": ["couple"]})), Some("fields/f/mask/0")),
            (json!({"read": ["couple"], "fields": {"f": {"type": "text", "read": ["vendor"]}}}), Some("fields/f/read/0")),
            (json!({"read": ["couple"], "write": ["vendor"], "fields": {"f": {"type": "text"}}}), Some("write/0")),
            (json!({"read": ["couple"], "mask": ["vendor"], "fields": {"f": {"type": "text"}}}), Some("mask/0")),
        ] {
            assert_eq!(check(&collection).as_deref(), place, "{collection}");
        }
    }

    #[test]
    fn only_documents_that_name_somebody_by_an_id() {
        let own =
            |own: Value| json!({"own": own, "fields": {"by": {"type": "id"}, "n": {"type": "integer"}, "s": {"type": "id", "read": []}}});
        for (own, place) in [
            (own(json!({"field": "by", "read": ["vendor"], "write": ["photographer"]})), None),
            (own(json!({"field": "by"})), None),
            (own(json!({"field": "n", "read": ["vendor"]})), Some("own/field")),
            (own(json!({"field": "other", "read": ["vendor"]})), Some("own/field")),
            (own(json!({"field": "s", "read": ["vendor"]})), Some("own/field")),
            (own(json!({"field": "by", "read": ["lead"]})), Some("own/read/0")),
            (own(json!({"field": "by", "write": ["viewer"]})), Some("own/write/0")),
            (own(json!({"read": ["vendor"]})), Some("own")),
        ] {
            assert_eq!(check(&own).as_deref(), place, "{own}");
        }
    }

    #[test]
    fn nothing_depends_on_what_is_hidden() {
        let hidden = json!({"type": "text", "read": []});
        let start = json!({"type": "local_time"});
        let fixed = json!({"type": "enum", "values": ["fixed"], "read": ["couple"]});
        let when = json!({"when": {"field": "/h", "is": ["x"], "then": "ask", "else": "lww"}});
        for (collection, place) in [
            (json!({"label": "h", "fields": {"h": hidden, "o": {"type": "text"}}}), Some("label")),
            (
                json!({"visibility": {"field": "h", "audiences": {}}, "fields": {"h": hidden, "o": {"type": "text"}}}),
                Some("visibility/field"),
            ),
            (
                json!({"shift": {"start": "at", "fixed": {"field": "f", "is": ["fixed"]}}, "fields": {"at": start, "f": fixed}}),
                Some("shift/fixed/field"),
            ),
            (
                json!({"deadline": {"field": "at", "before_min": 5}, "fields": {"at": {"type": "local_time", "read": ["couple"]}, "o": {"type": "text"}}}),
                Some("deadline/field"),
            ),
            (json!({"fields": {"h": hidden, "w": {"type": "text", "strategy": when}}}), Some("fields/w/read")),
            (json!({"groups": {"g": {"fields": ["h", "o"]}}, "fields": {"h": hidden, "o": {"type": "text"}}}), Some("fields/o/read")),
            // where nothing is declared a view hides the rest of the group
            (
                json!({"groups": {"g": {"fields": ["h", "o"]}}, "fields": {"h": {"type": "text", "sensitivity": 3}, "o": {"type": "text"}}}),
                None,
            ),
        ] {
            assert_eq!(check(&collection).as_deref(), place, "{collection}");
        }
    }
}
