//! What is in a notification of a refund's end (`docs/protocol.md` §10).

use super::super::order::Payment;
use super::{Receiver, Refund};
use crate::merchant::Merchant;
use crate::seal;
use crate::xml::{self, Field};

/// The notification, in the shape seen: `return_code` plain, no `sign`, and what it is about sealed
/// in `req_info`.
pub(super) fn body(
    refund: &Refund,
    payment: &Payment,
    (merchant, appid): (&Merchant, &str),
    nonce: String,
) -> String {
    xml::write(&[
        Field::plain("return_code", "SUCCESS"),
        Field::cdata("appid", appid),
        Field::cdata("mch_id", &merchant.mch_id),
        Field::cdata("nonce_str", nonce),
        Field::cdata("req_info", seal::seal(&content(refund, payment), &merchant.key)),
    ])
}

/// What is sealed: names in alphabetical order, everything in CDATA.
fn content(refund: &Refund, payment: &Payment) -> String {
    let settlement_total_fen = payment.settlement_fen().unwrap_or(payment.total_fen);
    let receiver = match refund.receiver(payment) {
        Receiver::Change => "支付用户零钱",
        Receiver::Card(card) => card,
    };
    let mut fields = vec![
        Field::cdata("out_refund_no", &refund.out_refund_no),
        Field::cdata("out_trade_no", &refund.order.out_trade_no),
        Field::cdata("refund_account", refund.account.as_str()),
        Field::cdata("refund_fee", refund.refund_fen.to_string()),
        Field::cdata("refund_id", &refund.refund_id),
        Field::cdata("refund_recv_accout", receiver),
        Field::cdata("refund_request_source", refund.source.as_str()),
        Field::cdata("refund_status", refund.status()),
        Field::cdata("settlement_refund_fee", refund.settlement_fen().to_string()),
        Field::cdata("settlement_total_fee", settlement_total_fen.to_string()),
        Field::cdata("total_fee", payment.total_fen.to_string()),
        Field::cdata("transaction_id", &refund.transaction_id),
    ];
    // Said where it is not the whole refund.
    if !payment.coupons.is_empty() {
        fields.push(Field::cdata("cash_refund_fee", refund.cash_fen().to_string()));
    }
    if let Some(success_at) = refund.success_at() {
        fields.push(Field::cdata("success_time", success_at.to_string()));
    }
    fields.sort_by(|a, b| a.name.cmp(&b.name));
    xml::write_root("root", &fields)
}
