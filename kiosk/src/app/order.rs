//! One customer's order between the terminal and the server.

use super::Page;
use crate::{
    call::{Answer, Call, Goods, NewOrder, ORDER_NO_MAX, Refusal},
    layout,
};
use embedded_graphics::geometry::Size;
use heapless::String;
use saoma_core::{
    qr::Matrix,
    watch::{Checkout, Screen, View},
};

/// How often a terminal asks that would otherwise have given up: it stays in its place for ever.
const PATIENCE_MS: u64 = 30_000;
/// The server's word for an order that was paid before it could be given up (`docs/api.md` §4).
const ALREADY_PAID: &str = "already_paid";

/// The order that this customer is busy with.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) order_no: String<ORDER_NO_MAX>,
    /// When it began, on the shell's clock; the checkout's clock begins with it.
    began_ms: u64,
    checkout: Checkout,
    /// The newest view.
    pub(super) view: Option<View>,
    /// The code of that view, where it can be drawn.
    pub(super) code: Option<Matrix>,
    wish: Wish,
    pub(super) refusal: Option<Refusal>,
    pub(super) next: Next,
}

/// Whether the customer wants to give the order up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// No.
    Keep,
    /// Yes, and the server has not said yet that it knows.
    GiveUp,
    /// Yes, and the server knows.
    Told,
}

/// What comes next between terminal and server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A question, at this time.
    Ask { at_ms: u64 },
    /// An answer, before this time; `cancels` when it is the one to [`Call::Cancel`].
    Hear { ticket: u32, before_ms: u64, cancels: bool },
    /// Nothing more.
    Rest,
}

impl Order {
    pub(super) const fn new(order_no: String<ORDER_NO_MAX>, began_ms: Option<u64>) -> Self {
        Self {
            order_no,
            began_ms: match began_ms {
                Some(began_ms) => began_ms,
                None => u64::MAX,
            },
            checkout: Checkout::new(),
            view: None,
            code: None,
            wish: Wish::Keep,
            refusal: None,
            next: Next::Ask { at_ms: 0 },
        }
    }

    /// The first input of a terminal tells it the time.
    pub(super) fn begin(&mut self, now_ms: u64) {
        self.began_ms = self.began_ms.min(now_ms);
    }

    const fn clock(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.began_ms)
    }

    pub(super) fn waits_for(&self, ticket: u32) -> bool {
        matches!(self.next, Next::Hear { ticket: waited, .. } if waited == ticket)
    }

    pub(super) fn call(&self, goods: &Goods) -> Call {
        match &self.view {
            None => Call::Make(NewOrder {
                order_no: self.order_no.clone(),
                amount_fen: goods.amount(),
                description: String::try_from(goods.description()).unwrap_or_default(),
            }),
            Some(view) if self.wish == Wish::GiveUp => Call::Cancel(view.order_id.clone()),
            Some(view) => Call::Look(view.order_id.clone()),
        }
    }

    pub(super) fn cancel(&mut self, now_ms: u64) {
        self.wish = Wish::GiveUp;
        if matches!(self.next, Next::Ask { .. }) {
            self.next = Next::Ask { at_ms: now_ms };
        }
    }

    pub(super) fn on_answer(&mut self, answer: Answer, goods: &Goods, size: Size, now_ms: u64) {
        match answer {
            Answer::View(view) => self.on_view(view, goods, size, now_ms),
            // Paid before it could be given up: the next view says so.
            Answer::Refused(refusal) if refusal.code == ALREADY_PAID => {
                self.wish = Wish::Keep;
                self.next = Next::Ask { at_ms: now_ms };
            }
            Answer::Refused(refusal) => self.refuse(refusal),
        }
    }

    fn on_view(&mut self, view: View, goods: &Goods, size: Size, now_ms: u64) {
        if let Some(wrong) = self.wrong(&view, goods) {
            let code = String::try_from(wrong).unwrap_or_default();
            return self.refuse(Refusal { status: 0, code });
        }
        if matches!(self.next, Next::Hear { cancels: true, .. }) {
            self.wish = Wish::Told;
        }
        self.checkout.on_view(view.snapshot(), self.clock(now_ms));
        if self.view.as_ref().is_none_or(|known| known.version <= view.version) {
            let known = self.view.as_ref().and_then(|known| known.code_url.as_ref());
            if known != view.code_url.as_ref() {
                self.code = view.code_url.as_ref().and_then(|url| layout::code_for(size, url));
            }
            self.view = Some(view);
        }
        let ended = self.view.as_ref().is_some_and(|view| view.phase.is_final());
        self.next = if ended {
            Next::Rest
        } else if self.wish == Wish::GiveUp {
            Next::Ask { at_ms: now_ms }
        } else {
            self.ask_later(now_ms)
        };
    }

    /// What makes an answer unfit to be shown to this customer.
    fn wrong(&self, view: &View, goods: &Goods) -> Option<&'static str> {
        if self.view.as_ref().is_some_and(|known| known.order_id != view.order_id) {
            Some("another_order")
        } else if view.amount_fen != goods.amount() {
            Some("another_amount")
        } else {
            None
        }
    }

    fn refuse(&mut self, refusal: Refusal) {
        self.refusal = Some(refusal);
        self.next = Next::Rest;
    }

    pub(super) fn on_lost(&mut self, now_ms: u64) {
        self.checkout.on_lost();
        self.next = self.ask_later(now_ms);
    }

    fn ask_later(&self, now_ms: u64) -> Next {
        let wait_ms = self.checkout.next_poll_ms(self.clock(now_ms)).unwrap_or(PATIENCE_MS);
        Next::Ask { at_ms: now_ms.saturating_add(wait_ms) }
    }

    pub(super) fn page(&self, now_ms: u64) -> Page {
        let page = self.page_of_checkout(now_ms);
        // What is known of the money stays on the screen.
        if self.refusal.is_some() && !page.is_end() { Page::Help } else { page }
    }

    fn page_of_checkout(&self, now_ms: u64) -> Page {
        let has_code = self.view.as_ref().is_some_and(|view| view.code_url.is_some());
        let offline = self.checkout.offline();
        match self.checkout.screen(self.clock(now_ms)) {
            Screen::Loading | Screen::Waiting { .. } | Screen::Checking { .. } if offline => {
                Page::Offline
            }
            Screen::Loading | Screen::Waiting { .. } | Screen::Checking { .. }
                if self.wish == Wish::Told =>
            {
                Page::Cancelling
            }
            Screen::Loading if self.wish == Wish::Keep => Page::Starting,
            Screen::Waiting { left_s, .. } if has_code && self.wish == Wish::Keep => {
                Page::Code { left_s }
            }
            Screen::Loading | Screen::Waiting { .. } | Screen::Checking { .. } => Page::Checking,
            Screen::Paid => Page::Paid,
            Screen::Cancelled => Page::Cancelled,
            Screen::Expired => Page::Expired,
            Screen::Refunding => Page::Refunding,
            Screen::Refunded => Page::Refunded,
            Screen::Failed => Page::Failed,
        }
    }
}
