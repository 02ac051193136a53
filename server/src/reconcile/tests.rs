use super::compare::Comparison;
use super::spool::{Spool, SpoolWriter};
use super::words::{State, Why};
use super::*;
use crate::store::{BillSum, End};
use crate::testing::{PRICE, Shop, alter, merchant};
use crate::webhook::{Reach, Webhooks};
use allocation_counter::measure;
use saoma_core::money::Fen;
use saoma_core::reconcile::{BillNumber, BillRefundState, DifferenceKind, PaymentState, What};
use saoma_core::sign::SignType;

fn at(beijing: &str) -> UnixTime {
    UnixTime::parse_beijing(beijing).unwrap()
}

fn date(text: &str) -> BillDate {
    BillDate::parse(text).unwrap()
}

fn number(text: &str) -> BillNumber {
    BillNumber::try_from(text).unwrap()
}

fn mch_id() -> MchId {
    merchant(SignType::Md5).mch_id
}

/// A line about a payment that is numbered like the records of [`record`].
fn payment(n: u64, time: UnixTime, fen: u64) -> BillEntry {
    BillEntry {
        time,
        app_id: number("wx5a0mademeup0001"),
        trade_type: number("NATIVE"),
        transaction_id: number(&format!("42000099992026112300000{}", 1_000_000 + n)),
        out_trade_no: number(&format!("20261123192600K{}-1", 1_000_000 + n)),
        what: What::Payment { total_fee: Fen::new(fen).unwrap(), state: PaymentState::Paid },
    }
}

fn spool<'e>(entries: impl IntoIterator<Item = &'e BillEntry>) -> Spool {
    let mut writer = SpoolWriter::new().unwrap();
    entries.into_iter().for_each(|entry| writer.push(entry));
    writer.finish().unwrap()
}

/// Payments 1 to `count` of 18.00 yuan, a second apart from `from` on.
async fn record(shop: &Shop, count: u64, from: UnixTime) {
    let from = from.get();
    let sql = format!(
        "insert into payment (transaction_id, mch_id, out_trade_no, order_id, total_fee_fen, \
             paid_at, verdict, recorded_at)
         with recursive n (i) as (select 1 union all select i + 1 from n where i < {count})
         select '42000099992026112300000' || (1000000 + i), '1900000109',
                '20261123192600K' || (1000000 + i) || '-1', '', 1800, {from} + i % 3600, 'ship',
                {from}
         from n"
    );
    alter(&shop.service.store, &sql).await;
}

/// A day that somebody has taken.
async fn taken(shop: &Shop, day: &str) -> BillDay {
    let mut tx = shop.service.store.begin().await.unwrap();
    let now = shop.service.context.clock.now();
    BillDay::ask_for(&mut tx, &mch_id(), &date(day), now).await.unwrap();
    let day = BillDay::claim(&mut tx, now, now.plus(60)).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    day
}

/// Compares a day with these lines, as the server does, and gives its sums.
async fn compare(shop: &Shop, day: &str, entries: &[BillEntry]) -> BillSums {
    let day = taken(shop, day).await;
    let sums = Comparison::run(&shop.service, &day, false, spool(entries)).await.unwrap();
    let mut tx = shop.service.store.begin().await.unwrap();
    let now = shop.service.context.clock.now();
    DifferenceRow::end_unseen(&mut tx, &day, now).await.unwrap();
    day.compared(&mut tx, sums, now).await.unwrap();
    tx.commit().await.unwrap();
    sums
}

async fn differences(shop: &Shop) -> Vec<String> {
    shop.rows(
        "select bill_date, kind, number, there_fen, here_fen, state, why from bill_difference
         order by bill_date, kind, number",
    )
    .await
}

