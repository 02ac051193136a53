//! Every screen in every size and language, looked at pixel by pixel.

use crate::{
    display::Display,
    sent::{Sent, changes, ticks},
    stage::{LONGEST, PAGES, SIZES, Sample, Stage, USUAL, app_on, menu_page, screens, theme},
};
use embedded_graphics::{
    geometry::{Dimensions as _, Point, Size},
    pixelcolor::{BinaryColor, Gray4, Gray8, GrayColor as _, PixelColor, Rgb565, Rgb888},
    primitives::{PointsIter as _, Rectangle},
};
use saoma_kiosk::{
    app::{Key, Page},
    layout::{self, Plan},
    lines::ELLIPSIS,
    picture::{Item, Kind},
    texts::{Language, Message},
    theme::Theme,
};

/// Sizes that nobody promised, to find out whether a layout stands on luck.
const ODD_SIZES: [(u32, u32); 9] = [
    (128, 128),
    (160, 128),
    (240, 280),
    (250, 122),
    (400, 240),
    (480, 480),
    (600, 1024),
    (720, 1280),
    (1920, 1080),
];

/// The least side of something that a finger hits.
const FINGER_PX: u32 = 44;

fn every_screen(mut check: impl FnMut(&Stage, &str)) {
    for size in SIZES.into_iter().chain(ODD_SIZES) {
        for language in Language::ALL {
            for (kind, sample) in [("usual", &USUAL), ("longest", &LONGEST)] {
                for (name, stage) in screens(size, language, sample) {
                    check(&stage, &format!("{size:?} {language:?} {kind} {name}"));
                }
            }
        }
    }
}

fn dimensions(stage: &Stage) -> (u32, u32) {
    (stage.size().width, stage.size().height)
}

const fn is_tiny((width, height): (u32, u32)) -> bool {
    width < 160 || height < 160
}

fn drawn<C: PixelColor + From<Rgb888>>(stage: &Stage, theme: &Theme) -> Display<C> {
    let mut display = Display::new(dimensions(stage));
    let Ok(()) = stage.draw(&mut display, theme);
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
    for size in SIZES.into_iter().chain([(1920, 1080)]) {
        for page in [Page::Code { left_s: 899 }, menu_page(size, 0, &USUAL)] {
            let stage = app_on(page, size, Language::Zh, &USUAL);
            let display = drawn::<Rgb888>(&stage, &Theme::COLOUR);
            assert!(display.writes.iter().all(|writes| *writes == 1), "{size:?}");
            assert_eq!(display.fills, [display.bounding_box()], "{size:?}");
        }
    }
}

#[test]
fn nothing_leaves_the_display_and_nothing_is_left_out() {
    every_screen(|stage, what| {
        let plan = stage.plan(&Theme::COLOUR);
        let bounds = plan.picture.bounds();
        for item in plan.picture.items() {
            let text = text_of(&plan, item);
            assert_eq!(item.area.intersection(&bounds), item.area, "{what}: {item:?} {text:?}");
            assert!(item.area.size.width > 0, "{what}: {item:?}");
        }
        assert!(!plan.picture.is_full(), "{what}");
        let room = (saoma_kiosk::picture::ITEMS_MAX, plan.picture.items().len());
        assert!(room.1 <= room.0 * 9 / 10, "{what}: {room:?} things come near the limit");
    });
}

#[test]
fn nothing_overlaps() {
    every_screen(|stage, what| {
        let plan = stage.plan(&Theme::COLOUR);
        let items = plan.picture.items();
        let is_panel = |item: &Item<'_>| matches!(item.kind, Kind::Panel { .. });
        for (index, one) in items.iter().enumerate() {
            for (other_index, other) in items.iter().enumerate().skip(index + 1) {
                let shared = one.area.intersection(&other.area);
                if shared.is_zero_sized() || is_panel(one) || is_panel(other) {
                    continue;
                }
                // A number on its own panel may lie on a drawing.
                let panels = items[index..other_index].iter().filter(|item| is_panel(item));
                let own = panels.map(|panel| panel.area.intersection(&other.area));
                let covered = own.into_iter().any(|area| area == other.area);
                let is_art = matches!(one.kind, Kind::Art { .. });
                let (left, right) = (text_of(&plan, one), text_of(&plan, other));
                assert!(is_art && covered, "{what}: {left:?} and {right:?}");
            }
        }
        for (panel, other) in panels_and_strangers(&plan) {
            let text = text_of(&plan, other);
            let in_front = matches!(other.kind, Kind::Art { .. });
            assert!(in_front, "{what}: {text:?} lies half on a panel at {panel:?}");
        }
    });
}

