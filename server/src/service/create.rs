//! Creating an order: idempotent by the shop's own number.

use super::Service;
use super::change::Change;
use super::context::Shop;
use super::verb::Verb;
use crate::random::NoRandom;
use crate::store::{ByNumber, EntryState, OrderRow, StoreError};
use saoma_core::ids::OrderId;
use saoma_core::money::Fen;
use saoma_core::order::Order;
use saoma_core::watch::DESCRIPTION_MAX;
use std::sync::Arc;

/// How long a lease lasts, in seconds: longer than any call takes, both hosts included.
pub(super) const LEASE_S: u64 = 60;
/// Longest `order_no` in bytes.
const ORDER_NO_MAX: usize = 64;
/// Shortest and longest time to pay, in seconds. WeChat wants one minute at least (protocol §4),
/// counted from when it hears of the order; a code lives for two hours and is renewed until then.
const EXPIRES_IN_MIN_S: u64 = 120;
const EXPIRES_IN_MAX_S: u64 = 86_400;
/// Time to pay when the shop says nothing.
pub(crate) const EXPIRES_IN_DEFAULT_S: u64 = 900;

/// What a shop asks for, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewOrder {
    order_no: String,
    amount: Fen,
    description: String,
    expires_in_s: u64,
    /// The device that asks; `None`: the shop itself.
    device: Option<String>,
}

/// A field that breaks its rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InvalidField {
    pub(crate) field: &'static str,
    /// `FIELD must be ...`, without the value.
    pub(crate) rule: &'static str,
}

/// Why an order is not created.
#[derive(Debug)]
pub(crate) enum CreateError {
    /// A field that only shows to be wrong when the order is made.
    Invalid(InvalidField),
    /// The shop has used the number for something else.
    OrderNoTaken,
    /// Not now.
    Random(NoRandom),
    /// Not now.
    Store(StoreError),
}

impl From<StoreError> for CreateError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// An order that exists now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Created {
    pub(crate) order_id: OrderId,
    /// `false`: it existed before, and this was a repetition.
    pub(crate) is_new: bool,
}

impl NewOrder {
    /// Checks what a shop asks for (docs/api.md §2.1).
    ///
    /// # Errors
    /// [`InvalidField`] names the first field that breaks its rule.
    pub(crate) fn new(
        order_no: &str,
        amount_fen: u64,
        description: &str,
        expires_in_s: u64,
    ) -> Result<Self, InvalidField> {
        let refuse = |field, rule| Err(InvalidField { field, rule });
        let is_no = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
        if order_no.is_empty() || order_no.len() > ORDER_NO_MAX || !order_no.bytes().all(is_no) {
            let rule = "order_no must be 1 to 64 letters, digits, `_`, `-` or `.`";
            return refuse("order_no", rule);
        }
        let amount = Fen::new(amount_fen).filter(|fen| (Fen::ZERO..=Fen::ORDER_MAX).contains(fen));
        let may_be_zero = saoma_core::planted!("order-of-nothing");
        let Some(amount) = amount.filter(|fen| *fen != Fen::ZERO || may_be_zero) else {
            return refuse("amount_fen", "amount_fen must be 1 to 2147483647");
        };
        let is_length = (1..=DESCRIPTION_MAX).contains(&description.len());
        if !is_length || description.chars().any(char::is_control) {
            let rule = "description must be 1 to 127 bytes of UTF-8 without control characters";
            return refuse("description", rule);
        }
        let in_time = (EXPIRES_IN_MIN_S..=EXPIRES_IN_MAX_S).contains(&expires_in_s);
        if !in_time && !saoma_core::planted!("any-time-to-pay") {
            return refuse("expires_in_s", "expires_in_s must be 120 to 86400");
        }
        let (order_no, description) = (order_no.to_owned(), description.to_owned());
        Ok(Self { order_no, amount, description, expires_in_s, device: None })
    }

    /// The same, asked for by a device, which will hand the goods over.
    pub(crate) fn by(self, device: Option<&str>) -> Self {
        Self { device: device.map(str::to_owned), ..self }
    }

    /// Whether an order is the answer to this very request.
    fn asks_for(&self, row: &OrderRow) -> bool {
        let order = &row.order;
        self.order_no == row.order_no
            && (self.amount == order.amount() || saoma_core::planted!("order-no-other-price"))
            && (self.description == row.description || saoma_core::planted!("order-no-other-goods"))
            && (self.device == row.device || saoma_core::planted!("order-no-other-device"))
            && (self.expires_in_s == order.expires_at().since(order.created_at())
                || saoma_core::planted!("order-no-other-time"))
    }
}

