//! Entries of the outbox: what is put down of them.

use super::Change;
use crate::store::{Entry, EntryEnd, NewEntry};
use saoma_core::time::UnixTime;

impl Change {
    /// Puts an entry of the outbox down.
    pub(in crate::service) fn put_entry(&mut self, entry: NewEntry) {
        self.open.entries.push(entry);
    }

    /// Puts down what became of an entry.
    pub(in crate::service) fn end_entry(
        &mut self,
        entry: &Entry,
        again: Option<(UnixTime, String)>,
    ) {
        self.ended(EntryEnd { entry: entry.clone(), again, dead: false, begun: true });
    }

    /// Puts down that an entry is not tried again by itself.
    pub(in crate::service) fn give_up_entry(&mut self, entry: &Entry, why: String) {
        let again = Some((self.now, why));
        self.ended(EntryEnd { entry: entry.clone(), again, dead: true, begun: true });
    }

    /// Puts down that an entry was not begun, and may be taken again from then on.
    pub(in crate::service) fn put_entry_back(&mut self, entry: &Entry, at: UnixTime, why: String) {
        let again = Some((at, why));
        self.ended(EntryEnd { entry: entry.clone(), again, dead: false, begun: false });
    }

    fn ended(&mut self, end: EntryEnd) {
        self.open.ends.push(end);
    }
}