#[tokio::test]
async fn every_difference_is_recorded_once_by_its_name() {
    let shop = Shop::open().await;
    let noon = at("20261123120000");
    record(&shop, 4, noon).await;
    let mut lines: Vec<BillEntry> = (1..=5).map(|n| payment(n, noon, 1_800)).collect();
    lines.remove(0);
    alter(&shop.service.store, "update payment set total_fee_fen = 1900 where paid_at % 10 = 2")
        .await;
    let altered = shop.rows("select count(*) from payment where total_fee_fen = 1900").await;
    assert_eq!(altered, ["1"], "one record was changed by hand");
    lines.push(BillEntry { out_trade_no: number("OTHER-0001"), ..payment(6, noon, 5) });
    let first = compare(&shop, "20261123", &lines).await;
    let found = differences(&shop).await;
    assert_eq!(found.len(), 4, "{found:#?}");
    for (line, start) in found.iter().zip([
        "20261123 amount ",
        "20261123 missing_here 420000999920261123000001000005 1800 - open asking",
        "20261123 missing_here 420000999920261123000001000006 5 - explained not_ours",
        "20261123 missing_there 420000999920261123000001000001 - 1",
    ]) {
        assert!(line.starts_with(start), "{line} is not {start}");
    }
    assert!(found[0].ends_with("1800 1900 open asking"), "{}", found[0]);
    assert_eq!((first.payments_there.count, first.payments_here.count), (5, 4));
    assert_eq!(first.payments_others, BillSum { count: 1, fen: Fen::new(5).unwrap() });

    assert_eq!(compare(&shop, "20261123", &lines).await, first);
    assert_eq!(differences(&shop).await, found, "comparing again adds and changes nothing");

    // What has ended stays as it ended; what is gone has settled.
    alter(
        &shop.service.store,
        "update bill_difference set state = 'settled', why = 'shipped' \
          where number like '%5'",
    )
    .await;
    alter(&shop.service.store, "update payment set total_fee_fen = 1800").await;
    compare(&shop, "20261123", &lines).await;
    let found = differences(&shop).await;
    assert!(found[0].ends_with("settled agrees_now"), "{}", found[0]);
    assert!(found[1].ends_with("settled shipped"), "{}", found[1]);
    assert!(found[3].ends_with("open asking"), "{}", found[3]);
}

#[tokio::test]
async fn a_payment_around_midnight_is_explained_on_both_days_in_either_order() {
    for later_first in [false, true] {
        let shop = Shop::open().await;
        // We have it as paid on the 24th, the bill of the 23rd has it.
        record(&shop, 1, at("20261123235959")).await;
        let line = payment(1, at("20261123235959"), 1_800);
        let days = [("20261123", vec![line]), ("20261124", vec![])];
        let order = if later_first { [1, 0] } else { [0, 1] };
        for at in order {
            compare(&shop, days[at].0, &days[at].1).await;
        }
        let number = "420000999920261123000001000001";
        let (there, here) =
            if later_first { ("other_day", "missing_there") } else { ("other_day", "other_day") };
        assert_eq!(
            differences(&shop).await,
            [
                format!("20261123 {there} {number} 1800 - explained other_day"),
                format!("20261124 {here} {number} - 1800 explained other_day"),
            ]
        );
        let again = shop.rows("select bill_date from bill_day where due_at is not null").await;
        let ended: &[&str] = if later_first { &["20261124"] } else { &[] };
        assert_eq!(again, ended, "a day where something ended is compared once more");
    }
}

#[tokio::test]
async fn a_line_that_comes_twice_makes_the_sums_uneven() {
    let shop = Shop::open().await;
    let noon = at("20261123120000");
    record(&shop, 1, noon).await;
    let line = payment(1, noon, 1_800);
    let unknown = payment(2, noon, 5);
    compare(&shop, "20261123", &[unknown.clone(), line.clone(), unknown, line.clone()]).await;
    let found = differences(&shop).await;
    assert_eq!(found.len(), 2, "each once: {found:#?}");
    alter(&shop.service.store, "delete from bill_difference where kind = 'missing_here'").await;
    assert_eq!(differences(&shop).await, ["20261123 totals  - - open uneven"]);
    compare(&shop, "20261123", &[line]).await;
    assert_eq!(differences(&shop).await, ["20261123 totals  - - settled agrees_now"]);
}

#[tokio::test]
async fn a_refund_of_which_nothing_is_known_is_missing_here() {
    let shop = Shop::open().await;
    let what = What::Refund {
        out_refund_no: number("BY-HAND-1"),
        refund_id: number("5030"),
        refund_fee: Fen::new(5).unwrap(),
        state: BillRefundState::Accepted,
    };
    let line = BillEntry { what, ..payment(1, at("20261123120000"), 0) };
    let unnumbered = What::Refund {
        out_refund_no: number(""),
        refund_id: number("5031"),
        refund_fee: Fen::new(6).unwrap(),
        state: BillRefundState::Done,
    };
    let unnumbered = BillEntry { what: unnumbered, ..line.clone() };
    compare(&shop, "20261123", &[line, unnumbered]).await;
    assert_eq!(
        differences(&shop).await,
        [
            "20261123 refund_missing_here 5031 6 - open asking",
            "20261123 refund_missing_here BY-HAND-1 5 - open asking",
        ]
    );
}

