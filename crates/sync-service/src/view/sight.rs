//! What a view shows of one collection, and lets write: the rights that its schema declares, looked at for one reader.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::Value;
use sync_core::json::{Object, pointer_tokens};
use sync_core::schema::lens::Lens;
use sync_core::schema::{Collection, Grant};
use sync_core::{Role, Schema, UserId};

use crate::digest::sha256;

/// Members, each with the places of a document that give the right where they name the reader; none: never.
pub(super) type Withheld = BTreeMap<String, BTreeSet<String>>;

/// Who looks.
pub(super) struct Reader<'a> {
    pub(super) role: Role,
    pub(super) user_id: UserId,
    pub(super) settings: &'a Object,
}

/// How somebody has a right.
enum Held {
    Always,
    /// In documents in which one of these places names them.
    Where(BTreeSet<String>),
}

impl Reader<'_> {
    fn holds(&self, grant: &Grant) -> Held {
        let is_named = |key: &String| self.settings.get(key).is_some_and(|value| is(value, self.user_id));
        if grant.roles.includes(self.role) || grant.spaces.iter().any(is_named) {
            return Held::Always;
        }
        Held::Where(grant.places.clone())
    }

    fn always_holds(&self, grant: &Grant) -> bool {
        matches!(self.holds(grant), Held::Always)
    }

    fn withheld<'c>(&self, grants: impl Iterator<Item = (&'c String, Grant)>) -> Withheld {
        let held = |(name, grant): (&'c String, Grant)| match self.holds(&grant) {
            Held::Always => None,
            Held::Where(places) => Some((name.clone(), places)),
        };
        grants.filter_map(held).collect()
    }
}

/// One collection, as one reader sees it and may write it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Sight {
    /// None of its documents is seen.
    pub(super) is_closed: bool,
    /// Only documents are seen in which this member names the reader.
    pub(super) own: Option<String>,
    /// Members that are not read.
    pub(super) hidden: Withheld,
    /// Those of which it is told that they differ.
    masked: BTreeSet<String>,
    /// No document is made or deleted, and only what says so itself is written.
    pub(super) is_read_only: bool,
    /// Only documents are written in which this member names the reader.
    pub(super) own_written: Option<String>,
    /// Members that are not written.
    pub(super) unwritten: Withheld,
    /// Members that are written in spite of [`Self::is_read_only`].
    pub(super) written: BTreeSet<String>,
    /// What members were called in older forms: what is hidden now is hidden under its old name.
    former: Option<Box<Former>>,
}

#[derive(Debug, Clone, PartialEq)]
struct Former(Lens);

impl Sight {
    pub(super) fn of(schema: &Schema, (name, collection): (&str, &Collection), reader: &Reader<'_>) -> Self {
        let grants = |of: fn(&Collection, &str) -> Grant| collection.fields.keys().map(move |name| (name, of(collection, name)));
        let mut hidden = reader.withheld(grants(Collection::readers));
        for shown in always_read(collection) {
            hidden.remove(shown);
        }
        hide_what_leans(collection, &mut hidden);
        let declared = !collection.fields.is_empty();
        let reads_nothing = declared && collection.rights.read.is_none() && collection.fields.keys().all(|name| hidden.contains_key(name));
        let is_closed = reads_nothing || !reader.always_holds(&collection.viewers());
        let mut unwritten = reader.withheld(grants(Collection::writers));
        unwritten.extend(hidden.iter().map(|(member, places)| (member.clone(), places.clone())));
        let is_read_only = is_closed || !reader.always_holds(&collection.editors());
        let written = collection.fields.keys().filter(|name| is_read_only && collection.has_own_writers(name));
        let own = |roles: &[Role]| roles.contains(&reader.role);
        let masked = hidden.keys().filter(|name| reader.always_holds(&collection.masked_for(name))).cloned();
        let rule = collection.own.as_ref();
        let mut sight = Self {
            is_closed,
            own: rule.filter(|rule| own(&rule.read)).map(|rule| rule.field.clone()),
            masked: masked.collect(),
            is_read_only,
            own_written: rule.filter(|rule| own(&rule.write) || own(&rule.read)).map(|rule| rule.field.clone()),
            written: written.cloned().collect(),
            hidden,
            unwritten,
            former: None,
        };
        if !sight.hidden.is_empty() || !sight.unwritten.is_empty() {
            sight.former = schema.lens(name, 1).map(|lens| Box::new(Former(lens)));
        }
        sight
    }

