//! A server in a test, written from `docs/api.md` alone: orders, their phases, claims.

use heapless::String;
use saoma_core::{
    ids::OrderId,
    time::UnixTime,
    watch::{Phase, View},
};
use saoma_kiosk::call::{Answer, Call, JobId, NewOrder, Refusal};

/// What it takes WeChat to confirm that an order is closed, at most.
const CLOSES_WITHIN_S: u64 = 300;

/// The orders of one terminal.
#[derive(Clone, Debug, Default)]
pub(crate) struct Server {
    pub(crate) now_s: u64,
    pub(crate) orders: Vec<Order>,
    /// The terminal's key was taken back.
    pub(crate) key_revoked: bool,
    /// The next orders wait for WeChat's code.
    pub(crate) slow_codes: bool,
}

/// One of them.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) made: NewOrder,
    pub(crate) id: std::string::String,
    pub(crate) phase: Phase,
    version: u64,
    expires_s: u64,
    closes_s: u64,
    by_cancel: bool,
    pub(crate) paid: bool,
    pub(crate) claimed: bool,
    pub(crate) confirmed: bool,
}

impl Order {
    fn go(&mut self, phase: Phase) {
        if self.phase != phase {
            self.phase = phase;
            self.version += 1;
        }
    }

    pub(crate) fn code_url(&self) -> std::string::String {
        format!("weixin://wxpay/bizpayurl?pr={}", self.id)
    }

    /// Whether the terminal still has something to do for it.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Placing | Phase::Open | Phase::Closing | Phase::Paid)
    }

    fn view(&self, now_s: u64) -> View {
        let payable = self.phase == Phase::Open && now_s < self.expires_s;
        View {
            order_id: OrderId::new(&self.id).unwrap(),
            version: self.version,
            phase: self.phase,
            amount_fen: self.made.amount_fen,
            merchant: String::try_from("扫码咖啡").unwrap(),
            description: self.made.description.clone(),
            code_url: payable.then(|| String::try_from(self.code_url().as_str()).unwrap()),
            expires_at: UnixTime::new(self.expires_s).unwrap(),
            server_time: UnixTime::new(now_s).unwrap(),
        }
    }
}

pub(crate) fn refused(status: u16, code: &str) -> Answer {
    Answer::Refused(Refusal { status, code: String::try_from(code).unwrap() })
}

impl Server {
    pub(crate) fn new() -> Self {
        Self { now_s: 1_795_461_960, ..Self::default() }
    }

    /// Time goes on: codes come, orders expire and are closed, refunds end.
    pub(crate) fn wait(&mut self, seconds: u64) {
        self.now_s += seconds;
        for order in &mut self.orders {
            if order.phase == Phase::Placing && !self.slow_codes {
                order.go(Phase::Open);
            }
            if order.phase == Phase::Open && self.now_s >= order.expires_s {
                order.closes_s = self.now_s + CLOSES_WITHIN_S / 10;
                order.go(Phase::Closing);
            }
            if order.phase == Phase::Closing && self.now_s >= order.closes_s {
                order.go(if order.by_cancel { Phase::Cancelled } else { Phase::Expired });
            }
        }
    }

    pub(crate) fn by_no(&self, order_no: &str) -> Option<&Order> {
        self.orders.iter().find(|order| order.made.order_no == order_no)
    }

    /// A customer pays the code of an order, if WeChat lets them.
    pub(crate) fn pay(&mut self, at: usize) {
        let order = &mut self.orders[at];
        if order.paid || matches!(order.phase, Phase::Placing | Phase::Failed) {
            return;
        }
        order.paid = true;
        let kept = order.phase == Phase::Open || order.phase == Phase::Closing && !order.by_cancel;
        order.go(if kept { Phase::Paid } else { Phase::Refunding });
    }

    /// The shop gives a payment back, which it may until the goods are claimed.
    pub(crate) fn refund(&mut self, at: usize) {
        let order = &mut self.orders[at];
        if order.phase == Phase::Paid && !order.claimed {
            order.go(Phase::Refunding);
        } else if order.phase == Phase::Refunding {
            order.go(Phase::Refunded);
        }
    }

    pub(crate) fn answer(&mut self, call: &Call) -> Answer {
        if self.key_revoked {
            return refused(401, "unauthorized");
        }
        let now_s = self.now_s;
        let id = match call {
            Call::Make(made) => return self.make(made),
            Call::Look { order_id, .. } | Call::Cancel(order_id) => order_id,
            Call::Dispense(order_id) | Call::Shipped(order_id) => order_id,
        };
        let Some(order) = self.orders.iter_mut().find(|order| order.id == id.as_str()) else {
            return refused(404, "not_found");
        };
        match call {
            Call::Make(_) | Call::Look { .. } => {}
            Call::Cancel(_) => match order.phase {
                Phase::Placing | Phase::Open => {
                    order.by_cancel = true;
                    order.closes_s = now_s + CLOSES_WITHIN_S / 2;
                    order.go(Phase::Closing);
                }
                Phase::Paid | Phase::Shipped => return refused(409, "already_paid"),
                _ => {}
            },
            Call::Dispense(_) => match order.phase {
                Phase::Paid | Phase::Shipped => {
                    let again = std::mem::replace(&mut order.claimed, true);
                    let job = JobId::new(&format!("ship-{}", order.id)).unwrap();
                    return Answer::Claimed { job, again, view: order.view(now_s) };
                }
                Phase::Refunding | Phase::Refunded => return refused(409, "refund_started"),
                _ => return refused(409, "not_paid"),
            },
            Call::Shipped(_) if !order.claimed => return refused(409, "not_claimed"),
            Call::Shipped(_) => {
                order.confirmed = true;
                order.go(Phase::Shipped);
            }
        }
        Answer::View(order.view(now_s))
    }

    fn make(&mut self, made: &NewOrder) -> Answer {
        let now_s = self.now_s;
        if let Some(known) = self.by_no(&made.order_no) {
            let same = known.made == *made;
            return if same {
                Answer::View(known.view(now_s))
            } else {
                refused(409, "order_no_taken")
            };
        }
        let order = Order {
            made: made.clone(),
            id: format!("20261126{:06}K7Q2", self.orders.len()),
            phase: if self.slow_codes { Phase::Placing } else { Phase::Open },
            version: 1,
            expires_s: now_s + u64::from(made.expires_in_s),
            closes_s: u64::MAX,
            by_cancel: false,
            paid: false,
            claimed: false,
            confirmed: false,
        };
        let view = order.view(now_s);
        self.orders.push(order);
        Answer::View(view)
    }
}
