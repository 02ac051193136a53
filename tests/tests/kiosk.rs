//! The kiosk's Linux program against the real server and sandbox: bought from, cut from the
//! network, cut from the power.
//!
//! The programs must be built before: `cargo build --workspace`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]
#![cfg(target_os = "linux")]

mod till;

use embedded_graphics::geometry::Size;
use saoma_kiosk::app::Key;
use saoma_kiosk::journal::Stage;
use saoma_tests::qr_texts;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use till::{Mirror, Till};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

#[tokio::test]
async fn a_purchase_by_touches_hands_the_goods_over_once() {
    let till = Till::start().await;
    let mut kiosk = till.kiosk(&till.desk.server_url(), &[]);
    let mut mirror = Mirror::new(Size::new(480, 320));
    kiosk.until("attract").await;
    for key in [Key::Start, Key::Item(0), Key::Item(0), Key::Item(1), Key::Basket, Key::Pay] {
        let at = mirror.touch(key);
        kiosk.key(&format!("touch {} {}", at.x, at.y)).await;
    }
    let shown = kiosk.until("qr").await;
    let code_url = shown.after("code_url");
    assert_eq!(qr_texts(shown.after("png").as_ref()).unwrap(), [code_url.as_str()]);
    till.desk.pay(&code_url).await.unwrap();
    kiosk.until("take").await;
    let order_id = shown.after("order");
    let view = till.until_phase(&order_id, "shipped").await;
    assert_eq!(view["amount_fen"], 2 * 1800 + 2600);
    till.until_settled().await;
    let job = format!("ship-{order_id}");
    assert_eq!(till.ledger(), [format!("begin {job} 1*2,2*1"), format!("out {job}")]);
    kiosk.quit().await;
    till.last_words();
    till.desk.stop().await.unwrap();
}

#[tokio::test]
async fn once_ends_with_the_order() {
    let till = Till::start().await;
    let mut kiosk = till.kiosk(&till.desk.server_url(), &["--once"]);
    let shown = kiosk.order().await;
    till.desk.pay(&shown.after("code_url")).await.unwrap();
    kiosk.until("take").await;
    kiosk.ends_with(0).await;
    till.desk.stop().await.unwrap();
}

/// Whether an order's stage is the one that is waited for.
type IsIt = fn(&Stage) -> bool;

#[tokio::test]
async fn the_power_is_cut_after_each_record_and_nothing_comes_out_twice_or_unpaid() {
    let till = Till::start().await;
    let stages: [(IsIt, bool); 5] = [
        (|stage| *stage == Stage::Making, false),
        (|stage| *stage == Stage::Open, false),
        (|stage| *stage == Stage::Claiming, true),
        (|stage| matches!(stage, Stage::Dispensing(_)), true),
        (|stage| *stage == Stage::Handed, true),
    ];
    for (at, (is_it, is_paid)) in stages.into_iter().enumerate() {
        let mut kiosk = till.kiosk(&till.desk.server_url(), &["--command-recalls"]);
        kiosk.until("attract").await;
        for line in ["start", "item 1", "basket", "pay"] {
            kiosk.key(line).await;
        }
        if is_paid {
            let shown = kiosk.until("qr").await;
            till.desk.pay(&shown.after("code_url")).await.unwrap();
        }
        till.until_stage(is_it).await;
        kiosk.cut_power().await;
        // Whatever the dispenser was told before, it ends.
        sleep(Duration::from_millis(600)).await;
        let mut kiosk = till.kiosk(&till.desk.server_url(), &["--command-recalls"]);
        if !is_paid {
            kiosk.until("attract").await;
            pay_all(&till).await;
        }
        till.until_settled().await;
        kiosk.quit().await;
        assert_eq!(till.orders().await.len(), at + 1);
    }
    assert_all_shipped_once(&till).await;
    till.desk.stop().await.unwrap();
}

#[tokio::test]
async fn the_power_is_cut_at_random_and_nothing_comes_out_twice_or_unpaid() {
    let till = Till::start().await;
    for delay_ms in [5, 60, 250, 550] {
        let mut kiosk = till.kiosk(&till.desk.server_url(), &["--command-recalls"]);
        let shown = kiosk.order().await;
        till.desk.pay(&shown.after("code_url")).await.unwrap();
        sleep(Duration::from_millis(delay_ms)).await;
        kiosk.cut_power().await;
        sleep(Duration::from_millis(400)).await;
        // And once more, while it is being taken up.
        let kiosk = till.kiosk(&till.desk.server_url(), &["--command-recalls"]);
        sleep(Duration::from_millis(delay_ms)).await;
        kiosk.cut_power().await;
        sleep(Duration::from_millis(400)).await;
    }
    let kiosk = till.kiosk(&till.desk.server_url(), &["--command-recalls"]);
    till.until_settled().await;
    kiosk.quit().await;
    assert_eq!(till.orders().await.len(), 4);
    assert_all_shipped_once(&till).await;
    till.desk.stop().await.unwrap();
}

#[tokio::test]
async fn a_dispenser_that_forgets_leaves_it_to_the_staff() {
    let till = Till::start().await;
    let mut kiosk = till.kiosk(&till.desk.server_url(), &[]);
    let shown = kiosk.order().await;
    till.desk.pay(&shown.after("code_url")).await.unwrap();
    till.until_stage(|stage| matches!(stage, Stage::Dispensing(_))).await;
    kiosk.cut_power().await;
    sleep(Duration::from_millis(600)).await;
    let begun = till.begun();
    let mut kiosk = till.kiosk(&till.desk.server_url(), &[]);
    till.until_stage(|stage| *stage == Stage::Help { claimed: true }).await;
    kiosk.until("help").await;
    let order_id = shown.after("order");
    till.until_phase(&order_id, "paid").await;
    // The staff see that the goods are out.
    kiosk.key("staff").await;
    kiosk.until("staff").await;
    kiosk.key("done").await;
    till.until_phase(&order_id, "shipped").await;
    till.until_settled().await;
    assert!(till.begun() == begun && begun <= 1, "{:?}", till.ledger());
    kiosk.quit().await;
    till.desk.stop().await.unwrap();
}

