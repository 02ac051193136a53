//! What the terminal asks and shows, step by step.

use crate::stage::{USUAL, app_on, new_app};
use embedded_graphics::geometry::Point;
use heapless::String;
use saoma_core::{ids::OrderId, money::Fen, watch::Phase};
use saoma_kiosk::{
    app::{ANSWER_WITHIN_MS, App, Damage, Input, Key, Page, Reaction},
    call::{Answer, Call, Refusal, Request},
    texts::Language,
    theme::Theme,
};

const SIZE: (u32, u32) = (480, 320);

/// A terminal in a test: remembers the time and the open question.
struct Bench {
    app: App,
    now_ms: u64,
    open: Option<Request>,
    damage: Damage,
}

impl Bench {
    fn new() -> Self {
        let app = new_app(SIZE, Language::Zh, &USUAL);
        Self { app, now_ms: 1_000_000, open: None, damage: Damage::Nothing }
    }

    /// A terminal that shows a code, nothing asked.
    fn with_code() -> Self {
        let mut bench = Self::new();
        bench.tick(0);
        bench.view(Phase::Open, 1);
        assert_eq!(bench.app.page(), Page::Code { left_s: 900 });
        bench
    }

    fn put(&mut self, input: Input) {
        let Reaction { request, damage } = self.app.handle(input, self.now_ms);
        if request.is_some() {
            self.open = request;
        }
        self.damage = damage;
    }

    fn tick(&mut self, wait_ms: u64) {
        self.now_ms += wait_ms;
        self.put(Input::Tick);
    }

    fn ticket(&mut self) -> u32 {
        self.open.take().expect("an open question").ticket
    }

    fn answer(&mut self, answer: Answer) {
        let ticket = self.ticket();
        self.put(Input::Reply { ticket, answer });
    }

    fn view(&mut self, phase: Phase, version: u64) {
        self.answer(Answer::View(USUAL.view(phase, version, 900, self.now_ms)));
    }

    fn refuse(&mut self, status: u16, code: &str) {
        let code = String::try_from(code).unwrap();
        self.answer(Answer::Refused(Refusal { status, code }));
    }

    fn lose(&mut self) {
        let ticket = self.ticket();
        self.put(Input::Lost { ticket });
    }

    fn asked(&self) -> Option<&Call> {
        self.open.as_ref().map(|request| &request.call)
    }

    /// How long until the next question, in steps of a tick.
    fn wait_for_question(&mut self) -> u64 {
        let start_ms = self.now_ms;
        while self.open.is_none() {
            self.tick(250);
            assert!(self.now_ms < start_ms + 600_000, "nothing is asked for ten minutes");
        }
        self.now_ms - start_ms
    }
}

fn order_id() -> OrderId {
    OrderId::new(USUAL.order_id).unwrap()
}

#[test]
fn the_first_tick_asks_for_the_order_and_draws() {
    let mut bench = Bench::new();
    bench.tick(0);
    let Some(Call::Make(order)) = bench.asked() else { panic!("{:?}", bench.open) };
    assert_eq!(order.order_no, "K1-1");
    assert_eq!(order.amount_fen, Fen::new(1800).unwrap());
    assert_eq!(order.description, "燕麦拿铁");
    assert_eq!((bench.app.page(), bench.damage), (Page::Starting, Damage::All));
}

#[test]
fn while_a_question_is_open_no_other_is_asked() {
    let mut bench = Bench::new();
    bench.tick(0);
    let first = bench.open.take();
    bench.tick(ANSWER_WITHIN_MS - 1);
    assert!(first.is_some() && bench.open.is_none());
}

#[test]
fn an_order_without_a_code_yet_is_asked_for_until_it_has_one() {
    let mut bench = Bench::new();
    bench.tick(0);
    bench.view(Phase::Placing, 1);
    assert_eq!(bench.app.page(), Page::Starting);
    assert_eq!(bench.wait_for_question(), 2_000);
    assert_eq!(bench.asked(), Some(&Call::Look(order_id())));
    bench.view(Phase::Open, 2);
    assert_eq!(bench.app.page(), Page::Code { left_s: 900 });
    assert_eq!(bench.damage, Damage::All);
}

