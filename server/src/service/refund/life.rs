//! What is to be done next for a refund, and what follows from what came of it.

use super::super::Service;
use super::super::change::Change;
use super::begin::number_of;
use super::news::{RefundNews, ToldRefund};
use crate::store::figures::{NOT_YET, UNDER_WAY};
use crate::store::{AskedBy, Entry, OrderRow, RefundRow, RefundState, StoreError};
use saoma_core::api::{REFUND_GAP_S, RefundState as Told};
use saoma_core::ids::{AppId, MchId, OrderId, OutRefundNo, TransactionId};
use saoma_core::order::{Effect, Event, RefundEnd};
use saoma_core::planted;
use saoma_core::sign::SignType;
use saoma_core::time::UnixTime;

/// What is to be done for an entry about refunds.
#[derive(Clone, Debug)]
pub(crate) enum RefundJob {
    /// Send this request.
    Send(Box<RefundRow>),
    /// Ask WeChat.
    Look(Box<RefundLook>),
    /// What came of it is clear without asking.
    Known(RefundNews),
}

/// A question about refunds.
#[derive(Clone, Debug)]
pub(crate) struct RefundLook {
    pub(crate) mch_id: MchId,
    pub(crate) app_id: AppId,
    pub(crate) sign_type: SignType,
    pub(crate) transaction_id: TransactionId,
    /// The one to ask about first; all of the payment when it is not known, and without it.
    pub(crate) number: Option<OutRefundNo>,
    /// Whether to ask for all of the payment when this one is not known.
    pub(crate) or_all: bool,
}

impl RefundLook {
    fn of(row: &RefundRow) -> Self {
        Self {
            mch_id: row.mch_id.clone(),
            app_id: row.app_id.clone(),
            sign_type: row.sign_type,
            transaction_id: row.transaction_id.clone(),
            number: Some(row.out_refund_no.clone()),
            or_all: row.state != RefundState::Accepted,
        }
    }
}

impl Service {
    /// What an entry about refunds asks for, or `None` when it is over.
    pub(crate) async fn refund_job(&self, entry: &Entry) -> Result<Option<RefundJob>, StoreError> {
        let Some(number) = number_of(entry)? else {
            return self.payment_job(entry).await.map(Some);
        };
        // Not before: whoever held one reader and asked for another would wait for those who do
        // the same, until nobody has one.
        let mut reader = self.store.reader().await?;
        let row = RefundRow::ours(&mut reader, &number).await?;
        let row = row.ok_or(StoreError::Corrupt("refund"))?;
        if row.state.is_over() {
            return Ok(None);
        }
        if row.state == RefundState::Held {
            // Whoever woke the entry has not decided anything.
            let later = self.context.clock.now().plus(SLOW_S);
            return Ok(Some(RefundJob::Known(RefundNews::Later(later))));
        }
        if row.state != RefundState::Asked {
            return Ok(Some(RefundJob::Look(Box::new(RefundLook::of(&row)))));
        }
        if let Some(order_id) = &row.order_id {
            let order = OrderRow::get(&mut reader, order_id).await?;
            let order = order.ok_or(StoreError::Corrupt("order_id"))?.order;
            if !order.still_wants(&entry.effect) {
                return Ok(Some(RefundJob::Look(Box::new(RefundLook::of(&row)))));
            }
        }
        let others = RefundRow::of_payment(&mut reader, &row.transaction_id).await?;
        let others = others.iter().filter(|other| other.out_refund_no != number);
        let gap_s = if planted!("refund-gap-of-fifty") { 50 } else { REFUND_GAP_S };
        let free_at = others.filter_map(|other| other.sent_at).max().map(|at| at.plus(gap_s));
        Ok(Some(match free_at {
            Some(at) if at > self.context.clock.now() && !planted!("refund-gap-ignored") => {
                RefundJob::Known(RefundNews::Later(at))
            }
            _ => RefundJob::Send(Box::new(row)),
        }))
    }

    /// The question about all refunds of a payment.
    async fn payment_job(&self, entry: &Entry) -> Result<RefundJob, StoreError> {
        let Effect::RefundQuery { transaction_id, .. } = &entry.effect else {
            return Err(StoreError::Corrupt("effect"));
        };
        let order_id = entry.order_id.as_ref().ok_or(StoreError::Corrupt("order_id"))?;
        let row = OrderRow::get(&mut self.store.reader().await?, order_id).await?;
        let row = row.ok_or(StoreError::Corrupt("order_id"))?;
        let seller = self.context.sellers.of(&row.mch_id, &row.app_id);
        let seller = seller.ok_or(StoreError::Corrupt("mch_id"))?;
        Ok(RefundJob::Look(Box::new(RefundLook {
            mch_id: row.mch_id,
            app_id: row.app_id,
            sign_type: seller.merchant.sign_type,
            transaction_id: transaction_id.clone(),
            number: None,
            or_all: true,
        })))
    }
}

