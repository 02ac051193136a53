//! A street of three shops, two merchants behind them, one server for all, and the sandbox.

use crate::world::Shop as Hook;
use saoma_core::api::{Merchant, UnifiedOrder, UnifiedOrderAnswer};
use saoma_core::ids::{AppId, MchId, Nonce, OutTradeNo};
use saoma_core::money::Fen;
use saoma_core::native::Gateway;
use saoma_core::sign::{ApiKey, SignType};
use saoma_core::time::UnixTime;
use saoma_core::xml::Doc;
use saoma_sandbox::clock::ClockKind;
use saoma_sandbox::{Sandbox, Target, Tender};
use saoma_server::{Clock, Config, Env, ManualClock, Random, Server};
use saoma_tests::{Program, binary};
use serde_json::{Value, json};
use sqlx::Connection as _;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use tokio::process::Command;

/// Where clocks start that stand: 2026-11-24 03:26:00 in Beijing.
const START: u64 = 1_795_461_960;
/// How long anything may take on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A shop, and in whose name it sells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Party {
    pub(crate) shop: &'static str,
    pub(crate) mch_id: &'static str,
    pub(crate) app_id: &'static str,
    pub(crate) key: &'static str,
    pub(crate) sign_type: SignType,
    shop_key: &'static str,
    webhook_secret: &'static str,
}

/// The only shop of the first merchant, whose certificate is PKCS#12.
pub(crate) const TEA: Party = Party {
    shop: "tea",
    mch_id: "1900000109",
    app_id: "wx5a0mademeup0001",
    key: "MerchantKeyOfTea0000000000000001",
    sign_type: SignType::HmacSha256,
    shop_key: "shop-key-of-the-tea-shop",
    webhook_secret: "webhook-secret-of-the-tea-shop",
};

/// A shop of the second merchant, whose certificate is PEM; it sells in the name of its second app.
pub(crate) const CAFE: Party = Party {
    shop: "cafe",
    mch_id: "1900000110",
    app_id: "wx5a0mademeup0003",
    key: "MerchantKeyOfBoth000000000000002",
    sign_type: SignType::Md5,
    shop_key: "shop-key-of-the-cafe",
    webhook_secret: "webhook-secret-of-the-cafe",
};

/// Another shop of the second merchant, in the name of its first app.
pub(crate) const BAKERY: Party = Party {
    shop: "bakery",
    app_id: "wx5a0mademeup0002",
    shop_key: "shop-key-of-the-bakery",
    webhook_secret: "webhook-secret-of-the-bakery",
    ..CAFE
};

pub(crate) const PARTIES: [Party; 3] = [TEA, CAFE, BAKERY];

#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) party: Party,
    pub(crate) id: String,
    pub(crate) order_no: &'static str,
    /// Its first `out_trade_no`.
    pub(crate) number: String,
    pub(crate) fen: u64,
}

enum Running {
    /// The real program, on the machine's clock.
    Program(Program),
    /// The same in this process, on a clock that stands.
    Here(Server, ManualClock),
}

pub(crate) struct Street {
    pub(crate) sandbox: Sandbox,
    server: Running,
    base_url: String,
    hooks: [Hook; 3],
    http: reqwest::Client,
    database: String,
    folder: TempDir,
}

/// Paid, and nobody is told.
pub(crate) fn silent() -> Tender {
    Tender { notify: false, ..Tender::default() }
}

/// The text of a field of a document, when it is there.
pub(crate) fn read(xml: &str, name: &str) -> Option<String> {
    let doc: Doc<'_, 64> = Doc::read(xml.as_bytes()).unwrap();
    let mut text = String::new();
    doc.get(name)?.each(|piece| text.push_str(piece));
    Some(text)
}

impl Street {
    /// With the server's own program.
    pub(crate) async fn of_programs() -> Self {
        Self::build(ClockKind::System).await
    }

    /// With everything in this process, on clocks that stand until they are moved.
    pub(crate) async fn with_standing_clocks() -> Self {
        let start = saoma_sandbox::time::UnixTime(START.cast_signed());
        Self::build(ClockKind::Standing(start)).await
    }

