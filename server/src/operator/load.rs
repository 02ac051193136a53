//! From what is stored to what pages show.

use super::office::Office;
use super::page::{
    AnomaliesPage, AnomalyItem, Attempt, BillPage, BillsPage, Entry, EntryState, Filter, Kind,
    Moment, OrderItem, OrderPage, OrdersPage, OutboxPage, OverviewPage, Payment, Refund,
    SettingsPage, WaitingRefund,
};
use super::routes::outbox_state;
use crate::reconcile::{DayReport, read_date};
use crate::store::figures::{NOT_YET, UNDER_WAY};
use crate::store::look::{
    ListedAnomaly, ListedAttempt, ListedEntry, ListedMoment, ListedOrder, ListedPayment,
    OrderFilter, archived,
};
use crate::store::{KeyRow, OrderRow, RefundRow, RefundState, StoreError};
use saoma_core::bill::BillDate;
use saoma_core::ids::{MchId, OrderId, TransactionId};
use saoma_core::money::Fen;
use saoma_core::order::Order;
use saoma_core::watch::Phase;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Lines of a list's part. One more is read, so that no part leads to one that is empty.
const LINES: u32 = 50;
/// Differences on a day's page; the table has all of them.
const DIFFERENCES: u32 = 200;
/// Above every order id, which begin with a year.
const ABOVE_ALL: &str = "9";
/// Before every entry of the outbox by the time when it is due.
const FIRST: (i64, &str, &str) = (i64::MIN, "", "");

type Asked = BTreeMap<String, String>;

/// What was asked for under this name. What holds a NUL, which PostgreSQL refuses in a text, asks
/// for nothing.
fn asked<'a>(all: &'a Asked, name: &str) -> &'a str {
    all.get(name).map(|value| value.trim()).filter(|value| !value.contains('\0')).unwrap_or("")
}

/// Cuts a list to its part; `true`: there was more.
fn cut<T>(rows: &mut Vec<T>, lines: u32) -> bool {
    let is_cut = rows.len() > lines as usize;
    rows.truncate(lines as usize);
    is_cut
}

pub(super) async fn overview(office: &Arc<Office>) -> Result<OverviewPage, StoreError> {
    let figures = office.figures().await;
    let mut reader = office.looks.for_people().await?;
    let oldest = ListedEntry::to_do(&mut reader, FIRST, 1).await?;
    drop(reader);
    let now = office.now();
    let oldest = oldest.into_iter().find(|entry| entry.due_at <= now);
    let oldest = oldest.map(|entry| (entry.kind, entry.due_at));
    let bill = office.service.bill_to_see().await?;
    let failing_bill = office.service.failing_bill().await?;
    Ok(OverviewPage { figures, oldest, bill, failing_bill })
}

/// `None`: there is no such phase or day.
pub(super) async fn orders(office: &Office, all: &Asked) -> Result<Option<OrdersPage>, StoreError> {
    let text = |name| asked(all, name).to_owned();
    let filter = Filter {
        q: text("q"),
        phase: text("phase"),
        shop: text("shop"),
        mch_id: text("merchant"),
        day: text("day"),
    };
    let day = read_date(&filter.day);
    let is_phase = filter.phase.is_empty() || Phase::from_name(&filter.phase).is_some();
    if !is_phase || day.is_none() && !filter.day.is_empty() {
        return Ok(None);
    }
    let shops: Vec<String> = office.settings.shops.iter().map(|shop| shop.id.clone()).collect();
    let mut reader = office.looks.for_people().await?;
    let (orders, older_than, looked_back_to) = if filter.q.is_empty() {
        let from = day.as_ref().map_or("", BillDate::as_str);
        // Ids of a day lie below the day's digits and a letter.
        let below = day.as_ref().map(|day| format!("{}:", day.as_str()));
        let before = asked(all, "before");
        let below = match below {
            _ if !before.is_empty() => before.to_owned(),
            Some(below) => below,
            None => ABOVE_ALL.to_owned(),
        };
        let narrowed = OrderFilter {
            below: &below,
            from,
            phase: &filter.phase,
            shop: &filter.shop,
            mch_id: &filter.mch_id,
        };
        let part = ListedOrder::newest(&mut reader, &narrowed, LINES).await?;
        let is_full = part.rows.len() >= LINES as usize;
        let reached = part.next.as_deref().filter(|_| !is_full).map(day_of_id);
        (part.rows, part.next, reached)
    } else {
        (ListedOrder::search(&mut reader, &filter.q, &shops).await?, None, None)
    };
    let archived = match filter.q.as_str() {
        "" => Vec::new(),
        q => archived(&mut reader, q, &shops).await?,
    };
    let archived = archived.into_iter().map(|id| (month_of_id(&id), id)).collect();
    let merchants = office.settings.merchants.iter().map(|merchant| merchant.mch_id.clone());
    let merchants = merchants.collect();
    let orders = orders.into_iter().map(item).collect();
    Ok(Some(OrdersPage { filter, shops, merchants, orders, archived, older_than, looked_back_to }))
}