/// Each panel with each thing that does not lie on it, but touches it.
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
            .filter(|item| !item.area.intersection(&panel.area).is_zero_sized())
            .map(|item| (panel.area, item))
    })
}

/// What a page says that is a message, and whether its note must be there on the smallest
/// displays.
fn message(page: &Page, language: Language) -> Option<(Message, bool)> {
    let words = language.words();
    match page {
        Page::Resuming => Some((words.resuming, true)),
        Page::Starting => Some((words.starting, true)),
        Page::Checking => Some((words.checking, true)),
        Page::Cancelling => Some((words.cancelling, true)),
        Page::Dispensing => Some((words.dispensing, true)),
        Page::Take => Some((words.take, true)),
        Page::Cancelled => Some((words.cancelled, true)),
        Page::Expired => Some((words.expired, true)),
        Page::Refunding => Some((words.refunding, true)),
        Page::Refunded => Some((words.refunded, true)),
        Page::Failed => Some((words.failed, true)),
        Page::Offline => Some((words.offline, true)),
        // The number, or what is wrong, says more.
        Page::Help => Some((words.help, false)),
        Page::OutOfService(_) => Some((words.out_of_service, false)),
        _ => None,
    }
}

#[test]
fn the_terminals_own_words_are_never_cut() {
    for size in SIZES {
        for language in Language::ALL {
            for (name, stage) in screens(size, language, &USUAL) {
                let plan = stage.plan(&Theme::COLOUR);
                let what = format!("{size:?} {language:?} {name}");
                for text in texts(&plan) {
                    assert!(!text.contains(ELLIPSIS), "{what}: {text}");
                }
                let Some((message, needs_note)) = message(&stage.screen.page, language) else {
                    continue;
                };
                let all: String = texts(&plan).concat().replace(' ', "");
                let note = if needs_note || !is_tiny(size) { message.note } else { "" };
                for text in [message.title, note] {
                    let text = text.replace(' ', "");
                    assert!(all.contains(&text), "{what}: {text} not in {all}");
                }
            }
        }
    }
}

#[test]
fn help_and_staff_show_the_orders_number_larger_than_what_stands_around_it() {
    for size in SIZES {
        let stage = app_on(Page::Help, size, Language::En, &USUAL);
        let plan = stage.plan(&Theme::COLOUR);
        let height = |wanted: &str| {
            let items = plan.picture.items().iter();
            let item = items.into_iter().find(|item| text_of(&plan, item) == Some(wanted));
            item.map(|item| item.area.size.height)
        };
        let number = height(USUAL.order_no).unwrap();
        assert!(number >= 19 && height(Language::En.words().again).is_none_or(|h| h <= number));
    }
}

#[test]
fn the_code_page_names_goods_amount_and_time_left() {
    for size in SIZES {
        for (language, goods) in Language::ALL.into_iter().zip(USUAL.description) {
            let stage = app_on(Page::Code { left_s: 899 }, size, language, &USUAL);
            let plan = stage.plan(&Theme::COLOUR);
            let texts = texts(&plan);
            for text in [goods, "¥18.00", "14:59"] {
                assert!(texts.contains(&text), "{size:?} {language:?}: {text} not in {texts:?}");
            }
            assert!(is_tiny(size) || texts.contains(&"扫码咖啡"), "{size:?}: {texts:?}");
            assert!(code_of(&plan).is_some());
        }
    }
}

