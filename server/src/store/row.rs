//! A row of either database, read column by column.

use super::StoreError;
use super::direct::DirectRow;
use saoma_core::time::UnixTime;
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;

/// A row that was read; columns are named.
#[derive(Debug)]
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Direct(DirectRow),
    Postgres(PgRow),
    #[cfg(feature = "simulation")]
    Memory(super::memory::Row),
}

impl Row {
    pub(crate) fn text(&self, column: &str) -> Result<String, StoreError> {
        self.str(column).map(str::to_owned)
    }

    /// A text, where it stands.
    fn str(&self, column: &str) -> Result<&str, StoreError> {
        Ok(match self {
            Self::Direct(row) => row.str(column)?,
            Self::Sqlite(row) => row.try_get(column)?,
            Self::Postgres(row) => row.try_get(column)?,
            #[cfg(feature = "simulation")]
            Self::Memory(row) => row.text(column)?,
        })
    }

    pub(crate) fn optional_text(&self, column: &str) -> Result<Option<String>, StoreError> {
        Ok(match self {
            Self::Direct(row) => row.optional_str(column)?.map(str::to_owned),
            Self::Sqlite(row) => row.try_get(column)?,
            Self::Postgres(row) => row.try_get(column)?,
            #[cfg(feature = "simulation")]
            Self::Memory(row) => row.optional_text(column)?,
        })
    }

    pub(crate) fn int(&self, column: &str) -> Result<i64, StoreError> {
        Ok(match self {
            Self::Direct(row) => row.int(column)?,
            Self::Sqlite(row) => row.try_get(column)?,
            Self::Postgres(row) => row.try_get(column)?,
            #[cfg(feature = "simulation")]
            Self::Memory(row) => row.int(column)?,
        })
    }

    pub(crate) fn optional_int(&self, column: &str) -> Result<Option<i64>, StoreError> {
        Ok(match self {
            Self::Direct(row) => row.optional_int(column)?,
            Self::Sqlite(row) => row.try_get(column)?,
            Self::Postgres(row) => row.try_get(column)?,
            #[cfg(feature = "simulation")]
            Self::Memory(row) => row.optional_int(column)?,
        })
    }

    /// A number that fits its type.
    pub(crate) fn number<T: TryFrom<i64>>(&self, column: &'static str) -> Result<T, StoreError> {
        T::try_from(self.int(column)?).map_err(|_| StoreError::Corrupt(column))
    }

    pub(crate) fn time(&self, column: &'static str) -> Result<UnixTime, StoreError> {
        time(column, self.int(column)?)
    }

    pub(crate) fn optional_time(
        &self,
        column: &'static str,
    ) -> Result<Option<UnixTime>, StoreError> {
        self.optional_int(column)?.map(|seconds| time(column, seconds)).transpose()
    }

    /// A stored text that is one of ours.
    pub(crate) fn parsed<T: std::str::FromStr>(
        &self,
        column: &'static str,
    ) -> Result<T, StoreError> {
        self.str(column)?.parse().map_err(|_| StoreError::Corrupt(column))
    }

    /// What is stored as JSON.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(
        &self,
        column: &'static str,
    ) -> Result<T, StoreError> {
        serde_json::from_str(self.str(column)?).map_err(|_| StoreError::Corrupt(column))
    }

    /// All columns as texts, null as `None`, for those who show rows to people.
    #[cfg(test)]
    pub(crate) fn texts(&self) -> Vec<Option<String>> {
        fn texts<R: sqlx::Row>(row: &R) -> Vec<Option<String>>
        where
            usize: sqlx::ColumnIndex<R>,
            Option<String>: for<'r> sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
            i64: for<'r> sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
        {
            let text = |i| match row.try_get::<Option<String>, usize>(i) {
                Ok(text) => text,
                Err(_) => row.try_get::<i64, usize>(i).ok().map(|number| number.to_string()),
            };
            (0..row.len()).map(text).collect()
        }
        match self {
            Self::Sqlite(row) => texts(row),
            Self::Direct(row) => row.texts(),
            Self::Postgres(row) => texts(row),
            #[cfg(feature = "simulation")]
            Self::Memory(_) => Vec::new(),
        }
    }
}

fn time(column: &'static str, seconds: i64) -> Result<UnixTime, StoreError> {
    let time = u64::try_from(seconds).ok().and_then(UnixTime::new);
    time.ok_or(StoreError::Corrupt(column))
}
