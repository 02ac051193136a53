//! QR Code symbols (ISO/IEC 18004, model 2) without heap: from a text to a square of modules.
//!
//! Written for the code that a customer scans, a `code_url` of up to 64 bytes that is drawn anew
//! on small machines and in browsers: a symbol is a few machine words a line, and all that the
//! standard asks for, the choice of the best mask included, is done on whole words.
//!
//! ```
//! use saoma_core::qr::{Level, encode_at_least};
//!
//! let code = encode_at_least("weixin://wxpay/bizpayurl?pr=a1B2c3Dzz", Level::L)?;
//! assert_eq!((code.size(), code.level()), (29, Level::M));
//! assert_eq!(code.row(0) & 0xff, 0b0111_1111, "the upper edge of a finder pattern, and light");
//! for y in 0..code.size() {
//!     for run in code.runs(y) {
//!         // Fill the columns `run` of row `y`.
//! #       assert!(run.clone().all(|x| code.dark(x, y)));
//!     }
//! }
//! # Ok::<(), saoma_core::qr::TooLong>(())
//! ```
//!
//! # What this module refuses to do
//! - **Other modes.** Text is always written in byte mode as UTF-8. A `code_url` has lower case
//!   letters, which numeric and alphanumeric mode cannot write, and no Kanji.
//! - **Extended channel interpretation.** Readers take bytes for UTF-8 where they are UTF-8, and
//!   some readers do not know the designator.
//! - **Structured append, FNC1, Micro QR.** A payment is one code, and phones read model 2.
//! - **More than [`TEXT_MAX`] bytes.** A denser code is hard to scan from a till's screen, and
//!   the limit keeps a [`Matrix`] below 1.6 KB and the stack that it takes to make one below 12 KB.
//! - **Drawing.** A matrix has neither colour nor size; whoever draws it leaves [`QUIET_ZONE`]
//!   light modules on each side.

mod codewords;
mod lines;
mod mask;
mod penalty;
mod reed_solomon;
mod sheet;
#[cfg(test)]
mod tests;
mod version;

use core::fmt;
use core::ops::Range;

use lines::Lines;
use mask::Mask;
use sheet::Sheet;
use version::Version;

/// Light modules that a drawing leaves on each side of the symbol.
pub const QUIET_ZONE: usize = 4;

/// The longest text that is encoded, in bytes of UTF-8.
pub const TEXT_MAX: usize = 255;

/// How much of a symbol may be unreadable: about 7, 15, 25 or 30 per cent.
///
/// ```
/// use saoma_core::qr::{Level, encode};
///
/// let text = "weixin://wxpay/bizpayurl?pr=a1B2c3Dzz";
/// assert!(encode(text, Level::H)?.size() > encode(text, Level::L)?.size());
/// # Ok::<(), saoma_core::qr::TooLong>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Level {
    /// About 7 per cent.
    L,
    /// About 15 per cent.
    M,
    /// About 25 per cent.
    Q,
    /// About 30 per cent.
    H,
}

/// The text has more than [`TEXT_MAX`] bytes.
///
/// ```
/// use saoma_core::qr::{Level, TEXT_MAX, encode};
///
/// assert!(encode(&"x".repeat(TEXT_MAX), Level::L).is_ok());
/// assert!(encode(&"x".repeat(TEXT_MAX + 1), Level::L).is_err());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TooLong {
    /// Bytes of the text.
    pub len: usize,
    /// Bytes that would have been encoded.
    pub max: usize,
}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes are too many for a QR code, at most {} are drawn", self.len, self.max)
    }
}

impl core::error::Error for TooLong {}

/// A finished symbol, without quiet zone.
///
/// An example is at [the module](self).
#[derive(Clone, PartialEq, Eq)]
pub struct Matrix {
    version: Version,
    level: Level,
    mask: Mask,
    rows: Lines,
}

/// Encodes a text at a level: the smallest version that holds it, the mask with the least
/// penalty.
///
/// # Errors
/// The text has more than [`TEXT_MAX`] bytes.
pub fn encode(text: &str, level: Level) -> Result<Matrix, TooLong> {
    let version = Version::smallest(text.len(), level)?;
    Ok(Matrix::new(text.as_bytes(), version, level, None))
}

