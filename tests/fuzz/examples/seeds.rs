//! Writes the corpus that the targets begin with, from the fixtures.

use saoma_kiosk::journal::Journal;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::{fs, io};

fn main() -> io::Result<()> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let fixtures = here.join("../fixtures");
    let json = |name: &str| -> io::Result<Value> {
        Ok(serde_json::from_slice(&fs::read(fixtures.join(name))?)?)
    };
    let messages = json("v2-messages.json")?;
    let documents = messages.as_array().into_iter().flatten().filter_map(|m| m["xml"].as_str());
    for (index, xml) in documents.enumerate() {
        for target in ["xml", "pay_notice", "answers", "differential"] {
            write(here, target, &format!("message-{}", index + 1), xml.as_bytes())?;
        }
    }
    let notices = json("v2-refund-notices.json")?;
    for (index, notice) in notices["notices"].as_array().into_iter().flatten().enumerate() {
        for part in ["xml", "inner"] {
            let text = notice[part].as_str().unwrap_or_default();
            write(here, "refund_notice", &format!("{part}-{index}"), text.as_bytes())?;
            write(here, "xml", &format!("refund-{part}-{index}"), text.as_bytes())?;
        }
    }
    for file in fs::read_dir(fixtures.join("bills"))? {
        let path = file?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // The first byte is the size of the chunks.
        write(here, "bill", &name, &[&[64], &fs::read(&path)?[..]].concat())?;
    }
    terminals(here)?;
    shops(here)?;
    calls(here)?;
    for text in ["20261123193142", "2026-11-23 19:31:42", "20280229", "19700101080000", "2599"] {
        write(here, "beijing_time", &text.replace([' ', ':'], "-"), text.as_bytes())?;
    }
    Ok(())
}

/// What a terminal hears and keeps.
fn terminals(here: &Path) -> io::Result<()> {
    let view = r#"{"order_id":"20261123192600K7Q2M9XB","phase":"open","amount_fen":1800,"description":"拿铁","code_url":"weixin://wxpay/bizpayurl?pr=a1B2c3Dzz","expires_at":1795433460,"server_time":1795433160,"version":3}"#;
    let made = format!(r#"{{"order_id":"20261123192600K7Q2M9XB","token":"t","view":{view}}}"#);
    let claim =
        format!(r#"{{"ship_id":"ship-20261123192600K7Q2M9XB","again":false,"view":{view}}}"#);
    let refusal = r#"{"error":{"code":"not_found","message":"no"}}"#;
    let heard = [(200, view), (201, &*made), (200, &*claim), (404, refusal)];
    for (index, (status, body)) in heard.into_iter().enumerate() {
        let bytes = [&u16::to_le_bytes(status)[..], body.as_bytes()].concat();
        write(here, "kiosk_answers", &index.to_string(), &bytes)?;
    }
    write(here, "kiosk_journal", "empty", &Journal::default().encode())
}

/// What shops ask for.
fn shops(here: &Path) -> io::Result<()> {
    let order = r#"{"order_no":"A-1","amount_fen":1800,"description":"拿铁","expires_in_s":900}"#;
    let refund = r#"{"refund_no":"R-1","amount_fen":500,"reason":"少一杯"}"#;
    write(here, "http_bodies", "order", order.as_bytes())?;
    write(here, "http_bodies", "refund", refund.as_bytes())
}

/// An order's way through the gateway: each call with its place in the gateway's list.
fn calls(here: &Path) -> io::Result<()> {
    let who = "<appid>wx5a0mademeup0001</appid><mch_id>1900000109</mch_id><nonce_str>n</nonce_str>";
    let number = "<out_trade_no>SM20261123192600000001</out_trade_no>";
    let order = "<body>Saoma - Latte</body><total_fee>1</total_fee><product_id>1</product_id>\
                 <spbill_create_ip>127.0.0.1</spbill_create_ip><trade_type>NATIVE</trade_type>\
                 <notify_url>http://shop.example/notify</notify_url>";
    let refund = "<out_refund_no>R1</out_refund_no><total_fee>1</total_fee>\
                  <refund_fee>1</refund_fee>";
    let bill = "<bill_date>20261122</bill_date><bill_type>ALL</bill_type>";
    let calls = [order, "", "", refund, "", bill];
    let calls: Vec<Vec<u8>> = (0_u8..)
        .zip(calls)
        .map(|(call, more)| {
            let body = format!("<xml>{who}{number}{more}</xml>");
            [&[call], body.as_bytes()].concat()
        })
        .collect();
    write(here, "gateway", "an-order", &calls.join(&0xff))
}

fn write(here: &Path, target: &str, name: &str, bytes: &[u8]) -> io::Result<()> {
    let folder: PathBuf = here.join("corpus").join(target);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(name), bytes)
}
