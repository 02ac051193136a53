//! How a sandbox is set up.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::certificates::CertificateError;
use crate::clock::ClockKind;
use crate::gateway::Rules;
use crate::merchant::Merchant;
use crate::state::StateError;

/// How long a merchant may take to answer a notification (`docs/protocol.md` §9).
pub const NOTIFY_DEADLINE: Duration = Duration::from_secs(5);

/// How a sandbox is set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Who may call it: at least one, no number twice.
    pub merchants: Vec<Merchant>,
    /// The rules that a desk may want to be others.
    pub rules: Rules,
    /// Names the numbers and codes that are given out.
    pub seed: u64,
    /// Whose time counts.
    pub clock: ClockKind,
    /// The file that keeps what happens, for the next start. `None`: memory only. The seed of the
    /// first start counts, and the clock goes on from where it was.
    pub state: Option<PathBuf>,
    /// The folder in which its certificates are kept. `None`: new ones, in memory.
    pub certificates: Option<PathBuf>,
    /// Names and addresses at which clients reach it by HTTPS, besides localhost, 127.0.0.1, ::1,
    /// and the names of the real gateway.
    pub host_names: Vec<String>,
    /// How long a merchant may take to answer a notification. Always real time.
    pub notify_deadline: Duration,
}

impl Config {
    /// A sandbox for tests: a free port of 127.0.0.1, the official rules, the machine's clock,
    /// seed 1, everything in memory.
    pub fn new(merchants: impl Into<Vec<Merchant>>) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            merchants: merchants.into(),
            rules: Rules::default(),
            seed: 1,
            clock: ClockKind::System,
            state: None,
            certificates: None,
            host_names: Vec::new(),
            notify_deadline: NOTIFY_DEADLINE,
        }
    }

    pub(crate) fn check(&self) -> Result<(), StartError> {
        if self.merchants.is_empty() {
            return Err(StartError::NoMerchant);
        }
        let mut numbers = BTreeSet::new();
        match self.merchants.iter().find(|merchant| !numbers.insert(&merchant.mch_id)) {
            Some(twice) => Err(StartError::MerchantTwice { mch_id: twice.mch_id.clone() }),
            None => Ok(()),
        }
    }
}

/// Why a sandbox did not start.
#[derive(Debug)]
pub enum StartError {
    /// There is no merchant.
    NoMerchant,
    /// A merchant number is given twice.
    MerchantTwice {
        /// The number.
        mch_id: String,
    },
    /// The address cannot be listened on.
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        error: std::io::Error,
    },
    /// The state file cannot be used.
    State {
        /// The file.
        path: PathBuf,
        /// Why.
        error: StateError,
    },
    /// There are no certificates for HTTPS.
    Certificates(CertificateError),
    /// The client for notifications cannot be made.
    Client(String),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoMerchant => f.write_str("at least one merchant is needed"),
            Self::MerchantTwice { mch_id } => write!(f, "merchant {mch_id} is given twice"),
            Self::Listen { address, error } => write!(f, "cannot listen on {address}: {error}"),
            Self::State { path, error } => write!(f, "state file {}: {error}", path.display()),
            Self::Certificates(error) => write!(f, "certificates: {error}"),
            Self::Client(reason) => write!(f, "cannot make a client for notifications: {reason}"),
        }
    }
}

impl std::error::Error for StartError {}