    async fn build(clock: ClockKind) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let merchant = |party: &Party, shop| {
            saoma_sandbox::Merchant::new(party.mch_id, party.app_id, party.key, shop).unwrap()
        };
        let mut second = merchant(&BAKERY, "街角");
        second.more_appids = vec![CAFE.app_id.to_owned()];
        let mut desk = saoma_sandbox::Config::new([merchant(&TEA, "茶馆"), second]);
        desk.clock = clock;
        let sandbox = Sandbox::start(desk).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let database = saoma_postgres::chosen().unwrap();
        let database = database.unwrap_or_else(|| "sqlite:saoma.db".to_owned());
        let hooks = [(); 3].map(|()| Hook::default());
        let mut text = format!("listen = \"127.0.0.1:0\"\ndatabase = \"{database}\"\n");
        text += &merchants(&sandbox, folder.path());
        for (party, hook) in PARTIES.iter().zip(&hooks) {
            hook.share_secret(party.webhook_secret);
            let Party { shop, mch_id, app_id, shop_key, webhook_secret, .. } = party;
            let url = hook.start().await;
            text += &format!(
                "[[shops]]\nid = \"{shop}\"\nmch_id = \"{mch_id}\"\napp_id = \"{app_id}\"\n\
                 keys = [\"{shop_key}\"]\nwebhook_url = \"{url}\"\n\
                 webhook_secret = \"{webhook_secret}\"\n"
            );
        }
        let (server, base_url) = start(&text, folder.path(), clock).await;
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { sandbox, server, base_url, hooks, http, database, folder }
    }

    pub(crate) async fn stop(self) {
        match self.server {
            Running::Program(mut program) => {
                let death = program.stop().await.unwrap();
                assert!(death.status.success(), "{death}");
            }
            Running::Here(server, _) => server.stop().await,
        }
        self.sandbox.stop().await;
    }

    async fn call(&self, party: &Party, request: reqwest::RequestBuilder) -> (u16, Value) {
        let response = request.bearer_auth(party.shop_key).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// What a shop reads at a path.
    pub(crate) async fn get(&self, party: &Party, path: &str) -> (u16, Value) {
        self.call(party, self.http.get(format!("{}{path}", self.base_url))).await
    }

    /// What a shop is answered to this.
    pub(crate) async fn post(&self, party: &Party, path: &str, body: &Value) -> (u16, Value) {
        self.call(party, self.http.post(format!("{}{path}", self.base_url)).json(body)).await
    }

    /// Posts a notification to `notify` or `refund-notify`, and gives the body of the answer.
    pub(crate) async fn notify(&self, door: &str, xml: String) -> String {
        let url = format!("{}/wx/v2/{door}", self.base_url);
        self.http.post(url).body(xml).send().await.unwrap().text().await.unwrap()
    }

    pub(crate) async fn order(&self, party: Party, order_no: &'static str, fen: u64) -> Order {
        let body = json!({ "order_no": order_no, "amount_fen": fen, "description": "拿铁" });
        let (status, created) = self.post(&party, "/v1/orders", &body).await;
        assert_eq!(status, 201, "{created}");
        let id = created["order_id"].as_str().unwrap().to_owned();
        let order = Order { party, number: format!("{id}-1"), id, order_no, fen };
        self.until(&order, "open").await;
        order
    }

    pub(crate) async fn view(&self, order: &Order) -> Value {
        self.get(&order.party, &format!("/v1/orders/{}", order.id)).await.1
    }

    pub(crate) fn pay(&self, order: &Order, tender: Tender) {
        self.sandbox.pay(&Target::of_number(&order.number), tender).unwrap();
    }

    /// Orders at the sandbox what the server knows nothing of, in the name of this party, and pays
    /// it: 500 fen.
    pub(crate) async fn pay_unknown(&self, party: &Party, number: &str, tender: Tender) {
        let merchant = Merchant {
            mch_id: MchId::new(party.mch_id).unwrap(),
            app_id: AppId::new(party.app_id).unwrap(),
            key: ApiKey::new(party.key).unwrap(),
            sign_type: party.sign_type,
        };
        let gateway = Gateway::new(merchant.clone(), &[&self.sandbox.base_url()]).unwrap();
        let now = UnixTime::new(self.sandbox.now().0.unsigned_abs()).unwrap();
        let out_trade_no = OutTradeNo::new(number).unwrap();
        let notify_url = format!("{}/wx/v2/notify", self.base_url);
        let order = UnifiedOrder::new(
            &out_trade_no,
            "别处的咖啡",
            Fen::parse("500").unwrap(),
            &notify_url,
            "203.0.113.7".parse().unwrap(),
            (now, now.plus(900)),
        );
        let mut request = String::new();
        order.unwrap().draft(&merchant, party.sign_type).write(&mut request).unwrap();
        let nonce = Nonce::from_random([7; 16]);
        let answer = gateway.unified_order(request.as_bytes(), party.sign_type, &nonce).await;
        assert!(matches!(answer.unwrap(), UnifiedOrderAnswer::Placed { .. }));
        self.sandbox.pay(&Target::of_number(number), tender).unwrap();
    }

    /// Waits until the customer sees this phase.
    pub(crate) async fn until(&self, order: &Order, phase: &str) {
        let seen = async {
            while self.view(order).await["phase"] != phase {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let seen = tokio::time::timeout(PATIENCE, seen).await;
        assert!(seen.is_ok(), "never {phase}: {}", self.view(order).await);
    }

    /// Moves the clocks that can be moved.
    pub(crate) fn advance(&self, seconds: u32) {
        self.sandbox.advance(i64::from(seconds)).unwrap();
        if let Running::Here(_, clock) = &self.server {
            clock.advance(u64::from(seconds));
        }
    }

    /// Lets time go by, a few seconds at a time, until `done` says so.
    pub(crate) async fn pass(&self, mut done: impl AsyncFnMut() -> bool) {
        // The machine's clock does not wait for anybody: there it is ten seconds in one.
        let pause = match self.server {
            Running::Program(_) => Duration::from_secs(1),
            Running::Here(..) => Duration::from_millis(30),
        };
        for _ in 0..120 {
            if done().await {
                return;
            }
            self.advance(10);
            tokio::time::timeout(PATIENCE, self.sandbox.quiet()).await.unwrap();
            tokio::time::sleep(pause).await;
        }
        panic!("nothing came of twenty minutes");
    }

    /// A day of a shop's merchant, once it is compared and nobody is asked any more.
    pub(crate) async fn compared(&self, party: &Party, day: &str) -> Value {
        let mut last = Value::Null;
        let compared = async {
            loop {
                last = self.get(party, day).await.1;
                let is_compared = last["state"] == "compared" && last["due_at"].is_null();
                if is_compared && last["asking"] == 0 {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let compared = tokio::time::timeout(PATIENCE, compared).await;
        assert!(compared.is_ok(), "never compared: {last:#}");
        last
    }

    /// The refunds of an order's payment in the sandbox's books: number, fen, status.
    pub(crate) fn books(&self, order: &Order) -> Vec<(String, u64, &'static str)> {
        let payments = self.sandbox.order(&order.number).unwrap().payments;
        let refunds = payments.into_iter().flat_map(|payment| payment.refunds);
        refunds.map(|it| (it.out_refund_no, it.refund_fee, it.refund_status)).collect()
    }

    /// The orders that a shop's webhook was told of.
    pub(crate) fn told(&self, party: &Party) -> BTreeSet<String> {
        let place = PARTIES.iter().position(|other| other.shop == party.shop).unwrap();
        let calls = self.hooks[place].calls();
        calls.iter().map(|call| call["order_id"].as_str().unwrap().to_owned()).collect()
    }

    /// The only column of each row that the server has stored.
    pub(crate) async fn texts(&self, sql: &'static str) -> Vec<String> {
        if self.database.starts_with("postgres") {
            let mut conn = sqlx::PgConnection::connect(&self.database).await.unwrap();
            return sqlx::query_scalar(sql).fetch_all(&mut conn).await.unwrap();
        }
        let file = self.folder.path().join("saoma.db");
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file).read_only(true);
        let mut conn = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
        sqlx::query_scalar(sql).fetch_all(&mut conn).await.unwrap()
    }

    /// What is known of orders, money and messages, and what is to be done.
    pub(crate) async fn everything(&self) -> Vec<String> {
        let mut all = Vec::new();
        for sql in [
            "select state from orders order by order_id",
            "select transaction_id from payment order by 1",
            "select digest from message order by 1",
            "select transaction_id from anomaly order by 1",
            "select out_refund_no from refund order by 1",
            "select key from outbox order by 1",
            "select order_id || ' ' || name from history order by id",
        ] {
            all.extend(self.texts(sql).await);
        }
        all
    }
}

/// Both merchants, each with the files of its own certificate.
fn merchants(sandbox: &Sandbox, folder: &Path) -> String {
    let write = |name: &str, content: &[u8]| std::fs::write(folder.join(name), content).unwrap();
    let tea = sandbox.client_certificate(TEA.mch_id).unwrap();
    let both = sandbox.client_certificate(CAFE.mch_id).unwrap();
    write("ca.pem", sandbox.ca_pem().as_bytes());
    write("tea.p12", &tea.p12);
    write("both_cert.pem", both.certificate_pem.as_bytes());
    write("both_key.pem", both.key_pem.as_bytes());
    let merchant = |party: &Party, lines: &str| {
        format!(
            "[[merchants]]\nname = \"{}\"\nmch_id = \"{}\"\nkey = \"{}\"\nsign_type = \"{}\"\n\
             gateway = \"{}\"\nroot_certificate_file = \"ca.pem\"\n{lines}\n",
            party.shop,
            party.mch_id,
            party.key,
            party.sign_type.as_str(),
            sandbox.https_url()
        )
    };
    let apps = format!("apps = [\"{}\", \"{}\"]\n", BAKERY.app_id, CAFE.app_id);
    let pem = "certificate_file = \"both_cert.pem\"\ncertificate_key_file = \"both_key.pem\"";
    let app = format!("app_id = \"{}\"\n", TEA.app_id);
    merchant(&TEA, &format!("{app}certificate_file = \"tea.p12\""))
        + &merchant(&CAFE, &format!("{apps}{pem}"))
}

async fn start(text: &str, folder: &Path, clock: ClockKind) -> (Running, String) {
    if matches!(clock, ClockKind::Standing(_)) {
        let config = Config::parse(text, folder, &Env::default()).unwrap();
        let clock = ManualClock::new(UnixTime::new(START).unwrap());
        let random = Random::seeded(3);
        let server = Server::start(config, Clock::Manual(clock.clone()), random).await.unwrap();
        let base_url = server.base_url().to_owned();
        return (Running::Here(server, clock), base_url);
    }
    let file = folder.join("server.toml");
    std::fs::write(&file, text).unwrap();
    let mut command = Command::new(binary("saoma-server").unwrap());
    command.arg("--config").arg(file).current_dir(folder);
    let ready = "saoma-server ready on ";
    let (program, url) = Program::start("server", &mut command, ready, false).await.unwrap();
    (Running::Program(program), url)
}
