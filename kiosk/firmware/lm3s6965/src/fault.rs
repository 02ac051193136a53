//! The end: what a terminal does that cannot go on. It says so, and starts again.

use crate::{
    clock, log,
    oled::{Direct, Oled, SIZE},
    spi::Spi,
};
use core::{
    panic::PanicInfo,
    sync::atomic::{AtomicBool, Ordering},
};
use cortex_m::peripheral::SCB;
use cortex_m_rt::{ExceptionFrame, exception};
use saoma_kiosk::{
    app::{Fault, Page},
    layout,
    theme::Theme,
};

/// How long the sign stands before the terminal starts again.
const SHOWN_MS: u32 = 5_000;

/// Whether this is the end already: what fails on the way out is not tried again.
static IS_OVER: AtomicBool = AtomicBool::new(false);

/// Shows a screen whatever the display shows now.
pub(crate) fn show(spi: &mut Spi, page: Page) {
    let screen = saoma_kiosk_shell::screen(page);
    let theme = Theme::for_size(SIZE);
    let plan = layout::plan(&screen, SIZE, &theme);
    // Infallible.
    let Ok(()) = plan.picture.paint_all(&mut Direct(spi));
}

/// Says that the terminal is out of service, and starts it again after a while.
pub(crate) fn end(spi: &mut Spi, fault: Fault) -> ! {
    show(spi, Page::OutOfService(fault));
    for _ in 0..SHOWN_MS / 100 {
        clock::feed_watchdog();
        clock::wait_ms(100);
    }
    SCB::sys_reset()
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    if IS_OVER.swap(true, Ordering::Relaxed) {
        SCB::sys_reset();
    }
    log(format_args!("{info}"));
    let mut spi = Spi::start();
    Oled::start(&mut spi);
    end(&mut spi, Fault::Journal)
}

/// The processor refuses an instruction: memory that is not there, such as below the stack.
///
/// # Safety
/// It is called by the processor only.
#[exception]
unsafe fn HardFault(_: &ExceptionFrame) -> ! {
    // There may be no stack to do anything with.
    SCB::sys_reset()
}
