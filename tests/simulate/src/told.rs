//! The judge's word about what customers read, and who is told of goods.

use crate::judge::Judge;
use saoma_server::simulation::{NAME, SHOP, View, Who};

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

    /// The newest version of an order that is committed, as far as anybody has seen it.
    pub(crate) fn version_of(&self, order_id: &str) -> i64 {
        self.bought.get(order_id).map_or(0, |order| order.version)
    }

    /// What a customer reads besides sums, code and end; `since` is the version that was committed
    /// when he asked. One database knows no older one then, whoever reads it.
    pub(crate) fn reads(&mut self, view: &View, since: i64) {
        let (id, version) = (view.order_id.as_str(), view.version.cast_signed());
        let Some(order) = self.bought.get(id) else { return };
        let is_right = view.description.as_str() == order.goods
            && view.merchant.as_str() == NAME
            && version >= since
            // What a commit left is seen when everybody has come to rest.
            && (version != order.version || view.phase.as_str() == order.phase);
        if !is_right {
            let what = format!("{view:?} is read, since {since}, of {order:?}");
            self.violation(what);
        }
    }
}
