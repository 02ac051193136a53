//! Keys and ports that nobody used before.

use std::io;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::sync::{Mutex, PoisonError};

const LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// Ports below the range from which systems take those of outgoing connections, so that none of
/// them sits on a port between our choice and the start of the program that gets it.
const FIRST_PORT: u16 = 20_000;
const PORTS: u16 = 10_000;
const PORT_TRIES: u32 = 100;

/// The ports that this process was given. Each is held for UDP, which no program of ours listens
/// to, so that nobody else who asks here is given it, in this process or another, before the
/// program that is to listen on it has started, or while it starts again.
static GIVEN: Mutex<Vec<UdpSocket>> = Mutex::new(Vec::new());

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

/// A port of 127.0.0.1 on which nobody listens, and which is given to nobody else as long as this
/// process lives.
///
/// # Errors
///
/// When none of a hundred was free, or the system has no random numbers.
pub fn free_port() -> io::Result<u16> {
    for _ in 0..PORT_TRIES {
        let mut bytes = [0; 2];
        random(&mut bytes)?;
        let port = FIRST_PORT + u16::from_le_bytes(bytes) % PORTS;
        if let Ok(held) = claim(port) {
            GIVEN.lock().unwrap_or_else(PoisonError::into_inner).push(held);
            return Ok(port);
        }
    }
    Err(io::Error::other(format!("{PORT_TRIES} ports were all taken")))
}

/// First for UDP: who looks whether somebody listens takes the port for a moment.
fn claim(port: u16) -> io::Result<UdpSocket> {
    let held = UdpSocket::bind((Ipv4Addr::LOCALHOST, port))?;
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    Ok(held)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_key_has_32_letters_and_digits_and_no_two_are_the_same() {
        let (one, other) = (key().unwrap(), key().unwrap());
        assert_eq!(one.len(), 32);
        assert!(one.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_ne!(one, other);
    }

    #[test]
    fn a_free_port_can_be_listened_on_and_is_given_once() {
        let mut given = HashSet::new();
        for _ in 0..500 {
            let port = free_port().unwrap();
            assert!(given.insert(port), "{port} was given twice");
            assert!(TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok());
        }
    }

    #[test]
    fn a_port_that_was_given_or_is_listened_on_is_not_free() {
        let port = free_port().unwrap();
        assert_eq!(claim(port).unwrap_err().kind(), io::ErrorKind::AddrInUse, "it was given");
        let busy = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let taken = claim(busy.local_addr().unwrap().port());
        assert_eq!(taken.unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }
}
