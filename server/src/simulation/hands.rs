//! What is asked of a server by those who look, and by operators.

use super::{No, Server, id, shop};
use crate::store::RefundRow;
use crate::watch;
use futures_util::FutureExt as _;
use saoma_core::ids::OrderId;

/// Somebody who follows an order at one server.
#[derive(Debug)]
pub struct Follower(watch::Follower);

impl Follower {
    /// Whether there was news since this was last asked.
    pub fn has_news(&mut self) -> bool {
        // However much has happened at this moment, what is there is there.
        tokio::task::coop::unconstrained(self.0.news()).now_or_never().is_some()
    }
}

impl Server {
    /// Begins to follow an order.
    #[must_use]
    pub fn follow(&self, order_id: &str) -> Option<Follower> {
        let order_id = OrderId::new(order_id).ok()?;
        Some(Follower(self.service.context.watchers.follow(&order_id)))
    }

    /// The token of an order.
    #[must_use]
    pub fn token(&self, order_id: &str) -> Option<String> {
        OrderId::new(order_id).ok().map(|order_id| self.service.token(&order_id))
    }

    /// Our numbers of all refunds of a shop's order; `None`: it has no such order.
    ///
    /// # Errors
    /// [`No`].
    pub async fn refunds(&self, shop: &str, order_id: &str) -> Result<Option<Vec<String>>, No> {
        let rows = self.service.refunds(shop, &id(order_id)?).await.map_err(|_| No::Failed)?;
        let numbers = |rows: Vec<RefundRow>| {
            rows.iter().map(|row| row.out_refund_no.as_str().to_owned()).collect()
        };
        Ok(rows.map(numbers))
    }

    /// A shop's anomalies: order, payment and kind of each.
    ///
    /// # Errors
    /// [`No::Failed`].
    pub async fn anomalies(&self, shop_id: &str) -> Result<Vec<[String; 3]>, No> {
        let told = self.service.anomalies(&shop(shop_id)).await.map_err(|_| No::Failed)?;
        let told = told.into_iter();
        Ok(told.map(|it| [it.order_id.unwrap_or_default(), it.transaction_id, it.kind]).collect())
    }

    /// Whether this is the token of an order.
    #[must_use]
    pub fn is_token(&self, order_id: &str, token: &str) -> bool {
        OrderId::new(order_id).is_ok_and(|order_id| self.service.is_token(&order_id, token))
    }
}
