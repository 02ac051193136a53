//! HMAC-SHA256, for whoever is told by a webhook.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The digits.
pub(crate) fn hex(key: &[u8], text: &[u8]) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return String::new() };
    mac.update(text);
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}
