//! What servers on one PostgreSQL tell each other.

use super::{Dialect, Store, StoreError};

/// Ids of one announcement; PostgreSQL takes 8,000 bytes.
const ANNOUNCED_MAX: usize = 200;

impl Store {
    /// Tells the other servers that something has happened to orders. It need not outlive a crash,
    /// so nobody waits for the disk.
    pub(crate) async fn announce(&self, order_ids: &[&str]) -> Result<(), StoreError> {
        if self.dialect() == Dialect::Postgres {
            let mut conn = self.reader().await?;
            for ids in order_ids.chunks(ANNOUNCED_MAX) {
                let sql = "select set_config('synchronous_commit', 'off', true),
                                  pg_notify('saoma_orders', $1)";
                conn.execute(sql, vec![ids.join(" ").into()]).await?;
            }
        }
        Ok(())
    }
}
