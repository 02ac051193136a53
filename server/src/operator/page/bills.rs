//! The daily comparison of WeChat's bills with what is stored here.

use super::frame::{Frame, Tab};
use super::parts::{amount, chip, empty, number, older, time_and_distance};
use maud::{Markup, html};
use saoma_core::money::Fen;
use saoma_core::time::UnixTime;

/// What came of one day's bill.
#[derive(Clone, Debug)]
pub(crate) struct BillDay {
    /// `2026-11-23`.
    pub(crate) day: String,
    pub(crate) mch_id: String,
    /// `done`, `failed`, or what it is at.
    pub(crate) state: String,
    pub(crate) payments: u64,
    pub(crate) paid: Fen,
    pub(crate) refunds: u64,
    pub(crate) refunded: Fen,
    pub(crate) differences: u64,
    /// Those of them that nobody has settled.
    pub(crate) open: u64,
    pub(crate) compared_at: Option<UnixTime>,
    pub(crate) error: Option<String>,
}

/// The days, the latest first.
#[derive(Clone, Debug)]
pub(crate) struct BillsPage {
    pub(crate) days: Vec<BillDay>,
    pub(crate) older: Option<String>,
}

/// Where the two sides differ.
#[derive(Clone, Debug)]
pub(crate) struct Difference {
    /// `missing_here`, `missing_there`, `amount`, `state`, ...
    pub(crate) kind: String,
    pub(crate) out_trade_no: String,
    pub(crate) transaction_id: String,
    pub(crate) order_id: Option<String>,
    /// What each side says, in words or amounts.
    pub(crate) here: String,
    pub(crate) there: String,
    /// What was done about it.
    pub(crate) outcome: String,
    pub(crate) is_open: bool,
}

/// One day.
#[derive(Clone, Debug)]
pub(crate) struct BillPage {
    pub(crate) day: BillDay,
    pub(crate) differences: Vec<Difference>,
}

/// The list of days.
pub(crate) fn bills(frame: &Frame<'_>, page: &BillsPage) -> Markup {
    let w = frame.words();
    frame.page(
        Tab::Bills,
        w.bills,
        false,
        &html! {
            h1 { (w.bills) }
            p .lead { (w.bills_text) }
            @if page.days.is_empty() { (empty(w.no_bill_yet)) }
            ol .rows {
                @for day in &page.days {
                    li {
                        a .row href={ "/operator/bills/" (day.day) "?merchant=" (day.mch_id) } {
                            span .row-title { (day.day) }
                            span .row-amount { (amount(day.paid)) }
                            span .row-numbers { code { (day.mch_id) } }
                            span .row-state { (verdict(frame, day)) }
                            span .row-time.soft { (w.payments(day.payments)) }
                        }
                    }
                }
            }
            (older(w, page.older.as_deref()))
        },
    )
}

fn verdict(frame: &Frame<'_>, day: &BillDay) -> Markup {
    let w = frame.words();
    match (day.state.as_str(), day.differences) {
        ("done", 0) => chip("good", w.bill_agrees),
        ("done", all) => chip(if day.open > 0 { "bad" } else { "good" }, &w.differences(all)),
        (state, _) => chip(if state == "failed" { "bad" } else { "wait" }, w.bill_state(state)),
    }
}

/// One day's comparison.
pub(crate) fn bill(frame: &Frame<'_>, page: &BillPage) -> Markup {
    let (w, day) = (frame.words(), &page.day);
    let title = format!("{} {}", w.bill, day.day);
    frame.page(Tab::Bills, &title, false, &html! {
        p .back { a href="/operator/bills" { "← " (w.bills) } }
        section .card {
            div .card-head { h1 { (title) } (verdict(frame, day)) }
            @if let Some(error) = &day.error { p .problem.break { (error) } }
            dl .facts {
                div { dt { (w.merchant) } dd { code { (day.mch_id) } } }
                div { dt { (w.paid) } dd { (amount(day.paid)) " · " (w.payments(day.payments)) } }
                div { dt { (w.refunded) } dd { (amount(day.refunded)) " · " (w.refunds(day.refunds)) } }
                @if let Some(at) = day.compared_at {
                    div { dt { (w.compared) } dd {
                        (time_and_distance(frame.lang, at, frame.now))
                    } }
                }
            }
            div .buttons {
                a .button download href={
                    "/operator/bills/" (day.day) "/csv?merchant=" (day.mch_id)
                } { (w.download_csv) }
            }
        }
        @if page.differences.is_empty() && day.state == "done" { (empty(w.bill_agrees_text)) }
        ol .items {
            @for difference in &page.differences { li { (difference_card(frame, difference)) } }
        }
    })
}

fn difference_card(frame: &Frame<'_>, difference: &Difference) -> Markup {
    let w = frame.words();
    html! {
        article .card {
            div .card-head {
                h2 { (w.difference(&difference.kind)) }
                (chip(if difference.is_open { "bad" } else { "good" }, &difference.outcome))
            }
            dl .facts {
                div { dt { (w.here) } dd .break { (difference.here) } }
                div { dt { (w.there) } dd .break { (difference.there) } }
                div .wide { dt { "out_trade_no" } dd { (number(w, &difference.out_trade_no)) } }
                div .wide { dt { "transaction_id" } dd { (number(w, &difference.transaction_id)) } }
                @if let Some(order_id) = &difference.order_id {
                    div .wide { dt { (w.order) } dd {
                        a href={ "/operator/orders/" (order_id) } { code { (order_id) } }
                    } }
                }
            }
        }
    }
}
