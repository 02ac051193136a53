//! The board as its shell sees it, and everything that is made once.

use crate::{HZ, lines, slow::Slow, start_clock};
use cortex_m::singleton;
use embedded_graphics::geometry::Size;
use embedded_hal_bus::spi::{ExclusiveDevice, NoDelay};
use mipidsi::{
    Builder, Display,
    interface::SpiInterface,
    models::ILI9341Rgb565,
    options::{ColorOrder, Orientation, Rotation},
};
use saoma_kiosk::{
    app::{App, Damage, Fault, Input, Keys, Page, Settings},
    call::OrderNumbers,
    journal::{Journal, RECORD_LEN},
    layout,
    menu::{MENU, SAMPLE_MERCHANT},
    serial::terminal::Terminal,
    texts::Language,
    theme::Theme,
};
use saoma_kiosk_shell::{
    Board, Shell, screen,
    store::{Name, Store},
};
use stm32f4xx_hal::{
    gpio::{Output, PA4, PB0, PB1, PinState},
    pac::{self, SPI1},
    prelude::*,
    rcc::Config,
    serial::{self, Serial},
    signature::Uid,
    spi::{self, Spi},
    watchdog::IndependentWatchdog,
};

const SIZE: Size = Size::new(320, 240);
const ONCE: &str = "there is one board";
/// A loop that stands still for this long is started again.
const WATCHDOG_MS: u32 = 8_000;

/// Clock low at rest, bits taken at its rise.
const MODE: spi::Mode =
    spi::Mode { polarity: spi::Polarity::IdleLow, phase: spi::Phase::CaptureOnFirstTransition };

type Wire = ExclusiveDevice<Spi<SPI1>, PA4<Output>, NoDelay>;
type Ili9341 = Display<SpiInterface<'static, Wire, PB0<Output>>, ILI9341Rgb565, PB1<Output>>;

/// The board's parts before the memory card is known.
pub(crate) struct Panel {
    pub(crate) slow: Slow,
    display: Ili9341,
}

/// The board's parts.
pub(crate) struct Parts {
    slow: Slow,
    display: Ili9341,
    store: Store,
}

impl Panel {
    /// Makes clock, lines, buses and display ready.
    pub(crate) fn start() -> Self {
        let chip = pac::Peripherals::take().expect(ONCE);
        let core = cortex_m::Peripherals::take().expect(ONCE);
        let mut rcc = chip.RCC.freeze(Config::hse(25.MHz()).sysclk(HZ.Hz()));
        start_clock(core.SYST);
        let mut watchdog = IndependentWatchdog::new(chip.IWDG);
        watchdog.start(WATCHDOG_MS.millis());
        let (a, b) = (chip.GPIOA.split(&mut rcc), chip.GPIOB.split(&mut rcc));

        let line = || serial::Config::default().baudrate(lines::BAUD.bps());
        let bridge = Serial::new(chip.USART1, (a.pa9, a.pa10), line(), &mut rcc).expect(ONCE);
        let dispenser = Serial::new(chip.USART2, (a.pa2, a.pa3), line(), &mut rcc).expect(ONCE);
        lines::start(bridge, dispenser);

        let pins = (Some(a.pa5), Some(a.pa6), Some(a.pa7));
        let fast = Spi::new(chip.SPI1, pins, MODE, 40.MHz(), &mut rcc);
        let select = a.pa4.into_push_pull_output_in_state(PinState::High);
        let Ok(wire) = ExclusiveDevice::new_no_delay(fast, select);
        let buffer = singleton!(: [u8; 640] = [0; 640]).expect(ONCE);
        let interface = SpiInterface::new(wire, b.pb0.into_push_pull_output(), buffer);
        let mut delay = chip.TIM5.delay_us(&mut rcc);
        let display = Builder::new(ILI9341Rgb565, interface)
            .reset_pin(b.pb1.into_push_pull_output())
            .color_order(ColorOrder::Bgr)
            .orientation(Orientation::new().rotate(Rotation::Deg90))
            .init(&mut delay)
            .expect("its pins and its bus are the chip's own");

        let pins = (Some(b.pb13), Some(b.pb14), Some(b.pb15));
        let slow = Slow {
            spi: Spi::new(chip.SPI2, pins, MODE, 2.MHz(), &mut rcc),
            card: b.pb12.into_push_pull_output_in_state(PinState::High),
            touch: a.pa8.into_push_pull_output_in_state(PinState::High),
            pen: b.pb2.into_input(),
            watchdog,
            held: 0,
        };
        Self { slow, display }
    }

    /// Shows that the terminal is out of service.
    pub(crate) fn show_fault(&mut self, fault: Fault) {
        let (screen, theme) = (screen(Page::OutOfService(fault)), Theme::for_size(SIZE));
        // A display that does not work either cannot be told.
        let _shown = layout::plan(&screen, SIZE, &theme).picture.paint_all(&mut self.display);
    }

    /// The one board there is, and the shell of its terminal.
    pub(crate) fn with(self, store: Store, name: &Name, journal: Journal) -> (Parts, Shell) {
        let uid = Uid::get();
        let number = u32::from(uid.x()) << 16 | u32::from(uid.y());
        let prefix = name.prefix([0, number ^ u32::from(uid.waf_num())]);
        let shell = Shell::new(app(&prefix, journal), line(&prefix, name.starts));
        (Parts { slow: self.slow, display: self.display, store }, shell)
    }
}

#[inline(never)]
fn app(prefix: &str, journal: Journal) -> &'static mut App {
    let settings = Settings {
        size: SIZE,
        keys: Keys::Touch,
        language: Language::Zh,
        merchant: SAMPLE_MERCHANT,
        menu: &MENU,
        numbers: OrderNumbers::new(prefix).expect("letters, digits and a dash"),
    };
    singleton!(: App = App::new(settings, journal)).expect(ONCE)
}

#[inline(never)]
fn line(name: &str, start: u32) -> &'static mut Terminal {
    singleton!(: Terminal = Terminal::new(name, start)).expect(ONCE)
}

impl Parts {
    pub(crate) fn feed_watchdog(&mut self) {
        self.slow.feed_watchdog();
    }
}

impl Board for Parts {
    fn take_from_bridge(&mut self) -> Option<u8> {
        lines::BRIDGE.take()
    }

    fn tell_bridge(&mut self, bytes: &[u8]) {
        lines::tell_bridge(bytes);
    }

    fn take_from_dispenser(&mut self) -> Option<u8> {
        lines::DISPENSER.take()
    }

    fn tell_dispenser(&mut self, bytes: &[u8]) {
        lines::tell_dispenser(bytes);
    }

    fn input(&mut self) -> Option<Input> {
        self.slow.touched()
    }

    fn keep(&mut self, slot: usize, record: &[u8; RECORD_LEN]) -> bool {
        match self.store.write(&mut self.slow, slot, record) {
            Ok(()) => true,
            Err(error) => {
                lines::log(format_args!("{error}"));
                false
            }
        }
    }

    #[inline(never)]
    fn draw(&mut self, app: &mut App, damage: Damage) {
        if app.draw(&mut self.display, &Theme::for_size(SIZE), damage).is_err() {
            // The next picture is drawn whole.
            lines::log(format_args!("the display does not take its picture"));
        }
    }
}
