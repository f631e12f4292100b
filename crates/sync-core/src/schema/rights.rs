//! Who reads and who writes what of a collection: what its schema declares, and what follows where it declares nothing.
//!
//! A lead reads and writes everything. Whoever owns a value reads it. Where nothing is declared, a role reads what
//! [`Role::may_read`] lets it read by a field's sensitivity, and everybody but a viewer writes what they read.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Collection, Field, Owner, Strategy};
use crate::json::pointer_tokens;
use crate::{Audience, Role};

/// Somebody in a list of rights: a role by its name, or `space:KEY`, the person whose id stands under this key in the
/// space's settings.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reader {
    /// Everybody with this role.
    Role(Role),
    /// The person whom the space's settings name.
    Space(String),
}

impl fmt::Display for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Role(role) => f.write_str(role.as_str()),
            Self::Space(key) => write!(f, "space:{key}"),
        }
    }
}

impl Serialize for Reader {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Reader {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let person = text.strip_prefix("space:").filter(|key| !key.is_empty()).map(|key| Self::Space(key.to_owned()));
        person.or_else(|| Role::parse(&text).map(Self::Role)).ok_or_else(|| {
            let names = Role::ALL.map(Role::as_str).join(", ");
            serde::de::Error::custom(format!("{text:?} is nobody: say a role ({names}), or space:KEY for whom the space's settings name"))
        })
    }
}

/// What a collection or a field declares.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Rights {
    /// Who reads it. Absent: nothing is declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read: Option<Vec<Reader>>,
    /// Who writes it. Absent: nothing is declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write: Option<Vec<Reader>>,
    /// Who does not read it, and is told that it differs where that is asked about or proposed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mask: Vec<Reader>,
}

impl Rights {
    /// Whether anything is declared.
    #[must_use]
    pub fn is_declared(&self) -> bool {
        self.read.is_some() || self.write.is_some() || !self.mask.is_empty()
    }
}

/// Roles for which only documents are there that name them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Own {
    /// The top-level member that holds a `user_id`.
    pub field: String,
    /// They see only documents whose field names them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub read: Vec<Role>,
    /// They write only documents whose field names them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub write: Vec<Role>,
}

/// Who is told something of a member that is disputed: members of the same kin are seen by the same people, but for those who
/// are asked. That of a member that everybody reads is the default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kin {
    /// Who reads it, and what it depends on.
    readers: Vec<Grant>,
    /// Who is told that it differs.
    told: Option<Grant>,
}

impl Kin {
    /// Whether everybody reads such members.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.readers.is_empty()
    }
}

/// To whom a right is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Everybody in these roles.
    pub roles: Audience,
    /// Whom the space's settings name under these keys.
    pub spaces: BTreeSet<String>,
    /// Whom the document names at these pointers.
    pub places: BTreeSet<String>,
}

impl Grant {
    fn of_roles(roles: impl IntoIterator<Item = Role>) -> Self {
        Self { roles: Audience::of(roles).union(Audience::of([Role::Lead])), spaces: BTreeSet::new(), places: BTreeSet::new() }
    }

    fn of(list: &[Reader]) -> Self {
        let roles = list.iter().filter_map(|reader| if let Reader::Role(role) = reader { Some(*role) } else { None });
        let spaces = list.iter().filter_map(|reader| if let Reader::Space(key) = reader { Some(key.clone()) } else { None });
        Self { spaces: spaces.collect(), ..Self::of_roles(roles) }
    }

    fn only(mut self, keep: impl Fn(Role) -> bool) -> Self {
        self.roles = Audience::of(Role::ALL.into_iter().filter(|role| self.roles.includes(*role) && keep(*role)));
        self
    }

    fn and(mut self, owners: &[&Owner]) -> Self {
        for owner in owners {
            match owner {
                Owner::Role(role) => self.roles = self.roles.union(Audience::of([*role])),
                Owner::Space(key) => drop(self.spaces.insert(key.clone())),
                Owner::Field(place) => drop(self.places.insert(place.clone())),
            }
        }
        self
    }

