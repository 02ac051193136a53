//! Whatever a server or a proxy answers a terminal, it is an answer or none.

#![no_main]

use libfuzzer_sys::fuzz_target;
use saoma_core::ids::OrderId;
use saoma_core::money::Fen;
use saoma_kiosk::call::{Answer, Call, EXPIRES_IN_S, NewOrder, OrderNumbers};
use saoma_kiosk::wire::read;

fuzz_target!(|bytes: &[u8]| {
    let Some((status, body)) = bytes.split_first_chunk() else { return };
    let status = u16::from_le_bytes(*status);
    let order = || OrderId::new("20261123192600K7Q2M9XB").expect("an id");
    let made = NewOrder {
        order_no: OrderNumbers::new("K1").expect("a prefix").number(27),
        amount_fen: Fen::new(1800).expect("an amount"),
        description: "拿铁".try_into().expect("a short one"),
        expires_in_s: EXPIRES_IN_S,
    };
    for call in [
        Call::Make(made),
        Call::Look { order_id: order(), after_version: Some(3) },
        Call::Cancel(order()),
        Call::Dispense(order()),
        Call::Shipped(order()),
    ] {
        match read(&call, status, body) {
            Ok(Answer::View(_)) => assert!((200..300).contains(&status)),
            Ok(Answer::Claimed { job, .. }) => assert!(!job.as_str().is_empty()),
            Ok(Answer::Refused(refusal)) => assert_eq!(refusal.status, status),
            Err(_) => {}
        }
    }
});
