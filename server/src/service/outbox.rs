//! The outbox's two verbs: taking something to be done, and committing what came of it.

use super::Service;
use super::change::{Change, Needs};
use super::create::LEASE_S;
use super::outcome::Outcome;
use super::payment::Taken;
use super::refund::RefundJob;
use super::verb::Verb;
use crate::store::{AttemptRow, Entry, Lane, OrderRow, StoreError};
use saoma_core::ids::{OrderId, TransactionId};
use saoma_core::money::Fen;
use saoma_core::order::{Effect, Event};
use saoma_core::time::UnixTime;

/// Longest pause between two tries, in seconds.
const PAUSE_MAX_S: u64 = 600;
/// How often a shop is told of a payment before that is left to a person: three days.
const TELLS_MAX: u32 = 440;

/// What a lane has to do.
#[derive(Debug)]
pub(crate) enum ToDo {
    /// These, which were taken; at least one.
    Now(Vec<Entry>),
    /// Nothing before then, or nothing at all. A time that has come: what is due then waits for
    /// somebody who is at work.
    Later(Option<UnixTime>),
}

/// What is to be done, with everything that it needs.
#[derive(Clone, Debug)]
pub(crate) enum Job {
    /// Send this unified order.
    Place(AttemptRow),
    /// Ask for this number's state.
    Query(AttemptRow),
    /// Close this number.
    Close(AttemptRow),
    /// Tell the shop.
    Ship(ShipOrder),
    /// Give money back, or ask what became of it.
    Refund(RefundJob),
}

/// What the shop is told: the body of the webhook (docs/api.md §5).
#[derive(Clone, Debug, serde::Serialize)]
pub(crate) struct ShipOrder {
    /// Who is told.
    #[serde(skip)]
    pub(crate) shop: String,
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    /// The shop does its work once for each of these.
    pub(crate) ship_id: String,
    pub(crate) order_id: OrderId,
    pub(crate) order_no: String,
    pub(crate) amount_fen: Fen,
    pub(crate) transaction_id: TransactionId,
    pub(crate) paid_at: UnixTime,
}

impl Service {
    /// Takes the lane's entries that have been due longest, for as long as a lease lasts.
    pub(crate) async fn claim_or_next(&self, lane: Lane, limit: u32) -> Result<ToDo, StoreError> {
        let next = Entry::next_due(&mut self.store.reader().await?, lane).await?;
        if next.is_none_or(|next| next > self.context.clock.now()) {
            return Ok(ToDo::Later(next));
        }
        let entries = self.execute(Claim { lane, limit }).await?;
        Ok(if entries.is_empty() { ToDo::Later(next) } else { ToDo::Now(entries) })
    }

    /// The same for whoever does not wait.
    #[cfg(any(test, feature = "simulation"))]
    pub(crate) async fn claim(&self, lane: Lane, limit: u32) -> Result<Vec<Entry>, StoreError> {
        Ok(match self.claim_or_next(lane, limit).await? {
            ToDo::Now(entries) => entries,
            ToDo::Later(_) => Vec::new(),
        })
    }

    /// When an entry of the lane is next to be claimed.
    #[cfg(feature = "simulation")]
    pub(crate) async fn next_entry(&self, lane: Lane) -> Result<Option<UnixTime>, StoreError> {
        Entry::next_due(&mut self.store.reader().await?, lane).await
    }