    fn union(mut self, other: Self) -> Self {
        self.roles = self.roles.union(other.roles);
        self.spaces.extend(other.spaces);
        self
    }

    /// Whether everybody who has the other right for good, and not by a document, has this one too.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        other.roles.bits() & !self.roles.bits() == 0 && (self.is_everybody() || other.spaces.is_subset(&self.spaces))
    }

    /// Whether it is for everybody.
    #[must_use]
    pub fn is_everybody(&self) -> bool {
        self.roles == Audience::EVERYONE
    }
}

impl Collection {
    /// Whether it says anything of who reads and who writes.
    #[must_use]
    pub fn declares_rights(&self) -> bool {
        self.rights.is_declared() || self.own.is_some() || self.fields.values().any(|field| field.rights.is_declared())
    }

    /// Who sees its documents, as far as `visibility` and `own` leave them. Where nothing is declared: whoever reads
    /// something in them.
    #[must_use]
    pub fn viewers(&self) -> Grant {
        match &self.rights.read {
            Some(list) => Grant::of(list),
            None if self.fields.is_empty() => Grant::of_roles(Role::ALL),
            None => {
                let all = self.fields.keys().map(|name| self.readers(name));
                Grant { places: BTreeSet::new(), ..all.fold(Grant::of_roles([]), Grant::union) }
            }
        }
    }

    /// Who makes and deletes its documents.
    #[must_use]
    pub fn editors(&self) -> Grant {
        self.rights.write.as_deref().map_or_else(|| self.viewers(), Grant::of).only(Role::may_write)
    }

    /// Who reads a top-level member. One that is not declared is read by whoever sees the document.
    #[must_use]
    pub fn readers(&self, name: &str) -> Grant {
        let Some(field) = self.fields.get(name) else {
            return self.rights.read.as_deref().map_or_else(|| Grant::of_roles(Role::ALL), Grant::of);
        };
        let by_sensitivity = |role: Role| role.may_read(field.sensitivity);
        let declared = match (&field.rights.read, &self.rights.read) {
            (Some(list), _) => Grant::of(list),
            (None, Some(list)) => Grant::of(list).only(by_sensitivity),
            (None, None) => Grant::of_roles(Role::ALL.into_iter().filter(|role| by_sensitivity(*role))),
        };
        declared.and(&self.owners_of(name, field))
    }

    /// Who writes a top-level member of a document that is there.
    #[must_use]
    pub fn writers(&self, name: &str) -> Grant {
        let declared = self.fields.get(name).and_then(|field| field.rights.write.as_deref());
        declared.map_or_else(|| self.readers(name), Grant::of).only(Role::may_write)
    }

    /// Whether who writes a member is said at the member itself, and not for the whole collection.
    #[must_use]
    pub fn has_own_writers(&self, name: &str) -> bool {
        self.fields.get(name).is_some_and(|field| field.rights.write.is_some())
    }

    /// Who does not read a member, and is told that it differs.
    #[must_use]
    pub fn masked_for(&self, name: &str) -> Grant {
        let own = self.fields.get(name).map(|field| field.rights.mask.as_slice()).filter(|mask| !mask.is_empty());
        Grant::of(own.unwrap_or(&self.rights.mask))
    }

    /// The members on which depends what becomes of an edit of another: its group's, what a strategy looks at, and what
    /// holds a shift back.
    #[must_use]
    pub fn leans_on(&self, name: &str) -> BTreeSet<String> {
        let mut needed: BTreeSet<String> = BTreeSet::new();
        for group in self.groups.values().filter(|group| group.fields.iter().any(|field| field == name)) {
            needed.extend(group.fields.iter().cloned());
        }
        let field = self.fields.get(name);
        for strategy in self.strategies_of(name, field) {
            looked_at(strategy, &mut needed);
        }
        if let Some(shift) = self.shift.as_ref().filter(|shift| shift.start == name) {
            needed.extend([&shift.fixed, &shift.done].into_iter().flatten().map(|values| values.field.clone()));
        }
        needed.remove(name);
        needed
    }

