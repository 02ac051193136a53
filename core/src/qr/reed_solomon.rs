//! Reed-Solomon error correction over GF(256) with x^8 + x^4 + x^3 + x^2 + 1 (clause 7.5).
//!
//! A block's remainder, 7 to 30 bytes, lies in four words, highest coefficient first, and is
//! multiplied by a field element as a whole; so there is no table of logarithms.

/// The numbers of error correction codewords that a block may have.
const DEGREES: [u8; 13] = [7, 10, 13, 15, 16, 17, 18, 20, 22, 24, 26, 28, 30];

/// For each degree the generator polynomial without its leading one.
const GENERATORS: [Polynomial; DEGREES.len()] = {
    let mut all = [[0; 4]; DEGREES.len()];
    let mut i = 0;
    while i < DEGREES.len() {
        all[i] = generator(DEGREES[i]);
        i += 1;
    }
    all
};

/// Thirty-two coefficients, the highest in the top byte of the first word.
type Polynomial = [u64; 4];

/// Computes error correction codewords of one length.
pub(super) struct Encoder {
    /// The generator times each field element below 16, then times each multiple of 16.
    multiples: [[Polynomial; 16]; 2],
}

impl Encoder {
    /// For blocks with `degree` error correction codewords, one of [`DEGREES`].
    pub(super) fn new(degree: usize) -> Self {
        let index = DEGREES.iter().position(|&d| usize::from(d) == degree);
        let mut power = GENERATORS[index.unwrap_or(0)];
        let mut multiples = [[[0; 4]; 16]; 2];
        for nibble in &mut multiples {
            for bit in [1, 2, 4, 8] {
                for i in 0..bit {
                    nibble[bit + i] = add(nibble[i], power);
                }
                power = power.map(double);
            }
        }
        Self { multiples }
    }

    /// The remainder of `data` times x^degree: the error correction codewords come first, in
    /// order, and zeros fill the rest.
    pub(super) fn remainder(&self, data: &[u8]) -> [u8; 32] {
        let mut rest: Polynomial = [0; 4];
        for &byte in data {
            let [a, b, c, d] = rest;
            let factor = usize::from(a.to_be_bytes()[0] ^ byte);
            let shifted = [a << 8 | b >> 56, b << 8 | c >> 56, c << 8 | d >> 56, d << 8];
            let low = self.multiples[0][factor % 16];
            let high = self.multiples[1][factor / 16];
            rest = add(shifted, add(low, high));
        }
        let mut codewords = [0; 32];
        for (bytes, word) in codewords.chunks_mut(8).zip(rest) {
            bytes.copy_from_slice(&word.to_be_bytes());
        }
        codewords
    }
}

fn add(a: Polynomial, b: Polynomial) -> Polynomial {
    core::array::from_fn(|i| a[i] ^ b[i])
}

/// Doubles eight field elements at once.
const fn double(elements: u64) -> u64 {
    const TOPS: u64 = 0x8080_8080_8080_8080;
    (elements & !TOPS) << 1 ^ ((elements & TOPS) >> 7) * 0x1d
}

/// The product of (x + 2^i) for i below `degree`.
const fn generator(degree: u8) -> Polynomial {
    let mut polynomial = [0; 4];
    let mut coefficients = [0; 32];
    coefficients[31] = 1;
    let mut root = 1;
    let mut n = 0;
    while n < degree {
        // Times x, plus times root; the lowest coefficient stands last.
        let mut i = 0;
        while i < 32 {
            let higher = if i < 31 { coefficients[i + 1] } else { 0 };
            coefficients[i] = higher ^ product(coefficients[i], root);
            i += 1;
        }
        root = double(root);
        n += 1;
    }
    let mut i = 0;
    while i < degree as usize {
        polynomial[i / 8] |= coefficients[32 - degree as usize + i] << (56 - i % 8 * 8);
        i += 1;
    }
    polynomial
}

/// The product of two field elements, each in the lowest byte.
const fn product(a: u64, b: u64) -> u64 {
    let mut sum = 0;
    let mut power = a;
    let mut bit = 0;
    while bit < 8 {
        sum ^= power * (b >> bit & 1);
        power = double(power);
        bit += 1;
    }
    sum
}
