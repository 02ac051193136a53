//! What the system tells about processes: processor time, memory, open files. Linux only; elsewhere
//! the tables have gaps.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::time::{Duration, Instant};

/// Lets this process open as many files as it may, and gives the number.
pub(crate) fn raise_open_files() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let now =
        if setrlimit(Resource::Nofile, raised).is_ok() { limit.maximum } else { limit.current };
    now.unwrap_or(u64::MAX)
}

/// The one clock of the benchmark.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// The processor time that a process has used, with the children that it has waited for; of this
/// one alone, because its children are what is measured.
fn cpu_of(pid: u32) -> Duration {
    let fields = if pid == std::process::id() { 2 } else { 4 };
    // Fields 14 to 17 after the name, which may hold anything and ends with the last `)`.
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let all = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = all.skip(11).take(fields).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 1000 / ticks_per_s())
}

/// The same of a process and all children that it has now, but for this one.
fn cpu_of_family(pid: u32) -> Duration {
    if pid == std::process::id() {
        return cpu_of(pid);
    }
    children_of(pid).into_iter().map(cpu_of).sum::<Duration>() + cpu_of(pid)
}

fn children_of(pid: u32) -> Vec<u32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().filter_map(|child| child.parse().ok()).collect()
}

fn ticks_per_s() -> u64 {
    rustix::param::clock_ticks_per_second()
}

/// The memory that a process holds, in KiB.
pub(crate) fn resident_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
    kib.unwrap_or(0)
}

/// The processor time of the processes of each family, from its start on. 0 is nobody.
pub(crate) struct Meter {
    families: Vec<u32>,
    before: Vec<Duration>,
}

impl Meter {
    pub(crate) fn start(families: &[u32]) -> Self {
        let before = families.iter().copied().map(cpu_of_family).collect();
        Self { families: families.to_vec(), before }
    }

    /// In the order of the families.
    pub(crate) fn stop(self) -> Vec<Duration> {
        let after = self.families.iter().copied().map(cpu_of_family);
        after.zip(self.before).map(|(after, before)| after.saturating_sub(before)).collect()
    }
}
