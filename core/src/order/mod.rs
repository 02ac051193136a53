//! The order machine: what follows from what, and nothing else.
//!
//! `order.handle(event, now)` is a pure function: it gives the next order and the effects that must
//! be committed together with it. It does no I/O, has no clock, and refuses no fact: a payment that
//! happened cannot be an error, so an anomaly is an answer (refund and report). Only wishes can be
//! refused: to cancel, and to refund.
//!
//! An **order** is what the customer buys. It has 1 to 8 **attempts**; an attempt is one
//! `out_trade_no` and at most one payment. Refunds stand beside the phase. The table of all phases
//! and events is in `docs/order-machine.md`; [`handle`](Order::handle) follows it row by row.
//!
//! What it promises, for every sequence of events: at most one [`Effect::Ship`]; never a ship after
//! the order was cancelled or closed, nor for a wrong amount, nor after a refund has started; for
//! each payment exactly one of ship, full refund or (where no money may move) a report; never more
//! goes back than was captured; the same event again changes nothing.
//!
//! ```
//! use saoma_core::order::{Effect, Event, Order, Phase};
//! use saoma_core::{ids::OrderId, money::Fen, time::UnixTime};
//!
//! let now = UnixTime::new(1_795_461_960).unwrap();
//! let id = OrderId::new("20261124032600K7Q2M9XB")?;
//! let first = Order::begin(id, Fen::new(1800).unwrap(), now, now.plus(900));
//! assert_eq!(first.effects[..], [Effect::Place { attempt: 0 }]);
//!
//! let code_url = "weixin://wxpay/bizpayurl?pr=a1B2c3Dzz".try_into().unwrap();
//! let next = first.order.handle(&Event::Placed { attempt: 0, code_url }, now);
//! assert_eq!(next.order.phase(), Phase::Open);
//! # Ok::<(), saoma_core::ids::IdError>(())
//! ```

mod dispense;
mod elsewhere;
mod handle;
mod number;
mod payment;
mod refund;
mod view;
mod wants;

pub use dispense::DispenseRefused;
pub use payment::Anomaly;
pub use refund::{RefundBy, RefundEnd, RefundPart, RefundRefused, RefundStage};

#[cfg(test)]
mod tests;

use crate::api::{Currency, Payment};
use crate::ids::{OrderId, OutTradeNo, TransactionId};
use crate::money::Fen;
use crate::time::UnixTime;
use crate::watch::CODE_URL_MAX;
use core::num::NonZeroU32;
use heapless::{String, Vec};
use refund::PARTS_MAX;

/// Most attempts of one order.
pub const ATTEMPTS_MAX: usize = 8;
/// Shortest life of an attempt in seconds: WeChat takes no order that ends sooner (protocol §4).
pub const ATTEMPT_MIN_S: u64 = 60;
/// Most effects of one event.
pub const EFFECTS_MAX: usize = 4;
/// Most impossible second transactions that an attempt remembers.
const CONFLICTS_MAX: usize = 4;
/// How long a code can be scanned, in seconds from when WeChat gave it (protocol §4).
pub const CODE_LIVES_S: u64 = 7_200;
/// When a new code is asked for, in seconds from when WeChat gave the old one.
const RENEW_AFTER_S: u64 = CODE_LIVES_S - 300;
/// Somebody who watches an order makes no more than one question in so many seconds: while it
/// closes, and before.
const WATCHED_GAP_S: (u64, u64) = (10, 120);
/// WeChat takes no close within five minutes after the order was made (protocol §6).
pub const CLOSE_NOT_BEFORE_S: u64 = 300;

