//! Who sells, and what.

use super::World;
use super::people::Customer;
use crate::told::are_fetched;
use saoma_server::simulation::{MACHINES, SHOP, Wanted, Who};

/// What is sold; the last one is as long as WeChat takes it.
const GOODS: [&str; 3] = [
    "Saoma Cafe - Latte",
    "扫码咖啡-拿铁",
    "Saoma Cafe - a breakfast for two: latte and oat milk; bread and butter; an egg that was \
     boiled for five minutes; grape or apple",
];
/// Of how many orders in a thousand the goods do not go out as is the rule of their shop, where
/// there are machines.
const OTHERWISE: u64 = 100;

impl World {
    /// Who makes this customer's order. As a rule the shop with a webhook sells by itself, and the
    /// other one by machines. Now and then it is a machine of the first one, or the other one
    /// itself; then whoever made the order fetches the goods, and no webhook is told.
    pub(super) fn who_sells(&mut self, at: usize, device: Option<String>) -> Who {
        let often = if self.plan.machines > 0 { OTHERWISE } else { 0 };
        if !self.habits.chance(often) {
            let shop = if device.is_some() { MACHINES } else { SHOP };
            return Who { shop, device };
        }
        match self.habits.chance(500) {
            true => {
                let device = device.unwrap_or_else(|| format!("machine-{}", at % 4));
                Who { shop: SHOP, device: Some(device) }
            }
            false => Who { shop: MACHINES, device: None },
        }
    }

    pub(super) fn some_goods(&mut self) -> &'static str {
        self.habits.pick(&GOODS)
    }
}

/// A number of the shop's for this customer; some are as long as one may be.
pub(super) fn number_of(at: usize, number: String) -> String {
    if at % 16 == 9 { format!("{number:-<64}") } else { number }
}

impl Customer {
    /// Whether the goods are fetched by whoever made the order.
    pub(super) fn fetches(&self) -> bool {
        are_fetched(&self.who)
    }

    /// The order, as it is asked for each time.
    pub(super) fn wanted(&self) -> Wanted {
        Wanted {
            who: self.who.clone(),
            order_no: self.order_no.clone(),
            amount_fen: self.price_fen,
            goods: self.goods.to_owned(),
            expires_in_s: self.expires_in_s,
        }
    }
}
