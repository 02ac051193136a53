//! One customer's order, from the basket to the code and to its end without goods.

use crate::bench::{Bench, held, look, order_id};
use saoma_core::{ids::OrderId, money::Fen, watch::Phase};
use saoma_kiosk::{
    app::{
        ANSWER_WITHIN_MS, CANCEL_AFTER_MS, Damage, HELD_WITHIN_MS, IDLE_END_MS, IDLE_MS,
        IDLE_OFFLINE_MS, Input, Key, Page,
    },
    call::{Answer, Call},
    journal::Stage,
    texts::Language,
};

#[test]
fn paying_makes_one_order_of_the_basket() {
    let bench = Bench::with_order();
    let Some(Call::Make(order)) = bench.asked() else { panic!("{:?}", bench.open) };
    assert_eq!(order.order_no, "K1-1");
    assert_eq!(order.amount_fen, Fen::new(3_600).unwrap());
    assert_eq!(order.description, "燕麦拿铁、葡式蛋挞×2");
    assert_eq!(order.expires_in_s, 300);
    assert_eq!((bench.page(), bench.damage), (&Page::Starting, Damage::All));
    assert_eq!(bench.app.screen().order.number, "K1-1");
}

#[test]
fn an_order_is_written_down_before_it_is_asked_for() {
    let mut bench = Bench::new();
    bench.stores = false;
    bench.buy();
    assert_eq!(bench.slots, [1]);
    bench.tick(3_000);
    assert_eq!(bench.asked(), None, "not before it is durable");
    bench.store();
    assert_eq!(bench.stage(), &Stage::Making);
    assert!(matches!(bench.asked(), Some(Call::Make(_))));
}

#[test]
fn while_a_question_is_open_no_other_is_asked() {
    let mut bench = Bench::with_order();
    let first = bench.open.take();
    bench.tick(ANSWER_WITHIN_MS - 1);
    assert!(first.is_some() && bench.open.is_none());
}

#[test]
fn a_made_order_is_looked_at_with_a_look_that_waits_for_news() {
    let mut bench = Bench::with_order();
    bench.view(Phase::Placing, 1);
    assert_eq!((bench.page(), bench.asked()), (&Page::Starting, Some(&held(1))));
    bench.view(Phase::Open, 2);
    assert_eq!(bench.page(), &Page::Code { left_s: 300 });
    assert_eq!((bench.damage, bench.asked()), (Damage::All, Some(&held(2))));
    assert!(bench.app.screen().code.is_some());
}

#[test]
fn a_server_that_does_not_hold_a_look_is_not_asked_more_than_every_two_seconds() {
    let mut bench = Bench::with_code();
    for _ in 0..5 {
        bench.view(Phase::Open, 1);
        assert_eq!(bench.wait_for_question(), 2_000);
    }
}

#[test]
fn a_look_that_was_held_is_followed_by_the_next_at_once() {
    let mut bench = Bench::with_code();
    bench.now_ms += 10_000;
    bench.view(Phase::Open, 1);
    assert_eq!(bench.asked(), Some(&held(1)));
}

#[test]
fn every_phase_of_a_new_order_has_its_page() {
    for (phase, page) in [
        (Phase::Placing, Page::Starting),
        (Phase::Open, Page::Code { left_s: 300 }),
        (Phase::Closing, Page::Checking),
        // Nobody has seen its code, so it is not this customer who paid.
        (Phase::Paid, Page::Help),
        (Phase::Shipped, Page::Help),
        (Phase::Cancelled, Page::Cancelled),
        (Phase::Expired, Page::Expired),
        (Phase::Refunding, Page::Refunding),
        (Phase::Refunded, Page::Refunded),
        (Phase::Failed, Page::Failed),
    ] {
        let mut bench = Bench::with_order();
        bench.view(phase, 1);
        assert_eq!(bench.page(), &page, "{phase:?}");
    }
}

#[test]
fn an_order_that_has_come_to_its_end_leaves_the_journal_and_is_asked_about_no_more() {
    for phase in [Phase::Cancelled, Phase::Expired, Phase::Refunded, Phase::Failed, Phase::Shipped]
    {
        let mut bench = Bench::with_code();
        bench.view(phase, 2);
        assert!(bench.journal.entries.is_empty(), "{phase:?}");
        bench.tick(3_600_000);
        assert_eq!((bench.asked(), bench.page()), (None, &Page::Attract), "{phase:?}");
    }
}

