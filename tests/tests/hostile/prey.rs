//! The server that is attacked, and what must not change by it.

use crate::rig::{PATIENCE, Rig};
use crate::world::{KEY, SHOP_KEY, notice};
use rusqlite::{Connection, OpenFlags, types::ValueRef};
use saoma_core::sign::SignType;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// The transaction of the good notification.
pub(crate) const PAID: &str = "4200009999202611240000000777";

/// An order at the server.
pub(crate) struct Made {
    pub(crate) id: String,
    pub(crate) token: String,
    /// Its `out_trade_no`.
    pub(crate) number: String,
}

pub(crate) struct Prey {
    pub(crate) rig: Rig,
    /// Each request goes over a connection of its own: one that was refused may end its own.
    pub(crate) http: reqwest::Client,
    /// An order of 18.00 yuan that waits for its payment.
    pub(crate) order: Made,
}

impl Prey {
    pub(crate) async fn start() -> Self {
        Self::start_with("").await
    }

    /// With these lines at the head of its configuration.
    pub(crate) async fn start_with(more: &str) -> Self {
        let rig = Rig::start("sqlite:saoma.db", more, "info", 0).await;
        let order = order(&rig, "A-1").await;
        let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0);
        Self { rig, http: http.build().unwrap(), order }
    }

    /// Another order.
    pub(crate) async fn order(&self, order_no: &str) -> Made {
        order(&self.rig, order_no).await
    }

    /// The good notification: the order's payment.
    pub(crate) fn good(&self) -> String {
        self.changed(&[])
    }

    /// The same with other fields, signed as well as the good one.
    pub(crate) fn changed(&self, changes: &[(&str, &str)]) -> String {
        notice(&self.order.number, KEY, SignType::HmacSha256, changes)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.rig.url)
    }

    /// Posts to the address of notifications; gives status and body.
    pub(crate) async fn notify(&self, body: impl Into<reqwest::Body>) -> (u16, String) {
        sent(self.http.post(self.url("/wx/v2/notify")).body(body)).await
    }

    /// Posts to the address of refund notifications.
    pub(crate) async fn notify_refund(&self, body: impl Into<reqwest::Body>) -> (u16, String) {
        sent(self.http.post(self.url("/wx/v2/refund-notify")).body(body)).await
    }

    /// Sends bytes as they are, and reads until the server closes the line, or nothing comes for
    /// a while.
    pub(crate) async fn raw(&self, bytes: &[u8]) -> String {
        let mut line = self.line().await;
        // Whoever is refused in the middle may find the line closed.
        let _ = line.write_all(bytes).await;
        let _ = line.flush().await;
        let (mut answer, mut chunk) = (Vec::new(), [0; 4_096]);
        while let Ok(Ok(len)) = timeout(Duration::from_millis(700), line.read(&mut chunk)).await {
            if len == 0 {
                break;
            }
            answer.extend_from_slice(&chunk[..len]);
        }
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// A connection.
    pub(crate) async fn line(&self) -> TcpStream {
        let address = self.rig.url.strip_prefix("http://").unwrap();
        TcpStream::connect(address).await.unwrap()
    }

    /// A sample of the metrics; 0 when there is none yet.
    pub(crate) async fn metric(&self, sample: &str) -> u64 {
        let page = self.rig.http.get(self.url("/metrics")).send().await.unwrap();
        let page = page.text().await.unwrap();
        let line = page.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
        line.map_or(0, |value| value.parse().unwrap())
    }

    /// How many notifications were refused.
    pub(crate) async fn refused(&self) -> u64 {
        self.metric("saoma_notifications_total{outcome=\"refused\"}").await
    }

    /// Everything that the database holds, but for what the timetable writes by itself while an
    /// order is open: when it is asked about next, and what was said to WeChat about it.
    pub(crate) fn books(&self) -> String {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let file = Connection::open_with_flags(self.rig.folder().join("saoma.db"), flags).unwrap();
        file.busy_timeout(PATIENCE).unwrap();
        let tables = "select name from sqlite_master where type = 'table'
                      and name not like 'sqlite_%' order by name";
        let mut tables = file.prepare(tables).unwrap();
        let tables = tables.query_map([], |row| row.get::<_, String>(0)).unwrap();
        let mut books = String::new();
        for table in tables.map(Result::unwrap) {
            let what = match &*table {
                "orders" => "order_id, shop, order_no, amount_fen, description, phase, expires_at",
                "outbox" => "key, kind, lane, effect",
                "history" => "order_id, kind, name",
                _ => "*",
            };
            let which = match &*table {
                "outbox" => "where kind <> 'query'",
                "history" => "where kind = 'note'",
                _ => "",
            };
            writeln!(books, "{table}").unwrap();
            rows(&file, &format!("select {what} from {table} {which} order by 1, 2"), &mut books);
        }
        books
    }

    /// The good notification is taken, and the order ships by it: so nothing that was refused
    /// before was refused for a reason of its own.
    pub(crate) async fn takes_the_good_one(&self) {
        let (status, answer) = self.notify(self.good()).await;
        assert!(status == 200 && answer.contains("SUCCESS"), "{}", self.rig.last_words());
        self.until("shipped").await;
        let told = self.rig.shop.calls();
        assert!(told.iter().all(|call| call["transaction_id"] == PAID), "{told:?}");
    }

    /// Waits until the order is in this phase.
    pub(crate) async fn until(&self, phase: &str) {
        self.until_is(&self.order, phase).await;
    }

    /// Waits until another order is in this phase.
    pub(crate) async fn until_is(&self, made: &Made, phase: &str) {
        let seen = async {
            while self.view(made).await["phase"] != phase {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, seen).await.unwrap_or_else(|_| panic!("{}", self.rig.last_words()));
    }

    /// What the shop sees of an order.
    pub(crate) async fn view(&self, made: &Made) -> Value {
        let url = self.url(&format!("/v1/orders/{}", made.id));
        let response = self.rig.http.get(url).bearer_auth(SHOP_KEY).send().await.unwrap();
        response.json().await.unwrap()
    }
}

/// Status and body of the answer.
pub(crate) async fn sent(request: reqwest::RequestBuilder) -> (u16, String) {
    match request.send().await {
        Ok(response) => (response.status().as_u16(), response.text().await.unwrap()),
        // Who is refused in the middle of sending may find a closed line and no answer.
        Err(error) if error.is_request() => (413, "FAIL".to_owned()),
        Err(error) => panic!("{error}"),
    }
}

async fn order(rig: &Rig, order_no: &str) -> Made {
    let body = json!({ "order_no": order_no, "amount_fen": 1_800, "description": "拿铁" });
    let request = rig.http.post(format!("{}/v1/orders", rig.url)).json(&body);
    let made: Value = request.bearer_auth(SHOP_KEY).send().await.unwrap().json().await.unwrap();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    let (id, token) = (text("order_id"), text("token"));
    assert_eq!(made["view"]["phase"], "open", "{made}");
    Made { number: format!("{id}-1"), id, token }
}

fn rows(file: &Connection, sql: &str, text: &mut String) {
    let mut statement = file.prepare(sql).unwrap();
    let columns = statement.column_count();
    let mut rows = statement.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        for column in 0..columns {
            match row.get_ref(column).unwrap() {
                ValueRef::Null => text.push('-'),
                ValueRef::Integer(number) => write!(text, "{number}").unwrap(),
                ValueRef::Text(bytes) => text.push_str(&String::from_utf8_lossy(bytes)),
                other => write!(text, "{other:?}").unwrap(),
            }
            text.push('|');
        }
        text.push('\n');
    }
}
