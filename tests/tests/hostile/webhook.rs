//! Settings and shops that would make the server call what it should not.

use crate::prey::Prey;
use axum::Router;
use axum::http::{StatusCode, header};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

/// Somebody who counts calls and answers each like this.
async fn listener(answer: (StatusCode, String)) -> (String, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let app = Router::new().fallback(async move || {
        counted.fetch_add(1, Ordering::SeqCst);
        (answer.0, [(header::LOCATION, answer.1.clone())])
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, app).await });
    (format!("{port}"), calls)
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_lead_inside_are_refused_with_words() {
    let prey = Prey::start().await;
    for url in [
        "file:///etc/passwd",
        "ftp://example.com/x",
        "gopher://127.0.0.1:6379/_x",
        "javascript:alert(1)",
        "unix:/run/x.sock",
        "//example.com/x",
        "example.com/x",
        "http://",
        "https://user@example.com/x",
        "https://user:word@example.com/x",
        "https://example.com@127.0.0.1/x",
        "https://example.com/x#y",
        "https://exa mple.com/",
        "http://127.0.0.1/x",
        "http://127.1/x",
        "http://2130706433/x",
        "http://0x7f000001/x",
        "http://0177.0.0.1/x",
        "http://１２７.0.0.1/x",
        "http://0/x",
        "http://0.0.0.0/x",
        "http://10.0.0.1/x",
        "http://172.16.0.1/x",
        "http://192.168.0.1/x",
        "http://169.254.169.254/latest/meta-data/",
        "http://100.100.100.200/latest/meta-data/",
        "http://[::1]/x",
        "http://[::]/x",
        "http://[::ffff:127.0.0.1]/x",
        "http://[::ffff:a9fe:a9fe]/x",
        "http://[64:ff9b::a9fe:a9fe]/x",
        "http://[fd00:ec2::254]/x",
        "http://[fe80::1]/x",
    ] {
        let mut check = prey.rig.program();
        check.args(["check", "--offline"]).env("SAOMA_WEBHOOK_PRIVATE", "false");
        let output = check.env("SAOMA_SHOP_WEBHOOK_URL", url).output().await.unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(!output.status.success(), "{url}: {said}");
        assert!(said.to_lowercase().contains("webhook_url"), "{url}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_shop_leads_the_server_elsewhere() {
    for status in [301, 302, 303, 307, 308] {
        let prey = Prey::start().await;
        let (elsewhere, calls) = listener((StatusCode::OK, String::new())).await;
        let status = StatusCode::from_u16(status).unwrap();
        let (shop, asked) =
            listener((status, format!("http://127.0.0.1:{elsewhere}/inside"))).await;
        prey.rig.kill().await;
        let url = format!("http://127.0.0.1:{shop}/webhook");
        prey.rig.start_server_with(&[("SAOMA_SHOP_WEBHOOK_URL", &url)]).await;
        assert!(prey.notify(prey.good()).await.1.contains("SUCCESS"));
        let twice = async {
            while asked.load(Ordering::SeqCst) < 2 {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(crate::rig::PATIENCE, twice).await.expect("it is tried again");
        assert_eq!(calls.load(Ordering::SeqCst), 0, "{status}");
        prey.until("paid").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_turns_out_to_lead_inside_is_not_called() {
    let prey = Prey::start().await;
    let (port, calls) = listener((StatusCode::OK, String::new())).await;
    prey.rig.kill().await;
    // The configuration is good: only when it is called does the name lead to this machine.
    let url = format!("http://localhost:{port}/webhook");
    let variables = [("SAOMA_SHOP_WEBHOOK_URL", &*url), ("SAOMA_WEBHOOK_PRIVATE", "false")];
    prey.rig.start_server_with(&variables).await;
    assert!(prey.notify(prey.good()).await.1.contains("SUCCESS"));
    let refused = async {
        let sample = "saoma_webhook_answers_total{result=\"out_of_reach\"}";
        while prey.metric(sample).await < 2 {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(crate::rig::PATIENCE, refused).await.expect("each try is refused");
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    prey.until("paid").await;
}
