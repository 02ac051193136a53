//! Reed-Solomon error correction over GF(256) with x^8 + x^4 + x^3 + x^2 + 1 (clause 7.5).

/// Error correction codewords of a block, at most.
pub(super) const DEGREE_MAX: u8 = 30;

/// The coefficients of a polynomial, the highest first.
type Coefficients = [u8; DEGREE_MAX as usize];

/// Computes error correction codewords of one length.
pub(super) struct Encoder {
    /// The powers of two, twice round.
    powers: [u8; 512],
    /// The exponent of each field element but zero.
    exponents: [u8; 256],
    /// The exponents of the generator polynomial's coefficients but the leading one. No
    /// coefficient is zero.
    generator: Coefficients,
    degree: u8,
}

impl Encoder {
    /// For blocks with `degree` error correction codewords, at most [`DEGREE_MAX`].
    pub(super) fn new(degree: u8) -> Self {
        let mut powers = [0; 512];
        let mut exponents = [0; 256];
        let mut power = 1;
        for exponent in 0..255 {
            powers[usize::from(exponent)] = power;
            exponents[usize::from(power)] = exponent;
            power = (power << 1) ^ ((power >> 7) * 0x1d);
        }
        powers.copy_within(..255, 255);
        let mut encoder = Self { powers, exponents, generator: [0; _], degree };
        let mut generator: Coefficients = [0; _];
        for root in 0..degree {
            // Times (x + 2^root).
            let mut higher = 1;
            for coefficient in &mut generator[..=usize::from(root)] {
                let exponent = encoder.exponents[usize::from(higher)];
                higher = *coefficient;
                *coefficient ^= encoder.power(exponent, root);
            }
        }
        for (exponent, coefficient) in encoder.generator.iter_mut().zip(generator) {
            *exponent = encoder.exponents[usize::from(coefficient)];
        }
        encoder
    }

    /// Two to the power of a sum.
    fn power(&self, exponent: u8, other: u8) -> u8 {
        self.powers[usize::from(exponent) + usize::from(other)]
    }

    /// Divides what stands in front of the last `degree` codewords, which are zero, by the
    /// generator polynomial: there the remainder is left, the error correction codewords.
    pub(super) fn divide(&self, block: &mut [u8]) {
        let generator = &self.generator[..usize::from(self.degree)];
        let mut rest = block;
        while let [first, others @ ..] = rest {
            let Some(lower) = others.get_mut(..generator.len()) else {
                break;
            };
            if *first != 0 {
                let exponent = self.exponents[usize::from(*first)];
                for (coefficient, &other) in lower.iter_mut().zip(generator) {
                    *coefficient ^= self.power(exponent, other);
                }
            }
            rest = others;
        }
    }
}
