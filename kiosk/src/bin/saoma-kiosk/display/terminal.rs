//! The display `terminal`: the screens in the characters of a terminal, its keys and its mouse.
//!
//! A character is half a square, so one of `▀` shows two pixels, each in its colour. Where that
//! is too coarse for the smallest screen, a character shows two times three pixels in two
//! colours, which is enough for a code to be scanned. Only characters that changed are written.

use super::{Act, Display, Picture, Waker, frame::Frame};
use crate::typing::{Stroke, Typed, Typing};
use embedded_graphics::geometry::{OriginDimensions as _, Point, Size};
use rustix::termios::{self, OptionalActions, Termios};
use saoma_kiosk::layout::{SIZE_MAX, SIZE_MIN};
use std::{
    env,
    fmt::Write as _,
    io::{self, Read as _, Write as _},
    panic,
    sync::{Mutex, PoisonError, mpsc},
    thread,
};

/// The other screen, no cursor, no line breaks of its own, the mouse's presses.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J\x1b[?1000h\x1b[?1006h";
/// All of it undone.
const LEAVE: &str = "\x1b[?1006l\x1b[?1000l\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l";

/// How the terminal was, while it is not.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// Gives the terminal back. Twice is the same as once.
pub(crate) fn restore() {
    let before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(before) = before {
        let mut out = io::stdout();
        // Nothing more can be done about it.
        let _ = out.write_all(LEAVE.as_bytes()).and_then(|()| out.flush());
        let _ = termios::tcsetattr(io::stdin(), OptionalActions::Flush, &before);
    }
}

/// What a character shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grain {
    /// One pixel over another.
    Half,
    /// Two beside each other, three times.
    Sextant,
}

impl Grain {
    const fn pixels(self) -> Size {
        match self {
            Self::Half => Size::new(1, 2),
            Self::Sextant => Size::new(2, 3),
        }
    }

    /// How many pixels there are in a terminal.
    const fn within(self, cells: Size) -> Size {
        let each = self.pixels();
        Size::new(cells.width * each.width, cells.height * each.height)
    }

    /// The squarest grain in which a picture fits.
    fn for_picture(picture: Size, cells: Size) -> Option<Self> {
        [Self::Half, Self::Sextant]
            .into_iter()
            .find(|grain| grain.within(cells).component_max(picture) == grain.within(cells))
    }
}

type Rgb = [u8; 3];

/// One character on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cell {
    character: char,
    ink: Rgb,
    paper: Rgb,
}

const EMPTY: Cell = Cell { character: ' ', ink: [0; 3], paper: [0; 3] };

impl Cell {
    fn of(frame: &Frame, grain: Grain, column: u32, row: u32) -> Self {
        let each = grain.pixels();
        let pixel = |x: u32, y: u32| frame.at(column * each.width + x, row * each.height + y);
        match grain {
            Grain::Half => match (pixel(0, 0), pixel(0, 1)) {
                (upper, lower) if upper == lower => Self { ink: lower, paper: lower, ..EMPTY },
                (upper, lower) => Self { character: '▀', ink: upper, paper: lower },
            },
            Grain::Sextant => {
                let all = [(0, 0), (1, 0), (0, 1), (1, 1), (0, 2), (1, 2)];
                Self::of_six(all.map(|(x, y)| pixel(x, y)))
            }
        }
    }

    /// Six pixels in their darkest and lightest colour.
    fn of_six(pixels: [Rgb; 6]) -> Self {
        let [first, ..] = pixels;
        let lightest = pixels.iter().fold(first, |a, b| if light(*b) > light(a) { *b } else { a });
        let darkest = pixels.iter().fold(first, |a, b| if light(*b) < light(a) { *b } else { a });
        let middle = light(lightest).midpoint(light(darkest));
        let is_light = |rgb: Rgb| light(lightest) > light(darkest) && light(rgb) > middle;
        let bits = pixels.iter().rev().fold(0, |bits, rgb| bits << 1 | u32::from(is_light(*rgb)));
        Self { character: sextant(bits), ink: lightest, paper: darkest }
    }
}

