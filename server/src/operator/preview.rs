//! Every page with made-up values, in both languages: looked through by tests, and written as
//! files to look at. `cargo test -p saoma-server --lib preview -- --ignored` writes them to
//! `target/operator`.

use super::lang::Lang;
use super::page::*;
use crate::reconcile::words::{State, Why};
use crate::reconcile::{DayReport, DifferenceReport, SumsReport};
use crate::store::BillSum;
use maud::Markup;
use saoma_core::money::Fen;
use saoma_core::reconcile::DifferenceKind;
use saoma_core::time::UnixTime;
use std::sync::Arc;

const LANGS: [Lang; 2] = [Lang::Zh, Lang::En];
const SCRIPT: &str = "<script>alert('1')</script>\"><img src=x onerror=alert(1)>";
const SIGN: &str = "9A0A8659F005D6984697E2CA0A9CF3B79A0A8659F005D6984697E2CA0A9CF3B7";
const OPENID: &str = "oMadeUpOpenIdForTests000001";
const ORDER_ID: &str = "20261123192600K7Q2M9XB";
const T1: &str = "4200009999202611230000000001";

fn at(text: &str) -> UnixTime {
    UnixTime::parse_beijing(text).unwrap()
}

fn fen(fen: u64) -> Fen {
    Fen::new(fen).unwrap()
}