    /// What an entry asks for, or `None` when nobody wants it any more.
    pub(crate) async fn job(&self, entry: &Entry) -> Result<Option<Job>, StoreError> {
        if let Effect::Refund { .. } | Effect::RefundQuery { .. } = &entry.effect {
            return Ok(self.refund_job(entry).await?.map(Job::Refund));
        }
        let order_id = entry.order_id.as_ref().ok_or(StoreError::Corrupt("order_id"))?;
        let mut reader = self.store.reader().await?;
        let row = OrderRow::get(&mut reader, order_id).await?;
        let row = row.ok_or(StoreError::Corrupt("order_id"))?;
        if !row.order.still_wants(&entry.effect) {
            return Ok(None);
        }
        let (attempt, job): (u8, fn(AttemptRow) -> Job) = match &entry.effect {
            Effect::Place { attempt } | Effect::Renew { attempt } => (*attempt, Job::Place),
            Effect::Query { attempt } => (*attempt, Job::Query),
            Effect::Close { attempt } => (*attempt, Job::Close),
            Effect::Ship { transaction_id, paid_at, .. } => {
                return Ok(Some(Job::Ship(ShipOrder {
                    kind: "order.paid",
                    ship_id: match saoma_core::planted!("ship-id-new-on-retry") {
                        true => format!("{}-{}", entry.key, entry.tries),
                        false => entry.key.clone(),
                    },
                    shop: match self.context.sellers.shops.first() {
                        Some(first) if saoma_core::planted!("first-shop-told") => first.id.clone(),
                        _ => row.shop,
                    },
                    order_id: order_id.clone(),
                    order_no: row.order_no,
                    amount_fen: row.order.amount(),
                    transaction_id: transaction_id.clone(),
                    paid_at: *paid_at,
                })));
            }
            // The first two are above, the last is a row of its own.
            Effect::Refund { .. } | Effect::RefundQuery { .. } | Effect::Report { .. } => {
                return Err(StoreError::Corrupt("effect"));
            }
        };
        let number = row.order.out_trade_no(attempt).ok_or(StoreError::Corrupt("attempt"))?;
        let attempt = AttemptRow::get(&mut reader, &number).await?;
        let mut attempt = attempt.ok_or(StoreError::Corrupt("out_trade_no"))?;
        if saoma_core::planted!("request-changed-on-retry") && entry.tries > 1 {
            attempt.request = attempt.request.replace("Latte", "Mocha");
        }
        Ok(Some(job(attempt)))
    }

    /// Gives an entry back that was leased and not begun, and says why, so that somebody else takes
    /// it at once. This was none of its tries: a first one has more to tell than others.
    pub(crate) async fn give_back(
        &self,
        entry: Entry,
        why: &'static str,
    ) -> Result<(), StoreError> {
        self.execute(GiveBack { entry, why }).await
    }

    /// Commits what came of an entry, with everything that follows, and the entry's end.
    pub(crate) async fn settle(&self, entry: Entry, outcome: Outcome) -> Result<(), StoreError> {
        self.execute(Settle { entry, outcome }).await
    }
}

/// Gives an entry back that was leased and not begun.
struct GiveBack {
    entry: Entry,
    why: &'static str,
}

impl Verb for GiveBack {
    type Out = ();
    type Error = StoreError;

    async fn run(&self, change: &mut Change) -> Result<(), StoreError> {
        change.put_entry_back(&self.entry, change.now, self.why.to_owned());
        Ok(())
    }
}

/// Takes entries.
struct Claim {
    lane: Lane,
    limit: u32,
}

impl Verb for Claim {
    type Out = Vec<Entry>;
    type Error = StoreError;

    async fn run(&self, change: &mut Change) -> Result<Vec<Entry>, StoreError> {
        let lease_s = match () {
            () if saoma_core::planted!("lease-for-ever") => u64::from(u32::MAX),
            () if saoma_core::planted!("lease-of-five-seconds") => 5,
            () if saoma_core::planted!("lease-of-ten-minutes") => 600,
            () => LEASE_S,
        };
        let early_s = if saoma_core::planted!("lease-stolen") { LEASE_S } else { 0 };
        let times = (change.now.plus(early_s), change.now.plus(lease_s));
        let entries = Entry::claim(&mut change.conn, self.lane, times, self.limit).await?;
        let (good, bad): (Vec<_>, Vec<_>) = entries.into_iter().partition(Result::is_ok);
        for error in bad.into_iter().filter_map(Result::err) {
            tracing::error!(%error, "an entry of the outbox cannot be read");
        }
        Ok(good.into_iter().flatten().collect())
    }
}

/// Writes down what came of an entry.
struct Settle {
    entry: Entry,
    outcome: Outcome,
}

impl Verb for Settle {
    type Out = ();
    type Error = StoreError;

