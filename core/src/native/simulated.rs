//! A line to the gateway that is no socket, for the simulation: the same requests, the same reading
//! of answers, and in between whatever the simulated network does.

use super::{CallError, Gateway};
use crate::api::Call;
use core::pin::Pin;
use std::boxed::Box;
use std::sync::Arc;
use std::vec::Vec;

/// What came from a host, and why no more came when it was not all.
pub type Came = (Vec<u8>, Option<CallError>);

/// What stands in the place of the network.
pub trait Wire: Send + Sync {
    /// Asks a host. A connection that breaks off has brought the beginning of an answer.
    fn ask<'w>(
        &'w self,
        host: &'w str,
        call: Call,
        body: &'w str,
    ) -> Pin<Box<dyn Future<Output = Came> + Send + 'w>>;
}

impl Gateway {
    /// The same line with this wire in the place of the network, and with a certificate, which the
    /// wire is believed to show.
    #[must_use]
    pub fn wired(&self, wire: Arc<dyn Wire>) -> Self {
        let (other, other_signs) = (Self::other_of(&self.merchant), Arc::default());
        Self { wire: Some(wire), has_certificate: true, other, other_signs, ..self.clone() }
    }
}
