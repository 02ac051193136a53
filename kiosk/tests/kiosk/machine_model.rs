//! The terminal in a world where everything goes wrong: whatever happens, goods come out at most
//! once and only when paid, and no order is forgotten.

use crate::world::{Faults, World};
use saoma_kiosk::{
    app::{App, Key, Page},
    call::Call,
};

const ALL_FAULTS: Faults = Faults { lose: 6, cut: 40, tear: 40, jam: 8, link: 10 };

fn walk(seed: u64, faults: Faults, steps: u32) -> World {
    let mut world = World::new(seed, faults);
    for _ in 0..steps {
        world.step();
    }
    world.calm_down();
    world.check_end();
    world
}

#[test]
fn whatever_happens_goods_come_out_once_when_paid_and_no_order_is_forgotten() {
    let (mut out, mut cases) = (0, 0);
    for seed in 0..160 {
        let world = walk(seed, ALL_FAULTS, 600);
        out += world.out.len();
        cases += world.server.orders.len();
    }
    // The walk is not empty: orders are made, and goods come out.
    assert!(cases > 100 && out > 20, "{cases} orders, {out} handed over");
    println!("{cases} orders, {out} handed over");
}

#[test]
fn where_nothing_goes_wrong_every_paid_order_is_handed_over_and_confirmed() {
    let mut paid = 0;
    for seed in 0..60 {
        let world = walk(seed, Faults::default(), 600);
        for order in world.server.orders.iter().filter(|order| order.paid) {
            let number = order.made.order_no.as_str();
            paid += 1;
            if !world.by_staff.contains(number) && !order.confirmed {
                let waits = world.journal.entries.iter().any(|entry| entry.order_no == number);
                let back = !order.is_open();
                assert!(waits || back, "seed {seed}: {order:?}");
            }
        }
    }
    assert!(paid > 20, "{paid} paid");
}

#[test]
fn a_day_of_use_leaves_everything_as_it_was() {
    let mut world = World::new(7, Faults { lose: 50, cut: 0, tear: 0, jam: 0, link: 0 });
    let (mut asked, mut customers) = (0, 0);
    for hour in 0..24 {
        let is_night = hour < 6;
        let before = asked;
        for second in (0..3_600).step_by(2) {
            // Somebody comes every two minutes, and buys in a minute or walks away.
            if !is_night && second % 120 < 60 {
                customers += u32::from(second % 120 == 0);
                world.be_customer();
            }
            asked += u32::from(world.open.is_some());
            world.carry();
            world.tick(2_000);
        }
        if is_night {
            assert_eq!(asked, before, "an idle terminal asks nothing");
        }
    }
    world.calm_down();
    world.check_end();
    let orders = world.server.orders.len();
    assert!(customers == 540 && orders > 300, "{customers} customers, {orders} orders");
    assert!(world.out.len() > 200, "{} handed over", world.out.len());
    // Whatever happened, the terminal is the size it was, and holds nothing.
    assert_eq!((world.app.open_orders(), world.journal.entries.len()), (0, 0));
    assert_eq!(world.app.screen().page, Page::Attract);
    world.put(saoma_kiosk::app::Input::Key(Key::Start));
    assert!(matches!(&world.app.screen().page, Page::Menu(menu) if menu.pieces == 0));
    let asks_for_order = |call: &Call| matches!(call, Call::Make(_));
    assert!(!world.open.as_ref().is_some_and(|request| asks_for_order(&request.call)));
}

#[test]
fn the_terminal_is_small_enough_for_a_microcontroller() {
    // With what the display shows, and a third of all the memory there is.
    let size = size_of::<App>();
    println!("App: {size} bytes");
    assert!(size <= 10 * 1024, "{size} bytes");
}