/// What a customer buys, from the wish to the goods.
///
/// ```
/// use saoma_core::order::{Anomaly, Effect, Event, Order, Phase, Reason};
/// use saoma_core::{ids::OrderId, money::Fen, time::UnixTime};
///
/// let now = UnixTime::new(1_795_461_960).unwrap();
/// let id = OrderId::new("20261124032600K7Q2M9XB")?;
/// let step = Order::begin(id, Fen::new(1800).unwrap(), now, now.plus(900));
/// assert_eq!(step.order.out_trade_no(0).unwrap().as_str(), "20261124032600K7Q2M9XB-1");
/// assert_eq!(step.order.may_cancel(), Ok(()));
///
/// // The customer gives up; WeChat has the last word on whether anything was paid.
/// let step = step.order.handle(&Event::Cancel, now.plus(10));
/// assert_eq!(step.order.phase(), Phase::Closing(Reason::Cancelled));
/// for effect in &step.effects {
///     match effect {
///         Effect::Close { attempt } | Effect::Query { attempt } => println!("ask: {attempt}"),
///         _ => println!("{effect:?}"),
///     }
/// }
/// assert!(Anomaly::PaidAfterCancel.is_refund_due());
/// # Ok::<(), saoma_core::ids::IdError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Order {
    id: OrderId,
    amount: Fen,
    created_at: UnixTime,
    expires_at: UnixTime,
    phase: Phase,
    /// The current attempt's code.
    code_url: Option<String<CODE_URL_MAX>>,
    /// When WeChat gave it.
    #[cfg_attr(feature = "serde", serde(default))]
    code_at: Option<UnixTime>,
    /// A new code is being asked for, because the old one grows too old.
    #[cfg_attr(feature = "serde", serde(default))]
    renewing: bool,
    /// WeChat gives no code for the current number any more: once that is over, the next begins.
    #[cfg_attr(feature = "serde", serde(default))]
    replacing: bool,
    /// Never empty; the last is the current one.
    attempts: Vec<Attempt, ATTEMPTS_MAX>,
    /// In the order in which they were asked for; the place is the number.
    #[cfg_attr(feature = "serde", serde(default))]
    refunds: Vec<RefundPart, PARTS_MAX>,
    /// A machine has begun to hand the goods over.
    #[cfg_attr(feature = "serde", serde(default))]
    dispensed: bool,
}

/// Where an order is.
///
/// An example is at [`Order`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Phase {
    /// WeChat is being asked for a code.
    Placing,
    /// The customer may pay.
    Open,
    /// Nobody should pay any more; WeChat's word decides.
    Closing(Reason),
    /// Over without a payment that could be kept.
    Closed(Reason),
    /// Paid; the shop is being told.
    Paid,
    /// Paid, and the shop has confirmed.
    Shipped,
}

/// Why an order closes.
///
/// An example is at [`Order`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Reason {
    /// The customer or the shop gave it up.
    Cancelled,
    /// The time ran out.
    Expired,
    /// WeChat takes no number for it.
    Failed,
}

/// One `out_trade_no`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Attempt {
    created_at: UnixTime,
    /// How many entries of the timetable are used up.
    queries: u8,
    /// A query is under way; a second one would tell nothing new.
    asking: bool,
    /// When time or somebody who watches last made a query.
    #[cfg_attr(feature = "serde", serde(default))]
    asked_at: Option<UnixTime>,
    /// WeChat has said that it is paid, and the query that is under way has yet to say by what.
    /// Until then a close would be answered in the same way.
    #[cfg_attr(feature = "serde", serde(default))]
    says_paid: bool,
    /// A close is under way.
    closing: bool,
    /// WeChat said on a close that it does not know the number.
    unknown_on_close: bool,
    /// What was paid for this number, the first time.
    payment: Option<Settlement>,
    /// Other transactions for the same number, which cannot be.
    conflicts: Vec<TransactionId, CONFLICTS_MAX>,
}

/// A payment and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Settlement {
    transaction_id: TransactionId,
    amount: Fen,
    /// In which it was paid, and goes back.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Currency::is_cny"))]
    currency: Currency,
    /// `None`: kept, and shipped for.
    anomaly: Option<Anomaly>,
    /// What somebody else than us has given back of it, in WeChat's console; `amount` at most.
    #[cfg_attr(feature = "serde", serde(default))]
    elsewhere: Fen,
    /// What of `elsewhere` the customer does not have yet: WeChat is at it, or could not give it
    /// and waits for a person.
    #[cfg_attr(feature = "serde", serde(default))]
    elsewhere_open: Fen,
    /// A person has decided that what is left of it need not go back.
    #[cfg_attr(feature = "serde", serde(default))]
    rest_kept: bool,
}

