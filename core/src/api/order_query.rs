//! 查询订单, order query (protocol §5).

use super::answer::{Opened, open};
use super::fields::{FieldError, Fields};
use super::request::{document, who};
use super::{AnswerError, Merchant, Payment, Refusal};
use crate::ids::OutTradeNo;
use crate::sign::SignType;
use crate::xml::{Doc, Draft};

/// The request without nonce and signature; an example is at [`seal`](super::seal).
#[must_use]
pub fn order_query<'a>(
    merchant: &'a Merchant,
    algorithm: SignType,
    out_trade_no: &'a OutTradeNo,
) -> Draft<'a> {
    document(who(merchant, algorithm).into_iter().chain([("out_trade_no", out_trade_no.as_str())]))
}

/// What WeChat says to a query. What else a paid order's answer tells,
/// [`PayDetails`](super::PayDetails) reads from the same document.
///
/// ```
/// use saoma_core::api::{Merchant, OrderQueryAnswer, TradeState};
/// # use saoma_core::ids::{AppId, MchId};
/// use saoma_core::ids::OutTradeNo;
/// use saoma_core::sign::SignType;
/// use saoma_core::xml::Doc;
///
/// # use saoma_core::sign::ApiKey;
/// # let merchant = Merchant {
/// #     mch_id: MchId::new("1900000109")?,
/// #     app_id: AppId::new("wx5a0mademeup0001")?,
/// #     key: ApiKey::new("192006250b4c09247ec02edce69f6a2d")?,
/// #     sign_type: SignType::Md5,
/// # };
/// let answer = "<xml>
/// <return_code>SUCCESS</return_code><return_msg>OK</return_msg>
/// <appid>wx5a0mademeup0001</appid><mch_id>1900000109</mch_id><device_info></device_info>
/// <nonce_str>YAg2zvYXwM0rJxTM</nonce_str><result_code>SUCCESS</result_code>
/// <total_fee>1</total_fee><out_trade_no>SM20261123192600000001</out_trade_no>
/// <trade_state>NOTPAY</trade_state><trade_state_desc>订单未支付</trade_state_desc>
/// <sign>290FE5593E261A5AAE374C2A4CB60F6B</sign></xml>";
/// let doc: Doc<'_> = Doc::read(answer.as_bytes())?;
/// let number = OutTradeNo::new("SM20261123192600000001")?;
/// match OrderQueryAnswer::read(&doc, &merchant, SignType::Md5, &number)? {
///     OrderQueryAnswer::State(TradeState::Paid(payment)) => println!("{}", payment.total_fee),
///     OrderQueryAnswer::State(TradeState::NotPaid) => println!("ask again later"),
///     OrderQueryAnswer::State(TradeState::Closed) => println!("nobody will pay it"),
///     OrderQueryAnswer::Refused(refusal) => println!("{refusal}"),
/// }
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderQueryAnswer {
    /// The number's state.
    State(TradeState),
    /// A signed refusal.
    Refused(Refusal),
}

/// A number's state, `trade_state`; an example is at [`OrderQueryAnswer`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TradeState {
    /// `SUCCESS`, or `REFUND`: it was paid.
    Paid(Payment),
    /// `NOTPAY`, `USERPAYING`, `ACCEPT`: not paid yet. Never final, not even after the expiry.
    NotPaid,
    /// `CLOSED`, `REVOKED`, `PAYERROR`: it will not be paid any more.
    Closed,
}

impl OrderQueryAnswer {
    /// Reads the answer to a query for `out_trade_no`.
    ///
    /// # Errors
    /// [`AnswerError`]: the outcome is unknown.
    pub fn read<const N: usize>(
        doc: &Doc<'_, N>,
        merchant: &Merchant,
        algorithm: SignType,
        out_trade_no: &OutTradeNo,
    ) -> Result<Self, AnswerError> {
        let fields = match open(doc, merchant, algorithm)? {
            Opened::Success(fields) => fields,
            Opened::Fail(refusal) => return Ok(Self::Refused(refusal)),
        };
        fields.exactly("out_trade_no", out_trade_no.as_str())?;
        Ok(Self::State(read_state(fields)?))
    }
}

fn read_state<const N: usize>(fields: Fields<'_, '_, N>) -> Result<TradeState, FieldError> {
    let state: heapless::String<32> = fields.required("trade_state")?.head();
    match state.as_str() {
        "SUCCESS" => Ok(TradeState::Paid(Payment::read(fields)?)),
        "REFUND" => Ok(TradeState::Paid(Payment { refunded: true, ..Payment::read(fields)? })),
        "USERPAYING" if crate::planted!("user-paying-is-closed") => Ok(TradeState::Closed),
        "CLOSED" if crate::planted!("refunded-is-closed") => Ok(TradeState::Closed),
        "NOTPAY" | "USERPAYING" | "ACCEPT" => Ok(TradeState::NotPaid),
        // A wholly refunded order has been seen as closed: with a transaction it was paid.
        "CLOSED" if fields.optional("transaction_id")?.is_some() => {
            Ok(TradeState::Paid(Payment { refunded: true, ..Payment::read(fields)? }))
        }
        "CLOSED" | "REVOKED" | "PAYERROR" => Ok(TradeState::Closed),
        _ => Err(super::fields::invalid("trade_state")),
    }
}
