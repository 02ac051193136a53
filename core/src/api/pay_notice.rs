//! 支付结果通知, the payment notification (protocol §9).

use super::fields::Fields;
use super::{FieldError, Merchant, Payment};
use crate::sign::Verified;

/// The answer that ends the notification's repeats, byte for byte.
pub const ACK_SUCCESS: &str = "<xml><return_code><![CDATA[SUCCESS]]></return_code>\
    <return_msg><![CDATA[OK]]></return_msg></xml>";

/// The answer that makes WeChat send the notification again, byte for byte.
pub const ACK_FAIL: &str = "<xml><return_code><![CDATA[FAIL]]></return_code>\
    <return_msg><![CDATA[SIGNERROR]]></return_msg></xml>";

/// A verified and checked notification: money has been paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayNotice {
    /// The payment.
    pub payment: Payment,
}

impl PayNotice {
    /// Reads a verified message. Only a success is ever sent; anything else is no notice.
    ///
    /// # Errors
    /// [`FieldError`] names the field that is missing, breaks its rule or is not ours.
    pub fn read<const N: usize>(
        verified: Verified<'_, '_, N>,
        merchant: &Merchant,
    ) -> Result<Self, FieldError> {
        let fields = Fields(verified);
        fields.exactly("return_code", "SUCCESS")?;
        fields.exactly("result_code", "SUCCESS")?;
        fields.exactly("appid", merchant.app_id.as_str())?;
        fields.exactly("mch_id", merchant.mch_id.as_str())?;
        fields.required("nonce_str")?;
        Ok(Self { payment: Payment::read(fields)? })
    }
}
