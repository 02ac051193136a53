//! What makes a symbol hard to read, in points, and so which mask is the best (clause 7.8.3).
//!
//! All rules are worked out for a word of modules at once: along the lines by shifting a line
//! against itself, across them by comparing a line with the next ones.
//!
//! The standard leaves open how rule 3 is to be read. Here the quiet zone counts as light; a
//! pattern with enough light on both sides counts twice; and the proportion 1:1:3:1:1 is found
//! at every width, the light area being four times as wide as the narrow parts.

use super::lines::{BELOW, Lines, STEP, Word, lowest, strips};
use super::mask::Mask;
use super::sheet::Sheet;
use super::version::SIZE_MAX;
use super::{Level, QUIET_ZONE};

/// The weights of the four rules (table 11).
const N1: u32 = 3;
const N2: u32 = 3;
const N3: u32 = 40;
const N4: u32 = 10;

/// The mask with the least penalty; of equal ones the first.
pub(super) fn best_mask(sheet: &Sheet, level: Level) -> Mask {
    let mut drawn = Lines::new();
    let mut penalties = [0; 8];
    for (mask, penalty) in Mask::ALL.into_iter().zip(&mut penalties) {
        sheet.draw(mask, level, &mut drawn);
        *penalty = across(&drawn, sheet.size) + along(&drawn, sheet.size);
    }
    // Wide finder patterns are rare and only add points, so they need to be looked for only in
    // the mask that without them is the best.
    let mut complete = [false; 8];
    loop {
        let mut best = 0;
        for i in 1..penalties.len() {
            if penalties[i] < penalties[best] {
                best = i;
            }
        }
        if complete[best] {
            return Mask::ALL[best];
        }
        sheet.draw(Mask::ALL[best], level, &mut drawn);
        penalties[best] += N3 * wide_finders(&drawn, sheet.size);
        complete[best] = true;
    }
}

/// The columns that are judged in a strip: where there are several strips, each judges what
/// begins in the columns that have enough neighbours there, four before and ten behind.
fn judged(size: usize, strip: usize) -> Word {
    /// Where a strip begins to judge that is not the first one.
    const BORDER: usize = 4;
    const { assert!(STEP + BORDER + 10 <= Word::BITS as usize) };
    let end = if strip + 1 == strips(size) { size - STEP * strip } else { STEP + BORDER };
    if strip == 0 { lowest(end) } else { lowest(end) & !lowest(BORDER) }
}

/// Rules 1 and 3, without wide finder patterns, across the lines.
///
/// Rule 1: a run of five modules costs N1 and each further module 1. That is 1 for each five
/// alike, and N1 - 1 more where such a five ends its run.
fn across(drawn: &Lines, size: usize) -> u32 {
    let mut penalty = 0;
    for strip in 0..strips(size) {
        let judged = judged(size, strip);
        let lines = &drawn.0[strip][QUIET_ZONE..][..size];
        let five = |[a, b, c, d, e]: [Word; 5]| !((a ^ b) | (b ^ c) | (c ^ d) | (d ^ e)) & judged;
        for group in lines.array_windows::<9>().step_by(4) {
            let mut ends = 0;
            for &[a, b, c, d, e, f] in group.array_windows() {
                let five = five([a, b, c, d, e]);
                penalty += five.count_ones();
                // Two ends in a column are at least five lines apart.
                ends |= five & (e ^ f);
            }
            penalty += (N1 - 1) * ends.count_ones();
        }
        if let &[.., a, b, c, d, e] = lines {
            penalty += N1 * five([a, b, c, d, e]).count_ones();
        }

        let lines = &drawn.0[strip][..QUIET_ZONE + size + BELOW];
        for group in lines.array_windows::<18>().step_by(4) {
            let (mut above, mut below) = (0, 0);
            for &[a, b, c, d, e, f, g, h, i, j, k, l, m, n, o] in group.array_windows() {
                let finder = e & g & h & i & k & !(d | f | j | l) & judged;
                // Two finder patterns in a column are at least four lines apart.
                above |= finder & !(a | b | c);
                below |= finder & !(m | n | o);
            }
            penalty += N3 * (above.count_ones() + below.count_ones());
        }
    }
    penalty
}

