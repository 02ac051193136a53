//! Time, as the worker keeps it.

use super::{No, Server};
use crate::store::Lane;
use crate::worker::{keep_time_once, next_time};
use saoma_core::time::UnixTime;

impl Server {
    /// Lets time happen to orders and goods that are due.
    ///
    /// # Errors
    /// [`No::Failed`].
    pub async fn tick(&self) -> Result<(), No> {
        keep_time_once(&self.service).await.map(|_| ()).map_err(|_| No::Failed)
    }

    /// Until when the worker sleeps that keeps time, unless its bell rings.
    pub async fn next_time(&self) -> Option<u64> {
        next_time(&self.service).await.ok().flatten().map(UnixTime::get)
    }

    /// When the first of these comes up, by the server's clock: entries for WeChat, entries for
    /// shops, orders or goods, bills. Goods have no time of their own: the worker has one for both.
    pub async fn due(&self) -> [Option<u64>; 5] {
        let due = [
            self.service.next_entry(Lane::Gateway).await,
            self.service.next_entry(Lane::Shop).await,
            next_time(&self.service).await,
            Ok(None),
            self.books.next_due().await,
        ];
        due.map(|at| at.ok().flatten().map(UnixTime::get))
    }
}