/// What happened.
///
/// An example is at [`Order`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Event {
    /// WeChat gave a code.
    Placed {
        /// Which attempt.
        attempt: u8,
        /// The text of the QR code.
        code_url: String<CODE_URL_MAX>,
    },
    /// Placing ended in an unknown outcome; it will be sent again.
    PlaceUnknown {
        /// Which attempt.
        attempt: u8,
    },
    /// WeChat takes no order of ours at all: a mistake in program or configuration.
    PlaceImpossible {
        /// Which attempt.
        attempt: u8,
    },
    /// WeChat says that the number has been paid, without telling the payment.
    SaysPaid {
        /// Which attempt.
        attempt: u8,
    },
    /// A person wants to know: WeChat is asked about the current attempt, unless it is being asked
    /// or has told the payment.
    Ask,
    /// A payment, by notification, query or bill.
    Paid {
        /// Which attempt.
        attempt: u8,
        /// The payment.
        payment: Payment,
    },
    /// A query says that it is not paid.
    NotPaid {
        /// Which attempt.
        attempt: u8,
    },
    /// A close was carried out, now or before.
    CloseConfirmed {
        /// Which attempt.
        attempt: u8,
    },
    /// Placing or a query says that the number will not be paid any more: closed, or used up.
    NumberOver {
        /// Which attempt.
        attempt: u8,
    },
    /// Placing says that the number was used with other fields: it gives no code any more, and may
    /// be paid all the same.
    NumberUsed {
        /// Which attempt.
        attempt: u8,
    },
    /// A query or a close says that WeChat does not know the number.
    NotFound {
        /// Which attempt.
        attempt: u8,
        /// Whether a close said so; a query has to confirm it.
        on_close: bool,
    },
    /// The customer or the shop gives the order up.
    Cancel,
    /// Time has passed; [`Order::due`] says when this is worth saying.
    Tick,
    /// Somebody watches; [`Order::may_ask`] says when this is worth saying.
    Watched,
    /// A machine begins to hand the goods over; [`Order::may_dispense`] says whether it may.
    Dispense,
    /// The shop, or the machine, has confirmed.
    Shipped,
    /// The shop gives a payment back, whole or in part; [`Order::may_refund`] says whether it may.
    RefundAsked {
        /// [`Order::next_refund`]; about another one this is old news.
        refund: u8,
        /// The attempt whose payment goes back.
        attempt: u8,
        /// How much of it.
        amount: Fen,
        /// What the shop's own number of it comes to: see [`RefundPart::wish`].
        wish: Option<NonZeroU32>,
    },
    /// The end of a refund of ours, by query.
    RefundEnded {
        /// Which refund.
        refund: u8,
        /// How it ended.
        end: RefundEnd,
    },
    /// A query shows refunds of a payment that we did not make.
    RefundedElsewhere {
        /// The attempt whose payment went back.
        attempt: u8,
        /// All of them together, as WeChat has it now.
        amount: Fen,
        /// What of that the customer does not have yet.
        open: Fen,
        /// So many of the order's own numbers are used up by them, which an older copy of a
        /// database has forgotten; 0 where it has forgotten nothing.
        used_up: u8,
    },
    /// A person has seen to a payment of which some went back before it was known: what is left of
    /// it is owed no more.
    RestKept {
        /// The attempt whose payment it is.
        attempt: u8,
    },
}

