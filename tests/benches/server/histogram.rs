//! Latencies, in buckets that are narrower than two hundredths of what they hold.

/// Buckets of each power of two.
const STEPS: u64 = 64;
/// Below this many microseconds each has a bucket of its own.
const EXACT: u64 = 2 * STEPS;
/// Enough for half an hour.
const BUCKETS: usize = 26 * 64;

/// How often which latency was measured, in microseconds.
#[derive(Clone)]
pub(crate) struct Histogram {
    counts: Vec<u32>,
    total: u64,
    max: u64,
}

impl Histogram {
    pub(crate) fn new() -> Self {
        Self { counts: vec![0; BUCKETS], total: 0, max: 0 }
    }

    pub(crate) fn add(&mut self, micros: u64) {
        self.counts[bucket(micros).min(BUCKETS - 1)] += 1;
        self.total += 1;
        self.max = self.max.max(micros);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.counts.iter_mut().zip(&other.counts).for_each(|(to, from)| *to += from);
        self.total += other.total;
        self.max = self.max.max(other.max);
    }

    pub(crate) const fn total(&self) -> u64 {
        self.total
    }

    pub(crate) const fn max(&self) -> u64 {
        self.max
    }

    /// What `percent` of all did not exceed, in microseconds: the end of the bucket.
    pub(crate) fn percentile(&self, percent: u64) -> u64 {
        let wanted = (self.total * percent).div_ceil(100).max(1);
        let mut seen = 0;
        for (at, count) in self.counts.iter().enumerate() {
            seen += u64::from(*count);
            if seen >= wanted {
                return end(at).min(self.max);
            }
        }
        self.max
    }
}

fn bucket(micros: u64) -> usize {
    let place = if micros < EXACT {
        micros
    } else {
        // The highest bit says which power of two, the six bits after it which step of it.
        let power = u64::from(micros.ilog2() - STEPS.ilog2());
        power * STEPS + (micros >> power)
    };
    usize::try_from(place).unwrap_or(usize::MAX)
}

/// The greatest latency in a bucket.
fn end(at: usize) -> u64 {
    let at = at as u64;
    if at < EXACT {
        return at;
    }
    let power = at / STEPS - 1;
    ((at - power * STEPS + 1) << power) - 1
}

/// Proves itself: the bench has no tests of its own.
pub(crate) fn check() {
    for micros in (0..200_000).chain([1 << 25, (1 << 30) + 12_345]) {
        let at = bucket(micros);
        assert!(end(at) >= micros && (at == 0 || end(at - 1) < micros), "{micros}");
        assert!(end(at) - micros <= micros / 60, "{micros}");
    }
    let mut histogram = Histogram::new();
    (1..=100).for_each(|micros| histogram.add(micros));
    assert_eq!([50, 99, 100].map(|percent| histogram.percentile(percent)), [50, 99, 100]);
}
