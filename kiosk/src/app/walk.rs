//! Where customer and staff are, and what their keys do.

use super::{
    App, Customer, Key, Keys, Page,
    order::{Order, Question, Wish},
    times::{
        CANCEL_AFTER_MS, CORNER_PRESSES, CORNER_WITHIN_MS, IDLE_END_MS, IDLE_HELP_MS, IDLE_MS,
        IDLE_OFFLINE_MS, IDLE_REFUND_MS,
    },
};
use crate::{
    basket::Basket,
    journal::{Entry, Stage},
};
use saoma_core::watch::Checkout;

/// Where whoever stands there is, when it is not with an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Attract,
    Menu,
    Basket,
    Staff,
}

/// Presses of the corner that shows no key.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Corner {
    presses: u8,
    first_ms: u64,
}

impl App {
    pub(super) fn on_key(&mut self, key: Key, now_ms: u64) {
        self.touched_ms = now_ms;
        self.full = false;
        match key {
            Key::Up | Key::Down | Key::Left | Key::Right => self.move_focus(key),
            Key::Select => {
                if let Some(key) = self.focus {
                    self.press(key, now_ms);
                }
            }
            Key::Staff => self.open_staff(now_ms),
            Key::Corner => self.on_corner(now_ms),
            _ => self.press(key, now_ms),
        }
    }

    /// A key of the screen. One that the screen has not got means nothing.
    fn press(&mut self, key: Key, now_ms: u64) {
        if !self.screen.keys().contains(&key) {
            return;
        }
        match key {
            Key::Start => self.go(Place::Menu),
            Key::Item(at) => {
                let item = self.settings.menu.get(usize::from(at));
                self.full = item.is_some_and(|item| !self.basket.add(self.settings.menu, item.no));
            }
            Key::Plus(at) => {
                let no = self.basket.lines().get(usize::from(at)).map(|line| line.no);
                self.full = no.is_some_and(|no| !self.basket.add(self.settings.menu, no));
            }
            Key::Minus(at) => self.take_out(at),
            Key::PageBack => self.page = self.page.saturating_sub(1),
            // Showing it sees to it that there is such a page.
            Key::PageOn => self.page = self.page.saturating_add(1),
            Key::Basket => self.go(Place::Basket),
            Key::Pay => self.pay(now_ms),
            Key::Back if self.place == Place::Basket => self.go(Place::Menu),
            Key::Back => self.leave(now_ms),
            Key::Cancel => self.cancel(now_ms),
            Key::Again => {
                self.leave_for_next(now_ms);
            }
            Key::Language => self.language = self.language.next(),
            Key::Done | Key::Forget => self.settle_by_hand(key == Key::Done, now_ms),
            Key::Repaired => {
                self.broken = false;
                self.mark();
            }
            // Not keys of a screen.
            Key::Up
            | Key::Down
            | Key::Left
            | Key::Right
            | Key::Select
            | Key::Staff
            | Key::Corner => {}
        }
    }

    fn go(&mut self, place: Place) {
        self.place = place;
        self.page = 0;
    }

    fn take_out(&mut self, at: u8) {
        let no = self.basket.lines().get(usize::from(at)).map(|line| line.no);
        no.into_iter().for_each(|no| self.basket.remove(no));
        if self.basket.is_empty() {
            self.go(Place::Menu);
        }
    }

    /// The basket becomes an order: written down first, then made.
    fn pay(&mut self, now_ms: u64) {
        let menu = self.settings.menu;
        let Some(amount) = self.basket.total(menu).filter(|total| total.get() > 0) else { return };
        if self.orders.is_full() {
            return;
        }
        self.made = self.made.saturating_add(1);
        let entry = Entry {
            order_no: self.settings.numbers.number(self.made),
            order_id: None,
            amount,
            description: self.basket.describe(menu, self.language),
            basket: self.basket.clone(),
            stage: Stage::Making,
        };
        let newest = self.orders.iter().map(|order| order.id).max();
        let id = newest.map_or(0, |newest| newest.wrapping_add(1));
        let _not_full = self.orders.push(Order::new(id, entry, now_ms));
        self.mark();
        self.refusal = None;
        self.come_to_front(id, now_ms);
    }

    /// Its number is somebody else's: the next one is tried.
    pub(super) fn renumber(&mut self, id: u32) {
        self.made = self.made.saturating_add(1);
        let number = self.settings.numbers.number(self.made);
        if let Some(order) = self.order_mut(id) {
            order.entry.order_no = number;
            order.renumbered += 1;
        }
        self.mark();
    }

    /// The order's customer is taken to be in front of the terminal.
    pub(super) fn come_to_front(&mut self, id: u32, now_ms: u64) {
        self.go(Place::Attract);
        self.basket = Basket::new();
        self.page_since_ms = now_ms;
        self.customer =
            Some(Customer { order: id, checkout: Checkout::new(), view: None, coded: false });
        if let Some(order) = self.order_mut(id) {
            order.due_ms = order.due_ms.min(now_ms);
            order.unshown = false;
        }
    }

