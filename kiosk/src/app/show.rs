//! From how things stand to what is shown.

use super::{
    App, BasketPage, Customer, Damage, Fault, ITEMS_PER_PAGE_MAX, Key, Keys, MenuPage, OrderShown,
    Page, Row, Screen, Settings, StaffPage,
    hand::Store,
    order::{Hands, Order, Wish},
    times::{DIM_AFTER_MS, STEP_MS, STORE_WITHIN_MS},
    walk::Place,
};
use crate::{
    basket::LINES_MAX,
    journal::Stage,
    layout,
    menu::{ITEMS_MAX, Item, numbered},
};
use core::mem::discriminant;
use heapless::{String, Vec};
use saoma_core::{
    money::Fen,
    watch::{self, Phase, View},
};

/// A screen before anything is known.
pub(super) fn blank(settings: &Settings) -> Screen {
    Screen {
        language: settings.language,
        dimmed: false,
        step: 0,
        focus: None,
        merchant: String::try_from(settings.merchant).unwrap_or_default(),
        page: Page::Attract,
        order: OrderShown::default(),
        code: None,
    }
}

impl App {
    /// The customer's order, as the server tells it.
    pub(super) fn show_view(&mut self, view: View, now_ms: u64) {
        let Some(customer) = &mut self.customer else { return };
        customer.checkout.on_view(view.snapshot(), now_ms);
        let known = customer.view.as_ref();
        if known.is_some_and(|known| known.version > view.version) {
            return;
        }
        customer.coded &= known.is_some_and(|known| known.code_url == view.code_url);
        customer.view = Some(view);
    }

    /// Takes what is to be shown now and says how it differs from what was.
    pub(super) fn refresh(&mut self, now_ms: u64) -> Damage {
        let page = self.page(now_ms);
        let mut all = !self.drawn;
        if discriminant(&page) != discriminant(&self.screen.page) {
            self.page_since_ms = now_ms;
            self.focus = None;
            all = true;
        }
        let mut part = page != self.screen.page;
        self.screen.page = page;
        all |= replace(&mut self.screen.language, self.language);
        let dimmed = self.is_dimmed(now_ms);
        all |= replace(&mut self.screen.dimmed, dimmed);
        let order = self.order_shown();
        all |= replace(&mut self.screen.order, order);
        let merchant = self.merchant();
        all |= replace(&mut self.screen.merchant, merchant);
        all |= self.show_code();
        let step = self.step(now_ms);
        part |= replace(&mut self.screen.step, step);
        self.focus = self.selected();
        part |= replace(&mut self.screen.focus, self.focus);
        self.drawn = true;
        match (all, part) {
            (true, _) => Damage::All,
            (false, true) => Damage::Part,
            (false, false) => Damage::Nothing,
        }
    }

    fn page(&mut self, now_ms: u64) -> Page {
        if self.place == Place::Staff {
            return self.staff_page(now_ms);
        }
        if let Some(customer) = &self.customer
            && let Some(order) = self.order_ref(customer.order)
        {
            return self.order_page(order, customer, now_ms);
        }
        let fault = self.fault(now_ms);
        if self.is_resuming() {
            let lost = self.orders.iter().any(|order| order.is_unclear() && order.lost > 0);
            return match fault {
                Some(Fault::Key) => Page::OutOfService(Fault::Key),
                _ if lost || !self.link => Page::Offline,
                _ => Page::Resuming,
            };
        }
        match (fault, self.place) {
            (Some(fault), _) => Page::OutOfService(fault),
            _ if !self.link => Page::Offline,
            (None, Place::Attract | Place::Staff) => Page::Attract,
            (None, Place::Menu) => self.menu_page(),
            (None, Place::Basket) => self.basket_page(),
        }
    }

    /// What stops all selling, the gravest first.
    fn fault(&self, now_ms: u64) -> Option<Fault> {
        if self.broken {
            Some(Fault::Dispenser)
        } else if self.cannot_write(now_ms) {
            Some(Fault::Journal)
        } else if self.orders.is_full() {
            Some(Fault::Full)
        } else if self.key_refused {
            Some(Fault::Key)
        } else {
            None
        }
    }

