//! Health at a glance: first what needs a person, then the day in figures, then how it went.

use super::super::chart::{self, Bar};
use super::super::show;
use super::bills;
use super::frame::{Frame, Tab, at_most_99};
use super::parts::{amount, empty, icon, phase};
use crate::reconcile::DayReport;
use maud::{Markup, html};
use saoma_core::money::Fen;
use saoma_core::time::UnixTime;
use std::sync::Arc;

/// One hour or one day.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub(crate) begins_at: UnixTime,
    pub(crate) orders: u64,
    pub(crate) payments: u64,
    pub(crate) paid: Fen,
}

/// What is counted over a stretch of time, and kept for a while.
#[derive(Clone, Debug)]
pub(crate) struct Figures {
    /// Orders made today (Beijing), by phase.
    pub(crate) today: Vec<(String, u64)>,
    /// What was paid today.
    pub(crate) paid_today: Fen,
    pub(crate) payments_today: u64,
    /// From the payment known to the shop's yes, for the last orders: the middle and the worst.
    pub(crate) ship_delay_s: Option<(u64, u64)>,
    /// What went wrong with WeChat in the last 24 hours, the most frequent first.
    pub(crate) gateway_errors: Vec<(String, u64)>,
    /// The last 24 hours, the oldest first.
    pub(crate) hours: Vec<Span>,
    /// The last 14 days, the oldest first.
    pub(crate) days: Vec<Span>,
}

/// Everything on the first page.
#[derive(Clone, Debug)]
pub(crate) struct OverviewPage {
    /// `None`: they are being counted for the first time.
    pub(crate) figures: Option<Arc<Figures>>,
    /// What waits longest to be done, and since when it is due.
    pub(crate) oldest: Option<(String, UnixTime)>,
    /// The last day whose bill was compared or should have been.
    pub(crate) bill: Option<DayReport>,
    /// The oldest day that could not be compared so far, and how many there are.
    pub(crate) failing_bill: Option<(DayReport, u64)>,
}

/// How long something may be due before a person should look.
const LATE_S: u64 = 300;

/// The first page.
pub(crate) fn overview(frame: &Frame<'_>, page: &OverviewPage) -> Markup {
    let w = frame.words();
    frame.page(
        Tab::Overview,
        w.overview,
        true,
        &html! {
            h1 .unseen { (w.overview) }
            (attention(frame, page))
            div .tiles {
                (tile(w.paid_today, &paid_today(page), &html! {
                    @if let Some(figures) = &page.figures { (w.payments(figures.payments_today)) }
                }))
                (tile(w.ship_delay, &ship_delay(frame, page), &html! { (w.ship_delay_text) }))
                (tile(w.oldest_entry, &oldest(frame, page), &html! {
                    @match &page.oldest {
                        Some((kind, _)) => (w.effect(kind)),
                        None => (w.nothing_waits),
                    }
                }))
                (tile(w.last_bill, &last_bill(frame, page), &html! {
                    @match &page.bill {
                        Some(bill) => a href=(bills::path(bill)) { (bill.date) },
                        None => (w.no_bill_yet),
                    }
                }))
            }
            @match &page.figures {
                Some(figures) => {
                    (today(frame, figures))
                    (charts(frame, figures))
                    (errors(frame, figures))
                },
                None => (empty(w.being_counted)),
            }
        },
    )
}

/// What a person has to do, each a link to where it is done.
fn attention(frame: &Frame<'_>, page: &OverviewPage) -> Markup {
    let w = frame.words();
    let late = page.oldest.as_ref().filter(|(_, due_at)| frame.now.since(*due_at) > LATE_S);
    let bill = page.bill.as_ref().filter(|bill| bill.open > 0);
    let failing = page.failing_bill.as_ref();
    let bills_are_well = bill.is_none() && failing.is_none();
    let is_well = frame.anomalies == 0 && frame.dead == 0 && late.is_none() && bills_are_well;
    html! {
        @if is_well {
            p .well { (icon("done")) (w.all_is_well) }
        } @else {
            ul .attention aria-label=(w.needs_you) {
                @if frame.anomalies > 0 {
                    li { a href="/operator/anomalies" {
                        (icon("alert")) (w.anomalies_wait(&at_most_99(frame.anomalies)))
                    } }
                }
                @if frame.dead > 0 {
                    li { a href="/operator/outbox?state=dead" {
                        (icon("alert")) (w.dead_wait(&at_most_99(frame.dead)))
                    } }
                }
                @if let Some((_, due_at)) = late {
                    li { a href="/operator/outbox" {
                        (icon("alert"))
                        (w.entry_is_late(&show::length(frame.lang, frame.now.since(*due_at))))
                    } }
                }
                @if let Some(bill) = bill {
                    li { a href=(bills::path(bill)) {
                        (icon("alert")) (w.bill_differs(&bill.date, bill.open))
                    } }
                }
                @if let Some((day, count)) = failing {
                    li { a href=(bills::path(day)) {
                        (icon("alert")) (w.bills_fail(&day.date, *count))
                    } }
                }
            }
        }
    }
}