#[test]
fn a_countdown_draws_once_a_second_and_nothing_else() {
    let mut bench = Bench::with_code();
    bench.tick(999);
    assert_eq!(bench.damage, Damage::Nothing);
    bench.tick(1);
    assert_eq!((bench.page(), bench.damage), (&Page::Code { left_s: 299 }, Damage::Part));
    bench.tick(500);
    assert_eq!(bench.damage, Damage::Nothing);
}

#[test]
fn news_without_a_visible_change_draws_nothing() {
    let mut bench = Bench::with_code();
    bench.view(Phase::Open, 1);
    assert_eq!(bench.damage, Damage::Nothing);
}

#[test]
fn when_the_time_is_over_the_code_is_gone_before_the_server_says_so() {
    let mut bench = Bench::with_code();
    for _ in 0..29 {
        bench.tick(10_000);
        bench.view(Phase::Open, 1);
    }
    bench.tick(9_000);
    assert_eq!(bench.page(), &Page::Code { left_s: 1 });
    bench.tick(1_000);
    assert_eq!((bench.page(), bench.damage), (&Page::Checking, Damage::All));
    assert!(bench.app.screen().code.is_none());
}

#[test]
fn an_open_order_without_a_code_is_being_checked() {
    let mut bench = Bench::with_order();
    let mut view = bench.view_of(Phase::Open, 1);
    view.code_url = None;
    bench.answer(Answer::View(view));
    assert_eq!(bench.page(), &Page::Checking);
}

#[test]
fn a_lost_question_hides_the_code_at_once_and_it_comes_back_by_itself() {
    let mut bench = Bench::with_code();
    bench.lose();
    assert_eq!((bench.page(), bench.damage), (&Page::Offline, Damage::All));
    assert!(bench.app.screen().code.is_none());
    assert_eq!(bench.wait_for_question(), 1_000);
    bench.view(Phase::Open, 1);
    assert!(matches!(bench.page(), Page::Code { .. }));
    assert!(bench.app.screen().code.is_some());
}

#[test]
fn a_link_that_is_down_hides_the_code_until_the_server_has_answered() {
    let mut bench = Bench::with_code();
    bench.open = None;
    bench.put(Input::Link(false));
    assert_eq!(bench.page(), &Page::Offline);
    bench.tick(30_000);
    assert_eq!(bench.asked(), None, "there is no way to ask");
    bench.put(Input::Link(true));
    assert_eq!((bench.page(), bench.asked()), (&Page::Offline, Some(&held(1))));
    bench.view(Phase::Open, 1);
    assert!(matches!(bench.page(), Page::Code { .. }));
}

#[test]
fn a_payment_made_while_the_connection_was_lost_is_shown_afterwards() {
    let mut bench = Bench::with_code();
    for _ in 0..4 {
        bench.lose();
        assert_eq!(bench.page(), &Page::Offline);
        bench.wait_for_question();
    }
    bench.view(Phase::Paid, 4);
    assert_eq!(bench.page(), &Page::Dispensing);
}

#[test]
fn questions_without_connection_back_off_and_never_end() {
    let mut bench = Bench::with_code();
    let mut waits_ms = vec![];
    for _ in 0..7 {
        bench.lose();
        waits_ms.push(bench.wait_for_question());
    }
    assert_eq!(waits_ms, [1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000]);
    bench.now_ms += 86_400_000;
    bench.lose();
    assert_eq!(bench.wait_for_question(), 15_000);
}

#[test]
fn an_order_that_could_not_be_asked_for_is_asked_for_again_by_the_same_number() {
    let mut bench = Bench::with_order();
    let first = bench.asked().cloned();
    for _ in 0..3 {
        bench.lose();
        assert_eq!(bench.page(), &Page::Offline);
        bench.wait_for_question();
        assert_eq!(bench.asked().cloned(), first);
    }
    bench.view(Phase::Open, 1);
    assert!(matches!(bench.page(), Page::Code { .. }));
}

#[test]
fn an_answer_that_does_not_come_is_lost() {
    let mut bench = Bench::with_order();
    bench.open = None;
    bench.tick(ANSWER_WITHIN_MS);
    assert_eq!(bench.page(), &Page::Offline);
    let mut bench = Bench::with_code();
    bench.open = None;
    bench.tick(HELD_WITHIN_MS - 1);
    assert!(matches!(bench.page(), Page::Code { .. }), "the server holds it");
    bench.tick(1);
    assert_eq!(bench.page(), &Page::Offline);
    assert_eq!(bench.wait_for_question(), 1_000);
}

