//! Looking on while calls are made.

use super::{CallError, Gateway};
use crate::api::Call;
use std::sync::Arc;

/// Somebody who looks on while calls are made, to keep what was said or to measure how long it
/// took: for each host that is asked, first [`asked`](Tap::asked), then [`heard`](Tap::heard).
/// Nothing that a tap does changes a call. It is called on the way, so it should be quick.
///
/// The request is the sealed document, with nonce and signature. The merchant's key is not in it,
/// nor anywhere else here.
///
/// ```
/// use saoma_core::api::Call;
/// use saoma_core::native::{Gateway, Heard, Tap};
/// use std::sync::{Arc, Mutex};
///
/// #[derive(Default)]
/// struct History(Mutex<Vec<String>>);
///
/// impl Tap for History {
///     fn asked(&self, host: &str, call: Call, request: &str) {
///         self.0.lock().unwrap().push(format!("to {host}{}: {request}", call.path()));
///     }
///
///     fn heard(&self, host: &str, _: Call, heard: Heard<'_>) {
///         let text = match heard {
///             Heard::Answer(answer) => String::from_utf8_lossy(answer).into_owned(),
///             Heard::Bill => String::from("a bill"),
///             Heard::Failed(error) => error.to_string(),
///         };
///         self.0.lock().unwrap().push(format!("from {host}: {text}"));
///     }
/// }
///
/// # async fn look(gateway: Gateway, number: saoma_core::ids::OutTradeNo,
/// #     nonce: saoma_core::ids::Nonce) -> Result<(), saoma_core::native::CallError> {
/// // One history for each order, say: a clone with a tap costs next to nothing.
/// let history = Arc::new(History::default());
/// let sign_type = gateway.merchant().sign_type;
/// let tapped = gateway.tapped(Arc::clone(&history) as Arc<dyn Tap>);
/// tapped.order_query(&number, sign_type, &nonce).await?;
/// # Ok(())
/// # }
/// ```
pub trait Tap: Send + Sync {
    /// This goes out to a host.
    fn asked(&self, host: &str, call: Call, request: &str);

    /// This came of it. When the caller gives up waiting, nothing comes.
    fn heard(&self, host: &str, call: Call, heard: Heard<'_>);
}

/// What came of asking a host; an example is at [`Tap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard<'a> {
    /// The whole answer, byte for byte. **Nobody has verified it yet**: it is to be shown, not to
    /// be believed.
    Answer(&'a [u8]),
    /// An answer to the question for a bill, good or bad. It may be of any length and is not kept.
    Bill,
    /// No answer, or none of WeChat's.
    Failed(&'a CallError),
}

impl Gateway {
    /// The same line with somebody who looks on. Clones are cheap and share their connections, so
    /// each call may have a tap of its own.
    #[must_use]
    pub fn tapped(&self, tap: Arc<dyn Tap>) -> Self {
        Self { tap: Some(tap), ..self.clone() }
    }

    pub(super) fn tap_asked(&self, host: &str, call: Call, request: &str) {
        if let Some(tap) = &self.tap {
            tap.asked(host, call, request);
        }
    }

    pub(super) fn tap_heard(&self, host: &str, call: Call, heard: Heard<'_>) {
        if let Some(tap) = &self.tap {
            tap.heard(host, call, heard);
        }
    }
}
