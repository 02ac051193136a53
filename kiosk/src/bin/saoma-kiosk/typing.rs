//! What is typed at a terminal, from its bytes: keys, and presses of the mouse.

/// A key on a keyboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stroke {
    Char(char),
    Up,
    Down,
    Left,
    Right,
    Enter,
    Back,
    /// Ctrl-C, where the terminal does not make it a signal.
    Interrupt,
}

/// Something typed or pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Typed {
    Stroke(Stroke),
    /// The mouse's left button, on the character at this place; the first is 0, 0.
    Press {
        column: u32,
        row: u32,
    },
}

/// Longest sequence that is waited for.
const SEQUENCE_MAX: usize = 32;

/// Reads bytes as they come; half a sequence waits for its rest.
#[derive(Debug, Default)]
pub(crate) struct Typing {
    pending: Vec<u8>,
}

impl Typing {
    pub(crate) fn read(&mut self, bytes: &[u8]) -> Vec<Typed> {
        self.pending.extend(bytes);
        let mut typed = vec![];
        let mut from = 0;
        while let Some((found, length)) = next(self.pending.get(from..).unwrap_or_default()) {
            typed.extend(found);
            from += length;
        }
        self.pending.drain(..from);
        if self.pending.len() > SEQUENCE_MAX {
            self.pending.clear();
        }
        typed
    }
}

/// What stands at the start, if it means anything, and its length; `None` when there is more to
/// come.
fn next(bytes: &[u8]) -> Option<(Option<Typed>, usize)> {
    let stroke = |stroke| Some(Typed::Stroke(stroke));
    match *bytes {
        [] => None,
        // The key itself: a sequence comes in one piece.
        [0x1b] => Some((stroke(Stroke::Back), 1)),
        [0x1b, b'[' | b'O', ref rest @ ..] => {
            let end = rest.iter().position(|byte| matches!(byte, 0x40..=0x7e))?;
            let (parameters, last) = (rest.get(..end)?, *rest.get(end)?);
            Some((sequence(parameters, last), end + 3))
        }
        [0x1b, ..] => Some((stroke(Stroke::Back), 1)),
        [3, ..] => Some((stroke(Stroke::Interrupt), 1)),
        [b'\r' | b'\n', ..] => Some((stroke(Stroke::Enter), 1)),
        [8 | 0x7f, ..] => Some((stroke(Stroke::Back), 1)),
        [byte @ b' '..=b'~', ..] => Some((stroke(Stroke::Char(char::from(byte))), 1)),
        [_, ..] => Some((None, 1)),
    }
}

fn sequence(parameters: &[u8], last: u8) -> Option<Typed> {
    let stroke = match last {
        b'A' => Stroke::Up,
        b'B' => Stroke::Down,
        b'C' => Stroke::Right,
        b'D' => Stroke::Left,
        b'M' => return press(parameters),
        _ => return None,
    };
    Some(Typed::Stroke(stroke))
}

/// `<BUTTON;COLUMN;ROW`, where the first column and row are 1.
fn press(parameters: &[u8]) -> Option<Typed> {
    let text = std::str::from_utf8(parameters).ok()?.strip_prefix('<')?;
    let mut numbers = text.split(';').map(|digits| digits.parse::<u32>().ok());
    let (button, column, row) = (numbers.next()??, numbers.next()??, numbers.next()??);
    (button == 0)
        .then_some(Typed::Press { column: column.checked_sub(1)?, row: row.checked_sub(1)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Vec<Typed> {
        Typing::default().read(bytes)
    }

    #[test]
    fn keys_and_presses_are_told_apart() {
        let stroke = Typed::Stroke;
        assert_eq!(
            read(b"l\x1b[A\x1bOB\x1b[C\x1b[D\r\x7f\x03\x1b"),
            [
                stroke(Stroke::Char('l')),
                stroke(Stroke::Up),
                stroke(Stroke::Down),
                stroke(Stroke::Right),
                stroke(Stroke::Left),
                stroke(Stroke::Enter),
                stroke(Stroke::Back),
                stroke(Stroke::Interrupt),
                stroke(Stroke::Back),
            ]
        );
        assert_eq!(read(b"\x1b[<0;1;30M"), [Typed::Press { column: 0, row: 29 }]);
        // Released, the other button, the wheel, and nonsense.
        assert_eq!(read(b"\x1b[<0;1;30m\x1b[<2;1;3M\x1b[<64;1;3M\x1b[<0;0;3M\x1b[<0;1M"), []);
    }

    #[test]
    fn a_sequence_may_come_in_pieces_and_nonsense_is_forgotten() {
        let mut typing = Typing::default();
        assert_eq!(typing.read(b"\x1b[<0;12"), []);
        assert_eq!(
            typing.read(b";7Mq"),
            [Typed::Press { column: 11, row: 6 }, Typed::Stroke(Stroke::Char('q')),]
        );
        assert_eq!(typing.read(&[0x1b, b'[', b'9', b'9', b'9']), []);
        assert_eq!(typing.read(&[b'0'; 40]), []);
        assert_eq!(typing.read(b"x"), [Typed::Stroke(Stroke::Char('x'))]);
        assert_eq!(typing.read("é\0\t".as_bytes()), []);
    }
}
