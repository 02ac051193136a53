//! The life of a refund: whether it may begin, its beginning, its end.

use super::super::ledger::RefundParts;
use super::super::notice::{NewNotice, NoticeKind};
use super::super::order::{Coupon, OrderKey, Payment};
use super::super::refusal::{Code, Refusal};
use super::super::{Gateway, numbers};
use super::share::share;
use super::{
    Ending, REFUND_WITHIN_S, REFUNDS_MAX, Refund, RefundAccount, RefundEnd, Source, notice,
};
use crate::time::UnixTime;

/// A refund that is asked for.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) out_refund_no: String,
    pub(super) refund_fen: u64,
    pub(super) account: RefundAccount,
    pub(super) desc: Option<String>,
    /// Where its end is told, instead of the merchant's address for all refunds.
    pub(super) notify_url: Option<String>,
    pub(super) source: Source,
}

impl Gateway {
    /// A payment of this order: by WeChat's number, else the first.
    pub(super) fn payment(&self, key: &OrderKey, transaction_id: Option<&str>) -> Option<&Payment> {
        let mut payments = self.orders.get(key)?.payments.iter();
        payments.find(|payment| transaction_id.is_none_or(|id| payment.transaction_id == id))
    }

    /// Accepts a refund, when the rules for all refunds allow it.
    pub(super) fn accept(
        &mut self,
        key: &OrderKey,
        payment: &Payment,
        asked: Asked,
        now: UnixTime,
    ) -> Result<String, Refusal> {
        let before = self.refunds.before(payment);
        self.check_payment(payment, before.refund_fen, asked.refund_fen, now)?;
        let parts = share(payment, &before, asked.refund_fen);
        let part = |(coupon, fee_fen): (&Coupon, u64)| Coupon { fee_fen, ..coupon.clone() };
        let merchant = self.merchants.get(&key.mch_id);
        let own_url = merchant.and_then(|merchant| merchant.refund_notify_url.clone());
        let refund = Refund {
            refund_id: String::new(),
            order: key.clone(),
            transaction_id: payment.transaction_id.clone(),
            ending: self.refunds.ending_of(key, &asked.out_refund_no),
            out_refund_no: asked.out_refund_no,
            refund_fen: asked.refund_fen,
            coupons: payment.coupons.iter().zip(parts).map(part).collect(),
            account: asked.account,
            desc: asked.desc,
            notify_url: asked.notify_url.or(own_url),
            source: asked.source,
            accepted_at: now,
            due: now.plus(self.rules.refund_after_s),
            ended_at: None,
            place: 0,
        };
        if self.funds.of(&key.mch_id).of(refund.account) < refund.settlement_fen() {
            return Err(Refusal::new(Code::NotEnough, "基本账户余额不足，请充值后重新发起"));
        }
        let refund_id = self.new_refund_id(now);
        self.begin(Refund { refund_id: refund_id.clone(), ..refund }, now);
        self.settle(now);
        Ok(refund_id)
    }

    /// Whether so much of a payment may go back now.
    fn check_payment(
        &self,
        payment: &Payment,
        before_fen: u64,
        refund_fen: u64,
        now: UnixTime,
    ) -> Result<(), Refusal> {
        if now.since(payment.paid_at) > REFUND_WITHIN_S {
            return Err(Refusal::new(Code::TradeOverdue, "订单已经超过退款期限"));
        }
        if before_fen >= payment.total_fen {
            return Err(Refusal::new(Code::Error, "订单已全额退款"));
        }
        if before_fen.saturating_add(refund_fen) > payment.total_fen {
            return Err(Refusal::new(Code::Error, "累计退款金额大于支付金额"));
        }
        if self.refunds.count(&payment.transaction_id) >= REFUNDS_MAX {
            return Err(Refusal::new(Code::Error, "订单退款次数超过限制"));
        }
        Ok(())
    }

    fn new_refund_id(&mut self, now: UnixTime) -> String {
        loop {
            let refund_id = numbers::refund_id(&mut self.random, now);
            if !self.refunds.all.contains_key(&refund_id) {
                return refund_id;
            }
        }
    }

    fn begin(&mut self, refund: Refund, now: UnixTime) {
        let key = refund.order.clone();
        self.funds.take(&key.mch_id, refund.account, refund.settlement_fen());
        let parts = RefundParts {
            refund_id: &refund.refund_id,
            out_refund_no: &refund.out_refund_no,
            refund_fen: refund.refund_fen,
            settlement_fen: refund.settlement_fen(),
            coupon_fen: refund.coupon_fen(),
        };
        self.ledger.refund_accepted(&key, &refund.transaction_id, parts, now);
        if let Some(order) = self.orders.get_mut(&key) {
            order.is_refunded = true;
        }
        self.refunds.insert(refund);
    }

