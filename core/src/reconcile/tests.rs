use super::*;
use crate::bill::{BillDate, TradeBill};
use crate::ids::{OutRefundNo, OutTradeNo, TransactionId};
use crate::money::Fen;
use crate::time::UnixTime;
use proptest::prelude::*;
use proptest::sample::Index;
use std::fmt::Write as _;
use std::format;
use std::string::String;
use std::vec::Vec;

const HEADER: &str = "\u{FEFF}交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,\
    用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,\
    充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注\r\n";

fn at(beijing: &str) -> UnixTime {
    UnixTime::parse_beijing(beijing).unwrap()
}

fn day() -> BillDate {
    BillDate::parse("20261123").unwrap()
}

fn fen(amount: u64) -> Fen {
    Fen::new(amount).unwrap()
}

fn payment(n: u64, amount: u64, paid_at: UnixTime) -> Here {
    Here::Payment(PaymentHere {
        out_trade_no: OutTradeNo::new(&format!("20261123192600K7Q2{n:04}-1")).unwrap(),
        transaction_id: TransactionId::new(&format!("42000099992026112300000{n:05}")).unwrap(),
        total_fee: fen(amount),
        paid_at,
    })
}

fn refund(n: u64, amount: u64, accepted_at: UnixTime, progress: RefundProgress) -> Here {
    Here::Refund(RefundHere {
        out_refund_no: OutRefundNo::new(&format!("20261123192600K7Q2{n:04}-R1")).unwrap(),
        transaction_id: TransactionId::new(&format!("42000099992026112300000{n:05}")).unwrap(),
        refund_fee: fen(amount),
        progress,
        accepted_at,
    })
}

fn date_time(time: UnixTime) -> String {
    let t = time.beijing();
    format!("{}-{}-{} {}:{}:{}", &t[..4], &t[4..6], &t[6..8], &t[8..10], &t[10..12], &t[12..])
}

/// The bill that WeChat would write of what is recorded, as text.
fn write_bill<'a>(records: impl IntoIterator<Item = &'a Here>) -> String {
    let mut text = String::from(HEADER);
    let (mut count, mut paid, mut refunded) = (0, 0, 0);
    let who = "wx5a0mademeup0001,`1900000109,`0,`";
    for record in records {
        count += 1;
        let (time, amount) = (date_time(record.time()), record.amount().yuan());
        match record {
            Here::Payment(here) => {
                paid += here.total_fee.get();
                let (transaction, number) = (&here.transaction_id, &here.out_trade_no);
                write!(
                    text,
                    "`{time},`{who},`{transaction},`{number},`oMadeUp,`NATIVE,`SUCCESS,`OTHERS,\
                     `CNY,`{amount},`0.00,`0,`0,`0.00,`0.00,`,`,`拿铁, 大杯,`,`0.00000,`0.60%,\
                     `{amount},`0.00,`\r\n"
                )
                .unwrap();
            }
            Here::Refund(here) => {
                refunded += here.refund_fee.get();
                let (transaction, number) = (&here.transaction_id, &here.out_refund_no);
                let order = number.as_str().replace("-R", "-");
                let state = match here.progress {
                    RefundProgress::Done => "SUCCESS",
                    RefundProgress::Failed => "FAIL",
                    _ => "PROCESSING",
                };
                write!(
                    text,
                    "`{time},`{who},`{transaction},`{order},`oMadeUp,`NATIVE,`REFUND,`OTHERS,\
                     `CNY,`0.00,`0.00,`5030,`{number},`{amount},`0.00,`ORIGINAL,`{state},`拿铁,\
                     `,`0.00000,`0.60%,`0.00,`{amount},`\r\n"
                )
                .unwrap();
            }
        }
    }
    let [paid, refunded] = [paid, refunded].map(|sum| fen(sum).yuan());
    write!(
        text,
        "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额\r\n\
         `{count},`{paid},`{refunded},`0.00,`0.00000,`{paid},`{refunded}\r\n"
    )
    .unwrap();
    text
}

fn entries(text: &str) -> Vec<BillEntry> {
    let mut entries = Vec::new();
    let mut bill = TradeBill::new();
    bill.feed(text.as_bytes(), |line| entries.push(BillEntry::of(&line.unwrap()))).unwrap();
    bill.finish(|_| ()).unwrap();
    entries
}

fn is_same(entry: &BillEntry, here: &Here) -> bool {
    match here {
        Here::Payment(here) => {
            entry.out_refund_no().is_none()
                && *entry.transaction_id == *here.transaction_id.as_str()
        }
        Here::Refund(here) => entry.out_refund_no() == Some(here.out_refund_no.as_str()),
    }
}

