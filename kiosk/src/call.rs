//! What the terminal asks of the server, and what it may hear.
//!
//! These are values, not messages: a shell carries them over HTTP or a serial line, with the JSON
//! of [`wire`](crate::wire).

use core::fmt::{self, Write as _};
use heapless::String;
use saoma_core::{
    ids::OrderId,
    money::Fen,
    watch::{DESCRIPTION_MAX, View},
};
use serde::Serialize;

/// The most that an order of a terminal may cost, in fen: ¥99,999.99. Whatever is not more is shown
/// whole on the smallest screen; an amount that is cut would be a wrong one.
pub const AMOUNT_MAX_FEN: u32 = 9_999_999;
/// Longest number of an order that the shop chooses, in bytes (`docs/api.md` §2.1).
pub const ORDER_NO_MAX: usize = 64;
/// Longest id of a job, in bytes: the server's are `ship-` and an order's id.
pub const JOB_ID_MAX: usize = 40;
/// How long the customer may pay: who stands at a terminal does not need the usual 15 minutes, and
/// an order that was left alone is over sooner. WeChat closes no order before five minutes.
pub const EXPIRES_IN_S: u32 = 300;
/// How long the server holds a [`Call::Look`] that waits for news. Short enough that a connection
/// which died in silence is noticed before somebody pays a code that nobody watches.
pub const LOOK_WAIT_S: u64 = 10;
/// Longest code of a refusal that is kept, in bytes; the server's are shorter (`docs/api.md` §4).
pub const REFUSAL_CODE_MAX: usize = 32;

/// What is sold: a description and a price that the server will take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Goods {
    description: String<DESCRIPTION_MAX>,
    amount: Fen,
}

/// Why goods cannot be sold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GoodsError {
    /// The price is 0 or above [`AMOUNT_MAX_FEN`].
    Amount,
    /// The description is empty or longer than 127 bytes.
    Length,
    /// The description holds a control character.
    Control,
}

impl fmt::Display for GoodsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Amount => write!(f, "the amount must be 1 to {AMOUNT_MAX_FEN} fen"),
            Self::Length => f.write_str("the description must be 1 to 127 bytes of UTF-8"),
            Self::Control => f.write_str("the description must hold no control characters"),
        }
    }
}

impl core::error::Error for GoodsError {}

impl Goods {
    /// Checks what the server would check (`docs/api.md` §2.1), and what a screen can show.
    ///
    /// # Errors
    /// [`GoodsError`] names the rule.
    pub fn new(description: &str, amount: Fen) -> Result<Self, GoodsError> {
        if amount == Fen::ZERO || amount.get() > AMOUNT_MAX_FEN.into() {
            return Err(GoodsError::Amount);
        }
        if description.chars().any(char::is_control) {
            return Err(GoodsError::Control);
        }
        match String::try_from(description) {
            Ok(description) if !description.is_empty() => Ok(Self { description, amount }),
            _ => Err(GoodsError::Length),
        }
    }

    /// What the customer reads.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// What it costs.
    #[must_use]
    pub const fn amount(&self) -> Fen {
        self.amount
    }
}

/// The numbers that this terminal gives to its orders: a prefix that nobody else uses, and a
/// count, which the [journal](crate::journal) keeps over power cuts.
///
/// The number is the order's idempotency key, so none may come again: a shell whose journal was
/// lost gives another prefix, made of the device and of random numbers or a count of starts. Staff
/// read it from the screen, so it is better short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderNumbers {
    prefix: String<{ Self::PREFIX_MAX }>,
}

impl OrderNumbers {
    /// Longest prefix in bytes: what the longest count leaves of [`ORDER_NO_MAX`].
    pub const PREFIX_MAX: usize = ORDER_NO_MAX - "-4294967295".len();

    /// Numbers that begin with `prefix`: 1 to 53 letters, digits, `_`, `-` or `.`. `None` for
    /// another one.
    #[must_use]
    pub fn new(prefix: &str) -> Option<Self> {
        if prefix.is_empty() || !prefix.bytes().all(is_order_no) {
            return None;
        }
        Some(Self { prefix: String::try_from(prefix).ok()? })
    }

    /// The number of the order that is the `count`-th.
    #[must_use]
    pub fn number(&self, count: u32) -> String<ORDER_NO_MAX> {
        let mut number = String::new();
        // PREFIX_MAX leaves room for every count.
        let _fits = write!(number, "{}-{count}", self.prefix);
        number
    }
}

