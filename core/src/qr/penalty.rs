//! What makes a symbol hard to read, in points (clause 7.8.3).
//!
//! The rules that look along lines look from one line to the next here, so that one operation
//! does it for all columns; the other direction is the same symbol read from its other side.
//!
//! The standard leaves open how rule 3 is to be read. Here, as in most encoders that implement
//! it in full: the quiet zone counts as light; a pattern with enough light on both sides counts
//! twice; and the proportion 1:1:3:1:1 is found at every width, its light area being four times
//! the width of the narrow parts.

use super::mask::Symbol;
use super::sheet::inside;
use super::version::LINES;

/// The weights of the four rules (table 11).
const N1: u32 = 3;
const N2: u32 = 3;
const N3: u32 = 40;
const N4: u32 = 10;

/// Rules 2 and 4, which are the same from both sides.
pub(super) fn of_area(symbol: &Symbol) -> u32 {
    N2 * blocks(symbol) + N4 * imbalance(symbol)
}

/// Rules 1 and 3, across the lines of one side.
pub(super) fn of_lines(symbol: &Symbol) -> u32 {
    let mut penalty = 0;
    for plane in 0..symbol.size.div_ceil(64) {
        let lines = symbol.lines(plane);
        let (runs, suspects) = runs(lines, inside(symbol.size, plane));
        let mut finders = finders(&symbol.with_border(plane)[..lines.len() + 11]);
        if suspects != 0 {
            finders += wide_finders(lines, suspects);
        }
        penalty += runs + N3 * finders;
    }
    penalty
}

/// Rule 2: blocks of two by two modules.
fn blocks(symbol: &Symbol) -> u32 {
    let mut blocks = 0;
    for plane in 0..symbol.size.div_ceil(64) {
        // The last column has no right neighbour.
        let inside = inside(symbol.size - 1, plane);
        let pairs = symbol.lines(plane).array_windows();
        let next = symbol.lines(1 - plane).array_windows();
        for (&[a, b], &[next_a, next_b]) in pairs.zip(next) {
            let right_a = a >> 1 | next_a << 63;
            let right_b = b >> 1 | next_b << 63;
            let block = !((a ^ b) | (a ^ right_a) | (b ^ right_b)) & inside;
            blocks += block.count_ones();
        }
    }
    blocks
}

/// Rule 4: full steps of five per cent that the dark share is away from a half.
fn imbalance(symbol: &Symbol) -> u32 {
    let planes = 0..symbol.size.div_ceil(64);
    let dark = |plane| -> u32 { symbol.lines(plane).iter().map(|line| line.count_ones()).sum() };
    let dark: u32 = planes.map(dark).sum();
    let all = (symbol.size * symbol.size) as u32;
    (20 * dark).abs_diff(10 * all).div_ceil(all) - 1
}

/// Rule 1, as points, and the columns where [`wide_finders`] may find something.
///
/// A run of five modules costs N1 and each further module 1. That is 1 for each five in a row,
/// and N1 - 1 more where such a five is the last of its run.
fn runs(lines: &[u64], inside: u64) -> (u32, u64) {
    // Whether a module differs from the one in the next line; nothing is like the outside.
    let mut changes = [u64::MAX; LINES + 3];
    for (change, &[a, b]) in changes.iter_mut().zip(lines.array_windows()) {
        *change = a ^ b | !inside;
    }
    let mut penalty = 0;
    for four in changes[..lines.len() + 3].array_windows::<8>().step_by(4) {
        let mut ends = 0;
        for &[a, b, c, d, e] in four.array_windows() {
            let five = !(a | b | c | d);
            penalty += five.count_ones();
            // Two ends in a column are at least five lines apart.
            ends |= five & e;
        }
        penalty += (N1 - 1) * ends.count_ones();
    }
    let mut suspects = 0;
    for (&[a, b, c, d, e, f, g, h, i, j, k], line) in changes.array_windows().zip(&lines[3..]) {
        // Two light modules, then six dark ones; and then either both light and dark runs end
        // (a narrow part is two wide), or neither (it is wider).
        suspects |= line & c & !(b | d | e | f | g | h | j | (a ^ i) | (i ^ k));
    }
    (penalty, suspects)
}

/// Rule 3 for narrow parts of one module: the number of finder patterns with their light area.
fn finders(lines: &[u64]) -> u32 {
    let mut finders = 0;
    for four in lines.array_windows::<18>().step_by(4) {
        let (mut above, mut below) = (0, 0);
        for &[a, b, c, d, e, f, g, h, i, j, k, l, m, n, o] in four.array_windows() {
            let finder = e & g & h & i & k & !(d | f | j | l);
            // Two finder patterns in a column are at least four lines apart.
            above |= finder & !(a | b | c);
            below |= finder & !(m | n | o);
        }
        finders += above.count_ones() + below.count_ones();
    }
    finders
}

/// Rule 3 for narrow parts of two modules and more, module by module in some columns; it is
/// rarely needed.
#[cold]
fn wide_finders(lines: &[u64], mut columns: u64) -> u32 {
    let mut finders = 0;
    while columns != 0 {
        let column = columns.trailing_zeros();
        columns &= columns - 1;
        let mut runs = Runs::default();
        // The quiet zone is as wide as need be.
        let mut width = lines.len();
        let mut dark = false;
        for line in lines {
            if (line >> column & 1 == 1) != dark {
                finders += runs.end(width, dark);
                width = 0;
                dark = !dark;
            }
            width += 1;
        }
        if dark {
            finders += runs.end(width, dark);
            width = 0;
        }
        finders += runs.end(width + lines.len(), false);
    }
    finders
}

/// The widths of the last seven runs in a column.
#[derive(Default)]
struct Runs([usize; 7]);

impl Runs {
    /// Ends a run, and tells on how many sides of the five runs before the last, if they are a
    /// wide finder pattern, the light area is.
    fn end(&mut self, width: usize, dark: bool) -> u32 {
        let [_, before, a, b, c, d, e] = self.0;
        self.0 = [before, a, b, c, d, e, width];
        if dark || a < 2 || [b, c, d, e] != [a, 3 * a, a, a] || before.min(width) < a {
            return 0;
        }
        u32::from(before >= 4 * a) + u32::from(width >= 4 * a)
    }
}
