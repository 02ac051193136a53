//! Operators' passwords: Argon2id, as PHC strings.

use crate::random::Random;
use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use std::fmt;

/// Shortest and longest password, in characters and bytes. Who guesses has as many tries as he
/// likes once he holds the hash, so short ones are refused.
const LEN_MIN: usize = 12;
const LEN_MAX: usize = 256;

/// Why a password has no hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordError {
    /// Too short, too long, or with characters that no keyboard gives.
    Rule,
    /// The operating system gives no random numbers, or no memory.
    System,
}

impl fmt::Display for PasswordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rule => "a password has 12 characters at least and 256 bytes at most, in a line",
            Self::System => "the system gives no random numbers or no memory",
        })
    }
}

impl std::error::Error for PasswordError {}

/// The hash of a password, as `password_hash` of the configuration wants it.
///
/// # Errors
/// [`PasswordError`].
pub fn hash_password(password: &str, random: &Random) -> Result<String, PasswordError> {
    let has_control = password.chars().any(char::is_control);
    if password.chars().count() < LEN_MIN || password.len() > LEN_MAX || has_control {
        return Err(PasswordError::Rule);
    }
    let salt = random.bytes::<16>().map_err(|_| PasswordError::System)?;
    let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt);
    Ok(hash.map_err(|_| PasswordError::System)?.to_string())
}

/// Whether a text is a hash that [`is_password`] can compare with.
pub(crate) fn is_hash(hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|parsed| {
        parsed.algorithm.as_str() == "argon2id" && parsed.salt.is_some() && parsed.hash.is_some()
    })
}

/// Whether this is the password of a hash. It takes tens of milliseconds of a processor and 19 MB
/// on purpose: call it where that blocks nobody.
pub(crate) fn is_password(password: &str, hash: &str) -> bool {
    let Ok(hash) = PasswordHash::new(hash) else { return false };
    Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_knows_its_password_and_no_other() {
        let hash = hash_password("correct horse battery", &Random::seeded(1)).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(is_hash(&hash) && is_password("correct horse battery", &hash));
        assert!(!is_password("correct horse batterz", &hash));
        let again = hash_password("correct horse battery", &Random::System).unwrap();
        assert_ne!(hash, again, "each has a salt of its own");
        assert!(!is_hash("$argon2id$v=19$m=19456,t=2,p=1$") && !is_hash("secret"));
    }

    #[test]
    fn a_password_that_can_be_guessed_is_refused() {
        for password in ["", "short", "with\na line of it", &"x".repeat(257)] {
            assert_eq!(hash_password(password, &Random::System), Err(PasswordError::Rule));
        }
        assert!(hash_password("密码要有十二个字符才可以用", &Random::System).is_ok());
    }
}
