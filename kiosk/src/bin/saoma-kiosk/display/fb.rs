//! The display of `fb:/dev/fb0`: Linux's framebuffer, or any file that is laid out like one.
//!
//! What the panel is like stands in sysfs, so that no call of the kernel's is needed that safe
//! Rust does not have. Only lines that changed are written.

use super::{
    Display, Picture,
    frame::Frame,
    glass::{Format, Turn},
};
use embedded_graphics::geometry::{OriginDimensions as _, Size};
use std::{
    fs::{self, File},
    ops::Range,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

/// Where the kernel tells of framebuffers.
const SYSFS: &str = "/sys/class/graphics";

/// What `fb:FILE?size=480x320&format=rgb565&stride=960&offset=0` says; what it does not say is
/// asked of the kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) file: PathBuf,
    pub(crate) size: Option<Size>,
    pub(crate) format: Option<Format>,
    /// Bytes from one line to the next.
    pub(crate) stride: Option<u32>,
    /// Bytes before the first line.
    pub(crate) offset: Option<u32>,
}

impl Place {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (file, options) = text.split_once('?').unwrap_or((text, ""));
        let mut place = Self { file: file.into(), ..Self::default() };
        for option in options.split('&').filter(|option| !option.is_empty()) {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            let number =
                || value.parse().map(Some).map_err(|_| format!("{name} must be a number of bytes"));
            match name {
                "size" => place.size = Some(super::size(value)?),
                "format" => place.format = Some(value.parse()?),
                "stride" => place.stride = number()?,
                "offset" => place.offset = number()?,
                _ => return Err(format!("{name:?} is not size, format, stride or offset")),
            }
        }
        Ok(place)
    }
}

/// Where the pixels of a panel are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Layout {
    panel: Size,
    format: Format,
    stride: u32,
    offset: u32,
}

impl Layout {
    fn find(place: &Place, sysfs: &Path) -> Result<Self, String> {
        let name = place.file.file_name().unwrap_or_default();
        let kernel = Kernel(sysfs.join(name));
        let missing = |what: &str, option: &str| {
            format!(
                "{}: the kernel does not tell its {what} ({}); add ?{option} after the file's name",
                place.file.display(),
                kernel.0.display()
            )
        };
        let panel = place.size.or_else(|| kernel.size());
        let panel = panel.ok_or_else(|| missing("size", "size=WIDTHxHEIGHT"))?;
        let format = place.format.or_else(|| Format::of_bits(kernel.number("bits_per_pixel")?));
        let format = format.ok_or_else(|| missing("pixel format", "format=rgb565"))?;
        let tight = panel.width.saturating_mul(format.bytes());
        let stride = place.stride.or_else(|| kernel.number("stride")).unwrap_or(tight);
        if stride < tight {
            return Err(format!(
                "{}: a line of {} pixels in {} bytes each does not fit into {stride} bytes",
                place.file.display(),
                panel.width,
                format.bytes()
            ));
        }
        let panned = kernel.pan().map_or(0, |(x, y)| {
            y.saturating_mul(stride).saturating_add(x.saturating_mul(format.bytes()))
        });
        Ok(Self { panel, format, stride, offset: place.offset.unwrap_or(panned) })
    }
}

/// A framebuffer's folder in sysfs.
struct Kernel(PathBuf);

impl Kernel {
    fn text(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.0.join(name)).ok().map(|text| text.trim().to_owned())
    }

    fn number(&self, name: &str) -> Option<u32> {
        self.text(name)?.parse().ok()
    }

    fn pair(&self, name: &str) -> Option<(u32, u32)> {
        let text = self.text(name)?;
        let (x, y) = text.split_once(',')?;
        Some((x.parse().ok()?, y.parse().ok()?))
    }

    /// What is seen: `U:480x320p-60` in `mode`, or all of the memory.
    fn size(&self) -> Option<Size> {
        let seen = self.text("mode").and_then(|mode| {
            let (_, mode) = mode.split_once(':')?;
            let (width, rest) = mode.split_once('x')?;
            let height: String = rest.chars().take_while(char::is_ascii_digit).collect();
            Some(Size::new(width.parse().ok()?, height.parse().ok()?))
        });
        seen.or_else(|| self.pair("virtual_size").map(|(width, height)| Size::new(width, height)))
    }

    /// Which part of the memory is seen.
    fn pan(&self) -> Option<(u32, u32)> {
        self.pair("pan")
    }
}

/// An open framebuffer.
pub(crate) struct Framebuffer {
    path: PathBuf,
    file: File,
    layout: Layout,
    turn: Turn,
}

impl Framebuffer {
    pub(crate) fn open(place: &Place, turn: Turn) -> Result<Self, String> {
        let layout = Layout::find(place, Path::new(SYSFS))?;
        let path = place.file.clone();
        // A device is there already; a plain file may be made.
        let file = File::options().write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(|error| format!("cannot open {}: {error}", path.display()))?;
        Ok(Self { path, file, layout, turn })
    }

