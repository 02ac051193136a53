//! What somebody asks for: a fault, where it strikes, and how often.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::super::refusal::Code;
use super::super::{Call, NoticeKind};
use super::catalogue::{FaultName, Strikes, Takes};

/// A fault and its parameter. It is written `NAME` or `NAME; PARAMETER`, in headers as in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fault {
    name: FaultName,
    parameter: Parameter,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Parameter {
    Nothing,
    Number(u64),
    Code(Code),
}

/// Why a fault or a rule is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultError {
    /// The catalogue has no such name.
    UnknownName {
        /// The name.
        name: String,
    },
    /// The fault takes no such parameter.
    Parameter {
        /// The fault.
        name: FaultName,
    },
    /// A rule for calls names a fault of something else.
    NotOfCalls {
        /// The fault.
        name: FaultName,
    },
    /// A rule for notifications names a fault of something else.
    NotOfNotices {
        /// The fault.
        name: FaultName,
    },
    /// More than 1000 in a thousand, or none.
    PerMille,
    /// There are as many rules as there may be.
    TooMany,
}

impl fmt::Display for FaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownName { name } => write!(f, "there is no fault {name:?}"),
            Self::Parameter { name } => match name.entry().takes {
                Takes::Nothing => write!(f, "{name} takes no parameter"),
                Takes::Number { unit, min, max, .. } => {
                    write!(f, "{name} takes {min} to {max} ({unit})")
                }
                Takes::Code { .. } => write!(f, "{name} takes a code of the error tables"),
            },
            Self::NotOfCalls { name } => write!(f, "{name} does not strike calls: leave call out"),
            Self::NotOfNotices { name } => {
                write!(f, "{name} does not strike notifications: leave notice out")
            }
            Self::PerMille => f.write_str("per_mille must be 1 to 1000, next at least 1"),
            Self::TooMany => f.write_str("there are too many rules: delete some"),
        }
    }
}

impl std::error::Error for FaultError {}

impl fmt::Display for FaultName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Fault {
    /// The fault of this name, with the parameter that is taken when none is given.
    pub fn new(name: FaultName) -> Self {
        let parameter = match name.entry().takes {
            Takes::Nothing => Parameter::Nothing,
            Takes::Number { default, .. } => Parameter::Number(default),
            Takes::Code { default } => Parameter::Code(default),
        };
        Self { name, parameter }
    }

    /// The fault of this name with this parameter.
    ///
    /// # Errors
    ///
    /// When the fault takes no such parameter.
    pub fn with(name: FaultName, parameter: &str) -> Result<Self, FaultError> {
        let refused = || FaultError::Parameter { name };
        let parameter = match name.entry().takes {
            Takes::Nothing => None,
            Takes::Number { min, max, .. } => {
                let number = parameter.parse().ok().filter(|number| (min..=max).contains(number));
                number.map(Parameter::Number)
            }
            Takes::Code { .. } => Code::of(parameter).map(Parameter::Code),
        };
        Ok(Self { name, parameter: parameter.ok_or_else(refused)? })
    }

    /// Its name.
    pub const fn name(self) -> FaultName {
        self.name
    }

    /// What it strikes.
    pub(super) fn strikes(self) -> Strikes {
        self.name.entry().strikes
    }

    /// Its number; 0 when it has none.
    pub(super) const fn number(self) -> u64 {
        match self.parameter {
            Parameter::Number(number) => number,
            Parameter::Nothing | Parameter::Code(_) => 0,
        }
    }

    /// Its number as seconds. The catalogue allows at most a day.
    pub(super) fn seconds(self) -> i64 {
        i64::try_from(self.number()).unwrap_or(i64::MAX)
    }

    /// Its number as a count. The catalogue allows at most 100.
    pub(super) fn count(self) -> u32 {
        u32::try_from(self.number()).unwrap_or(u32::MAX)
    }

    /// Its code, if it has one.
    pub(super) const fn code(self) -> Option<Code> {
        match self.parameter {
            Parameter::Code(code) => Some(code),
            Parameter::Nothing | Parameter::Number(_) => None,
        }
    }
}

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let (word, parameter) = match text.split_once(';') {
            Some((word, parameter)) => (word.trim(), Some(parameter.trim())),
            None => (text.trim(), None),
        };
        let name = FaultName::of(word)
            .ok_or_else(|| FaultError::UnknownName { name: word.chars().take(64).collect() })?;
        parameter.map_or_else(|| Ok(Self::new(name)), |parameter| Self::with(name, parameter))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parameter {
            Parameter::Nothing => self.name.fmt(f),
            Parameter::Number(number) => write!(f, "{}; {number}", self.name),
            Parameter::Code(code) => write!(f, "{}; {}", self.name, code.as_str()),
        }
    }
}

