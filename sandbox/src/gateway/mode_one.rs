//! 扫码支付模式一: a printed code for each product, and the shop asked for an order at each scan
//! (`docs/protocol.md` §12).
//!
//! [`Gateway::begin_scan`] reads the code and puts a question to the shop; [`Gateway::poll`] gives
//! it out, [`Gateway::delivered`] takes what came back, and [`Gateway::scan_result`] says what the
//! phone shows then.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::answer::signature;
use super::log::{Direction, Message};
use super::notice::{Delivery, Outcome, Returned, UnknownDelivery};
use super::people::Person;
use super::phone::{ScanRefusal, Scanned};
use super::short_url::decoded;
use super::{Gateway, numbers};
use crate::merchant::Merchant;
use crate::sign::{self, Algorithm};
use crate::time::UnixTime;
use crate::xml::{self, Document, Field};

/// The numbers of questions begin here, those of notifications at 1: far enough apart for ever,
/// and still exact where numbers are floats.
const FIRST_ID: u64 = 1 << 50;

/// How many results are kept for whoever has not looked yet.
const RESULTS_MAX: usize = 1000;

/// How a scan goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scanning {
    /// It was the code of an order.
    Seen(Scanned),
    /// It was the code of a product, and the shop is asked: this names the scan to
    /// [`Gateway::scan_result`].
    Asking(u64),
}

/// Why a scan shows nothing to pay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScanError {
    /// The code, or the order that it led to, cannot be paid.
    Refused(ScanRefusal),
    /// The code of a product is not a good one.
    ProductCode {
        /// What is wrong with it.
        reason: String,
    },
    /// The merchant has not said where scans are to be told.
    NoAddress,
    /// The shop did not answer in time, or not with HTTP status 200.
    ShopSilent {
        /// What happened.
        reason: String,
    },
    /// The shop's answer is not a good one.
    ShopAnswer {
        /// What is wrong with it.
        reason: String,
    },
    /// The shop does not sell it.
    ShopRefused {
        /// What the shop tells the customer.
        text: String,
    },
}

impl ScanError {
    /// One word for it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.as_str(),
            Self::ProductCode { .. } => "invalid_product_code",
            Self::NoAddress => "no_mode_one_url",
            Self::ShopSilent { .. } => "shop_silent",
            Self::ShopAnswer { .. } => "invalid_shop_answer",
            Self::ShopRefused { .. } => "shop_refused",
        }
    }
}

impl fmt::Display for ScanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => refusal.fmt(f),
            Self::ProductCode { reason } => write!(f, "the product's code: {reason}"),
            Self::NoAddress => f.write_str("the merchant has set no mode_one_url"),
            // What WeChat shows.
            Self::ShopSilent { reason } => {
                write!(f, "获取商户订单信息超时或商户返回httpcode非200 ({reason})")
            }
            Self::ShopAnswer { reason } => write!(f, "the shop's answer: {reason}"),
            Self::ShopRefused { text } => f.write_str(text),
        }
    }
}

impl std::error::Error for ScanError {}

impl From<ScanRefusal> for ScanError {
    fn from(refusal: ScanRefusal) -> Self {
        Self::Refused(refusal)
    }
}

/// A question to a shop: what does this product cost?
#[derive(Clone, Debug)]
struct Question {
    merchant: Arc<Merchant>,
    person: Person,
    /// The algorithm of the code; question and answer use the same.
    algorithm: Algorithm,
    url: String,
    body: String,
}

/// All scans of product codes.
#[derive(Debug)]
pub(super) struct Scans {
    next_id: u64,
    waiting: BTreeMap<u64, Question>,
    in_flight: BTreeMap<u64, Question>,
    results: BTreeMap<u64, Result<Scanned, ScanError>>,
}

impl Default for Scans {
    fn default() -> Self {
        let (waiting, in_flight) = (BTreeMap::new(), BTreeMap::new());
        Self { next_id: FIRST_ID, waiting, in_flight, results: BTreeMap::new() }
    }
}

