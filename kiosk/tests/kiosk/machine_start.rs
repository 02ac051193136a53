//! After a power cut, at every stage of an order: what was known is gone but for the journal.

use crate::bench::{Bench, job_id, look, order_id};
use saoma_core::watch::Phase;
use saoma_kiosk::{
    app::{Dispensed, GONE_AFTER_S, IDLE_HELP_MS, Input, Key, Page, RECALL_WITHIN_MS},
    call::Call,
    journal::{Journal, Stage},
};

#[test]
fn open_orders_are_asked_about_before_the_menu_comes() {
    let mut bench = Bench::with_code().cut();
    assert_eq!((bench.page(), bench.asked()), (&Page::Resuming, Some(&look())));
    bench.key(Key::Start);
    assert_eq!(bench.page(), &Page::Resuming);
    bench.view(Phase::Open, 1);
    assert_eq!(bench.page(), &Page::Attract);
    assert_eq!(bench.stage(), &Stage::Open, "it is followed until it is paid or expires");
}

#[test]
fn without_a_connection_the_menu_does_not_come() {
    let mut bench = Bench::with_code().cut();
    bench.lose();
    assert_eq!(bench.page(), &Page::Offline);
    bench.tick(600_000);
    bench.lose();
    assert_eq!(bench.page(), &Page::Offline);
    bench.wait_for_question();
    bench.view(Phase::Expired, 2);
    assert_eq!((bench.page(), bench.journal.entries.len()), (&Page::Attract, 0));
}

#[test]
fn an_order_that_was_being_made_is_made_again_by_the_same_number() {
    let before = Bench::with_order();
    let mut bench = before.cut();
    assert_eq!(bench.asked(), before.asked(), "the same number, amount and description");
    bench.view(Phase::Paid, 3);
    assert_eq!((bench.page(), bench.stage()), (&Page::Dispensing, &Stage::Claiming));
}

#[test]
fn numbers_go_on_after_a_power_cut() {
    let mut bench = Bench::with_order();
    bench.view(Phase::Failed, 1);
    let mut bench = bench.cut();
    bench.buy();
    let Some(Call::Make(order)) = bench.asked() else { panic!("{:?}", bench.open) };
    assert_eq!(order.order_no, "K1-2");
}

#[test]
fn what_was_paid_in_the_dark_is_handed_over() {
    let mut bench = Bench::with_code().cut();
    bench.view(Phase::Paid, 2);
    assert_eq!((bench.page(), bench.stage()), (&Page::Dispensing, &Stage::Claiming));
    bench.claimed(false);
    assert!(bench.job.is_some());
}

#[test]
fn what_was_paid_long_ago_is_for_the_staff() {
    let mut bench = Bench::with_code().cut();
    bench.now_ms += (GONE_AFTER_S + 301) * 1_000;
    bench.view(Phase::Paid, 2);
    assert_eq!((bench.page(), bench.stage()), (&Page::Help, &Stage::Help { claimed: false }));
}

#[test]
fn found_claiming_it_claims_again_and_goes_on() {
    let mut bench = Bench::with_payment().cut();
    assert_eq!(bench.asked(), Some(&look()));
    bench.view(Phase::Paid, 2);
    assert_eq!(bench.asked(), Some(&Call::Dispense(order_id())));
    bench.claimed(true);
    assert!(bench.job.is_some(), "nothing had moved: that would have been written down");
}

#[test]
fn found_open_it_has_no_record_of_a_claim_so_another_one_is_for_the_staff() {
    let mut bench = Bench::with_code().cut();
    bench.view(Phase::Paid, 2);
    bench.claimed(true);
    assert_eq!((bench.page(), bench.stage()), (&Page::Help, &Stage::Help { claimed: true }));
    assert!(bench.job.is_none());
}

#[test]
fn found_dispensing_it_asks_the_dispenser_and_moves_nothing() {
    let mut bench = Bench::with_job().cut();
    assert_eq!((bench.recall.take(), bench.page()), (Some(job_id()), &Page::Resuming));
    bench.view(Phase::Paid, 2);
    assert_eq!(bench.page(), &Page::Resuming, "the dispenser has not said anything yet");
    bench.dispensed(Dispensed::Unknown);
    assert_eq!((bench.page(), bench.stage()), (&Page::Help, &Stage::Help { claimed: true }));
    assert_eq!(bench.app.screen().order.number, "K1-1");
    bench.tick(IDLE_HELP_MS);
    assert_eq!(bench.page(), &Page::Attract, "and the terminal is not out of service");
    assert!(bench.job.is_none() && bench.recall.is_none());
}