#[test]
fn an_answer_that_nobody_waits_for_changes_nothing() {
    let mut bench = Bench::with_code();
    let late = bench.ticket();
    bench.tick(HELD_WITHIN_MS);
    bench.wait_for_question();
    let answer = Answer::View(bench.view_of(Phase::Cancelled, 9));
    bench.put(Input::Reply { ticket: late, answer });
    bench.put(Input::Lost { ticket: 4_000_000 });
    assert_eq!((bench.page(), bench.stage()), (&Page::Offline, &Stage::Open));
}

#[test]
fn older_news_changes_nothing() {
    let mut bench = Bench::with_code();
    bench.view(Phase::Open, 7);
    bench.view(Phase::Closing, 6);
    assert!(matches!(bench.page(), Page::Code { .. }));
    assert_eq!(bench.app.view().unwrap().version, 7);
}

#[test]
fn cancel_is_told_to_the_server_at_once_though_a_look_is_held_and_hides_the_code() {
    let mut bench = Bench::with_code();
    let look = bench.open.clone().unwrap();
    bench.key(Key::Cancel);
    assert_eq!(bench.asked(), Some(&Call::Cancel(order_id())));
    assert_eq!((bench.page(), bench.damage), (&Page::Checking, Damage::All));
    let answer = Answer::View(bench.view_of(Phase::Paid, 9));
    bench.put(Input::Reply { ticket: look.ticket, answer });
    assert_eq!(bench.page(), &Page::Checking, "the look before is void");
    bench.view(Phase::Closing, 2);
    assert_eq!((bench.page(), bench.asked()), (&Page::Cancelling, Some(&held(2))));
    bench.view(Phase::Cancelled, 3);
    assert_eq!(bench.page(), &Page::Cancelled);
}

#[test]
fn who_presses_twice_where_the_key_to_pay_was_does_not_give_the_order_up() {
    let mut bench = Bench::with_order();
    bench.tick(CANCEL_AFTER_MS - 1);
    bench.key(Key::Cancel);
    assert_eq!(bench.page(), &Page::Starting);
    bench.tick(1);
    bench.key(Key::Cancel);
    assert_eq!(bench.page(), &Page::Checking);
}

#[test]
fn cancel_before_the_order_is_made_is_done_as_soon_as_it_is() {
    let mut bench = Bench::with_order();
    bench.tick(CANCEL_AFTER_MS);
    bench.key(Key::Cancel);
    assert!(matches!(bench.asked(), Some(Call::Make(_))) && bench.page() == &Page::Checking);
    bench.view(Phase::Open, 1);
    assert_eq!(bench.page(), &Page::Checking, "the code was not wanted any more");
    assert_eq!(bench.asked(), Some(&Call::Cancel(order_id())));
}

#[test]
fn a_cancel_that_is_lost_is_asked_again() {
    let mut bench = Bench::with_code();
    bench.key(Key::Cancel);
    bench.lose();
    assert_eq!(bench.page(), &Page::Offline);
    bench.wait_for_question();
    assert_eq!(bench.asked(), Some(&Call::Cancel(order_id())));
}

#[test]
fn who_paid_before_the_cancel_came_through_has_paid() {
    let mut bench = Bench::with_code();
    bench.key(Key::Cancel);
    bench.refuse(409, "already_paid");
    assert_eq!(bench.asked(), Some(&held(1)));
    bench.view(Phase::Paid, 2);
    assert_eq!(bench.page(), &Page::Dispensing);
}

#[test]
fn a_payment_after_the_cancel_shows_the_refund_until_it_is_done() {
    let mut bench = Bench::with_code();
    bench.key(Key::Cancel);
    bench.view(Phase::Closing, 2);
    bench.view(Phase::Refunding, 3);
    assert_eq!(bench.page(), &Page::Refunding);
    assert!(bench.journal.entries.is_empty(), "money that goes back is the server's business");
    bench.view(Phase::Refunded, 4);
    assert_eq!(bench.page(), &Page::Refunded);
    assert!(bench.job.is_none());
}

#[test]
fn the_next_customer_need_not_wait_until_a_cancel_is_confirmed() {
    let mut bench = Bench::with_code();
    bench.key(Key::Cancel);
    bench.key(Key::Again);
    assert_eq!(bench.page(), &Page::Checking, "the server has not heard of the cancel yet");
    bench.view(Phase::Closing, 2);
    bench.key(Key::Again);
    assert!(matches!(bench.page(), Page::Menu(_)));
    assert_eq!(bench.stage(), &Stage::Open, "and it is not forgotten");
}

