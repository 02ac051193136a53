//! The dispenser on the second serial line, see [`saoma_kiosk::serial::dispenser`].

use crate::Board;
use core::fmt::Write as _;
use heapless::String;
use saoma_kiosk::{
    app::{Dispensed, Job},
    call::JobId,
    serial::dispenser::{LINE_MAX, Lines, Outcome},
};

/// How long goods may take; then it is not known what became of them.
const GOODS_WITHIN_MS: u64 = 30_000;
/// How long the dispenser may think about what it remembers.
const STATE_WITHIN_MS: u64 = 3_000;

/// The dispenser, and the one job that is waited for.
pub(crate) struct Dispenser {
    lines: Lines,
    job: Option<(JobId, u64)>,
}

impl Dispenser {
    pub(crate) const fn new() -> Self {
        Self { lines: Lines::new(), job: None }
    }

    /// Has a job done. This is the only place from which goods can move.
    #[inline(never)]
    pub(crate) fn dispense(&mut self, board: &mut impl Board, job: Job, now_ms: u64) {
        let mut line = String::<LINE_MAX>::new();
        // 9 + 40 + 1 + 8 items of at most 8 and 1 always fit.
        let _fits = write!(line, "DISPENSE {} ", job.id);
        for (index, one) in job.basket.lines().iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let _fits = write!(line, "{comma}{}*{}", one.no, one.count);
        }
        say(board, &line);
        self.job = Some((job.id, now_ms.saturating_add(GOODS_WITHIN_MS)));
    }

    /// Asks what became of a job; nothing moves.
    pub(crate) fn recall(&mut self, board: &mut impl Board, job: JobId, now_ms: u64) {
        let mut line = String::<LINE_MAX>::new();
        let _fits = write!(line, "STATE {job}");
        say(board, &line);
        self.job = Some((job, now_ms.saturating_add(STATE_WITHIN_MS)));
    }

    /// What became of the job that is waited for, once that is known or will not be.
    pub(crate) fn look(
        &mut self,
        board: &mut impl Board,
        now_ms: u64,
    ) -> Option<(JobId, Dispensed)> {
        while let Some(byte) = board.take_from_dispenser() {
            let Some((id, outcome)) = self.lines.take(byte) else { continue };
            if let Some((job, _)) = self.job.take_if(|(job, _)| job.as_str() == id) {
                let outcome = match outcome {
                    Outcome::Done => Dispensed::Done,
                    Outcome::Failed => Dispensed::Failed,
                    Outcome::Unknown => Dispensed::Unknown,
                };
                return Some((job, outcome));
            }
        }
        let (job, _) = self.job.take_if(|(_, before_ms)| now_ms >= *before_ms)?;
        Some((job, Dispensed::Unknown))
    }
}

fn say(board: &mut impl Board, line: &str) {
    // An empty line first: whatever noise was before it is a line of its own.
    board.tell_dispenser(b"\n");
    board.tell_dispenser(line.as_bytes());
    board.tell_dispenser(b"\n");
}
