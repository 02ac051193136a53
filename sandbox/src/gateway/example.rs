//! A first order for whoever has none yet: a real request with a real signature.

use super::Gateway;
use crate::merchant::Merchant;
use crate::sign::{self, Algorithm};
use crate::time::UnixTime;
use crate::xml::{self, Field};

impl Gateway {
    /// The body of a unified order of this merchant, ready to be sent; `None` when there is no
    /// such merchant. Its number is the time, so that each second has another one.
    pub fn example_order(&self, mch_id: &str, now: UnixTime) -> Option<String> {
        let merchant = self.merchants.get(mch_id)?;
        let time = now.beijing();
        let mut fields = vec![
            Field::plain("appid", &merchant.appid),
            Field::plain("body", "Saoma Cafe - Latte"),
            Field::plain("mch_id", &merchant.mch_id),
            Field::plain("nonce_str", format!("n{time}")),
            Field::plain("notify_url", "http://127.0.0.1:9000/notify"),
            Field::plain("out_trade_no", format!("SM{time}")),
            Field::plain("spbill_create_ip", "127.0.0.1"),
            Field::plain("total_fee", 1800),
            Field::plain("trade_type", "NATIVE"),
        ];
        let pairs = fields.iter().map(Field::pair);
        fields.push(Field::plain("sign", sign::sign(pairs, &merchant.key, Algorithm::Md5)));
        Some(xml::write(&fields))
    }

    /// The merchants, by their numbers.
    pub fn merchants(&self) -> impl Iterator<Item = &Merchant> {
        self.merchants.values().map(AsRef::as_ref)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{KEY, MCH_ID, NOW, Shop};
    use super::super::{Arrival, Call};

    #[test]
    fn the_example_is_a_whole_order() {
        let mut shop = Shop::new();
        let body = shop.gateway.example_order(MCH_ID, NOW).unwrap();
        let answer = shop.gateway.handle(Call::UnifiedOrder, &Arrival::of(body.as_bytes()), NOW);
        assert_eq!(answer.code, None, "{}", answer.text());
        assert_eq!(shop.gateway.orders(NOW)[0].total_fee, 1800);
        assert!(!body.contains(KEY));
        assert_eq!(shop.gateway.example_order("1", NOW), None);
    }

    #[test]
    fn merchants_come_by_their_numbers() {
        let shop = Shop::new();
        let numbers: Vec<_> = shop.gateway.merchants().map(|m| m.mch_id.as_str()).collect();
        assert_eq!(numbers, [MCH_ID, super::super::testing::OTHER_MCH_ID]);
    }
}
