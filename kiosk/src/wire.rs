//! The calls and answers as `docs/api.md` writes them: methods, paths and JSON, without heap.
//!
//! A shell that speaks HTTP sends [`method`], [`path`] and [`body`], and hands status and body of
//! the answer to [`read`].

use crate::call::{Answer, Call, JOB_ID_MAX, JobId, LOOK_WAIT_S, NewOrder, Refusal};
use core::fmt::{self, Write as _};
use heapless::String;
use saoma_core::{ids::OrderId, watch::View};
use serde::Deserialize;

/// Longest answer that is read, in bytes: a view with every character escaped is shorter.
pub const REPLY_MAX: usize = 4096;
/// Longest body that is sent, in bytes.
pub const BODY_MAX: usize = 512;
/// Longest path, in bytes.
pub const PATH_MAX: usize = 96;
/// Deepest nesting in an answer; a view in a reply has 2.
const DEPTH_MAX: u8 = 8;
/// Longest string of an answer, in bytes, unescaped.
const STRING_MAX: usize = 512;

/// The method of HTTP.
#[must_use]
pub const fn method(call: &Call) -> &'static str {
    match call {
        Call::Make(_) | Call::Cancel(_) | Call::Dispense(_) | Call::Shipped(_) => "POST",
        Call::Look { .. } => "GET",
    }
}

/// The path below the server's address.
#[must_use]
pub fn path(call: &Call) -> String<PATH_MAX> {
    let mut path = String::new();
    // The longest id has 28 bytes, the longest number 20, the rest at most 36.
    let _fits = match call {
        Call::Make(_) => write!(path, "/v1/orders"),
        Call::Look { order_id, after_version: None } => write!(path, "/v1/orders/{order_id}"),
        Call::Look { order_id, after_version: Some(version) } => {
            write!(path, "/v1/orders/{order_id}?after_version={version}&wait_s={LOOK_WAIT_S}")
        }
        Call::Cancel(order_id) => write!(path, "/v1/orders/{order_id}/cancel"),
        Call::Dispense(order_id) => write!(path, "/v1/orders/{order_id}/dispense"),
        Call::Shipped(order_id) => write!(path, "/v1/orders/{order_id}/shipped"),
    };
    path
}

/// The JSON body, or `None` for a call that has none.
#[must_use]
pub fn body(call: &Call) -> Option<String<BODY_MAX>> {
    match call {
        Call::Make(order) => order_json(order),
        Call::Look { .. } | Call::Cancel(_) | Call::Dispense(_) | Call::Shipped(_) => None,
    }
}

fn order_json(order: &NewOrder) -> Option<String<BODY_MAX>> {
    // 64 and twice 127 bytes of text and 80 around them always fit.
    let mut json = [0; BODY_MAX];
    let length = serde_json_core::to_slice(order, &mut json).ok()?;
    String::try_from(core::str::from_utf8(json.get(..length)?).ok()?).ok()
}

/// An answer that says nothing: try again later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// The server is there and cannot do it now.
    Busy {
        /// The status of HTTP.
        status: u16,
    },
    /// Longer than [`REPLY_MAX`].
    TooLong,
    /// Not the JSON that this call is answered with.
    Malformed,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy { status } => write!(f, "the server is not ready (HTTP {status})"),
            Self::TooLong => write!(f, "the answer is longer than {REPLY_MAX} bytes"),
            Self::Malformed => f.write_str("the answer is not that of a Saoma server"),
        }
    }
}

impl core::error::Error for Unreadable {}

/// What `POST /v1/orders` answers; the token is for browsers.
#[derive(Deserialize)]
struct Made {
    order_id: OrderId,
    view: View,
}

/// What `POST /v1/orders/{order_id}/dispense` answers.
#[derive(Deserialize)]
struct Claim {
    ship_id: String<JOB_ID_MAX>,
    again: bool,
    view: View,
}

#[derive(Deserialize)]
struct Failure {
    error: FailureCode,
}

#[derive(Deserialize)]
struct FailureCode {
    code: String<{ crate::call::REFUSAL_CODE_MAX }>,
}

/// Reads the answer to a call.
///
/// # Errors
/// [`Unreadable`]: nothing is known, ask again later.
pub fn read(call: &Call, status: u16, body: &[u8]) -> Result<Answer, Unreadable> {
    match status {
        200..=299 => read_success(call, body),
        // Too slow, too many, and whatever a server or a proxy says when it is not well.
        408 | 425 | 429 | 500..=599 => Err(Unreadable::Busy { status }),
        400..=499 => {
            // A proxy's page instead of our JSON is a refusal too; its number says enough.
            let code = parse::<Failure>(body).map_or(String::new(), |failure| failure.error.code);
            Ok(Answer::Refused(Refusal { status, code }))
        }
        _ => Err(Unreadable::Malformed),
    }
}

