//! When a certificate ends: the one thing of it that we read ourselves.

use crate::time::UnixTime;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// Beijing is ahead of UTC by this.
const BEIJING_S: u64 = 8 * 3_600;

/// `notAfter` of a certificate (RFC 5280 §4.1) in DER, or `None` when it cannot be found.
pub(super) fn not_after(certificate: &[u8]) -> Option<UnixTime> {
    let (certificate, _) = of(SEQUENCE, certificate)?;
    let (mut rest, _) = of(SEQUENCE, certificate)?;
    // Left out in certificates of the first version.
    if let Some((_, after)) = of(VERSION, rest) {
        rest = after;
    }
    // The serial number, the algorithm, the issuer.
    for tag in [INTEGER, SEQUENCE, SEQUENCE] {
        (_, rest) = of(tag, rest)?;
    }
    let (validity, _) = of(SEQUENCE, rest)?;
    let (_, not_before, rest) = element(validity)?;
    time(not_before.0, not_before.1)?;
    let (_, not_after, _) = element(rest)?;
    time(not_after.0, not_after.1)
}

/// The content of the first element, which has this tag, and what follows it.
fn of(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (_, (found, content), rest) = element(der)?;
    (found == tag).then_some((content, rest))
}

/// The first element: its length, its tag and content, and what follows it.
fn element(der: &[u8]) -> Option<(usize, (u8, &[u8]), &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, mut rest) = rest.split_first()?;
    let mut len = usize::from(first);
    if first & 0x80 != 0 {
        let digits;
        (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        if digits.is_empty() || digits.len() > 3 {
            return None;
        }
        len = digits.iter().fold(0, |len, &digit| len << 8 | usize::from(digit));
    }
    let (content, rest) = rest.split_at_checked(len)?;
    Some((len, (tag, content), rest))
}

/// `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ`.
fn time(tag: u8, text: &[u8]) -> Option<UnixTime> {
    let text = core::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let text = match (tag, text.len()) {
        // Two digits of a year are those of 1950 to 2049.
        (UTC_TIME, 12) if text < "5" => ["20", text].concat(),
        (UTC_TIME, 12) => ["19", text].concat(),
        (GENERALIZED_TIME, 14) => text.into(),
        _ => return None,
    };
    // Read as Beijing's it is a moment eight hours earlier.
    UnixTime::new(UnixTime::parse_beijing(&text).ok()?.get().checked_add(BEIJING_S)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};
    use std::vec::Vec;

    fn certificate(year: i32) -> Vec<u8> {
        let mut params = CertificateParams::new(["a".into()]).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(year, 2, 28);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn the_end_is_found_in_both_forms_of_time() {
        // date -u -d '2027-02-28 00:00:00' +%s, and 2051
        for (year, seconds) in [(2027, 1_803_772_800), (2051, 2_561_155_200)] {
            assert_eq!(not_after(&certificate(year)).map(UnixTime::get), Some(seconds), "{year}");
        }
    }

    #[test]
    fn whatever_else_it_is_has_no_end() {
        let good = certificate(2027);
        for cut in 0..good.len() {
            // Cut off or damaged, it may not be read as something else beyond the bytes there are.
            let _ = not_after(&good[..cut]);
            let mut damaged = good.clone();
            damaged[cut] ^= 0xff;
            let _ = not_after(&damaged);
        }
        assert_eq!(not_after(b""), None);
        assert_eq!(not_after(&good[..good.len() / 2]), None);
        assert_eq!(time(UTC_TIME, b"270228000000"), None);
        assert_eq!(time(GENERALIZED_TIME, b"20270229000000Z"), None, "there is no such day");
    }
}
