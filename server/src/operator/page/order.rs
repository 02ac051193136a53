//! One order: what it is, what its customer sees, what can be done, and all that happened.

use super::super::document::Document;
use super::super::show;
use super::anomalies::answers;
use super::frame::{Frame, Tab};
use super::outbox::{self, Entry};
use super::parts::{
    action, amount, chip, csrf_field, number, paid, phase, refund_state, time, time_and_distance,
};
use super::story::{Moment, message, story};
use maud::{Markup, html};
use saoma_core::money::Fen;
use saoma_core::time::UnixTime;

/// One number at WeChat.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) out_trade_no: String,
    pub(crate) created_at: UnixTime,
    pub(crate) sign_type: String,
    /// What WeChat is told, as it was stored before it was first sent.
    pub(crate) request: String,
}

/// Money that came.
#[derive(Clone, Debug)]
pub(crate) struct Payment {
    pub(crate) transaction_id: String,
    pub(crate) out_trade_no: String,
    pub(crate) amount: Fen,
    pub(crate) paid_at: UnixTime,
    /// `ship`, or the anomaly that keeps it from shipping.
    pub(crate) verdict: String,
    pub(crate) is_cny: bool,
    /// What an operator may give back of it now.
    pub(crate) refundable: Option<Fen>,
}

/// Money that goes back.
#[derive(Clone, Debug)]
pub(crate) struct Refund {
    pub(crate) out_refund_no: String,
    pub(crate) mch_id: String,
    pub(crate) amount: Fen,
    pub(crate) state: String,
    pub(crate) reason: String,
    /// The gateway's number.
    pub(crate) refund_id: Option<String>,
    pub(crate) updated_at: UnixTime,
    /// What a person has to see to.
    pub(crate) trouble: Option<String>,
    pub(crate) is_cny: bool,
    /// Whether it may be released.
    pub(crate) is_sendable: bool,
}

/// Everything about one order.
#[derive(Clone, Debug)]
pub(crate) struct OrderPage {
    pub(crate) order_id: String,
    pub(crate) shop: String,
    pub(crate) order_no: String,
    pub(crate) mch_id: String,
    pub(crate) app_id: String,
    pub(crate) description: String,
    pub(crate) amount: Fen,
    pub(crate) phase: String,
    pub(crate) created_at: UnixTime,
    pub(crate) expires_at: UnixTime,
    pub(crate) due_at: Option<UnixTime>,
    /// The number that WeChat can be asked about.
    pub(crate) may_query: bool,
    pub(crate) anomalies: Vec<String>,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) payments: Vec<Payment>,
    pub(crate) refunds: Vec<Refund>,
    pub(crate) entries: Vec<Entry>,
    pub(crate) moments: Vec<Moment>,
    /// The history is longer than what is shown.
    pub(crate) is_cut: bool,
}

/// One order.
pub(crate) fn order(frame: &Frame<'_>, page: &OrderPage) -> Markup {
    let w = frame.words();
    let title = format!("{} {}", w.order, page.order_no);
    frame.page(
        Tab::Orders,
        &title,
        false,
        &html! {
            p .back { a href="/operator/orders" { "← " (w.orders) } }
            @for kind in &page.anomalies {
                p .problem { strong { (w.anomaly(kind)) } " " (w.anomaly_text(kind)) }
            }
            div .columns {
                div {
                    (head(frame, page))
                    (payments(frame, page))
                    (refunds(frame, page))
                    (attempts(frame, page))
                    (entries(frame, page))
                }
                section aria-labelledby="history" {
                    h2 #history { (w.history) }
                    @if page.is_cut { p .soft { (w.history_is_cut) } }
                    (story(frame, &page.moments))
                }
            }
        },
    )
}

fn head(frame: &Frame<'_>, page: &OrderPage) -> Markup {
    let w = frame.words();
    html! {
        section .card.order-head {
            div .card-head {
                h1 { (page.description) }
                p .order-amount { (amount(page.amount)) " " (phase(w, &page.phase)) }
            }
            dl .facts {
                div .wide { dt { (w.customer_sees) } dd { strong { (w.seen(&page.phase)) } } }
                div { dt { (w.order_no) } dd { (number(w, &page.order_no)) } }
                div { dt { (w.order_id) } dd { (number(w, &page.order_id)) } }
                div { dt { (w.shop) } dd { (page.shop) } }
                div { dt { (w.merchant) } dd { code { (page.mch_id) } } }
                div { dt { (w.made) } dd {
                    (time_and_distance(frame.lang, page.created_at, frame.now))
                } }
                div { dt { (w.expires) } dd {
                    (time_and_distance(frame.lang, page.expires_at, frame.now))
                } }
                div { dt { (w.next_due) } dd {
                    @match page.due_at {
                        Some(at) => (time_and_distance(frame.lang, at, frame.now)),
                        None => (w.never),
                    }
                } }
                div { dt { "appid" } dd { code { (page.app_id) } } }
            }
            @if page.may_query {
                div .buttons {
                    (action(frame.csrf, &format!("/operator/orders/{}/query", page.order_id),
                        w.query_now, ""))
                }
            }
        }
    }
}

