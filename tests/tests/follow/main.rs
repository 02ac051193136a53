//! An order followed in real browsers: lines that are cut, tabs that nobody sees, several tabs at
//! once, events that do not come through, a server that was gone.
//!
//! Ignored by default, because it needs Node, Chromium and the built npm package:
//! `cargo xtask test --only follow` sees to all of them.

mod latency;
mod page;
mod proxy;
mod tabs;

use std::time::Duration;

use proxy::Proxy;
use saoma_tests::{Desk, Options, Shop};
use serde_json::{Value, json};
use tabs::{Tab, Tabs};
use tokio::time::Instant;

type Failure = Box<dyn std::error::Error + Send + Sync>;
type Outcome = Result<(), Failure>;

/// A page is right within this time, on a machine that does other things as well.
const SOON: Duration = Duration::from_secs(15);

/// Server, sandbox, page, a line between them, and a browser.
struct Scene {
    desk: Desk,
    proxy: Proxy,
    tabs: Tabs,
    page: String,
    orders: u32,
}

/// What a page needs to follow an order, and a customer to pay it.
struct Order {
    query: String,
    id: String,
    code_url: String,
}

impl Scene {
    async fn start() -> Result<Self, Failure> {
        let page = page::serve().await?;
        let webhook = Shop::Webhook(format!("{page}/paid"));
        let desk = Desk::start(Options { shop: webhook, ..Options::default() }).await?;
        let proxy = Proxy::start(&desk.server_url()).await?;
        Ok(Self { desk, proxy, tabs: Tabs::start().await?, page, orders: 0 })
    }

    async fn order(&mut self) -> Result<Order, Failure> {
        self.orders += 1;
        let number = format!("F-{}", self.orders);
        let order = json!({ "order_no": number, "amount_fen": 1800, "description": "Latte" });
        let made = self.desk.server_post("/v1/orders", &order).await?;
        let text = |value: &Value| value.as_str().map(str::to_owned).ok_or("no such text");
        let (id, token) = (text(&made["order_id"])?, text(&made["token"])?);
        let code_url = text(&made["view"]["code_url"])?;
        let query = format!("?server={}&order={id}&token={token}", self.proxy.url());
        Ok(Order { query, id, code_url })
    }

    fn url(&self, order: &Order, more: &str) -> String {
        format!("{}/{}{more}", self.page, order.query)
    }

    /// A tab with an order that waits to be paid.
    async fn waiting(&mut self) -> Result<(Order, Tab), Failure> {
        let order = self.order().await?;
        let tab = self.tabs.open(&self.url(&order, "")).await?;
        self.tabs.shows(tab, "waiting", SOON).await?;
        Ok((order, tab))
    }

    async fn stop(self) -> Outcome {
        self.tabs.close().await?;
        self.desk.stop().await?;
        Ok(())
    }
}

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "cargo xtask test --only follow"]
async fn a_line_that_is_cut_a_hundred_times_does_not_miss_the_end() -> Outcome {
    let mut scene = Scene::start().await?;
    let (order, tab) = scene.waiting().await?;
    let mut dice = Dice(20_261_123);
    let mut events = 0;
    for cut in 1..=100 {
        let began = Instant::now();
        // Every second one is cut before it has said anything, perhaps.
        while scene.proxy.streams() == 0 || (cut % 2 == 0 && scene.proxy.events() == events) {
            assert!(began.elapsed() < Duration::from_secs(30), "no stream after cut {}", cut - 1);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(dice.below(200))).await;
        let trouble = dice.below(4);
        if trouble == 0 || cut == 100 {
            scene.proxy.refuse(true);
        } else if trouble == 1 {
            scene.proxy.delay(dice.below(150));
        } else if trouble == 2 {
            scene.proxy.truncate_after(usize::try_from(1 + dice.below(900))?);
        }
        scene.proxy.cut();
        events = scene.proxy.events();
        if cut == 100 {
            scene.desk.pay(&order.code_url).await?;
        }
        tokio::time::sleep(Duration::from_millis(dice.below(300))).await;
        scene.proxy.heal();
    }
    let paid = scene.tabs.shows(tab, "paid", SOON).await?;
    let requests = scene.proxy.take_requests();
    let streams = requests.iter().filter(|line| line.contains("/events ")).count();
    println!("    {streams} streams, {} questions", requests.len() - streams);
    println!("    paid is there {} ms after the line is whole again", paid.as_millis());
    assert!(streams >= 100, "or there was nothing to cut");
    let story = scene.tabs.evaluate(tab, "told[0].map(({ screen }) => screen)").await?;
    assert_eq!(story, json!(["loading", "waiting", "paid"]));
    scene.stop().await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "cargo xtask test --only follow"]
