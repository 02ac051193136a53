//! The command line.

use clap::Parser;
use std::path::PathBuf;

/// Carries the calls of a terminal on a serial line to a Saoma server.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100, after_long_help = AFTER_HELP)]
pub(crate) struct Args {
    /// Where the terminal is: a serial device such as /dev/ttyUSB0, or unix:SOCKET for an
    /// emulator's
    #[arg(long, value_name = "LINE", value_parser = serial)]
    pub(crate) serial: Serial,

    /// The address of saoma-server
    #[arg(
        long,
        value_name = "URL",
        env = "SAOMA_KIOSK_SERVER",
        default_value = "http://127.0.0.1:8080",
        value_parser = server
    )]
    pub(crate) server: String,

    /// A file with the terminal's device key, alone in one line
    #[arg(long, value_name = "FILE", env = "SAOMA_KIOSK_KEY_FILE")]
    pub(crate) device_key_file: Option<PathBuf>,
}

const AFTER_HELP: &str = "\
A device is set to 115200 baud, 8 bits, no parity. A line that breaks off is opened again, and so
is the way to the server; the terminal asks again for what it has not heard.

Standard output: what the terminal logs, and what happens to the line and the server. The key is
never written, and neither are the bodies of calls.";

/// Where the terminal is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Serial {
    /// A serial device.
    Device(PathBuf),
    /// A socket that stands for one.
    Socket(PathBuf),
}

fn serial(text: &str) -> Result<Serial, String> {
    match text.strip_prefix("unix:") {
        Some("") => Err("after unix: comes the path of a socket".into()),
        Some(path) => Ok(Serial::Socket(path.into())),
        None if text.is_empty() => Err("it must be a device or unix:SOCKET".into()),
        None => Ok(Serial::Device(text.into())),
    }
}

fn server(text: &str) -> Result<String, String> {
    let address = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let address = address.ok_or("it must begin with http:// or https://")?;
    let host = address.split('/').next().unwrap_or("");
    if host.is_empty() || address.contains(|c: char| c.is_whitespace() || "?#@".contains(c)) {
        return Err("it must be a host and a port, such as http://127.0.0.1:8080".into());
    }
    Ok(text.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_device_or_a_socket() {
        assert_eq!(serial("/dev/ttyUSB0"), Ok(Serial::Device("/dev/ttyUSB0".into())));
        assert_eq!(serial("unix:a/b"), Ok(Serial::Socket("a/b".into())));
        assert!(serial("").is_err() && serial("unix:").is_err());
    }

    #[test]
    fn a_server_is_an_address_without_secrets_and_queries() {
        assert_eq!(server("https://pay.example.com/").unwrap(), "https://pay.example.com");
        for text in ["127.0.0.1", "http://", "http://a@b", "http://a?b", "ftp://a"] {
            assert!(server(text).is_err(), "{text}");
        }
    }
}