/// The day that an order's id begins with.
fn day_of_id(id: &str) -> String {
    let part = |range: std::ops::Range<usize>| id.get(range).unwrap_or_default();
    format!("{}-{}-{}", part(0..4), part(4..6), part(6..8))
}

/// The month that an order's id begins with, which is the archive's that has it.
fn month_of_id(id: &str) -> String {
    day_of_id(id).get(..7).unwrap_or_default().to_owned()
}

fn item(row: ListedOrder) -> OrderItem {
    let ListedOrder { order_id, shop, order_no, description, amount, phase, created_at } = row;
    OrderItem { order_id, shop, order_no, description, amount, phase, created_at }
}

/// One order, read where it was written, so that an action shows at once.
pub(super) async fn order(office: &Office, id: &OrderId) -> Result<Option<OrderPage>, StoreError> {
    let mut reader = office.service.store.reader().await?;
    let Some(row) = OrderRow::get(&mut reader, id).await? else { return Ok(None) };
    let attempts = ListedAttempt::of(&mut reader, id.as_str()).await?;
    let numbers: Vec<&str> = attempts.iter().map(|attempt| &*attempt.out_trade_no).collect();
    let payments = ListedPayment::of(&mut reader, &row.order).await?;
    let transactions: Vec<&str> = payments.iter().map(|payment| &*payment.transaction_id).collect();
    let anomalies = ListedAnomaly::kinds_of(&mut reader, &transactions).await?;
    let mut refunds = RefundRow::of_order(&mut reader, id).await?;
    // That of a second payment for a number is none of the order's.
    for id in row.order.transactions() {
        let of_payment = RefundRow::of_payment(&mut reader, id).await?;
        refunds.extend(of_payment.into_iter().filter(|refund| refund.order_id.is_none()));
    }
    let entries = ListedEntry::of(&mut reader, id.as_str()).await?;
    let (history, is_cut) = ListedMoment::of(&mut reader, id.as_str()).await?;
    let messages = ListedMoment::notifications(&mut reader, &numbers).await?;
    let order = &row.order;
    let is_of = |refund: &RefundRow, payment: &ListedPayment| {
        refund.transaction_id.as_str() == payment.transaction_id
    };
    let is_cny = |refund: &RefundRow| {
        payments.iter().all(|payment| payment.is_cny || !is_of(refund, payment))
    };
    let refunds = refunds.into_iter().map(|row| of_refund(is_cny(&row), row)).collect();
    Ok(Some(OrderPage {
        order_id: id.to_string(),
        amount: order.amount(),
        phase: order.watched_phase().as_str().to_owned(),
        created_at: order.created_at(),
        expires_at: order.expires_at(),
        due_at: row.due_at,
        may_query: payments.is_empty(),
        anomalies,
        payments: payments.into_iter().map(|payment| of_payment(&row, payment)).collect(),
        attempts: attempts.into_iter().map(of_attempt).collect(),
        refunds,
        entries: entries.into_iter().map(entry).collect(),
        moments: moments(&history, messages),
        is_cut,
        shop: row.shop,
        order_no: row.order_no,
        mch_id: row.mch_id.to_string(),
        app_id: row.app_id.to_string(),
        description: row.description,
    }))
}

fn of_attempt(row: ListedAttempt) -> Attempt {
    let ListedAttempt { out_trade_no, sign_type, request, created_at } = row;
    Attempt { out_trade_no, created_at, sign_type, request }
}

