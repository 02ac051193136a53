//! What a QR code costs, counted at the start: `cargo xtask bench kiosk`.
//!
//! The emulator is told to let one nanosecond pass for each instruction (`-icount shift=0`), so
//! the time that SysTick measures is the number of instructions, in steps of 20.

use crate::{
    clock, log,
    oled::{Oled, SIZE},
    spi::Spi,
};
use core::hint::black_box;
use saoma_core::qr::{self, Level};
use saoma_kiosk::{
    app::{Page, Screen},
    layout,
    shown::Shown,
    theme::Theme,
};
use saoma_kiosk_shell::screen;

/// As long as WeChat's are.
const CODE_URL: &str = "weixin://wxpay/bizpayurl?pr=a1B2c3Dzz";

/// Counts, and says the results to the log.
#[inline(never)]
pub(crate) fn run(spi: &mut Spi) {
    let nothing = count(|| ());
    let tell = |what: &str, instructions: u64| {
        log(format_args!("measure {what} {}", instructions.saturating_sub(nothing)));
    };
    tell("encode", count(|| qr::encode_at_least(black_box(CODE_URL), Level::L)));
    let code = layout::code_for(SIZE, CODE_URL);
    tell("fit", count(|| layout::code_for(SIZE, black_box(CODE_URL))));
    let mut code_screen = screen(Page::Code { left_s: 299 });
    code_screen.code = code;
    let theme = Theme::for_size(SIZE);
    let (mut oled, mut shown) = (Oled::new(), Shown::new());
    let mut draw = |what, screen: &Screen| {
        let plan = layout::plan(screen, SIZE, &theme);
        // Infallible.
        tell(what, count(|| shown.show(&mut oled, &plan.picture)));
        tell("send", count(|| oled.show(spi)));
    };
    draw("draw-code", &code_screen);
    code_screen.page = Page::Code { left_s: 298 };
    draw("draw-second", &code_screen);
    draw("draw-dispensing", &screen(Page::Dispensing));
    // Until all of it is said.
    clock::feed_watchdog();
}

fn count<T>(work: impl FnOnce() -> T) -> u64 {
    let before = clock::nanoseconds();
    black_box(work());
    clock::nanoseconds().saturating_sub(before)
}
