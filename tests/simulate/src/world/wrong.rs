//! Whoever asks for what no server may take: a field a bit beyond its rule, or the same thing in
//! other words, or what is another shop's.

use super::{Event, World};
use crate::bus::Outcome;
use saoma_server::simulation::{Asker, MACHINES, No, SHOP, Wanted, WantedBack, Who};

/// Why shops give something back.
const SORRY: &str = "sorry";
/// A number that shops use for nothing else.
const NEVER_USED: &str = "NEVER-USED";

/// The shop that this one is not.
pub(super) fn another_shop(who: &Who) -> &'static str {
    if who.shop == SHOP { MACHINES } else { SHOP }
}

/// A machine of the same shop that never sells anything.
pub(super) fn another_machine(who: &Who) -> Who {
    Who { shop: who.shop, device: Some("machine-9".to_owned()) }
}

/// A fen of an order.
pub(super) fn one_fen(by: Asker, order_id: &str, refund_no: &str) -> WantedBack {
    let (order_id, refund_no) = (order_id.to_owned(), refund_no.to_owned());
    WantedBack { by, order_id, refund_no, amount_fen: 1, reason: SORRY.to_owned() }
}

/// Whether somebody was told that a field breaks its rule, or that nobody can tell now. Whatever
/// else a server would say of it, it says that first.
fn is_refused_as_written<T>(result: &Result<T, No>) -> bool {
    match result {
        Ok(_) => false,
        Err(No::Refused(why)) => why.starts_with("InvalidField"),
        Err(No::Failed) => true,
    }
}

impl World {
    /// Now and then somebody asks with a field beyond its rule.
    pub(super) fn may_ask_wrongly(&mut self, at: usize) {
        if self.habits.chance(self.plan.odd.meddles * 2) {
            let later = self.habits.pick(&[1, 400, 30_000, 400_000]);
            self.after(later, Event::AsksWrongly(at));
        }
    }

    /// Somebody asks with a field beyond its rule.
    pub(super) fn asks_wrongly(&mut self, at: usize) {
        let customer = &self.customers[at];
        let Some(order_id) = customer.order_id.clone() else { return };
        let wanted = Wanted { order_no: NEVER_USED.to_owned(), ..customer.wanted() };
        let back = one_fen(Asker::Shop(wanted.who.shop), &order_id, NEVER_USED);
        let of_order = self.habits.chance(600);
        let which = self.habits.below(if of_order { 9 } else { 6 });
        let Some(node) = self.some_server() else { return };
        self.fault("somebody asks for what is beyond its rule");
        self.task(node, move |server| async move {
            let (what, is_refused) = if of_order {
                let wanted = beyond(which, wanted);
                let made = server.create(&wanted).await;
                (format!("{wanted:?} {made:?}"), is_refused_as_written(&made))
            } else {
                let back = beyond_back(which, back);
                let begun = server.refund(&back).await;
                (format!("{back:?} {begun:?}"), is_refused_as_written(&begun))
            };
            Outcome::Meddled { what, may_not: !is_refused }
        });
    }

    /// Now and then somebody asks for the same thing in other words, or for what is another shop's.
    pub(super) fn may_change_words(&mut self, at: usize) {
        if self.habits.chance(self.plan.odd.meddles * 2) {
            let later = self.habits.pick(&[1, 50, 2_000, 100_000]);
            self.after(later, Event::ChangesWords(at));
        }
    }

    /// Somebody asks for the same thing in other words, or for what is another shop's.
    pub(super) fn changes_words(&mut self, at: usize) {
        let customer = &self.customers[at];
        let Some(order_id) = customer.order_id.clone() else { return };
        let (wanted, is_fetched) = (customer.wanted(), customer.fetches());
        let promised = customer.wishes.iter().find(|wish| wish.is_promised);
        let promised = promised.map(|wish| wish.wanted(&order_id));
        let its = Who { shop: another_shop(&wanted.who), ..wanted.who.clone() };
        let which = self.habits.below(5);
        let Some(node) = self.some_server() else { return };
        self.fault("somebody asks for the same in other words");
        self.task(node, move |server| async move {
            let (what, may_not) = match (which, promised) {
                (0 | 1, Some(back)) => {
                    let back = WantedBack { reason: "another reason".to_owned(), ..back };
                    let asked = server.refund(&back).await;
                    ("a refund's number with another reason", asked.is_ok())
                }
                (2, _) if is_fetched => {
                    let claimed = server.dispense(&order_id, &its).await;
                    ("goods of another shop's machine of the same name", claimed.is_ok())
                }
                (3, _) if is_fetched => {
                    let confirmed = server.confirm(&order_id, &its).await;
                    ("a word on goods of another shop's machine", confirmed.is_ok())
                }
                (4, _) if wanted.who.device.is_some() => {
                    let shop = Who { device: None, ..wanted.who };
                    let claimed = server.dispense(&order_id, &shop).await;
                    ("goods that a machine of the shop's hands out", claimed.is_ok())
                }
                _ => {
                    let goods = "something else".to_owned();
                    let made = server.create(&Wanted { goods, ..wanted }).await;
                    ("an order's number with other goods", made.is_ok())
                }
            };
            Outcome::Meddled { what: format!("{what}: {order_id}"), may_not }
        });
    }
}

/// An order with one field a bit beyond its rule.
fn beyond(which: u64, wanted: Wanted) -> Wanted {
    match which {
        0 => Wanted { amount_fen: 0, ..wanted },
        1 => Wanted { amount_fen: 2_147_483_648, ..wanted },
        2 => Wanted { expires_in_s: 119, ..wanted },
        3 => Wanted { expires_in_s: 86_401, ..wanted },
        4 => Wanted { order_no: "N".repeat(65), ..wanted },
        5 => Wanted { order_no: "a b".to_owned(), ..wanted },
        6 => Wanted { goods: "G".repeat(128), ..wanted },
        7 => Wanted { goods: String::new(), ..wanted },
        _ => Wanted { order_no: String::new(), ..wanted },
    }
}

/// A refund with one field a bit beyond its rule.
fn beyond_back(which: u64, back: WantedBack) -> WantedBack {
    match which {
        0 => WantedBack { amount_fen: 0, ..back },
        1 => WantedBack { amount_fen: 2_147_483_648, ..back },
        2 => WantedBack { refund_no: "R".repeat(65), ..back },
        3 => WantedBack { refund_no: "a b".to_owned(), ..back },
        4 => WantedBack { reason: "r".repeat(81), ..back },
        _ => WantedBack { reason: String::new(), ..back },
    }
}
