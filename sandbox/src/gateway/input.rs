//! Everything that changes the gateway, as plain data: what is written down before an answer leaves
//! the process, and replayed to have the same gateway again.
//!
//! The shell around the gateway sees it as `&Gateway`; whoever wants to change something gives an
//! [`Act`]. So nothing can happen that is not written down. **To add one:**
//!
//! 1. write the method of [`Gateway`], with `now` as its last argument;
//! 2. write a struct here or in a file of this module that holds its other arguments, as owned
//!    plain data (`Clone, Debug, PartialEq, Eq, Serialize, Deserialize`);
//! 3. `impl Act` for it, by calling the method;
//! 4. name it in `inputs!` at the end of this file.
//!
//! What is written down must stay readable: give a new field `#[serde(default)]`. What is answered
//! must stay the same for the same inputs, or files of before are refused as another version's.

mod refunds;

pub use refunds::{EndRefund, PlanRefund, RefundByHand, SendRefundAgain, SetFunds};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt::Debug;

use super::{
    Answer, Arrival, Call, Fault, FaultError, FaultRule, Gateway, OrderKey, Outcome, Paid,
    PayError, Person, Poll, Returned, ScanError, Scanning, SettingsChange, SettingsError,
    SettingsView, Target, Tender, UnknownDelivery,
};
use crate::time::UnixTime;

/// One change of the gateway.
pub trait Act: Into<Input> + Clone + Serialize + DeserializeOwned {
    /// What comes of it.
    type Output: Debug;

    /// Does it.
    fn act(self, gateway: &mut Gateway, now: UnixTime) -> Self::Output;

    /// What of the output must be the same when it is replayed. All of it, as `Debug` shows it,
    /// unless there is something quicker.
    fn seen(output: &Self::Output) -> Vec<u8> {
        format!("{output:?}").into_bytes()
    }

    /// A short digest of the output.
    fn digest(output: &Self::Output) -> Digest {
        let whole = Sha256::digest(Self::seen(output));
        let mut digest = [0; 8];
        digest.copy_from_slice(&whole[..8]);
        digest
    }
}

/// A digest of what came of an input.
pub type Digest = [u8; 8];

/// [`Gateway::handle`]: a merchant calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handle {
    /// Which call.
    pub call: Call,
    /// The body that came.
    #[serde(with = "text_or_hex")]
    pub body: Vec<u8>,
    /// The merchant number of the client certificate.
    #[serde(default)]
    pub certificate: Option<String>,
    /// The faults that its header asks for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
}

impl Act for Handle {
    type Output = Answer;

    fn act(self, gateway: &mut Gateway, now: UnixTime) -> Answer {
        let arrival = Arrival {
            body: &self.body,
            certificate: self.certificate.as_deref(),
            faults: &self.faults,
        };
        gateway.handle(self.call, &arrival, now)
    }

    fn seen(output: &Answer) -> Vec<u8> {
        output.body.clone()
    }
}

/// [`Gateway::handle_other_method`]: a call that did not come by POST.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherMethod {
    /// Which call.
    pub call: Call,
}

impl Act for OtherMethod {
    type Output = Answer;

    fn act(self, gateway: &mut Gateway, now: UnixTime) -> Answer {
        gateway.handle_other_method(self.call, now)
    }

    fn seen(output: &Answer) -> Vec<u8> {
        output.body.clone()
    }
}

/// [`Gateway::add_fault`]: somebody asks for a fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddFault {
    /// Which, and of what.
    pub rule: FaultRule,
}

impl Act for AddFault {
    type Output = Result<u64, FaultError>;

    fn act(self, gateway: &mut Gateway, _: UnixTime) -> Self::Output {
        gateway.add_fault(self.rule)
    }
}

/// [`Gateway::change_settings`]: what is set for a merchant becomes something else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeSettings {
    /// Whose; may be left out while there is one merchant.
    pub mch_id: Option<String>,
    /// What.
    pub change: SettingsChange,
}

impl Act for ChangeSettings {
    type Output = Result<SettingsView, SettingsError>;

