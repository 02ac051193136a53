//! Whether the server runs, drains or stops. Clones are the same life.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Said by whoever stops the server, read by those who answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Life(Arc<AtomicBool>);

impl Life {
    /// From now on requests are still answered, but should go elsewhere.
    pub(crate) fn drain(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
