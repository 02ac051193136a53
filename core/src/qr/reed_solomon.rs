//! Reed-Solomon error correction over GF(256) with x^8 + x^4 + x^3 + x^2 + 1 (clause 7.5).
//!
//! The coefficients of a polynomial are multiplied by a field element all at once, eight in a
//! word; so there are no tables of logarithms or of generators.

/// Thirty-two coefficients, the highest in the top byte of the first word.
type Polynomial = [u64; 4];

/// A polynomial times 1, 2, 4, ... 128.
type Multiples = [Polynomial; 8];

/// Computes error correction codewords of one length.
pub(super) struct Encoder {
    /// Of the generator polynomial without its leading one.
    multiples: Multiples,
    rest: Polynomial,
}

impl Encoder {
    /// For blocks with `degree` error correction codewords, at most 31.
    pub(super) fn new(degree: usize) -> Self {
        let mut generator = [0; 4];
        let mut root = 1;
        // Times (x + root), for the roots 1, 2, 4, ...: the leading one and what is below it move
        // down beside what is there.
        for _ in 0..degree {
            let [a, b, c, d] = generator;
            let lower = [1 << 56 | a >> 8, a << 56 | b >> 8, b << 56 | c >> 8, c << 56 | d >> 8];
            generator = add(generator, product(&multiples(lower), root));
            root = double(root);
        }
        Self { multiples: multiples(generator), rest: [0; 4] }
    }

    /// Takes the next codeword of a block.
    pub(super) fn push(&mut self, codeword: u8) {
        let [a, b, c, d] = self.rest;
        let factor = a >> 56 ^ u64::from(codeword);
        let shifted = [a << 8 | b >> 56, b << 8 | c >> 56, c << 8 | d >> 56, d << 8];
        self.rest = add(shifted, product(&self.multiples, factor));
    }

    /// Ends a block: its error correction codewords in order, then zeros.
    pub(super) fn finish(&mut self) -> impl Iterator<Item = u8> + use<> {
        core::mem::take(&mut self.rest).map(u64::to_be_bytes).into_iter().flatten()
    }
}

fn add(a: Polynomial, b: Polynomial) -> Polynomial {
    core::array::from_fn(|i| a[i] ^ b[i])
}

/// Doubles eight field elements.
fn double(elements: u64) -> u64 {
    const TOPS: u64 = 0x8080_8080_8080_8080;
    let overflow = elements & TOPS;
    ((elements ^ overflow) << 1) ^ ((overflow - (overflow >> 7)) & 0x1d1d_1d1d_1d1d_1d1d)
}

fn multiples(polynomial: Polynomial) -> Multiples {
    let mut multiples = [polynomial; 8];
    for i in 1..8 {
        multiples[i] = multiples[i - 1].map(double);
    }
    multiples
}

/// The polynomial times a field element.
fn product(multiples: &Multiples, factor: u64) -> Polynomial {
    let mut sum = [0; 4];
    for (bit, multiple) in multiples.iter().enumerate() {
        let wanted = (factor >> bit & 1).wrapping_neg();
        sum = add(sum, multiple.map(|word| word & wanted));
    }
    sum
}
