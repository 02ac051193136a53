//! 交易账单, the trade bill: every payment and every refund of a day.

use super::reader::{Book, LineFault, Totals};
use super::table::{Columns, HeaderFault, Names, Row};
use super::yuan::{Fee, fen, whole};
use crate::api::{Currency, FieldError, FieldFault, Payment};
use crate::ids::{OutTradeNo, TransactionId};
use crate::money::Fen;
use crate::time::UnixTime;

/// The columns, in today's spelling and in older ones.
const COLUMNS: [Names; 29] = [
    &["交易时间"],
    &["公众账号ID"],
    &["商户号"],
    &["特约商户号", "子商户号"],
    &["设备号"],
    &["微信订单号"],
    &["商户订单号"],
    &["用户标识"],
    &["交易类型"],
    &["交易状态"],
    &["付款银行"],
    &["货币种类"],
    &["应结订单金额"],
    &["代金券金额", "代金券或立减优惠金额", "企业红包金额"],
    &["退款申请时间"],
    &["退款成功时间"],
    &["微信退款单号"],
    &["商户退款单号"],
    &["退款金额"],
    &["充值券退款金额", "代金券或立减优惠退款金额", "企业红包退款金额"],
    &["退款类型"],
    &["退款状态"],
    &["商品名称"],
    &["商户数据包"],
    &["手续费"],
    &["费率"],
    // Older bills have the one amount that there was.
    &["订单金额", "总金额"],
    &["申请退款金额"],
    &["费率备注"],
];

const TIME: usize = 0;
const APP_ID: usize = 1;
const MCH_ID: usize = 2;
const SUB_MCH_ID: usize = 3;
const DEVICE_INFO: usize = 4;
const TRANSACTION_ID: usize = 5;
const OUT_TRADE_NO: usize = 6;
const OPENID: usize = 7;
const TRADE_TYPE: usize = 8;
const STATE: usize = 9;
const BANK_TYPE: usize = 10;
const FEE_TYPE: usize = 11;
const SETTLEMENT_TOTAL_FEE: usize = 12;
const COUPON_FEE: usize = 13;
const REFUND_APPLIED_AT: usize = 14;
const REFUND_SUCCESS_TIME: usize = 15;
const REFUND_ID: usize = 16;
const OUT_REFUND_NO: usize = 17;
const SETTLEMENT_REFUND_FEE: usize = 18;
const COUPON_REFUND_FEE: usize = 19;
const REFUND_CHANNEL: usize = 20;
const REFUND_STATE: usize = 21;
const BODY: usize = 22;
const ATTACH: usize = 23;
const FEE: usize = 24;
const RATE: usize = 25;
const TOTAL_FEE: usize = 26;
const REFUND_FEE: usize = 27;
const RATE_NOTE: usize = 28;

/// The columns with texts that people choose. They stand side by side in every set.
const FREE: [usize; 2] = [BODY, ATTACH];

/// The columns of the summary.
const SUMMARY: [Names; 7] = [
    &["总交易单数"],
    &["应结订单总金额", "总交易额"],
    &["退款总金额", "总退款金额"],
    &["充值券退款总金额", "总代金券或立减优惠退款金额", "总企业红包退款金额"],
    &["手续费总金额"],
    &["订单总金额"],
    &["申请退款总金额"],
];

/// What a line of a trade bill is about; it stands in a [`TradeLine`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BillState {
    /// `SUCCESS`: a payment.
    Success,
    /// `REFUND`: a refund that was taken on that day.
    Refund,
    /// `REVOKED`: a payment by bar code that was taken back.
    Revoked,
    /// A state that this version does not know.
    Other,
}

/// One payment or one refund. Texts are as they stand in the bill; an example is at
/// [the module](super).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TradeLine<'l> {
    /// When it was paid; of a refund, when it was taken on.
    pub time: UnixTime,
    /// The application it was paid under.
    pub app_id: &'l str,
    /// The merchant.
    pub mch_id: &'l str,
    /// The sub-merchant; `0` for none.
    pub sub_mch_id: &'l str,
    /// The shop or the till.
    pub device_info: &'l str,
    /// WeChat's number of the payment.
    pub transaction_id: &'l str,
    /// Ours.
    pub out_trade_no: &'l str,
    /// Who paid.
    pub openid: &'l str,
    /// `NATIVE`, or what other programs of the merchant use.
    pub trade_type: &'l str,
    /// Payment or refund.
    pub state: BillState,
    /// The bank and the kind of card.
    pub bank_type: &'l str,
    /// The currency.
    pub fee_type: &'l str,
    /// The amount without the coupons that the merchant bears; zero in a refund's line.
    pub settlement_total_fee: Fen,
    /// The order's amount, **what it is compared with**; zero in a refund's line.
    pub total_fee: Fen,
    /// The value of the coupons.
    pub coupon_fee: Fen,
    /// The refund, in a refund's line.
    pub refund: Option<BillRefund<'l>>,
    /// The name of the goods; may hold commas. Where the line has more values than the header,
    /// because this text or the next one holds the very characters between values, this is all of
    /// both but the last value.
    pub body: &'l str,
    /// The text that the shop gave when it ordered; may hold commas.
    pub attach: &'l str,
    /// WeChat's fee; below zero when it is given back.
    pub fee: Fee,
    /// The fee's rate, for example `0.60%`.
    pub rate: &'l str,
    /// A note on the rate.
    pub rate_note: &'l str,
}