#[tokio::test]
async fn without_a_network_no_code_is_shown_and_what_was_paid_meanwhile_comes_out() {
    let till = Till::start().await;
    let line = Line::to(till.desk.server_url()).await;
    let mut kiosk = till.kiosk(&line.url, &[]);
    let shown = kiosk.order().await;
    line.cut();
    kiosk.until("offline").await;
    line.mend();
    let again = kiosk.until("qr").await;
    assert_eq!(again.after("code_url"), shown.after("code_url"));
    line.cut();
    kiosk.until("offline").await;
    till.desk.pay(&shown.after("code_url")).await.unwrap();
    till.until_phase(&shown.after("order"), "paid").await;
    assert_eq!(till.begun(), 0, "nothing comes out before the server is asked");
    line.mend();
    kiosk.until("take").await;
    till.until_phase(&shown.after("order"), "shipped").await;
    kiosk.quit().await;
    assert_all_shipped_once(&till).await;
    till.desk.stop().await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_killed_and_comes_back_is_taken_up_again() {
    let mut till = Till::start().await;
    let mut kiosk = till.kiosk(&till.desk.server_url(), &[]);
    let shown = kiosk.order().await;
    till.desk.crash_server().await.unwrap();
    till.desk.pay(&shown.after("code_url")).await.unwrap();
    till.desk.crash_server().await.unwrap();
    let again = json!({ "out_trade_no": format!("{}-1", shown.after("order")), "times": 8 });
    let url = format!("{}/control/notify", till.desk.sandbox_url());
    till.desk.http().post(url).json(&again).send().await.unwrap();
    kiosk.until("take").await;
    till.until_phase(&shown.after("order"), "shipped").await;
    kiosk.quit().await;
    assert_all_shipped_once(&till).await;
    till.desk.stop().await.unwrap();
}

#[tokio::test]
async fn what_is_paid_after_it_was_given_up_goes_back_and_the_customer_sees_it() {
    let till = Till::start().await;
    let mut kiosk = till.kiosk(&till.desk.server_url(), &[]);
    let shown = kiosk.order().await;
    kiosk.key("cancel").await;
    kiosk.until("cancelling").await;
    till.desk.pay(&shown.after("code_url")).await.unwrap();
    kiosk.until("refunding").await;
    till.until_phase(&shown.after("order"), "refunded").await;
    till.until_settled().await;
    assert_eq!(till.begun(), 0);
    kiosk.quit().await;
    till.desk.stop().await.unwrap();
}

/// Pays whatever may be paid, as customers with codes on their phones do.
async fn pay_all(till: &Till) {
    for order_id in till.orders().await {
        let view = till.desk.server_get(&format!("/v1/orders/{order_id}")).await.unwrap();
        if view["phase"] == "placing" || view["phase"] == "open" {
            let view = till.until_phase(&order_id, "open").await;
            till.desk.pay(view["code_url"].as_str().unwrap()).await.unwrap();
        }
    }
}

/// Each order was paid, shipped, and handed over exactly once.
async fn assert_all_shipped_once(till: &Till) {
    let orders = till.orders().await;
    for order_id in &orders {
        till.until_phase(order_id, "shipped").await;
    }
    let ledger = till.ledger();
    let jobs = |word: &str| -> Vec<String> {
        let lines = ledger.iter().filter_map(|line| line.strip_prefix(word));
        lines.map(|rest| rest.split(' ').next().unwrap().to_owned()).collect()
    };
    for word in ["begin ", "out "] {
        let jobs = jobs(word);
        let distinct: BTreeSet<String> = jobs.iter().cloned().collect();
        assert_eq!(jobs.len(), orders.len(), "{ledger:?}");
        assert_eq!(distinct, orders.iter().map(|id| format!("ship-{id}")).collect());
    }
    let anomalies = till.desk.server_get("/v1/anomalies").await.unwrap();
    assert_eq!(anomalies["anomalies"], json!([]));
}

/// A line to the server that can be cut.
struct Line {
    url: String,
    is_cut: Arc<AtomicBool>,
}

impl Line {
    async fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let is_cut = Arc::new(AtomicBool::new(false));
        let cut = is_cut.clone();
        let server = server.strip_prefix("http://").unwrap().to_owned();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, server.clone(), cut.clone()));
            }
        });
        Self { url, is_cut }
    }

    fn cut(&self) {
        self.is_cut.store(true, Ordering::SeqCst);
    }

    fn mend(&self) {
        self.is_cut.store(false, Ordering::SeqCst);
    }
}

/// Carries one connection until the line is cut.
async fn carry(mut client: TcpStream, server: String, is_cut: Arc<AtomicBool>) {
    let cut = async {
        while !is_cut.load(Ordering::SeqCst) {
            sleep(Duration::from_millis(10)).await;
        }
    };
    let carried = async {
        let mut server = TcpStream::connect(server).await?;
        tokio::io::copy_bidirectional(&mut client, &mut server).await
    };
    tokio::select! {
        () = cut => {}
        _ = carried => {}
    }
}
