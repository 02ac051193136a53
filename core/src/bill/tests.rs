use super::*;
use crate::api::{Class, Currency, Merchant};
use crate::ids::{AppId, MchId};
use crate::money::Fen;
use crate::sign::{ApiKey, SignType};
use crate::time::UnixTime;
use proptest::prelude::*;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

macro_rules! bill {
    ($name:literal) => {
        include_str!(concat!("../../../tests/fixtures/bills/", $name))
    };
}

/// Both kinds of lines, today's columns, a byte order mark and CRLF.
pub(super) const ALL: &str = bill!("all.csv");
const FUND: &str = bill!("fund.csv");
/// Every kind of trade bill and every set of columns.
const TRADES: [&str; 6] = [
    ALL,
    bill!("all-old.csv"),
    bill!("success.csv"),
    bill!("success-old.csv"),
    bill!("refund.csv"),
    bill!("refund-old.csv"),
];

fn fen(amount: u64) -> Fen {
    Fen::new(amount).unwrap()
}

/// What a reader says of a bill that comes in chunks of `size`: each line and the sums, as text.
fn read<T: Totals>(
    text: &[u8],
    size: usize,
    show: impl Fn(T::Line<'_>) -> String,
) -> (Vec<String>, Result<T, BillError>) {
    let mut lines = Vec::new();
    let mut reader = Reader::<T>::new();
    let mut on_line = |line: Result<T::Line<'_>, LineError>| {
        lines.push(line.map_or_else(|error| error.to_string(), &show));
    };
    let fed = text.chunks(size).try_for_each(|chunk| reader.feed(chunk, &mut on_line));
    let result = fed.and_then(|()| reader.finish(&mut on_line));
    (lines, result)
}

fn trade(text: &str) -> (Vec<String>, Result<TradeTotals, BillError>) {
    read(text.as_bytes(), 4_096, |line: TradeLine<'_>| {
        format!("{:?} {} {}", line.state, line.out_trade_no, line.total_fee)
    })
}

fn kind(text: &str) -> BillErrorKind {
    trade(text).1.unwrap_err().kind
}

pub(super) fn assert_all(totals: &TradeTotals) {
    assert_eq!(totals.count, 4);
    assert_eq!(totals.total_fee, fen(5_198));
    assert_eq!(totals.settlement_total_fee, fen(4_698));
    assert_eq!(totals.settlement_refund_fee, fen(541));
    assert_eq!(totals.refund_fee, fen(599));
    assert_eq!(totals.coupon_refund_fee, fen(58));
    assert_eq!(totals.fee, Fee::parse("0.25").unwrap());
}

#[test]
fn payments_and_refunds_of_a_day() {
    let mut seen = 0;
    let mut reader = TradeBill::new();
    let check = |line: Result<TradeLine<'_>, LineError>| {
        let line = line.unwrap();
        match seen {
            0 => {
                assert_eq!(line.time, UnixTime::parse_beijing("20261123193142").unwrap());
                assert_eq!((line.app_id, line.mch_id), ("wx5a0mademeup0001", "1900000109"));
                assert_eq!(line.sub_mch_id, "0");
                assert_eq!(line.openid, "oMadeUpOpenIdForTests000001");
                assert_eq!((line.trade_type, line.bank_type), ("NATIVE", "OTHERS"));
                assert_eq!(line.body, "美式咖啡, 大杯,", "commas belong to the name");
                assert_eq!(line.attach, "深圳分店,一楼");
                assert_eq!(line.coupon_fee, fen(58));
                assert_eq!((line.fee.to_string().as_str(), line.rate), ("0.16000", "0.60%"));
                assert_eq!(line.refund, None);
                let payment = line.payment().unwrap().unwrap();
                assert_eq!(payment.transaction_id.as_str(), "4200009999202611230000000001");
                assert_eq!((payment.total_fee, payment.currency), (fen(2_599), Currency::CNY));
            }
            1 => {
                assert_eq!(line.settlement_total_fee, fen(2_099));
                assert_eq!(line.total_fee, fen(2_599), "this is what the order is compared with");
                assert_eq!(line.rate_note, "小微优惠");
            }
            2 => {
                assert_eq!(line.state, BillState::Refund);
                assert_eq!((line.total_fee, line.payment()), (Fen::ZERO, Ok(None)));
                assert_eq!(line.fee.millifen(), -4_000, "given back");
                let refund = line.refund.unwrap();
                assert_eq!(refund.refund_id, "50300000000000000000000000001");
                assert_eq!(refund.out_refund_no, "R-SM20261123-0001@a");
                assert_eq!((refund.refund_fee, refund.settlement_refund_fee), (fen(599), fen(541)));
                assert_eq!(refund.coupon_refund_fee, fen(58));
                assert_eq!((refund.channel, refund.state), ("ORIGINAL", "SUCCESS"));
                assert_eq!((refund.applied_at, refund.success_time), (None, None));
            }
            _ => {
                assert_eq!((line.state, line.device_info), (BillState::Revoked, "kiosk-7"));
                assert_eq!((line.body, line.payment()), ("\"quoted\"", Ok(None)));
            }
        }
        seen += 1;
    };
    reader.feed(ALL.as_bytes(), check).unwrap();
    assert_all(&reader.finish(|_| ()).unwrap());
    assert_eq!(seen, 4);
}