    /// Ends the next refund, if its time has come.
    pub(in crate::gateway) fn end_due_refund(&mut self, now: UnixTime) {
        let Some(refund_id) = self.refunds.next_due(now) else { return };
        let refund = self.refunds.all.get(&refund_id);
        if let Some((ending, due)) = refund.map(|refund| (refund.ending, refund.due)) {
            self.end(&refund_id, ending, due);
        }
    }

    /// Ends a refund that is under way.
    pub(super) fn end(&mut self, refund_id: &str, ending: Ending, at: UnixTime) {
        let Some(refund) = self.refunds.all.get_mut(refund_id) else { return };
        self.refunds.due.remove(&(refund.due, refund.place));
        refund.ending = ending;
        refund.ended_at = Some(at);
        if ending.end != RefundEnd::Success {
            // Either way the merchant has the money again.
            self.funds.put(&refund.order.mch_id, refund.account, refund.settlement_fen());
            let (order, transaction_id) = (&refund.order, &refund.transaction_id);
            self.ledger.refund_closed(order, transaction_id, refund_id, at);
        }
        self.notify_refund(refund_id, at);
    }

    /// Tells the merchant of a refund's end, if it has said where.
    fn notify_refund(&mut self, refund_id: &str, at: UnixTime) {
        let Some(refund) = self.refunds.all.get(refund_id) else { return };
        let Some(url) = refund.notify_url.clone() else { return };
        let nonce = numbers::nonce(&mut self.random);
        let payment = self.payment(&refund.order, Some(&refund.transaction_id));
        let merchant = self.merchants.get(&refund.order.mch_id);
        let order = self.orders.get(&refund.order);
        let (Some(payment), Some(merchant), Some(order)) = (payment, merchant, order) else {
            return;
        };
        let body = notice::body(refund, payment, (merchant, &order.appid), nonce);
        let new = NewNotice {
            kind: NoticeKind::Refund,
            order: refund.order.clone(),
            subject: refund_id.to_owned(),
            url,
            body,
            due: Some(at),
        };
        self.announce(new, at);
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{APPID, KEY, MCH_ID, NOW, SECOND_APPID, Shop};
    use super::super::super::{
        Delivery, RefundChannel, RefundError, RefundTarget, Returned, Rules, Tender,
    };
    use super::*;
    use crate::seal;
    use crate::sign::Key;
    use crate::xml::Document;

    const NO: &str = "SM20261123000001";
    const URL: &str = "https://pay.example.com/refunds";

    /// A shop with a paid order whose notification was acknowledged.
    fn paid(rules: Rules) -> Shop {
        let mut shop = Shop::with_rules(rules);
        shop.paid(NO, Tender::default());
        let first = shop.gateway.poll(NOW).send.pop().unwrap();
        shop.gateway.delivered(first.id, acknowledged(), NOW).unwrap();
        shop
    }

    fn acknowledged() -> Returned {
        let body = b"<xml><return_code>SUCCESS</return_code></xml>".to_vec();
        Returned::Answer { status: 200, body }
    }

    fn status(shop: &mut Shop, number: &str) -> String {
        let answer = shop.refund_query(&[("out_refund_no", number)]).unwrap();
        answer.get("refund_status_0").unwrap().to_owned()
    }

    fn due(shop: &mut Shop) -> Option<Delivery> {
        let mut send = shop.gateway.poll(shop.now).send;
        assert!(send.len() <= 1);
        send.pop()
    }

    /// What is sealed in a notification, read as a document.
    fn content(delivery: &Delivery) -> Document {
        let outer = Document::read(delivery.body.as_bytes()).unwrap();
        let names: Vec<_> = outer.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["return_code", "appid", "mch_id", "nonce_str", "req_info"]);
        let key = Key::new(KEY).unwrap();
        let plain = seal::open(outer.get("req_info").unwrap(), &key).unwrap();
        assert!(plain.starts_with("<root>") && plain.ends_with("</root>"), "{plain}");
        let plain = plain.replace("<root>", "<xml>").replace("</root>", "</xml>");
        Document::read(plain.as_bytes()).unwrap()
    }

    fn ends(end: RefundEnd) -> Ending {
        Ending { end, ..Ending::default() }
    }

    fn number(out_refund_no: &str) -> RefundTarget {
        RefundTarget::Number { mch_id: Some(MCH_ID.into()), out_refund_no: out_refund_no.into() }
    }

