//! Open event streams: what they cost in memory, and how long news takes to the last of them.

use crate::database::Database;
use crate::fill::Pattern;
use crate::histogram::Histogram;
use crate::load::{Line, run};
use crate::machine::{now, raise_open_files};
use crate::place::{Kind, Place};
use crate::requests::notices;
use crate::shop::Shop;
use crate::table::{decimal, judge};
use crate::{Scale, say};
use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, spawn_local};

/// All of them together.
const GOAL_KIB: u64 = 200 * 1024;
/// Files that are open beside the followers.
const OTHER_FILES: u64 = 500;
/// How many streams are opened at once.
const AT_ONCE: usize = 64;
/// How long news may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The table of one database.
pub(crate) async fn measure(kind: Kind, scale: &Scale) {
    let open_files = raise_open_files();
    let count = scale.followers.min(open_files.saturating_sub(OTHER_FILES));
    if count < scale.followers {
        println!("\nThis process may open {open_files} files: {count} followers.");
    }
    let shop = Shop::default();
    let mut place = Place::make(kind, &shop.open().await).await;
    place.start_server().await;
    let pattern = Pattern::open(&place, "FOLLOW", 0).await;
    place.stop_server().await;
    let mut database = Database::open(&place).await;
    let orders = pattern.copy_open(&mut database, 0, count + 1).await;
    database.close().await;
    let address = place.start_server().await;
    // What the server holds once it has worked at all.
    let line = Line::open(address).await;
    let look = place.shop_get(&format!("/v1/orders/{}", orders[0].0));
    line.expect("a line").call(look.as_bytes()).await.expect("an answer");
    println!("\n### {count} open event streams, {}\n", kind.name());
    println!(
        "| | server before, MiB | with all, MiB | KiB each | to the first, ms | p50 ms | p99 ms | \
         to the last, ms |"
    );
    println!("| --- | --: | --: | --: | --: | --: | --: | --: |");
    let (one, others) = orders.split_at(1);
    let all_one: Vec<_> = (0..count).map(|_| one[0].0.clone()).collect();
    let each_own: Vec<_> = others.iter().map(|(order_id, _)| order_id.clone()).collect();
    let before = place.server_kib();
    let first = round(&place, address, before, all_one, one, "all follow one order").await;
    let name = "each follows an order of its own, all are paid at once";
    let second = round(&place, address, before, each_own, others, name).await;
    judge(
        &format!("below {} MiB for all", GOAL_KIB / 1024),
        first.max(second).saturating_sub(before) < GOAL_KIB,
    );
    place.close().await;
}

/// Follows, pays, and waits until each follower has heard of it. Gives the server's memory while
/// all followed.
async fn round(
    place: &Place,
    address: SocketAddr,
    before: u64,
    followed: Vec<String>,
    paid: &[(String, u64)],
    name: &str,
) -> u64 {
    let (count, news) = (followed.len() as u64, Rc::new(News::default()));
    let followers = follow(place, address, followed, &news).await;
    say(&format!("{count} followers have seen their order"));
    // Memory that was only needed to begin has had its time to go back.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let with_all = place.server_kib();
    let requests = Rc::new(notices(place, paid));
    let paid_at = now();
    let outcome = run(address, &requests, 64.min(paid.len()), PATIENCE).await;
    let outcome = outcome.expect("the lines stay open");
    assert!(outcome.bad.is_none(), "{:?}", outcome.bad);
    let mut latencies = Histogram::new();
    let mut first = u64::MAX;
    for follower in followers {
        let waited = tokio::time::timeout(PATIENCE, follower).await;
        let heard_at = waited.expect("news in time").expect("a follower ends well");
        let micros = micros(heard_at.saturating_duration_since(paid_at));
        first = first.min(micros);
        latencies.add(micros);
    }
    let each = with_all.saturating_sub(before) * 100 / count.max(1);
    let percentile = |percent| decimal(latencies.percentile(percent) / 10);
    println!(
        "| {name} | {} | {} | {} | {} | {} | {} | {} |",
        before / 1024,
        with_all / 1024,
        decimal(each),
        decimal(first / 10),
        percentile(50),
        percentile(99),
        decimal(latencies.max() / 10),
    );
    with_all
}

/// How many followers have seen their order.
#[derive(Default)]
struct News {
    seen: Cell<u64>,
}

/// Opens the streams and waits until each has shown its order. The tasks give the moment at which
/// they heard of the payment.
async fn follow(
    place: &Place,
    address: SocketAddr,
    followed: Vec<String>,
    news: &Rc<News>,
) -> Vec<JoinHandle<Instant>> {
    let mut followers = Vec::new();
    for (at, order_id) in followed.into_iter().enumerate() {
        while at - usize::try_from(news.seen.get()).unwrap_or(usize::MAX) >= AT_ONCE {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let request = place.shop_get(&format!("/v1/orders/{order_id}/events"));
        let stream = TcpStream::connect(address).await.expect("a line");
        followers.push(spawn_local(hear(stream, request, Rc::clone(news))));
    }
    while news.seen.get() < followers.len() as u64 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    followers
}

/// Reads a stream until it tells of the payment.
async fn hear(mut stream: TcpStream, request: String, news: Rc<News>) -> Instant {
    stream.write_all(request.as_bytes()).await.expect("it is sent");
    let mut text = Vec::with_capacity(2 * 1024);
    let mut has_seen = false;
    loop {
        if stream.read_buf(&mut text).await.expect("the stream stays open") == 0 {
            let text = String::from_utf8_lossy(&text);
            panic!("the stream ended without news: {text}");
        }
        let holds = |wanted: &str| text.windows(wanted.len()).any(|at| at == wanted.as_bytes());
        if !has_seen && holds("\"phase\":\"open\"") {
            has_seen = true;
            news.seen.set(news.seen.get() + 1);
        }
        if holds("\"phase\":\"paid\"") || holds("\"phase\":\"shipped\"") {
            return now();
        }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
