//! The old official sandbox, `/sandboxnew`: keys that live three days, and a case for each amount
//! (`docs/protocol.md` §13).
//!
//! It is a gateway of its own inside the gateway, so that its orders have nothing to do with the
//! ordinary ones. There nobody scans: an order of a known amount pays itself at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::answer::{Answer, Reply};
use super::bill::in_bill_words;
use super::fields::{self, Form, Rule};
use super::notice::{Outcome, Poll, Returned, UnknownDelivery};
use super::refusal::{Code, Refusal};
use super::request::{self, Request};
use super::{
    Arrival, Call, Certificates, Coupon, CouponKind, Gateway, Manner, Rules, Target, Tender,
    numbers,
};
use crate::merchant::Merchant;
use crate::sign::{Algorithm, Key};
use crate::time::UnixTime;
use crate::xml::{self, Document, Field};

/// How long a key lives, in seconds.
const KEY_LIFE_S: i64 = 3 * 86_400;

/// The numbers of its notifications begin here, above all others.
const FIRST_ID: u64 = 1 << 51;

/// The amounts, in fen, of which cases are known for Native pay, and the coupon in each.
const CASES: [(&str, Option<u64>); 5] =
    [("101", None), ("102", None), ("301", None), ("501", Some(1)), ("502", Some(1))];

/// The request for a key. It has no appid.
const KEY_RULES: [Rule; 3] = [
    Rule::required("mch_id", 32, Form::Text),
    Rule::required("nonce_str", 32, Form::Text),
    Rule::required("sign", 32, Form::Text),
];

/// The gateway of the old sandbox, and since when each merchant has its key there.
#[derive(Debug)]
pub(super) struct OldSandbox {
    gateway: Box<Gateway>,
    keys_made: BTreeMap<String, UnixTime>,
}

impl OldSandbox {
    /// Whether this number is one of its notifications.
    pub(super) const fn holds(id: u64) -> bool {
        id >= FIRST_ID
    }

    /// What is on its way.
    pub(super) fn in_flight(&self) -> impl Iterator<Item = u64> {
        self.gateway.in_flight().into_iter().map(|id| id + FIRST_ID)
    }

    pub(super) fn is_quiet(&self, now: UnixTime) -> bool {
        self.gateway.is_quiet(now)
    }

    /// The merchant as it is known here: with a key that is not older than three days.
    fn merchant(&mut self, merchant: &Merchant, now: UnixTime) -> Option<&Arc<Merchant>> {
        let mch_id = &merchant.mch_id;
        let made = self.keys_made.get(mch_id);
        if made.is_none_or(|made| now.since(*made) >= KEY_LIFE_S) {
            let key = Key::new(&numbers::sandbox_key(&mut self.gateway.random))?;
            let known = Arc::new(Merchant { key, ..merchant.clone() });
            self.gateway.merchants.insert(mch_id.clone(), known);
            self.keys_made.insert(mch_id.clone(), now);
        }
        self.gateway.merchants.get(mch_id)
    }

    /// Pays an order that was just made, as its amount says.
    fn pay(&mut self, request: &Request, now: UnixTime) {
        let coupon_fen = case(request).and_then(|(_, coupon_fen)| coupon_fen);
        let coupon =
            |fee_fen| Coupon { id: "10000".to_owned(), fee_fen, kind: Some(CouponKind::NoCash) };
        let target = Target::Number {
            mch_id: Some(request.merchant.mch_id.clone()),
            out_trade_no: request.required("out_trade_no").to_owned(),
        };
        let coupons = coupon_fen.map(coupon).into_iter().collect();
        let paid = self.gateway.pay(&target, Tender { coupons, ..Tender::default() }, now);
        debug_assert!(paid.is_ok(), "an order that was just made can be paid");
    }
}

