//! What an answer from outside means: every answer of WeChat and of the shop becomes an event of
//! the machine, a payment, or another try. Nothing is guessed: what is not definite is tried again.

use super::refund::RefundNews;
use saoma_core::api::{
    Call, Class, CloseOrderAnswer, OrderQueryAnswer, Payment, Refusal, TradeState,
    UnifiedOrderAnswer,
};
use saoma_core::order::Event;
use std::fmt::Display;

/// What came of an entry of the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is done, and this happened.
    Event(Event),
    /// It is done: the answer tells of a payment.
    Payment(Payment),
    /// What came of a refund, or of a question about refunds.
    Refund(RefundNews),
    /// Nobody wanted it any more.
    Unwanted,
    /// Nobody was called, and this was no try: to be taken up again in so many seconds.
    NotBegun {
        /// Seconds from now.
        in_s: u64,
        /// Why, for a person.
        why: String,
    },
    /// Not now, or nobody knows: to be tried again.
    Again {
        /// What the machine has to know meanwhile.
        event: Option<Event>,
        /// Why, for a person; without anything secret.
        why: String,
    },
}

impl Outcome {
    fn again(why: impl Display) -> Self {
        Self::Again { event: None, why: why.to_string() }
    }

    /// The answer to a unified order that was begun for the `tries`th time (protocol §4).
    pub(crate) fn of_place(
        attempt: u8,
        tries: u32,
        answer: Result<UnifiedOrderAnswer, impl Display>,
    ) -> Self {
        // Once is enough: it is sent again until the answer is definite.
        let unknown = |why: String| {
            let event = (tries <= 1).then_some(Event::PlaceUnknown { attempt });
            Self::Again { event, why }
        };
        match answer {
            Err(_) if saoma_core::planted!("unanswered-place-is-over") => {
                Self::Event(Event::NumberOver { attempt })
            }
            Err(error) => unknown(error.to_string()),
            Ok(UnifiedOrderAnswer::Placed { code_url, .. }) => {
                Self::Event(Event::Placed { attempt, code_url })
            }
            Ok(UnifiedOrderAnswer::Refused(refusal)) => match refusal.class(Call::UnifiedOrder) {
                Class::RetrySame if saoma_core::planted!("busy-is-the-end") => {
                    Self::Event(Event::PlaceImpossible { attempt })
                }
                Class::RetrySlower if saoma_core::planted!("slower-is-the-end") => {
                    Self::Event(Event::PlaceImpossible { attempt })
                }
                Class::Paid if saoma_core::planted!("paid-on-place-is-over") => {
                    Self::Event(Event::NumberOver { attempt })
                }
                Class::RetrySame
                | Class::RetrySlower
                | Class::Unknown
                | Class::Done
                | Class::NotFound => unknown(refusal.to_string()),
                Class::Paid => Self::Event(Event::SaysPaid { attempt }),
                Class::NewNumber => Self::Event(Event::NumberOver { attempt }),
                // It gives us no code any more, and may be paid all the same.
                Class::QueryFirst => Self::Event(Event::NumberUsed { attempt }),
                Class::Stop | Class::TellPerson => {
                    cry(Call::UnifiedOrder, &refusal);
                    Self::Event(Event::PlaceImpossible { attempt })
                }
            },
        }
    }

    /// The answer to a query (protocol §5).
    pub(crate) fn of_query(attempt: u8, answer: Result<OrderQueryAnswer, impl Display>) -> Self {
        let refusal = match answer {
            Err(error) => return Self::again(error),
            Ok(OrderQueryAnswer::State(TradeState::Paid(payment))) => {
                if saoma_core::planted!("query-forgets-payment") {
                    return Self::Event(Event::NotPaid { attempt });
                }
                return Self::Payment(payment);
            }
            Ok(OrderQueryAnswer::State(TradeState::NotPaid)) => {
                return Self::Event(Event::NotPaid { attempt });
            }
            Ok(OrderQueryAnswer::State(TradeState::Closed)) => {
                return Self::Event(Event::NumberOver { attempt });
            }
            Ok(OrderQueryAnswer::Refused(refusal)) => refusal,
        };
        match refusal.class(Call::OrderQuery) {
            Class::NotFound => Self::Event(Event::NotFound { attempt, on_close: false }),
            Class::NewNumber => Self::Event(Event::NumberOver { attempt }),
            // Paid without the payment itself is no answer to this question.
            Class::RetrySame
            | Class::RetrySlower
            | Class::QueryFirst
            | Class::Unknown
            | Class::Paid
            | Class::Done => Self::again(refusal),
            Class::Stop | Class::TellPerson => {
                cry(Call::OrderQuery, &refusal);
                Self::again(refusal)
            }
        }
    }