impl TryFrom<String> for Fault {
    type Error = FaultError;

    fn try_from(text: String) -> Result<Self, FaultError> {
        text.parse()
    }
}

impl From<Fault> for String {
    fn from(fault: Fault) -> Self {
        fault.to_string()
    }
}

/// How often a rule strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Often {
    /// Each time.
    Always,
    /// The next so many times.
    Next(u32),
    /// At random, so many times of a thousand.
    PerMille(u16),
}

impl Default for Often {
    fn default() -> Self {
        Self::Next(1)
    }
}

/// A fault, where it strikes, and how often. What is left out strikes everywhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// What happens.
    pub fault: Fault,
    /// Only to this merchant.
    #[serde(default)]
    pub mch_id: Option<String>,
    /// Only to the order of this number.
    #[serde(default)]
    pub out_trade_no: Option<String>,
    /// Only to this call, for faults of calls: the last part of its path.
    #[serde(default)]
    pub call: Option<Call>,
    /// Only to notifications of this kind, for faults of notifications.
    #[serde(default)]
    pub notice: Option<NoticeKind>,
    /// How often; once, when it is left out.
    #[serde(default)]
    pub often: Often,
}

impl FaultRule {
    /// This fault, the next time, whoever it strikes.
    pub fn next(fault: Fault) -> Self {
        let often = Often::default();
        Self { fault, mch_id: None, out_trade_no: None, call: None, notice: None, often }
    }

    /// The same, to the order of this number only.
    #[must_use]
    pub fn of_order(self, out_trade_no: impl Into<String>) -> Self {
        Self { out_trade_no: Some(out_trade_no.into()), ..self }
    }

    /// The same, to this call only.
    #[must_use]
    pub fn of_call(self, call: Call) -> Self {
        Self { call: Some(call), ..self }
    }

    /// The same, to notifications of this kind only.
    #[must_use]
    pub fn of_notice(self, notice: NoticeKind) -> Self {
        Self { notice: Some(notice), ..self }
    }

    /// The same, so often.
    #[must_use]
    pub fn often(self, often: Often) -> Self {
        Self { often, ..self }
    }

    pub(super) fn check(&self) -> Result<(), FaultError> {
        if self.call.is_some() && self.fault.strikes() != Strikes::Call {
            return Err(FaultError::NotOfCalls { name: self.fault.name() });
        }
        if self.notice.is_some() && self.fault.strikes() != Strikes::Notice {
            return Err(FaultError::NotOfNotices { name: self.fault.name() });
        }
        match self.often {
            Often::PerMille(parts) if !(1..=1000).contains(&parts) => Err(FaultError::PerMille),
            Often::Next(0) => Err(FaultError::PerMille),
            Often::PerMille(_) | Often::Next(_) | Often::Always => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        text.parse::<Fault>().unwrap_err().to_string()
    }

    #[test]
    fn a_fault_is_written_as_its_name_and_its_parameter() {
        for (text, written) in [
            ("cut_before", "cut_before"),
            (" slow ", "slow; 3000"),
            ("slow;5", "slow; 5"),
            ("error; NOTENOUGH", "error; NOTENOUGH"),
        ] {
            assert_eq!(text.parse::<Fault>().unwrap().to_string(), written);
        }
        assert_eq!(error("slower"), "there is no fault \"slower\"");
        assert_eq!(error("cut_before; 1"), "cut_before takes no parameter");
        assert_eq!(error("slow; 0"), "slow takes 1 to 600000 (ms)");
        assert_eq!(error("slow; x"), "slow takes 1 to 600000 (ms)");
        assert_eq!(error("error; NOSUCH"), "error takes a code of the error tables");
    }

    #[test]
    fn a_rule_is_json() {
        let rule: FaultRule = serde_json::from_str(
            r#"{"fault": "error; NOAUTH", "call": "unifiedorder", "often": {"per_mille": 20}}"#,
        )
        .unwrap();
        let fault = Fault::with(FaultName::Error, "NOAUTH").unwrap();
        let expected = FaultRule::next(fault).of_call(Call::UnifiedOrder);
        assert_eq!(rule, expected.often(Often::PerMille(20)));
        let text = serde_json::to_string(&rule).unwrap();
        assert_eq!(serde_json::from_str::<FaultRule>(&text).unwrap(), rule);
        for bad in [
            r#"{"fault": "nosuch"}"#,
            r#"{"fault": "slow", "call": "nosuch"}"#,
            r#"{"fault": "slow", "orders": 1}"#,
            r#"{"fault": "slow", "often": {"next": -1}}"#,
            "{}",
        ] {
            assert!(serde_json::from_str::<FaultRule>(bad).is_err(), "{bad}");
        }
    }
}