impl Scans {
    /// Whether this number is one of a question.
    pub(super) const fn holds(id: u64) -> bool {
        id >= FIRST_ID
    }

    /// The questions to put now, each given once.
    pub(super) fn poll(&mut self) -> Vec<Delivery> {
        let waiting = std::mem::take(&mut self.waiting);
        let deliveries = waiting.iter().map(|(id, question)| Delivery {
            id: *id,
            url: question.url.clone(),
            body: question.body.clone(),
            cut_after: None,
        });
        let deliveries = deliveries.collect();
        self.in_flight.extend(waiting);
        deliveries
    }

    /// What is on its way.
    pub(super) fn in_flight(&self) -> impl Iterator<Item = u64> {
        self.in_flight.keys().copied()
    }

    pub(super) fn are_quiet(&self) -> bool {
        self.waiting.is_empty() && self.in_flight.is_empty()
    }

    fn ask(&mut self, question: Question) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        self.waiting.insert(id, question);
        id
    }

    fn resolve(&mut self, id: u64, result: Result<Scanned, ScanError>) {
        self.results.insert(id, result);
        while self.results.len() > RESULTS_MAX {
            self.results.pop_first();
        }
    }
}

/// The fields of a product's code.
#[derive(Debug)]
struct ProductCode {
    fields: BTreeMap<String, String>,
}

impl ProductCode {
    /// Reads a code; `None` when it is not one of a product.
    fn read(code: &str) -> Option<Result<Self, ScanError>> {
        let query = code.strip_prefix("weixin://wxpay/bizpayurl?")?;
        let names = query.split('&').filter_map(|part| part.split_once('=')).map(|(name, _)| name);
        let ours = ["sign", "appid", "mch_id", "product_id", "time_stamp", "nonce_str"];
        if !names.into_iter().any(|name| ours.contains(&name)) {
            return None;
        }
        Some(Self::fields(query).map(|fields| Self { fields }))
    }

    fn fields(query: &str) -> Result<BTreeMap<String, String>, ScanError> {
        let mut fields = BTreeMap::new();
        for part in query.split('&') {
            let (name, value) = part.split_once('=').ok_or_else(|| bad_code("a part without ="))?;
            let value = decoded(value).ok_or_else(|| bad_code(format!("{name} is not encoded")))?;
            if fields.insert(name.to_owned(), value).is_some() {
                return Err(bad_code(format!("{name} comes twice")));
            }
        }
        Ok(fields)
    }

    fn get(&self, name: &str, bytes_max: usize) -> Result<&str, ScanError> {
        let value = self.fields.get(name).map(String::as_str).unwrap_or_default();
        match value.len() {
            0 => Err(bad_code(format!("{name} is missing"))),
            len if len > bytes_max => Err(bad_code(format!("{name} is too long"))),
            _ => Ok(value),
        }
    }
}

fn bad_code(reason: impl Into<String>) -> ScanError {
    ScanError::ProductCode { reason: reason.into() }
}

impl Gateway {
    /// A phone scans this code, whose is as with [`Gateway::scan`] when nobody is named. Of an
    /// order it sees at once what there is to pay; for a product the shop is asked first.
    ///
    /// # Errors
    ///
    /// Why there is nothing to pay; nobody is asked then.
    pub fn begin_scan(
        &mut self,
        person: Option<&Person>,
        code: &str,
        now: UnixTime,
    ) -> Result<Scanning, ScanError> {
        let Some(product) = ProductCode::read(self.links.meaning(code)) else {
            let scanned = match person {
                Some(person) => self.scan_as(person, code, now),
                None => self.scan(code, now),
            };
            return Ok(Scanning::Seen(scanned?));
        };
        let product = product?;
        let (merchant, algorithm) = self.check_product(&product)?;
        let url = merchant.mode_one_url.clone().ok_or(ScanError::NoAddress)?;
        let person = person.cloned().unwrap_or_default();
        let openid = self.people.openid(&person, &merchant.appid, &mut self.random);
        let mut fields = vec![
            Field::cdata("appid", &merchant.appid),
            Field::cdata("openid", openid),
            Field::cdata("mch_id", &merchant.mch_id),
            Field::cdata("is_subscribe", "N"),
            Field::cdata("nonce_str", numbers::nonce(&mut self.random)),
            Field::cdata("product_id", product.get("product_id", 32)?),
        ];
        fields.push(signature(&fields, &merchant, algorithm));
        let body = xml::write(&fields);
        let id = self.scans.ask(Question { merchant, person, algorithm, url, body });
        Ok(Scanning::Asking(id))
    }

