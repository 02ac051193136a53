//! Asking WeChat about a difference before anything is done about it.

use super::Reconciler;
use super::words::{State, Why};
use crate::config::UnknownPolicy;
use crate::service::ToldRefund;
use crate::store::{AttemptRow, BillDay, DifferenceRow, End, OrderRow, StoreError, may_have_lost};
use saoma_core::api::{
    Call, Class, ErrCode, OrderQueryAnswer, Payment, PaymentNo, RefundNo, RefundQuery,
    RefundQueryAnswer, RefundRecord, TradeState,
};
use saoma_core::ids::{AppId, OutTradeNo, TransactionId};
use saoma_core::money::Fen;
use saoma_core::native::Gateway;
use saoma_core::reconcile::{DifferenceKind, Question};
use saoma_core::sign::SignType;
use saoma_core::time::UnixTime;
use std::fmt::Display;

/// Longest pause between two questions about one difference, in seconds.
const PAUSE_MAX_S: u64 = 3_600;
/// How often a refund waits for its payment to be known, which is for some half a day. The bill may
/// be wrong about it.
const WAITS_MAX: u32 = 20;
/// Most payments of a day that go back although nobody knows their numbers, unless the
/// configuration says that all do.
const UNKNOWN_MAX: u64 = 10;
/// Refunds of one answer, and most of one payment (protocol §7, §8).
const REFUNDS_PAGE: usize = 10;
const REFUNDS_MAX: u8 = 50;

/// What WeChat says.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    /// This was paid for the number; asked in the name of this app.
    Paid(AppId, Payment),
    /// Nothing was.
    NotPaid,
    /// These are the refunds of the payment, of which this much was paid.
    Refunds(Vec<ToldRefund>, Option<Fen>),
    /// Nobody can be asked.
    Nothing(End),
    /// Nothing definite.
    Again {
        /// When to ask again.
        at: UnixTime,
        /// Why; nothing secret.
        why: String,
    },
}

/// Whom to ask, and in which algorithm.
struct Line<'r> {
    gateway: &'r Gateway,
    app_id: AppId,
    number: OutTradeNo,
    sign_type: SignType,
}

impl Reconciler {
    /// Asks about a difference and commits what follows.
    pub(super) async fn ask(&self, row: DifferenceRow) -> Result<End, StoreError> {
        let told = if let Some(end) = self.held(&row).await? {
            Told::Nothing(end)
        } else if self.payment_is_first(&row).await? {
            self.again(&row, "its payment is not known yet")
        } else if self.day_is_first(&row).await? {
            self.again(&row, "the bill of its day is still being compared")
        } else {
            match (self.line(&row).await?, row.difference().question()) {
                (Err(end), _) => Told::Nothing(end),
                (Ok(line), Question::Order) => self.ask_order(&row, &line).await,
                (Ok(line), Question::Refund) => self.ask_refunds(&row, &line).await,
                (Ok(_), Question::None | Question::Person) => Told::Nothing(row.end.clone()),
            }
        };
        if let Told::Again { why, .. } = &told {
            let (kind, number) = (row.key.kind.as_str(), &row.key.number);
            tracing::warn!(kind, number, tries = row.tries, why, "to be asked about again");
        }
        let key = row.key.clone();
        let end = self.service().end_difference(row, told).await?;
        tracing::info!(
            mch_id = key.mch_id.as_str(),
            bill_date = key.date.as_str(),
            kind = key.kind.as_str(),
            number = key.number,
            state = end.state.words().name,
            why = end.why.words().name,
            "a difference"
        );
        Ok(end)
    }

