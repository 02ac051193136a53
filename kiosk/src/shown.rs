//! What is on a display, so that the next picture sends only what differs.
//!
//! Nothing is cleared and drawn again: both pictures are computed line by line, the one on the
//! display from a short list of what was in it, and only the pixels that differ are sent, each
//! once and in its final colour. A code that is new is one contiguous fill.

use crate::{
    paint::{Line, PIECE},
    picture::{ITEMS_MAX, Item, Kind, Picture, extent},
};
use core::ops::Range;
use embedded_graphics::{
    draw_target::DrawTarget,
    geometry::{Point, Size},
    pixelcolor::{Rgb888, RgbColor as _},
    primitives::Rectangle,
};
use heapless::Vec;

/// Most pixels of the same colour that are sent again between two runs that differ: opening
/// another window takes as much of the bus as five pixels of 16 bits.
const GAP_MAX: usize = 2;
/// Of so many pixels that are sent, at most one looks the same as before.
const SAME_SHARE: u32 = 20;

/// What is on a display, see the [module](self).
#[derive(Clone, Debug)]
pub struct Shown {
    /// Whether the picture is what the display shows.
    known: bool,
    picture: Picture<'static>,
}

impl Shown {
    /// A display of which nothing is known.
    #[must_use]
    pub const fn new() -> Self {
        Self { known: false, picture: Picture::new(Size::zero(), Rgb888::BLACK) }
    }

    /// The display was switched off or shows something else: next time everything is sent.
    pub const fn forget(&mut self) {
        self.known = false;
    }

    /// Brings the display from what it shows to the next picture.
    ///
    /// # Errors
    /// What the display says. What it shows is not known then, and next time everything is sent.
    pub fn show<D>(&mut self, target: &mut D, next: &Picture<'_>) -> Result<(), D::Error>
    where
        D: DrawTarget,
        D::Color: From<Rgb888>,
    {
        let known = core::mem::replace(&mut self.known, false);
        if known && self.picture.bounds() == next.bounds() {
            Change { shown: &self.picture, next }.send(target)?;
        } else {
            next.paint_all(target)?;
        }
        self.picture.remember(next);
        self.known = true;
        Ok(())
    }
}

impl Default for Shown {
    fn default() -> Self {
        Self::new()
    }
}

/// From one picture to another one of the same size.
struct Change<'p, 'a> {
    shown: &'p Picture<'static>,
    next: &'p Picture<'a>,
}

impl Change<'_, '_> {
    fn send<D>(&self, target: &mut D) -> Result<(), D::Error>
    where
        D: DrawTarget,
        D::Color: From<Rgb888>,
    {
        let codes = Codes::of(self);
        let mut spent = Spent::default();
        if let Some(new) = &codes.sent {
            self.next.paint(target, new)?;
        }
        let size = self.next.bounds().size;
        for y in 0..extent(size.height) {
            let mut range = self.may_differ(y);
            range.start = range.start.max(0);
            range.end = range.end.min(extent(size.width));
            while range.start < range.end {
                let piece = range.start..range.end.min(range.start + extent_of(PIECE));
                range.start = piece.end;
                self.send_piece(target, y, piece, &codes, &mut spent)?;
            }
        }
        Ok(())
    }

    /// Sends what differs in a piece of a line.
    fn send_piece<D>(
        &self,
        target: &mut D,
        y: i32,
        piece: Range<i32>,
        codes: &Codes,
        spent: &mut Spent,
    ) -> Result<(), D::Error>
    where
        D: DrawTarget,
        D::Color: From<Rgb888>,
    {
        let length = usize::try_from(piece.end - piece.start).unwrap_or(0).min(PIECE);
        let (mut before, mut after) = ([self.next.ground(); PIECE], [self.next.ground(); PIECE]);
        let (before, after) = (&mut before[..length], &mut after[..length]);
        let line = |colours| Line { left: piece.start, y, colours };
        self.shown.paint_line(&mut line(&mut *before), code(self.next));
        self.next.paint_line(&mut line(&mut *after), None);
        let differs = |at: usize| {
            let place = Point::new(piece.start + extent_of(at), y);
            if codes.sent.is_some_and(|area| area.contains(place)) {
                return false;
            }
            codes.gone.is_some_and(|area| area.contains(place))
                || D::Color::from(before[at]) != D::Color::from(after[at])
        };
        let mut at = 0;
        while let Some(run) = spent.next_run(at, length, &differs) {
            let place = Point::new(piece.start + extent_of(run.start), y);
            let area = Rectangle::new(place, crate::picture::size(extent_of(run.len()), 1));
            at = run.end;
            target.fill_contiguous(&area, after[run].iter().copied().map(D::Color::from))?;
        }
        Ok(())
    }