    /// What the phone shows of a scan that [`Scanning::Asking`] named; `None` while the shop is
    /// asked. A result that nobody took for very long is forgotten, which looks as if the shop had
    /// said nothing.
    pub fn scan_result(&self, id: u64) -> Option<Result<Scanned, ScanError>> {
        let is_open =
            self.scans.waiting.contains_key(&id) || self.scans.in_flight.contains_key(&id);
        let forgotten = || Err(ScanError::ShopSilent { reason: "no such scan".to_owned() });
        (!is_open).then(|| self.scans.results.get(&id).cloned().unwrap_or_else(forgotten))
    }

    /// Whose product it is, if they have signed the code.
    fn check_product(
        &self,
        product: &ProductCode,
    ) -> Result<(Arc<Merchant>, Algorithm), ScanError> {
        let mch_id = product.get("mch_id", 32)?;
        let merchant = self.merchants.get(mch_id).ok_or_else(|| bad_code("unknown mch_id"))?;
        if product.get("appid", 32)? != merchant.appid {
            return Err(bad_code("the appid is not the merchant's"));
        }
        product.get("product_id", 32)?;
        product.get("nonce_str", 32)?;
        if !product.get("time_stamp", 10)?.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(bad_code("time_stamp is not a number"));
        }
        let sign = product.get("sign", 64)?;
        let algorithm = if sign.len() == 64 { Algorithm::HmacSha256 } else { Algorithm::Md5 };
        let fields = product.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        if !sign::verify(fields, &merchant.key, algorithm, sign) {
            return Err(bad_code("the signature is wrong"));
        }
        Ok((Arc::clone(merchant), algorithm))
    }

    /// Takes what a shop answered to a question.
    pub(super) fn answered(
        &mut self,
        id: u64,
        returned: Returned,
        now: UnixTime,
    ) -> Result<Outcome, UnknownDelivery> {
        let question = self.scans.in_flight.remove(&id).ok_or(UnknownDelivery)?;
        let response = match &returned {
            Returned::Answer { body, .. } => String::from_utf8_lossy(body).into_owned(),
            Returned::TooLong | Returned::Late | Returned::Unreachable { .. } => String::new(),
        };
        let result = self.judge(&question, returned.clone(), now);
        let outcome = outcome(returned, result.as_ref().err());
        let order = result.as_ref().ok().map(|scanned| scanned.out_trade_no.clone());
        let detail = outcome.detail().map(|why| format!(": {why}")).unwrap_or_default();
        self.log.push(Message {
            at: now.0,
            direction: Direction::Out,
            name: question.url,
            mch_id: Some(question.merchant.mch_id.clone()),
            out_trade_no: order,
            request: question.body,
            response,
            code: None,
            detail: Some(format!("{}{detail}", outcome.as_str())),
        });
        self.scans.resolve(id, result);
        Ok(outcome)
    }

    /// What the phone shows after this answer.
    fn judge(
        &mut self,
        question: &Question,
        returned: Returned,
        now: UnixTime,
    ) -> Result<Scanned, ScanError> {
        let silent = |reason: String| Err(ScanError::ShopSilent { reason });
        let bad = |reason: &str| ScanError::ShopAnswer { reason: reason.to_owned() };
        let body = match returned {
            Returned::Answer { status: 200, body } => body,
            Returned::Answer { status, .. } => return silent(format!("HTTP status {status}")),
            Returned::Late => return silent("no answer in time".to_owned()),
            Returned::Unreachable { reason } => return silent(reason),
            Returned::TooLong => return Err(bad("it is too long")),
        };
        let document =
            Document::read(&body).map_err(|error| bad(&format!("not a v2 document: {error}")))?;
        let get = |name| document.filled(name).unwrap_or_default();
        if get("return_code") != "SUCCESS" {
            return Err(bad(&format!("return_code {}: {}", get("return_code"), get("return_msg"))));
        }
        let Question { merchant, algorithm, .. } = question;
        if !sign::verify(document.iter(), &merchant.key, *algorithm, get("sign")) {
            return Err(bad("the signature is wrong"));
        }
        if get("mch_id") != merchant.mch_id || get("appid") != merchant.appid {
            return Err(bad("it is another merchant's"));
        }
        match get("result_code") {
            "SUCCESS" => self.prepaid(question, get("prepay_id"), now),
            "FAIL" => Err(ScanError::ShopRefused { text: get("err_code_des").to_owned() }),
            _ => Err(bad("it has no result_code")),
        }
    }

    /// The order that the shop made for the scan.
    fn prepaid(
        &mut self,
        question: &Question,
        prepay_id: &str,
        now: UnixTime,
    ) -> Result<Scanned, ScanError> {
        let order = self.prepay_ids.get(prepay_id).and_then(|key| self.orders.get(key));
        let order = order.filter(|order| order.key.mch_id == question.merchant.mch_id);
        let unknown = || ScanError::ShopAnswer { reason: "the prepay_id is unknown".to_owned() };
        let code = &order.ok_or_else(unknown)?.code;
        // It lives and dies with the code that was given out together with it.
        if code.prepay_id != prepay_id {
            return Err(ScanRefusal::CodeReplaced.into());
        }
        let code_url = code.url.clone();
        Ok(self.scan_as(&question.person, &code_url, now)?)
    }
}

