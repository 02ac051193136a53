//! The merchants that the gateway knows.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::sign::{self, Algorithm, Key};

/// A merchant: who it is, the key it signs with, and the name that the phone shows.
#[derive(Clone, Debug)]
pub struct Merchant {
    /// The merchant number: 1 to 32 digits.
    pub mch_id: String,
    /// The appid bound to it: 1 to 32 letters and digits.
    pub appid: String,
    /// More of them: one merchant number may serve several apps.
    pub more_appids: Vec<String>,
    /// The API key.
    pub key: Key,
    /// The keys that counted before it, newest first. They count no more.
    pub(crate) old_keys: Vec<Key>,
    /// The name on the phone: 1 to 64 bytes.
    pub shop: String,
    /// Where the ends of its refunds are told that name no address of their own: the address that
    /// is set in the merchant's console.
    pub refund_notify_url: Option<String>,
    /// How its bills look.
    pub bills: BillSettings,
    /// Where scans of its product codes are told: the address that is set in the merchant's console
    /// for mode one. Without it nobody can buy by a product code.
    pub mode_one_url: Option<String>,
}

/// How a merchant's bills look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BillSettings {
    /// Which set of columns they have.
    pub format: BillFormat,
    /// WeChat's fee in hundredths of a percent of what is settled: 60 is 0.60%, 10000 everything.
    pub fee_bp: u16,
    /// Whether bills may be fetched at all.
    pub open: bool,
}

impl Default for BillSettings {
    /// Today's columns, 0.60%, open.
    fn default() -> Self {
        Self { format: BillFormat::Current, fee_bp: 60, open: true }
    }
}

/// A set of columns of trade bills (`docs/protocol.md` §11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BillFormat {
    /// Today's: 27 columns, of one kind 20 (payments) or 29 (refunds).
    Current,
    /// Of merchants from before 2018: 24, 18 and 26.
    Old,
}

/// The most bytes a shop's name may have.
pub const SHOP_BYTES_MAX: usize = 64;

/// What is wrong with a merchant. Never says the key, nor the text that was to hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MerchantError {
    /// Not `MCH_ID:APPID:KEY` or `MCH_ID:APPID:KEY:SHOP NAME`.
    Parts,
    /// The merchant number is not 1 to 32 digits.
    MchId,
    /// The appid is not 1 to 32 letters and digits.
    Appid,
    /// The key is not 32 visible ASCII characters.
    Key,
    /// The shop's name is not 1 to 64 bytes without control characters.
    Shop,
}

impl fmt::Display for MerchantError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Parts => "a merchant is MCH_ID:APPID:KEY or MCH_ID:APPID:KEY:SHOP NAME",
            Self::MchId => "MCH_ID must be 1 to 32 digits",
            Self::Appid => "APPID must be 1 to 32 letters and digits",
            Self::Key => "KEY must be 32 visible ASCII characters",
            Self::Shop => "SHOP NAME must be 1 to 64 bytes without control characters",
        })
    }
}

impl std::error::Error for MerchantError {}

impl Merchant {
    /// A merchant whose parts fit.
    ///
    /// # Errors
    ///
    /// The first part that does not fit.
    pub fn new(mch_id: &str, appid: &str, key: &str, shop: &str) -> Result<Self, MerchantError> {
        if !fits(mch_id, u8::is_ascii_digit) {
            return Err(MerchantError::MchId);
        }
        if !is_appid(appid) {
            return Err(MerchantError::Appid);
        }
        let key = Key::new(key).ok_or(MerchantError::Key)?;
        if !(1..=SHOP_BYTES_MAX).contains(&shop.len()) || shop.chars().any(char::is_control) {
            return Err(MerchantError::Shop);
        }
        Ok(Self {
            mch_id: mch_id.to_owned(),
            appid: appid.to_owned(),
            more_appids: Vec::new(),
            key,
            shop: shop.to_owned(),
            refund_notify_url: None,
            bills: BillSettings::default(),
            mode_one_url: None,
            old_keys: Vec::new(),
        })
    }

    /// Whether an appid is bound to it.
    pub(crate) fn has_appid(&self, appid: &str) -> bool {
        self.appid == appid || self.more_appids.iter().any(|more| more == appid)
    }

