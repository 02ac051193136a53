//! The database as such: what was decided once, and whether it can be read and written.

use super::{Conn, StoreError};
use saoma_core::ids::OutTradeNo;
use saoma_core::time::UnixTime;

/// Digits of the time that an order's id begins with.
const TIME_LEN: usize = 14;
/// Within so many seconds what has a later number may have been committed before.
const COMMITTED_WITHIN_S: u64 = 60;
/// So many seconds may servers' clocks be apart: one whose clock is behind still makes numbers from
/// before a start when that is long over, and they show nothing of what was there before it.
const CLOCKS_APART_S: u64 = 60;
/// The setting that tells which timeline the database was on when it was last written.
const TIMELINE: &str = "timeline";

/// A decision of the first start: kept when there is none yet, and what is kept is returned.
pub(crate) async fn setting(
    conn: &mut Conn,
    name: &str,
    value: &str,
) -> Result<String, StoreError> {
    let insert = "insert into setting (name, value) values ($1, $2) on conflict (name) do nothing";
    conn.execute(insert, vec![name.into(), value.into()]).await?;
    let select = "select value from setting where name = $1";
    let row = conn.fetch_one(select, vec![name.into()]).await?;
    row.ok_or(StoreError::Corrupt("setting"))?.text("value")
}

/// Writes down that a server starts now, with a database that no other server uses.
pub(crate) async fn put_start(conn: &mut Conn, now: UnixTime) -> Result<(), StoreError> {
    setting(conn, &started(&now.beijing()), &now.get().to_string()).await.map(|_| ())
}

/// Writes down which timeline the database is on. Where another one is written down, this is as the
/// start of a server: a standby that was behind has become the primary, or an older copy was put in
/// its place, beneath servers that live.
pub(super) async fn put_timeline(
    conn: &mut Conn,
    timeline: &str,
    now: UnixTime,
) -> Result<(), StoreError> {
    let select = "select value from setting where name = $1";
    let known = conn.fetch_one(select, vec![TIMELINE.into()]).await?;
    let known = known.map(|row| row.text("value")).transpose()?;
    if known.as_deref() == Some(timeline) {
        return Ok(());
    }
    if let Some(before) = known {
        tracing::warn!(
            before,
            timeline,
            "PostgreSQL is on another timeline, by a failover or because it was brought back: \
             refunds of what it may have lost by that wait for a person"
        );
        put_start(conn, now).await?;
    }
    let upsert = "insert into setting (name, value) values ($1, $2)
                  on conflict (name) do update set value = excluded.value";
    conn.execute(upsert, vec![TIMELINE.into(), timeline.into()]).await?;
    Ok(())
}

/// The setting that tells of a start at this time. Earlier ones come before it.
fn started(time: &str) -> String {
    format!("started_{time}")
}

/// Whether this may be an older copy of the database, in use again, that has lost an order which it
/// knew: it was in use before the number was made, a server started with it afterwards (or it came
/// onto another timeline), and no order from between shows that it was this one until then. Or a
/// later number of an order that it still knows.
pub(crate) async fn may_have_lost(
    conn: &mut Conn,
    number: &OutTradeNo,
) -> Result<bool, StoreError> {
    if saoma_core::planted!("lost-orders-go-back") {
        return Ok(false);
    }
    let number = number.as_str();
    let Some(time) = number.get(..TIME_LEN) else { return Ok(false) };
    let Ok(made_at) = UnixTime::parse_beijing(time) else { return Ok(false) };
    let order_id = number.rsplit_once('-').map_or(number, |(order_id, _)| order_id);
    let sql = "select shop, device from orders where order_id = $1";
    if conn.fetch_one(sql, vec![order_id.into()]).await?.is_some() {
        return Ok(true);
    }
    let sql = "select order_id from orders where order_id < $1 order by order_id desc limit 1";
    if conn.fetch_one(sql, vec![time.into()]).await?.is_none() {
        return Ok(false);
    }
    let sql = "select name from setting where name > $1 and name < $2 order by name limit 1";
    // The clock of whoever made the number may have been before that of the one who started.
    let since = UnixTime::new(made_at.get().saturating_sub(CLOCKS_APART_S)).unwrap_or(made_at);
    let values = [started(since.beijing().as_str()), started("9")].map(|name| name.as_str().into());
    let Some(next) = conn.fetch_one(sql, values.to_vec()).await? else { return Ok(false) };
    let next = next.text("name")?;
    let next = next.strip_prefix(&started("")).ok_or(StoreError::Corrupt("name"))?;
    let sql = "select order_id from orders where order_id > $1 and order_id < $2
               order by order_id limit 1";
    let next = UnixTime::parse_beijing(next).map_err(|_| StoreError::Corrupt("name"))?;
    let next = UnixTime::new(next.get().saturating_sub(CLOCKS_APART_S)).unwrap_or(next);
    let between = [made_at.plus(COMMITTED_WITHIN_S), next].map(UnixTime::beijing);
    let between = between.iter().map(|time| time.as_str().into()).collect();
    let later = conn.fetch_one(sql, between).await?;
    Ok(later.is_none())
}

/// Whether the database can be read.
pub(crate) async fn ping(conn: &mut Conn) -> Result<(), StoreError> {
    conn.fetch("select name from setting limit 1", vec![]).await?;
    Ok(())
}

/// Whether the database can be written: this writes a row under a name that nobody else has, and
/// takes it away again. Under a name that others have, a server that hangs in the middle would keep
/// all of them from writing.
pub(crate) async fn touch(conn: &mut Conn, nobodys: &str, now: UnixTime) -> Result<(), StoreError> {
    let name = format!("written_at_{nobodys}");
    let insert = "insert into setting (name, value) values ($1, $2)";
    conn.execute(insert, vec![name.as_str().into(), now.get().to_string().into()]).await?;
    conn.execute("delete from setting where name = $1", vec![name.as_str().into()]).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Shop;

    #[tokio::test]
    async fn another_timeline_is_a_start_and_the_same_one_is_none() {
        let shop = Shop::open().await;
        let begun = "select count(*) from setting where name like 'started_%'";
        assert_eq!(shop.rows(begun).await, ["1"]);
        for (timeline, starts) in [("00000001", "1"), ("00000001", "1"), ("00000002", "2")] {
            shop.clock.advance(1);
            let now = shop.service.context.clock.now();
            let mut tx = shop.service.store.begin().await.unwrap();
            put_timeline(&mut tx, timeline, now).await.unwrap();
            tx.commit().await.unwrap();
            assert_eq!(shop.rows(begun).await, [starts], "{timeline}");
        }
    }

    #[tokio::test]
    async fn whoever_hangs_while_he_tries_to_write_keeps_nobody_from_it() {
        let shop = Shop::open_on_postgres().await;
        let (store, now) = (&shop.service.store, shop.service.context.clock.now());
        let name = || shop.service.context.trace_id();
        let mut hangs = store.begin().await.unwrap();
        touch(&mut hangs, &name(), now).await.unwrap();
        let mut other = store.begin().await.unwrap();
        other.execute("set local lock_timeout = '10ms'", vec![]).await.unwrap();
        touch(&mut other, &name(), now).await.unwrap();
        other.commit().await.unwrap();
        hangs.commit().await.unwrap();
        let left = shop.rows("select name from setting where name like 'written_at%'").await;
        assert_eq!(left, [""; 0]);
    }
}
