//! WeChat Pay v2 Native in ten minutes: one payment from the wish to the goods, with the code that
//! does each step. The rules in full, numbered, are in `docs/protocol.md`.
//!
//! # 1. Who talks to whom
//!
//! Three parties: the **shop's server**, **WeChat's gateway**, and the **customer** with a phone.
//!
//! ```text
//! server ── unified order ──▶ gateway          "out_trade_no X costs 2599 fen"
//! server ◀── code_url ─────── gateway
//! customer scans the QR code of that text, and pays in WeChat
//! server ◀── notification ─── gateway          signed; repeated until we acknowledge it
//! server ── order query ────▶ gateway          when the notification was lost
//! ```
//!
//! The phone never talks to the server, and the page never talks to the gateway. A page that says
//! "paid" proves nothing; only what WeChat has signed does.
//!
//! # 2. The document
//!
//! Every message is one flat XML document in UTF-8: a root `<xml>`, below it fields with text.
//! Numbers are texts as well; money is whole **fen** (1 yuan is 100 fen), times are Beijing time in
//! 14 digits. [`xml::Doc`](crate::xml::Doc) reads exactly that and nothing more: no document type,
//! no attribute, no name twice.
//!
//! ```
//! use saoma_core::{money::Fen, time::UnixTime, xml::Doc};
//!
//! let doc: Doc<'_> = Doc::read(b"<xml><total_fee>2599</total_fee></xml>")?;
//! let fee = doc.get("total_fee").and_then(|text| Fen::parse(text.as_plain()?).ok());
//! assert_eq!(fee.map(|fee| fee.yuan().to_string()).as_deref(), Some("25.99"));
//! assert_eq!(UnixTime::parse_beijing("20261123193142")?.get(), 1_795_433_502);
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # 3. The signature
//!
//! Both sides share one secret, the API key of 32 characters. All fields but `sign`, and but for
//! the empty ones, are sorted by name and joined as `name=value&…&key=KEY`; the MD5 of that (or
//! the HMAC-SHA256, the better choice) in capital hexadecimal digits is the field `sign`.
//!
//! ```
//! use saoma_core::sign::{ApiKey, SignType};
//! use saoma_core::xml::{Draft, Text};
//!
//! let key = ApiKey::new("192006250b4c09247ec02edce69f6a2d")?;
//! let mut draft: Draft<'_> = Draft::new();
//! for (name, value) in [
//!     ("appid", "wxd930ea5d5a258f4f"),
//!     ("mch_id", "10000100"),
//!     ("device_info", "1000"),
//!     ("body", "test"),
//!     ("nonce_str", "ibuaiVcKdpRxkhJA"),
//! ] {
//!     draft.push(name, Text::new(value))?;
//! }
//! let sign = key.sign(&draft, SignType::Md5);
//! assert_eq!(sign.as_str(), "9A0A8659F005D6984697E2CA0A9CF3B7"); // WeChat's own example
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! The other way round, a document stays [`Unverified`](crate::sign::Unverified), which tells
//! hardly anything, until its signature is good. Two different messages can share one signature
//! (a value may hold `&name=value`), so after that every field is checked against its own rule:
//! that is what the typed messages of [`api`](crate::api) do.
//!
//! # 4. The order
//!
//! A unified order names our number (`out_trade_no`, which is used once for ever), the amount and
//! the address for the notification. What WeChat would refuse is refused here, by name and rule.
//!
//! ```
//! use saoma_core::api::{Merchant, UnifiedOrder, seal};
//! use saoma_core::ids::{AppId, MchId, Nonce, OutTradeNo};
//! use saoma_core::money::Fen;
//! use saoma_core::sign::{ApiKey, SignType};
//! use saoma_core::time::UnixTime;
//!
//! let merchant = Merchant {
//!     mch_id: MchId::new("1900000109")?,
//!     app_id: AppId::new("wx5a0mademeup0001")?,
//!     key: ApiKey::new("192006250b4c09247ec02edce69f6a2d")?,
//!     sign_type: SignType::HmacSha256,
//! };
//! let number = OutTradeNo::new("SM20261123192600000001")?;
//! let start = UnixTime::parse_beijing("20261123192600")?;
//! let order = |url| {
//!     let amount = Fen::new(2599).unwrap();
//!     let ip = "203.0.113.7".parse().unwrap();
//!     UnifiedOrder::new(&number, "美式咖啡", amount, url, ip, (start, start.plus(900)))
//! };
//! let error = order("https://pay.example.com/notify?order=1").unwrap_err();
//! assert_eq!(error.field, "notify_url");
//!
//! let order = order("https://pay.example.com/notify")?;
//! let draft = order.draft(&merchant, merchant.sign_type);
//! let mut xml = String::new();
//! seal(draft, &Nonce::from_random([7; 16]), &merchant, merchant.sign_type, &mut xml)?;
//! assert!(xml.contains("<total_fee>2599</total_fee>"));
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! Store the request before you send it. When the call ends in a time-out, `SYSTEMERROR` or an
//! answer without a good signature, the outcome is **unknown**: send the same fields again, or
//! query. Never guess.
//!
//! # 5. The code
//!
//! The answer holds `code_url`, good for two hours. Draw it as it is:
//!
//! ```
//! use saoma_core::qr::{Level, encode};
//!
//! let code = encode("weixin://wxpay/bizpayurl?pr=a1B2c3Dzz", Level::M)?;
//! assert_eq!(code.size(), 29); // modules a side, and 4 light ones around
//! # Ok::<(), saoma_core::qr::TooLong>(())
//! ```
//!
//! # 6. The notification
//!
//! WeChat posts it to `notify_url`, and again for up to a day until the answer is exactly
//! [`ACK_SUCCESS`](crate::api::ACK_SUCCESS). It may come twice, at once, late, or never. So:
//!
//! 1. read, verify, read the fields: [`PayNotice`](crate::api::PayNotice) has the whole example;
//! 2. look up our order by `out_trade_no`, and compare `total_fee` with **our** amount;
//! 3. write down "paid" and "to be shipped" in one transaction, which changes nothing the second
//!    time;
//! 4. then acknowledge.
//!
//! What follows from a payment is the business of the order machine, [`order`](crate::order): ship
//! once, or give back once, whatever comes in whatever order.
//!
//! # 7. Nothing came
//!
//! Query by the timetable ([`timetable`](crate::timetable)), close what nobody paid, but not within
//! five minutes after the order: WeChat refuses that. A close can lose against a payment; then
//! the payment counts, and what nobody wants to keep is given back
//! ([`Refund`](crate::api::Refund), always with one stored `out_refund_no`, so that a repeat is the
//! same refund).
//!
//! # 8. The next morning
//!
//! After 10:00 the bill of the day before is there. [`bill`](crate::bill) reads it line by line;
//! compared with the orders it finds what both ways of learning of a payment have missed.