    fn cannot_write(&self, now_ms: u64) -> bool {
        match self.store {
            Store::Written => false,
            Store::Writing { since_ms } => now_ms.saturating_sub(since_ms) >= STORE_WITHIN_MS,
            Store::Failed { .. } => true,
        }
    }

    fn order_page(&self, order: &Order, customer: &Customer, now_ms: u64) -> Page {
        let is_working = matches!(order.hands, Hands::Working { .. });
        match &order.entry.stage {
            Stage::Handed => Page::Take,
            _ if order.settled => settled_page(order.phase()),
            Stage::Help { .. } => Page::Help,
            Stage::Dispensing(_) if is_working => Page::Dispensing,
            Stage::Claiming | Stage::Dispensing(_) if self.cannot_write(now_ms) => Page::Help,
            Stage::Dispensing(_) => Page::Dispensing,
            Stage::Making if self.key_refused => Page::OutOfService(Fault::Key),
            Stage::Claiming | Stage::Open if self.key_refused => Page::Help,
            _ if !self.link || order.lost > 0 => Page::Offline,
            Stage::Claiming => Page::Dispensing,
            Stage::Making | Stage::Open => waiting_page(order, customer, now_ms),
        }
    }

    fn menu_page(&mut self) -> Page {
        let menu = self.settings.menu;
        let menu = menu.get(..ITEMS_MAX).unwrap_or(menu);
        let rows = layout::rows(self.settings.size).clamp(1, ITEMS_PER_PAGE_MAX);
        let (first, pages) = self.turn(menu.len(), rows);
        let items = menu.get(first..menu.len().min(first + rows)).unwrap_or(&[]);
        let mut counts = [0; ITEMS_PER_PAGE_MAX];
        for (count, item) in counts.iter_mut().zip(items) {
            *count = self.basket.count(item.no);
        }
        Page::Menu(MenuPage {
            items,
            first: small(first),
            counts,
            page: self.page,
            pages,
            pieces: self.basket.pieces(),
            total: self.total(),
            full: self.full,
        })
    }

    fn basket_page(&mut self) -> Page {
        let menu = self.settings.menu;
        let rows = layout::rows(self.settings.size).clamp(1, LINES_MAX);
        let (first, pages) = self.turn(self.basket.lines().len(), rows);
        let lines = self.basket.lines().iter().skip(first).take(rows);
        let shown = lines.filter_map(|line| {
            let item: &'static Item = numbered(menu, line.no)?;
            let amount = Fen::new(u64::from(item.amount_fen) * u64::from(line.count))?;
            Some(Row { item, count: line.count, amount })
        });
        Page::Basket(BasketPage {
            rows: shown.collect::<Vec<_, LINES_MAX>>(),
            first: small(first),
            page: self.page,
            pages,
            pieces: self.basket.pieces(),
            total: self.total(),
            full: self.full,
        })
    }

    fn staff_page(&mut self, now_ms: u64) -> Page {
        let count = self.staff_orders().count();
        let _first = self.turn(count, 1);
        let fault = self.fault(now_ms);
        Page::Staff(StaffPage { at: self.page, of: small(count), fault })
    }

    /// Keeps the page of a list within it; where the page begins, and how many there are.
    fn turn(&mut self, length: usize, rows: usize) -> (usize, u8) {
        let pages = length.div_ceil(rows).max(1);
        self.page = self.page.min(small(pages - 1));
        (usize::from(self.page) * rows, small(pages))
    }

    fn total(&self) -> Fen {
        self.basket.total(self.settings.menu).unwrap_or(Fen::ZERO)
    }

    fn is_dimmed(&self, now_ms: u64) -> bool {
        let nobody = matches!(
            self.screen.page,
            Page::Attract | Page::Resuming | Page::Offline | Page::OutOfService(_)
        );
        nobody && now_ms.saturating_sub(self.touched_ms.max(self.page_since_ms)) >= DIM_AFTER_MS
    }

