//! Whether a call may come without the merchant's client certificate (`docs/protocol.md` §1).

use super::refusal::{Code, Refusal};
use super::{Arrival, Call, Gateway};
use crate::merchant::Merchant;

/// Whether the calls that need a client certificate are asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certificates {
    /// As WeChat does.
    Demanded,
    /// For a desk with plain HTTP: a certificate is not asked for, and a wrong one not refused.
    NotAsked,
}

impl Call {
    /// Whether WeChat answers it only over a connection with the merchant's client certificate.
    pub const fn needs_certificate(self) -> bool {
        matches!(self, Self::Refund | Self::DownloadFundFlow)
    }
}

impl Gateway {
    /// Whether the caller has the certificate that the call needs: this merchant's, nobody else's.
    pub(super) fn certified(
        &self,
        call: Call,
        merchant: &Merchant,
        arrival: &Arrival<'_>,
    ) -> Result<(), Refusal> {
        let asked = self.rules.certificates == Certificates::Demanded && call.needs_certificate();
        if !asked || arrival.certificate == Some(merchant.mch_id.as_str()) {
            return Ok(());
        }
        let detail = match arrival.certificate {
            None => "the call came without a client certificate".to_owned(),
            Some(other) => format!("the client certificate is that of merchant {other}"),
        };
        Err(Refusal::new(Code::CertError, "证书校验错误").with_detail(detail))
    }
}
