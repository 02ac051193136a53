//! A square of dark and light modules as one SVG path.

use core::ops::Range;

/// The path of all dark modules: one rectangle for each run of them in a row, in whole units,
/// with `quiet` light modules on every side.
///
/// One path has no hairlines between its rectangles, which a decoder could stumble over. It is
/// drawn in a `viewBox` of `0 0 n n` where `n = size + 2 * quiet`.
pub(crate) fn svg_path<Runs: Iterator<Item = Range<usize>>>(
    size: usize,
    quiet: usize,
    runs: impl Fn(usize) -> Runs,
) -> String {
    // A row has a run for about every four modules, and a run takes about 14 bytes.
    let mut path = String::with_capacity(size * size * 4);
    for y in 0..size {
        for run in runs(y) {
            push_run(&mut path, run.start + quiet, y + quiet, run.len());
        }
    }
    path
}

/// `M{x} {y}h{run}v1h-{run}z`
fn push_run(path: &mut String, x: usize, y: usize, run: usize) {
    path.push('M');
    push_number(path, x);
    path.push(' ');
    push_number(path, y);
    path.push('h');
    push_number(path, run);
    path.push_str("v1h-");
    push_number(path, run);
    path.push('z');
}

const DIGITS: [char; 10] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'];

/// Decimal digits, without the size of the standard formatter.
fn push_number(path: &mut String, number: usize) {
    if number >= 10 {
        push_number(path, number / 10);
    }
    path.push(DIGITS[number % 10]);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The runs of `#` in a row of a picture.
    fn runs(row: &str) -> impl Iterator<Item = Range<usize>> {
        let mut at = 0;
        let mut found = Vec::new();
        for piece in row.split_inclusive('.') {
            let dark = piece.trim_end_matches('.').len();
            if dark > 0 {
                found.push(at..at + dark);
            }
            at += piece.len();
        }
        found.into_iter()
    }

    fn path_of(picture: &[&str], quiet: usize) -> String {
        svg_path(picture.len(), quiet, |y| runs(picture[y]))
    }

    #[test]
    fn each_run_of_dark_modules_is_one_rectangle() {
        assert_eq!(path_of(&["##.", "...", "..#"], 0), "M0 0h2v1h-2zM2 2h1v1h-1z");
        assert_eq!(path_of(&["#.#", "###", ".#."], 0).matches('M').count(), 4);
    }

    #[test]
    fn the_quiet_zone_moves_every_rectangle() {
        assert_eq!(path_of(&["#"], 4), "M4 4h1v1h-1z");
    }

    #[test]
    fn numbers_of_several_digits_keep_their_order() {
        let last_row = |y| (y == 176).then_some(60..177).into_iter();
        assert_eq!(svg_path(177, 4, last_row), "M64 180h117v1h-117z");
    }

    #[test]
    fn a_light_square_has_an_empty_path() {
        assert_eq!(path_of(&["...", "...", "..."], 4), "");
    }
}
