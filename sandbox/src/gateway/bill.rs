//! 下载交易账单 and 下载资金账单: when there is a bill, and what is said when there is none
//! (`docs/protocol.md` §11). The answers are the only ones that are never signed.

use std::io::Write as _;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::answer::Answer;
use super::refusal::{Code, Refusal};
use super::request::{self, Request};
use super::trade_bill::{self, BillType, Facts};
use super::{Arrival, Call, Gateway, Manner, fund_bill};
use crate::sign::Algorithm;
use crate::time::UnixTime;
use crate::xml::{self, Field};

/// When on the next day a bill is there, in seconds from midnight. It is being made from nine.
const READY_S: i64 = 10 * 3600;

impl Answer {
    /// Why there is no bill: unsigned, with the code in the document.
    pub(super) fn no_bill(refusal: Refusal) -> Self {
        let mut fields =
            vec![Field::cdata("return_code", "FAIL"), Field::cdata("return_msg", refusal.text)];
        if !refusal.code.is_text_alone() {
            fields.push(Field::cdata("error_code", refusal.code.as_str()));
        }
        let body = xml::write(&fields).into_bytes();
        let manner = Manner::default();
        Self { body, code: Some(refusal.code), detail: refusal.detail, manner }
    }
}

impl Gateway {
    /// Answers a call for a bill; gives also the request, if it was one.
    pub(super) fn answer_bill(
        &self,
        call: Call,
        arrival: &Arrival<'_>,
        now: UnixTime,
    ) -> (Answer, Option<Request>) {
        let request = match self.bill_request(call, arrival) {
            Ok(request) => request,
            Err(refusal) => return (Answer::no_bill(refusal), None),
        };
        let certified = self.certified(call, &request.merchant, arrival);
        let bill = certified.and_then(|()| self.bill(call, &request, now));
        let answer = match bill {
            Ok(body) => Answer { body, code: None, detail: None, manner: Manner::default() },
            Err(refusal) => Answer::no_bill(refusal),
        };
        (answer, Some(request))
    }

    /// Who asks. A bill is the merchant's, whichever appid asks; the appid must be somebody's.
    pub(super) fn bill_request(
        &self,
        call: Call,
        arrival: &Arrival<'_>,
    ) -> Result<Request, Refusal> {
        let document = request::read(arrival.body).map_err(in_bill_words)?;
        if document.get("nonce_str").is_some_and(|nonce| nonce.len() > 32) {
            return Err(invalid("nonce_str too long"));
        }
        let merchant = self.merchant_of(&document).map_err(in_bill_words)?;
        let appid = document.filled("appid").unwrap_or_default();
        if !self.merchants.values().any(|merchant| merchant.has_appid(appid)) {
            return Err(invalid("invalid appid"));
        }
        // The fund bill knows HMAC-SHA256 alone, named or not.
        let algorithm = match (call, document.filled("sign_type")) {
            (Call::DownloadFundFlow, None) => Algorithm::HmacSha256,
            (Call::DownloadFundFlow, Some("MD5")) => return Err(invalid("sign error")),
            (_, sign_type) => Algorithm::from_sign_type(sign_type)
                .ok_or_else(|| invalid("invalid parameter").with_detail("sign_type"))?,
        };
        request::prove(document, Arc::clone(merchant), algorithm).map_err(in_bill_words)
    }

    fn bill(&self, call: Call, request: &Request, now: UnixTime) -> Result<Vec<u8>, Refusal> {
        if !request.merchant.bills.open {
            let text = "bill API closed for this merchant";
            return Err(Refusal::new(Code::BillClosed, text));
        }
        let packed = match request.filled("tar_type") {
            None => false,
            Some("GZIP") => true,
            Some(_) => return Err(invalid("invalid tar_type")),
        };
        let text = if call == Call::DownloadFundFlow {
            self.fund_bill(request, now)?
        } else {
            self.trade_bill(request, now)?
        };
        let text = text.ok_or_else(|| Refusal::new(Code::BillMissing, "No Bill Exist"))?;
        Ok(if packed { gzip(text.as_bytes()) } else { text.into_bytes() })
    }

