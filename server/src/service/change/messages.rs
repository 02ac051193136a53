//! Messages as a transaction knows them.

use super::{Change, Needs};
use crate::store::StoreError;
use saoma_core::ids::{OutTradeNo, TransactionId};
use saoma_core::planted;

impl Change {
    /// Whether these very bytes were recorded before.
    pub(in crate::service) async fn is_known(
        &mut self,
        number: &OutTradeNo,
        digest: &str,
    ) -> Result<bool, StoreError> {
        if !self.messages.1.contains(number) {
            let needs =
                Needs { messages: vec![(number.clone(), digest.to_owned())], ..Needs::default() };
            Box::pin(self.load(needs)).await?;
        }
        let any = planted!("one-message-a-number") && !self.messages.0.is_empty();
        Ok(any || self.messages.0.contains(digest))
    }

    /// Whether a message about its number, which was looked up, says that some of a payment went
    /// back.
    pub(in crate::service) fn is_told_back(&self, id: &TransactionId) -> bool {
        self.told_back.contains(id)
    }
}
