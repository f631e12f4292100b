//! Arrays that all three sides keep sorted stay sorted.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::Value;

/// So many members of an item are tried.
const MAX_TRIED: usize = 8;

/// By what an array is sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sorting {
    /// The member; `None`: the items themselves.
    member: Option<String>,
    fold: bool,
    descending: bool,
}

impl Sorting {
    /// By what three arrays are sorted, all of them: scalars by themselves, objects by one of their members. Letter case
    /// counts, unless they are sorted only without it. At least one side has three items.
    pub(crate) fn of(arrays: [&[Value]; 3]) -> Option<Self> {
        let longest = arrays.iter().max_by_key(|items| items.len()).filter(|items| items.len() > 2)?;
        let first = longest.first()?;
        let members: Vec<Option<String>> = match first {
            Value::Object(members) => {
                members.iter().filter(|(_, value)| is_key(value)).take(MAX_TRIED).map(|(name, _)| Some(name.clone())).collect()
            }
            value if is_key(value) => vec![None],
            _ => return None,
        };
        let ways = [(false, false), (true, false), (false, true), (true, true)];
        let candidates =
            members.into_iter().flat_map(|member| ways.map(|(fold, descending)| Self { member: member.clone(), fold, descending }));
        candidates.into_iter().find(|sorting| arrays.iter().all(|items| sorting.holds(items)))
    }

    fn holds(&self, items: &[Value]) -> bool {
        items.iter().all(|item| self.key(item).is_some_and(is_key))
            && items
                .iter()
                .zip(items.iter().skip(1))
                .all(|(one, next)| self.compare(one, next).is_some_and(|order| order == Ordering::Less))
    }

    pub(crate) fn sort(&self, items: &mut [Cow<'_, Value>]) {
        items.sort_by(|one, other| self.compare(one, other).unwrap_or(Ordering::Equal));
    }

    fn key<'v>(&self, item: &'v Value) -> Option<&'v Value> {
        self.member.as_ref().map_or(Some(item), |member| item.get(member))
    }

    fn compare(&self, one: &Value, other: &Value) -> Option<Ordering> {
        let order = match (self.key(one)?, self.key(other)?) {
            (Value::String(one), Value::String(other)) if self.fold => one.to_lowercase().cmp(&other.to_lowercase()),
            (Value::String(one), Value::String(other)) => one.cmp(other),
            (Value::Number(one), Value::Number(other)) => one.as_f64()?.partial_cmp(&other.as_f64()?)?,
            _ => return None,
        };
        Some(if self.descending { order.reverse() } else { order })
    }
}

fn is_key(value: &Value) -> bool {
    value.is_string() || value.is_number()
}
