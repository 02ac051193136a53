//! What the terminal asks and shows, step by step.

use embedded_graphics::geometry::Size;
use saoma_kiosk::{
    app::{App, Damage, Input, Key, Keys, Page, Settings},
    call::OrderNumbers,
    journal::Journal,
    menu::MENU,
    texts::Language,
};

fn settings() -> Settings {
    Settings {
        size: Size::new(480, 320),
        keys: Keys::Touch,
        language: Language::Zh,
        merchant: "扫码咖啡",
        menu: &MENU,
        numbers: OrderNumbers::new("K1").unwrap(),
    }
}

#[test]
fn the_first_tick_invites() {
    let mut app = App::new(settings(), Journal::default());
    let reaction = app.handle(Input::Tick, 0);
    assert_eq!((&app.screen().page, reaction.damage), (&Page::Attract, Damage::All));
    let reaction = app.handle(Input::Key(Key::Start), 0);
    assert!(matches!(app.screen().page, Page::Menu(_)) && reaction.damage == Damage::All);
}