#[tokio::test]
async fn a_refund_is_asked_about_when_its_payment_is_known() {
    let shop = Shop::open().await;
    let (_, attempt) = shop.order("A-1").await;
    let out_trade_no = number(&attempt);
    let paid = BillEntry { out_trade_no, ..payment(1, at("20261123192731"), PRICE) };
    let what = What::Refund {
        out_refund_no: number("BY-HAND-1"),
        refund_id: number("5030"),
        refund_fee: Fen::new(5).unwrap(),
        state: BillRefundState::Done,
    };
    let notice = shop.notice(&attempt, &paid.transaction_id, PRICE);
    compare(&shop, "20261123", &[BillEntry { what, ..paid.clone() }, paid]).await;
    let now = shop.service.context.clock.now();
    let books = reconciler(shop.service);
    let claim = async || {
        let mut tx = books.service().store.begin().await.unwrap();
        let row = DifferenceRow::claim(&mut tx, now, now.plus(60)).await.unwrap().unwrap();
        tx.commit().await.unwrap();
        row
    };
    let [payment, refund] = [claim().await, claim().await];
    assert_eq!(payment.key.kind, DifferenceKind::MissingHere);
    assert_eq!(refund.key.kind, DifferenceKind::RefundMissingHere);

    // Whatever WeChat said of it now, there is no payment that it could be told of.
    let end = books.ask(refund.clone()).await.unwrap();
    assert_eq!((end.state, end.why), (State::Open, Why::Asking), "{}", end.note);
    books.service().notify(&notice).await.unwrap();
    // With a line to WeChat it would be asked.
    let end = books.ask(refund).await.unwrap();
    assert_eq!((end.state, end.why), (State::Open, Why::NobodyToAsk), "{}", end.note);
}

#[tokio::test]
async fn nobody_asks_about_the_unknown_before_their_day_is_compared() {
    let shop = Shop::open().await;
    let now = shop.service.context.clock.now();
    let day = taken(&shop, "20261123").await;
    // A first piece of the bill; how many are in the others nobody knows yet.
    let lines = [payment(1, at("20261123120000"), 5)];
    let sums = Comparison::run(&shop.service, &day, false, spool(&lines)).await.unwrap();
    let books = reconciler(shop.service);
    let mut tx = books.service().store.begin().await.unwrap();
    let row = DifferenceRow::claim(&mut tx, now, now.plus(60)).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    let end = books.ask(row.clone()).await.unwrap();
    assert_eq!((end.state, end.why), (State::Open, Why::Asking), "{}", end.note);
    let mut tx = books.service().store.begin().await.unwrap();
    day.compared(&mut tx, sums, now).await.unwrap();
    tx.commit().await.unwrap();
    // With a line to WeChat it would be asked.
    let end = books.ask(row).await.unwrap();
    assert_eq!((end.state, end.why), (State::Open, Why::NobodyToAsk), "{}", end.note);
}

#[tokio::test]
async fn of_two_who_want_a_day_or_a_difference_one_has_it() {
    let shop = Shop::open().await;
    let store = &shop.service.store;
    let now = shop.service.context.clock.now();
    let mut tx = store.begin().await.unwrap();
    BillDay::plan(&mut tx, vec![(mch_id(), date("20261123"), now)]).await.unwrap();
    let day = BillDay::get(&mut tx, &mch_id(), &date("20261123")).await.unwrap().unwrap();
    assert!(day.clone().take(&mut tx, now.plus(60)).await.unwrap().is_some());
    assert!(day.take(&mut tx, now.plus(60)).await.unwrap().is_none());
    assert!(BillDay::claim(&mut tx, now, now.plus(60)).await.unwrap().is_none());
    // Whoever took it has died.
    let later = now.plus(60);
    let again = BillDay::claim(&mut tx, later, later.plus(60)).await.unwrap();
    assert_eq!(again.map(|day| day.runs), Some(2));
    tx.commit().await.unwrap();

    compare(&shop, "20261122", &[payment(1, at("20261122120000"), 1)]).await;
    let mut tx = store.begin().await.unwrap();
    assert!(DifferenceRow::claim(&mut tx, now, now.plus(60)).await.unwrap().is_some());
    assert!(DifferenceRow::claim(&mut tx, now, now.plus(60)).await.unwrap().is_none());
}

