//! Payments that may not ship: what waits for a person, and what is done.

use super::frame::{Frame, Tab};
use super::parts::{
    amount, anomaly_state, csrf_field, empty, number, older, paid, time_and_distance,
};
use maud::{Markup, html};
use saoma_core::money::Fen;
use saoma_core::time::UnixTime;

/// One payment that may not ship.
#[derive(Clone, Debug)]
pub(crate) struct AnomalyItem {
    pub(crate) kind: String,
    /// `None`: the number is nobody's.
    pub(crate) order_id: Option<String>,
    pub(crate) order_no: Option<String>,
    pub(crate) out_trade_no: String,
    pub(crate) transaction_id: String,
    pub(crate) expected: Option<Fen>,
    pub(crate) paid: Fen,
    pub(crate) is_cny: bool,
    pub(crate) noticed_at: UnixTime,
    /// How far it is: `open`, or where its refund is: `none`, `due`, `held`, `done`, ...
    pub(crate) refund: String,
    /// The refund that waits for a person's word, in the state of `refund`.
    pub(crate) waits: Option<WaitingRefund>,
}

/// A refund that waits for a person's word.
#[derive(Clone, Debug)]
pub(crate) struct WaitingRefund {
    pub(crate) out_refund_no: String,
    pub(crate) mch_id: String,
    /// Why it waits, and what to look at first.
    pub(crate) trouble: Option<String>,
    /// Whether there is something that can be sent.
    pub(crate) is_sendable: bool,
}

/// A part of the list.
#[derive(Clone, Debug)]
pub(crate) struct AnomaliesPage {
    /// Those that wait, or those that are done.
    pub(crate) is_waiting: bool,
    pub(crate) anomalies: Vec<AnomalyItem>,
    /// The address of the next part.
    pub(crate) older: Option<String>,
}

/// The list of anomalies.
pub(crate) fn anomalies(frame: &Frame<'_>, page: &AnomaliesPage) -> Markup {
    let w = frame.words();
    frame.page(
        Tab::Anomalies,
        w.anomalies,
        false,
        &html! {
            h1 { (w.anomalies) }
            p .lead { (w.anomalies_text) }
            nav .switch aria-label=(w.anomalies) {
                a href="/operator/anomalies" aria-current=[page.is_waiting.then_some("true")] {
                    (w.waiting)
                }
                a href="/operator/anomalies?done=1"
                    aria-current=[(!page.is_waiting).then_some("true")] { (w.over) }
            }
            @if page.anomalies.is_empty() {
                (empty(if page.is_waiting { w.no_anomalies_wait } else { w.no_anomalies }))
            }
            ol .items {
                @for anomaly in &page.anomalies { li { (item(frame, anomaly)) } }
            }
            (older(w, page.older.as_deref()))
        },
    )
}

fn item(frame: &Frame<'_>, anomaly: &AnomalyItem) -> Markup {
    let w = frame.words();
    html! {
        article .card {
            div .card-head {
                h2 { (w.anomaly(&anomaly.kind)) }
                (anomaly_state(w, &anomaly.kind, &anomaly.refund))
            }
            p { (w.anomaly_text(&anomaly.kind)) }
            dl .facts {
                div { dt { (w.paid) } dd { (paid(w, anomaly.paid, anomaly.is_cny)) } }
                @if let Some(expected) = anomaly.expected {
                    div { dt { (w.expected) } dd { (amount(expected)) } }
                }
                div { dt { (w.noticed) } dd {
                    (time_and_distance(frame.lang, anomaly.noticed_at, frame.now))
                } }
                div { dt { (w.order) } dd {
                    @match &anomaly.order_id {
                        Some(id) => a href={ "/operator/orders/" (id) } {
                            (anomaly.order_no.as_ref().unwrap_or(id))
                        },
                        None => (w.unknown),
                    }
                } }
                div .wide { dt { "transaction_id" } dd { (number(w, &anomaly.transaction_id)) } }
                div .wide { dt { "out_trade_no" } dd { (number(w, &anomaly.out_trade_no)) } }
            }
            @if let Some(waits) = &anomaly.waits {
                @if let Some(trouble) = &waits.trouble { p .problem.break { (trouble) } }
                (answers(frame, (&waits.out_refund_no, &waits.mch_id), &anomaly.refund,
                    waits.is_sendable))
            } @else if anomaly.refund == "open" {
                (see_to(frame, anomaly))
            }
        }
    }
}

/// A person says that an anomaly is seen to, of which no money moves by itself.
fn see_to(frame: &Frame<'_>, anomaly: &AnomalyItem) -> Markup {
    let w = frame.words();
    let path = format!("/operator/anomalies/{}/seen", anomaly.transaction_id);
    html! {
        div .buttons {
            // A payment may have anomalies of several kinds.
            (confirm(w.seen_to, w.open_seen_to_text,
                &form(frame, &path, ("kind", &anomaly.kind), w.seen_to_yes, "danger")))
        }
    }
}

/// What is done only once it is confirmed.
fn confirm(button: &str, text: &str, form: &Markup) -> Markup {
    html! {
        details .confirm {
            summary .button { (button) }
            p { (text) }
            (form)
        }
    }
}

fn form(
    frame: &Frame<'_>,
    path: &str,
    (name, value): (&str, &str),
    button: &str,
    class: &str,
) -> Markup {
    html! {
        form method="post" action=(path) {
            (csrf_field(frame.csrf))
            input type="hidden" name=(name) value=(value);
            button class={ "button " (class) } { (button) }
        }
    }
}

/// What a person can answer to a refund in this state: one that is held goes or stays, and one that
/// failed was seen to in another way.
pub(super) fn answers(
    frame: &Frame<'_>,
    (number, mch_id): (&str, &str),
    state: &str,
    is_sendable: bool,
) -> Markup {
    let w = frame.words();
    let answer = |word: &str, button: &str, class: &str| {
        let path = format!("/operator/refunds/{number}/{word}");
        // Two merchants may have refunds of one number.
        form(frame, &path, ("mch_id", mch_id), button, class)
    };
    let (dismiss, text, yes) = match state {
        "held" => (w.dismiss, w.dismiss_text, w.dismiss_yes),
        "failed" => (w.seen_to, w.seen_to_text, w.seen_to_yes),
        _ => return html! {},
    };
    let is_held = state == "held";
    html! {
        @if is_held && !is_sendable { p .soft { (w.unsendable) } }
        div .buttons {
            @if is_held && is_sendable {
                (answer("release", w.release, "strong"))
            }
            (confirm(dismiss, text, &answer("dismiss", yes, "danger")))
        }
    }
}
