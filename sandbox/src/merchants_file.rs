//! The file of merchants, as `merchants.example.toml` describes it.
//!
//! No error repeats a value: any of them could be a key in the wrong place.

use std::fmt;

use serde::Deserialize;
use toml::{Spanned, Table, Value};

use crate::merchant::{BillFormat, BillSettings, Merchant, is_appid};

/// The most bytes of an address. WeChat's limit for `notify_url`.
const URL_BYTES_MAX: usize = 256;

/// What is wrong with a file of merchants, and in which line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MerchantsFileError {
    /// The line, counted from 1; that of `[[merchant]]` when a whole merchant is meant.
    pub line: usize,
    /// What is wrong.
    pub problem: String,
}

impl fmt::Display for MerchantsFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.problem)
    }
}

impl std::error::Error for MerchantsFileError {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    merchant: Vec<Spanned<Table>>,
}

/// Reads the text of a file.
///
/// # Errors
///
/// The first thing that is wrong, with its line.
pub fn read_merchants(text: &str) -> Result<Vec<Merchant>, MerchantsFileError> {
    let line = |at: usize| 1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count();
    if let Err(error) = text.parse::<Table>() {
        let at = error.span().map_or(0, |span| span.start);
        let problem = "this is not TOML; are all texts in double quotes, and is no name twice?";
        return Err(MerchantsFileError { line: line(at), problem: problem.to_owned() });
    }
    let file: File = toml::from_str(text).map_err(|error| MerchantsFileError {
        line: line(error.span().map_or(0, |span| span.start)),
        problem: "nothing but [[merchant]] belongs here".to_owned(),
    })?;
    if file.merchant.is_empty() {
        let problem = "there is no [[merchant]]".to_owned();
        return Err(MerchantsFileError { line: 1, problem });
    }
    let read = |merchant: Spanned<Table>| {
        let line = line(merchant.span().start);
        Entry(merchant.into_inner()).merchant().map_err(|problem| MerchantsFileError {
            line,
            problem: format!("[[merchant]]: {problem}"),
        })
    };
    file.merchant.into_iter().map(read).collect()
}

/// One merchant's names and values; each is taken out when it is read.
struct Entry(Table);

impl Entry {
    fn merchant(mut self) -> Result<Merchant, String> {
        let mch_id = self.required("mch_id")?;
        let appid = self.required("appid")?;
        let key = self.required("key")?;
        let shop = self.text("shop")?.unwrap_or_else(|| format!("商户{mch_id}"));
        let mut merchant =
            Merchant::new(&mch_id, &appid, &key, &shop).map_err(|error| error.to_string())?;
        merchant.more_appids = self.more_appids()?;
        merchant.refund_notify_url = self.url("refund_notify_url")?;
        merchant.mode_one_url = self.url("mode_one_url")?;
        merchant.bills = self.bills()?;
        match self.0.keys().next() {
            Some(name) => Err(format!("there is no setting {name}")),
            None => Ok(merchant),
        }
    }

    fn more_appids(&mut self) -> Result<Vec<String>, String> {
        let appid =
            |value: &Value| value.as_str().filter(|appid| is_appid(appid)).map(str::to_owned);
        let appids = match self.0.remove("more_appids") {
            None => Some(Vec::new()),
            Some(Value::Array(values)) => values.iter().map(appid).collect(),
            Some(_) => None,
        };
        let rule = "more_appids must be a list of appids of 1 to 32 letters and digits";
        appids.ok_or_else(|| rule.to_owned())
    }

    fn bills(&mut self) -> Result<BillSettings, String> {
        let default = BillSettings::default();
        let format = match self.text("bill_format")?.as_deref() {
            None => default.format,
            Some("current") => BillFormat::Current,
            Some("old") => BillFormat::Old,
            Some(_) => return Err("bill_format must be \"current\" or \"old\"".to_owned()),
        };
        let fee_bp = match self.0.remove("fee_bp") {
            None => default.fee_bp,
            Some(value) => value
                .as_integer()
                .and_then(|fee_bp| u16::try_from(fee_bp).ok())
                .filter(|fee_bp| *fee_bp <= 10_000)
                .ok_or("fee_bp must be a number from 0 to 10000")?,
        };
        let open = match self.0.remove("bills_open") {
            None => default.open,
            Some(value) => value.as_bool().ok_or("bills_open must be true or false")?,
        };
        Ok(BillSettings { format, fee_bp, open })
    }