    /// All that the gateway's answers depend on, by name: a replay must have the same. Instead of
    /// the key there is a signature made with it.
    pub(crate) fn settings(&self) -> BTreeMap<&'static str, String> {
        // Names every field, so that a new one is not forgotten. No answer depends on old keys.
        let Self {
            mch_id,
            appid,
            more_appids,
            key,
            old_keys: _,
            shop,
            refund_notify_url,
            bills,
            mode_one_url,
        } = self;
        let appids: Vec<&str> =
            std::iter::once(appid).chain(more_appids).map(String::as_str).collect();
        let BillSettings { format, fee_bp, open } = bills;
        let key = sign::sign([("purpose", "saoma-sandbox state")], key, Algorithm::HmacSha256);
        BTreeMap::from([
            ("mch_id", mch_id.clone()),
            ("appid", appids.join(" ")),
            ("key", key),
            ("shop", shop.clone()),
            ("refund_notify_url", refund_notify_url.clone().unwrap_or_default()),
            ("mode_one_url", mode_one_url.clone().unwrap_or_default()),
            ("bill_format", format!("{format:?}").to_lowercase()),
            ("fee_bp", fee_bp.to_string()),
            ("bills_open", open.to_string()),
        ])
    }

    /// Reads `MCH_ID:APPID:KEY[:SHOP NAME]`. Without a name the shop is called after its number.
    ///
    /// # Errors
    ///
    /// The first part that does not fit.
    pub fn from_argument(text: &str) -> Result<Self, MerchantError> {
        let parts: Vec<_> = text.splitn(4, ':').collect();
        match parts[..] {
            [mch_id, appid, key] => Self::new(mch_id, appid, key, &format!("商户{mch_id}")),
            [mch_id, appid, key, shop] => Self::new(mch_id, appid, key, shop),
            _ => Err(MerchantError::Parts),
        }
    }
}

fn fits(text: &str, each: fn(&u8) -> bool) -> bool {
    (1..=32).contains(&text.len()) && text.as_bytes().iter().all(each)
}

pub(crate) fn is_appid(text: &str) -> bool {
    fits(text, u8::is_ascii_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "192006250b4c09247ec02edce69f6a2d";

    #[test]
    fn an_argument_is_read_with_and_without_a_shop_name() {
        let named =
            Merchant::from_argument(&format!("1900000109:wx5a0:{KEY}:扫码 Cafe: east")).unwrap();
        assert_eq!(named.shop, "扫码 Cafe: east");
        let unnamed = Merchant::from_argument(&format!("1900000109:wx5a0:{KEY}")).unwrap();
        assert_eq!((unnamed.shop.as_str(), unnamed.appid.as_str()), ("商户1900000109", "wx5a0"));
    }

    #[test]
    fn each_part_is_checked() {
        let error = |text: &str| Merchant::from_argument(text).unwrap_err();
        assert_eq!(error(""), MerchantError::Parts);
        assert_eq!(error("1:2"), MerchantError::Parts);
        assert_eq!(error(&format!("x:wx:{KEY}")), MerchantError::MchId);
        assert_eq!(error(&format!("{}:wx:{KEY}", "1".repeat(33))), MerchantError::MchId);
        assert_eq!(error(&format!("1:w x:{KEY}")), MerchantError::Appid);
        assert_eq!(error("1:wx:short"), MerchantError::Key);
        assert_eq!(error("1:wx:"), MerchantError::Key);
        assert_eq!(error(&format!("1:wx:{KEY}:")), MerchantError::Shop);
        assert_eq!(error(&format!("1:wx:{KEY}:a\nb")), MerchantError::Shop);
    }

    #[test]
    fn neither_a_merchant_nor_its_errors_show_the_key() {
        let merchant = Merchant::from_argument(&format!("1:wx:{KEY}")).unwrap();
        assert!(!format!("{merchant:?}").contains(KEY));
        let error = Merchant::from_argument(&format!("x:wx:{KEY}")).unwrap_err();
        assert!(!format!("{error} {error:?}").contains(KEY));
    }
}
