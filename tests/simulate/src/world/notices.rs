//! Notifications on their way, and those that somebody has made up.

use super::gateway::field;
use super::sellers::other_app;
use super::{Event, Returned, World};
use crate::bus::Outcome;
use crate::judge::order_of;
use crate::plan::KeyChange;
use crate::random::Random;
use saoma_sandbox::gateway::Returned as Back;
use saoma_sandbox::sign::{Algorithm, Key, sign};
use saoma_sandbox::xml::Document;
use saoma_server::simulation::{Base, Held, NOTIFY_URL};

/// A notification on its way.
pub(super) struct Notice {
    /// Its number at the gateway, for the one copy whose answer counts.
    delivery: Option<u64>,
    body: String,
    of_refund: bool,
    is_forged: bool,
    /// The server that it came to.
    node: Option<usize>,
    /// Which keys that server holds.
    held: Held,
    /// What was committed when it arrived, if no server was at anything then.
    commits: Option<u64>,
}

/// How long the gateway waits for an answer.
const ANSWER_WITHIN_MS: u64 = 5_000;
/// The longest that a notification is under way.
const LATE_MS: u64 = 27 * 3_600_000;
/// Another key than the merchant's.
const WRONG_KEY: &str = "ffffffffffffffffffffffffffffffff";

impl World {
    /// The gateway is asked when it next has something to send.
    pub(super) fn plan_gateway(&mut self) {
        let now = self.gateway_now();
        let poll = self.gateway.poll(now);
        self.send(poll.send);
        self.gateway_wakes(poll.wake_at);
    }

    fn gateway_wakes(&mut self, at: Option<saoma_sandbox::time::UnixTime>) {
        let Some(at) = at else { return };
        let at_ms = u64::try_from(at.0).unwrap_or(0).saturating_mul(1000).max(self.now_ms + 1);
        if self.gateway_wakes_ms.is_none_or(|wakes| wakes > at_ms || wakes <= self.now_ms) {
            self.gateway_wakes_ms = Some(at_ms);
            self.after(at_ms - self.now_ms, Event::PollGateway);
        }
    }

    pub(super) fn poll_gateway(&mut self) {
        // What is due is taken when everybody has come to rest.
        if self.gateway_wakes_ms.is_some_and(|wakes| wakes <= self.now_ms) {
            self.gateway_wakes_ms = None;
        }
    }

    fn send(&mut self, deliveries: Vec<saoma_sandbox::gateway::Delivery>) {
        for delivery in deliveries {
            let of_refund = delivery.url != NOTIFY_URL;
            self.tell(if of_refund { "refund notice" } else { "notice" });
            self.trace.add(delivery.body.as_bytes());
            self.post(delivery.id, &delivery.body, of_refund);
        }
    }

    fn post(&mut self, id: u64, body: &str, of_refund: bool) {
        let never = !of_refund && self.is_never_told(body);
        if never {
            self.fault("notice lost for ever");
            return self.after(ANSWER_WITHIN_MS, Event::Returned(id, Returned::Late));
        }
        if !of_refund && self.waits_for_its_refund(body) {
            return self.after(ANSWER_WITHIN_MS, Event::Returned(id, Returned::Late));
        }
        if !self.calm && self.net.chance(self.plan.forged) {
            self.forge(body, of_refund);
        }
        if !self.calm && self.net.chance(self.plan.notice_repeated) {
            self.fault("notice repeated");
            let at_once = self.net.chance(300);
            let at = self.net.between(1, 60_000);
            for _ in 0..self.net.between(1, 16) {
                let at = if at_once { at } else { self.net.between(1, 600_000) };
                self.deliver(at, None, body, of_refund, false);
            }
        }
        if !self.calm && self.net.chance(self.plan.notice_lost) {
            self.fault("notice lost");
            return self.after(ANSWER_WITHIN_MS, Event::Returned(id, Returned::Unreachable));
        }
        if !self.calm && self.net.chance(self.plan.notice_late) {
            self.fault("notice late");
            self.after(ANSWER_WITHIN_MS, Event::Returned(id, Returned::Late));
            let most = self.net.pick(&[10_000, 600_000, LATE_MS]);
            let at = self.net.between(5_001, most);
            return self.deliver(at, None, body, of_refund, false);
        }
        let at = self.net.between(5, 300);
        self.deliver(at, Some(id), body, of_refund, false);
    }