fn of_payment(row: &OrderRow, payment: ListedPayment) -> Payment {
    Payment {
        refundable: left(&row.order, &payment.transaction_id).filter(|_| payment.is_cny),
        is_cny: payment.is_cny,
        transaction_id: payment.transaction_id,
        out_trade_no: payment.out_trade_no,
        amount: payment.total_fee,
        paid_at: payment.paid_at,
        verdict: payment.verdict,
    }
}

/// What is left to give back of one of the order's payments.
fn left(order: &Order, transaction_id: &str) -> Option<Fen> {
    let attempt = order.attempt_of(&TransactionId::new(transaction_id).ok()?)?;
    let left = order.refundable(attempt);
    (left != Fen::ZERO && order.may_refund(attempt, left).is_ok()).then_some(left)
}

fn of_refund(is_cny: bool, row: RefundRow) -> Refund {
    let is_sendable = row.is_sendable();
    let ends = row.ended_at.or(row.accepted_at).or(row.sent_at).unwrap_or(row.created_at);
    Refund {
        out_refund_no: row.out_refund_no.to_string(),
        mch_id: row.mch_id.to_string(),
        amount: row.part,
        state: row.state.as_str().to_owned(),
        reason: row.reason,
        refund_id: row.refund_id.map(|id| id.to_string()),
        updated_at: ends,
        trouble: row.trouble,
        is_cny,
        is_sendable,
    }
}

/// History and notifications as one story, the latest first.
fn moments(history: &[ListedMoment], messages: Vec<(ListedMoment, String)>) -> Vec<Moment> {
    let mut all: Vec<Moment> = history.iter().map(moment).collect();
    for (message, _) in messages {
        let message = moment(&message);
        // What a message led to stands above it: the payment of that second, or all of it.
        let is_paid = |other: &Moment| other.at == message.at && other.name == "paid";
        let before = all.iter().position(|other| other.at < message.at).unwrap_or(all.len());
        let at = all.iter().position(is_paid).map_or(before, |paid| paid + 1);
        all.insert(at, message);
    }
    all
}

fn moment(row: &ListedMoment) -> Moment {
    let kind = Kind::from_name(&row.kind).unwrap_or(Kind::Event);
    let plain = |text| Moment {
        at: row.at,
        kind,
        name: row.name.clone(),
        text,
        effects: Vec::new(),
        phase: None,
    };
    if kind != Kind::Event {
        return plain(row.text.clone());
    }
    let Ok(json) = serde_json::from_str::<Value>(&row.text) else { return plain(row.text.clone()) };
    let name = |value: &Value| match value {
        Value::String(name) => Some(name.clone()),
        Value::Object(fields) => fields.keys().next().cloned(),
        _ => None,
    };
    let effects = json["effects"].as_array().into_iter().flatten().filter_map(name).collect();
    let phase = json["phase"].as_str().map(str::to_owned);
    Moment { effects, phase, ..plain(row.text.clone()) }
}

fn entry(row: ListedEntry) -> Entry {
    // A refund that only takes its time is no error.
    let is_at_wechat = row.last_error.as_deref() == Some(UNDER_WAY);
    let state = match EntryState::from_name(&row.state) {
        EntryState::Pending if is_at_wechat => EntryState::AtWeChat,
        state => state,
    };
    Entry {
        key: row.key,
        kind: row.kind,
        order_id: Some(row.order_id).filter(|id| !id.is_empty()),
        state,
        due_at: row.due_at,
        tries: row.tries,
        last_error: row.last_error.filter(|error| ![UNDER_WAY, NOT_YET].contains(&error.as_str())),
        created_at: row.created_at,
    }
}

