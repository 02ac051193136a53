//! Moving short runs of bytes quickly: names and values are mostly shorter than a call is worth.

/// Copies `from` to `to`, which is as long. Two words that overlap cover what one does not fill.
#[inline]
pub(crate) fn copy(to: &mut [u8], from: &[u8]) {
    match from.len() {
        8..=16 => ends::<8>(to, from),
        4..8 => ends::<4>(to, from),
        17..=32 => ends::<16>(to, from),
        0..4 => to.iter_mut().zip(from).for_each(|(to, from)| *to = *from),
        _ if to.len() == from.len() => to.copy_from_slice(from),
        _ => {}
    }
}

#[inline]
fn ends<const N: usize>(to: &mut [u8], from: &[u8]) {
    if let (Some(to), Some(from)) = (to.first_chunk_mut::<N>(), from.first_chunk()) {
        *to = *from;
    }
    if let (Some(to), Some(from)) = (to.last_chunk_mut::<N>(), from.last_chunk()) {
        *to = *from;
    }
}

/// Room for what is gathered, in bytes.
const STAGE_LEN: usize = 512;

/// Gathers pieces, so that what takes them is called with few large ones instead.
pub(crate) struct Staged<F> {
    buffer: [u8; STAGE_LEN],
    len: usize,
    out: F,
}

impl<F: FnMut(&[u8])> Staged<F> {
    pub(crate) const fn new(out: F) -> Self {
        Self { buffer: [0; STAGE_LEN], len: 0, out }
    }

    /// Adds pieces, with one look at the room for all of them.
    #[inline]
    pub(crate) fn push<const N: usize>(&mut self, pieces: [&[u8]; N]) {
        let len: usize = pieces.iter().map(|piece| piece.len()).sum();
        if len > STAGE_LEN - self.len {
            self.flush();
        }
        if len > STAGE_LEN {
            return pieces.into_iter().for_each(|piece| (self.out)(piece));
        }
        for piece in &pieces {
            let end = self.len + piece.len();
            if let Some(place) = self.buffer.get_mut(self.len..end) {
                copy(place, piece);
            }
            self.len = end;
        }
    }

    /// Gives on what is gathered.
    pub(crate) fn flush(&mut self) {
        (self.out)(self.buffer.get(..self.len).unwrap_or(&[]));
        self.len = 0;
    }

    /// Gives on what is gathered, and then to the taker itself.
    pub(crate) fn finish(mut self) -> F {
        self.flush();
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec;
    use std::vec::Vec;

    proptest! {
        #[test]
        fn a_copy_is_equal(from in prop::collection::vec(any::<u8>(), 0..80)) {
            let mut to = vec![0; from.len()];
            copy(&mut to, &from);
            prop_assert_eq!(to, from);
        }

        #[test]
        fn what_goes_in_comes_out(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..700), 0..12),
        ) {
            let mut out = Vec::new();
            let mut staged = Staged::new(|bytes: &[u8]| out.extend_from_slice(bytes));
            for piece in &pieces {
                staged.push([b"<", piece, b">"]);
            }
            staged.flush();
            let expected: Vec<u8> =
                pieces.iter().flat_map(|piece| [b"<", piece.as_slice(), b">"].concat()).collect();
            prop_assert_eq!(out, expected);
        }
    }
}
