//! Before there is an order: attract, menu, basket, idling, languages, arrows.

use crate::bench::Bench;
use saoma_core::money::Fen;
use saoma_kiosk::{
    app::{BasketPage, DIM_AFTER_MS, Damage, IDLE_MS, Input, Key, Keys, MenuPage, Page, STEP_MS},
    basket::COUNT_MAX,
    journal::Journal,
    menu::MENU,
    texts::Language,
};

impl Bench {
    fn menu(&self) -> &MenuPage {
        match self.page() {
            Page::Menu(menu) => menu,
            other => panic!("{other:?}"),
        }
    }

    fn basket(&self) -> &BasketPage {
        match self.page() {
            Page::Basket(basket) => basket,
            other => panic!("{other:?}"),
        }
    }

    fn in_menu() -> Self {
        let mut bench = Self::new();
        bench.key(Key::Start);
        bench
    }
}

#[test]
fn a_terminal_without_open_orders_invites_at_once_and_asks_nothing() {
    let bench = Bench::new();
    assert_eq!((bench.page(), bench.damage), (&Page::Attract, Damage::All));
    assert!(bench.open.is_none() && bench.slots.is_empty());
    assert_eq!(bench.app.screen().merchant, "扫码咖啡");
}

#[test]
fn a_touch_or_key_leads_from_attract_to_the_menu() {
    let bench = Bench::in_menu();
    let menu = bench.menu();
    assert_eq!((menu.first, menu.page, menu.pieces), (0, 0, 0));
    assert_eq!(menu.items[0], MENU[0]);
    assert_eq!(bench.damage, Damage::All);
}

#[test]
fn the_menu_has_pages_and_each_item_is_on_one_of_them() {
    let mut bench = Bench::in_menu();
    let mut names = vec![];
    for page in 0..bench.menu().pages {
        assert_eq!((bench.menu().page, usize::from(bench.menu().first)), (page, names.len()));
        names.extend(bench.menu().items.iter().map(|item| item.name));
        bench.key(Key::PageOn);
    }
    assert_eq!(names, MENU.map(|item| item.name));
    let last = bench.menu().page;
    bench.key(Key::PageOn);
    assert_eq!(bench.menu().page, last, "after the last page there is none");
    for _ in 0..20 {
        bench.key(Key::PageBack);
    }
    assert_eq!(bench.menu().page, 0);
}

#[test]
fn a_chosen_item_is_counted_and_the_sum_is_shown() {
    let mut bench = Bench::in_menu();
    bench.key(Key::Item(0));
    bench.key(Key::Item(0));
    assert_eq!((bench.menu().counts[0], bench.menu().pieces), (2, 2));
    assert_eq!(bench.menu().total, Fen::new(3_600).unwrap());
    assert_eq!(bench.damage, Damage::Part, "only a count has changed");
}

#[test]
fn of_one_item_there_are_nine_at_most_and_the_screen_says_so() {
    let mut bench = Bench::in_menu();
    for _ in 0..COUNT_MAX {
        bench.key(Key::Item(0));
        assert!(!bench.menu().full);
    }
    bench.key(Key::Item(0));
    assert!(bench.menu().full);
    assert_eq!(bench.menu().counts[0], COUNT_MAX);
    bench.key(Key::Language);
    assert!(!bench.menu().full, "said once");
}

#[test]
fn an_empty_basket_can_be_neither_seen_nor_paid() {
    let mut bench = Bench::in_menu();
    for key in [Key::Basket, Key::Pay, Key::Plus(0), Key::Minus(0)] {
        bench.key(key);
        assert_eq!(bench.menu().pieces, 0, "{key:?}");
    }
    assert!(bench.open.is_none() && bench.slots.is_empty());
}

#[test]
fn the_basket_shows_lines_sum_and_keys_for_more_and_less() {
    let mut bench = Bench::in_menu();
    bench.key(Key::Item(1));
    bench.key(Key::Item(0));
    bench.key(Key::Basket);
    let rows: Vec<_> = bench.basket().rows.iter().map(|row| (row.item.name, row.count)).collect();
    assert_eq!(rows, [("pour-over", 1), ("latte", 1)], "in the order of choosing");
    bench.key(Key::Plus(1));
    assert_eq!(bench.basket().rows[1].amount, Fen::new(3_600).unwrap());
    assert_eq!(bench.basket().total, Fen::new(6_200).unwrap());
    assert_eq!(bench.damage, Damage::Part);
    bench.key(Key::Minus(0));
    assert_eq!(bench.basket().rows.len(), 1);
    assert_eq!(bench.basket().total, Fen::new(3_600).unwrap());
    bench.key(Key::Minus(0));
    bench.key(Key::Minus(0));
    assert_eq!(bench.menu().pieces, 0, "an empty basket leads back to the menu");
}

#[test]
fn a_full_basket_takes_no_other_item() {
    let mut bench = Bench::in_menu();
    for at in 0..8 {
        bench.turn_to(at);
        bench.key(Key::Item(at));
        assert!(!bench.menu().full);
    }
    bench.key(Key::Basket);
    let mut lines = 0;
    for _ in 0..bench.basket().pages {
        assert_eq!(usize::from(bench.basket().first), lines);
        lines += bench.basket().rows.len();
        bench.key(Key::PageOn);
    }
    assert_eq!(lines, 8, "every line is on one of the pages");
}