impl Change {
    /// Takes what came of an entry about refunds; `Some`: it goes on then, for this reason.
    pub(in super::super) async fn refund_news(
        &mut self,
        entry: &Entry,
        news: &RefundNews,
        pause_s: u64,
    ) -> Result<Option<(UnixTime, String)>, StoreError> {
        let Some(number) = number_of(entry)? else {
            return self.payment_news(entry, news, pause_s).await;
        };
        let row = self.refund(&number).await?;
        let mut row = row.ok_or(StoreError::Corrupt("refund"))?;
        if row.state.is_over() {
            return Ok(None);
        }
        if let Some(end) = planted_end(news) {
            self.end_row(row, end).await?;
            return Ok(None);
        }
        let now = self.now;
        match news {
            RefundNews::Later(at) => Ok(Some((*at, NOT_YET.to_owned()))),
            RefundNews::Accepted(refund_id) => {
                row.sent_at = Some(now);
                Ok(self.accepted(row, refund_id.clone()))
            }
            RefundNews::Unsure(why) => {
                row.state = RefundState::Unsure;
                row.sent_at = Some(now);
                self.put_refund(row);
                Ok(Some((now.plus(pause_s), why.clone())))
            }
            RefundNews::Again { why, after_s, trouble } => {
                if row.state == RefundState::Asked {
                    row.sent_at = Some(now);
                }
                self.alert(&mut row, trouble.then_some(why.as_str()));
                self.put_refund(row);
                let after_s = if planted!("put-off-is-at-once") { 0 } else { *after_s };
                Ok(Some((now.plus(pause_s.max(after_s)), why.clone())))
            }
            RefundNews::Failed(why) => {
                self.alert(&mut row, Some(why));
                self.end_row(row, RefundEnd::Failed).await?;
                Ok(None)
            }
            RefundNews::Told { refunds, total } => {
                let open = self.others_told(&row, refunds, *total).await?;
                self.follow(&row, open).await?;
                let own = refunds.iter().find(|told| told.out_refund_no == number);
                match own {
                    Some(told) => self.told(row, told).await,
                    None => self.not_there(row, entry, pause_s).await,
                }
            }
        }
    }

    /// WeChat does not know our refund.
    async fn not_there(
        &mut self,
        mut row: RefundRow,
        entry: &Entry,
        pause_s: u64,
    ) -> Result<Option<(UnixTime, String)>, StoreError> {
        let again = self.now.plus(pause_s);
        let is_failed = planted!("refund-not-there-is-failed");
        if is_failed || !self.is_wanted(&row, entry).await? {
            if self.is_open_elsewhere(&row.transaction_id).await? {
                // It may come to nothing.
                return Ok(Some((again, UNDER_WAY.to_owned())));
            }
            // What is left goes back under the next number, if the rule wants it back.
            let end = match row.by {
                AskedBy::Rule if !is_failed => RefundEnd::Closed,
                _ => RefundEnd::Failed,
            };
            if end == RefundEnd::Failed {
                self.alert(&mut row, Some(LESS_LEFT));
            }
            self.end_row(row, end).await?;
            return Ok(None);
        }
        // It never arrived: the same may be sent again (protocol §8).
        row.state = RefundState::Asked;
        if entry.tries > TRIES_UNTIL_TOLD {
            self.alert(&mut row, Some(NOT_TAKEN));
        }
        self.put_refund(row);
        Ok(Some((again, "WeChat does not know it".to_owned())))
    }

    /// Whether this refund is still wanted: somebody may have given the money back by hand. Where
    /// there is an order, it is the one who says so.
    async fn is_wanted(&mut self, row: &RefundRow, entry: &Entry) -> Result<bool, StoreError> {
        let Some(order_id) = &row.order_id else {
            let back = self.back_elsewhere(&row.transaction_id).await?;
            return Ok(back.checked_add(row.part).is_some_and(|sum| sum <= row.total));
        };
        let order = self.order(order_id).await?.ok_or(StoreError::Corrupt("order_id"))?;
        Ok(order.order.still_wants(&entry.effect))
    }

    /// WeChat is at it.
    fn accepted(
        &mut self,
        mut row: RefundRow,
        refund_id: saoma_core::ids::RefundId,
    ) -> Option<(UnixTime, String)> {
        let now = self.now;
        row.state = RefundState::Accepted;
        row.refund_id = Some(refund_id);
        let since = *row.accepted_at.get_or_insert(now);
        if planted!("accepted-anew") {
            row.accepted_at = Some(now);
        }
        row.trouble = None;
        self.put_refund(row);
        let later = Some((now.plus(next_look_s(now.since(since))), UNDER_WAY.to_owned()));
        later.filter(|_| !planted!("accepted-is-forgotten"))
    }

