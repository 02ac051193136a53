//! The requests for bills.

use super::BillDate;
use crate::api::{Merchant, document, who};
use crate::sign::SignType;
use crate::xml::Draft;

/// Which lines a trade bill holds, `bill_type`; an example is at [`trade_bill`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TradeBillKind {
    /// `ALL`: payments and refunds.
    All,
    /// `SUCCESS`: payments.
    Success,
    /// `REFUND`: refunds.
    Refund,
    /// `RECHARGE_REFUND`: refunds of coupons that the merchant had paid for.
    RechargeRefund,
}

/// Which account a fund bill is about, `account_type`; an example is at [`fund_bill`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FundAccount {
    /// `Basic`: what customers pay.
    Basic,
    /// `Operation`: what the merchant works with.
    Operation,
    /// `Fees`: what WeChat's fees are taken from.
    Fees,
}

/// How the bill is to come, `tar_type`; an example is at [`trade_bill`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BillForm {
    /// As text.
    Text,
    /// `GZIP`: compressed; a failure comes as text all the same.
    Gzip,
}

impl BillForm {
    const fn name(self) -> &'static str {
        match self {
            Self::Text => "",
            Self::Gzip => "GZIP",
        }
    }
}

/// The request for a trade bill, without nonce and signature.
///
/// ```
/// use saoma_core::api::Merchant;
/// use saoma_core::bill::{BillDate, BillForm, TradeBillKind, trade_bill};
/// use saoma_core::ids::{AppId, MchId};
/// use saoma_core::sign::{ApiKey, SignType};
///
/// # let merchant = Merchant {
/// #     mch_id: MchId::new("1900000109")?,
/// #     app_id: AppId::new("wx5a0mademeup0001")?,
/// #     key: ApiKey::new("192006250b4c09247ec02edce69f6a2d")?,
/// #     sign_type: SignType::Md5,
/// # };
/// let date = BillDate::parse("20261122")?;
/// let doc = trade_bill(&merchant, SignType::Md5, &date, TradeBillKind::All, BillForm::Gzip);
/// assert!(doc.get("tar_type").is_some_and(|form| form == "GZIP"));
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[must_use]
pub fn trade_bill<'a>(
    merchant: &'a Merchant,
    algorithm: SignType,
    date: &'a BillDate,
    kind: TradeBillKind,
    form: BillForm,
) -> Draft<'a> {
    let kind = match kind {
        TradeBillKind::All => "ALL",
        TradeBillKind::Success => "SUCCESS",
        TradeBillKind::Refund => "REFUND",
        TradeBillKind::RechargeRefund => "RECHARGE_REFUND",
    };
    document(who(merchant, algorithm).into_iter().chain([
        ("bill_date", date.as_str()),
        ("bill_type", kind),
        ("tar_type", form.name()),
    ]))
}

/// The request for a fund bill, without nonce and signature. The gateway wants the merchant's
/// client certificate, and a signature by [`SignType::HmacSha256`].
///
/// ```
/// use saoma_core::api::{Merchant, seal};
/// use saoma_core::bill::{BillDate, BillForm, FundAccount, fund_bill};
/// use saoma_core::ids::{AppId, MchId, Nonce};
/// use saoma_core::sign::{ApiKey, SignType};
///
/// # let merchant = Merchant {
/// #     mch_id: MchId::new("1900000109")?,
/// #     app_id: AppId::new("wx5a0mademeup0001")?,
/// #     key: ApiKey::new("192006250b4c09247ec02edce69f6a2d")?,
/// #     sign_type: SignType::Md5,
/// # };
/// let date = BillDate::parse("20261122")?;
/// let doc = fund_bill(&merchant, &date, FundAccount::Basic, BillForm::Text);
/// let mut xml = String::new();
/// seal(doc, &Nonce::from_random([7; 16]), &merchant, SignType::HmacSha256, &mut xml)?;
/// assert!(xml.contains("<sign_type>HMAC-SHA256</sign_type>"));
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[must_use]
pub fn fund_bill<'a>(
    merchant: &'a Merchant,
    date: &'a BillDate,
    account: FundAccount,
    form: BillForm,
) -> Draft<'a> {
    let account = match account {
        FundAccount::Basic => "Basic",
        FundAccount::Operation => "Operation",
        FundAccount::Fees => "Fees",
    };
    document(who(merchant, SignType::HmacSha256).into_iter().chain([
        ("bill_date", date.as_str()),
        ("account_type", account),
        ("tar_type", form.name()),
    ]))
}