#[test]
fn back_leads_from_the_basket_to_the_menu_and_from_there_to_attract() {
    let mut bench = Bench::in_menu();
    bench.key(Key::Item(0));
    bench.key(Key::Basket);
    bench.key(Key::Back);
    assert_eq!(bench.menu().pieces, 1, "the basket is kept");
    bench.key(Key::Back);
    assert_eq!(bench.page(), &Page::Attract);
    bench.key(Key::Start);
    assert_eq!(bench.menu().pieces, 0, "the next customer has an empty basket");
}

#[test]
fn a_key_that_the_screen_has_not_got_means_nothing() {
    let keys = [Key::Pay, Key::Item(0), Key::Cancel, Key::Again, Key::Done, Key::Forget, Key::Back];
    for key in keys {
        let mut bench = Bench::new();
        bench.key(key);
        assert_eq!((bench.page(), bench.damage), (&Page::Attract, Damage::Nothing), "{key:?}");
        assert!(bench.open.is_none() && bench.slots.is_empty());
    }
    let mut bench = Bench::in_menu();
    bench.key(Key::Item(200));
    assert_eq!(bench.menu().pieces, 0);
}

#[test]
fn who_leaves_leaves_an_empty_basket_and_the_first_language() {
    for go_on in [&[][..], &[Key::Item(0)], &[Key::Item(0), Key::Basket]] {
        let mut bench = Bench::in_menu();
        bench.key(Key::Language);
        go_on.iter().for_each(|key| bench.key(*key));
        bench.tick(IDLE_MS - 1);
        assert_ne!(bench.page(), &Page::Attract);
        bench.tick(1);
        assert_eq!((bench.page(), bench.damage), (&Page::Attract, Damage::All));
        assert_eq!(bench.app.screen().language, Language::Zh);
        bench.key(Key::Start);
        assert_eq!(bench.menu().pieces, 0);
    }
}

#[test]
fn every_key_says_that_somebody_is_there() {
    let mut bench = Bench::in_menu();
    for _ in 0..10 {
        bench.tick(IDLE_MS - 1);
        bench.key(Key::Language);
    }
    assert!(matches!(bench.page(), Page::Menu(_)));
}

#[test]
fn what_invites_moves_step_by_step_and_nothing_else_is_drawn() {
    let mut bench = Bench::new();
    let step = bench.app.screen().step;
    bench.tick(STEP_MS);
    assert_eq!((bench.app.screen().step, bench.damage), (step + 1, Damage::Part));
    bench.tick(STEP_MS - 1);
    assert_eq!(bench.damage, Damage::Nothing);
}

#[test]
fn where_nothing_moves_time_alone_draws_nothing() {
    let mut bench = Bench::in_menu();
    for _ in 0..100 {
        bench.tick(250);
        assert_eq!((bench.damage, bench.app.screen().step), (Damage::Nothing, 0));
    }
}

#[test]
fn a_terminal_that_nobody_touches_dims_and_wakes_with_the_next_touch() {
    let mut bench = Bench::new();
    bench.tick(DIM_AFTER_MS - 1);
    assert!(!bench.app.screen().dimmed);
    bench.tick(1);
    assert!(bench.app.screen().dimmed && bench.damage == Damage::All);
    bench.key(Key::Start);
    assert!(!bench.app.screen().dimmed && matches!(bench.page(), Page::Menu(_)));
}

#[test]
fn an_animation_may_run_for_years() {
    let mut bench = Bench::new();
    for wait_ms in [u64::from(u32::MAX), u64::MAX / 2] {
        bench.now_ms += wait_ms;
        bench.put(Input::Tick);
        assert_eq!(bench.page(), &Page::Attract);
    }
}

#[test]
fn arrows_go_through_the_keys_in_a_circle_and_select_presses() {
    let mut bench = Bench::with(Keys::Arrows, Journal::default());
    bench.tick(0);
    assert_eq!(bench.app.screen().focus, Some(Key::Start));
    bench.key(Key::Select);
    let keys = bench.app.screen().keys();
    for key in keys.iter().chain([&keys[0]]) {
        assert_eq!(bench.app.screen().focus, Some(*key));
        bench.key(Key::Down);
        assert_eq!(bench.damage, Damage::Part);
    }
    bench.key(Key::Up);
    bench.key(Key::Select);
    assert_eq!((bench.menu().counts[0], bench.app.screen().focus), (1, Some(Key::Item(0))));
}

#[test]
fn left_and_right_turn_the_pages_of_a_list() {
    let mut bench = Bench::with(Keys::Arrows, Journal::default());
    bench.tick(0);
    bench.key(Key::Select);
    bench.key(Key::Right);
    assert_eq!(bench.menu().page, 1);
    assert_eq!(bench.app.screen().focus, Some(Key::Item(bench.menu().first)));
    bench.key(Key::Left);
    assert_eq!(bench.menu().page, 0);
}

#[test]
fn who_selects_once_too_often_does_not_give_the_order_up() {
    let mut bench = Bench::with(Keys::Arrows, Journal::default());
    bench.tick(0);
    for key in [Key::Start, Key::Item(0), Key::Basket] {
        bench.key(key);
    }
    assert_eq!(bench.app.screen().focus, Some(Key::Pay));
    bench.key(Key::Select);
    assert_eq!((bench.page(), bench.app.screen().focus), (&Page::Starting, Some(Key::Language)));
}

#[test]
fn a_display_that_is_touched_has_no_focus_and_no_use_for_arrows() {
    let mut bench = Bench::new();
    for key in [Key::Down, Key::Right, Key::Select] {
        bench.key(key);
        assert_eq!((bench.page(), bench.app.screen().focus), (&Page::Attract, None));
    }
}
