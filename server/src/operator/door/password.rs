//! Operators and their passwords: argon2id hashes in the configuration, nothing else.

use crate::config::Secret;
use crate::random::{NoRandom, Random};
use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, Params, PasswordHasher as _, PasswordVerifier as _};
use std::fmt;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Most memory that a hash may ask for, in KiB: a mistake in the configuration must not take the
/// machine's.
const MEMORY_KIB_MAX: u32 = 256 * 1024;
/// Shortest password that is hashed, in characters.
const PASSWORD_MIN: usize = 12;
/// Longest password, in bytes.
const PASSWORD_MAX: usize = 256;
/// A hash of nothing that anybody knows: comparing with it takes as long as with a real one.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5LW5vYm9keQ$\
                      0000000000000000000000000000000000000000000";

/// Who may log in.
#[derive(Clone, Debug)]
pub struct Operator {
    name: String,
    hash: Secret,
}

/// What is wrong with an operator's entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordError {
    /// The name.
    Name,
    /// The hash is no argon2id hash.
    Hash,
    /// The hash asks for more memory than this server gives.
    Memory,
    /// The password is too short or too long.
    Length,
    /// No random numbers.
    Random,
}

impl fmt::Display for PasswordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "must be 1 to 64 letters, digits, `_`, `-`, `.` or `@`",
            Self::Hash => "must be an argon2id hash; `saoma-server hash-password` makes one",
            Self::Memory => {
                "asks for more than 256 MiB; `saoma-server hash-password` makes another"
            }
            Self::Length => "must have at least 12 characters and at most 256 bytes",
            Self::Random => "cannot be hashed: the operating system gives no random numbers",
        })
    }
}

impl std::error::Error for PasswordError {}

impl From<NoRandom> for PasswordError {
    fn from(NoRandom: NoRandom) -> Self {
        Self::Random
    }
}

impl Operator {
    /// An operator of the configuration.
    ///
    /// # Errors
    /// [`PasswordError`] says what is wrong.
    pub fn new(name: &str, hash: Secret) -> Result<Self, PasswordError> {
        let is_name = |c: u8| c.is_ascii_alphanumeric() || b"_-.@".contains(&c);
        if name.is_empty() || name.len() > 64 || !name.bytes().all(is_name) {
            return Err(PasswordError::Name);
        }
        let parsed = PasswordHash::new(hash.expose()).map_err(|_| PasswordError::Hash)?;
        if parsed.algorithm.as_str() != "argon2id" || parsed.hash.is_none() {
            return Err(PasswordError::Hash);
        }
        let params = Params::try_from(&parsed).map_err(|_| PasswordError::Hash)?;
        if params.m_cost() > MEMORY_KIB_MAX {
            return Err(PasswordError::Memory);
        }
        Ok(Self { name: name.to_owned(), hash })
    }

    /// The name, to log in with and to show.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Everybody who may log in.
#[derive(Clone, Debug)]
pub(crate) struct Operators {
    all: Arc<[Operator]>,
    /// Comparing takes memory and a whole core for a moment, so they take turns.
    turn: Arc<Semaphore>,
}

impl Operators {
    pub(crate) fn new(all: &[Operator]) -> Self {
        Self { all: all.into(), turn: Arc::new(Semaphore::new(1)) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(Operator::name)
    }

    /// The operator whom name and password belong to. It takes as long for a name that nobody has.
    pub(crate) async fn check(&self, name: &str, password: String) -> Option<Operator> {
        let operator = self.all.iter().find(|operator| operator.name == name).cloned();
        let hash = operator.as_ref().map_or(NOBODY, |operator| operator.hash.expose()).to_owned();
        let turn = self.turn.clone().acquire_owned().await.ok()?;
        let compared = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            is_password(&hash, &password)
        });
        let is_right = compared.await.unwrap_or(false);
        operator.filter(|_| is_right)
    }
}

fn is_password(hash: &str, password: &str) -> bool {
    if password.len() > PASSWORD_MAX {
        return false;
    }
    let Ok(hash) = PasswordHash::new(hash) else { return false };
    Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()
}

/// The hash of a password, for the configuration.
///
/// # Errors
/// [`PasswordError::Length`], [`PasswordError::Random`].
pub fn hash_password(password: &str, random: &Random) -> Result<String, PasswordError> {
    if password.chars().count() < PASSWORD_MIN || password.len() > PASSWORD_MAX {
        return Err(PasswordError::Length);
    }
    let salt = random.bytes::<16>()?;
    let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt);
    hash.map(|hash| hash.to_string()).map_err(|_| PasswordError::Hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWORD: &str = "correct horse battery";

    fn operators() -> Operators {
        let hash = hash_password(PASSWORD, &Random::seeded(1)).unwrap();
        Operators::new(&[Operator::new("wang", Secret::new(hash)).unwrap()])
    }

    #[tokio::test]
    async fn only_the_right_name_and_password_open() {
        let operators = operators();
        let opened = operators.check("wang", PASSWORD.to_owned()).await;
        assert_eq!(opened.unwrap().name(), "wang");
        for (name, password) in [
            ("wang", "correct horse batterz"),
            ("wang", ""),
            ("Wang", PASSWORD),
            ("li", PASSWORD),
            ("", ""),
        ] {
            assert!(operators.check(name, password.to_owned()).await.is_none(), "{name}");
        }
    }

    #[test]
    fn a_name_that_nobody_has_costs_as_much_as_one_that_somebody_has() {
        let nobody = PasswordHash::new(NOBODY).unwrap();
        let real = hash_password(PASSWORD, &Random::seeded(1)).unwrap();
        let cost = |hash: &PasswordHash| Params::try_from(hash).unwrap();
        let real = PasswordHash::new(&real).unwrap();
        assert_eq!(cost(&nobody).m_cost(), cost(&real).m_cost());
        assert_eq!(cost(&nobody).t_cost(), cost(&real).t_cost());
        assert_eq!(nobody.hash.unwrap().len(), real.hash.unwrap().len());
    }

    #[test]
    fn a_hash_that_is_none_is_refused_without_being_repeated() {
        let greedy = "$argon2id$v=19$m=4000000,t=2,p=1$bm9ib2R5LW5vYm9keQ$\
                      0000000000000000000000000000000000000000000";
        for (name, hash, error) in [
            ("", NOBODY, PasswordError::Name),
            ("a b", NOBODY, PasswordError::Name),
            ("wang", "hunter2hunter2", PasswordError::Hash),
            ("wang", "", PasswordError::Hash),
            ("wang", &NOBODY.replace("argon2id", "argon2i"), PasswordError::Hash),
            ("wang", greedy, PasswordError::Memory),
        ] {
            let refused = Operator::new(name, Secret::new(hash.to_owned())).unwrap_err();
            assert_eq!(refused, error, "{name} {hash}");
            assert!(!refused.to_string().contains("hunter2"));
        }
        assert_eq!(hash_password("short", &Random::seeded(1)), Err(PasswordError::Length));
    }
}