/// How light a colour is to the eye.
fn light([r, g, b]: Rgb) -> u32 {
    u32::from(r) * 3 + u32::from(g) * 6 + u32::from(b)
}

/// The character with these of its six parts filled, from the top left, in reading order: Unicode
/// has them in this order but for those that older characters show.
fn sextant(bits: u32) -> char {
    match bits {
        0 => ' ',
        21 => '▌',
        42 => '▐',
        63 => '█',
        _ => {
            let missing = 1 + u32::from(bits > 21) + u32::from(bits > 42);
            char::from_u32(0x1fb00 + bits - missing).unwrap_or('?')
        }
    }
}

/// How colours are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Palette {
    Million,
    Few,
}

impl Palette {
    fn of_environment() -> Self {
        match env::var("COLORTERM").as_deref() {
            Ok("truecolor" | "24bit") => Self::Million,
            _ => Self::Few,
        }
    }

    fn write(self, layer: u32, rgb: Rgb, to: &mut String) {
        let [r, g, b] = rgb;
        let _fits = match self {
            Self::Million => write!(to, "\x1b[{layer};2;{r};{g};{b}m"),
            Self::Few => write!(to, "\x1b[{layer};5;{}m", nearest(rgb)),
        };
    }
}

/// The nearest of the 240 colours that terminals agree on.
fn nearest(rgb: Rgb) -> u8 {
    const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let cube = (0..216_u8).map(|at| {
        let step = |index: u8| STEPS[usize::from(index % 6)];
        (16 + at, [step(at / 36), step(at / 6), step(at)])
    });
    let greys = (0..24_u8).map(|at| (232 + at, [8 + 10 * at; 3]));
    let far = |other: &Rgb| {
        let apart = |(a, b): (&u8, &u8)| u32::from(a.abs_diff(*b)).pow(2);
        rgb.iter().zip(other).map(apart).sum::<u32>()
    };
    cube.chain(greys).min_by_key(|(_, other)| far(other)).map_or(16, |(number, _)| number)
}

/// The terminal while it shows screens.
pub(crate) struct Terminal {
    picture: Size,
    cells: Size,
    palette: Palette,
    typed: mpsc::Receiver<Vec<u8>>,
    typing: Typing,
    shown: Vec<Cell>,
}