    /// Who is told something of a disputed member, as far as the schema says; whoever is asked about a place in it, beside.
    #[must_use]
    pub fn kin(&self, name: &str) -> Kin {
        let mut names = BTreeSet::from([name.to_owned()]);
        loop {
            let more: BTreeSet<String> = names.iter().flat_map(|name| self.leans_on(name)).filter(|other| !names.contains(other)).collect();
            if more.is_empty() {
                break;
            }
            names.extend(more);
        }
        let mut readers: Vec<Grant> = Vec::new();
        for grant in names.iter().map(|name| self.readers(name)) {
            if !readers.contains(&grant) {
                readers.push(grant);
            }
        }
        let everybody = Grant::of_roles(Role::ALL);
        if self.own.is_none() && readers == [everybody] {
            return Kin::default();
        }
        Kin { readers, told: Some(self.masked_for(name)) }
    }

    fn owners_of<'a>(&'a self, name: &str, field: &'a Field) -> Vec<&'a Owner> {
        let mut owners = Vec::new();
        for strategy in self.strategies_of(name, Some(field)) {
            owners_in(strategy, &mut owners);
        }
        owners
    }

    /// The strategies that may decide a whole member.
    fn strategies_of<'a>(&'a self, name: &str, field: Option<&'a Field>) -> Vec<&'a Strategy> {
        if let Some(group) = self.groups.values().find(|group| group.fields.iter().any(|one| one == name)) {
            return vec![&group.strategy];
        }
        if let Some(own) = field.and_then(|field| field.strategy.as_ref()) {
            return vec![own];
        }
        let fits = |path: &str| match pointer_tokens(path).as_deref() {
            Some([first]) => first == name || first == "*" || first == "**",
            Some([first, rest]) => rest == "**" && (first == name || first == "*"),
            _ => false,
        };
        let by_path = self.paths.iter().filter(|rule| fits(&rule.path)).map(|rule| &rule.strategy);
        by_path.chain(field.and_then(|field| self.types.get(&field.kind))).collect()
    }
}

/// The owners that a strategy names.
fn owners_in<'a>(strategy: &'a Strategy, owners: &mut Vec<&'a Owner>) {
    match strategy {
        Strategy::Authority(terms) => {
            owners.extend(&terms.owners);
            if let Some(other) = &terms.otherwise {
                owners_in(other, owners);
            }
        }
        Strategy::SafeSet(_, own) | Strategy::First(own) => owners.extend(own),
        Strategy::When(when) => {
            owners_in(&when.then, owners);
            owners_in(&when.otherwise, owners);
        }
        _ => {}
    }
}

/// The top-level members that a strategy looks at beside the one that it decides.
fn looked_at(strategy: &Strategy, needed: &mut BTreeSet<String>) {
    let first = |place: &str| pointer_tokens(place).and_then(|tokens| tokens.into_iter().next());
    let mut owners = Vec::new();
    owners_in(strategy, &mut owners);
    needed.extend(owners.into_iter().filter_map(|owner| if let Owner::Field(place) = owner { first(place) } else { None }));
    conditions(strategy, &mut |place| needed.extend(first(place)));
}

