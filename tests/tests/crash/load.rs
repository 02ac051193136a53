//! Customers who buy while the server dies, and what they were told.

use crate::rig::Rig;
use crate::world::SHOP_KEY;
use saoma_sandbox::{Target, Tender};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::sleep;

pub(crate) const PRICE: u64 = 1_800;
const CUSTOMERS: usize = 6;

/// Numbers that a seed repeats (splitmix64).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }
}

/// What all customers share.
struct Market {
    rig: Arc<Rig>,
    ends: AtomicBool,
    next: AtomicU64,
    /// Orders that the server has acknowledged: the shop's number and the order's id.
    told: Mutex<BTreeMap<String, String>>,
    /// What the shop wants back of orders, by their ids.
    wanted: Mutex<BTreeMap<String, Wanted>>,
}

/// What a shop wants back.
#[derive(Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) fen: u64,
    /// The server has said yes. Where its answer was lost it may have, or not.
    pub(crate) is_promised: bool,
}

pub(crate) struct Load {
    market: Arc<Market>,
    customers: Mutex<JoinSet<()>>,
}

impl Load {
    pub(crate) fn start(rig: &Arc<Rig>, seed: u64) -> Self {
        let market = Arc::new(Market {
            rig: rig.clone(),
            ends: AtomicBool::new(false),
            next: AtomicU64::new(0),
            told: Mutex::default(),
            wanted: Mutex::default(),
        });
        let mut customers = JoinSet::new();
        for at in 0..CUSTOMERS {
            let (market, mut dice) = (market.clone(), Dice(seed ^ at as u64));
            customers.spawn(async move {
                while !market.ends.load(Ordering::SeqCst) {
                    market.buy(&mut dice).await;
                }
            });
        }
        Self { market, customers: Mutex::new(customers) }
    }

    /// What the server has acknowledged.
    pub(crate) fn told(&self) -> BTreeMap<String, String> {
        self.market.told.lock().unwrap().clone()
    }

    /// What the shop wants back of orders.
    pub(crate) fn wanted(&self) -> BTreeMap<String, Wanted> {
        self.market.wanted.lock().unwrap().clone()
    }

    /// Nobody buys any more.
    pub(crate) async fn end(&self) {
        self.market.ends.store(true, Ordering::SeqCst);
        let customers = std::mem::take(&mut *self.customers.lock().unwrap());
        customers.join_all().await;
    }
}

impl Market {
    /// Asks until somebody answers; `None`: it is over.
    async fn insist(&self, path: &str, body: &Value) -> Option<Value> {
        loop {
            let url = format!("{}{path}", self.rig.url);
            let request = self.rig.http.post(url).json(body).bearer_auth(SHOP_KEY);
            if let Ok(response) = request.timeout(Duration::from_secs(5)).send().await
                && (response.status().is_success() || response.status() == 409)
                && let Ok(answer) = response.json().await
            {
                return Some(answer);
            }
            if self.ends.load(Ordering::SeqCst) {
                return None;
            }
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Makes an order and does with it what customers do.
    async fn buy(&self, dice: &mut Dice) {
        let order_no = format!("C-{}", self.next.fetch_add(1, Ordering::SeqCst));
        let body = json!({ "order_no": order_no, "amount_fen": PRICE, "description": "拿铁" });
        let Some(made) = self.insist("/v1/orders", &body).await else { return };
        let id = made["order_id"].as_str().unwrap().to_owned();
        self.told.lock().unwrap().insert(order_no, id.clone());
        let target = Target::of_number(format!("{id}-1"));
        // Whatever cannot be paid, because its code has not come yet, is given up by its customer.
        let pay = |tender| drop(self.rig.sandbox.pay(&target, tender));
        let forced = || Tender { force: true, ..Tender::default() };
        match dice.below(10) {
            0..5 => pay(Tender::default()),
            5 => pay(Tender { notify: false, ..Tender::default() }),
            6 => pay(Tender { total_fen: Some(PRICE - 1), ..forced() }),
            7 => {
                pay(Tender::default());
                let _ = self.rig.sandbox.send_again(&target, 3);
            }
            8 => {
                self.insist(&format!("/v1/orders/{id}/cancel"), &json!({})).await;
                pay(forced());
            }
            _ => {
                self.insist(&format!("/v1/orders/{id}/cancel"), &json!({})).await;
            }
        }
        sleep(Duration::from_millis(dice.below(60))).await;
        if dice.below(4) == 0 {
            self.want_back(&id, 1 + dice.below(PRICE)).await;
        }
    }

    /// The shop gives a part of an order back, before or after it has shipped. Where nothing is
    /// paid yet, or is not to be kept, it is refused.
    async fn want_back(&self, id: &str, fen: u64) {
        let want = |is_promised| {
            self.wanted.lock().unwrap().insert(id.to_owned(), Wanted { fen, is_promised });
        };
        want(false);
        let body = json!({ "refund_no": "B-1", "amount_fen": fen, "reason": "少一杯" });
        let answer = self.insist(&format!("/v1/orders/{id}/refunds"), &body).await;
        if answer.is_some_and(|answer| answer["error"].is_null()) {
            want(true);
        }
    }
}
