//! From any picture to any other: what is sent, and that the result is the whole next picture.

use crate::display::Display;
use embedded_graphics::{
    draw_target::DrawTarget,
    geometry::{Point, Size},
    pixelcolor::{BinaryColor, Gray8, PixelColor, Rgb565, Rgb888},
    primitives::Rectangle,
};
use proptest::prelude::*;
use saoma_core::qr::{self, Matrix};
use saoma_kiosk::{
    font::{SIZE_12, SIZE_16},
    mark::Mark,
    menu::Symbol,
    picture::{Kind, Picture},
    shown::Shown,
    theme::Theme,
};

const SIZE: (u32, u32) = (200, 90);

/// One thing of a picture: which, where, how large, and a number for the rest.
type Thing = (u8, i32, i32, u32, u32, u8);

/// Few values, so that two pictures often have the same things.
fn thing() -> impl Strategy<Value = Thing> {
    (0_u8..5, -2_i32..10, -1_i32..5, 1_u32..5, 1_u32..4, 0_u8..3).prop_map(
        |(kind, x, y, width, height, rest)| (kind, x * 20, y * 18, width * 25, height * 20, rest),
    )
}

/// Which code, and where it stands.
type Code = Option<(bool, i32)>;

fn code() -> impl Strategy<Value = Code> {
    proptest::option::of((any::<bool>(), 0_i32..5))
}

struct Codes([Matrix; 2]);

impl Codes {
    fn new() -> Self {
        let code = |text| qr::encode(text, qr::Level::L).unwrap();
        Self([code("weixin://wxpay/bizpayurl?pr=a"), code("weixin://wxpay/bizpayurl?pr=b")])
    }

    fn picture(&self, things: &[Thing], code: Code, theme: &Theme) -> Picture<'_> {
        let mut picture = Picture::new(Size::new(SIZE.0, SIZE.1), theme.ground);
        for (index, thing) in things.iter().enumerate() {
            put(&mut picture, *thing, theme);
            if index == things.len() / 2
                && let Some((first, place)) = code
            {
                let at = Point::new(place * 20 + 3, place * 4 + 2);
                picture.push_code(at, &self.0[usize::from(first)], 1 + place % 2, theme.ink);
            }
        }
        picture
    }
}

fn put(picture: &mut Picture<'_>, (kind, x, y, width, height, rest): Thing, theme: &Theme) {
    let at = Point::new(x, y);
    let area = Rectangle::new(at, Size::new(width, height));
    let square = Rectangle::new(at, Size::new_equal(width));
    let colours = [theme.good, theme.card, theme.soft];
    let colour = colours[usize::from(rest)];
    let text = ["14:59", "14:58", "燕麦拿铁"][usize::from(rest)];
    match kind {
        0 => picture.push_text(at, &SIZE_12, theme.ink, &[text]),
        1 => picture.push_text(at, &SIZE_16, colour, &["¥", text]),
        2 => {
            let thick = i32::from(rest);
            picture.push(area, Kind::Panel { radius: 7, colour, thick, line: theme.line });
        }
        3 => {
            let mark = Mark::ALL[usize::from(rest)];
            picture.push(square, Kind::Sign { mark, disc: colour, stroke: theme.card });
        }
        _ => {
            let symbol = Symbol::ALL[usize::from(rest)];
            picture.push(square, Kind::Art { symbol, light: 200, ground: theme.ground });
        }
    }
}

fn whole<C: PixelColor + From<Rgb888>>(picture: &Picture<'_>) -> Display<C> {
    let mut display = Display::new(SIZE);
    let Ok(()) = picture.paint_all(&mut display);
    display
}