#[test]
fn again_leads_the_next_customer_to_the_menu_in_the_language_that_was_chosen() {
    let mut bench = Bench::with_code();
    bench.key(Key::Language);
    bench.view(Phase::Expired, 2);
    bench.key(Key::Again);
    assert!(matches!(bench.page(), Page::Menu(_)));
    assert_eq!(bench.app.screen().language, Language::En);
    bench.key(Key::Item(0));
    bench.key(Key::Basket);
    bench.key(Key::Pay);
    let Some(Call::Make(order)) = bench.asked() else { panic!("{:?}", bench.open) };
    assert_eq!((order.order_no.as_str(), order.description.as_str()), ("K1-2", "Oat latte"));
    assert_eq!((bench.app.view(), bench.app.screen().code.is_none()), (None, true));
}

#[test]
fn goods_are_named_in_the_language_of_the_screen_though_the_server_has_another() {
    let mut bench = Bench::with_code();
    assert_eq!(bench.app.screen().order.goods, "燕麦拿铁、葡式蛋挞×2");
    bench.key(Key::Language);
    assert_eq!(bench.app.screen().order.goods, "Oat latte, Egg tart ×2");
    assert_eq!(bench.damage, Damage::All);
}

#[test]
fn an_end_makes_room_for_the_next_customer_by_itself() {
    for phase in [Phase::Cancelled, Phase::Expired, Phase::Failed] {
        let mut bench = Bench::with_code();
        bench.view(phase, 2);
        bench.tick(IDLE_END_MS - 1);
        assert!(bench.page().is_end());
        bench.tick(1);
        assert_eq!(bench.page(), &Page::Attract, "{phase:?}");
    }
}

#[test]
fn who_walks_away_does_not_block_the_terminal_and_the_order_is_followed_to_its_end() {
    let mut bench = Bench::with_code();
    bench.view(Phase::Closing, 2);
    bench.open = None;
    bench.now_ms += IDLE_MS;
    bench.tick(0);
    assert_eq!((bench.page(), bench.stage()), (&Page::Attract, &Stage::Open));
    bench.wait_for_question();
    assert_eq!(bench.asked(), Some(&look()), "in the background nothing is held");
    bench.view(Phase::Closing, 2);
    assert_eq!(bench.wait_for_question(), 10_000);
    bench.view(Phase::Expired, 3);
    assert_eq!((bench.page(), bench.journal.entries.len()), (&Page::Attract, 0));
}

#[test]
fn without_connection_an_order_goes_to_the_background_after_a_while() {
    let mut bench = Bench::with_code();
    bench.lose();
    bench.put(Input::Link(false));
    bench.tick(IDLE_OFFLINE_MS - 1);
    assert_eq!(bench.app.screen().order.number, "K1-1");
    bench.tick(1);
    assert_eq!((bench.page(), bench.app.screen().order.number.as_str()), (&Page::Offline, ""));
    assert_eq!(bench.stage(), &Stage::Open);
    bench.put(Input::Link(true));
    assert_eq!(bench.page(), &Page::Attract);
}

#[test]
fn the_next_customers_order_need_not_wait_for_a_look_at_the_last_one() {
    let mut bench = Bench::with_code();
    bench.key(Key::Cancel);
    bench.view(Phase::Closing, 2);
    bench.key(Key::Again);
    assert_eq!(bench.asked(), Some(&held(2)), "the server may hold it for a while");
    for key in [Key::Item(0), Key::Basket, Key::Pay] {
        bench.key(key);
    }
    assert!(matches!(bench.asked(), Some(Call::Make(_))));
    assert_eq!(bench.journal.entries.len(), 2);
}

#[test]
fn while_a_customer_pays_the_orders_behind_are_followed_in_turn() {
    let mut bench = Bench::with_code();
    bench.key(Key::Cancel);
    bench.view(Phase::Closing, 2);
    bench.key(Key::Again);
    bench.open = None;
    for key in [Key::Item(0), Key::Basket, Key::Pay] {
        bench.key(key);
    }
    let mut view = bench.view_of(Phase::Open, 1);
    view.order_id = OrderId::new("20261123192600SECOND").unwrap();
    view.amount_fen = Fen::new(1_800).unwrap();
    bench.answer(Answer::View(view.clone()));
    bench.now_ms += 10_000;
    bench.answer(Answer::View(view));
    assert_eq!(bench.asked(), Some(&look()), "it is the first one's turn");
    bench.view(Phase::Cancelled, 3);
    assert_eq!(bench.journal.entries.len(), 1);
    assert!(matches!(bench.page(), Page::Code { .. }), "which the customer does not see");
    assert!(matches!(bench.asked(), Some(Call::Look { after_version: Some(1), .. })));
}

