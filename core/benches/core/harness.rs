//! Measuring by turns, and tables of ratios.

use std::hint::black_box;
use std::time::Instant;

/// How often everything in a table has its turn.
const ROUNDS: usize = 100;
/// What takes a turn: it says how many nanoseconds one call took.
type Turn<'a> = Box<dyn FnMut() -> u64 + 'a>;

/// One row of a table.
pub(crate) struct Row<'a> {
    name: String,
    turn: Turn<'a>,
    goal: Option<Goal>,
}

/// What a row's ratio should be, in hundredths.
#[derive(Clone, Copy)]
pub(crate) enum Goal {
    /// At most so many times the limit.
    OfLimit(u64),
    /// At most so many times what Saoma takes.
    OfSaoma(u64),
    /// Saoma is at least so many times as fast.
    Beaten(u64),
}

impl<'a> Row<'a> {
    /// Work that is called `calls` times in a turn.
    pub(crate) fn new<T>(name: &str, calls: u32, mut work: impl FnMut() -> T + 'a) -> Self {
        Self::by_turn(name, move || timed(calls, &mut work))
    }

    /// Work that measures itself.
    pub(crate) fn by_turn(name: &str, turn: impl FnMut() -> u64 + 'a) -> Self {
        Self { name: name.to_string(), turn: Box::new(turn), goal: None }
    }

    /// One call does `units` of work; the table tells the time of one.
    pub(crate) fn per(self, units: u64) -> Self {
        let Self { name, mut turn, goal } = self;
        Self { name, turn: Box::new(move || turn() / units), goal }
    }

    pub(crate) fn goal(mut self, goal: Goal) -> Self {
        self.goal = Some(goal);
        self
    }
}

/// Nanoseconds a call.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn timed<T>(calls: u32, work: &mut impl FnMut() -> T) -> u64 {
    let start = Instant::now();
    for _ in 0..calls {
        black_box(work());
    }
    u64::try_from(start.elapsed().as_nanos() / u128::from(calls)).unwrap_or(u64::MAX)
}

/// Measures and prints a table. Machines have slow and fast phases, so all rows take turns within
/// a round. The row `saoma` is what rivals are compared with; the row before it, if there is one,
/// is the limit.
pub(crate) fn table(title: &str, saoma: usize, mut rows: Vec<Row<'_>>) {
    let mut nanos: Vec<Vec<u64>> = vec![Vec::with_capacity(ROUNDS); rows.len()];
    for _ in 0..ROUNDS {
        for (row, nanos) in rows.iter_mut().zip(&mut nanos) {
            nanos.push((row.turn)());
        }
    }
    println!("\n### {title}\n");
    println!("| | ns | times the limit | times saoma | goal |");
    println!("| --- | --: | --: | --: | --- |");
    for (at, row) in rows.iter().enumerate() {
        let of_limit = saoma.checked_sub(1).map(|limit| ratio(&nanos[at], &nanos[limit]));
        let of_saoma = ratio(&nanos[at], &nanos[saoma]);
        println!(
            "| {} | {} | {} | {} | {} |",
            row.name,
            best(&nanos[at]),
            of_limit.map_or_else(String::new, decimal),
            if at > saoma { decimal(of_saoma) } else { String::new() },
            row.goal.map_or_else(String::new, |goal| judge(goal, of_limit.unwrap_or(0), of_saoma)),
        );
    }
}

fn best(nanos: &[u64]) -> u64 {
    nanos.iter().copied().min().unwrap_or(u64::MAX).max(1)
}

/// How many times as long a row takes as another, in hundredths: in the round in which both came
/// nearest to their best.
fn ratio(row: &[u64], base: &[u64]) -> u64 {
    let (best_row, best_base) = (u128::from(best(row)), u128::from(best(base)));
    let excess =
        |&(&row, &base): &(&u64, &u64)| u128::from(row) * best_base + u128::from(base) * best_row;
    let round = row.iter().zip(base).min_by_key(excess);
    round.map_or(0, |(row, base)| row * 100 / base.max(&1))
}

fn judge(goal: Goal, of_limit: u64, of_saoma: u64) -> String {
    let (met, words) = match goal {
        Goal::OfLimit(most) => {
            (of_limit <= most, format!("at most {} times the limit", decimal(most)))
        }
        Goal::OfSaoma(most) => (of_saoma <= most, format!("at most {} times saoma", decimal(most))),
        Goal::Beaten(least) => (of_saoma >= least, format!("at least {}", least / 100)),
    };
    format!("{words}: {}", if met { "met" } else { "missed" })
}

fn decimal(hundredths: u64) -> String {
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}
