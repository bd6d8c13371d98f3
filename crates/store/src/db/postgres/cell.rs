//! Values on their way to PostgreSQL and cells on their way back.

#![expect(clippy::disallowed_types, reason = "the face of the database owns the drivers")]

use std::borrow::Borrow;
use std::error::Error;

use tokio_postgres::Row;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSqlOwned, IsNull, ToSql, Type, to_sql_checked};

use super::fault::fault;
use crate::db::row::Cell;
use crate::db::{DbError, Value};

/// What a statement is given: a value, or one column of many rows as an array.
#[derive(Debug)]
pub(in crate::db) enum Param<'a> {
    Value(&'a Value),
    Ints(Vec<Option<i64>>),
    Texts(Vec<Option<&'a str>>),
}

impl<'a> Param<'a> {
    /// Each value by itself.
    pub(in crate::db) fn each(values: &'a [Value]) -> Vec<Self> {
        values.iter().map(Self::Value).collect()
    }

    /// The type by which it is declared: never inferred from the statement.
    pub(super) fn declared(&self) -> Type {
        match self {
            Self::Value(Value::Int(_) | Value::NullInt) => Type::INT8,
            Self::Value(Value::Text(_) | Value::Word(_) | Value::NullText) => Type::TEXT,
            Self::Value(Value::Bytes(_) | Value::NullBytes) => Type::BYTEA,
            Self::Ints(_) | Self::Value(Value::Ints(_)) => Type::INT8_ARRAY,
            Self::Texts(_) | Self::Value(Value::Texts(_)) => Type::TEXT_ARRAY,
        }
    }
}

/// The parameters of a statement for many rows: the shared ones, then an array for each column; nothing if there is no row.
///
/// # Errors
/// [`DbError::Nul`] if a text holds one; [`DbError::Document`] if a column holds values of two types, bytes or lists.
pub(in crate::db) fn columns<'a, const N: usize>(
    shared: &'a [Value],
    rows: &'a [impl Borrow<[Value; N]>],
) -> Result<Option<Vec<Param<'a>>>, DbError> {
    if rows.is_empty() {
        return Ok(None);
    }
    if let Some(place) = rows.iter().find_map(|row| row.borrow().iter().position(Value::has_nul)) {
        return Err(DbError::Nul { index: shared.len() + place + 1 });
    }
    let arrays = (0..N).map(|place| column(place, rows));
    Param::each(shared).into_iter().map(Ok).chain(arrays).collect::<Result<_, _>>().map(Some)
}

/// Of numbers, unless there is a text in it, or nothing but texts that are absent.
fn column<'a, const N: usize>(place: usize, rows: &'a [impl Borrow<[Value; N]>]) -> Result<Param<'a>, DbError> {
    let values = rows.iter().map(|row| &row.borrow()[place]);
    let is_text = match values.clone().find(|value| value.is_present()) {
        Some(value) => matches!(value, Value::Text(_) | Value::Word(_)),
        None => values.clone().all(|value| matches!(value, Value::NullText)),
    };
    let mixed = || {
        DbError::Document(format!(
            "column {place} of a statement for many rows holds values of two types, bytes or lists"
        ))
    };
    if is_text {
        let text = |value: &'a Value| match value {
            Value::Text(text) => Ok(Some(text.as_str())),
            Value::Word(text) => Ok(Some(*text)),
            value if !value.is_present() => Ok(None),
            _ => Err(mixed()),
        };
        return values.map(text).collect::<Result<_, _>>().map(Param::Texts);
    }
    let int = |value: &Value| match value {
        Value::Int(number) => Ok(Some(*number)),
        value if !value.is_present() => Ok(None),
        _ => Err(mixed()),
    };
    values.map(int).collect::<Result<_, _>>().map(Param::Ints)
}

