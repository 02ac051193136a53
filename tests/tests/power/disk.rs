//! A disk that keeps only what it was told to keep.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The database and its log.
const FILES: [&str; 2] = ["saoma.db", "saoma.db-wal"];
/// What a disk writes at once.
const SECTOR: usize = 512;

/// Something that was done to a file.
#[derive(Clone, Debug)]
pub(crate) struct Op {
    /// When, in microseconds.
    pub(crate) at: u128,
    file: &'static str,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Write { at: usize, bytes: Vec<u8> },
    Truncate(usize),
    Remove,
    Sync,
}

impl Op {
    pub(crate) fn is_sync(&self) -> bool {
        matches!(self.what, What::Sync)
    }
}

/// What becomes of writes that were not synced when the power fails.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fate {
    Kept,
    Lost,
    Some,
    Torn,
}

impl Fate {
    pub(crate) const ALL: [Self; 4] = [Self::Kept, Self::Lost, Self::Some, Self::Torn];
}

#[derive(Clone, Debug, Default)]
struct File {
    /// What is there for certain; `None`: no such file.
    durable: Option<Vec<u8>>,
    pending: Vec<What>,
}

#[derive(Clone, Debug)]
pub(crate) struct Disk(BTreeMap<&'static str, File>);

impl Disk {
    /// As it is now, all of it on the disk.
    pub(crate) fn of(folder: &Path) -> Self {
        let file = |name: &'static str| {
            let durable = std::fs::read(folder.join(name)).ok();
            (name, File { durable, pending: Vec::new() })
        };
        Self(FILES.map(file).into())
    }

    pub(crate) fn replay(&mut self, ops: &[Op]) {
        for op in ops {
            let file = self.0.get_mut(op.file).unwrap();
            let is_gone = matches!(file.pending.last(), Some(What::Remove));
            match &op.what {
                What::Sync => file.settle(),
                // A new file of the name: the old one is gone for certain.
                _ if is_gone => {
                    file.settle();
                    file.pending.push(op.what.clone());
                }
                what => file.pending.push(what.clone()),
            }
        }
    }

    /// Puts down what the power failure leaves; gives the database.
    pub(crate) fn leave(
        &self,
        fate: Fate,
        folder: &Path,
        dice: &mut impl FnMut(usize) -> usize,
    ) -> PathBuf {
        let _ = std::fs::remove_file(folder.join("saoma.db-shm"));
        for (name, file) in &self.0 {
            let mut content = file.durable.clone();
            let torn = dice(file.pending.len().max(1));
            for (at, what) in file.pending.iter().enumerate() {
                match (fate, what) {
                    (Fate::Kept, what) => apply(&mut content, what),
                    (Fate::Lost, _) => {}
                    (Fate::Some, what) if dice(2) == 0 => apply(&mut content, what),
                    (Fate::Torn, What::Write { at: from, bytes }) if at == torn => {
                        let sectors = dice(bytes.len().div_ceil(SECTOR) + 1);
                        let bytes = bytes[..bytes.len().min(sectors * SECTOR)].to_vec();
                        apply(&mut content, &What::Write { at: *from, bytes });
                    }
                    (Fate::Torn, what) if at < torn || dice(2) == 0 => apply(&mut content, what),
                    (Fate::Some | Fate::Torn, _) => {}
                }
            }
            let path = folder.join(name);
            match content {
                Some(content) => std::fs::write(path, content).unwrap(),
                None => drop(std::fs::remove_file(path)),
            }
        }
        folder.join(FILES[0])
    }
}

impl File {
    fn settle(&mut self) {
        for what in std::mem::take(&mut self.pending) {
            apply(&mut self.durable, &what);
        }
    }
}

fn apply(content: &mut Option<Vec<u8>>, what: &What) {
    match what {
        What::Write { at, bytes } => {
            let content = content.get_or_insert_default();
            content.resize(content.len().max(at + bytes.len()), 0);
            content[*at..at + bytes.len()].copy_from_slice(bytes);
        }
        What::Truncate(len) => content.get_or_insert_default().resize(*len, 0),
        What::Remove => *content = None,
        What::Sync => {}
    }
}

/// The calls about our files that strace has written down, one file for each thread. They come in
/// the order of their times: there is one writer.
pub(crate) async fn read_trace(folder: &Path) -> Vec<Op> {
    let mut ops = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        // strace ends a moment after whom it follows.
        let mut text = std::fs::read_to_string(entry.path()).unwrap();
        while !text.contains("+++ exited") && !text.contains("+++ killed") {
            tokio::time::sleep(Duration::from_millis(20)).await;
            text = std::fs::read_to_string(entry.path()).unwrap();
        }
        ops.extend(text.lines().filter_map(op));
    }
    ops.sort_by_key(|op| op.at);
    ops
}

/// `1795661341.107397 pwrite64(3<\x2f..>, "\x68..", 6, 10) = 6`
fn op(line: &str) -> Option<Op> {
    let (time, call) = line.split_once(' ')?;
    let (seconds, micros) = time.split_once('.')?;
    let at = seconds.parse::<u128>().ok()? * 1_000_000 + micros.parse::<u128>().ok()?;
    let (name, rest) = call.split_once('(')?;
    let (arguments, result) = rest.rsplit_once(") = ")?;
    if result.starts_with('-') {
        return None;
    }
    let text = arguments.split(['<', '>', '"']).find(|part| part.starts_with("\\x2f"))?;
    let path = String::from_utf8(unhex(text)).ok()?;
    let file = FILES.into_iter().find(|file| path.rsplit('/').next() == Some(*file))?;
    let what = match name {
        "pwrite64" => {
            let (_, bytes) = arguments.split_once("\"")?;
            let (bytes, numbers) = bytes.split_once('"')?;
            let offset = numbers.rsplit(", ").next()?.parse().ok()?;
            let bytes = unhex(bytes);
            assert_eq!(result.trim(), bytes.len().to_string(), "all of it is in the record");
            What::Write { at: offset, bytes }
        }
        "ftruncate" => What::Truncate(arguments.rsplit(", ").next()?.parse().ok()?),
        "unlink" => What::Remove,
        "fsync" | "fdatasync" => What::Sync,
        _ => return None,
    };
    Some(Op { at, file, what })
}

/// `\x2f\x74` as bytes.
fn unhex(text: &str) -> Vec<u8> {
    let digits = text.split("\\x").skip(1);
    digits.map(|digits| u8::from_str_radix(digits, 16).unwrap()).collect()
}
