//! The real server killed at every named point of its work, and anywhere else, round after round,
//! while customers buy; after each round its database and the gateway's ledger are compared by code
//! that shares nothing with the server. The program is `saoma-server-crash`, which
//! `cargo build -p saoma-server --features crash-points` builds.
//!
//! Ignored by default, because it needs that program: `cargo xtask torture` sees to it, and to as
//! many kills as one likes.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

#[path = "crash/books.rs"]
mod books;
#[path = "crash/load.rs"]
mod load;
#[path = "crash/never.rs"]
mod never;
#[expect(dead_code, reason = "each test file uses its own part of the rig")]
mod rig;
#[expect(dead_code, reason = "each test file uses its own part of the world")]
mod world;

use books::{Books, Seen};
use load::{Dice, Load};
use rig::{PATIENCE, Rig};
use saoma_postgres::Cluster;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// Every named point (`crash::point` in the server), in the order in which a payment passes them.
const POINTS: [&str; 20] = [
    "notice-received",
    "before-begin",
    "begun",
    "loaded",
    "decided",
    "orders-written",
    "attempts-written",
    "payments-written",
    "messages-written",
    "refunds-written",
    "entries-written",
    "ends-written",
    "before-commit",
    "after-commit",
    "told",
    "notice-kept",
    "claimed",
    "before-call",
    "called",
    "settled",
];
/// How long a round lasts at most.
const ROUND: Duration = Duration::from_millis(1_200);
/// Rounds on one database: each compares all that is in it.
const ROUNDS_OF_BATCH: u64 = 80;
/// How many of a thousand calls go wrong at the gateway in every second batch.
const FAULTS_PER_MILLE: u16 = 30;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

/// Where the server is to die: first once at each point.
fn death(round: u64, dice: &mut Dice) -> Option<String> {
    let first = usize::try_from(round).ok().and_then(|round| POINTS.get(round));
    if let Some(point) = first {
        return Some(format!("{point}:1"));
    }
    match dice.below(10) {
        // At any moment, also while it starts.
        0 | 1 => None,
        // At any point.
        2 | 3 => Some(format!("any:{}", 1 + dice.below(400))),
        _ => {
            let at = usize::try_from(round).unwrap() % POINTS.len();
            Some(format!("{}:{}", POINTS[at], 1 + dice.below(4)))
        }
    }
}

/// How often the server died, and at which points by itself.
#[derive(Default)]
struct Tally {
    kills: u64,
    points: BTreeMap<String, u64>,
    /// Refunds that the shop was promised.
    promised: usize,
}

/// One round: the server lives until its point, or until it is killed.
async fn round(rig: &Rig, death: Option<String>, dice: &mut Dice, tally: &mut Tally) {
    let within = match death {
        Some(_) => ROUND,
        None => Duration::from_millis(dice.below(500)),
    };
    let variables = death.iter().map(|death| ("CRASH_POINT", &**death)).collect::<Vec<_>>();
    rig.begin_server_with(&variables).await;
    if rig.dies_within(within).await {
        let death = death.expect("it dies by itself only where it is told to");
        let (point, _) = death.split_once(':').unwrap();
        *tally.points.entry(point.to_owned()).or_default() += 1;
    } else {
        rig.kill().await;
    }
    tally.kills += 1;
}

/// A server on a new database, killed so many times; then everything comes to rest.
async fn batch(database: &str, rounds: u64, dice: &mut Dice, tally: &mut Tally) {
    let faults = if dice.below(2) == 0 { 0 } else { FAULTS_PER_MILLE };
    let rig = Arc::new(Rig::start_as("saoma-server-crash", database, faults).await);
    let mut books = Books::of(database, rig.folder()).await;
    rig.kill().await;
    let load = Load::start(&rig, dice.below(u64::MAX));
    let mut seen = Seen::default();
    for _ in 0..rounds {
        let death = death(tally.kills, dice);
        let said = format!("{death:?}");
        round(&rig, death, dice, tally).await;
        let wrongs = books.wrongs(&rig, &load, &mut seen).await;
        assert!(wrongs.is_empty(), "after {said}: {wrongs:#?}\n{}", rig.last_words());
        rig.tell_again();
    }
    rig.start_server().await;
    load.end().await;
    let rest = async {
        while !books.unsettled(&rig, &load).await.is_empty() {
            rig.tell_again();
            sleep(Duration::from_millis(300)).await;
        }
    };
    if timeout(PATIENCE, rest).await.is_err() {
        panic!("no rest: {:#?}\n{}", books.unsettled(&rig, &load).await, rig.last_words());
    }
    let wrongs = books.wrongs(&rig, &load, &mut seen).await;
    assert!(wrongs.is_empty(), "at rest: {wrongs:#?}");
    tally.promised += load.wanted().values().filter(|wanted| wanted.is_promised).count();
    rig.kill().await;
}