impl Terminal {
    pub(crate) fn open(size: Option<Size>, waker: Waker) -> Result<Self, String> {
        let before = termios::tcgetattr(io::stdin());
        let (Ok(before), Some(cells)) = (before, cells()) else {
            return Err("standard input and output are no terminal: choose another display".into());
        };
        let picture = size.or_else(|| picture_for(cells)).ok_or_else(|| {
            format!(
                "the terminal has {}x{} characters; the smallest screen needs 64x22",
                cells.width, cells.height
            )
        })?;
        let mut raw = before.clone();
        raw.make_raw();
        *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = Some(before);
        let hook = panic::take_hook();
        panic::set_hook(Box::new(move |about| {
            restore();
            hook(about);
        }));
        let problem = |error: io::Error| format!("cannot use the terminal: {error}");
        termios::tcsetattr(io::stdin(), OptionalActions::Flush, &raw)
            .map_err(|error| problem(error.into()))?;
        let mut terminal = Self {
            picture,
            cells,
            palette: Palette::of_environment(),
            typed: listen(waker),
            typing: Typing::default(),
            shown: vec![],
        };
        terminal.write(ENTER).map_err(problem)?;
        Ok(terminal)
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    /// The column and row of the picture's first character: it hangs in the middle.
    fn corner(&self, grain: Grain) -> (u32, u32) {
        let each = grain.pixels();
        let (columns, rows) =
            (self.picture.width.div_ceil(each.width), self.picture.height.div_ceil(each.height));
        ((self.cells.width - columns) / 2, (self.cells.height - rows) / 2)
    }

    /// Every character of the screen.
    fn screen(&self, frame: &Frame) -> Vec<Cell> {
        let Some(grain) = Grain::for_picture(self.picture, self.cells) else {
            return self.too_small();
        };
        let (left, top) = self.corner(grain);
        let each = grain.pixels();
        let (columns, rows) =
            (self.picture.width.div_ceil(each.width), self.picture.height.div_ceil(each.height));
        let places = (0..self.cells.height)
            .flat_map(|row| (0..self.cells.width).map(move |column| (column, row)));
        let cell = |(column, row): (u32, u32)| {
            let (x, y) = (column.wrapping_sub(left), row.wrapping_sub(top));
            if x < columns && y < rows { Cell::of(frame, grain, x, y) } else { EMPTY }
        };
        places.map(cell).collect()
    }

    fn too_small(&self) -> Vec<Cell> {
        let needed = self.picture.component_div(Grain::Sextant.pixels());
        let text = format!("please enlarge to {}x{}", needed.width + 1, needed.height + 1);
        let white = [0xff; 3];
        let letters = text.chars().map(|character| Cell { character, ink: white, ..EMPTY });
        let all = usize::try_from(self.cells.width * self.cells.height).unwrap_or(0);
        letters.chain(std::iter::repeat(EMPTY)).take(all).collect()
    }

    /// What changes the screen from what is shown to this.
    fn difference(&self, screen: &[Cell]) -> String {
        let mut text = String::new();
        let (mut ink, mut paper, mut expected) = (None, None, None);
        for (index, cell) in screen.iter().enumerate() {
            if self.shown.get(index) == Some(cell) {
                continue;
            }
            let width = usize::try_from(self.cells.width).unwrap_or(1).max(1);
            let (column, row) = (index % width, index / width);
            if expected != Some(index) || column == 0 {
                let _fits = write!(text, "\x1b[{};{}H", row + 1, column + 1);
            }
            // The ink of a space is not seen.
            if cell.character != ' ' && ink != Some(cell.ink) {
                self.palette.write(38, cell.ink, &mut text);
                ink = Some(cell.ink);
            }
            if paper != Some(cell.paper) {
                self.palette.write(48, cell.paper, &mut text);
            }
            text.push(cell.character);
            (paper, expected) = (Some(cell.paper), Some(index + 1));
        }
        text
    }

    /// The place in the picture that a character shows, where it shows one.
    fn place(&self, column: u32, row: u32) -> Option<Point> {
        let grain = Grain::for_picture(self.picture, self.cells)?;
        let (left, top) = self.corner(grain);
        let each = grain.pixels();
        let at = Size::new(column.checked_sub(left)?, row.checked_sub(top)?);
        let at = at.component_mul(each) + each / 2;
        let inside = at.width < self.picture.width && at.height < self.picture.height;
        inside.then(|| Point::zero() + at)
    }

    fn act(&self, typed: Typed) -> Option<Act> {
        match typed {
            Typed::Stroke(Stroke::Interrupt) => Some(Act::Close),
            Typed::Stroke(stroke) => Some(Act::Stroke(stroke)),
            Typed::Press { column, row } => self.place(column, row).map(Act::Touch),
        }
    }
}

/// The picture that makes the most of a terminal.
fn picture_for(cells: Size) -> Option<Size> {
    let fits = |size: &Size| size.component_max(SIZE_MIN) == *size;
    let sizes = [Grain::Half, Grain::Sextant].map(|grain| grain.within(cells));
    sizes.into_iter().find(fits).map(|size| size.component_min(SIZE_MAX))
}

fn cells() -> Option<Size> {
    let size = termios::tcgetwinsize(io::stdout()).ok()?;
    let cells = Size::new(size.ws_col.into(), size.ws_row.into());
    (cells.width > 0 && cells.height > 0).then_some(cells)
}

/// Reads keys in a thread of their own, as long as the program runs.
fn listen(waker: Waker) -> mpsc::Receiver<Vec<u8>> {
    let (sender, typed) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = [0; 256];
        while let Ok(count @ 1..) = io::stdin().read(&mut bytes) {
            let read = bytes.get(..count).unwrap_or_default().to_vec();
            if sender.send(read).is_err() {
                return;
            }
            waker();
        }
    });
    typed
}