    /// Of some numbers no payment is ever notified.
    fn is_never_told(&self, body: &str) -> bool {
        self.is_number_untold(field(body, "out_trade_no").unwrap_or_default())
    }

    /// Of this number no payment is ever notified.
    pub(super) fn is_number_untold(&self, number: &str) -> bool {
        // Another program's orders name its own address, as a rule.
        let is_others = number.starts_with("OTHER-") && number.ends_with(['0', '2', '4', '6', '8']);
        let is_lost = Self::is_lost_number(number) || self.judge.heard.at_leisure.contains(number);
        if self.plan.all_notices_lost || is_others || is_lost {
            return true;
        }
        Random::new(self.seed, number).chance(self.plan.never_told)
    }

    pub(super) fn deliver(
        &mut self,
        after_ms: u64,
        delivery: Option<u64>,
        body: &str,
        of_refund: bool,
        is_forged: bool,
    ) {
        self.last_notice += 1;
        let body = body.to_owned();
        let (node, held, commits) = (None, Held::Old, None);
        let notice = Notice { delivery, body, of_refund, is_forged, node, held, commits };
        self.notices.insert(self.last_notice, notice);
        self.after(after_ms, Event::NoticeArrives(self.last_notice));
    }

    pub(super) fn is_forged(&self, event: &Event) -> bool {
        match event {
            Event::NoticeArrives(id) => self.notices.get(id).is_some_and(|it| it.is_forged),
            _ => false,
        }
    }

    pub(super) fn notice_arrives(&mut self, id: u64) {
        let Some(node) = self.some_server() else {
            if let Some(delivery) = self.notices.remove(&id).and_then(|notice| notice.delivery) {
                self.returned(delivery, &Returned::Unreachable);
            }
            return;
        };
        let commits = match &self.base {
            // What else a server has begun may be committed meanwhile.
            Base::Memory(memory) => self.bus.is_idle().then(|| memory.commits()),
            Base::Sqlite(_) => None,
        };
        let held = self.nodes[node].held;
        let Some(notice) = self.notices.get_mut(&id) else { return };
        (notice.node, notice.held, notice.commits) = (Some(node), held, commits);
        let (of_refund, body) = (notice.of_refund, notice.body.clone());
        self.task(node, move |server| async move {
            let answer = server.notify(of_refund, body.as_bytes()).await;
            Outcome::Noticed { notice: id, answer }
        });
    }

