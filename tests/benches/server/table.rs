//! A row of a table: so many lines, how many answers a second, how long they took, and whose
//! processor time went into one.

use crate::Scale;
use crate::histogram::Histogram;
use crate::load::{Requests, run};
use crate::machine::Meter;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

/// What a load over so many lines came to.
pub(crate) struct Row {
    name: String,
    lines: usize,
    per_s: u64,
    latencies: Histogram,
    /// Processor time of generator, server, database and sandbox for one request, in microseconds.
    cpu: [u64; 4],
}

impl Row {
    /// Sends the requests; every answer must be good. Whose time counts stands in `families`, 0
    /// for nobody.
    pub(crate) async fn measure(
        name: &str,
        to: SocketAddr,
        families: [u32; 4],
        requests: &Rc<Requests>,
        lines: usize,
        scale: &Scale,
    ) -> Self {
        let meter = Meter::start(&families);
        let outcome = run(to, requests, lines, scale.time).await.expect("the line stays open");
        let cpu = meter.stop();
        if let Some(bad) = &outcome.bad {
            panic!("{name}: {} answers were not good, such as {bad}", outcome.bad_count);
        }
        let sent = outcome.sent.max(1);
        let each = |time: &Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX) / sent;
        let cpu = [0, 1, 2, 3].map(|at| cpu.get(at).map_or(0, each));
        let (per_s, latencies) = (outcome.per_s, outcome.latencies);
        Self { name: name.to_owned(), lines, per_s, latencies, cpu }
    }

    pub(crate) fn is(&self, name: &str) -> bool {
        self.name == name
    }

    pub(crate) const fn lines(&self) -> usize {
        self.lines
    }

    pub(crate) const fn per_s(&self) -> u64 {
        self.per_s
    }

    pub(crate) fn p99_ms(&self) -> u64 {
        self.latencies.percentile(99) / 1000
    }
}

/// Rows, each beside a limit of its own.
pub(crate) fn print_rows(limit: &str, rows: &[Row], limits: &[u64]) {
    println!(
        "| | lines | a second | times {limit} | p50 ms | p99 ms | max ms | processor µs each: \
         generator | server | database | sandbox |"
    );
    println!("| --- | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: |");
    for (row, limit) in rows.iter().zip(limits) {
        let Row { name, lines, per_s, latencies, cpu } = row;
        let times = decimal(per_s * 100 / limit.max(&1));
        let p50 = latencies.percentile(50);
        let [p50, p99, max] =
            [p50, latencies.percentile(99), latencies.max()].map(|micros| decimal(micros / 10));
        let cpu = cpu.map(|micros| if micros == 0 { String::new() } else { micros.to_string() });
        let cpu = cpu.join(" | ");
        println!("| {name} | {lines} | {per_s} | {times} | {p50} | {p99} | {max} | {cpu} |");
    }
}

/// What is said of a goal.
pub(crate) fn judge(goal: &str, is_met: bool) {
    println!("\nGoal: {goal}: {}.", if is_met { "met" } else { "missed" });
}

/// Hundredths as a number with a point.
pub(crate) fn decimal(hundredths: u64) -> String {
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}