    pub(super) fn hides_nothing(&self) -> bool {
        !self.is_closed && self.own.is_none() && self.hidden.is_empty()
    }

    /// The present name of a member.
    pub(super) fn now<'n>(&'n self, member: &'n str) -> &'n str {
        match &self.former {
            Some(former) if !self.hidden.contains_key(member) && !self.unwritten.contains_key(member) => former.0.name_of(member),
            _ => member,
        }
    }

    pub(super) fn reads(&self, member: &str, (user_id, body): (UserId, Option<&Object>)) -> bool {
        !self.is_closed && self.hidden.get(self.now(member)).is_none_or(|places| names_at(places, user_id, body))
    }

    /// Whether a member is read in documents that name the reader at some place, and not in others.
    pub(super) fn is_read_in_some(&self, member: &str) -> bool {
        !self.is_closed && self.hidden.get(self.now(member)).is_some_and(|places| !places.is_empty())
    }

    pub(super) fn tells_of(&self, member: &str) -> bool {
        !self.is_closed && self.masked.contains(self.now(member))
    }

    /// The members that decide what else of a document is seen.
    pub(super) fn deciding(&self) -> BTreeSet<String> {
        let places = self.hidden.values().flatten().filter_map(|place| pointer_tokens(place)?.into_iter().next());
        self.own.iter().cloned().chain(places).collect()
    }
}

/// Whether one of these places of a document names somebody.
pub(super) fn names_at(places: &BTreeSet<String>, user_id: UserId, body: Option<&Object>) -> bool {
    let Some(body) = body.filter(|_| !places.is_empty()) else { return false };
    let at = |place: &String| {
        let tokens = pointer_tokens(place)?;
        let (first, rest) = tokens.split_first()?;
        rest.iter().try_fold(body.get(first)?, |here, token| here.get(token))
    };
    places.iter().any(|place| at(place).is_some_and(|value| is(value, user_id)))
}

/// Whether a value is somebody's id.
pub(super) fn is(value: &Value, user_id: UserId) -> bool {
    value.as_str().is_some_and(|text| text.parse() == Ok(user_id))
}

/// What decides who sees a document is no secret from whoever sees it.
fn always_read(collection: &Collection) -> impl Iterator<Item = &String> {
    collection.own.iter().map(|own| &own.field).chain(collection.visibility.iter().map(|rule| &rule.field))
}

/// Hides what would come out one way or another by what is hidden: its own merges would tell of it.
fn hide_what_leans(collection: &Collection, hidden: &mut Withheld) {
    loop {
        let leans = |name: &String, hidden: &Withheld| collection.leans_on(name).iter().any(|needed| hidden.contains_key(needed));
        let more: Vec<String> = collection
            .fields
            .keys()
            .filter(|name| hidden.get(*name).is_none_or(|places| !places.is_empty()) && leans(name, hidden))
            .cloned()
            .collect();
        if more.is_empty() {
            break;
        }
        hidden.extend(more.into_iter().map(|name| (name, BTreeSet::new())));
    }
}

/// The tag of a view that hides something: another one where anything else is hidden.
pub(super) fn tag(role: u32, sights: &BTreeMap<String, Sight>) -> u32 {
    let mut text = format!("view/1 {role}");
    for (name, sight) in sights.iter().filter(|(_, sight)| !sight.hides_nothing()) {
        let _ = write!(text, "\n{name} {} {:?}", sight.is_closed, sight.own);
        for (member, places) in &sight.hidden {
            let _ = write!(text, " {member:?}");
            for place in places {
                let _ = write!(text, "@{place:?}");
            }
        }
        for member in &sight.masked {
            let _ = write!(text, " ~{member:?}");
        }
    }
    let hash = sha256(text.as_bytes());
    // tags of views that hide nothing are small
    hash.first_chunk::<4>().map_or(u32::MAX, |first| u32::from_be_bytes(*first) | 0x8000_0000)
}