#[test]
fn every_phase_has_its_page() {
    for (phase, page) in [
        (Phase::Placing, Page::Starting),
        (Phase::Open, Page::Code { left_s: 900 }),
        (Phase::Closing, Page::Checking),
        (Phase::Paid, Page::Paid),
        (Phase::Shipped, Page::Paid),
        (Phase::Cancelled, Page::Cancelled),
        (Phase::Expired, Page::Expired),
        (Phase::Refunding, Page::Refunding),
        (Phase::Refunded, Page::Refunded),
        (Phase::Failed, Page::Failed),
    ] {
        let mut bench = Bench::new();
        bench.tick(0);
        bench.view(phase, 1);
        assert_eq!(bench.app.page(), page, "{phase:?}");
    }
}

#[test]
fn only_a_final_phase_ends_the_questions() {
    for phase in Phase::ALL {
        let mut bench = Bench::new();
        bench.tick(0);
        bench.view(phase, 1);
        bench.tick(3_600_000);
        assert_eq!(bench.open.is_none(), phase.is_final(), "{phase:?}");
    }
}

#[test]
fn paid_comes_from_the_code_and_stays_until_shipped_and_after() {
    let mut bench = Bench::with_code();
    bench.wait_for_question();
    bench.view(Phase::Paid, 2);
    assert_eq!((bench.app.page(), bench.damage), (Page::Paid, Damage::All));
    bench.wait_for_question();
    bench.view(Phase::Shipped, 3);
    assert_eq!((bench.app.page(), bench.damage), (Page::Paid, Damage::Nothing));
    bench.tick(3_600_000);
    assert!(bench.open.is_none());
}

#[test]
fn a_countdown_draws_once_a_second_and_nothing_else() {
    let mut bench = Bench::with_code();
    bench.tick(999);
    assert_eq!(bench.damage, Damage::Nothing);
    bench.tick(1);
    assert_eq!((bench.app.page(), bench.damage), (Page::Code { left_s: 899 }, Damage::Countdown));
    bench.tick(500);
    assert_eq!(bench.damage, Damage::Nothing);
}

#[test]
fn news_without_a_visible_change_draws_nothing() {
    let mut bench = Bench::with_code();
    bench.wait_for_question();
    bench.answer(Answer::View(USUAL.view(Phase::Open, 1, 898, bench.now_ms)));
    assert_eq!(bench.damage, Damage::Nothing);
}

#[test]
fn when_the_time_is_over_the_code_is_gone_before_the_server_says_so() {
    let mut bench = Bench::with_code();
    bench.open = None;
    bench.now_ms += 899_000;
    bench.put(Input::Tick);
    assert_eq!(bench.app.page(), Page::Code { left_s: 1 });
    bench.tick(1_000);
    assert_eq!((bench.app.page(), bench.damage), (Page::Checking, Damage::All));
}

#[test]
fn an_open_order_without_a_code_is_being_checked() {
    let mut bench = Bench::new();
    bench.tick(0);
    let mut view = USUAL.view(Phase::Open, 1, 900, bench.now_ms);
    view.code_url = None;
    bench.answer(Answer::View(view));
    assert_eq!(bench.app.page(), Page::Checking);
}

#[test]
fn a_lost_connection_hides_the_code_at_once_and_shows_it_again_by_itself() {
    let mut bench = Bench::with_code();
    bench.wait_for_question();
    bench.lose();
    assert_eq!((bench.app.page(), bench.damage), (Page::Offline, Damage::All));
    assert_eq!(bench.wait_for_question(), 1_000);
    bench.view(Phase::Open, 1);
    assert!(matches!(bench.app.page(), Page::Code { .. }));
    assert_eq!(bench.damage, Damage::All);
}

#[test]
fn a_payment_made_while_the_connection_was_lost_is_shown_afterwards() {
    let mut bench = Bench::with_code();
    for _ in 0..5 {
        bench.wait_for_question();
        bench.lose();
        assert_eq!(bench.app.page(), Page::Offline);
    }
    bench.wait_for_question();
    bench.view(Phase::Shipped, 4);
    assert_eq!(bench.app.page(), Page::Paid);
}

