//! What a change of the picture sends to a display against what really changed, and how long it
//! takes to make: `cargo xtask bench kiosk`. With `--all` every change has its own line.
#![expect(clippy::unwrap_used, reason = "made-up orders, known to be good")]
#![expect(clippy::disallowed_methods, reason = "it measures time")]

#[path = "../tests/kiosk/display.rs"]
#[expect(dead_code, reason = "tests look at more of it")]
mod display;
#[path = "../tests/kiosk/sent.rs"]
mod sent;
#[path = "../tests/kiosk/stage.rs"]
#[expect(dead_code, reason = "tests look at more of it")]
mod stage;

use embedded_graphics::{geometry::Size, pixelcolor::Rgb565};
use saoma_kiosk::{layout, shown::Shown, texts::Language};
use sent::{Change, Sent, changes, ticks};
use stage::{SIZES, USUAL};
use std::{hint::black_box, time::Instant};

fn main() {
    let all = std::env::args().any(|argument| argument == "--all");
    println!("## What is sent to the display\n");
    println!(
        "A bus of 40 MHz; a pixel is 2 bytes, a window 11 bytes. Each change in both languages."
    );
    table("Ticks, the worst of each size. Goal: at most 1 ms", all, ticks, |sent| {
        sent.bus_us() <= 1_000
    });
    table(
        "Screen changes, the worst of each size. Goals: at most 1.15 frames, at most 5 % outside",
        all,
        changes,
        |sent| sent.bytes() * 100 <= sent.frame_bytes() * 115 && sent.outside * 20 <= sent.pixels,
    );
    times();
}

fn table(
    title: &str,
    all: bool,
    of: impl Fn((u32, u32), Language) -> Vec<Change>,
    holds: impl Fn(&Sent) -> bool,
) {
    println!("\n{title}\n");
    let columns = "differ | sent | outside | windows | bytes | ms | a frame | of a frame | goal";
    println!("| display | change | {columns} |");
    println!("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |");
    for size in SIZES {
        let mut measured: Vec<(String, Sent)> = Vec::new();
        for language in Language::ALL {
            for (name, from, to) in of(size, language) {
                let theme = stage::theme(size);
                let sent = Sent::of(&from.plan(&theme).picture, &to.plan(&theme).picture);
                measured.push((format!("{name}, {}", language.code()), sent));
            }
        }
        let worst = measured.iter().max_by_key(|(_, sent)| sent.bytes()).unwrap().0.clone();
        let least = measured
            .iter()
            .max_by_key(|(_, sent)| (sent.outside * 1_000_000).checked_div(sent.pixels));
        let least = least.unwrap().0.clone();
        for (name, sent) in &measured {
            if all || *name == worst || *name == least || !holds(sent) {
                row(size, name, sent, holds(sent));
            }
        }
    }
}

fn row((width, height): (u32, u32), name: &str, sent: &Sent, holds: bool) {
    let milli = |us: u64| format!("{}.{:02}", us / 1_000, us % 1_000 / 10);
    let percent = |part: u64, whole: u64| {
        let tenths = (part * 1_000).checked_div(whole).unwrap_or(0);
        format!("{}.{} %", tenths / 10, tenths % 10)
    };
    println!(
        "| {width}x{height} | {name} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
        sent.differ,
        sent.pixels,
        percent(sent.outside, sent.pixels),
        sent.windows,
        sent.bytes(),
        milli(sent.bus_us()),
        milli(sent.frame_bytes() * 8 / sent::BITS_PER_US),
        percent(sent.bytes(), sent.frame_bytes()),
        if holds { "holds" } else { "does not hold" },
    );
}

/// How long it takes on this machine.
fn times() {
    println!("\n## Time on this machine\n");
    println!("| what | time |");
    println!("| --- | ---: |");
    let size = Size::new(320, 240);
    time("a code for 320x240, at the highest level that fits", || {
        black_box(layout::code_for(black_box(size), black_box(USUAL.code_url)));
    });
    let on = |page| stage::app_on(page, (320, 240), Language::Zh, &USUAL);
    let theme = stage::theme((320, 240));
    let code = |left_s| on(saoma_kiosk::app::Page::Code { left_s });
    let (one, other) = (code(299), code(298));
    time("the page with the code is laid out, 320x240", || {
        black_box(one.plan(&theme));
    });
    let mut display = display::Display::<Rgb565>::new((320, 240));
    let mut shown = Shown::new();
    time("and painted whole", || {
        shown.forget();
        let Ok(()) = shown.show(&mut display, &one.plan(&theme).picture);
    });
    time("two seconds pass on it", || {
        for stage in [&other, &one] {
            let Ok(()) = shown.show(&mut display, &stage.plan(&theme).picture);
        }
    });
}

/// The median of many runs.
fn time(what: &str, mut run: impl FnMut()) {
    let mut times: Vec<u128> = (0..200)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_nanos()
        })
        .collect();
    times.sort_unstable();
    println!("| {what} | {} µs |", times[times.len() / 2] / 1_000);
}