    fn order_shown(&self) -> OrderShown {
        let order = match self.place {
            Place::Staff => self.staff_orders().nth(usize::from(self.page)),
            Place::Attract | Place::Menu | Place::Basket => {
                self.front().and_then(|front| self.order_ref(front))
            }
        };
        let Some(Order { entry, .. }) = order else { return OrderShown::default() };
        let menu = self.settings.menu;
        // In today's language, where the menu still has these goods at that price.
        let is_known = entry.basket.total(menu) == Some(entry.amount);
        let goods = if is_known && !entry.basket.is_empty() {
            entry.basket.describe(menu, self.language)
        } else {
            entry.description.clone()
        };
        OrderShown { number: entry.order_no.clone(), amount: entry.amount, goods }
    }

    fn merchant(&self) -> String<{ watch::MERCHANT_MAX }> {
        match self.view() {
            Some(view) => view.merchant.clone(),
            None => String::try_from(self.settings.merchant).unwrap_or_default(),
        }
    }

    /// The code is made once for each text, and only while it is shown.
    fn show_code(&mut self) -> bool {
        let is_code = matches!(self.screen.page, Page::Code { .. });
        let Some(customer) = self.customer.as_mut().filter(|_| is_code) else {
            let was_shown = self.screen.code.take().is_some();
            if let Some(customer) = &mut self.customer {
                customer.coded = false;
            }
            return was_shown;
        };
        if customer.coded {
            return false;
        }
        customer.coded = true;
        let url = customer.view.as_ref().and_then(|view| view.code_url.as_ref());
        self.screen.code = url.and_then(|url| layout::code_for(self.settings.size, url));
        true
    }

    fn step(&self, now_ms: u64) -> u16 {
        if !self.screen.page.moves() {
            return 0;
        }
        let steps = now_ms.saturating_sub(self.page_since_ms) / STEP_MS;
        u16::try_from(steps & u64::from(u16::MAX)).unwrap_or(0)
    }

    /// The key that is selected: the one before, while the screen has it.
    fn selected(&self) -> Option<Key> {
        if self.settings.keys == Keys::Touch {
            return None;
        }
        let keys = self.screen.keys();
        let first = match &self.screen.page {
            Page::Basket(_) => Key::Pay,
            Page::Staff(_) => Key::Back,
            // Whoever presses once too often does not give the order up.
            page if page.can_cancel() => Key::Language,
            _ => keys.first().copied().unwrap_or(Key::Language),
        };
        Some(self.focus.filter(|focus| keys.contains(focus)).unwrap_or(first))
    }
}

/// An order's end.
const fn settled_page(phase: Option<Phase>) -> Page {
    match phase {
        Some(Phase::Cancelled) => Page::Cancelled,
        Some(Phase::Expired) => Page::Expired,
        Some(Phase::Refunding) => Page::Refunding,
        Some(Phase::Refunded) => Page::Refunded,
        // The server did not take it.
        None | Some(Phase::Failed | Phase::Placing | Phase::Open | Phase::Closing) => Page::Failed,
        // Not by this terminal.
        Some(Phase::Paid | Phase::Shipped) => Page::Help,
    }
}

/// An order that is made or waits for its payment.
fn waiting_page(order: &Order, customer: &Customer, now_ms: u64) -> Page {
    let has_code = customer.view.as_ref().is_some_and(|view| view.code_url.is_some());
    match (order.phase(), order.wish) {
        (Some(Phase::Paid | Phase::Shipped), _) => Page::Dispensing,
        (_, Wish::Told) => Page::Cancelling,
        (None | Some(Phase::Placing), Wish::Keep) => Page::Starting,
        (Some(Phase::Open), Wish::Keep) => match customer.checkout.screen(now_ms) {
            watch::Screen::Waiting { left_s, .. } if has_code => Page::Code { left_s },
            _ => Page::Checking,
        },
        _ => Page::Checking,
    }
}

/// Puts a new value in its place, and says whether it is another.
fn replace<T: PartialEq>(place: &mut T, value: T) -> bool {
    let differs = *place != value;
    if differs {
        *place = value;
    }
    differs
}

/// A number that is small by its nature.
fn small(number: usize) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}
