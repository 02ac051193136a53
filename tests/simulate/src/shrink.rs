//! A failure made as small as it goes: fewer orders, fewer kinds of trouble.

use crate::args::Args;
use crate::plan::KINDS;
use crate::run;

/// Prints the smallest run of this seed that still fails.
pub(crate) fn shrink(args: &Args, seed: u64) {
    let mut small = args.clone();
    let fails = |args: &Args| !run::seed(args, seed).violations.is_empty();
    if !fails(&small) {
        println!("\nit does not fail again: something in it does not follow from the seed");
        return;
    }
    fewer_orders(&mut small, &fails);
    for kind in KINDS {
        let mut less = small.clone();
        less.without.push(kind);
        if !small.without.contains(&kind) && fails(&less) {
            small = less;
        }
    }
    fewer_orders(&mut small, &fails);
    println!("\nit still fails as: {}", run::again(&small, seed));
    for what in run::seed(&small, seed).violations {
        println!("  {what}");
    }
}

fn fewer_orders(small: &mut Args, fails: &impl Fn(&Args) -> bool) {
    let mut step = small.orders / 2;
    while step > 0 {
        let less = Args { orders: small.orders - step, ..small.clone() };
        if less.orders > 0 && fails(&less) {
            *small = less;
            step = step.min(small.orders / 2);
        } else {
            step /= 2;
        }
    }
}
