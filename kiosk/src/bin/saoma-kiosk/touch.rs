//! Touches, from Linux's event devices: what the panel's controller reports, turned into places
//! of the picture.

use crate::display::Turn;
use embedded_graphics::geometry::{Point, Size};
use std::{fs::File, io, path::PathBuf, sync::mpsc::Sender, thread, time::Duration};

/// `struct input_event`: a time of two words, type, code and value.
const EVENT_LEN: usize = 2 * size_of::<usize>() + 8;
/// When a device that is gone is looked for again.
const AGAIN_AFTER: Duration = Duration::from_secs(2);

const EV_SYN: u16 = 0;
const EV_KEY: u16 = 1;
const EV_ABS: u16 = 3;
const SYN_REPORT: u16 = 0;
const SYN_DROPPED: u16 = 3;
const BTN_LEFT: u16 = 0x110;
const BTN_TOUCH: u16 = 0x14a;
const ABS_X: u16 = 0;
const ABS_Y: u16 = 1;
const ABS_MT_SLOT: u16 = 0x2f;
const ABS_MT_POSITION_X: u16 = 0x35;
const ABS_MT_POSITION_Y: u16 = 0x36;
const ABS_MT_TRACKING_ID: u16 = 0x39;

/// `DEVICE?x=MIN..MAX&y=MIN..MAX&rotate=90`, as the command line says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    device: PathBuf,
    x: Option<Axis>,
    y: Option<Axis>,
    turn: Option<Turn>,
}

/// What an axis reports at the panel's left or upper edge, and at the other. The first may be the
/// larger one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Axis {
    first: i32,
    last: i32,
}

impl Axis {
    fn parse(text: &str) -> Option<Self> {
        let (first, last) = text.split_once("..")?;
        let axis = Self { first: first.parse().ok()?, last: last.parse().ok()? };
        (axis.first != axis.last).then_some(axis)
    }

    /// The pixel of `pixels` that a reported number means.
    fn pixel(self, raw: i32, pixels: u32) -> u32 {
        let (first, last) = (i64::from(self.first), i64::from(self.last));
        let (along, span) = if first < last {
            (i64::from(raw) - first, last - first + 1)
        } else {
            (first - i64::from(raw), first - last + 1)
        };
        let pixel = along.max(0) * i64::from(pixels) / span;
        u32::try_from(pixel).unwrap_or(u32::MAX).min(pixels.saturating_sub(1))
    }
}

impl Source {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (device, options) = text.split_once('?').unwrap_or((text, ""));
        let mut source = Self { device: device.into(), x: None, y: None, turn: None };
        for option in options.split('&').filter(|option| !option.is_empty()) {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            let axis =
                || Axis::parse(value).map(Some).ok_or_else(|| format!("{name} is like 0..4095"));
            match name {
                "x" => source.x = axis()?,
                "y" => source.y = axis()?,
                "rotate" => source.turn = Some(value.parse()?),
                _ => return Err(format!("{name:?} is not x, y or rotate")),
            }
        }
        Ok(source)
    }

    /// Opens the device and finds out what its axes report.
    fn open(&self, picture: Size, turn: Turn) -> Result<(File, Finger), String> {
        let name = self.device.display();
        let file =
            File::open(&self.device).map_err(|error| format!("cannot open {name}: {error}"))?;
        let (x, y) = match (self.x, self.y) {
            (Some(x), Some(y)) => (x, y),
            (x, y) => {
                let (asked_x, asked_y) = self.ask_range().map_err(|error| {
                    format!("{name} does not tell its range ({error}): add ?x=0..4095&y=0..4095")
                })?;
                (x.unwrap_or(asked_x), y.unwrap_or(asked_y))
            }
        };
        let turn = self.turn.unwrap_or(turn);
        Ok((file, Finger { x, y, picture, turn, ..Finger::NONE }))
    }

    #[cfg(target_os = "linux")]
    fn ask_range(&self) -> io::Result<(Axis, Axis)> {
        let device = evdev::raw_stream::RawDevice::open(&self.device)?;
        let known: Vec<_> = device.get_absinfo()?.collect();
        let range = |codes: [u16; 2]| {
            let of = |code: u16| known.iter().find(|(axis, _)| axis.0 == code);
            let (_, info) = codes.into_iter().find_map(of)?;
            let axis = Axis { first: info.minimum(), last: info.maximum() };
            (axis.first != axis.last).then_some(axis)
        };
        let (x, y) = (range([ABS_MT_POSITION_X, ABS_X]), range([ABS_MT_POSITION_Y, ABS_Y]));
        x.zip(y).ok_or_else(|| io::Error::other("it is no touch panel"))
    }

    #[cfg(not(target_os = "linux"))]
    fn ask_range(&self) -> io::Result<(Axis, Axis)> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Reads touches in a thread of its own, and goes on when the device was away.
    pub(crate) fn start<T: Send + 'static>(
        self,
        picture: Size,
        turn: Turn,
        events: Sender<T>,
        event: fn(Point) -> T,
    ) -> Result<(), String> {
        let mut opened = Some(self.open(picture, turn)?);
        thread::spawn(move || {
            loop {
                if let Some((file, mut finger)) = opened.take() {
                    let touched = |at| events.send(event(at)).is_ok();
                    match read(file, &mut finger, touched) {
                        Ok(()) => return,
                        Err(error) => {
                            tracing::warn!(device = %self.device.display(), %error, "no touches");
                        }
                    }
                }
                thread::sleep(AGAIN_AFTER);
                opened = self.open(picture, turn).ok();
            }
        });
        Ok(())
    }
}