/// What a question came to, in the words of a notification.
fn outcome(returned: Returned, error: Option<&ScanError>) -> Outcome {
    match (returned, error) {
        (_, None) => Outcome::Acknowledged,
        (Returned::Late, _) => Outcome::TimedOut,
        (Returned::Unreachable { reason }, _) => Outcome::Unreachable { reason },
        (Returned::Answer { .. } | Returned::TooLong, Some(error)) => {
            Outcome::Refused { reason: error.to_string() }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{APPID, KEY, MCH_ID, NOW, Shop};
    use super::super::{CODE_LIFE_S, Target, Tender};
    use super::*;
    use crate::sign::Key;

    const NO: &str = "SM20261123000001";
    const URL: &str = "https://shop.example/scan";
    /// M15 of the collected samples: made by another program.
    const CODE: &str = "weixin://wxpay/bizpayurl?sign=4F294D39F9D5694CFA902E3E7E7A3F94\
                        &appid=wx5a0mademeup0001&mch_id=1900000109&product_id=SKU-0001\
                        &time_stamp=1795461960&nonce_str=vYtQ8w";

    fn shop() -> Shop {
        let mut shop = Shop::new();
        let merchant = shop.gateway.merchants.get_mut(MCH_ID).unwrap();
        Arc::make_mut(merchant).mode_one_url = Some(URL.to_owned());
        shop
    }

    fn key() -> Key {
        Key::new(KEY).unwrap()
    }

    fn signed(fields: &[(&str, &str)], algorithm: Algorithm) -> String {
        let sign = sign::sign(fields.iter().copied(), &key(), algorithm);
        let all = fields.iter().copied().chain([("sign", sign.as_str())]);
        let fields: Vec<_> =
            all.map(|(name, value)| Field::cdata(name.to_owned(), value)).collect();
        xml::write(&fields)
    }

    /// Scans, and gives what the shop is sent.
    fn scan(shop: &mut Shop, code: &str) -> (u64, Delivery) {
        let Ok(Scanning::Asking(id)) = shop.gateway.begin_scan(None, code, shop.now) else {
            panic!()
        };
        assert_eq!(shop.gateway.scan_result(id), None);
        let mut send = shop.gateway.poll(shop.now).send;
        let delivery = send.pop().unwrap();
        assert!(
            send.is_empty() && delivery.id == id && shop.gateway.poll(shop.now).send.is_empty()
        );
        (id, delivery)
    }

    fn answer(body: impl Into<Vec<u8>>) -> Returned {
        Returned::Answer { status: 200, body: body.into() }
    }

    /// The shop's answer, with some fields changed.
    fn reply(prepay_id: &str, change: &[(&str, &str)]) -> String {
        let mut fields = vec![
            ("return_code", "SUCCESS"),
            ("appid", APPID),
            ("mch_id", MCH_ID),
            ("nonce_str", "n"),
            ("prepay_id", prepay_id),
            ("result_code", "SUCCESS"),
        ];
        for (name, value) in change {
            fields.retain(|(known, _)| known != name);
            fields.push((name, value));
        }
        signed(&fields, Algorithm::Md5)
    }

    /// What the phone shows when the shop answers so.
    fn shown(shop: &mut Shop, returned: Returned) -> Result<Scanned, ScanError> {
        let (id, _) = scan(shop, CODE);
        shop.gateway.delivered(id, returned, shop.now).unwrap();
        let again = shop.gateway.delivered(id, Returned::Late, shop.now);
        assert_eq!(again, Err(UnknownDelivery), "one answer is enough");
        shop.gateway.scan_result(id).unwrap()
    }

    fn prepay_id(shop: &mut Shop) -> String {
        shop.order(NO, &[]).get("prepay_id").unwrap().to_owned()
    }

    #[test]
    fn a_scan_asks_the_shop_and_shows_the_order_that_it_makes() {
        let mut shop = shop();
        let (id, delivery) = scan(&mut shop, CODE);
        assert_eq!(delivery.url, URL);
        let question = Document::read(delivery.body.as_bytes()).unwrap();
        let names: Vec<_> = question.iter().map(|(name, _)| name).collect();
        assert_eq!(
            names,
            ["appid", "openid", "mch_id", "is_subscribe", "nonce_str", "product_id", "sign"]
        );
        assert_eq!(question.get("product_id"), Some("SKU-0001"));
        let sign = question.get("sign").unwrap();
        assert!(sign::verify(question.iter(), &key(), Algorithm::Md5, sign));
        assert!(!shop.gateway.is_quiet(NOW));

        let order = shop.order(NO, &[("product_id", "SKU-0001")]);
        let reply = reply(order.get("prepay_id").unwrap(), &[]);
        let outcome = shop.gateway.delivered(id, answer(reply), NOW).unwrap();
        assert_eq!(outcome, Outcome::Acknowledged);
        let scanned = shop.gateway.scan_result(id).unwrap().unwrap();
        assert_eq!((scanned.out_trade_no.as_str(), scanned.total_fen), (NO, 1800));
        assert!(shop.gateway.is_quiet(NOW));

        let target = Target::of_code(scanned.code_url);
        shop.gateway.pay(&target, Tender::default(), NOW).unwrap();
        let openid = question.get("openid").map(str::to_owned);
        assert_eq!(shop.query(NO).get("openid").map(str::to_owned), openid, "the same person");
    }

    #[test]
    fn parameters_come_in_any_order_and_in_both_algorithms() {
        let mut shop = shop();
        let (start, query) = CODE.split_once('?').unwrap();
        let mut parts: Vec<_> = query.split('&').collect();
        parts.reverse();
        scan(&mut shop, &format!("{start}?{}", parts.join("&")));

        let fields = parts.iter().filter_map(|part| part.split_once('='));
        let sign = sign::sign(fields, &key(), Algorithm::HmacSha256);
        let code = CODE.replace("4F294D39F9D5694CFA902E3E7E7A3F94", &sign);
        let (id, delivery) = scan(&mut shop, &code);
        let question = Document::read(delivery.body.as_bytes()).unwrap();
        assert_eq!(question.get("sign").unwrap().len(), 64);
        let prepay_id = prepay_id(&mut shop);
        let md5 = reply(&prepay_id, &[]);
        shop.gateway.delivered(id, answer(md5), NOW).unwrap();
        let error = shop.gateway.scan_result(id).unwrap().unwrap_err();
        assert_eq!(error.to_string(), "the shop's answer: the signature is wrong");
    }

    #[test]
    fn a_short_link_leads_to_the_product() {
        let mut shop = shop();
        let fields = vec![("long_url".to_owned(), CODE.to_owned())];
        let body = shop.signed(&fields, &[]);
        let arrival = super::super::Arrival::of(body.as_bytes());
        let reply = shop.gateway.handle(super::super::Call::ShortUrl, &arrival, NOW);
        let reply = Document::read(&reply.body).unwrap();
        scan(&mut shop, reply.get("short_url").unwrap());
    }

    #[test]
    fn what_was_encoded_for_the_link_is_signed_as_it_was() {
        let mut shop = shop();
        let fields = [
            ("appid", APPID),
            ("mch_id", MCH_ID),
            ("product_id", "扫 1&2"),
            ("time_stamp", "1795461960"),
            ("nonce_str", "n"),
        ];
        let sign = sign::sign(fields, &key(), Algorithm::Md5);
        let code = format!(
            "weixin://wxpay/bizpayurl?sign={sign}&appid={APPID}&mch_id={MCH_ID}\
             &product_id=%E6%89%AB%201%262&time_stamp=1795461960&nonce_str=n"
        );
        let (_, delivery) = scan(&mut shop, &code);
        let question = Document::read(delivery.body.as_bytes()).unwrap();
        assert_eq!(question.get("product_id"), Some("扫 1&2"));
    }

    #[test]
    fn a_code_that_is_not_good_asks_nobody() {
        let mut shop = shop();
        for (from, to, reason) in [
            ("SKU-0001", "SKU-0002", "the signature is wrong"),
            ("4F29", "4F28", "the signature is wrong"),
            ("&product_id=SKU-0001", "", "product_id is missing"),
            ("SKU-0001", &"x".repeat(33), "product_id is too long"),
            ("1795461960", "yesterday", "time_stamp is not a number"),
            ("1900000109", "1900000999", "unknown mch_id"),
            ("wx5a0mademeup0001", "wx5a0mademeup0002", "the appid is not the merchant's"),
            ("&nonce_str", "&appid=x&nonce_str", "appid comes twice"),
            ("vYtQ8w", "%zz", "nonce_str is not encoded"),
        ] {
            let code = CODE.replacen(from, to, 1);
            let error = shop.gateway.begin_scan(None, &code, NOW).unwrap_err();
            assert_eq!(error, bad_code(reason), "{code}");
        }
        assert!(shop.gateway.poll(NOW).send.is_empty());
        let error = Shop::new().gateway.begin_scan(None, CODE, NOW).unwrap_err();
        assert_eq!(error, ScanError::NoAddress);
    }

    #[test]
    fn the_code_of_an_order_is_seen_at_once() {
        let mut shop = shop();
        let code = shop.code(NO);
        let scanning = shop.gateway.begin_scan(None, &code, NOW).unwrap();
        assert_eq!(scanning, Scanning::Seen(shop.gateway.scan(&code, NOW).unwrap()));
        let unknown = shop.gateway.begin_scan(None, "weixin://wxpay/bizpayurl?pr=x", NOW);
        assert_eq!(unknown, Err(ScanRefusal::UnknownCode.into()));
    }

    #[test]
    fn a_shop_that_says_nothing_good_in_time_is_silent() {
        let text = |returned| shown(&mut shop(), returned).unwrap_err().to_string();
        let shown = "获取商户订单信息超时或商户返回httpcode非200";
        assert_eq!(text(Returned::Late), format!("{shown} (no answer in time)"));
        let away = Returned::Unreachable { reason: "away".into() };
        assert_eq!(text(away), format!("{shown} (away)"));
        let status = Returned::Answer { status: 500, body: Vec::new() };
        assert_eq!(text(status), format!("{shown} (HTTP status 500)"));
    }

    #[test]
    fn the_customer_reads_why_the_shop_does_not_sell() {
        let refusal = reply("", &[("result_code", "FAIL"), ("err_code_des", "今日售罄")]);
        let error = shown(&mut shop(), answer(refusal)).unwrap_err();
        assert_eq!(error.to_string(), "今日售罄");
        let unsigned = "<xml><return_code>SUCCESS</return_code><result_code>FAIL</result_code>\
                        <err_code_des>x</err_code_des></xml>";
        let error = shown(&mut shop(), answer(unsigned)).unwrap_err();
        assert_eq!(error.as_str(), "invalid_shop_answer", "anybody could have said so");
    }

    #[test]
    fn an_answer_that_is_not_good_shows_no_order() {
        let mut shop = shop();
        let good = prepay_id(&mut shop);
        let theirs = shop.gateway.prepay_ids.clone();
        for (body, reason) in [
            ("hello".to_owned(), "not a v2 document: text between the elements"),
            (
                reply(&good, &[("return_code", "FAIL"), ("return_msg", "no")]),
                "return_code FAIL: no",
            ),
            (reply(&good, &[]).replace("CDATA[n]", "CDATA[m]"), "the signature is wrong"),
            (reply(&good, &[("mch_id", "1900000110")]), "it is another merchant's"),
            (reply(&good, &[("appid", "")]), "it is another merchant's"),
            (reply(&good, &[("result_code", "")]), "it has no result_code"),
            (reply("wx23192600", &[]), "the prepay_id is unknown"),
        ] {
            let error = shown(&mut shop, answer(body)).unwrap_err();
            assert_eq!(error.to_string(), format!("the shop's answer: {reason}"));
        }
        assert_eq!(shop.gateway.prepay_ids, theirs);
        let error = shown(&mut shop, Returned::TooLong).unwrap_err();
        assert_eq!(error.as_str(), "invalid_shop_answer");
        assert!(shown(&mut shop, answer(reply(&good, &[]))).is_ok());
    }

    #[test]
    fn another_merchants_prepay_id_is_unknown() {
        let mut shop = shop();
        let order = shop.other_merchant().order(NO, &[]);
        let body = reply(order.get("prepay_id").unwrap(), &[]);
        assert_eq!(shown(&mut shop, answer(body)).unwrap_err().as_str(), "invalid_shop_answer");
    }

    #[test]
    fn a_prepay_id_lives_two_hours_and_dies_with_its_code() {
        let mut shop = shop();
        let first = prepay_id(&mut shop);
        let second = prepay_id(&mut shop);
        let error = shown(&mut shop, answer(reply(&first, &[]))).unwrap_err();
        assert_eq!(error, ScanRefusal::CodeReplaced.into());
        shop.now = NOW.plus(CODE_LIFE_S - 1);
        shown(&mut shop, answer(reply(&second, &[]))).unwrap();
        shop.now = NOW.plus(CODE_LIFE_S);
        let error = shown(&mut shop, answer(reply(&second, &[]))).unwrap_err();
        assert_eq!(error, ScanRefusal::CodeExpired.into());
    }

    #[test]
    fn questions_are_logged_and_not_one_is_kept_for_ever() {
        let mut shop = shop();
        let (first, _) = scan(&mut shop, CODE);
        shop.gateway.delivered(first, Returned::Late, NOW).unwrap();
        let message = shop.gateway.messages().last().unwrap();
        assert_eq!((message.name.as_str(), message.detail.as_deref()), (URL, Some("timed_out")));
        for _ in 0..RESULTS_MAX {
            shown(&mut shop, answer(reply("", &[("result_code", "FAIL")]))).unwrap_err();
        }
        assert_eq!(shop.gateway.scans.results.len(), RESULTS_MAX);
        let forgotten = shop.gateway.scan_result(first).unwrap().unwrap_err();
        assert_eq!(forgotten.as_str(), "shop_silent");
    }
}
