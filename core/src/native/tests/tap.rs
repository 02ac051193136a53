//! What somebody sees who looks on.

use super::host::{Host, http, nobody};
use super::{KEY, MD5, merchant, message, nonce};
use crate::api::{Call, OrderQueryAnswer, TradeState};
use crate::bill::{BillDate, BillForm, TradeBillKind};
use crate::ids::OutTradeNo;
use crate::native::{Gateway, Heard, Tap};
use std::format;
use std::string::String;
use std::sync::{Arc, Mutex};
use std::vec::Vec;

#[derive(Default)]
struct Seen(Mutex<Vec<String>>);

impl Tap for Seen {
    fn asked(&self, host: &str, call: Call, request: &str) {
        self.0.lock().unwrap().push(format!("to {host}{} {request}", call.path()));
    }

    fn heard(&self, host: &str, call: Call, heard: Heard<'_>) {
        let text = match heard {
            Heard::Answer(answer) => String::from_utf8(answer.to_vec()).unwrap(),
            Heard::Bill => String::from("a bill"),
            Heard::Failed(error) => format!("! {error}"),
        };
        self.0.lock().unwrap().push(format!("from {host}{} {text}", call.path()));
    }
}

fn tapped(hosts: &[&str]) -> (Gateway, Arc<Seen>) {
    let seen = Arc::new(Seen::default());
    let tap = Arc::clone(&seen) as Arc<dyn Tap>;
    (Gateway::new(merchant(), hosts).unwrap().tapped(tap), seen)
}

#[tokio::test]
async fn each_host_that_is_asked_is_seen_with_what_was_said_and_without_the_key() {
    let (gone, broken) = (nobody().await, Host::plain(http(502, "oh")).await);
    let host = Host::plain(http(200, message("M9"))).await;
    let (gateway, seen) = tapped(&[&gone, &broken.url, &host.url]);
    let number = OutTradeNo::new("SM20261123192600000001").unwrap();
    let answer = gateway.order_query(&number, MD5, &nonce()).await;
    assert_eq!(answer, Ok(OrderQueryAnswer::State(TradeState::NotPaid)));

    let seen = seen.0.lock().unwrap().clone();
    let sent = host.requests()[0].body.clone();
    let to = |host: &str| format!("to {host}/pay/orderquery {sent}");
    let from = |host: &str, what: &str| format!("from {host}/pay/orderquery {what}");
    assert_eq!(seen.len(), 6, "{seen:#?}");
    assert_eq!([&seen[0], &seen[2], &seen[4]], [&to(&gone), &to(&broken.url), &to(&host.url)]);
    assert!(seen[1].starts_with(&from(&gone, "! ")), "{}", seen[1]);
    assert!(seen[3].starts_with(&from(&broken.url, "! ")) && seen[3].contains("502"));
    assert_eq!(seen[5], from(&host.url, &message("M9")));
    assert!(sent.contains("<sign>") && !seen.concat().contains(KEY));
}

#[tokio::test]
async fn of_a_bill_only_is_seen_that_it_came() {
    let host = Host::plain(http(200, "secrets of the trade")).await;
    let (gateway, seen) = tapped(&[&host.url]);
    let day = BillDate::parse("20261122").unwrap();
    let what = (TradeBillKind::All, BillForm::Text);
    assert!(gateway.download_bill(&day, what, MD5, &nonce(), |_| ()).await.is_err());
    let seen = seen.0.lock().unwrap().clone();
    assert_eq!(seen.len(), 2, "{seen:#?}");
    assert!(seen[0].contains("/pay/downloadbill <xml>"), "{}", seen[0]);
    assert!(seen[1].ends_with("/pay/downloadbill a bill"), "{}", seen[1]);
}

#[tokio::test]
async fn a_gateway_without_a_tap_shows_nothing_to_that_of_its_clone() {
    let host = Host::plain(http(200, message("M9"))).await;
    let seen = Arc::new(Seen::default());
    let gateway = Gateway::new(merchant(), &[&host.url]).unwrap();
    let _tapped = gateway.tapped(Arc::clone(&seen) as Arc<dyn Tap>);
    let number = OutTradeNo::new("SM20261123192600000001").unwrap();
    assert!(gateway.order_query(&number, MD5, &nonce()).await.is_ok());
    assert!(seen.0.lock().unwrap().is_empty());
}
