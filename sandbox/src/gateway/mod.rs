//! The gateway as a model: it does no input or output, and knows neither clock nor system.
//!
//! Time is an argument of everything, numbers come from a seed, state is plain maps. What happens:
//!
//! - [`Gateway::handle`] answers a merchant's call;
//! - [`Gateway::begin_scan`], [`Gateway::pay`] and [`Gateway::cancel`] are what a person does on a
//!   phone;
//! - [`Gateway::poll`] gives the notifications that are due and the questions that scans of product
//!   codes put, [`Gateway::delivered`] takes what came of each;
//! - [`Gateway::add_fault`] asks for what the real gateway does only now and then.
//!
//! Around it stand a shell that speaks HTTP and a page that looks like a phone; a simulation can
//! stand there as well.

mod answer;
mod bill;
mod call;
mod certificate;
mod close_order;
mod example;
mod explain;
mod fault;
mod fields;
mod fund_bill;
mod index;
pub mod input;
mod ledger;
mod limits;
mod log;
mod mistakes;
mod mode_one;
mod nested;
mod notice;
mod numbers;
mod old_sandbox;
mod order;
mod order_query;
mod people;
mod phone;
mod refund;
mod refusal;
mod request;
mod search;
mod settings;
mod short_url;
mod slow;
#[cfg(test)]
mod testing;
mod trade_bill;
mod unified_order;
mod view;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use answer::Answer;
pub use call::{Call, UnknownCall};
pub use certificate::Certificates;
pub use explain::{ExplainedField, Explanation, Signer};
pub use fault::{
    AnswerEnd, CATALOGUE, FAULT_RULES_MAX, Fault, FaultEntry, FaultError, FaultName, FaultRule,
    FaultView, Manner, Often, Strikes, Takes,
};
pub use fields::TOTAL_FEN_MAX;
pub use ledger::{Entry, Event, LedgerRefund};
pub use limits::Limits;
pub use log::{Direction, Message, Numbered};
pub use mistakes::Mistake;
pub use mode_one::{ScanError, Scanning};
pub use notice::{
    Delivery, NoticeKind, NoticeState, Outcome, Poll, Returned, Schedule, UnknownDelivery,
};
pub use order::{CODE_LIFE_S, Coupon, CouponKind, ORDER_LIFE_S, OrderKey, TradeState};
pub use people::{Method, NotAPerson, Person};
pub use phone::{Paid, PayError, ScanRefusal, Scanned, Target, Tender};
pub use refund::{
    ConsoleRefund, Ending, Funds, REFUND_WITHIN_S, REFUNDS_MAX, RefundAccount, RefundChannel,
    RefundEnd, RefundError, RefundTarget, RefundView,
};
pub use refusal::Code;
pub use search::OrderFilter;
pub use settings::{SettingsChange, SettingsError, SettingsView};
pub use slow::AFTER_S_MAX;
pub use view::{
    AttemptView, CouponView, FailedView, NoticeView, ORDERS_SHOWN, OrderView, PayingView,
    PaymentView,
};

use crate::merchant::Merchant;
use crate::random::Random;
use crate::time::UnixTime;
use answer::Reply;
use fault::Faults;
use index::Index;
use ledger::Ledger;
use limits::Counters;
use log::Log;
use mode_one::Scans;
use notice::Notices;
use old_sandbox::OldSandbox;
use order::Order;
use people::People;
use refund::{FundsOfAll, Refunds};
use refusal::Refusal;
use request::Request;
use short_url::ShortLinks;
use slow::SlowQueue;

/// A call as it arrives by POST.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// The body.
    pub body: &'a [u8],
    /// The merchant number in the client certificate that the caller has proved to hold, if any.
    pub certificate: Option<&'a str>,
    /// The faults that its header asks for.
    pub faults: &'a [Fault],
}

impl<'a> Arrival<'a> {
    /// A call without a client certificate or anything else.
    pub const fn of(body: &'a [u8]) -> Self {
        Self { body, certificate: None, faults: &[] }
    }
}

