//! A running sandbox: gateway, HTTP, phone page and sender, in this process.

mod refunds;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::certificates::{Certificates, ClientCertificate, Holder};
use crate::clock::{Clock, machine_time};
use crate::config::{Config, StartError};
use crate::door::Door;
use crate::gateway::input::{
    AddFault, Cancel, ChangeSettings, Delivered, Pay, RemoveFault, RemoveFaults, SendAgain,
    SetBalance,
};
use crate::gateway::{
    Entry, FaultError, FaultName, FaultRule, FaultView, Gateway, Message, OrderKey, OrderView,
    Paid, PayError, Person, Returned, ScanError, Scanned, SettingsChange, SettingsError,
    SettingsView, Target, Tender,
};
use crate::shared::Shared;
use crate::state::{NotKept, State};
use crate::time::UnixTime;
use crate::{http, notify};

/// How long open connections may take to end when the sandbox stops.
const STOP_GRACE: Duration = Duration::from_secs(2);

/// A running sandbox. Dropping it ends it at once; [`Sandbox::stop`] lets calls under way finish.
pub struct Sandbox {
    shared: Arc<Shared>,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<()>,
    sender: JoinHandle<()>,
}

impl Sandbox {
    /// Starts a sandbox; it answers when this returns.
    ///
    /// # Errors
    ///
    /// When the configuration does not fit or the address is taken.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        config.check()?;
        let client = notify::client().map_err(StartError::Client)?;
        let failed = |error| StartError::Listen { address: config.listen, error };
        let certificates = config.certificates.as_deref();
        let certificates = Certificates::open(certificates, &config.merchants, machine_time())
            .map_err(StartError::Certificates)?;
        let listener = TcpListener::bind(config.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let door = door(listener, &certificates, &config.host_names)?.map_err(failed)?;
        let shared = Arc::new(restore(&config, certificates).await?);
        let (stop, stopped) = oneshot::channel();
        let service = http::router(Arc::clone(&shared));
        let service = service.into_make_service_with_connect_info::<Holder>();
        let server = tokio::spawn(async move {
            let stopped = async {
                // An error means that the sandbox was dropped, which ends this task anyway.
                let _ = stopped.await;
            };
            let served = axum::serve(door, service).with_graceful_shutdown(stopped).await;
            if let Err(error) = served {
                tracing::error!(%error, "the server ended");
            }
        });
        let sender = notify::run(Arc::clone(&shared), client, config.notify_deadline);
        let sender = tokio::spawn(sender);
        Ok(Self { shared, address, stop: Some(stop), server, sender })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What stands in place of `https://api.mch.weixin.qq.com`; no slash at the end.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The same by HTTPS, which is spoken at the same port. Clients must trust [`Self::ca_pem`].
    pub fn https_url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The certificate of the sandbox's authority.
    pub fn ca_pem(&self) -> &str {
        self.shared.certificates.ca_pem()
    }

    /// The client certificate of a merchant.
    pub fn client_certificate(&self, mch_id: &str) -> Option<&ClientCertificate> {
        self.shared.certificates.client(mch_id)
    }

    /// The phone page.
    pub fn phone_url(&self) -> String {
        format!("{}/phone", self.base_url())
    }

    async fn scan_by(&self, person: Option<&Person>, code: &str) -> Result<Scanned, ScanError> {
        let not_kept = |error: NotKept| ScanError::ShopSilent { reason: error.to_string() };
        self.shared.scan(person, code).await.map_err(not_kept)?
    }

    /// The seed of its numbers, codes and faults: with a state on disk that of the first start.
    pub fn seed(&self) -> u64 {
        self.shared.look(|gateway, _| gateway.seed())
    }

    /// The time of the gateway's clock.
    pub fn now(&self) -> UnixTime {
        self.shared.clock.now()
    }

    /// Moves the clock ahead. Notifications that become due are sent.
    ///
    /// `None` when `seconds` is negative or too many; the clock has not moved then.
    pub fn advance(&self, seconds: i64) -> Option<UnixTime> {
        self.shared.advance_inside(seconds)
    }

    /// Lets the clock run so many times as fast as the machine's; says whether it does. A standing
    /// clock does not.
    pub fn set_speed(&self, speed: u32) -> bool {
        self.shared.set_speed(speed)
    }

    /// What a phone sees when it scans this code. For the code of a product the shop is asked
    /// first, at its `mode_one_url`.
    ///
    /// # Errors
    ///
    /// Why there is nothing to pay.
    pub async fn scan(&self, code: &str) -> Result<Scanned, ScanError> {
        self.scan_by(None, code).await
    }

    /// What this person's phone sees when it scans this code. The first who scans an order is the
    /// only one who can pay it.
    ///
    /// # Errors
    ///
    /// Why there is nothing to pay.
    pub async fn scan_as(&self, person: &Person, code: &str) -> Result<Scanned, ScanError> {
        self.scan_by(Some(person), code).await
    }

    /// Changes what is set for a merchant, who may be left out while there is one.
    ///
    /// # Errors
    ///
    /// Why nothing was changed.
    pub fn change_settings(
        &self,
        mch_id: Option<&str>,
        change: &SettingsChange,
    ) -> Result<SettingsView, SettingsError> {
        let mch_id = mch_id.map(str::to_owned);
        self.shared.act_inside(ChangeSettings { mch_id, change: change.clone() })
    }

    /// What happened to a merchant's money on the day in Beijing that this time is in, in order.
    pub fn ledger(&self, mch_id: &str, day_of: UnixTime) -> Vec<Entry> {
        self.shared.look(|gateway, _| gateway.ledger(mch_id, day_of).to_vec())
    }

    /// Puts this much into a person's purse, in fen; `None` for one that never runs empty.
    pub fn set_balance(&self, person: &Person, balance_fen: Option<u64>) {
        self.shared.act_inside(SetBalance { person: person.clone(), balance_fen });
    }

    /// Pays as a phone does, or as a test wants it. The notification is sent afterwards.
    ///
    /// # Errors
    ///
    /// Why nothing was paid.
    pub fn pay(&self, target: &Target, tender: Tender) -> Result<Paid, PayError> {
        self.shared.act_inside(Pay { target: target.clone(), tender })
    }

    /// Looks at an order on the phone and gives it up.
    ///
    /// # Errors
    ///
    /// Why the order could not be looked at.
    pub fn cancel(&self, target: &Target) -> Result<OrderKey, PayError> {
        self.shared.act_inside(Cancel { target: target.clone() })
    }

    /// Sends the notification of an order's newest payment `copies` times more, all at once.
    ///
    /// # Errors
    ///
    /// When there is no such order, or no payment of it.
    pub fn send_again(&self, target: &Target, copies: u32) -> Result<(), PayError> {
        self.shared.act_inside(SendAgain { target: target.clone(), copies })
    }

    /// The 100 newest orders, newest first.
    pub fn orders(&self) -> Vec<OrderView> {
        self.shared.look(|gateway, now| gateway.orders(now))
    }

    /// The `limit` newest orders, newest first.
    pub fn newest_orders(&self, limit: usize) -> Vec<OrderView> {
        self.shared.look(|gateway, now| gateway.newest_orders(limit, now))
    }

    /// The order with this number; of several merchants' orders any.
    pub fn order(&self, out_trade_no: &str) -> Option<OrderView> {
        self.shared.look(|gateway, now| gateway.orders_numbered(out_trade_no, now)).pop()
    }

    /// Asks for a fault; gives the number of the rule.
    ///
    /// # Errors
    ///
    /// When the rule does not fit, or there are too many.
    pub fn add_fault(&self, rule: FaultRule) -> Result<u64, FaultError> {
        self.shared.act_inside(AddFault { rule })
    }

    /// Forgets a rule; says whether there was one.
    pub fn remove_fault(&self, id: u64) -> bool {
        self.shared.act_inside(RemoveFault { id })
    }

    /// Forgets all rules, and says how many there were.
    pub fn remove_faults(&self) -> usize {
        self.shared.act_inside(RemoveFaults {})
    }

    /// The rules that were asked for, oldest first.
    pub fn faults(&self) -> Vec<FaultView> {
        self.shared.look(|gateway, _| gateway.faults())
    }

    /// How often a fault struck, whatever asked for it.
    pub fn times_struck(&self, name: FaultName) -> u64 {
        let struck = |(known, times)| (known == name).then_some(times);
        self.shared.look(|gateway, _| gateway.faults_struck().find_map(struck)).unwrap_or(0)
    }

    /// The last calls and notifications, oldest first.
    pub fn messages(&self) -> Vec<Message> {
        self.shared.look(|gateway, _| gateway.messages().cloned().collect())
    }

    /// Waits until no notification is on its way or due.
    pub async fn quiet(&self) {
        let mut changes = self.shared.changes();
        while !self.shared.look(|gateway, now| gateway.is_quiet(now)) {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// Waits until the state file cannot be written any more, and says why. Without one, for ever.
    ///
    /// From then on no call is answered: start again, with room on the disk.
    pub async fn failure(&self) -> String {
        if let Some(mut failure) = self.shared.failure()
            && let Ok(reason) = failure.wait_for(Option::is_some).await
        {
            return reason.clone().unwrap_or_default();
        }
        std::future::pending().await
    }

    /// Ends it: no new calls, a moment for those under way, no more notifications.
    pub async fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            // An error means that the server has ended already.
            let _ = stop.send(());
        }
        self.sender.abort();
        let _ = tokio::time::timeout(STOP_GRACE, &mut self.server).await;
        self.shared.end().await;
    }
}

/// The gateway as it was at the end, or a new one.
async fn restore(config: &Config, certificates: Certificates) -> Result<Shared, StartError> {
    let clock = Clock::new(config.clock);
    let Some(path) = &config.state else {
        let gateway = Gateway::new(config.rules, config.merchants.clone(), config.seed);
        return Ok(Shared::new(gateway, None, clock, certificates));
    };
    let state = State::open(path, config.rules, &config.merchants, config.seed).await;
    let state = state.map_err(|error| StartError::State { path: path.clone(), error })?;
    // Time goes on from where it was, also when the machine's clock has been set back.
    let behind_s = state.last_at.map_or(0, |last| last.since(clock.now()));
    let clock = clock.ahead(state.ahead_s.max(behind_s));
    let (gateway, journal) = state.into_parts();
    let in_flight = gateway.in_flight();
    let shared = Shared::new(gateway, Some(journal), clock, certificates);
    for id in in_flight {
        let reason = "the sandbox ended before the answer came".to_owned();
        let returned = Returned::Unreachable { reason };
        // Each of them is on its way: the gateway has just said so.
        let _ = shared.act_inside(Delivered { id, returned });
    }
    Ok(shared)
}

fn door(
    listener: TcpListener,
    certificates: &Certificates,
    host_names: &[String],
) -> Result<std::io::Result<Door>, StartError> {
    let asker = certificates.asker().map_err(StartError::Certificates)?;
    let tls = certificates.server(host_names, Arc::clone(&asker), machine_time());
    let tls = TlsAcceptor::from(Arc::new(tls.map_err(StartError::Certificates)?));
    Ok(Door::open(listener, tls, asker))
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.sender.abort();
        self.server.abort();
    }
}
