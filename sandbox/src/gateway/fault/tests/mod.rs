//! A test for each fault.

use super::super::testing::{APPID, KEY, MCH_ID, NOW, OTHER_KEY, OTHER_MCH_ID, Shop};
use super::super::{
    Answer, Arrival, Call, Certificates, Code, Delivery, Direction, Ending, PayError, RefundEnd,
    RefundTarget, Returned, ScanRefusal, Schedule, Target, Tender,
};
use super::*;
use crate::seal;
use crate::sign::{self, Algorithm, Key};
use crate::xml::Document;

mod call;
mod notice;
mod payment;
mod rule;

const NO: &str = "SM20261123000001";
const NEXT_NO: &str = "SM20261123000002";

fn fault(text: &str) -> Fault {
    text.parse().unwrap()
}

/// A shop whose next call, notification or payment this fault strikes.
fn struck(text: &str) -> Shop {
    let mut shop = Shop::new();
    shop.gateway.add_fault(FaultRule::next(fault(text))).unwrap();
    shop
}

/// What a call for an order gets while this fault strikes, and whether there is an order then.
fn ordered(text: &str) -> (Answer, bool) {
    let mut shop = struck(text);
    let answer = shop.raw_order(NO);
    assert_eq!(shop.gateway.faults_struck().collect::<Vec<_>>(), [(fault(text).name(), 1)]);
    (answer, shop.gateway.orders_numbered(NO, NOW).len() == 1)
}

fn document(answer: &Answer) -> Document {
    Document::read(&answer.body).unwrap()
}

fn is_signed(document: &Document, key: &str) -> bool {
    let sign = document.get("sign").unwrap_or_default();
    sign::verify(document.iter(), &Key::new(key).unwrap(), Algorithm::Md5, sign)
}

fn said(delivery: &Delivery) -> Document {
    Document::read(delivery.body.as_bytes()).unwrap()
}

/// A paid order; the fault strikes its notification.
fn paid(text: &str) -> Shop {
    let mut shop = struck(text);
    shop.order(NO, &[]);
    shop.pay(NO, Tender::default()).unwrap();
    shop
}

fn due(shop: &mut Shop) -> Vec<Delivery> {
    shop.gateway.poll(shop.now).send
}

fn one(shop: &mut Shop) -> Delivery {
    let mut due = due(shop);
    assert_eq!(due.len(), 1);
    due.pop().unwrap()
}

fn acknowledge(shop: &mut Shop, delivery: &Delivery) {
    let body = b"<xml><return_code>SUCCESS</return_code></xml>".to_vec();
    let returned = Returned::Answer { status: 200, body };
    shop.gateway.delivered(delivery.id, returned, shop.now).unwrap();
}

fn notice_state(shop: &Shop) -> &'static str {
    shop.gateway.orders_numbered(NO, shop.now)[0].payments[0].notification.state
}
