//! From the text to the sequence of codewords (clauses 7.4 to 7.6).

use super::Level;
use super::reed_solomon::Encoder;
use super::version::{CODEWORDS_MAX, Version};

/// Codewords of one symbol, in whole words.
pub(super) type Codewords = [u8; CODEWORDS_MAX.next_multiple_of(8)];

/// The codewords of `text`, data first and then error correction, blocks interleaved; zeros fill
/// the rest. The text must fit, see [`Version::holds`].
pub(super) fn codewords(text: &[u8], version: Version, level: Level) -> Codewords {
    let (correction, blocks) = version.blocks(level);
    let size = version.data_codewords(level);
    let mut data = data(text, version, size);
    let encoder = Encoder::new(correction);
    let correction = usize::from(correction);
    let mut sequence = [0; _];
    // The last blocks may be longer than the others by one codeword.
    let short = size / blocks;
    let first_long = blocks - size % blocks;
    let mut end = size;
    // From the last block to the first one: the codewords behind a block are not needed again,
    // and leave place for its error correction.
    for block in (0..blocks).rev() {
        let start = end - short - usize::from(block >= first_long);
        for (i, codeword) in data[start..end].iter().enumerate() {
            let missing = if i < short { 0 } else { first_long };
            sequence[i * blocks + block - missing] = *codeword;
        }
        data[end..][..correction].fill(0);
        encoder.divide(&mut data[start..end + correction]);
        for (i, codeword) in data[end..][..correction].iter().enumerate() {
            sequence[size + i * blocks + block] = *codeword;
        }
        end = start;
    }
    sequence
}

/// Byte mode, length, text, terminator and padding: `size` codewords.
fn data(text: &[u8], version: Version, size: usize) -> Codewords {
    const BYTE_MODE: u8 = 0b0100;
    const PADDING: [u8; 2] = [0xec, 0x11];
    let start = 1 + version.length_bytes();
    let end = start + text.len();
    let mut data = [0; _];
    data[0] = BYTE_MODE;
    // No length needs the higher one of two bytes.
    data[start - 1] = text.len().to_le_bytes()[0];
    data[start..end].copy_from_slice(text);
    // The mode has four bits only; those at the end become the terminator.
    for i in 0..end {
        data[i] = data[i] << 4 | data[i + 1] >> 4;
    }
    for i in end..size {
        data[i] = PADDING[(i - end) % 2];
    }
    data
}