impl Gateway {
    /// Answers a call for a key; gives no request, since it is not like others.
    pub(super) fn answer_key(
        &mut self,
        arrival: &Arrival<'_>,
        now: UnixTime,
    ) -> (Answer, Option<Request>) {
        match self.key_for(arrival, now) {
            Ok(answer) => (answer, None),
            Err(refusal) => (Answer::unsigned(refusal), None),
        }
    }

    fn key_for(&mut self, arrival: &Arrival<'_>, now: UnixTime) -> Result<Answer, Refusal> {
        let document = request::read(arrival.body)?;
        fields::check(&document, &KEY_RULES)?;
        let merchant = self.merchant_named(&document)?;
        request::prove(document, Arc::clone(&merchant), Algorithm::Md5)?;
        let known = self.old_sandbox().merchant(&merchant, now);
        let known = known.ok_or_else(|| Refusal::new(Code::SystemError, "系统错误"))?;
        let fields = [
            Field::cdata("return_code", "SUCCESS"),
            Field::cdata("return_msg", "ok"),
            Field::cdata("mch_id", &known.mch_id),
            Field::cdata("sandbox_signkey", known.key.reveal()),
        ];
        let body = xml::write(&fields).into_bytes();
        Ok(Answer { body, code: None, detail: None, manner: Manner::default() })
    }

    /// Answers a call of the old sandbox.
    pub(super) fn answer_old(
        &mut self,
        call: Call,
        arrival: &Arrival<'_>,
        now: UnixTime,
    ) -> (Answer, Option<Request>) {
        if let Ok(document) = request::read(arrival.body) {
            if document.filled("sign_type").is_some_and(|sign_type| sign_type != "MD5") {
                let text = "签名错误";
                let refusal = Refusal::new(Code::SignError, text)
                    .with_detail("the old sandbox takes signatures by MD5 alone");
                return (refused(call, refusal), None);
            }
            if let Ok(merchant) = self.merchant_named(&document) {
                self.old_sandbox().merchant(&merchant, now);
            }
        }
        let old = self.old_sandbox();
        old.gateway.settle(now);
        let request = old.gateway.request(call, arrival);
        let (answer, request) = old.gateway.answer(call, arrival, request, now);
        if let (Call::UnifiedOrder, None, Some(request)) = (call, answer.code, &request) {
            old.pay(request, now);
        }
        (answer, request)
    }

    fn merchant_named(&self, document: &Document) -> Result<Arc<Merchant>, Refusal> {
        let merchant = self.merchants.get(document.filled("mch_id").unwrap_or_default());
        merchant
            .cloned()
            .ok_or_else(|| Refusal::new(Code::MchIdNotExist, "商户号mch_id或sub_mch_id不存在"))
    }

    fn old_sandbox(&mut self) -> &mut OldSandbox {
        let rules = Rules { certificates: Certificates::NotAsked, ..self.rules };
        let seed = &mut self.random;
        self.old_sandbox.get_or_insert_with(|| {
            let mut gateway = Box::new(Self::new(rules, [], seed.next()));
            gateway.is_old_sandbox = true;
            OldSandbox { gateway, keys_made: BTreeMap::new() }
        })
    }

    /// Adds what the old sandbox has to send.
    pub(super) fn poll_old(&mut self, mut poll: Poll, now: UnixTime) -> Poll {
        let Some(old) = &mut self.old_sandbox else { return poll };
        let theirs = old.gateway.poll(now);
        poll.send.extend(theirs.send.into_iter().map(|mut delivery| {
            delivery.id += FIRST_ID;
            delivery
        }));
        poll.wake_at = poll.wake_at.into_iter().chain(theirs.wake_at).min();
        poll
    }

    /// Takes what came back from a sending of the old sandbox.
    pub(super) fn delivered_old(
        &mut self,
        id: u64,
        returned: Returned,
        now: UnixTime,
    ) -> Result<Outcome, UnknownDelivery> {
        let old = self.old_sandbox.as_mut().ok_or(UnknownDelivery)?;
        let outcome = old.gateway.delivered(id - FIRST_ID, returned, now)?;
        if let Some(message) = old.gateway.log.pop() {
            self.log.push(message);
        }
        Ok(outcome)
    }
}

