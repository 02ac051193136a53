//! The judge's word about who is told of goods.

use crate::judge::Judge;
use saoma_server::simulation::{SHOP, Who};

/// Whether goods that somebody sells are fetched, and told to no webhook: one shop has one, and is
/// told by it of what it has ordered itself.
pub(crate) fn are_fetched(who: &Who) -> bool {
    who.device.is_some() || who.shop != SHOP
}

impl Judge {
    /// A webhook is told of an order's goods.
    pub(crate) fn is_for_a_webhook(&mut self, order_id: &str) {
        let order = self.bought.get(order_id);
        if let Some(order) = order.filter(|order| are_fetched(&order.who)) {
            let who = order.who.clone();
            self.violation(format!("{order_id} is told to a webhook, and {who:?} fetches it"));
        }
    }
}
