//! What time it is at the gateway.

use super::{CallError, Gateway};
use crate::time::UnixTime;
use std::time::UNIX_EPOCH;

impl Gateway {
    /// The time that a host says in the `Date` of its answer, in whole seconds: the first host
    /// that says one. It is not signed; it is good to warn of a clock that is wrong, and for
    /// nothing else.
    ///
    /// ```no_run
    /// # use saoma_core::{native::{CallError, Gateway}, time::UnixTime};
    /// /// By how many seconds our clock is wrong.
    /// async fn wrong_by(gateway: &Gateway, now: UnixTime) -> Result<u64, CallError> {
    ///     Ok(gateway.date().await?.map_or(0, |theirs| now.get().abs_diff(theirs.get())))
    /// }
    /// ```
    ///
    /// # Errors
    /// [`CallError`] when no host answers. `Ok(None)`: the hosts that do say no time.
    pub async fn date(&self) -> Result<Option<UnixTime>, CallError> {
        let mut end = Err(CallError::Unreachable);
        for host in self.hosts.iter() {
            match self.http.head(host).send().await {
                Ok(response) => match date_of(&response) {
                    Some(date) => return Ok(Some(date)),
                    None => end = Ok(None),
                },
                Err(error) => end = end.or(Err(CallError::from(&error))),
            }
        }
        end
    }
}

fn date_of(response: &reqwest::Response) -> Option<UnixTime> {
    let date = response.headers().get("date")?.to_str().ok()?;
    let date = httpdate::parse_http_date(date).ok()?;
    UnixTime::new(date.duration_since(UNIX_EPOCH).ok()?.as_secs())
}