/// What must be done, at least once, after the new order is committed.
///
/// An example is at [`Order`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Effect {
    /// Send the unified order of this attempt, again until the answer is definite.
    Place {
        /// Which attempt.
        attempt: u8,
    },
    /// Send the same unified order again, for a new code under the same number.
    Renew {
        /// Which attempt.
        attempt: u8,
    },
    /// Ask for this attempt's state, again until there is an answer.
    Query {
        /// Which attempt.
        attempt: u8,
    },
    /// Close this attempt's number, again until the answer is definite.
    Close {
        /// Which attempt.
        attempt: u8,
    },
    /// Tell the shop to hand over the goods, again until it confirms.
    Ship {
        /// The attempt that was paid.
        attempt: u8,
        /// The payment.
        transaction_id: TransactionId,
        /// When it was paid.
        paid_at: UnixTime,
    },
    /// Give this payment back, whole or in part, again until its end is known.
    Refund {
        /// Which refund; [`Order::out_refund_no`] is its number.
        #[cfg_attr(feature = "serde", serde(default))]
        refund: u8,
        /// The attempt that was paid.
        attempt: u8,
        /// The payment.
        transaction_id: TransactionId,
        /// How much of it.
        amount: Fen,
    },
    /// Ask which refunds of this payment there are. The machine does not ask for it by itself.
    RefundQuery {
        /// The attempt that was paid.
        attempt: u8,
        /// The payment.
        transaction_id: TransactionId,
    },
    /// Record an anomaly and tell a person.
    Report {
        /// Which attempt.
        attempt: u8,
        /// The payment.
        transaction_id: TransactionId,
        /// What was paid.
        amount: Fen,
        /// What is wrong with it.
        anomaly: Anomaly,
    },
}

/// The next order, and what to do once it is committed.
///
/// An example is at [`Order`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "state and effects are committed together"]
pub struct Step {
    /// The order from now on.
    pub order: Order,
    /// What follows, in order.
    pub effects: Vec<Effect, EFFECTS_MAX>,
}

/// The customer's wish comes too late: the order is paid.
///
/// An example is at [`Order`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlreadyPaid;

impl core::fmt::Display for AlreadyPaid {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the order is already paid")
    }
}

impl core::error::Error for AlreadyPaid {}

impl Order {
    /// A new order of `amount`, which the customer may pay before `expires_at`; its first attempt
    /// is to be placed.
    pub fn begin(id: OrderId, amount: Fen, created_at: UnixTime, expires_at: UnixTime) -> Step {
        let order = Self {
            id,
            amount,
            created_at,
            expires_at,
            phase: Phase::Placing,
            code_url: None,
            code_at: None,
            renewing: false,
            replacing: false,
            attempts: Vec::from_array([Attempt::new(created_at)]),
            refunds: Vec::new(),
            dispensed: false,
        };
        Step { order, effects: Vec::from_array([Effect::Place { attempt: 0 }]) }
    }

    /// Our number of the order.
    #[must_use]
    pub const fn id(&self) -> &OrderId {
        &self.id
    }

    /// What it costs.
    #[must_use]
    pub const fn amount(&self) -> Fen {
        self.amount
    }

    /// When it was made.
    #[must_use]
    pub const fn created_at(&self) -> UnixTime {
        self.created_at
    }

    /// The customer may pay before this instant.
    #[must_use]
    pub const fn expires_at(&self) -> UnixTime {
        self.expires_at
    }

    /// Where it is.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// Index of the current attempt, and so the number of attempts less one.
    #[must_use]
    pub fn current_attempt(&self) -> u8 {
        // There are 1 to 8 attempts.
        u8::try_from(self.attempts.len().saturating_sub(1)).unwrap_or(0)
    }

    /// WeChat's number of an attempt, or `None` when there is no such attempt.
    #[must_use]
    pub fn out_trade_no(&self, attempt: u8) -> Option<OutTradeNo> {
        self.attempts.get(usize::from(attempt))?;
        OutTradeNo::for_attempt(&self.id, attempt).ok()
    }

    /// Whether the order can still be given up.
    ///
    /// # Errors
    /// [`AlreadyPaid`].
    pub fn may_cancel(&self) -> Result<(), AlreadyPaid> {
        match self.phase {
            Phase::Placing | Phase::Open | Phase::Closing(_) | Phase::Closed(_) => Ok(()),
            Phase::Shipped if crate::planted!("cancel-of-shipped-says-yes") => Ok(()),
            Phase::Paid if crate::planted!("cancel-after-pay") => Ok(()),
            Phase::Paid | Phase::Shipped => Err(AlreadyPaid),
        }
    }
}
