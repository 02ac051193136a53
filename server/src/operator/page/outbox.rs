//! What has to be done outside: due, held, given up.

use super::super::show;
use super::frame::{Frame, Tab};
use super::parts::{chip, csrf_field, empty, next, number, time, time_and_distance};
use maud::{Markup, html};
use saoma_core::time::UnixTime;

/// Where an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EntryState {
    Pending,
    /// WeChat has accepted a refund and is asked from time to time whether the money is back.
    AtWeChat,
    Leased,
    Held,
    Dead,
    /// A device has to come for the goods.
    Device,
    Done,
}

/// Something to be done outside.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) kind: String,
    pub(crate) order_id: Option<String>,
    pub(crate) state: EntryState,
    pub(crate) due_at: UnixTime,
    pub(crate) tries: u64,
    pub(crate) last_error: Option<String>,
    pub(crate) created_at: UnixTime,
}

/// A part of the list.
#[derive(Clone, Debug)]
pub(crate) struct OutboxPage {
    /// Which of them: what is to be done (pending or leased), held or dead.
    pub(crate) state: EntryState,
    pub(crate) entries: Vec<Entry>,
    /// The address of the next part: what is due later, or has stopped earlier.
    pub(crate) next: Option<String>,
}

impl EntryState {
    /// As it is stored; there are several for goods that wait for a device.
    pub(crate) fn from_name(name: &str) -> Self {
        match name {
            "pending" => Self::Pending,
            "leased" => Self::Leased,
            "held" => Self::Held,
            "dead" => Self::Dead,
            "done" => Self::Done,
            _ => Self::Device,
        }
    }

    const fn tone(self) -> &'static str {
        match self {
            Self::Pending | Self::AtWeChat | Self::Leased | Self::Device => "wait",
            Self::Held | Self::Dead => "bad",
            Self::Done => "good",
        }
    }
}

impl Entry {
    /// It is tried again by itself at its time.
    const fn waits(&self) -> bool {
        matches!(self.state, EntryState::Pending | EntryState::AtWeChat)
    }

    /// It is not simply done.
    pub(super) fn needs_a_look(&self) -> bool {
        self.state != EntryState::Done
    }
}

/// The outbox.
pub(crate) fn outbox(frame: &Frame<'_>, page: &OutboxPage) -> Markup {
    let w = frame.words();
    let is = |state| (page.state == state).then_some("true");
    let nothing = match page.state {
        EntryState::Dead => w.no_dead,
        EntryState::Held => w.no_held,
        _ => w.nothing_waits,
    };
    let words = if page.state == EntryState::Pending { w.later } else { w.older };
    frame.page(Tab::Outbox, w.outbox, false, &html! {
        h1 { (w.outbox) }
        p .lead { (w.outbox_text) }
        nav .switch aria-label=(w.outbox) {
            a href="/operator/outbox" aria-current=[is(EntryState::Pending)] { (w.to_do) }
            a href="/operator/outbox?state=dead" aria-current=[is(EntryState::Dead)] {
                (w.dead_letters)
            }
            a href="/operator/outbox?state=held" aria-current=[is(EntryState::Held)] { (w.held) }
        }
        @if page.entries.is_empty() { (empty(nothing)) }
        ol .items {
            @for each in &page.entries { li { article .card { (item(frame, each)) } } }
        }
        (next(words, page.next.as_deref()))
    })
}

/// An entry in the list of all.
fn item(frame: &Frame<'_>, entry: &Entry) -> Markup {
    let w = frame.words();
    html! {
        div .card-head {
            h2 { (w.effect(&entry.kind)) }
            (chip(entry.state.tone(), w.entry_state(entry.state)))
        }
        dl .facts {
            div { dt { (w.since) } dd {
                (time_and_distance(frame.lang, entry.created_at, frame.now))
            } }
            @if entry.waits() {
                div { dt { (w.next_try) } dd {
                    (time_and_distance(frame.lang, entry.due_at, frame.now))
                } }
            }
            div { dt { (w.tries) } dd { (entry.tries) } }
            @if let Some(order_id) = &entry.order_id {
                div .wide { dt { (w.order) } dd {
                    a href={ "/operator/orders/" (order_id) } { code { (order_id) } }
                } }
            }
            div .wide { dt { (w.key_of_entry) } dd { (number(w, &entry.key)) } }
            @if let Some(error) = &entry.last_error {
                div .wide { dt { (w.last_error) } dd .bad.break { (error) } }
            }
        }
        @if entry.waits() || entry.state == EntryState::Dead {
            div .buttons { (retry(frame, entry)) }
        }
    }
}

/// An entry on the page of its order.
pub(super) fn line(frame: &Frame<'_>, entry: &Entry) -> Markup {
    let w = frame.words();
    html! {
        div .card-head {
            h3 { (w.effect(&entry.kind)) }
            (chip(entry.state.tone(), w.entry_state(entry.state)))
        }
        p .soft {
            (time(entry.created_at)) " · " (w.tries) " " (entry.tries)
            @if entry.waits() {
                " · " (w.next_try) " " (show::relative(frame.lang, entry.due_at, frame.now))
            }
        }
        @if let Some(error) = entry.last_error.as_ref().filter(|_| entry.needs_a_look()) {
            p .bad.break { (error) }
        }
        @if entry.state == EntryState::Dead { div .buttons { (retry(frame, entry)) } }
    }
}

fn retry(frame: &Frame<'_>, entry: &Entry) -> Markup {
    html! {
        form method="post" action="/operator/outbox/retry" {
            (csrf_field(frame.csrf))
            input type="hidden" name="order_id" value=[&entry.order_id];
            input type="hidden" name="key" value=(entry.key);
            button .button { (frame.words().retry_now) }
        }
    }
}
