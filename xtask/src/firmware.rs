//! `cargo xtask firmware`: the terminals without an operating system, built, measured, and bought
//! from in an emulator.

use std::path::PathBuf;
use std::process::Command;

use crate::cross::{self, Target};
use crate::elf::{Elf, Symbol};
use crate::failure::Failure;
use crate::process::{cargo, output, program, run as run_process};
use crate::{merchant_free, setup, workspace};

/// What the command takes.
pub(crate) const OPTIONS: &str = "build | size | bench | test [--rounds N] [--pictures DIR]";

const BOARD: &str = "saoma-kiosk-lm3s6965";
const PANEL: &str = "saoma-kiosk-panel";
const MANIFEST: &str = "kiosk/firmware/Cargo.toml";

/// What the firmware of the board may take at most (`docs/benchmarks.md`).
const FLASH_MAX: usize = 200 * 1024;
const MEMORY_MAX: usize = 32 * 1024;

pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["build"] => build(),
        ["size"] => {
            build_board(&[])?;
            size()
        }
        ["bench"] => bench(),
        ["test", options @ ..] => test(options),
        _ => Err(Failure::usage(format!("`firmware` takes: {OPTIONS}"))),
    }
}

/// Both firmwares.
fn build() -> Result<(), Failure> {
    build_board(&[])?;
    build_panel()?;
    for firmware in [board(), Target::CortexM4.release_folder().join(PANEL)] {
        println!("    {}", firmware.display());
        merchant_free::binary_is_free(&firmware)?;
    }
    Ok(())
}

/// The firmware for the board that can be emulated.
fn build_board(features: &[&str]) -> Result<(), Failure> {
    let package = ["--manifest-path", MANIFEST, "--package", BOARD];
    cross::build(Target::CortexM3, &[package.as_slice(), features].concat())
}

/// The firmware for a panel of 320x240 pixels.
fn build_panel() -> Result<(), Failure> {
    cross::build(Target::CortexM4, &["--manifest-path", MANIFEST, "--package", PANEL])
}

fn board() -> PathBuf {
    Target::CortexM3.release_folder().join(BOARD)
}

/// The step of `cargo xtask test`: both are built, small enough, and one of them sells.
pub(crate) fn step() -> Result<(), Failure> {
    build()?;
    size()?;
    test(&[])
}

fn test(options: &[&str]) -> Result<(), Failure> {
    let mut variables = Vec::new();
    for pair in options.chunks(2) {
        match *pair {
            ["--rounds", rounds] if rounds.parse::<u32>().is_ok() => {
                variables.push(("SAOMA_FIRMWARE_ROUNDS", rounds.into()));
            }
            ["--pictures", folder] => {
                let folder = workspace::root().join(folder);
                std::fs::create_dir_all(&folder)
                    .map_err(Failure::io(format!("cannot make {}", folder.display())))?;
                variables.push(("SAOMA_FIRMWARE_PICTURES", folder.into_os_string()));
            }
            _ => return Err(Failure::usage(format!("`firmware` takes: {OPTIONS}"))),
        }
    }
    build_board(&[])?;
    install_emulator()?;
    run_process(&mut cargo(&["build", "--workspace", "--bins"]))?;
    let mut test = crate::steps::ignored_tests("firmware");
    run_process(test.envs(variables).env("SAOMA_FIRMWARE", board()))
}

fn install_emulator() -> Result<(), Failure> {
    if output(&mut program("qemu-system-arm", &["--version"])).is_ok() {
        return Ok(());
    }
    if setup::is_debian() {
        return setup::install(&["qemu-system-arm"]);
    }
    Err(Failure::new("the firmware is tried out in QEMU: install qemu-system-arm"))
}

/// A part of the firmware, and what the names of its functions and variables contain.
struct Part {
    name: &'static str,
    marks: &'static [&'static str],
}

/// In the order in which a name is looked up: the first part with a mark in it has it.
const PARTS: [Part; 8] = [
    Part { name: "drivers and shell", marks: &["saoma_kiosk_lm3s6965"] },
    Part {
        name: "app",
        marks: &[
            "11saoma_kiosk3app",
            "11saoma_kiosk6basket",
            "11saoma_kiosk7journal",
            "11saoma_kiosk5texts",
            "11saoma_kiosk4menu",
            "11saoma_kiosk4call",
        ],
    },
    Part {
        name: "line and JSON",
        marks: &[
            "11saoma_kiosk4wire",
            "11saoma_kiosk6serial",
            "serde_json_core",
            "10serde_core",
            "5serde",
            "4ryu",
        ],
    },
    Part { name: "QR codes", marks: &["10saoma_core2qr"] },
    Part { name: "core", marks: &["10saoma_core"] },
    Part { name: "drawing", marks: &["11saoma_kiosk", "17embedded_graphics"] },
    Part { name: "heapless", marks: &["8heapless"] },
    Part { name: "runtime", marks: &[""] },
];

