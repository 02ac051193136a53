//! Looking for orders, newest first.

use super::order::{Order, OrderKey};
use super::{Gateway, OrderView};
use crate::time::UnixTime;

/// Which orders are meant; what is not given matches all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrderFilter {
    /// The merchant's number of the order.
    pub out_trade_no: Option<String>,
    /// The merchant.
    pub mch_id: Option<String>,
    /// The state, as `trade_state` says it.
    pub state: Option<String>,
    /// A part of its numbers, its goods, its `attach`, its code or its payments' numbers, in any
    /// case.
    pub text: Option<String>,
}

impl OrderFilter {
    fn matches(&self, order: &Order, now: UnixTime) -> bool {
        let same = |wanted: &Option<String>, known: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted == known)
        };
        same(&self.out_trade_no, &order.key.out_trade_no)
            && same(&self.mch_id, &order.key.mch_id)
            && same(&self.state, order.state(now).as_str())
            && self.text.as_ref().is_none_or(|text| mentions(order, &text.to_lowercase()))
    }
}

fn mentions(order: &Order, text: &str) -> bool {
    let says = |known: &str| known.to_lowercase().contains(text);
    says(&order.key.out_trade_no)
        || says(&order.key.mch_id)
        || says(&order.body)
        || says(&order.code.url)
        || order.attach.as_deref().is_some_and(says)
        || order.payments.iter().any(|payment| says(&payment.transaction_id))
}

impl Gateway {
    /// At most `limit` of the orders that are meant, newest first.
    pub fn find_orders(&self, filter: &OrderFilter, limit: usize, now: UnixTime) -> Vec<OrderView> {
        let keys: Box<dyn Iterator<Item = OrderKey>> = match &filter.out_trade_no {
            Some(number) => Box::new(self.index.numbered(number)),
            None => Box::new(self.index.newest().cloned()),
        };
        let orders = keys.filter_map(|key| self.orders.get(&key));
        let meant = orders.filter(|order| filter.matches(order, now));
        meant.take(limit).map(|order| self.order_view(order, now)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Tender;
    use super::super::testing::{MCH_ID, NOW, OTHER_MCH_ID, Shop};
    use super::*;

    fn numbers(shop: &Shop, filter: &OrderFilter, limit: usize) -> Vec<String> {
        let orders = shop.gateway.find_orders(filter, limit, NOW);
        orders.into_iter().map(|order| order.out_trade_no).collect()
    }

    fn text(text: &str) -> OrderFilter {
        OrderFilter { text: Some(text.into()), ..OrderFilter::default() }
    }

    #[test]
    fn orders_are_found_newest_first_and_no_more_than_wanted() {
        let mut shop = Shop::new();
        for no in ["SM3", "SM1", "SM2"].map(|no| format!("{no}00000")) {
            shop.order(&no, &[]);
        }
        shop.order("SM300000", &[]);
        let all = numbers(&shop, &OrderFilter::default(), usize::MAX);
        assert_eq!(all, ["SM200000", "SM100000", "SM300000"], "a new code makes no new order");
        assert_eq!(numbers(&shop, &OrderFilter::default(), 2), all[..2]);
    }

    #[test]
    fn orders_are_found_by_what_they_say() {
        let mut shop = Shop::new();
        shop.order("SM100000", &[("body", "Latte"), ("attach", "table 7")]);
        shop.order("SM200000", &[("body", "Mocha")]);
        let paid = shop.pay("SM200000", Tender::default()).unwrap();
        for (part, no) in [
            ("latte", "SM100000"),
            ("TABLE", "SM100000"),
            ("sm2", "SM200000"),
            (&paid.transaction_id[8..], "SM200000"),
        ] {
            assert_eq!(numbers(&shop, &text(part), 9), [no], "{part}");
        }
        assert!(numbers(&shop, &text("tea"), 9).is_empty());
    }

    #[test]
    fn orders_are_found_by_state_and_merchant() {
        let mut shop = Shop::new();
        shop.order("SM100000", &[]);
        shop.order("SM200000", &[]);
        shop.pay("SM200000", Tender::default()).unwrap();
        shop.other_merchant().order("SM300000", &[]);
        let state = |state: &str| OrderFilter { state: Some(state.into()), ..Default::default() };
        assert_eq!(numbers(&shop, &state("SUCCESS"), 9), ["SM200000"]);
        assert_eq!(numbers(&shop, &state("NOTPAY"), 9), ["SM300000", "SM100000"]);
        let of = |mch_id: &str| OrderFilter { mch_id: Some(mch_id.into()), ..Default::default() };
        assert_eq!(numbers(&shop, &of(OTHER_MCH_ID), 9), ["SM300000"]);
        let both = OrderFilter { out_trade_no: Some("SM100000".into()), ..of(MCH_ID) };
        assert_eq!(numbers(&shop, &both, 9), ["SM100000"]);
    }
}
