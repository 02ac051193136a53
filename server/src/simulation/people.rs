//! What shops, their machines and operators ask of a server.

use super::{Goods, No, Server, id, shop};
use crate::keys::Holder;
use crate::service::{AskRefundError, CreateError, DispenseError, NewOrder, NewRefund, RefundBy};
use saoma_core::ids::TransactionId;

/// Who makes an order, and hands its goods out where no webhook is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// The shop.
    pub shop: &'static str,
    /// Its machine; `None`: the shop itself.
    pub device: Option<String>,
}

impl Who {
    fn holder(&self) -> Holder {
        Holder { shop: self.shop.into(), device: self.device.as_deref().map(Into::into) }
    }
}

/// An order that somebody wants.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Who wants it.
    pub who: Who,
    /// The shop's own number of it.
    pub order_no: String,
    /// What it costs.
    pub amount_fen: u64,
    /// What the customer reads.
    pub goods: String,
    /// How long it may be paid.
    pub expires_in_s: u64,
}

/// Who wants money back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asker {
    /// The shop of this id.
    Shop(&'static str),
    /// An operator, who means this payment; that which is kept when he does not say.
    Operator(Option<String>),
}

/// A refund that somebody wants.
#[derive(Clone, Debug)]
pub struct WantedBack {
    /// Who wants it.
    pub by: Asker,
    /// Of this order.
    pub order_id: String,
    /// His own number of it.
    pub refund_no: String,
    /// How much.
    pub amount_fen: u64,
    /// What the customer reads.
    pub reason: String,
}

/// A refund that has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// Our number of it.
    pub number: String,
    /// The payment of which it is.
    pub transaction_id: String,
}

impl Server {
    /// A shop, or one of its machines, makes an order; gives its id.
    ///
    /// # Errors
    /// [`No`].
    pub async fn create(&self, wanted: &Wanted) -> Result<String, No> {
        let Wanted { who, order_no, amount_fen, goods, expires_in_s } = wanted;
        let new = NewOrder::new(order_no, *amount_fen, goods, *expires_in_s);
        let new = new.map_err(No::of)?.by(who.device.as_deref());
        match self.service.create(&shop(who.shop), &new).await {
            Ok(created) => Ok(created.order_id.as_str().to_owned()),
            Err(CreateError::Store(_) | CreateError::Random(_)) => Err(No::Failed),
            Err(error) => Err(No::of(error)),
        }
    }

    /// A shop, or an operator who insists, gives something back.
    ///
    /// # Errors
    /// [`No`].
    pub async fn refund(&self, wanted: &WantedBack) -> Result<Begun, No> {
        let WantedBack { by, order_id, refund_no, amount_fen, reason } = wanted;
        let new = NewRefund::new(refund_no, *amount_fen, reason).map_err(No::of)?;
        let meant = match by {
            Asker::Operator(Some(meant)) => Some(TransactionId::new(meant).map_err(No::of)?),
            Asker::Operator(None) | Asker::Shop(_) => None,
        };
        let by = match by {
            Asker::Shop(shop) => RefundBy::Shop(shop),
            Asker::Operator(_) => RefundBy::Operator("operator", meant.as_ref()),
        };
        match self.service.ask_refund(by, &id(order_id)?, &new).await {
            Ok((row, _)) => Ok(Begun {
                number: row.out_refund_no.as_str().to_owned(),
                transaction_id: row.transaction_id.as_str().to_owned(),
            }),
            Err(AskRefundError::Store(_)) => Err(No::Failed),
            Err(error) => Err(No::of(error)),
        }
    }

    /// Whoever made an order claims its goods.
    ///
    /// # Errors
    /// [`No`].
    pub async fn dispense(&self, order_id: &str, by: &Who) -> Result<Goods, No> {
        match self.service.dispense(&id(order_id)?, &by.holder()).await {
            Ok(claimed) => Ok(Goods { ship_id: claimed.ship_id, again: claimed.again }),
            Err(DispenseError::Store(_)) => Err(No::Failed),
            Err(error) => Err(No::of(error)),
        }
    }

    /// Whoever has claimed the goods says that they are out.
    ///
    /// # Errors
    /// [`No`].
    pub async fn confirm(&self, order_id: &str, by: &Who) -> Result<(), No> {
        match self.service.confirm(&id(order_id)?, &by.holder()).await {
            Ok(_) => Ok(()),
            Err(DispenseError::Store(_)) => Err(No::Failed),
            Err(error) => Err(No::of(error)),
        }
    }
}
