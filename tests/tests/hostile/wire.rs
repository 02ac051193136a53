//! HTTP that is wrong: lengths, chunks, requests hidden in others, floods of headers.

use crate::prey::Prey;

/// A request for the address of notifications, byte for byte.
fn request(headers: &str, body: &str) -> Vec<u8> {
    format!("POST /wx/v2/notify HTTP/1.1\r\nHost: a\r\n{headers}\r\n{body}").into_bytes()
}

/// How many answers there are, and whether any acknowledges something.
fn seen(answer: &str) -> (usize, bool) {
    (answer.matches("HTTP/1.1 ").count(), answer.contains("<![CDATA[SUCCESS]]>"))
}

/// The good notification as a whole request, to be hidden in another one's body.
fn hidden(good: &str) -> String {
    String::from_utf8(request(&format!("Content-Length: {}\r\n", good.len()), good)).unwrap()
}

/// Requests that may hide another one from whoever stands before the server.
fn smuggled(good: &str) -> Vec<(&'static str, Vec<u8>)> {
    let hidden = hidden(good);
    let len = hidden.len();
    let chunked = "Transfer-Encoding: chunked\r\n";
    let both = format!("Content-Length: {}\r\n{chunked}", len + 5);
    let turned = format!("{chunked}Content-Length: {}\r\n", len + 5);
    let after_end = format!("0\r\n\r\n{hidden}");
    let body_as_length = |te: &str| format!("{te}Content-Length: {}\r\n", len + 5);
    vec![
        // A proxy that goes by the length passes all of it as one body.
        ("length, then chunks", request(&both, &after_end)),
        ("chunks, then length", request(&turned, &after_end)),
        // A proxy that knows only one of these spellings would see no chunks.
        (
            "chunked with a tab",
            request(&body_as_length("Transfer-Encoding:\tchunked\r\n"), &after_end),
        ),
        (
            "identity last",
            request(&body_as_length("Transfer-Encoding: chunked, identity\r\n"), &after_end),
        ),
        ("xchunked", request(&body_as_length("Transfer-Encoding: xchunked\r\n"), &after_end)),
        (
            "a space before the colon",
            request(&body_as_length("Transfer-Encoding : chunked\r\n"), &after_end),
        ),
        ("folded", request(&body_as_length("Transfer-Encoding:\r\n chunked\r\n"), &after_end)),
        (
            "folded elsewhere",
            request(
                &format!("X: a\r\n Transfer-Encoding: chunked\r\n{}", body_as_length("")),
                &after_end,
            ),
        ),
        (
            "two lengths",
            request(&format!("Content-Length: 5\r\nContent-Length: {}\r\n", len + 5), &after_end),
        ),
        ("a list of lengths", request(&format!("Content-Length: 5, {}\r\n", len + 5), &after_end)),
        ("a length with a sign", request("Content-Length: +5\r\n", &after_end)),
        ("a length in hexadecimal", request("Content-Length: 0x5\r\n", &after_end)),
        ("a length that is none", request("Content-Length: \r\n", &hidden)),
        ("a huge length", request("Content-Length: 99999999999999999999\r\n", &hidden)),
        ("a negative length", request("Content-Length: -1\r\n", &hidden)),
        (
            "HTTP/1.0 with chunks",
            format!("POST /wx/v2/notify HTTP/1.0\r\n{chunked}\r\n{after_end}").into(),
        ),
        ("no version", format!("POST /wx/v2/notify\r\n\r\n{hidden}").into()),
        (
            "another version",
            format!("POST /wx/v2/notify HTTP/9.9\r\nHost: a\r\n\r\n{hidden}").into(),
        ),
        ("a bare CR", request("X: a\rTransfer-Encoding: chunked\r\n", &after_end)),
        ("a NUL in a header", request("X: a\0b\r\n", &hidden)),
        ("a chunk's size with a sign", request(chunked, &format!("+5\r\nhello\r\n{after_end}"))),
        (
            "a chunk's size that is too large",
            request(chunked, &format!("FFFFFFFFFFFFFFFFF\r\n{hidden}")),
        ),
        ("a chunk that goes on", request(chunked, &format!("1\r\nhello\r\n{after_end}"))),
        ("no size at all", request(chunked, &format!("\r\n{after_end}"))),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_hidden_in_another_is_not_carried_out() {
    let prey = Prey::start().await;
    let books = prey.books();
    let good = prey.good();
    for (what, bytes) in smuggled(&good) {
        let answer = prey.raw(&bytes).await;
        let (answers, is_success) = seen(&answer);
        assert!(!is_success, "{what}: {answer}");
        assert!(answers <= 1, "{what}: {answer}");
        assert_eq!(prey.books(), books, "{what}");
    }
    // The same hidden request, sent plainly, is a good one.
    let answer = prey.raw(hidden(&good).as_bytes()).await;
    assert_eq!(seen(&answer), (1, true), "{answer}");
    prey.until("shipped").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lengths_that_are_not_true_change_nothing() {
    let prey = Prey::start().await;
    let books = prey.books();
    let good = prey.good();
    let length = |len: usize| format!("Content-Length: {len}\r\n");
    // Less than the document: the rest would be another request, and is none.
    let short = prey.raw(&request(&length(good.len() - 1), &good)).await;
    assert!(!seen(&short).1, "{short}");
    // More: the rest never comes.
    let mut line = prey.line().await;
    tokio::io::AsyncWriteExt::write_all(&mut line, &request(&length(good.len() + 1), &good))
        .await
        .unwrap();
    drop(line);
    let none = prey.raw(&request("", &good)).await;
    assert!(!seen(&none).1, "{none}");
    // Chunks without an end.
    let open = format!("{:x}\r\n{good}\r\n", good.len());
    let open = prey.raw(&request("Transfer-Encoding: chunked\r\n", &open)).await;
    assert_eq!(seen(&open), (0, false), "{open}");
    assert_eq!(prey.books(), books);
    prey.takes_the_good_one().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_megabytes_are_refused_however_they_come() {
    let prey = Prey::start().await;
    let (books, counted) = (prey.books(), prey.refused().await);
    let large = "x".repeat(10_000_000);
    assert_eq!(prey.notify(large.clone()).await.0, 413);
    // In chunks, with no word about the length. Who is refused in the middle of sending sees the
    // answer or a closed line.
    let chunks = format!("fa0\r\n{}\r\n", "x".repeat(4_000)).repeat(2_500) + "0\r\n\r\n";
    let answer = prey.raw(&request("Transfer-Encoding: chunked\r\n", &chunks)).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 413"), "{answer}");
    // Announced, begun, and never ended.
    let announced = request("Content-Length: 10000000\r\n", &large[..17_000]);
    let answer = prey.raw(&announced).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    // The good one with ten megabytes behind it.
    let padded = format!("{}{}", prey.good(), " ".repeat(10_000_000));
    assert_eq!(prey.notify(padded).await.0, 413);
    assert_eq!(prey.refused().await - counted, 4);
    assert_eq!(prey.books(), books);
    prey.takes_the_good_one().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_good_one_in_small_chunks_is_taken() {
    let prey = Prey::start().await;
    let chunks: String = prey
        .good()
        .as_bytes()
        .iter()
        .map(|byte| format!("1;x=y\r\n{}\r\n", char::from(*byte)))
        .collect();
    let answer =
        prey.raw(&request("Transfer-Encoding: chunked\r\n", &(chunks + "0\r\n\r\n"))).await;
    assert_eq!(seen(&answer), (1, true), "{answer}");
    prey.until("shipped").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn floods_of_headers_are_refused() {
    let prey = Prey::start().await;
    let books = prey.books();
    let good = prey.good();
    let length = format!("Content-Length: {}\r\n", good.len());
    let many: String = (0..10_000).map(|at| format!("X-{at}: y\r\n")).collect();
    let long = format!("X: {}\r\n", "y".repeat(2_000_000));
    let name = format!("{}: y\r\n", "X".repeat(100_000));
    let cookies = format!("Cookie: {}\r\n", "a=b; ".repeat(200_000));
    for headers in [&many, &long, &name, &cookies] {
        let answer = prey.raw(&request(&format!("{headers}{length}"), &good)).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer:.100}");
    }
    let target =
        format!("POST /wx/v2/notify?{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(1_000_000));
    let answer = prey.raw(target.as_bytes()).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer:.100}");
    assert_eq!(prey.books(), books);
    prey.takes_the_good_one().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_methods_and_paths_do_nothing() {
    let prey = Prey::start().await;
    let books = prey.books();
    let good = prey.good();
    for method in ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE", "CONNECT", "FOO"] {
        let bytes = format!(
            "{method} /wx/v2/notify HTTP/1.1\r\nHost: a\r\nX-HTTP-Method-Override: POST\r\n\
             Content-Length: {}\r\n\r\n{good}",
            good.len()
        );
        let answer = prey.raw(bytes.as_bytes()).await;
        assert!(!answer.contains("SUCCESS"), "{method}: {answer}");
    }
    for path in [
        "/wx/v2/notify/",
        "//wx/v2/notify",
        "/WX/V2/NOTIFY",
        "/wx/v2/../v2/notify",
        "/wx/v2/notify%00",
        "/wx/v2/notify%2f",
        "/x/..;/wx/v2/notify",
    ] {
        let bytes = format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{good}",
            good.len()
        );
        let answer = prey.raw(bytes.as_bytes()).await;
        assert!(!answer.contains("SUCCESS"), "{path}: {answer}");
    }
    assert_eq!(prey.books(), books);
    prey.takes_the_good_one().await;
}