#[test]
fn the_size_of_the_chunks_does_not_matter() {
    let show = |line: TradeLine<'_>| format!("{line:?}");
    let whole = read::<TradeTotals>(ALL.as_bytes(), usize::MAX, show);
    for size in [1, 2, 3, 7, 64, 333, 1_000] {
        assert_eq!(read::<TradeTotals>(ALL.as_bytes(), size, show), whole, "{size}");
    }
}

#[test]
fn older_column_sets_and_bills_of_one_kind() {
    for (text, lines, total, refund) in [
        (bill!("all-old.csv"), 2, 2, 2),
        (bill!("success.csv"), 1, 2_599, 0),
        (bill!("success-old.csv"), 1, 2, 0),
        (bill!("refund.csv"), 2, 0, 252),
        (bill!("refund-old.csv"), 1, 0, 1),
        (bill!("empty-day.csv"), 0, 0, 0),
    ] {
        let (seen, totals) = trade(text);
        let totals = totals.unwrap();
        assert_eq!((seen.len(), totals.count), (lines, lines as u64));
        assert_eq!((totals.total_fee, totals.refund_fee), (fen(total), fen(refund)), "{text}");
    }
    let mut reader = TradeBill::new();
    let times = |line: Result<TradeLine<'_>, LineError>| {
        let refund = line.unwrap().refund.unwrap();
        assert_eq!(refund.applied_at.unwrap().beijing().get(..8), Some("20261123"));
        assert_eq!(refund.success_time.is_some(), refund.state == "SUCCESS");
    };
    reader.feed(bill!("refund.csv").as_bytes(), times).unwrap();
}

#[test]
fn columns_are_found_by_name_wherever_they_are() {
    let text = "`新列,`总金额,`交易状态,`商户订单号,`微信订单号,`交易时间\n\
        `x,`1.00,`SUCCESS,`SM0001,`42,`2026-11-23 00:00:00\n\
        `总交易单数,`总交易额,`新列\n`1.0,`1.0,`x";
    let (lines, totals) = trade(text);
    assert_eq!(lines, ["Success SM0001 100"]);
    assert_eq!(totals.unwrap().total_fee, fen(100));
}