/// Prints what lies in flash and in memory, by part; an error when it is too much.
fn size() -> Result<(), Failure> {
    let path = board();
    let bytes = std::fs::read(&path).map_err(Failure::io(format!("cannot read {path:?}")))?;
    let elf = Elf::read(bytes)?;
    let symbols = elf.symbols();
    let (flash, memory) = (elf.flash(), elf.memory());
    let fonts = fonts(&elf)?;
    let mut rest = flash - fonts;
    println!("\n| part | flash, bytes | static memory, bytes |\n| --- | ---: | ---: |");
    println!("| fonts | {fonts} | 0 |");
    for part in &PARTS {
        let sum = |is_variable| {
            let of_part = symbols.iter().filter(|symbol| std::ptr::eq(part_of(symbol), part));
            let kind = of_part.filter(|symbol| symbol.is_variable == is_variable);
            kind.map(|symbol| symbol.size).sum::<usize>()
        };
        let (code, variables) = (sum(false), sum(true));
        rest = rest.saturating_sub(code);
        println!("| {} | {code} | {variables} |", part.name);
    }
    println!("| constants without a name | {rest} | 0 |");
    println!("| **all** | **{flash}** of {FLASH_MAX} | **{memory}** of {MEMORY_MAX} |\n");
    if flash > FLASH_MAX || memory > MEMORY_MAX {
        return Err(Failure::new("the firmware is larger than it may be"));
    }
    Ok(())
}

fn part_of(symbol: &Symbol) -> &'static Part {
    let has = |part: &&Part| part.marks.iter().any(|mark| symbol.name.contains(mark));
    // The last part has all.
    PARTS.iter().find(has).unwrap_or(&PARTS[PARTS.len() - 1])
}

/// Bytes of the fonts that are in the firmware: they have no names there, so they are looked for.
fn fonts(elf: &Elf) -> Result<usize, Failure> {
    let folder = workspace::root().join("kiosk/font");
    let files = std::fs::read_dir(&folder).map_err(Failure::io(format!("no {folder:?}")))?;
    let mut bytes = 0;
    for file in files.flatten().filter(|file| file.path().extension() == Some("font".as_ref())) {
        let font = std::fs::read(file.path()).map_err(Failure::io("cannot read a font"))?;
        bytes += if elf.contains(&font) { font.len() } else { 0 };
    }
    Ok(bytes)
}

/// The firmware's part of `cargo xtask bench kiosk`: sizes, instructions, and the deepest stack.
pub(crate) fn bench() -> Result<(), Failure> {
    install_emulator()?;
    build_board(&["--features", "measure"])?;
    let counted = count_instructions()?;
    println!("\n| work on the chip | instructions |\n| --- | ---: |");
    for (work, instructions) in counted {
        println!("| {work} | {instructions} |");
    }
    build_board(&[])?;
    size()?;
    // It says how deep the stack was at its end.
    test(&[])
}

/// What the firmware says that counts itself, in an emulator that lets a nanosecond pass for each
/// instruction.
fn count_instructions() -> Result<Vec<(String, u64)>, Failure> {
    let folder = workspace::target().join("firmware-bench");
    std::fs::create_dir_all(&folder).map_err(Failure::io("cannot make a folder"))?;
    let (card, said) = (folder.join("card.img"), folder.join("said"));
    let made = std::fs::File::create(&card).and_then(|file| file.set_len(1 << 20));
    made.map_err(Failure::io("cannot make a memory card"))?;
    let mut emulator = Command::new("timeout");
    emulator.args(["20", "qemu-system-arm", "-M", "lm3s6965evb", "-display", "none"]);
    emulator.args(["-monitor", "none", "-icount", "shift=0,sleep=off", "-no-reboot"]);
    emulator.args(["-nic", "user,model=stellaris,restrict=on"]);
    emulator.arg("-kernel").arg(board());
    emulator.arg("-serial").arg(format!("file:{}", said.display()));
    emulator.args(["-serial", "null", "-drive"]);
    emulator.arg(format!("if=sd,format=raw,file={}", card.display()));
    // It never ends by itself.
    let _ended = output(&mut emulator);
    let said = std::fs::read(&said).map_err(Failure::io("the firmware said nothing"))?;
    let lines = said.split(|byte| *byte == 0).filter_map(|frame| {
        let text = String::from_utf8_lossy(frame);
        let (_, line) = text.split_once("measure ")?;
        let (work, number) = line.split_once(' ')?;
        let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
        Some((work.to_owned(), digits.parse().ok()?))
    });
    let mut counted: Vec<(String, u64)> = Vec::new();
    for line in lines {
        // A board that was started again counts again.
        if counted.first() == Some(&line) {
            break;
        }
        counted.push(line);
    }
    if counted.is_empty() { Err(Failure::new("the firmware counted nothing")) } else { Ok(counted) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_belongs_to_the_first_part_that_knows_it() {
        let part = |name: &str| {
            let (name, is_variable) = (name.to_owned(), false);
            part_of(&Symbol { name, address: 0, size: 1, is_variable }).name
        };
        assert_eq!(part("_RNvNtNtCs1_10saoma_core2qr5sheet4draw"), "QR codes");
        assert_eq!(part("_RNvNtCs1_11saoma_kiosk7picture5paint"), "drawing");
        assert_eq!(part("_ZN20saoma_kiosk_lm3s69655shell17h0E"), "drivers and shell");
        assert_eq!(part("memcpy"), "runtime");
    }

    #[test]
    fn only_known_options_are_taken() {
        for line in ["", "burn", "test --rounds", "test --rounds x", "test --round 1", "size 1"] {
            let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
            assert_eq!(run(&words).expect_err(line).exit_code(), 2, "{line}");
        }
    }
}