/// Reads events until nobody wants touches any more.
fn read(
    mut device: impl io::Read,
    finger: &mut Finger,
    mut touched: impl FnMut(Point) -> bool,
) -> io::Result<()> {
    let mut event = [0; EVENT_LEN];
    loop {
        device.read_exact(&mut event)?;
        let [.., t0, t1, c0, c1, v0, v1, v2, v3] = event;
        let (kind, code) = (u16::from_ne_bytes([t0, t1]), u16::from_ne_bytes([c0, c1]));
        let value = i32::from_ne_bytes([v0, v1, v2, v3]);
        if let Some(at) = finger.on_event(kind, code, value)
            && !touched(at)
        {
            return Ok(());
        }
    }
}

/// The first finger on the panel.
#[derive(Clone, Debug)]
struct Finger {
    x: Axis,
    y: Axis,
    picture: Size,
    turn: Turn,
    /// Of several fingers, the one that is being told of.
    slot: i32,
    raw_x: Option<i32>,
    raw_y: Option<i32>,
    is_down: bool,
    /// It came down and that was not told yet.
    is_new: bool,
}

impl Finger {
    const NONE: Self = Self {
        x: Axis { first: 0, last: 1 },
        y: Axis { first: 0, last: 1 },
        picture: Size::zero(),
        turn: Turn::None,
        slot: 0,
        raw_x: None,
        raw_y: None,
        is_down: false,
        is_new: false,
    };

    /// A touch, at the end of the report in which the finger came down.
    fn on_event(&mut self, kind: u16, code: u16, value: i32) -> Option<Point> {
        match (kind, code) {
            (EV_KEY, BTN_TOUCH | BTN_LEFT) => self.press(value != 0),
            (EV_ABS, ABS_MT_SLOT) => self.slot = value,
            (EV_ABS, ABS_MT_TRACKING_ID) if self.slot == 0 => self.press(value >= 0),
            (EV_ABS, ABS_MT_POSITION_X) if self.slot == 0 => self.raw_x = Some(value),
            (EV_ABS, ABS_MT_POSITION_Y) if self.slot == 0 => self.raw_y = Some(value),
            (EV_ABS, ABS_X) => self.raw_x = Some(value),
            (EV_ABS, ABS_Y) => self.raw_y = Some(value),
            (EV_SYN, SYN_DROPPED) => (self.is_down, self.is_new) = (false, false),
            (EV_SYN, SYN_REPORT) if self.is_new => {
                let (x, y) = (self.raw_x?, self.raw_y?);
                self.is_new = false;
                return Some(self.place(x, y));
            }
            _ => {}
        }
        None
    }

    fn press(&mut self, is_down: bool) {
        self.is_new = is_down && (self.is_new || !self.is_down);
        self.is_down = is_down;
    }

