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

/// Longest number of an order that the shop chooses, in bytes (`docs/api.md` §2.1).
pub const ORDER_NO_MAX: usize = 64;
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
    /// The price is 0 or above what WeChat takes (protocol §1).
    Amount,
    /// The description is empty or longer than 127 bytes.
    Length,
    /// The description holds a control character.
    Control,
}

impl fmt::Display for GoodsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Amount => "the amount must be 1 to 2147483647 fen",
            Self::Length => "the description must be 1 to 127 bytes of UTF-8",
            Self::Control => "the description must hold no control characters",
        })
    }
}

impl core::error::Error for GoodsError {}

impl Goods {
    /// Checks what the server would check (`docs/api.md` §2.1).
    ///
    /// # Errors
    /// [`GoodsError`] names the rule.
    pub fn new(description: &str, amount: Fen) -> Result<Self, GoodsError> {
        if amount == Fen::ZERO || amount > Fen::ORDER_MAX {
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
/// count.
///
/// The number is the order's idempotency key, so a prefix must never come again: a shell makes it
/// of the device and of random numbers or a count of starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderNumbers {
    prefix: String<{ Self::PREFIX_MAX }>,
    count: u32,
}

impl OrderNumbers {
    /// Longest prefix in bytes: what the longest count leaves of [`ORDER_NO_MAX`].
    pub const PREFIX_MAX: usize = ORDER_NO_MAX - "-4294967295".len();

    /// Numbers that begin with `prefix`: 1 to 53 letters, digits, `_`, `-` or `.`. `None` for
    /// another one.
    #[must_use]
    pub fn new(prefix: &str) -> Option<Self> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        if prefix.is_empty() || !prefix.bytes().all(fits) {
            return None;
        }
        Some(Self { prefix: String::try_from(prefix).ok()?, count: 0 })
    }

    /// The next number.
    pub(crate) fn next(&mut self) -> String<ORDER_NO_MAX> {
        self.count = self.count.wrapping_add(1);
        let mut number = String::new();
        // PREFIX_MAX leaves room for every count.
        let _fits = write!(number, "{}-{}", self.prefix, self.count);
        number
    }
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
}

/// One question to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// Make this order, or give it again when it was made.
    Make(NewOrder),
    /// How does it stand?
    Look(OrderId),
    /// Give it up.
    Cancel(OrderId),
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
#[expect(clippy::large_enum_variant, reason = "there is no heap to put the view on")]
pub enum Answer {
    /// The order as it stands.
    View(View),
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
        assert!(Goods::new(&"a".repeat(127), Fen::ORDER_MAX).is_ok());
        assert_eq!(Goods::new("拿铁", Fen::ZERO), Err(GoodsError::Amount));
        assert_eq!(Goods::new("拿铁", fen(2_147_483_648)), Err(GoodsError::Amount));
        assert_eq!(Goods::new("", fen(1)), Err(GoodsError::Length));
        assert_eq!(Goods::new(&"铁".repeat(43), fen(1)), Err(GoodsError::Length));
        assert_eq!(Goods::new("a\nb", fen(1)), Err(GoodsError::Control));
    }

    #[test]
    fn the_longest_prefix_leaves_room_for_every_count() {
        let prefix = "k".repeat(OrderNumbers::PREFIX_MAX);
        let mut numbers = OrderNumbers::new(&prefix).unwrap();
        numbers.count = u32::MAX - 1;
        let number = numbers.next();
        assert_eq!(number.len(), ORDER_NO_MAX);
        assert!(number.ends_with("-4294967295"));
    }

    #[test]
    fn a_prefix_has_the_characters_of_an_order_number() {
        for prefix in ["", "a b", "号", "a/b", &"k".repeat(OrderNumbers::PREFIX_MAX + 1)] {
            assert_eq!(OrderNumbers::new(prefix), None, "{prefix:?}");
        }
        let mut numbers = OrderNumbers::new("K.7_x-9").unwrap();
        assert_eq!(numbers.next(), "K.7_x-9-1");
        assert_eq!(numbers.next(), "K.7_x-9-2");
    }
}
