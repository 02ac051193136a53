//! 转换短链接: a short text in place of a long one, so that a printed code is easier to scan
//! (`docs/protocol.md` §12).

use std::collections::BTreeMap;

use super::answer::Reply;
use super::fields::{self, Form, Rule};
use super::refusal::{Code, Refusal};
use super::request::{self, Request};
use super::{Gateway, numbers};
use crate::time::UnixTime;
use crate::xml::Field;

/// The most bytes of a link that is shortened.
const LONG_URL_BYTES_MAX: usize = 512;

/// URL-encoded, each byte of a link may become three.
const RULES: [Rule; 1] = [Rule::required("long_url", 3 * LONG_URL_BYTES_MAX, Form::Text)];

/// All short links ever given out. They do not expire, as printed codes do not.
#[derive(Debug, Default)]
pub(super) struct ShortLinks {
    long: BTreeMap<String, String>,
    short: BTreeMap<String, String>,
}

impl ShortLinks {
    /// What a code means: what it is short for, or itself.
    pub(super) fn meaning<'a>(&'a self, code: &'a str) -> &'a str {
        self.long.get(code).map_or(code, String::as_str)
    }
}

impl Gateway {
    /// The request for a short link. The page wants `long_url` to be signed raw and sent
    /// URL-encoded; most clients send it raw as well. Both are accepted.
    pub(super) fn authenticate_link(&self, body: &[u8]) -> Result<Request, Refusal> {
        let document = request::read(body)?;
        let sent = document.get("long_url").unwrap_or_default();
        let raw = decoded(sent).filter(|raw| raw != sent);
        let refusal = match self.authenticate_document(document.clone()) {
            Err(refusal) if refusal.code == Code::SignError => refusal,
            other => return other,
        };
        match raw {
            Some(raw) => self.authenticate_document(document.with("long_url", &raw)),
            None => Err(refusal),
        }
    }

    pub(super) fn short_url(&mut self, request: &Request, _: UnixTime) -> Result<Reply, Refusal> {
        fields::check(&request.document, &RULES)?;
        let sent = request.required("long_url");
        let is_link = |text: &str| text.starts_with("weixin://");
        let long = if is_link(sent) { Some(sent.to_owned()) } else { decoded(sent) };
        let long = long.filter(|long| is_link(long)).ok_or_else(|| Refusal::format("long_url"))?;
        if long.len() > LONG_URL_BYTES_MAX {
            return Err(Refusal::length("long_url"));
        }
        let short = match self.links.short.get(&long) {
            Some(short) => short.clone(),
            None => self.new_link(long),
        };
        Ok(Reply { device_info: None, fields: vec![Field::cdata("short_url", short)] })
    }

    fn new_link(&mut self, long: String) -> String {
        loop {
            let short = numbers::short_url(&mut self.random);
            if !self.links.long.contains_key(&short) {
                self.links.long.insert(short.clone(), long.clone());
                self.links.short.insert(long, short.clone());
                return short;
            }
        }
    }
}

/// A text without its percent-encoding; `None` when that is broken.
pub(super) fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |byte: u8| char::from(byte).to_digit(16);
            let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{KEY, NOW, Shop};
    use super::super::{Arrival, Call};
    use super::*;
    use crate::sign::{self, Algorithm, Key};
    use crate::xml::{self, Document};

    const LONG: &str = "weixin://wxpay/bizpayurl?sign=A&appid=wx5a0mademeup0001&product_id=1";
    const ENCODED: &str = "weixin%3A%2F%2Fwxpay%2Fbizpayurl%3Fsign%3DA%26appid%3Dwx5a0mademeup0001\
                           %26product_id%3D1";

    /// The short link, or code and text of the refusal.
    fn shorten(shop: &mut Shop, long_url: &str) -> Result<String, (Code, String)> {
        let fields = vec![("long_url".to_owned(), long_url.to_owned())];
        let body = shop.signed(&fields, &[]);
        send(shop, &body)
    }

    fn send(shop: &mut Shop, body: &str) -> Result<String, (Code, String)> {
        let answer = shop.gateway.handle(Call::ShortUrl, &Arrival::of(body.as_bytes()), NOW);
        let document = Document::read(&answer.body).unwrap();
        let get = |name| document.get(name).map(str::to_owned);
        match answer.code {
            Some(code) => Err((code, get("err_code_des").or(get("return_msg")).unwrap())),
            None => {
                let key = Key::new(&shop.key).unwrap();
                assert!(sign::verify(document.iter(), &key, shop.algorithm, &get("sign").unwrap()));
                Ok(get("short_url").unwrap())
            }
        }
    }

    #[test]
    fn a_link_has_one_short_link_for_ever() {
        let mut shop = Shop::new();
        let short = shorten(&mut shop, LONG).unwrap();
        assert!(short.starts_with("weixin://wxpay/s/") && short.len() <= 64, "{short}");
        assert_eq!(shorten(&mut shop, LONG), Ok(short.clone()));
        shop.algorithm = Algorithm::HmacSha256;
        assert_eq!(shorten(&mut shop, LONG), Ok(short.clone()));
        assert_eq!(shorten(shop.other_merchant(), LONG), Ok(short.clone()));
        assert_ne!(shorten(&mut shop, &format!("{LONG}1")).unwrap(), short);
        assert_eq!(shop.gateway.links.meaning(&short), LONG);
    }

    #[test]
    fn a_link_may_come_encoded_whether_that_or_the_link_was_signed() {
        let mut shop = Shop::new();
        let short = shorten(&mut shop, LONG).unwrap();
        assert_eq!(shorten(&mut shop, ENCODED), Ok(short.clone()), "signed as it was sent");
        let fields = vec![("long_url".to_owned(), LONG.to_owned())];
        let signed = shop.signed(&fields, &[]);
        let document = Document::read(signed.as_bytes()).unwrap().with("long_url", ENCODED);
        let fields: Vec<_> = document.iter().map(|(n, v)| Field::cdata(n.to_owned(), v)).collect();
        assert_eq!(send(&mut shop, &xml::write(&fields)), Ok(short), "signed raw");
    }

    #[test]
    fn a_link_is_wechats_and_not_too_long() {
        let mut shop = Shop::new();
        let fits = format!("weixin://{}", "x".repeat(503));
        shorten(&mut shop, &fits).unwrap();
        let refused = shorten(&mut shop, &format!("{fits}x")).unwrap_err();
        assert_eq!(refused, (Code::ParamError, "long_url参数长度有误".into()));
        for bad in ["https://example.com/", "weixin:", "weixin%3A%2", "%ff"] {
            let refused = shorten(&mut shop, bad).unwrap_err();
            assert_eq!(refused, (Code::ParamError, "long_url参数格式错误".into()), "{bad}");
        }
        assert_eq!(shorten(&mut shop, "").unwrap_err().0, Code::LackParams);
    }

    #[test]
    fn a_wrong_signature_gets_no_link_raw_or_encoded() {
        let mut shop = Shop::new();
        shop.key = KEY.chars().rev().collect();
        for link in [LONG, ENCODED] {
            assert_eq!(shorten(&mut shop, link).unwrap_err().0, Code::SignError);
        }
    }

    #[test]
    fn a_phone_scans_the_short_link_of_an_order() {
        let mut shop = Shop::new();
        let code = shop.code("SM20261123000001");
        let short = shorten(&mut shop, &code).unwrap();
        let scanned = shop.gateway.scan(&short, NOW).unwrap();
        assert_eq!(scanned.out_trade_no, "SM20261123000001");
        assert_eq!(scanned.code_url, code);
    }
}