/// The rules that a desk may want to be others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// When an unanswered notification is repeated.
    pub schedule: Schedule,
    /// How many seconds after its creation an order may be closed (`docs/protocol.md` §6).
    pub min_close_s: i64,
    /// How many calls a merchant may make in a second.
    pub limits: Limits,
    /// Whether some amounts ask for faults, as the catalogue says.
    pub magic_amounts: bool,
    /// How many of a thousand calls, payments and notifications a fault strikes at random.
    pub faults_per_mille: u16,
    /// Whether refunds and fund bills need the merchant's client certificate.
    pub certificates: Certificates,
    /// How many seconds after it was accepted a refund ends; 0 for at once. WeChat takes from
    /// seconds to three working days.
    pub refund_after_s: i64,
    /// How many seconds lie between two refunds of one payment at least (`docs/protocol.md` §7).
    pub refund_gap_s: i64,
    /// Whether the order query says CLOSED of a payment that has gone back as a whole, as some have
    /// seen it, instead of REFUND (`docs/protocol.md` §5).
    pub closed_when_refunded: bool,
}

impl Default for Rules {
    /// As the current pages say, without faults.
    fn default() -> Self {
        Self {
            schedule: Schedule::Current,
            min_close_s: 300,
            limits: Limits::default(),
            magic_amounts: false,
            faults_per_mille: 0,
            certificates: Certificates::Demanded,
            refund_after_s: 5,
            refund_gap_s: 60,
            closed_when_refunded: false,
        }
    }
}

/// The gateway.
#[derive(Debug)]
pub struct Gateway {
    rules: Rules,
    seed: u64,
    merchants: BTreeMap<String, Arc<Merchant>>,
    orders: BTreeMap<OrderKey, Order>,
    index: Index,
    /// Every `code_url` ever given out, dead ones too.
    codes: BTreeMap<String, OrderKey>,
    /// Every `prepay_id` ever given out: what mode one names an order by.
    prepay_ids: BTreeMap<String, OrderKey>,
    transactions: BTreeMap<String, OrderKey>,
    links: ShortLinks,
    people: People,
    slow: SlowQueue,
    notices: Notices,
    faults: Faults,
    counters: Counters,
    scans: Scans,
    ledger: Ledger,
    refunds: Refunds,
    funds: FundsOfAll,
    /// Whether this one is itself the old sandbox of another.
    is_old_sandbox: bool,
    /// Made when somebody calls it first.
    old_sandbox: Option<OldSandbox>,
    log: Log,
    random: Random,
}

/// What a call does whose answer is signed.
type Act = fn(&mut Gateway, &Request, UnixTime) -> Result<Reply, Refusal>;

