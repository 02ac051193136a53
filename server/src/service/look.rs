//! Looking at orders, waiting for their code, and giving them up.

use super::Service;
use super::change::{Change, Needs};
use super::context::Shop;
use super::verb::Verb;
use crate::store::{AnomalyRow, OrderRow, StoreError};
use saoma_core::ids::OrderId;
use saoma_core::order::Event;
use saoma_core::time::UnixTime;
use saoma_core::watch::{Phase, View};
use std::time::Duration;

/// Most anomalies in one answer.
const ANOMALIES_MAX: u32 = 500;

/// Why an order is not given up.
#[derive(Debug)]
pub(crate) enum CancelError {
    /// There is no such order.
    NotFound,
    /// It is paid.
    AlreadyPaid,
    /// Not now.
    Store(StoreError),
}

impl From<StoreError> for CancelError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Service {
    /// What a watcher may see of an order, or `None` when there is none. One who watches an order
    /// that should be over has WeChat asked about it: the notification may be lost.
    pub(crate) async fn view(&self, order_id: &OrderId) -> Result<Option<View>, StoreError> {
        let row = OrderRow::get(&mut self.store.reader().await?, order_id).await?;
        let Some(row) = row else { return Ok(None) };
        let now = self.context.clock.now();
        if row.order.may_ask(now) {
            self.execute(Watched(order_id.clone())).await?;
        }
        self.view_of(&row, now).map(Some)
    }

    /// The view once it has a code or will not get one, but after `patience` in any case.
    pub(crate) async fn view_with_code(
        &self,
        order_id: &OrderId,
        patience: Duration,
    ) -> Result<Option<View>, StoreError> {
        let is_placing = |view: &View| view.phase == Phase::Placing;
        self.view_unless(order_id, is_placing, tokio::time::sleep(patience)).await
    }

    /// The view once it is no longer what nobody waits for, but after `enough` in any case.
    pub(crate) async fn view_unless(
        &self,
        order_id: &OrderId,
        is_dull: impl Fn(&View) -> bool,
        enough: impl Future<Output = ()>,
    ) -> Result<Option<View>, StoreError> {
        // Following begins before the first look, so nothing falls between.
        let mut follower = self.context.watchers.follow(order_id);
        let wait = async {
            loop {
                match self.view(order_id).await? {
                    Some(view) if is_dull(&view) => follower.news().await,
                    view => return Ok(view),
                }
            }
        };
        tokio::select! {
            biased;
            view = wait => view,
            () = enough => self.view(order_id).await,
        }
    }

    /// Gives an order up. Twice is the same as once.
    ///
    /// # Errors
    /// [`CancelError`]; nothing has changed then.
    pub(crate) async fn cancel(&self, order_id: &OrderId) -> Result<View, CancelError> {
        let row = self.execute(Cancel(order_id.clone())).await?;
        Ok(self.view_of(&row, self.context.clock.now())?)
    }

    /// The newest payments that may not ship, newest first: those of a shop, and those of its
    /// merchant that belong to no order.
    pub(crate) async fn anomalies(&self, shop: &Shop) -> Result<Vec<AnomalyRow>, StoreError> {
        let whose = (shop.id.as_str(), &shop.mch_id);
        AnomalyRow::newest(&mut self.store.reader().await?, whose, ANOMALIES_MAX).await
    }

    /// What a watcher may see of it now.
    pub(crate) fn view_of_row(&self, row: &OrderRow) -> Result<View, StoreError> {
        self.view_of(row, self.context.clock.now())
    }

    fn view_of(&self, row: &OrderRow, now: UnixTime) -> Result<View, StoreError> {
        let order = &row.order;
        let text = |column| move |_| StoreError::Corrupt(column);
        let seller = self.context.sellers.of(&row.mch_id, &row.app_id);
        let name = seller.map_or(row.mch_id.as_str(), |seller| seller.name.as_str());
        let (name, goods) = match saoma_core::planted!("goods-as-merchant") {
            true => (row.description.as_str(), name),
            false => (name, row.description.as_str()),
        };
        Ok(View {
            order_id: order.id().clone(),
            version: if saoma_core::planted!("view-never-newer") { 1 } else { row.version },
            phase: order.watched_phase(),
            amount_fen: order.amount(),
            merchant: name.try_into().map_err(text("merchant"))?,
            description: goods.try_into().map_err(text("description"))?,
            code_url: order
                .payable_code_url(now)
                .map(|code_url| code_url.try_into().map_err(text("code_url")))
                .transpose()?,
            expires_at: match saoma_core::planted!("view-other-end") {
                true => order.expires_at().plus(60),
                false => order.expires_at(),
            },
            server_time: now,
        })
    }
}

/// Gives an order up.
struct Cancel(OrderId);

impl Verb for Cancel {
    type Out = OrderRow;
    type Error = CancelError;

    fn needs(&self, needs: &mut Needs) {
        needs.orders.push(self.0.clone());
    }

    async fn run(&self, change: &mut Change) -> Result<OrderRow, CancelError> {
        let row = change.order(&self.0).await?.ok_or(CancelError::NotFound)?;
        if row.order.expires_at() <= change.now && saoma_core::planted!("late-cancel-refused") {
            return Err(CancelError::AlreadyPaid);
        }
        row.order.may_cancel().map_err(|_| CancelError::AlreadyPaid)?;
        let (row, _) = change.apply(row, &Event::Cancel)?;
        Ok(row)
    }
}

/// Somebody watches an order.
struct Watched(OrderId);

impl Verb for Watched {
    type Out = ();
    type Error = StoreError;

    fn needs(&self, needs: &mut Needs) {
        needs.orders.push(self.0.clone());
    }

    async fn run(&self, change: &mut Change) -> Result<(), StoreError> {
        let Some(row) = change.order(&self.0).await? else { return Ok(()) };
        if row.due_at.is_none_or(|due_at| due_at > change.now) {
            change.apply(row, &Event::Watched)?;
        }
        // Otherwise time has something to do with it at this very moment, and asks as well.
        Ok(())
    }
}