impl Service {
    /// Makes an order and has WeChat asked for its code at once; the same request again gives the
    /// same order.
    ///
    /// # Errors
    /// [`CreateError`]; nothing has changed then.
    pub(crate) async fn create(&self, shop: &Shop, new: &NewOrder) -> Result<Created, CreateError> {
        let random = self.context.short_random().map_err(CreateError::Random)?;
        self.execute(Create { shop: shop.clone(), new: new.clone(), random }).await
    }
}

/// Makes an order.
struct Create {
    shop: Shop,
    new: NewOrder,
    /// The part of the order's id that nobody has had before.
    random: String,
}

impl Verb for Create {
    type Out = Created;
    type Error = CreateError;

    async fn run(&self, change: &mut Change) -> Result<Created, CreateError> {
        let Self { shop, new, random } = self;
        let any = saoma_core::planted!("other-shops-order-no");
        let whose = if any { "shop" } else { &shop.id };
        match change.order_by_no(whose, &new.order_no).await? {
            ByNumber::Free => {}
            ByNumber::Order(row)
                if new.asks_for(&row)
                    && !(row.version > 1 && saoma_core::planted!("repeat-refused")) =>
            {
                return Ok(Created { order_id: row.order.id().clone(), is_new: false });
            }
            ByNumber::Order(_) | ByNumber::Archived => return Err(CreateError::OrderNoTaken),
        }
        let now = change.now;
        // Beijing's date and time and 40 random bits: sorted by time, easy to read out, and never
        // the same again.
        let order_id = OrderId::from_parts([now.beijing().as_str(), random])
            .map_err(|_| StoreError::Corrupt("order_id"))?;
        let step = Order::begin(order_id.clone(), new.amount, now, now.plus(new.expires_in_s));
        let mut row = OrderRow {
            shop: shop.id.clone(),
            order_no: new.order_no.clone(),
            mch_id: shop.mch_id.clone(),
            app_id: shop.app_id.clone(),
            description: new.description.clone(),
            order: Arc::new(step.order),
            version: 1,
            due_at: None,
            device: new.device.clone(),
        };
        row.due_at = change.due_at(&row);
        change.new_attempt(&row, 0).map_err(|_| {
            // Every other field of the request is ours and was checked at the start.
            let rule = "description must not hold a character that XML cannot carry";
            CreateError::Invalid(InvalidField { field: "description", rule })
        })?;
        change.put_order(row.clone());
        change.entered(row.order.watched_phase());
        let lease_s = if saoma_core::planted!("lease-of-ten-minutes") { 600 } else { LEASE_S };
        let at_once = EntryState::LeasedUntil(now.plus(lease_s));
        for effect in &step.effects {
            change.record(&row, effect, at_once)?;
        }
        Ok(Created { order_id, is_new: true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(order_no: &str, amount_fen: u64, description: &str, expires: u64) -> &'static str {
        NewOrder::new(order_no, amount_fen, description, expires).map_or_else(|e| e.field, |_| "")
    }

    #[test]
    fn every_limit_and_one_beyond() {
        let longest_no = "a".repeat(64);
        let longest = "咖".repeat(42) + "a";
        assert_eq!(longest.len(), 127);
        for (order_no, amount_fen, description, expires, bad) in [
            ("A-1.0_b", 1, "x", 120, ""),
            (&longest_no, 2_147_483_647, &longest, 86_400, ""),
            ("", 1, "x", 900, "order_no"),
            (&format!("{longest_no}a"), 1, "x", 900, "order_no"),
            ("a b", 1, "x", 900, "order_no"),
            ("a/b", 1, "x", 900, "order_no"),
            ("号", 1, "x", 900, "order_no"),
            ("A", 0, "x", 900, "amount_fen"),
            ("A", 2_147_483_648, "x", 900, "amount_fen"),
            ("A", u64::MAX, "x", 900, "amount_fen"),
            ("A", 1, "", 900, "description"),
            ("A", 1, &format!("{longest}a"), 900, "description"),
            ("A", 1, "a\nb", 900, "description"),
            ("A", 1, "a\u{85}b", 900, "description"),
            ("A", 1, "x", 119, "expires_in_s"),
            ("A", 1, "x", 86_401, "expires_in_s"),
        ] {
            assert_eq!(field(order_no, amount_fen, description, expires), bad, "{order_no:?}");
        }
    }
}
