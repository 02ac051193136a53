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

#[cfg(test)]
mod tests {
    use super::super::testing::{OTHER_MCH_ID, Shop};
    use super::super::{Rules, Tender};
    use super::*;

    const NO: &str = "SM20261123000001";

    #[test]
    fn a_refund_needs_the_certificate_of_its_merchant() {
        let mut shop = Shop::new();
        shop.paid(NO, Tender::default());
        for certificate in [None, Some(OTHER_MCH_ID)] {
            shop.certificate = certificate;
            assert_eq!(shop.refund(NO, "R1", 1, &[]).unwrap_err(), Code::CertError);
        }
        let message = shop.gateway.messages().last().unwrap();
        assert!(message.detail.as_deref().unwrap().ends_with(OTHER_MCH_ID), "{message:?}");
        assert_eq!(shop.query(NO).get("trade_state"), Some("SUCCESS"), "without any certificate");
    }

    #[test]
    fn a_desk_with_plain_http_does_not_ask_for_it() {
        let certificates = Certificates::NotAsked;
        let mut shop = Shop::with_rules(Rules { certificates, ..Rules::default() });
        shop.paid(NO, Tender::default());
        shop.certificate = None;
        shop.refund(NO, "R1", 1, &[]).unwrap();
    }

    #[test]
    fn refunds_and_fund_bills_need_it_and_nothing_else() {
        let needs: Vec<_> = Call::ALL.into_iter().filter(|call| call.needs_certificate()).collect();
        assert_eq!(needs, [Call::Refund, Call::DownloadFundFlow]);
    }
}
