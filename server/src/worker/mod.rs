//! Who performs what was committed: claim -> call -> settle, and time.
//!
//! This is the only part of the server that calls WeChat and the shop, and it holds no state of
//! its own: killed at any moment, its successor goes on from the database.

mod log;
mod refund;

use crate::clock::Stopwatch;
use crate::crash::point;
use crate::metrics::{Answer, code_of, name_of};
use crate::service::{Job, Outcome, Service, ShipOrder, ToDo};
use crate::store::{AttemptRow, Dialect, Entry, Lane, NO_MONTHS, StoreError, make_months};
use crate::webhook::{WebhookError, Webhooks};
use log::Log;
use saoma_core::api::{AnswerError, Call};
use saoma_core::ids::{AppId, MchId, OrderId};
use saoma_core::native::{CallError, Gateway, Tap};
use saoma_core::time::UnixTime;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tracing::Instrument as _;

/// Most entries of a lane that are performed at once, besides those that their writer asked for at
/// once.
const PARALLEL_MAX: usize = 16;
/// Most of those that are performed at once: each is a connection, and while WeChat hangs every new
/// order would hold one for as long as a call may last.
const BEGUN_MAX: usize = if cfg!(test) { 32 } else { 256 };
/// Why others are given back meanwhile.
const TOO_MANY: &str = "too many orders were being placed already";
/// How long to wait at most before looking again where other servers may have left something to
/// do: one that dies after a commit tells nobody.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// How often the tables of the next months are seen to.
const HOUR_S: u64 = 3_600;
/// How long to wait after the database failed.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// The hands of the server, two pairs: one for each [`Lane`].
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) service: Arc<Service>,
    /// One for each merchant and app.
    pub(crate) gateways: HashMap<(MchId, AppId), Gateway>,
    pub(crate) webhooks: Webhooks,
}

impl Worker {
    /// Performs what WeChat is to be asked, until told to stop; what runs then is finished.
    pub(crate) async fn call_gateway(
        self: Arc<Self>,
        at_once: mpsc::UnboundedReceiver<Entry>,
        stop: watch::Receiver<bool>,
    ) {
        self.run(Lane::Gateway, at_once, stop).await;
    }

    /// Performs what the shop is to be told, until told to stop; what runs then is finished.
    pub(crate) async fn call_shop(self: Arc<Self>, stop: watch::Receiver<bool>) {
        // Nothing is asked of the shop at once: this end of the line stays silent.
        let (_silent, at_once) = mpsc::unbounded_channel();
        self.run(Lane::Shop, at_once, stop).await;
    }

