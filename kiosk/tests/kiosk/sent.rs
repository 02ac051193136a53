//! What goes to a display when the picture on it changes, counted.

use crate::{
    display::Display,
    stage::{self, Stage, USUAL, app_on, basket_page, menu_page},
};
use embedded_graphics::{pixelcolor::Rgb565, primitives::Rectangle};
use saoma_core::money::Fen;
use saoma_kiosk::{
    app::{Key, Page},
    picture::{Kind, Picture},
    shown::Shown,
    texts::Language,
};

/// Bytes on the bus for a window: CASET and RASET with four bytes each, and RAMWR.
pub(crate) const WINDOW_BYTES: u64 = 11;
/// Bytes for a pixel of 16 bits.
pub(crate) const PIXEL_BYTES: u64 = 2;
/// What a bus of 40 MHz sends in a microsecond, in bits.
pub(crate) const BITS_PER_US: u64 = 40;

/// What one change sent.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sent {
    /// Pixels of the whole display.
    pub(crate) frame: u64,
    /// Pixels that look different now.
    pub(crate) differ: u64,
    /// Pixels that were sent.
    pub(crate) pixels: u64,
    /// Pixels that were sent and lie outside of what changed: they look the same, and are no part
    /// of a code that comes, which is one fill, or goes.
    pub(crate) outside: u64,
    /// Windows that were opened.
    pub(crate) windows: u64,
}

impl Sent {
    /// From the picture on the display to the next one. The result must be the next one, no pixel
    /// may be sent twice, and a new code must be one fill.
    pub(crate) fn of(from: &Picture<'_>, to: &Picture<'_>) -> Self {
        let size = (to.bounds().size.width, to.bounds().size.height);
        let (mut display, mut shown) = (Display::<Rgb565>::new(size), Shown::new());
        let Ok(()) = shown.show(&mut display, from);
        let before = display.pixels.clone();
        display.writes.fill(0);
        display.fills.clear();
        let Ok(()) = shown.show(&mut display, to);
        let mut whole = Display::<Rgb565>::new(size);
        let Ok(()) = to.paint_all(&mut whole);
        assert!(display.pixels == whole.pixels, "what is shown is not the next picture");
        assert!(display.writes.iter().all(|writes| *writes <= 1), "a pixel was sent twice");

        let (code, gone) = (new_code(from, to), new_code(to, from));
        if let Some(code) = code {
            assert!(display.fills.contains(&code), "the code is not one contiguous fill");
        }
        let in_code = |index: usize| {
            let (x, y) = (index % size.0 as usize, index / size.0 as usize);
            let at = embedded_graphics::geometry::Point::new(
                i32::try_from(x).unwrap(),
                i32::try_from(y).unwrap(),
            );
            [code, gone].iter().flatten().any(|code| code.contains(at))
        };
        let mut sent = Self { windows: display.fills.len() as u64, ..Self::default() };
        for (index, (before, after)) in before.iter().zip(&display.pixels).enumerate() {
            let (differs, written) = (before != after, display.writes[index] > 0);
            sent.frame += 1;
            sent.differ += u64::from(differs);
            sent.pixels += u64::from(written);
            sent.outside += u64::from(written && !differs && !in_code(index));
        }
        sent
    }

    /// Bytes on the bus.
    pub(crate) const fn bytes(&self) -> u64 {
        self.pixels * PIXEL_BYTES + self.windows * WINDOW_BYTES
    }

    /// Bytes of a whole frame in one window.
    pub(crate) const fn frame_bytes(&self) -> u64 {
        self.frame * PIXEL_BYTES + WINDOW_BYTES
    }

    /// Microseconds on a bus of 40 MHz.
    pub(crate) const fn bus_us(&self) -> u64 {
        self.bytes() * 8 / BITS_PER_US
    }
}

/// Where a code is that was not there before.
fn new_code(from: &Picture<'_>, to: &Picture<'_>) -> Option<Rectangle> {
    let code = |picture: &Picture<'_>| {
        picture.items().iter().find_map(|item| match &item.kind {
            Kind::Code { print, .. } => Some((item.area, *print)),
            _ => None,
        })
    };
    code(to).filter(|new| code(from) != Some(*new)).map(|(area, _)| area)
}

/// A change: its name, the screen before and the screen after.
pub(crate) type Change = (String, Stage, Stage);

/// What only time changes.
pub(crate) fn ticks(size: (u32, u32), language: Language) -> Vec<Change> {
    let on = |page: Page| app_on(page, size, language, &USUAL);
    let code = |left_s| on(Page::Code { left_s });
    let mut ticks = vec![
        ("a second".to_owned(), code(299), code(298)),
        ("the tenth second".to_owned(), code(300), code(299)),
        ("ten minutes".to_owned(), code(600), code(599)),
        ("the last minute".to_owned(), code(61), code(60)),
    ];
    let moving = stage::PAGES.into_iter().filter(Page::moves).map(on);
    let dark = on(Page::Attract).dimmed();
    for stage in moving.chain([dark]) {
        let name = if stage.screen.dimmed { "attract, dimmed" } else { stage.screen.page.name() };
        for step in [0, 1, 7, 23, 24] {
            let change = (stage.clone().at_step(step), stage.clone().at_step(step + 1));
            ticks.push((format!("{name}, step {step}"), change.0, change.1));
        }
    }
    ticks
}

/// What a customer does, and what comes of it.
pub(crate) fn changes(size: (u32, u32), language: Language) -> Vec<Change> {
    let on = |page: Page| app_on(page, size, language, &USUAL);
    let menu = |page| on(menu_page(size, page, &USUAL));
    let (attract, basket, code) =
        (on(Page::Attract), on(basket_page(size, &USUAL)), on(Page::Code { left_s: 299 }));
    let mut more = menu(0);
    if let Page::Menu(menu) = &mut more.screen.page {
        menu.counts[1] = 1;
        menu.pieces += 1;
        menu.total = Fen::new(6_200).unwrap();
    }
    let other = app_on(code.screen.page.clone(), size, language.next(), &USUAL);
    let mut all = vec![
        ("it gets dark", attract.clone(), attract.clone().dimmed()),
        ("the place to begin moves", attract.clone().at_step(95), attract.clone().at_step(96)),
        ("menu", attract, menu(0)),
        ("one into the basket", menu(0), more),
        ("another is selected", menu(0).focused(Key::Item(0)), menu(0).focused(Key::PageOn)),
        ("next page", menu(0), menu(1)),
        ("basket", menu(0), basket.clone()),
        ("pay", basket, on(Page::Starting)),
        ("the code comes", on(Page::Starting), code.clone()),
        ("other language", code.clone(), other),
    ];
    for page in [Page::Checking, Page::Cancelling, Page::Dispensing, Page::Offline, Page::Help] {
        all.push((page.name(), code.clone(), on(page)));
    }
    for (from, to) in [
        (Page::Dispensing, Page::Take),
        (Page::Cancelling, Page::Cancelled),
        (Page::Checking, Page::Expired),
        (Page::Checking, Page::Refunding),
        (Page::Refunding, Page::Refunded),
        (Page::Starting, Page::Failed),
        (Page::Take, Page::Attract),
    ] {
        all.push((to.name(), on(from), on(to.clone())));
    }
    all.into_iter().map(|(name, from, to)| (name.to_owned(), from, to)).collect()
}