    /// The answer to a close (protocol §6).
    pub(crate) fn of_close(attempt: u8, answer: Result<CloseOrderAnswer, impl Display>) -> Self {
        let refusal = match answer {
            Err(_) if saoma_core::planted!("close-unanswered-is-closed") => {
                return Self::Event(Event::CloseConfirmed { attempt });
            }
            Err(error) => return Self::again(error),
            Ok(CloseOrderAnswer::Closed) => return Self::Event(Event::CloseConfirmed { attempt }),
            Ok(CloseOrderAnswer::Refused(refusal)) => refusal,
        };
        match refusal.class(Call::CloseOrder) {
            Class::Done => Self::Event(Event::CloseConfirmed { attempt }),
            Class::Paid if saoma_core::planted!("paid-on-close-is-closed") => {
                Self::Event(Event::CloseConfirmed { attempt })
            }
            Class::Paid => Self::Event(Event::SaysPaid { attempt }),
            Class::NotFound if saoma_core::planted!("unknown-on-close-is-closed") => {
                Self::Event(Event::CloseConfirmed { attempt })
            }
            Class::NotFound => Self::Event(Event::NotFound { attempt, on_close: true }),
            Class::RetrySame
            | Class::RetrySlower
            | Class::QueryFirst
            | Class::Unknown
            | Class::NewNumber => Self::again(refusal),
            Class::Stop | Class::TellPerson => {
                cry(Call::CloseOrder, &refusal);
                Self::again(refusal)
            }
        }
    }

    /// The shop's answer to the webhook.
    pub(crate) fn of_ship(answer: Result<(), impl Display>) -> Self {
        match answer {
            Ok(()) => Self::Event(Event::Shipped),
            Err(_) if saoma_core::planted!("ship-told-nobody") => Self::Event(Event::Shipped),
            Err(error) => Self::again(error),
        }
    }
}