    async fn run(
        self: Arc<Self>,
        lane: Lane,
        mut at_once: mpsc::UnboundedReceiver<Entry>,
        mut stop: watch::Receiver<bool>,
    ) {
        let bells = &self.service.context.bells;
        let bell = match lane {
            Lane::Gateway => &bells.gateway,
            Lane::Shop => &bells.shop,
        };
        // Those that their writer asked for take no place from those that wait for their turn:
        // while many orders are being placed, money goes back and questions are asked as well. What
        // finds no place among them either waits for its turn too.
        let (mut running, mut begun) = (JoinSet::new(), JoinSet::new());
        let places = Arc::new(Semaphore::new(BEGUN_MAX));
        let ended = |result| {
            if let Err(error) = result {
                tracing::error!(%error, "an entry of the outbox ended badly");
            }
        };
        loop {
            let looked_at = self.service.context.clock.now();
            let next = self.fill(lane, &mut running).await;
            // One that was due already waits for somebody who is at work: there is no hurry.
            let next = next.map(|at| at.max(looked_at.plus(1)));
            // Nothing here reads the database: who is called away in the middle of a question
            // leaves a connection behind that is of no use.
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => break,
                Some(entry) = at_once.recv() => {
                    let worker = Arc::clone(&self);
                    match Arc::clone(&places).try_acquire_owned() {
                        Ok(place) => begun.spawn(async move {
                            worker.perform(entry).await;
                            drop(place);
                        }),
                        Err(_) => begun.spawn(async move {
                            worker.give_back(entry, TOO_MANY).await;
                        }),
                    };
                }
                Some(result) = running.join_next() => ended(result),
                Some(result) = begun.join_next() => ended(result),
                () = bell.notified() => {}
                () = wait_until(&self.service, next) => {}
            }
        }
        while running.join_next().await.is_some() || begun.join_next().await.is_some() {}
        // What was leased to be performed at once, and was not begun, is for others.
        while let Ok(entry) = at_once.try_recv() {
            self.give_back(entry, "the server stopped").await;
        }
    }

    /// Gives back what was leased and is not begun.
    async fn give_back(&self, entry: Entry, why: &'static str) {
        let key = entry.key.clone();
        if let Err(error) = self.service.give_back(entry, why).await {
            tracing::warn!(key, %error, "a lease is not given back; it ends by itself");
        }
    }

    /// Claims entries while there is room; gives when the next one is due, if there is room for it.
    async fn fill(self: &Arc<Self>, lane: Lane, running: &mut JoinSet<()>) -> Option<UnixTime> {
        while running.len() < PARALLEL_MAX {
            // At most sixteen.
            let room = u32::try_from(PARALLEL_MAX - running.len()).unwrap_or(1);
            match self.service.claim_or_next(lane, room).await {
                Ok(ToDo::Later(next)) => return next,
                Ok(ToDo::Now(entries)) => {
                    point("claimed");
                    for entry in entries {
                        running.spawn(Arc::clone(self).perform(entry));
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "the outbox cannot be read");
                    tokio::time::sleep(AFTER_FAILURE).await;
                    return Some(self.service.context.clock.now());
                }
            };
        }
        None
    }

    pub(crate) async fn perform(self: Arc<Self>, entry: Entry) {
        let (key, order_id) = (entry.key.clone(), entry.order_id.clone());
        let result = async {
            let log = Arc::new(Log::default());
            let outcome = self.outcome(&entry, &log).await?;
            point("called");
            // Both are asked for at once, so that they are committed together.
            let told = self.service.keep_lines(entry.order_id.clone(), log.take());
            let (told, settled) = tokio::join!(told, self.service.settle(entry, outcome));
            if let Err(error) = told {
                tracing::error!(%error, "what was said could not be kept");
            }
            point("settled");
            settled
        };
        // Everything that is said meanwhile is about this order.
        let order_id = order_id.as_ref().map(OrderId::as_str);
        let span = tracing::error_span!("effect", order_id, key);
        if let Err(error) = result.instrument(span).await {
            // The lease runs out, and then it is claimed again.
            tracing::error!(order_id, key, %error, "an entry of the outbox could not be settled");
        }
    }

    async fn outcome(&self, entry: &Entry, log: &Arc<Log>) -> Result<Outcome, StoreError> {
        let Some(job) = self.service.job(entry).await? else { return Ok(Outcome::Unwanted) };
        point("before-call");
        let nonce = match self.service.context.nonce() {
            Ok(nonce) => nonce,
            Err(error) => return Ok(again(error.to_string())),
        };
        Ok(match job {
            Job::Ship(ship) => self.ship(&ship, log).await,
            Job::Refund(job) => Outcome::Refund(self.refund(job, log).await),
            Job::Place(attempt) => match self.gateway(&attempt, log) {
                Ok(gateway) => {
                    let (request, algorithm) = (attempt.request.as_bytes(), attempt.sign_type);
                    let answer = gateway.unified_order(request, algorithm, &nonce);
                    let answer = self.measured(Call::UnifiedOrder, answer).await;
                    Outcome::of_place(attempt.index, entry.tries, answer)
                }
                Err(why) => again(why),
            },
            Job::Query(attempt) => match self.gateway(&attempt, log) {
                Ok(gateway) => {
                    let (number, algorithm) = (&attempt.out_trade_no, attempt.sign_type);
                    let answer = gateway.order_query(number, algorithm, &nonce);
                    let answer = self.measured(Call::OrderQuery, answer).await;
                    Outcome::of_query(attempt.index, answer)
                }
                Err(why) => again(why),
            },
            Job::Close(attempt) => match self.gateway(&attempt, log) {
                Ok(gateway) => {
                    let (number, algorithm) = (&attempt.out_trade_no, attempt.sign_type);
                    let answer = gateway.close_order(number, algorithm, &nonce);
                    let answer = self.measured(Call::CloseOrder, answer).await;
                    Outcome::of_close(attempt.index, answer)
                }
                Err(why) => again(why),
            },
        })
    }

    /// Lets a call to WeChat happen, and counts what it came to and how long it took.
    async fn measured<A: Answer>(
        &self,
        call: Call,
        answer: impl Future<Output = Result<A, CallError>>,
    ) -> Result<A, CallError> {
        let began = Stopwatch::start();
        let answer = answer.await;
        if let Err(CallError::Answer(AnswerError::SignRefused)) = &answer {
            tracing::error!(call = call.path(), "{WRONG_KEY}");
        }
        let metrics = &self.service.context.metrics;
        metrics.gateway_call(name_of(call), code_of(&answer), began.elapsed());
        answer
    }

    /// The line to WeChat for an attempt, or why there is none.
    fn gateway(&self, attempt: &AttemptRow, log: &Arc<Log>) -> Result<Gateway, String> {
        self.line(&attempt.mch_id, &attempt.app_id, log)
    }

    /// The line to WeChat of a merchant, on which `log` listens.
    fn line(&self, mch_id: &MchId, app_id: &AppId, log: &Arc<Log>) -> Result<Gateway, String> {
        let gateway = self.gateways.get(&(mch_id.clone(), app_id.clone()));
        let gateway = gateway.ok_or_else(|| {
            format!("merchant {mch_id} with {app_id} is not in the configuration")
        })?;
        Ok(gateway.tapped(Arc::clone(log) as Arc<dyn Tap>))
    }

    async fn ship(&self, ship: &ShipOrder, log: &Log) -> Outcome {
        let context = &self.service.context;
        let began = Stopwatch::start();
        let now = match saoma_core::planted!("webhook-time-of-payment") {
            true => ship.paid_at,
            false => context.clock.now(),
        };
        let answer = self.webhooks.ship(&ship.shop, ship, now).await;
        if let Err(error @ WebhookError::Waits { in_s }) = answer {
            return Outcome::NotBegun { in_s, why: error.to_string() };
        }
        let result = answer.as_ref().map_or_else(|error| error.name(), |()| "OK".to_owned());
        context.metrics.webhook_call(&result, began.elapsed());
        log.push("sent", "webhook", serde_json::to_string(ship).unwrap_or_default());
        log.push(
            "received",
            "webhook",
            match &answer {
                Ok(()) => "2xx".to_owned(),
                Err(error) => error.to_string(),
            },
        );
        Outcome::of_ship(answer)
    }
}

