//! The terminal in a world where everything goes wrong: whatever happens, goods come out at most
//! once and only when paid, and no order is forgotten.

use crate::world::{Faults, World};

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
