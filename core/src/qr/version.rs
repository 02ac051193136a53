//! Sizes and capacities of the versions (ISO/IEC 18004, tables 1, 7 and 9), mostly by formula.

use super::{Level, TEXT_MAX, TooLong};

/// The largest version this encoder needs: the first that holds [`TEXT_MAX`] bytes at level H.
pub(super) const VERSION_MAX: usize = 17;
/// Modules a side of the largest version.
pub(super) const SIZE_MAX: usize = 17 + 4 * VERSION_MAX;
/// Codewords of the largest version, data and error correction together.
pub(super) const CODEWORDS_MAX: usize = 815;

/// For each version from 1 and each level from L: error correction codewords in a block, blocks.
const BLOCKS: [[(u8, u8); 4]; VERSION_MAX] = [
    [(7, 1), (10, 1), (13, 1), (17, 1)],
    [(10, 1), (16, 1), (22, 1), (28, 1)],
    [(15, 1), (26, 1), (18, 2), (22, 2)],
    [(20, 1), (18, 2), (26, 2), (16, 4)],
    [(26, 1), (24, 2), (18, 4), (22, 4)],
    [(18, 2), (16, 4), (24, 4), (28, 4)],
    [(20, 2), (18, 4), (18, 6), (26, 5)],
    [(24, 2), (22, 4), (22, 6), (26, 6)],
    [(30, 2), (22, 5), (20, 8), (24, 8)],
    [(18, 4), (26, 5), (24, 8), (28, 8)],
    [(20, 4), (30, 5), (28, 8), (24, 11)],
    [(24, 4), (22, 8), (26, 10), (28, 11)],
    [(26, 4), (22, 9), (24, 12), (22, 16)],
    [(30, 4), (24, 9), (20, 16), (24, 16)],
    [(22, 6), (24, 10), (30, 12), (24, 18)],
    [(24, 6), (28, 10), (24, 17), (30, 16)],
    [(28, 6), (28, 11), (28, 16), (28, 19)],
];

/// A version, 1 to [`VERSION_MAX`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Version(u8);

impl Version {
    /// The smallest version that holds a text of `len` bytes at `level`.
    pub(super) fn smallest(len: usize, level: Level) -> Result<Self, TooLong> {
        let too_long = TooLong { len, max: TEXT_MAX };
        if len > TEXT_MAX {
            return Err(too_long);
        }
        let mut versions = (1..).take(VERSION_MAX).map(Self);
        versions.find(|version| version.holds(len, level)).ok_or(too_long)
    }

    /// Whether a text of `len` bytes fits at `level`.
    ///
    /// In front of the text stand four bits of mode and the length; the four bits that are left
    /// in the last of these bytes are always free for the terminator.
    pub(super) fn holds(self, len: usize, level: Level) -> bool {
        1 + self.length_bytes() + len <= self.data_codewords(level)
    }

    /// The version's number.
    pub(super) fn number(self) -> usize {
        usize::from(self.0)
    }

    /// Modules a side.
    pub(super) fn size(self) -> usize {
        17 + 4 * self.number()
    }

    /// Bytes that tell the length of a text in byte mode (table 3).
    pub(super) fn length_bytes(self) -> usize {
        if self.0 < 10 { 1 } else { 2 }
    }

    /// Error correction codewords in a block, and the number of blocks.
    pub(super) fn blocks(self, level: Level) -> (u8, usize) {
        let (correction, blocks) = BLOCKS[self.number() - 1][level as usize];
        (correction, blocks.into())
    }

    /// Codewords that carry data.
    pub(super) fn data_codewords(self, level: Level) -> usize {
        let (correction, blocks) = self.blocks(level);
        self.codewords() - usize::from(correction) * blocks
    }

    /// All codewords: the modules that no function pattern takes, eight by eight.
    fn codewords(self) -> usize {
        let number = self.number();
        let mut modules = (16 * number + 128) * number + 64;
        if number >= 2 {
            let a = self.alignments();
            modules -= (25 * a - 10) * a - 55;
        }
        if number >= 7 {
            modules -= 36;
        }
        modules / 8
    }

    /// Alignment patterns on the top edge, counting the two places that finder patterns take.
    pub(super) fn alignments(self) -> usize {
        if self.0 == 1 { 0 } else { self.number() / 7 + 2 }
    }

    /// Centre of the alignment pattern at `index` along an edge (annex E).
    pub(super) fn alignment(self, index: usize) -> usize {
        if index == 0 {
            return 6;
        }
        let gaps = self.alignments() - 1;
        let step = 2 * ((4 * self.number() + 3) / (2 * gaps) + 1);
        self.size() - 7 - step * (gaps - index)
    }

    /// The 18 bits of version information (annex D); versions below 7 carry none.
    pub(super) fn information(self) -> Option<u32> {
        let number = u32::from(self.0);
        (number >= 7).then(|| {
            let divide = |rest: u32, _| (rest << 1) ^ ((rest >> 11) * 0x1f25);
            let remainder = (0..12).fold(number, divide);
            number << 12 | remainder
        })
    }
}
