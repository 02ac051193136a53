//! What an order costs from its creation to the shop, with few and with many stored orders.

use crate::database::Database;
use crate::fill::Pattern;
use crate::histogram::Histogram;
use crate::load::{Line, post};
use crate::machine::{Meter, now};
use crate::place::{Kind, Place, bytes_in};
use crate::requests::{notice, order, transaction_id};
use crate::shop::Shop;
use crate::table::{decimal, judge};
use crate::{Scale, say};
use saoma_core::sign::ApiKey;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// How many orders are under way at once.
const LINES: usize = 8;
/// Orders of this share are made before anything counts.
const WARM_UP_SHARE: u64 = 5;
/// The transactions that pay these orders begin here.
const PAID_FROM: u64 = 2_000_000_000;
/// How long the last shipment may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Columns of the longest bar.
const BAR: u64 = 50;
/// What stays when months are archived (docs/operations.md §6).
const KEPT: [&str; 4] = ["payment", "order_number", "refund", "anomaly"];
/// Flat: the dearest point costs at most so many hundredths of the cheapest.
const GOAL_HUNDREDTHS: u64 = 130;

/// A point of the curve.
struct Point {
    stored: u64,
    bytes: u64,
    /// Those that stay when months are archived.
    kept_bytes: u64,
    walks: Walks,
}

/// What so many orders from creation to the shop cost.
struct Walks {
    created: Histogram,
    acknowledged: Histogram,
    /// From the first request to the last shipment, for one order, in microseconds.
    micros_each: u64,
    /// Processor time of server, database and sandbox for one order, in microseconds.
    cpu: [u64; 3],
}

/// The table and the curve of one database.
pub(crate) async fn measure(kind: Kind, scale: &Scale) {
    let shop = Shop::default();
    let mut place = Place::make(kind, &shop.open().await).await;
    place.start_server().await;
    let pattern = Pattern::open(&place, "CURVE", 0).await;
    pattern.ship(&place).await;
    let mut points: Vec<Point> = Vec::new();
    let mut number = 0;
    for stored in scale.stored.iter().copied() {
        place.stop_server().await;
        let from = points.last().map_or(0, |point| point.stored);
        let start = now();
        let mut database = Database::open(&place).await;
        let all = scale.stored.iter().copied().max().unwrap_or(stored);
        pattern.copy_stored(&mut database, from, stored - from, all).await;
        let kept_bytes = database.bytes_of(&KEPT).await;
        database.close().await;
        let bytes = bytes_in(place.folder());
        say(&format!(
            "{stored} orders stored, {} MB, {} s",
            bytes / 1_000_000,
            start.elapsed().as_secs()
        ));
        place.start_server().await;
        let warm_up = scale.walks / WARM_UP_SHARE;
        walk(&place, &shop, number, warm_up).await;
        let walks = walk(&place, &shop, number + warm_up, scale.walks).await;
        number += warm_up + scale.walks;
        points.push(Point { stored, bytes, kept_bytes, walks });
    }
    print(kind, &points);
    place.close().await;
}

/// What the lines share.
struct Shared {
    key: ApiKey,
    next: Cell<u64>,
    end: u64,
    created: RefCell<Histogram>,
    acknowledged: RefCell<Histogram>,
}