async fn eight_windows_on_one_order_cost_one_stream_and_all_end_right() -> Outcome {
    let mut scene = Scene::start().await?;
    let order = scene.order().await?;
    let mut windows = Vec::new();
    for _ in 0..8 {
        windows.push(scene.tabs.open_window(&scene.url(&order, "&times=2")).await?);
    }
    for window in &windows {
        scene.tabs.shows(*window, "waiting", SOON).await?;
        let hidden = scene.tabs.evaluate(*window, "document.hidden").await?;
        assert_eq!(hidden, false, "or this test shows nothing");
    }
    assert_eq!(scene.proxy.streams_most(), 1);
    // The one that listens goes; another takes over.
    scene.tabs.close_tab(windows.remove(0)).await?;
    let left = Instant::now();
    while scene.proxy.streams() != 1 || left.elapsed() < Duration::from_millis(300) {
        assert!(left.elapsed() < SOON, "nobody listens");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    scene.desk.pay(&order.code_url).await?;
    for window in &windows {
        scene.tabs.shows(*window, "paid", SOON).await?;
    }
    let view = scene.desk.server_get(&format!("/v1/orders/{}", order.id)).await?;
    assert!(["paid", "shipped"].contains(&view["phase"].as_str().unwrap_or_default()));
    scene.stop().await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "cargo xtask test --only follow"]
async fn eight_orders_in_eight_windows_starve_nobody() -> Outcome {
    let mut scene = Scene::start().await?;
    let mut windows = Vec::new();
    for _ in 0..8 {
        let order = scene.order().await?;
        let window = scene.tabs.open_window(&scene.url(&order, "")).await?;
        windows.push((order, window));
    }
    for (_, window) in &windows {
        scene.tabs.shows(*window, "waiting", SOON).await?;
    }
    assert!(scene.proxy.streams_most() <= 4, "{} streams", scene.proxy.streams_most());
    for (order, window) in &windows {
        scene.desk.pay(&order.code_url).await?;
        scene.tabs.shows(*window, "paid", SOON).await?;
    }
    scene.stop().await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "cargo xtask test --only follow"]
async fn where_events_are_held_back_it_asks() -> Outcome {
    let mut scene = Scene::start().await?;
    scene.proxy.hold_events(true);
    let order = scene.order().await?;
    let tab = scene.tabs.open(&scene.url(&order, "")).await?;
    let first = scene.tabs.shows(tab, "waiting", SOON).await?;
    println!("    the code is there after {} ms", first.as_millis());
    // It has tried streams twice by then, and gives them up.
    tokio::time::sleep(Duration::from_secs(14)).await;
    scene.proxy.take_requests();
    scene.desk.pay(&order.code_url).await?;
    let paid = scene.tabs.shows(tab, "paid", SOON).await?;
    println!("    paid is there after {} ms", paid.as_millis());
    let requests = scene.proxy.take_requests();
    assert!(requests.iter().all(|line| !line.contains("/events")), "{requests:?}");
    scene.stop().await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "cargo xtask test --only follow"]
async fn a_hidden_tab_is_quiet_hears_of_the_end_and_is_right_when_looked_at() -> Outcome {
    let mut scene = Scene::start().await?;
    let (order, tab) = scene.waiting().await?;
    let other = scene.tabs.open("about:blank").await?;
    scene.tabs.until(tab, "document.hidden", SOON).await?;
    scene.proxy.take_requests();
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(scene.proxy.take_requests(), [""; 0], "hidden for ten seconds");
    assert_eq!(scene.proxy.streams(), 0);

    scene.desk.pay(&order.code_url).await?;
    let told = scene.tabs.shows(tab, "paid", Duration::from_secs(35)).await?;
    println!("    a hidden tab heard of the payment after {} ms", told.as_millis());
    let requests = scene.proxy.take_requests();
    assert!(requests.len() <= 2, "{requests:?}");

    let (order, tab) = scene.waiting().await?;
    scene.tabs.front(other).await?;
    scene.tabs.until(tab, "document.hidden", SOON).await?;
    scene.desk.pay(&order.code_url).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    scene.tabs.front(tab).await?;
    let right = scene.tabs.shows(tab, "paid", SOON).await?;
    println!("    looked at again, it was right after {} ms", right.as_millis());

    let (order, tab) = scene.waiting().await?;
    scene.tabs.front(other).await?;
    scene.tabs.lifecycle(tab, "frozen").await?;
    scene.desk.pay(&order.code_url).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    scene.tabs.lifecycle(tab, "active").await?;
    scene.tabs.front(tab).await?;
    scene.tabs.shows(tab, "paid", SOON).await?;
    scene.stop().await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "cargo xtask test --only follow"]
async fn a_reload_goes_on_with_the_countdown() -> Outcome {
    let mut scene = Scene::start().await?;
    let (_, tab) = scene.waiting().await?;
    // The instant at which the countdown ends, by what the page shows.
    let end = "(() => { const { left, at } = told[0].find((t) => t.screen === 'waiting'); \
               return left * 1000 + at })()";
    let before = scene.tabs.evaluate(tab, end).await?.as_f64().ok_or("no end")?;
    tokio::time::sleep(Duration::from_secs(5)).await;
    scene.tabs.evaluate(tab, "window.told = []").await?;
    scene.tabs.reload(tab).await?;
    scene.tabs.shows(tab, "waiting", SOON).await?;
    let after = scene.tabs.evaluate(tab, end).await?.as_f64().ok_or("no end")?;
    println!("    a reload moved the end by {} ms", after - before);
    // Seconds are whole, on both sides; a countdown that begins anew moves it by all of the five.
    assert!((after - before).abs() < 2_500.0, "{before} and {after}");
    scene.stop().await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "cargo xtask test --only follow"]
async fn a_server_that_was_gone_is_found_again() -> Outcome {
    let mut scene = Scene::start().await?;
    let (order, tab) = scene.waiting().await?;
    scene.desk.crash_server().await?;
    scene.desk.pay(&order.code_url).await?;
    let paid = scene.tabs.shows(tab, "paid", Duration::from_secs(20)).await?;
    println!("    paid is there {} ms after the payment", paid.as_millis());
    scene.stop().await
}
