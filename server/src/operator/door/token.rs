//! A session's token, its digest, and the token of its forms.

use crate::random::{NoRandom, Random, base32, hex};
use hmac::digest::Digest as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::fmt;
use subtle::ConstantTimeEq as _;

/// 160 random bits that a browser shows; never stored, never logged.
#[derive(Clone)]
pub(crate) struct Token(String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// Characters of a token.
const LEN: usize = 32;

impl Token {
    /// A new one.
    ///
    /// # Errors
    /// [`NoRandom`].
    pub(crate) fn new(random: &Random) -> Result<Self, NoRandom> {
        Ok(Self(base32(&random.bytes::<20>()?)))
    }

    /// One that a browser has sent.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let is_token = text.len() == LEN && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_token.then(|| Self(text.to_owned()))
    }

    /// For the cookie.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// What the database knows of it.
    pub(crate) fn digest(&self) -> String {
        hex(&Sha256::digest(&self.0))
    }

    /// What every form of the session carries. The session's token cannot be told from it.
    pub(crate) fn csrf(&self) -> String {
        base32(&self.mac("form", "")[..20])
    }

    /// Whether a form carries it, compared in constant time.
    pub(crate) fn is_csrf(&self, sent: &str) -> bool {
        self.csrf().as_bytes().ct_eq(sent.as_bytes()).into()
    }

    /// What goes with the address of a page that says what was done: nobody else can make it, and
    /// it is good for no other address.
    pub(crate) fn seal(&self, address: &str) -> String {
        base32(&self.mac("done", address)[..20])
    }

    /// Whether it is the seal of this address, compared in constant time.
    pub(crate) fn is_seal(&self, sent: &str, address: &str) -> bool {
        self.seal(address).as_bytes().ct_eq(sent.as_bytes()).into()
    }

    fn mac(&self, purpose: &str, text: &str) -> [u8; 32] {
        // HMAC takes keys of any length, so this is never the second way.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.0.as_bytes()) else {
            return [0; 32];
        };
        mac.update(purpose.as_bytes());
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_belongs_to_one_session() {
        let random = Random::seeded(1);
        let (one, other) = (Token::new(&random).unwrap(), Token::new(&random).unwrap());
        assert!(one.is_csrf(&one.csrf()));
        for wrong in [other.csrf(), String::new(), one.expose().to_owned(), one.digest()] {
            assert!(!one.is_csrf(&wrong), "{wrong:?}");
        }
        assert_eq!(format!("{one:?}"), "Token(..)");
    }

    #[test]
    fn a_seal_belongs_to_one_session_and_one_address() {
        let random = Random::seeded(1);
        let (one, other) = (Token::new(&random).unwrap(), Token::new(&random).unwrap());
        let address = "/operator/orders/A?done=refund";
        assert!(one.is_seal(&one.seal(address), address));
        for wrong in [other.seal(address), one.seal("/operator"), one.csrf(), String::new()] {
            assert!(!one.is_seal(&wrong, address), "{wrong:?}");
        }
    }

    #[test]
    fn a_token_reads_back_and_nothing_else_does() {
        let token = Token::new(&Random::seeded(1)).unwrap();
        assert_eq!(Token::read(token.expose()).unwrap().digest(), token.digest());
        for wrong in ["", "short", &"x".repeat(33), &"ä".repeat(16), &" ".repeat(32)] {
            assert!(Token::read(wrong).is_none(), "{wrong:?}");
        }
    }
}
