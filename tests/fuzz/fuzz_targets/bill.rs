//! Any bytes are a bill or an error, and the size of the chunks changes nothing. Any line of text
//! can name goods, and the values beside it stay what they are.

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

/// Reads a bill in which `name` is what somebody calls goods.
fn name_goods(name: &str, size: usize) {
    let header = "交易时间,微信订单号,商户订单号,交易状态,商品名称,商户数据包,手续费,订单金额";
    let [before, behind] = ["`2026-11-23 19:31:42,`42,`SM0001,`SUCCESS,`", ",`,`0.16000,`25.99"];
    let sums = "总交易单数,应结订单总金额,手续费总金额\r\n`1,`25.99,`0.16000";
    let bill = format!("{header}\r\n{before}{name}{behind}\r\n{sums}\r\n");
    let mut reader = Reader::<TradeTotals>::new();
    let fed = bill.as_bytes().chunks(size).try_for_each(|chunk| {
        reader.feed(chunk, |line| {
            let line = line.expect("a line that can be read");
            assert_eq!((line.out_trade_no, line.body, line.attach), ("SM0001", name, ""));
            assert_eq!((line.total_fee.get(), line.fee.millifen()), (2_599, 16_000));
        })
    });
    let totals = fed.and_then(|()| reader.finish(|_| ()));
    assert_eq!(totals.map(|totals| totals.count), Ok(1));
}

fuzz_target!(|bytes: &[u8]| {
    let Some((&size, text)) = bytes.split_first() else { return };
    let size = usize::from(size).max(1);
    compare::<TradeTotals>(text, size);
    compare::<FundTotals>(text, size);
    if let Ok(text) = core::str::from_utf8(text) {
        if let Some(name) = text.lines().next().filter(|name| name.len() < 3_000) {
            name_goods(name, size);
        }
        let _ = BillDate::parse(text);
        if let Some(fee) = Fee::parse(text) {
            assert_eq!(Fee::parse(&fee.to_string()), Some(fee));
        }
    }
});
