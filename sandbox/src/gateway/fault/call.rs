//! Faults of calls: before or after the effect, in the answer, or on its way.

use super::super::answer::Answer;
use super::super::bill::in_bill_words;
use super::super::refusal::{Code, Refusal};
use super::super::request::Request;
use super::super::{Arrival, Call, Gateway, numbers};
use super::paper::{self, Change};
use super::{AnswerEnd, Fault, FaultName, Place, Strikes};
use crate::random::Random;
use crate::time::UnixTime;
use crate::xml::Document;

/// What a gateway's front says when what is behind it does not answer.
const PAGE: &str = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n\
                    <center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx</center>\r\n\
                    </body>\r\n</html>\r\n";

/// A signed call and the faults that strike it.
#[derive(Debug)]
pub(in crate::gateway) struct Stricken {
    request: Request,
    faults: Vec<(Fault, String)>,
}

impl Gateway {
    /// The faults that strike a call that is a request. Costs next to nothing while nobody has
    /// asked for any.
    pub(in crate::gateway) fn stricken(
        &mut self,
        call: Call,
        arrival: &Arrival<'_>,
        request: Option<&Request>,
    ) -> Option<Stricken> {
        let may_be_magic = self.faults.magic_amounts && call == Call::UnifiedOrder;
        if self.faults.is_idle() && arrival.faults.is_empty() && !may_be_magic {
            return None;
        }
        let request = request?;
        let mch_id = &request.merchant.mch_id;
        let key = self.meant(request);
        for fault in arrival.faults.iter().filter(|fault| fault.strikes() != Strikes::Call) {
            if let Some(key) = &key {
                self.ask_for_order(*fault, key);
            }
        }
        let mut faults: Vec<_> = arrival
            .faults
            .iter()
            .filter(|fault| fault.strikes() == Strikes::Call)
            .map(|fault| (*fault, "header".to_owned()))
            .collect();
        if may_be_magic {
            faults.extend(self.magic(request).map(|fault| (fault, "magic amount".to_owned())));
        }
        let place = Place {
            strikes: Strikes::Call,
            mch_id,
            out_trade_no: key.as_ref().map(|key| key.out_trade_no.as_str()),
            call: Some(call),
            notice: None,
        };
        faults.extend(self.faults.draw(place));
        let fits =
            |fault: &Fault| fault.code().is_none_or(|code| call.is_bill() || !code.is_of_bills());
        faults.retain(|(fault, _)| fits(fault));
        (!faults.is_empty()).then(|| Stricken { request: request.clone(), faults })
    }

    /// What is said instead of doing what was asked.
    pub(in crate::gateway) fn struck_before(
        &mut self,
        call: Call,
        stricken: Option<&Stricken>,
    ) -> Option<Answer> {
        let stricken = stricken?;
        let fault = stricken.faults.iter().find(|(fault, _)| is_before_effect(fault.name()))?.0;
        let refusal = fault.code().map_or_else(system_error, refusal);
        Some(self.refused_by_fault(call, &stricken.request, refusal))
    }

    /// What becomes of the answer.
    pub(in crate::gateway) fn struck_after(
        &mut self,
        call: Call,
        stricken: Option<Stricken>,
        answer: Answer,
        now: UnixTime,
    ) -> Answer {
        let Some(Stricken { request, mut faults }) = stricken else { return answer };
        // What is cut short is what the others have made of it.
        faults.sort_by_key(|(fault, _)| fault.name() == FaultName::Truncated);
        let mut answer = answer;
        let out_trade_no = request.owned("out_trade_no");
        for (fault, asked_by) in faults {
            let changed = self.changed_answer(call, &request, fault, &answer);
            let Some(changed) = changed else { continue };
            answer = changed;
            let mch_id = &request.merchant.mch_id;
            self.struck(fault, &asked_by, mch_id, out_trade_no.as_deref(), now);
        }
        answer
    }

    /// The answer with this fault; `None` when there is nothing to strike.
    fn changed_answer(
        &mut self,
        call: Call,
        request: &Request,
        fault: Fault,
        answer: &Answer,
    ) -> Option<Answer> {
        let mut new = answer.clone();
        match fault.name() {
            FaultName::SystemErrorAfter => {
                return Some(self.refused_by_fault(call, request, system_error()));
            }
            FaultName::SystemErrorBefore | FaultName::Error => {}
            FaultName::SilentBefore | FaultName::SilentAfter => {
                new.manner.ending = AnswerEnd::Never
            }
            FaultName::CutBefore | FaultName::CutAfter => new.manner.ending = AnswerEnd::Cut,
            FaultName::Truncated => {
                let half = answer.body.len() / 2;
                let bytes = usize::try_from(fault.number()).unwrap_or(usize::MAX);
                let bytes = if bytes == 0 { half } else { bytes };
                if bytes >= answer.body.len() {
                    return None;
                }
                new.manner.ending = AnswerEnd::CutAfter(bytes);
            }
            FaultName::HtmlPage => new.become_page(200),
            FaultName::HttpErrorBefore | FaultName::HttpErrorAfter => {
                new.become_page(u16::try_from(fault.number()).unwrap_or(502));
            }
            FaultName::Garbage => new.body = garbage(&mut self.faults.random, fault.number()),
            FaultName::Slow => new.manner.delay_ms += fault.number(),
            name => {
                let change = change_of_answer(name)?;
                let text = answer.text();
                let changed = paper::changed(&text, change, &request.merchant, request.algorithm);
                new.body = changed?.into_bytes();
            }
        }
        Some(new)
    }

