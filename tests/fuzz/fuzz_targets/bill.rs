//! Any bytes are a bill or an error, and the size of the chunks changes nothing.

#![no_main]

use libfuzzer_sys::fuzz_target;
use saoma_core::bill::{
    BillDate, BillError, Fee, FundTotals, LineError, Reader, Totals, TradeTotals,
};

/// How many lines were good, how many bad, and the sums.
fn read<T: Totals>(text: &[u8], size: usize) -> (u64, u64, Result<T, BillError>) {
    let (mut good, mut bad) = (0, 0);
    let mut reader = Reader::<T>::new();
    let mut on_line = |line: Result<T::Line<'_>, LineError>| match line {
        Ok(_) => good += 1,
        Err(_) => bad += 1,
    };
    let fed = text.chunks(size).try_for_each(|chunk| reader.feed(chunk, &mut on_line));
    let result = fed.and_then(|()| reader.finish(&mut on_line));
    (good, bad, result)
}

fn compare<T: Totals + PartialEq>(text: &[u8], size: usize) {
    let whole = read::<T>(text, usize::MAX);
    assert_eq!(read::<T>(text, size), whole);
    assert!(whole.1 == 0 || whole.2.is_err(), "bad lines, and sums all the same");
}

fuzz_target!(|bytes: &[u8]| {
    let Some((&size, text)) = bytes.split_first() else { return };
    let size = usize::from(size).max(1);
    compare::<TradeTotals>(text, size);
    compare::<FundTotals>(text, size);
    if let Ok(text) = core::str::from_utf8(text) {
        let _ = BillDate::parse(text);
        if let Some(fee) = Fee::parse(text) {
            assert_eq!(Fee::parse(&fee.to_string()), Some(fee));
        }
    }
});
