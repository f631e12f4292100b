//! Equality of JSON values by value: 1 is 1.0, and an object's members have no order.

use std::hash::{Hash, Hasher};

use serde_json::{Number, Value};

/// Whether two values are equal by value: 1 is 1.0, and an object's members have no order. Linear in the smaller one.
#[must_use]
pub fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => same_number(one, other),
        (Value::Array(one), Value::Array(other)) => one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other)),
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len() && one.iter().all(|(name, value)| other.get(name).is_some_and(|other| same(value, other)))
        }
        (one, other) => one == other,
    }
}

/// The same for values that may be absent.
pub(crate) fn same_side(one: Option<&Value>, other: Option<&Value>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => same(one, other),
        (None, None) => true,
        _ => false,
    }
}

fn same_number(one: &Number, other: &Number) -> bool {
    if one == other {
        return true;
    }
    // two integers that differ are never one double apart by rounding
    let exact = |number: &Number| number.is_i64() || number.is_u64();
    !(exact(one) && exact(other)) && one.as_f64() == other.as_f64()
}

/// A value as a key of maps, by [`same`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct ByValue<'a>(pub(crate) &'a Value);

impl PartialEq for ByValue<'_> {
    fn eq(&self, other: &Self) -> bool {
        same(self.0, other.0)
    }
}

impl Eq for ByValue<'_> {}

impl Hash for ByValue<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash(self.0, state);
    }
}

fn hash<H: Hasher>(value: &Value, state: &mut H) {
    match value {
        Value::Null => 0_u8.hash(state),
        Value::Bool(value) => (1_u8, value).hash(state),
        Value::Number(number) => {
            // both zeros are one
            let double = number.as_f64().unwrap_or_default() + 0.0;
            (2_u8, double.to_bits()).hash(state);
        }
        Value::String(text) => (3_u8, text).hash(state),
        Value::Array(items) => {
            (4_u8, items.len()).hash(state);
            for item in items {
                hash(item, state);
            }
        }
        Value::Object(members) => {
            // whatever the order of the members
            let sum = members.iter().fold(0_u64, |sum, (name, value)| {
                let mut own = Fnv::default();
                name.hash(&mut own);
                hash(value, &mut own);
                sum.wrapping_add(own.finish())
            });
            (5_u8, members.len(), sum).hash(state);
        }
    }
}

/// The hash of Fowler, Noll and Vo (FNV-1a, 64 bits), for the members of one object.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_compared_by_value() {
        let alike = [(json!(1), json!(1.0)), (json!(0.0), json!(-0.0)), (json!({"a":1,"b":[2]}), json!({"b":[2.0],"a":1}))];
        for (one, other) in &alike {
            assert!(same(one, other), "{one} {other}");
            assert_eq!(HashSet::from([ByValue(one), ByValue(other)]).len(), 1, "{one} {other}");
        }
        let apart =
            [(json!(9_007_199_254_740_993_u64), json!(9_007_199_254_740_992_u64)), (json!("1"), json!(1)), (json!([1, 2]), json!([2, 1]))];
        for (one, other) in &apart {
            assert!(!same(one, other), "{one} {other}");
        }
    }
}