/// What a person has to do when WeChat takes none of the merchant's keys.
const WRONG_KEY: &str = "WeChat says that our signature is wrong, so the key was changed: set the \
                         new one as the merchant's `key` and start again; until then nothing is \
                         ended and everything is tried again";

fn again(why: String) -> Outcome {
    Outcome::Again { event: None, why }
}

/// How often the gateway is asked what time it is.
const CLOCK_EVERY: Duration = Duration::from_mins(10);

/// Compares our clock with the gateway's, for whoever watches the server, until told to stop.
pub(crate) async fn compare_clocks(worker: Arc<Worker>, mut stop: watch::Receiver<bool>) {
    let context = &worker.service.context;
    let ask = async || {
        let Some(gateway) = worker.gateways.values().next() else { return };
        if let Ok(Some(theirs)) = gateway.date().await {
            let [theirs, ours] = [theirs, context.clock.now()].map(UnixTime::get);
            context.metrics.clock_offset(theirs.cast_signed() - ours.cast_signed());
        }
    };
    loop {
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => return,
            () = async { ask().await; tokio::time::sleep(CLOCK_EVERY).await } => {}
        }
    }
}

/// Lets time happen to orders until told to stop.
pub(crate) async fn keep_time(service: Arc<Service>, mut stop: watch::Receiver<bool>) {
    loop {
        let looked_at = service.context.clock.now();
        let next = match keep_time_once(&service).await {
            Ok(next) => next,
            Err(error) => {
                tracing::error!(%error, "orders cannot be read");
                tokio::time::sleep(AFTER_FAILURE).await;
                Some(looked_at)
            }
        };
        // What time had to do already has failed, and is tried again a second later.
        let next = next.map(|at| at.max(looked_at.plus(1)));
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => return,
            () = service.context.bells.time.notified() => {}
            () = wait_until(&service, next) => {}
        }
    }
}

