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
    /// A timeout inside the gateway while it made a bill.
    BillSystemError,
    /// The same under the code that old pages have for it.
    BillTimeout,
    /// The same, of another machine.
    BillMachineError,
    /// A bill cannot be packed.
    BillPacking,
    /// A bill that was kept packed cannot be unpacked.
    BillUnpacking,
}

impl Code {
    /// All codes.
    pub const ALL: [Self; 37] = [
        Self::RequirePostMethod,
        Self::PostDataEmpty,
        Self::NotUtf8,
        Self::XmlFormatError,
        Self::LackParams,
        Self::ParamError,
        Self::MchIdNotExist,
        Self::AppidNotExist,
        Self::AppidMchIdNotMatch,
        Self::SignError,
        Self::NoAuth,
        Self::InvalidRequest,
        Self::OrderPaid,
        Self::OrderClosed,
        Self::OrderNotExist,
        Self::SystemError,
        Self::OutTradeNoUsed,
        Self::FrequencyLimited,
        Self::NotEnough,
        Self::BizErrNeedRetry,
        Self::InvalidReqTooMuch,
        Self::OrderNotReady,
        Self::UserAccountAbnormal,
        Self::TradeOverdue,
        Self::RefundFeeMismatch,
        Self::Error,
        Self::InvalidTransactionId,
        Self::CertError,
        Self::RefundNotExist,
        Self::BillInvalid,
        Self::BillMissing,
        Self::BillClosed,
        Self::BillSystemError,
        Self::BillTimeout,
        Self::BillMachineError,
        Self::BillPacking,
        Self::BillUnpacking,
    ];

    /// The code that is written so.
    pub fn of(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == text)
    }

    /// Whether only bills are refused with it.
    pub(super) const fn is_of_bills(self) -> bool {
        matches!(
            self,
            Self::BillInvalid
                | Self::BillMissing
                | Self::BillClosed
                | Self::BillSystemError
                | Self::BillTimeout
                | Self::BillMachineError
                | Self::BillPacking
                | Self::BillUnpacking
        )
    }

    /// Whether an answer with it has no `error_code`, but its text alone.
    pub(super) const fn is_text_alone(self) -> bool {
        matches!(self, Self::BillPacking | Self::BillUnpacking)
    }

    /// What WeChat says with it, where nothing more is known.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::RequirePostMethod => "请使用post方法",
            Self::PostDataEmpty => "post数据为空",
            Self::NotUtf8 => "编码格式错误",
            Self::XmlFormatError => "XML格式错误",
            Self::LackParams => "缺少参数",
            Self::ParamError => "参数错误",
            Self::MchIdNotExist => "商户号mch_id或sub_mch_id不存在",
            Self::AppidNotExist => "appid不存在",
            Self::AppidMchIdNotMatch => "商户号mch_id与appid不匹配",
            Self::SignError => "签名错误",
            Self::NoAuth => "商户无此接口权限",
            Self::InvalidRequest => "参数格式有误或者未按规则上传",
            Self::OrderPaid => "该订单已支付",
            Self::OrderClosed => "该订单已关闭",
            Self::OrderNotExist => "order not exist",
            Self::SystemError => "系统错误，请稍后再试",
            Self::OutTradeNoUsed => "商户订单号重复",
            Self::FrequencyLimited => "频率限制，请稍后再试",
            Self::NotEnough => "余额不足",
            Self::BizErrNeedRetry => "业务处理中，请稍后用相同参数重试",
            Self::InvalidReqTooMuch => "无效请求过多，请稍后再试",
            Self::OrderNotReady => "订单处理中，请稍后再试",
            Self::UserAccountAbnormal => "用户账号注销",
            Self::TradeOverdue => "订单已经超过退款期限",
            Self::RefundFeeMismatch => "退款金额与之前请求不一致",
            Self::Error => "业务错误",
            Self::InvalidTransactionId => "无效transaction_id",
            Self::CertError => "证书校验错误",
            Self::RefundNotExist => "not exist",
            Self::BillInvalid => "invalid parameter",
            Self::BillMissing => "No Bill Exist",
            Self::BillClosed => "bill API closed for this merchant",
            Self::BillSystemError | Self::BillMachineError => "system error",
            Self::BillTimeout => "SYSTEMERROR",
            Self::BillPacking => "CompressGZip Error",
            Self::BillUnpacking => "UnCompressGZip Error",
        }
    }

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
            Self::BillSystemError => "20003",
            Self::BillTimeout => "100",
            Self::BillMachineError => "20100",
            Self::BillPacking => "CompressGZip Error",
            Self::BillUnpacking => "UnCompressGZip Error",
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