#[test]
fn an_amount_is_whole_or_there_is_no_code() {
    every_screen(|stage, what| {
        let plan = stage.plan(&Theme::COLOUR);
        let amount = format!("¥{}", stage.screen.order.amount.yuan());
        if code_of(&plan).is_some() {
            assert!(texts(&plan).contains(&amount.as_str()), "{what}: {amount}");
        }
    });
}

#[test]
fn every_key_that_means_something_can_be_hit() {
    every_screen(|stage, what| {
        let plan = stage.plan(&Theme::COLOUR);
        let has_code = code_of(&plan).is_some() == matches!(stage.screen.page, Page::Code { .. });
        for key in stage.screen.keys().into_iter().filter(|_| has_code) {
            let area = plan.keys.iter().find(|(_, of)| *of == key).map(|(area, _)| *area);
            let Some(area) = area else { panic!("{what}: {key:?} is nowhere") };
            assert_eq!(area.intersection(&plan.picture.bounds()), area, "{what}: {key:?}");
            if is_tiny(dimensions(stage)) {
                continue;
            }
            let least = area.size.width.min(area.size.height);
            assert!(least >= FINGER_PX, "{what}: {key:?} is {:?}", area.size);
            if key != Key::Start {
                assert_eq!(layout::key_at(&stage.screen, stage.size(), area.center()), Some(key));
            }
        }
    });
}

#[test]
fn keys_do_not_lie_on_each_other_and_elsewhere_is_none() {
    every_screen(|stage, what| {
        let plan = stage.plan(&Theme::COLOUR);
        for (index, (one, key)) in plan.keys.iter().enumerate() {
            for (other, other_key) in &plan.keys[index + 1..] {
                // Whoever touches anything begins.
                let shared = one.intersection(other).is_zero_sized();
                assert!(shared || *other_key == Key::Start, "{what}: {key:?} and {other_key:?}");
            }
        }
        for at in [Point::new(-1, 1_000_000), Point::new(i32::MAX, i32::MIN)] {
            assert_eq!(layout::key_at(&stage.screen, stage.size(), at), None, "{what}");
        }
    });
    let stage = app_on(Page::Help, (320, 240), Language::Zh, &USUAL);
    let key_at = |x, y| layout::key_at(&stage.screen, stage.size(), Point::new(x, y));
    assert_eq!((key_at(3, 3), key_at(160, 120)), (Some(Key::Corner), None));
}

#[test]
fn what_is_selected_can_be_seen() {
    every_screen(|stage, what| {
        if !(what.starts_with("(128, 64) Zh usual") || what.starts_with("(240, 240) En usual")) {
            return;
        }
        let mut bare = stage.clone();
        bare.screen.focus = None;
        let theme = theme(dimensions(stage));
        let plan = bare.plan(&theme);
        for key in stage.screen.keys() {
            if !plan.keys.iter().any(|(_, of)| *of == key) {
                continue;
            }
            let focused = bare.clone().focused(key);
            let (old, new) = (bare.plan(&theme), focused.plan(&theme));
            let sent = Sent::of(&old.picture, &new.picture);
            assert!(sent.differ > 20, "{what}: {key:?} is selected and nobody sees it");
        }
    });
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
    let stage = app_on(Page::Code { left_s: 899 }, size, language, sample);
    let Some((_, module)) = code_of(&stage.plan(theme)) else {
        assert!(is_tiny(size) && sample.code_url != USUAL.code_url, "{size:?} has room");
        return;
    };
    let texts = scanned(&drawn::<Gray8>(&stage, theme), zoom_for(module));
    assert_eq!(texts, [sample.code_url], "{size:?} {language:?}, {module} pixels a module");
}

#[test]
fn the_code_is_read_back_at_every_size() {
    for size in SIZES {
        for language in Language::ALL {
            assert_read_back(size, language, &USUAL, &theme(size));
            assert_read_back(size, language, &LONGEST, &theme(size));
        }
    }
    for size in ODD_SIZES.into_iter().filter(|size| size.0 < 600) {
        assert_read_back(size, Language::En, &USUAL, &theme(size));
        assert_read_back(size, Language::Zh, &LONGEST, &theme(size));
    }
}