    #[test]
    fn a_refund_ends_after_a_while_and_is_told() {
        let mut shop = paid(Rules::default());
        let accepted = shop.refund(NO, "R1", 599, &[("notify_url", URL)]).unwrap();
        assert_eq!(status(&mut shop, "R1"), "PROCESSING");
        let poll = shop.gateway.poll(NOW.plus(4));
        assert_eq!((poll.send.len(), poll.wake_at), (0, Some(NOW.plus(5))));
        shop.now = NOW.plus(7);
        assert!(!shop.gateway.is_quiet(shop.now));
        let delivery = due(&mut shop).unwrap();
        assert_eq!(delivery.url, URL);
        let told = content(&delivery);
        let names: Vec<_> = told.iter().map(|(name, _)| name).collect();
        assert_eq!(
            names,
            [
                "out_refund_no",
                "out_trade_no",
                "refund_account",
                "refund_fee",
                "refund_id",
                "refund_recv_accout",
                "refund_request_source",
                "refund_status",
                "settlement_refund_fee",
                "settlement_total_fee",
                "success_time",
                "total_fee",
                "transaction_id"
            ]
        );
        for (name, value) in [
            ("out_refund_no", "R1"),
            ("out_trade_no", NO),
            ("refund_account", "REFUND_SOURCE_UNSETTLED_FUNDS"),
            ("refund_fee", "599"),
            ("refund_id", accepted.get("refund_id").unwrap()),
            ("refund_recv_accout", "支付用户零钱"),
            ("refund_request_source", "API"),
            ("refund_status", "SUCCESS"),
            ("settlement_refund_fee", "599"),
            ("settlement_total_fee", "1800"),
            ("success_time", "2026-11-23 19:26:05"),
            ("total_fee", "1800"),
            ("transaction_id", accepted.get("transaction_id").unwrap()),
        ] {
            assert_eq!(told.get(name), Some(value), "{name}");
        }
        assert_eq!(status(&mut shop, "R1"), "SUCCESS");
    }

    #[test]
    fn the_notification_names_the_app_that_was_paid() {
        for is_second in [false, true] {
            let mut shop = Shop::new();
            let appid = if is_second { SECOND_APPID } else { APPID };
            let caller = if is_second { shop.second_app() } else { &mut shop };
            // What is answered names the app as well.
            caller.paid(NO, Tender::default());
            assert_eq!(caller.query(NO).get("trade_state"), Some("SUCCESS"));
            caller.refund(NO, "R1", 599, &[("notify_url", URL)]).unwrap();
            shop.now = NOW.plus(5);
            let told: Vec<_> = shop.gateway.poll(shop.now).send;
            assert_eq!(told.len(), 2, "of the payment, and of the refund");
            for delivery in told {
                let document = Document::read(delivery.body.as_bytes()).unwrap();
                assert_eq!(document.get("appid"), Some(appid));
            }
        }
    }

    #[test]
    fn the_notification_is_repeated_as_others_are() {
        let mut shop = paid(Rules::default());
        shop.refund(NO, "R1", 599, &[("notify_url", URL)]).unwrap();
        shop.now = NOW.plus(5);
        let first = due(&mut shop).unwrap();
        shop.gateway.delivered(first.id, Returned::Late, shop.now).unwrap();
        shop.now = NOW.plus(19);
        assert_eq!(due(&mut shop), None);
        shop.now = NOW.plus(20);
        let second = due(&mut shop).unwrap();
        assert_eq!(second.body, first.body);
        shop.gateway.delivered(second.id, acknowledged(), shop.now).unwrap();
        let view = &shop.gateway.orders(shop.now)[0].payments[0].refunds[0];
        let notification = view.notification.as_ref().unwrap();
        assert_eq!((notification.state, notification.attempts.len()), ("acknowledged", 2));
        shop.gateway.send_refund_again(Some(MCH_ID), "R1", 2).unwrap();
        assert_eq!(shop.gateway.poll(shop.now).send.len(), 2);
    }

    #[test]
    fn a_refund_may_end_at_once() {
        let mut shop = paid(Rules { refund_after_s: 0, ..Rules::default() });
        shop.refund(NO, "R1", 599, &[("notify_url", URL)]).unwrap();
        assert_eq!(status(&mut shop, "R1"), "SUCCESS");
        assert!(due(&mut shop).is_some());
    }

    #[test]
    fn nobody_is_told_where_no_address_is_set() {
        let mut shop = paid(Rules::default());
        shop.refund(NO, "R1", 599, &[]).unwrap();
        shop.now = NOW.plus(5);
        assert_eq!(due(&mut shop), None);
        let view = &shop.gateway.orders(shop.now)[0].payments[0].refunds[0];
        assert_eq!((view.refund_status, &view.notification), ("SUCCESS", &None));
        let again = shop.gateway.send_refund_again(Some(MCH_ID), "R1", 1);
        assert_eq!(again, Err(RefundError::UnknownRefund));
    }

