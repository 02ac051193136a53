//! The calls that are answered with a signed document.

use super::{ANSWER_FIELDS_MAX, CallError, Gateway, REFUND_FIELDS_MAX, Unsent};
use crate::api::{
    Call, CloseOrderAnswer, FieldError, FieldFault, OrderQueryAnswer, RefundAnswer, RefundQuery,
    RefundQueryAnswer, SealError, ShortUrlAnswer, UnifiedOrderAnswer, close_order, order_query,
    short_url,
};
use crate::ids::{Nonce, OutRefundNo, OutTradeNo};
use crate::sign::SignType;
use crate::xml::{Doc, Draft};
use heapless::String;

#[cfg(doc)]
use crate::api::{ErrCode, Refund, UnifiedOrder};

impl Gateway {
    /// Sends a stored unified order ([`UnifiedOrder::draft`], written). The same bytes may be sent
    /// again and again, each time with another nonce; they ask for the same order.
    ///
    /// # Errors
    /// [`CallError`]: the outcome is unknown.
    pub async fn unified_order(
        &self,
        request: &[u8],
        algorithm: SignType,
        nonce: &Nonce,
    ) -> Result<UnifiedOrderAnswer, CallError> {
        let stored: Doc<'_> = Doc::read(request).map_err(Unsent::Stored)?;
        let sealed = self.sealed(Call::UnifiedOrder, &draft(&stored)?, algorithm, nonce)?;
        self.call(Call::UnifiedOrder, &sealed, |doc: &Doc<'_, ANSWER_FIELDS_MAX>| {
            UnifiedOrderAnswer::read(doc, &self.merchant, algorithm)
        })
        .await
    }

    /// Asks for the state of a number.
    ///
    /// # Errors
    /// [`CallError`]: nothing is known.
    pub async fn order_query(
        &self,
        out_trade_no: &OutTradeNo,
        algorithm: SignType,
        nonce: &Nonce,
    ) -> Result<OrderQueryAnswer, CallError> {
        let request = order_query(&self.merchant, algorithm, out_trade_no);
        let sealed = self.sealed(Call::OrderQuery, &request, algorithm, nonce)?;
        self.call(Call::OrderQuery, &sealed, |doc: &Doc<'_, ANSWER_FIELDS_MAX>| {
            OrderQueryAnswer::read(doc, &self.merchant, algorithm, out_trade_no)
        })
        .await
    }

    /// Closes a number.
    ///
    /// # Errors
    /// [`CallError`]: the outcome is unknown.
    pub async fn close_order(
        &self,
        out_trade_no: &OutTradeNo,
        algorithm: SignType,
        nonce: &Nonce,
    ) -> Result<CloseOrderAnswer, CallError> {
        let request = close_order(&self.merchant, algorithm, out_trade_no);
        let sealed = self.sealed(Call::CloseOrder, &request, algorithm, nonce)?;
        self.call(Call::CloseOrder, &sealed, |doc: &Doc<'_, ANSWER_FIELDS_MAX>| {
            CloseOrderAnswer::read(doc, &self.merchant, algorithm)
        })
        .await
    }

    /// Sends a stored refund ([`Refund::draft`], written); it needs the merchant's certificate. The
    /// same bytes may be sent again and again, each time with another nonce: the same number is
    /// the same refund. `look` is lent the answer, once, and what it makes of it is handed on.
    ///
    /// ```no_run
    /// use saoma_core::api::{PaymentNo, Refund, RefundAnswer};
    /// use saoma_core::ids::{Nonce, OutRefundNo, OutTradeNo};
    /// use saoma_core::{money::Fen, native::Gateway};
    ///
    /// # async fn give_back(gateway: &Gateway) -> Result<(), Box<dyn std::error::Error>> {
    /// let merchant = gateway.merchant();
    /// let payment = OutTradeNo::new("SM20261123192600000001")?;
    /// let number = OutRefundNo::new("R-SM20261123-0001")?;
    /// let (total, part) = (Fen::parse("2599")?, Fen::parse("599")?);
    /// let refund = Refund::new(PaymentNo::OutTrade(&payment), &number, total, part)?;
    /// // To be stored before it is sent: a new number for the same money would pay twice.
    /// let mut request = String::new();
    /// refund.draft(merchant, merchant.sign_type).write(&mut request)?;
    ///
    /// let nonce = Nonce::new("6cefdb308e1e2e8aabd48cf79e546a02")?;
    /// let refund_id = gateway
    ///     .refund(request.as_bytes(), merchant.sign_type, &nonce, |answer| match answer {
    ///         RefundAnswer::Accepted(refund) => Ok(refund.refund_id),
    ///         RefundAnswer::Refused(refusal) => Err(refusal.to_string()),
    ///     })
    ///     .await??;
    /// println!("accepted as {refund_id}; a refund query tells when it is done");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`CallError`]: the outcome is unknown, except for [`CallError::Unsent`]. Send the same bytes
    /// again.
    pub async fn refund<T>(
        &self,
        request: &[u8],
        algorithm: SignType,
        nonce: &Nonce,
        mut look: impl FnMut(RefundAnswer<'_, '_, ANSWER_FIELDS_MAX>) -> T,
    ) -> Result<T, CallError> {
        let stored: Doc<'_> = Doc::read(request).map_err(Unsent::Stored)?;
        let out_refund_no = out_refund_no(&stored).map_err(Unsent::Field)?;
        let sealed = self.sealed(Call::Refund, &draft(&stored)?, algorithm, nonce)?;
        self.call(Call::Refund, &sealed, |doc: &Doc<'_, ANSWER_FIELDS_MAX>| {
            RefundAnswer::read(doc, &self.merchant, algorithm, &out_refund_no).map(&mut look)
        })
        .await
    }

    /// Asks where refunds are; an answer holds ten at most, [`RefundQuery::offset`] asks for the
    /// others. `look` is lent the answer, once, and what it makes of it is handed on.
    ///
    /// [`ErrCode::RefundNotExist`] says that the refund never arrived: the stored request may be
    /// sent again.
    ///
    /// ```no_run
    /// use saoma_core::api::{PaymentNo, RefundNo, RefundQuery, RefundQueryAnswer};
    /// use saoma_core::{ids::{Nonce, OutTradeNo}, native::Gateway};
    ///
    /// # type Done = Result<(), Box<dyn std::error::Error>>;
    /// # async fn look_up(gateway: &Gateway, nonce: Nonce) -> Done {
    /// let payment = OutTradeNo::new("SM20261123192600000001")?;
    /// let query = RefundQuery::new(RefundNo::Payment(PaymentNo::OutTrade(&payment)));
    /// let sign_type = gateway.merchant().sign_type;
    /// gateway
    ///     .refund_query(&query, sign_type, &nonce, |answer| match answer {
    ///         RefundQueryAnswer::Found(refunds) => {
    ///             for refund in refunds.iter() {
    ///                 println!("{} {:?}", refund.out_refund_no, refund.state);
    ///             }
    ///         }
    ///         RefundQueryAnswer::Refused(refusal) => println!("{refusal}"),
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`CallError`]: nothing is known.
    pub async fn refund_query<T>(
        &self,
        query: &RefundQuery<'_>,
        algorithm: SignType,
        nonce: &Nonce,
        mut look: impl FnMut(RefundQueryAnswer<'_, '_, REFUND_FIELDS_MAX>) -> T,
    ) -> Result<T, CallError> {
        let request = query.draft(&self.merchant, algorithm);
        let sealed = self.sealed(Call::RefundQuery, &request, algorithm, nonce)?;
        self.call(Call::RefundQuery, &sealed, |doc: &Doc<'_, REFUND_FIELDS_MAX>| {
            RefundQueryAnswer::read(doc, &self.merchant, algorithm, query.number()).map(&mut look)
        })
        .await
    }

    /// Asks for a shorter link. The long one goes on working.
    ///
    /// # Errors
    /// [`CallError`]: ask again, or use the long link.
    pub async fn short_url(
        &self,
        long_url: &str,
        algorithm: SignType,
        nonce: &Nonce,
    ) -> Result<ShortUrlAnswer, CallError> {
        let request = short_url(&self.merchant, algorithm, long_url).map_err(Unsent::Value)?;
        let sealed = self.sealed(Call::ShortUrl, &request, algorithm, nonce)?;
        self.call(Call::ShortUrl, &sealed, |doc: &Doc<'_, ANSWER_FIELDS_MAX>| {
            ShortUrlAnswer::read(doc, &self.merchant, algorithm)
        })
        .await
    }
}

/// What was stored, to be sealed.
fn draft<'a>(stored: &Doc<'a>) -> Result<Draft<'a>, Unsent> {
    Draft::copy_of(stored).map_err(|error| Unsent::Seal(SealError::Push(error)))
}

/// Which refund a stored request is.
fn out_refund_no(request: &Doc<'_>) -> Result<OutRefundNo, FieldError> {
    let field = "out_refund_no";
    let text = request.get(field).ok_or(FieldError { field, fault: FieldFault::Missing })?;
    let text: Option<String<64>> = text.copied();
    let number = text.and_then(|text| OutRefundNo::new(&text).ok());
    number.ok_or(FieldError { field, fault: FieldFault::Invalid })
}
