//! Every page in every size and language, looked at pixel by pixel.

use crate::{
    display::Display,
    stage::{LONGEST, PAGES, SIZES, Sample, Stage, USUAL, app_on, basket_page, menu_page},
};
use embedded_graphics::{
    geometry::{Dimensions as _, Point, Size},
    pixelcolor::{BinaryColor, Gray8, GrayColor as _, PixelColor, Rgb565, Rgb888},
    primitives::{PointsIter as _, Rectangle},
};
use saoma_kiosk::{
    app::{Damage, Key, Page},
    layout::{self, Plan},
    lines::ELLIPSIS,
    picture::{Item, Kind},
    texts::Language,
    theme::Theme,
};

/// Sizes that nobody promised, to find out whether a layout stands on luck.
const ODD_SIZES: [(u32, u32); 10] = [
    (128, 128),
    (160, 128),
    (176, 220),
    (240, 320),
    (250, 122),
    (400, 240),
    (480, 480),
    (480, 800),
    (720, 1280),
    (1920, 1080),
];

fn every_app(mut check: impl FnMut(&Stage, &str)) {
    for size in SIZES.into_iter().chain(ODD_SIZES) {
        for language in Language::ALL {
            for (kind, sample) in [("usual", &USUAL), ("longest", &LONGEST)] {
                for page in PAGES.into_iter().chain([menu_page(size), basket_page(size)]) {
                    let what = format!("{size:?} {language:?} {kind} {page:?}");
                    check(&app_on(page, size, language, sample), &what);
                }
            }
        }
    }
}

fn dimensions(app: &Stage) -> (u32, u32) {
    (app.size().width, app.size().height)
}

fn drawn<C: PixelColor + From<Rgb888>>(app: &Stage, theme: &Theme) -> Display<C> {
    let mut display = Display::new(dimensions(app));
    let Ok(()) = app.draw(&mut display, theme, Damage::All);
    display
}

fn text_of<'p>(plan: &'p Plan<'_>, item: &Item<'_>) -> Option<&'p str> {
    match &item.kind {
        Kind::Text { text, .. } => Some(plan.picture.words(text)),
        _ => None,
    }
}

fn texts<'p>(plan: &'p Plan<'_>) -> Vec<&'p str> {
    plan.picture.items().iter().filter_map(|item| text_of(plan, item)).collect()
}

fn code_of(plan: &Plan<'_>) -> Option<(Rectangle, i32)> {
    plan.picture.items().iter().find_map(|item| match &item.kind {
        Kind::Code { module, .. } => Some((item.area, *module)),
        _ => None,
    })
}

#[test]
fn every_pixel_is_written_once_by_one_contiguous_fill() {
    for size in SIZES {
        for page in [Page::Code { left_s: 299 }, Page::Take, Page::Help] {
            let app = app_on(page.clone(), size, Language::Zh, &USUAL);
            let display = drawn::<Rgb888>(&app, &Theme::COLOUR);
            assert!(display.writes.iter().all(|writes| *writes == 1), "{size:?} {page:?}");
            assert_eq!(display.fills, [display.bounding_box()], "{size:?} {page:?}");
        }
    }
}

#[test]
fn a_display_wider_than_a_piece_is_painted_whole() {
    let app = app_on(Page::Take, (1920, 1080), Language::Zh, &USUAL);
    let display = drawn::<Rgb888>(&app, &Theme::COLOUR);
    assert!(display.writes.iter().all(|writes| *writes == 1));
    assert_eq!(display.fills.len(), 1);
}

#[test]
fn nothing_leaves_the_display() {
    every_app(|app, what| {
        let plan = app.plan(&Theme::COLOUR);
        let bounds = plan.picture.bounds();
        for item in plan.picture.items() {
            let text = text_of(&plan, item);
            assert_eq!(item.area.intersection(&bounds), item.area, "{what}: {item:?} {text:?}");
            assert!(item.area.size.width > 0, "{what}: {item:?}");
        }
    });
}