#[test]
fn questions_without_connection_back_off_and_never_end() {
    let mut bench = Bench::with_code();
    bench.wait_for_question();
    let mut waits_ms = vec![];
    for _ in 0..7 {
        bench.lose();
        waits_ms.push(bench.wait_for_question());
    }
    assert_eq!(waits_ms, [1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000]);
    bench.lose();
    bench.now_ms += 86_400_000;
    bench.tick(0);
    bench.lose();
    assert_eq!(bench.app.page(), Page::Offline);
    assert_eq!(bench.wait_for_question(), 30_000);
}

#[test]
fn an_order_that_could_not_be_asked_for_is_asked_for_again_by_the_same_number() {
    let mut bench = Bench::new();
    bench.tick(0);
    let first = bench.asked().cloned();
    for _ in 0..3 {
        bench.lose();
        assert_eq!(bench.app.page(), Page::Offline);
        bench.wait_for_question();
        assert_eq!(bench.asked().cloned(), first);
    }
    bench.view(Phase::Open, 1);
    assert!(matches!(bench.app.page(), Page::Code { .. }));
}

#[test]
fn an_answer_that_does_not_come_is_lost() {
    let mut bench = Bench::with_code();
    bench.wait_for_question();
    bench.open = None;
    bench.tick(ANSWER_WITHIN_MS);
    assert_eq!(bench.app.page(), Page::Offline);
    assert_eq!(bench.wait_for_question(), 1_000);
}

#[test]
fn an_answer_that_nobody_waits_for_changes_nothing() {
    let mut bench = Bench::with_code();
    bench.wait_for_question();
    let late = bench.ticket();
    bench.tick(ANSWER_WITHIN_MS);
    bench.wait_for_question();
    let answer = Answer::View(USUAL.view(Phase::Cancelled, 9, 900, bench.now_ms));
    bench.put(Input::Reply { ticket: late, answer });
    assert_eq!((bench.app.page(), bench.damage), (Page::Offline, Damage::Nothing));
    bench.put(Input::Lost { ticket: 4_000_000 });
    assert_eq!(bench.damage, Damage::Nothing);
}

#[test]
fn older_news_changes_nothing() {
    let mut bench = Bench::with_code();
    bench.wait_for_question();
    bench.view(Phase::Paid, 7);
    bench.wait_for_question();
    bench.view(Phase::Open, 6);
    assert_eq!((bench.app.page(), bench.damage), (Page::Paid, Damage::Nothing));
    assert_eq!(bench.app.view().unwrap().version, 7);
}

#[test]
fn cancel_asks_the_server_at_once_and_hides_the_code() {
    let mut bench = Bench::with_code();
    bench.put(Input::Key(Key::Cancel));
    assert_eq!(bench.asked(), Some(&Call::Cancel(order_id())));
    assert_eq!((bench.app.page(), bench.damage), (Page::Checking, Damage::All));
    bench.view(Phase::Closing, 2);
    assert_eq!(bench.app.page(), Page::Cancelling);
    bench.wait_for_question();
    assert_eq!(bench.asked(), Some(&Call::Look(order_id())));
    bench.view(Phase::Cancelled, 3);
    assert_eq!(bench.app.page(), Page::Cancelled);
}

#[test]
fn cancel_waits_for_the_answer_to_an_open_question() {
    let mut bench = Bench::with_code();
    bench.wait_for_question();
    bench.put(Input::Key(Key::Cancel));
    assert_eq!(bench.asked(), Some(&Call::Look(order_id())));
    bench.view(Phase::Open, 1);
    assert_eq!(bench.asked(), Some(&Call::Cancel(order_id())));
    assert_eq!(bench.app.page(), Page::Checking);
}

#[test]
fn cancel_before_the_order_is_made_is_done_as_soon_as_it_is() {
    let mut bench = Bench::new();
    bench.tick(0);
    bench.put(Input::Key(Key::Cancel));
    assert_eq!(bench.app.page(), Page::Checking);
    bench.view(Phase::Open, 1);
    assert_eq!(bench.app.page(), Page::Checking, "the code was not wanted any more");
    assert_eq!(bench.asked(), Some(&Call::Cancel(order_id())));
}

#[test]
fn a_cancel_that_is_lost_is_asked_again() {
    let mut bench = Bench::with_code();
    bench.put(Input::Key(Key::Cancel));
    bench.lose();
    assert_eq!(bench.app.page(), Page::Offline);
    bench.wait_for_question();
    assert_eq!(bench.asked(), Some(&Call::Cancel(order_id())));
}

