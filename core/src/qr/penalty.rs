//! What makes a symbol hard to read, in points, and so which mask is the best (clause 7.8.3).
//!
//! The rules that look along lines look from one line to the next here, so that one operation
//! does it for 64 columns; the other direction is the same symbol seen from its other side.
//!
//! The standard leaves open how rule 3 is to be read. Here the quiet zone counts as light; a
//! pattern with enough light on both sides counts twice; and the proportion 1:1:3:1:1 is found
//! at every width, the light area being four times as wide as the narrow parts.

use super::Level;
use super::lines::{LINES, Lines, inside, runs};
use super::mask::Mask;
use super::sheet::{Sheet, Side};

/// The weights of the four rules (table 11).
const N1: u32 = 3;
const N2: u32 = 3;
const N3: u32 = 40;
const N4: u32 = 10;

/// The mask with the least penalty; of equal ones the first.
pub(super) fn best_mask(sheet: &mut Sheet, level: Level) -> Mask {
    let size = sheet.size;
    let mut drawn = Lines::new();
    let mut penalties = [0; 8];
    for (mask, penalty) in Mask::all().zip(&mut penalties) {
        sheet.write_format(mask.format(level));
        for side in [Side::Columns, Side::Rows] {
            sheet.draw(side, mask, &mut drawn);
            let planes = drawn.0.iter().enumerate().take(size.div_ceil(64));
            *penalty += planes
                .map(|(plane, lines)| across_lines(lines, size, inside(size, plane)))
                .sum::<u32>();
        }
        *penalty += of_area(&drawn, size);
    }
    // Wide finder patterns are rare and only add points: they need to be looked for where
    // without them the mask would be the best.
    let mut complete = [false; 8];
    loop {
        let masks = Mask::all().zip(penalties.iter_mut().zip(&mut complete));
        let Some((mask, (penalty, complete))) = masks.min_by_key(|(_, (penalty, _))| **penalty)
        else {
            return Mask::default();
        };
        if *complete {
            return mask;
        }
        *complete = true;
        sheet.write_format(mask.format(level));
        for side in [Side::Columns, Side::Rows] {
            sheet.draw(side, mask, &mut drawn);
            *penalty += (0..size).map(|y| N3 * wide_finders(drawn.line(y))).sum::<u32>();
        }
    }
}

/// Rules 1 and 3 from line to line, without wide finder patterns.
fn across_lines(lines: &[u64; LINES], size: usize, inside: u64) -> u32 {
    let mut penalty = 0;
    // Rule 1: a run of five modules costs N1 and each further module 1. That is 1 for each five
    // alike, and N1 - 1 more where such a five ends its run.
    let mut last = 0;
    let mut changes = [u64::MAX; 3];
    let mut five = 0;
    // Rule 3: how many light lines there were last, 1 to 4; how much of a finder pattern there
    // was after one light line, and after four; how many light lines there were after it.
    let mut light = [u64::MAX; 4];
    let mut finder = [0; 7];
    let mut finder_below_light = [0; 7];
    let mut after = [0; 3];

    // Four lines of quiet zone, since a finder pattern may be the last.
    for (y, &line) in lines[..size + 4].iter().enumerate() {
        let change = if y == 0 || y == size { u64::MAX } else { (line ^ last) | !inside };
        penalty += (N1 - 1) * (five & change).count_ones();
        five = !(change | changes[0] | changes[1] | changes[2]);
        penalty += five.count_ones();
        changes = [change, changes[0], changes[1]];
        last = line;

        let found = (finder_below_light[6] & !line, after[2] & !line);
        if found.0 | found.1 != 0 {
            penalty += N3 * (found.0.count_ones() + found.1.count_ones());
        }
        after = [finder[6] & !line, after[0] & !line, after[1] & !line];
        finder = continued(finder, light[0], line);
        finder_below_light = continued(finder_below_light, light[3], line);
        light = [!line, light[0] & !line, light[1] & !line, light[2] & !line];
    }
    penalty
}

/// Where a line continues the parts of a finder pattern, one to seven lines of it, or begins one.
fn continued([a, b, c, d, e, f, _]: [u64; 7], beginning: u64, line: u64) -> [u64; 7] {
    [beginning & line, a & !line, b & line, c & line, d & line, e & !line, f & line]
}

/// Rule 3 in one line, for narrow parts of two modules and more.
fn wide_finders(line: u128) -> u32 {
    // The middle is at least six modules wide.
    let two = line & line >> 1;
    if two & two >> 2 & two >> 4 == 0 {
        return 0;
    }
    // The quiet zone is as wide as need be.
    const QUIET: usize = 1000;
    let mut finders = 0;
    let mut widths = [0; 7];
    let mut end = 0;
    for run in runs(line).chain(core::iter::once(QUIET..QUIET)) {
        let [.., a, b, c, d, e] = widths;
        let before = widths[1];
        let after = run.start + QUIET - end;
        if a >= 2 && [b, c, d, e] == [a, 3 * a, a, a] && before.min(after) >= a {
            finders += u32::from(before >= 4 * a) + u32::from(after >= 4 * a);
        }
        widths = [a, b, c, d, e, after, run.len()];
        end = run.end + QUIET;
    }
    finders
}

/// Rules 2 and 4, by rows or by columns.
fn of_area(drawn: &Lines, size: usize) -> u32 {
    let mut blocks = 0;
    let mut dark = 0;
    for plane in 0..size.div_ceil(64) {
        // The last column has no right neighbour.
        let inside = inside(size - 1, plane);
        let (mut last, mut last_pairs) = (0, 0);
        let [lines, right] = [plane, 1 - plane].map(|plane| &drawn.0[plane][..size]);
        for (&line, right) in lines.iter().zip(right) {
            dark += line.count_ones();
            let pairs = !(line ^ (line >> 1 | right << 63)) & inside;
            blocks += (pairs & last_pairs & !(line ^ last)).count_ones();
            (last, last_pairs) = (line, pairs);
        }
    }
    // N4 for each full five per cent that the dark share is away from a half.
    let all = u32::try_from(size * size).unwrap_or(u32::MAX);
    let steps = (20 * dark).abs_diff(10 * all).div_ceil(all) - 1;
    N2 * blocks + N4 * steps
}
