//! What the terminal shows.

/// What the terminal shows: the screen of [`watch`](saoma_core::watch), with the terminal's own
/// rules laid over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// The order is being made.
    Starting,
    /// The code, the amount and the time left.
    Code {
        /// Seconds until the code may not be paid any more; at least 1.
        left_s: u64,
    },
    /// The last word on the payment is not in yet.
    Checking,
    /// Being given up, as the customer wished: WeChat takes up to five minutes to confirm it. The
    /// next customer need not wait; a payment that still comes is the server's to send back.
    Cancelling,
    /// Paid.
    Paid,
    /// Given up; nothing was paid.
    Cancelled,
    /// Too late; nothing was paid.
    Expired,
    /// A payment goes back.
    Refunding,
    /// A payment is on its way back.
    Refunded,
    /// The order could not be made; nothing was paid.
    Failed,
    /// The server cannot be reached.
    Offline,
    /// The server refuses to go on; only the staff can.
    Help,
}

impl Page {
    /// Its name in one word, for logs and files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Code { .. } => "qr",
            Self::Checking => "checking",
            Self::Cancelling => "cancelling",
            Self::Paid => "paid",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Refunding => "refunding",
            Self::Refunded => "refunded",
            Self::Failed => "failed",
            Self::Offline => "offline",
            Self::Help => "help",
        }
    }

    /// Whether this order has come to its end.
    #[must_use]
    pub const fn is_end(self) -> bool {
        match self {
            Self::Paid
            | Self::Cancelled
            | Self::Expired
            | Self::Refunding
            | Self::Refunded
            | Self::Failed
            | Self::Help => true,
            Self::Starting
            | Self::Code { .. }
            | Self::Checking
            | Self::Cancelling
            | Self::Offline => false,
        }
    }

    /// Whether this customer is done and the next one may order.
    #[must_use]
    pub const fn can_order_again(self) -> bool {
        matches!(self, Self::Cancelling) || self.is_end()
    }

    /// Whether the order can be given up.
    #[must_use]
    pub const fn can_cancel(self) -> bool {
        match self {
            Self::Starting | Self::Code { .. } => true,
            Self::Checking
            | Self::Cancelling
            | Self::Paid
            | Self::Cancelled
            | Self::Expired
            | Self::Refunding
            | Self::Refunded
            | Self::Failed
            | Self::Offline
            | Self::Help => false,
        }
    }
}
