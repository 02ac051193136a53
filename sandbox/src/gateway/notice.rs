//! Payment notifications: what is in them, when they are sent, and what counts as an
//! acknowledgement (`docs/protocol.md` §9).

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::Gateway;
use super::answer::signature;
use super::log::{Direction, Message};
use super::order::{Order, OrderKey, Payment};
use crate::merchant::Merchant;
use crate::time::UnixTime;
use crate::xml::{self, Document, Field};

/// When a notification that was not acknowledged is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// The schedule of now: 15 repetitions over 24 hours.
    Current,
    /// The schedule of pages before about 2018: 9 repetitions over 3 hours.
    Old,
}

impl Schedule {
    /// The seconds from each sending to the next one.
    pub const fn gaps_s(self) -> &'static [i64] {
        match self {
            Self::Current => &[
                15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10_800, 10_800, 10_800, 21_600,
                21_600,
            ],
            Self::Old => &[15, 15, 30, 180, 1800, 1800, 1800, 1800, 3600],
        }
    }
}

/// A notification to send now, by POST.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Names this sending to [`Gateway::delivered`].
    pub id: u64,
    /// Where to.
    pub url: String,
    /// The signed document.
    pub body: String,
}

/// What [`Gateway::poll`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Poll {
    /// To be sent now. Each is given once.
    pub send: Vec<Delivery>,
    /// When something is due next, unless something else happens before.
    pub wake_at: Option<UnixTime>,
}

/// What came back from sending something. What it means is the gateway's to judge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Returned {
    /// A whole answer.
    Answer {
        /// Its HTTP status.
        status: u16,
        /// Its body.
        #[serde(with = "super::input::text_or_hex")]
        body: Vec<u8>,
    },
    /// An answer longer than anything that is read.
    TooLong,
    /// No whole answer in time.
    Late,
    /// The merchant could not be reached.
    Unreachable {
        /// Why.
        reason: String,
    },
}

/// What came of sending a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The merchant acknowledged it.
    Acknowledged,
    /// The merchant answered with something else.
    Refused {
        /// What was wrong with the answer.
        reason: String,
    },
    /// No whole answer came in time.
    TimedOut,
    /// The merchant could not be reached.
    Unreachable {
        /// Why.
        reason: String,
    },
}

impl From<Returned> for Outcome {
    fn from(returned: Returned) -> Self {
        match returned {
            Returned::Answer { status, body } => Self::of_answer(status, &body),
            Returned::TooLong => Self::Refused { reason: "the answer is too long".to_owned() },
            Returned::Late => Self::TimedOut,
            Returned::Unreachable { reason } => Self::Unreachable { reason },
        }
    }
}

impl Outcome {
    /// Reads a merchant's answer: HTTP 200 and a document whose `return_code` is SUCCESS is an
    /// acknowledgement, anything else is none.
    pub fn of_answer(status: u16, body: &[u8]) -> Self {
        let refused = |reason: String| Self::Refused { reason };
        if status != 200 {
            return refused(format!("HTTP status {status}, not 200"));
        }
        let document = match Document::read(body) {
            Ok(document) => document,
            Err(error) => return refused(format!("the answer is not a v2 document: {error}")),
        };
        match document.get("return_code") {
            Some("SUCCESS") => Self::Acknowledged,
            Some(code) => {
                let text = document.get("return_msg").unwrap_or_default();
                refused(format!("return_code {code}: {text}"))
            }
            None => refused("the answer has no return_code".to_owned()),
        }
    }

    /// One word for it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Acknowledged => "acknowledged",
            Self::Refused { .. } => "refused",
            Self::TimedOut => "timed_out",
            Self::Unreachable { .. } => "unreachable",
        }
    }

    /// What more there is to say.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::Refused { reason } | Self::Unreachable { reason } => Some(reason),
            Self::Acknowledged | Self::TimedOut => None,
        }
    }
}

/// How far a notification is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeState {
    /// It is being sent or will be sent again.
    Pending,
    /// The merchant has acknowledged it.
    Acknowledged,
    /// It was sent as often as the schedule says, in vain.
    GivenUp,
    /// It was never meant to be sent, unless by hand.
    Held,
}