/// Rules 1 and 3, without wide finder patterns, along the lines; and rules 2 and 4.
fn along(drawn: &Lines, size: usize) -> u32 {
    let [mut fives, mut ends, mut blocks, mut finders, mut dark] = [0; 5];
    for strip in 0..strips(size) {
        let judged = judged(size, strip);
        // The last column and what is outside differ from their right neighbours.
        let inside = lowest(size - 1 - STEP * strip);
        let (mut last, mut last_alike) = (0, 0);
        for &line in &drawn.0[strip][QUIET_ZONE..][..size] {
            dark += (line & judged).count_ones();

            let alike = !(line ^ line >> 1) & inside;
            let three = alike & alike >> 1;
            let five = three & three >> 2 & judged;
            fives += five.count_ones();
            ends += (five & !(alike >> 4)).count_ones();

            blocks += (alike & last_alike & !(line ^ last) & judged).count_ones();
            (last, last_alike) = (line, alike);

            // Dark at 0 and 4, so at 2 and 6, and at 3; light at -1 and 1, so at 5 and 7.
            let ends = line & line >> 4;
            let sides = line << 1 | line >> 1;
            let finder = ends & ends >> 2 & line >> 3 & !(sides | sides >> 6) & judged;
            let before = finder & !((line << 1 | line << 2 | line << 3) << 1);
            let after = finder & !((line | line >> 1 | line >> 2) >> 8);
            // No finder pattern begins one module behind the beginning of another one.
            finders += (before | after << 1).count_ones();
        }
    }
    // N4 for each full five per cent that the dark share is away from a half.
    #[expect(clippy::cast_possible_truncation, reason = "no symbol has more than 85 lines")]
    let all = (size * size) as u32;
    let steps = (20 * dark).abs_diff(10 * all).div_ceil(all) - 1;
    fives + (N1 - 1) * ends + N2 * blocks + N3 * finders + N4 * steps
}

/// Rule 3 for narrow parts of two modules and more: how often there is light before or after.
fn wide_finders(drawn: &Lines, size: usize) -> u32 {
    let mut finders = 0;
    let mut lines = [false; SIZE_MAX];
    for strip in 0..strips(size) {
        let judged = judged(size, strip);
        let words = &drawn.0[strip][QUIET_ZONE..][..size];
        let mut columns = 0;
        for (y, suspect) in lines[..size].iter_mut().enumerate() {
            *suspect |= wide_middle(core::array::from_fn(|x| words[y] >> x)) & judged != 0;
            if let Some(&window) = words[y..].first_chunk() {
                columns |= wide_middle(window) & judged;
            }
        }
        while columns != 0 {
            let x = columns.trailing_zeros() as usize + STEP * strip;
            columns &= columns - 1;
            finders += wide_finders_in(drawn, size, x, true);
        }
    }
    for y in (0..size).filter(|y| lines[*y]) {
        finders += wide_finders_in(drawn, size, y, false);
    }
    finders
}

/// Where a dark run of six or more begins after two or more light modules, and what follows does
/// not rule out that it is the middle of a wide finder pattern.
fn wide_middle([a, b, c, d, e, f, g, h, i, j, k]: [Word; 11]) -> Word {
    c & d & e & f & g & h & k & !(a | b | (i ^ j))
}