/// Takes orders from their creation to the shop.
async fn walk(place: &Place, shop: &Shop, from: u64, count: u64) -> Walks {
    let [_, server, postgres, sandbox] = place.families();
    let told_before = shop.calls();
    let shared = Rc::new(Shared {
        key: ApiKey::new(&place.merchant_key).expect("a key"),
        next: Cell::new(from),
        end: from + count,
        created: RefCell::new(Histogram::new()),
        acknowledged: RefCell::new(Histogram::new()),
    });
    let meter = Meter::start(&[server, postgres, sandbox]);
    let start = now();
    let mut tasks = Vec::new();
    for _ in 0..LINES {
        let line = Line::open(place.address()).await.expect("a line");
        let create = place.shop_post("/v1/orders", &order("WALK-00000000"));
        let look = place.shop_get("/v1/orders/ORDER-ID");
        tasks.push(tokio::task::spawn_local(one_by_one(line, create, look, Rc::clone(&shared))));
    }
    for task in tasks {
        task.await.expect("a line ends well");
    }
    while shop.calls() - told_before < count {
        assert!(start.elapsed() < PATIENCE * 5, "not all is shipped: {:#?}", place.last_lines());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let micros_each = micros(start) / count;
    let cpu = meter.stop();
    let each = |at: usize| cpu.get(at).map_or(0, |time| micros_of(*time) / count);
    let (created, acknowledged) =
        (shared.created.borrow().clone(), shared.acknowledged.borrow().clone());
    Walks { created, acknowledged, micros_each, cpu: [each(0), each(1), each(2)] }
}

async fn one_by_one(mut line: Line, create: String, look: String, shared: Rc<Shared>) {
    while shared.next.get() < shared.end {
        let number = shared.next.replace(shared.next.get() + 1);
        let request = create.replace("WALK-00000000", &format!("WALK-{number:08}"));
        let start = now();
        let mut answer = line.call(request.as_bytes()).await.expect("an answer");
        let order_id = answer.split("\"order_id\":\"").nth(1).and_then(|rest| rest.get(..22));
        let order_id = order_id.expect("an order's id").to_owned();
        // The server answers without the code when WeChat takes long.
        while !answer.contains("weixin://") {
            assert!(start.elapsed() < PATIENCE, "no code: {answer}");
            tokio::time::sleep(Duration::from_millis(1)).await;
            let look = look.replace("ORDER-ID", &order_id);
            answer = line.call(look.as_bytes()).await.expect("an answer");
        }
        shared.created.borrow_mut().add(micros(start));
        let xml = notice(&shared.key, &order_id, &transaction_id(PAID_FROM + number));
        let request = post("/wx/v2/notify", "content-type: text/xml\r\n", &xml);
        let start = now();
        let answer = line.call(request.as_bytes()).await.expect("an answer");
        shared.acknowledged.borrow_mut().add(micros(start));
        assert!(answer.contains("SUCCESS"), "not acknowledged: {answer}");
    }
}

fn micros(since: Instant) -> u64 {
    micros_of(since.elapsed())
}

fn micros_of(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn print(kind: Kind, points: &[Point]) {
    println!("\n### An order from its creation to the shop, {}\n", kind.name());
    println!(
        "| orders stored | database, MB | created, p50 ms | acknowledged, p50 ms | p99 ms | \
         an order, µs | processor µs each: server | database | sandbox |"
    );
    println!("| --: | --: | --: | --: | --: | --: | --: | --: | --: |");
    for Point { stored, bytes, walks, .. } in points {
        let [created, p50, p99] = [
            walks.created.percentile(50),
            walks.acknowledged.percentile(50),
            walks.acknowledged.percentile(99),
        ]
        .map(|micros| decimal(micros / 10));
        let megabytes = bytes / 1_000_000;
        let [server, database, sandbox] = walks.cpu;
        println!(
            "| {stored} | {megabytes} | {created} | {p50} | {p99} | {} | {server} | {database} | \
             {sandbox} |",
            walks.micros_each
        );
    }
    room(points);
    let cost = |point: &Point| point.walks.cpu[0] + point.walks.cpu[1];
    let (Some(most), Some(least)) = (points.iter().map(cost).max(), points.iter().map(cost).min())
    else {
        return;
    };
    println!("\nProcessor time of server and database for one order:\n\n```text");
    for point in points {
        let columns = (cost(point) * BAR).div_ceil(most.max(1));
        let bar = "#".repeat(usize::try_from(columns).unwrap_or(0));
        println!("{:>9} {bar} {} µs", point.stored, cost(point));
    }
    println!("```");
    let hundredths = most * 100 / least.max(1);
    let goal = format!(
        "the cost of an order is flat, at most {} times the least; it is {}",
        decimal(GOAL_HUNDREDTHS),
        decimal(hundredths)
    );
    judge(&goal, hundredths <= GOAL_HUNDREDTHS);
}

/// How much room an order takes, beside what a database takes that has few.
fn room(points: &[Point]) {
    let [first, .., last] = points else { return };
    let each = |bytes: fn(&Point) -> u64| {
        bytes(last).saturating_sub(bytes(first)) / (last.stored - first.stored).max(1)
    };
    println!(
        "\nRoom of an order, from {} to {} stored ones: {} bytes, of which {} stay for ever ({}).",
        first.stored,
        last.stored,
        each(|point| point.bytes),
        each(|point| point.kept_bytes),
        KEPT.map(|table| format!("`{table}`")).join(", ")
    );
}