impl ToSql for Param<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Value(Value::Int(value)) => value.to_sql(ty, out),
            Self::Value(Value::Text(value)) => value.to_sql(ty, out),
            Self::Value(Value::Word(value)) => value.to_sql(ty, out),
            Self::Value(Value::Bytes(value)) => value.to_sql(ty, out),
            Self::Value(Value::Ints(list)) => list.to_sql(ty, out),
            Self::Value(Value::Texts(list)) => list.to_sql(ty, out),
            Self::Value(Value::NullInt | Value::NullText | Value::NullBytes) => Ok(IsNull::Yes),
            Self::Ints(values) => values.to_sql(ty, out),
            Self::Texts(values) => values.to_sql(ty, out),
        }
    }

    fn accepts(ty: &Type) -> bool {
        matches!(*ty, Type::INT8 | Type::TEXT | Type::BYTEA | Type::INT8_ARRAY | Type::TEXT_ARRAY)
    }

    to_sql_checked!();
}

/// A parameter as it goes over the line, for a statement that outlives what it was given.
#[derive(Debug)]
pub(super) struct Encoded(Option<BytesMut>);

/// The same parameters, encoded.
pub(super) fn encoded(params: &[Param<'_>]) -> Result<Vec<Encoded>, DbError> {
    let encode = |param: &Param<'_>| {
        let mut bytes = BytesMut::new();
        match param.to_sql(&param.declared(), &mut bytes) {
            Ok(IsNull::No) => Ok(Encoded(Some(bytes))),
            Ok(IsNull::Yes) => Ok(Encoded(None)),
            Err(cause) => Err(DbError::Other(cause)),
        }
    };
    params.iter().map(encode).collect()
}

impl ToSql for Encoded {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        Ok(self.0.as_ref().map_or(IsNull::Yes, |bytes| {
            out.extend_from_slice(bytes);
            IsNull::No
        }))
    }

    fn accepts(ty: &Type) -> bool {
        Param::accepts(ty)
    }

    to_sql_checked!();
}

/// The cell in a row's column. Small integers widen, a boolean is 0 or 1; what the face does not
/// offer (numeric, timestamps, jsonb) fails when it is read: the statement must cast it.
pub(super) fn cell(row: &Row, place: usize) -> Result<Cell, DbError> {
    match *row.columns()[place].type_() {
        Type::INT8 => read(row, place, Cell::Int),
        Type::INT4 => read(row, place, |value: i32| Cell::Int(value.into())),
        Type::INT2 => read(row, place, |value: i16| Cell::Int(value.into())),
        Type::BOOL => read(row, place, |value: bool| Cell::Int(value.into())),
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN => read(row, place, Cell::Text),
        Type::BYTEA => read(row, place, Cell::Bytes),
        Type::VOID => Ok(Cell::Null),
        ref other => Ok(Cell::Foreign(other.name().to_owned())),
    }
}

fn read<T: FromSqlOwned>(row: &Row, place: usize, cell: impl FnOnce(T) -> Cell) -> Result<Cell, DbError> {
    Ok(row.try_get::<_, Option<T>>(place).map_err(fault)?.map_or(Cell::Null, cell))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_have_one_type_and_nothing_fits_any() {
        let rows = [
            [Value::Int(1), Value::NullText, Value::NullInt, Value::NullText, Value::NullInt],
            [Value::NullText, Value::from("b"), Value::NullInt, Value::NullText, Value::NullText],
        ];
        let shared = [Value::Int(7)];
        let params = columns(&shared, &rows).unwrap().unwrap();
        let types: Vec<Type> = params.iter().map(Param::declared).collect();
        let numbers = || Type::INT8_ARRAY;
        assert_eq!(types, [Type::INT8, numbers(), Type::TEXT_ARRAY, numbers(), Type::TEXT_ARRAY, numbers()]);
        assert!(matches!(&params[1], Param::Ints(values) if *values == [Some(1), None]));
        assert!(matches!(&params[2], Param::Texts(values) if *values == [None, Some("b")]));
    }

    #[test]
    fn a_column_of_two_types_or_of_bytes_is_refused() {
        for pair in [
            [Value::Int(1), Value::from("b")],
            [Value::from("b"), Value::Int(1)],
            [Value::Bytes(vec![1]), Value::NullBytes],
            [Value::Int(1), Value::Ints(vec![1])],
        ] {
            let rows = pair.map(|value| [value]);
            assert!(matches!(columns(&[], &rows), Err(DbError::Document(_))), "{rows:?}");
        }
    }
}
