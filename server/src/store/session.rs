//! Operators' sessions, by the digest of their token.

use super::{Conn, StoreError};
use saoma_core::time::UnixTime;

/// A session that has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SessionRow {
    /// SHA-256 of the token in hexadecimal digits.
    pub(crate) digest: String,
    pub(crate) operator: String,
    /// What tells the password that it was begun with; it ends with that password.
    pub(crate) password: String,
    pub(crate) expires_at: UnixTime,
}

impl SessionRow {
    /// The session of this digest, unless it has expired.
    pub(crate) async fn get(
        conn: &mut Conn,
        digest: &str,
        now: UnixTime,
    ) -> Result<Option<Self>, StoreError> {
        let sql = "select * from session where digest = $1 and expires_at > $2";
        let row = conn.fetch_one(sql, vec![digest.into(), now.into()]).await?;
        let read = |row: super::Row| {
            Ok(Self {
                digest: row.text("digest")?,
                operator: row.text("operator")?,
                password: row.text("password")?,
                expires_at: row.time("expires_at")?,
            })
        };
        row.map(read).transpose()
    }

    /// Begins the session, and forgets those that have expired.
    pub(crate) async fn insert(&self, conn: &mut Conn, now: UnixTime) -> Result<(), StoreError> {
        conn.execute("delete from session where expires_at <= $1", vec![now.into()]).await?;
        let sql = "insert into session (digest, operator, password, created_at, expires_at)
                   values ($1, $2, $3, $4, $5)";
        let Self { digest, operator, password, expires_at } = self;
        let texts = [digest, operator, password].map(|text| text.as_str().into());
        let times = [now.into(), (*expires_at).into()];
        conn.execute(sql, texts.into_iter().chain(times).collect()).await?;
        Ok(())
    }

    /// Ends a session; one that is not there is ended already.
    pub(crate) async fn delete(conn: &mut Conn, digest: &str) -> Result<(), StoreError> {
        conn.execute("delete from session where digest = $1", vec![digest.into()]).await?;
        Ok(())
    }
}
