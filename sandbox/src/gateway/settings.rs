//! What a merchant has set in its console, and WeChat for it: changed while the gateway runs.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Gateway, RefundError};
use crate::merchant::{BillFormat, Merchant};
use crate::sign::Key;

/// The most bytes of an address.
const URL_BYTES_MAX: usize = 256;

/// How many keys of before are remembered.
const OLD_KEYS_MAX: usize = 8;
/// The whole, in hundredths of a percent.
const WHOLE_BP: u16 = 10_000;

/// A change of what is set for a merchant; what is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettingsChange {
    /// The API key. It counts at once: what is signed by the old one is refused from then on, and
    /// whatever is said afterwards is signed by the new one. What was made before is sent again as
    /// it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// Where scans of product codes are told; empty for nowhere.
    pub mode_one_url: Option<String>,
    /// Where the ends of refunds are told that name no address of their own; empty for nowhere.
    pub refund_notify_url: Option<String>,
    /// The columns of its trade bills.
    pub bill_format: Option<BillFormat>,
    /// WeChat's fee in hundredths of a percent, for payments from now on.
    pub fee_bp: Option<u16>,
    /// Whether bills may be fetched.
    pub bills_open: Option<bool>,
}

/// What is set for a merchant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SettingsView {
    /// The merchant.
    pub mch_id: String,
    /// Where scans of product codes are told.
    pub mode_one_url: Option<String>,
    /// Where the ends of refunds are told that name no address of their own.
    pub refund_notify_url: Option<String>,
    /// The columns of its trade bills.
    pub bill_format: BillFormat,
    /// WeChat's fee in hundredths of a percent.
    pub fee_bp: u16,
    /// Whether bills may be fetched.
    pub bills_open: bool,
}

/// Why nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingsError {
    /// It is not said which merchant, or there is none.
    Merchant(RefundError),
    /// An address is not an absolute http or https one of at most 256 bytes.
    Url {
        /// Which.
        name: &'static str,
    },
    /// The fee is more than everything.
    Fee,
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Merchant(error) => error.fmt(f),
            Self::Url { name } => write!(f, "{name} must be an http or https address"),
            Self::Fee => write!(f, "fee_bp must be 0 to {WHOLE_BP}"),
        }
    }
}

impl std::error::Error for SettingsError {}

impl Gateway {
    /// Changes what is set for a merchant, and says what it is then. The merchant may be left out
    /// while there is one.
    ///
    /// # Errors
    ///
    /// Why nothing was changed.
    pub fn change_settings(
        &mut self,
        mch_id: Option<&str>,
        change: &SettingsChange,
    ) -> Result<SettingsView, SettingsError> {
        let mch_id = self.merchant_meant(mch_id).map_err(SettingsError::Merchant)?;
        let no_merchant = SettingsError::Merchant(RefundError::UnknownMerchant);
        let scans = address("mode_one_url", change.mode_one_url.as_deref())?;
        let refunds = address("refund_notify_url", change.refund_notify_url.as_deref())?;
        if change.fee_bp.is_some_and(|bp| bp > WHOLE_BP) {
            return Err(SettingsError::Fee);
        }
        let merchant = Arc::make_mut(self.merchants.get_mut(&mch_id).ok_or(no_merchant)?);
        if let Some(url) = scans {
            merchant.mode_one_url = url;
        }
        if let Some(url) = refunds {
            merchant.refund_notify_url = url;
        }
        if let Some(key) = &change.key {
            let old = std::mem::replace(&mut merchant.key, key.clone());
            merchant.old_keys.insert(0, old);
            merchant.old_keys.truncate(OLD_KEYS_MAX);
        }
        let bills = &mut merchant.bills;
        bills.format = change.bill_format.unwrap_or(bills.format);
        bills.fee_bp = change.fee_bp.unwrap_or(bills.fee_bp);
        bills.open = change.bills_open.unwrap_or(bills.open);
        Ok(view(merchant))
    }
}

fn view(merchant: &Merchant) -> SettingsView {
    SettingsView {
        mch_id: merchant.mch_id.clone(),
        mode_one_url: merchant.mode_one_url.clone(),
        refund_notify_url: merchant.refund_notify_url.clone(),
        bill_format: merchant.bills.format,
        fee_bp: merchant.bills.fee_bp,
        bills_open: merchant.bills.open,
    }
}

/// A new address, if one is given; an empty one takes away what was there.
fn address(
    name: &'static str,
    given: Option<&str>,
) -> Result<Option<Option<String>>, SettingsError> {
    match given {
        None => Ok(None),
        Some("") => Ok(Some(None)),
        Some(url) if is_address(url) => Ok(Some(Some(url.to_owned()))),
        Some(_) => Err(SettingsError::Url { name }),
    }
}