#[tokio::test]
async fn what_ends_while_its_day_is_compared_has_the_day_compared_once_more() {
    let shop = Shop::open().await;
    let now = shop.service.context.clock.now();
    let sums = compare(&shop, "20261122", &[payment(1, at("20261122120000"), 1)]).await;
    let mut tx = shop.service.store.begin().await.unwrap();
    let row = DifferenceRow::claim(&mut tx, now, now.plus(60)).await.unwrap().unwrap();
    BillDay::ask_for(&mut tx, &mch_id(), &row.key.date, now).await.unwrap();
    let day = BillDay::get(&mut tx, &mch_id(), &row.key.date).await.unwrap().unwrap();
    let day = day.take(&mut tx, now.plus(60)).await.unwrap().unwrap();
    let end = End::new(State::Settled, Why::AgreesNow, "");
    DifferenceRow::set(&mut tx, &row.key, &end, None, now).await.unwrap();
    day.compared(&mut tx, sums, now).await.unwrap();
    let day = BillDay::get(&mut tx, &mch_id(), &row.key.date).await.unwrap().unwrap();
    assert_eq!(day.due_at, Some(now), "its sums are from before");
}

#[tokio::test]
async fn of_two_runs_of_a_day_side_by_side_the_later_one_counts() {
    let shop = Shop::open().await;
    let older = taken(&shop, "20261122").await;
    let newer = taken(&shop, "20261122").await;
    assert_eq!((older.runs, newer.runs), (1, 2));
    let lines = [payment(1, at("20261122120000"), 1)];
    let run = async |day| Comparison::run(&shop.service, day, false, spool(&lines)).await.unwrap();
    let (newest, old) = (run(&newer).await, run(&older).await);
    let old = BillSums { payments_there: BillSum { count: 9, fen: Fen::ZERO }, ..old };
    let now = shop.service.context.clock.now();
    let mut tx = shop.service.store.begin().await.unwrap();
    DifferenceRow::end_unseen(&mut tx, &newer, now).await.unwrap();
    newer.compared(&mut tx, newest, now).await.unwrap();
    older.compared(&mut tx, old, now).await.unwrap();
    tx.commit().await.unwrap();
    let open = shop.rows("select state from bill_difference").await;
    assert_eq!(open, ["open"], "the later run has seen it as well");
    assert_eq!(shop.rows("select payments_there_count from bill_day").await, ["1"]);
}

#[tokio::test]
async fn a_run_that_fails_after_a_later_one_has_ended_well_changes_nothing() {
    let shop = Shop::open().await;
    let older = taken(&shop, "20261122").await;
    let newer = taken(&shop, "20261122").await;
    let lines = [payment(1, at("20261122120000"), 1)];
    let sums = Comparison::run(&shop.service, &newer, false, spool(&lines)).await.unwrap();
    let now = shop.service.context.clock.now();
    let mut tx = shop.service.store.begin().await.unwrap();
    newer.compared(&mut tx, sums, now).await.unwrap();
    older.failed(&mut tx, "x", Some(now.plus(60))).await.unwrap();
    tx.commit().await.unwrap();
    let day = shop.rows("select state, due_at, failures, last_error from bill_day").await;
    assert_eq!(day, ["compared - 0 -"]);
}

#[test]
fn days_are_planned_from_the_first_on_but_not_for_ever() {
    let now = at("20261124095959");
    assert_eq!(last_ready(now), date("20261122"));
    assert_eq!(next_bill(now), at("20261124100000"));
    let now = at("20261124100000");
    assert_eq!(last_ready(now), date("20261123"));
    assert_eq!(next_bill(now), at("20261125100000"));
    let days = |first| days_between(&date(first), &last_ready(now), now);
    assert_eq!(days("20261121").len(), 3);
    assert_eq!(days("20261123"), [date("20261123")]);
    assert_eq!(days("20261124"), []);
    let all = days("20250101");
    assert_eq!((all.len(), &all[0]), (90, &date("20260826")));
    assert!(all[0].ready(now).is_ok(), "WeChat still has it");
}

