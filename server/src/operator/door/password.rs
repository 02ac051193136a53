//! Comparing passwords: one stranger's at a time, and as long for a name that nobody has.

use crate::config::OperatorConfig;
use crate::password::is_password;
use crate::random::hex;
use hmac::digest::Digest as _;
use sha2::Sha256;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Longest password that is compared, in bytes: no longer one has a hash.
const PASSWORD_MAX: usize = 256;
/// Most strangers who wait for their turn: by then it comes within about a second.
const STRANGERS_MAX: usize = 8;
/// A hash of nothing that anybody knows: comparing with it takes as long as with a real one.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5LW5vYm9keQ$\
                      0000000000000000000000000000000000000000000";

/// Everybody who may log in.
#[derive(Clone, Debug)]
pub(crate) struct Operators {
    all: Arc<[OperatorConfig]>,
    /// Comparing takes memory and a whole core for a moment, so they take turns. Operators whose
    /// browser is known have one of their own: no crowd of strangers keeps them out.
    operators: Arc<Semaphore>,
    strangers: Arc<Semaphore>,
    /// The places of the strangers who wait.
    places: Arc<Semaphore>,
}

/// Somebody who waits for a turn.
#[derive(Debug)]
pub(crate) struct Waiting {
    turn: Arc<Semaphore>,
    /// A stranger's place, which is free again once the turn has come.
    place: Option<OwnedSemaphorePermit>,
}

impl Operators {
    pub(crate) fn new(all: &[OperatorConfig]) -> Self {
        Self {
            all: all.into(),
            operators: Arc::new(Semaphore::new(1)),
            strangers: Arc::new(Semaphore::new(1)),
            places: Arc::new(Semaphore::new(STRANGERS_MAX)),
        }
    }

    /// What tells an operator's password from every other one; `None`: there is no such operator.
    /// Nobody can guess the password by it: it is made of the slow hash.
    pub(crate) fn password_of(&self, name: &str) -> Option<String> {
        let operator = self.all.iter().find(|operator| operator.name == name)?;
        Some(hex(&Sha256::digest(operator.password_hash.expose())))
    }

    /// Begins to wait for a turn; `None`: too many strangers wait already. `is_known`: the browser
    /// is one from which an operator has come in. The name has no say in it, so that nobody can
    /// tell by it who is an operator.
    pub(crate) fn line_up(&self, is_known: bool) -> Option<Waiting> {
        if is_known {
            return Some(Waiting { turn: self.operators.clone(), place: None });
        }
        let place = self.places.clone().try_acquire_owned().ok()?;
        Some(Waiting { turn: self.strangers.clone(), place: Some(place) })
    }

    /// Whether name and password belong together.
    pub(crate) async fn may_enter(&self, waiting: Waiting, name: &str, password: String) -> bool {
        let operator = self.all.iter().find(|operator| operator.name == name);
        let hash = operator.map_or(NOBODY, |operator| operator.password_hash.expose()).to_owned();
        let is_known = operator.is_some();
        let Waiting { turn, place } = waiting;
        let Ok(turn) = turn.acquire_owned().await else { return false };
        drop(place);
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
        let may_enter = async |name: &str, password: &str| {
            let waiting = operators.line_up(false).unwrap();
            operators.may_enter(waiting, name, password.to_owned()).await
        };
        assert!(may_enter("wang", PASSWORD).await);
        for (name, password) in [
            ("wang", "correct horse batterz"),
            ("wang", ""),
            ("Wang", PASSWORD),
            ("li", PASSWORD),
            ("", ""),
        ] {
            assert!(!may_enter(name, password).await, "{name}");
        }
    }

    #[tokio::test]
    async fn a_crowd_of_strangers_keeps_no_operator_out_whose_browser_is_known() {
        let hash = hash_password(PASSWORD, &Random::seeded(1)).unwrap();
        let password_hash = Secret::new(hash);
        let operators =
            Operators::new(&[OperatorConfig { name: "wang".to_owned(), password_hash }]);
        let turn = operators.strangers.clone().acquire_owned().await.unwrap();
        let mut crowd: Vec<Waiting> =
            (0..STRANGERS_MAX).map(|_| operators.line_up(false).unwrap()).collect();
        assert!(operators.line_up(false).is_none(), "the ninth is refused");
        let known = operators.line_up(true).unwrap();
        assert!(operators.may_enter(known, "wang", PASSWORD.to_owned()).await);
        // Whose turn has come waits no longer, nor does who goes away.
        drop(turn);
        let first = crowd.pop().unwrap();
        assert!(!operators.may_enter(first, "li", PASSWORD.to_owned()).await);
        assert!(operators.line_up(false).is_some());
        drop(crowd);
        let crowd: Vec<_> = (0..STRANGERS_MAX).map(|_| operators.line_up(false)).collect();
        assert!(crowd.iter().all(Option::is_some));
    }

    #[test]
    fn a_name_that_nobody_has_costs_as_much_as_one_that_somebody_has() {
        let real = hash_password(PASSWORD, &Random::seeded(1)).unwrap();
        let cost = |hash: &str| hash.split('$').take(4).collect::<Vec<_>>().join("$");
        assert_eq!(cost(NOBODY), cost(&real));
        assert!(is_hash(NOBODY));
    }
}