    fn write(&self, frame: &Frame, lines: Range<u32>) -> Result<(), String> {
        for y in self.turn.lines(frame.size(), lines) {
            let line = self.turn.line(frame, y, self.layout.format);
            let at = u64::from(self.layout.offset) + u64::from(self.layout.stride) * u64::from(y);
            let problem = |error| format!("cannot write to {}: {error}", self.path.display());
            self.file.write_all_at(&line, at).map_err(problem)?;
        }
        Ok(())
    }
}

impl Display for Framebuffer {
    fn size(&self) -> Size {
        self.turn.size(self.layout.panel)
    }

    fn show(&mut self, picture: &Picture<'_>) -> Result<(), String> {
        self.write(picture.frame, picture.lines.clone())
    }
}

impl Drop for Framebuffer {
    /// A terminal that is gone shows no code.
    fn drop(&mut self) {
        let black = Frame::new(Display::size(self));
        if let Err(problem) = self.write(&black, 0..black.size().height) {
            tracing::warn!("{problem}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use embedded_graphics::{
        Pixel, draw_target::DrawTarget as _, geometry::Point, pixelcolor::Rgb888,
    };

    fn kernel(files: &[(&str, &str)]) -> (tempfile::TempDir, Place) {
        let sysfs = tempfile::tempdir().unwrap();
        let folder = sysfs.path().join("fb0");
        fs::create_dir(&folder).unwrap();
        for (name, text) in files {
            fs::write(folder.join(name), format!("{text}\n")).unwrap();
        }
        (sysfs, Place::parse("/dev/fb0").unwrap())
    }

    #[test]
    fn the_kernel_tells_what_the_panel_is_like() {
        let (sysfs, place) = kernel(&[
            ("virtual_size", "480,640"),
            ("mode", "U:480x320p-0"),
            ("bits_per_pixel", "16"),
            ("stride", "1024"),
            ("pan", "0,320"),
        ]);
        let layout = Layout::find(&place, sysfs.path()).unwrap();
        let panel = Size::new(480, 320);
        let expected = Layout { panel, format: Format::Rgb565, stride: 1024, offset: 327_680 };
        assert_eq!(layout, expected);
        let (sysfs, place) = kernel(&[("virtual_size", "800,480"), ("bits_per_pixel", "32")]);
        let layout = Layout::find(&place, sysfs.path()).unwrap();
        assert_eq!((layout.panel, layout.stride, layout.offset), (Size::new(800, 480), 3200, 0));
    }

    #[test]
    fn what_is_said_counts_more_than_what_the_kernel_tells() {
        let (sysfs, _) = kernel(&[("virtual_size", "480,320"), ("bits_per_pixel", "16")]);
        let place = Place::parse("/dev/fb0?size=320x240&format=xbgr8888&stride=2000&offset=64");
        let layout = Layout::find(&place.unwrap(), sysfs.path()).unwrap();
        let panel = Size::new(320, 240);
        let expected = Layout { panel, format: Format::Xbgr8888, stride: 2000, offset: 64 };
        assert_eq!(layout, expected);
    }

    #[test]
    fn what_nobody_tells_is_asked_for_by_its_name() {
        let (sysfs, place) = kernel(&[("bits_per_pixel", "8"), ("virtual_size", "320,240")]);
        assert!(Layout::find(&place, sysfs.path()).unwrap_err().contains("?format="));
        let (sysfs, place) = kernel(&[]);
        assert!(Layout::find(&place, sysfs.path()).unwrap_err().contains("?size="));
        let place = Place::parse("f?size=320x240&format=rgb565&stride=639").unwrap();
        assert!(Layout::find(&place, sysfs.path()).unwrap_err().contains("does not fit"));
        for bad in ["f?size=1", "f?format=x", "f?stride=-1", "f?sice=320x240"] {
            assert!(Place::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_changed_lines_are_written_and_it_goes_black_at_the_end() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let text = format!("{}?size=128x64&format=rgb565&stride=300", file.path().display());
        let place = Place::parse(&text).unwrap();
        let mut screen = Framebuffer::open(&place, Turn::None).unwrap();
        let mut frame = Frame::new(Size::new(128, 64));
        frame.take_changed();
        let white = Rgb888::new(255, 255, 255);
        let Ok(()) = frame.draw_iter([Pixel(Point::new(1, 2), white)]);
        let lines = frame.take_changed();
        screen.show(&Picture::new(&frame, lines)).unwrap();
        let bytes = fs::read(file.path()).unwrap();
        assert_eq!(bytes.len(), 2 * 300 + 256, "the file ends with the line that changed");
        assert_eq!(&bytes[600..606], [0, 0, 0xff, 0xff, 0, 0]);
        drop(screen);
        let bytes = fs::read(file.path()).unwrap();
        assert_eq!(bytes.len(), 63 * 300 + 256);
        assert!(bytes.iter().all(|byte| *byte == 0));
    }
}
