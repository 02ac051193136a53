//! The keys of very small displays: words in lines at the bottom, the selected one inverted.

use super::{
    Plan,
    metrics::rect,
    stack::{Align, Stack},
};
use crate::{
    app::Key,
    font::SIZE_12,
    lines::LINES_MAX,
    picture::{Kind, extent},
};
use embedded_graphics::{pixelcolor::Rgb888, primitives::Rectangle};
use heapless::Vec;

/// Height of a line of keys.
pub(super) const CELL: i32 = 15;
/// Pixels on either side of a key's word.
const PAD: i32 = 2;

/// Most keys of a small page.
const CELLS_MAX: usize = 8;

/// Keys as words.
pub(super) type Cells<'t> = Vec<(Key, &'t str), CELLS_MAX>;

/// Height of a key's word: one that is wider than the display has two lines.
fn cell_height(label: &str, width: i32) -> i32 {
    if SIZE_12.width(label) > width { 2 * CELL } else { CELL }
}

/// Height of lines of keys, of which each says how many it has.
fn cells_height(lines: &[(usize, i32)], cells: &[(Key, &str)], width: i32) -> i32 {
    let mut rest = cells.iter();
    let tallest = |count: usize, rest: &mut core::slice::Iter<'_, (Key, &str)>| {
        rest.by_ref().take(count).map(|cell| cell_height(cell.1, width)).max().unwrap_or(0)
    };
    lines.iter().map(|(count, _)| tallest(*count, &mut rest)).sum()
}

impl Plan<'_> {
    /// Keys as words in lines at the bottom of `left` and `width`. Returns the row above them.
    pub(super) fn push_cells(&mut self, (left, width): (i32, i32), cells: &[(Key, &str)]) -> i32 {
        let word = |cell: &(Key, &str)| (SIZE_12.width(cell.1) + 2 * PAD).min(width);
        let mut lines: Vec<(usize, i32), CELLS_MAX> = Vec::new();
        for cell in cells {
            match lines.last_mut() {
                Some((cells, used)) if *used + word(cell) <= width => {
                    *cells += 1;
                    *used += word(cell);
                }
                _ => {
                    // Never more lines than cells.
                    let _full = lines.push((1, word(cell)));
                }
            }
        }
        let top = self.metrics.height - cells_height(&lines, cells, width);
        let (mut rest, mut y) = (cells.iter(), top);
        for (cells, used) in lines {
            let spaces = i32::try_from(cells).unwrap_or(1) + 1;
            let space = ((width - used) / spaces).clamp(0, 12);
            let mut x = left + (width - used - space * (spaces - 2)) / 2;
            let mut tall = CELL;
            for cell in rest.by_ref().take(cells) {
                tall = cell_height(cell.1, width);
                let area = rect(x, y, word(cell), tall);
                self.push_word(&area, cell.0, cell.1);
                x += word(cell) + space;
            }
            y += tall;
        }
        top
    }

    /// A key's word; inverted when it is selected.
    fn push_word(&mut self, area: &Rectangle, key: Key, label: &str) {
        let ink = self.push_inverted(area, key);
        let width = extent(area.size.width);
        let mut stack = Stack::new();
        stack.text(&SIZE_12, ink, label, (width, LINES_MAX), 0);
        let span = (area.top_left.x, width);
        stack.place(&mut self.picture, span, area.top_left.y, Align::Middle);
        self.push_key(*area, key);
    }

    /// The ground of a thing that is selected. Returns the colour for what stands on it.
    pub(super) fn push_inverted(&mut self, area: &Rectangle, key: Key) -> Rgb888 {
        if self.focus != Some(key) {
            return self.theme.ink;
        }
        let colour = self.theme.ink;
        let kind = Kind::Panel { radius: 2, colour, thick: 0, line: colour };
        self.picture.push(*area, kind);
        self.theme.ground
    }
}