    /// WeChat tells where our refund is.
    pub(super) async fn told(
        &mut self,
        mut row: RefundRow,
        told: &ToldRefund,
    ) -> Result<Option<(UnixTime, String)>, StoreError> {
        if told.part != row.part && !planted!("done-in-any-sum") {
            let why = format!("WeChat has {} fen under this number", told.part);
            self.alert(&mut row, Some(&why));
            self.put_refund(row);
            return Ok(Some((self.now.plus(SLOW_S), why)));
        }
        let end = match told.state {
            Told::Processing => return Ok(self.accepted(row, told.refund_id.clone())),
            Told::Success => RefundEnd::Done,
            Told::Closed if self.is_closed_again(&row).await? => {
                self.alert(&mut row, Some(CLOSED_AGAIN));
                RefundEnd::Failed
            }
            Told::Closed => RefundEnd::Closed,
            Told::Change if planted!("change-is-done") => RefundEnd::Done,
            Told::Change => {
                let why = Some(CHANGED).filter(|_| !planted!("change-told-nobody"));
                self.alert(&mut row, why);
                RefundEnd::Failed
            }
        };
        row.refund_id = Some(told.refund_id.clone());
        row.accepted_at.get_or_insert(self.now);
        self.end_row(row, end).await?;
        Ok(None)
    }

    /// Whether WeChat closes a payment's refunds however often they are asked for. Each one by the
    /// rule is followed by the next, and nobody would ever hear of it.
    async fn is_closed_again(&mut self, row: &RefundRow) -> Result<bool, StoreError> {
        let is_closed =
            |row: &RefundRow| row.by == AskedBy::Rule && row.state == RefundState::Closed;
        let known = self.refunds_of(&row.transaction_id).await?;
        let closed = known.into_iter().filter(is_closed).count();
        let most = if planted!("closed-once-is-failed") { 0 } else { CLOSED_MAX };
        Ok(row.by == AskedBy::Rule && closed >= most)
    }

    /// The end of a refund: in its row, and in its order, which says what follows.
    async fn end_row(&mut self, mut row: RefundRow, end: RefundEnd) -> Result<(), StoreError> {
        if end != RefundEnd::Failed {
            row.trouble = None;
        }
        tracing::info!(
            out_refund_no = row.out_refund_no.as_str(),
            part_fen = row.part.get(),
            end = RefundState::of(end).as_str(),
            "a refund has ended"
        );
        let (order_id, index) = (row.order_id.clone(), row.index);
        if order_id.is_none() {
            row.state = RefundState::of(end);
            row.ended_at = Some(self.now);
        }
        self.put_refund(row.clone());
        if order_id.is_none() && end == RefundEnd::Closed {
            self.next_unknown(&row).await?;
        }
        if let Some(order_id) = order_id {
            let order = self.order(&order_id).await?.ok_or(StoreError::Corrupt("order_id"))?;
            self.apply(order, &Event::RefundEnded { refund: index, end })?;
        }
        Ok(())
    }

    /// Says what a person has to see to, once for each reason.
    pub(super) fn alert(&self, row: &mut RefundRow, trouble: Option<&str>) {
        if row.trouble.as_deref() != trouble
            && let Some(trouble) = trouble
        {
            tracing::error!(
                out_refund_no = row.out_refund_no.as_str(),
                order_id = row.order_id.as_ref().map(OrderId::as_str),
                part_fen = row.part.get(),
                trouble,
                "a refund needs a person"
            );
        }
        row.trouble = trouble.map(str::to_owned);
    }
}

/// How a refund ends at once where a bug is planted, which is never in what is shipped.
fn planted_end(news: &RefundNews) -> Option<RefundEnd> {
    match news {
        RefundNews::Accepted(_) if planted!("refund-done-on-accept") => Some(RefundEnd::Done),
        RefundNews::Unsure(_) if planted!("new-refund-number-on-retry") => Some(RefundEnd::Closed),
        RefundNews::Unsure(_) if planted!("refund-unsure-is-failed") => Some(RefundEnd::Failed),
        _ => None,
    }
}

/// After how many tries a person is told that WeChat neither takes a refund nor knows it. Pauses
/// double up to ten minutes, so that is after some two hours.
const TRIES_UNTIL_TOLD: u32 = 20;
const NOT_TAKEN: &str = "WeChat does not take it, however often it is sent: see in WeChat's \
                         merchant platform what has become of the payment, and pay back by hand";

/// So many refunds of one payment are followed by the next when WeChat closes them.
const CLOSED_MAX: usize = 5;
const CLOSED_AGAIN: &str = "WeChat has closed this refund and five before it: see in WeChat's \
                            merchant platform why, and pay back by hand";

const LESS_LEFT: &str = "somebody gave some of the payment back by hand, and less is left of it \
                         than this";
pub(super) const CHANGED: &str = "CHANGE: the customer's card is void or frozen, and the money is \
                                  with the merchant again: pay it back by hand in WeChat's \
                                  merchant platform";

/// How long to wait before a refund is tried again that only a person can set right.
pub(super) const SLOW_S: u64 = 600;

/// When to ask again about a refund that WeChat has been at for so long: change is back within
/// twenty minutes, cards within three working days (protocol §7).
pub(super) const fn next_look_s(age_s: u64) -> u64 {
    match age_s {
        0..60 => 15,
        60..1_200 => 120,
        1_200..7_200 => 600,
        7_200..86_400 => 3_600,
        _ => 6 * 3_600,
    }
}