fn tile(title: &str, figure: &Markup, below: &Markup) -> Markup {
    html! {
        section .tile {
            h2 { (title) }
            p .figure { (figure) }
            p .soft { (below) }
        }
    }
}

fn paid_today(page: &OverviewPage) -> Markup {
    html! {
        @match &page.figures {
            Some(figures) => (amount(figures.paid_today)),
            None => "…",
        }
    }
}

fn ship_delay(frame: &Frame<'_>, page: &OverviewPage) -> Markup {
    html! {
        @match page.figures.as_ref().and_then(|figures| figures.ship_delay_s) {
            Some((middle, worst)) => {
                (show::length(frame.lang, middle))
                small { (frame.words().at_worst) " " (show::length(frame.lang, worst)) }
            },
            None => "–",
        }
    }
}

fn oldest(frame: &Frame<'_>, page: &OverviewPage) -> Markup {
    html! {
        @match &page.oldest {
            Some((_, due_at)) => (show::length(frame.lang, frame.now.since(*due_at))),
            None => "–",
        }
    }
}

fn last_bill(frame: &Frame<'_>, page: &OverviewPage) -> Markup {
    html! {
        @match &page.bill {
            None => "–",
            Some(bill) => (bills::verdict(frame, bill)),
        }
    }
}

fn today(frame: &Frame<'_>, page: &Figures) -> Markup {
    let w = frame.words();
    let day = show::day(frame.now);
    html! {
        section .card {
            h2 { (w.orders_today) }
            @if page.today.is_empty() {
                p .soft { (w.no_orders_today) }
            } @else {
                ul .states {
                    @for (name, count) in &page.today {
                        li { a href={ "/operator/orders?day=" (day) "&phase=" (name) } {
                            strong { (count) } (phase(w, name))
                        } }
                    }
                }
            }
        }
    }
}

fn charts(frame: &Frame<'_>, page: &Figures) -> Markup {
    let w = frame.words();
    let hour = |at| show::clock(at).get(..2).unwrap_or_default().to_owned();
    let hours: Vec<Bar> = page
        .hours
        .iter()
        .map(|span| Bar {
            label: hour(span.begins_at),
            value: span.orders,
            strong: span.payments.min(span.orders),
            words: w.hour_words(&hour(span.begins_at), span.orders, span.payments),
        })
        .collect();
    let days: Vec<Bar> = page
        .days
        .iter()
        .map(|span| {
            let day = show::day(span.begins_at);
            Bar {
                label: day.get(8..).unwrap_or_default().to_owned(),
                value: 0,
                strong: span.paid.get(),
                words: w.day_words(&day, &show::yuan(span.paid), span.payments),
            }
        })
        .collect();
    html! {
        div .charts {
            section .card {
                h2 { (w.last_day) }
                p .legend { span .key.light {} (w.orders_made) span .key.strong {} (w.orders_paid) }
                (chart::bars(w.last_day, &hours, 4))
                (figures(w.figures, &hours))
            }
            section .card {
                h2 { (w.last_days) }
                p .legend { span .key.strong {} (w.paid) }
                (chart::bars(w.last_days, &days, 1))
                (figures(w.figures, &days))
            }
        }
    }
}

/// The same as the bars, in words.
fn figures(title: &str, bars: &[Bar]) -> Markup {
    html! {
        details .figures {
            summary { (title) }
            ul { @for bar in bars { li { (bar.words) } } }
        }
    }
}

fn errors(frame: &Frame<'_>, page: &Figures) -> Markup {
    let w = frame.words();
    html! {
        section .card {
            h2 { (w.gateway_errors) }
            @if page.gateway_errors.is_empty() {
                p .soft { (w.no_gateway_errors) }
            } @else {
                ul .errors {
                    @for (error, count) in &page.gateway_errors {
                        li { span .break { (error) } strong { (count) } }
                    }
                }
            }
        }
    }
}