    #[test]
    fn a_closed_refund_gives_the_money_back_and_has_no_time_of_success() {
        for end in [RefundEnd::Closed, RefundEnd::Change] {
            let mut shop = paid(Rules::default());
            shop.gateway.plan_refund(&number("R1"), ends(end), NOW).unwrap();
            shop.refund(NO, "R1", 599, &[("notify_url", URL)]).unwrap();
            let funds = |shop: &Shop| shop.gateway.funds(Some(MCH_ID)).unwrap().unsettled_fen;
            assert_eq!(funds(&shop), 1201);
            shop.now = NOW.plus(5);
            let told = content(&due(&mut shop).unwrap());
            assert_eq!(told.get("refund_status"), Some(end.as_str()));
            assert_eq!(told.get("success_time"), None);
            assert_eq!(status(&mut shop, "R1"), end.as_str());
            assert_eq!(funds(&shop), 1800);
        }
    }

    #[test]
    fn what_the_customer_could_not_get_is_not_refunded_again() {
        let mut shop = paid(Rules::default());
        shop.gateway.plan_refund(&number("R1"), ends(RefundEnd::Change), NOW).unwrap();
        shop.refund(NO, "R1", 1800, &[]).unwrap();
        shop.now = NOW.plus(60);
        assert_eq!(shop.refund(NO, "R2", 1, &[]).unwrap_err(), Code::Error);
    }

    #[test]
    fn a_refund_is_ended_by_hand_once() {
        let mut shop = paid(Rules { refund_after_s: 86_400, ..Rules::default() });
        shop.refund(NO, "R1", 599, &[("notify_url", URL)]).unwrap();
        let channel = RefundChannel::OtherBankcard;
        let ending = Ending { end: RefundEnd::Success, channel };
        shop.now = NOW.plus(3600);
        let end = |shop: &mut Shop, no: &str| {
            shop.gateway.end_refund(Some(MCH_ID), no, Some(ending), shop.now)
        };
        let view = end(&mut shop, "R1").unwrap();
        assert_eq!((view.refund_status, view.ends_at), ("SUCCESS", NOW.plus(3600).0));
        let told = content(&due(&mut shop).unwrap());
        assert_eq!(told.get("refund_recv_accout"), Some("招商银行借记卡0508"));
        let answer = shop.refund_query(&[("out_refund_no", "R1")]).unwrap();
        assert_eq!(answer.get("refund_channel_0"), Some("OTHER_BANKCARD"));
        assert_eq!(end(&mut shop, "R1"), Err(RefundError::Ended));
        assert_eq!(end(&mut shop, "R2"), Err(RefundError::UnknownRefund));
        let planned = shop.gateway.plan_refund(&number("R1"), ending, shop.now);
        assert_eq!(planned, Err(RefundError::Ended));
        shop.now = NOW.plus(100_000);
        shop.gateway.poll(shop.now);
        assert_eq!(shop.gateway.funds(Some(MCH_ID)).unwrap().unsettled_fen, 1201, "only once");
    }

    #[test]
    fn many_refunds_end_in_the_order_of_their_times() {
        let mut shop = Shop::with_rules(Rules { refund_gap_s: 0, ..Rules::default() });
        shop.paid(NO, Tender { notify: false, ..Tender::default() });
        for n in 0..20 {
            let number = format!("R{n:02}");
            shop.refund(NO, &number, 1, &[("notify_url", URL)]).unwrap();
            shop.now = shop.now.plus(n % 2);
        }
        shop.now = NOW.plus(1000);
        let told = shop.gateway.poll(shop.now).send;
        let numbers: Vec<_> = told
            .iter()
            .map(|delivery| content(delivery).get("out_refund_no").unwrap().to_owned())
            .collect();
        assert_eq!(numbers.len(), 20);
        assert!(numbers.is_sorted(), "{numbers:?}");
    }

    #[test]
    fn one_seed_has_one_story() {
        let story = |seed| {
            let mut shop = Shop::seeded(seed);
            shop.paid(NO, Tender::default());
            shop.refund(NO, "R1", 599, &[("notify_url", URL)]).unwrap();
            shop.now = NOW.plus(5);
            let told = shop.gateway.poll(shop.now);
            (told, shop.gateway.orders(shop.now))
        };
        assert_eq!(story(7), story(7));
        assert_ne!(story(7), story(8));
    }
}