/// WeChat says that program or configuration are wrong: only a person can help.
fn cry(call: Call, refusal: &Refusal) {
    tracing::error!(
        call = call.path(),
        %refusal,
        "WeChat does not take our calls: check the [merchant] section and the merchant platform"
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use saoma_core::api::{AnswerError, ErrCode};
    use saoma_core::native::CallError;

    type Answer<T> = Result<T, CallError>;

    fn refused(name: &str) -> Refusal {
        ErrCode::from_name(name).into()
    }

    fn again(event: Option<Event>, why: &str) -> Outcome {
        Outcome::Again { event, why: why.to_owned() }
    }

    #[test]
    fn an_unknown_outcome_of_placing_is_asked_about_once_and_sent_again() {
        let asked = Some(Event::PlaceUnknown { attempt: 2 });
        let timeout: Answer<UnifiedOrderAnswer> = Err(CallError::Timeout);
        let why = "the gateway did not answer in time";
        assert_eq!(Outcome::of_place(2, 1, timeout.clone()), again(asked.clone(), why));
        assert_eq!(Outcome::of_place(2, 2, timeout), again(None, why));
        let busy: Answer<_> = Ok(UnifiedOrderAnswer::Refused(refused("SYSTEMERROR")));
        assert_eq!(Outcome::of_place(2, 1, busy), again(asked.clone(), "SYSTEMERROR"));
        let strange = Refusal::new(ErrCode::from_name("TOMORROW"), "请明天再试");
        let strange: Answer<_> = Ok(UnifiedOrderAnswer::Refused(strange));
        assert_eq!(Outcome::of_place(2, 1, strange), again(asked, "TOMORROW (请明天再试)"));
    }

    #[test]
    fn a_wrong_key_ends_nothing() {
        let wrong = CallError::Answer(AnswerError::SignRefused);
        let why = wrong.to_string();
        let asked = Some(Event::PlaceUnknown { attempt: 0 });
        assert_eq!(Outcome::of_place(0, 1, Err(wrong.clone())), again(asked, &why));
        assert_eq!(Outcome::of_place(0, 9, Err(wrong.clone())), again(None, &why));
        assert_eq!(Outcome::of_query(0, Err(wrong.clone())), again(None, &why));
        assert_eq!(Outcome::of_close(0, Err(wrong)), again(None, &why));
    }

    #[test]
    fn a_definite_refusal_of_placing_is_an_event() {
        for (code, event) in [
            ("ORDERPAID", Event::SaysPaid { attempt: 0 }),
            ("ORDERCLOSED", Event::NumberOver { attempt: 0 }),
            ("OUT_TRADE_NO_USED", Event::NumberUsed { attempt: 0 }),
            ("INVALID_REQUEST", Event::NumberUsed { attempt: 0 }),
            ("NOAUTH", Event::PlaceImpossible { attempt: 0 }),
        ] {
            let answer: Answer<_> = Ok(UnifiedOrderAnswer::Refused(refused(code)));
            assert_eq!(Outcome::of_place(0, 1, answer), Outcome::Event(event), "{code}");
        }
    }

    #[test]
    fn a_query_answers_with_a_state_or_is_asked_again() {
        let state = |state| -> Answer<_> { Ok(OrderQueryAnswer::State(state)) };
        let not_paid = Outcome::Event(Event::NotPaid { attempt: 1 });
        assert_eq!(Outcome::of_query(1, state(TradeState::NotPaid)), not_paid);
        let over = Outcome::Event(Event::NumberOver { attempt: 1 });
        assert_eq!(Outcome::of_query(1, state(TradeState::Closed)), over);
        for (code, outcome) in [
            ("ORDERNOTEXIST", Outcome::Event(Event::NotFound { attempt: 1, on_close: false })),
            ("ORDERCLOSED", over),
            ("SYSTEMERROR", again(None, "SYSTEMERROR")),
            ("ORDERPAID", again(None, "ORDERPAID")),
            ("NOAUTH", again(None, "NOAUTH")),
        ] {
            let answer: Answer<_> = Ok(OrderQueryAnswer::Refused(refused(code)));
            assert_eq!(Outcome::of_query(1, answer), outcome, "{code}");
        }
    }

    #[test]
    fn a_close_ends_the_number_unless_it_is_paid_or_unknown() {
        let over = Outcome::Event(Event::CloseConfirmed { attempt: 0 });
        let closed: Answer<_> = Ok(CloseOrderAnswer::Closed);
        assert_eq!(Outcome::of_close(0, closed), over);
        for (code, outcome) in [
            ("ORDERCLOSED", over),
            ("ORDERPAID", Outcome::Event(Event::SaysPaid { attempt: 0 })),
            ("ORDERNOTEXIST", Outcome::Event(Event::NotFound { attempt: 0, on_close: true })),
            ("INVALID_REQUEST", again(None, "INVALID_REQUEST")),
            ("SYSTEMERROR", again(None, "SYSTEMERROR")),
        ] {
            let answer: Answer<_> = Ok(CloseOrderAnswer::Refused(refused(code)));
            assert_eq!(Outcome::of_close(0, answer), outcome, "{code}");
        }
    }

    #[test]
    fn only_the_shops_yes_ships() {
        assert_eq!(Outcome::of_ship(Ok::<(), String>(())), Outcome::Event(Event::Shipped));
        assert_eq!(Outcome::of_ship(Err("status 500")), again(None, "status 500"));
    }
}
