//! Where the screens are shown. One picture in memory ([`frame`]) goes to all of them, so that
//! all show the same pixels.

#[cfg(target_os = "linux")]
mod drm;
mod fb;
mod frame;
mod glass;
mod png;
mod terminal;
#[cfg(feature = "window")]
mod window;

pub(crate) use fb::Place;
pub(crate) use frame::Frame;
pub(crate) use glass::Turn;
pub(crate) use terminal::restore as restore_terminal;

use crate::typing::Stroke;
use embedded_graphics::geometry::{Point, Size};
use saoma_kiosk::layout::{SIZE_MAX, SIZE_MIN};
use std::{
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// How often time passes for the app.
pub(crate) const TICK_MS: u64 = 200;
const TICK: Duration = Duration::from_millis(TICK_MS);
/// The size of displays that have none of their own.
const SIZE_DEFAULT: Size = Size::new(480, 320);

/// Which display, as the command line names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A window on the desk, and how many of its pixels are one of the picture's.
    Window { scale: u32 },
    /// Linux's framebuffer.
    Fb(Place),
    /// Linux's mode setting.
    Drm(PathBuf),
    /// A folder of pictures.
    Png(PathBuf),
    /// The terminal that the program runs in.
    Terminal,
}

impl Kind {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (name, rest) = text.split_once(':').unwrap_or((text, ""));
        match (name, rest) {
            ("window", "") => Ok(Self::Window { scale: 1 }),
            ("window", scale) => match scale.parse() {
                Ok(scale @ 1..=16) => Ok(Self::Window { scale }),
                _ => Err("a window is scaled by 1 to 16, such as window:2".into()),
            },
            ("terminal", "") => Ok(Self::Terminal),
            ("fb", place) if !place.is_empty() => Place::parse(place).map(Self::Fb),
            ("drm", card) if !card.is_empty() => Ok(Self::Drm(card.into())),
            ("png", folder) if !folder.is_empty() => Ok(Self::Png(folder.into())),
            _ => Err("it must be window, fb:/dev/fb0, drm:/dev/dri/card0, png:DIR or terminal; \
                      --help explains them"
                .into()),
        }
    }
}

/// A size in pixels that there are screens for.
pub(crate) fn size(text: &str) -> Result<Size, String> {
    let (width, height) = text.split_once('x').ok_or("it must be like 480x320")?;
    let number = |digits: &str| digits.parse::<u32>().map_err(|_| "it must be like 480x320");
    let size = Size::new(number(width)?, number(height)?);
    if size.component_max(SIZE_MIN) == size && size.component_min(SIZE_MAX) == size {
        Ok(size)
    } else {
        Err(format!(
            "it must be between {}x{} and {}x{}",
            SIZE_MIN.width, SIZE_MIN.height, SIZE_MAX.width, SIZE_MAX.height
        ))
    }
}

/// What is to be shown.
pub(crate) struct Picture<'a> {
    pub(crate) frame: &'a Frame,
    /// The lines that changed.
    pub(crate) lines: Range<u32>,
    /// The screen's name.
    pub(crate) name: &'static str,
    /// Whether this is another screen than before.
    pub(crate) is_new: bool,
}

#[cfg(test)]
impl<'a> Picture<'a> {
    fn new(frame: &'a Frame, lines: Range<u32>) -> Self {
        Self { frame, lines, name: "test", is_new: true }
    }
}

/// What was done at the display itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// A key.
    Stroke(Stroke),
    /// A touch or a click, at a place of the picture.
    Touch(Point),
    /// All of the picture is wanted again.
    Redraw,
    /// It was closed.
    Close,
}

/// Something that shows pictures.
pub(crate) trait Display {
    /// The size of the pictures.
    fn size(&self) -> Size;

