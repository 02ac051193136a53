//! Whatever is sent to the sandbox's gateway, it answers, and what it answers as a document our own
//! reader reads.

#![no_main]

use libfuzzer_sys::fuzz_target;
use saoma_core::xml::{Doc, Draft, FIELDS_MAX};
use saoma_fuzz::{KEY, with_signed};
use saoma_sandbox::gateway::{Arrival, Call, Gateway, Rules};
use saoma_sandbox::time::UnixTime;
use saoma_sandbox::{Limits, Merchant};

fuzz_target!(|bytes: &[u8]| {
    let merchant = Merchant::new("1900000109", "wx5a0mademeup0001", KEY, "Saoma Cafe");
    let rules = Rules { limits: Limits::OFF, ..Rules::default() };
    let mut gateway = Gateway::new(rules, [merchant.expect("a merchant")], 7);
    // No text holds this byte; the first one of each call says which it is.
    let calls = bytes.split(|byte| *byte == 0xff).filter_map(<[u8]>::split_first);
    for (at, (call, body)) in (0..).zip(calls.take(8)) {
        let call = Call::ALL[usize::from(*call) % Call::ALL.len()];
        let now = UnixTime(1_795_433_160 + at);
        ask(&mut gateway, call, body, now);
        with_signed::<64>(body, |doc| {
            let mut signed = String::new();
            let draft: Draft<'_, 64> = Draft::copy_of(doc).expect("room for as many");
            draft.write(&mut signed).expect("what was read can be written");
            ask(&mut gateway, call, signed.as_bytes(), now);
        });
    }
});

fn ask(gateway: &mut Gateway, call: Call, body: &[u8], now: UnixTime) {
    let arrival = Arrival { body, certificate: Some("1900000109"), faults: &[] };
    let answer = gateway.handle(call, &arrival, now);
    let is_bill = matches!(call, Call::DownloadBill | Call::DownloadFundFlow);
    if !is_bill && answer.manner.status == 200 {
        let read = Doc::<'_, FIELDS_MAX>::read(&answer.body);
        assert!(read.is_ok(), "{call:?}: {}", String::from_utf8_lossy(&answer.body));
    }
}
