//! Keys of shops and devices, as digests.

use super::{Conn, Row, StoreError, Value};
use saoma_core::time::UnixTime;

/// What a key allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// Everything about its shop's orders.
    Shop,
    /// To make orders, and to look after those.
    Device,
}

impl KeyKind {
    /// The name, as it is stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shop => "shop",
            Self::Device => "device",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [Self::Shop, Self::Device].into_iter().find(|kind| kind.as_str() == name)
    }
}

/// A key, without the key itself.
#[derive(Clone, Debug)]
pub(crate) struct KeyRow {
    /// SHA-256 in hexadecimal digits.
    pub(crate) digest: String,
    pub(crate) shop: String,
    pub(crate) name: String,
    pub(crate) kind: KeyKind,
    pub(crate) created_at: UnixTime,
    pub(crate) last_used_at: Option<UnixTime>,
    pub(crate) revoked_at: Option<UnixTime>,
}

impl KeyRow {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            digest: row.text("digest")?,
            shop: row.text("shop")?,
            name: row.text("name")?,
            kind: KeyKind::from_name(&row.text("kind")?).ok_or(StoreError::Corrupt("kind"))?,
            created_at: row.time("created_at")?,
            last_used_at: row.optional_time("last_used_at")?,
            revoked_at: row.optional_time("revoked_at")?,
        })
    }

    /// All keys, those that are good first.
    pub(crate) async fn all(conn: &mut Conn) -> Result<Vec<Self>, StoreError> {
        let sql = "select * from api_key
                   order by case when revoked_at is null then 0 else 1 end, shop, name, created_at";
        conn.fetch(sql, vec![]).await?.iter().map(Self::read).collect()
    }

    /// Those that are good.
    pub(crate) async fn good(conn: &mut Conn) -> Result<Vec<Self>, StoreError> {
        let sql = "select * from api_key where revoked_at is null";
        conn.fetch(sql, vec![]).await?.iter().map(Self::read).collect()
    }

    /// Adds a key. `false`: its shop has a good one of that name.
    pub(crate) async fn insert(&self, conn: &mut Conn) -> Result<bool, StoreError> {
        let sql = "insert into api_key (digest, shop, name, kind, created_at)
                   values ($1, $2, $3, $4, $5) on conflict do nothing";
        let values: Vec<Value> = vec![
            self.digest.as_str().into(),
            self.shop.as_str().into(),
            self.name.as_str().into(),
            self.kind.as_str().into(),
            self.created_at.into(),
        ];
        Ok(conn.execute(sql, values).await? == 1)
    }

    /// Takes the good key of this name away. `false`: there is none.
    pub(crate) async fn revoke(
        conn: &mut Conn,
        (shop, name): (&str, &str),
        now: UnixTime,
    ) -> Result<bool, StoreError> {
        let sql = "update api_key set revoked_at = $1
                   where shop = $2 and name = $3 and revoked_at is null";
        Ok(conn.execute(sql, vec![now.into(), shop.into(), name.into()]).await? > 0)
    }

    /// Writes down when keys were used last.
    pub(crate) async fn used(
        conn: &mut Conn,
        keys: Vec<(String, UnixTime)>,
    ) -> Result<(), StoreError> {
        let values = keys.into_iter().map(|(digest, at)| vec![digest.into(), at.into()]).collect();
        let head = "update api_key set last_used_at = v.column2 from (values";
        let tail = ") as v where api_key.digest = v.column1";
        conn.execute_rows(head, values, tail).await?;
        Ok(())
    }
}
