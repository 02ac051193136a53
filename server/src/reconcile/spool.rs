//! The bill put aside: a file without a name, so that a bill of any length is compared in little
//! memory, and only after its sums were checked.

use saoma_core::reconcile::BillEntry;
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, BufWriter, Seek as _, Write as _};

/// Writes entries down. The file is gone when it is dropped, or when the process dies.
#[derive(Debug)]
pub(super) struct SpoolWriter {
    file: BufWriter<File>,
    /// The first failure; nothing is written after it.
    failed: Option<io::Error>,
}

impl SpoolWriter {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { file: BufWriter::new(tempfile::tempfile()?), failed: None })
    }

    /// Writes an entry, quickly.
    pub(super) fn push(&mut self, entry: &BillEntry) {
        if self.failed.is_none() {
            self.failed = self.write(entry).err();
        }
    }

    /// A line is what it is looked up by, a tab, and the entry as JSON.
    fn write(&mut self, entry: &BillEntry) -> io::Result<()> {
        let number = number_of(entry);
        // No number of ours has such a character, and the tab must be the first one.
        let number = if number.contains(char::is_control) { "" } else { number };
        write!(self.file, "{}{number}\t", mark(entry.out_refund_no().is_some()))?;
        serde_json::to_writer(&mut self.file, entry)?;
        self.file.write_all(b"\n")
    }

    /// All that was written, to be read.
    pub(super) fn finish(self) -> io::Result<Spool> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        Ok(Spool { file: self.file.into_inner().map_err(io::IntoInnerError::into_error)? })
    }
}

/// Entries that were written down.
#[derive(Debug)]
pub(super) struct Spool {
    file: File,
}

impl Spool {
    /// The entries from the first on. Nobody may read at the same time.
    pub(super) fn entries(&mut self) -> io::Result<Entries> {
        self.file.rewind()?;
        let lines = BufReader::with_capacity(64 * 1024, self.file.try_clone()?);
        Ok(Entries { lines, line: String::new() })
    }

    /// Which of these numbers the bill has. Reading a long one takes its time, which others may
    /// use; but in the simulation one thread does everything.
    pub(super) async fn seen_aside(
        mut self,
        of_refunds: bool,
        numbers: HashSet<String>,
    ) -> io::Result<(Self, HashSet<String>)> {
        let read = move || self.seen(of_refunds, &numbers).map(|seen| (self, seen));
        if cfg!(feature = "simulation") {
            return read();
        }
        tokio::task::spawn_blocking(read).await.map_err(io::Error::other)?
    }

    /// Which of these numbers the bill has: transactions of its payments, or numbers of its
    /// refunds. (A refund may have any number, even that of a transaction.)
    fn seen(&mut self, of_refunds: bool, numbers: &HashSet<String>) -> io::Result<HashSet<String>> {
        let mut seen = HashSet::new();
        let mut entries = self.entries()?;
        while let Some((number, _)) = entries.line()? {
            let number = number.strip_prefix(mark(of_refunds));
            if let Some(number) = number.and_then(|number| numbers.get(number)) {
                seen.insert(number.clone());
            }
        }
        Ok(seen)
    }
}

/// What tells payments from refunds.
const fn mark(is_refund: bool) -> &'static str {
    if is_refund { "R" } else { "P" }
}

/// What an entry is looked up by: WeChat's number of the payment, or the merchant's of the refund.
pub(super) fn number_of(entry: &BillEntry) -> &str {
    entry.out_refund_no().unwrap_or(&entry.transaction_id)
}

/// Entries, one after another.
#[derive(Debug)]
pub(super) struct Entries {
    lines: BufReader<File>,
    line: String,
}

impl Entries {
    /// The next line's two parts, or `None` at the end.
    fn line(&mut self) -> io::Result<Option<(&str, &str)>> {
        self.line.clear();
        if self.lines.read_line(&mut self.line)? == 0 {
            return Ok(None);
        }
        let parts = self.line.split_once('\t');
        parts.map(Some).ok_or_else(|| io::Error::other("the file was changed"))
    }

    /// The next entries, at most `limit`; none at the end.
    pub(super) fn batch(&mut self, limit: usize) -> io::Result<Vec<BillEntry>> {
        let mut batch = Vec::new();
        while batch.len() < limit {
            let Some((_, entry)) = self.line()? else { break };
            batch.push(serde_json::from_str(entry)?);
        }
        Ok(batch)
    }
}
