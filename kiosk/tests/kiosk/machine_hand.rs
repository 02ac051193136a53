//! From paid to handed over: claimed, written down, dispensed once, confirmed.

use crate::bench::{Bench, held, job_id, look, order_id};
use saoma_core::watch::Phase;
use saoma_kiosk::{
    app::{
        DISPENSE_WITHIN_MS, Dispensed, Fault, GONE_AFTER_S, IDLE_END_MS, IDLE_HELP_MS,
        IDLE_OFFLINE_MS, Input, Key, Page,
    },
    basket::Line,
    call::{Answer, Call},
    journal::Stage,
};

#[test]
fn what_is_paid_is_claimed_handed_over_and_confirmed() {
    let mut bench = Bench::with_code();
    bench.view(Phase::Paid, 2);
    assert_eq!((bench.page(), bench.stage()), (&Page::Dispensing, &Stage::Claiming));
    assert_eq!(bench.asked(), Some(&Call::Dispense(order_id())));
    bench.claimed(false);
    assert_eq!(bench.stage(), &Stage::Dispensing(job_id()));
    let job = bench.job.take().unwrap();
    assert_eq!(job.id, job_id());
    let (latte, tarts) = (Line { no: 1, count: 1 }, Line { no: 4, count: 2 });
    assert_eq!(job.basket.lines(), [latte, tarts]);
    bench.dispensed(Dispensed::Done);
    assert_eq!((bench.page(), bench.stage()), (&Page::Take, &Stage::Handed));
    assert_eq!(bench.asked(), Some(&Call::Shipped(order_id())));
    bench.view(Phase::Shipped, 3);
    assert_eq!((bench.page(), bench.journal.entries.len()), (&Page::Take, 0));
    bench.tick(IDLE_END_MS);
    assert_eq!(bench.page(), &Page::Attract);
}

#[test]
fn each_step_is_durable_before_the_next_one_is_made() {
    let mut bench = Bench::with_code();
    bench.stores = false;
    bench.view(Phase::Paid, 2);
    bench.tick(3_000);
    assert_eq!(bench.asked(), None, "not claimed before that is written down");
    bench.store();
    assert_eq!(bench.asked(), Some(&Call::Dispense(order_id())));
    bench.claimed(false);
    bench.tick(3_000);
    assert!(bench.job.is_none(), "nothing moves before the job is written down");
    bench.store();
    assert!(bench.job.take().is_some());
    bench.dispensed(Dispensed::Done);
    assert_eq!(bench.page(), &Page::Take, "the customer need not wait");
    bench.tick(3_000);
    assert_eq!(bench.asked(), None, "not confirmed before the receipt is written down");
    bench.store();
    assert_eq!(bench.asked(), Some(&Call::Shipped(order_id())));
    assert!(bench.job.is_none());
}

#[test]
fn records_go_into_the_two_slots_in_turn() {
    let mut bench = Bench::with_job();
    bench.dispensed(Dispensed::Done);
    let turns: Vec<usize> = (1..=bench.slots.len()).map(|sequence| sequence % 2).collect();
    assert_eq!(bench.slots, turns);
    assert_eq!(bench.journal.sequence, bench.slots.len() as u64);
}

#[test]
fn a_claim_whose_answer_was_lost_is_made_again_and_counts() {
    let mut bench = Bench::with_payment();
    bench.lose();
    assert_eq!(bench.page(), &Page::Offline);
    bench.wait_for_question();
    assert_eq!(bench.asked(), Some(&Call::Dispense(order_id())));
    bench.claimed(true);
    assert!(bench.job.is_some(), "it was this terminal that claimed it before");
}