    fn trade_bill(&self, request: &Request, now: UnixTime) -> Result<Option<String>, Refusal> {
        let bill_type = BillType::from_word(request.filled("bill_type"))
            .ok_or_else(|| invalid("invalid bill_type"))?;
        let day = bill_day(request, now)?;
        let merchant = &request.merchant;
        let facts = self.ledger.day(&merchant.mch_id, day).iter().filter_map(|entry| {
            let order = self.orders.get(self.transactions.get(&entry.transaction_id)?)?;
            let mut payments = order.payments.iter();
            let payment = payments.find(|p| p.transaction_id == entry.transaction_id)?;
            Some(Facts { order, payment, entry })
        });
        Ok(trade_bill::write(facts, bill_type, merchant.bills.format))
    }

    fn fund_bill(&self, request: &Request, now: UnixTime) -> Result<Option<String>, Refusal> {
        let account = request.filled("account_type");
        let account = account.ok_or_else(|| lacks("account_type"))?;
        let day = bill_day(request, now)?;
        let merchant = &request.merchant;
        match account {
            "Basic" => Ok(fund_bill::write(merchant, self.ledger.day(&merchant.mch_id, day))),
            // Payments, fees and refunds all go through the basic account: nothing moves in these.
            "Operation" | "Fees" => Ok(None),
            _ => Err(invalid("invalid parameter").with_detail("account_type")),
        }
    }
}

/// The day that is asked for, when its bill is there.
fn bill_day(request: &Request, now: UnixTime) -> Result<i64, Refusal> {
    let date = request.filled("bill_date").ok_or_else(|| lacks("bill_date"))?;
    let midnight = UnixTime::from_beijing(&format!("{date}000000"));
    let midnight = midnight.ok_or_else(|| invalid("invalid bill_date"))?;
    if date < oldest_date(now).as_str() || midnight.day() > now.day() {
        return Err(invalid("invalid bill_date"));
    }
    if now.since(midnight) < 86_400 + READY_S {
        return Err(Refusal::new(Code::BillMissing, "Bill Creating"));
    }
    Ok(midnight.day())
}

/// The date three months ago in 8 digits. In a month that has no such day it is one that does not
/// exist, which sorts where it should.
fn oldest_date(now: UnixTime) -> String {
    let today = now.beijing();
    let number = |from: usize, to: usize| today[from..to].parse::<u32>().unwrap_or(0);
    let months = (number(0, 4) * 12 + number(4, 6) - 1).saturating_sub(3);
    format!("{:04}{:02}{:02}", months / 12, months % 12 + 1, number(6, 8))
}

fn invalid(text: &str) -> Refusal {
    Refusal::new(Code::BillInvalid, text)
}

fn lacks(name: &str) -> Refusal {
    invalid("missing parameter").with_detail(name)
}

