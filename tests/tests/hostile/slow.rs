//! Senders that never finish, by the thousand.

use crate::prey::Prey;
use crate::world::{KEY, notice};
use saoma_core::sign::SignType;
use std::io::{ErrorKind, Read as _};
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::Instant;

const SLOW: usize = 3_000;
const GOOD: usize = 20;
/// How long a good notification may take beside them.
const GOAL: Duration = Duration::from_millis(500);

/// A line on which something was begun that will not end.
async fn begun(prey: &Prey, at: usize) -> TcpStream {
    let mut line = prey.line().await;
    let begin: &[u8] = match at * 4 / SLOW {
        // Nothing, half a line, half a head, half a body. The server has least patience with the
        // last ones, so they come last.
        0 => b"",
        1 => b"POST /wx/v2/no",
        2 => b"POST /wx/v2/notify HTTP/1.1\r\nHost: a\r\nContent-Le",
        _ => b"POST /wx/v2/notify HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\n\r\n<xml><appid>",
    };
    line.write_all(begin).await.unwrap();
    line
}

/// Whether the server waits for more: it has said nothing and has not hung up.
fn is_held(line: TcpStream) -> bool {
    let read = line.into_std().unwrap().read(&mut [0]);
    read.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}

/// Each slow sender was there before the good ones, and is waited for after the last of these was
/// answered. A server that the slow ones fill would have had to be rid of some of them first.
#[tokio::test(flavor = "multi_thread")]
async fn good_notifications_are_answered_before_any_of_thousands_of_slow_ones_is_given_up() {
    let prey = Prey::start().await;
    let mut orders = Vec::new();
    for at in 0..GOOD {
        orders.push(prey.order(&format!("B-{at}")).await);
    }
    let books = prey.books();
    let mut slow = Vec::new();
    for at in 0..SLOW {
        slow.push(begun(&prey, at).await);
    }
    assert_eq!(prey.books(), books);
    let mut slowest = Duration::ZERO;
    for (at, order) in orders.iter().enumerate() {
        let transaction_id = format!("42000099992026112400000008{at:02}");
        let changes = [("transaction_id", &*transaction_id)];
        let good = notice(&order.number, KEY, SignType::HmacSha256, &changes);
        let began = Instant::now();
        let (status, answer) = prey.notify(good).await;
        slowest = slowest.max(began.elapsed());
        assert!(status == 200 && answer.contains("SUCCESS"), "{answer}");
    }
    let held = slow.into_iter().map(is_held).filter(|held| *held).count();
    assert_eq!(held, SLOW, "some were given up before the good ones were answered");
    let goal = if slowest < GOAL { "within" } else { "NOT within" };
    println!(
        "{SLOW} slow senders, all held: {GOOD} good notifications answered, the slowest after \
         {slowest:?}, {goal} half a second"
    );
    for order in &orders {
        prey.until_is(order, "shipped").await;
    }
    assert_eq!(prey.rig.http.get(prey.url("/readyz")).send().await.unwrap().status(), 200);
}
