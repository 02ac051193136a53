//! Core's QR codes for JavaScript: a text goes into [`qr_text`], [`qr_encode`] makes its code, and
//! [`qr_rows`] or [`qr_path`] is where to read it.

use core::sync::atomic::{AtomicU8, AtomicU32, Ordering::Relaxed};

use crate::path::svg_path;
use saoma_core::qr::{self, Level, QUIET_ZONE, TEXT_MAX};
use wasm_bindgen::prelude::*;

const SIZE_MAX: usize = 85;
/// Words of a row.
const PARTS: usize = SIZE_MAX.div_ceil(32);
/// A row has a run for every two modules at most, and a run takes at most 16 bytes.
const PATH_MAX: usize = SIZE_MAX * SIZE_MAX.div_ceil(2) * 16;

// JavaScript reads and writes these while none of our functions runs. Atomic values may be written
// through a shared reference without `unsafe`; a module without threads reads and writes them like
// any other.
static TEXT: [AtomicU8; TEXT_MAX] = [const { AtomicU8::new(0) }; TEXT_MAX];
static ROWS: [[AtomicU32; PARTS]; SIZE_MAX] =
    [const { [const { AtomicU32::new(0) }; PARTS] }; SIZE_MAX];
static PATH: [AtomicU8; PATH_MAX] = [const { AtomicU8::new(0) }; PATH_MAX];

/// Where a text of up to 255 bytes of UTF-8 is to be written.
#[wasm_bindgen(js_name = qrText)]
#[must_use]
pub fn qr_text() -> usize {
    TEXT.as_ptr() as usize
}

/// Where the code's rows are, three words each, column `x` at bit `x % 32` of word `x / 32`.
#[wasm_bindgen(js_name = qrRows)]
#[must_use]
pub fn qr_rows() -> usize {
    ROWS.as_ptr() as usize
}

/// Where the code's path is.
#[wasm_bindgen(js_name = qrPath)]
#[must_use]
pub fn qr_path() -> usize {
    PATH.as_ptr() as usize
}

/// Makes the code of the text's first `len` bytes: the smallest that holds it, at the highest
/// level that fits into it. Gives the modules a side; 0: the text is too long.
#[wasm_bindgen(js_name = qrEncode)]
#[must_use]
pub fn qr_encode(len: usize) -> usize {
    let mut text = [0; TEXT_MAX];
    for (byte, from) in text.iter_mut().zip(&TEXT) {
        *byte = from.load(Relaxed);
    }
    let Some(text) = text.get(..len) else { return 0 };
    let Ok(code) = qr::encode_utf8_at_least(text, Level::L) else { return 0 };
    for (y, row) in ROWS.iter().enumerate() {
        for (part, word) in (0..).zip(row) {
            word.store(code.row_part(y, part), Relaxed);
        }
    }
    code.size()
}

/// Writes the path of the code of `size` modules a side that was made last, quiet zone included,
/// in ASCII, and gives its length.
#[wasm_bindgen(js_name = qrDraw)]
#[must_use]
pub fn qr_draw(size: u32) -> usize {
    let part = |y: u32, part: u32| {
        let word = ROWS.get(y as usize).and_then(|row| row.get(part as usize));
        word.map_or(0, |word| word.load(Relaxed))
    };
    let mut len = 0;
    #[expect(clippy::cast_possible_truncation, reason = "it is four")]
    svg_path(size, QUIET_ZONE as u32, part, |byte| {
        if let Some(place) = PATH.get(len) {
            place.store(byte, Relaxed);
            len += 1;
        }
    });
    len
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    /// The tests run side by side, and there is one code at a time.
    static ONE: Mutex<()> = Mutex::new(());

    fn write(text: &str) -> usize {
        for (place, byte) in TEXT.iter().zip(text.bytes()) {
            place.store(byte, Relaxed);
        }
        qr_encode(text.len())
    }

    /// Fills the rectangles of a path on a sheet of `side * side`.
    fn paint(path: &str, side: usize) -> Vec<bool> {
        let mut sheet = vec![false; side * side];
        for run in path.split_terminator('z') {
            let (x, rest) = run[1..].split_once(' ').unwrap();
            let (y, rest) = rest.split_once('h').unwrap();
            let (length, back) = rest.split_once("v1h-").unwrap();
            assert_eq!(length, back);
            let start = y.parse::<usize>().unwrap() * side + x.parse::<usize>().unwrap();
            sheet[start..start + length.parse::<usize>().unwrap()].fill(true);
        }
        sheet
    }

    #[test]
    fn rows_and_path_are_the_matrix_of_core() {
        let _one = ONE.lock().unwrap();
        for len in 0..=TEXT_MAX {
            let text = "weixin://wxpay/bizpayurl?pr=".chars().cycle().take(len).collect::<String>();
            let size = write(&text);
            let code = qr::encode_at_least(&text, Level::L).unwrap();
            assert_eq!(size, code.size());
            let drawn = qr_draw(u32::try_from(size).unwrap());
            let path = PATH[..drawn].iter().map(|byte| char::from(byte.load(Relaxed)));
            let side = size + 2 * QUIET_ZONE;
            for (at, dark) in paint(&path.collect::<String>(), side).into_iter().enumerate() {
                let [x, y] = [at % side, at / side].map(|at| at.wrapping_sub(QUIET_ZONE));
                assert_eq!(dark, code.dark(x, y), "column {x}, row {y} of {text}");
                if x < size && y < size {
                    assert_eq!(ROWS[y][x / 32].load(Relaxed) >> (x % 32) & 1 == 1, dark);
                }
            }
        }
    }

    #[test]
    fn a_text_without_room_has_no_code() {
        let _one = ONE.lock().unwrap();
        assert_eq!(qr_encode(TEXT_MAX + 1), 0);
        assert_eq!(qr_encode(usize::MAX), 0);
    }

    #[test]
    fn the_longest_path_has_room() {
        assert!(PATH_MAX >= SIZE_MAX * SIZE_MAX.div_ceil(2) * "M88 88h1v1h-1z".len());
    }
}
