//! Bills: what WeChat counted on a day, line by line in constant memory (protocol §11).
//!
//! A bill is text, not XML: a header, a line for each payment and each refund, and a summary. It
//! is fed to a reader as it comes, in chunks of any size; each line is handed on when it is
//! complete, and nothing is kept but the line that is not complete yet and the sums. At the end the
//! sums must be those of the summary, so a bill that was cut off or altered is noticed.
//!
//! Columns are found by their names, not by their places: WeChat has had several sets. A day
//! without trade is a bill without lines, whatever form WeChat gives it.
//!
//! ```
//! use saoma_core::bill::TradeBill;
//!
//! let text = "\u{FEFF}交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,\
//! 交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,\
//! 充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注\r
//! `2026-11-23 21:31:47,`wx5a0mademeup0001,`1900000109,`0,`,`4200009999202611230000000001,\
//! `SM20261123-1,`oMadeUp1,`NATIVE,`SUCCESS,`OTHERS,`CNY,`25.99,`0.00,`0,`0,`0.00,`0.00,`,`,\
//! `美式咖啡, 大杯,`,`0.16000,`0.60%,`25.99,`0.00,`\r
//! 总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额\r
//! `1,`25.99,`0.00,`0.00,`0.16000,`25.99,`0.00\r\n";
//!
//! let mut bill = TradeBill::new();
//! for chunk in text.as_bytes().chunks(100) {
//!     bill.feed(chunk, |line| match line {
//!         Ok(line) => println!("{}: {} fen", line.out_trade_no, line.total_fee),
//!         Err(error) => println!("{error}"),
//!     })?;
//! }
//! let totals = bill.finish(|_| ())?;
//! assert_eq!((totals.count, totals.total_fee.get()), (1, 2599));
//! # Ok::<(), saoma_core::bill::BillError>(())
//! ```

mod date;
mod failure;
mod fund;
#[cfg(feature = "native")]
mod gzip;
mod lines;
mod reader;
mod request;
mod scan;
mod table;
mod trade;
mod yuan;

pub use date::BillDate;
pub use failure::{BillFailure, FailureKind};
pub use fund::{Direction, FundLine, FundTotals};
#[cfg(feature = "native")]
pub(crate) use gzip::GZIP_MAGIC;
#[cfg(feature = "native")]
pub use gzip::{ReadBillError, Unpacked, read_bill};
pub use lines::LINE_MAX;
pub use reader::{BillError, BillErrorKind, LineError, LineFault, Reader, Totals};
pub use request::{BillForm, FundAccount, TradeBillKind, fund_bill, trade_bill};
pub use table::COLUMNS_MAX;
pub use trade::{BillRefund, BillState, TradeLine, TradeTotals};
pub use yuan::Fee;

/// A reader of trade bills: every payment and refund of a day.
pub type TradeBill = Reader<TradeTotals>;
/// A reader of fund bills: every movement of an account on a day.
pub type FundBill = Reader<FundTotals>;

#[cfg(test)]
mod tests;