#[test]
fn a_claim_that_does_not_come_through_goes_on_in_the_background_and_comes_back() {
    let mut bench = Bench::with_payment();
    let mut claims = 0;
    while bench.page() != &Page::Attract {
        bench.lose();
        claims += 1;
        bench.wait_for_question();
        assert!(claims < 20, "the terminal is blocked");
    }
    assert_eq!(bench.stage(), &Stage::Claiming);
    assert_eq!(bench.asked(), Some(&look()), "nobody is in front to take the goods");
    bench.lose();
    bench.tick(250);
    assert_eq!((bench.page(), bench.asked()), (&Page::Attract, None), "in its own time");
    bench.wait_for_question();
    bench.view(Phase::Paid, 2);
    assert_eq!(bench.page(), &Page::Dispensing);
    assert_eq!(bench.asked(), Some(&Call::Dispense(order_id())));
    bench.claimed(true);
    assert!(bench.job.is_some());
}

/// The customer has left while the last claim was still on its way, and the next one is choosing:
/// the goods would come out for whoever stands there, and the dispenser would not learn whose.
#[test]
fn a_claim_that_is_answered_after_its_customer_has_left_waits_until_nobody_is_busy() {
    let mut bench = Bench::with_payment();
    bench.lose();
    bench.put(Input::Link(false));
    assert_eq!(bench.page(), &Page::Offline);
    bench.tick(IDLE_OFFLINE_MS - 1_000);
    bench.put(Input::Link(true));
    bench.tick(1_000);
    assert_eq!(bench.page(), &Page::Attract);
    assert_eq!(bench.asked(), Some(&Call::Dispense(order_id())), "on its way");
    bench.key(Key::Start);
    bench.claimed(true);
    assert!(matches!(bench.page(), Page::Menu(_)), "{:?}", bench.page());
    assert_eq!(bench.job, None, "somebody else is busy here");
    let Stage::Dispensing(_) = bench.stage() else { panic!("{:?}", bench.stage()) };
    bench.key(Key::Back);
    assert_eq!(bench.page(), &Page::Dispensing);
    assert!(bench.job.is_some());
    assert_eq!(bench.app.screen().order.number, bench.journal.entries[0].order_no);
    bench.dispensed(Dispensed::Done);
    assert_eq!(bench.page(), &Page::Take);
}

#[test]
fn a_claim_with_a_refused_key_is_tried_every_half_minute_and_not_more() {
    let mut bench = Bench::with_payment();
    bench.refuse(401, "unauthorized");
    assert_eq!(bench.page(), &Page::Help);
    let mut asked = 0;
    for _ in 0..600 {
        bench.tick(1_000);
        if bench.open.is_some() {
            asked += 1;
            bench.refuse(401, "unauthorized");
        }
    }
    assert!((15..=21).contains(&asked), "{asked} questions in ten minutes");
    bench.wait_for_question();
    bench.view(Phase::Paid, 2);
    assert_eq!(bench.page(), &Page::Dispensing);
}

#[test]
fn goods_that_an_earlier_life_of_the_terminal_has_claimed_are_for_the_staff() {
    let mut bench = Bench::with_payment();
    bench.claimed(true);
    assert_eq!((bench.page(), bench.stage()), (&Page::Help, &Stage::Help { claimed: true }));
    bench.tick(3_000);
    assert!(bench.job.is_none());
}

#[test]
fn a_job_is_told_once() {
    let mut bench = Bench::with_job();
    bench.job = None;
    for _ in 0..100 {
        bench.tick(800);
        bench.put(Input::Stored(true));
        bench.claimed_out_of_turn();
        assert!(bench.job.is_none());
    }
}

impl Bench {
    /// An answer to a claim that nobody has made.
    fn claimed_out_of_turn(&mut self) {
        let view = self.view_of(Phase::Paid, 2);
        let answer = Answer::Claimed { job: job_id(), again: false, view };
        self.put(Input::Reply { ticket: 77, answer });
    }
}

#[test]
fn a_customer_cannot_leave_while_the_dispenser_works() {
    let mut bench = Bench::with_job();
    for key in [Key::Cancel, Key::Again, Key::Back, Key::Staff] {
        bench.key(key);
        assert_eq!(bench.page(), &Page::Dispensing, "{key:?}");
    }
    bench.tick(DISPENSE_WITHIN_MS - 1);
    assert_eq!(bench.page(), &Page::Dispensing);
}