#[test]
fn the_code_is_read_back_from_a_display_that_knows_on_and_off() {
    for size in SIZES {
        let stage = app_on(Page::Code { left_s: 899 }, size, Language::Zh, &USUAL);
        let display = drawn::<BinaryColor>(&stage, &Theme::MONO);
        let mut grey = Display::<Gray8>::new(size);
        grey.pixels = display.pixels.iter().map(|pixel| pixel.map(Gray8::from)).collect();
        assert_eq!(scanned(&grey, 4), [USUAL.code_url], "{size:?}");
    }
}

#[test]
fn modules_are_whole_pixels_and_the_quiet_zone_is_light() {
    every_screen(|stage, what| {
        if stage.size().width > 480 || what.contains("hurry") {
            return;
        }
        let plan = stage.plan(&Theme::COLOUR);
        let (Some((area, module)), Some(matrix)) = (code_of(&plan), &stage.screen.code) else {
            return;
        };
        let modules = i32::try_from(matrix.size()).unwrap();
        assert!(module >= 1);
        assert_eq!(area.size, Size::new_equal(u32::try_from(modules * module).unwrap()), "{what}");
        let zone = area.offset(4 * module);
        let display = drawn::<Rgb888>(stage, &Theme::COLOUR);
        let bounds = display.bounding_box();
        let light =
            if is_tiny(dimensions(stage)) { Theme::COLOUR.ground } else { Theme::COLOUR.card };
        for at in zone.points() {
            assert!(bounds.contains(at), "{what}: the quiet zone leaves the display");
            let inner = at - area.top_left;
            let (x, y) = (inner.x.div_euclid(module), inner.y.div_euclid(module));
            let dark = usize::try_from(x)
                .is_ok_and(|x| usize::try_from(y).is_ok_and(|y| matrix.dark(x, y)));
            let expected = if dark { Theme::COLOUR.ink } else { light };
            assert_eq!(display.at(at.x, at.y), expected, "{what}: {at:?}");
        }
    });
}

#[test]
fn a_code_that_cannot_fit_sends_to_the_staff() {
    let long = "weixin://wxpay/bizpayurl?pr=".to_owned() + &"x".repeat(222);
    let sample = Sample { code_url: Box::leak(long.into_boxed_str()), ..USUAL };
    for language in Language::ALL {
        let stage = app_on(Page::Code { left_s: 899 }, (128, 64), language, &sample);
        let plan = stage.plan(&Theme::MONO);
        assert!(code_of(&plan).is_none());
        assert!(texts(&plan).contains(&language.words().no_room.title), "{:?}", texts(&plan));
    }
    let stage = app_on(Page::Code { left_s: 899 }, (240, 240), Language::Zh, &sample);
    assert!(code_of(&stage.plan(&Theme::COLOUR)).is_some(), "250 bytes fit 240x240");
    let too_long = "x".repeat(256);
    assert!(layout::code_for(Size::new(800, 480), &too_long).is_none());
}

#[test]
fn a_code_has_the_highest_level_that_keeps_its_modules_size() {
    use saoma_core::qr::Level;
    for size in SIZES {
        let size = Size::new(size.0, size.1);
        let code = layout::code_for(size, USUAL.code_url).unwrap();
        let module = |matrix| {
            let mut stage =
                app_on(Page::Code { left_s: 9 }, (size.width, size.height), Language::Zh, &USUAL);
            stage.screen.code = Some(matrix);
            code_of(&stage.plan(&Theme::COLOUR)).unwrap().1
        };
        let least = saoma_core::qr::encode_at_least(USUAL.code_url, Level::L).unwrap();
        assert_eq!(module(code.clone()), module(least), "{size:?}: not denser than need be");
        for level in [Level::M, Level::Q, Level::H].into_iter().filter(|l| *l > code.level()) {
            let safer = saoma_core::qr::encode_at_least(USUAL.code_url, level).unwrap();
            assert!(module(safer) < module(code.clone()), "{size:?}: {level:?} fits as well");
        }
    }
}

