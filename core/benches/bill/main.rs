//! A bill of one million lines, streaming: how fast it is read, and how little memory that takes.
//! It prints a table that goes into `docs/benchmarks.md` as it is.
//!
//! `cargo xtask bench bill`, or `cargo bench -p saoma-core --features native --bench bill`.

mod made;

use flate2::{Compression, read::GzEncoder};
use made::{Kind, MadeBill};
use saoma_core::bill::{FundTotals, TradeTotals, read_bill};
use std::io::{self, Read, Seek};
use std::time::{Duration, Instant};

/// Lines of a bill.
const LINES: u64 = 1_000_000;
/// Lines of the bill that shows how much memory a short one takes.
const FEW: u64 = 1_000;
/// The best of so many rounds counts.
const ROUNDS: usize = 5;

/// What `work` gives, and how long it took.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed())
}

/// Takes the time that is spent in what it reads from: making a bill takes time as well.
struct Watched<R> {
    input: R,
    spent: Duration,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (result, time) = timed(|| self.input.read(buffer));
        self.spent += time;
        result
    }
}

/// Reads a bill and compares its lines and its sums with what was made.
fn read(kind: Kind, input: impl Read, made: &Sums) {
    let (mut count, mut income, mut expense) = (0, 0, 0);
    let sums = match kind {
        Kind::Trade => {
            let totals = read_bill::<TradeTotals>(input, |line| {
                let line = line.expect("a good line");
                count += 1;
                income += line.total_fee.get();
                expense += line.refund.map_or(0, |refund| refund.refund_fee.get());
            })
            .expect("a good bill");
            [totals.count, totals.total_fee.get(), totals.refund_fee.get()]
        }
        Kind::Fund => {
            let totals = read_bill::<FundTotals>(input, |line| {
                let line = line.expect("a good line");
                count += 1;
                match line.direction {
                    saoma_core::bill::Direction::Income => income += line.amount.get(),
                    saoma_core::bill::Direction::Expense => expense += line.amount.get(),
                }
            })
            .expect("a good bill");
            [totals.count, totals.income.get(), totals.expense.get()]
        }
    };
    assert_eq!(sums, *made, "the summary is what was made");
    assert_eq!([count, income, expense], *made, "the lines are what was made");
}

/// Lines, what came in and what went out.
type Sums = [u64; 3];

/// Makes a bill to its end and throws it away: its sums and its length.
fn make(kind: Kind, lines: u64) -> (Sums, u64) {
    let mut bill = MadeBill::new(kind, lines);
    let mut chunk = vec![0; 64 * 1024];
    let mut bytes = 0;
    loop {
        let len = bill.read(&mut chunk).expect("it can always be read");
        if len == 0 {
            return ([lines, bill.income, bill.expense], bytes);
        }
        bytes += len as u64;
    }
}

/// The most that was on the heap at once while `work` ran, in bytes.
fn heap(work: impl FnOnce()) -> u64 {
    allocation_counter::measure(work).bytes_max
}

/// The most memory this process ever held, in KiB; Linux tells it.
fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

struct Measured {
    name: String,
    bytes: u64,
    time: Duration,
    /// With [`FEW`] lines and with [`LINES`].
    heap: [u64; 2],
}

impl Measured {
    fn print(&self) {
        let Self { name, bytes, time, heap: [few, many] } = self;
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX).max(1);
        let per_s = LINES * 1_000_000 / micros;
        let (mb, mb_per_s) = (bytes / 1_000_000, bytes / micros);
        println!("| {name} | {mb} MB | {per_s} | {mb_per_s} | {few} | {many} |");
    }
}

/// Made while it is read; the making is not counted.
fn plain(kind: Kind) -> Measured {
    let (sums, bytes) = make(kind, LINES);
    let mut time = Duration::MAX;
    for _ in 0..ROUNDS {
        let input = MadeBill::new(kind, LINES);
        let mut input = Watched { input, spent: Duration::ZERO };
        let ((), all) = timed(|| read(kind, &mut input, &sums));
        time = time.min(all - input.spent);
    }
    let few = make(kind, FEW).0;
    let heap = [
        heap(|| read(kind, MadeBill::new(kind, FEW), &few)),
        heap(|| read(kind, MadeBill::new(kind, LINES), &sums)),
    ];
    Measured { name: format!("{kind:?}"), bytes, time, heap }
}

/// Packed once into a file that is gone when it is closed, and read from there.
fn packed(kind: Kind) -> Measured {
    let file = |lines| {
        let mut file = tempfile::tempfile().expect("a temporary file");
        let mut packer = GzEncoder::new(MadeBill::new(kind, lines), Compression::fast());
        io::copy(&mut packer, &mut file).expect("room in the folder for temporary files");
        file
    };
    let read_again = |mut file: &std::fs::File, sums: &Sums| {
        file.rewind().expect("a file can be read again");
        read(kind, file, sums);
    };
    let (few_file, many_file) = (file(FEW), file(LINES));
    let ((few, _), (sums, bytes)) = (make(kind, FEW), make(kind, LINES));
    let mut time = Duration::MAX;
    for _ in 0..ROUNDS {
        time = time.min(timed(|| read_again(&many_file, &sums)).1);
    }
    let heap = [heap(|| read_again(&few_file, &few)), heap(|| read_again(&many_file, &sums))];
    Measured { name: format!("{kind:?}, gzip"), bytes, time, heap }
}

fn main() {
    // Everything that is read is read once before, so that the peak has had its chance to be there.
    make(Kind::Trade, FEW);
    let before = peak_kib();
    println!("\n### Bills of {LINES} lines\n");
    println!("| | unpacked | lines a second | MB a second | heap, {FEW} lines | heap, all |");
    println!("| --- | --: | --: | --: | --: | --: |");
    let mut constant = true;
    for measured in [plain(Kind::Trade), packed(Kind::Trade), plain(Kind::Fund), packed(Kind::Fund)]
    {
        measured.print();
        constant &= measured.heap[0] == measured.heap[1];
    }
    println!(
        "\nMemory is {}: the heap columns are bytes at most.",
        if constant { "constant" } else { "NOT constant" }
    );
    if let (Some(before), Some(after)) = (before, peak_kib()) {
        println!("The process held {before} KiB at most before, {after} KiB after all of them.");
    }
    assert!(constant, "the heap grows with the bill");
}
