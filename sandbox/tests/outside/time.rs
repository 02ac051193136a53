//! Time that runs faster, or stands and is driven by hand.

use std::time::Duration;

use saoma_sandbox::{Config, Sandbox, Target, Tender};
use serde_json::{Value, json};

use crate::shop::{self, Listener, Reply, merchant, reqwest_client};

const NO: &str = "SM20261123000001";

async fn time(sandbox: &Sandbox, body: Value) -> (u16, Value) {
    let url = format!("{}/control/time", sandbox.base_url());
    let answer = reqwest_client().post(url).body(body.to_string()).send().await.unwrap();
    let status = answer.status().as_u16();
    (status, serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap())
}

#[tokio::test]
async fn what_is_due_in_fifteen_seconds_comes_at_once_when_time_runs_faster() {
    let sandbox = Sandbox::start(Config::new([merchant()])).await.unwrap();
    let listener = Listener::start([Reply::With(500, "no"), Reply::Right]).await;
    shop::order(&sandbox.base_url(), NO, &listener.url()).await;
    sandbox.pay(&Target::of_number(NO), Tender::default()).unwrap();
    sandbox.quiet().await;
    assert_eq!(listener.bodies().len(), 1, "the sender waits for 15 seconds");

    let (status, answer) = time(&sandbox, json!({ "speed": 1000 })).await;
    assert_eq!((status, &answer["speed"]), (200, &json!(1000)));
    let second = async {
        while listener.bodies().len() < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), second).await.expect("the repetition");
    assert!(sandbox.set_speed(1));
    let before = sandbox.now();
    assert!(sandbox.advance(60).unwrap().since(before) >= 60);
    sandbox.stop().await;
}

#[tokio::test]
async fn a_speed_or_a_move_that_is_none_is_refused() {
    let sandbox = Sandbox::start(Config::new([merchant()])).await.unwrap();
    for (body, code) in [
        (json!({ "speed": 0 }), "invalid_speed"),
        (json!({ "speed": 86_401 }), "invalid_speed"),
        (json!({ "advance_s": -1 }), "invalid_advance_s"),
        (json!({}), "invalid_time"),
        (json!({ "faster": 1 }), "invalid_json"),
    ] {
        let (status, answer) = time(&sandbox, body).await;
        assert_eq!((status, &answer["error"]["code"]), (400, &json!(code)));
    }
    sandbox.stop().await;
}