/// Whether a byte may stand in an order's number (`docs/api.md` §2.1).
pub(crate) const fn is_order_no(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

/// An order to be made: the body of `POST /v1/orders` (`docs/api.md` §2.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NewOrder {
    /// Our number of the order, the idempotency key.
    pub order_no: String<ORDER_NO_MAX>,
    /// What it costs.
    pub amount_fen: Fen,
    /// What is sold.
    pub description: String<DESCRIPTION_MAX>,
    /// How long the customer may pay.
    pub expires_in_s: u32,
}

/// The id of the one handing over of an order's goods: the server's `ship_id` (`docs/api.md`
/// §2.11).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobId(String<JOB_ID_MAX>);

impl JobId {
    /// 1 to 40 printable ASCII characters without spaces; `None` for anything else.
    #[must_use]
    pub fn new(id: &str) -> Option<Self> {
        let fits = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { String::try_from(id).ok().map(Self) } else { None }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One question to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// Make this order, or give it again when it was made.
    Make(NewOrder),
    /// How does it stand?
    Look {
        /// Which order.
        order_id: OrderId,
        /// Answer when the version is above this one, or after [`LOOK_WAIT_S`]; `None`: at once.
        after_version: Option<u64>,
    },
    /// Give it up.
    Cancel(OrderId),
    /// Claim the goods of a paid order, before they are handed over.
    Dispense(OrderId),
    /// The goods are out.
    Shipped(OrderId),
}

/// A call, and the ticket that its answer has to carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Tells answers apart: one that comes too late is for a ticket that nobody waits for.
    pub ticket: u32,
    /// The question.
    pub call: Call,
}

/// What the server said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The order as it stands.
    View(View),
    /// To [`Call::Dispense`]: the goods are this terminal's to hand over.
    Claimed {
        /// The job, the same each time.
        job: JobId,
        /// Somebody with this terminal's key has claimed it before.
        again: bool,
        /// The order as it stands.
        view: View,
    },
    /// The server understood and will not do it; asking again is of no use.
    Refused(Refusal),
}

/// Why the server will not do it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status of HTTP; 0 when the terminal refuses what the server said.
    pub status: u16,
    /// The server's word for it, or what is wrong with its answer.
    pub code: String<REFUSAL_CODE_MAX>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goods_are_what_the_server_would_take() {
        let fen = |fen| Fen::new(fen).unwrap();
        assert!(Goods::new("拿铁", fen(1)).is_ok());
        assert!(Goods::new(&"a".repeat(127), fen(9_999_999)).is_ok());
        assert_eq!(Goods::new("拿铁", Fen::ZERO), Err(GoodsError::Amount));
        assert_eq!(Goods::new("拿铁", fen(10_000_000)), Err(GoodsError::Amount));
        assert_eq!(Goods::new("", fen(1)), Err(GoodsError::Length));
        assert_eq!(Goods::new(&"铁".repeat(43), fen(1)), Err(GoodsError::Length));
        assert_eq!(Goods::new("a\nb", fen(1)), Err(GoodsError::Control));
    }

    #[test]
    fn the_largest_amount_is_whole_on_the_narrowest_display() {
        let amount = Fen::new(AMOUNT_MAX_FEN.into()).unwrap();
        let mut text = String::<16>::new();
        write!(text, "¥{}", amount.yuan()).unwrap();
        assert!(crate::font::SIZE_12.width(&text) <= 64, "{text}");
    }

    #[test]
    fn the_longest_prefix_leaves_room_for_every_count() {
        let prefix = "k".repeat(OrderNumbers::PREFIX_MAX);
        let number = OrderNumbers::new(&prefix).unwrap().number(u32::MAX);
        assert_eq!(number.len(), ORDER_NO_MAX);
        assert!(number.ends_with("-4294967295"));
    }

    #[test]
    fn a_prefix_has_the_characters_of_an_order_number() {
        for prefix in ["", "a b", "号", "a/b", &"k".repeat(OrderNumbers::PREFIX_MAX + 1)] {
            assert_eq!(OrderNumbers::new(prefix), None, "{prefix:?}");
        }
        assert_eq!(OrderNumbers::new("K.7_x-9").unwrap().number(2), "K.7_x-9-2");
    }
}