fn payments(frame: &Frame<'_>, page: &OrderPage) -> Markup {
    let w = frame.words();
    html! {
        @for payment in &page.payments {
            section .card {
                div .card-head {
                    h2 { (w.payment) }
                    p .order-amount { (paid(w, payment.amount, payment.is_cny)) }
                }
                dl .facts {
                    div { dt { (w.paid_at) } dd { (time(payment.paid_at)) } }
                    div { dt { (w.verdict) } dd {
                        @if payment.verdict == "ship" {
                            (chip("good", w.verdict_ship))
                        } @else {
                            (chip("bad", w.anomaly(&payment.verdict)))
                        }
                    } }
                    div .wide { dt { "transaction_id" } dd {
                        (number(w, &payment.transaction_id))
                    } }
                    div .wide { dt { "out_trade_no" } dd { (number(w, &payment.out_trade_no)) } }
                }
                @if let Some(refundable) = payment.refundable {
                    (refund_form(frame, page, payment, refundable))
                }
            }
        }
    }
}

/// The first of the two steps of a refund.
fn refund_form(frame: &Frame<'_>, page: &OrderPage, payment: &Payment, refundable: Fen) -> Markup {
    let w = frame.words();
    let plain = refundable.yuan().to_string();
    html! {
        details .confirm {
            summary .button { (w.refund_this) }
            form .fields method="post" action={ "/operator/orders/" (page.order_id) "/refund" } {
                (csrf_field(frame.csrf))
                input type="hidden" name="transaction_id" value=(payment.transaction_id);
                label { (w.refund_amount)
                    input type="text" name="amount" value=(plain) required inputmode="decimal"
                        maxlength="20" autocomplete="off";
                    span .soft { (w.at_most) " " (show::yuan(refundable)) }
                }
                label { (w.reason)
                    input type="text" name="reason" required maxlength="80" autocomplete="off";
                    span .soft { (w.reason_text) }
                }
                button .button.strong { (w.go_on) }
            }
        }
    }
}

fn refunds(frame: &Frame<'_>, page: &OrderPage) -> Markup {
    let w = frame.words();
    html! {
        @for refund in &page.refunds {
            section .card {
                div .card-head {
                    h2 { (w.refund) }
                    p .order-amount {
                        (paid(w, refund.amount, refund.is_cny)) " "
                        (refund_state(w, &refund.state))
                    }
                }
                dl .facts {
                    div .wide { dt { (w.reason) } dd .break { (refund.reason) } }
                    div .wide { dt { "out_refund_no" } dd { (number(w, &refund.out_refund_no)) } }
                    @if let Some(refund_id) = &refund.refund_id {
                        div .wide { dt { "refund_id" } dd { (number(w, refund_id)) } }
                    }
                    div { dt { (w.changed) } dd {
                        (time_and_distance(frame.lang, refund.updated_at, frame.now))
                    } }
                }
                @if let Some(trouble) = &refund.trouble { p .problem.break { (trouble) } }
                (answers(frame, (&refund.out_refund_no, &refund.mch_id), &refund.state,
                    refund.is_sendable))
            }
        }
    }
}

fn attempts(frame: &Frame<'_>, page: &OrderPage) -> Markup {
    let w = frame.words();
    html! {
        section .card {
            h2 { (w.attempts) }
            ol .lines {
                @for attempt in &page.attempts {
                    li {
                        (number(w, &attempt.out_trade_no))
                        span .soft { (attempt.sign_type) " · " (time(attempt.created_at)) }
                        details {
                            summary .soft { (w.stored_request) }
                            (message(&Document::of(&attempt.request)))
                        }
                    }
                }
            }
        }
    }
}

fn entries(frame: &Frame<'_>, page: &OrderPage) -> Markup {
    html! {
        @if !page.entries.is_empty() {
            section .card {
                details open[page.entries.iter().any(Entry::needs_a_look)] {
                    summary { h2 { (frame.words().outbox) " (" (page.entries.len()) ")" } }
                    @for entry in &page.entries {
                        div .entry { (outbox::line(frame, entry)) }
                    }
                }
            }
        }
    }
}