impl NoticeState {
    /// One word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Acknowledged => "acknowledged",
            Self::GivenUp => "given_up",
            Self::Held => "held",
        }
    }
}

/// The notification of one payment. Each sending has the same bytes.
#[derive(Debug)]
pub(super) struct Notice {
    pub(super) order: OrderKey,
    pub(super) transaction_id: String,
    url: String,
    body: String,
    pub(super) state: NoticeState,
    /// When the schedule sends it next; `None` while it is on its way, and at the end.
    pub(super) due: Option<UnixTime>,
    /// How many gaps of the schedule are used up.
    repeats: usize,
    /// Copies to send at once, outside the schedule.
    extra: u32,
    pub(super) attempts: Vec<Attempt>,
}

/// One sending.
#[derive(Debug)]
pub(super) struct Attempt {
    id: u64,
    pub(super) sent_at: UnixTime,
    /// Whether the schedule sent it; a copy by hand does not move the schedule.
    pub(super) scheduled: bool,
    /// `None` while it is on its way.
    pub(super) outcome: Option<Outcome>,
}

/// All notifications.
#[derive(Debug)]
pub(super) struct Notices {
    schedule: Schedule,
    all: Vec<Notice>,
    /// What is on its way: the number of the sending, and whose it is.
    in_flight: BTreeMap<u64, usize>,
    next_id: u64,
}

/// [`Gateway::delivered`] was told of a sending that is not on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownDelivery;

impl fmt::Display for UnknownDelivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no such notification is on its way")
    }
}

impl std::error::Error for UnknownDelivery {}

impl Notices {
    pub(super) const fn new(schedule: Schedule) -> Self {
        Self { schedule, all: Vec::new(), in_flight: BTreeMap::new(), next_id: 1 }
    }

    /// Takes a payment's notification; `due` is when to send it first, `None` for never.
    pub(super) fn add(
        &mut self,
        order: &Order,
        payment: &Payment,
        body: String,
        due: Option<UnixTime>,
    ) {
        self.all.push(Notice {
            order: order.key.clone(),
            transaction_id: payment.transaction_id.clone(),
            url: order.notify_url.clone(),
            body,
            state: if due.is_some() { NoticeState::Pending } else { NoticeState::Held },
            due,
            repeats: 0,
            extra: 0,
            attempts: Vec::new(),
        });
    }

    pub(super) fn of(&self, transaction_id: &str) -> Option<&Notice> {
        self.all.iter().find(|notice| notice.transaction_id == transaction_id)
    }

    /// Sends `copies` of a payment's notification as soon as somebody polls.
    pub(super) fn send_now(&mut self, transaction_id: &str, copies: u32) {
        let mut all = self.all.iter_mut();
        if let Some(notice) = all.find(|notice| notice.transaction_id == transaction_id) {
            notice.extra = notice.extra.saturating_add(copies);
        }
    }

    fn poll(&mut self, now: UnixTime) -> Poll {
        let mut send = Vec::new();
        for (at, notice) in self.all.iter_mut().enumerate() {
            let scheduled = notice.due.is_some_and(|due| due <= now);
            if scheduled {
                notice.due = None;
            }
            let copies = std::iter::repeat_n(false, notice.extra as usize);
            notice.extra = 0;
            for scheduled in scheduled.then_some(true).into_iter().chain(copies) {
                let id = self.next_id;
                self.next_id += 1;
                self.in_flight.insert(id, at);
                notice.attempts.push(Attempt { id, sent_at: now, scheduled, outcome: None });
                let (url, body) = (notice.url.clone(), notice.body.clone());
                send.push(Delivery { id, url, body });
            }
        }
        Poll { send, wake_at: self.all.iter().filter_map(|notice| notice.due).min() }
    }

