//! Prometheus' text format: families of samples, counted in integers and written as decimals.
//!
//! The format is small and this crate has no floats, so it stands here and not in a library: those
//! take and keep `f64`.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The media type of a page.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
/// Most samples of a family, so that nobody outside can fill the memory with labels.
const SERIES_MAX: usize = 500;
/// Stands for every label beyond.
const BEYOND: &str = "other";

/// What a family is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// A page that Prometheus reads.
#[derive(Debug, Default)]
pub(crate) struct Page(String);

impl Page {
    /// Begins a family.
    pub(crate) fn family(&mut self, name: &str, kind: Kind, help: &str) {
        let kind = kind.as_str();
        // Writing to a text cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// A sample of the family that was begun last.
    pub(crate) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.0.push_str(name);
        for (at, (label, text)) in labels.iter().enumerate() {
            let before = if at == 0 { '{' } else { ',' };
            let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(self.0, "{before}{label}=\"{text}\"");
        }
        if !labels.is_empty() {
            self.0.push('}');
        }
        let _ = writeln!(self.0, " {value}");
    }

    /// The whole text.
    pub(crate) fn into_text(self) -> String {
        self.0
    }
}

/// The name of a family, what it means, and the names of its labels.
#[derive(Clone, Copy, Debug)]
pub(super) struct About<const N: usize> {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) labels: [&'static str; N],
}

/// The samples of a family by the values of its labels.
type Series<const N: usize, T> = BTreeMap<[String; N], T>;

/// The sample of these labels; the one for all others when there are too many.
fn series<'a, const N: usize, T>(
    all: &'a mut Series<N, T>,
    labels: [&str; N],
    new: impl FnOnce() -> T,
) -> &'a mut T {
    let mut key = labels.map(str::to_owned);
    if all.len() >= SERIES_MAX && !all.contains_key(&key) {
        key = [(); N].map(|()| BEYOND.to_owned());
    }
    all.entry(key).or_insert_with(new)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Numbers are whole at every moment, whoever panicked meanwhile.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Counters that only grow, one for each set of labels.
#[derive(Debug)]
pub(super) struct Counters<const N: usize> {
    about: About<N>,
    values: Mutex<Series<N, u64>>,
}

impl<const N: usize> Counters<N> {
    /// `known` stand at zero from the beginning, so that the first one is seen as a growth.
    pub(super) fn new<'a>(about: About<N>, known: impl IntoIterator<Item = [&'a str; N]>) -> Self {
        let known = known.into_iter().map(|labels| (labels.map(str::to_owned), 0));
        Self { about, values: Mutex::new(known.collect()) }
    }

    pub(super) fn add(&self, labels: [&str; N]) {
        *series(&mut locked(&self.values), labels, || 0) += 1;
    }

    pub(super) fn get(&self, labels: [&str; N]) -> u64 {
        locked(&self.values).get(&labels.map(str::to_owned)).copied().unwrap_or(0)
    }

    pub(super) fn write(&self, page: &mut Page) {
        let About { name, help, labels } = self.about;
        page.family(name, Kind::Counter, help);
        for (values, count) in &*locked(&self.values) {
            page.sample(name, &pairs(labels, values), count);
        }
    }
}

/// What a histogram measures, and its upper bounds, smallest first.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bounds {
    /// Things.
    Things(&'static [u64]),
    /// Microseconds, written as seconds.
    Micros(&'static [u64]),
}

/// Histograms, one for each set of labels.
#[derive(Debug)]
pub(super) struct Histograms<const N: usize> {
    about: About<N>,
    bounds: Bounds,
    values: Mutex<Series<N, Histogram>>,
}

#[derive(Clone, Debug, Default)]
struct Histogram {
    /// How many were at most each bound and above the one before.
    buckets: Vec<u64>,
    count: u64,
    sum: u64,
}

impl Bounds {
    const fn all(self) -> &'static [u64] {
        match self {
            Self::Things(bounds) | Self::Micros(bounds) => bounds,
        }
    }

    fn shown(self, value: u64) -> String {
        match self {
            Self::Things(_) => value.to_string(),
            Self::Micros(_) => seconds(value),
        }
    }
}

impl<const N: usize> Histograms<N> {
    pub(super) fn new(about: About<N>, bounds: Bounds) -> Self {
        Self { about, bounds, values: Mutex::default() }
    }

