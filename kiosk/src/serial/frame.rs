//! Packets of bytes on a line that may lose, add and change bytes.
//!
//! A frame is its content and the CRC-32 of it, stuffed (COBS: no byte is 0), between two zeros.
//! Whatever happened before a zero, the frame after it is read; whatever noise makes of a frame
//! is dropped, but for one case in four thousand million.

use crate::check::{CHECK_LEN, Check};

/// Longest run of bytes that are not 0 which one code byte can announce.
const RUN_MAX: usize = 254;
/// Ends a frame. The one before a frame ends whatever noise there was.
const END: u8 = 0;

/// Writes one frame to a sink, a run of bytes at a time.
///
/// It is the frame's end that makes it valid, so a writer that is dropped leaves noise behind.
#[derive(Debug)]
pub struct Writer<S> {
    sink: S,
    check: Check,
    run: [u8; RUN_MAX + 1],
    /// Bytes in `run`, its code byte included.
    len: usize,
}

impl<S: FnMut(&[u8])> Writer<S> {
    /// Begins a frame.
    pub fn new(mut sink: S) -> Self {
        sink(&[END]);
        Self { sink, check: Check::new(), run: [0; RUN_MAX + 1], len: 1 }
    }

    /// Adds to the frame's content.
    pub fn push(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.check = self.check.with(*byte);
            self.stuff(*byte);
        }
    }

    /// Ends the frame.
    pub fn end(mut self) {
        for byte in self.check.get().to_le_bytes() {
            self.stuff(byte);
        }
        self.give_run();
        (self.sink)(&[END]);
    }

    fn stuff(&mut self, byte: u8) {
        if byte == 0 {
            return self.give_run();
        }
        // `give_run` leaves room for at least one byte.
        if let Some(place) = self.run.get_mut(self.len) {
            *place = byte;
            self.len += 1;
        }
        if self.len == self.run.len() {
            self.give_run();
        }
    }

    fn give_run(&mut self) {
        // At most 255.
        self.run[0] = u8::try_from(self.len).unwrap_or(u8::MAX);
        (self.sink)(self.run.get(..self.len).unwrap_or_default());
        self.len = 1;
    }
}

/// Finds frames with a content of at most `N - 4` bytes in a stream of bytes.
#[derive(Clone, Debug)]
pub struct Reader<const N: usize> {
    content: [u8; N],
    len: usize,
    /// Bytes to come before the next code byte.
    left: u8,
    /// Whether a zero stands before what the next code byte announces.
    owes_zero: bool,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before a frame's first byte.
    Fresh,
    /// In a frame.
    Reading,
    /// In something that cannot be a frame any more.
    Broken,
}

/// What a byte brought to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'r> {
    /// A frame with this content.
    Frame(&'r [u8]),
    /// Something that is no frame, or is too long.
    Noise,
}

impl<const N: usize> Default for Reader<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Reader<N> {
    /// A reader at the beginning of a line.
    #[must_use]
    pub const fn new() -> Self {
        Self { content: [0; N], len: 0, left: 0, owes_zero: false, state: State::Fresh }
    }

    /// Takes the next byte.
    pub fn take(&mut self, byte: u8) -> Option<Event<'_>> {
        if byte == END {
            return self.end();
        }
        match self.state {
            State::Broken => {}
            State::Fresh | State::Reading if self.left > 0 => {
                self.left -= 1;
                self.keep(byte);
            }
            State::Fresh | State::Reading => {
                self.state = State::Reading;
                if self.owes_zero {
                    self.keep(0);
                }
                self.left = byte - 1;
                self.owes_zero = byte != u8::MAX;
            }
        }
        None
    }

    fn keep(&mut self, byte: u8) {
        match self.content.get_mut(self.len) {
            Some(place) => {
                *place = byte;
                self.len += 1;
            }
            None => self.state = State::Broken,
        }
    }

    fn end(&mut self) -> Option<Event<'_>> {
        let (state, len, left) = (self.state, self.len, self.left);
        (self.state, self.len, self.left, self.owes_zero) = (State::Fresh, 0, 0, false);
        if state == State::Fresh {
            return None;
        }
        let read = self.content.get(..len).unwrap_or_default();
        let is_whole = state == State::Reading && left == 0;
        match read.split_last_chunk::<CHECK_LEN>() {
            Some((content, check)) if is_whole => {
                let found = Check::of(content);
                if found.get() == u32::from_le_bytes(*check) {
                    return Some(Event::Frame(content));
                }
                Some(Event::Noise)
            }
            Some(_) | None => Some(Event::Noise),
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    fn written(content: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut writer = Writer::new(|run: &[u8]| bytes.extend_from_slice(run));
        writer.push(content);
        writer.end();
        bytes
    }

    fn frames<const N: usize>(bytes: &[u8]) -> (Vec<Vec<u8>>, usize) {
        let (mut found, mut noise) = (Vec::new(), 0);
        let mut reader = Reader::<N>::new();
        for byte in bytes {
            match reader.take(*byte) {
                Some(Event::Frame(content)) => found.push(content.to_vec()),
                Some(Event::Noise) => noise += 1,
                None => {}
            }
        }
        (found, noise)
    }

    #[test]
    fn a_frame_is_stuffed_as_the_document_shows() {
        // `docs/kiosk-serial.md`, the example: a status of a bridge without a server.
        assert_eq!(written(&[]), [0, 1, 1, 1, 1, 1, 0]);
        assert_eq!(frames::<4>(&[0, 1, 1, 1, 1, 1, 0]), (std::vec![std::vec![]], 0));
        let long = [7; 254];
        assert_eq!(written(&long)[..3], [0, 255, 7]);
    }

    #[test]
    fn a_frame_that_is_too_long_is_noise_and_the_next_one_is_read() {
        let mut bytes = written(&[5; 61]);
        bytes.extend(written(&[6; 60]));
        assert_eq!(frames::<64>(&bytes), (std::vec![std::vec![6; 60]], 1));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(contents in prop::collection::vec(
            prop::collection::vec(prop_oneof![Just(0_u8), any::<u8>()], 0..600), 0..4))
        {
            let bytes: Vec<u8> = contents.iter().flat_map(|content| written(content)).collect();
            prop_assert_eq!(frames::<604>(&bytes), (contents, 0));
        }

        #[test]
        fn after_any_noise_the_next_frame_is_read(
            noise in prop::collection::vec(any::<u8>(), 0..300),
            content in prop::collection::vec(any::<u8>(), 0..100))
        {
            let bytes = [noise, written(&content)].concat();
            let (found, _) = frames::<104>(&bytes);
            prop_assert_eq!(found.last(), Some(&content));
        }

        #[test]
        fn a_changed_byte_never_makes_another_frame(
            content in prop::collection::vec(any::<u8>(), 0..300),
            at in any::<prop::sample::Index>(),
            flip in 1..=255_u8)
        {
            let mut bytes = written(&content);
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            for found in frames::<304>(&bytes).0 {
                prop_assert_eq!(&found, &content);
            }
        }

        #[test]
        fn stuffing_is_that_of_the_cobs_crate(
            content in prop::collection::vec(
                prop_oneof![Just(0_u8), Just(1_u8), any::<u8>()], 0..700))
        {
            let check = content.iter().fold(Check::new(), |check, byte| check.with(*byte));
            let all = [content.as_slice(), &check.get().to_le_bytes()].concat();
            let bytes = written(&content);
            let stuffed = &bytes[1..bytes.len() - 1];
            prop_assert_eq!(cobs::decode_vec(stuffed).ok(), Some(all));
        }
    }
}
