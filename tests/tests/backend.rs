//! The backend of `core/examples/backend.rs` against the sandbox: what a newcomer runs first works.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

#[expect(dead_code, reason = "its main is for the command line")]
#[path = "../../core/examples/backend.rs"]
mod backend;

use saoma_core::api::Merchant;
use saoma_core::ids::{AppId, MchId};
use saoma_core::money::Fen;
use saoma_core::native::Gateway;
use saoma_core::sign::{ApiKey, SignType};
use saoma_sandbox::{Config, Sandbox, Target, Tender};
use std::time::Duration;
use tokio::task::JoinHandle;

const MCH_ID: &str = "1900000109";
const APP_ID: &str = "wx5a0mademeup0001";
const KEY: &str = "CanaryMerchantKey000000000000042";

/// A sandbox, the backend at work, and the number of its order.
async fn ordered() -> (Sandbox, JoinHandle<Result<(), String>>, String) {
    let shop = saoma_sandbox::Merchant::new(MCH_ID, APP_ID, KEY, "Saoma Cafe").unwrap();
    let sandbox = Sandbox::start(Config::new([shop])).await.unwrap();
    let merchant = Merchant {
        mch_id: MchId::new(MCH_ID).unwrap(),
        app_id: AppId::new(APP_ID).unwrap(),
        key: ApiKey::new(KEY).unwrap(),
        sign_type: SignType::HmacSha256,
    };
    let gateway = Gateway::new(merchant, &[&sandbox.base_url()]).unwrap();
    let sold = async {
        backend::sell(gateway, Fen::parse("1800").unwrap()).await.map_err(|e| e.to_string())
    };
    let task = tokio::spawn(sold);
    loop {
        if let Some(order) = sandbox.orders().pop() {
            return (sandbox, task, order.out_trade_no);
        }
        assert!(!task.is_finished(), "{:?}", task.await);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn the_example_ships_and_acknowledges_what_was_paid() {
    let (sandbox, task, number) = ordered().await;
    sandbox.pay(&Target::of_number(&number), Tender::default()).unwrap();
    assert_eq!(task.await.unwrap(), Ok(()));
    sandbox.quiet().await;
    let payment = sandbox.order(&number).unwrap().payments.remove(0);
    assert_eq!(payment.notification.state, "acknowledged", "{:?}", payment.notification);
}

#[tokio::test]
async fn the_example_hears_of_a_payment_that_it_was_not_told() {
    let (sandbox, task, number) = ordered().await;
    let silent = Tender { notify: false, ..Tender::default() };
    sandbox.pay(&Target::of_number(&number), silent).unwrap();
    assert_eq!(task.await.unwrap(), Ok(()));
}

#[tokio::test]
async fn the_example_ships_nothing_for_another_amount() {
    let (sandbox, task, number) = ordered().await;
    let other = Tender { total_fen: Some(1), ..Tender::default() };
    sandbox.pay(&Target::of_number(&number), other).unwrap();
    sandbox.quiet().await;
    assert!(!task.is_finished());
    task.abort();
}
