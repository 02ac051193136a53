//! What is asked of a server by those who look, and by operators.

use super::{No, Server, id, shop};
use crate::service::AskError;
use crate::store::{RefundRow, SeenTo};
use crate::watch;
use futures_util::FutureExt as _;
use saoma_core::ids::{OrderId, TransactionId};

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

    /// An operator has an entry of the outbox tried at once, of this order or, with '', of none.
    /// `false`: there is no such entry that waits.
    ///
    /// # Errors
    /// [`No`].
    pub async fn retry(&self, order_id: &str, key: &str) -> Result<bool, No> {
        let order_id = if order_id.is_empty() { None } else { Some(id(order_id)?) };
        let retried = self.service.retry(order_id, key.to_owned(), "operator").await;
        retried.map_err(|_| No::Failed)
    }

    /// An operator has WeChat asked about an order. `false`: it is being asked, or has told
    /// everything.
    ///
    /// # Errors
    /// [`No`].
    pub async fn ask_wechat(&self, order_id: &str) -> Result<bool, No> {
        let asked = self.service.ask_wechat(id(order_id)?, "operator").await;
        asked.map_err(|error| match error {
            AskError::Store(_) => No::Failed,
            error => No::of(error),
        })
    }

    /// An operator has seen to an anomaly of this kind. `false`: it does not wait for that.
    ///
    /// # Errors
    /// [`No`].
    pub async fn see_to(&self, transaction_id: &str, kind: &str) -> Result<bool, No> {
        let transaction_id = TransactionId::new(transaction_id).map_err(No::of)?;
        let seen = self.service.see_to(transaction_id, kind, "operator").await;
        seen.map(|seen| matches!(seen, SeenTo::Now(_))).map_err(|_| No::Failed)
    }
}