impl Display for Terminal {
    fn size(&self) -> Size {
        self.picture
    }

    fn show(&mut self, picture: &Picture<'_>) -> Result<(), String> {
        debug_assert_eq!(picture.frame.size(), self.picture);
        let screen = self.screen(picture.frame);
        let text = self.difference(&screen);
        self.shown = screen;
        self.write(&text).map_err(|error| format!("cannot write to the terminal: {error}"))
    }

    fn acts(&mut self) -> Vec<Act> {
        let mut acts = vec![];
        while let Ok(bytes) = self.typed.try_recv() {
            for typed in self.typing.read(&bytes) {
                acts.extend(self.act(typed));
            }
        }
        if let Some(cells) = cells().filter(|cells| *cells != self.cells) {
            self.cells = cells;
            self.shown.clear();
            // Terminals move what stands there when their size changes.
            let _ = self.write("\x1b[0m\x1b[2J");
            acts.push(Act::Redraw);
        }
        acts
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        restore();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use embedded_graphics::{Pixel, draw_target::DrawTarget as _, pixelcolor::Rgb888};

    const BLACK: Rgb = [0; 3];
    const WHITE: Rgb = [0xff; 3];

    fn terminal(picture: Size, cells: Size) -> Terminal {
        let (_, typed) = mpsc::channel();
        let (palette, typing) = (Palette::Million, Typing::default());
        Terminal { picture, cells, palette, typed, typing, shown: vec![] }
    }

    #[test]
    fn the_picture_makes_the_most_of_the_terminal() {
        for (cells, picture) in [
            ((80, 24), Some((160, 72))),
            ((128, 32), Some((128, 64))),
            ((240, 70), Some((240, 140))),
            ((64, 22), Some((128, 66))),
            ((63, 24), None),
            ((80, 21), None),
        ] {
            let size = |(width, height)| Size::new(width, height);
            assert_eq!(picture_for(size(cells)), picture.map(size), "{cells:?}");
        }
    }

    #[test]
    fn six_pixels_are_the_character_that_unicode_has_for_them() {
        let six = |bits: u32| {
            Cell::of_six(
                [0, 1, 2, 3, 4, 5].map(|at| if bits >> at & 1 == 1 { WHITE } else { BLACK }),
            )
        };
        // U+1FB00 is called BLOCK SEXTANT-1, U+1FB13 -35, U+1FB14 -235, U+1FB27 -346? and so on.
        assert_eq!(six(1).character, '\u{1fb00}');
        assert_eq!(six(0b1_0100).character, '\u{1fb13}');
        assert_eq!(six(0b1_0110).character, '\u{1fb14}');
        assert_eq!(six(0b11_1110).character, '\u{1fb3b}');
        assert_eq!(six(0b01_0101), Cell { character: '▌', ink: WHITE, paper: BLACK });
        assert_eq!(six(0b10_1010).character, '▐');
        assert_eq!(six(0), Cell { character: ' ', ink: BLACK, paper: BLACK });
        assert_eq!(six(63), Cell { character: ' ', ink: WHITE, paper: WHITE });
        let mut all: Vec<char> = (0..64).map(sextant).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 64);
    }

    /// Whether a part of a character is filled, from the top left, in reading order.
    fn is_filled(character: char, part: u32) -> bool {
        (0..64).find(|bits| sextant(*bits) == character).is_some_and(|bits| bits >> part & 1 == 1)
    }