    fn act(self, gateway: &mut Gateway, _: UnixTime) -> Self::Output {
        gateway.change_settings(self.mch_id.as_deref(), &self.change)
    }
}

/// [`Gateway::remove_fault`]: somebody has enough of a fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoveFault {
    /// The number of its rule.
    pub id: u64,
}

impl Act for RemoveFault {
    type Output = bool;

    fn act(self, gateway: &mut Gateway, _: UnixTime) -> bool {
        gateway.remove_fault(self.id)
    }
}

/// [`Gateway::remove_faults`]: somebody has enough of all faults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoveFaults {}

impl Act for RemoveFaults {
    type Output = usize;

    fn act(self, gateway: &mut Gateway, _: UnixTime) -> usize {
        gateway.remove_faults()
    }
}

/// [`Gateway::set_balance`]: what is in somebody's purse.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetBalance {
    /// Whose.
    pub person: Person,
    /// How much, in fen; `None` for a purse that never runs empty.
    pub balance_fen: Option<u64>,
}

impl Act for SetBalance {
    type Output = ();

    fn act(self, gateway: &mut Gateway, _: UnixTime) {
        gateway.set_balance(&self.person, self.balance_fen);
    }
}

/// [`Gateway::pay`]: somebody pays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pay {
    /// What.
    pub target: Target,
    /// How.
    pub tender: Tender,
}

impl Act for Pay {
    type Output = Result<Paid, PayError>;

    fn act(self, gateway: &mut Gateway, now: UnixTime) -> Self::Output {
        gateway.pay(&self.target, self.tender, now)
    }
}

/// [`Gateway::cancel`]: somebody looks and does not pay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancel {
    /// What.
    pub target: Target,
}

impl Act for Cancel {
    type Output = Result<OrderKey, PayError>;

    fn act(self, gateway: &mut Gateway, now: UnixTime) -> Self::Output {
        gateway.cancel(&self.target, now)
    }
}

/// [`Gateway::send_again`]: copies of a notification, by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendAgain {
    /// Of which order.
    pub target: Target,
    /// How many.
    pub copies: u32,
}

impl Act for SendAgain {
    type Output = Result<(), PayError>;

    fn act(self, gateway: &mut Gateway, _: UnixTime) -> Self::Output {
        gateway.send_again(&self.target, self.copies)
    }
}

/// [`Gateway::begin_scan`]: somebody holds a phone at a code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scan {
    /// Who, if not whoever is meant when nobody is named.
    pub person: Option<Person>,
    /// The text of the code.
    pub code: String,
}

impl Act for Scan {
    type Output = Result<Scanning, ScanError>;

    fn act(self, gateway: &mut Gateway, now: UnixTime) -> Self::Output {
        gateway.begin_scan(self.person.as_ref(), &self.code, now)
    }
}

/// [`Gateway::poll`]: what is due goes on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakeDue {}

/// What was due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// What is to be sent.
    pub poll: Poll,
    /// Whether a slow payment or a refund has come to its end. Somebody may wait for it.
    pub settled: bool,
}

impl Act for TakeDue {
    type Output = Due;

    fn act(self, gateway: &mut Gateway, now: UnixTime) -> Due {
        let state = |gateway: &Gateway| {
            (gateway.paying(), gateway.refunds.next_end(), gateway.is_quiet(now))
        };
        let before = state(gateway);
        let poll = gateway.poll(now);
        Due { poll, settled: state(gateway) != before }
    }
}

/// [`Gateway::delivered`]: what came back from a sending.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivered {
    /// Which sending.
    pub id: u64,
    /// What came back.
    pub returned: Returned,
}

impl Act for Delivered {
    type Output = Result<Outcome, UnknownDelivery>;

    fn act(self, gateway: &mut Gateway, now: UnixTime) -> Self::Output {
        gateway.delivered(self.id, self.returned, now)
    }
}

