//! Who sells, and what.

use super::World;
use super::gateway::field;
use super::people::Customer;
use crate::judge::order_of;
use crate::random::Random;
use crate::told::are_fetched;
use saoma_server::simulation::{APP_ID, BRANCH, MACHINES, OTHER_APP_ID, SHOP, Wanted, Who};

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
/// How many in a thousand of what the shop with a webhook would sell by itself another one sells,
/// under another app.
const OF_BRANCH: u64 = 150;

/// Under which app a shop sells.
fn app_of(shop: &str) -> &'static str {
    if shop == BRANCH { OTHER_APP_ID } else { APP_ID }
}

/// The app of the merchant that a document does not name.
pub(super) fn other_app(document: &str) -> &'static str {
    if field(document, "appid") == Some(OTHER_APP_ID) { APP_ID } else { OTHER_APP_ID }
}

impl World {
    /// Who makes this customer's order. As a rule the shop with a webhook sells by itself, and the
    /// other one by machines. Now and then it is a machine of the first one, or the other one
    /// itself; then whoever made the order fetches the goods, and no webhook is told. A third shop
    /// has a webhook and an app of its own.
    pub(super) fn who_sells(&mut self, at: usize, device: Option<String>) -> Who {
        let often = if self.plan.machines > 0 { OTHERWISE } else { 0 };
        if !self.habits.chance(often) {
            let is_branchs = Random::new(self.seed, &format!("branch {at}")).chance(OF_BRANCH);
            let shop = match device {
                Some(_) => MACHINES,
                None if is_branchs => BRANCH,
                None => SHOP,
            };
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

    /// A call about an order names the app that it was sold under.
    pub(super) fn names_its_app(&mut self, body: &str) {
        let captured = &self.judge.captured;
        let paid = field(body, "transaction_id").and_then(|id| captured.get(id));
        let back = field(body, "out_refund_no");
        let back = back.and_then(|it| captured.values().find(|paid| paid.refunds.contains_key(it)));
        let number = paid.or(back).map(|captured| captured.number.as_str());
        let number = number.or_else(|| field(body, "out_trade_no")).unwrap_or_default();
        let Some(order) = self.judge.bought.get(order_of(number)) else { return };
        let (named, its) = (field(body, "appid").unwrap_or_default(), app_of(order.who.shop));
        if named != its {
            let what = format!("WeChat is called about {number} as {named}, and it is {its}'s");
            self.judge.violation(what);
        }
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