    /// Shows what changed.
    fn show(&mut self, picture: &Picture<'_>) -> Result<(), String>;

    /// What was done at it since the last call.
    fn acts(&mut self) -> Vec<Act> {
        vec![]
    }

    /// How long the loop may sleep before it asks for [`Display::acts`] again.
    fn patience(&self) -> Duration {
        TICK
    }

    /// The file that was written last.
    fn file(&self) -> Option<&Path> {
        None
    }
}

/// Wakes the loop, so that it asks for [`Display::acts`].
pub(crate) type Waker = Arc<dyn Fn() + Send + Sync>;

/// Opens a display.
pub(crate) fn open(
    kind: &Kind,
    size: Option<Size>,
    turn: Turn,
    waker: Waker,
) -> Result<Box<dyn Display>, String> {
    let has_own_size = matches!(kind, Kind::Fb(_) | Kind::Drm(_));
    if has_own_size && size.is_some() {
        return Err("this display has a size of its own: leave --size out".into());
    }
    if !has_own_size && turn != Turn::None {
        return Err("only fb: and drm: can be turned: leave --rotate out".into());
    }
    let wished = size.unwrap_or(SIZE_DEFAULT);
    let display: Box<dyn Display> = match kind {
        Kind::Window { scale } => open_window(wished, *scale)?,
        Kind::Fb(place) => Box::new(fb::Framebuffer::open(place, turn)?),
        Kind::Drm(card) => open_drm(card, turn)?,
        Kind::Png(folder) => Box::new(png::Gallery::open(folder, wished)?),
        Kind::Terminal => Box::new(terminal::Terminal::open(size, waker)?),
    };
    let Size { width, height } = display.size();
    self::size(&format!("{width}x{height}"))
        .map_err(|problem| format!("the display has {width}x{height} pixels: {problem}"))?;
    Ok(display)
}

#[cfg(feature = "window")]
fn open_window(size: Size, scale: u32) -> Result<Box<dyn Display>, String> {
    Ok(Box::new(window::Glass::open(size, scale)?))
}

#[cfg(not(feature = "window"))]
fn open_window(_: Size, _: u32) -> Result<Box<dyn Display>, String> {
    Err("this program was built without windows: build it with --features window, which needs \
         SDL2 (Debian: apt-get install libsdl2-dev)"
        .into())
}

#[cfg(target_os = "linux")]
fn open_drm(card: &Path, turn: Turn) -> Result<Box<dyn Display>, String> {
    Ok(Box::new(drm::Monitor::open(card, turn)?))
}

#[cfg(not(target_os = "linux"))]
fn open_drm(_: &Path, _: Turn) -> Result<Box<dyn Display>, String> {
    Err("only Linux has drm:".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn displays_are_known_by_their_names() {
        assert_eq!(Kind::parse("window"), Ok(Kind::Window { scale: 1 }));
        assert_eq!(Kind::parse("window:3"), Ok(Kind::Window { scale: 3 }));
        assert_eq!(Kind::parse("terminal"), Ok(Kind::Terminal));
        assert_eq!(Kind::parse("png:a:b"), Ok(Kind::Png("a:b".into())));
        assert_eq!(Kind::parse("drm:/dev/dri/card1"), Ok(Kind::Drm("/dev/dri/card1".into())));
        assert!(matches!(Kind::parse("fb:/dev/fb0"), Ok(Kind::Fb(_))));
        for bad in ["", "png", "png:", "fb:", "drm:", "window:0", "window:x", "terminal:x", "tv"] {
            assert!(Kind::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_does_not_fit_a_display_is_said() {
        let waker: Waker = Arc::new(|| {});
        let open = |kind: &str, size, turn| {
            open(&Kind::parse(kind).unwrap(), size, turn, waker.clone()).err().unwrap()
        };
        let small = Some(Size::new(128, 64));
        assert!(open("fb:/no/fb9", small, Turn::None).contains("--size"));
        assert!(open("png:/tmp/x", small, Turn::Half).contains("--rotate"));
    }
}
