//! Screens of a terminal whose app does not run yet, or not any more.

use heapless::String;
use saoma_kiosk::{
    app::{OrderShown, Page, Screen},
    texts::Language,
};

/// A screen without an order.
#[must_use]
pub fn screen(page: Page) -> Screen {
    Screen {
        language: Language::Zh,
        dimmed: false,
        step: 0,
        focus: None,
        merchant: String::new(),
        page,
        order: OrderShown::default(),
        code: None,
    }
}