fn conditions(strategy: &Strategy, found: &mut impl FnMut(&str)) {
    match strategy {
        Strategy::When(when) => {
            found(&when.field);
            conditions(&when.then, found);
            conditions(&when.otherwise, found);
        }
        Strategy::Authority(terms) => {
            conditions(&terms.both, found);
            if let Some(other) = &terms.otherwise {
                conditions(other, found);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Schema;

    fn collection(members: &serde_json::Value) -> Collection {
        let schema = Schema::from_value(&json!({"name": "x", "version": 1, "collections": {"a": members}})).unwrap();
        schema.collections["a"].clone()
    }

    fn names(grant: &Grant) -> Vec<String> {
        let roles = Role::ALL.into_iter().filter(|role| grant.roles.includes(*role)).map(|role| role.as_str().to_owned());
        let spaces = grant.spaces.iter().map(|key| format!("space:{key}"));
        roles.chain(spaces).chain(grant.places.iter().map(|place| format!("field:{place}"))).collect()
    }

    #[test]
    fn where_nothing_is_declared_the_sensitivity_counts_and_owners_read() {
        let a = collection(&json!({"fields": {
            "open": {"type": "text"},
            "health": {"type": "text", "sensitivity": 2},
            "code": {"type": "text", "sensitivity": 3, "strategy": {"authority": {"owners": ["space:venue", "field:/by"]}}},
            "by": {"type": "id"},
        }}));
        assert!(a.readers("open").is_everybody() && a.readers("unknown").is_everybody() && a.viewers().is_everybody());
        assert_eq!(names(&a.readers("health")), ["lead", "coordinator", "couple"]);
        assert_eq!(names(&a.readers("code")), ["lead", "space:venue", "field:/by"]);
        assert_eq!(names(&a.writers("open")), ["lead", "coordinator", "photographer", "vendor", "couple"]);
        assert_eq!(names(&a.editors()), ["lead", "coordinator", "photographer", "vendor", "couple", "space:venue"]);
        assert_eq!(a.leans_on("code").into_iter().collect::<Vec<_>>(), ["by"]);
        let secrets = collection(&json!({"fields": {"amount": {"type": "integer", "sensitivity": 3}}}));
        assert_eq!(names(&secrets.viewers()), ["lead"], "documents in which somebody reads nothing are not there for them");
    }

    #[test]
    fn what_is_declared_counts_and_a_lead_always_reads() {
        let a = collection(&json!({
            "read": ["couple", "coordinator", "space:bookkeeper"],
            "write": ["space:bookkeeper"],
            "fields": {
                "amount": {"type": "integer", "sensitivity": 3},
                "title": {"type": "text"},
                "state": {"type": "text", "write": ["couple"]},
                "note": {"type": "text", "sensitivity": 2, "read": ["couple"], "mask": ["coordinator"]},
            },
        }));
        assert_eq!(names(&a.viewers()), ["lead", "coordinator", "couple", "space:bookkeeper"]);
        assert_eq!(names(&a.readers("amount")), ["lead", "space:bookkeeper"]);
        assert_eq!(names(&a.readers("title")), ["lead", "coordinator", "couple", "space:bookkeeper"]);
        assert_eq!(names(&a.readers("note")), ["lead", "couple"]);
        assert_eq!(
            (names(&a.masked_for("note")), names(&a.masked_for("title"))),
            (vec!["lead".to_owned(), "coordinator".into()], vec!["lead".into()])
        );
        assert_eq!(
            (names(&a.editors()), names(&a.writers("state"))),
            (vec!["lead".to_owned(), "space:bookkeeper".into()], vec!["lead".to_owned(), "couple".into()])
        );
        assert_eq!(json!(a)["read"], json!(["couple", "coordinator", "space:bookkeeper"]));
    }

    #[test]
    fn an_edit_leans_on_what_its_merge_looks_at() {
        let a = collection(&json!({
            "shift": {"start": "at", "fixed": {"field": "anchor", "is": ["fixed"]}},
            "groups": {"place": {"fields": ["x", "y"], "strategy": "lww"}},
            "fields": {
                "at": {"type": "local_time"}, "anchor": {"type": "enum", "values": ["fixed", "flex"]},
                "x": {"type": "number"}, "y": {"type": "number"},
                "w": {"type": "text", "strategy": {"when": {"field": "/anchor", "is": ["fixed"], "then": "ask", "else": "lww"}}},
            },
        }));
        let leans = |name: &str| a.leans_on(name).into_iter().collect::<Vec<_>>();
        assert_eq!((leans("at"), leans("w"), leans("x")), (vec!["anchor".to_owned()], vec!["anchor".into()], vec!["y".into()]));
        assert!(leans("anchor").is_empty() && leans("unknown").is_empty());
    }
}
