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
//! The backend itself is `sell` and `Till`, some sixty lines; the rest reads arguments and the
//! clock, and draws.
//!
//! Pay at <http://127.0.0.1:8090/phone>, or without hands:
//! `curl http://127.0.0.1:8090/control/pay -d '{"out_trade_no":"DEMO..."}'`.

use axum::{Router, body::Bytes, routing::post};
use saoma_core::api::{
    ACK_FAIL, ACK_SUCCESS, Currency, Merchant, OrderQueryAnswer, PayNotice, Payment, TradeState,
    UnifiedOrder, UnifiedOrderAnswer,
};
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
    let key = ApiKey::new(std::fs::read_to_string(key_file)?.trim())?;
    let (mch_id, app_id) = (MchId::new(mch_id)?, AppId::new(app_id)?);
    let merchant = Merchant { mch_id, app_id, key, sign_type: SignType::HmacSha256 };
    sell(Gateway::new(merchant, &[gateway])?, Fen::parse(fen)?).await
}

/// Takes one payment, and ends when the goods have left.
pub(crate) async fn sell(gateway: Gateway, price: Fen) -> Result<()> {
    let (merchant, sign_type) = (gateway.merchant().clone(), gateway.merchant().sign_type);
    let number = OutTradeNo::new(&format!("DEMO{}{:.8}", now()?.beijing(), nonce()?.as_str()))?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/notify", listener.local_addr()?);
    let times = (now()?, now()?.plus(900));
    let order = UnifiedOrder::new(&number, "Latte", price, &url, [127, 0, 0, 1].into(), times)?;
    // To be stored before it is sent: another try sends the same text.
    let mut request = String::new();
    order.draft(&merchant, sign_type).write(&mut request)?;
    match gateway.unified_order(request.as_bytes(), sign_type, &nonce()?).await? {
        UnifiedOrderAnswer::Placed { code_url, .. } => show(&code_url)?,
        UnifiedOrderAnswer::Refused(refusal) => return Err(refusal.to_string().into()),
    }
    println!("order {number} is to be paid");

    let shipped = watch::Sender::new(false);
    let till = Arc::new(Till { merchant, number: number.clone(), price, shipped });
    let (hearing, mut shipped) = (Arc::clone(&till), till.shipped.subscribe());
    let hear = post(move |body: Bytes| async move { hearing.hear(&body) });
    let served = axum::serve(listener, Router::new().route("/notify", hear))
        .with_graceful_shutdown(async move { drop(shipped.wait_for(|shipped| *shipped).await) });
    // A notification may be lost, so the gateway is asked as well.
    let ask = async {
        loop {
            sleep(Duration::from_secs(5)).await;
            match gateway.order_query(&till.number, sign_type, &nonce()?).await {
                Ok(OrderQueryAnswer::State(TradeState::Paid(payment))) => till.settle(&payment),
                answer => println!("not paid as far as we know: {answer:?}"),
            }
        }
    };
    tokio::select! { served = served => Ok(served?), failed = ask => failed }
}

/// What is to be paid, and whether the goods have left.
struct Till {
    merchant: Merchant,
    number: OutTradeNo,
    price: Fen,
    shipped: watch::Sender<bool>,
}

impl Till {
    /// What WeChat posts to `notify_url`, and what it is answered.
    fn hear(&self, body: &[u8]) -> &'static str {
        match self.read(body) {
            Ok(payment) if payment.out_trade_no == self.number => {
                self.settle(&payment);
                ACK_SUCCESS
            }
            refused => {
                println!("not WeChat's word about our order: {refused:?}");
                ACK_FAIL
            }
        }
    }

    /// Nothing is believed before the signature is good.
    fn read(&self, body: &[u8]) -> Result<Payment> {
        let doc: Doc<'_, 128> = Doc::read(body)?;
        let unverified = Unverified::new(&doc);
        let verified = unverified.verify(&self.merchant.key, self.merchant.sign_type)?;
        Ok(PayNotice::read(verified, &self.merchant)?.payment)
    }

    /// A payment is a fact, and the goods leave once, however often and however it is told.
    fn settle(&self, payment: &Payment) {
        if (payment.total_fee, payment.currency) != (self.price, Currency::CNY) {
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
    println!("{code_url}");
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
