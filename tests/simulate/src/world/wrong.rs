//! What somebody asks for who wants what is another's.

use saoma_server::simulation::{Asker, MACHINES, SHOP, WantedBack, Who};

/// Why shops give something back.
const SORRY: &str = "sorry";

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
