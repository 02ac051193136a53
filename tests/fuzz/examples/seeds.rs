//! Writes the corpus that the targets begin with, from the fixtures.

use saoma_core::ids::OrderId;
use saoma_core::money::Fen;
use saoma_kiosk::basket::{Basket, Line};
use saoma_kiosk::call::JobId;
use saoma_kiosk::journal::{Entry, Journal, Stage};
use saoma_kiosk::serial::frame::{Event, Reader};
use saoma_kiosk::serial::message::{
    Method, TO_TERMINAL_MAX, Ticket, ToBridge, ToTerminal, VERSION,
};
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
    write(here, "bill", "name-of-goods", "@拿铁,`大杯,``,`\n".as_bytes())?;
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
    let ticket = Ticket { start: 3, number: 27 };
    line(here, &made, ticket)?;
    write(here, "kiosk_journal", "empty", &Journal::default().encode())?;
    for (index, journal) in journals().iter().enumerate() {
        let record = journal.encode();
        write(here, "kiosk_journal", &format!("record-{index}"), &record)?;
        // Without its checksum, which the target writes itself.
        let body = record.split_at(record.len() - 4).0;
        write(here, "kiosk_journal", &format!("body-{index}"), body)?;
    }
    Ok(())
}

/// What passes on a terminal's serial lines: each message as its frame, what stands in the frame,
/// all of them in a row, and what a dispenser says.
fn line(here: &Path, made: &str, ticket: Ticket) -> io::Result<()> {
    let (get, post) = (Method::Get, Method::Post);
    let path = "/v1/orders/20261123192600K7Q2M9XB?after_version=3";
    let body = r#"{"order_no":"K1-27","amount_fen":1800,"description":"拿铁"}"#.as_bytes();
    let said = [
        ToBridge::Hello { version: VERSION, start: 3, name: "till-1" },
        ToBridge::Request { ticket, method: post, path: "/v1/orders", body },
        ToBridge::Request { ticket, method: get, path, body: b"" },
        ToBridge::Log { text: "the dispenser is back" },
    ];
    let (unix_s, heard) = (1_795_433_160, ticket);
    let told = [
        ToTerminal::Status { version: VERSION, is_up: true, unix_s, heard, is_answered: true },
        ToTerminal::Answer { ticket, status: 201, body: made.as_bytes() },
        ToTerminal::Answer { ticket, status: 0, body: b"" },
    ];
    let mut frames: Vec<Vec<u8>> = Vec::new();
    for message in said {
        let mut frame = Vec::new();
        message.write(|run: &[u8]| frame.extend_from_slice(run));
        frames.push(frame);
    }
    for message in told {
        let mut frame = Vec::new();
        message.write(|run: &[u8]| frame.extend_from_slice(run));
        frames.push(frame);
    }
    for (index, frame) in frames.iter().enumerate() {
        write(here, "kiosk_serial", &format!("frame-{index}"), frame)?;
        write(here, "kiosk_serial", &format!("content-{index}"), &content(frame))?;
    }
    write(here, "kiosk_serial", "all", &frames.concat())?;
    let job = "ship-20261123192600K7Q2M9XB";
    let lines = format!("OK {job}\nFAILED {job} jammed\r\nUNKNOWN {job}\n");
    write(here, "kiosk_serial", "dispenser", lines.as_bytes())
}

/// What stands in a frame, without its check.
fn content(frame: &[u8]) -> Vec<u8> {
    let mut reader = Reader::<TO_TERMINAL_MAX>::new();
    let mut content = Vec::new();
    for byte in frame {
        if let Some(Event::Frame(found)) = reader.take(*byte) {
            content = found.to_vec();
        }
    }
    assert!(!content.is_empty(), "it is no frame");
    content
}

/// Journals of a terminal that is broken, and with orders at every stage.
fn journals() -> [Journal; 2] {
    let job = JobId::new("ship-20261123192600K7Q2M9XB").expect("a job");
    let stages = [
        Stage::Making,
        Stage::Open,
        Stage::Claiming,
        Stage::Dispensing(job),
        Stage::Handed,
        Stage::Help { claimed: true },
    ];
    let entry = |stage: Stage| Entry {
        order_no: "K1-27".try_into().expect("a short one"),
        order_id: (stage != Stage::Making)
            .then(|| OrderId::new("20261123192600K7Q2M9XB").expect("an id")),
        amount: Fen::new(1800).expect("an amount"),
        description: "拿铁 x2".try_into().expect("a short one"),
        basket: Basket::of([Line { no: 1, count: 2 }, Line { no: 4, count: 1 }]).expect("a basket"),
        stage,
    };
    let entries = stages.into_iter().map(entry).collect();
    [
        Journal { sequence: 8, made: 27, broken: true, ..Journal::default() },
        Journal { sequence: 9, made: 33, broken: false, entries },
    ]
}

/// What shops ask for, and what operators fill in.
fn shops(here: &Path) -> io::Result<()> {
    let order = r#"{"order_no":"A-1","amount_fen":1800,"description":"拿铁","expires_in_s":900}"#;
    let refund = r#"{"refund_no":"R-1","amount_fen":500,"reason":"少一杯"}"#;
    write(here, "http_bodies", "order", order.as_bytes())?;
    write(here, "http_bodies", "refund", refund.as_bytes())?;
    for (index, form) in [
        "csrf=a1B2c3&amount=18.00&reason=%E5%B0%91%E4%B8%80%E6%9D%AF&refund_no=&again=",
        "amount=%C2%A51%2C234.50&reason=one+cup+less&refund_no=op-ABCDEFGHJKMNPQRS&again=1234.5",
        "order_id=20261123192600K7Q2M9XB&key=ship-20261123192600K7Q2M9XB",
    ]
    .iter()
    .enumerate()
    {
        write(here, "operator_forms", &index.to_string(), form.as_bytes())?;
    }
    for (index, (is_md5, seconds, texts)) in [
        (1, 900_u32, ["SM20261123192600000001", "扫码咖啡 - 拿铁", "R-SM20261123-0001@a"]),
        (0, 7_200, ["20261123192600K7Q2M9XB-1", "a <b> & \"c\" ]]>", "20261123192600K7Q2M9XB-R0"]),
    ]
    .into_iter()
    .enumerate()
    {
        let texts = texts.map(str::as_bytes).join(&0xff);
        let numbers = [&1_800_u64.to_le_bytes()[..], &seconds.to_le_bytes(), &[is_md5]].concat();
        write(here, "messages_out", &index.to_string(), &[numbers, texts].concat())?;
    }
    Ok(())
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