fn is_address(url: &str) -> bool {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    let has_host = rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'));
    has_host && url.len() <= URL_BYTES_MAX && url.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{MCH_ID, NOW, Shop};
    use super::super::{Code, Event, Tender};
    use super::*;
    use crate::sign::{self, Algorithm};
    use crate::xml::Document;

    fn change(shop: &mut Shop, new: &SettingsChange) -> Result<SettingsView, SettingsError> {
        shop.gateway.change_settings(Some(MCH_ID), new)
    }

    #[test]
    fn what_is_not_named_stays() {
        let mut shop = Shop::new();
        let url = Some("http://127.0.0.1:9000/scan?shop=1".to_owned());
        let changed = change(
            &mut shop,
            &SettingsChange { mode_one_url: url.clone(), ..SettingsChange::default() },
        );
        let expected = SettingsView {
            mch_id: MCH_ID.into(),
            mode_one_url: url.clone(),
            refund_notify_url: None,
            bill_format: BillFormat::Current,
            fee_bp: 60,
            bills_open: true,
        };
        assert_eq!(changed, Ok(expected));
        let old = SettingsChange {
            bill_format: Some(BillFormat::Old),
            bills_open: Some(false),
            ..SettingsChange::default()
        };
        let changed = change(&mut shop, &old).unwrap();
        assert_eq!((changed.bill_format, changed.bills_open), (BillFormat::Old, false));
        assert_eq!(changed.mode_one_url, url);
        let refunds = Some("http://127.0.0.1:9000/refunds".to_owned());
        let set =
            SettingsChange { refund_notify_url: refunds.clone(), ..SettingsChange::default() };
        let changed = change(&mut shop, &set).unwrap();
        assert_eq!((changed.mode_one_url, changed.refund_notify_url), (url, refunds));
        let nowhere =
            SettingsChange { mode_one_url: Some(String::new()), ..SettingsChange::default() };
        assert_eq!(change(&mut shop, &nowhere).unwrap().mode_one_url, None);
    }

    #[test]
    fn a_new_key_counts_at_once() {
        let mut shop = Shop::new();
        let (before, after) = ("SM20261123000001", "SM20261123000002");
        shop.order(before, &[]);
        let old_key = std::mem::replace(&mut shop.key, "n".repeat(32));
        assert_eq!(shop.raw_order(after).code, Some(Code::SignError), "not yet");
        let key = Key::new(&shop.key);
        change(&mut shop, &SettingsChange { key, ..SettingsChange::default() }).unwrap();
        // Answers and notifications are signed by it; this looks at the answer's signature.
        shop.order(after, &[]);
        shop.pay(before, Tender::default()).unwrap();
        let notice = shop.gateway.poll(shop.now).send.remove(0).body;
        let notice = Document::read(notice.as_bytes()).unwrap();
        let by = |key: &str| {
            let key = Key::new(key).unwrap();
            sign::verify(notice.iter(), &key, Algorithm::Md5, notice.get("sign").unwrap())
        };
        assert!(by(&shop.key) && !by(&old_key));
        shop.key = old_key;
        assert_eq!(shop.raw_order(after).code, Some(Code::SignError), "not any more");
    }

    #[test]
    fn a_new_fee_is_that_of_later_payments() {
        let mut shop = Shop::new();
        for (no, fee_bp) in [("SM20261123000001", 0), ("SM20261123000002", 100)] {
            let fee = SettingsChange { fee_bp: Some(fee_bp), ..SettingsChange::default() };
            change(&mut shop, &fee).unwrap();
            shop.order(no, &[]);
            shop.pay(no, Tender::default()).unwrap();
        }
        let fees = shop.gateway.ledger(MCH_ID, NOW).iter().map(|entry| match entry.event {
            Event::Paid { fee_fen, .. } => fee_fen,
            _ => panic!("{entry:?}"),
        });
        assert_eq!(fees.collect::<Vec<_>>(), [0, 18]);
    }

    #[test]
    fn what_does_not_fit_changes_nothing() {
        let mut shop = Shop::new();
        let before = change(&mut shop, &SettingsChange::default()).unwrap();
        let long = format!("http://{}", "x".repeat(250));
        for url in ["ftp://x/", "http://", "http:///scan", "http://a b/", long.as_str(), "scan"] {
            let scans = SettingsChange {
                mode_one_url: Some(url.to_owned()),
                fee_bp: Some(1),
                ..SettingsChange::default()
            };
            let refused = Err(SettingsError::Url { name: "mode_one_url" });
            assert_eq!(change(&mut shop, &scans), refused, "{url}");
            let refunds = SettingsChange {
                refund_notify_url: Some(url.to_owned()),
                bills_open: Some(false),
                ..SettingsChange::default()
            };
            let refused = Err(SettingsError::Url { name: "refund_notify_url" });
            assert_eq!(change(&mut shop, &refunds), refused, "{url}");
        }
        let wrong = SettingsChange {
            fee_bp: Some(WHOLE_BP + 1),
            bills_open: Some(false),
            ..SettingsChange::default()
        };
        assert_eq!(change(&mut shop, &wrong), Err(SettingsError::Fee));
        assert_eq!(change(&mut shop, &SettingsChange::default()), Ok(before));
        let unnamed = shop.gateway.change_settings(None, &SettingsChange::default());
        assert_eq!(unnamed, Err(SettingsError::Merchant(RefundError::AmbiguousMerchant)));
        let unknown = shop.gateway.change_settings(Some("1"), &SettingsChange::default());
        assert_eq!(unknown, Err(SettingsError::Merchant(RefundError::UnknownMerchant)));
    }
}