#[test]
fn movements_of_an_account() {
    let show = |line: FundLine<'_>| format!("{:?} {} {}", line.direction, line.amount, line.note);
    let (lines, totals) = read::<FundTotals>(FUND.as_bytes(), 50, show);
    assert_eq!(
        lines,
        [
            "Income 2599 ",
            "Expense 16 费率 0.60%, 小微",
            "Expense 595 退款总金额5.99元;含手续费0.04元"
        ]
    );
    let totals = totals.unwrap();
    assert_eq!((totals.count, totals.income_count, totals.expense_count), (3, 1, 2));
    assert_eq!((totals.income, totals.expense), (fen(2_599), fen(611)));
    let wide = FUND.replace("(元)", "（元）").replace("`3,`1,", "`3.0,`1.0,");
    assert_eq!(read::<FundTotals>(wide.as_bytes(), 50, show).1, Ok(totals));
    for (from, to, error) in [
        ("`收入", "`进账", "line 2 has an invalid 收支类型"),
        ("`125.99", "`125.999", "line 2 has an invalid 账户结余(元)"),
        ("2026-11-23 19:31:42", "2026-11-23", "line 2 has an invalid 记账时间"),
    ] {
        let (lines, result) = read::<FundTotals>(FUND.replace(from, to).as_bytes(), 50, show);
        assert_eq!(lines[0], error);
        assert!(matches!(result.unwrap_err().kind, BillErrorKind::BadLines { .. }));
    }
}

/// The bill with these values in place of those in a column and in the ones behind it.
fn with_values(bill: &str, column: &str, new: &[&str]) -> String {
    let (header, lines) = bill.split_once("\r\n").unwrap();
    let place = header.split(',').position(|name| name == column).unwrap();
    let mut text = format!("{header}\r\n");
    for line in lines.lines() {
        let mut values: Vec<&str> = line.split(",`").collect();
        // The summary has fewer values.
        for (value, &new) in values.iter_mut().skip(place).zip(new) {
            *value = new;
        }
        text += &format!("{}\r\n", values.join(",`"));
    }
    text
}

/// One such order would make its merchant's whole day unreadable.
#[test]
fn a_name_may_hold_what_stands_between_values() {
    for bill in TRADES {
        let named = with_values(bill, "商品名称", &["a,`b,``,`", "深圳"]);
        let (names, totals) = read::<TradeTotals>(named.as_bytes(), 50, |line: TradeLine<'_>| {
            format!("{} {}", line.body, line.attach)
        });
        assert!(
            !names.is_empty() && names.iter().all(|name| name == "a,`b,``,` 深圳"),
            "{names:?}"
        );
        assert_eq!(totals, trade(bill).1);
    }
    let noted = with_values(FUND, "备注", &["工资,`五月"]);
    let show = |line: FundLine<'_>| format!("{} {}", line.note, line.voucher_no);
    let (lines, totals) = read::<FundTotals>(noted.as_bytes(), 50, show);
    assert_eq!(lines[2], "工资,`五月 R-SM20261123-0001@a");
    assert_eq!(totals, read::<FundTotals>(FUND.as_bytes(), 50, show).1);
}

/// Money can go back that is not there any more: the sandbox writes such a balance with a minus.
#[test]
fn an_account_may_owe() {
    let owing = FUND.replacen("`125.99", "`-0.01", 1);
    let balance = |line: FundLine<'_>| line.balance_fen.to_string();
    let (lines, totals) = read::<FundTotals>(owing.as_bytes(), 50, balance);
    assert_eq!((lines[0].as_str(), totals.map(|totals| totals.count)), ("-1", Ok(3)));
}

