//! 交易账单, the trade bill: its two sets of columns and its lines (`docs/protocol.md` §11).

use std::fmt::Write as _;

use super::ledger::{Entry, Event, LedgerRefund};
use super::order::{Order, Payment};
use crate::merchant::BillFormat;

/// What a bill begins with, so that spreadsheets see that it is UTF-8.
pub(super) const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Which lines a bill has: `bill_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BillType {
    /// Payments and refunds.
    All,
    /// Payments.
    Success,
    /// Refunds.
    Refund,
    /// Refunds that give back coupons which had been bought.
    RechargeRefund,
}

impl BillType {
    /// The type that this word means; left out it is `ALL`.
    pub(super) fn from_word(word: Option<&str>) -> Option<Self> {
        match word {
            None | Some("ALL") => Some(Self::All),
            Some("SUCCESS") => Some(Self::Success),
            Some("REFUND") => Some(Self::Refund),
            Some("RECHARGE_REFUND") => Some(Self::RechargeRefund),
            Some(_) => None,
        }
    }

    fn takes(self, event: &Event) -> bool {
        match (self, event) {
            // A bill says what was so when the refund was accepted, and is not updated.
            (_, Event::RefundClosed(_)) => false,
            (Self::All, Event::Paid { .. } | Event::RefundAccepted(_))
            | (Self::Success, Event::Paid { .. })
            | (Self::Refund, Event::RefundAccepted(_)) => true,
            (Self::RechargeRefund, Event::RefundAccepted(refund)) => refund.recharge_fen() > 0,
            (Self::Success, Event::RefundAccepted(_))
            | (Self::Refund | Self::RechargeRefund, Event::Paid { .. }) => false,
        }
    }
}

/// What a line is made of.
#[derive(Clone, Copy)]
pub(super) struct Facts<'a> {
    pub(super) order: &'a Order,
    pub(super) payment: &'a Payment,
    pub(super) entry: &'a Entry,
}

/// A column of a trade bill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Time,
    Appid,
    MchId,
    SubMchId,
    DeviceInfo,
    TransactionId,
    OutTradeNo,
    Openid,
    TradeType,
    State,
    Bank,
    Currency,
    Settlement,
    Coupon,
    AppliedAt,
    SucceededAt,
    RefundId,
    OutRefundNo,
    Refund,
    CouponRefund,
    RefundType,
    RefundState,
    Body,
    Attach,
    Fee,
    Rate,
    Total,
    RefundAsked,
    RateNote,
}

use Column as C;

const ORDER: [Column; 14] = [
    C::Time,
    C::Appid,
    C::MchId,
    C::SubMchId,
    C::DeviceInfo,
    C::TransactionId,
    C::OutTradeNo,
    C::Openid,
    C::TradeType,
    C::State,
    C::Bank,
    C::Currency,
    C::Settlement,
    C::Coupon,
];
const TIMES: [Column; 2] = [C::AppliedAt, C::SucceededAt];
const REFUND: [Column; 6] =
    [C::RefundId, C::OutRefundNo, C::Refund, C::CouponRefund, C::RefundType, C::RefundState];
const GOODS: [Column; 4] = [C::Body, C::Attach, C::Fee, C::Rate];

/// The columns of a bill, in their order.
fn columns(bill_type: BillType, format: BillFormat) -> Vec<Column> {
    let mut columns = ORDER.to_vec();
    let refunds = bill_type != BillType::Success;
    if matches!(bill_type, BillType::Refund | BillType::RechargeRefund) {
        columns.extend(TIMES);
    }
    if refunds {
        columns.extend(REFUND);
    }
    columns.extend(GOODS);
    if format == BillFormat::Current {
        columns.push(C::Total);
        columns.extend(refunds.then_some(C::RefundAsked));
        columns.push(C::RateNote);
    }
    columns
}

impl Column {
    const fn name(self, format: BillFormat) -> &'static str {
        let old = matches!(format, BillFormat::Old);
        match self {
            C::Time => "交易时间",
            C::Appid => "公众账号ID",
            C::MchId => "商户号",
            C::SubMchId if old => "子商户号",
            C::SubMchId => "特约商户号",
            C::DeviceInfo => "设备号",
            C::TransactionId => "微信订单号",
            C::OutTradeNo => "商户订单号",
            C::Openid => "用户标识",
            C::TradeType => "交易类型",
            C::State => "交易状态",
            C::Bank => "付款银行",
            C::Currency => "货币种类",
            C::Settlement if old => "总金额",
            C::Settlement => "应结订单金额",
            C::Coupon if old => "代金券或立减优惠金额",
            C::Coupon => "代金券金额",
            C::AppliedAt => "退款申请时间",
            C::SucceededAt => "退款成功时间",
            C::RefundId => "微信退款单号",
            C::OutRefundNo => "商户退款单号",
            C::Refund => "退款金额",
            C::CouponRefund if old => "代金券或立减优惠退款金额",
            C::CouponRefund => "充值券退款金额",
            C::RefundType => "退款类型",
            C::RefundState => "退款状态",
            C::Body => "商品名称",
            C::Attach => "商户数据包",
            C::Fee => "手续费",
            C::Rate => "费率",
            C::Total => "订单金额",
            C::RefundAsked => "申请退款金额",
            C::RateNote => "费率备注",
        }
    }

    /// What the column says of a payment or a refund; the rest is the same for both.
    fn value(self, facts: Facts<'_>, bill_type: BillType, format: BillFormat) -> String {
        let Facts { order, payment, entry } = facts;
        match self {
            // A bill of refunds has the refund's own time besides.
            C::Time if matches!(bill_type, BillType::Refund | BillType::RechargeRefund) => {
                payment.paid_at.to_string()
            }
            C::Time => entry.at.to_string(),
            C::Appid => order.appid.clone(),
            C::MchId => order.key.mch_id.clone(),
            C::SubMchId => "0".to_owned(),
            C::DeviceInfo => order.device_info.clone().unwrap_or_default(),
            C::TransactionId => entry.transaction_id.clone(),
            C::OutTradeNo => entry.out_trade_no.clone(),
            C::Openid => payment.openid.clone(),
            C::TradeType => "NATIVE".to_owned(),
            C::Bank => payment.method.bank_type().to_owned(),
            C::Currency => payment.fee_type.to_owned(),
            C::Body => order.body.clone(),
            C::Attach => order.attach.clone().unwrap_or_default(),
            C::Rate => rate(entry.fee_bp),
            C::RateNote => String::new(),
            _ => match &entry.event {
                Event::Paid { total_fen, settlement_fen, coupon_fen, fee_fen } => {
                    let settled =
                        if format == BillFormat::Old { total_fen } else { settlement_fen };
                    self.of_payment(*total_fen, *settled, *coupon_fen, *fee_fen)
                }
                Event::RefundAccepted(refund) | Event::RefundClosed(refund) => {
                    self.of_refund(refund, entry, format)
                }
            },
        }
    }

    fn of_payment(self, total_fen: u64, settled_fen: u64, coupon_fen: u64, fee_fen: u64) -> String {
        match self {
            C::State => "SUCCESS".to_owned(),
            C::Settlement => yuan(settled_fen),
            C::Coupon => yuan(coupon_fen),
            C::RefundId | C::OutRefundNo => "0".to_owned(),
            C::Refund | C::CouponRefund | C::RefundAsked => yuan(0),
            C::Fee => fee(i128::from(fee_fen)),
            C::Total => yuan(total_fen),
            _ => String::new(),
        }
    }

    fn of_refund(self, refund: &LedgerRefund, entry: &Entry, format: BillFormat) -> String {
        let old = format == BillFormat::Old;
        match self {
            C::State => "REFUND".to_owned(),
            C::Settlement | C::Coupon | C::Total => yuan(0),
            C::AppliedAt => entry.at.to_string(),
            C::RefundId => refund.refund_id.clone(),
            C::OutRefundNo => refund.out_refund_no.clone(),
            C::Refund if old => yuan(refund.refund_fen),
            C::Refund => yuan(refund.settlement_fen),
            C::CouponRefund if old => yuan(refund.coupon_fen),
            C::CouponRefund => yuan(refund.recharge_fen()),
            C::RefundType => "ORIGINAL".to_owned(),
            // As it was when it was accepted.
            C::RefundState => "PROCESSING".to_owned(),
            C::Fee => fee(-i128::from(refund.fee_fen)),
            C::RefundAsked => yuan(refund.refund_fen),
            _ => String::new(),
        }
    }
}

/// The bill of these facts, or `None` when it would have no line.
pub(super) fn write<'a>(
    facts: impl Iterator<Item = Facts<'a>>,
    bill_type: BillType,
    format: BillFormat,
) -> Option<String> {
    let columns = columns(bill_type, format);
    let names: Vec<_> = columns.iter().map(|column| column.name(format)).collect();
    let mut text = format!("{BYTE_ORDER_MARK}{}\r\n", names.join(","));
    let mut sums = Sums::default();
    for facts in facts.filter(|facts| bill_type.takes(&facts.entry.event)) {
        let value = |column: &Column| column.value(facts, bill_type, format);
        line(&mut text, columns.iter().map(value));
        sums.add(&facts.entry.event);
    }
    sums.write(&mut text, format);
    (sums.count > 0).then_some(text)
}

/// A line: a backtick before every value, a comma between them.
pub(super) fn line(text: &mut String, values: impl IntoIterator<Item = String>) {
    for (n, value) in values.into_iter().enumerate() {
        text.push_str(if n == 0 { "`" } else { ",`" });
        text.push_str(&value);
    }
    text.push_str("\r\n");
}

/// The sums of the lines: the summary.
#[derive(Default)]
struct Sums {
    count: u64,
    settlement_fen: u64,
    total_fen: u64,
    settlement_refund_fen: u64,
    refund_fen: u64,
    recharge_refund_fen: u64,
    coupon_refund_fen: u64,
    fee_fen: i128,
}

impl Sums {
    fn add(&mut self, event: &Event) {
        self.count += 1;
        match event {
            Event::Paid { total_fen, settlement_fen, fee_fen, coupon_fen: _ } => {
                self.total_fen += total_fen;
                self.settlement_fen += settlement_fen;
                self.fee_fen += i128::from(*fee_fen);
            }
            Event::RefundAccepted(refund) | Event::RefundClosed(refund) => {
                self.refund_fen += refund.refund_fen;
                self.settlement_refund_fen += refund.settlement_fen;
                self.recharge_refund_fen += refund.recharge_fen();
                self.coupon_refund_fen += refund.coupon_fen;
                self.fee_fen -= i128::from(refund.fee_fen);
            }
        }
    }

    fn write(&self, text: &mut String, format: BillFormat) {
        let count = self.count.to_string();
        match format {
            BillFormat::Current => {
                text.push_str(
                    "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,\
                     申请退款总金额\r\n",
                );
                let refunds = [self.settlement_refund_fen, self.recharge_refund_fen].map(yuan);
                let [refund, recharge] = refunds;
                let [total, asked] = [self.total_fen, self.refund_fen].map(yuan);
                let fee = fee(self.fee_fen);
                let settled = yuan(self.settlement_fen);
                line(text, [count, settled, refund, recharge, fee, total, asked]);
            }
            BillFormat::Old => {
                text.push_str(
                    "总交易单数,总交易额,总退款金额,总代金券或立减优惠退款金额,手续费总金额\r\n",
                );
                let amounts = [self.total_fen, self.refund_fen, self.coupon_refund_fen].map(yuan);
                let [total, refund, coupon] = amounts;
                line(text, [count, total, refund, coupon, fee(self.fee_fen)]);
            }
        }
    }
}

/// Fen as yuan with two places.
pub(super) fn yuan(fen: u64) -> String {
    format!("{}.{:02}", fen / 100, fen % 100)
}

/// Fen as yuan with five places, as fees stand in bills.
fn fee(fen: i128) -> String {
    let mut text = String::new();
    let (sign, fen) = (if fen < 0 { "-" } else { "" }, fen.unsigned_abs());
    write!(text, "{sign}{}.{:02}000", fen / 100, fen % 100)
        .expect("a String takes all that is written");
    text
}

/// A rate in hundredths of a percent as bills have it: `0.60%`.
pub(super) fn rate(bp: u16) -> String {
    format!("{}.{:02}%", bp / 100, bp % 100)
}
