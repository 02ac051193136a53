//! The judge's word about what customers read, who is told of goods, and of which payment a refund
//! is.

use crate::judge::{Judge, order_of};
use saoma_server::simulation::{MACHINES, NAME, View, Who};

/// Whether goods that somebody sells are fetched, and told to no webhook: all shops but one have
/// one, and are told by it of what they have ordered themselves.
pub(crate) fn are_fetched(who: &Who) -> bool {
    who.device.is_some() || who.shop == MACHINES
}

impl Judge {
    /// This shop's webhook is told of an order's goods.
    pub(crate) fn is_for_a_webhook(&mut self, order_id: &str, shop: &str) {
        let order = self.bought.get(order_id);
        if let Some(order) = order.filter(|it| are_fetched(&it.who) || it.who.shop != shop) {
            let who = order.who.clone();
            self.violation(format!("{order_id} is told to the webhook of {shop}: {who:?}"));
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

    /// A refund of an order has begun: of a payment of that order, and of no other one than
    /// whoever asked for it has named.
    pub(crate) fn begun_of(&mut self, order_id: &str, transaction_id: &str, meant: Option<&str>) {
        let captured = self.captured.get(transaction_id);
        let is_its = captured.is_some_and(|it| order_of(&it.number) == order_id);
        if !is_its || meant.is_some_and(|meant| meant != transaction_id) {
            self.violation(format!(
                "a refund of {order_id} is of {transaction_id}, and {meant:?} was meant"
            ));
        }
    }

    /// Whether this is the only payment of an order.
    pub(crate) fn is_only_payment(&self, order_id: &str, transaction_id: &str) -> bool {
        let mut others = self.captured.iter().filter(|(id, _)| *id != transaction_id);
        !others.any(|(_, captured)| order_of(&captured.number) == order_id)
    }
}