#[test]
fn no_bill_is_an_empty_day_and_other_failures_have_a_class() {
    let message = |text: &str, code: &str| {
        format!(
            "<xml>\n<return_code><![CDATA[FAIL]]></return_code>\n\
             <return_msg><![CDATA[{text}]]></return_msg>\n\
             <error_code><![CDATA[{code}]]></error_code>\n</xml>"
        )
    };
    for text in ["No Bill Exist", "NO Bill Exist"] {
        assert_eq!(trade(&message(text, "20002")), (Vec::new(), Ok(TradeTotals::default())));
        let mark = format!("\u{FEFF}{}", message(text, ""));
        assert_eq!(trade(&mark).1, Ok(TradeTotals::default()));
    }
    for (text, code, kind, class) in [
        ("Bill Creating", "20002", FailureKind::Creating, Class::RetrySlower),
        ("SYSTEMERROR", "100", FailureKind::System, Class::RetrySame),
        ("system error", "20003", FailureKind::System, Class::RetrySame),
        ("system error", "", FailureKind::System, Class::RetrySame),
        ("", "20100", FailureKind::System, Class::RetrySame),
        ("sign error", "20001", FailureKind::Sign, Class::RetrySlower),
        ("invalid bill_date", "20001", FailureKind::Request, Class::Stop),
        ("", "20007", FailureKind::Closed, Class::TellPerson),
        ("CompressGZip Error", "", FailureKind::Gzip, Class::RetrySame),
        ("UnCompressGZip Error", "", FailureKind::Gzip, Class::RetrySame),
        ("new in 2027", "20099", FailureKind::Unknown, Class::Unknown),
    ] {
        let BillErrorKind::Failure(failure) = self::kind(&message(text, code)) else {
            panic!("{text}");
        };
        assert_eq!((failure.kind, failure.kind.class()), (kind, class), "{text} {code}");
        assert_eq!((failure.message.as_str(), failure.code.as_str()), (text, code));
    }
    let deeper = "<xml><return_code>SUCCESS</return_code><result_code>FAIL</result_code>\
        <err_code>NO_BILL_EXIST</err_code><err_code_des>x</err_code_des></xml>";
    assert_eq!(trade(deeper).1, Ok(TradeTotals::default()));
    let long = kind(&message(&"长".repeat(60), "20001"));
    let BillErrorKind::Failure(failure) = long else { panic!("{long:?}") };
    assert_eq!(failure.message.len(), 63, "whole characters");
}

#[test]
fn what_is_no_bill_is_refused() {
    for text in [
        "",
        "\r\n\r\n",
        "<html><body>502 Bad Gateway</body></html>",
        "<xml><return_code>SUCCESS</return_code></xml>",
        "<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><xml><return_msg>&b;</return_msg></xml>",
        &format!("<xml>{}</xml>", " ".repeat(2_000)),
    ] {
        assert_eq!(kind(text), BillErrorKind::NoBill, "{text:?}");
    }
    assert_eq!(kind("No Bill Exist"), BillErrorKind::ColumnMissing { column: "交易时间" });
    let (_, result) = read::<TradeTotals>(b"\xBD\xBB\xD2\xD7\n", 10, |_| String::new());
    assert_eq!(result.unwrap_err().kind, BillErrorKind::NotUtf8, "GBK");
    let wrong = ALL.replace("订单金额", "金额");
    assert_eq!(kind(&wrong), BillErrorKind::ColumnMissing { column: "订单金额" });
    let twice = ALL.replacen("设备号", "商户号", 1);
    assert_eq!(kind(&twice), BillErrorKind::ColumnTwice { column: "商户号" });
    let wide = format!("{}{ALL}", "x,".repeat(COLUMNS_MAX));
    assert_eq!(kind(&wide), BillErrorKind::TooManyColumns);
    assert_eq!(kind(&"x".repeat(LINE_MAX + 1)), BillErrorKind::LineTooLong);
    assert_eq!(read::<FundTotals>(ALL.as_bytes(), 99, |_| String::new()).0.len(), 0);
}

#[test]
fn a_bill_that_is_cut_off_is_noticed_wherever_it_is_cut() {
    let good = trade(ALL).1.unwrap();
    for cut in 0..ALL.len() {
        let (_, result) = read::<TradeTotals>(&ALL.as_bytes()[..cut], 1_000, |_| String::new());
        match result {
            // Only the line end after the summary may be missing.
            Ok(totals) => assert!(totals == good && cut >= ALL.len() - 2, "{cut}"),
            Err(_) => assert!(cut < ALL.len() - 2, "{cut}"),
        }
    }
}