#[test]
fn nothing_overlaps() {
    every_app(|app, what| {
        let plan = app.plan(&Theme::COLOUR);
        let solid: Vec<&Item<'_>> = plan
            .picture
            .items()
            .iter()
            .filter(|item| !matches!(item.kind, Kind::Panel { .. }))
            .collect();
        for (index, one) in solid.iter().enumerate() {
            for other in &solid[index + 1..] {
                let shared = one.area.intersection(&other.area);
                let (left, right) = (text_of(&plan, one), text_of(&plan, other));
                assert!(shared.is_zero_sized(), "{what}: {left:?} and {right:?}");
            }
        }
        for (panel, other) in panels_and_strangers(&plan) {
            let shared = panel.intersection(&other.area);
            let text = text_of(&plan, other);
            assert!(shared.is_zero_sized(), "{what}: {text:?} lies half on a panel");
        }
    });
}

/// Each panel with each thing that does not lie on it.
fn panels_and_strangers<'p, 'a>(
    plan: &'p Plan<'a>,
) -> impl Iterator<Item = (Rectangle, &'p Item<'a>)> {
    let items = plan.picture.items();
    let panels = items.iter().filter(|item| matches!(item.kind, Kind::Panel { .. }));
    panels.flat_map(move |panel| {
        items
            .iter()
            .filter(|item| !matches!(item.kind, Kind::Panel { .. }))
            .filter(|item| item.area.intersection(&panel.area) != item.area)
            .map(|item| (panel.area, item))
    })
}

#[test]
fn the_terminals_own_words_are_never_cut() {
    for size in SIZES {
        for language in Language::ALL {
            for page in PAGES {
                let app = app_on(page.clone(), size, language, &USUAL);
                let plan = app.plan(&Theme::COLOUR);
                let all: String = texts(&plan).concat().replace(' ', "");
                let words = language.words();
                let message = match page {
                    Page::Code { .. } | Page::Menu(_) | Page::Basket(_) => None,
                    Page::Attract => Some(words.attract),
                    Page::Resuming => Some(words.resuming),
                    Page::Starting => Some(words.starting),
                    Page::Checking => Some(words.checking),
                    Page::Cancelling => Some(words.cancelling),
                    Page::Dispensing => Some(words.dispensing),
                    Page::Take => Some(words.take),
                    Page::Cancelled => Some(words.cancelled),
                    Page::Expired => Some(words.expired),
                    Page::Refunding => Some(words.refunding),
                    Page::Refunded => Some(words.refunded),
                    Page::Failed => Some(words.failed),
                    Page::Offline => Some(words.offline),
                    Page::Help => Some(words.help),
                    Page::OutOfService(_) => Some(words.out_of_service),
                    Page::Staff(_) => Some(words.staff),
                };
                for text in message.iter().flat_map(|message| [message.title, message.note]) {
                    let text = text.replace(' ', "");
                    assert!(all.contains(&text), "{size:?} {page:?}: {text} not in {all}");
                }
            }
        }
    }
}

#[test]
fn the_code_page_names_merchant_goods_amount_and_time_left() {
    for size in SIZES {
        for language in Language::ALL {
            let app = app_on(Page::Code { left_s: 299 }, size, language, &USUAL);
            let plan = app.plan(&Theme::COLOUR);
            let texts = texts(&plan);
            for text in ["扫码咖啡", "燕麦拿铁", "¥18.00", "4:59"] {
                assert!(texts.contains(&text), "{size:?} {language:?}: {text} not in {texts:?}");
            }
            assert!(code_of(&plan).is_some());
        }
    }
}

#[test]
fn an_amount_is_whole_or_there_is_no_code() {
    every_app(|app, what| {
        let plan = app.plan(&Theme::COLOUR);
        let amount = format!("¥{}", app.screen.order.amount.yuan());
        if code_of(&plan).is_some() {
            assert!(texts(&plan).contains(&amount.as_str()), "{what}: {amount}");
        }
    });
}

#[test]
fn what_a_server_says_too_long_is_cut_and_says_so() {
    let app = app_on(Page::Code { left_s: 299 }, (320, 240), Language::En, &LONGEST);
    let plan = app.plan(&Theme::COLOUR);
    assert!(texts(&plan).iter().any(|text| text.ends_with(ELLIPSIS)));
}

