//! Measuring by turns, and tables of ratios.

use std::hint::black_box;
use std::time::Instant;

/// How often everything in a table has its turn before the next table is measured.
const ROUNDS: usize = 25;
/// Of so many rounds, those in which both sides came nearest to their best, a ratio is the middle.
const NEAREST: usize = 5;
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

/// All tables. Machines have slow and fast phases of seconds, in which they do not slow down
/// everything alike. So the rows of a table take turns within a round, and all tables are measured
/// several times over, before they are printed.
#[derive(Default)]
pub(crate) struct Tables(Vec<Table>);

/// What was measured of the rows with one title.
struct Table {
    title: String,
    saoma: usize,
    rows: Vec<Measured>,
}

struct Measured {
    name: String,
    goal: Option<Goal>,
    /// By rounds.
    nanos: Vec<u64>,
}

impl Tables {
    /// Measures a table for some rounds. The row `saoma` is what rivals are compared with; the row
    /// before it, if there is one, is the limit.
    pub(crate) fn measure(&mut self, title: &str, saoma: usize, mut rows: Vec<Row<'_>>) {
        let known = self.0.iter().position(|table| table.title == title);
        let place = known.unwrap_or_else(|| {
            let new = |row: &Row<'_>| Measured {
                name: row.name.clone(),
                goal: row.goal,
                nanos: Vec::new(),
            };
            let rows = rows.iter().map(new).collect();
            self.0.push(Table { title: title.to_string(), saoma, rows });
            self.0.len() - 1
        });
        for _ in 0..ROUNDS {
            for (row, measured) in rows.iter_mut().zip(&mut self.0[place].rows) {
                measured.nanos.push((row.turn)());
            }
        }
    }

    pub(crate) fn print(&self) {
        for Table { title, saoma, rows } in &self.0 {
            println!("\n### {title}\n");
            println!("| | ns | times the limit | times saoma | goal |");
            println!("| --- | --: | --: | --: | --- |");
            for (at, row) in rows.iter().enumerate() {
                let limit = saoma.checked_sub(1);
                let of_limit = limit.map(|limit| ratio(&row.nanos, &rows[limit].nanos));
                let of_saoma = ratio(&row.nanos, &rows[*saoma].nanos);
                let goal = row.goal.map(|goal| judge(goal, of_limit.unwrap_or(0), of_saoma));
                println!(
                    "| {} | {} | {} | {} | {} |",
                    row.name,
                    best(&row.nanos),
                    of_limit.map_or_else(String::new, decimal),
                    if at > *saoma { decimal(of_saoma) } else { String::new() },
                    goal.unwrap_or_default(),
                );
            }
        }
    }
}

fn best(nanos: &[u64]) -> u64 {
    nanos.iter().copied().min().unwrap_or(u64::MAX).max(1)
}

/// How many times as long a row takes as another, in hundredths: compared within each of the rounds
/// in which both came nearest to their best, and of these the middle.
fn ratio(row: &[u64], base: &[u64]) -> u64 {
    let (best_row, best_base) = (u128::from(best(row)), u128::from(best(base)));
    let mut rounds: Vec<(u64, u64)> = row.iter().copied().zip(base.iter().copied()).collect();
    rounds.sort_by_key(|&(row, base)| u128::from(row) * best_base + u128::from(base) * best_row);
    rounds.truncate(NEAREST);
    let mut ratios: Vec<u64> = rounds.iter().map(|(row, base)| row * 100 / base.max(&1)).collect();
    ratios.sort_unstable();
    ratios.get(ratios.len() / 2).copied().unwrap_or(0)
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