    fn required(&mut self, name: &str) -> Result<String, String> {
        self.text(name)?.ok_or_else(|| format!("{name} is missing"))
    }

    fn text(&mut self, name: &str) -> Result<Option<String>, String> {
        match self.0.remove(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(format!("{name} must be a text in double quotes")),
        }
    }

    fn url(&mut self, name: &str) -> Result<Option<String>, String> {
        let url = self.text(name)?;
        let fits = |url: &String| {
            let has_scheme = url.starts_with("http://") || url.starts_with("https://");
            has_scheme && url.len() <= URL_BYTES_MAX && url.bytes().all(|b| b.is_ascii_graphic())
        };
        if url.as_ref().is_none_or(fits) {
            return Ok(url);
        }
        Err(format!("{name} must be a http or https address of at most {URL_BYTES_MAX} bytes"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = include_str!("../merchants.example.toml");
    const KEY: &str = "192006250b4c09247ec02edce69f6a2d";

    #[test]
    fn the_example_is_read() {
        let [first, second] = read_merchants(EXAMPLE).unwrap().try_into().unwrap();
        assert_eq!((&*first.mch_id, &*first.shop), ("1900000109", "扫码咖啡"));
        assert_eq!((&first.mode_one_url, first.bills), (&None, BillSettings::default()));
        assert_eq!(second.appid, "wx5a0mademeup0002");
        assert_eq!(second.more_appids, ["wx5a0mademeup0003"]);
        assert!(second.has_appid("wx5a0mademeup0003") && !first.has_appid("wx5a0mademeup0003"));
        let refunds = "http://127.0.0.1:9000/refund-notify";
        assert_eq!(second.refund_notify_url.as_deref(), Some(refunds));
        assert_eq!(second.mode_one_url.as_deref(), Some("http://127.0.0.1:9000/mode-one"));
        let bills = BillSettings { format: BillFormat::Old, fee_bp: 38, open: true };
        assert_eq!(second.bills, bills);
    }

    #[test]
    fn a_shop_without_a_name_is_called_after_its_number() {
        let text = format!("[[merchant]]\nmch_id = \"1\"\nappid = \"wx\"\nkey = \"{KEY}\"");
        assert_eq!(read_merchants(&text).unwrap()[0].shop, "商户1");
    }

    #[test]
    fn whatever_is_wrong_is_named_with_its_line_and_never_with_a_key() {
        let all = format!("mch_id = \"1\"\nappid = \"wx\"\nkey = \"{KEY}\"");
        let one = |more: &str| format!("# one\n[[merchant]]\n{all}\n{more}");
        for (text, line, problem) in [
            (String::new(), 1, "no [[merchant]]"),
            (format!("{}\n[merchants]\n", one("")), 7, "nothing but [[merchant]]"),
            ("merchant = 3".to_owned(), 1, "nothing but [[merchant]]"),
            (format!("[[merchant]]\nkey = {KEY}"), 2, "not TOML"),
            (format!("[[merchant]]\nkey = \"{KEY}\"\nkey = \"{KEY}\""), 3, "not TOML"),
            ("[[merchant]]\nmch_id = 1900000109".to_owned(), 1, "mch_id must be a text"),
            ("[[merchant]]\nmch_id = \"1\"\nappid = \"wx\"".to_owned(), 1, "key is missing"),
            (one("").replace(KEY, &KEY[1..]), 2, "KEY must be 32"),
            (one("shop = \"\""), 2, "SHOP NAME must be"),
            (one(&format!("color = \"{KEY}\"")), 2, "no setting color"),
            (one("bill_format = \"new\""), 2, "bill_format must be"),
            (one("fee_bp = 10001"), 2, "fee_bp must be"),
            (one("fee_bp = -1"), 2, "fee_bp must be"),
            (one("more_appids = \"wx2\""), 2, "more_appids must be"),
            (one(&format!("more_appids = [\"{KEY}{KEY}\"]")), 2, "more_appids must be"),
            (one("bills_open = \"yes\""), 2, "bills_open must be"),
            (one(&format!("mode_one_url = \"{KEY}\"")), 2, "mode_one_url must be"),
            (format!("{}\n[[merchant]]\n{}", one(""), "mch_id = \"2\""), 7, "appid is missing"),
        ] {
            let error = read_merchants(&text).unwrap_err();
            assert_eq!(error.line, line, "{error}\n{text}");
            assert!(error.problem.contains(problem), "{error}");
            assert!(!format!("{error} {error:?}").contains(&KEY[1..]), "{error}");
        }
    }
}
