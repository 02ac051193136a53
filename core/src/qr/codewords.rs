//! From the text to the sequence of codewords (clauses 7.4 to 7.6).

use super::Level;
use super::reed_solomon::Encoder;
use super::version::{CODEWORDS_MAX, Version};

/// Whole words, so that readers may take eight at once.
pub(super) type Codewords = [u8; CODEWORDS_MAX.next_multiple_of(8)];

/// The codewords of `text`, data first and then error correction, blocks interleaved; zeros fill
/// the rest. The text must fit, see [`Version::holds`].
pub(super) fn codewords(text: &[u8], version: Version, level: Level) -> Codewords {
    let mut buffer = [0; CODEWORDS_MAX];
    let data = &mut buffer[..version.data_codewords(level)];
    write_data(text, version, data);

    let (correction, blocks) = version.blocks(level);
    let encoder = Encoder::new(correction);
    let short = data.len() / blocks;
    let first_long = blocks - data.len() % blocks;
    let mut sequence = [0; _];
    let mut rest = &*data;
    for block in 0..blocks {
        let long = usize::from(block >= first_long);
        let (own, others) = rest.split_at(short + long);
        rest = others;
        let (common, last) = own.split_at(short);
        scatter(common, &mut sequence[block..], blocks);
        let place = short * blocks + block.saturating_sub(first_long);
        scatter(last, &mut sequence[place..], blocks);
        let remainder = encoder.remainder(own);
        scatter(&remainder[..correction], &mut sequence[data.len() + block..], blocks);
    }
    sequence
}

/// Writes `codewords` to every `step`th place.
fn scatter(codewords: &[u8], places: &mut [u8], step: usize) {
    for (place, codeword) in places.iter_mut().step_by(step).zip(codewords) {
        *place = *codeword;
    }
}

/// Byte mode, length, text, terminator and padding. The mode takes half a byte, so that
/// everything after it lies across two bytes.
fn write_data(text: &[u8], version: Version, data: &mut [u8]) {
    const MODE_BYTE: u8 = 0b0100;
    let length = text.len().to_be_bytes();
    let length = &length[length.len() - version.length_bytes()..];
    let mut places = data.iter_mut();
    let mut carry = MODE_BYTE;
    // The last zero is the terminator.
    for (byte, place) in length.iter().chain(text).chain(&[0]).zip(&mut places) {
        *place = carry << 4 | byte >> 4;
        carry = byte & 0x0f;
    }
    for (place, padding) in places.zip([0xec, 0x11].into_iter().cycle()) {
        *place = padding;
    }
}
