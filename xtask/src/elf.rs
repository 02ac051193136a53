//! What lies in a program for a small machine: sections and names of a 32-bit ELF file.

use crate::failure::Failure;

/// A program.
pub(crate) struct Elf {
    bytes: Vec<u8>,
    sections: Vec<Section>,
}

#[derive(Clone, Copy)]
struct Section {
    kind: u32,
    flags: u32,
    offset: usize,
    size: usize,
    link: usize,
}

/// A function or a variable.
pub(crate) struct Symbol {
    pub(crate) name: String,
    pub(crate) address: u32,
    pub(crate) size: usize,
    /// Whether it takes memory, and not only flash.
    pub(crate) is_variable: bool,
}

const PROGRAM_BITS: u32 = 1;
const SYMBOLS: u32 = 2;
const NO_BITS: u32 = 8;
const WRITABLE: u32 = 1;
const LOADED: u32 = 2;
const FUNCTION: u8 = 2;
const VARIABLE: u8 = 1;

impl Elf {
    /// Reads a file. Nothing of it is trusted to be inside of it.
    pub(crate) fn read(bytes: Vec<u8>) -> Result<Self, Failure> {
        let sections = Self::sections(&bytes);
        let sections = sections.ok_or_else(|| Failure::new("no ELF file of 32 bits"))?;
        Ok(Self { bytes, sections })
    }

    fn sections(bytes: &[u8]) -> Option<Vec<Section>> {
        if !bytes.starts_with(b"\x7fELF\x01\x01") {
            return None;
        }
        let (table, entry) = (word(bytes, 32)?, half(bytes, 46)?);
        let count = half(bytes, 48)?;
        (0..count)
            .map(|index| {
                let at = table.checked_add(index * entry)?;
                let field = |number: usize| word(bytes, at + 4 * number);
                Some(Section {
                    kind: u32::try_from(field(1)?).ok()?,
                    flags: u32::try_from(field(2)?).ok()?,
                    offset: field(4)?,
                    size: field(5)?,
                    link: field(6)?,
                })
            })
            .collect()
    }

    fn total(&self, counts: impl Fn(&Section) -> bool) -> usize {
        let counted =
            self.sections.iter().filter(|section| section.flags & LOADED != 0 && counts(section));
        counted.map(|section| section.size).sum()
    }

    /// Bytes that lie in flash: code, constants, and the first values of variables.
    pub(crate) fn flash(&self) -> usize {
        self.total(|section| section.kind != NO_BITS)
    }

    /// Bytes of memory that variables take for as long as the program runs.
    pub(crate) fn memory(&self) -> usize {
        self.total(|section| section.flags & WRITABLE != 0)
    }

    /// Whether these bytes lie in flash.
    pub(crate) fn contains(&self, wanted: &[u8]) -> bool {
        let loaded = self
            .sections
            .iter()
            .filter(|section| section.kind == PROGRAM_BITS && section.flags & LOADED != 0);
        let mut parts = loaded.filter_map(|section| {
            self.bytes.get(section.offset..section.offset.checked_add(section.size)?)
        });
        parts.any(|part| part.windows(wanted.len()).any(|window| window == wanted))
    }

    /// All functions and variables, each place once.
    pub(crate) fn symbols(&self) -> Vec<Symbol> {
        let mut symbols = Vec::new();
        for table in self.sections.iter().filter(|section| section.kind == SYMBOLS) {
            let Some(names) = self.sections.get(table.link) else { continue };
            for index in 0..table.size / 16 {
                symbols.extend(self.symbol(table.offset + 16 * index, names));
            }
        }
        symbols.sort_by_key(|symbol| (symbol.address, std::cmp::Reverse(symbol.size)));
        symbols.dedup_by_key(|symbol| symbol.address);
        symbols
    }

    fn symbol(&self, at: usize, names: &Section) -> Option<Symbol> {
        let kind = self.bytes.get(at + 12)? & 0xf;
        let section = self.sections.get(half(&self.bytes, at + 14)?)?;
        let size = word(&self.bytes, at + 8)?;
        if size == 0 || !matches!(kind, FUNCTION | VARIABLE) || section.flags & LOADED == 0 {
            return None;
        }
        let name = self.bytes.get(names.offset + word(&self.bytes, at)?..)?;
        let end = name.iter().position(|byte| *byte == 0)?;
        Some(Symbol {
            name: String::from_utf8_lossy(&name[..end]).into_owned(),
            // The lowest bit of a function's address only says which instructions it has.
            address: u32::try_from(word(&self.bytes, at + 4)?).ok()? & !1,
            size,
            is_variable: section.flags & WRITABLE != 0,
        })
    }
}

fn word(bytes: &[u8], at: usize) -> Option<usize> {
    let word = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
    usize::try_from(u32::from_le_bytes(word)).ok()
}

fn half(bytes: &[u8], at: usize) -> Option<usize> {
    let half = bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
    Some(usize::from(u16::from_le_bytes(half)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_program_is_refused() {
        for bytes in [&b""[..], b"\x7fELF\x02\x01", b"\x7fELF\x01\x01", &[0x7f; 100]] {
            assert!(Elf::read(bytes.to_vec()).is_err(), "{bytes:?}");
        }
        // A table that lies outside of the file.
        let mut bytes = b"\x7fELF\x01\x01".to_vec();
        bytes.resize(52, 0xff);
        assert!(Elf::read(bytes).is_err());
    }
}
