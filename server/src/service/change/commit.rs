//! Writing what was decided, and telling of it once it is committed.

use super::{Change, Writes};
use crate::crash::point;
use crate::service::context::Context;
use crate::store::{
    AttemptRow, DifferenceKey, DifferenceRow, Entry, EntryEnd, EntryState, Fetch, FetchRow,
    HistoryRow, Lane, MessageRow, NewAnomaly, NewEntry, OrderRow, PaymentRow, RefundEnded,
    RefundRow, StoreError, end_waits, tell_anomalies,
};
use saoma_core::ids::OrderId;
use saoma_core::time::UnixTime;
use std::collections::{BTreeMap, BTreeSet};
use tracing::Span;

impl Change {
    /// Makes what was written happen, and tells whoever must know.
    pub(in crate::service) async fn commit(self, changed: Vec<OrderRow>) -> Result<(), StoreError> {
        point("before-commit");
        let committed = self.conn.commit().await;
        if committed.is_ok() || saoma_core::planted!("told-uncommitted") {
            point("after-commit");
            tell(&self.context, &changed, self.now, self.kept);
        }
        committed
    }

    /// Writes what was kept. Gives the orders that were changed, each once, as they are now.
    pub(in crate::service) async fn write(&mut self) -> Result<Vec<OrderRow>, StoreError> {
        let (conn, now, kept) = (&mut self.conn, self.now, &mut self.kept);
        // In the order of their ids, so that two batches never wait for each other in a circle.
        let ids: BTreeSet<&OrderId> = kept.orders.iter().map(|row| row.order.id()).collect();
        let held = ids.into_iter().filter_map(|id| self.orders.get(id)?.as_ref());
        let (mut new, mut old) = (Vec::new(), Vec::new());
        for held in held {
            match held.stored {
                None => new.push(&held.row),
                Some(from) => old.push((&held.row, from)),
            }
        }
        OrderRow::insert_all(conn, &new).await?;
        OrderRow::update_all(conn, &old, now).await?;
        point("orders-written");
        AttemptRow::insert_all(conn, &kept.attempts, now).await?;
        point("attempts-written");
        PaymentRow::insert_all(conn, &kept.payments, now).await?;
        point("payments-written");
        MessageRow::insert_all(conn, &kept.messages, now).await?;
        NewAnomaly::insert_all(conn, &kept.anomalies, now).await?;
        point("messages-written");
        for (number, mch_id, state) in &kept.decided {
            if !saoma_core::planted!("both-decide") {
                RefundRow::still(conn, (number, mch_id), *state, now).await?;
            }
        }
        // In one order for every server, so that two never wait for each other's rows in a circle.
        let refunds: BTreeMap<_, _> =
            kept.refunds.iter().map(|row| ((&row.out_refund_no, &row.mch_id), row)).collect();
        RefundRow::put_all(conn, &refunds.into_values().collect::<Vec<_>>(), now).await?;
        RefundEnded::update_all(conn, &kept.refund_ends, now).await?;
        let told = kept.refunds.iter().map(|row| &row.transaction_id);
        let told: BTreeSet<_> =
            told.chain(kept.refund_ends.iter().map(|it| &it.transaction_id)).collect();
        if !saoma_core::planted!("alarm-stays-due") {
            tell_anomalies(conn, &told.into_iter().collect::<Vec<_>>()).await?;
        }
        point("refunds-written");
        if saoma_core::planted!("entries-of-batch-lost") {
            kept.entries.truncate(1);
        }
        NewEntry::insert_all(conn, &kept.entries, now).await?;
        point("entries-written");
        EntryEnd::update_all(conn, &kept.ends, now).await?;
        point("ends-written");
        FetchRow::update_all(conn, &kept.fetches, now).await?;
        let out = kept.fetches.iter().filter(|(row, _)| row.fetch == Fetch::Done);
        let out = out.filter_map(|(row, _)| self.orders.get(&row.order_id)?.as_ref());
        let out: BTreeSet<_> = out.flat_map(|held| held.row.order.transactions()).collect();
        if !saoma_core::planted!("late-goods-wait-for-ever") {
            end_waits(conn, &out.into_iter().collect::<Vec<_>>()).await?;
        }
        // In one order of days as well.
        let day = |key: &DifferenceKey| [key.mch_id.as_str(), key.date.as_str()].concat();
        kept.differences.sort_by_cached_key(|(key, ..)| day(key));
        for (key, end, again) in &kept.differences {
            DifferenceRow::set(conn, key, end, *again, now).await?;
        }
        HistoryRow::insert_all(conn, std::mem::take(&mut kept.history)).await?;
        Ok(new.into_iter().chain(old.into_iter().map(|(row, _)| row)).cloned().collect())
    }
}

/// Tells whoever must know of what was committed.
fn tell(context: &Context, changed: &[OrderRow], now: UnixTime, kept: Writes) {
    let metrics = &context.metrics;
    kept.phases.iter().for_each(|phase| metrics.order_is(*phase));
    kept.shipped_after.iter().for_each(|seconds| metrics.shipped(*seconds));
    for anomaly in &kept.anomalies {
        metrics.anomaly(anomaly.kind);
        tracing::warn!(
            kind = anomaly.kind.as_str(),
            order_id = anomaly.order_id.as_ref().map(OrderId::as_str),
            out_trade_no = anomaly.out_trade_no.as_str(),
            transaction_id = anomaly.transaction_id.as_str(),
            paid_fen = anomaly.paid.get(),
            refund = anomaly.refund(),
            "a payment may not ship"
        );
    }
    let bells = &context.bells;
    // Only those are woken who may have something to do: each looks into the database then.
    let mut lanes: Vec<Lane> = kept.ends.iter().map(|end| Lane::of(&end.entry.effect)).collect();
    let mut is_timed = changed.iter().any(|row| row.due_at.is_some()) || !kept.fetches.is_empty();
    for NewEntry { key, order_id, effect, state, .. } in kept.entries {
        match state {
            EntryState::LeasedUntil(_) => {
                // Nobody performs any more only while the server stops; the lease ends later.
                if saoma_core::planted!("at-once-forgotten") {
                    continue;
                }
                let _ = bells.at_once.send(Entry { key, order_id, effect, tries: 1, since: now });
            }
            EntryState::PendingFrom(_) => lanes.push(Lane::of(&effect)),
            EntryState::WaitingUntil(_) => is_timed = true,
            EntryState::Held => {}
        }
    }
    for row in changed {
        let (order_id, phase) = (row.order.id(), row.order.watched_phase().as_str());
        let parent = kept.spans.get(order_id).and_then(Span::id);
        tracing::info!(parent: parent, %order_id, phase, version = row.version, "order");
        if !saoma_core::planted!("followers-not-told") {
            context.watchers.changed(order_id);
        }
    }
    let silent = saoma_core::planted!("gateway-bell-forgotten");
    if (kept.rings || lanes.contains(&Lane::Gateway)) && !silent {
        bells.gateway.notify_one();
    }
    let silent = saoma_core::planted!("shop-bell-forgotten");
    if (kept.rings || lanes.contains(&Lane::Shop)) && !silent {
        bells.shop.notify_one();
    }
    if is_timed && !saoma_core::planted!("time-bell-forgotten") {
        bells.time.notify_one();
    }
}
