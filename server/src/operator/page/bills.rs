//! The daily comparison of WeChat's bills with what is stored here.

use super::super::Lang;
use super::super::show;
use super::frame::{Frame, Tab};
use super::parts::{action, amount, chip, empty, number, older, time, time_and_distance};
use crate::reconcile::{DayReport, DifferenceReport, SumsReport, Words};
use maud::{Markup, html};
use saoma_core::money::Fen;

/// The days, the latest first.
#[derive(Clone, Debug)]
pub(crate) struct BillsPage {
    pub(crate) days: Vec<DayReport>,
    pub(crate) older: Option<String>,
}

/// One day.
#[derive(Clone, Debug)]
pub(crate) struct BillPage {
    pub(crate) day: DayReport,
    pub(crate) differences: Vec<DifferenceReport>,
    /// There are more than are shown.
    pub(crate) is_cut: bool,
}

/// Where a day's page is.
pub(super) fn path(day: &DayReport) -> String {
    format!("/operator/bills/{}?merchant={}", day.date, day.mch_id)
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
                        a .row href=(path(day)) {
                            span .row-title { (day.date) }
                            span .row-amount {
                                @if let Some(sums) = day.payments { (amount(sums.bill.fen)) }
                            }
                            span .row-numbers { code { (day.mch_id) } }
                            span .row-state { (verdict(frame, day)) }
                            span .row-time.soft {
                                @if let Some(sums) = day.payments { (w.payments(sums.bill.count)) }
                            }
                        }
                    }
                }
            }
            (older(w, page.older.as_deref()))
        },
    )
}

/// In one word, how a day is.
pub(super) fn verdict(frame: &Frame<'_>, day: &DayReport) -> Markup {
    let w = frame.words();
    match (day.state, day.open) {
        ("compared", 0) => chip("good", w.bill_agrees),
        ("compared", open) => chip("bad", &w.differences(open)),
        _ if day.last_error.is_some() => chip("bad", w.bill_failed),
        _ => chip("wait", w.bill_waits),
    }
}

/// One day's comparison.
pub(crate) fn bill(frame: &Frame<'_>, page: &BillPage) -> Markup {
    let (w, day) = (frame.words(), &page.day);
    let title = format!("{} {}", w.bill, day.date);
    let again = format!("/operator/bills/{}/compare?merchant={}", day.date, day.mch_id);
    frame.page(Tab::Bills, &title, false, &html! {
        p .back { a href="/operator/bills" { "← " (w.bills) } }
        section .card {
            div .card-head { h1 { (title) } (verdict(frame, day)) }
            @if let Some(error) = &day.last_error { p .problem.break { (error) } }
            dl .facts {
                div { dt { (w.merchant) } dd { code { (day.mch_id) } } }
                @if let Some(at) = day.compared_at {
                    div { dt { (w.compared) } dd {
                        (time_and_distance(frame.lang, at, frame.now))
                    } }
                }
                @if let Some(at) = day.due_at {
                    div { dt { (w.next_try) } dd {
                        (time_and_distance(frame.lang, at, frame.now))
                    } }
                }
            }
            (sums(frame, day.payments, day.refunds))
            div .buttons {
                a .button download href={
                    "/operator/bills/" (day.date) "/csv?merchant=" (day.mch_id)
                } { (w.download_csv) }
                (action(frame.csrf, &again, w.compare_again, ""))
            }
        }
        @if page.differences.is_empty() && day.state == "compared" { (empty(w.bill_agrees_text)) }
        ol .items {
            @for difference in &page.differences { li { (difference_card(frame, difference)) } }
        }
        @if page.is_cut { p .soft { (w.more_in_csv) } }
    })
}

/// Both sides of the sums, side by side.
fn sums(frame: &Frame<'_>, payments: Option<SumsReport>, refunds: Option<SumsReport>) -> Markup {
    let w = frame.words();
    let line = |name: &str, sums: SumsReport| {
        html! {
            tr {
                th scope="row" { (name) }
                td { (amount(sums.here.fen)) small { (sums.here.count) } }
                td { (amount(sums.bill.fen)) small { (sums.bill.count) } }
                td { (amount(sums.others.fen)) small { (sums.others.count) } }
            }
        }
    };
    html! {
        @if let (Some(payments), Some(refunds)) = (payments, refunds) {
            div .scroll tabindex="0" role="group" aria-label=(w.bill) {
                table .sums {
                    thead { tr {
                        td {}
                        th scope="col" { (w.here) }
                        th scope="col" { (w.there) }
                        th scope="col" { (w.bill_others) }
                    } }
                    tbody { (line(w.paid, payments)) (line(w.refunded, refunds)) }
                }
            }
        }
    }
}

fn in_language(lang: Lang, words: Words) -> &'static str {
    match lang {
        Lang::Zh => words.chinese,
        Lang::En => words.english,
    }
}

fn difference_card(frame: &Frame<'_>, difference: &DifferenceReport) -> Markup {
    let w = frame.words();
    let [kind, state, why] = difference.words().map(|words| in_language(frame.lang, words));
    let is_open = difference.words()[1].name == "open";
    let says = |fen: Option<Fen>| fen.map_or_else(|| "–".to_owned(), show::yuan);
    let numbers = [
        ("out_trade_no", &difference.out_trade_no),
        ("transaction_id", &difference.transaction_id),
        ("out_refund_no", &difference.out_refund_no),
        ("refund_id", &difference.refund_id),
    ];
    html! {
        article .card {
            div .card-head {
                h2 { (kind) }
                (chip(if is_open { "bad" } else { "good" }, state))
            }
            p { (why) @if !difference.note.is_empty() { " · " (difference.note) } }
            dl .facts {
                div { dt { (w.here) } dd { (says(difference.here_fen)) } }
                div { dt { (w.there) } dd { (says(difference.bill_fen)) } }
                div { dt { (w.paid_at) } dd { (time(difference.happened_at)) } }
                @for (name, text) in numbers.into_iter().filter(|(_, text)| !text.is_empty()) {
                    div .wide { dt { (name) } dd { (number(w, text)) } }
                }
                @if !difference.order_id.is_empty() {
                    div .wide { dt { (w.order) } dd {
                        a href={ "/operator/orders/" (difference.order_id) } {
                            code { (difference.order_id) }
                        }
                    } }
                }
            }
        }
    }
}