#[test]
fn a_line_that_breaks_a_rule_is_told_and_the_others_are_read() {
    for (from, to, error) in [
        ("`2026-11-23 19:40:00", "`2026-11-23 24:00:00", "line 3 has an invalid 交易时间"),
        ("`25.99,`0.00,`小微优惠", "`25.999,`0.00,`小微优惠", "line 3 has an invalid 订单金额"),
        ("`20.99", "`-20.99", "line 3 has an invalid 应结订单金额"),
        ("`0.13000", "`0.130001", "line 3 has an invalid 手续费"),
        // The surplus is where no text of people stands.
        ("`,`4200009999202611230000000002", "`a,`b,`42", "line 3 has an invalid 交易状态"),
        ("`25.99,`0.00,`小微优惠", "`25.99,`0.00,`小,`微", "line 3 has an invalid 手续费"),
        ("`小微优惠", "小微优惠", "line 3 has 26 values, the header 27"),
        ("`2026-11-23 19:40:00", "2026-11-23 19:40:00", "line 3 does not begin with a backtick"),
        ("`拿铁", "`拿\n铁", "line 3 has 21 values, the header 27"),
    ] {
        let (lines, result) = trade(&ALL.replace(from, to));
        assert_eq!(lines[0], "Success SM-2026_1123|0002* 2599");
        assert_eq!(lines[1], error);
        assert_eq!(lines.last().unwrap(), "Revoked SM20261123000004 0");
        // Without the line nobody can say what the bill adds up to.
        let count = if to.contains('\n') { 2 } else { 1 };
        assert_eq!(result.unwrap_err().kind, BillErrorKind::BadLines { count }, "{error}");
    }
    let mut bytes = ALL.as_bytes().to_vec();
    let at = ALL.find("拿铁").unwrap();
    bytes[at] = 0xFF;
    let (lines, _) = read::<TradeTotals>(&bytes, 4_096, |_| String::new());
    assert_eq!(lines[1], "line 3 is not UTF-8");
}

#[test]
fn the_summary_is_what_the_lines_add_up_to() {
    let last = "`4,`46.98,`5.41,`0.58,`0.25000,`51.98,`5.99";
    for (summary, column) in [
        ("`3,`46.98,`5.41,`0.58,`0.25000,`51.98,`5.99", "总交易单数"),
        ("`4,`46.99,`5.41,`0.58,`0.25000,`51.98,`5.99", "应结订单总金额"),
        ("`4,`46.98,`5.42,`0.58,`0.25000,`51.98,`5.99", "退款总金额"),
        ("`4,`46.98,`5.41,`0.00,`0.25000,`51.98,`5.99", "充值券退款总金额"),
        ("`4,`46.98,`5.41,`0.58,`0.25001,`51.98,`5.99", "手续费总金额"),
        ("`4,`46.98,`5.41,`0.58,`0.25000,`5198,`5.99", "订单总金额"),
        ("`4,`46.98,`5.41,`0.58,`0.25000,`51.98,`x", "申请退款总金额"),
        ("`4,`46.98,`5.41,`0.58,`0.25000,`51.98", "总交易单数"),
    ] {
        let text = ALL.replace(last, summary);
        assert_eq!(kind(&text), BillErrorKind::SummaryDiffers { column }, "{summary}");
    }
    let twice = format!("{ALL}{last}\r\n");
    assert_eq!(kind(&twice), BillErrorKind::Trailing);
    assert_eq!(trade(&format!("{ALL}\r\n\n")).1, trade(ALL).1, "empty lines are nothing");
    let missing = ALL.lines().filter(|line| !line.contains("0003")).collect::<Vec<_>>().join("\n");
    assert_eq!(kind(&missing), BillErrorKind::SummaryDiffers { column: "总交易单数" });
}

#[test]
fn after_an_error_nothing_more_is_read() {
    let mut reader = TradeBill::new();
    assert!(reader.feed(b"nonsense\n", |_| ()).is_err());
    let again = reader.feed(ALL.as_bytes(), |_| panic!("a line")).unwrap_err();
    assert_eq!(again.kind, BillErrorKind::Broken);
    assert_eq!(reader.finish(|_| ()).unwrap_err().kind, BillErrorKind::Broken);
}

#[test]
fn sums_that_do_not_fit_are_an_error() {
    let most = "90071992547409.91";
    let line = format!("`2026-11-23 00:00:00,`42,`SM0001,`SUCCESS,`{most}\n");
    let text = format!("交易时间,微信订单号,商户订单号,交易状态,总金额\n{line}{line}");
    assert_eq!(kind(&text), BillErrorKind::Overflow);
}

#[test]
fn a_reader_is_small_and_has_no_heap() {
    assert!(size_of::<TradeBill>() < 8 * 1_024, "{}", size_of::<TradeBill>());
}

