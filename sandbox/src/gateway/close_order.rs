//! 关闭订单: nobody can pay the order any more (`docs/protocol.md` §6).

use super::Gateway;
use super::answer::Reply;
use super::fields::{self, Form, Rule};
use super::order::{OrderKey, TradeState};
use super::refusal::{Code, Refusal};
use super::request::Request;
use crate::time::UnixTime;
use crate::xml::Field;

const RULES: [Rule; 1] = [Rule::required("out_trade_no", 32, Form::KnownOrderNo)];

impl Gateway {
    pub(super) fn close_order(
        &mut self,
        request: &Request,
        now: UnixTime,
    ) -> Result<Reply, Refusal> {
        fields::check(&request.document, &RULES)?;
        let key = OrderKey {
            mch_id: request.merchant.mch_id.clone(),
            out_trade_no: request.required("out_trade_no").to_owned(),
        };
        let min_close_s = self.rules.min_close_s;
        let unknown = || Refusal::new(Code::OrderNotExist, "order not exist");
        let order = self.orders.get_mut(&key).ok_or_else(unknown)?;
        match order.state(now) {
            TradeState::Success | TradeState::Refund => {
                Err(Refusal::new(Code::OrderPaid, "order paid"))
            }
            TradeState::Closed => Err(Refusal::new(Code::OrderClosed, "order closed")),
            TradeState::NotPay if now.since(order.created_at) < min_close_s => {
                Err(too_early(now.since(order.created_at), min_close_s))
            }
            TradeState::NotPay => {
                order.closed_at = Some(now);
                self.closed(&key, now);
                let fields = vec![Field::cdata("result_msg", "OK")];
                Ok(Reply { device_info: None, fields })
            }
        }
    }
}

/// The pages give the rule ("not at once, at least 5 minutes after the order") and no code for it.
/// `INVALID_REQUEST` is what they use elsewhere for a request that its order does not allow; a
/// merchant must treat any code it does not expect as "unknown, ask again".
fn too_early(age_s: i64, min_close_s: i64) -> Refusal {
    let text = format!("订单生成后不能马上关单，最短时间间隔为{min_close_s}秒");
    Refusal::new(Code::InvalidRequest, text).with_detail(format!("the order is {age_s} s old"))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{NOW, Shop};
    use super::super::{Code, Rules, ScanRefusal, Tender};

    const NO: &str = "SM20261123000001";

    #[test]
    fn an_order_can_be_closed_five_minutes_after_it_was_made() {
        let mut shop = Shop::new();
        let code = shop.code(NO);
        shop.now = NOW.plus(299);
        assert_eq!(shop.close_refused(NO), Code::InvalidRequest);
        assert!(shop.gateway.scan(&code, shop.now).is_ok(), "and nothing has changed");
        shop.now = NOW.plus(300);
        let answer = shop.close(NO);
        assert_eq!(answer.get("result_msg"), Some("OK"));
        assert_eq!(shop.gateway.scan(&code, shop.now), Err(ScanRefusal::OrderClosed));
    }

    #[test]
    fn a_new_code_does_not_make_the_order_younger() {
        let mut shop = Shop::new();
        shop.code(NO);
        shop.now = NOW.plus(299);
        shop.code(NO);
        shop.now = NOW.plus(300);
        shop.close(NO);
    }

    #[test]
    fn a_desk_may_close_sooner() {
        let mut shop = Shop::with_rules(Rules { min_close_s: 0, ..Rules::default() });
        shop.code(NO);
        shop.close(NO);
    }

    #[test]
    fn a_paid_order_is_not_closed() {
        let mut shop = Shop::new();
        shop.code(NO);
        shop.pay(NO, Tender::default()).unwrap();
        assert_eq!(shop.close_refused(NO), Code::OrderPaid, "even before five minutes");
        assert_eq!(shop.query(NO).get("trade_state"), Some("SUCCESS"));
    }

    #[test]
    fn a_closed_order_is_closed_once() {
        let mut shop = Shop::new();
        shop.code(NO);
        shop.now = NOW.plus(300);
        shop.close(NO);
        assert_eq!(shop.close_refused(NO), Code::OrderClosed);
    }

    #[test]
    fn an_order_that_does_not_exist_or_is_anothers_is_not_closed() {
        let mut shop = Shop::new();
        assert_eq!(shop.close_refused(NO), Code::OrderNotExist);
        shop.code(NO);
        shop.now = NOW.plus(300);
        assert_eq!(shop.other_merchant().close_refused(NO), Code::OrderNotExist);
    }

    #[test]
    fn a_close_without_a_number_lacks_it() {
        assert_eq!(Shop::new().close_refused(""), Code::LackParams);
    }
}