/// Both ways, naively: the differences and the tally.
fn reconcile(text: &str, records: &[Here]) -> (Vec<Difference>, Tally) {
    let (date, entries) = (day(), entries(text));
    let mut tally = Tally::default();
    let mut found = Vec::new();
    for entry in &entries {
        tally.add_there(entry);
        let here = records.iter().find(|here| is_same(entry, here));
        found.extend(compare(&date, entry, here));
    }
    for here in records.iter().filter(|here| here.is_expected(&date)) {
        tally.add_here(here);
        if !entries.iter().any(|entry| is_same(entry, here)) {
            found.push(Difference::missing_there(here));
        }
    }
    found.iter().for_each(|difference| tally.add(difference));
    (found, tally)
}

fn kinds(text: &str, records: &[Here]) -> Vec<DifferenceKind> {
    let (found, tally) = reconcile(text, records);
    assert_eq!(tally.totals(), None, "the sums come out even: {found:?}");
    found.iter().map(|difference| difference.kind).collect()
}

#[test]
fn names_are_read_as_they_are_written() {
    for kind in DifferenceKind::ALL {
        assert_eq!(DifferenceKind::from_name(kind.as_str()), Some(kind));
        assert_eq!(kind.is_of_refund(), kind.as_str().starts_with("refund_"));
    }
    assert_eq!(DifferenceKind::from_name("missing"), None);
}

#[test]
fn a_number_of_ours_begins_with_a_time_and_ends_with_an_attempt() {
    for number in ["20261123192600K7Q2M9XB-1", "20261123192600ABC-D-8", "20261123192600K-5"] {
        assert!(has_our_form(number), "{number}");
    }
    for number in [
        "",
        "-1",
        "201210240000023",
        "SM20261123000001",
        "20261123192600-1",
        "20261123192600K7Q2M9XB",
        "20261123192600K7Q2M9XB-0",
        "20261123192600K7Q2M9XB-9",
        "20261123192600K7Q2M9XB-12",
        "20261123192600K7Q2M9XB-R1",
        "20261323192600K7Q2M9XB-1",
        "2026112319260咖7Q2M9XB-1",
        "20261123192600K7Q2M9XB*-1",
        "20261123192600K7Q2M9XB0123456789-1",
    ] {
        assert!(!has_our_form(number), "{number}");
    }
}

#[test]
fn paid_a_second_before_midnight_stands_in_the_bill_of_that_day() {
    let last = payment(1, 1_800, at("20261123235959"));
    assert_eq!(kinds(&write_bill([&last]), core::slice::from_ref(&last)), []);
    // The record says a second later: the bill of the 23rd has it, our 24th does not expect it.
    let later = payment(1, 1_800, at("20261124000000"));
    let (found, tally) = reconcile(&write_bill([&last]), &[later]);
    let expected = DifferenceKind::OtherDay;
    assert_eq!(found, [Difference { kind: expected, there: Some(fen(1_800)), here: None }]);
    assert_eq!((tally.payments_there.count, tally.payments_here.count), (1, 0));
    assert_eq!(found[0].question(), Question::None);
}

#[test]
fn what_the_bill_of_another_day_has_comes_out_even_on_both() {
    let here = payment(1, 1_800, at("20261123000000"));
    let mut tally = Tally::default();
    tally.add_here(&here);
    tally.add(&Difference::other_day(&here));
    assert_eq!(tally.totals(), None);
}

#[test]
fn a_refund_stands_on_the_day_of_its_acceptance_whatever_became_of_it() {
    use RefundProgress::{Accepted, Done, Failed};
    let accepted = refund(1, 500, at("20261123235959"), Accepted);
    let bill = write_bill([&accepted]);
    for progress in [Accepted, Done, Failed] {
        assert_eq!(
            kinds(&bill, &[refund(1, 500, at("20261123235959"), progress)]),
            [],
            "{progress:?}"
        );
    }
    let heard_later = refund(1, 500, at("20261124000001"), Done);
    assert_eq!(kinds(&bill, &[heard_later]), [DifferenceKind::RefundOtherDay]);
}

#[test]
fn a_refund_that_was_never_accepted_stands_in_no_bill() {
    for progress in [RefundProgress::Asked, RefundProgress::Refused] {
        let here = refund(1, 500, at("20261123120000"), progress);
        let nothing = write_bill([]);
        assert_eq!(kinds(&nothing, core::slice::from_ref(&here)), []);
        // When it does, then it was.
        assert_eq!(kinds(&write_bill([&here]), &[here]), [DifferenceKind::RefundState]);
    }
}

#[test]
fn a_refund_that_is_further_in_the_bill_is_a_difference() {
    use RefundProgress::{Accepted, Done, Failed};
    let noon = at("20261123120000");
    for (there, here, differs) in [
        (Accepted, Accepted, false),
        (Done, Done, false),
        (Failed, Failed, false),
        (Done, Accepted, true),
        (Done, Failed, true),
        (Failed, Accepted, true),
        (Failed, Done, true),
    ] {
        let found = kinds(&write_bill([&refund(1, 5, noon, there)]), &[refund(1, 5, noon, here)]);
        let expected: &[_] = if differs { &[DifferenceKind::RefundState] } else { &[] };
        assert_eq!(found, expected, "{there:?} {here:?}");
    }
}