    fn refused_by_fault(&mut self, call: Call, request: &Request, refusal: Refusal) -> Answer {
        if call.is_bill() {
            return Answer::no_bill(match refusal.code {
                Code::SystemError => self::refusal(Code::BillSystemError),
                code if code.is_of_bills() => refusal,
                _ => in_bill_words(refusal),
            });
        }
        if is_unsigned(refusal.code) {
            return Answer::unsigned(refusal);
        }
        let nonce = numbers::nonce(&mut self.faults.random);
        Answer::signed(call, request, Err(refusal), nonce)
    }

    /// The order that a call is about: the one it names, or the one of its payment.
    fn meant(&self, request: &Request) -> Option<super::OrderKey> {
        let mch_id = request.merchant.mch_id.clone();
        if let Some(out_trade_no) = request.owned("out_trade_no") {
            return Some(super::OrderKey { mch_id, out_trade_no });
        }
        let key = self.transactions.get(request.filled("transaction_id")?)?;
        (key.mch_id == mch_id).then(|| key.clone())
    }

    /// The fault that a new order's amount asks for, if it is one of calls; any other is kept for
    /// what becomes of the order. Once an order.
    fn magic(&mut self, request: &Request) -> Option<Fault> {
        let total_fen = request.filled("total_fee")?.parse().ok()?;
        let fault = Fault::new(FaultName::of_magic(total_fen)?);
        let key = self.meant(request)?;
        if !self.faults.magic_seen.insert(key.clone()) {
            return None;
        }
        if fault.strikes() == Strikes::Call && fault.name().told_state().is_none() {
            return Some(fault);
        }
        self.ask_for_order(fault, &key);
        None
    }
}

impl Answer {
    fn become_page(&mut self, status: u16) {
        self.body = PAGE.replace("502", &status.to_string()).into_bytes();
        (self.manner.status, self.manner.is_page) = (status, true);
    }
}

const fn is_before_effect(name: FaultName) -> bool {
    matches!(
        name,
        FaultName::SystemErrorBefore
            | FaultName::Error
            | FaultName::SilentBefore
            | FaultName::CutBefore
            | FaultName::HttpErrorBefore
    )
}

const fn change_of_answer(name: FaultName) -> Option<Change<'static>> {
    match name {
        FaultName::AnswerSignType => Some(Change::SignType),
        FaultName::AnswerNoSignType => Some(Change::NoSignType),
        FaultName::AnswerWrongSignType => Some(Change::WrongSignType),
        FaultName::AnswerUnknownFields => Some(Change::UnknownFields),
        FaultName::AnswerWrongSign => Some(Change::WrongSign),
        FaultName::AnswerUnsigned => Some(Change::Unsigned),
        FaultName::AnswerLowerCaseSign => Some(Change::LowerCaseSign),
        FaultName::AnswerOfAnother => Some(Change::OtherMerchant),
        _ => match name.told_state() {
            Some((state, text)) => Some(Change::State { state, text }),
            None => None,
        },
    }
}

fn system_error() -> Refusal {
    refusal(Code::SystemError)
}

fn refusal(code: Code) -> Refusal {
    Refusal::new(code, code.text()).with_detail("a fault that was asked for")
}

/// Whether a refusal with this code is said before the signature is proved.
const fn is_unsigned(code: Code) -> bool {
    matches!(
        code,
        Code::RequirePostMethod
            | Code::PostDataEmpty
            | Code::NotUtf8
            | Code::XmlFormatError
            | Code::MchIdNotExist
            | Code::AppidNotExist
            | Code::AppidMchIdNotMatch
            | Code::SignError
    )
}

/// Bytes that are no document, and no text either.
fn garbage(random: &mut Random, length: u64) -> Vec<u8> {
    let mut bytes = vec![0xff];
    bytes.extend((1..length).map(|_| random.next().to_le_bytes()[0]));
    debug_assert!(Document::read(&bytes).is_err());
    bytes
}
