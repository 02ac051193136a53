//! A square of dark and light modules as one SVG path.

/// Writes the path of all dark modules: one rectangle for each run of them in a row, in whole
/// units, with `quiet` light modules on every side.
///
/// One path has no hairlines between its rectangles, which a decoder could stumble over. It is
/// drawn in a `viewBox` of `0 0 n n` where `n = size + 2 * quiet`. `part(y, i)` are the modules of
/// row `y` from column `32 * i` on, the first at bit 0; behind the symbol they are light.
pub(crate) fn svg_path(
    size: u32,
    quiet: u32,
    part: impl Fn(u32, u32) -> u32,
    write: impl FnMut(u8),
) {
    let mut pen = Pen { write };
    for y in 0..size {
        // Where a run began that is not at its end.
        let mut start = None;
        for first in (0..=size).step_by(32) {
            let word = part(y, first / 32);
            let mut at = 0;
            while at < 32 {
                let rest = word >> at;
                match start {
                    None => {
                        at += rest.trailing_zeros();
                        if at < 32 {
                            start = Some(first + at);
                        }
                    }
                    Some(begin) => {
                        at += rest.trailing_ones();
                        if at < 32 {
                            pen.run(begin + quiet, y + quiet, first + at - begin);
                            start = None;
                        }
                    }
                }
            }
        }
    }
}

/// Writes letters and numbers below a hundred.
struct Pen<Write> {
    write: Write,
}

impl<Write: FnMut(u8)> Pen<Write> {
    /// `M{x} {y}h{run}v1h-{run}z`
    fn run(&mut self, x: u32, y: u32, run: u32) {
        for (letter, number) in [(b'M', x), (b' ', y), (b'h', run)] {
            (self.write)(letter);
            self.number(number);
        }
        for letter in *b"v1h-" {
            (self.write)(letter);
        }
        self.number(run);
        (self.write)(b'z');
    }

    /// Decimal digits, without the size of the standard formatter.
    fn number(&mut self, number: u32) {
        let [number, ..] = number.to_le_bytes();
        if number >= 10 {
            (self.write)(b'0' + number / 10);
        }
        (self.write)(b'0' + number % 10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path_of(picture: &[&str], quiet: u32) -> String {
        let part = |y: u32, part: u32| {
            let columns = picture[y as usize].bytes().skip(32 * part as usize).take(32);
            columns.enumerate().fold(0, |word, (x, byte)| word | u32::from(byte == b'#') << x)
        };
        let mut path = String::new();
        let size = u32::try_from(picture.len()).unwrap();
        svg_path(size, quiet, part, |byte| path.push(char::from(byte)));
        path
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
    fn a_run_may_be_long_and_end_anywhere() {
        for size in [31, 32, 33, 63, 64, 65, 85] {
            let (light, dark) = (".".repeat(size), "#".repeat(size));
            let mut picture = vec![light.as_str(); size];
            picture[size - 1] = &dark;
            let y = size - 1 + 4;
            assert_eq!(path_of(&picture, 4), format!("M4 {y}h{size}v1h-{size}z"));
        }
    }

    #[test]
    fn a_light_square_has_an_empty_path() {
        assert_eq!(path_of(&["...", "...", "..."], 4), "");
    }
}