    /// Why a payment for a number that nobody here knows must be left to a person: the money may be
    /// another server's under the same merchant number.
    async fn held(&self, row: &DifferenceRow) -> Result<Option<End>, StoreError> {
        let is_unknown = row.key.kind == DifferenceKind::MissingHere && row.order_id.is_empty();
        let why = match self.policy(&row.key.mch_id) {
            _ if !is_unknown => return Ok(None),
            UnknownPolicy::All => return Ok(None),
            UnknownPolicy::Hold if saoma_core::planted!("bill-hold-ignored") => return Ok(None),
            UnknownPolicy::Hold => "bill_unknown is \"hold\"".to_owned(),
            UnknownPolicy::Ours => {
                let mut reader = self.service().store.reader().await?;
                let count = DifferenceRow::unknown_of(&mut reader, &row.key).await?;
                let most = match () {
                    () if saoma_core::planted!("bill-thirteen-unknown-go-back") => 13,
                    () if saoma_core::planted!("bill-nine-unknown-go-back") => 9,
                    () => UNKNOWN_MAX,
                };
                if count <= most || saoma_core::planted!("bill-unknown-any-count") {
                    return Ok(None);
                }
                // Of what this database may have lost each refund waits by itself.
                let number = OutTradeNo::new(&row.out_trade_no);
                if let Ok(number) = number
                    && may_have_lost(&mut reader, &number).await?
                {
                    return Ok(None);
                }
                format!(
                    "{count} unknown payments on one day: does another server use the merchant?"
                )
            }
        };
        Ok(Some(End::new(State::Open, Why::Held, why)))
    }

    /// Whether a refund's payment is still to be taken: it stands in the bill as well, so WeChat is
    /// asked about it, and only then can its order be told what went back.
    async fn payment_is_first(&self, row: &DifferenceRow) -> Result<bool, StoreError> {
        if row.difference().question() != Question::Refund || row.tries > WAITS_MAX {
            return Ok(false);
        }
        let Ok(number) = OutTradeNo::new(&row.out_trade_no) else { return Ok(false) };
        let mut reader = self.service().store.reader().await?;
        let Some(attempt) = AttemptRow::get(&mut reader, &number).await? else { return Ok(false) };
        let order = OrderRow::get(&mut reader, &attempt.order_id).await?;
        let order = order.ok_or(StoreError::Corrupt("order_id"))?.order;
        Ok(order.captured(attempt.index).is_none())
    }

    /// Whether the rest of a day's bill is still to be looked at: only then is it known how many of
    /// its payments nobody here knows. Somebody else may be at it, or have died over it.
    async fn day_is_first(&self, row: &DifferenceRow) -> Result<bool, StoreError> {
        let is_unknown = row.key.kind == DifferenceKind::MissingHere && row.order_id.is_empty();
        if !is_unknown || self.policy(&row.key.mch_id) != UnknownPolicy::Ours {
            return Ok(false);
        }
        let mut reader = self.service().store.reader().await?;
        let day = BillDay::get(&mut reader, &row.key.mch_id, &row.key.date).await?;
        Ok(day.is_none_or(|day| !day.is_compared))
    }