    /// A server has answered.
    pub(super) fn noticed(&mut self, id: u64, (status, text): (u16, &'static str)) {
        let Some(notice) = self.notices.remove(&id) else { return };
        let says_yes = status == 200 && text.contains("SUCCESS");
        self.tell(if says_yes { "yes" } else { "no" });
        if !notice.is_forged && self.is_for_two(&notice.body) {
            let id = field(&notice.body, "transaction_id").filter(|_| says_yes);
            self.judge.heard.conflicts.extend(id.map(str::to_owned));
            return;
        }
        // Of a number that nobody here knows it is not known how its messages are signed.
        let number = field(&notice.body, "out_trade_no").unwrap_or_default();
        let is_ours = notice.of_refund || self.judge.bought.contains_key(order_of(number));
        let has_key = notice.held == Held::Both || self.plan.keys.change == KeyChange::No;
        let must_read = has_key && (is_ours || !self.plan.odd.sign_type_changes);
        if status == 200 && !says_yes && !notice.is_forged && must_read {
            let what = format!("refused by a server that holds its key: {}", notice.body);
            self.judge.violation(what);
        }
        // Somebody else may have been at the same rows, but not for long.
        let transaction_id = field(&notice.body, "transaction_id").unwrap_or_default().to_owned();
        let captured = self.judge.captured.get(&transaction_id);
        let is_good = is_ours && captured.is_some_and(|it| it.refunds.is_empty());
        if status != 200 && !notice.is_forged && is_good && self.plan.is_quiet() {
            self.judge.violation(format!("not taken, and nothing is wrong: {}", notice.body));
        }
        if says_yes && is_good && !notice.of_refund && self.plan.is_quiet() {
            self.may_be_owed(number, &transaction_id);
        }
        if let Base::Memory(memory) = &self.base {
            let commits = notice.commits.unwrap_or_else(|| memory.commits());
            if notice.is_forged && (says_yes || memory.commits() != commits) {
                let what = format!("a forged notification was taken: {}", notice.body);
                self.judge.violation(what);
            }
            let transaction_id = field(&notice.body, "transaction_id").unwrap_or_default();
            if says_yes && !notice.of_refund && !memory.has_payment(transaction_id) {
                let what = format!("{transaction_id} is acknowledged and not kept");
                self.judge.violation(what);
            }
        }
        if says_yes && notice.of_refund && !notice.is_forged {
            self.refund_notice_taken(&notice.body);
        }
        if says_yes && is_ours && !notice.of_refund && !notice.is_forged {
            self.may_be_told_for_two(&notice.body);
        }
        if says_yes && is_ours && !notice.of_refund && self.plan.is_prompt() {
            let order_id = order_of(number).to_owned();
            self.after(10_000, Event::MustBeTold(order_id));
        }
        let Some(delivery) = notice.delivery else { return };
        let at = self.net.between(5, 300);
        if !self.calm && self.net.chance(self.plan.ack_lost) {
            self.fault("acknowledgement lost");
            self.after(ANSWER_WITHIN_MS, Event::Returned(delivery, Returned::Late));
        } else {
            self.after(at, Event::Returned(delivery, Returned::Answer(status, text)));
        }
    }

    /// Of a payment that may not be kept, whatever else happens, the refund is sent soon.
    fn may_be_owed(&mut self, number: &str, transaction_id: &str) {
        let Some(order) = self.judge.bought.get(order_of(number)) else { return };
        let Some(captured) = self.judge.captured.get(transaction_id) else { return };
        let is_wrong = captured.total_fen != order.price_fen;
        let is_only = self.judge.captured.values().filter(|it| it.number == number).count() == 1;
        if is_wrong && is_only && !self.judge.hold && !self.judge.foreign.contains(transaction_id) {
            let payment = Some(transaction_id.to_owned());
            self.after(10_000, Event::MustBeAskedBack(payment, number.to_owned()));
        }
    }

    /// A server has died: of what it had not answered the gateway sees that the line is cut.
    pub(super) fn hang_up(&mut self, node: usize) {
        let cut: Vec<u64> = (self.notices.iter())
            .filter(|(_, notice)| notice.node == Some(node))
            .map(|(id, _)| *id)
            .collect();
        for id in cut {
            if let Some(delivery) = self.notices.remove(&id).and_then(|notice| notice.delivery) {
                self.fault("notice cut off");
                self.returned(delivery, &Returned::Unreachable);
            }
        }
    }

    pub(super) fn returned(&mut self, delivery: u64, returned: &Returned) {
        let back = match returned {
            Returned::Late => Back::Late,
            Returned::Unreachable => Back::Unreachable { reason: "lost".to_owned() },
            Returned::Answer(status, body) => {
                Back::Answer { status: *status, body: body.as_bytes().to_vec() }
            }
        };
        let now = self.gateway_now();
        // One that the gateway has given up needs no answer.
        let _ = self.gateway.delivered(delivery, back, now);
    }

    /// Somebody who has seen a notification makes one of his own of it.
    fn forge(&mut self, body: &str, of_refund: bool) {
        if of_refund && self.more.chance(500) {
            return self.put_together(body);
        }
        self.fault("forged notice");
        let number = field(body, "out_trade_no").unwrap_or_default();
        let is_known = self.judge.bought.contains_key(order_of(number));
        let sign = field(body, "sign").unwrap_or_default();
        let (most, last) = sign.split_at(sign.len().saturating_sub(1));
        let forged = match (of_refund, self.luck.below(15)) {
            (true, _) => body.replacen("<req_info>", "<req_info>AAAA", 1).replacen(
                "<req_info><![CDATA[",
                "<req_info><![CDATA[AAAAAAAAAAAAAAAAAAAAAA",
                1,
            ),
            (_, 0) => changed(body, "total_fee", "1"),
            (_, 1) => changed(body, "transaction_id", "4200009999202611230000000009"),
            (_, 2) => {
                // Replayed onto another order, one that is not paid.
                let other = self.last_order().unwrap_or_default();
                changed(body, "out_trade_no", &format!("{other}-1"))
            }
            (_, 3) => self.signed_anew(body),
            (_, 4) => changed(body, "sign", ""),
            (_, 5) => changed(body, "mch_id", "1900000110"),
            // WeChat's own word, but of another, or not of a payment.
            (_, 6) => self.resigned(body, "mch_id", "1900000110"),
            // For a number that nobody knows it may be so.
            (_, 7) if is_known => self.resigned(body, "appid", other_app(body)),
            (_, 8) => self.resigned(body, "appid", "wx5a0mademeup0009"),
            (_, 9) => self.resigned(body, "result_code", "FAIL"),
            (_, 10) => self.resigned(body, "return_code", "FAIL"),
            // The signature is nearly right, or is the other algorithm's.
            (_, 11) => changed(body, "sign", sign.get(..sign.len() / 2).unwrap_or_default()),
            (_, 12) if last == "0" => changed(body, "sign", &format!("{most}1")),
            (_, 12) => changed(body, "sign", &format!("{most}0")),
            (_, 13) if is_known => match is_hmac(body) {
                true => self.signed_by(body, Algorithm::Md5),
                false => self.signed_by(body, Algorithm::HmacSha256),
            },
            (_, _) => body.get(..body.len() / 2).unwrap_or_default().to_owned(),
        };
        if forged != body {
            let at = self.net.between(1, 400);
            self.deliver(at, None, &forged, of_refund, true);
        }
    }

    /// The same with another value, and rightly signed.
    pub(super) fn resigned(&self, body: &str, name: &str, value: &str) -> String {
        let text = changed(body, name, value);
        let algorithm = if is_hmac(&text) { Algorithm::HmacSha256 } else { Algorithm::Md5 };
        self.signed_by(&text, algorithm)
    }

    /// The same, rightly signed by this algorithm.
    fn signed_by(&self, text: &str, algorithm: Algorithm) -> String {
        let (Ok(document), Some(key)) = (Document::read(text.as_bytes()), Key::new(self.key))
        else {
            return text.to_owned();
        };
        let signature = sign(document.iter(), &key, algorithm);
        changed(text, "sign", &signature)
    }

    /// A payment that never was, signed with another key.
    fn signed_anew(&mut self, body: &str) -> String {
        let other = self.last_order().unwrap_or_default();
        let body = changed(body, "out_trade_no", &format!("{other}-1"));
        let body = changed(&body, "transaction_id", "4200009999202611230000000008");
        let fields: Vec<(&str, &str)> = [
            "appid",
            "bank_type",
            "cash_fee",
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
        ]
        .into_iter()
        .filter_map(|name| Some((name, field(&body, name)?)))
        .collect();
        let Some(key) = Key::new(WRONG_KEY) else { return String::new() };
        let algorithm = if self.plan.hmac { Algorithm::HmacSha256 } else { Algorithm::Md5 };
        let signature = sign(fields.iter().copied(), &key, algorithm);
        let mut xml = "<xml>".to_owned();
        for (name, value) in fields {
            xml.push_str(&format!("<{name}><![CDATA[{value}]]></{name}>"));
        }
        xml + "<sign>" + &signature + "</sign></xml>"
    }

    fn last_order(&self) -> Option<String> {
        self.customers.iter().rev().find_map(|customer| customer.order_id.clone())
    }
}

/// Which of the two algorithms a document is signed by.
fn is_hmac(document: &str) -> bool {
    field(document, "sign").is_some_and(|sign| sign.len() == 64)
}

/// The document with another value in a field.
pub(super) fn changed(document: &str, name: &str, value: &str) -> String {
    let Some(old) = field(document, name).filter(|old| *old != value) else {
        return document.to_owned();
    };
    let (begin, end) = (format!("<{name}>"), format!("</{name}>"));
    for (open, close) in [("<![CDATA[", "]]>"), ("", "")] {
        let from = format!("{begin}{open}{old}{close}{end}");
        if document.contains(&from) {
            return document.replacen(&from, &format!("{begin}{value}{end}"), 1);
        }
    }
    document.to_owned()
}
