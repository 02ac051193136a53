//! Senders that never finish, by the thousand.

use crate::prey::Prey;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::Instant;

const SLOW: usize = 3_000;

/// A line on which something was begun that will not end.
async fn begun(prey: &Prey, at: usize) -> TcpStream {
    let mut line = prey.line().await;
    let begin: &[u8] = match at % 4 {
        // Nothing, half a line, half a head, half a body.
        0 => b"",
        1 => b"POST /wx/v2/no",
        2 => b"POST /wx/v2/notify HTTP/1.1\r\nHost: a\r\nContent-Le",
        _ => b"POST /wx/v2/notify HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\n\r\n<xml><appid>",
    };
    line.write_all(begin).await.unwrap();
    line
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_notification_is_answered_while_thousands_do_not_finish_theirs() {
    let prey = Prey::start().await;
    let books = prey.books();
    let mut slow = Vec::new();
    for at in 0..SLOW {
        slow.push(begun(&prey, at).await);
    }
    assert_eq!(prey.books(), books);
    let began = Instant::now();
    let (status, answer) = prey.notify(prey.good()).await;
    let took = began.elapsed();
    assert!(status == 200 && answer.contains("SUCCESS"), "{answer}");
    // They are open still: the server waits for more of each.
    let mut open = 0;
    for line in &mut slow {
        open += usize::from(line.try_write(b"x").is_ok());
    }
    assert_eq!(open, SLOW);
    println!("{SLOW} slow senders, a good notification answered after {took:?}");
    prey.until("shipped").await;
    drop(slow);
    assert_eq!(prey.rig.http.get(prey.url("/readyz")).send().await.unwrap().status(), 200);
}
