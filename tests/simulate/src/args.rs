//! What is asked for on the command line.

use crate::plan::KINDS;

pub(crate) const USAGE: &str = "\
simulate [--seed S] [--orders N] [--seeds K] [--threads T] [--without KIND,..] [--sqlite] [--twice]
         [--bug NAME] [--bugs] [--stores K] [--shrink] [--verbose] [--help]

--seed S       the first seed; 1
--orders N     how many orders in all; 50000. At most 200 have the same seed
--seeds K      how many seeds, instead
--threads T    how many seeds at once; as many as the machine has processors
--without ..   kinds of trouble that are left out
--sqlite       on real SQLite files, which is slow
--twice        each seed twice; both must be the same, event by event
--bug NAME     with this bug planted
--bugs         each planted bug, and after how many orders it is caught; --orders gives up then
--stores K     nothing of this: K seeds of random statements on both stores, which must do the same
--shrink       a failure is made as small as it goes
--verbose      what happens, line by line
--help         this";

/// Most orders of one seed.
pub(crate) const ORDERS_OF_SEED: u64 = 200;

/// See [`USAGE`].
#[derive(Clone, Debug)]
pub(crate) struct Args {
    pub(crate) seed: u64,
    pub(crate) seeds: u64,
    /// Of each seed.
    pub(crate) orders: u64,
    pub(crate) threads: usize,
    pub(crate) without: Vec<&'static str>,
    pub(crate) sqlite: bool,
    pub(crate) twice: bool,
    pub(crate) bug: Option<String>,
    pub(crate) bugs: bool,
    pub(crate) stores: u64,
    pub(crate) shrink: bool,
    pub(crate) verbose: bool,
    pub(crate) help: bool,
}

impl Args {
    pub(crate) fn read(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut args = Self {
            seed: 1,
            seeds: 0,
            orders: 50_000,
            threads: std::thread::available_parallelism().map_or(2, usize::from),
            without: Vec::new(),
            sqlite: false,
            twice: false,
            bug: None,
            bugs: false,
            stores: 0,
            shrink: false,
            verbose: false,
            help: false,
        };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} wants a value after it"));
            match word.as_str() {
                "--seed" => args.seed = number(&word, &value()?)?,
                "--orders" => args.orders = number(&word, &value()?)?,
                "--seeds" => args.seeds = number(&word, &value()?)?,
                "--threads" => {
                    let threads = number(&word, &value()?)?;
                    args.threads = usize::try_from(threads).unwrap_or(1).clamp(1, 64);
                }
                "--without" => args.without = kinds(&value()?)?,
                "--sqlite" => args.sqlite = true,
                "--twice" => args.twice = true,
                "--bug" => args.bug = Some(value()?),
                "--bugs" => args.bugs = true,
                "--stores" => args.stores = number(&word, &value()?)?,
                "--shrink" => args.shrink = true,
                "--verbose" => args.verbose = true,
                "--help" | "-h" => args.help = true,
                _ => return Err(format!("`{word}` is not known")),
            }
        }
        if args.orders == 0 {
            return Err("--orders must be 1 at least".to_owned());
        }
        if args.seeds == 0 {
            args.seeds = args.orders.div_ceil(ORDERS_OF_SEED);
        }
        args.orders = args.orders.min(ORDERS_OF_SEED);
        if let Some(bug) = &args.bug
            && !saoma_core::bugs::plant(bug)
        {
            return Err(format!("there is no bug `{bug}`; core/src/bugs.rs lists them"));
        }
        Ok(args)
    }
}

fn number(word: &str, text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("{word} wants a whole number, not `{text}`"))
}

fn kinds(text: &str) -> Result<Vec<&'static str>, String> {
    let kind = |name: &str| {
        let known = KINDS.iter().find(|kind| **kind == name).copied();
        known.ok_or_else(|| format!("there is no kind `{name}`; there are: {}", KINDS.join(", ")))
    };
    text.split(',').map(kind).collect()
}