    fn cancel(&mut self, now_ms: u64) {
        let shown_ms = now_ms.saturating_sub(self.page_since_ms);
        if self.screen.page == Page::Starting && shown_ms < CANCEL_AFTER_MS {
            return;
        }
        let order = self.front().and_then(|front| self.order_mut(front));
        if let Some(order) = order.filter(|order| order.wish == Wish::Keep) {
            order.wish = Wish::GiveUp;
            order.due_ms = order.due_ms.min(now_ms);
        }
    }

    /// Whoever was there has left. An open order goes on in the background.
    pub(super) fn leave(&mut self, now_ms: u64) {
        if let Some(customer) = self.customer.take()
            && let Some(order) = self.order_mut(customer.order)
        {
            order.unshown = false;
            if order.lost == 0 && matches!(order.question(false), Some(Question::Look { .. })) {
                order.rest(now_ms);
            }
        }
        self.sweep();
        self.go(Place::Attract);
        self.basket = Basket::new();
        self.language = self.settings.language;
    }

    /// The next customer is there already, and keeps the language.
    fn leave_for_next(&mut self, now_ms: u64) {
        let language = self.language;
        self.leave(now_ms);
        self.language = language;
        self.go(Place::Menu);
    }

    /// Nobody is busy here, so that an order that was left behind may come to the front.
    pub(super) fn is_free(&self) -> bool {
        self.customer.is_none() && self.place == Place::Attract && !self.is_resuming()
    }

    pub(super) fn end_idling(&mut self, now_ms: u64) {
        let since_ms = self.touched_ms.max(self.page_since_ms);
        if let Some(idle_ms) = idle_ms(&self.screen.page)
            && now_ms.saturating_sub(since_ms) >= idle_ms
        {
            self.leave(now_ms);
        }
    }

    fn on_corner(&mut self, now_ms: u64) {
        if now_ms.saturating_sub(self.corner.first_ms) > CORNER_WITHIN_MS {
            self.corner = Corner { presses: 0, first_ms: now_ms };
        }
        self.corner.presses += 1;
        if self.corner.presses >= CORNER_PRESSES {
            self.corner = Corner::default();
            self.open_staff(now_ms);
        }
    }

    /// The staff may come in wherever no customer is in the middle of an order.
    fn open_staff(&mut self, now_ms: u64) {
        let page = &self.screen.page;
        let busy = self.customer.is_some()
            && !page.can_order_again()
            && !matches!(page, Page::Offline | Page::OutOfService(_));
        if !busy {
            self.leave(now_ms);
            self.go(Place::Staff);
        }
    }

    /// The orders that wait for the staff; before the terminal knows how they stand, all of them.
    pub(super) fn staff_orders(&self) -> impl Iterator<Item = &Order> {
        self.orders.iter().filter(|order| order.needs_help() || order.is_unclear())
    }

    /// The staff know what became of an order: the customer has the goods, or it was settled in
    /// another way.
    fn settle_by_hand(&mut self, has_goods: bool, now_ms: u64) {
        let at = usize::from(self.page);
        let Some(id) = self.staff_orders().nth(at).map(|order| order.id) else { return };
        let Some(order) = self.order_mut(id) else { return };
        let claimed = match order.entry.stage {
            Stage::Making | Stage::Open | Stage::Claiming => false,
            Stage::Help { claimed } => claimed,
            Stage::Dispensing(_) | Stage::Handed => true,
        };
        if has_goods && claimed {
            order.hand_out(now_ms);
            self.mark();
        } else {
            self.settle(id);
        }
    }

    fn move_focus(&mut self, key: Key) {
        let keys = self.screen.keys();
        let page_key = match key {
            Key::Left => Some(Key::PageBack),
            Key::Right => Some(Key::PageOn),
            _ => None,
        };
        if let (Keys::Touch, _) | (_, None) = (self.settings.keys, self.focus) {
            return;
        }
        if let Some(page_key) = page_key.filter(|page_key| keys.contains(page_key)) {
            match page_key {
                Key::PageBack => self.page = self.page.saturating_sub(1),
                _ => self.page = self.page.saturating_add(1),
            }
            return;
        }
        let at = keys.iter().position(|known| Some(*known) == self.focus).unwrap_or(0);
        let back = matches!(key, Key::Up | Key::Left);
        let step = if back { keys.len().saturating_sub(1) } else { 1 };
        self.focus = keys.get((at + step) % keys.len().max(1)).copied();
    }
}

/// How long a page stays when nobody presses a key.
const fn idle_ms(page: &Page) -> Option<u64> {
    match page {
        // Nobody is there; or the order's own time runs out.
        Page::Attract | Page::Resuming | Page::Code { .. } | Page::Dispensing => None,
        Page::Menu(_)
        | Page::Basket(_)
        | Page::Starting
        | Page::Checking
        | Page::OutOfService(_)
        | Page::Staff(_) => Some(IDLE_MS),
        Page::Help => Some(IDLE_HELP_MS),
        Page::Offline => Some(IDLE_OFFLINE_MS),
        Page::Cancelling | Page::Take | Page::Cancelled | Page::Expired | Page::Failed => {
            Some(IDLE_END_MS)
        }
        Page::Refunding | Page::Refunded => Some(IDLE_REFUND_MS),
    }
}
