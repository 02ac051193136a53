//! For which merchants and apps something is under way: whoever takes one of those out of the
//! configuration strands it.

use super::{Conn, Row, StoreError};
use std::io;
use std::time::Duration;
use tokio::time::timeout;

/// How long to look at most.
const WITHIN: Duration = Duration::from_secs(2);

/// A merchant with an app, and how much of theirs is not over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UnderWay {
    pub(crate) mch_id: String,
    pub(crate) app_id: String,
    /// Orders and refunds.
    pub(crate) count: u64,
}

/// What a look shows that may not take long: it is worth a word to a person, and no server starts
/// later for it.
///
/// # Errors
/// Those of the look, or that it took too long.
pub(crate) async fn for_a_moment<T>(
    look: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let late = |_| sqlx::Error::from(io::Error::from(io::ErrorKind::TimedOut));
    timeout(WITHIN, look).await.map_err(late)?
}

/// All of them. Only what is not over is read, by the indexes that the metrics use (`glance.rs`):
/// the server asks this at each start, whatever else is stored.
pub(crate) async fn under_way(conn: &mut Conn) -> Result<Vec<UnderWay>, StoreError> {
    let sql = "select mch_id, app_id, count(*) as unfinished from (
                   select mch_id, app_id from orders where due_at >= 0
                       and phase in ('placing', 'open', 'closing', 'paid', 'refunding')
                   union all
                   select mch_id, app_id from orders where due_at is null
                       and phase in ('placing', 'open', 'closing', 'paid', 'refunding')
                   union all
                   select mch_id, app_id from refund
                       where state in ('held', 'asked', 'unsure', 'accepted', 'failed')
               ) as of_all group by mch_id, app_id order by mch_id, app_id";
    let read = |row: &Row| -> Result<UnderWay, StoreError> {
        let (mch_id, app_id) = (row.text("mch_id")?, row.text("app_id")?);
        Ok(UnderWay { mch_id, app_id, count: row.number("unfinished")? })
    };
    conn.fetch(sql, vec![]).await?.iter().map(read).collect()
}