pub(super) async fn anomalies(office: &Office, all: &Asked) -> Result<AnomaliesPage, StoreError> {
    let is_waiting = asked(all, "done").is_empty() || !asked(all, "done").eq("1");
    let before = asked(all, "before").split_once('-');
    let before = before.and_then(|(at, skip)| Some((at.parse().ok()?, skip.parse().ok()?)));
    let (at, skip): (i64, u32) = before.unwrap_or((i64::MAX, 0));
    let mut reader = office.looks.for_people().await?;
    let mut rows = ListedAnomaly::newest(&mut reader, is_waiting, (at, skip), LINES + 1).await?;
    let is_cut = cut(&mut rows, LINES);
    let older = rows.last().filter(|_| is_cut).map(|last| {
        let seconds = i64::try_from(last.noticed_at.get()).unwrap_or(i64::MAX);
        let same = rows.iter().filter(|row| row.noticed_at == last.noticed_at).count();
        let skipped = if seconds == at { skip } else { 0 };
        let skip = u32::try_from(same).unwrap_or(LINES) + skipped;
        let done = if is_waiting { "" } else { "done=1&" };
        format!("/operator/anomalies?{done}before={seconds}-{skip}")
    });
    let mut anomalies = Vec::new();
    for row in rows {
        let waits =
            match (RefundState::from_name(&row.refund), TransactionId::new(&row.transaction_id)) {
                (Some(state @ (RefundState::Held | RefundState::Failed)), Ok(id)) => {
                    waiting_refund(&mut reader, &id, state).await?
                }
                _ => None,
            };
        anomalies.push(AnomalyItem {
            kind: row.kind,
            order_id: Some(row.order_id).filter(|id| !id.is_empty()),
            order_no: row.order_no,
            out_trade_no: row.out_trade_no,
            transaction_id: row.transaction_id,
            expected: row.expected,
            paid: row.paid,
            is_cny: row.is_cny,
            noticed_at: row.noticed_at,
            refund: row.refund,
            waits,
        });
    }
    Ok(AnomaliesPage { is_waiting, anomalies, older })
}

async fn waiting_refund(
    reader: &mut crate::store::Conn,
    id: &TransactionId,
    state: RefundState,
) -> Result<Option<WaitingRefund>, StoreError> {
    let refunds = RefundRow::of_payment(reader, id).await?;
    let last = refunds.into_iter().rfind(|refund| refund.state == state);
    Ok(last.map(|refund| WaitingRefund {
        is_sendable: refund.is_sendable(),
        out_refund_no: refund.out_refund_no.to_string(),
        mch_id: refund.mch_id.to_string(),
        trouble: refund.trouble,
    }))
}

/// `None`: there is no list of such a state.
pub(super) async fn outbox(office: &Office, all: &Asked) -> Result<Option<OutboxPage>, StoreError> {
    let state = match asked(all, "state") {
        "" => EntryState::Pending,
        "dead" => EntryState::Dead,
        "held" => EntryState::Held,
        _ => return Ok(None),
    };
    let mut reader = office.looks.for_people().await?;
    let name = outbox_state(state);
    let is_to_do = name.is_empty();
    let at: Option<i64> = asked(all, "at").parse().ok();
    let (order_id, key) = (asked(all, "order"), asked(all, "key"));
    let mut rows = if is_to_do {
        let behind = at.map_or(FIRST, |at| (at, order_id, key));
        ListedEntry::to_do(&mut reader, behind, LINES + 1).await?
    } else {
        let before = (at.unwrap_or(i64::MAX), order_id, key);
        ListedEntry::stopped(&mut reader, name, before, LINES + 1).await?
    };
    let is_cut = cut(&mut rows, LINES);
    let next = rows.last().filter(|_| is_cut).map(|last| {
        let ListedEntry { due_at, updated_at, order_id, key, .. } = last;
        let at = if is_to_do { due_at.get() } else { updated_at.get() };
        let state = if is_to_do { String::new() } else { format!("state={name}&") };
        format!("/operator/outbox?{state}at={at}&order={order_id}&key={key}")
    });
    Ok(Some(OutboxPage { state, entries: rows.into_iter().map(entry).collect(), next }))
}

pub(super) async fn bills(office: &Office, all: &Asked) -> Result<BillsPage, StoreError> {
    let before = read_date(asked(all, "before"));
    // One day's merchants may stand on two pages.
    let behind = before.as_ref().map(|date| (date, asked(all, "merchant")));
    let mut days = office.service.bill_days(None, behind, LINES + 1).await?;
    let is_cut = cut(&mut days, LINES);
    let older = days.last().filter(|_| is_cut).map(|day| {
        let DayReport { date, mch_id, .. } = day;
        format!("/operator/bills?before={date}&merchant={mch_id}")
    });
    Ok(BillsPage { days, older })
}