#[test]
fn when_it_cannot_be_known_whether_the_goods_came_out_the_staff_are_asked_and_nothing_moves() {
    for silent in [false, true] {
        let mut bench = Bench::with_job();
        bench.job = None;
        if silent {
            bench.tick(DISPENSE_WITHIN_MS);
        } else {
            bench.dispensed(Dispensed::Unknown);
        }
        assert_eq!((bench.page(), bench.stage()), (&Page::Help, &Stage::Help { claimed: true }));
        assert_eq!(bench.app.screen().order.number, "K1-1");
        bench.tick(3_000);
        assert!(bench.job.is_none());
        assert_eq!(bench.asked(), None, "and nothing is confirmed");
    }
}

#[test]
fn a_dispenser_that_remembers_too_late_is_believed() {
    let mut bench = Bench::with_job();
    bench.tick(DISPENSE_WITHIN_MS);
    bench.dispensed(Dispensed::Done);
    assert_eq!((bench.page(), bench.stage()), (&Page::Take, &Stage::Handed));
    assert_eq!(bench.asked(), Some(&Call::Shipped(order_id())));
}

#[test]
fn after_a_jam_the_customer_gets_help_and_nothing_more_is_sold() {
    let mut bench = Bench::with_job();
    bench.dispensed(Dispensed::Failed);
    assert_eq!(bench.page(), &Page::Help);
    bench.tick(IDLE_HELP_MS);
    assert_eq!(bench.page(), &Page::OutOfService(Fault::Dispenser));
    bench.key(Key::Start);
    assert_eq!(bench.page(), &Page::OutOfService(Fault::Dispenser));
    let mut bench = bench.cut();
    bench.tick(0);
    assert_eq!(bench.page(), &Page::OutOfService(Fault::Dispenser), "a power cut mends nothing");
}

#[test]
fn a_receipt_that_the_server_has_not_heard_is_told_until_it_has() {
    let mut bench = Bench::with_job();
    bench.dispensed(Dispensed::Done);
    for _ in 0..10 {
        bench.lose();
        bench.wait_for_question();
        assert_eq!(bench.asked(), Some(&Call::Shipped(order_id())));
    }
    assert_eq!(bench.page(), &Page::Attract, "nobody need wait for that");
    assert_eq!(bench.stage(), &Stage::Handed);
    bench.view(Phase::Shipped, 3);
    assert!(bench.journal.entries.is_empty());
}

#[test]
fn a_refund_that_came_first_is_shown_and_nothing_comes_out() {
    let mut bench = Bench::with_payment();
    bench.refuse(409, "refund_started");
    bench.wait_for_question();
    bench.view(Phase::Refunding, 3);
    assert_eq!((bench.page(), bench.journal.entries.len()), (&Page::Refunding, 0));
    assert!(bench.job.is_none());
}

#[test]
fn an_order_that_is_not_paid_after_all_is_looked_at_again() {
    let mut bench = Bench::with_payment();
    bench.refuse(409, "not_paid");
    assert_eq!(bench.wait_for_question(), 2_000);
    assert_eq!((bench.asked(), bench.stage()), (Some(&look()), &Stage::Open));
}

#[test]
fn goods_that_somebody_else_hands_over_are_for_the_staff() {
    for (status, code) in [(409, "shipped_otherwise"), (403, "forbidden"), (404, "not_found")] {
        let mut bench = Bench::with_payment();
        bench.refuse(status, code);
        assert_eq!(bench.page(), &Page::Help, "{code}");
        assert!(bench.job.is_none());
    }
}

