//! What tells whether bytes are whole: on a line, in a journal, in a flash.

/// Bytes of a check.
pub const CHECK_LEN: usize = 4;

/// The CRC-32 of Ethernet and zip, a bit at a time: line and flash are slower than this.
#[derive(Clone, Copy, Debug)]
pub struct Check(u32);

impl Default for Check {
    fn default() -> Self {
        Self::new()
    }
}

impl Check {
    /// Of no bytes.
    #[must_use]
    pub const fn new() -> Self {
        Self(u32::MAX)
    }

    /// With one more byte.
    #[must_use]
    pub const fn with(self, byte: u8) -> Self {
        // A byte always fits.
        let mut crc = self.0 ^ byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
            bit += 1;
        }
        Self(crc)
    }

    /// Of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        bytes.iter().fold(Self::new(), |check, byte| check.with(*byte))
    }

    /// The check itself.
    #[must_use]
    pub const fn get(self) -> u32 {
        !self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_is_the_usual_crc_32() {
        assert_eq!(Check::of(b"123456789").get(), 0xcbf4_3926);
    }
}