impl Gateway {
    /// A gateway without orders. Of two merchants with one number the last one counts.
    pub fn new(rules: Rules, merchants: impl IntoIterator<Item = Merchant>, seed: u64) -> Self {
        let mut gateway = Self {
            rules,
            seed,
            merchants: BTreeMap::new(),
            orders: BTreeMap::new(),
            index: Index::default(),
            codes: BTreeMap::new(),
            prepay_ids: BTreeMap::new(),
            transactions: BTreeMap::new(),
            links: ShortLinks::default(),
            people: People::default(),
            slow: SlowQueue::default(),
            notices: Notices::new(rules.schedule),
            faults: Faults::new(&rules, seed),
            counters: Counters::default(),
            scans: Scans::default(),
            ledger: Ledger::default(),
            refunds: Refunds::default(),
            funds: FundsOfAll::default(),
            is_old_sandbox: false,
            old_sandbox: None,
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
        self.settle(now);
        let request = self.request(call, arrival);
        let stricken = self.stricken(call, arrival, request.as_ref().ok());
        let before = self.struck_before(call, stricken.as_ref());
        let (answer, request) = match before {
            Some(answer) => (answer, request.ok()),
            None => self.answer(call, arrival, request, now),
        };
        let answer = self.struck_after(call, stricken, answer, now);
        let field = |name| request.as_ref().and_then(|request| request.document.filled(name));
        self.log.push(Message {
            at: now.0,
            direction: Direction::In,
            name: call.path().to_owned(),
            mch_id: field("mch_id").map(str::to_owned),
            out_trade_no: field("out_trade_no").map(str::to_owned),
            request: String::from_utf8_lossy(arrival.body).into_owned(),
            response: match call {
                // It holds a key.
                Call::SignKey | Call::NewSignKey if answer.code.is_none() => "(a key)".to_owned(),
                _ => answer.for_log(),
            },
            code: answer.code.map(Code::as_str),
            detail: answer.detail.clone(),
        });
        answer
    }

    /// Who asks for what, when the call is a request.
    fn request(&self, call: Call, arrival: &Arrival<'_>) -> Result<Request, Refusal> {
        match call {
            Call::ShortUrl => self.authenticate_link(arrival.body),
            Call::DownloadBill | Call::DownloadFundFlow => self.bill_request(call, arrival),
            _ => self.authenticate(arrival.body),
        }
    }

    /// Does what a call asks for; gives also the request, if it was one.
    fn answer(
        &mut self,
        call: Call,
        arrival: &Arrival<'_>,
        request: Result<Request, Refusal>,
        now: UnixTime,
    ) -> (Answer, Option<Request>) {
        let act: Act = match call {
            Call::UnifiedOrder => Self::unified_order,
            Call::OrderQuery => |gateway, request, now| gateway.order_query(request, now),
            Call::CloseOrder => Self::close_order,
            Call::ShortUrl => Self::short_url,
            Call::Refund => Self::refund,
            Call::RefundQuery => |gateway, request, now| gateway.refund_query(request, now),
            Call::DownloadBill | Call::DownloadFundFlow => {
                return self.answer_bill(call, arrival, now);
            }
            Call::SignKey | Call::NewSignKey => return self.answer_key(arrival, now),
            Call::OldUnifiedOrder => return self.answer_old(Call::UnifiedOrder, arrival, now),
            Call::OldOrderQuery => return self.answer_old(Call::OrderQuery, arrival, now),
            Call::OldCloseOrder => return self.answer_old(Call::CloseOrder, arrival, now),
            Call::OldRefund | Call::OldSecRefund => {
                return self.answer_old(Call::Refund, arrival, now);
            }
            Call::OldRefundQuery => return self.answer_old(Call::RefundQuery, arrival, now),
            Call::OldDownloadBill => return self.answer_old(Call::DownloadBill, arrival, now),
        };
        let request = match request {
            Ok(request) => request,
            Err(refusal) => return (Answer::unsigned(refusal), None),
        };
        if self.is_old_sandbox
            && let Err(refusal) = old_sandbox::check_case(call, &request)
        {
            return (Answer::unsigned(refusal), Some(request));
        }
        let certified = self.certified(call, &request.merchant, arrival);
        let allowed = certified.and_then(|()| self.within_limits(call, &request, now));
        let mut reply = allowed.and_then(|()| act(self, &request, now));
        self.count_mistake(call, &request, &reply, now);
        if self.is_old_sandbox {
            reply = reply.map(old_sandbox::in_its_words);
        }
        let nonce = numbers::nonce(&mut self.random);
        (Answer::signed(call, &request, reply, nonce), Some(request))
    }

    /// Answers a call that did not come by POST.
    pub fn handle_other_method(&mut self, call: Call, now: UnixTime) -> Answer {
        let refusal = Refusal::new(Code::RequirePostMethod, "请使用post方法");
        let answer = if call.is_bill() {
            Answer::no_bill(bill::in_bill_words(refusal))
        } else {
            Answer::unsigned(refusal)
        };
        self.log.push(Message {
            at: now.0,
            direction: Direction::In,
            name: call.path().to_owned(),
            mch_id: None,
            out_trade_no: None,
            request: String::new(),
            response: answer.for_log(),
            code: answer.code.map(Code::as_str),
            detail: None,
        });
        answer
    }

    /// What a person did on a phone, for the log.
    fn log_phone(
        &mut self,
        key: &OrderKey,
        name: &str,
        refusal: Option<&'static str>,
        now: UnixTime,
    ) {
        self.log.push(Message {
            at: now.0,
            direction: Direction::Phone,
            name: name.to_owned(),
            mch_id: Some(key.mch_id.clone()),
            out_trade_no: Some(key.out_trade_no.clone()),
            request: String::new(),
            response: String::new(),
            code: refusal,
            detail: None,
        });
    }

    /// The seed that names the numbers and codes given out, and the faults at random.
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// The last calls and notifications with their numbers, oldest first.
    pub fn numbered_messages(&self) -> impl Iterator<Item = Numbered<'_>> {
        self.log.numbered()
    }

    /// The last calls and notifications, oldest first.
    pub fn messages(&self) -> impl Iterator<Item = &Message> {
        self.log.iter()
    }
}
