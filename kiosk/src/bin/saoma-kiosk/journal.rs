//! The journal's file. Two places hold records, written in turn, so that a write that is cut off
//! by a power failure leaves the other; what stands in them is the library's. A third one holds
//! the terminal's name, made with the file.
//!
//! ```text
//! 0: slot 0 | 4096: slot 1 | 8192: "saoma-kiosk NAME\n"
//! ```

use crate::random;
use saoma_kiosk::{
    call::OrderNumbers,
    journal::{Journal, RECORD_LEN},
};
use std::{
    fs::{self, File, TryLockError},
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

/// From one place to the next: no disk tears more than this around a byte that it writes.
const PLACE_LEN: u64 = 4096;
/// Before the name.
const LABEL: &str = "saoma-kiosk ";
const _: () = assert!(RECORD_LEN as u64 <= PLACE_LEN);

/// An open journal, ours alone.
pub(crate) struct JournalFile {
    path: PathBuf,
    file: File,
}

/// What a journal said at the start.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) journal: Journal,
    /// What this terminal's orders are numbered with: as long as the journal counts them, no
    /// number comes twice.
    pub(crate) numbers: OrderNumbers,
    /// Nothing was ever written into it.
    is_new: bool,
}

impl JournalFile {
    /// Opens it, or makes it with its folder. Nobody else may have it open.
    pub(crate) fn open(path: &Path) -> Result<(Self, Found), String> {
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
                let path = path.display();
                return Err(format!("the journal {path} is in use: another kiosk runs with it"));
            }
            Err(TryLockError::Error(error)) => return Err(problem(error)),
        }
        if file.metadata().map_err(problem)?.len() < 3 * PLACE_LEN {
            file.set_len(3 * PLACE_LEN).map_err(problem)?;
        }
        let journal = Self { path: path.to_owned(), file };
        let found = journal.read()?;
        if found.is_new {
            journal.file.sync_all().map_err(problem)?;
            File::open(folder).and_then(|folder| folder.sync_all()).map_err(problem)?;
        }
        Ok((journal, found))
    }

    fn read(&self) -> Result<Found, String> {
        let slots = [self.slot(0)?, self.slot(1)?];
        let is_used = |slot: &Vec<u8>| slot.iter().any(|byte| *byte != 0);
        let is_record = |slot: &Vec<u8>| Journal::decode(slot).is_some();
        // One record may be torn, by the power failure that we are there for. Not both.
        if slots.iter().all(|slot| is_used(slot) && !is_record(slot)) {
            return Err(self.damaged("neither of its records can be read"));
        }
        let journal = Journal::newest([&slots[0], &slots[1]]);
        let is_new = !slots.iter().any(is_used);
        let name = match self.name()? {
            Some(name) => name,
            // A new file, or one whose making was cut off.
            None if is_new => self.christen()?,
            None => return Err(self.damaged("it has lost its name")),
        };
        let numbers = OrderNumbers::new(&name).ok_or_else(|| self.damaged("its name is none"))?;
        Ok(Found { journal, numbers, is_new })
    }

    fn slot(&self, slot: usize) -> Result<Vec<u8>, String> {
        let mut record = vec![0; RECORD_LEN];
        let read = self.file.read_exact_at(&mut record, offset(slot));
        read.map(|()| record).map_err(|error| self.problem("read", &error))
    }

    fn name(&self) -> Result<Option<String>, String> {
        let mut line = vec![0; 64];
        let read = self.file.read_exact_at(&mut line, offset(2));
        read.map_err(|error| self.problem("read", &error))?;
        let text = String::from_utf8_lossy(&line);
        let name = text.strip_prefix(LABEL).and_then(|rest| rest.split_once('\n'));
        Ok(name.map(|(name, _)| name.to_owned()))
    }

    fn christen(&self) -> Result<String, String> {
        let name = random::name()?;
        let line = format!("{LABEL}{name}\n");
        let written = self.file.write_all_at(line.as_bytes(), offset(2));
        written
            .and_then(|()| self.file.sync_data())
            .map_err(|error| self.problem("write", &error))?;
        Ok(name)
    }

    /// Writes a record into a slot and comes back when it is on the disk. Whatever fails, the
    /// other slot stays.
    pub(crate) fn write(&self, slot: usize, record: &[u8; RECORD_LEN]) -> Result<(), String> {
        let written = self.file.write_all_at(record, offset(slot));
        written.and_then(|()| self.file.sync_data()).map_err(|error| self.problem("write", &error))
    }

    fn problem(&self, what: &str, error: &io::Error) -> String {
        format!("cannot {what} the journal {}: {error}", self.path.display())
    }

    fn damaged(&self, how: &str) -> String {
        format!(
            "the journal {} is damaged: {how}. Orders may be open: look for this terminal's \
             orders at the server, settle them, and move the file away",
            self.path.display()
        )
    }
}

