//! What was said to others about an order, for people. Nothing is decided by it.

use super::Service;
use super::change::Change;
use super::verb::Verb;
use crate::store::StoreError;
use saoma_core::ids::OrderId;

/// Something that was said: a line of an order's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// `sent` or `received`.
    pub(crate) kind: &'static str,
    /// The call.
    pub(crate) name: String,
    /// The document, without its signature.
    pub(crate) text: String,
}

impl Service {
    /// Writes into an order's history what was said.
    pub(crate) async fn keep_lines(
        &self,
        order_id: Option<OrderId>,
        lines: Vec<Line>,
    ) -> Result<(), StoreError> {
        match order_id {
            Some(order_id) if !lines.is_empty() => self.execute(KeepLines(order_id, lines)).await,
            _ => Ok(()),
        }
    }
}

struct KeepLines(OrderId, Vec<Line>);

impl Verb for KeepLines {
    type Out = ();
    type Error = StoreError;

    async fn run(&self, change: &mut Change) -> Result<(), StoreError> {
        for line in &self.1 {
            change.note(&self.0, line.kind, &line.name, line.text.clone());
        }
        Ok(())
    }
}