    /// The part of line `y` in which the two may differ: what is in front of the things that both
    /// begin with, and behind those that both end with. Elsewhere every pixel has the same things
    /// in the same order.
    fn may_differ(&self, y: i32) -> Range<i32> {
        if self.shown.ground() != self.next.ground() {
            return 0..extent(self.next.bounds().size.width);
        }
        let (shown, next) = (on_line(self.shown, y), on_line(self.next, y));
        let same =
            |(one, other): &(&&Item<'_>, &&Item<'_>)| self.shown.has_same(one, self.next, other);
        let first = shown.iter().zip(&next).take_while(same).count();
        let (shown, next) = (&shown[first..], &next[first..]);
        let last = shown.iter().rev().zip(next.iter().rev()).take_while(same).count();
        let (shown, next) = (&shown[..shown.len() - last], &next[..next.len() - last]);
        let areas = || shown.iter().map(|item| item.reach()).chain(next.iter().map(|i| i.reach()));
        let start = areas().map(|area| area.top_left.x).min().unwrap_or(0);
        let end = areas().map(|area| area.top_left.x.saturating_add_unsigned(area.size.width));
        start..end.max().unwrap_or(0)
    }
}

/// The things that have pixels on a line.
fn on_line<'p, 'a>(picture: &'p Picture<'a>, y: i32) -> Vec<&'p Item<'a>, ITEMS_MAX> {
    let meets =
        |item: &&Item<'_>| (0..extent(item.area.size.height)).contains(&(y - item.area.top_left.y));
    picture.items().iter().filter(meets).collect()
}

/// How many pixels a change has sent, and how many of them look the same as before.
#[derive(Default)]
struct Spent {
    pixels: u32,
    same: u32,
}

impl Spent {
    /// The first pixels from `at` on that have to be sent, in one window; small gaps between
    /// them are sent as well, as long as they stay a small part of all.
    fn next_run(
        &mut self,
        at: usize,
        length: usize,
        differs: &impl Fn(usize) -> bool,
    ) -> Option<Range<usize>> {
        let start = (at..length).find(|at| differs(*at))?;
        let mut end = start + 1;
        self.pixels += 1;
        while let Some(more) = (end..length.min(end + GAP_MAX + 1)).find(|at| differs(*at)) {
            let gap = u32::try_from(more - end).unwrap_or(0);
            if gap > 0 && (self.same + gap) * SAME_SHARE > self.pixels + gap {
                break;
            }
            self.same += gap;
            self.pixels += gap + 1;
            end = more + 1;
        }
        Some(start..end)
    }
}

/// Where a code comes or goes. The one on the display is remembered without its modules.
struct Codes {
    /// A code that was not on the display, and has been sent.
    sent: Option<Rectangle>,
    /// A code that has to go.
    gone: Option<Rectangle>,
}

impl Codes {
    fn of(change: &Change<'_, '_>) -> Self {
        let (shown, next) = (code(change.shown), code(change.next));
        let same = shown
            .zip(next)
            .is_some_and(|(one, other)| change.shown.has_same(one, change.next, other));
        let area = |code: Option<&Item<'_>>| code.map(|item| item.area).filter(|_| !same);
        Self { sent: area(next), gone: area(shown) }
    }
}

/// A picture has one code at most.
fn code<'p, 'a>(picture: &'p Picture<'a>) -> Option<&'p Item<'a>> {
    picture.items().iter().find(|item| matches!(item.kind, Kind::Code { .. }))
}

/// A count as a signed number.
fn extent_of(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