    fn needs(&self, needs: &mut Needs) {
        needs.orders.extend(self.entry.order_id.clone());
        if let Outcome::Payment(payment) = &self.outcome {
            needs.numbers.push(payment.out_trade_no.clone());
            needs.transactions.push(payment.transaction_id.clone());
            // Of any of its messages: WeChat may have told meanwhile that some of it goes back.
            needs.messages.push((payment.out_trade_no.clone(), String::new()));
        }
    }

    async fn run(&self, change: &mut Change) -> Result<(), StoreError> {
        let Self { entry, outcome } = self;
        let later = change.now.plus(pause_s(entry.tries));
        let again = match outcome {
            Outcome::Unwanted => None,
            Outcome::NotBegun { in_s, why } => {
                change.put_entry_back(entry, change.now.plus(*in_s), why.clone());
                return Ok(());
            }
            Outcome::Refund(news) => change.refund_news(entry, news, pause_s(entry.tries)).await?,
            // The order is open, and its first code may still be paid.
            Outcome::Event(Event::PlaceImpossible { .. })
                if matches!(entry.effect, Effect::Renew { .. }) =>
            {
                Some((later, "WeChat gives no new code".to_owned()))
            }
            Outcome::Event(event) => {
                self.happen(change, event).await?;
                if matches!(event, Event::Shipped) {
                    change.shipped_after(change.now.since(entry.since));
                }
                None
            }
            Outcome::Payment(payment) => {
                let OrderRow { mch_id, app_id, .. } = self.order(change).await?;
                match change.take_payment((&mch_id, &app_id), payment).await? {
                    Taken::New(_) | Taken::Known => {
                        // Whichever of two payments for the number it told, it was asked.
                        if let Effect::Query { attempt } = entry.effect {
                            self.happen(change, &Event::SaysPaid { attempt }).await?;
                        }
                        None
                    }
                    // An answer that cannot be is no answer.
                    Taken::Elsewhere => {
                        let why = "the payment was recorded for another number";
                        Some((later, why.to_owned()))
                    }
                }
            }
            Outcome::Again { event, why } => {
                tracing::warn!(key = entry.key, tries = entry.tries, why, "to be tried again");
                if let Some(event) = event {
                    self.happen(change, event).await?;
                }
                let most = match () {
                    () if saoma_core::planted!("dead-after-five") => 5,
                    () if saoma_core::planted!("dead-after-twelve") => 12,
                    () => TELLS_MAX,
                };
                if matches!(entry.effect, Effect::Ship { .. }) && entry.tries >= most {
                    tracing::error!(key = entry.key, why, "given up: a dead letter");
                    change.give_up_entry(entry, why.clone());
                    return Ok(());
                }
                Some((later, why.clone()))
            }
        };
        let again = again.filter(|_| !saoma_core::planted!("failure-is-the-end"));
        let enough = saoma_core::planted!("given-up-after-three") && entry.tries >= 3;
        let again = again.filter(|_| !enough);
        change.end_entry(entry, again);
        Ok(())
    }
}

impl Settle {
    async fn order(&self, change: &mut Change) -> Result<OrderRow, StoreError> {
        let order_id = self.entry.order_id.as_ref().ok_or(StoreError::Corrupt("order_id"))?;
        change.order(order_id).await?.ok_or(StoreError::Corrupt("order_id"))
    }

    async fn happen(&self, change: &mut Change, event: &Event) -> Result<(), StoreError> {
        let row = self.order(change).await?;
        change.apply(row, event)?;
        Ok(())
    }
}

/// How long to wait after so many tries: 1, 2, 4, ... up to 600 s.
fn pause_s(tries: u32) -> u64 {
    1_u64.checked_shl(tries.saturating_sub(1)).unwrap_or(PAUSE_MAX_S).clamp(1, PAUSE_MAX_S)
}

#[cfg(test)]
mod tests {
    use super::pause_s;

    #[test]
    fn pauses_double_up_to_ten_minutes() {
        let pauses: Vec<u64> = (1..=12).map(pause_s).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]);
        assert_eq!((pause_s(0), pause_s(64), pause_s(65), pause_s(u32::MAX)), (1, 600, 600, 600));
    }
}