/// An order whose customer walked away from a code without a connection.
fn left_behind() -> Bench {
    let mut bench = Bench::with_code();
    bench.lose();
    bench.put(Input::Link(false));
    bench.tick(IDLE_OFFLINE_MS);
    bench.open = None;
    bench.put(Input::Link(true));
    bench.wait_for_question();
    assert_eq!(bench.page(), &Page::Attract);
    bench
}

#[test]
fn an_order_that_was_left_and_paid_comes_to_the_front_when_nobody_is_busy() {
    let mut bench = left_behind();
    bench.view(Phase::Paid, 2);
    assert_eq!((bench.page(), bench.stage()), (&Page::Dispensing, &Stage::Claiming));
    assert_eq!(bench.asked(), Some(&Call::Dispense(order_id())));
}

#[test]
fn it_waits_until_the_next_customer_is_done() {
    let mut bench = left_behind();
    bench.key(Key::Start);
    bench.view(Phase::Paid, 2);
    assert!(matches!(bench.page(), Page::Menu(_)));
    assert_eq!(bench.stage(), &Stage::Open, "the goods are not this customer's");
    bench.key(Key::Back);
    assert_eq!((bench.page(), bench.stage()), (&Page::Dispensing, &Stage::Claiming));
}

#[test]
fn who_paid_long_ago_has_left_so_the_goods_stay_inside_and_the_staff_know() {
    let mut bench = left_behind();
    bench.now_ms += (GONE_AFTER_S + 300) * 1_000;
    bench.view(Phase::Paid, 2);
    assert_eq!((bench.page(), bench.stage()), (&Page::Help, &Stage::Help { claimed: false }));
    assert_eq!(bench.app.screen().order.number, "K1-1");
    bench.tick(IDLE_HELP_MS);
    assert_eq!(bench.page(), &Page::Attract, "the terminal goes on");
    assert!(bench.job.is_none());
}

#[test]
fn what_cannot_be_written_down_is_not_handed_over_until_it_can() {
    let mut bench = Bench::with_code();
    bench.stores = false;
    bench.view(Phase::Paid, 2);
    bench.put(Input::Stored(false));
    assert_eq!(bench.page(), &Page::Help, "the customer gets a number meanwhile");
    bench.tick(3_000);
    assert!(bench.open.is_none() && bench.job.is_none());
    bench.stores = true;
    bench.tick(2_000);
    assert_eq!(bench.page(), &Page::Dispensing);
    assert_eq!(bench.asked(), Some(&Call::Dispense(order_id())));
}

#[test]
fn a_record_that_failed_is_written_again_into_the_same_slot() {
    let mut bench = Bench::with_code();
    bench.stores = false;
    bench.view(Phase::Paid, 2);
    let slot = *bench.slots.last().unwrap();
    bench.put(Input::Stored(false));
    bench.slots.clear();
    bench.tick(4_999);
    assert!(bench.slots.is_empty());
    bench.tick(1);
    assert_eq!(bench.slots, [slot], "the other one holds the last good record");
}

#[test]
fn that_goods_are_out_is_told_even_by_a_terminal_that_cannot_write_any_more() {
    let mut bench = Bench::with_job();
    bench.stores = false;
    bench.dispensed(Dispensed::Done);
    bench.put(Input::Stored(false));
    assert_eq!(bench.asked(), Some(&Call::Shipped(order_id())));
}

#[test]
fn an_outcome_of_another_job_means_nothing() {
    let mut bench = Bench::with_job();
    let job = saoma_kiosk::call::JobId::new("ship-OTHER").unwrap();
    bench.put(Input::Dispensed { job, outcome: Dispensed::Done });
    assert_eq!(bench.page(), &Page::Dispensing);
}

#[test]
fn after_a_payment_the_code_is_never_shown_again() {
    let mut bench = Bench::with_payment();
    bench.refuse(409, "not_paid");
    bench.wait_for_question();
    bench.view(Phase::Paid, 2);
    assert_eq!(bench.page(), &Page::Dispensing);
    assert_ne!(bench.asked(), Some(&held(2)));
}