    #[test]
    fn every_module_of_a_code_is_seen_in_the_terminal_as_it_is() {
        let size = Size::new(160, 72);
        let mut frame = Frame::new(size);
        let url = "weixin://wxpay/bizpayurl?pr=a1B2c3Dzz";
        let code = saoma_kiosk::layout::code_for(size, url).unwrap();
        let side = u32::try_from(code.size()).unwrap();
        let dark = |x: u32, y: u32| {
            let place = x.checked_sub(9).zip(y.checked_sub(7));
            place.is_some_and(|(x, y)| {
                x < side
                    && y < side
                    && code.dark(usize::try_from(x).unwrap(), usize::try_from(y).unwrap())
            })
        };
        let all = (0..72).flat_map(|y| (0..160).map(move |x| (x, y)));
        let light = all
            .clone()
            .filter(|(x, y)| !dark(*x, *y))
            .map(|(x, y)| Pixel(Point::zero() + Size::new(x, y), Rgb888::new(255, 255, 255)));
        let Ok(()) = frame.draw_iter(light);
        let screen = terminal(size, Size::new(80, 24)).screen(&frame);
        for (x, y) in all {
            let cell = screen[usize::try_from(y / 3 * 80 + x / 2).unwrap()];
            let ink = is_filled(cell.character, y % 3 * 2 + x % 2);
            let seen = if ink { cell.ink } else { cell.paper };
            assert_eq!(seen, if dark(x, y) { BLACK } else { WHITE }, "{x}, {y}");
        }
    }

    #[test]
    fn few_colours_are_the_nearest() {
        assert_eq!((nearest(BLACK), nearest(WHITE)), (16, 231));
        assert_eq!(nearest([255, 0, 0]), 196);
        assert_eq!(nearest([128, 128, 128]), 244);
        let mut text = String::new();
        Palette::Few.write(38, WHITE, &mut text);
        Palette::Million.write(48, [1, 2, 3], &mut text);
        assert_eq!(text, "\x1b[38;5;231m\x1b[48;2;1;2;3m");
    }

    #[test]
    fn only_what_changed_is_written() {
        let size = Size::new(4, 4);
        let mut terminal = terminal(size, Size::new(6, 4));
        let mut frame = Frame::new(size);
        let first = terminal.screen(&frame);
        let spaces = " ".repeat(6);
        let line = |row| format!("\x1b[{row};1H{spaces}");
        let all = [line(1), line(2), line(3), line(4)].concat();
        assert_eq!(terminal.difference(&first), all.replacen('H', "H\x1b[48;2;0;0;0m", 1));
        terminal.shown = first;
        let Ok(()) = frame.draw_iter([Pixel(Point::new(0, 3), Rgb888::new(255, 255, 255))]);
        let second = terminal.screen(&frame);
        assert_eq!(
            terminal.difference(&second),
            "\x1b[3;2H\x1b[38;2;0;0;0m\x1b[48;2;255;255;255m▀"
        );
        terminal.shown = second.clone();
        assert_eq!(terminal.difference(&second), "");
    }

    #[test]
    fn a_press_finds_its_pixel_and_the_margin_is_nothing() {
        let half = terminal(Size::new(128, 64), Size::new(130, 40));
        assert_eq!(half.place(1, 4), Some(Point::new(0, 1)));
        assert_eq!(half.place(128, 35), Some(Point::new(127, 63)));
        assert_eq!((half.place(0, 4), half.place(1, 36)), (None, None));
        let six = terminal(Size::new(128, 64), Size::new(64, 22));
        assert_eq!(six.place(0, 0), Some(Point::new(1, 1)));
        assert_eq!(six.place(63, 20), Some(Point::new(127, 61)));
    }

    #[test]
    fn a_terminal_that_became_too_small_says_so() {
        let small = terminal(Size::new(160, 72), Size::new(40, 10));
        let text: String = small
            .screen(&Frame::new(Size::new(160, 72)))
            .iter()
            .map(|cell| cell.character)
            .collect();
        assert!(text.starts_with("please enlarge to 81x25"), "{text}");
        assert_eq!(small.place(3, 3), None);
    }
}