#[test]
fn bills_are_asked_for_by_day_kind_and_form() {
    let merchant = Merchant {
        mch_id: MchId::new("1900000109").unwrap(),
        app_id: AppId::new("wx5a0mademeup0001").unwrap(),
        key: ApiKey::new("192006250b4c09247ec02edce69f6a2d").unwrap(),
        sign_type: SignType::Md5,
    };
    let date = BillDate::parse("20261122").unwrap();
    let written = |doc: crate::xml::Draft<'_>| {
        let fields = doc.fields().iter().map(|field| format!("{}={}", field.name, field.value));
        fields.skip(2).collect::<Vec<_>>().join(" ")
    };
    for (kind, name) in [
        (TradeBillKind::All, "ALL"),
        (TradeBillKind::Success, "SUCCESS"),
        (TradeBillKind::Refund, "REFUND"),
        (TradeBillKind::RechargeRefund, "RECHARGE_REFUND"),
    ] {
        let doc = trade_bill(&merchant, SignType::Md5, &date, kind, BillForm::Text);
        assert_eq!(written(doc), format!("sign_type=MD5 bill_date=20261122 bill_type={name}"));
    }
    for (account, name) in [
        (FundAccount::Basic, "Basic"),
        (FundAccount::Operation, "Operation"),
        (FundAccount::Fees, "Fees"),
    ] {
        let doc = fund_bill(&merchant, &date, account, BillForm::Gzip);
        let expected =
            format!("sign_type=HMAC-SHA256 bill_date=20261122 account_type={name} tar_type=GZIP");
        assert_eq!(written(doc), expected, "fund bills are signed by HMAC-SHA256 always");
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        amounts in proptest::collection::vec((1..1_000_000_u64, "[^`\\x00-\\x1f]{0,20}"), 0..20),
        size in 1..200_usize,
    ) {
        let mut text = String::from("交易时间,微信订单号,商户订单号,交易状态,商品名称,订单金额\r\n");
        let mut sum = 0;
        for (amount, goods) in &amounts {
            let yuan = fen(*amount).yuan();
            text += &format!("`2026-11-23 00:00:00,`42,`SM0001,`SUCCESS,`{goods},`{yuan}\r\n");
            sum += amount;
        }
        let yuan = fen(sum).yuan();
        text += &format!("总交易单数,应结订单总金额\r\n`{},`{yuan}\r\n", amounts.len());
        let show = |line: TradeLine<'_>| format!("{} {}", line.total_fee, line.body);
        let (lines, totals) = read::<TradeTotals>(text.as_bytes(), size, show);
        prop_assert_eq!(totals.unwrap().total_fee, fen(sum));
        let expected: Vec<_> =
            amounts.iter().map(|(amount, goods)| format!("{amount} {goods}")).collect();
        prop_assert_eq!(lines, expected);
    }

    #[test]
    fn names_and_texts_change_no_other_value(
        (name, text) in ("[a,`咖]{0,12}", "[a,`咖]{0,12}"),
        size in 1..200_usize,
    ) {
        let show = |line: TradeLine<'_>| {
            format!("{:?}", TradeLine { body: "", attach: "", ..line })
        };
        let texts = |line: TradeLine<'_>| format!("{},`{}", line.body, line.attach);
        for bill in TRADES {
            let written = with_values(bill, "商品名称", &[&name, &text]);
            let lines = read::<TradeTotals>(written.as_bytes(), size, show);
            prop_assert_eq!(&lines, &read::<TradeTotals>(bill.as_bytes(), size, show));
            for texts in read::<TradeTotals>(written.as_bytes(), size, texts).0 {
                prop_assert_eq!(texts, format!("{name},`{text}"));
            }
        }
    }

    #[test]
    fn no_bytes_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        size in 1..50_usize,
    ) {
        let _ = read::<TradeTotals>(&bytes, size, |_| String::new());
        let text = [ALL.as_bytes(), &bytes].concat();
        let _ = read::<TradeTotals>(&text, size, |_| String::new());
        let _ = read::<FundTotals>(&bytes, size, |_| String::new());
    }
}