/// A refusal of before the signature was proved, in the words that bills have for it.
pub(super) fn in_bill_words(refusal: Refusal) -> Refusal {
    let text = match refusal.code {
        Code::RequirePostMethod => "require POST method",
        Code::PostDataEmpty => "empty post data",
        Code::NotUtf8 | Code::XmlFormatError => "data format error",
        Code::LackParams => "missing parameter",
        Code::SignError => "sign error",
        _ => "invalid parameter",
    };
    invalid(text).with_detail(refusal.detail.unwrap_or(refusal.text))
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).expect("a Vec takes all that is written");
    encoder.finish().expect("a Vec takes all that is written")
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::super::ledger::RefundParts;
    use super::super::testing::{KEY, MCH_ID, NOW, OTHER_APPID, OTHER_MCH_ID, Shop};
    use super::super::{Coupon, CouponKind, OrderKey, Tender};
    use super::*;
    use crate::merchant::BillFormat;
    use crate::xml::Document;

    const NO: &str = "SM20261123000001";
    /// Ten o'clock of the next day.
    const READY: UnixTime = UnixTime(NOW.0 - (19 * 3600 + 26 * 60) + 86_400 + READY_S);

    fn ask(shop: &mut Shop, call: Call, change: &[(&str, &str)]) -> Answer {
        let fields = vec![("bill_date".to_owned(), "20261123".to_owned())];
        let body = shop.signed(&fields, change);
        // The certificate is another part's concern.
        let arrival = Arrival { certificate: Some(MCH_ID), ..Arrival::of(body.as_bytes()) };
        shop.gateway.handle(call, &arrival, shop.now)
    }

    fn bill(shop: &mut Shop, change: &[(&str, &str)]) -> String {
        let answer = ask(shop, Call::DownloadBill, change);
        assert_eq!(answer.code, None, "{}", answer.text());
        answer.text().into_owned()
    }

    /// Code and text of a refusal, and that it has the form of one.
    fn refused(answer: &Answer) -> (String, String) {
        let document = Document::read(&answer.body).unwrap();
        let names: Vec<_> = document.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["return_code", "return_msg", "error_code"], "and no signature");
        assert_eq!(document.get("return_code"), Some("FAIL"));
        let [text, code] = ["return_msg", "error_code"].map(|name| document.get(name).unwrap());
        assert_eq!(answer.code.map(Code::as_str), Some(code));
        (code.to_owned(), text.to_owned())
    }

    fn says(shop: &mut Shop, change: &[(&str, &str)]) -> String {
        let (code, text) = refused(&ask(shop, Call::DownloadBill, change));
        format!("{code} {text}")
    }

    /// A shop at the time at which the bill of a day with one payment is there.
    fn paid(tender: Tender) -> Shop {
        let mut shop = Shop::new();
        let change =
            [("device_info", "kiosk-7"), ("body", "美式咖啡, 大杯,"), ("attach", "深圳分店,一楼")];
        shop.order(NO, &change);
        shop.order("SM20261123000002", &[]);
        shop.pay(NO, tender).unwrap();
        shop.now = READY;
        shop
    }

    fn coupons() -> Tender {
        let coupon = |fee_fen, kind| Coupon { id: "1".into(), fee_fen, kind: Some(kind) };
        let coupons = vec![coupon(300, CouponKind::NoCash), coupon(58, CouponKind::Cash)];
        Tender { coupons, ..Tender::default() }
    }

    /// The payment with coupons, and a refund of a part of it an hour later.
    fn refunded() -> Shop {
        let mut shop = paid(coupons());
        let key = OrderKey { mch_id: MCH_ID.into(), out_trade_no: NO.into() };
        let transaction_id = shop.gateway.orders[&key].payments[0].transaction_id.clone();
        let parts = RefundParts {
            refund_id: "50300000000000000000000000001",
            out_refund_no: "R-1@a",
            refund_fen: 599,
            settlement_fen: 500,
            coupon_fen: 119,
        };
        let at = NOW.plus(3600);
        shop.gateway.ledger.refund_accepted(&key, &transaction_id, parts, at);
        shop
    }

    fn set_bills(shop: &mut Shop, change: impl Fn(&mut crate::merchant::BillSettings)) {
        let merchant = shop.gateway.merchants.get_mut(MCH_ID).unwrap();
        change(&mut Arc::make_mut(merchant).bills);
    }

    fn numbers(shop: &Shop) -> (String, String) {
        let key = OrderKey { mch_id: MCH_ID.into(), out_trade_no: NO.into() };
        let payment = &shop.gateway.orders[&key].payments[0];
        (payment.transaction_id.clone(), payment.openid.clone())
    }

    #[test]
    fn a_bill_has_mark_header_lines_and_summary() {
        let mut shop = refunded();
        let (transaction, openid) = numbers(&shop);
        let ours = "wx5a0mademeup0001,`1900000109,`0,`kiosk-7";
        let expected = format!(
            "\u{feff}交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,\
             交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,\
             充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注\r\n\
             `2026-11-23 19:26:00,`{ours},`{transaction},`{NO},`{openid},`NATIVE,`SUCCESS,`OTHERS,\
             `CNY,`15.00,`3.58,`0,`0,`0.00,`0.00,`,`,`美式咖啡, 大杯,,`深圳分店,一楼,`0.09000,`0.60%,\
             `18.00,`0.00,`\r\n\
             `2026-11-23 20:26:00,`{ours},`{transaction},`{NO},`{openid},`NATIVE,`REFUND,`OTHERS,\
             `CNY,`0.00,`0.00,`50300000000000000000000000001,`R-1@a,`5.00,`0.20,`ORIGINAL,\
             `PROCESSING,`美式咖啡, 大杯,,`深圳分店,一楼,`-0.03000,`0.60%,`0.00,`5.99,`\r\n\
             总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额\r\n\
             `2,`15.00,`5.00,`0.20,`0.06000,`18.00,`5.99\r\n"
        );
        assert_eq!(bill(&mut shop, &[]), expected);
        assert_eq!(bill(&mut shop, &[("bill_type", "ALL")]), expected);
    }

    #[test]
    fn an_old_merchant_has_the_old_columns() {
        let mut shop = refunded();
        set_bills(&mut shop, |bills| bills.format = BillFormat::Old);
        let text = bill(&mut shop, &[]);
        let lines: Vec<_> = text.lines().collect();
        assert!(
            lines[0].contains(",子商户号,") && lines[0].contains(",总金额,代金券或立减优惠金额,")
        );
        assert!(lines[0].ends_with(",商品名称,商户数据包,手续费,费率"), "{}", lines[0]);
        assert!(lines[1].contains(",`CNY,`18.00,`3.58,`0,`0,`0.00,`0.00,`,`,"), "{}", lines[1]);
        assert!(lines[2].contains(",`R-1@a,`5.99,`1.19,`ORIGINAL,"), "{}", lines[2]);
        assert_eq!(
            lines[3],
            "总交易单数,总交易额,总退款金额,总代金券或立减优惠退款金额,手续费总金额"
        );
        assert_eq!(lines[4], "`2,`18.00,`5.99,`1.19,`0.06000");
    }

    #[test]
    fn each_bill_has_its_columns_and_its_lines() {
        let mut shop = refunded();
        for (format, bill_type, columns, lines) in [
            (BillFormat::Current, "ALL", 27, 2),
            (BillFormat::Current, "SUCCESS", 20, 1),
            (BillFormat::Current, "REFUND", 29, 1),
            (BillFormat::Current, "RECHARGE_REFUND", 29, 1),
            (BillFormat::Old, "ALL", 24, 2),
            (BillFormat::Old, "SUCCESS", 18, 1),
            (BillFormat::Old, "REFUND", 26, 1),
        ] {
            set_bills(&mut shop, |bills| bills.format = format);
            let text = bill(&mut shop, &[("bill_type", bill_type)]);
            assert!(text.ends_with("\r\n") && text.matches('\n').count() == lines + 3, "{text}");
            let all: Vec<_> = text.lines().collect();
            assert_eq!(all[0].split(',').count(), columns, "{format:?} {bill_type}");
            for line in &all[1..=lines] {
                assert_eq!(line.split(",`").count(), columns, "{line}");
            }
            assert_eq!(all[lines + 1].split(',').count(), all[lines + 2].split(",`").count());
        }
    }

    #[test]
    fn a_bill_of_refunds_has_both_times() {
        let text = bill(&mut refunded(), &[("bill_type", "REFUND")]);
        let line = text.lines().nth(1).unwrap();
        assert!(line.starts_with("`2026-11-23 19:26:00,"), "of the payment: {line}");
        assert!(
            line.contains(",`0.00,`0.00,`2026-11-23 20:26:00,`,`5030"),
            "of the refund: {line}"
        );
    }

    #[test]
    fn a_refund_stands_on_the_day_on_which_it_was_accepted_and_stays_as_it_was() {
        let mut shop = refunded();
        let before = bill(&mut shop, &[]);
        let key = OrderKey { mch_id: MCH_ID.into(), out_trade_no: NO.into() };
        let (transaction, _) = numbers(&shop);
        let refund_id = "50300000000000000000000000001";
        shop.gateway.ledger.refund_closed(&key, &transaction, refund_id, shop.now);
        assert_eq!(bill(&mut shop, &[]), before);
        shop.now = READY.plus(86_400);
        assert_eq!(says(&mut shop, &[("bill_date", "20261124")]), "20002 No Bill Exist");
    }

    #[test]
    fn the_rate_is_the_merchants() {
        let mut shop = Shop::new();
        set_bills(&mut shop, |bills| bills.fee_bp = 38);
        shop.paid(NO, Tender::default());
        shop.now = READY;
        assert!(bill(&mut shop, &[]).contains(",`0.38%,"));
    }

    #[test]
    fn a_new_fee_changes_nothing_of_what_was_paid_before() {
        let mut shop = paid(Tender::default());
        let before = (bill(&mut shop, &[]), fund_bill(&mut shop));
        set_bills(&mut shop, |bills| bills.fee_bp = 1_000);
        assert_eq!((bill(&mut shop, &[]), fund_bill(&mut shop)), before);
        shop.refund(NO, "R1", 1800, &[]).unwrap();
        assert_eq!(shop.gateway.account_fen(MCH_ID), 0, "it came, and all of it went");
        shop.now = READY.plus(86_400);
        let text = bill(&mut shop, &[("bill_date", "20261124")]);
        assert!(text.contains(",`-0.11000,`0.60%,"), "{text}");
    }

    #[test]
    fn a_bill_comes_packed_when_it_is_asked_for_so() {
        let mut shop = paid(Tender::default());
        let text = bill(&mut shop, &[]);
        let packed = ask(&mut shop, Call::DownloadBill, &[("tar_type", "GZIP")]);
        assert_eq!(packed.body[..2], [0x1f, 0x8b]);
        let mut unpacked = String::new();
        flate2::read::GzDecoder::new(&packed.body[..]).read_to_string(&mut unpacked).unwrap();
        assert_eq!(unpacked, text);
        let logged = shop.gateway.messages().last().unwrap().response.clone();
        assert_eq!(logged, format!("({} bytes)", packed.body.len()));
    }

    #[test]
    fn a_bill_is_there_from_ten_o_clock_of_the_next_day() {
        let mut shop = paid(Tender::default());
        for (now, expected) in [
            (NOW, "20002 Bill Creating"),
            (READY.plus(-3601), "20002 Bill Creating"),
            (READY.plus(-1), "20002 Bill Creating"),
        ] {
            shop.now = now;
            assert_eq!(says(&mut shop, &[]), expected);
        }
        shop.now = READY;
        bill(&mut shop, &[]);
        let tomorrow = [("bill_date", "20261125")];
        assert_eq!(says(&mut shop, &tomorrow), "20001 invalid bill_date");
    }

    #[test]
    fn a_day_without_lines_has_no_bill() {
        let mut shop = paid(Tender::default());
        assert_eq!(says(&mut shop, &[("bill_date", "20261122")]), "20002 No Bill Exist");
        assert_eq!(says(&mut shop, &[("bill_type", "REFUND")]), "20002 No Bill Exist");
        let packed = [("bill_date", "20261122"), ("tar_type", "GZIP")];
        assert_eq!(says(&mut shop, &packed), "20002 No Bill Exist", "as text all the same");
    }

    #[test]
    fn bills_are_kept_three_months() {
        let mut shop = paid(Tender::default());
        shop.now = UnixTime::from_beijing("20270223235959").unwrap();
        bill(&mut shop, &[]);
        shop.now = shop.now.plus(1);
        assert_eq!(says(&mut shop, &[]), "20001 invalid bill_date");
        assert_eq!(oldest_date(UnixTime::from_beijing("20270531000000").unwrap()), "20270231");
        assert_eq!(oldest_date(UnixTime::from_beijing("20270131000000").unwrap()), "20261031");
    }

    #[test]
    fn what_is_wrong_with_a_call_is_said_in_the_words_of_bills() {
        let mut shop = paid(Tender::default());
        let long = "n".repeat(33);
        for (name, value, text) in [
            ("nonce_str", long.as_str(), "nonce_str too long"),
            ("nonce_str", "", "missing parameter"),
            ("bill_date", "", "missing parameter"),
            ("tar_type", "ZIP", "invalid tar_type"),
            ("bill_type", "REVOKED", "invalid bill_type"),
            ("bill_date", "2026-11-23", "invalid bill_date"),
            ("bill_date", "20261131", "invalid bill_date"),
            ("appid", "wx0000", "invalid appid"),
            ("mch_id", "1900000999", "invalid parameter"),
            ("sign_type", "SHA1", "invalid parameter"),
        ] {
            assert_eq!(says(&mut shop, &[(name, value)]), format!("20001 {text}"), "{name}");
        }
        for (body, text) in [
            (&b""[..], "empty post data"),
            (b"{}", "data format error"),
            (b"\xff", "data format error"),
            (b"<xml><mch_id>1</mch_id></xml>", "missing parameter"),
        ] {
            let arrival = Arrival::of(body);
            let answer = shop.gateway.handle(Call::DownloadBill, &arrival, shop.now);
            assert_eq!(refused(&answer), ("20001".into(), text.into()));
        }
        let answer = shop.gateway.handle_other_method(Call::DownloadBill, shop.now);
        assert_eq!(refused(&answer), ("20001".into(), "require POST method".into()));
        shop.key = KEY.chars().rev().collect();
        assert_eq!(says(&mut shop, &[]), "20001 sign error");
    }

    #[test]
    fn bills_can_be_closed_for_a_merchant() {
        let mut shop = paid(Tender::default());
        set_bills(&mut shop, |bills| bills.open = false);
        assert_eq!(refused(&ask(&mut shop, Call::DownloadBill, &[])).0, "20007");
    }

    #[test]
    fn any_appid_that_is_somebodys_gets_the_merchants_bill_and_no_other() {
        let mut shop = paid(Tender::default());
        let own = bill(&mut shop, &[]);
        assert_eq!(bill(&mut shop, &[("appid", OTHER_APPID)]), own);
        assert_eq!(says(shop.other_merchant(), &[]), "20002 No Bill Exist");
    }

    #[test]
    fn both_algorithms_get_a_trade_bill_and_hmac_alone_a_fund_bill() {
        let mut shop = paid(Tender::default());
        let fund = |shop: &mut Shop, change: &[(&str, &str)]| {
            let mut all = vec![("account_type", "Basic")];
            all.extend(change);
            ask(shop, Call::DownloadFundFlow, &all)
        };
        assert_eq!(refused(&fund(&mut shop, &[])).1, "sign error");
        assert_eq!(refused(&fund(&mut shop, &[("sign_type", "MD5")])).1, "sign error");
        shop.algorithm = Algorithm::HmacSha256;
        bill(&mut shop, &[]);
        assert_eq!(fund(&mut shop, &[]).code, None);
        assert_eq!(fund(&mut shop, &[("sign_type", "")]).code, None, "not named, and meant");
    }

    #[test]
    fn a_fund_bill_needs_the_merchants_certificate_and_a_trade_bill_none() {
        let mut shop = paid(Tender::default());
        shop.algorithm = Algorithm::HmacSha256;
        let fields = [("bill_date", "20261123"), ("account_type", "Basic")];
        let body = shop.signed(&Vec::new(), &fields);
        for (certificate, code) in [
            (None, Some(Code::CertError)),
            (Some(OTHER_MCH_ID), Some(Code::CertError)),
            (Some(MCH_ID), None),
        ] {
            let arrival = Arrival { certificate, ..Arrival::of(body.as_bytes()) };
            let fund = shop.gateway.handle(Call::DownloadFundFlow, &arrival, shop.now);
            assert_eq!(fund.code, code, "{certificate:?}: {}", fund.text());
            let trade = shop.gateway.handle(Call::DownloadBill, &arrival, shop.now);
            assert_eq!(trade.code, None);
        }
    }

    fn fund_bill(shop: &mut Shop) -> String {
        shop.algorithm = Algorithm::HmacSha256;
        let answer = ask(shop, Call::DownloadFundFlow, &[("account_type", "Basic")]);
        assert_eq!(answer.code, None, "{}", answer.text());
        answer.text().into_owned()
    }

    #[test]
    fn a_fund_bill_has_every_movement_and_the_balance_after_it() {
        let mut shop = refunded();
        let (transaction, _) = numbers(&shop);
        let expected = format!(
            "\u{feff}记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),\
             账户结余(元),资金变更提交申请人,备注,业务凭证号\r\n\
             `2026-11-23 19:26:00,`{transaction},`10001900000109202611230000000000,`交易,`交易,`收入,\
             `15.00,`15.00,`system,`,`{NO}\r\n\
             `2026-11-23 19:26:00,`{transaction},`10001900000109202611230000000001,`交易,\
             `扣除交易手续费,`支出,`0.09,`14.91,`system,`费率 0.60%,`{NO}\r\n\
             `2026-11-23 20:26:00,`50300000000000000000000000001,\
             `10001900000109202611230000000002,`退款,`退款,`支出,`4.97,`9.94,`1900000109API,\
             `退款总金额5.99元;含手续费0.03元,`R-1@a\r\n\
             资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额\r\n\
             `3,`1,`15.00,`2,`5.06\r\n"
        );
        assert_eq!(fund_bill(&mut shop), expected);
        assert_eq!(shop.gateway.account_fen(MCH_ID), 994);
    }

    #[test]
    fn a_refund_that_came_to_nothing_brings_its_money_back_on_that_day() {
        let mut shop = refunded();
        let key = OrderKey { mch_id: MCH_ID.into(), out_trade_no: NO.into() };
        let (transaction, _) = numbers(&shop);
        let refund_id = "50300000000000000000000000001";
        shop.gateway.ledger.refund_closed(&key, &transaction, refund_id, NOW.plus(7200));
        let text = fund_bill(&mut shop);
        assert!(text.contains(",`退款,`退款,`收入,`4.97,`14.91,"), "{text}");
        assert!(text.ends_with("`4,`2,`19.97,`2,`5.06\r\n"), "{text}");
    }

    #[test]
    fn other_accounts_have_no_movements() {
        let mut shop = paid(Tender::default());
        shop.algorithm = Algorithm::HmacSha256;
        for (account, text) in [
            ("Operation", "No Bill Exist"),
            ("Fees", "No Bill Exist"),
            ("basic", "invalid parameter"),
            ("", "missing parameter"),
        ] {
            let answer = ask(&mut shop, Call::DownloadFundFlow, &[("account_type", account)]);
            assert_eq!(refused(&answer).1, text, "{account}");
        }
    }
}
