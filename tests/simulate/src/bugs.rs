//! Each planted bug is switched on, and the judge has to find it.

use crate::args::Args;
use crate::run;
use saoma_core::bugs::{BUGS, plant};

/// Runs seeds with each bug until it is caught. `true`: all were.
pub(crate) fn hunt(args: &Args) -> bool {
    let mut caught = Vec::new();
    let mut missed = Vec::new();
    for (name, what) in BUGS {
        if args.bug.as_deref().is_some_and(|bug| bug != name) {
            continue;
        }
        plant(name);
        match first_failure(args) {
            Some((orders, seed, violation)) => {
                println!("{orders:>8} orders: {name} ({what}), seed {seed}: {violation}");
                caught.push(orders);
            }
            None => {
                println!("  MISSED: {name} ({what})");
                missed.push(name);
            }
        }
        plant("none");
    }
    caught.sort_unstable();
    let median = caught.get(caught.len() / 2).copied().unwrap_or(0);
    let (of, most) = (caught.len() + missed.len(), caught.last().copied().unwrap_or(0));
    println!("{} of {of} bugs caught, median {median} orders, at most {most}", caught.len());
    missed.is_empty()
}

/// The first seed that fails, after how many orders, and what is wrong.
fn first_failure(args: &Args) -> Option<(u64, u64, String)> {
    let (mut orders, mut first) = (0, args.seed);
    let end = args.seed.saturating_add(args.seeds);
    while first < end {
        // As many at once as there are threads; the first one of them counts.
        let threads = args.threads as u64;
        let seeds: Vec<u64> = (first..end.min(first + threads)).collect();
        let ran: Vec<_> = std::thread::scope(|scope| {
            let start = |seed: &u64| {
                let seed = *seed;
                scope.spawn(move || run::seed(args, seed))
            };
            let running: Vec<_> = seeds.iter().map(start).collect();
            running.into_iter().filter_map(|thread| thread.join().ok()).collect()
        });
        for (seed, ran) in seeds.iter().zip(ran) {
            if let Some(violation) = ran.violations.into_iter().next() {
                let line = violation.lines().next().unwrap_or_default().to_owned();
                return Some((orders + ran.caught_after.unwrap_or(ran.orders), *seed, line));
            }
            orders += ran.orders;
        }
        first += threads;
    }
    None
}