#[test]
fn only_the_code_page_shows_a_code() {
    every_screen(|stage, what| {
        let is_code = matches!(stage.screen.page, Page::Code { .. });
        assert!(code_of(&stage.plan(&Theme::COLOUR)).is_none() || is_code, "{what}");
    });
}

#[test]
fn the_same_picture_on_every_kind_of_display() {
    for size in SIZES.into_iter().filter(|size| size.0 * size.1 < 200_000) {
        for page in [Page::Code { left_s: 42 }, Page::Take, menu_page(size, 0, &USUAL)] {
            let stage = app_on(page, size, Language::Zh, &USUAL);
            let rgb = drawn::<Rgb888>(&stage, &Theme::COLOUR);
            let rgb565 = drawn::<Rgb565>(&stage, &Theme::COLOUR);
            let grey = drawn::<Gray8>(&stage, &Theme::COLOUR);
            let grey4 = drawn::<Gray4>(&stage, &Theme::COLOUR);
            let binary = drawn::<BinaryColor>(&stage, &Theme::COLOUR);
            for (index, colour) in rgb.pixels.iter().enumerate() {
                let colour = colour.unwrap();
                assert_eq!(rgb565.pixels[index], Some(Rgb565::from(colour)));
                assert_eq!(grey.pixels[index], Some(Gray8::from(colour)));
                assert_eq!(grey4.pixels[index], Some(Gray4::from(colour)));
                assert_eq!(binary.pixels[index], Some(BinaryColor::from(colour)));
            }
        }
    }
}

#[test]
fn time_alone_sends_at_most_a_millisecond_of_the_bus() {
    for size in SIZES {
        for (name, from, to) in ticks(size, Language::En) {
            let theme = theme(size);
            let sent = Sent::of(&from.plan(&theme).picture, &to.plan(&theme).picture);
            assert!(sent.bus_us() <= 1_000, "{size:?} {name}: {sent:?}, {} µs", sent.bus_us());
            assert!(sent.outside * 20 <= sent.pixels, "{size:?} {name}: {sent:?}");
        }
    }
}

#[test]
fn a_change_sends_little_more_than_what_differs() {
    for size in SIZES.into_iter().filter(|size| size.0 * size.1 < 200_000) {
        for (name, from, to) in changes(size, Language::Zh) {
            let theme = theme(size);
            let sent = Sent::of(&from.plan(&theme).picture, &to.plan(&theme).picture);
            let bytes = (sent.bytes(), sent.frame_bytes());
            assert!(bytes.0 * 100 <= bytes.1 * 115, "{size:?} {name}: {sent:?}");
            assert!(sent.outside * 20 <= sent.pixels, "{size:?} {name}: {sent:?}");
            assert!(sent.pixels > 0, "{size:?} {name}: nobody sees it");
        }
    }
}

#[test]
fn the_invitation_wanders_so_that_nothing_burns_in() {
    for size in SIZES {
        for dimmed in [false, true] {
            let stage = app_on(Page::Attract, size, Language::Zh, &USUAL);
            let stage = if dimmed { stage.dimmed() } else { stage };
            let theme = theme(size);
            let mut places = std::collections::BTreeSet::new();
            for step in (0..960).step_by(96) {
                let stage = stage.clone().at_step(step);
                let plan = stage.plan(&theme);
                let title = Language::Zh.words().attract.title;
                let items = plan.picture.items().iter();
                let item = items.into_iter().find(|item| text_of(&plan, item) == Some(title));
                let at = item.unwrap().area.top_left;
                places.insert((at.x, at.y));
            }
            assert!(places.len() >= 5, "{size:?}: {places:?}");
        }
    }
}

#[test]
fn every_page_has_a_name_and_is_on_the_sheet() {
    let names: Vec<String> =
        screens((480, 320), Language::Zh, &USUAL).into_iter().map(|(name, _)| name).collect();
    for page in PAGES {
        assert!(names.iter().any(|name| name.starts_with(page.name())), "{}", page.name());
    }
    let different: std::collections::BTreeSet<&String> = names.iter().collect();
    assert_eq!(different.len(), names.len(), "{names:?}");
}