const fn offset(place: usize) -> u64 {
    place as u64 * PLACE_LEN
}

#[cfg(test)]
mod tests {
    use super::*;
    use saoma_kiosk::journal::{Entry, Stage};

    fn record(sequence: u64) -> [u8; RECORD_LEN] {
        let number = format!("K-{sequence}");
        let entry = Entry {
            order_no: number.parse().unwrap(),
            order_id: None,
            amount: saoma_core::money::Fen::new(1800).unwrap(),
            description: "拿铁".parse().unwrap(),
            basket: saoma_kiosk::basket::Basket::new(),
            stage: Stage::Making,
        };
        let entries = std::iter::once(entry).collect();
        Journal { sequence, made: 7, broken: false, entries }.encode()
    }

    fn sequence(path: &Path) -> u64 {
        JournalFile::open(path).unwrap().1.journal.sequence
    }

    #[test]
    fn the_newest_record_and_the_name_are_there_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("made/here/journal");
        let (journal, found) = JournalFile::open(&path).unwrap();
        assert_eq!(found.journal, Journal::default());
        journal.write(1, &record(1)).unwrap();
        journal.write(0, &record(2)).unwrap();
        drop(journal);
        let (_, again) = JournalFile::open(&path).unwrap();
        assert_eq!((again.journal.sequence, again.journal.made), (2, 7));
        assert_eq!(again.numbers, found.numbers);
    }

    #[test]
    fn a_write_that_is_cut_off_at_any_byte_leaves_the_record_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let (journal, _) = JournalFile::open(&path).unwrap();
        journal.write(1, &record(1)).unwrap();
        journal.write(0, &record(2)).unwrap();
        let third = record(3);
        drop(journal);
        let file = File::options().write(true).open(&path).unwrap();
        // All of slot 1 but its last bytes could be the new record already.
        for end in 0..RECORD_LEN {
            file.write_all_at(&third[..end], offset(1)).unwrap();
            let expected = if third[end..] == record(1)[end..] { 3 } else { 2 };
            assert_eq!(sequence(&path), expected, "cut off at {end}");
        }
        file.write_all_at(&third, offset(1)).unwrap();
        assert_eq!(sequence(&path), 3);
    }

    #[test]
    fn a_first_write_that_is_cut_off_is_none_and_two_torn_ones_are_damage() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let (journal, _) = JournalFile::open(&path).unwrap();
        let mut torn = record(1);
        torn[RECORD_LEN - 1] ^= 1;
        journal.write(1, &torn).unwrap();
        drop(journal);
        assert_eq!(sequence(&path), 0);
        let (journal, _) = JournalFile::open(&path).unwrap();
        journal.write(0, &torn).unwrap();
        drop(journal);
        let problem = JournalFile::open(&path).err().unwrap();
        assert!(problem.contains("damaged"), "{problem}");
    }

    #[test]
    fn a_file_whose_making_was_cut_off_at_any_byte_is_made_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        drop(JournalFile::open(&path).unwrap());
        let whole = fs::read(&path).unwrap();
        for end in [0, 1, 4096, 8192, 8193, 8192 + LABEL.len() + 3, whole.len() - 1] {
            fs::write(&path, &whole[..end]).unwrap();
            assert_eq!(JournalFile::open(&path).unwrap().1.journal, Journal::default(), "{end}");
        }
    }

    #[test]
    fn a_journal_has_one_owner() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let first = JournalFile::open(&path).unwrap();
        let problem = JournalFile::open(&path).err().unwrap();
        assert!(problem.contains("in use"), "{problem}");
        drop(first);
        assert!(JournalFile::open(&path).is_ok());
    }

    #[test]
    fn a_journal_that_cannot_be_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let problem = JournalFile::open(&file.path().join("journal")).err().unwrap();
        assert!(problem.contains("cannot use the journal"), "{problem}");
        assert!(JournalFile::open(Path::new("/dev/full")).is_err());
    }
}
