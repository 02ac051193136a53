//! Keys and ports that nobody used before.

use std::io;
use std::net::{Ipv4Addr, TcpListener};

const LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// Ports below the range from which systems take those of outgoing connections, so that none of
/// them sits on a port between our choice and the start of the program that gets it.
const FIRST_PORT: u16 = 20_000;
const PORTS: u16 = 10_000;
const PORT_TRIES: u32 = 100;

#[expect(clippy::disallowed_methods, reason = "the one generator of this crate")]
fn random(bytes: &mut [u8]) -> io::Result<()> {
    getrandom::fill(bytes).map_err(|error| io::Error::other(error.to_string()))
}

/// A secret of 32 letters and digits, which is the form of a merchant key.
///
/// # Errors
///
/// When the system has no random numbers.
pub fn key() -> io::Result<String> {
    let mut bytes = [0; 32];
    random(&mut bytes)?;
    let letter = |byte: &u8| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]);
    Ok(bytes.iter().map(letter).collect())
}

/// A port of 127.0.0.1 that was free a moment ago.
///
/// # Errors
///
/// When none of a hundred was free, or the system has no random numbers.
pub fn free_port() -> io::Result<u16> {
    for _ in 0..PORT_TRIES {
        let mut bytes = [0; 2];
        random(&mut bytes)?;
        let port = FIRST_PORT + u16::from_le_bytes(bytes) % PORTS;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Err(io::Error::other(format!("{PORT_TRIES} ports were all taken")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_32_letters_and_digits_and_no_two_are_the_same() {
        let (one, other) = (key().unwrap(), key().unwrap());
        assert_eq!(one.len(), 32);
        assert!(one.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_ne!(one, other);
    }

    #[test]
    fn a_free_port_can_be_listened_on() {
        let port = free_port().unwrap();
        assert!(TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok());
    }
}