/// Nobody is called by it.
fn reconciler(service: Service) -> Reconciler {
    let webhooks = Webhooks::new([], Reach::of(true)).unwrap();
    let service = Arc::new(service);
    let worker = Arc::new(Worker { service, gateways: HashMap::new(), webhooks });
    Reconciler::with(worker, HashMap::new())
}

#[tokio::test]
async fn a_stop_in_the_middle_of_a_day_is_no_failure_and_leaves_it_to_the_next_start() {
    let shop = Shop::open().await;
    let day = taken(&shop, "20261122").await;
    let now = shop.service.context.clock.now();
    let books = reconciler(shop.service);
    let (_stopped, stop) = watch::channel(true);
    assert!(!books.compare_day(&day, stop.clone()).await.unwrap());
    let rows = "select state, due_at, failures, last_error from bill_day";
    let left = [format!("waiting {} 0 -", now.get())];
    assert_eq!(crate::testing::rows(&books.service().store, rows).await, left);
    // Nobody takes it from whoever has it by then.
    let again = books.take_day(&mch_id(), &date("20261122")).await.unwrap().unwrap();
    assert!(!books.compare_day(&day, stop).await.unwrap());
    let due = crate::testing::rows(&books.service().store, "select due_at from bill_day").await;
    assert_eq!(due, [again.due_at.unwrap().get().to_string()]);
}

#[tokio::test]
async fn a_clock_that_was_fast_at_first_hides_no_day() {
    let shop = Shop::open().await;
    // The server's first day is the 23rd by its clock, and it was paid on the 22nd. A payment that
    // nobody here knows may be another server's.
    record(&shop, 2, at("20261122230000")).await;
    let known = "update payment set order_id = '20261123230000K7Q2M9XB'
                 where transaction_id like '%2'";
    alter(&shop.service.store, known).await;
    let earlier = "update payment set paid_at = paid_at - 86400 where order_id = ''";
    alter(&shop.service.store, earlier).await;
    let mut tx = shop.service.store.begin().await.unwrap();
    let name = format!("bills_from-{}", mch_id());
    setting(&mut tx, &name, "20261123").await.unwrap();
    tx.commit().await.unwrap();
    let now = shop.service.context.clock.now();
    shop.clock.advance(at("20261124100000").since(now));
    let books = reconciler(shop.service);
    books.plan().await.unwrap();
    let days = "select bill_date from bill_day order by bill_date";
    let planned = crate::testing::rows(&books.service().store, days).await;
    assert_eq!(planned, ["20261122", "20261123"]);
}

#[test]
fn pauses_grow_to_an_hour() {
    let date = date("20261123");
    let mut day = BillDay {
        mch_id: mch_id(),
        date,
        is_compared: false,
        due_at: None,
        runs: 0,
        failures: 0,
        last_error: None,
        compared_at: None,
        sums: None,
    };
    let pauses: Vec<u64> = (0..9)
        .map(|failures| {
            day.failures = failures;
            after(&day, String::new()).again_in_s
        })
        .collect();
    assert_eq!(pauses, [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]);
}

/// The most that was on this thread's heap at once while a bill of so many lines was compared with
/// as many records, ten of which differ.
fn heap_of(lines: u64) -> u64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let noon = at("20261123120000");
    let shop = runtime.block_on(Shop::open());
    runtime.block_on(record(&shop, lines, noon));
    let day = runtime.block_on(taken(&shop, "20261123"));
    let mut writer = SpoolWriter::new().unwrap();
    for n in 1..=lines {
        writer.push(&payment(n, noon, if n <= 10 { 1_801 } else { 1_800 }));
    }
    let mut spool = Some(writer.finish().unwrap());
    let used = measure(|| {
        let spool = spool.take().unwrap();
        let sums = runtime.block_on(Comparison::run(&shop.service, &day, false, spool)).unwrap();
        assert_eq!((sums.payments_there.count, sums.payments_here.count), (lines, lines));
    });
    let kinds = "select kind, count(*) from bill_difference group by kind";
    assert_eq!(runtime.block_on(shop.rows(kinds)), ["amount 10"]);
    used.bytes_max
}

#[test]
fn two_hundred_thousand_lines_are_compared_in_the_memory_of_forty_thousand() {
    let (short, long) = (heap_of(40_000), heap_of(200_000));
    assert!(long < short + short / 4, "{long} bytes after {short}");
}