fn refused(call: Call, refusal: Refusal) -> Answer {
    if call.is_bill() { Answer::no_bill(in_bill_words(refusal)) } else { Answer::unsigned(refusal) }
}

fn case(request: &Request) -> Option<(&'static str, Option<u64>)> {
    CASES.into_iter().find(|(total_fee, _)| request.filled("total_fee") == Some(total_fee))
}

/// Whether there is a case for the order that is asked for.
pub(super) fn check_case(call: Call, request: &Request) -> Result<(), Refusal> {
    let Some(total_fee) = request.filled("total_fee") else { return Ok(()) };
    if call != Call::UnifiedOrder || case(request).is_some() {
        return Ok(());
    }
    let text = format!("沙箱支付金额({total_fee})无效，请检查需要验收的case");
    Err(Refusal::new(Code::ParamError, text))
}

/// A good answer of the old sandbox has an error code all the same.
pub(super) fn in_its_words(mut reply: Reply) -> Reply {
    reply.device_info = Some("sandbox".to_owned());
    reply
        .fields
        .splice(0..0, [Field::cdata("err_code", "SUCCESS"), Field::cdata("err_code_des", "ok")]);
    reply
}

#[cfg(test)]
mod tests {
    use super::super::testing::{APPID, KEY, MCH_ID, NOW, OTHER_KEY, OTHER_MCH_ID, Shop};
    use super::*;
    use crate::sign;

    const NO: &str = "SM20261123000001";

    fn send(shop: &mut Shop, call: Call, body: &str) -> (Option<Code>, Document) {
        let answer = shop.gateway.handle(call, &Arrival::of(body.as_bytes()), shop.now);
        (answer.code, Document::read(&answer.body).unwrap())
    }

    fn ask_key(shop: &mut Shop, call: Call, mch_id: &str, key: &str) -> (Option<Code>, Document) {
        let fields = [("mch_id", mch_id), ("nonce_str", "n")];
        let sign = sign::sign(fields, &Key::new(key).unwrap(), Algorithm::Md5);
        let fields = fields.into_iter().chain([("sign", sign.as_str())]);
        let fields: Vec<_> =
            fields.map(|(name, value)| Field::cdata(name.to_owned(), value)).collect();
        send(shop, call, &xml::write(&fields))
    }