/// Reads the code off a display as a camera does: as a grey picture, enlarged when a module is
/// smaller than what any camera would see.
fn scanned(display: &Display<Gray8>, zoom: usize) -> Vec<String> {
    let Size { width, height } = display.bounding_box().size;
    let (width, height) = (usize::try_from(width).unwrap(), usize::try_from(height).unwrap());
    let mut image =
        rqrr::PreparedImage::prepare_from_greyscale(width * zoom, height * zoom, |x, y| {
            display.pixels[y / zoom * width + x / zoom].unwrap().luma()
        });
    let grids = image.detect_grids();
    grids.into_iter().filter_map(|grid| grid.decode().ok()).map(|(_, text)| text).collect()
}

fn zoom_for(module: i32) -> usize {
    usize::try_from((4 / module).max(1)).unwrap()
}

fn assert_read_back(size: (u32, u32), language: Language, sample: &Sample, theme: &Theme) {
    let app = app_on(Page::Code { left_s: 299 }, size, language, sample);
    let Some((_, module)) = code_of(&app.plan(theme)) else {
        let small = size.0.min(size.1) < 180;
        assert!(small && sample.code_url != USUAL.code_url, "{size:?} has room for a code");
        return;
    };
    let texts = scanned(&drawn::<Gray8>(&app, theme), zoom_for(module));
    assert_eq!(texts, [sample.code_url], "{size:?} {language:?}, {module} pixels a module");
}

#[test]
fn the_code_is_read_back_at_every_size() {
    for size in SIZES {
        for language in Language::ALL {
            assert_read_back(size, language, &USUAL, &Theme::COLOUR);
            assert_read_back(size, language, &LONGEST, &Theme::COLOUR);
        }
    }
    for size in ODD_SIZES.into_iter().filter(|size| size.0 < 700) {
        assert_read_back(size, Language::En, &USUAL, &Theme::COLOUR);
        assert_read_back(size, Language::Zh, &LONGEST, &Theme::COLOUR);
    }
}

#[test]
fn the_code_is_read_back_from_a_display_that_knows_on_and_off() {
    for size in SIZES {
        let app = app_on(Page::Code { left_s: 299 }, size, Language::Zh, &USUAL);
        let display = drawn::<BinaryColor>(&app, &Theme::MONO);
        let mut grey = Display::<Gray8>::new(size);
        grey.pixels = display.pixels.iter().map(|pixel| pixel.map(Gray8::from)).collect();
        assert_eq!(scanned(&grey, 4), [USUAL.code_url], "{size:?}");
    }
}

#[test]
fn modules_are_whole_pixels_and_the_quiet_zone_is_light() {
    every_app(|app, what| {
        if app.size().width > 800 {
            return;
        }
        let plan = app.plan(&Theme::COLOUR);
        let (Some((area, module)), Some(matrix)) = (code_of(&plan), &app.screen.code) else {
            return;
        };
        let modules = i32::try_from(matrix.size()).unwrap();
        assert!(module >= 1);
        assert_eq!(area.size, Size::new_equal(u32::try_from(modules * module).unwrap()), "{what}");
        let zone = area.offset(4 * module);
        let display = drawn::<Rgb888>(app, &Theme::COLOUR);
        let bounds = display.bounding_box();
        for at in zone.points() {
            assert!(bounds.contains(at), "{what}: the quiet zone leaves the display");
            let inner = at - area.top_left;
            let (x, y) = (inner.x.div_euclid(module), inner.y.div_euclid(module));
            let dark = usize::try_from(x)
                .is_ok_and(|x| usize::try_from(y).is_ok_and(|y| matrix.dark(x, y)));
            let expected = if dark { Theme::COLOUR.ink } else { Theme::COLOUR.card };
            assert_eq!(display.at(at.x, at.y), expected, "{what}: {at:?}");
        }
    });
}