/// The merchant and the day that an address names.
pub(super) fn which_bill(date: &str, all: &Asked) -> Option<(MchId, BillDate)> {
    Some((MchId::new(asked(all, "merchant")).ok()?, read_date(date)?))
}

pub(super) async fn bill(
    office: &Office,
    (mch_id, date): &(MchId, BillDate),
) -> Result<Option<BillPage>, StoreError> {
    let service = &office.service;
    let Some(day) = service.bill_day(mch_id, date).await? else { return Ok(None) };
    let mut differences = service.bill_differences(mch_id, date, None, DIFFERENCES + 1).await?;
    let is_cut = cut(&mut differences, DIFFERENCES);
    Ok(Some(BillPage { day, differences, is_cut }))
}

pub(super) async fn settings(office: &Office) -> Result<SettingsPage, StoreError> {
    let mut page = office.settings.clone();
    for key in KeyRow::good(&mut office.looks.for_people().await?).await? {
        if let Some(shop) = page.shops.iter_mut().find(|shop| shop.id == key.shop) {
            shop.keys.push(key.name);
        }
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::page::EntryState;
    use saoma_core::api::{Currency, Payment as Paid};
    use saoma_core::order::{Event, RefundEnd};
    use saoma_core::time::UnixTime;

    #[test]
    fn what_no_database_takes_is_not_asked_for() {
        let all = |q: &str| Asked::from([("q".to_owned(), q.to_owned())]);
        assert_eq!(asked(&all(" A-1 "), "q"), "A-1");
        assert_eq!(["\0", "A\0B"].map(|q| asked(&all(q), "q").to_owned()), ["", ""]);
        assert_eq!(asked(&all("A-1"), "day"), "");
    }

    #[test]
    fn each_payment_of_which_something_is_left_is_offered() {
        let now = UnixTime::new(1_795_700_000).unwrap();
        let id = OrderId::new("20261124032600K7Q2M9XB").unwrap();
        let fen = |fen| Fen::new(fen).unwrap();
        let mut order = Order::begin(id, fen(1_800), now, now.plus(900)).order;
        let paid = |order: &Order, attempt, transaction_id: &str, amount| {
            let payment = Paid {
                out_trade_no: order.out_trade_no(attempt).unwrap(),
                transaction_id: TransactionId::new(transaction_id).unwrap(),
                total_fee: fen(amount),
                currency: Currency::CNY,
                paid_at: now,
                refunded: false,
            };
            order.handle(&Event::Paid { attempt, payment }, now).order
        };
        order = order.handle(&Event::NumberOver { attempt: 0 }, now).order;
        order = paid(&order, 0, "T1", 100);
        order = paid(&order, 1, "T2", 1_800);
        assert_eq!(left(&order, "T1"), None, "it goes back already");
        order = order.handle(&Event::RefundEnded { refund: 0, end: RefundEnd::Failed }, now).order;
        assert_eq!([left(&order, "T1"), left(&order, "T2")], [100, 1_800].map(|it| Some(fen(it))));
        assert_eq!(left(&order, "T3"), None);
    }

    #[test]
    fn a_refund_that_takes_its_time_is_no_error() {
        let row = |error: &str| ListedEntry {
            order_id: "20261126093000ABCDEFGH".into(),
            key: "refund-20261126093000ABCDEFGH-R1".into(),
            kind: "refund".into(),
            state: "pending".into(),
            due_at: UnixTime::new(1_795_700_000).unwrap(),
            tries: 2,
            last_error: Some(error.into()),
            created_at: UnixTime::new(1_795_690_000).unwrap(),
            updated_at: UnixTime::new(1_795_690_000).unwrap(),
        };
        let shown = entry(row(UNDER_WAY));
        assert_eq!((shown.state, shown.last_error), (EntryState::AtWeChat, None));
        let shown = entry(row(NOT_YET));
        assert_eq!((shown.state, shown.last_error), (EntryState::Pending, None));
        let shown = entry(row("NOTENOUGH"));
        let error = Some("NOTENOUGH".to_owned());
        assert_eq!((shown.state, shown.last_error), (EntryState::Pending, error));
    }
}