    /// The line to WeChat on which a number can be asked about, or why there is none.
    async fn line(&self, row: &DifferenceRow) -> Result<Result<Line<'_>, End>, StoreError> {
        let nobody = |note: &str| Ok(Err(End::new(State::Open, Why::NobodyToAsk, note)));
        let Ok(number) = OutTradeNo::new(&row.out_trade_no) else {
            return nobody("this is no number that WeChat could be asked about");
        };
        let attempt = AttemptRow::get(&mut self.service().store.reader().await?, &number).await?;
        let mch_id = &row.key.mch_id;
        let sellers = &self.service().context.sellers;
        let (app_id, sign_type) = match attempt {
            Some(attempt) if attempt.mch_id != *mch_id => {
                let note = format!("the number belongs to merchant {}", attempt.mch_id);
                return Ok(Err(End::new(State::Open, Why::Conflict, note)));
            }
            Some(attempt) => (Some(attempt.app_id), Some(attempt.sign_type)),
            None => (AppId::new(&row.app_id).ok(), None),
        };
        // A record of ours without an attempt does not know its app: any of the merchant's asks.
        let same_app = |id: &AppId| app_id.as_ref().is_none_or(|app_id| app_id == id);
        let seller = sellers.sellers.iter().map(|seller| &seller.merchant);
        let mut seller = seller.filter(|who| who.mch_id == *mch_id && same_app(&who.app_id));
        let Some(seller) = seller.next() else {
            return nobody("add the app to the merchant's apps and compare the day again");
        };
        let Some(gateway) = self.gateway(&seller.mch_id, &seller.app_id) else {
            return nobody("the merchant is not in the configuration");
        };
        let sign_type = sign_type.unwrap_or(seller.sign_type);
        Ok(Ok(Line { gateway, app_id: seller.app_id.clone(), number, sign_type }))
    }

    async fn ask_order(&self, row: &DifferenceRow, line: &Line<'_>) -> Told {
        let nonce = match self.service().context.nonce() {
            Ok(nonce) => nonce,
            Err(error) => return self.again(row, error),
        };
        match line.gateway.order_query(&line.number, line.sign_type, &nonce).await {
            Err(error) => self.again(row, error),
            Ok(OrderQueryAnswer::State(TradeState::Paid(payment))) => {
                Told::Paid(line.app_id.clone(), payment)
            }
            Ok(OrderQueryAnswer::State(TradeState::NotPaid | TradeState::Closed)) => Told::NotPaid,
            Ok(OrderQueryAnswer::Refused(refusal)) => match refusal.class(Call::OrderQuery) {
                Class::NotFound | Class::NewNumber => Told::NotPaid,
                _ => self.again(row, refusal),
            },
        }
    }

    async fn ask_refunds(&self, row: &DifferenceRow, line: &Line<'_>) -> Told {
        // Not by the number: if it was paid twice, WeChat may tell of the other payment.
        let Ok(payment) = TransactionId::new(&row.transaction_id) else {
            let note = "this is no payment that WeChat could be asked about";
            return Told::Nothing(End::new(State::Open, Why::NobodyToAsk, note));
        };
        let (mut refunds, mut total) = (Vec::new(), None);
        for offset in (0..REFUNDS_MAX).step_by(REFUNDS_PAGE) {
            match self.refunds_from(line, &payment, offset).await {
                Ok((page, paid)) => {
                    total = paid.or(total);
                    let is_last = page.len() < REFUNDS_PAGE;
                    refunds.extend(page);
                    if is_last {
                        break;
                    }
                }
                Err(why) => return self.again(row, why),
            }
        }
        Told::Refunds(refunds, total)
    }

    /// Ten refunds of a payment, or fewer when they are the last.
    async fn refunds_from(
        &self,
        line: &Line<'_>,
        payment: &TransactionId,
        offset: u8,
    ) -> Result<(Vec<ToldRefund>, Option<Fen>), String> {
        let nonce = self.service().context.nonce().map_err(|error| error.to_string())?;
        let query = RefundQuery::new(RefundNo::Payment(PaymentNo::Transaction(payment)));
        let query = if offset == 0 { Ok(query) } else { query.offset(offset) };
        let query = query.map_err(|error| error.to_string())?;
        let look = |answer: RefundQueryAnswer<'_, '_, _>| match answer {
            RefundQueryAnswer::Found(found) => {
                let told = |refund: RefundRecord<'_, '_, _>| ToldRefund {
                    out_refund_no: refund.out_refund_no,
                    refund_id: refund.refund_id,
                    part: refund.refund_fee,
                    state: refund.state,
                };
                Ok((found.iter().map(told).collect(), Some(found.total_fee)))
            }
            RefundQueryAnswer::Refused(refusal) => {
                let beyond_last = offset > 0 && refusal.code == ErrCode::ParamError;
                let is_none = matches!(refusal.class(Call::RefundQuery), Class::NotFound);
                if is_none || beyond_last {
                    Ok((Vec::new(), None))
                } else {
                    Err(refusal.to_string())
                }
            }
        };
        let answer = line.gateway.refund_query(&query, line.sign_type, &nonce, look);
        answer.await.map_err(|error| error.to_string())?
    }

    fn again(&self, row: &DifferenceRow, why: impl Display) -> Told {
        let pause_s = 10_u64.saturating_mul(1 << row.tries.min(10)).min(PAUSE_MAX_S);
        Told::Again { at: self.service().context.clock.now().plus(pause_s), why: why.to_string() }
    }
}