fn frame(lang: Lang, path: &'static str) -> Frame<'static> {
    Frame {
        lang,
        operator: "wang.min",
        csrf: "CSRF-TOKEN",
        path,
        now: at("20261123200000"),
        notice: None,
        anomalies: 3,
        dead: 120,
    }
}

fn quiet(lang: Lang, path: &'static str) -> Frame<'static> {
    Frame { anomalies: 0, dead: 0, ..frame(lang, path) }
}

fn bill_day(date: &str, open: u64, last_error: Option<&str>) -> DayReport {
    let sum = |count, amount| BillSum { count, fen: fen(amount) };
    let sums = |there, here, others| SumsReport { bill: there, here, others };
    DayReport {
        mch_id: "1900000109".to_owned(),
        date: date.to_owned(),
        state: if last_error.is_some() { "waiting" } else { "compared" },
        compared_at: last_error.is_none().then(|| at("20261123101500")),
        due_at: last_error.map(|_| at("20261123203000")),
        last_error: last_error.map(str::to_owned),
        payments: (last_error.is_none())
            .then(|| sums(sum(412, 1_234_567), sum(411, 1_232_767), sum(0, 0))),
        refunds: (last_error.is_none()).then(|| sums(sum(3, 5_400), sum(3, 5_400), sum(1, 900))),
        open,
        asking: 0,
    }
}

fn spans(count: u64, step_s: u64) -> Vec<Span> {
    let span = |i: u64| {
        let orders = (i * 37 + 11) % 53 * u64::from(i % 7 != 3);
        Span {
            begins_at: at("20261110000000").plus(i * step_s),
            orders,
            payments: orders * 4 / 5,
            paid: fen(orders * 1_800 * (i + 1)),
        }
    };
    (0..count).map(span).collect()
}

fn full_overview() -> OverviewPage {
    let today = [("open", 4), ("paid", 1), ("shipped", 391), ("expired", 28), ("refunding", 2)];
    let figures = Figures {
        today: today.map(|(phase, count)| (phase.to_owned(), count)).to_vec(),
        paid_today: fen(712_345_600),
        payments_today: 394,
        ship_delay_s: Some((1, 34)),
        gateway_errors: vec![
            ("SYSTEMERROR (系统繁忙，请稍后再试)".to_owned(), 12),
            ("the gateway did not answer in time".to_owned(), 3),
        ],
        hours: spans(24, 3_600),
        days: spans(14, 86_400),
    };
    OverviewPage {
        figures: Some(Arc::new(figures)),
        oldest: Some(("ship".to_owned(), at("20261123181200"))),
        bill: Some(bill_day("2026-11-22", 2, None)),
        failing_bill: Some((bill_day("2026-11-20", 0, Some(SCRIPT)), 3)),
    }
}

fn empty_overview() -> OverviewPage {
    let figures = Figures {
        today: Vec::new(),
        paid_today: Fen::ZERO,
        payments_today: 0,
        ship_delay_s: None,
        gateway_errors: Vec::new(),
        hours: spans(24, 3_600).iter().map(nothing).collect(),
        days: spans(14, 86_400).iter().map(nothing).collect(),
    };
    let figures = Some(Arc::new(figures));
    OverviewPage { figures, oldest: None, bill: None, failing_bill: None }
}

fn nothing(span: &Span) -> Span {
    Span { orders: 0, payments: 0, paid: Fen::ZERO, ..span.clone() }
}

fn order_items() -> Vec<OrderItem> {
    let long = "手冲单品咖啡豆 埃塞俄比亚 耶加雪菲 水洗 中浅烘 454 克（含手冲滤纸一包）";
    [
        ("A-1001", "Saoma Cafe - Latte", 1_800, "open"),
        ("20261123-0000000000000000000000000000000000000000000000000098", long, 12_345_678, "paid"),
        ("A-1003", SCRIPT, 1, "refunding"),
        ("A-1004", "拿铁", 2_147_483_647, "shipped"),
        ("A-1005", "美式", 1_500, "expired"),
    ]
    .iter()
    .map(|(order_no, description, amount, phase)| OrderItem {
        order_id: ORDER_ID.to_owned(),
        shop: "cafe".to_owned(),
        order_no: (*order_no).to_owned(),
        description: (*description).to_owned(),
        amount: fen(*amount),
        phase: (*phase).to_owned(),
        created_at: at("20261123192600"),
    })
    .collect()
}

fn orders_page(orders: Vec<OrderItem>, filter: Filter) -> OrdersPage {
    OrdersPage {
        filter,
        shops: vec!["cafe".to_owned(), "书店".to_owned()],
        merchants: vec!["1900000109".to_owned()],
        older_than: (!orders.is_empty()).then(|| ORDER_ID.to_owned()),
        looked_back_to: None,
        archived: Vec::new(),
        orders,
    }
}

fn archived_page(q: &str) -> OrdersPage {
    let archived = vec![("2025-09".to_owned(), "20250914101500ABCDEFGH".to_owned())];
    let filter = Filter { q: q.to_owned(), ..Filter::default() };
    OrdersPage { archived, ..orders_page(Vec::new(), filter) }
}

fn entries() -> Vec<Entry> {
    let entry = |kind: &str, state, tries, last_error: Option<&str>| Entry {
        key: format!("{kind}-{ORDER_ID}-1"),
        kind: kind.to_owned(),
        order_id: Some(ORDER_ID.to_owned()),
        state,
        due_at: at("20261123200230"),
        tries,
        last_error: last_error.map(str::to_owned),
        created_at: at("20261123192731"),
    };
    let error = format!("status 500: {SCRIPT}");
    vec![
        entry("place", EntryState::Done, 1, None),
        entry("ship", EntryState::Dead, 40, Some(&error)),
        entry("query", EntryState::Pending, 2, Some("the gateway did not answer in time")),
        entry("refund", EntryState::Held, 0, None),
        entry("refund_query", EntryState::AtWeChat, 3, None),
    ]
}

fn moments() -> Vec<Moment> {
    let notice = format!(
        "<xml><appid><![CDATA[wx5a0mademeup0001]]></appid><openid>{OPENID}</openid>\
         <total_fee>1800</total_fee><attach><![CDATA[{SCRIPT}]]></attach><sign>{SIGN}</sign></xml>"
    );
    let webhook = format!("{{\"type\":\"order.paid\",\"order_id\":\"{ORDER_ID}\"}}");
    let moment = |time: &str, kind, name: &str, text: &str| Moment {
        at: at(time),
        kind,
        name: name.to_owned(),
        text: text.to_owned(),
        effects: Vec::new(),
        phase: None,
    };
    let event = |time: &str, name: &str, effects: &[&str], phase: &str| Moment {
        effects: effects.iter().map(|effect| (*effect).to_owned()).collect(),
        phase: Some(phase.to_owned()),
        ..moment(
            time,
            Kind::Event,
            name,
            "{\"event\":{\"openid\":\"oMadeUpOpenIdForTests000001\"}}",
        )
    };
    vec![
        moment("20261124090000", Kind::Note, "wang.min", "refund ¥18.00: 顾客说点错了"),
        event("20261123192734", "shipped", &[], "shipped"),
        moment("20261123192733", Kind::Received, "webhook", "status 200"),
        moment("20261123192732", Kind::Sent, "webhook", &webhook),
        event("20261123192731", "paid", &["ship", "report"], "paid"),
        moment("20261123192731", Kind::Received, "notify", &notice),
        event("20261123192602", "placed", &[], "open"),
        moment("20261123192601", Kind::Sent, "pay/unifiedorder", &notice),
        moment("20261123192601", Kind::Received, "pay/unifiedorder", SCRIPT),
        event("20261123192600", "begin", &["place"], "placing"),
    ]
}

fn order_page(description: &str, phase: &str) -> OrderPage {
    OrderPage {
        order_id: ORDER_ID.to_owned(),
        shop: "cafe".to_owned(),
        order_no: "A-1001".to_owned(),
        mch_id: "1900000109".to_owned(),
        app_id: "wx5a0mademeup0001".to_owned(),
        description: description.to_owned(),
        amount: fen(1_800),
        phase: phase.to_owned(),
        created_at: at("20261123192600"),
        expires_at: at("20261123194100"),
        due_at: Some(at("20261123200030")),
        may_query: true,
        anomalies: vec!["paid_twice".to_owned()],
        attempts: vec![Attempt {
            out_trade_no: format!("{ORDER_ID}-1"),
            created_at: at("20261123192600"),
            sign_type: "HMAC-SHA256".to_owned(),
            request: format!("<xml><body>{SCRIPT}</body>"),
        }],
        payments: vec![Payment {
            transaction_id: T1.to_owned(),
            out_trade_no: format!("{ORDER_ID}-1"),
            amount: fen(1_800),
            paid_at: at("20261123192731"),
            verdict: "ship".to_owned(),
            is_cny: true,
            refundable: Some(fen(1_300)),
        }],
        refunds: vec![Refund {
            out_refund_no: format!("{ORDER_ID}-R1"),
            mch_id: "1900000109".to_owned(),
            amount: fen(500),
            state: "held".to_owned(),
            reason: SCRIPT.to_owned(),
            refund_id: Some("50000000382019052709732678859".to_owned()),
            updated_at: at("20261123193000"),
            trouble: Some(SCRIPT.to_owned()),
            is_cny: true,
            is_sendable: true,
        }],
        entries: entries(),
        moments: moments(),
        is_cut: true,
    }
}

fn anomaly_items() -> Vec<AnomalyItem> {
    let item = |kind: &str, order: Option<&str>, refund: &str, held: Option<&str>| AnomalyItem {
        kind: kind.to_owned(),
        order_id: order.map(|_| ORDER_ID.to_owned()),
        order_no: order.map(str::to_owned),
        out_trade_no: format!("{ORDER_ID}-1"),
        transaction_id: T1.to_owned(),
        expected: order.map(|_| fen(1_800)),
        paid: fen(1),
        is_cny: kind != "currency_mismatch",
        noticed_at: at("20261123192731"),
        refund: refund.to_owned(),
        waits: held.map(|number| WaitingRefund {
            out_refund_no: number.to_owned(),
            mch_id: "1900000109".to_owned(),
            trouble: (kind == "paid_after_cancel").then(|| {
                "CHANGE: the customer's card is void or frozen, and the money is with the merchant \
                 again: pay it back by hand in WeChat's merchant platform"
                    .to_owned()
            }),
            is_sendable: kind != "currency_mismatch",
        }),
    };
    vec![
        item("amount_mismatch", Some("A-1001"), "held", Some("20261123192600K7Q2M9XB-R1")),
        item("currency_mismatch", Some("A-1003"), "held", Some("20261123192600K7Q2M9XC-R1")),
        item("paid_after_cancel", Some("A-1004"), "failed", Some("20261123192600K7Q2M9XD-R1")),
        item("unknown_order", None, "due", None),
        item("not_fetched", Some("A-1005"), "open", None),
        item("conflict", Some(SCRIPT), "none", None),
        item("paid_after_close", Some("A-1002"), "refunded", None),
    ]
}

fn differences() -> Vec<DifferenceReport> {
    let difference = |kind, state, why, here: Option<u64>, note: &str| DifferenceReport {
        kind,
        number: T1.to_owned(),
        order_id: ORDER_ID.to_owned(),
        out_trade_no: format!("{ORDER_ID}-1"),
        transaction_id: T1.to_owned(),
        out_refund_no: String::new(),
        refund_id: String::new(),
        bill_fen: Some(fen(1_800)),
        here_fen: here.map(fen),
        happened_at: at("20261122192731"),
        state,
        why,
        note: note.to_owned(),
        found_at: at("20261123101500"),
        ended_at: None,
        due_at: None,
    };
    vec![
        difference(DifferenceKind::MissingHere, State::Open, Why::Asking, None, SCRIPT),
        difference(DifferenceKind::Amount, State::Refunded, Why::GoesBack, Some(1), ""),
    ]
}

fn settings_page() -> SettingsPage {
    let merchant = |mch_id: &str, certificate| MerchantItem {
        mch_id: mch_id.to_owned(),
        name: "扫码咖啡".to_owned(),
        apps: vec!["wx5a0mademeup0001".to_owned()],
        sign_type: "HMAC-SHA256".to_owned(),
        gateway: vec!["https://api.mch.weixin.qq.com".to_owned()],
        anomalies: "refund".to_owned(),
        certificate,
    };
    SettingsPage {
        version: "0.1.0",
        database: "postgres".to_owned(),
        replica: true,
        notify_url: "https://pay.example.com/wx/v2/notify".to_owned(),
        merchants: vec![
            merchant("1900000109", Some(Some(at("20311123000000")))),
            merchant("1900000110", Some(Some(at("20261203000000")))),
            merchant("1900000111", None),
        ],
        shops: vec![ShopItem {
            id: "cafe".to_owned(),
            mch_id: "1900000109".to_owned(),
            webhook: Some("https://shop.example.com".to_owned()),
            fixed_keys: 1,
            keys: vec!["till-1".to_owned(), "kiosk-2".to_owned()],
        }],
        operators: vec!["wang.min".to_owned(), "li".to_owned()],
    }
}

/// Every page in its full, empty and failing states, by the name of its file.
fn pages(lang: Lang) -> Vec<(&'static str, Markup)> {
    let [list, waiting] = ["/operator/orders", "/operator/anomalies"];
    let found = Filter { q: "A-1".to_owned(), phase: "paid".to_owned(), ..Filter::default() };
    let entries_page =
        |state, entries| OutboxPage { state, entries, next: Some("/operator/outbox".to_owned()) };
    let login_page =
        |error, name| LoginPage { lang, csrf: "CSRF-TOKEN", to: "/operator", name, error };
    let w = super::Words::of(lang);
    let day = bill_day("2026-11-22", 2, None);
    let bad = bill_day("2026-11-21", 0, Some(SCRIPT));
    let counting = OverviewPage { figures: None, ..empty_overview() };
    let full = quiet(lang, list);
    let done = Frame { notice: Some(Notice::RefundBegun), ..frame(lang, list) };
    let refund_page = |error| RefundPage {
        order_id: ORDER_ID.to_owned(),
        order_no: "A-1001".to_owned(),
        description: SCRIPT.to_owned(),
        transaction_id: T1.to_owned(),
        paid: fen(1_800),
        amount: fen(500),
        reason: SCRIPT.to_owned(),
        refund_no: "R-1".to_owned(),
        error,
    };
    let no_anomalies = AnomaliesPage { is_waiting: true, anomalies: Vec::new(), older: None };
    let some = AnomaliesPage { is_waiting: true, anomalies: anomaly_items(), older: None };
    vec![
        ("login", login(&login_page(None, ""))),
        ("login-wrong", login(&login_page(Some(w.wrong_login), SCRIPT))),
        ("overview", overview(&frame(lang, "/operator"), &full_overview())),
        ("overview-empty", overview(&quiet(lang, "/operator"), &empty_overview())),
        ("overview-counting", overview(&quiet(lang, "/operator"), &counting)),
        ("orders", orders(&frame(lang, list), &orders_page(order_items(), Filter::default()))),
        ("orders-none-found", orders(&full, &orders_page(Vec::new(), found))),
        ("orders-archived", orders(&full, &archived_page("A-1"))),
        ("orders-none", orders(&full, &orders_page(Vec::new(), Filter::default()))),
        ("order", order(&done, &order_page("Saoma Cafe - Latte", "refunding"))),
        ("order-markup", order(&frame(lang, list), &order_page(SCRIPT, SCRIPT))),
        ("refund", refund(&frame(lang, list), &refund_page(None))),
        ("refund-differs", refund(&frame(lang, list), &refund_page(Some(w.amount_differs)))),
        ("anomalies", anomalies(&frame(lang, waiting), &some)),
        ("anomalies-none", anomalies(&quiet(lang, waiting), &no_anomalies)),
        ("outbox", outbox(&frame(lang, list), &entries_page(EntryState::Dead, entries()))),
        ("outbox-none", outbox(&full, &entries_page(EntryState::Pending, Vec::new()))),
        ("bills", bills(&full, &BillsPage { days: vec![day.clone(), bad.clone()], older: None })),
        ("bills-none", bills(&full, &BillsPage { days: Vec::new(), older: None })),
        ("bill", bill(&full, &BillPage { day, differences: differences(), is_cut: true })),
        (
            "bill-failed",
            bill(&full, &BillPage { day: bad, differences: Vec::new(), is_cut: false }),
        ),
        ("settings", settings(&full, &settings_page())),
        ("problem", problem(lang, w.not_found, w.not_found_text)),
    ]
}

#[test]
fn no_page_lets_anything_through_that_others_have_written() {
    for (lang, (name, page)) in
        LANGS.into_iter().flat_map(|lang| pages(lang).into_iter().map(move |page| (lang, page)))
    {
        let html = page.into_string();
        let place = format!("{name} {lang:?}");
        assert_eq!(html.matches("<script").count(), 1, "{place}: ours, from a file");
        for inline in ["<img src=x", " style=", "<style", "javascript:", "http-equiv"] {
            assert!(!html.contains(inline), "{place}: {inline}");
        }
        for secret in [SIGN, OPENID] {
            assert!(!html.contains(secret), "{place}: {secret}");
        }
        let posts = html.matches("method=\"post\"").count();
        assert_eq!(html.matches("name=\"csrf\" value=\"CSRF-TOKEN\"").count(), posts, "{place}");
    }
}

#[test]
fn every_page_has_one_title_and_speaks_its_language() {
    for lang in LANGS {
        for (name, page) in pages(lang) {
            let html = page.into_string();
            assert!(html.contains(&format!("<html lang=\"{}\">", lang.tag())), "{name}");
            assert_eq!(html.matches("<h1").count(), 1, "{name}");
            assert_eq!(html.matches("<main").count(), 1, "{name}");
        }
    }
}

#[test]
#[ignore = "writes files to look at"]
fn write_all_pages() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/operator");
    let files = folder.join("operator/files");
    std::fs::create_dir_all(&files).unwrap();
    for file in [&*super::files::STYLE, &*super::files::SCRIPT, &*super::files::ICON] {
        let name = file.path.rsplit('/').next().unwrap();
        std::fs::write(files.join(name), file.content).unwrap();
    }
    for lang in LANGS {
        for (name, page) in pages(lang) {
            let path = folder.join(format!("{name}-{}.html", lang.tag()));
            std::fs::write(path, page.into_string()).unwrap();
        }
    }
}
