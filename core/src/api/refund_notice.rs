//! 退款结果通知, the refund notification (protocol §10).
//!
//! It is not signed. Its content is encrypted with a key that is made of the API key, block by
//! block (AES-256-ECB), so nobody who lacks the key can write one at will; but whoever holds two
//! could put a third together from their blocks. Therefore it is only a [hint](RefundHint).

use super::fields::{missing, other};
use super::refund::RefundAccount;
use super::refund_query::RefundState;
use super::{FieldError, FieldFault, Merchant};
use crate::ids::{OutRefundNo, OutTradeNo, RefundId, TransactionId};
use crate::money::Fen;
use crate::time::UnixTime;
use crate::xml::{Doc, Text};
use aes::Aes256;
use aes::cipher::{BlockCipherDecrypt, KeyInit};
use base64ct::{Base64, Encoding};
use core::fmt;
use heapless::{String, Vec};

/// Longest `req_info` in base64 digits. The page says 1024, real ones have a little more.
const REQ_INFO_MAX: usize = 4_096;
/// One block of the cipher in bytes.
const BLOCK: usize = 16;

/// Who asked for a refund; it stands in a [`RefundHint`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefundSource {
    /// `API`: a program of ours.
    Api,
    /// `VENDOR_PLATFORM`: a person in WeChat's console, with a number that we never gave.
    VendorPlatform,
    /// A source that this version does not know, or none is named.
    Other,
}

/// What a refund notification says, which is **not proof**: before any money is counted on it, the
/// same must be asked with a refund query.
///
/// ```
/// use saoma_core::api::{ACK_SUCCESS, Merchant, RefundHint};
/// use saoma_core::xml::Doc;
///
/// fn on_refund_notice(body: &[u8], merchant: &Merchant) -> &'static str {
///     let doc: Doc<'_> = match Doc::read(body) {
///         Ok(doc) => doc,
///         Err(_) => return saoma_core::api::ACK_FAIL,
///     };
///     match RefundHint::read(&doc, merchant) {
///         // Record that a refund query is due; it decides.
///         Ok(hint) => println!("ask about {}: it may be {:?}", hint.out_refund_no, hint.state),
///         Err(error) => println!("{error}"),
///     }
///     ACK_SUCCESS
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RefundHint {
    /// WeChat's number of the payment.
    pub transaction_id: TransactionId,
    /// Ours.
    pub out_trade_no: OutTradeNo,
    /// WeChat's number of the refund.
    pub refund_id: RefundId,
    /// Ours; of an [external](Self::is_external) refund, the console's.
    pub out_refund_no: OutRefundNo,
    /// The payment's whole amount in fen.
    pub total_fee: Fen,
    /// The payment's amount without the coupons that the merchant bore.
    pub settlement_total_fee: Option<Fen>,
    /// What goes back in fen, coupons included.
    pub refund_fee: Fen,
    /// What goes back without those coupons.
    pub settlement_refund_fee: Option<Fen>,
    /// What goes back in money.
    pub cash_refund_fee: Option<Fen>,
    /// Where the refund is; never `Processing`.
    pub state: RefundState,
    /// When the money was back.
    pub success_time: Option<UnixTime>,
    /// Where the money goes, in words for the customer; the first 64 bytes.
    pub recv_account: String<64>,
    /// Where the money comes from.
    pub account: Option<RefundAccount>,
    /// Who asked for it.
    pub source: RefundSource,
}

/// Why a refund notification tells nothing; an example is at [`RefundHint`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundNoticeError {
    /// `req_info` cannot be opened. Whether it is no base64, its padding is wrong, the key is
    /// another one or the content is no document is not told: each of these differences would help
    /// somebody who tries to forge one.
    Sealed,
    /// A field is missing, invalid or somebody else's.
    Field(FieldError),
}