fn read_success(call: &Call, body: &[u8]) -> Result<Answer, Unreadable> {
    match call {
        Call::Make(_) => {
            let Made { order_id, view } = parse(body)?;
            if order_id == view.order_id {
                Ok(Answer::View(view))
            } else {
                Err(Unreadable::Malformed)
            }
        }
        Call::Dispense(_) => {
            let Claim { ship_id, again, view } = parse(body)?;
            let job = JobId::new(&ship_id).ok_or(Unreadable::Malformed)?;
            Ok(Answer::Claimed { job, again, view })
        }
        Call::Look { .. } | Call::Cancel(_) | Call::Shipped(_) => Ok(Answer::View(parse(body)?)),
    }
}

fn parse<T: for<'de> Deserialize<'de>>(body: &[u8]) -> Result<T, Unreadable> {
    let mut copy = [0_u8; REPLY_MAX];
    let copy = copy.get_mut(..body.len()).ok_or(Unreadable::TooLong)?;
    copy.copy_from_slice(body);
    let length = join_surrogates(copy).ok_or(Unreadable::Malformed)?;
    let text = copy.get(..length).ok_or(Unreadable::Malformed)?;
    let mut scratch = [0_u8; STRING_MAX];
    match serde_json_core::from_slice_escaped(text, &mut scratch) {
        Ok((value, _)) => Ok(value),
        Err(_) => Err(Unreadable::Malformed),
    }
}

/// JSON escapes a character beyond U+FFFF as two halves, `\ud83d\ude00`, which the parser does not
/// know; here each such pair becomes the character itself, in place. Returns the new length, or
/// `None` for half a pair or for deeper nesting than [`DEPTH_MAX`].
fn join_surrogates(json: &mut [u8]) -> Option<usize> {
    let (mut from, mut to, mut depth, mut in_string) = (0, 0, 0_u8, false);
    while let Some(&byte) = json.get(from) {
        let mut taken = 1;
        let mut given = 1;
        match byte {
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth = depth.checked_add(1).filter(|d| *d <= DEPTH_MAX)?
            }
            b'}' | b']' if !in_string => depth = depth.checked_sub(1)?,
            b'\\' if in_string => {
                taken = 2;
                given = 2;
                if let Some(unit @ 0xd800..=0xdfff) = escaped_unit(json.get(from..)?) {
                    let low = escaped_unit(json.get(from + 6..)?)?;
                    let character = char::decode_utf16([unit, low]).next()?.ok()?;
                    let mut utf8 = [0; 4];
                    given = character.encode_utf8(&mut utf8).len();
                    taken = 12;
                    json.get_mut(to..to + given)?.copy_from_slice(utf8.get(..given)?);
                }
            }
            _ => {}
        }
        if taken <= 2 {
            json.copy_within(from..json.len().min(from + taken), to);
        }
        from += taken;
        to += given;
    }
    Some(to.min(json.len()))
}

