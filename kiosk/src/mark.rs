//! The sign that stands above a message: a disc with a few strokes.
//!
//! Made of [shapes](crate::shape), at any size.

use crate::shape::{Shape, UNITS};

/// Which sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// A tick.
    Done,
    /// A cross.
    Stopped,
    /// A clock's hands.
    Clock,
    /// Three dots.
    Dots,
    /// An arrow that turns back.
    Back,
    /// A line that is cut in two.
    Cut,
    /// An exclamation mark.
    Look,
    /// An arrow down into a tray.
    Take,
    /// To the left.
    Left,
    /// To the right.
    Right,
    /// One more.
    Plus,
    /// One less.
    Minus,
}

/// Thickness of a stroke, in units.
const STROKE: i32 = 8;

impl Mark {
    /// Every sign.
    pub const ALL: [Self; 12] = [
        Self::Done,
        Self::Stopped,
        Self::Clock,
        Self::Dots,
        Self::Back,
        Self::Cut,
        Self::Look,
        Self::Take,
        Self::Left,
        Self::Right,
        Self::Plus,
        Self::Minus,
    ];

    const fn lines(self) -> &'static [[i32; 4]] {
        match self {
            Self::Done => &[[19, 33, 28, 42], [28, 42, 46, 23]],
            Self::Stopped => &[[22, 22, 42, 42], [42, 22, 22, 42]],
            Self::Clock => &[[32, 17, 32, 33], [32, 33, 42, 39]],
            Self::Dots => &[[18, 32, 18, 32], [32, 32, 32, 32], [46, 32, 46, 32]],
            Self::Back => &[
                [18, 27, 39, 27],
                [18, 27, 26, 19],
                [18, 27, 26, 35],
                [39, 27, 44, 30],
                [44, 30, 46, 35],
                [46, 35, 44, 40],
                [44, 40, 39, 43],
                [39, 43, 30, 43],
            ],
            Self::Cut => &[[14, 32, 25, 32], [39, 32, 50, 32], [29, 40, 35, 24]],
            Self::Look => &[[32, 17, 32, 35], [32, 46, 32, 46]],
            Self::Take => &[
                [32, 14, 32, 34],
                [32, 34, 24, 27],
                [32, 34, 40, 27],
                [18, 38, 20, 46],
                [20, 46, 44, 46],
                [44, 46, 46, 38],
            ],
            Self::Left => &[[37, 19, 25, 32], [25, 32, 37, 45]],
            Self::Right => &[[27, 19, 39, 32], [39, 32, 27, 45]],
            Self::Plus => &[[18, 32, 46, 32], [32, 18, 32, 46]],
            Self::Minus => &[[18, 32, 46, 32]],
        }
    }

    /// The disc, in units.
    pub const DISC: Shape = Shape::Oval([UNITS / 2, UNITS / 2, UNITS / 2, UNITS / 2]);

    /// The strokes on the disc, in units.
    pub fn strokes(self) -> impl Iterator<Item = Shape> {
        self.lines().iter().map(|[x0, y0, x1, y1]| Shape::Stroke([*x0, *y0, *x1, *y1, STROKE]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sign_stays_within_its_disc_at_every_size() {
        for mark in Mark::ALL {
            for side in [14, 16, 28, 56, 72, 120] {
                let disc = Mark::DISC.scaled(side);
                let mut inked = 0;
                for y in -1..=side {
                    let disc = disc.row(y);
                    for row in mark.strokes().map(|stroke| stroke.scaled(side).row(y)) {
                        for x in row.pixels().filter(|x| row.cover(*x) > 0) {
                            assert_eq!(disc.cover(x), 255, "{mark:?} {side} {x},{y}");
                            inked += i32::from(row.cover(x) > 127);
                        }
                    }
                }
                assert!(inked > side * side / 64, "{mark:?} at {side} shows nothing");
            }
        }
    }
}
