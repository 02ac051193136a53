//! Small pieces that several pages use.

use super::super::lang::Lang;
use super::super::{Words, show};
use maud::{Markup, html};
use saoma_core::money::Fen;
use saoma_core::time::UnixTime;

/// The session's token, in every form.
pub(super) fn csrf_field(csrf: &str) -> Markup {
    html! { input type="hidden" name="csrf" value=(csrf); }
}

/// A moment in Beijing.
pub(super) fn time(at: UnixTime) -> Markup {
    html! { time datetime=(show::iso(at)) { (show::beijing(at)) } }
}

/// A moment, and how far it is from now.
pub(super) fn time_and_distance(lang: Lang, at: UnixTime, now: UnixTime) -> Markup {
    html! { (time(at)) " " span .soft.nowrap { "(" (show::relative(lang, at, now)) ")" } }
}

pub(super) fn amount(fen: Fen) -> Markup {
    html! { span .amount { (show::yuan(fen)) } }
}

/// An amount that was paid, which is one of yuan unless the payment says otherwise.
pub(super) fn paid(w: &Words, paid: Fen, is_cny: bool) -> Markup {
    html! {
        @if is_cny { (amount(paid)) } @else {
            span .amount { (show::hundredths(paid)) " " (w.not_yuan) }
        }
    }
}

/// What an order's phase, a refund's state and the like look like.
pub(super) fn chip(tone: &str, text: &str) -> Markup {
    html! { span class={ "chip " (tone) } { (text) } }
}

/// A phase of an order.
pub(super) fn phase(w: &Words, phase: &str) -> Markup {
    chip(phase_tone(phase), w.phase(phase))
}

fn phase_tone(phase: &str) -> &'static str {
    match phase {
        "paid" | "shipped" => "good",
        "placing" | "open" | "closing" => "wait",
        "refunding" | "failed" => "bad",
        _ => "calm",
    }
}

/// The state of a refund.
pub(super) fn refund_state(w: &Words, state: &str) -> Markup {
    chip(refund_tone(state), w.refund_state(state))
}

/// How far an anomaly is, mostly the state of its refund.
pub(super) fn anomaly_state(w: &Words, kind: &str, state: &str) -> Markup {
    chip(refund_tone(state), w.anomaly_state(kind, state))
}

fn refund_tone(state: &str) -> &'static str {
    match state {
        "done" => "good",
        "open" | "held" | "failed" | "closed" => "bad",
        "none" | "dismissed" => "calm",
        _ => "wait",
    }
}

/// A number that people copy, with a button for it where scripts run.
pub(super) fn number(w: &Words, text: &str) -> Markup {
    html! {
        span .number {
            code { (text) }
            button .copy type="button" hidden data-copy=(text) aria-label=(w.copy) title=(w.copy) {
                (icon("copy"))
            }
        }
    }
}

/// Where there is nothing to list.
pub(super) fn empty(text: &str) -> Markup {
    html! { p .empty { (text) } }
}

/// The link to the next part of a list, whose newest stands first.
pub(super) fn older(w: &Words, href: Option<&str>) -> Markup {
    next(w.older, href)
}

/// The link to the next part of a list, in these words.
pub(super) fn next(words: &str, href: Option<&str>) -> Markup {
    html! {
        @if let Some(href) = href {
            p .older { a .button rel="next" href=(href) { (words) } }
        }
    }
}

/// A form that does one thing at once.
pub(super) fn action(csrf: &str, path: &str, button: &str, class: &str) -> Markup {
    html! {
        form method="post" action=(path) {
            (csrf_field(csrf))
            button class={ "button " (class) } { (button) }
        }
    }
}

/// One of the icons, drawn in lines; words beside it say the same.
pub(super) fn icon(name: &str) -> Markup {
    let path = match name {
        "sent" => "M5 12h14M13 6l6 6-6 6",
        "received" => "M19 12H5M11 6l-6 6 6 6",
        "event" => "M13 3 5 14h6l-1 7 8-11h-6z",
        "note" => "M4 20h4L19 9l-4-4L4 16z",
        "copy" => "M9 9h11v11H9zM5 15H4V4h11v1",
        "done" => "M5 13l4 4L19 7",
        "alert" => "M12 8v5M12 17h.01M12 3 2 21h20z",
        "search" => "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM21 21l-5-5",
        _ => "M4 12h16",
    };
    html! {
        svg .icon viewBox="0 0 24 24" aria-hidden="true" { path d=(path) {} }
    }
}