/// Kills until there are enough; says what came of it.
async fn kills(kind: &str, kills: u64, database: impl Fn() -> String) {
    let began = Instant::now();
    let seed = number("SAOMA_TORTURE_SEED", 20_261_126);
    let (mut dice, mut tally) = (Dice(seed), Tally::default());
    while tally.kills < kills {
        let rounds = (kills - tally.kills).min(ROUNDS_OF_BATCH);
        batch(&database(), rounds, &mut dice, &mut tally).await;
        println!("{kind}: {} kills, nothing lost, {:?}", tally.kills, began.elapsed());
    }
    let by_point: u64 = tally.points.values().sum();
    println!("{kind}: seed {seed}, {} kills, {by_point} of them at a point", tally.kills);
    println!("{kind}: {:?}, {} refunds promised", tally.points, tally.promised);
    if kills >= POINTS.len() as u64 {
        let missed: BTreeSet<_> =
            POINTS.iter().filter(|point| !tally.points.contains_key(**point)).collect();
        assert!(missed.is_empty(), "no death at {missed:?}");
    }
}

#[test]
fn the_points_are_those_of_the_server() {
    let mut found = BTreeSet::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../server/src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
                continue;
            }
            let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
            let names = text.split("point(\"").skip(1).filter_map(|rest| rest.split('"').next());
            found.extend(names.map(str::to_owned));
        }
    }
    let known: BTreeSet<_> = POINTS.iter().map(|point| (*point).to_owned()).collect();
    assert_eq!(found, known);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "cargo xtask torture"]
async fn killed_on_sqlite() {
    let count = number("SAOMA_TORTURE_POINT_KILLS", 30);
    kills("sqlite", count, || "sqlite:saoma.db".to_owned()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "cargo xtask torture"]
async fn killed_on_postgresql() {
    let count = number("SAOMA_TORTURE_POINT_KILLS_POSTGRES", 24);
    let cluster = Cluster::shared().unwrap();
    kills("postgresql", count, || cluster.database().unwrap()).await;
}

/// Two servers on one database, whose connections are cut again and again in the middle.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "cargo xtask torture"]
async fn two_servers_whose_connections_are_cut_lose_nothing() {
    let cuts = number("SAOMA_TORTURE_CUTS", 10);
    let database = Cluster::shared().unwrap().database().unwrap();
    let rig = Arc::new(Rig::start_as("saoma-server-crash", &database, 0).await);
    let mut books = Books::of(&database, rig.folder()).await;
    let _other = rig.another_server().await;
    let mut dice = Dice(number("SAOMA_TORTURE_SEED", 20_261_126));
    let load = Load::start(&rig, dice.below(u64::MAX));
    let (mut seen, mut cut) = (Seen::default(), 0);
    for _ in 0..cuts {
        sleep(Duration::from_millis(dice.below(300))).await;
        cut += books.cut_connections().await;
        let wrongs = books.wrongs(&rig, &load, &mut seen).await;
        assert!(wrongs.is_empty(), "{wrongs:#?}\n{}", rig.last_words());
        rig.tell_again();
    }
    load.end().await;
    let rest = async {
        while !books.unsettled(&rig, &load).await.is_empty() {
            rig.tell_again();
            sleep(Duration::from_millis(300)).await;
        }
    };
    if timeout(PATIENCE, rest).await.is_err() {
        panic!("no rest: {:#?}\n{}", books.unsettled(&rig, &load).await, rig.last_words());
    }
    assert!(cut > cuts, "{cut} connections were cut");
    println!("two servers: {cuts} cuts of {cut} connections, nothing lost");
}
