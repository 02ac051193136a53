//! The device key: what this terminal shows to the server. It opens the making of orders, and
//! nothing that needs the merchant key.

use crate::args::Args;
use std::{fmt, fs, os::unix::fs::PermissionsExt as _, path::Path};

/// Longest key in characters.
const LEN_MAX: usize = 256;

/// A key that is never shown.
pub(crate) struct DeviceKey(String);

impl DeviceKey {
    /// The key of the file that the arguments name.
    pub(crate) fn of(args: &Args) -> Result<Self, String> {
        let file = args.device_key_file.as_deref().ok_or(
            "there is no device key: make one with `saoma-server key add --shop ID --name NAME \
             --device`, put it alone into a file, and give --device-key-file FILE or set \
             SAOMA_KIOSK_KEY_FILE",
        )?;
        Self::load(file)
    }

    /// Reads a file that holds one key in one line. Errors never repeat what stands in it.
    pub(crate) fn load(file: &Path) -> Result<Self, String> {
        let text = fs::read_to_string(file)
            .map_err(|error| format!("cannot read the device key {}: {error}", file.display()))?;
        let key = Self::parse(&text).map_err(|problem| format!("{}: {problem}", file.display()))?;
        if is_open_to_others(file) {
            let file = file.display();
            tracing::warn!("others may read the device key: chmod 600 {file}");
        }
        Ok(key)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let key = text.trim();
        if key.is_empty() {
            return Err("the device key is missing".into());
        }
        if key.lines().count() > 1 {
            return Err("a device has one key: put it alone into a file of its own".into());
        }
        if key.len() > LEN_MAX || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!(
                "a device key has at most {LEN_MAX} letters, digits and signs, no spaces"
            ));
        }
        Ok(Self(key.to_owned()))
    }

    /// The header's value that the server asks for (`docs/api.md` §1).
    pub(crate) fn authorization(&self) -> String {
        format!("Bearer {}", self.0)
    }
}

/// Whether anybody but its owner may read a file.
fn is_open_to_others(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|about| about.permissions().mode() & 0o077 != 0)
}

impl fmt::Debug for DeviceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_one_line_without_its_line_end() {
        let key = DeviceKey::parse("  k1ZJq7wT0x9yAbCd\r\n").unwrap();
        assert_eq!(key.authorization(), "Bearer k1ZJq7wT0x9yAbCd");
    }

    #[test]
    fn what_is_no_key_is_refused_and_not_repeated() {
        let long = "x".repeat(257);
        for text in ["", " \n", "one-key\nanother-key", "two words", "schlüssel", &long] {
            let problem = DeviceKey::parse(text).unwrap_err();
            assert!(text.trim().is_empty() || !problem.contains(text.trim()), "{problem}");
        }
    }

    #[test]
    fn a_key_that_others_may_read_is_noticed() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for (mode, is_open) in [(0o600, false), (0o400, false), (0o640, true), (0o604, true)] {
            fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(is_open_to_others(file.path()), is_open, "{mode:o}");
        }
    }

    #[test]
    fn a_key_is_not_shown() {
        let key = DeviceKey::parse("k1ZJq7wT0x9yAbCd").unwrap();
        assert_eq!(format!("{key:?}"), "DeviceKey(..)");
    }
}
