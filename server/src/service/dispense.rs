//! Goods that are fetched: whoever made an order claims them, hands them over, and confirms.
//!
//! The claim is committed before the flap opens, and a refund is refused from then on, so that
//! goods and money never both go. Somebody is told when nobody comes for what is paid, and when a
//! claim is never confirmed; no money moves by that, and it ends once the goods are out after all.

use super::Service;
use super::change::{Change, Needs};
use super::verb::Verb;
use crate::keys::Holder;
use crate::store::{Fetch, FetchRow, NewAnomaly, OrderRow, StoreError};
use futures_util::future::join_all;
use saoma_core::ids::OrderId;
use saoma_core::order::{Anomaly, DispenseRefused, Event};
use saoma_core::time::UnixTime;

/// Most goods that are looked up at once.
const BATCH_MAX: u32 = 100;

/// Why goods may not be handed over.
#[derive(Debug)]
pub(crate) enum DispenseError {
    /// There is no such order for the caller.
    NotFound,
    /// Another one made the order, or it is told to the shop's webhook.
    NotYours,
    /// The order does not allow it.
    Refused(DispenseRefused),
    /// It is confirmed before it was claimed.
    NotClaimed,
    /// Not now.
    Store(StoreError),
}

impl From<StoreError> for DispenseError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Goods that the caller may hand over, once.
#[derive(Clone, Debug)]
pub(crate) struct Claimed {
    /// The same each time.
    pub(crate) ship_id: String,
    /// They were claimed before: they may be out already.
    pub(crate) again: bool,
    pub(crate) row: OrderRow,
}

impl Service {
    /// The shop of an order, and the device that made it.
    pub(crate) async fn owner(
        &self,
        order_id: &OrderId,
    ) -> Result<Option<(String, Option<String>)>, StoreError> {
        OrderRow::owner(&mut self.store.reader().await?, order_id).await
    }

    /// Claims the goods of a paid order. Once this is committed they may be handed over.
    ///
    /// # Errors
    /// [`DispenseError`]; nothing has changed then.
    pub(crate) async fn dispense(
        &self,
        order_id: &OrderId,
        by: &Holder,
    ) -> Result<Claimed, DispenseError> {
        self.execute(Dispense { order_id: order_id.clone(), by: by.clone() }).await
    }

    /// Confirms that the goods are out. Twice is the same as once.
    ///
    /// # Errors
    /// [`DispenseError`]; nothing has changed then.
    pub(crate) async fn confirm(
        &self,
        order_id: &OrderId,
        by: &Holder,
    ) -> Result<OrderRow, DispenseError> {
        self.execute(Confirm { order_id: order_id.clone(), by: by.clone() }).await
    }

    /// Tells of goods that nobody has come for, and of claims that nobody has confirmed.
    pub(crate) async fn tell_of_late_goods(&self) -> Result<(), StoreError> {
        let now = self.context.clock.now();
        let late = FetchRow::late(&mut self.store.reader().await?, now, BATCH_MAX).await?;
        join_all(late.into_iter().map(async |row| {
            let order_id = row.order_id.clone();
            if let Err(error) = self.execute(Late(row)).await {
                tracing::error!(%order_id, %error, "nobody could be told of goods that wait");
            }
        }))
        .await;
        Ok(())
    }

    /// When there is next something to tell of goods.
    pub(crate) async fn next_late_goods(&self) -> Result<Option<UnixTime>, StoreError> {
        FetchRow::next_late(&mut self.store.reader().await?).await
    }
}

/// The order and its goods, if the caller is who hands them over.
async fn goods(
    change: &mut Change,
    order_id: &OrderId,
    by: &Holder,
) -> Result<(OrderRow, Option<FetchRow>), DispenseError> {
    let row = change.order(order_id).await?.ok_or(DispenseError::NotFound)?;
    if *row.shop != *by.shop && !saoma_core::planted!("any-shop-claims") {
        return Err(DispenseError::NotFound);
    }
    let is_its = row.device.as_deref() == by.device.as_deref();
    if !is_its && !saoma_core::planted!("any-device-claims") {
        // A shop may know of its devices' orders; a device knows of no other's.
        let is_shop = by.device.is_none();
        return Err(if is_shop { DispenseError::NotYours } else { DispenseError::NotFound });
    }
    let fetch = change.goods(order_id).await?;
    Ok((row, fetch))
}

struct Dispense {
    order_id: OrderId,
    by: Holder,
}

impl Verb for Dispense {
    type Out = Claimed;
    type Error = DispenseError;

