//! 资金账单, the fund bill: every movement in a merchant's account (`docs/protocol.md` §11).

use super::ledger::{Entry, Event, LedgerRefund};
use super::trade_bill::{BYTE_ORDER_MARK, line, rate, yuan};
use crate::merchant::Merchant;

const HEADER: &str = "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),\
                      账户结余(元),资金变更提交申请人,备注,业务凭证号\r\n";
const SUMMARY: &str = "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额\r\n";

/// One movement of money.
struct Movement<'a> {
    /// WeChat's number of what it was for.
    trade_no: &'a str,
    /// Which movement of the account it is, from 0.
    flow: u64,
    name: &'static str,
    kind: &'static str,
    /// What came, or went when it is below zero.
    change_fen: i64,
    balance_fen: i64,
    operator: String,
    note: String,
    /// The merchant's number of what it was for.
    voucher_no: &'a str,
}

/// The bill of these entries of one day, or `None` when nothing moved.
pub(super) fn write(merchant: &Merchant, entries: &[Entry]) -> Option<String> {
    let mut text = format!("{BYTE_ORDER_MARK}{HEADER}");
    let mut sums = [(0_u64, 0_u64); 2];
    for entry in entries {
        for movement in movements(merchant, entry) {
            let Some((kind, sum)) = direction(movement.change_fen, &mut sums) else { continue };
            let fen = movement.change_fen.unsigned_abs();
            *sum = (sum.0 + 1, sum.1 + fen);
            let day = &entry.at.beijing()[..8];
            line(
                &mut text,
                [
                    entry.at.to_string(),
                    movement.trade_no.to_owned(),
                    format!("1000{:0>10}{day}{:010}", merchant.mch_id, movement.flow),
                    movement.name.to_owned(),
                    movement.kind.to_owned(),
                    kind.to_owned(),
                    yuan(fen),
                    balance(movement.balance_fen),
                    movement.operator,
                    movement.note,
                    movement.voucher_no.to_owned(),
                ],
            );
        }
    }
    let [income, expense] = sums;
    text.push_str(SUMMARY);
    let count = income.0 + expense.0;
    let [incomes, expenses] = [income.0, expense.0].map(|count| count.to_string());
    line(&mut text, [count.to_string(), incomes, yuan(income.1), expenses, yuan(expense.1)]);
    (count > 0).then_some(text)
}

/// 收入 or 支出, and where it is summed; a fee of nothing is no movement.
fn direction(
    change_fen: i64,
    sums: &mut [(u64, u64); 2],
) -> Option<(&'static str, &mut (u64, u64))> {
    let [income, expense] = sums;
    match change_fen {
        0 => None,
        1.. => Some(("收入", income)),
        _ => Some(("支出", expense)),
    }
}

/// An account that owes is written with a minus.
fn balance(fen: i64) -> String {
    let sign = if fen < 0 { "-" } else { "" };
    format!("{sign}{}", yuan(fen.unsigned_abs()))
}

fn movements<'a>(merchant: &Merchant, entry: &'a Entry) -> Vec<Movement<'a>> {
    match &entry.event {
        Event::Paid { fee_fen, .. } => {
            let payment = |flow, kind, change_fen, balance_fen, note| Movement {
                trade_no: &entry.transaction_id,
                flow,
                name: "交易",
                kind,
                change_fen,
                balance_fen,
                operator: "system".to_owned(),
                note,
                voucher_no: &entry.out_trade_no,
            };
            let fee = i64::try_from(*fee_fen).unwrap_or(i64::MAX);
            let (came, before_fee) = (entry.event.change_fen() + fee, entry.balance_fen + fee);
            let note = format!("费率 {}", rate(entry.fee_bp));
            vec![
                payment(entry.flow, "交易", came, before_fee, String::new()),
                payment(entry.flow + 1, "扣除交易手续费", -fee, entry.balance_fen, note),
            ]
        }
        Event::RefundAccepted(refund) => {
            let [whole, fee] = [refund.refund_fen, refund.fee_fen].map(yuan);
            let note = format!("退款总金额{whole}元;含手续费{fee}元");
            vec![refunded(merchant, entry, refund, note)]
        }
        Event::RefundClosed(refund) => {
            vec![refunded(merchant, entry, refund, "退款关闭，资金退回".to_owned())]
        }
    }
}

fn refunded<'a>(
    merchant: &Merchant,
    entry: &Entry,
    refund: &'a LedgerRefund,
    note: String,
) -> Movement<'a> {
    Movement {
        trade_no: &refund.refund_id,
        flow: entry.flow,
        name: "退款",
        kind: "退款",
        change_fen: entry.event.change_fen(),
        balance_fen: entry.balance_fen,
        operator: format!("{}API", merchant.mch_id),
        note,
        voucher_no: &refund.out_refund_no,
    }
}
