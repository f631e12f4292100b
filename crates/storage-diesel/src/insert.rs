//! One INSERT for any number of rows. Columns are given as accessors, so that names and types are checked against
//! `schema.rs`; each database binds them in its own way (`dialect::insert`).

use std::marker::PhantomData;

use diesel::Column;
use diesel::sql_types::{BigInt, Binary, Bool, Integer, Nullable, Text};

/// One column's values, a row each.
#[derive(Debug)]
pub(crate) enum Values<'a> {
    Bytes(Vec<Option<&'a [u8]>>),
    Text(Vec<Option<&'a str>>),
    BigInt(Vec<Option<i64>>),
    Integer(Vec<Option<i32>>),
    Bool(Vec<Option<bool>>),
}

/// The Rust type that a column takes.
pub(crate) trait Cell<'a> {
    type Value;

    fn collect(values: impl Iterator<Item = Self::Value>) -> Values<'a>;
}

macro_rules! cell {
    ($($sql:ty, $rust:ty, $variant:ident;)*) => {$(
        impl<'a> Cell<'a> for $sql {
            type Value = $rust;

            fn collect(values: impl Iterator<Item = $rust>) -> Values<'a> {
                Values::$variant(values.map(Some).collect())
            }
        }

        impl<'a> Cell<'a> for Nullable<$sql> {
            type Value = Option<$rust>;

            fn collect(values: impl Iterator<Item = Option<$rust>>) -> Values<'a> {
                Values::$variant(values.collect())
            }
        }
    )*};
}

cell! {
    Binary, &'a [u8], Bytes;
    Text, &'a str, Text;
    BigInt, i64, BigInt;
    Integer, i32, Integer;
    Bool, bool, Bool;
}

/// What to do with a row whose key is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// The statement fails.
    Fail,
    /// The row that is there stays.
    Keep,
    /// The new row replaces it.
    Replace,
}

/// An INSERT into a table in the making. Each table has one such statement: connections keep it prepared by the table.
#[derive(Debug)]
pub(crate) struct Insert<'a, T, R> {
    rows: &'a [R],
    bulk: Bulk<'a, T>,
}

/// An INSERT of named columns.
#[derive(Debug)]
pub(crate) struct Bulk<'a, T> {
    pub(crate) table: &'static str,
    pub(crate) rows: usize,
    pub(crate) columns: Vec<Values<'a>>,
    pub(crate) taken: Taken,
    names: Vec<&'static str>,
    keys: Vec<&'static str>,
    lasting: Vec<&'static str>,
    adding: Vec<&'static str>,
    into: PhantomData<T>,
}

impl<'a, T, R> Insert<'a, T, R> {
    pub(crate) fn into(table: &'static str, rows: &'a [R], taken: Taken) -> Self {
        let (columns, names, keys, lasting, adding) = Default::default();
        Self { rows, bulk: Bulk { table, rows: rows.len(), columns, taken, names, keys, lasting, adding, into: PhantomData } }
    }

    /// A column of the key by which a row counts as taken.
    pub(crate) fn key<C>(mut self, column: C, value: impl Fn(&'a R) -> <C::SqlType as Cell<'a>>::Value) -> Self
    where
        C: Column<Table = T>,
        C::SqlType: Cell<'a>,
    {
        self.bulk.keys.push(C::NAME);
        self.column(column, value)
    }

    /// Another column.
    pub(crate) fn column<C>(mut self, _column: C, value: impl Fn(&'a R) -> <C::SqlType as Cell<'a>>::Value) -> Self
    where
        C: Column<Table = T>,
        C::SqlType: Cell<'a>,
    {
        self.bulk.names.push(C::NAME);
        self.bulk.columns.push(<C::SqlType as Cell<'a>>::collect(self.rows.iter().map(value)));
        self
    }

    /// A column that, once it is set, no replacement changes.
    pub(crate) fn lasting<C>(mut self, column: C, value: impl Fn(&'a R) -> <C::SqlType as Cell<'a>>::Value) -> Self
    where
        C: Column<Table = T>,
        C::SqlType: Cell<'a>,
    {
        self.bulk.lasting.push(C::NAME);
        self.column(column, value)
    }

    /// A column whose value a replacement adds to what stands there.
    pub(crate) fn adding<C>(mut self, column: C, value: impl Fn(&'a R) -> <C::SqlType as Cell<'a>>::Value) -> Self
    where
        C: Column<Table = T>,
        C::SqlType: Cell<'a>,
    {
        self.bulk.adding.push(C::NAME);
        self.column(column, value)
    }

    pub(crate) fn build(self) -> Bulk<'a, T> {
        self.bulk
    }
}

impl<T> Bulk<'_, T> {
    /// `INSERT INTO "t" ("a", "b")`.
    pub(crate) fn head(&self) -> String {
        format!("INSERT INTO \"{}\" ({})", self.table, quoted(&self.names))
    }

    /// What follows the rows: the ON CONFLICT clause, if any.
    pub(crate) fn tail(&self) -> String {
        match self.taken {
            Taken::Fail => String::new(),
            Taken::Keep => format!(" ON CONFLICT ({}) DO NOTHING", quoted(&self.keys)),
            Taken::Replace => {
                let others = self.names.iter().filter(|name| !self.keys.contains(name));
                let assignment = |name: &&str| {
                    if self.lasting.contains(name) {
                        format!("\"{name}\" = COALESCE(\"{}\".\"{name}\", excluded.\"{name}\")", self.table)
                    } else if self.adding.contains(name) {
                        format!("\"{name}\" = \"{}\".\"{name}\" + excluded.\"{name}\"", self.table)
                    } else {
                        format!("\"{name}\" = excluded.\"{name}\"")
                    }
                };
                let assignments: Vec<_> = others.map(assignment).collect();
                format!(" ON CONFLICT ({}) DO UPDATE SET {}", quoted(&self.keys), assignments.join(", "))
            }
        }
    }
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
}