    fn needs(&self, needs: &mut Needs) {
        needs.orders.push(self.order_id.clone());
    }

    async fn run(&self, change: &mut Change) -> Result<Claimed, DispenseError> {
        let (row, goods) = goods(change, &self.order_id, &self.by).await?;
        let again = row.order.is_claimed() && !saoma_core::planted!("claim-forgotten");
        row.order.may_dispense().map_err(DispenseError::Refused)?;
        let goods = goods.ok_or(DispenseError::NotYours)?;
        let (row, _) = change.apply(row, &Event::Dispense)?;
        let ship_id = match saoma_core::planted!("ship-id-new-on-claim") {
            true => format!("{}-{}", goods.key, change.now.get()),
            false => goods.key.clone(),
        };
        if !again && !saoma_core::planted!("fetched-and-told-late") {
            let due_at = change.now.plus(change.fetch_within_s(&row));
            let from = goods.fetch;
            change.put_fetch(FetchRow { fetch: Fetch::Dispensing, due_at, ..goods }, from);
        }
        Ok(Claimed { ship_id, again, row })
    }
}

struct Confirm {
    order_id: OrderId,
    by: Holder,
}

impl Verb for Confirm {
    type Out = OrderRow;
    type Error = DispenseError;

    fn needs(&self, needs: &mut Needs) {
        needs.orders.push(self.order_id.clone());
    }

    async fn run(&self, change: &mut Change) -> Result<OrderRow, DispenseError> {
        let (row, goods) = goods(change, &self.order_id, &self.by).await?;
        if !row.order.is_claimed() && !saoma_core::planted!("confirmed-unclaimed") {
            // Says why it could not even be claimed, if so.
            row.order.may_dispense().map_err(DispenseError::Refused)?;
            goods.ok_or(DispenseError::NotYours)?;
            return Err(DispenseError::NotClaimed);
        }
        // What was claimed and is out is a fact, even when somebody has forced a refund meanwhile.
        let (row, _) = change.apply(row, &Event::Shipped)?;
        let goods = goods.filter(|goods| goods.fetch != Fetch::Done);
        let goods = goods.filter(|_| !saoma_core::planted!("confirmed-and-told-late"));
        if let Some(goods) = goods {
            let (from, due_at) = (goods.fetch, change.now);
            change.put_fetch(FetchRow { fetch: Fetch::Done, due_at, ..goods }, from);
        }
        Ok(row)
    }
}

struct Late(FetchRow);

impl Verb for Late {
    type Out = ();
    type Error = StoreError;

    fn needs(&self, needs: &mut Needs) {
        needs.orders.push(self.0.order_id.clone());
    }

    async fn run(&self, change: &mut Change) -> Result<(), StoreError> {
        let order_id = &self.0.order_id;
        let row = change.order(order_id).await?.ok_or(StoreError::Corrupt("order_id"))?;
        let goods = change.goods(order_id).await?;
        // Somebody else may have been there first.
        let Some(goods) = goods.filter(|goods| goods.due_at <= change.now) else { return Ok(()) };
        let (from, order) = (goods.fetch, &row.order);
        let any = saoma_core::planted!("given-back-told-as-unfetched");
        let (kind, fetch) = match from {
            // What goes back is not fetched any more, and that is told elsewhere.
            Fetch::Waiting if order.may_dispense().is_err() && !any => (None, Fetch::Done),
            Fetch::Waiting => (Some(Anomaly::NotFetched), Fetch::Unfetched),
            Fetch::Dispensing => (Some(Anomaly::NotConfirmed), Fetch::Unconfirmed),
            Fetch::Unfetched | Fetch::Unconfirmed | Fetch::Done => return Ok(()),
        };
        let kept = order.kept_attempt();
        let paid = kept.and_then(|attempt| order.captured(attempt));
        let number = kept.and_then(|attempt| order.out_trade_no(attempt));
        if saoma_core::planted!("late-goods-told-nobody") {
            change.put_fetch(FetchRow { fetch, ..goods }, from);
            return Ok(());
        }
        if let (Some(kind), Some((transaction_id, paid)), Some(out_trade_no)) = (kind, paid, number)
        {
            change.report(NewAnomaly {
                kind,
                transaction_id: transaction_id.clone(),
                mch_id: row.mch_id.clone(),
                out_trade_no,
                order_id: Some(order_id.clone()),
                paid,
            });
            let words = "the goods are paid, and nobody has fetched them or confirmed it";
            change.note(order_id, "note", kind.as_str(), words.to_owned());
        }
        change.put_fetch(FetchRow { fetch, ..goods }, from);
        Ok(())
    }
}
