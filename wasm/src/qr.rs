//! Core's QR codes for JavaScript.

use crate::path::svg_path;
use saoma_core::qr::{self, Level, Matrix, QUIET_ZONE};
use wasm_bindgen::prelude::*;

/// The QR code of a text: the smallest that holds it, at the highest level that fits into it.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Qr(Matrix);

#[wasm_bindgen]
impl Qr {
    /// The code of a text; `undefined`: the text is too long.
    #[must_use]
    pub fn encode(text: &str) -> Option<Self> {
        qr::encode_at_least(text, Level::L).ok().map(Self)
    }

    /// Modules on each side, without the quiet zone.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn size(&self) -> usize {
        self.0.size()
    }

    /// Modules on each side, with the quiet zone.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn side(&self) -> usize {
        self.0.size() + 2 * QUIET_ZONE
    }

    /// The dark modules as one SVG path in a `viewBox` of `0 0 side side`.
    #[must_use]
    pub fn path(&self) -> String {
        svg_path(self.0.size(), QUIET_ZONE, |y| self.0.runs(y))
    }

    /// The modules without the quiet zone row by row, one byte each; 1 is dark.
    #[must_use]
    pub fn modules(&self) -> Vec<u8> {
        let size = self.0.size();
        (0..size * size).map(|at| u8::from(self.0.dark(at % size, at / size))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE_URL: &str = "weixin://wxpay/bizpayurl?pr=a1B2c3Dzz";

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
    fn the_path_paints_the_matrix_inside_its_quiet_zone() {
        let code = Qr::encode(CODE_URL).unwrap();
        let (size, side) = (code.size(), code.side());
        let painted = paint(&code.path(), side);
        let modules = code.modules();
        for (at, &dark) in painted.iter().enumerate() {
            let inside = |position: usize| position.checked_sub(4).filter(|&p| p < size);
            let expected = match (inside(at % side), inside(at / side)) {
                (Some(x), Some(y)) => modules[y * size + x] == 1,
                (None, _) | (_, None) => false,
            };
            assert_eq!(dark, expected, "column {}, row {}", at % side, at / side);
        }
    }

    #[test]
    fn a_code_url_takes_the_smallest_code_at_the_best_level_it_has_room_for() {
        let code = Qr::encode(CODE_URL).unwrap();
        assert_eq!((code.0.version(), code.0.level()), (3, Level::M));
        assert_eq!((code.size(), code.side()), (29, 37));
    }

    #[test]
    fn a_text_without_room_has_no_code() {
        assert!(Qr::encode(&"x".repeat(qr::TEXT_MAX)).is_some());
        assert!(Qr::encode(&"x".repeat(qr::TEXT_MAX + 1)).is_none());
    }
}