/// The refund of a [`TradeLine`]; an example is at [the module](super).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BillRefund<'l> {
    /// WeChat's number.
    pub refund_id: &'l str,
    /// Ours.
    pub out_refund_no: &'l str,
    /// What goes back, coupons included.
    pub refund_fee: Fen,
    /// What goes back without the coupons that the merchant bore.
    pub settlement_refund_fee: Fen,
    /// What goes back as coupons.
    pub coupon_refund_fee: Fen,
    /// How it goes back, for example `ORIGINAL`.
    pub channel: &'l str,
    /// Where it was when the bill was made; the bill is not changed later.
    pub state: &'l str,
    /// When it was asked for; only in bills of refunds.
    pub applied_at: Option<UnixTime>,
    /// When the money was back; only in bills of refunds.
    pub success_time: Option<UnixTime>,
}

impl TradeLine<'_> {
    /// The payment, as a notification would have told it; `None` for a refund's line and a payment
    /// that was taken back.
    ///
    /// ```
    /// # use saoma_core::bill::TradeBill;
    /// # let text = "交易时间,微信订单号,商户订单号,交易状态,货币种类,总金额\n\
    /// # `2026-11-23 21:31:47,`4200009999202611230000000001,`SM20261123-1,`SUCCESS,`CNY,`25.99\n";
    /// let mut bill = TradeBill::new();
    /// bill.feed(text.as_bytes(), |line| {
    ///     let payment = line.unwrap().payment().unwrap().unwrap();
    ///     assert_eq!(payment.out_trade_no.as_str(), "SM20261123-1");
    /// })?;
    /// # Ok::<(), saoma_core::bill::BillError>(())
    /// ```
    ///
    /// # Errors
    /// [`FieldError`] when a number breaks its rule.
    pub fn payment(&self) -> Result<Option<Payment>, FieldError> {
        match self.state {
            BillState::Success => {}
            BillState::Refund | BillState::Revoked | BillState::Other => return Ok(None),
        }
        let invalid = |field| FieldError { field, fault: FieldFault::Invalid };
        Ok(Some(Payment {
            out_trade_no: OutTradeNo::new(self.out_trade_no)
                .map_err(|_| invalid("out_trade_no"))?,
            transaction_id: TransactionId::new(self.transaction_id)
                .map_err(|_| invalid("transaction_id"))?,
            total_fee: self.total_fee,
            currency: Currency::new(self.fee_type).ok_or_else(|| invalid("fee_type"))?,
            paid_at: self.time,
            refunded: false,
        }))
    }
}

/// The sums of a trade bill, equal to its summary. Amounts are in fen; an example is at
/// [the module](super).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TradeTotals {
    /// How many lines.
    pub count: u64,
    /// Of `settlement_total_fee`.
    pub settlement_total_fee: Fen,
    /// Of `settlement_refund_fee`.
    pub settlement_refund_fee: Fen,
    /// Of `coupon_refund_fee`.
    pub coupon_refund_fee: Fen,
    /// Of WeChat's fees.
    pub fee: Fee,
    /// Of `total_fee`.
    pub total_fee: Fen,
    /// Of `refund_fee`.
    pub refund_fee: Fen,
}

impl Totals for TradeTotals {}

impl Book for TradeTotals {
    type Line<'l> = TradeLine<'l>;

    fn begins_summary(line: &str) -> bool {
        line.trim_start_matches('`').starts_with("总交易单数")
    }

    fn header(line: &str) -> Result<Columns, HeaderFault> {
        Columns::read(line, &COLUMNS, &[TIME, TRANSACTION_ID, OUT_TRADE_NO, STATE, TOTAL_FEE])
    }

    fn summary_header(line: &str) -> Result<Columns, HeaderFault> {
        Columns::read(line, &SUMMARY, &[0, 1])
    }