/// Lets time happen once to what is due; gives when it next has something to do.
pub(crate) async fn keep_time_once(service: &Service) -> Result<Option<UnixTime>, StoreError> {
    service.tick_due().await?;
    if !saoma_core::planted!("late-goods-not-looked-at") {
        service.tell_of_late_goods().await?;
    }
    next_time(service).await
}

/// When time next has something to do.
pub(crate) async fn next_time(service: &Service) -> Result<Option<UnixTime>, StoreError> {
    let (orders, goods) = (service.next_tick().await?, service.next_late_goods().await?);
    let goods = goods.filter(|_| !saoma_core::planted!("late-goods-not-waited-for"));
    Ok(orders.into_iter().chain(goods).min())
}

/// Waits until then, or for ever; where other servers may be, a little at most.
async fn wait_until(service: &Service, at: Option<UnixTime>) {
    let wait = async {
        match at {
            Some(at) => service.context.clock.sleep_until(at).await,
            None => std::future::pending().await,
        }
    };
    match service.store.dialect() {
        Dialect::Sqlite => wait.await,
        Dialect::Postgres => {
            // Both ends are the same to who waits.
            let _ = tokio::time::timeout(LOOK_AGAIN, wait).await;
        }
    }
}

/// Makes the tables of the next months, and looks each hour, until told to stop.
pub(crate) async fn keep_months(service: Arc<Service>, mut stop: watch::Receiver<bool>) {
    loop {
        let clock = &service.context.clock;
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => return,
            () = clock.sleep_until(clock.now().plus(HOUR_S)) => {}
        }
        if let Err(error) = make_months(&service.store, clock.now()).await {
            tracing::error!(%error, "{NO_MONTHS}");
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::clock::{Clock, ManualClock};
    use crate::config::{Database, Secret};
    use crate::random::Random;
    use crate::store::Store;
    use crate::testing::{START, Shop, merchant, sellers};
    use crate::webhook::Reach;
    use saoma_core::native::Settings;
    use saoma_core::order::Event;
    use saoma_core::sign::SignType;
    use saoma_postgres::Cluster;
    use std::io;
    use std::path::Path;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::io::AsyncReadExt as _;
    use tokio::net::{TcpListener, UnixListener, UnixStream};

    /// A way to a database that counts who comes along.
    fn counted(cluster: &Cluster, folder: &Path) -> io::Result<(Secret, Arc<AtomicUsize>)> {
        const SOCKET: &str = ".s.PGSQL.5432";
        let url = cluster.database()?;
        let database = url.rsplit('/').next().unwrap_or_default();
        let there = cluster.folder().join(SOCKET);
        let door = UnixListener::bind(folder.join(SOCKET))?;
        let here = folder.display().to_string().replace('/', "%2F");
        let count = Arc::new(AtomicUsize::new(0));
        let counter = count.clone();
        tokio::spawn(async move {
            while let Ok((mut guest, _)) = door.accept().await {
                counter.fetch_add(1, Ordering::Relaxed);
                let there = there.clone();
                tokio::spawn(async move {
                    let mut line = UnixStream::connect(there).await?;
                    tokio::io::copy_bidirectional(&mut guest, &mut line).await
                });
            }
        });
        Ok((Secret::new(format!("postgres://postgres@{here}/{database}")), count))
    }

    /// A gateway that never answers, and gives the path of each call.
    async fn silent() -> io::Result<(String, mpsc::UnboundedReceiver<String>)> {
        let door = TcpListener::bind("127.0.0.1:0").await?;
        let host = format!("http://{}", door.local_addr()?);
        let (asked, calls) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut guests = Vec::new();
            while let Ok((mut guest, _)) = door.accept().await {
                let mut head = [0; 64];
                let length = guest.read(&mut head).await.unwrap_or(0);
                let head = String::from_utf8_lossy(&head[..length]);
                let _ = asked.send(head.split(' ').nth(1).unwrap_or_default().to_owned());
                guests.push(guest);
            }
        });
        Ok((host, calls))
    }

    /// Whoever calls WeChat there for this service, on a line on which no call ever ends.
    fn at(host: &str, service: Arc<Service>) -> Arc<Worker> {
        let merchant = merchant(SignType::HmacSha256);
        let ids = (merchant.mch_id.clone(), merchant.app_id.clone());
        let settings = Settings { call_timeout: Duration::from_hours(1), ..Settings::default() };
        let gateway = Gateway::with(merchant, &[host], settings).expect("a line");
        let webhooks = Webhooks::new([], Reach::of(true)).expect("no shops");
        Arc::new(Worker { service, gateways: HashMap::from([(ids, gateway)]), webhooks })
    }

    #[tokio::test]
    async fn no_more_orders_are_placed_at_once_than_there_are_places() {
        const LEFT: usize = 3;
        let (host, mut calls) = silent().await.unwrap();
        let shop = Shop::open().await;
        for n in 0..BEGUN_MAX + PARALLEL_MAX + LEFT {
            shop.order(&format!("A-{n}")).await;
        }
        let Shop { service, at_once, .. } = shop;
        let service = Arc::new(service);
        let (_stop, stopping) = watch::channel(false);
        let working = tokio::spawn(at(&host, service.clone()).call_gateway(at_once, stopping));
        // What was given back is claimed as everything is that waits for its turn.
        for _ in 0..BEGUN_MAX + PARALLEL_MAX {
            let call = tokio::time::timeout(Duration::from_secs(30), calls.recv()).await;
            assert_eq!(call.expect("nobody is asked").unwrap(), "/pay/unifiedorder");
        }
        let states = "select state, tries, count(*) from outbox group by state, tries order by 1";
        let under_way = format!("leased 1 {}", BEGUN_MAX + PARALLEL_MAX);
        let expected = [under_way, format!("pending 0 {LEFT}")];
        let settled = async {
            while crate::testing::rows(&service.store, states).await != expected {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let settled = tokio::time::timeout(Duration::from_secs(30), settled).await;
        assert!(settled.is_ok(), "{:?}", crate::testing::rows(&service.store, states).await);
        assert!(calls.try_recv().is_err(), "nobody else is asked");
        working.abort();
    }

    #[tokio::test]
    async fn what_waits_has_its_turn_however_many_orders_are_being_placed() {
        let (host, mut calls) = silent().await.unwrap();
        let mut shop = Shop::open().await;
        shop.order("A-0").await;
        let placed = shop.at_once.try_recv().unwrap();
        let code_url = "weixin://wxpay/bizpayurl?pr=1".try_into().unwrap();
        let event = Event::Placed { attempt: 0, code_url };
        shop.service.settle(placed, Outcome::Event(event)).await.unwrap();
        for n in 1..=PARALLEL_MAX {
            shop.order(&format!("A-{n}")).await;
        }
        let Shop { service, at_once, clock, .. } = shop;
        let service = Arc::new(service);
        let (_stop, stopping) = watch::channel(false);
        let working = tokio::spawn(at(&host, service.clone()).call_gateway(at_once, stopping));
        for _ in 1..=PARALLEL_MAX {
            assert_eq!(calls.recv().await.unwrap(), "/pay/unifiedorder");
        }
        clock.advance(5);
        service.tick_due().await.unwrap();
        let next = tokio::time::timeout(Duration::from_secs(30), calls.recv()).await;
        assert_eq!(next.expect("nobody is asked").unwrap(), "/pay/orderquery");
        working.abort();
    }

    #[tokio::test]
    async fn whoever_is_called_away_leaves_no_broken_connection_behind() {
        let folder = tempfile::tempdir().unwrap();
        let (url, connections) = counted(Cluster::shared().unwrap(), folder.path()).unwrap();
        let store = Store::open(&Database::Postgres(url)).await.unwrap();
        let clock = ManualClock::new(UnixTime::new(START).unwrap());
        let (clock, random) = (Clock::Manual(clock), Random::seeded(1));
        let opened = Service::open(store, clock, random, sellers(SignType::Md5));
        let (service, _at_once) = opened.await.unwrap();
        let webhooks = Webhooks::new([], Reach::of(true)).unwrap();
        let service = Arc::new(service);
        let worker =
            Arc::new(Worker { service: service.clone(), gateways: HashMap::new(), webhooks });
        let (stop, stopping) = watch::channel(false);
        let shop = tokio::spawn(worker.call_shop(stopping.clone()));
        let time = tokio::spawn(keep_time(service.clone(), stopping));
        for _ in 0..500 {
            service.context.bells.shop.notify_one();
            service.context.bells.time.notify_one();
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
        stop.send_replace(true);
        shop.await.unwrap();
        time.await.unwrap();
        let connections = connections.load(Ordering::Relaxed);
        assert!(connections <= 12, "{connections} connections");
    }
}
