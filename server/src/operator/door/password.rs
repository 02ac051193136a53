//! Comparing passwords: one at a time, and as long for a name that nobody has.

use crate::config::OperatorConfig;
use crate::password::is_password;
use crate::random::hex;
use hmac::digest::Digest as _;
use sha2::Sha256;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Longest password that is compared, in bytes: no longer one has a hash.
const PASSWORD_MAX: usize = 256;
/// A hash of nothing that anybody knows: comparing with it takes as long as with a real one.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5LW5vYm9keQ$\
                      0000000000000000000000000000000000000000000";

/// Everybody who may log in.
#[derive(Clone, Debug)]
pub(crate) struct Operators {
    all: Arc<[OperatorConfig]>,
    /// Comparing takes memory and a whole core for a moment, so they take turns.
    turn: Arc<Semaphore>,
}

impl Operators {
    pub(crate) fn new(all: &[OperatorConfig]) -> Self {
        Self { all: all.into(), turn: Arc::new(Semaphore::new(1)) }
    }

    /// What tells an operator's password from every other one; `None`: there is no such operator.
    /// Nobody can guess the password by it: it is made of the slow hash.
    pub(crate) fn password_of(&self, name: &str) -> Option<String> {
        let operator = self.all.iter().find(|operator| operator.name == name)?;
        Some(hex(&Sha256::digest(operator.password_hash.expose())))
    }

    /// Whether name and password belong together.
    pub(crate) async fn may_enter(&self, name: &str, password: String) -> bool {
        let operator = self.all.iter().find(|operator| operator.name == name);
        let hash = operator.map_or(NOBODY, |operator| operator.password_hash.expose()).to_owned();
        let is_known = operator.is_some();
        let Ok(turn) = self.turn.clone().acquire_owned().await else { return false };
        let compared = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            password.len() <= PASSWORD_MAX && is_password(&password, &hash)
        });
        compared.await.unwrap_or(false) && is_known
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;
    use crate::password::{hash_password, is_hash};
    use crate::random::Random;

    const PASSWORD: &str = "correct horse battery";

    #[tokio::test]
    async fn only_the_right_name_and_password_open() {
        let hash = hash_password(PASSWORD, &Random::seeded(1)).unwrap();
        let password_hash = Secret::new(hash);
        let operators =
            Operators::new(&[OperatorConfig { name: "wang".to_owned(), password_hash }]);
        assert!(operators.may_enter("wang", PASSWORD.to_owned()).await);
        for (name, password) in [
            ("wang", "correct horse batterz"),
            ("wang", ""),
            ("Wang", PASSWORD),
            ("li", PASSWORD),
            ("", ""),
        ] {
            assert!(!operators.may_enter(name, password.to_owned()).await, "{name}");
        }
    }

    #[test]
    fn a_name_that_nobody_has_costs_as_much_as_one_that_somebody_has() {
        let real = hash_password(PASSWORD, &Random::seeded(1)).unwrap();
        let cost = |hash: &str| hash.split('$').take(4).collect::<Vec<_>>().join("$");
        assert_eq!(cost(NOBODY), cost(&real));
        assert!(is_hash(NOBODY));
    }
}
