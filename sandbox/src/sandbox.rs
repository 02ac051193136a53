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
use crate::gateway::{
    Entry, FaultError, FaultName, FaultRule, FaultView, Gateway, Message, OrderKey, OrderView,
    Paid, PayError, Person, ScanError, Scanned, SettingsChange, SettingsError, SettingsView,
    Target, Tender,
};
use crate::shared::Shared;
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
        let gateway = Gateway::new(config.rules, config.merchants, config.seed);
        let door = door(listener, &certificates, &config.host_names)?.map_err(failed)?;
        let shared = Arc::new(Shared::new(gateway, Clock::new(config.clock), certificates));
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

    /// The time of the gateway's clock.
    pub fn now(&self) -> UnixTime {
        self.shared.clock.now()
    }

    /// Moves the clock ahead. Notifications that become due are sent.
    ///
    /// `None` when `seconds` is negative or too many; the clock has not moved then.
    pub fn advance(&self, seconds: i64) -> Option<UnixTime> {
        self.shared.advance(seconds)
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
        self.shared.scan(None, code).await
    }

    /// What this person's phone sees when it scans this code. The first who scans an order is the
    /// only one who can pay it.
    ///
    /// # Errors
    ///
    /// Why there is nothing to pay.
    pub async fn scan_as(&self, person: &Person, code: &str) -> Result<Scanned, ScanError> {
        self.shared.scan(Some(person), code).await
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
        self.shared.act(|gateway, _| gateway.change_settings(mch_id, change))
    }

    /// What happened to a merchant's money on the day in Beijing that this time is in, in order.
    pub fn ledger(&self, mch_id: &str, day_of: UnixTime) -> Vec<Entry> {
        self.shared.look(|gateway, _| gateway.ledger(mch_id, day_of).to_vec())
    }

    /// Puts this much into a person's purse, in fen; `None` for one that never runs empty.
    pub fn set_balance(&self, person: &Person, balance_fen: Option<u64>) {
        self.shared.act(|gateway, _| gateway.set_balance(person, balance_fen));
    }

    /// Pays as a phone does, or as a test wants it. The notification is sent afterwards.
    ///
    /// # Errors
    ///
    /// Why nothing was paid.
    pub fn pay(&self, target: &Target, tender: Tender) -> Result<Paid, PayError> {
        self.shared.act(|gateway, now| gateway.pay(target, tender, now))
    }

    /// Looks at an order on the phone and gives it up.
    ///
    /// # Errors
    ///
    /// Why the order could not be looked at.
    pub fn cancel(&self, target: &Target) -> Result<OrderKey, PayError> {
        self.shared.act(|gateway, now| gateway.cancel(target, now))
    }

    /// Sends the notification of an order's newest payment `copies` times more, all at once.
    ///
    /// # Errors
    ///
    /// When there is no such order, or no payment of it.
    pub fn send_again(&self, target: &Target, copies: u32) -> Result<(), PayError> {
        self.shared.act(|gateway, _| gateway.send_again(target, copies))
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
        self.shared.act(|gateway, _| gateway.add_fault(rule))
    }

    /// Forgets a rule; says whether there was one.
    pub fn remove_fault(&self, id: u64) -> bool {
        self.shared.act(|gateway, _| gateway.remove_fault(id))
    }

    /// Forgets all rules, and says how many there were.
    pub fn remove_faults(&self) -> usize {
        self.shared.act(|gateway, _| gateway.remove_faults())
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

    /// Ends it: no new calls, a moment for those under way, no more notifications.
    pub async fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            // An error means that the server has ended already.
            let _ = stop.send(());
        }
        self.sender.abort();
        let _ = tokio::time::timeout(STOP_GRACE, &mut self.server).await;
    }
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
