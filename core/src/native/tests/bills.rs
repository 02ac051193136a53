//! Bills: read while they come, compressed or not, and trusted only when they are whole.

use super::host::{Authority, Host, Reply, http, http_bytes};
use super::{KEY, MD5, merchant, nonce};
use crate::api::Call;
use crate::bill::{
    BillDate, BillErrorKind, BillForm, FailureKind, FundAccount, TradeBillKind, TradeTotals,
};
use crate::native::{
    CallError, ClientCertificate, DownloadError, Gateway, RootCertificates, Settings, Unsent,
};
use crate::sign::{ApiKey, SignType, Unverified};
use crate::xml::Doc;
use core::time::Duration;
use flate2::{Compression, write::GzEncoder};
use std::format;
use std::io::Write;
use std::string::String;
use std::vec::Vec;

const ALL: &str = include_str!("../../../../tests/fixtures/bills/all.csv");
const FUND: &str = include_str!("../../../../tests/fixtures/bills/fund.csv");
const FAILURE: &str = "<xml><return_code>FAIL</return_code>\
    <return_msg>Bill Creating</return_msg><error_code>20002</error_code></xml>";

fn packed(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn day() -> BillDate {
    BillDate::parse("20261123").unwrap()
}

/// How many lines were handed on, and the end.
async fn download(
    hosts: &[&str],
    settings: Settings,
) -> (usize, Result<TradeTotals, DownloadError>) {
    let gateway = Gateway::with(merchant(), hosts, settings).unwrap();
    let mut lines = 0;
    let what = (TradeBillKind::All, BillForm::Gzip);
    let result = gateway.download_bill(&day(), what, MD5, &nonce(), |_| lines += 1).await;
    (lines, result)
}

async fn from(reply: Reply) -> (usize, Result<TradeTotals, DownloadError>) {
    let host = Host::plain(reply).await;
    download(&[&host.url], Settings::default()).await
}

#[tokio::test]
async fn a_bill_is_read_compressed_or_not() {
    for body in [packed(ALL), ALL.as_bytes().to_vec()] {
        let host = Host::plain(http(200, body)).await;
        let (lines, totals) = download(&[&host.url], Settings::default()).await;
        assert_eq!((lines, totals.unwrap().total_fee.get()), (4, 5_198));
        let request = host.requests().remove(0);
        assert_eq!(request.path, "/pay/downloadbill");
        assert!(request.body.contains("<tar_type>GZIP</tar_type>"));
    }
}

#[tokio::test]
async fn lines_are_handed_on_before_the_bill_is_whole() {
    // The summary never comes.
    let whole = http_bytes(200, ALL.as_bytes());
    let stalled = Reply::Stall(whole[..whole.len() - 40].to_vec());
    let host = Host::plain(stalled).await;
    let hasty = || Settings { call_timeout: Duration::from_secs(1), ..Settings::default() };
    let (lines, result) = download(&[&host.url], hasty()).await;
    assert_eq!((lines, result), (4, Err(DownloadError::Call(CallError::Timeout))));
    // Nobody gets a line twice, so no other host is asked.
    let standby = Host::plain(http(200, ALL)).await;
    let (lines, result) = download(&[&host.url, &standby.url], hasty()).await;
    assert_eq!((lines, result.is_err()), (4, true));
    assert!(standby.requests().is_empty());
}

#[tokio::test]
async fn a_bill_that_is_cut_is_no_bill() {
    let cut = |bytes: &[u8], off: usize| bytes[..bytes.len() - off].to_vec();
    let (_, result) = from(http(200, cut(ALL.as_bytes(), 90))).await;
    let Err(DownloadError::Bill(error)) = result else { panic!("{result:?}") };
    assert_eq!(error.kind, BillErrorKind::Truncated);
    let gzip = packed(ALL);
    for off in [1, 8, gzip.len() / 2, gzip.len() - 3] {
        let (_, result) = from(http(200, cut(&gzip, off))).await;
        assert_eq!(result, Err(DownloadError::Unpack), "{off}");
    }
    let (_, result) = from(Reply::Bytes(cut(&http_bytes(200, &gzip), 20))).await;
    assert_eq!(result, Err(DownloadError::Call(CallError::Broken)));
    let mut altered = gzip.clone();
    let checksum = altered.len() - 6;
    altered[checksum] ^= 1;
    let (_, result) = from(http(200, altered)).await;
    assert_eq!(result, Err(DownloadError::Unpack));
}

#[tokio::test]
async fn wechats_word_why_there_is_no_bill_is_an_answer() {
    let standby = Host::plain(http(200, ALL)).await;
    for body in [FAILURE.as_bytes().to_vec(), packed(FAILURE)] {
        let host = Host::plain(http(200, body)).await;
        let (lines, result) = download(&[&host.url, &standby.url], Settings::default()).await;
        let error = result.unwrap_err();
        assert_eq!((lines, error.failure().unwrap().kind), (0, FailureKind::Creating));
        let expected = "WeChat gives no bill: Bill Creating (20002)";
        assert_eq!(format!("{error}"), expected);
    }
    assert!(standby.requests().is_empty());
    let no_trade = FAILURE.replace("Bill Creating", "No Bill Exist");
    assert_eq!(from(http(200, no_trade)).await, (0, Ok(TradeTotals::default())));
}

#[tokio::test]
async fn the_standby_host_is_asked_when_the_first_gives_no_line() {
    let standby = Host::plain(http(200, packed(ALL))).await;
    for reply in [
        http(502, FAILURE),
        http(200, "<html>bad gateway</html>"),
        http(200, ""),
        http(200, &packed(ALL)[..40]),
        http(200, "\u{1F}\u{8B}"),
        http(200, packed(&" ".repeat(10_000_000))),
    ] {
        let first = Host::plain(reply).await;
        let (lines, result) = download(&[&first.url, &standby.url], Settings::default()).await;
        assert_eq!((lines, result.unwrap().count), (4, 4));
    }
}

/// A bill of `count` payments of one fen.
fn long_bill(count: u64) -> String {
    let lines: Vec<&str> = ALL.lines().collect();
    let (header, payment, summary) = (lines[0], lines[1], lines[lines.len() - 2]);
    assert!(payment.contains("`0.16000,`0.60%,`25.99,`0.00") && summary.starts_with("总交易单数"));
    let mut bill = format!("{header}\r\n");
    for _ in 0..count {
        bill.push_str(payment);
        bill.push_str("\r\n");
    }
    let yuan = |fen: u64| format!("`{}.{:02}", fen / 100, fen % 100);
    let sums: Vec<String> = summary
        .split(',')
        .map(|column| match column {
            "总交易单数" => format!("`{count}"),
            "订单总金额" => yuan(2_599 * count),
            "应结订单总金额" => yuan(2_599 * count),
            "手续费总金额" => {
                format!("`{}.{:05}", 16_000 * count / 100_000, 16_000 * count % 100_000)
            }
            _ => "`0.00".into(),
        })
        .collect();
    bill.push_str(&format!("{summary}\r\n{}\r\n", sums.join(",")));
    bill
}

#[tokio::test]
async fn a_long_compressed_bill_is_counted_to_its_last_line() {
    let bill = long_bill(20_000);
    assert!(bill.len() > 5_000_000);
    let (lines, totals) = from(http(200, packed(&bill))).await;
    assert_eq!((lines, totals.unwrap().count), (20_000, 20_000));
}

#[tokio::test]
async fn a_fund_bill_needs_the_certificate_and_is_signed_by_hmac() {
    let wechat = Authority::new();
    let host = Host::tls(http(200, packed(FUND)), &wechat, &wechat).await;
    let roots = RootCertificates::from_pem(wechat.pem().as_bytes()).unwrap();
    let (pem, key) = wechat.issue("1900000109");
    let certificate = ClientCertificate::from_pem(pem.as_bytes(), key.as_bytes()).unwrap();
    let bare = Settings { roots: Some(roots), ..Settings::default() };
    let full = Settings { certificate: Some(certificate), ..bare.clone() };
    let mut lines = 0;
    let what = (FundAccount::Basic, BillForm::Gzip);

    let gateway = Gateway::with(merchant(), &[&host.url], bare).unwrap();
    let error = gateway.download_fund_flow(&day(), what, &nonce(), |_| ()).await.unwrap_err();
    let unsent = CallError::Unsent(Unsent::NoCertificate(Call::FundBill));
    assert_eq!(error, DownloadError::Call(unsent));
    assert!(host.requests().is_empty());

    let gateway = Gateway::with(merchant(), &[&host.url], full).unwrap();
    let totals = gateway.download_fund_flow(&day(), what, &nonce(), |_| lines += 1).await.unwrap();
    assert_eq!(totals.count, lines);
    let request = host.requests().remove(0);
    assert_eq!(request.path, "/pay/downloadfundflow");
    let doc: Doc<'_> = Doc::read(request.body.as_bytes()).unwrap();
    let key = ApiKey::new(KEY).unwrap();
    assert!(Unverified::new(&doc).verify(&key, SignType::HmacSha256).is_ok());
    assert!(doc.get("sign_type").is_some_and(|name| name == "HMAC-SHA256"));
}