    fn place(&self, raw_x: i32, raw_y: i32) -> Point {
        let panel = self.turn.size(self.picture);
        let (x, y) = (self.x.pixel(raw_x, panel.width), self.y.pixel(raw_y, panel.height));
        let (x, y) = self.turn.source(self.picture, x, y);
        Point::zero() + Size::new(x, y)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As an ILI2130 reports one tap: several fingers' protocol, and the single finger's beside it.
    const TAP: [(u16, u16, i32); 13] = [
        (EV_ABS, ABS_MT_TRACKING_ID, 45),
        (EV_ABS, ABS_MT_POSITION_X, 2048),
        (EV_ABS, ABS_MT_POSITION_Y, 1024),
        (EV_KEY, BTN_TOUCH, 1),
        (EV_ABS, ABS_X, 2048),
        (EV_ABS, ABS_Y, 1024),
        (EV_SYN, SYN_REPORT, 0),
        (EV_ABS, ABS_MT_POSITION_X, 2060),
        (EV_ABS, ABS_X, 2060),
        (EV_SYN, SYN_REPORT, 0),
        (EV_ABS, ABS_MT_TRACKING_ID, -1),
        (EV_KEY, BTN_TOUCH, 0),
        (EV_SYN, SYN_REPORT, 0),
    ];

    fn recorded(events: &[(u16, u16, i32)]) -> Vec<u8> {
        let event = |(kind, code, value): &(u16, u16, i32)| {
            let mut bytes = vec![7; EVENT_LEN - 8];
            bytes.extend(kind.to_ne_bytes());
            bytes.extend(code.to_ne_bytes());
            bytes.extend(value.to_ne_bytes());
            bytes
        };
        events.iter().flat_map(event).collect()
    }

    fn touches(options: &str, picture: Size, events: &[(u16, u16, i32)]) -> Vec<Point> {
        let device = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(device.path(), recorded(events)).unwrap();
        let source = Source::parse(&format!("{}?{options}", device.path().display())).unwrap();
        let (file, mut finger) = source.open(picture, Turn::None).unwrap();
        let mut touches = vec![];
        let end = read(file, &mut finger, |at| {
            touches.push(at);
            true
        });
        assert_eq!(end.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        touches
    }

    #[test]
    fn a_tap_is_one_touch_where_the_finger_came_down() {
        let picture = Size::new(480, 320);
        let range = "x=0..4095&y=0..4095";
        assert_eq!(touches(range, picture, &TAP), [Point::new(240, 80)]);
        let twice = [TAP, TAP].concat();
        assert_eq!(touches(range, picture, &twice).len(), 2);
    }

    #[test]
    fn panels_that_are_mounted_otherwise_are_calibrated() {
        let picture = Size::new(480, 320);
        assert_eq!(touches("x=4095..0&y=0..4095", picture, &TAP), [Point::new(239, 80)]);
        assert_eq!(touches("x=0..4095&y=4095..0", picture, &TAP), [Point::new(240, 239)]);
        let half = "x=0..4095&y=0..4095&rotate=180";
        assert_eq!(touches(half, picture, &TAP), [Point::new(239, 239)]);
        // The panel is 480 wide and 320 high, the picture stands upright on it.
        let upright = Size::new(320, 480);
        let right = "x=0..4095&y=0..4095&rotate=90";
        assert_eq!(touches(right, upright, &TAP), [Point::new(80, 239)]);
    }

    #[test]
    fn a_second_finger_is_nobody_and_the_same_place_twice_is_a_touch() {
        let second = [
            (EV_ABS, ABS_MT_SLOT, 1),
            (EV_ABS, ABS_MT_TRACKING_ID, 46),
            (EV_ABS, ABS_MT_POSITION_X, 9),
            (EV_SYN, SYN_REPORT, 0),
        ];
        assert_eq!(touches("x=0..99&y=0..99", Size::new(100, 100), &second), []);
        // Panels do not repeat a number that did not change.
        let again = [
            (EV_ABS, ABS_X, 10),
            (EV_ABS, ABS_Y, 20),
            (EV_KEY, BTN_TOUCH, 1),
            (EV_SYN, SYN_REPORT, 0),
            (EV_KEY, BTN_TOUCH, 0),
            (EV_SYN, SYN_REPORT, 0),
            (EV_KEY, BTN_TOUCH, 1),
            (EV_SYN, SYN_REPORT, 0),
        ];
        let expected = [Point::new(10, 20); 2];
        assert_eq!(touches("x=0..99&y=0..99", Size::new(100, 100), &again), expected);
    }

    #[test]
    fn numbers_beyond_the_range_stay_on_the_panel() {
        let axis = Axis { first: 100, last: 200 };
        assert_eq!([0, 100, 200, 9999].map(|raw| axis.pixel(raw, 50)), [0, 0, 49, 49]);
        let back = Axis { first: 200, last: 100 };
        assert_eq!([0, 100, 200, 9999].map(|raw| back.pixel(raw, 50)), [49, 49, 0, 0]);
        assert_eq!(axis.pixel(i32::MAX, u32::MAX), u32::MAX - 1);
    }

    #[test]
    fn what_is_no_panel_is_told_how_to_be_one() {
        let device = tempfile::NamedTempFile::new().unwrap();
        let source = Source::parse(&device.path().display().to_string()).unwrap();
        let problem = source.open(Size::new(9, 9), Turn::None).unwrap_err();
        assert!(problem.contains("?x=0..4095"), "{problem}");
        for bad in ["e?x=1", "e?x=5..5", "e?z=1..2", "e?rotate=45", "e?x=a..b"] {
            assert!(Source::parse(bad).is_err(), "{bad}");
        }
        let missing = Source::parse("/no/event9?x=0..9&y=0..9").unwrap();
        assert!(missing.open(Size::new(9, 9), Turn::None).unwrap_err().contains("/no/event9"));
    }
}
