//! A long bill is downloaded in little memory. The host is a thread of its own, so that only the
//! client is counted.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use flate2::{Compression, write::GzEncoder};
use saoma_core::api::Merchant;
use saoma_core::bill::{BillDate, BillForm, TradeBillKind};
use saoma_core::ids::{AppId, MchId, Nonce};
use saoma_core::native::Gateway;
use saoma_core::sign::{ApiKey, SignType};
use std::io::{Read as _, Write};
use std::net::TcpListener;

const ALL: &str = include_str!("../../tests/fixtures/bills/all.csv");
const LINES: u64 = 40_000;
/// Buffers of the connection, of the unpacker and of the reader.
const MEMORY_MAX: u64 = 512 * 1024;

/// The first line of the sample again and again: 25.99 yuan each.
fn write_bill(out: &mut impl Write) {
    let (header, rest) = ALL.split_once("\r\n").unwrap();
    let (payment, _) = rest.split_once("\r\n").unwrap();
    writeln!(out, "{header}\r").unwrap();
    for _ in 0..LINES {
        writeln!(out, "{payment}\r").unwrap();
    }
    let sum = |fen: u64| format!("`{}.{:02}", fen / 100, fen % 100);
    let (paid, fee) = (sum(2_599 * LINES), sum(16 * LINES));
    let summary = ALL.lines().find(|line| line.starts_with("总交易单数")).unwrap();
    writeln!(out, "{summary}\r").unwrap();
    writeln!(out, "`{LINES},{paid},`0.00,`0.00,{fee},{paid},`0.00\r").unwrap();
}

#[test]
fn a_long_bill_is_downloaded_in_little_memory() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let host = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        assert!(stream.read(&mut [0; 4_096]).unwrap() > 0);
        stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").unwrap();
        let mut encoder = GzEncoder::new(stream, Compression::fast());
        write_bill(&mut encoder);
        encoder.finish().unwrap();
    });
    let merchant = Merchant {
        mch_id: MchId::new("1900000109").unwrap(),
        app_id: AppId::new("wx5a0mademeup0001").unwrap(),
        key: ApiKey::new("192006250b4c09247ec02edce69f6a2d").unwrap(),
        sign_type: SignType::Md5,
    };
    let gateway = Gateway::new(merchant, &[&url]).unwrap();
    let date = BillDate::parse("20261123").unwrap();
    let (what, nonce) = ((TradeBillKind::All, BillForm::Gzip), Nonce::from_random([7; 16]));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut lines = 0;
    let used = allocation_counter::measure(|| {
        let bill = gateway.download_bill(&date, what, SignType::Md5, &nonce, |_| lines += 1);
        assert_eq!(runtime.block_on(bill).unwrap().count, LINES);
    });
    host.join().unwrap();
    assert_eq!(lines, LINES);
    assert!(used.bytes_max < MEMORY_MAX, "{} bytes", used.bytes_max);
}