#[test]
fn a_payment_that_was_taken_back_is_not_kept() {
    let here = payment(1, 1_800, at("20261123120000"));
    let revoked = write_bill([&here]).replace("`SUCCESS", "`REVOKED");
    assert_eq!(kinds(&revoked, core::slice::from_ref(&here)), [DifferenceKind::State]);
    assert_eq!(kinds(&revoked, &[]), [DifferenceKind::MissingHere]);
}

#[test]
fn a_line_that_comes_twice_is_noticed_by_the_sums() {
    let here = payment(1, 1_800, at("20261123120000"));
    let (found, tally) = reconcile(&write_bill([&here, &here]), core::slice::from_ref(&here));
    assert_eq!(found, []);
    let totals = tally.totals().unwrap();
    assert_eq!((totals.kind, totals.question()), (DifferenceKind::Totals, Question::Person));
    // Even when it is worth nothing.
    let free = payment(1, 0, at("20261123120000"));
    assert!(reconcile(&write_bill([&free, &free]), &[free]).1.totals().is_some());
}

#[test]
fn a_number_that_is_too_long_is_cut_off_and_none_of_ours() {
    let here = refund(1, 500, at("20261123120000"), RefundProgress::Done);
    let long = "R".repeat(100);
    let bill = write_bill([&here]).replace("20261123192600K7Q20001-R1", &long);
    let entries = entries(&bill);
    assert_eq!(entries[0].out_refund_no(), Some(&long[..72]));
    let difference = compare(&day(), &entries[0], None).unwrap();
    assert_eq!(difference.kind, DifferenceKind::RefundMissingHere);
}

/// What may be recorded of a day.
fn records() -> impl Strategy<Value = Vec<Here>> {
    let progress = prop_oneof![
        Just(RefundProgress::Accepted),
        Just(RefundProgress::Done),
        Just(RefundProgress::Failed),
    ];
    let one = (any::<bool>(), 1_u64..1_000_000, 0_u64..86_400, progress);
    proptest::collection::vec(one, 1..12).prop_map(|all| {
        let begin = day().begins_at();
        let one = |(n, (is_refund, amount, second, progress)): (usize, _)| {
            let (n, time) = (n as u64, begin.plus(second));
            if is_refund { refund(n, amount, time, progress) } else { payment(n, amount, time) }
        };
        all.into_iter().enumerate().map(one).collect()
    })
}

/// One change of a record that the bill does not follow, and the name of the difference.
fn change(here: &mut Here, which: Index) -> DifferenceKind {
    use DifferenceKind as K;
    match here {
        Here::Payment(payment) => match which.index(3) {
            0 => {
                payment.total_fee = payment.total_fee.checked_add(fen(1)).unwrap();
                K::Amount
            }
            1 => {
                payment.out_trade_no = OutTradeNo::new("20261123192600ELSEWHERE-2").unwrap();
                K::State
            }
            _ => {
                payment.paid_at = payment.paid_at.plus(86_400);
                K::OtherDay
            }
        },
        Here::Refund(refund) => match which.index(4) {
            0 => {
                refund.refund_fee = refund.refund_fee.checked_add(fen(1)).unwrap();
                K::RefundAmount
            }
            1 => {
                refund.progress = RefundProgress::Asked;
                K::RefundState
            }
            2 => {
                refund.transaction_id = TransactionId::new("4299999999").unwrap();
                K::RefundState
            }
            _ => {
                refund.accepted_at = refund.accepted_at.plus(86_400);
                K::RefundOtherDay
            }
        },
    }
}

proptest! {
    #[test]
    fn a_bill_of_what_is_known_has_no_difference(records in records()) {
        prop_assert_eq!(kinds(&write_bill(&records), &records), []);
    }

    #[test]
    fn each_change_makes_its_difference_and_no_other(
        mut records in records(), at in any::<Index>(), which in any::<Index>(),
    ) {
        let bill = write_bill(&records);
        let at = at.index(records.len());
        let expected = change(&mut records[at], which);
        prop_assert_eq!(kinds(&bill, &records), [expected]);
    }

    #[test]
    fn what_one_side_lacks_is_named_by_the_side(records in records(), at in any::<Index>()) {
        let bill = write_bill(&records);
        let mut fewer = records.clone();
        let gone = fewer.remove(at.index(records.len()));
        let (here, there) = match gone {
            Here::Payment(_) => (DifferenceKind::MissingHere, DifferenceKind::MissingThere),
            Here::Refund(_) => {
                (DifferenceKind::RefundMissingHere, DifferenceKind::RefundMissingThere)
            }
        };
        prop_assert_eq!(kinds(&bill, &fewer), [here]);
        prop_assert_eq!(kinds(&write_bill(&fewer), &records), [there]);
    }
}