/// Collects all kinds of [`Act`] in [`Input`].
macro_rules! inputs {
    ($($name:ident),* $(,)?) => {
        /// One change of the gateway, of whatever kind.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub enum Input {
            $(
                #[doc = concat!("See [`", stringify!($name), "`].")]
                $name($name),
            )*
        }

        $(
            impl From<$name> for Input {
                fn from(act: $name) -> Self {
                    Self::$name(act)
                }
            }
        )*

        impl Input {
            /// Does it once more, and gives the digest of what comes of it.
            pub fn replay(self, gateway: &mut Gateway, now: UnixTime) -> Digest {
                match self {
                    $(Self::$name(act) => $name::digest(&act.act(gateway, now)),)*
                }
            }
        }
    };
}

inputs!(
    Handle,
    RefundByHand,
    PlanRefund,
    EndRefund,
    SendRefundAgain,
    SetFunds,
    AddFault,
    RemoveFault,
    RemoveFaults,
    ChangeSettings,
    OtherMethod,
    Scan,
    SetBalance,
    Pay,
    Cancel,
    SendAgain,
    TakeDue,
    Delivered
);

/// Bytes as they are written down: as text where they are UTF-8, which a person can read, and in
/// hex where not.
pub(super) mod text_or_hex {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::borrow::Cow;
    use std::fmt::Write as _;

    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Bytes<'a> {
        Text(Cow<'a, str>),
        Hex(String),
    }

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        let bytes = match str::from_utf8(bytes) {
            Ok(text) => Bytes::Text(text.into()),
            Err(_) => Bytes::Hex(bytes.iter().fold(String::new(), |mut hex, byte| {
                // Writing to a string cannot fail.
                let _ = write!(hex, "{byte:02x}");
                hex
            })),
        };
        bytes.serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let hex = match Bytes::deserialize(from)? {
            Bytes::Text(text) => return Ok(text.into_owned().into_bytes()),
            Bytes::Hex(hex) => hex,
        };
        let byte = |pair: &[u8]| {
            let pair = str::from_utf8(pair).ok()?;
            u8::from_str_radix(pair, 16).ok()
        };
        let bytes: Option<_> = hex.as_bytes().chunks(2).map(byte).collect();
        bytes.ok_or_else(|| serde::de::Error::custom("not hex"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Rules;
    use super::super::testing::NOW;
    use super::*;

    fn written(input: &Input) -> Input {
        serde_json::from_str(&serde_json::to_string(input).unwrap()).unwrap()
    }

    #[test]
    fn what_is_written_down_is_read_again() {
        let target = Target::Number { mch_id: Some("1".into()), out_trade_no: "n".into() };
        for body in [b"<xml>\xe6\x89\xab</xml>".to_vec(), b"\xff\x00".to_vec(), Vec::new()] {
            let certificate = Some("1900000109".to_owned());
            let call = Call::UnifiedOrder;
            let faults = Vec::new();
            let input = Handle { call, body: body.clone(), certificate, faults }.into();
            assert_eq!(written(&input), input);
            let returned = Returned::Answer { status: 200, body };
            let input = Delivered { id: 7, returned }.into();
            assert_eq!(written(&input), input);
        }
        for input in [
            OtherMethod { call: Call::CloseOrder }.into(),
            Pay { target: Target::of_code("c"), tender: Tender::default() }.into(),
            Cancel { target: target.clone() }.into(),
            SendAgain { target, copies: 3 }.into(),
            TakeDue {}.into(),
            Delivered { id: 1, returned: Returned::Late }.into(),
            Delivered { id: 1, returned: Returned::Unreachable { reason: "r".into() } }.into(),
        ] {
            assert_eq!(written(&input), input);
        }
    }

    #[test]
    fn a_replayed_input_has_the_same_digest_and_another_output_another() {
        let input = || Handle {
            call: Call::OrderQuery,
            body: b"<xml><appid>x</appid></xml>".to_vec(),
            certificate: None,
            faults: Vec::new(),
        };
        let gateway = || Gateway::new(Rules::default(), [], 1);
        let digest = Handle::digest(&input().act(&mut gateway(), NOW));
        assert_eq!(Input::from(input()).replay(&mut gateway(), NOW), digest);
        let other = Handle { body: b"{}".to_vec(), ..input() };
        assert_ne!(Input::from(other).replay(&mut gateway(), NOW), digest);
    }
}
