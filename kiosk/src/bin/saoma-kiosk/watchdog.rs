//! What systemd is told: that the terminal is ready, that it is alive, that it stops. Without
//! systemd nobody is told anything.

use std::{
    env,
    ffi::OsStr,
    io,
    os::unix::net::{SocketAddr, UnixDatagram},
    process,
};

/// Who listens, and how often it wants to hear that we live.
pub(crate) struct Watchdog {
    to: Option<(UnixDatagram, SocketAddr)>,
    every_ms: Option<u64>,
    fed_ms: u64,
}

impl Watchdog {
    /// As the environment says (sd_notify(3)).
    pub(crate) fn of_environment() -> Self {
        let pid = env::var("WATCHDOG_PID").ok();
        let is_ours = pid.is_none_or(|pid| pid == process::id().to_string());
        let every_us = env::var("WATCHDOG_USEC").ok().filter(|_| is_ours);
        let every_us = every_us.and_then(|number| number.parse::<u64>().ok());
        Self::new(env::var_os("NOTIFY_SOCKET").as_deref(), every_us)
    }

    fn new(socket: Option<&OsStr>, every_us: Option<u64>) -> Self {
        let to = socket.map(address).and_then(|address| {
            let socket = UnixDatagram::unbound().and_then(|socket| Ok((socket, address?)));
            socket.inspect_err(|error| tracing::warn!(%error, "systemd cannot be told")).ok()
        });
        // Twice as often as is asked for, so that one late turn does no harm.
        Self { to, every_ms: every_us.map(|us| us / 2_000), fed_ms: 0 }
    }

    pub(crate) fn ready(&self) {
        self.tell("READY=1");
    }

    /// Called whenever the main loop turns, and only there: a loop that stands is restarted.
    pub(crate) fn feed(&mut self, now_ms: u64) {
        if self.every_ms.is_some_and(|every| now_ms.saturating_sub(self.fed_ms) >= every) {
            self.fed_ms = now_ms;
            self.tell("WATCHDOG=1");
        }
    }

    pub(crate) fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    fn tell(&self, text: &str) {
        if let Some((socket, address)) = &self.to {
            // A systemd that does not listen is no reason to stop selling.
            let _ = socket.send_to_addr(text.as_bytes(), address);
        }
    }
}

/// A path, or with `@` a name of Linux's own.
fn address(name: &OsStr) -> io::Result<SocketAddr> {
    #[cfg(target_os = "linux")]
    if let Some(name) = name.as_encoded_bytes().strip_prefix(b"@") {
        use std::os::linux::net::SocketAddrExt as _;
        return SocketAddr::from_abstract_name(name);
    }
    SocketAddr::from_pathname(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn heard(listener: &UnixDatagram) -> Option<String> {
        let mut bytes = [0; 64];
        let count = listener.recv(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes[..count]).into_owned())
    }

    #[test]
    fn systemd_hears_of_the_start_of_each_turn_that_is_due_and_of_the_stop() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let listener = UnixDatagram::bind(&path).unwrap();
        listener.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let mut watchdog = Watchdog::new(Some(path.as_os_str()), Some(2_000_000));
        watchdog.ready();
        assert_eq!(heard(&listener).as_deref(), Some("READY=1"));
        watchdog.feed(999);
        assert_eq!(heard(&listener), None);
        watchdog.feed(1_000);
        watchdog.feed(1_500);
        assert_eq!(heard(&listener).as_deref(), Some("WATCHDOG=1"));
        assert_eq!(heard(&listener), None);
        watchdog.feed(2_000);
        watchdog.stopping();
        assert_eq!(heard(&listener).as_deref(), Some("WATCHDOG=1"));
        assert_eq!(heard(&listener).as_deref(), Some("STOPPING=1"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_name_without_a_file_is_understood() {
        use std::os::linux::net::SocketAddrExt as _;
        let name = format!("saoma-kiosk-test-{}", process::id());
        let listener =
            UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        let name = format!("@{name}");
        Watchdog::new(Some(OsStr::new(&name)), None).ready();
        assert_eq!(heard(&listener).as_deref(), Some("READY=1"));
    }

    #[test]
    fn without_systemd_nothing_happens() {
        let mut watchdog = Watchdog::new(None, None);
        watchdog.ready();
        watchdog.feed(u64::MAX);
        watchdog.stopping();
    }
}
