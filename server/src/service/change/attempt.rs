//! The attempts of an order: each is stored with its request before it is sent.

use super::Change;
use crate::store::{AttemptRow, OrderRow};
use saoma_core::api::{RequestError, UnifiedOrder};

impl Change {
    /// The attempt `index` of an order, with the request that will be sent, and sent again, for it.
    pub(in crate::service) fn new_attempt(
        &self,
        row: &OrderRow,
        index: u8,
    ) -> Result<AttemptRow, RequestError> {
        let order = &row.order;
        let refuse = |field, rule| RequestError { field, rule };
        let seller = self.context.sellers.of(&row.mch_id, &row.app_id);
        let seller = seller.ok_or(refuse("mch_id", "must be a merchant of the configuration"))?;
        let number = refuse("out_trade_no", "must be one of an attempt of the order");
        let out_trade_no = order.out_trade_no(index).ok_or(number)?;
        let sign_type = seller.merchant.sign_type;
        let unified_order = UnifiedOrder::new(
            &out_trade_no,
            match saoma_core::planted!("shop-as-goods") {
                true => &seller.name,
                false => &row.description,
            },
            order.amount(),
            &seller.notify_url,
            seller.ip,
            match index > 0 && saoma_core::planted!("later-number-lasts-longer") {
                true => (self.now, self.now.plus(order.expires_at().since(order.created_at()))),
                false => (order.created_at(), order.expires_at()),
            },
        )?;
        let mut request = String::new();
        unified_order
            .draft(&seller.merchant, sign_type)
            .write(&mut request)
            .map_err(|_| refuse("body", "must not hold a character that XML cannot carry"))?;
        Ok(AttemptRow {
            out_trade_no: out_trade_no.clone(),
            order_id: order.id().clone(),
            index,
            mch_id: row.mch_id.clone(),
            app_id: row.app_id.clone(),
            sign_type,
            request,
        })
    }
}
