//! The five buttons: up, down, left, right, select. Left and right together are the staff's key.

use crate::{
    chip::{Port, system},
    clock,
};
use saoma_kiosk::app::Key;

/// The keys of the buttons, in the order of their bits.
const KEYS: [Key; 5] = [Key::Up, Key::Down, Key::Left, Key::Right, Key::Select];
const LEFT_AND_RIGHT: u8 = 0b1100;
const DIRECTIONS_E: u8 = 0b1111;
const SELECT_F: u8 = 0b10;
/// A button counts when it has been the same for this many looks, a millisecond or more apart.
const STEADY: u8 = 10;

/// What the buttons do.
pub(crate) struct Buttons {
    /// Which are held down, as far as that is certain.
    down: u8,
    /// Which have not been up since the start. They count when they are let go: a button that was
    /// held down then, and every button in an emulator, whose pins are low until they are used.
    stuck: u8,
    last: u8,
    same: u8,
}

impl Buttons {
    /// Makes the pins ready.
    pub(crate) fn start() -> Self {
        system::RCGC[2].set(1 << 4 | 1 << 5);
        Port::E.make_inputs(DIRECTIONS_E);
        Port::F.make_inputs(SELECT_F);
        // Until the pins are up.
        clock::wait_ms(1);
        let down = pins();
        Self { down, stuck: down, last: down, same: 0 }
    }

    /// Looks at the pins; gives the key of a button that has been pressed.
    pub(crate) fn look(&mut self) -> Option<Key> {
        let now = pins();
        if now != self.last {
            (self.last, self.same) = (now, 0);
            return None;
        }
        self.same = self.same.saturating_add(1);
        if self.same != STEADY {
            return None;
        }
        let let_go = self.stuck & !now;
        self.stuck &= now;
        let pressed = now & !self.down | let_go;
        self.down = now;
        if pressed != 0 && now & !self.stuck & LEFT_AND_RIGHT == LEFT_AND_RIGHT {
            return Some(Key::Staff);
        }
        KEYS.iter().enumerate().find(|(bit, _)| pressed & (1 << bit) != 0).map(|(_, key)| *key)
    }
}

/// A bit for each button that is held down: they pull their pins to 0.
fn pins() -> u8 {
    let [directions, ..] = Port::E.data(DIRECTIONS_E).read().to_le_bytes();
    let [select, ..] = Port::F.data(SELECT_F).read().to_le_bytes();
    !(directions | select << 3) & 0b1_1111
}