/// Goes from one picture to the other, and says what was written.
fn change<C>(from: &Picture<'_>, to: &Picture<'_>) -> Display<C>
where
    C: PixelColor + From<Rgb888>,
    Display<C>: DrawTarget<Color = C, Error = core::convert::Infallible>,
{
    let (mut display, mut shown) = (Display::<C>::new(SIZE), Shown::new());
    let Ok(()) = shown.show(&mut display, from);
    assert!(display.pixels == whole::<C>(from).pixels, "the first picture");
    assert_eq!(display.fills.len(), 1, "a display of which nothing is known");
    display.writes.fill(0);
    display.fills.clear();
    let Ok(()) = shown.show(&mut display, to);
    assert!(display.pixels == whole::<C>(to).pixels, "the next picture");
    assert!(display.writes.iter().all(|writes| *writes <= 1), "a pixel is sent once");
    display
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn the_next_picture_is_the_same_as_if_all_of_it_had_been_painted(
        common in proptest::collection::vec(thing(), 0..6),
        before in proptest::collection::vec(thing(), 0..4),
        after in proptest::collection::vec(thing(), 0..4),
        last in proptest::collection::vec(thing(), 0..4),
        (code_before, code_after) in (code(), code()),
    ) {
        let codes = Codes::new();
        let all = |middle: &[Thing]| [&common[..], middle, &last[..]].concat();
        for theme in [Theme::COLOUR, Theme::MONO] {
            let from = codes.picture(&all(&before), code_before, &theme);
            let to = codes.picture(&all(&after), code_after, &theme);
            change::<Rgb888>(&from, &to);
            change::<Rgb565>(&from, &to);
            change::<Gray8>(&from, &to);
            change::<BinaryColor>(&from, &to);
        }
    }
}

#[test]
fn what_stays_the_same_is_not_sent() {
    let codes = Codes::new();
    let things = [(2, 0, 0, 100, 60, 1), (1, 20, 20, 1, 1, 0), (3, 100, 20, 40, 1, 1)];
    let picture = codes.picture(&things, Some((true, 2)), &Theme::COLOUR);
    assert_eq!(change::<Rgb565>(&picture, &picture).fills, []);
}

#[test]
fn one_digit_of_a_countdown_is_its_own_pixels_and_few_more() {
    let codes = Codes::new();
    let at = |rest| codes.picture(&[(0, 20, 18, 1, 1, rest)], None, &Theme::COLOUR);
    let (from, to) = (at(0), at(1));
    let display = change::<Rgb565>(&from, &to);
    let (old, new) = (whole::<Rgb565>(&from).pixels, whole::<Rgb565>(&to).pixels);
    let differ = old.iter().zip(&new).filter(|(old, new)| old != new).count();
    let sent = display.writes.iter().filter(|writes| **writes > 0).count();
    assert!(differ > 20 && sent < differ * 2 && sent < 100, "{differ} differ, {sent} are sent");
}

#[test]
fn a_new_code_is_one_contiguous_fill_and_stays_where_it_is() {
    let codes = Codes::new();
    let picture = |code, rest| {
        codes.picture(&[(2, 0, 0, 100, 80, 1), (0, 140, 18, 1, 1, rest)], code, &Theme::COLOUR)
    };
    let (empty, first, second) =
        (picture(None, 0), picture(Some((true, 1)), 0), picture(Some((false, 1)), 1));
    let item = first.items().iter().find(|item| matches!(item.kind, Kind::Code { .. })).unwrap();
    let fills = |from, to| change::<Rgb565>(from, to).fills;
    assert_eq!(fills(&empty, &first), [item.area], "the code, and nothing else differs");
    assert_eq!(fills(&first, &second)[0], item.area, "another code in the same place");
    let tick = fills(&first, &picture(Some((true, 1)), 1));
    assert!(tick.iter().all(|fill| fill.intersection(&item.area).is_zero_sized()), "{tick:?}");
}

#[test]
fn after_it_was_switched_off_everything_is_sent() {
    let codes = Codes::new();
    let picture = codes.picture(&[(2, 0, 0, 100, 60, 1)], None, &Theme::COLOUR);
    let (mut display, mut shown) = (Display::<Rgb888>::new(SIZE), Shown::new());
    for _time in 0..2 {
        let Ok(()) = shown.show(&mut display, &picture);
        shown.forget();
    }
    assert!(display.writes.iter().all(|writes| *writes == 2));
}