impl fmt::Display for RefundNoticeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sealed => f.write_str("req_info cannot be opened with this key"),
            Self::Field(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for RefundNoticeError {}

impl From<FieldError> for RefundNoticeError {
    fn from(error: FieldError) -> Self {
        Self::Field(error)
    }
}

impl RefundHint {
    /// Opens and reads a notification.
    ///
    /// # Errors
    /// [`RefundNoticeError`]: one error for everything that is wrong with `req_info` itself, and
    /// the field's name for what is wrong around and in it.
    pub fn read<const N: usize>(
        doc: &Doc<'_, N>,
        merchant: &Merchant,
    ) -> Result<Self, RefundNoticeError> {
        let outer = |name| doc.get(name).filter(|value| !value.is_empty()).ok_or(missing(name));
        for (name, expected) in [
            ("return_code", "SUCCESS"),
            ("appid", merchant.app_id.as_str()),
            ("mch_id", merchant.mch_id.as_str()),
        ] {
            if outer(name)? != expected {
                return Err(other(name).into());
            }
        }
        outer("nonce_str")?;
        let sealed = outer("req_info")?;
        let mut opened = Vec::new();
        for key in merchant.key.refund_keys() {
            // What another key makes of it may end with a good padding by chance.
            if let Some(plain) = unseal(sealed, &key, &mut opened)
                && let Ok(inner) = Doc::read_root(plain, "root")
            {
                return Ok(Self::of(&inner)?);
            }
        }
        Err(RefundNoticeError::Sealed)
    }

    fn of(inner: &Doc<'_>) -> Result<Self, FieldError> {
        let hint = Self {
            transaction_id: required(inner, "transaction_id", TransactionId::new)?,
            out_trade_no: required(inner, "out_trade_no", OutTradeNo::new)?,
            refund_id: required(inner, "refund_id", RefundId::new)?,
            out_refund_no: required(inner, "out_refund_no", OutRefundNo::new)?,
            total_fee: required(inner, "total_fee", Fen::parse)?,
            settlement_total_fee: optional(inner, "settlement_total_fee", Fen::parse)?,
            refund_fee: required(inner, "refund_fee", Fen::parse)?,
            settlement_refund_fee: optional(inner, "settlement_refund_fee", Fen::parse)?,
            cash_refund_fee: optional(inner, "cash_refund_fee", Fen::parse)?,
            state: required(inner, "refund_status", |name| match RefundState::from_name(name) {
                Ok(RefundState::Processing) | Err(()) => Err(()),
                Ok(state) => Ok(state),
            })?,
            success_time: optional(inner, "success_time", UnixTime::parse_date_time)?,
            recv_account: inner.get("refund_recv_accout").map(|t| t.head()).unwrap_or_default(),
            account: optional(inner, "refund_account", |name| {
                Ok::<_, ()>(RefundAccount::from_name(name))
            })?,
            source: optional(inner, "refund_request_source", |name| {
                Ok::<_, ()>(match name {
                    "API" => RefundSource::Api,
                    "VENDOR_PLATFORM" => RefundSource::VendorPlatform,
                    _ => RefundSource::Other,
                })
            })?
            .unwrap_or(RefundSource::Other),
        };
        if hint.refund_fee > hint.total_fee {
            return Err(FieldError { field: "refund_fee", fault: FieldFault::Invalid });
        }
        Ok(hint)
    }

    /// Whether a person made the refund in WeChat's console: record it, there is no request of
    /// ours that it answers.
    #[must_use]
    pub const fn is_external(&self) -> bool {
        match self.source {
            RefundSource::VendorPlatform => true,
            RefundSource::Api | RefundSource::Other => false,
        }
    }
}

fn optional<T, E>(
    inner: &Doc<'_>,
    field: &'static str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Option<T>, FieldError> {
    let invalid = FieldError { field, fault: FieldFault::Invalid };
    let Some(text) = inner.get(field).filter(|value| !value.is_empty()) else { return Ok(None) };
    let copy: String<64> = text.copied().ok_or(invalid)?;
    parse(&copy).map(Some).map_err(|_| invalid)
}

fn required<T, E>(
    inner: &Doc<'_>,
    field: &'static str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, FieldError> {
    optional(inner, field, parse)?.ok_or(missing(field))
}

/// Decodes and decrypts in place; `None` whatever is wrong.
fn unseal<'b>(
    req_info: Text<'_>,
    key: &[u8; 32],
    buffer: &'b mut Vec<u8, REQ_INFO_MAX>,
) -> Option<&'b [u8]> {
    buffer.clear();
    let mut fits = true;
    req_info.each(|piece| fits = fits && buffer.extend_from_slice(piece.as_bytes()).is_ok());
    let len = if fits { Base64::decode_in_place(buffer).ok()?.len() } else { 0 };
    buffer.truncate(len);
    if len == 0 || !len.is_multiple_of(BLOCK) {
        return None;
    }
    let cipher = Aes256::new(key.into());
    let (blocks, _) = buffer.as_chunks_mut::<BLOCK>();
    for block in blocks {
        cipher.decrypt_block(block.into());
    }
    let content = len.checked_sub(padding(buffer)?)?;
    buffer.get(..content)
}

/// How many bytes of padding the text ends with (PKCS#7), found without looking at where the first
/// wrong one is.
fn padding(text: &[u8]) -> Option<usize> {
    let last = *text.last()?;
    let count = usize::from(last);
    let tail = text.last_chunk::<BLOCK>()?;
    let wrong = tail
        .iter()
        .rev()
        .zip(1..)
        .fold(0, |wrong, (byte, place)| wrong | if place <= count { byte ^ last } else { 0 });
    (wrong == 0 && (1..=BLOCK).contains(&count)).then_some(count)
}

#[cfg(test)]
mod tests;
