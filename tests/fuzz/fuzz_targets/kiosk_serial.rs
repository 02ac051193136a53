//! Any bytes on a terminal's serial lines are messages or noise; what is read is written the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use saoma_kiosk::serial::dispenser::Lines;
use saoma_kiosk::serial::frame::{Event, Reader};
use saoma_kiosk::serial::message::{TO_BRIDGE_MAX, TO_TERMINAL_MAX, ToBridge, ToTerminal};

fuzz_target!(|bytes: &[u8]| {
    let (mut bridge, mut terminal) =
        (Reader::<TO_BRIDGE_MAX>::new(), Reader::<TO_TERMINAL_MAX>::new());
    let mut lines = Lines::new();
    for byte in bytes {
        if let Some(Event::Frame(content)) = bridge.take(*byte)
            && let Some(message) = ToBridge::read(content)
        {
            assert_eq!(written(|sink| message.write(sink)), content);
        }
        if let Some(Event::Frame(content)) = terminal.take(*byte)
            && let Some(message) = ToTerminal::read(content)
        {
            assert_eq!(written(|sink| message.write(sink)), content);
        }
        if let Some((job, _)) = lines.take(*byte) {
            assert!(!job.is_empty());
        }
    }
    // Not as frames, which noise hardly ever makes, but as what stands in them.
    if let Some(message) = ToBridge::read(bytes) {
        assert_eq!(written(|sink| message.write(sink)), bytes);
    }
    if let Some(message) = ToTerminal::read(bytes) {
        assert_eq!(written(|sink| message.write(sink)), bytes);
    }
});

/// The content of the one frame that is written.
fn written(write: impl FnOnce(&mut dyn FnMut(&[u8]))) -> Vec<u8> {
    let mut reader = Reader::<TO_TERMINAL_MAX>::new();
    let mut content = None;
    write(&mut |run: &[u8]| {
        for byte in run {
            match reader.take(*byte) {
                Some(Event::Frame(frame)) => content = Some(frame.to_vec()),
                Some(Event::Noise) => panic!("noise was written"),
                None => {}
            }
        }
    });
    content.expect("a frame was written")
}
