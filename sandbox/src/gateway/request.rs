//! Who is asking: from bytes to a request whose signature holds (`docs/protocol.md` §1 to §3).

use std::sync::Arc;

use super::Gateway;
use super::fields::{self, Form, Rule};
use super::refusal::{Code, Refusal};
use crate::merchant::Merchant;
use crate::sign::{self, Algorithm};
use crate::xml::{Document, ReadError};

/// A request that its merchant has signed.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) merchant: Arc<Merchant>,
    /// The algorithm of the request; the answer uses the same.
    pub(super) algorithm: Algorithm,
    pub(super) document: Document,
}

impl Request {
    /// A field's value, when it is there and not empty.
    pub(super) fn filled(&self, name: &str) -> Option<&str> {
        self.document.filled(name)
    }

    /// A field that the rules require. Empty when no rule was asked before.
    pub(super) fn required(&self, name: &str) -> &str {
        self.filled(name).unwrap_or_default()
    }

    /// The app that it is made in the name of: one of the merchant's.
    pub(super) fn appid(&self) -> &str {
        self.required("appid")
    }

    pub(super) fn owned(&self, name: &str) -> Option<String> {
        self.filled(name).map(str::to_owned)
    }
}

/// The fields that every call has.
const COMMON: [Rule; 5] = [
    Rule::required("appid", 32, Form::Text),
    Rule::required("mch_id", 32, Form::Text),
    Rule::required("nonce_str", 32, Form::Text),
    Rule::required("sign", 64, Form::Text),
    Rule::optional("sign_type", 32, Form::OneOf(&["MD5", "HMAC-SHA256"])),
];

impl Gateway {
    /// Reads a request, finds its merchant and verifies its signature. What is refused here is
    /// said unsigned.
    pub(super) fn authenticate(&self, body: &[u8]) -> Result<Request, Refusal> {
        self.authenticate_document(read(body)?)
    }

    pub(super) fn authenticate_document(&self, document: Document) -> Result<Request, Refusal> {
        let merchant = self.merchant_of(&document)?;
        let appid = document.filled("appid").unwrap_or_default();
        if !merchant.has_appid(appid) {
            return Err(self.wrong_appid(appid));
        }
        let algorithm = Algorithm::from_sign_type(document.get("sign_type"))
            .ok_or_else(|| Refusal::format("sign_type"))?;
        prove(document, Arc::clone(merchant), algorithm)
    }

    /// The merchant that a document with all common fields names.
    pub(super) fn merchant_of(&self, document: &Document) -> Result<&Arc<Merchant>, Refusal> {
        fields::check(document, &COMMON)?;
        self.merchants
            .get(document.filled("mch_id").unwrap_or_default())
            .ok_or_else(|| Refusal::new(Code::MchIdNotExist, "商户号mch_id或sub_mch_id不存在"))
    }

    fn wrong_appid(&self, appid: &str) -> Refusal {
        if self.merchants.values().any(|merchant| merchant.has_appid(appid)) {
            Refusal::new(Code::AppidMchIdNotMatch, "商户号mch_id与appid不匹配")
        } else {
            Refusal::new(Code::AppidNotExist, "appid不存在")
        }
    }
}

/// Reads a document.
pub(super) fn read(body: &[u8]) -> Result<Document, Refusal> {
    Document::read_call(body).map_err(|error| unreadable(&error))
}

/// The request that this document is, when its merchant has signed it.
pub(super) fn prove(
    document: Document,
    merchant: Arc<Merchant>,
    algorithm: Algorithm,
) -> Result<Request, Refusal> {
    let given = document.filled("sign").unwrap_or_default();
    if !sign::verify(document.iter(), &merchant.key, algorithm, given) {
        let text = sign::string_to_sign(document.iter());
        return Err(Refusal::new(Code::SignError, "签名错误").with_detail(format!(
            "{algorithm:?} of this string, with the merchant's key: {text}&key=(key)"
        )));
    }
    Ok(Request { merchant, algorithm, document })
}