    fn key(shop: &mut Shop, call: Call) -> String {
        let (code, document) = ask_key(shop, call, MCH_ID, KEY);
        assert_eq!(code, None);
        let names: Vec<_> = document.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["return_code", "return_msg", "mch_id", "sandbox_signkey"]);
        document.get("sandbox_signkey").unwrap().to_owned()
    }

    /// A shop that signs with its key of the old sandbox.
    fn shop() -> Shop {
        let mut shop = Shop::new();
        shop.key = key(&mut shop, Call::SignKey);
        shop
    }

    fn order(shop: &mut Shop, no: &str, total_fee: &str) -> (Option<Code>, Document) {
        let fields = [
            ("body", "扫码示例店-美式咖啡"),
            ("out_trade_no", no),
            ("total_fee", total_fee),
            ("spbill_create_ip", "203.0.113.7"),
            ("notify_url", "https://shop.example/notify"),
            ("trade_type", "NATIVE"),
        ];
        let body = shop.signed(&Vec::new(), &fields);
        send(shop, Call::OldUnifiedOrder, &body)
    }

    fn query(shop: &mut Shop, call: Call) -> (Option<Code>, Document) {
        let body = shop.signed(&Vec::new(), &[("out_trade_no", NO)]);
        send(shop, call, &body)
    }

    #[test]
    fn a_key_lives_three_days() {
        let mut shop = Shop::new();
        let first = key(&mut shop, Call::SignKey);
        assert_eq!(first.len(), 32);
        shop.now = NOW.plus(KEY_LIFE_S - 1);
        assert_eq!(key(&mut shop, Call::NewSignKey), first, "the same at both paths");
        shop.now = NOW.plus(KEY_LIFE_S);
        shop.key.clone_from(&first);
        assert_eq!(order(&mut shop, NO, "301").0, Some(Code::SignError), "it is dead");
        let second = key(&mut shop, Call::SignKey);
        assert_ne!(second, first);
        shop.key = second;
        assert_eq!(order(&mut shop, NO, "301").0, None);
    }

    #[test]
    fn each_merchant_gets_a_key_of_its_own_for_its_real_one() {
        let mut shop = Shop::new();
        let ours = key(&mut shop, Call::SignKey);
        let theirs = ask_key(&mut shop, Call::SignKey, OTHER_MCH_ID, OTHER_KEY).1;
        assert_ne!(theirs.get("sandbox_signkey"), Some(&*ours));
        let wrong = ask_key(&mut shop, Call::SignKey, MCH_ID, OTHER_KEY);
        assert_eq!(wrong.0, Some(Code::SignError));
        assert_eq!(wrong.1.get("sandbox_signkey"), None);
        let unknown = ask_key(&mut shop, Call::SignKey, "1900000999", KEY);
        assert_eq!(unknown.0, Some(Code::MchIdNotExist));
    }

    #[test]
    fn no_log_shows_a_key() {
        let mut shop = Shop::new();
        let told = key(&mut shop, Call::SignKey);
        assert!(!format!("{:?}", shop.gateway).contains(&told));
        assert_eq!(shop.gateway.messages().last().unwrap().response, "(a key)");
    }

    #[test]
    fn an_order_of_a_known_amount_pays_itself_and_is_told_at_once() {
        let mut shop = shop();
        let (code, answer) = order(&mut shop, NO, "301");
        assert_eq!(code, None);
        for (name, value) in [
            ("result_code", "SUCCESS"),
            ("err_code", "SUCCESS"),
            ("err_code_des", "ok"),
            ("device_info", "sandbox"),
        ] {
            assert_eq!(answer.get(name), Some(value), "{name}");
        }
        let key = Key::new(&shop.key).unwrap();
        let is_signed = |document: &Document| {
            sign::verify(document.iter(), &key, Algorithm::Md5, document.get("sign").unwrap())
        };
        assert!(is_signed(&answer));

        let [delivery] = &shop.gateway.poll(NOW).send[..] else { panic!() };
        let notice = Document::read(delivery.body.as_bytes()).unwrap();
        assert!(is_signed(&notice) && notice.get("total_fee") == Some("301"));
        let right = b"<xml><return_code>SUCCESS</return_code></xml>".to_vec();
        let returned = Returned::Answer { status: 200, body: right };
        let outcome = shop.gateway.delivered(delivery.id, returned, NOW);
        assert_eq!(outcome, Ok(Outcome::Acknowledged));
        assert_eq!(shop.gateway.messages().last().unwrap().name, delivery.url);
        assert!(shop.gateway.is_quiet(NOW) && shop.gateway.poll(NOW.plus(99)).send.is_empty());

        let (_, answer) = query(&mut shop, Call::OldOrderQuery);
        assert_eq!(answer.get("trade_state"), Some("SUCCESS"));
        assert_eq!(query(&mut shop, Call::OldCloseOrder).0, Some(Code::OrderPaid));
    }

    #[test]
    fn a_notification_that_nobody_takes_is_repeated() {
        let mut shop = shop();
        order(&mut shop, NO, "301");
        let poll = shop.gateway.poll(NOW);
        shop.gateway.delivered(poll.send[0].id, Returned::Late, NOW).unwrap();
        assert_eq!(shop.gateway.poll(NOW).wake_at, Some(NOW.plus(15)));
        assert_eq!(shop.gateway.poll(NOW.plus(15)).send.len(), 1);
    }

    #[test]
    fn some_amounts_come_with_a_coupon() {
        for (total_fee, settled) in [("501", "500"), ("502", "501")] {
            let mut shop = shop();
            order(&mut shop, NO, total_fee);
            let (_, answer) = query(&mut shop, Call::OldOrderQuery);
            assert_eq!(answer.get("coupon_fee"), Some("1"));
            assert_eq!(answer.get("coupon_type_0"), Some("NO_CASH"));
            assert_eq!(answer.get("settlement_total_fee"), Some(settled));
        }
    }

    #[test]
    fn a_refund_needs_no_certificate_and_gives_the_coupon_back() {
        for call in [Call::OldRefund, Call::OldSecRefund] {
            let mut shop = shop();
            order(&mut shop, NO, "501");
            let fields = [
                ("out_trade_no", NO),
                ("out_refund_no", "R-1"),
                ("total_fee", "501"),
                ("refund_fee", "501"),
            ];
            let body = shop.signed(&Vec::new(), &fields);
            let (code, answer) = send(&mut shop, call, &body);
            assert_eq!(code, None, "{answer:?}");
            assert_eq!(answer.get("err_code"), Some("SUCCESS"));
            assert_eq!(answer.get("settlement_refund_fee"), Some("500"));
            let (_, answer) = query(&mut shop, Call::OldRefundQuery);
            assert_eq!(answer.get("out_refund_no_0"), Some("R-1"));
        }
    }

    #[test]
    fn other_amounts_have_no_case() {
        let mut shop = shop();
        let (code, answer) = order(&mut shop, NO, "1");
        assert_eq!(code, Some(Code::ParamError));
        assert_eq!(answer.get("return_code"), Some("FAIL"));
        let text = "沙箱支付金额(1)无效，请检查需要验收的case";
        assert_eq!(answer.get("return_msg"), Some(text));
        assert_eq!(query(&mut shop, Call::OldOrderQuery).0, Some(Code::OrderNotExist));
        assert_eq!(order(&mut shop, NO, "").0, Some(Code::LackParams));
    }

    #[test]
    fn its_orders_are_not_the_ordinary_ones() {
        let mut shop = shop();
        order(&mut shop, NO, "301");
        assert!(shop.gateway.orders(NOW).is_empty());
        assert!(shop.gateway.ledger(MCH_ID, NOW).is_empty());
        let old_key = std::mem::replace(&mut shop.key, KEY.to_owned());
        shop.order(NO, &[("total_fee", "1")]);
        assert_eq!(shop.query(NO).get("trade_state"), Some("NOTPAY"));
        shop.key = old_key;
        let (_, answer) = query(&mut shop, Call::OldOrderQuery);
        assert_eq!(answer.get("total_fee"), Some("301"));
    }

    #[test]
    fn it_takes_its_own_key_and_md5_alone() {
        let mut shop = shop();
        let old_key = std::mem::replace(&mut shop.key, KEY.to_owned());
        assert_eq!(order(&mut shop, NO, "301").0, Some(Code::SignError), "the real key");
        shop.key = old_key;
        shop.algorithm = Algorithm::HmacSha256;
        assert_eq!(order(&mut shop, NO, "301").0, Some(Code::SignError));
        let (_, answer) = query(&mut shop, Call::OldDownloadBill);
        assert_eq!(answer.get("return_msg"), Some("sign error"));
        let mut unasked = Shop::new();
        assert_eq!(order(&mut unasked, NO, "301").0, Some(Code::SignError), "nobody has a key");
    }

    #[test]
    fn its_bill_is_of_its_own_orders() {
        let mut shop = shop();
        order(&mut shop, NO, "301");
        shop.now = NOW.plus(86_400);
        let body = shop.signed(&Vec::new(), &[("bill_date", "20261123")]);
        let arrival = Arrival::of(body.as_bytes());
        let bill = shop.gateway.handle(Call::OldDownloadBill, &arrival, shop.now);
        assert!(bill.text().contains(&format!(",`{NO},`")), "{}", bill.text());
        assert!(bill.text().contains(APPID));
    }
}
