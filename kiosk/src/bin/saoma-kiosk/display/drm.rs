//! The display of `drm:/dev/dri/card0`: a panel or monitor by the kernel's mode setting, in the
//! mode that it prefers. Whoever showed something there before gets it back at the end.

use super::{
    Display, Picture,
    glass::{Format, Turn},
};
use drm::{
    Device,
    buffer::{Buffer as _, DrmFourcc},
    control::{
        ClipRect, Device as ControlDevice, ModeTypeFlags, connector, crtc, dumbbuffer::DumbBuffer,
        framebuffer,
    },
};
use embedded_graphics::geometry::{OriginDimensions as _, Size};
use std::{
    fs::File,
    io,
    os::fd::{AsFd, BorrowedFd},
    path::Path,
};

const FORMAT: Format = Format::Xrgb8888;

/// The device, open.
struct Card(File);

impl AsFd for Card {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Device for Card {}
impl ControlDevice for Card {}

/// A monitor and what drives it.
pub(crate) struct Monitor {
    card: Card,
    connector: connector::Handle,
    crtc: crtc::Handle,
    before: crtc::Info,
    /// `None` once it is given back.
    buffer: Option<DumbBuffer>,
    framebuffer: framebuffer::Handle,
    panel: Size,
    turn: Turn,
    name: String,
}

impl Monitor {
    pub(crate) fn open(path: &Path, turn: Turn) -> Result<Self, String> {
        let name = path.display().to_string();
        let problem = |what: &str, error: io::Error| format!("{name}: {what}: {error}");
        let card = File::options().read(true).write(true).open(path);
        let card = Card(card.map_err(|error| problem("cannot open it", error))?);
        let resources =
            card.resource_handles().map_err(|error| problem("no mode setting", error))?;
        let connectors = resources.connectors().iter();
        let connector = connectors
            .filter_map(|handle| card.get_connector(*handle, true).ok())
            .find(|one| one.state() == connector::State::Connected && !one.modes().is_empty())
            .ok_or_else(|| format!("{name}: no monitor is connected"))?;
        let modes = connector.modes();
        let preferred = modes.iter().find(|one| one.mode_type().contains(ModeTypeFlags::PREFERRED));
        let mode = *preferred.or(modes.first()).ok_or_else(|| format!("{name}: no mode"))?;
        let crtc = driver(&card, &resources, &connector)
            .ok_or_else(|| format!("{name}: nothing drives the monitor"))?;
        let before = card.get_crtc(crtc).map_err(|error| problem("cannot read the mode", error))?;
        let (width, height) = mode.size();
        let (panel, format) = (Size::new(width.into(), height.into()), DrmFourcc::Xrgb8888);
        let buffer = card
            .create_dumb_buffer((panel.width, panel.height), format, 32)
            .map_err(|error| problem("no memory for the picture", error))?;
        let framebuffer = card
            .add_framebuffer(&buffer, 24, 32)
            .map_err(|error| problem("the picture is not taken", error))?;
        card.set_crtc(crtc, Some(framebuffer), (0, 0), &[connector.handle()], Some(mode)).map_err(
            |error| problem("cannot set the mode; does a desktop or console use it?", error),
        )?;
        let (connector, buffer) = (connector.handle(), Some(buffer));
        Ok(Self { card, connector, crtc, before, buffer, framebuffer, panel, turn, name })
    }
}

/// What drives a connector now, or could.
fn driver(
    card: &Card,
    resources: &drm::control::ResourceHandles,
    connector: &connector::Info,
) -> Option<crtc::Handle> {
    let encoders = || {
        let current = connector.current_encoder().into_iter();
        current
            .chain(connector.encoders().iter().copied())
            .filter_map(|handle| card.get_encoder(handle).ok())
    };
    let now = encoders().find_map(|encoder| encoder.crtc());
    let could =
        || encoders().find_map(|one| resources.filter_crtcs(one.possible_crtcs()).first().copied());
    now.or_else(could)
}

impl Display for Monitor {
    fn size(&self) -> Size {
        self.turn.size(self.panel)
    }

    fn show(&mut self, picture: &Picture<'_>) -> Result<(), String> {
        let name = self.name.clone();
        let problem = |what: &str, error: io::Error| format!("{name}: {what}: {error}");
        let Some(buffer) = self.buffer.as_mut() else { return Ok(()) };
        let pitch = usize::try_from(buffer.pitch()).unwrap_or(0);
        let lines = self.turn.lines(picture.frame.size(), picture.lines.clone());
        let mut memory = self
            .card
            .map_dumb_buffer(buffer)
            .map_err(|error| problem("no way to the picture's memory", error))?;
        for y in lines.clone() {
            let line = self.turn.line(picture.frame, y, FORMAT);
            let at = usize::try_from(y).unwrap_or(0) * pitch;
            if let Some(to) = memory.as_mut().get_mut(at..at + line.len()) {
                to.copy_from_slice(&line);
            }
        }
        drop(memory);
        // Panels that hang on a slow bus are told what changed; others know no such call.
        let short = |number: u32| u16::try_from(number).unwrap_or(u16::MAX);
        let (top, bottom) = (short(lines.start), short(lines.end));
        let changed = ClipRect::new(0, top, short(self.panel.width), bottom);
        let _ = self.card.dirty_framebuffer(self.framebuffer, &[changed]);
        Ok(())
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        let (mode, shown) = (self.before.mode(), self.before.framebuffer());
        let connectors = if mode.is_some() { vec![self.connector] } else { vec![] };
        let position = self.before.position();
        // Whatever cannot be given back, the kernel cleans up when the device is closed.
        let _ = self.card.set_crtc(self.crtc, shown, position, &connectors, mode);
        let _ = self.card.destroy_framebuffer(self.framebuffer);
        if let Some(buffer) = self.buffer.take() {
            let _ = self.card.destroy_dumb_buffer(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_card_is_named() {
        let file = tempfile::NamedTempFile::with_suffix("-card").unwrap();
        let problem = Monitor::open(file.path(), Turn::None).err().unwrap();
        assert!(problem.contains("-card") && problem.contains("mode setting"), "{problem}");
        let problem = Monitor::open(Path::new("/no/card9"), Turn::None).err().unwrap();
        assert!(problem.contains("/no/card9"), "{problem}");
    }
}