    fn line<'l>(columns: &Columns, line: &'l str) -> Result<TradeLine<'l>, LineFault> {
        let values = columns.split(line, &FREE)?;
        let row = Row::new(columns, &values);
        let formed = if values.is_joined() { check_form(row) } else { Ok(()) };
        formed.and_then(|()| read(row)).map_err(|column| LineFault::Value { column })
    }

    fn add(&mut self, line: &TradeLine<'_>) -> Option<()> {
        self.count += 1;
        self.settlement_total_fee =
            self.settlement_total_fee.checked_add(line.settlement_total_fee)?;
        self.total_fee = self.total_fee.checked_add(line.total_fee)?;
        self.fee = self.fee.checked_add(line.fee)?;
        if let Some(refund) = &line.refund {
            self.settlement_refund_fee =
                self.settlement_refund_fee.checked_add(refund.settlement_refund_fee)?;
            self.coupon_refund_fee =
                self.coupon_refund_fee.checked_add(refund.coupon_refund_fee)?;
            self.refund_fee = self.refund_fee.checked_add(refund.refund_fee)?;
        }
        Some(())
    }

    fn check(&self, columns: &Columns, line: &str) -> Result<(), &'static str> {
        let values = columns.split(line, &[]).map_err(|_| SUMMARY[0][0])?;
        let row = Row::new(columns, &values);
        let amount = |column, expected| row.agrees(column, fen, expected);
        row.agrees(0, whole, self.count)?;
        amount(1, self.settlement_total_fee)?;
        amount(2, self.settlement_refund_fee)?;
        amount(3, self.coupon_refund_fee)?;
        row.agrees(4, Fee::parse, self.fee)?;
        amount(5, self.total_fee)?;
        amount(6, self.refund_fee)
    }
}

/// Whether a line with too many values has its own number and its own state, besides what [`read`]
/// asks of every line. It would not if the surplus had been in another column than the free ones:
/// those behind it would have their neighbour's value. An error names the column.
fn check_form(row: Row<'_, '_>) -> Result<(), &'static str> {
    let is_state = |text: &str| matches!(text, "SUCCESS" | "REFUND" | "REVOKED").then_some(());
    row.parsed(TRANSACTION_ID, |text| TransactionId::new(text).ok())?;
    row.parsed(STATE, is_state)?;
    Ok(())
}

/// Reads a line; an error names the column.
fn read<'l>(row: Row<'_, 'l>) -> Result<TradeLine<'l>, &'static str> {
    let time = |column| row.parsed(column, |text| UnixTime::parse_date_time(text).ok());
    let amount = |column| row.parsed(column, fen);
    let total_fee = amount(TOTAL_FEE)?.ok_or(row.name(TOTAL_FEE))?;
    let state = match row.text(STATE) {
        "SUCCESS" => BillState::Success,
        "REFUND" => BillState::Refund,
        "REVOKED" => BillState::Revoked,
        _ => BillState::Other,
    };
    Ok(TradeLine {
        time: time(TIME)?.ok_or(row.name(TIME))?,
        app_id: row.text(APP_ID),
        mch_id: row.text(MCH_ID),
        sub_mch_id: row.text(SUB_MCH_ID),
        device_info: row.text(DEVICE_INFO),
        transaction_id: row.text(TRANSACTION_ID),
        out_trade_no: row.text(OUT_TRADE_NO),
        openid: row.text(OPENID),
        trade_type: row.text(TRADE_TYPE),
        state,
        bank_type: row.text(BANK_TYPE),
        fee_type: row.text(FEE_TYPE),
        settlement_total_fee: amount(SETTLEMENT_TOTAL_FEE)?.unwrap_or(total_fee),
        total_fee,
        coupon_fee: amount(COUPON_FEE)?.unwrap_or_default(),
        refund: read_refund(row, state)?,
        body: row.text(BODY),
        attach: row.text(ATTACH),
        fee: row.parsed(FEE, Fee::parse)?.unwrap_or_default(),
        rate: row.text(RATE),
        rate_note: row.text(RATE_NOTE),
    })
}

fn read_refund<'l>(
    row: Row<'_, 'l>,
    state: BillState,
) -> Result<Option<BillRefund<'l>>, &'static str> {
    // In a payment's line the numbers are `0`.
    let numbered = |column| !matches!(row.text(column), "" | "0");
    if state != BillState::Refund && !numbered(REFUND_ID) && !numbered(OUT_REFUND_NO) {
        return Ok(None);
    }
    let time = |column| match row.text(column) {
        "" => Ok(None),
        _ => row.parsed(column, |text| UnixTime::parse_date_time(text).ok()),
    };
    let amount = |column| row.parsed(column, fen);
    let settlement_refund_fee = amount(SETTLEMENT_REFUND_FEE)?;
    let refund_fee = amount(REFUND_FEE)?.or(settlement_refund_fee);
    Ok(Some(BillRefund {
        refund_id: row.text(REFUND_ID),
        out_refund_no: row.text(OUT_REFUND_NO),
        refund_fee: refund_fee.ok_or(row.name(REFUND_FEE))?,
        settlement_refund_fee: settlement_refund_fee.or(refund_fee).unwrap_or_default(),
        coupon_refund_fee: amount(COUPON_REFUND_FEE)?.unwrap_or_default(),
        channel: row.text(REFUND_CHANNEL),
        state: row.text(REFUND_STATE),
        applied_at: time(REFUND_APPLIED_AT)?,
        success_time: time(REFUND_SUCCESS_TIME)?,
    }))
}