    /// Takes what came of a sending; gives back the notification it belongs to.
    fn delivered(
        &mut self,
        id: u64,
        outcome: Outcome,
        now: UnixTime,
    ) -> Result<&Notice, UnknownDelivery> {
        let at = self.in_flight.remove(&id).ok_or(UnknownDelivery)?;
        let notice = &mut self.all[at];
        let mut attempts = notice.attempts.iter_mut();
        let attempt = attempts.find(|attempt| attempt.id == id).ok_or(UnknownDelivery)?;
        let (scheduled, sent_at) = (attempt.scheduled, attempt.sent_at);
        let acknowledged = outcome == Outcome::Acknowledged;
        attempt.outcome = Some(outcome);
        if acknowledged {
            notice.state = NoticeState::Acknowledged;
            notice.due = None;
        } else if scheduled && notice.state == NoticeState::Pending {
            match self.schedule.gaps_s().get(notice.repeats) {
                Some(gap_s) => {
                    notice.repeats += 1;
                    notice.due = Some(sent_at.plus(*gap_s).max(now));
                }
                None => notice.state = NoticeState::GivenUp,
            }
        }
        Ok(notice)
    }

    fn is_quiet(&self, now: UnixTime) -> bool {
        let silent = |notice: &Notice| notice.extra == 0 && notice.due.is_none_or(|due| due > now);
        self.in_flight.is_empty() && self.all.iter().all(silent)
    }
}

impl Gateway {
    /// The notifications that are due, each given once, and when to ask again.
    pub fn poll(&mut self, now: UnixTime) -> Poll {
        self.notices.poll(now)
    }

    /// Takes what came back from a sending, and says what it means.
    ///
    /// # Errors
    ///
    /// When it is not on its way: never given, or already answered.
    pub fn delivered(
        &mut self,
        id: u64,
        returned: Returned,
        now: UnixTime,
    ) -> Result<Outcome, UnknownDelivery> {
        let outcome = Outcome::from(returned);
        let response = outcome.as_str().to_owned();
        let detail = outcome.detail().map(str::to_owned);
        let notice = self.notices.delivered(id, outcome.clone(), now)?;
        self.log.push(Message {
            at: now.0,
            direction: Direction::Out,
            name: notice.url.clone(),
            mch_id: Some(notice.order.mch_id.clone()),
            out_trade_no: Some(notice.order.out_trade_no.clone()),
            request: notice.body.clone(),
            response,
            code: None,
            detail,
        });
        Ok(outcome)
    }

    /// The sendings that are on their way, by their numbers.
    pub fn in_flight(&self) -> Vec<u64> {
        self.notices.in_flight.keys().copied().collect()
    }

    /// Whether no notification is on its way or due.
    pub fn is_quiet(&self, now: UnixTime) -> bool {
        self.notices.is_quiet(now)
    }
}