#[test]
fn a_dispenser_that_says_nothing_does_not_know() {
    let mut bench = Bench::with_job().cut();
    bench.view(Phase::Paid, 2);
    bench.tick(RECALL_WITHIN_MS);
    assert_eq!((bench.page(), bench.stage()), (&Page::Help, &Stage::Help { claimed: true }));
}

#[test]
fn a_dispenser_that_knows_that_the_goods_are_out_is_believed() {
    let mut bench = Bench::with_job().cut();
    bench.view(Phase::Paid, 2);
    bench.dispensed(Dispensed::Done);
    assert_eq!(bench.stage(), &Stage::Handed);
    assert_eq!(bench.asked(), Some(&Call::Shipped(order_id())));
    assert!(bench.job.is_none());
}

#[test]
fn a_dispenser_that_knows_that_nothing_moved_is_told_again_after_another_claim() {
    let mut bench = Bench::with_job().cut();
    bench.dispensed(Dispensed::Failed);
    bench.view(Phase::Paid, 2);
    assert_eq!(bench.asked(), Some(&Call::Dispense(order_id())), "a refund may have begun");
    bench.claimed(true);
    assert_eq!(bench.job.take().unwrap().id, job_id(), "the same job");
}

#[test]
fn a_second_power_cut_changes_nothing() {
    let mut bench = Bench::with_job().cut().cut().cut();
    bench.view(Phase::Paid, 2);
    bench.dispensed(Dispensed::Unknown);
    let bench = bench.cut();
    assert_eq!((bench.page(), bench.stage()), (&Page::Attract, &Stage::Help { claimed: true }));
    assert!(bench.recall.is_none() && bench.job.is_none());
}

#[test]
fn found_handed_over_it_only_tells_the_server() {
    let mut bench = Bench::with_job();
    bench.dispensed(Dispensed::Done);
    let mut bench = bench.cut();
    assert_eq!(bench.asked(), Some(&Call::Shipped(order_id())));
    bench.view(Phase::Shipped, 3);
    assert_eq!((bench.page(), bench.journal.entries.len()), (&Page::Attract, 0));
    assert!(bench.job.is_none());
}

#[test]
fn an_order_whose_number_is_somebody_elses_was_never_made() {
    let mut bench = Bench::with_order().cut();
    bench.refuse(409, "order_no_taken");
    assert_eq!((bench.page(), bench.journal.entries.len()), (&Page::Attract, 0));
}

#[test]
fn an_order_that_the_server_refuses_to_talk_about_is_for_the_staff() {
    for before in [Bench::with_order(), Bench::with_code(), Bench::with_payment()] {
        let mut bench = before.cut();
        bench.refuse(404, "not_found");
        assert_eq!(bench.page(), &Page::Help);
        assert!(matches!(bench.stage(), Stage::Help { .. }));
    }
}

#[test]
fn orders_are_asked_about_one_after_another() {
    let mut bench = Bench::with_code();
    let mut journal = bench.journal.clone();
    for number in ["K1-2", "K1-3"] {
        let mut entry = journal.entries[0].clone();
        entry.order_no = heapless::String::try_from(number).unwrap();
        journal.entries.push(entry).unwrap();
    }
    bench = Bench::found(journal);
    for _ in 0..3 {
        assert_eq!((bench.page(), bench.asked()), (&Page::Resuming, Some(&look())));
        bench.view(Phase::Expired, 2);
    }
    assert_eq!((bench.page(), bench.journal.entries.len()), (&Page::Attract, 0));
}

#[test]
fn each_order_that_needs_help_is_shown_as_long_as_the_others() {
    let mut journal = Bench::with_code().journal;
    let mut second = journal.entries[0].clone();
    second.order_no = heapless::String::try_from("K1-2").unwrap();
    journal.entries.push(second).unwrap();
    let mut bench = Bench::found(journal);
    bench.refuse(404, "not_found");
    bench.refuse(404, "not_found");
    for number in ["K1-1", "K1-2"] {
        assert_eq!((bench.page(), bench.app.screen().order.number.as_str()), (&Page::Help, number));
        bench.tick(IDLE_HELP_MS - 1);
        assert_eq!(bench.app.screen().order.number, number);
        bench.tick(1);
    }
    assert_eq!(bench.page(), &Page::Attract);
}

#[test]
fn an_empty_or_unreadable_journal_is_a_terminal_that_begins() {
    for slots in [[&[][..], &[]], [&[0xff; 4096], &[0; 10]], [&[0; 2048], &[0xff; 2048]]] {
        let journal = Journal::newest(slots);
        assert_eq!(journal, Journal::default());
        let mut bench = Bench::found(journal);
        assert_eq!(bench.page(), &Page::Attract);
        bench.put(Input::Stored(true));
        bench.put(Input::Stored(false));
        assert_eq!(bench.page(), &Page::Attract, "nothing was to be stored");
    }
}