fn unreadable(error: &ReadError) -> Refusal {
    let (code, text) = match error {
        ReadError::Empty => (Code::PostDataEmpty, "post数据为空"),
        ReadError::NotUtf8 => (Code::NotUtf8, "编码格式错误"),
        ReadError::TooLarge | ReadError::Malformed(_) | ReadError::Duplicate(_) => {
            (Code::XmlFormatError, "XML格式错误")
        }
    };
    Refusal::new(code, text).with_detail(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{self, APPID, KEY, MCH_ID, NOW, Shop};
    use super::super::{Answer, Arrival, Call, Code};
    use crate::sign::Algorithm;
    use crate::xml::Document;

    /// What is refused before the signature is proved: code and text, and nothing else in it.
    fn refused(answer: &Answer) -> (Code, String) {
        let document = Document::read(&answer.body).unwrap();
        let names: Vec<_> = document.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["return_code", "return_msg"], "nothing else, and no signature");
        assert_eq!(document.get("return_code"), Some("FAIL"));
        (answer.code.unwrap(), document.get("return_msg").unwrap().to_owned())
    }

    fn raw(body: &[u8]) -> (Code, String) {
        refused(&Shop::new().gateway.handle(Call::OrderQuery, &Arrival::of(body), NOW))
    }

    /// An order query whose fields are changed before it is signed.
    fn changed(change: &[(&str, &str)]) -> (Code, String) {
        let mut shop = Shop::new();
        let body = shop.signed(&testing::query("SM20261123"), change);
        refused(&shop.gateway.handle(Call::OrderQuery, &Arrival::of(body.as_bytes()), NOW))
    }

    #[test]
    fn a_body_that_is_no_document_is_refused() {
        assert_eq!(raw(b""), (Code::PostDataEmpty, "post数据为空".into()));
        assert_eq!(raw(b"<xml>\xff</xml>"), (Code::NotUtf8, "编码格式错误".into()));
        assert_eq!(raw(b"{}"), (Code::XmlFormatError, "XML格式错误".into()));
        let entity = b"<!DOCTYPE xml [<!ENTITY e \"x\">]><xml><appid>&e;</appid></xml>";
        assert_eq!(raw(entity).0, Code::XmlFormatError);
        assert_eq!(raw(b"<xml><a>1</a><a>1</a></xml>").0, Code::XmlFormatError);
    }

    #[test]
    fn a_call_that_is_no_post_is_refused() {
        let answer = Shop::new().gateway.handle_other_method(Call::OrderQuery, NOW);
        assert_eq!(refused(&answer), (Code::RequirePostMethod, "请使用post方法".into()));
    }

    #[test]
    fn each_common_field_must_be_there() {
        for name in ["appid", "mch_id", "nonce_str"] {
            assert_eq!(changed(&[(name, "")]), (Code::LackParams, format!("缺少参数{name}")));
        }
        let unsigned = format!(
            "<xml><appid>{APPID}</appid><mch_id>{MCH_ID}</mch_id><nonce_str>n</nonce_str></xml>"
        );
        assert_eq!(raw(unsigned.as_bytes()), (Code::LackParams, "缺少参数sign".into()));
    }

    #[test]
    fn common_fields_have_a_length_and_a_form() {
        let long = "n".repeat(33);
        assert_eq!(
            changed(&[("nonce_str", &long)]),
            (Code::ParamError, "nonce_str参数长度有误".into())
        );
        assert_eq!(
            changed(&[("sign_type", "SHA1")]),
            (Code::ParamError, "sign_type参数格式错误".into())
        );
    }

    #[test]
    fn an_unknown_merchant_or_appid_is_refused() {
        assert_eq!(changed(&[("mch_id", "1900000999")]).0, Code::MchIdNotExist);
        assert_eq!(changed(&[("appid", "wx0000")]), (Code::AppidNotExist, "appid不存在".into()));
        let (code, text) = changed(&[("appid", testing::OTHER_APPID)]);
        assert_eq!((code, text.as_str()), (Code::AppidMchIdNotMatch, "商户号mch_id与appid不匹配"));
    }

    #[test]
    fn one_wrong_digit_in_the_signature_is_refused() {
        let mut shop = Shop::new();
        let body = shop.signed(&testing::query("SM20261123"), &[]);
        let at = body.find("<sign>").unwrap() + 6;
        let digit = if &body[at..=at] == "0" { "1" } else { "0" };
        let forged = format!("{}{digit}{}", &body[..at], &body[at + 1..]);
        let answer = shop.gateway.handle(Call::OrderQuery, &Arrival::of(forged.as_bytes()), NOW);
        assert_eq!(refused(&answer), (Code::SignError, "签名错误".into()));
    }

    #[test]
    fn a_signature_by_another_key_or_algorithm_is_refused() {
        let mut shop = Shop::new();
        shop.key = "another00000000000000000000000key".chars().take(32).collect();
        let body = shop.signed(&testing::query("SM20261123"), &[]);
        let answer = shop.gateway.handle(Call::OrderQuery, &Arrival::of(body.as_bytes()), NOW);
        assert_eq!(refused(&answer).0, Code::SignError);

        let mut shop = Shop::new();
        shop.algorithm = Algorithm::HmacSha256;
        let body = shop.signed(&testing::query("SM20261123"), &[("sign_type", "MD5")]);
        let answer = shop.gateway.handle(Call::OrderQuery, &Arrival::of(body.as_bytes()), NOW);
        assert_eq!(refused(&answer).0, Code::SignError);
    }

    #[test]
    fn a_signature_error_shows_the_string_to_sign_and_never_the_key() {
        let mut shop = Shop::new();
        shop.key = "k".repeat(32);
        let body = shop.signed(&testing::query("SM20261123"), &[]);
        shop.gateway.handle(Call::OrderQuery, &Arrival::of(body.as_bytes()), NOW);
        let message = shop.gateway.messages().last().unwrap().clone();
        let detail = message.detail.as_deref().unwrap();
        assert!(detail.contains(&format!("appid={APPID}&mch_id={MCH_ID}&nonce_str=")), "{detail}");
        assert!(!format!("{message:?} {:?}", shop.gateway).contains(KEY));
    }

    #[test]
    fn a_field_nobody_knows_is_signed_and_let_through() {
        let mut shop = Shop::new();
        let body = shop.signed(&testing::query("SM20261123"), &[("future_field", "新字段🙂")]);
        let answer = shop.gateway.handle(Call::OrderQuery, &Arrival::of(body.as_bytes()), NOW);
        assert_eq!(answer.code, Some(Code::OrderNotExist), "it got as far as looking");
    }
}
