//! Out of service, offline, and the staff.

use crate::bench::{Bench, look, order_id};
use saoma_core::watch::Phase;
use saoma_kiosk::{
    app::{Dispensed, Fault, IDLE_HELP_MS, IDLE_MS, Input, Key, Page, StaffPage},
    call::Call,
    journal::{ENTRIES_MAX, Stage},
};

fn staff(at: u8, of: u8, fault: Option<Fault>) -> Page {
    Page::Staff(StaffPage { at, of, fault })
}

/// A terminal with an order that waits for the staff: perhaps the goods came out, perhaps not.
fn in_doubt() -> Bench {
    let mut bench = Bench::with_job().cut();
    bench.dispensed(Dispensed::Unknown);
    bench.view(Phase::Paid, 2);
    assert_eq!(bench.page(), &Page::Help);
    bench
}

#[test]
fn a_terminal_that_is_offline_takes_no_order_and_keeps_the_basket() {
    let mut bench = Bench::new();
    bench.key(Key::Start);
    bench.key(Key::Item(0));
    bench.put(Input::Link(false));
    assert_eq!(bench.page(), &Page::Offline);
    bench.key(Key::Basket);
    bench.key(Key::Pay);
    assert!(bench.open.is_none());
    bench.put(Input::Link(true));
    let Page::Menu(menu) = bench.page() else { panic!("{:?}", bench.page()) };
    assert_eq!(menu.pieces, 1);
}

#[test]
fn a_refused_key_puts_the_terminal_out_of_service_until_it_is_good_again() {
    for (status, code) in [(401, "unauthorized"), (403, "forbidden")] {
        let mut bench = Bench::with_order();
        bench.refuse(status, code);
        assert_eq!(bench.page(), &Page::OutOfService(Fault::Key), "{code}");
        assert_eq!(bench.app.refusal().unwrap().status, status);
        bench.tick(IDLE_MS / 3);
        bench.tick(IDLE_HELP_MS);
        bench.key(Key::Start);
        assert_eq!(bench.page(), &Page::OutOfService(Fault::Key), "nothing can be bought");
        bench.wait_for_question();
        bench.refuse(status, code);
        assert_eq!(bench.wait_for_question(), 30_000);
        assert!(matches!(bench.asked(), Some(Call::Make(_))), "it is tried with what is open");
        bench.view(Phase::Open, 1);
        assert_eq!(bench.page(), &Page::Attract);
    }
}

#[test]
fn a_key_that_is_refused_while_a_customer_may_have_paid_sends_to_the_staff() {
    let mut bench = Bench::with_code();
    bench.refuse(401, "unauthorized");
    assert_eq!((bench.page(), bench.stage()), (&Page::Help, &Stage::Open));
    bench.wait_for_question();
    bench.view(Phase::Paid, 2);
    assert_eq!(bench.page(), &Page::Dispensing, "with a good key it goes on");
}

#[test]
fn after_a_power_cut_a_refused_key_is_said_to_be_the_trouble() {
    let mut bench = Bench::with_code().cut();
    bench.refuse(401, "unauthorized");
    assert_eq!(bench.page(), &Page::OutOfService(Fault::Key));
    bench.wait_for_question();
    bench.view(Phase::Expired, 2);
    assert_eq!(bench.page(), &Page::Attract);
}

#[test]
fn an_order_that_cannot_be_written_down_is_not_made() {
    let mut bench = Bench::new();
    bench.stores = false;
    bench.buy();
    bench.put(Input::Stored(false));
    assert_eq!(bench.page(), &Page::OutOfService(Fault::Journal));
    assert_eq!((bench.asked(), bench.app.open_orders()), (None, 0));
    bench.stores = true;
    bench.tick(5_000);
    assert_eq!((bench.page(), bench.asked()), (&Page::Attract, None));
}

#[test]
fn a_shell_that_does_not_finish_writing_is_out_of_service() {
    let mut bench = Bench::with_code();
    bench.stores = false;
    bench.view(Phase::Expired, 2);
    bench.key(Key::Again);
    bench.tick(10_000);
    assert_eq!(bench.page(), &Page::OutOfService(Fault::Journal));
    bench.store();
    assert!(matches!(bench.page(), Page::Menu(_)));
}

#[test]
fn a_journal_that_is_full_of_orders_for_the_staff_takes_no_more() {
    let mut bench = in_doubt();
    let mut journal = bench.journal.clone();
    for at in 2..=ENTRIES_MAX {
        let mut entry = journal.entries[0].clone();
        entry.order_no = heapless::String::try_from(format!("K1-{at}").as_str()).unwrap();
        journal.entries.push(entry).unwrap();
    }
    bench = Bench::found(journal);
    assert_eq!(bench.page(), &Page::OutOfService(Fault::Full));
    bench.key(Key::Staff);
    bench.key(Key::Forget);
    bench.key(Key::Back);
    assert_eq!(bench.page(), &Page::Attract, "one is enough");
    assert_eq!(bench.journal.entries.len(), ENTRIES_MAX - 1);
}

