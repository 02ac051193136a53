//! Seeds run, one after the other on each thread, and what they come to.

use crate::args::Args;
use crate::plan::Plan;
use crate::random::Hash;
use crate::shrink;
use crate::world::{FEW_ORDERS, Ran, World};
use saoma_server::simulation::{Base, Memory, stores_agree};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// One seed.
pub(crate) fn seed(args: &Args, seed: u64) -> Ran {
    let plan = Plan::draw(seed, args.orders, &args.without);
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    if !args.sqlite {
        let runtime = runtime.build().expect("a runtime without input and output");
        let base = Base::Memory(Memory::new(seed));
        return runtime.block_on(World::new(seed, plan, base, args.verbose).run());
    }
    let runtime = runtime.enable_all().build().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder for a database");
    let base = Base::Sqlite(folder.path().join("saoma.db"));
    // One file serves one process.
    let plan = Plan { nodes: 1, ..plan };
    runtime.block_on(World::new(seed, plan, base, args.verbose).run())
}

/// What many seeds came to.
#[derive(Debug, Default)]
struct Sum {
    /// By seed: the trace, and how many events it has.
    traces: BTreeMap<u64, (u64, u64)>,
    orders: u64,
    events: u64,
    /// For each order, of the seed that had most.
    events_most: u64,
    faults: BTreeMap<&'static str, u64>,
    differences: BTreeMap<String, u64>,
    failed: BTreeMap<u64, Vec<String>>,
}

impl Sum {
    fn add(&mut self, seed: u64, ran: Ran) {
        self.traces.insert(seed, (ran.trace, ran.events));
        self.orders += ran.orders;
        self.events += ran.events;
        // As `EVENTS_MAX` counts them.
        let each = ran.events.div_ceil(ran.orders.max(FEW_ORDERS));
        self.events_most = self.events_most.max(each);
        for (name, times) in ran.faults {
            *self.faults.entry(name).or_default() += times;
        }
        for (what, times) in ran.differences {
            *self.differences.entry(what).or_default() += times;
        }
        if !ran.violations.is_empty() {
            self.failed.insert(seed, ran.violations);
        }
    }

    /// Over all seeds in their order.
    fn trace(&self) -> u64 {
        let mut hash = Hash::new();
        self.traces.values().for_each(|(trace, _)| hash.add(&trace.to_le_bytes()));
        hash.value()
    }
}

/// Runs the seeds on as many threads as wanted, from the first or from the last; each seed stays
/// on one.
fn all(args: &Args, backwards: bool) -> Sum {
    let next = AtomicU64::new(0);
    let sum = Mutex::new(Sum::default());
    std::thread::scope(|threads| {
        for _ in 0..args.threads {
            threads.spawn(|| {
                loop {
                    let turn = next.fetch_add(1, Ordering::Relaxed);
                    let failed = sum.lock().unwrap_or_else(PoisonError::into_inner).failed.len();
                    if turn >= args.seeds || failed >= 5 {
                        return;
                    }
                    let turn = if backwards { args.seeds - 1 - turn } else { turn };
                    let number = args.seed.saturating_add(turn);
                    let ran = seed(args, number);
                    sum.lock().unwrap_or_else(PoisonError::into_inner).add(number, ran);
                }
            });
        }
    });
    sum.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Random statements on both stores. `true`: they do the same.
pub(crate) fn stores(args: &Args) -> bool {
    /// Transactions of one seed.
    const TRANSACTIONS: u32 = 200;
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().expect("a runtime");
    let mut statements = 0;
    for seed in args.seed..args.seed.saturating_add(args.stores) {
        let folder = tempfile::tempdir().expect("a folder for a database");
        let path = folder.path().join("saoma.db");
        match runtime.block_on(stores_agree(seed, &path, TRANSACTIONS)) {
            Ok(more) => statements += more,
            Err(why) => {
                println!("the stores do not do the same: {why}");
                return false;
            }
        }
    }
    println!("{} seeds, {statements} statements, the same on both stores", args.stores);
    true
}

/// How to run a seed again.
pub(crate) fn again(args: &Args, seed: u64) -> String {
    let mut command = format!("cargo xtask simulate --seed {seed} --orders {}", args.orders);
    if !args.without.is_empty() {
        command += &format!(" --without {}", args.without.join(","));
    }
    if args.sqlite {
        command += " --sqlite";
    }
    if let Some(bug) = &args.bug {
        command += &format!(" --bug {bug}");
    }
    command
}

/// Each seed once. `true`: everything held.
pub(crate) fn once(args: &Args) -> bool {
    #[expect(clippy::disallowed_methods, reason = "how fast it was; nothing depends on it")]
    let began = Instant::now();
    let sum = all(args, false);
    let took = began.elapsed();
    for (name, times) in &sum.faults {
        println!("{times:>12} {name}");
    }
    for (what, times) in &sum.differences {
        println!("{times:>12} in a bill: {what}");
    }
    let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX).max(1);
    println!(
        "trace {:016x}\nmost events of a seed: {} for each order\n\
         {} seeds, {} orders, {} events in {}.{:03} s: {} orders a second",
        sum.trace(),
        sum.events_most,
        sum.traces.len(),
        sum.orders,
        sum.events,
        millis / 1000,
        millis % 1000,
        sum.orders.saturating_mul(1000) / millis
    );
    for (seed, violations) in &sum.failed {
        println!("\nVIOLATION at seed {seed}, commit {}", commit());
        violations.iter().for_each(|what| println!("  {what}"));
        println!("  again: {} --verbose", again(args, *seed));
    }
    if let (true, Some(seed)) = (args.shrink, sum.failed.keys().next()) {
        shrink::shrink(args, *seed);
    }
    println!("{} violations", sum.failed.len());
    sum.failed.is_empty()
}

/// Each seed twice: both times the same has to happen. The second time goes from the last seed to
/// the first, so that each has other neighbours: what one leaves to another shows.
pub(crate) fn twice(args: &Args) -> bool {
    let (one, other) = (all(args, false), all(args, true));
    let differ: Vec<_> =
        one.traces.iter().filter(|(seed, ran)| other.traces.get(seed) != Some(ran)).collect();
    println!("trace {:016x}", one.trace());
    println!("{} seeds twice, {} orders each time", one.traces.len(), one.orders);
    for (seed, _) in &differ {
        println!("seed {seed} came out differently, commit {}", commit());
    }
    for (seed, violations) in one.failed.iter().chain(&other.failed) {
        println!("VIOLATION at seed {seed}: {violations:?}");
    }
    let violations = one.failed.len().max(other.failed.len());
    println!("{} differ, {violations} violations", differ.len());
    differ.is_empty() && violations == 0
}

/// The commit that runs, as `cargo xtask` tells it.
fn commit() -> String {
    std::env::var("SAOMA_COMMIT").unwrap_or_else(|_| "unknown".to_owned())
}
