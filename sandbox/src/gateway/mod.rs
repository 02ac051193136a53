//! The gateway as a model: it does no input or output, and knows neither clock nor system.
//!
//! Time is an argument of everything, numbers come from a seed, state is plain maps. What happens:
//!
//! - [`Gateway::handle`] answers a merchant's call;
//! - [`Gateway::scan`], [`Gateway::pay`] and [`Gateway::cancel`] are what a person does on a phone;
//! - [`Gateway::poll`] gives the notifications that are due, [`Gateway::delivered`] takes what came
//!   of each.
//!
//! Around it stand a shell that speaks HTTP and a page that looks like a phone; a simulation can
//! stand there as well.

mod answer;
mod close_order;
mod fields;
pub mod input;
mod log;
mod notice;
mod numbers;
mod order;
mod order_query;
mod phone;
mod refusal;
mod request;
#[cfg(test)]
mod testing;
mod unified_order;
mod view;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use answer::Answer;
pub use fields::TOTAL_FEN_MAX;
pub use log::{Direction, Message};
pub use notice::{Delivery, NoticeState, Outcome, Poll, Returned, Schedule, UnknownDelivery};
pub use order::{CODE_LIFE_S, Coupon, CouponKind, ORDER_LIFE_S, OrderKey, TradeState};
pub use phone::{Paid, PayError, ScanRefusal, Scanned, Target, Tender};
pub use refusal::Code;
pub use view::{AttemptView, CouponView, NoticeView, OrderView, PaymentView};

use serde::{Deserialize, Serialize};

use crate::merchant::Merchant;
use crate::random::Random;
use crate::time::UnixTime;
use log::Log;
use notice::Notices;
use order::Order;
use refusal::Refusal;

/// The calls that the gateway answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Call {
    /// 统一下单: makes an order, or a new code for it.
    UnifiedOrder,
    /// 查询订单: tells an order's state.
    OrderQuery,
    /// 关闭订单: closes an order.
    CloseOrder,
}

impl Call {
    /// All calls.
    pub const ALL: [Self; 3] = [Self::UnifiedOrder, Self::OrderQuery, Self::CloseOrder];

    /// The path of the call (`docs/protocol.md` §1).
    pub const fn path(self) -> &'static str {
        match self {
            Self::UnifiedOrder => "/pay/unifiedorder",
            Self::OrderQuery => "/pay/orderquery",
            Self::CloseOrder => "/pay/closeorder",
        }
    }
}

/// A call as it arrives by POST.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// The body.
    pub body: &'a [u8],
    /// The merchant number in the client certificate that the caller has proved to hold, if any.
    pub certificate: Option<&'a str>,
}

impl<'a> Arrival<'a> {
    /// A call without a client certificate.
    pub const fn of(body: &'a [u8]) -> Self {
        Self { body, certificate: None }
    }
}

/// The rules that a desk may want to be others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// When an unanswered notification is repeated.
    pub schedule: Schedule,
    /// How many seconds after its creation an order may be closed (`docs/protocol.md` §6).
    pub min_close_s: i64,
}

impl Default for Rules {
    /// As the current pages say.
    fn default() -> Self {
        Self { schedule: Schedule::Current, min_close_s: 300 }
    }
}

/// The gateway.
#[derive(Debug)]
pub struct Gateway {
    rules: Rules,
    merchants: BTreeMap<String, Arc<Merchant>>,
    orders: BTreeMap<OrderKey, Order>,
    /// Every `code_url` ever given out, dead ones too.
    codes: BTreeMap<String, OrderKey>,
    transactions: BTreeMap<String, OrderKey>,
    /// The one person with a phone, as each appid knows them.
    openids: BTreeMap<String, String>,
    notices: Notices,
    log: Log,
    random: Random,
}

impl Gateway {
    /// A gateway without orders. Of two merchants with one number the last one counts.
    pub fn new(rules: Rules, merchants: impl IntoIterator<Item = Merchant>, seed: u64) -> Self {
        let mut gateway = Self {
            rules,
            merchants: BTreeMap::new(),
            orders: BTreeMap::new(),
            codes: BTreeMap::new(),
            transactions: BTreeMap::new(),
            openids: BTreeMap::new(),
            notices: Notices::new(rules.schedule),
            log: Log::default(),
            random: Random::new(seed),
        };
        for merchant in merchants {
            gateway.admit(merchant);
        }
        gateway
    }

    /// Takes one more merchant; in place of the one with its number, if there is one.
    pub fn admit(&mut self, merchant: Merchant) {
        self.merchants.insert(merchant.mch_id.clone(), Arc::new(merchant));
    }

    /// Answers a call that came by POST.
    pub fn handle(&mut self, call: Call, arrival: &Arrival<'_>, now: UnixTime) -> Answer {
        let (answer, request) = match self.authenticate(arrival.body) {
            Err(refusal) => (Answer::unsigned(refusal), None),
            Ok(request) => {
                let reply = match call {
                    Call::UnifiedOrder => self.unified_order(&request, now),
                    Call::OrderQuery => self.order_query(&request, now),
                    Call::CloseOrder => self.close_order(&request, now),
                };
                let nonce = numbers::nonce(&mut self.random);
                (Answer::signed(&request, reply, nonce), Some(request))
            }
        };
        let field = |name| request.as_ref().and_then(|request| request.document.filled(name));
        self.log.push(Message {
            at: now.0,
            direction: Direction::In,
            name: call.path().to_owned(),
            mch_id: field("mch_id").map(str::to_owned),
            out_trade_no: field("out_trade_no").map(str::to_owned),
            request: String::from_utf8_lossy(arrival.body).into_owned(),
            response: answer.text().into_owned(),
            code: answer.code.map(Code::as_str),
            detail: answer.detail.clone(),
        });
        answer
    }

    /// Answers a call that did not come by POST.
    pub fn handle_other_method(&mut self, call: Call, now: UnixTime) -> Answer {
        let refusal = Refusal::new(Code::RequirePostMethod, "请使用post方法");
        let answer = Answer::unsigned(refusal);
        self.log.push(Message {
            at: now.0,
            direction: Direction::In,
            name: call.path().to_owned(),
            mch_id: None,
            out_trade_no: None,
            request: String::new(),
            response: answer.text().into_owned(),
            code: answer.code.map(Code::as_str),
            detail: None,
        });
        answer
    }

    /// The last calls and notifications, oldest first.
    pub fn messages(&self) -> impl Iterator<Item = &Message> {
        self.log.iter()
    }
}