#[test]
fn help_shows_the_number_and_the_terminal_goes_on_without_forgetting_it() {
    let mut bench = in_doubt();
    assert_eq!(bench.app.screen().order.number, "K1-1");
    bench.tick(IDLE_HELP_MS);
    assert_eq!(bench.page(), &Page::Attract);
    assert_eq!(bench.stage(), &Stage::Help { claimed: true });
    bench.buy();
    assert_eq!((bench.page(), bench.journal.entries.len()), (&Page::Starting, 2));
}

#[test]
fn the_staff_say_that_the_customer_has_the_goods_and_the_server_hears_of_it() {
    let mut bench = in_doubt();
    bench.open = None;
    bench.key(Key::Staff);
    assert_eq!(bench.page(), &staff(0, 1, None));
    assert_eq!(bench.app.screen().order.number, "K1-1");
    bench.key(Key::Done);
    assert_eq!(bench.stage(), &Stage::Handed);
    assert_eq!(bench.asked(), Some(&Call::Shipped(order_id())));
    assert_eq!(bench.page(), &staff(0, 0, None));
    bench.view(Phase::Shipped, 3);
    bench.key(Key::Back);
    assert_eq!((bench.page(), bench.journal.entries.len()), (&Page::Attract, 0));
}

#[test]
fn the_staff_say_that_it_was_settled_in_another_way_and_nothing_is_confirmed() {
    let mut bench = in_doubt();
    bench.open = None;
    bench.key(Key::Staff);
    bench.key(Key::Forget);
    assert!(bench.journal.entries.is_empty());
    bench.tick(600_000);
    assert_eq!((bench.asked(), bench.page()), (None, &Page::Attract));
}

#[test]
fn what_was_settled_at_the_server_needs_no_help_any_more() {
    for phase in [Phase::Refunding, Phase::Refunded, Phase::Shipped] {
        let mut bench = in_doubt();
        bench.tick(IDLE_HELP_MS);
        bench.wait_for_question();
        assert_eq!(bench.asked(), Some(&look()));
        bench.view(phase, 3);
        assert!(bench.journal.entries.is_empty(), "{phase:?}");
    }
}

#[test]
fn help_turns_into_the_refund_while_the_customer_stands_there() {
    let mut bench = in_doubt();
    bench.tick(30_000);
    bench.key(Key::Language);
    bench.wait_for_question();
    bench.view(Phase::Refunding, 3);
    assert_eq!(bench.page(), &Page::Refunding);
}

#[test]
fn the_staff_put_a_mended_dispenser_back_into_service() {
    let mut bench = Bench::with_job();
    bench.dispensed(Dispensed::Failed);
    bench.key(Key::Staff);
    assert_eq!(bench.page(), &staff(0, 1, Some(Fault::Dispenser)));
    bench.key(Key::Repaired);
    assert_eq!(bench.page(), &staff(0, 1, None));
    bench.key(Key::Back);
    assert_eq!(bench.page(), &Page::Attract);
    assert!(!bench.journal.broken);
}

#[test]
fn five_touches_of_the_corner_open_the_staffs_screen_and_four_do_not() {
    let mut bench = Bench::new();
    for _ in 0..4 {
        bench.key(Key::Corner);
    }
    bench.tick(5_001);
    for _ in 0..4 {
        bench.key(Key::Corner);
        assert_eq!(bench.page(), &Page::Attract);
    }
    bench.key(Key::Corner);
    assert_eq!(bench.page(), &staff(0, 0, None));
    bench.tick(IDLE_MS);
    assert_eq!(bench.page(), &Page::Attract);
}

#[test]
fn the_staff_do_not_come_between_a_customer_and_the_payment() {
    for mut bench in [Bench::with_order(), Bench::with_code(), Bench::with_payment()] {
        let page = bench.page().clone();
        bench.key(Key::Staff);
        assert_eq!(bench.page(), &page);
    }
}

#[test]
fn the_staff_can_end_a_start_that_does_not_end() {
    let mut bench = Bench::with_code().cut();
    bench.lose();
    bench.key(Key::Staff);
    assert_eq!(bench.page(), &staff(0, 1, None));
    bench.key(Key::Forget);
    bench.key(Key::Back);
    assert_eq!(bench.page(), &Page::Attract);
}