#[test]
fn who_paid_before_the_cancel_came_through_has_paid() {
    let mut bench = Bench::with_code();
    bench.put(Input::Key(Key::Cancel));
    bench.refuse(409, "already_paid");
    assert_eq!(bench.asked(), Some(&Call::Look(order_id())));
    bench.view(Phase::Paid, 2);
    assert_eq!(bench.app.page(), Page::Paid);
}

#[test]
fn a_payment_after_the_cancel_shows_the_refund() {
    let mut bench = Bench::with_code();
    bench.put(Input::Key(Key::Cancel));
    bench.view(Phase::Closing, 2);
    bench.wait_for_question();
    bench.view(Phase::Refunding, 3);
    assert_eq!(bench.app.page(), Page::Refunding);
    bench.wait_for_question();
    bench.view(Phase::Refunded, 4);
    assert_eq!(bench.app.page(), Page::Refunded);
}

#[test]
fn cancel_means_nothing_where_there_is_nothing_to_cancel() {
    for page in [Page::Checking, Page::Paid, Page::Cancelled, Page::Offline, Page::Help] {
        let mut app = app_on(page, SIZE, Language::Zh, &USUAL);
        let reaction = app.handle(Input::Key(Key::Cancel), 2_000);
        assert_eq!(reaction, Reaction { request: None, damage: Damage::Nothing }, "{page:?}");
    }
}

#[test]
fn again_makes_a_new_order_with_its_own_number() {
    let mut bench = Bench::with_code();
    bench.wait_for_question();
    bench.view(Phase::Shipped, 2);
    bench.put(Input::Key(Key::Again));
    let Some(Call::Make(order)) = bench.asked() else { panic!("{:?}", bench.open) };
    assert_eq!(order.order_no, "K1-2");
    assert_eq!((bench.app.page(), bench.damage), (Page::Starting, Damage::All));
    assert_eq!((bench.app.order_id(), bench.app.code().is_none()), (None, true));
}

#[test]
fn the_next_customer_need_not_wait_until_a_cancel_is_confirmed() {
    let mut bench = Bench::with_code();
    bench.put(Input::Key(Key::Cancel));
    bench.put(Input::Key(Key::Again));
    assert_eq!(bench.app.order_no(), "K1-1", "the server has not heard of the cancel yet");
    bench.view(Phase::Closing, 2);
    bench.put(Input::Key(Key::Again));
    assert_eq!((bench.app.order_no(), bench.app.page()), ("K1-2", Page::Starting));
}

#[test]
fn the_last_orders_answer_does_not_reach_the_next_order() {
    let mut bench = Bench::with_code();
    bench.wait_for_question();
    bench.view(Phase::Paid, 2);
    bench.wait_for_question();
    let old = bench.ticket();
    bench.put(Input::Key(Key::Again));
    let answer = Answer::View(USUAL.view(Phase::Shipped, 3, 900, bench.now_ms));
    bench.put(Input::Reply { ticket: old, answer });
    assert_eq!((bench.app.page(), bench.app.order_id()), (Page::Starting, None));
}

#[test]
fn again_means_nothing_before_the_end() {
    let mut bench = Bench::with_code();
    bench.put(Input::Key(Key::Again));
    assert_eq!(bench.damage, Damage::Nothing);
    assert_eq!(bench.app.order_no(), "K1-1");
}

#[test]
fn the_language_changes_on_every_page_and_back() {
    for page in crate::stage::PAGES {
        let mut app = app_on(page, SIZE, Language::Zh, &USUAL);
        for language in [Language::En, Language::Zh] {
            let reaction = app.handle(Input::Key(Key::Language), 2_000);
            assert_eq!((app.language(), reaction.damage), (language, Damage::All), "{page:?}");
            assert_eq!(app.page(), page);
        }
    }
}

#[test]
fn a_refusal_sends_to_the_staff_and_asks_no_more() {
    let mut bench = Bench::new();
    bench.tick(0);
    bench.refuse(401, "unauthorized");
    assert_eq!((bench.app.page(), bench.damage), (Page::Help, Damage::All));
    assert_eq!(bench.app.refusal().unwrap().code, "unauthorized");
    bench.tick(3_600_000);
    assert!(bench.open.is_none());
    bench.put(Input::Key(Key::Again));
    assert!(matches!(bench.asked(), Some(Call::Make(_))));
}

