//! An order's whole history, as a timeline: every message, event, effect and note.

use super::super::document::Document;
use super::super::show;
use super::frame::Frame;
use super::parts::{icon, phase};
use maud::{Markup, html};
use saoma_core::time::UnixTime;

/// What kind of moment it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A message of ours.
    Sent,
    /// A message to us.
    Received,
    /// What happened to the order.
    Event,
    /// What a person did.
    Note,
}

/// One entry of the history.
#[derive(Clone, Debug)]
pub(crate) struct Moment {
    pub(crate) at: UnixTime,
    pub(crate) kind: Kind,
    /// `pay/unifiedorder`, `paid`, an operator's name.
    pub(crate) name: String,
    /// The message or the value, as it is stored; hidden parts are hidden here.
    pub(crate) text: String,
    /// What was to be done because of it.
    pub(crate) effects: Vec<String>,
    /// The phase that followed.
    pub(crate) phase: Option<String>,
}

impl Kind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Received => "received",
            Self::Event => "event",
            Self::Note => "note",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        let all = [Self::Sent, Self::Received, Self::Event, Self::Note];
        all.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// The timeline, the latest first.
pub(super) fn story(frame: &Frame<'_>, moments: &[Moment]) -> Markup {
    let mut day = String::new();
    let mut is_new_day = |at| {
        let this = show::day(at);
        let is_new = this != day;
        day = this;
        is_new
    };
    html! {
        ol .story {
            @for moment in moments {
                @if is_new_day(moment.at) { li .story-day { (show::day(moment.at)) } }
                li class={ "moment " (moment.kind.as_str()) } { (one(frame, moment)) }
            }
        }
    }
}

fn one(frame: &Frame<'_>, moment: &Moment) -> Markup {
    let w = frame.words();
    let head = html! {
        span .moment-icon { (icon(moment.kind.as_str())) }
        span .moment-name {
            span .moment-kind { (w.kind(moment.kind)) }
            " " strong { (w.moment(moment.kind, &moment.name)) }
            @for effect in &moment.effects {
                " " span .follows { "→ " (w.effect(effect)) }
            }
        }
        @if let Some(name) = &moment.phase { (phase(w, name)) }
        time datetime=(show::iso(moment.at)) { (show::clock(moment.at)) }
    };
    if moment.text.is_empty() {
        return html! { div .moment-head { (head) } };
    }
    if moment.kind == Kind::Note {
        return html! {
            div .moment-head { (head) }
            p .moment-text { (w.note(&moment.text)) }
        };
    }
    html! {
        details {
            summary .moment-head { (head) }
            (message(&Document::of(&moment.text)))
        }
    }
}

/// A message, field by field.
pub(super) fn message(document: &Document) -> Markup {
    html! {
        // It may be wider or longer than its frame, so the keyboard must reach it.
        pre .block tabindex="0" {
            @match document {
                Document::Text(text) => (text),
                Document::Fields(fields) => {
                    span .xml-tag { "<xml>" } "\n"
                    @for (name, value) in fields {
                        "  " span .xml-tag { "<" (name) ">" }
                        b { (value) }
                        span .xml-tag { "</" (name) ">" } "\n"
                    }
                    span .xml-tag { "</xml>" }
                }
            }
        }
    }
}