/// The number in `\uXXXX` at the start, or `None` when something else stands there.
fn escaped_unit(json: &[u8]) -> Option<u16> {
    let digits = json.strip_prefix(b"\\u")?.get(..4)?;
    digits.iter().try_fold(0, |unit, digit| {
        let value = char::from(*digit).to_digit(16)?;
        Some(unit << 4 | u16::try_from(value).ok()?)
    })
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use saoma_core::{money::Fen, watch::Phase};
    use std::format;

    const VIEW: &str = r#"{
        "order_id": "20261123192600K7Q2M9XB", "version": 3, "phase": "open", "amount_fen": 1800,
        "merchant": "扫码咖啡", "description": "Saoma Cafe - Latte",
        "code_url": "weixin://wxpay/bizpayurl?pr=a1B2c3Dzz",
        "expires_at": 1795462860, "server_time": 1795461960 }"#;

    fn order_id() -> OrderId {
        OrderId::new("20261123192600K7Q2M9XB").unwrap()
    }

    fn new_order(description: &str) -> Call {
        Call::Make(NewOrder {
            order_no: String::try_from("K1-1").unwrap(),
            amount_fen: Fen::new(1800).unwrap(),
            description: String::try_from(description).unwrap(),
            expires_in_s: 300,
        })
    }

    fn look() -> Call {
        Call::Look { order_id: order_id(), after_version: None }
    }

    fn view_of(body: &str) -> Result<View, Unreadable> {
        match read(&look(), 200, body.as_bytes())? {
            Answer::View(view) => Ok(view),
            other => panic!("{other:?}"),
        }
    }

    fn described(json_string: &str) -> Result<View, Unreadable> {
        view_of(&VIEW.replace("Saoma Cafe - Latte", json_string))
    }

    #[test]
    fn a_call_has_the_method_path_and_body_of_the_interface() {
        let call = new_order("拿铁 \"L\"");
        assert_eq!((method(&call), path(&call).as_str()), ("POST", "/v1/orders"));
        assert_eq!(
            body(&call).unwrap(),
            r#"{"order_no":"K1-1","amount_fen":1800,"description":"拿铁 \"L\"","expires_in_s":300}"#
        );
        let call = look();
        assert_eq!(method(&call), "GET");
        assert_eq!(path(&call), "/v1/orders/20261123192600K7Q2M9XB");
        assert_eq!(body(&call), None);
        let call = Call::Look { order_id: order_id(), after_version: Some(7) };
        assert_eq!(method(&call), "GET");
        assert_eq!(path(&call), "/v1/orders/20261123192600K7Q2M9XB?after_version=7&wait_s=10");
        for (call, verb) in [
            (Call::Cancel(order_id()), "cancel"),
            (Call::Dispense(order_id()), "dispense"),
            (Call::Shipped(order_id()), "shipped"),
        ] {
            assert_eq!((method(&call), body(&call)), ("POST", None));
            assert_eq!(path(&call), format!("/v1/orders/20261123192600K7Q2M9XB/{verb}").as_str());
        }
    }

    #[test]
    fn the_longest_order_and_id_fit() {
        let mut order_no = String::new();
        order_no.push_str(&"n".repeat(64)).unwrap();
        let description = String::try_from("\"".repeat(127).as_str()).unwrap();
        let amount_fen = Fen::ORDER_MAX;
        let order = NewOrder { order_no, amount_fen, description, expires_in_s: u32::MAX };
        assert!(body(&Call::Make(order)).unwrap().ends_with(":4294967295}"));
        let longest = OrderId::new(&"a".repeat(28)).unwrap();
        assert!(path(&Call::Cancel(longest.clone())).ends_with("a/cancel"));
        let look = Call::Look { order_id: longest, after_version: Some(u64::MAX) };
        assert!(path(&look).ends_with("?after_version=18446744073709551615&wait_s=10"));
    }

    #[test]
    fn the_views_example_is_read() {
        let view = view_of(VIEW).unwrap();
        assert_eq!(view.order_id, order_id());
        assert_eq!((view.version, view.phase), (3, Phase::Open));
        assert_eq!(view.amount_fen.get(), 1800);
        assert_eq!(view.merchant, "扫码咖啡");
        assert_eq!(view.code_url.unwrap(), "weixin://wxpay/bizpayurl?pr=a1B2c3Dzz");
        assert_eq!(view.expires_at.since(view.server_time), 900);
    }

    #[test]
    fn a_made_order_is_its_view_and_unknown_fields_are_skipped() {
        let made = format!(
            r#"{{"order_id":"20261123192600K7Q2M9XB","token":"t\"x","later":{{"a":[1,{{}}]}},
               "view":{VIEW}}}"#
        );
        let answer = read(&new_order("x"), 201, made.as_bytes()).unwrap();
        assert!(matches!(answer, Answer::View(view) if view.order_id == order_id()));
        let other = made.replacen("K7Q2M9XB", "K7Q2M9XC", 1);
        assert_eq!(read(&new_order("x"), 201, other.as_bytes()), Err(Unreadable::Malformed));
    }

    #[test]
    fn a_claim_is_its_job_whether_it_was_claimed_before_and_the_view() {
        let call = Call::Dispense(order_id());
        let claim = format!(r#"{{"ship_id":"ship-1","again":true,"view":{VIEW}}}"#);
        let Ok(Answer::Claimed { job, again, view }) = read(&call, 200, claim.as_bytes()) else {
            panic!("not claimed")
        };
        assert_eq!((job.as_str(), again, view.version), ("ship-1", true, 3));
        for (good, bad) in [("ship-1", ""), ("ship-1", "a b"), ("true", "1"), ("again", "agian")] {
            let claim = claim.replacen(good, bad, 1);
            assert_eq!(read(&call, 200, claim.as_bytes()), Err(Unreadable::Malformed), "{claim}");
        }
        let long = claim.replace("ship-1", &"s".repeat(JOB_ID_MAX + 1));
        assert_eq!(read(&call, 200, long.as_bytes()), Err(Unreadable::Malformed));
    }

    #[test]
    fn every_phase_is_read_by_its_name_and_no_other() {
        for phase in Phase::ALL {
            let json = VIEW.replace("\"open\"", &format!("\"{}\"", phase.as_str()));
            assert_eq!(view_of(&json).unwrap().phase, phase);
        }
        let json = VIEW.replace("\"open\"", "\"OPEN\"");
        assert_eq!(view_of(&json), Err(Unreadable::Malformed));
    }

    #[test]
    fn escaped_strings_are_unescaped() {
        for (json, text) in [
            (r"\u626b\u7801 \u0022", "扫码 \""),
            (r#"a \"b\" \\ \/ c"#, "a \"b\" \\ / c"),
            (r"tea\tfor\ntwo", "tea\tfor\ntwo"),
            (r"\u00e9\u4E2D", "é中"),
            (r"\ud83c\udf75 tea", "🍵 tea"),
            (r"\\ud83c\\", "\\ud83c\\"),
            (r"x\\\ud83c\udf75", "x\\🍵"),
            ("🍵 { [ } raw", "🍵 { [ } raw"),
            ("", ""),
        ] {
            assert_eq!(described(json).unwrap().description, text, "{json}");
        }
    }

    #[test]
    fn half_a_character_is_malformed_not_a_wrong_one() {
        for json in [
            r"\ud83c",
            r"\ud83c x",
            r"\udf75\ud83c",
            r"\ud83c\u0041",
            r"\u12",
            r"\uzzzz",
            r"\x",
            r"\",
        ] {
            assert_eq!(described(json), Err(Unreadable::Malformed), "{json}");
        }
    }

    #[test]
    fn texts_at_their_limits_are_read_and_longer_ones_refused() {
        let (longest, longer) = ("é".repeat(63), "é".repeat(64));
        assert_eq!(described(&longest).unwrap().description, longest.as_str());
        assert_eq!(described(&longer), Err(Unreadable::Malformed));
        let escaped = r"\u00e9".repeat(63);
        assert_eq!(described(&escaped).unwrap().description, longest.as_str());
    }

    #[test]
    fn a_code_that_is_null_is_no_code() {
        let json = VIEW.replace("\"weixin://wxpay/bizpayurl?pr=a1B2c3Dzz\"", "null");
        assert_eq!(view_of(&json).unwrap().code_url, None);
    }

    #[test]
    fn every_cut_or_damaged_view_is_malformed_and_never_a_panic() {
        for end in 0..VIEW.len() {
            let answer = read(&look(), 200, &VIEW.as_bytes()[..end]);
            assert_eq!(answer, Err(Unreadable::Malformed), "cut at {end}");
        }
        for at in 0..VIEW.len() {
            for byte in [0, b'"', b'\\', b'{', b'}', 0xff] {
                let mut bytes = VIEW.as_bytes().to_vec();
                bytes[at] = byte;
                let _judged = read(&look(), 200, &bytes);
            }
        }
    }

    #[test]
    fn numbers_outside_their_range_are_malformed() {
        for amount in ["-1", "1.5", "9007199254740992", "18446744073709551616", "\"1800\"", "01"] {
            let json = VIEW.replace("1800", amount);
            assert_eq!(view_of(&json), Err(Unreadable::Malformed), "{amount}");
        }
    }

    #[test]
    fn what_is_too_long_or_too_deep_is_refused_before_it_is_parsed() {
        let long = format!("{VIEW}{}", " ".repeat(REPLY_MAX));
        assert_eq!(view_of(&long), Err(Unreadable::TooLong));
        let deep = format!("{{\"x\":{}{}}}", "[".repeat(2000), "]".repeat(2000));
        assert_eq!(view_of(&deep), Err(Unreadable::Malformed));
    }

    #[test]
    fn refusals_keep_the_servers_word_and_trouble_is_not_a_refusal() {
        let call = look();
        let json = br#"{"error":{"code":"not_found","message":"no \"such\" order"}}"#;
        let Ok(Answer::Refused(refusal)) = read(&call, 404, json) else { panic!("not refused") };
        assert_eq!((refusal.status, refusal.code.as_str()), (404, "not_found"));
        let Ok(Answer::Refused(refusal)) = read(&call, 403, b"<html>") else {
            panic!("not refused")
        };
        assert_eq!((refusal.status, refusal.code.as_str()), (403, ""));
        for status in [408, 429, 500, 502, 503] {
            assert_eq!(read(&call, status, json), Err(Unreadable::Busy { status }));
        }
        assert_eq!(read(&call, 302, b""), Err(Unreadable::Malformed));
    }
}