#[test]
fn a_refusal_after_the_payment_does_not_hide_that_it_was_paid() {
    let mut bench = Bench::with_code();
    bench.wait_for_question();
    bench.view(Phase::Paid, 2);
    bench.wait_for_question();
    bench.refuse(404, "not_found");
    assert_eq!(bench.app.page(), Page::Paid);
}

#[test]
fn an_order_with_another_amount_is_not_shown_to_be_paid() {
    let mut bench = Bench::new();
    bench.tick(0);
    let mut view = USUAL.view(Phase::Open, 1, 900, bench.now_ms);
    view.amount_fen = Fen::new(180_000).unwrap();
    bench.answer(Answer::View(view));
    assert_eq!(bench.app.page(), Page::Help);
    assert_eq!(bench.app.refusal().unwrap().code, "another_amount");
}

#[test]
fn the_view_of_another_order_is_not_shown() {
    let mut bench = Bench::with_code();
    bench.wait_for_question();
    let mut view = USUAL.view(Phase::Paid, 2, 900, bench.now_ms);
    view.order_id = OrderId::new("SOMEBODY-ELSES").unwrap();
    bench.answer(Answer::View(view));
    assert_eq!(bench.app.page(), Page::Help);
    assert_eq!(bench.app.refusal().unwrap().code, "another_order");
}

#[test]
fn a_touch_on_the_cancel_key_cancels() {
    let mut bench = Bench::with_code();
    let keys = bench.app.plan(&Theme::COLOUR).keys;
    let (area, _) = keys.iter().find(|(_, key)| *key == Key::Cancel).unwrap();
    bench.put(Input::Touch(Point::new(3, 3)));
    assert_eq!((bench.asked(), bench.damage), (None, Damage::Nothing));
    bench.put(Input::Touch(area.center()));
    assert_eq!(bench.asked(), Some(&Call::Cancel(order_id())));
}

#[test]
fn the_shells_clock_may_begin_anywhere() {
    for origin_ms in [0, 77_000_000, u64::MAX / 2, u64::MAX - 3_000] {
        let mut app = new_app(SIZE, Language::Zh, &USUAL);
        let ticket = app.handle(Input::Tick, origin_ms).request.unwrap().ticket;
        let answer = Answer::View(USUAL.view(Phase::Open, 1, 900, 0));
        let _reaction = app.handle(Input::Reply { ticket, answer }, origin_ms);
        assert_eq!(app.page(), Page::Code { left_s: 900 }, "{origin_ms}");
        let reaction = app.handle(Input::Tick, origin_ms + 2_000);
        assert!(reaction.request.is_some(), "{origin_ms}");
    }
}

/// A small generator of numbers, so that a walk can be walked again.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

#[test]
fn whatever_happens_a_code_is_shown_only_with_a_connection_and_an_open_order() {
    for seed in 0..300 {
        let mut dice = Dice(seed);
        let mut bench = Bench::new();
        let mut connected = true;
        for _ in 0..200 {
            match dice.roll(10) {
                0 => bench.put(Input::Key(Key::Cancel)),
                1 => bench.put(Input::Key(Key::Again)),
                2 => bench.put(Input::Key(Key::Language)),
                3 => bench.put(Input::Touch(Point::new(390, 300))),
                4 if bench.open.is_some() => {
                    bench.lose();
                    connected = false;
                }
                5 if bench.open.is_some() && dice.roll(8) == 0 => bench.refuse(404, "not_found"),
                6..=8 if bench.open.is_some() => {
                    let phase = Phase::ALL[usize::try_from(dice.roll(10)).unwrap()];
                    let version = dice.roll(20);
                    bench.view(phase, version);
                    connected = true;
                }
                _ => {
                    // An open question is answered long before its time is over.
                    let most_ms = if bench.open.is_some() { 500 } else { 30_000 };
                    bench.tick(dice.roll(most_ms));
                }
            }
            if matches!(bench.app.page(), Page::Code { .. }) {
                let view = bench.app.view().expect("a code has a view");
                assert_eq!(view.phase, Phase::Open, "seed {seed}");
                assert!(view.code_url.is_some(), "seed {seed}");
                assert!(connected, "seed {seed}");
            }
        }
    }
}
