//! The sign that stands above a message: a disc with a few strokes.
//!
//! Drawn by integer arithmetic, 16 samples a pixel, at any size.

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
}

/// A sign is measured in a square of this side.
const UNITS: i32 = 64;
/// Steps of a unit in which strokes are measured.
const FINE: i32 = 16;
/// Half the thickness of a stroke, in units.
const STROKE: i32 = 4;
/// Steps of a pixel's side between which samples lie.
const STEPS: i32 = 8;

/// A stroke with round ends, in units: from x, y to x, y.
type Stroke = [i32; 4];

impl Mark {
    /// Every sign.
    pub const ALL: [Self; 7] =
        [Self::Done, Self::Stopped, Self::Clock, Self::Dots, Self::Back, Self::Cut, Self::Look];

    const fn strokes(self) -> &'static [Stroke] {
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
        }
    }

    /// How much of pixel (`x`, `y`) of a sign `side` pixels wide is disc, and how much is stroke:
    /// 0 to 255 each.
    #[must_use]
    pub fn cover(self, side: i32, x: i32, y: i32) -> (u8, u8) {
        // The side in samples' steps; the middle is at its half, so everything below is doubled.
        let scale = side * STEPS;
        let disc = cover(x, y, |sx, sy| {
            let (dx, dy) = (2 * sx - scale, 2 * sy - scale);
            dx * dx + dy * dy <= scale * scale
        });
        if disc == 0 {
            return (0, 0);
        }
        let stroke = cover(x, y, |sx, sy| {
            let (x, y) = (sx * UNITS * FINE / scale, sy * UNITS * FINE / scale);
            self.strokes().iter().any(|stroke| touches(*stroke, x, y))
        });
        (disc, stroke)
    }
}

/// How many of a pixel's 16 samples are inside, as 0 to 255. `inside` gets a sample's place in
/// eighths of a pixel.
pub(crate) fn cover(x: i32, y: i32, inside: impl Fn(i32, i32) -> bool) -> u8 {
    let mut hits = 0_u8;
    for sub_y in [1, 3, 5, 7] {
        for sub_x in [1, 3, 5, 7] {
            hits += u8::from(inside(x * STEPS + sub_x, y * STEPS + sub_y));
        }
    }
    // 16 hits are everything.
    (hits * 15).saturating_add(hits)
}

/// Whether a place, in [`FINE`] steps a unit, lies within [`STROKE`] of a stroke.
fn touches(stroke: Stroke, x: i32, y: i32) -> bool {
    let [x0, y0, x1, y1] = stroke.map(|unit| unit * FINE);
    let radius2 = (STROKE * FINE).pow(2);
    let (dx, dy) = (x1 - x0, y1 - y0);
    let length2 = dx * dx + dy * dy;
    let along = (x - x0) * dx + (y - y0) * dy;
    if along <= 0 || length2 == 0 {
        return (x - x0).pow(2) + (y - y0).pow(2) <= radius2;
    }
    if along >= length2 {
        return (x - x1).pow(2) + (y - y1).pow(2) <= radius2;
    }
    // The distance from the line is cross / length; both squared, so that there is no root.
    let cross = i64::from((x - x0) * dy - (y - y0) * dx);
    cross * cross <= i64::from(radius2) * i64::from(length2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sign_stays_within_its_disc_at_every_size() {
        for mark in Mark::ALL {
            for side in [14, 16, 28, 56, 72, 120] {
                let mut inked = 0;
                for y in -1..=side {
                    for x in -1..=side {
                        let (disc, stroke) = mark.cover(side, x, y);
                        if !(0..side).contains(&x) || !(0..side).contains(&y) {
                            assert_eq!((disc, stroke), (0, 0), "{mark:?} {side} {x},{y}");
                        }
                        assert!(disc == 255 || stroke == 0, "{mark:?} {side} {x},{y}");
                        inked += i32::from(stroke > 127);
                    }
                }
                assert!(inked > side * side / 64, "{mark:?} at {side} shows nothing");
            }
        }
    }

    #[test]
    fn a_pixel_is_covered_by_none_some_or_all_of_its_samples() {
        assert_eq!(cover(0, 0, |_, _| false), 0);
        assert_eq!(cover(0, 0, |_, _| true), 255);
        assert_eq!(cover(3, 0, |x, _| x < 3 * STEPS + 4), 128);
    }
}
