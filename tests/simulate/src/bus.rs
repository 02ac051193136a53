//! Between the world, which is one thread with a queue of events, and the servers, whose verbs are
//! asynchronous: tasks say what came of them, calls to the outside wait here until the world
//! answers, and the world knows when nobody runs any more.

use crate::world::{Press, Sight};
use saoma_server::simulation::{
    AtOnce, Begun, CallError, Came, Goods, No, Outside, Server, View, Work,
};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, oneshot};

/// What came of something that a server was asked to do.
pub(crate) enum Outcome {
    Started(Box<(Server, AtOnce)>),
    NotStarted,
    Created {
        customer: usize,
        result: Result<String, No>,
    },
    Viewed {
        customer: usize,
        view: Result<Option<View>, No>,
        /// The version that was committed when the page asked.
        since: i64,
    },
    Cancelled {
        customer: usize,
        result: Result<View, No>,
    },
    Noticed {
        notice: u64,
        answer: (u16, &'static str),
    },
    Claimed {
        lane: usize,
        works: Vec<Work>,
    },
    Performed {
        lane: usize,
    },
    Ticked,
    Reconciled {
        went_well: bool,
    },
    Refunded {
        customer: usize,
        wish: usize,
        result: Result<Begun, No>,
    },
    Decided {
        number: String,
        release: bool,
        result: Result<(), No>,
    },
    Dispensed {
        customer: usize,
        result: Result<Goods, No>,
    },
    Confirmed {
        customer: usize,
        result: Result<(), No>,
    },
    Meddled {
        what: String,
        may_not: bool,
    },
    /// An operator has pressed a button for an entry or an order.
    Pressed {
        press: Press,
        result: Result<bool, No>,
    },
    /// An operator has seen to an alarm.
    SeenTo {
        sight: Sight,
        result: Result<bool, No>,
    },
    /// An order that was asked for again.
    Repeated {
        order_id: String,
        result: Result<String, No>,
    },
}

/// A call to the outside that waits.
pub(crate) enum Call {
    Gateway {
        path: &'static str,
        body: String,
        reply: Reply<Came>,
    },
    Shop {
        shop: String,
        ship_id: String,
        body: Vec<u8>,
        signature: String,
        reply: Reply<Option<u16>>,
    },
}

/// Where a waiting call is answered.
pub(crate) struct Reply<T> {
    epoch: u64,
    answer: oneshot::Sender<T>,
}

#[derive(Default)]
struct Inner {
    /// By epoch, how many tasks of a server run now and do not wait for the world.
    running: BTreeMap<u64, i64>,
    outcomes: Vec<(u64, Outcome)>,
    calls: Vec<(u64, Call)>,
}

/// See the module.
#[derive(Clone, Default)]
pub(crate) struct Bus(Arc<Mutex<Inner>>, Arc<Notify>);

impl Bus {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A server begins; what an epoch of before still does counts no more.
    pub(crate) fn begin(&self, epoch: u64) {
        self.inner().running.insert(epoch, 0);
    }

    pub(crate) fn end(&self, epoch: u64) {
        let mut inner = self.inner();
        inner.running.remove(&epoch);
        inner.outcomes.retain(|(of, _)| *of != epoch);
        inner.calls.retain(|(of, _)| *of != epoch);
    }

    fn count(&self, epoch: u64, by: i64) {
        if let Some(running) = self.inner().running.get_mut(&epoch) {
            *running += by;
        }
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.inner().running.values().all(|running| *running <= 0)
    }

    /// Waits until somebody has ended or has called.
    pub(crate) async fn news(&self) {
        self.1.notified().await;
    }

    /// A task of a server, which says what came of it.
    pub(crate) fn task(
        &self,
        epoch: u64,
        task: impl Future<Output = Outcome> + Send + 'static,
    ) -> impl Future<Output = ()> + Send + 'static {
        self.count(epoch, 1);
        let bus = self.clone();
        async move {
            let outcome = task.await;
            let mut inner = bus.inner();
            if let Some(running) = inner.running.get_mut(&epoch) {
                *running -= 1;
                inner.outcomes.push((epoch, outcome));
                bus.1.notify_one();
            }
        }
    }

    pub(crate) fn take_outcomes(&self) -> Vec<(u64, Outcome)> {
        std::mem::take(&mut self.inner().outcomes)
    }

    pub(crate) fn take_calls(&self) -> Vec<(u64, Call)> {
        std::mem::take(&mut self.inner().calls)
    }

    /// Answers a call, if its server still lives.
    pub(crate) fn answer<T>(&self, reply: Reply<T>, answer: T) {
        self.count(reply.epoch, 1);
        if reply.answer.send(answer).is_err() {
            self.count(reply.epoch, -1);
        }
    }

    async fn call<T>(&self, epoch: u64, call: impl FnOnce(Reply<T>) -> Call, unanswered: T) -> T {
        let (answer, wait) = oneshot::channel();
        let call = call(Reply { epoch, answer });
        {
            let mut inner = self.inner();
            inner.calls.push((epoch, call));
            if let Some(running) = inner.running.get_mut(&epoch) {
                *running -= 1;
                self.1.notify_one();
            }
        }
        wait.await.unwrap_or(unanswered)
    }
}

/// A server's line to the outside.
pub(crate) struct Line {
    pub(crate) bus: Bus,
    pub(crate) epoch: u64,
}

type Boxed<'o, T> = Pin<Box<dyn Future<Output = T> + Send + 'o>>;

impl Outside for Line {
    fn gateway<'o>(&'o self, path: &'static str, body: &'o str) -> Boxed<'o, Came> {
        let call = move |reply| Call::Gateway { path, body: body.to_owned(), reply };
        Box::pin(self.bus.call(self.epoch, call, (Vec::new(), Some(CallError::Broken))))
    }

    fn shop<'o>(
        &'o self,
        shop: &'o str,
        ship_id: &'o str,
        body: &'o [u8],
        signature: &'o str,
    ) -> Boxed<'o, Option<u16>> {
        let call = |reply| Call::Shop {
            shop: shop.to_owned(),
            ship_id: ship_id.to_owned(),
            body: body.to_vec(),
            signature: signature.to_owned(),
            reply,
        };
        Box::pin(self.bus.call(self.epoch, call, None))
    }
}
