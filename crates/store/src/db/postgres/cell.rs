//! Values on their way to PostgreSQL and cells on their way back.

#![expect(clippy::disallowed_types, reason = "the face of the database owns the drivers")]

use std::error::Error;

use tokio_postgres::Row;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSqlOwned, IsNull, ToSql, Type, to_sql_checked};

use super::fault::fault;
use crate::db::row::Cell;
use crate::db::{DbError, Value};

/// The type by which a value is declared: never inferred from the statement.
pub(super) fn declared(value: &Value) -> Type {
    match value {
        Value::Int(_) | Value::NullInt => Type::INT8,
        Value::Text(_) | Value::NullText => Type::TEXT,
        Value::Bytes(_) | Value::NullBytes => Type::BYTEA,
    }
}

impl ToSql for Value {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Int(value) => value.to_sql(ty, out),
            Self::Text(value) => value.to_sql(ty, out),
            Self::Bytes(value) => value.to_sql(ty, out),
            Self::NullInt | Self::NullText | Self::NullBytes => Ok(IsNull::Yes),
        }
    }

    fn accepts(ty: &Type) -> bool {
        matches!(*ty, Type::INT8 | Type::TEXT | Type::BYTEA)
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
