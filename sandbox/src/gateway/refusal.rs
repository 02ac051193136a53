//! What the gateway says when it does not do what it was asked.
//!
//! There are two levels (`docs/protocol.md` §1). Before the signature has proved who asks, an
//! answer is `return_code` FAIL with a `return_msg`, unsigned and without a code: the codes below
//! that belong to that level reach a person by the log and by the answer's `Saoma-Sandbox-Code`
//! header, never in the document. After it, an answer is `result_code` FAIL with `err_code` and
//! `err_code_des`, and is signed.

/// A code of the error tables (`docs/protocol.md` §4 to §12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The call was not a POST.
    RequirePostMethod,
    /// The body is empty.
    PostDataEmpty,
    /// The body is not UTF-8.
    NotUtf8,
    /// The body is not a v2 document.
    XmlFormatError,
    /// A required field is missing.
    LackParams,
    /// A field does not fit.
    ParamError,
    /// The merchant is not known.
    MchIdNotExist,
    /// No merchant has this appid.
    AppidNotExist,
    /// The appid belongs to another merchant.
    AppidMchIdNotMatch,
    /// The signature is not that of the fields.
    SignError,
    /// The product is not opened for the merchant.
    NoAuth,
    /// The request contradicts an earlier one, or comes too early.
    InvalidRequest,
    /// The order is paid.
    OrderPaid,
    /// The order is closed.
    OrderClosed,
    /// The order is not known.
    OrderNotExist,
    /// A timeout inside the gateway: whether the call had an effect is not known.
    SystemError,
    /// The number is used, with other parameters.
    OutTradeNoUsed,
    /// Too many calls.
    FrequencyLimited,
    /// The balance is too low: the user's, or for refunds the merchant's.
    NotEnough,
    /// A refund came at the same time as another one, and is refused for now.
    BizErrNeedRetry,
    /// Too many wrong calls: blocked for a while.
    InvalidReqTooMuch,
    /// The order is still being worked on.
    OrderNotReady,
    /// The user's account is gone.
    UserAccountAbnormal,
    /// The payment is older than a year.
    TradeOverdue,
    /// The amounts are not those of the earlier call with this refund number.
    RefundFeeMismatch,
    /// Another error; its text says which.
    Error,
    /// The `transaction_id` is not one.
    InvalidTransactionId,
    /// The client certificate is missing, or not the merchant's.
    CertError,
    /// The refund is not known.
    RefundNotExist,
    /// A call for a bill was wrong; its text says how.
    BillInvalid,
    /// There is no bill: nothing happened on the day, or it is too early.
    BillMissing,
    /// Bills are closed for the merchant.
    BillClosed,
}

impl Code {
    /// The code as it stands in `err_code`, of a bill in `error_code`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RequirePostMethod => "REQUIRE_POST_METHOD",
            Self::PostDataEmpty => "POST_DATA_EMPTY",
            Self::NotUtf8 => "NOT_UTF8",
            Self::XmlFormatError => "XML_FORMAT_ERROR",
            Self::LackParams => "LACK_PARAMS",
            Self::ParamError => "PARAM_ERROR",
            Self::MchIdNotExist => "MCHID_NOT_EXIST",
            Self::AppidNotExist => "APPID_NOT_EXIST",
            Self::AppidMchIdNotMatch => "APPID_MCHID_NOT_MATCH",
            Self::SignError => "SIGNERROR",
            Self::NoAuth => "NOAUTH",
            Self::InvalidRequest => "INVALID_REQUEST",
            Self::OrderPaid => "ORDERPAID",
            Self::OrderClosed => "ORDERCLOSED",
            Self::OrderNotExist => "ORDERNOTEXIST",
            Self::SystemError => "SYSTEMERROR",
            Self::OutTradeNoUsed => "OUT_TRADE_NO_USED",
            Self::FrequencyLimited => "FREQUENCY_LIMITED",
            Self::NotEnough => "NOTENOUGH",
            Self::BizErrNeedRetry => "BIZERR_NEED_RETRY",
            Self::InvalidReqTooMuch => "INVALID_REQ_TOO_MUCH",
            Self::OrderNotReady => "ORDER_NOT_READY",
            Self::UserAccountAbnormal => "USER_ACCOUNT_ABNORMAL",
            Self::TradeOverdue => "TRADE_OVERDUE",
            Self::RefundFeeMismatch => "REFUND_FEE_MISMATCH",
            Self::Error => "ERROR",
            Self::InvalidTransactionId => "INVALID_TRANSACTIONID",
            Self::CertError => "CERT_ERROR",
            Self::RefundNotExist => "REFUNDNOTEXIST",
            Self::BillInvalid => "20001",
            Self::BillMissing => "20002",
            Self::BillClosed => "20007",
        }
    }
}

/// A refusal: its code, the text that WeChat shows for it, and what helps whoever has to find the
/// mistake (in the log only). On which level it is said is known by where it arises.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: Code,
    pub(super) text: String,
    pub(super) detail: Option<String>,
}

impl Refusal {
    pub(super) fn new(code: Code, text: impl Into<String>) -> Self {
        Self { code, text: text.into(), detail: None }
    }

    pub(super) fn with_detail(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    /// A required field is missing or empty.
    pub(super) fn lacks(name: &str) -> Self {
        Self::new(Code::LackParams, format!("缺少参数{name}"))
    }

    /// A field is too long or too short.
    pub(super) fn length(name: &str) -> Self {
        Self::new(Code::ParamError, format!("{name}参数长度有误"))
    }

    /// A field does not look as it must.
    pub(super) fn format(name: &str) -> Self {
        Self::new(Code::ParamError, format!("{name}参数格式错误"))
    }
}
