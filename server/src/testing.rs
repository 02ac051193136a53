//! What the tests of this crate share: a made-up merchant, a shop on a database of its own with a
//! clock that stands still, and notifications signed as WeChat signs them.
//!
//! With `SAOMA_TEST_DATABASE=postgres` the very same tests run on PostgreSQL.

use crate::clock::{Clock, ManualClock};
use crate::config::{AnomalyPolicy, Database, Secret};
use crate::random::Random;
use crate::service::{self, NewOrder, Seller, Sellers, Service};
use crate::store::plans::OF_A_TEST;
use crate::store::{Entry, OpenError, Store};
use saoma_core::api::Merchant;
use saoma_core::ids::{AppId, MchId, OrderId};
use saoma_core::sign::{ApiKey, SignType};
use saoma_core::time::UnixTime;
use saoma_core::xml::{Draft, Text};
use sqlx::AssertSqlSafe;
use tempfile::TempDir;
use tokio::sync::mpsc::UnboundedReceiver;

pub(crate) const KEY: &str = "192006250b4c09247ec02edce69f6a2d";
pub(crate) const PRICE: u64 = 1_800;
/// 2026-11-23 19:26:00 in Beijing.
pub(crate) const START: u64 = 1_795_433_160;

pub(crate) fn merchant(sign_type: SignType) -> Merchant {
    Merchant {
        mch_id: MchId::new("1900000109").unwrap(),
        app_id: AppId::new("wx5a0mademeup0001").unwrap(),
        key: ApiKey::new(KEY).unwrap(),
        sign_type,
    }
}

/// The only shop of the made-up merchant.
pub(crate) fn only_shop() -> service::Shop {
    let Merchant { mch_id, app_id, .. } = merchant(SignType::HmacSha256);
    service::Shop { id: "shop".to_owned(), mch_id, app_id, has_webhook: true, fetch_within_s: 600 }
}

pub(crate) fn sellers(sign_type: SignType) -> Sellers {
    let seller = Seller {
        merchant: merchant(sign_type),
        name: "扫码咖啡".to_owned(),
        notify_url: "http://127.0.0.1:8080/wx/v2/notify".to_owned(),
        refund_notify_url: "http://127.0.0.1:8080/wx/v2/refund-notify".to_owned(),
        anomalies: AnomalyPolicy::Refund,
        ip: [127, 0, 0, 1].into(),
    };
    Sellers { sellers: vec![seller], shops: vec![only_shop()] }
}

/// A new database, in this folder unless the tests are to run on PostgreSQL.
pub(crate) fn database(folder: &TempDir) -> Database {
    match saoma_postgres::chosen().unwrap() {
        Some(url) => Database::Postgres(Secret::new(url)),
        None => Database::Sqlite(folder.path().join("saoma.db")),
    }
}

/// A database of its own, and the service on it.
pub(crate) struct Shop {
    pub(crate) service: Service,
    /// Entries that are to be performed at once.
    pub(crate) at_once: UnboundedReceiver<Entry>,
    pub(crate) clock: ManualClock,
    pub(crate) database: Database,
    _folder: TempDir,
    sign_type: SignType,
}

impl Shop {
    pub(crate) async fn open() -> Self {
        Self::open_with(SignType::HmacSha256).await
    }

    /// A merchant that holds what may not be kept.
    pub(crate) async fn open_holding() -> Self {
        let mut sellers = sellers(SignType::HmacSha256);
        for seller in &mut sellers.sellers {
            seller.anomalies = AnomalyPolicy::Hold;
        }
        Self::open_for(SignType::HmacSha256, sellers).await
    }

    pub(crate) async fn open_with(sign_type: SignType) -> Self {
        Self::open_for(sign_type, sellers(sign_type)).await
    }

    /// On PostgreSQL, whichever database the tests are to run on.
    pub(crate) async fn open_on_postgres() -> Self {
        Self::open_at(saoma_postgres::Cluster::shared().unwrap().database().unwrap()).await
    }

    /// On the PostgreSQL at this URL.
    pub(crate) async fn open_at(url: String) -> Self {
        let (database, sign_type) = (Database::Postgres(Secret::new(url)), SignType::HmacSha256);
        Self::open_on(database, tempfile::tempdir().unwrap(), sign_type, sellers(sign_type)).await
    }

