//! The firmware in an emulated board, with the real server, sandbox and bridge: bought from with
//! its buttons, paid by what is read from its display, and unplugged at the worst moments.
//!
//! Ignored by default, because it needs qemu-system-arm and the firmware:
//! `cargo xtask firmware test` sees to both.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod board;
mod line;
mod machine;
mod stand;

use std::time::Duration;

use board::address_of;
use machine::Moment;
use stand::Stand;
use tokio::time::{sleep, timeout};

/// How long anything may take on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Pages that a terminal must not show while it does not know what became of its open orders.
const BUSINESS: [&str; 4] = ["attract", "menu", "basket", "qr"];

/// A moment at which the power goes.
#[derive(Clone, Copy, Debug)]
enum Cut {
    /// Before the nth block since the payment is written on the memory card. A record of the
    /// journal has four: in the first it is torn at its beginning, in the fourth near its end.
    Block(u32),
    /// The job is in the journal, and not said to the dispenser.
    BeforeDispense,
    /// A moment of the dispenser.
    Dispenser(Moment),
    /// So many milliseconds after the payment.
    After(u64),
}

#[tokio::test]
#[ignore = "cargo xtask firmware test"]
async fn a_customer_buys_with_five_buttons_and_gets_the_goods_once() {
    let mut stand = Stand::start().await;
    stand.until(&["attract"], &["menu"]).await;
    let code = stand.order().await;
    let screen = stand.board().screen("code").await;
    stand.keep(&screen, "1-code");
    assert_eq!(stand.phases().await, ["open"]);
    assert!(stand.machine.moved().is_empty(), "nothing is paid");

    stand.desk.pay(&code).await.unwrap();
    stand.until(&["take"], &["help"]).await;
    let screen = stand.board().screen("take").await;
    stand.keep(&screen, "2-take");
    stand.until_phase("shipped").await;
    assert_eq!(stand.machine.goods(), ["1*1"]);

    // The bridge is killed while a code is shown, and the server after it; both come back.
    let code = stand.order().await;
    stand.kill_bridge().await;
    stand.until_no_code().await;
    stand.start_bridge();
    stand.until(&["qr"], &["help"]).await;
    stand.desk.crash_server().await.unwrap();
    stand.desk.pay(&code).await.unwrap();
    stand.until(&["take"], &["help"]).await;
    stand.until_phase("shipped").await;

    // Three bytes of 1000 are noise: of the longest frames hardly one comes through.
    stand.line.make_noise(30);
    let code = stand.order().await;
    stand.desk.pay(&code).await.unwrap();
    stand.until_phase("shipped").await;
    stand.line.make_noise(0);
    assert_eq!(stand.machine.moved().len(), 3);
    stand.check().await;
    println!("stack: {} of {} bytes", stand.stack.0, stand.stack.1);
    stand.stop().await;
}

#[tokio::test]
#[ignore = "cargo xtask firmware test"]
async fn whenever_the_power_goes_nothing_comes_out_twice_or_unpaid() {
    let rounds = std::env::var("SAOMA_FIRMWARE_ROUNDS").ok();
    let rounds: u64 = rounds.map_or(2, |rounds| rounds.parse().expect("a number of rounds"));
    let mut stand = Stand::start().await;
    let dispenser = [Moment::Told, Moment::Moved, Moment::Said].map(Cut::Dispenser);
    let blocks = [1, 4, 5, 8, 9, 12, 13].map(Cut::Block);
    let mut cuts = [blocks.as_slice(), &[Cut::BeforeDispense], &dispenser].concat();
    cuts.extend((0..rounds).map(|round| Cut::After(round * 157 % 500)));
    stand.until(&["attract"], &["menu"]).await;
    for (done, cut) in cuts.iter().enumerate() {
        cut_power(&mut stand, *cut).await;
        // The dispenser remembers what it has done, so the terminal can be sure as well.
        stand.until_phase("shipped").await;
        assert_eq!(stand.machine.moved().len(), done + 1, "{cut:?}\n{}", stand.last_words());
        stand.check().await;
        println!("power cut {cut:?}: the goods came out once");
    }
    // One that remembers nothing: the staff are asked, and nothing comes out a second time.
    stand.machine.forget_from_now_on(true);
    for moment in [Moment::Told, Moment::Moved] {
        let before = stand.machine.moved().len();
        cut_power(&mut stand, Cut::Dispenser(moment)).await;
        stand.until(&["help"], &BUSINESS).await;
        let moved = stand.machine.moved().len() - before;
        assert_eq!(moved, usize::from(moment == Moment::Moved));
        assert_ne!(stand.phases().await.last().unwrap(), "shipped", "nobody knows");
        stand.check().await;
        println!("power cut {moment:?}, a dispenser without memory: help, and nothing more");
    }
    println!("stack: {} of {} bytes", stand.stack.0, stand.stack.1);
    stand.stop().await;
}

/// An order, paid, and the power cut at a moment; the board is plugged in again.
async fn cut_power(stand: &mut Stand, cut: Cut) {
    let code = stand.order().await;
    match cut {
        Cut::Block(n) => {
            let address = address_of(&["card::Card", "::write"]).await;
            run_to(stand, address, n, &code).await;
        }
        Cut::BeforeDispense => {
            let address = address_of(&["dispenser::Dispenser", "::dispense"]).await;
            run_to(stand, address, 1, &code).await;
        }
        Cut::Dispenser(moment) => {
            let mut stopped = stand.machine.stop_at(moment);
            stand.desk.pay(&code).await.unwrap();
            let came = timeout(PATIENCE, stopped.recv()).await;
            assert!(came.is_ok(), "{cut:?} never came\n{}", stand.last_words());
        }
        Cut::After(ms) => {
            stand.desk.pay(&code).await.unwrap();
            sleep(Duration::from_millis(ms)).await;
        }
    }
    stand.unplug().await;
    stand.plug_in().await;
}

async fn run_to(stand: &mut Stand, address: u32, hits: u32, code: &str) {
    let mut debugger = stand.board().debugger(address).await;
    let paid = stand.desk.pay(code);
    let (paid, ()) = tokio::join!(paid, debugger.go(hits));
    paid.unwrap();
}
