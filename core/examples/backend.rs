//! A backend that takes one payment: it orders, shows the code, hears the notification (or asks,
//! should none come), checks amount and currency, ships and acknowledges. With the sandbox:
//!
//! ```sh
//! KEY=MADE-UP-KEY-OF-32-CHARACTERS-001; echo $KEY > made-up.key
//! cargo run -p saoma-sandbox -- --merchant "1900000109:wx5a0mademeup0001:$KEY:Saoma Cafe" &
//! cargo run -p saoma-core --features native --example backend -- \
//!     http://127.0.0.1:8090 1900000109 wx5a0mademeup0001 made-up.key 1800
//! ```
//!
//! Pay at <http://127.0.0.1:8090/phone>, or without hands:
//! `curl http://127.0.0.1:8090/control/pay -d '{"out_trade_no":"DEMO..."}'`.

use axum::{Router, body::Bytes, extract::State, routing::post};
use saoma_core::api::{ACK_FAIL, ACK_SUCCESS, Currency, Merchant, OrderQueryAnswer, PayNotice};
use saoma_core::api::{Payment, TradeState, UnifiedOrder, UnifiedOrderAnswer};
use saoma_core::ids::{AppId, MchId, Nonce, OutTradeNo};
use saoma_core::sign::{ApiKey, SignType, Unverified};
use saoma_core::{money::Fen, native::Gateway, qr, time::UnixTime, xml::Doc};
use std::{error::Error, sync::Arc, time::Duration};
use tokio::{net::TcpListener, sync::watch, time::sleep};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [gateway, mch_id, app_id, key_file, fen] = words.as_slice() else {
        return Err("usage: backend GATEWAY_URL MCH_ID APP_ID KEY_FILE FEN".into());
    };
    let merchant = Merchant {
        mch_id: MchId::new(mch_id)?,
        app_id: AppId::new(app_id)?,
        key: ApiKey::new(std::fs::read_to_string(key_file)?.trim())?,
        sign_type: SignType::HmacSha256,
    };
    sell(Gateway::new(merchant, &[gateway])?, Fen::parse(fen)?).await
}

/// One order of a shop that sells one thing, once.
struct Shop {
    gateway: Gateway,
    number: OutTradeNo,
    price: Fen,
    shipped: watch::Sender<bool>,
}

/// Takes one payment, and ends when the goods have left.
pub(crate) async fn sell(gateway: Gateway, price: Fen) -> Result<()> {
    let number = format!("DEMO{}{:.8}", now()?.beijing(), nonce()?.as_str());
    let number = OutTradeNo::new(&number)?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let notify_url = format!("http://{}/notify", listener.local_addr()?);
    let shop = Arc::new(Shop { gateway, number, price, shipped: watch::Sender::new(false) });

    let code_url = shop.order(&notify_url).await?;
    show(&code_url)?;
    println!("order {} is to be paid: {code_url}", shop.number);

    let mut shipped = shop.shipped.subscribe();
    let router = Router::new().route("/notify", post(hear)).with_state(Arc::clone(&shop));
    let hearing = axum::serve(listener, router).with_graceful_shutdown(async move {
        let _ = shipped.wait_for(|shipped| *shipped).await;
    });
    tokio::select! {
        heard = hearing => Ok(heard?),
        asked = shop.ask() => asked,
    }
}

/// What WeChat posts to `notify_url`, and what it is answered.
async fn hear(State(shop): State<Arc<Shop>>, body: Bytes) -> &'static str {
    match shop.read(&body) {
        Ok(payment) => {
            shop.settle(&payment);
            ACK_SUCCESS
        }
        Err(error) => {
            println!("not WeChat's word about our order: {error}");
            ACK_FAIL
        }
    }
}

impl Shop {
    /// Places the order; the answer is the text of its code.
    async fn order(&self, notify_url: &str) -> Result<String> {
        let merchant = self.gateway.merchant();
        let (ip, times) = ([127, 0, 0, 1].into(), (now()?, now()?.plus(900)));
        let order = UnifiedOrder::new(&self.number, "Latte", self.price, notify_url, ip, times)?;
        // To be stored before it is sent: another try sends the same text.
        let mut request = String::new();
        order.draft(merchant, merchant.sign_type).write(&mut request)?;
        let request = request.as_bytes();
        match self.gateway.unified_order(request, merchant.sign_type, &nonce()?).await? {
            UnifiedOrderAnswer::Placed { code_url, .. } => Ok(code_url.to_string()),
            UnifiedOrderAnswer::Refused(refusal) => Err(refusal.to_string().into()),
        }
    }

    /// Nothing is believed before the signature is good.
    fn read(&self, body: &[u8]) -> Result<Payment> {
        let merchant = self.gateway.merchant();
        let doc: Doc<'_, 128> = Doc::read(body)?;
        let verified = Unverified::new(&doc).verify(&merchant.key, merchant.sign_type)?;
        let payment = PayNotice::read(verified, merchant)?.payment;
        if payment.out_trade_no == self.number { Ok(payment) } else { Err("another order".into()) }
    }

    /// A notification may be lost, so the gateway is asked as well.
    async fn ask(&self) -> Result<()> {
        let sign_type = self.gateway.merchant().sign_type;
        loop {
            sleep(Duration::from_secs(5)).await;
            match self.gateway.order_query(&self.number, sign_type, &nonce()?).await {
                Ok(OrderQueryAnswer::State(TradeState::Paid(payment))) => self.settle(&payment),
                Ok(answer) => println!("not paid yet: {answer:?}"),
                Err(error) => println!("nothing is known: {error}"),
            }
        }
    }

    /// A payment is a fact, and the goods leave once, however often and however it is told.
    fn settle(&self, payment: &Payment) {
        if (payment.total_fee, payment.currency) != (self.price, Currency::Cny) {
            println!("for a person: {} fen were paid, not {}", payment.total_fee, self.price);
        } else if !self.shipped.send_replace(true) {
            println!("ship {}: {} fen were paid", self.number, payment.total_fee);
        }
    }
}

/// Draws the code, light as blocks and dark as blanks, as on a dark terminal.
fn show(code_url: &str) -> Result<()> {
    let code = qr::encode_at_least(code_url, qr::Level::L)?;
    let side = 0..code.size() + 2 * qr::QUIET_ZONE;
    let inside = |at: usize| at.wrapping_sub(qr::QUIET_ZONE);
    for y in side.clone() {
        let dark = |x: usize| code.dark(inside(x), inside(y));
        println!("{}", side.clone().map(|x| if dark(x) { "  " } else { "██" }).collect::<String>());
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "an example has no clock.rs")]
fn now() -> Result<UnixTime> {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    Ok(UnixTime::new(since.as_secs()).ok_or("the clock is wrong")?)
}

#[expect(clippy::disallowed_methods, reason = "an example has no random.rs")]
fn nonce() -> Result<Nonce> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(Nonce::from_random(bytes))
}