/// The notification of a payment, in the shape seen: names in alphabetical order, everything in
/// CDATA but `total_fee` and `coupon_fee`, no `return_msg`, no `sign_type`, `sign` at the end.
pub(super) fn body(order: &Order, payment: &Payment, merchant: &Merchant, nonce: String) -> String {
    let mut fields = vec![
        Field::cdata("appid", &order.appid),
        Field::cdata("bank_type", "OTHERS"),
        Field::cdata("cash_fee", payment.cash_fen().to_string()),
        Field::cdata("fee_type", "CNY"),
        Field::cdata("is_subscribe", "N"),
        Field::cdata("mch_id", &order.key.mch_id),
        Field::cdata("nonce_str", nonce),
        Field::cdata("openid", &payment.openid),
        Field::cdata("out_trade_no", &order.key.out_trade_no),
        Field::cdata("result_code", "SUCCESS"),
        Field::cdata("return_code", "SUCCESS"),
        Field::cdata("time_end", payment.paid_at.beijing()),
        Field::plain("total_fee", payment.total_fen),
        Field::cdata("trade_type", "NATIVE"),
        Field::cdata("transaction_id", &payment.transaction_id),
    ];
    fields.extend(order.attach.as_ref().map(|attach| Field::cdata("attach", attach)));
    fields.extend(order.device_info.as_ref().map(|device| Field::cdata("device_info", device)));
    if let Some(settlement_fen) = payment.settlement_fen() {
        fields.push(Field::cdata("settlement_total_fee", settlement_fen.to_string()));
    }
    if !payment.coupons.is_empty() {
        fields.push(Field::cdata("coupon_count", payment.coupons.len().to_string()));
        fields.push(Field::plain("coupon_fee", payment.coupon_fen()));
    }
    for (n, coupon) in payment.coupons.iter().enumerate() {
        fields.push(Field::cdata(format!("coupon_fee_{n}"), coupon.fee_fen.to_string()));
        fields.push(Field::cdata(format!("coupon_id_{n}"), &coupon.id));
        let kind = coupon.kind.map(|kind| Field::cdata(format!("coupon_type_{n}"), kind.as_str()));
        fields.extend(kind);
    }
    fields.sort_by(|a, b| a.name.cmp(&b.name));
    fields.push(signature(&fields, merchant, order.algorithm));
    xml::write(&fields)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{KEY, NOTIFY_URL, NOW, Shop};
    use super::super::{Coupon, CouponKind, Rules, Target, Tender};
    use super::*;
    use crate::sign::{self, Algorithm, Key};

    const NO: &str = "SM20261123000001";

    /// A shop with a paid order whose notification was not sent yet.
    fn paid(tender: Tender) -> Shop {
        let mut shop = Shop::new();
        shop.order(NO, &[("attach", "深圳分店")]);
        shop.pay(NO, tender).unwrap();
        shop
    }

    /// What is due now; there must be one.
    fn due(shop: &mut Shop) -> Delivery {
        let mut send = shop.gateway.poll(shop.now).send;
        assert_eq!(send.len(), 1);
        send.pop().unwrap()
    }

    fn acknowledged() -> Returned {
        let body = b"<xml><return_code>SUCCESS</return_code></xml>".to_vec();
        Returned::Answer { status: 200, body }
    }

    fn refused() -> Returned {
        Returned::Answer { status: 500, body: Vec::new() }
    }

    fn state(shop: &Shop) -> &'static str {
        shop.gateway.orders(shop.now)[0].payments[0].notification.state
    }

    #[test]
    fn a_notification_has_the_seen_shape() {
        let mut shop = paid(Tender {
            coupons: vec![Coupon { id: "2000000000276621044".into(), fee_fen: 58, kind: None }],
            ..Tender::default()
        });
        let delivery = due(&mut shop);
        assert_eq!(delivery.url, NOTIFY_URL);
        let document = Document::read(delivery.body.as_bytes()).unwrap();
        let names: Vec<_> = document.iter().map(|(name, _)| name).collect();
        assert_eq!(
            names,
            [
                "appid",
                "attach",
                "bank_type",
                "cash_fee",
                "coupon_count",
                "coupon_fee",
                "coupon_fee_0",
                "coupon_id_0",
                "fee_type",
                "is_subscribe",
                "mch_id",
                "nonce_str",
                "openid",
                "out_trade_no",
                "result_code",
                "return_code",
                "time_end",
                "total_fee",
                "trade_type",
                "transaction_id",
                "sign"
            ]
        );
        assert!(delivery.body.contains("<total_fee>1800</total_fee>"));
        assert!(delivery.body.contains("<coupon_fee>58</coupon_fee>"));
        assert!(delivery.body.contains("<cash_fee><![CDATA[1742]]></cash_fee>"));
        assert!(delivery.body.contains("<attach><![CDATA[深圳分店]]></attach>"));
    }

    #[test]
    fn coupons_that_were_given_away_make_the_settlement_smaller() {
        let mut shop = paid(Tender {
            coupons: vec![
                Coupon { id: "10000".into(), fee_fen: 99, kind: Some(CouponKind::Cash) },
                Coupon { id: "10001".into(), fee_fen: 500, kind: Some(CouponKind::NoCash) },
            ],
            ..Tender::default()
        });
        let document = Document::read(due(&mut shop).body.as_bytes()).unwrap();
        for (name, value) in [
            ("cash_fee", "1201"),
            ("settlement_total_fee", "1300"),
            ("coupon_fee", "599"),
            ("coupon_count", "2"),
            ("coupon_type_0", "CASH"),
            ("coupon_type_1", "NO_CASH"),
        ] {
            assert_eq!(document.get(name), Some(value), "{name}");
        }
    }

    #[test]
    fn a_notification_is_signed_with_the_algorithm_of_its_order() {
        for (algorithm, length) in [(Algorithm::Md5, 32), (Algorithm::HmacSha256, 64)] {
            let mut shop = Shop::new();
            shop.algorithm = algorithm;
            shop.order(NO, &[]);
            shop.pay(NO, Tender::default()).unwrap();
            let document = Document::read(due(&mut shop).body.as_bytes()).unwrap();
            let sign = document.get("sign").unwrap();
            assert_eq!((sign.len(), document.get("sign_type")), (length, None));
            assert!(sign::verify(document.iter(), &Key::new(KEY).unwrap(), algorithm, sign));
        }
    }

    #[test]
    fn a_notification_is_sent_once_and_no_more_when_it_is_acknowledged() {
        let mut shop = paid(Tender::default());
        let delivery = due(&mut shop);
        assert!(shop.gateway.poll(NOW).send.is_empty(), "it is on its way");
        shop.gateway.delivered(delivery.id, acknowledged(), NOW).unwrap();
        let nothing = Poll { send: Vec::new(), wake_at: None };
        assert_eq!(shop.gateway.poll(NOW.plus(90_000)), nothing);
        assert_eq!(state(&shop), "acknowledged");
        let again = shop.gateway.delivered(delivery.id, acknowledged(), NOW);
        assert_eq!(again, Err(UnknownDelivery));
    }

    #[test]
    fn an_unanswered_notification_is_repeated_on_the_schedule() {
        for (schedule, sum_s) in [(Schedule::Current, 86_640), (Schedule::Old, 11_040)] {
            let mut shop = Shop::with_rules(Rules { schedule, ..Rules::default() });
            shop.order(NO, &[]);
            shop.pay(NO, Tender::default()).unwrap();
            let first = due(&mut shop);
            shop.gateway.delivered(first.id, Returned::Late, shop.now).unwrap();
            for gap_s in schedule.gaps_s() {
                let next = shop.now.plus(*gap_s);
                let early = shop.gateway.poll(next.plus(-1));
                assert_eq!(early, Poll { send: Vec::new(), wake_at: Some(next) });
                shop.now = next;
                let delivery = due(&mut shop);
                assert_eq!(delivery.body, first.body, "each sending has the same bytes");
                shop.gateway.delivered(delivery.id, refused(), shop.now).unwrap();
            }
            assert_eq!(shop.now.since(NOW), sum_s);
            assert_eq!(shop.gateway.poll(shop.now.plus(1_000_000)).wake_at, None);
            assert_eq!(state(&shop), "given_up");
        }
    }

    #[test]
    fn the_gap_counts_from_the_sending_not_from_the_answer() {
        let mut shop = paid(Tender::default());
        let delivery = due(&mut shop);
        shop.gateway.delivered(delivery.id, Returned::Late, NOW.plus(5)).unwrap();
        assert_eq!(shop.gateway.poll(NOW.plus(5)).wake_at, Some(NOW.plus(15)));
    }

    #[test]
    fn an_acknowledgement_at_last_ends_the_schedule() {
        let mut shop = paid(Tender::default());
        for outcome in [refused(), Returned::Late, acknowledged()] {
            let delivery = due(&mut shop);
            shop.gateway.delivered(delivery.id, outcome, shop.now).unwrap();
            shop.now = shop.now.plus(15);
        }
        assert_eq!(shop.gateway.poll(shop.now).wake_at, None);
        let attempts = &shop.gateway.orders(NOW)[0].payments[0].notification.attempts;
        let outcomes: Vec<_> = attempts.iter().map(|attempt| attempt.outcome).collect();
        assert_eq!(outcomes, [Some("refused"), Some("timed_out"), Some("acknowledged")]);
    }

    #[test]
    fn copies_by_hand_go_out_together_and_leave_the_schedule_alone() {
        let mut shop = paid(Tender::default());
        let first = due(&mut shop);
        shop.gateway.delivered(first.id, refused(), NOW).unwrap();
        shop.gateway.send_again(&Target::of_number(NO), 3).unwrap();
        let poll = shop.gateway.poll(NOW.plus(1));
        assert_eq!((poll.send.len(), poll.wake_at), (3, Some(NOW.plus(15))));
        for delivery in poll.send {
            assert_eq!(delivery.body, first.body);
            shop.gateway.delivered(delivery.id, refused(), NOW.plus(1)).unwrap();
        }
        assert_eq!(shop.gateway.poll(NOW.plus(1)).wake_at, Some(NOW.plus(15)));
    }

    #[test]
    fn an_acknowledged_notification_can_be_sent_again_by_hand() {
        let mut shop = paid(Tender::default());
        let delivery = due(&mut shop);
        shop.gateway.delivered(delivery.id, acknowledged(), NOW).unwrap();
        shop.gateway.send_again(&Target::of_number(NO), 1).unwrap();
        let copy = due(&mut shop);
        shop.gateway.delivered(copy.id, refused(), NOW).unwrap();
        assert_eq!(shop.gateway.poll(NOW.plus(90_000)).wake_at, None, "one answer was enough");
        assert_eq!(state(&shop), "acknowledged");
    }

    #[test]
    fn a_held_notification_goes_out_by_hand_only() {
        let mut shop = paid(Tender { notify: false, ..Tender::default() });
        assert_eq!(state(&shop), "held");
        assert!(shop.gateway.poll(NOW.plus(90_000)).send.is_empty());
        shop.gateway.send_again(&Target::of_number(NO), 1).unwrap();
        let delivery = due(&mut shop);
        shop.gateway.delivered(delivery.id, acknowledged(), NOW).unwrap();
        assert_eq!(state(&shop), "acknowledged");
    }

    #[test]
    fn it_is_quiet_when_nothing_is_on_its_way_or_due() {
        let mut shop = paid(Tender::default());
        assert!(!shop.gateway.is_quiet(NOW), "due");
        let delivery = due(&mut shop);
        assert!(!shop.gateway.is_quiet(NOW), "on its way");
        shop.gateway.delivered(delivery.id, refused(), NOW).unwrap();
        assert!(shop.gateway.is_quiet(NOW.plus(14)), "waiting");
        assert!(!shop.gateway.is_quiet(NOW.plus(15)), "due again");
    }

    #[test]
    fn only_http_200_with_return_code_success_is_an_acknowledgement() {
        let acknowledged = |status, body: &str| {
            Outcome::of_answer(status, body.as_bytes()) == Outcome::Acknowledged
        };
        let right = "<xml><return_code><![CDATA[SUCCESS]]></return_code>\
                     <return_msg><![CDATA[OK]]></return_msg></xml>";
        assert!(acknowledged(200, right));
        assert!(acknowledged(200, "<xml><return_code>SUCCESS</return_code></xml>\n"));
        for (status, body) in [
            (201, right),
            (204, ""),
            (302, right),
            (500, right),
            (200, ""),
            (200, "SUCCESS"),
            (200, "success"),
            (200, "{\"return_code\":\"SUCCESS\"}"),
            (200, "<xml><return_code>success</return_code></xml>"),
            (200, "<xml><return_code> SUCCESS</return_code></xml>"),
            (200, "<xml><return_code>FAIL</return_code><return_msg>SUCCESS</return_msg></xml>"),
            (200, "<xml><return_msg>OK</return_msg></xml>"),
            (200, "<return_code>SUCCESS</return_code>"),
            (200, "<xml><return_code>SUCCESS</return_code>"),
        ] {
            assert!(!acknowledged(status, body), "{status} {body}");
        }
        assert!(!acknowledged(200, &format!("\u{feff}{right}")), "a byte-order mark");
        assert!(!acknowledged(200, &format!("{right}null")), "a byte too many");
    }
}
