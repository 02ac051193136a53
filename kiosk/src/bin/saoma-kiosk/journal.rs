//! The journal's file: two places, written in turn, so that a write that is cut off by a power
//! failure leaves the other. What stands in them is the library's.

use std::{
    fs::{self, File, TryLockError},
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

/// From one place to the next: no disk tears more than this around a byte that it writes.
const SLOT_LEN: u64 = 4096;

/// An open journal, ours alone.
pub(crate) struct JournalFile {
    path: PathBuf,
    file: File,
    record_len: usize,
    next: Slot,
}

/// One of the two places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    First,
    Second,
}

impl Slot {
    const fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }

    const fn offset(self) -> u64 {
        match self {
            Self::First => 0,
            Self::Second => SLOT_LEN,
        }
    }
}

impl JournalFile {
    /// Opens it, or makes it with its folder. Nobody else may have it open.
    pub(crate) fn open(path: &Path, record_len: usize) -> Result<Self, String> {
        let problem =
            |error: io::Error| format!("cannot use the journal {}: {error}", path.display());
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(problem)?;
        let file = File::options().read(true).write(true).create(true).truncate(false).open(path);
        let file = file.map_err(problem)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(format!(
                    "the journal {} is in use: another kiosk runs with it",
                    path.display()
                ));
            }
            Err(TryLockError::Error(error)) => return Err(problem(error)),
        }
        if file.metadata().map_err(problem)?.len() < 2 * SLOT_LEN {
            file.set_len(2 * SLOT_LEN).map_err(problem)?;
        }
        file.sync_all().map_err(problem)?;
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(problem)?;
        Ok(Self { path: path.to_owned(), file, record_len, next: Slot::First })
    }

    /// What stands in both places; all zeros where nothing was ever written.
    pub(crate) fn read(&self) -> Result<[(Slot, Vec<u8>); 2], String> {
        let read = |slot: Slot| {
            let mut record = vec![0; self.record_len];
            match self.file.read_exact_at(&mut record, slot.offset()) {
                Ok(()) => Ok((slot, record)),
                Err(error) => Err(self.problem("read", &error)),
            }
        };
        Ok([read(Slot::First)?, read(Slot::Second)?])
    }

    /// The newest record stands here; the next one goes to the other place.
    pub(crate) fn newest_is_in(&mut self, slot: Slot) {
        self.next = slot.other();
    }

    /// Writes a record and comes back when it is on the disk. Whatever fails, the newest record
    /// before it stays.
    pub(crate) fn write(&mut self, record: &[u8]) -> Result<(), String> {
        let written = self.file.write_all_at(record, self.next.offset());
        written
            .and_then(|()| self.file.sync_data())
            .map_err(|error| self.problem("write", &error))?;
        self.next = self.next.other();
        Ok(())
    }

    fn problem(&self, what: &str, error: &io::Error) -> String {
        format!("cannot {what} the journal {}: {error}", self.path.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEN: usize = 40;

    fn open(path: &Path) -> JournalFile {
        JournalFile::open(path, LEN).unwrap()
    }

    #[test]
    fn records_are_written_in_turn_and_are_there_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("made/here/journal");
        let mut journal = open(&path);
        let empty = [(Slot::First, vec![0; LEN]), (Slot::Second, vec![0; LEN])];
        assert_eq!(journal.read().unwrap(), empty);
        for byte in 1..=3 {
            journal.write(&[byte; LEN]).unwrap();
        }
        drop(journal);
        let mut journal = open(&path);
        let both = [(Slot::First, vec![3; LEN]), (Slot::Second, vec![2; LEN])];
        assert_eq!(journal.read().unwrap(), both);
        journal.newest_is_in(Slot::First);
        journal.write(&[4; LEN]).unwrap();
        assert_eq!(journal.read().unwrap()[1], (Slot::Second, vec![4; LEN]));
    }

    #[test]
    fn a_journal_has_one_owner() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let first = open(&path);
        let problem = JournalFile::open(&path, LEN).err().unwrap();
        assert!(problem.contains("in use"), "{problem}");
        drop(first);
        open(&path);
    }

    #[test]
    fn a_journal_that_cannot_be_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let problem = JournalFile::open(&file.path().join("journal"), LEN).err().unwrap();
        assert!(problem.contains("cannot use the journal"), "{problem}");
        let full = JournalFile::open(Path::new("/dev/full"), LEN);
        assert!(full.is_err());
    }
}
