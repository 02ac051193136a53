//! The terminal as firmware of an LM3S6965: the same app as on Linux, without an operating system.
#![no_std]
#![no_main]

mod buttons;
mod card;
mod chip;
mod clock;
mod oled;
mod spi;
mod stack;
mod uart;

use buttons::Buttons;
use card::Card;
use clock::Time;
use core::fmt::Write as _;
use cortex_m_rt::entry;
use embedded_graphics::geometry::Size;
use oled::Oled;
use saoma_core::money::Fen;
use saoma_kiosk::serial::{message::ToBridge, terminal::{Heard, Terminal}};
use saoma_kiosk::{app::*, call::*, texts::Language, theme::Theme};
use spi::Spi;
use uart::Uart;

#[entry]
fn main() -> ! {
    clock::start();
    clock::start_watchdog();
    Uart::BRIDGE.start();
    Uart::DISPENSER.start();
    let mut spi = Spi::start();
    Oled::start(&mut spi);
    let mut oled = Oled::new();
    let mut buttons = Buttons::start();
    let mut time = Time::new();
    let card = Card::start(&mut spi);
    log(format_args!("card {:?}", card.as_ref().err()));
    if let Ok(card) = &card {
        let mut block = [7; 512];
        log(format_args!("read {:?} {}", card.read(&mut spi, 8, &mut block), block[0]));
        block[0] = block[0].wrapping_add(1);
        log(format_args!("write {:?}", card.write(&mut spi, 8, &block)));
    }
    let goods = Goods::new("Oat latte", Fen::new(1800).unwrap_or(Fen::MAX)).ok();
    let mut app = App::new(
        Size::new(128, 64),
        Language::Zh,
        goods.unwrap(),
        OrderNumbers::new("X-1").unwrap(),
    );
    let mut line = Terminal::new("K1", 1);
    loop {
        clock::feed_watchdog();
        let now = time.now_ms();
        let mut input = line.tick(now);
        if input.is_none() {
            while let Some(byte) = Uart::BRIDGE.take() {
                input = line.take(byte, now);
                if input.is_some() { break; }
            }
        }
        let input = match input {
            Some(Heard::Reply { ticket, answer }) => Input::Reply { ticket, answer },
            Some(Heard::Lost { ticket }) => Input::Lost { ticket },
            _ => match buttons.look() {
                Some(b) => { log(format_args!("button {b:?}")); Input::Key(Key::Language) }
                None => Input::Tick,
            },
        };
        let reaction = app.handle(input, now);
        if let Some(request) = reaction.request {
            line.ask(request);
        }
        if reaction.damage != Damage::Nothing {
            let _ = app.draw(&mut oled, &Theme::MONO, reaction.damage);
            oled.show(&mut spi);
            log(format_args!("stack {:?}", stack::used()));
        }
        line.say(now, |bytes| Uart::BRIDGE.send(bytes));
        cortex_m::asm::wfi();
    }
}

fn log(text: core::fmt::Arguments<'_>) {
    let mut line = heapless::String::<120>::new();
    let _ = line.write_fmt(text);
    ToBridge::Log { text: &line }.write(|bytes| Uart::BRIDGE.send(bytes));
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    log(format_args!("{info}"));
    cortex_m::peripheral::SCB::sys_reset()
}
