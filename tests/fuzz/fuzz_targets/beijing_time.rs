//! Any text is a moment or an error; what is read is written the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use saoma_core::bill::BillDate;
use saoma_core::money::Fen;
use saoma_core::time::UnixTime;

fuzz_target!(|text: &str| {
    if let Ok(time) = UnixTime::parse_beijing(text) {
        assert_eq!(time.beijing(), text);
        assert_eq!(BillDate::of(time).as_str(), &text[..8]);
    }
    if let Ok(time) = UnixTime::parse_date_time(text) {
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        assert_eq!(time.beijing(), digits.as_str());
    }
    if let Ok(date) = BillDate::parse(text) {
        assert_eq!(date.as_str(), text);
    }
    if let Ok(fen) = Fen::parse(text) {
        assert_eq!(fen.to_string(), text);
    }
});
