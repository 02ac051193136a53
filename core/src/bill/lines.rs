//! Chunks to lines: all that is kept is the line that is not complete yet.

use super::scan::find;
use heapless::Vec;

/// Longest line of a bill in bytes. Real ones have about 300.
pub const LINE_MAX: usize = 4_096;

/// The beginning of a line whose end has not come yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines {
    partial: Vec<u8, LINE_MAX>,
}

/// A line is longer than [`LINE_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLong;

impl Lines {
    pub(super) const fn new() -> Self {
        Self { partial: Vec::new() }
    }

    /// Calls `on_line` with each line that `chunk` completes, without its line feed.
    pub(super) fn feed<E: From<TooLong>>(
        &mut self,
        chunk: &[u8],
        mut on_line: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut rest = chunk;
        while let Some((line, after)) = split_line(rest) {
            rest = after;
            if self.partial.is_empty() {
                if line.len() > LINE_MAX {
                    return Err(TooLong.into());
                }
                on_line(line)?;
            } else {
                self.partial.extend_from_slice(line).map_err(|_| TooLong)?;
                let result = on_line(&self.partial);
                self.partial.clear();
                result?;
            }
        }
        Ok(self.partial.extend_from_slice(rest).map_err(|_| TooLong)?)
    }

    /// Calls `on_line` with the last line, which needs no line feed.
    pub(super) fn finish<E>(
        &mut self,
        on_line: impl FnOnce(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let result = if self.partial.is_empty() { Ok(()) } else { on_line(&self.partial) };
        self.partial.clear();
        result
    }
}

fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = find(bytes, b'\n', 0)?;
    let (line, rest) = bytes.split_at_checked(at)?;
    Some((line, rest.get(1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec as StdVec;

    fn lines(chunks: &[&[u8]]) -> Result<StdVec<StdVec<u8>>, TooLong> {
        let mut lines = Lines::new();
        let mut found = StdVec::new();
        let mut keep = |line: &[u8]| {
            found.push(line.to_vec());
            Ok(())
        };
        for chunk in chunks {
            lines.feed(chunk, &mut keep)?;
        }
        lines.finish(&mut keep)?;
        Ok(found)
    }

    #[test]
    fn a_line_that_is_too_long_is_refused_however_it_comes() {
        let long = [b'x'; LINE_MAX + 1];
        assert_eq!(lines(&[&long[..LINE_MAX]]).unwrap().len(), 1);
        assert_eq!(lines(&[&long]), Err(TooLong));
        assert_eq!(lines(&[&[&long[..], b"\n"].concat()]), Err(TooLong));
        assert_eq!(lines(&[b"x", &long[..LINE_MAX]]), Err(TooLong));
        assert_eq!(lines(&[b"x", &long[..LINE_MAX], b"\n"]), Err(TooLong));
    }

    proptest! {
        #[test]
        fn the_size_of_the_chunks_does_not_matter(text in "[a-c\n]{0,60}", size in 1..20_usize) {
            let mut naive: StdVec<&str> = text.split('\n').collect();
            if naive.last() == Some(&"") {
                naive.pop();
            }
            let chunks: StdVec<&[u8]> = text.as_bytes().chunks(size).collect();
            let naive: StdVec<StdVec<u8>> = naive.iter().map(|l| l.as_bytes().to_vec()).collect();
            prop_assert_eq!(lines(&chunks).unwrap(), naive);
        }
    }
}