#[test]
fn an_order_that_the_server_does_not_take_has_failed_and_nothing_is_left() {
    let mut bench = Bench::with_order();
    bench.refuse(400, "invalid_field");
    assert_eq!((bench.page(), bench.journal.entries.len()), (&Page::Failed, 0));
    assert_eq!(bench.app.refusal().unwrap().code, "invalid_field");
    bench.tick(3_600_000);
    assert_eq!((bench.page(), bench.asked()), (&Page::Attract, None));
}

#[test]
fn a_number_that_somebody_else_has_used_gives_way_to_the_next() {
    let mut bench = Bench::with_order();
    for number in ["K1-2", "K1-3", "K1-4", "K1-5", "K1-6"] {
        bench.refuse(409, "order_no_taken");
        assert_eq!(bench.page(), &Page::Starting);
        let Some(Call::Make(order)) = bench.asked() else { panic!("{:?}", bench.open) };
        assert_eq!(order.order_no, number);
        assert_eq!(bench.journal.entries[0].order_no, number, "written down first");
    }
    bench.refuse(409, "order_no_taken");
    assert_eq!((bench.page(), bench.journal.entries.len()), (&Page::Failed, 0));
    assert_eq!(bench.journal.made, 6, "and none is tried again");
}

#[test]
fn an_order_that_was_paid_before_its_code_was_seen_is_another_one_of_the_same_number() {
    let mut bench = Bench::with_order();
    bench.lose();
    bench.wait_for_question();
    bench.view(Phase::Paid, 3);
    assert_eq!((bench.page(), bench.stage()), (&Page::Help, &Stage::Help { claimed: false }));
    assert_eq!(bench.app.refusal().unwrap().code, "paid_before");
    assert!(bench.job.is_none());
}

#[test]
fn a_refusal_where_money_may_have_moved_sends_to_the_staff_with_the_number() {
    let mut bench = Bench::with_code();
    bench.refuse(404, "not_found");
    assert_eq!((bench.page(), bench.damage), (&Page::Help, Damage::All));
    assert_eq!(bench.app.screen().order.number, "K1-1");
    assert_eq!(bench.app.refusal().unwrap().code, "not_found");
    assert_eq!(bench.stage(), &Stage::Help { claimed: false });
}

#[test]
fn an_order_with_another_amount_is_not_shown_to_be_paid() {
    let mut bench = Bench::with_order();
    let mut view = bench.view_of(Phase::Open, 1);
    view.amount_fen = Fen::new(360_000).unwrap();
    bench.answer(Answer::View(view));
    assert_eq!(bench.page(), &Page::Help);
    assert_eq!(bench.app.refusal().unwrap().code, "another_amount");
}

#[test]
fn the_view_of_another_order_is_not_believed() {
    let mut bench = Bench::with_code();
    let mut view = bench.view_of(Phase::Paid, 2);
    view.order_id = OrderId::new("SOMEBODY-ELSES").unwrap();
    bench.answer(Answer::View(view));
    assert_eq!((bench.page(), bench.job.is_none()), (&Page::Help, true));
    assert_eq!(bench.app.refusal().unwrap().code, "another_order");
}

#[test]
fn the_language_changes_on_every_page_and_back() {
    let benches: [fn() -> Bench; 6] = [
        Bench::new,
        Bench::with_order,
        Bench::with_code,
        Bench::with_payment,
        Bench::with_job,
        || {
            let mut bench = Bench::new();
            bench.put(Input::Link(false));
            bench
        },
    ];
    for mut bench in benches.map(|bench| bench()) {
        let page = bench.page().clone();
        for language in [Language::En, Language::Zh] {
            bench.key(Key::Language);
            let screen = bench.app.screen();
            assert_eq!((screen.language, bench.damage), (language, Damage::All), "{page:?}");
            assert_eq!(screen.page, page);
        }
    }
}

#[test]
fn the_shells_clock_may_begin_anywhere() {
    for origin_ms in [0, 77_000_000, u64::MAX / 2, u64::MAX - 3_000] {
        let mut bench = Bench::with(saoma_kiosk::app::Keys::Touch, Default::default());
        bench.now_ms = origin_ms;
        bench.buy();
        let now_ms = std::mem::replace(&mut bench.now_ms, 1_000_000);
        let view = bench.view_of(Phase::Open, 1);
        bench.now_ms = now_ms;
        bench.answer(Answer::View(view));
        assert_eq!(bench.page(), &Page::Code { left_s: 300 }, "{origin_ms}");
        bench.tick(2_000);
        assert_eq!(bench.page(), &Page::Code { left_s: 298 }, "{origin_ms}");
    }
}