    pub(super) fn observe(&self, labels: [&str; N], value: u64) {
        let bounds = self.bounds.all();
        let mut all = locked(&self.values);
        let new = || Histogram { buckets: vec![0; bounds.len()], ..Histogram::default() };
        let histogram = series(&mut all, labels, new);
        let bucket = bounds.iter().position(|bound| value <= *bound);
        if let Some(bucket) = bucket.and_then(|bucket| histogram.buckets.get_mut(bucket)) {
            *bucket += 1;
        }
        histogram.count += 1;
        histogram.sum = histogram.sum.saturating_add(value);
    }

    pub(super) fn write(&self, page: &mut Page) {
        let About { name, help, labels } = self.about;
        page.family(name, Kind::Histogram, help);
        let bucket_name = format!("{name}_bucket");
        for (values, histogram) in &*locked(&self.values) {
            let mut labels = pairs(labels, values);
            let mut below = 0;
            for (bound, count) in self.bounds.all().iter().zip(&histogram.buckets) {
                below += count;
                let bound = self.bounds.shown(*bound);
                page.sample(&bucket_name, &with_bound(&labels, &bound), below);
            }
            page.sample(&bucket_name, &with_bound(&labels, "+Inf"), histogram.count);
            labels.truncate(N);
            page.sample(&format!("{name}_sum"), &labels, self.bounds.shown(histogram.sum));
            page.sample(&format!("{name}_count"), &labels, histogram.count);
        }
    }
}

fn pairs<'a, const N: usize>(
    names: [&'a str; N],
    values: &'a [String; N],
) -> Vec<(&'a str, &'a str)> {
    names.into_iter().zip(values.iter().map(String::as_str)).collect()
}

fn with_bound<'a>(labels: &[(&'a str, &'a str)], bound: &'a str) -> Vec<(&'a str, &'a str)> {
    labels.iter().copied().chain([("le", bound)]).collect()
}

/// Microseconds as decimal seconds: `2500` is `0.0025`.
fn seconds(micros: u64) -> String {
    let (whole, part) = (micros / 1_000_000, micros % 1_000_000);
    if part == 0 {
        return whole.to_string();
    }
    let part = format!("{part:06}");
    format!("{whole}.{}", part.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABOUT: About<1> = About { name: "a_seconds", help: "What it is.", labels: ["call"] };

    #[test]
    fn microseconds_are_written_as_seconds() {
        for (micros, text) in [
            (0, "0"),
            (1, "0.000001"),
            (2_500, "0.0025"),
            (100_000, "0.1"),
            (1_000_000, "1"),
            (61_000_001, "61.000001"),
        ] {
            assert_eq!(seconds(micros), text);
        }
    }

    #[test]
    fn a_histogram_counts_what_is_at_most_each_bound() {
        let histograms = Histograms::new(ABOUT, Bounds::Micros(&[1_000, 2_500_000]));
        for micros in [0, 1_000, 1_001, 2_500_001] {
            histograms.observe(["close"], micros);
        }
        let mut page = Page::default();
        histograms.write(&mut page);
        assert_eq!(
            page.into_text(),
            "# HELP a_seconds What it is.\n\
             # TYPE a_seconds histogram\n\
             a_seconds_bucket{call=\"close\",le=\"0.001\"} 2\n\
             a_seconds_bucket{call=\"close\",le=\"2.5\"} 3\n\
             a_seconds_bucket{call=\"close\",le=\"+Inf\"} 4\n\
             a_seconds_sum{call=\"close\"} 2.502002\n\
             a_seconds_count{call=\"close\"} 4\n"
        );
    }

    #[test]
    fn labels_are_escaped() {
        let counters = Counters::new(ABOUT, []);
        counters.add(["a\"b\\c\nd"]);
        let mut page = Page::default();
        counters.write(&mut page);
        assert!(page.into_text().ends_with("a_seconds{call=\"a\\\"b\\\\c\\nd\"} 1\n"));
    }

    #[test]
    fn labels_from_outside_cannot_fill_the_memory() {
        let counters = Counters::new(ABOUT, [["known"]]);
        for n in 0..SERIES_MAX * 2 {
            counters.add([&n.to_string()]);
        }
        counters.add(["known"]);
        assert_eq!(locked(&counters.values).len(), SERIES_MAX + 1);
        assert_eq!(counters.get(["known"]), 1);
        assert_eq!(counters.get([BEYOND]), SERIES_MAX as u64 + 1);
    }
}