/// Wide finder patterns in the line or column `at`.
fn wide_finders_in(drawn: &Lines, size: usize, at: usize, column: bool) -> u32 {
    // The quiet zone is as wide as need be.
    const QUIET: usize = 4 * SIZE_MAX;
    let mut finders = 0;
    let mut widths = [0; 7];
    let mut width = QUIET;
    let mut dark = false;
    // After the symbol stands its quiet zone, and then something dark, so that all runs end.
    for i in 0..size + 2 {
        let (x, y) = if column { (at, i) } else { (i, at) };
        let next = if i < size { drawn.dark(x, y) } else { i > size };
        if next != dark {
            let [_, before, a, b, c, d, e] = widths;
            widths = [before, a, b, c, d, e, width];
            if next && a >= 2 && [b, c, d, e] == [a, 3 * a, a, a] && before.min(width) >= a {
                finders += u32::from(before >= 4 * a) + u32::from(width >= 4 * a);
            }
            width = 0;
            dark = next;
        }
        width += if i == size { QUIET } else { 1 };
    }
    finders
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use proptest::prelude::*;

    use super::super::lines::STRIPS;
    use super::*;

    /// A square of modules, and the same as words.
    fn drawn(size: usize, dark: impl Fn(usize, usize) -> bool) -> (Vec<Vec<bool>>, Lines) {
        let rows = (0..size).map(|y| (0..size).map(|x| dark(x, y)).collect()).collect();
        let mut lines = Lines::new();
        for y in 0..size {
            for x in (0..size).filter(|&x| dark(x, y)) {
                lines.darken(x, y, 1);
            }
        }
        lines.join(STRIPS);
        (rows, lines)
    }

    fn penalty(lines: &Lines, size: usize) -> u32 {
        across(lines, size) + along(lines, size) + N3 * wide_finders(lines, size)
    }

    /// The rules as they are written, module by module.
    fn penalty_by_the_book(rows: &[Vec<bool>]) -> u32 {
        let size = rows.len();
        let columns = (0..size).map(|x| rows.iter().map(|row| row[x]).collect());
        let mut penalty = 0;
        for line in rows.iter().cloned().chain(columns) {
            let mut runs = Vec::new();
            for run in line.chunk_by(|a, b| a == b) {
                if run.len() >= 5 {
                    penalty += 3 + (run.len() - 5);
                }
                runs.push((run[0], run.len()));
            }
            // The quiet zone joins what is light at the ends.
            if runs[0].0 {
                runs.insert(0, (false, 0));
            }
            if runs[runs.len() - 1].0 {
                runs.push((false, 0));
            }
            runs[0].1 += 1000;
            runs.last_mut().unwrap().1 += 1000;
            for window in runs.windows(7).filter(|window| !window[0].0) {
                let [before, a, b, c, d, e, after] = [0, 1, 2, 3, 4, 5, 6].map(|i| window[i].1);
                if [b, c, d, e] == [a, 3 * a, a, a] && before >= a && after >= a {
                    penalty += 40 * usize::from(before >= 4 * a);
                    penalty += 40 * usize::from(after >= 4 * a);
                }
            }
        }
        for (upper, lower) in rows.iter().zip(&rows[1..]) {
            for (a, b) in upper.windows(2).zip(lower.windows(2)) {
                penalty += 3 * usize::from(a == b && a[0] == a[1]);
            }
        }
        let dark = rows.iter().flatten().filter(|&&dark| dark).count();
        let mut steps = 0;
        while (20 * dark).abs_diff(10 * size * size) > (steps + 1) * size * size {
            steps += 1;
        }
        u32::try_from(penalty + 10 * steps).unwrap()
    }

    /// Runs of random widths, so that all patterns of all widths come up.
    fn rows_of_runs() -> impl Strategy<Value = (usize, Vec<Vec<bool>>)> {
        let widths = prop::collection::vec((1usize..5, 0usize..40), 800);
        (0usize..17, widths).prop_map(|(version, widths)| {
            let size = 21 + 4 * version;
            let mut modules = Vec::new();
            let mut dark = false;
            for (n, kind) in widths {
                // Now and then a whole finder pattern with the light area before it.
                let parts: &[usize] = if kind == 0 { &[4, 1, 1, 3, 1, 1] } else { &[1] };
                for part in parts {
                    modules.extend(std::iter::repeat_n(dark, n * part));
                    dark = !dark;
                }
                dark ^= kind % 2 == 0;
            }
            let mut modules = modules.into_iter().cycle();
            (size, (0..size).map(|_| modules.by_ref().take(size).collect()).collect())
        })
    }

    proptest! {
        #[test]
        fn words_give_the_penalty_that_single_modules_give(
            (size, rows) in rows_of_runs(),
            turned in any::<bool>(),
        ) {
            let dark = |x: usize, y: usize| if turned { rows[x][y] } else { rows[y][x] };
            let (rows, lines) = drawn(size, dark);
            prop_assert_eq!(penalty(&lines, size), penalty_by_the_book(&rows));
        }
    }

    #[test]
    fn a_finder_pattern_of_any_width_is_seen_anywhere() {
        for size in [21, 25, 61, 65, 85] {
            for width in 1..=size / 7 {
                for start in 0..=size - 7 * width {
                    let in_pattern = |i: usize| match i.checked_sub(start) {
                        Some(i) => [true, false, true, true, true, false, true]
                            .get(i / width)
                            .is_some_and(|&dark| dark),
                        None => false,
                    };
                    for at in [0, size / 2, size - 1] {
                        let row = drawn(size, |x, y| y == at && in_pattern(x));
                        let column = drawn(size, |x, y| x == at && in_pattern(y));
                        for (rows, lines) in [row, column] {
                            let expected = penalty_by_the_book(&rows);
                            assert_eq!(penalty(&lines, size), expected, "{size} {width} {start}");
                            let wide = wide_finders(&lines, size);
                            assert_eq!(wide > 0, width > 1, "{size} {width} {start}");
                        }
                    }
                }
            }
        }
    }
}