/// Encodes a text like [`encode`], and then raises the level as far as the same version allows:
/// the symbol gets safer without getting denser.
///
/// # Errors
/// The text has more than [`TEXT_MAX`] bytes.
pub fn encode_at_least(text: &str, least: Level) -> Result<Matrix, TooLong> {
    encode_utf8_at_least(text.as_bytes(), least)
}

/// Encodes like [`encode_at_least`] a text that is known to be UTF-8, as what JavaScript's
/// `TextEncoder` writes is: nobody reads it twice.
///
/// # Errors
/// The text has more than [`TEXT_MAX`] bytes.
pub fn encode_utf8_at_least(text: &[u8], least: Level) -> Result<Matrix, TooLong> {
    let version = Version::smallest(text.len(), least)?;
    let mut levels = [Level::H, Level::Q, Level::M].into_iter();
    let higher = levels.find(|&level| level > least && version.holds(text.len(), level));
    let level = higher.unwrap_or(least);
    Ok(Matrix::new(text, version, level, None))
}

/// Encodes a text like [`encode`], but with the mask `mask % 8`, whatever its penalty: for
/// comparing symbols with those of other encoders.
///
/// # Errors
/// The text has more than [`TEXT_MAX`] bytes.
pub fn encode_with_mask(text: &str, level: Level, mask: u8) -> Result<Matrix, TooLong> {
    let version = Version::smallest(text.len(), level)?;
    Ok(Matrix::new(text.as_bytes(), version, level, Some(Mask::new(mask))))
}

impl Matrix {
    /// The text must fit, see [`Version::holds`].
    fn new(text: &[u8], version: Version, level: Level, mask: Option<Mask>) -> Self {
        let codewords = codewords::codewords(text, version, level);
        let sheet = Sheet::new(version, &codewords);
        let mask = mask.unwrap_or_else(|| penalty::best_mask(&sheet, level));
        let mut rows = Lines::new();
        sheet.draw(mask, level, &mut rows);
        Self { version, level, mask, rows }
    }

    /// Modules a side, 21 to 85.
    #[must_use]
    pub fn size(&self) -> usize {
        self.version.size()
    }

    /// Whether the module in column `x` of row `y` is dark, both counted from the upper left
    /// corner. Outside the symbol everything is light.
    #[must_use]
    pub fn dark(&self, x: usize, y: usize) -> bool {
        x < 128 && self.row(y) >> x & 1 == 1
    }

    /// A row of modules, column `x` at bit `x`, dark modules set. Outside the symbol everything
    /// is light.
    #[must_use]
    pub fn row(&self, y: usize) -> u128 {
        self.rows.line(y)
    }

    /// The 32 modules of a row from column `32 * part` on, the first at bit 0: what
    /// [`row`](Self::row) gives, for machines whose words are narrow.
    #[must_use]
    pub fn row_part(&self, y: usize, part: u32) -> u32 {
        if part < 4 { self.rows.part(32 * part, y) } else { 0 }
    }

    /// The dark modules of a row as ranges of columns from left to right: what a drawing fills.
    pub fn runs(&self, y: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        let mut row = self.row(y);
        core::iter::from_fn(move || {
            // Adding its lowest bit carries through the lowest run and lands just behind it.
            let carried = row + (row & row.wrapping_neg());
            let run = row.trailing_zeros() as usize..carried.trailing_zeros() as usize;
            row &= carried;
            (!run.is_empty()).then_some(run)
        })
    }

    /// The version, 1 to 17: a symbol has `17 + 4 * version` modules a side.
    #[must_use]
    pub fn version(&self) -> usize {
        self.version.number()
    }

    /// The level, which may be higher than the one asked for.
    #[must_use]
    pub fn level(&self) -> Level {
        self.level
    }

    /// The number of the mask, 0 to 7.
    #[must_use]
    pub fn mask(&self) -> u8 {
        self.mask.number()
    }
}

/// Prints the symbol's parameters and not its modules.
impl fmt::Debug for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Matrix")
            .field("version", &self.version())
            .field("level", &self.level)
            .field("mask", &self.mask())
            .finish()
    }
}