#[test]
fn a_code_that_cannot_fit_sends_to_the_staff_with_the_order_number() {
    let long = "weixin://wxpay/bizpayurl?pr=".to_owned() + &"x".repeat(222);
    let sample = Sample { code_url: Box::leak(long.into_boxed_str()), ..USUAL };
    for language in Language::ALL {
        let app = app_on(Page::Code { left_s: 299 }, (128, 64), language, &sample);
        let plan = app.plan(&Theme::MONO);
        assert!(code_of(&plan).is_none());
        assert!(texts(&plan).contains(&language.words().no_room.title), "{:?}", texts(&plan));
    }
    let app = app_on(Page::Code { left_s: 299 }, (240, 240), Language::Zh, &sample);
    assert!(code_of(&app.plan(&Theme::COLOUR)).is_some(), "250 bytes fit 240x240");
    let too_long = "x".repeat(256);
    assert!(layout::code_for(Size::new(800, 480), &too_long).is_none());
}

#[test]
fn a_code_has_the_highest_level_that_keeps_its_modules_size() {
    use saoma_core::qr::Level;
    // 37 bytes: 29 modules at L and M, 33 at Q, 37 at H.
    let level =
        |width, height| layout::code_for(Size::new(width, height), USUAL.code_url).unwrap().level();
    assert_eq!(level(480, 320), Level::M, "7 pixels a module, at Q 6");
    assert_eq!(level(128, 64), Level::H, "1 pixel a module at every level");
}

#[test]
fn only_the_code_page_shows_a_code() {
    every_app(|app, what| {
        let plan = app.plan(&Theme::COLOUR);
        assert!(code_of(&plan).is_none() || matches!(app.screen.page, Page::Code { .. }), "{what}");
    });
}

#[test]
fn the_same_picture_on_every_kind_of_display() {
    for size in SIZES {
        for page in [Page::Code { left_s: 42 }, Page::Take] {
            let app = app_on(page, size, Language::Zh, &USUAL);
            let rgb = drawn::<Rgb888>(&app, &Theme::COLOUR);
            let rgb565 = drawn::<Rgb565>(&app, &Theme::COLOUR);
            let grey = drawn::<Gray8>(&app, &Theme::COLOUR);
            let binary = drawn::<BinaryColor>(&app, &Theme::COLOUR);
            for (index, colour) in rgb.pixels.iter().enumerate() {
                let colour = colour.unwrap();
                assert_eq!(rgb565.pixels[index], Some(Rgb565::from(colour)));
                assert_eq!(grey.pixels[index], Some(Gray8::from(colour)));
                assert_eq!(binary.pixels[index], Some(BinaryColor::from(colour)));
            }
        }
    }
}

#[test]
fn painting_the_countdown_alone_gives_the_whole_new_picture() {
    // Over the minute that loses a digit, and into the colour of warnings.
    for (size, left_s) in SIZES.into_iter().flat_map(|size| [(size, 601), (size, 62)]) {
        let mut app = app_on(Page::Code { left_s }, size, Language::Zh, &USUAL);
        let mut display = drawn::<Rgb565>(&app, &Theme::COLOUR);
        for second in 1..=3 {
            app.screen.page = Page::Code { left_s: left_s - second };
            display.writes.fill(0);
            let Ok(()) = app.draw(&mut display, &Theme::COLOUR, Damage::Part);
            let written = display.writes.iter().filter(|writes| **writes > 0).count();
            assert!(written * 5 < display.pixels.len(), "{size:?}: {written} pixels written");
            let whole = drawn::<Rgb565>(&app, &Theme::COLOUR);
            assert!(display.pixels == whole.pixels, "{size:?} {left_s} {second}");
        }
    }
}

#[test]
fn a_touch_on_a_key_is_that_key_and_anywhere_else_nothing() {
    for size in [(320, 240), (480, 320), (800, 480), (320, 480)] {
        let app = app_on(Page::Code { left_s: 299 }, size, Language::Zh, &USUAL);
        let plan = app.plan(&Theme::COLOUR);
        let keys: Vec<Key> = plan.keys.iter().map(|(_, key)| *key).collect();
        assert_eq!(keys, [Key::Cancel, Key::Language]);
        for (area, key) in &plan.keys {
            assert_eq!(layout::key_at(&app.screen, app.size(), area.center()), Some(*key));
            assert!(area.size.height >= 24 && area.size.width >= 40, "{area:?} is hard to hit");
        }
        assert_eq!(layout::key_at(&app.screen, app.size(), Point::zero()), None);
        assert_eq!(layout::key_at(&app.screen, app.size(), Point::new(-1, 1_000_000)), None);
    }
}