    async fn open_for(sign_type: SignType, sellers: Sellers) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::open_on(database(&folder), folder, sign_type, sellers).await
    }

    async fn open_on(
        database: Database,
        folder: TempDir,
        sign_type: SignType,
        sellers: Sellers,
    ) -> Self {
        let clock = ManualClock::new(UnixTime::new(START).unwrap());
        let opened = open(&database, &clock, sellers).await;
        let (service, at_once) = opened.unwrap();
        Self { service, at_once, clock, database, _folder: folder, sign_type }
    }

    /// The process dies and another one starts on the same database.
    pub(crate) async fn crash(self) -> Self {
        let sellers = sellers(self.sign_type);
        self.crash_into(sellers).await
    }

    /// The same, and the other process is configured for these.
    pub(crate) async fn crash_into(self, sellers: Sellers) -> Self {
        let Self { service, at_once, clock, database, _folder, sign_type } = self;
        drop((service, at_once));
        let opened = open(&database, &clock, sellers).await;
        let (service, at_once) = opened.unwrap();
        Self { service, at_once, clock, database, _folder, sign_type }
    }

    /// An order of [`PRICE`], and the number of its first attempt.
    pub(crate) async fn order(&self, order_no: &str) -> (OrderId, String) {
        let new = NewOrder::new(order_no, PRICE, "Saoma Cafe - Latte", 900).unwrap();
        let created = self.service.create(&only_shop(), &new).await.unwrap();
        let number = format!("{}-1", created.order_id);
        (created.order_id, number)
    }

    /// A notification about a payment of this shop.
    pub(crate) fn notice(&self, number: &str, transaction_id: &str, total_fee: u64) -> Vec<u8> {
        let total_fee = total_fee.to_string();
        let fields = notice_fields(number, transaction_id, &total_fee);
        signed(&fields, KEY, self.sign_type)
    }

    /// The phase as it is stored, and the version.
    pub(crate) async fn phase(&self, order_id: &OrderId) -> (String, u64) {
        let view = self.service.view(order_id).await.unwrap().unwrap();
        (view.phase.as_str().to_owned(), view.version)
    }

    /// Rows as texts, columns joined by a space.
    pub(crate) async fn rows(&self, sql: &'static str) -> Vec<String> {
        rows(&self.service.store, sql).await
    }

    /// Everything that is stored, as one text.
    pub(crate) async fn everything(&self) -> String {
        let mut all = Vec::new();
        for sql in [
            "select order_id, phase, state, version, due_at, updated_at from orders order by 1",
            "select out_trade_no, request from attempt order by 1",
            "select transaction_id, verdict, recorded_at from payment order by 1",
            "select digest, outcome from message order by 1",
            "select kind, transaction_id, refund from anomaly order by 1, 2",
            "select out_refund_no, state, trouble, sent_at, request from refund order by 1",
            "select key, state, tries, due_at, effect from outbox order by 1",
            "select order_id, kind, name, text from history order by id",
        ] {
            all.extend(self.rows(sql).await);
        }
        all.join("\n")
    }
}

/// The service on a database that is there.
pub(crate) async fn open_on(
    database: &Database,
) -> Result<(Service, UnboundedReceiver<Entry>), OpenError> {
    let clock = ManualClock::new(UnixTime::new(START).unwrap());
    open(database, &clock, sellers(SignType::HmacSha256)).await
}

async fn open(
    database: &Database,
    clock: &ManualClock,
    sellers: Sellers,
) -> Result<(Service, UnboundedReceiver<Entry>), OpenError> {
    let store = Store::open(database).await?;
    Service::open(store, Clock::Manual(clock.clone()), Random::seeded(1), sellers).await
}

/// Rows as texts, columns joined by a space.
pub(crate) async fn rows(store: &Store, sql: &'static str) -> Vec<String> {
    let sql = AssertSqlSafe(format!("{sql} {OF_A_TEST}"));
    let rows = store.reader().await.unwrap().fetch(sql, vec![]).await.unwrap();
    let text = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    rows.iter().map(|row| row.texts().into_iter().map(text).collect::<Vec<_>>().join(" ")).collect()
}

/// Changes what is stored, behind the service's back.
pub(crate) async fn alter(store: &Store, sql: &str) {
    let mut tx = store.begin().await.unwrap();
    tx.execute(AssertSqlSafe(format!("{sql} {OF_A_TEST}")), vec![]).await.unwrap();
    tx.commit().await.unwrap();
}

pub(crate) fn notice_fields<'a>(
    number: &'a str,
    transaction_id: &'a str,
    total_fee: &'a str,
) -> Vec<(&'a str, &'a str)> {
    vec![
        ("appid", "wx5a0mademeup0001"),
        ("bank_type", "OTHERS"),
        ("cash_fee", total_fee),
        ("fee_type", "CNY"),
        ("is_subscribe", "N"),
        ("mch_id", "1900000109"),
        ("nonce_str", "a3f0c1d2e4b596877869504132435465"),
        ("openid", "oMadeUpOpenIdForTests000001"),
        ("out_trade_no", number),
        ("result_code", "SUCCESS"),
        ("return_code", "SUCCESS"),
        ("time_end", "20261123192731"),
        ("total_fee", total_fee),
        ("trade_type", "NATIVE"),
        ("transaction_id", transaction_id),
    ]
}

/// A document of these fields, signed.
pub(crate) fn signed(fields: &[(&str, &str)], key: &str, algorithm: SignType) -> Vec<u8> {
    let mut doc: Draft<'_, 64> = Draft::new();
    for (name, value) in fields {
        doc.push(name, Text::new(value)).unwrap();
    }
    let signature = ApiKey::new(key).unwrap().sign(&doc, algorithm);
    let mut doc: Draft<'_, 64> = doc;
    doc.push("sign", Text::new(signature.as_str())).unwrap();
    let mut xml = String::new();
    doc.write(&mut xml).unwrap();
    xml.into_bytes()
}
