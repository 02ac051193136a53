//! Why a signature is right or wrong, in words: for whoever has an SDK that fails and wants to know
//! what it did (`docs/protocol.md` §2).
//!
//! A wrong signature is made again with the mistakes that people make, alone and two at a time,
//! until one gives the same digits. Nothing here changes anything, and no key ever leaves it.

use serde::Serialize;

use super::Gateway;
use super::mistakes::{self, Mistake};
use crate::merchant::Merchant;
use crate::seal;
use crate::sign::{self, Algorithm};
use crate::xml::Document;

/// Stands where the key was.
const MASK: &str = "********";

/// What there is to say about the signature of one document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// `right`, `wrong`, `unsigned` (as `return_code` FAIL is), `unknown_merchant` or `unreadable`.
    pub verdict: &'static str,
    /// What more there is to say about an unreadable document.
    pub detail: Option<String>,
    /// `MD5` or `HMAC-SHA256`: what counts for this document.
    pub algorithm: Option<&'static str>,
    /// All fields in the order in which they are signed; those that are not, at the end.
    pub fields: Vec<ExplainedField>,
    /// What is signed, with the key masked.
    pub string_to_sign: Option<String>,
    /// The signature in the document.
    pub given: Option<String>,
    /// The signature that is right.
    pub expected: Option<String>,
    /// The mistakes that together lead to the wrong signature; empty when none is known that does.
    pub mistakes: Vec<Mistake>,
    /// What is sealed in `req_info`, as the merchant can read it.
    pub decoded: Option<String>,
}

/// A field, and whether it is signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExplainedField {
    /// Its name.
    pub name: String,
    /// Its value, without escapes.
    pub value: String,
    /// `sign` itself and empty values are not.
    pub is_signed: bool,
}

/// Who signed a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signer {
    /// A merchant: the algorithm is the one that `sign_type` names, or MD5.
    Merchant,
    /// The gateway: the algorithm is that of the order's first call and mostly not said, so the
    /// length of the signature has to tell.
    Gateway,
}

impl Gateway {
    /// Explains the signature of a document that the gateway has received or sent.
    pub fn explain(&self, body: &[u8], signer: Signer) -> Explanation {
        let document = match Document::read_call(body) {
            Ok(document) => document,
            Err(error) => return Explanation::unreadable(error.to_string()),
        };
        let explanation = Explanation::of(&document);
        let Some(merchant) = document.get("mch_id").and_then(|id| self.merchants.get(id)) else {
            let verdict = if document.get("mch_id").is_some() || signer == Signer::Merchant {
                "unknown_merchant"
            } else {
                "unsigned"
            };
            return Explanation { verdict, ..explanation };
        };
        let others = self.merchants.values().filter(|other| other.mch_id != merchant.mch_id);
        let others: Vec<_> = others.map(AsRef::as_ref).collect();
        let sealed = document.filled("req_info");
        let decoded = sealed.and_then(|sealed| seal::open(sealed, &merchant.key));
        let explanation = Explanation { decoded, ..explanation };
        explanation.judged(&document, signer, merchant, &others)
    }
}

impl Explanation {
    fn unreadable(detail: String) -> Self {
        let detail = Some(detail);
        Self { verdict: "unreadable", detail, ..Self::of(&Document::default()) }
    }

    fn of(document: &Document) -> Self {
        let (mut signed, mut unsigned) = (Vec::new(), Vec::new());
        for (name, value) in document.iter() {
            let is_signed = name != "sign" && !value.is_empty();
            let field = ExplainedField { name: name.into(), value: value.into(), is_signed };
            if is_signed { signed.push(field) } else { unsigned.push(field) }
        }
        signed.sort_by(|a, b| a.name.cmp(&b.name));
        signed.extend(unsigned);
        Self {
            verdict: "unsigned",
            detail: None,
            algorithm: None,
            fields: signed,
            string_to_sign: None,
            given: document.filled("sign").map(str::to_owned),
            expected: None,
            mistakes: Vec::new(),
            decoded: None,
        }
    }

    fn judged(
        self,
        document: &Document,
        signer: Signer,
        merchant: &Merchant,
        others: &[&Merchant],
    ) -> Self {
        let given = document.filled("sign");
        let by_length = match given.map(str::len) {
            Some(64) => Algorithm::HmacSha256,
            _ => Algorithm::Md5,
        };
        let algorithm = match signer {
            Signer::Merchant => Algorithm::from_sign_type(document.get("sign_type")),
            Signer::Gateway => Some(by_length),
        };
        // A `sign_type` that means nothing is refused before anybody looks at the signature.
        let algorithm = algorithm.unwrap_or(Algorithm::Md5);
        if given.is_none() && signer == Signer::Gateway {
            return self;
        }
        let expected = sign::sign(document.iter(), &merchant.key, algorithm);
        let is_right = given == Some(expected.as_str());
        let mistakes = match given {
            Some(given) if !is_right => {
                mistakes::find(document, given, merchant, algorithm, others)
            }
            _ => Vec::new(),
        };
        let text = sign::string_to_sign(document.iter());
        Self {
            verdict: match (given, is_right) {
                (None, _) => "unsigned",
                (Some(_), true) => "right",
                (Some(_), false) => "wrong",
            },
            algorithm: Some(algorithm.as_str()),
            string_to_sign: Some(format!("{text}&key={MASK}")),
            expected: Some(expected),
            mistakes,
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{self, KEY, MCH_ID, NOW, OTHER_KEY, Shop};
    use super::super::{SettingsChange, Tender};
    use super::*;

    fn explain(shop: &Shop, body: &str) -> Explanation {
        shop.gateway.explain(body.as_bytes(), Signer::Merchant)
    }

    #[test]
    fn a_right_signature_is_explained_by_the_string_that_is_signed() {
        let shop = Shop::new();
        let body = shop.signed(&testing::query("SM20261123"), &[("device_info", "")]);
        let explained = explain(&shop, &body);
        assert_eq!((explained.verdict, explained.algorithm), ("right", Some("MD5")));
        assert_eq!(explained.given, explained.expected);
        let text = explained.string_to_sign.unwrap();
        assert!(text.starts_with("appid=wx5a0mademeup0001&mch_id=1900000109&nonce_str=nonce"));
        assert!(text.ends_with("&out_trade_no=SM20261123&key=********"), "{text}");
        let names: Vec<_> =
            explained.fields.iter().map(|f| (f.name.as_str(), f.is_signed)).collect();
        let signed = |name| (name, true);
        assert_eq!(names[..4], ["appid", "mch_id", "nonce_str", "out_trade_no"].map(signed));
        assert_eq!(names[4..], [("device_info", false), ("sign", false)]);
    }

    #[test]
    fn a_key_of_before_is_recognized() {
        let mut shop = Shop::new();
        let body = shop.signed(&testing::query("SM20261123000001"), &[]);
        let of = |shop: &Shop| {
            let explained = explain(shop, &body);
            (explained.verdict, explained.mistakes.into_iter().map(|it| it.code).collect())
        };
        assert_eq!(of(&shop), ("right", Vec::new()));
        for letter in ["n", "m"] {
            let key = sign::Key::new(&letter.repeat(32));
            let change = SettingsChange { key, ..SettingsChange::default() };
            shop.gateway.change_settings(Some(MCH_ID), &change).unwrap();
            assert_eq!(of(&shop), ("wrong", vec!["old_key"]));
        }
    }

    #[test]
    fn what_the_gateway_says_is_explained_too() {
        for algorithm in [Algorithm::Md5, Algorithm::HmacSha256] {
            let mut shop = Shop::new();
            shop.algorithm = algorithm;
            shop.order("SM20261123000001", &[]);
            shop.pay("SM20261123000001", Tender::default()).unwrap();
            let notice = shop.gateway.poll(NOW).send.pop().unwrap().body;
            let answer = shop.gateway.messages().next().unwrap().response.clone();
            for body in [notice, answer] {
                let explained = shop.gateway.explain(body.as_bytes(), Signer::Gateway);
                assert_eq!(explained.verdict, "right");
                assert_eq!(explained.algorithm, Some(algorithm.as_str()), "though nothing says so");
            }
        }
    }

    #[test]
    fn what_is_sealed_for_the_merchant_is_opened() {
        let shop = Shop::new();
        let plain = "<root><refund_status>SUCCESS</refund_status></root>";
        let notice = |key: &str| {
            let sealed = seal::seal(plain, &sign::Key::new(key).unwrap());
            let mch_id = format!("<mch_id>{MCH_ID}</mch_id>");
            let body = format!("<xml>{mch_id}<req_info>{sealed}</req_info></xml>");
            shop.gateway.explain(body.as_bytes(), Signer::Gateway)
        };
        assert_eq!(notice(KEY).decoded.as_deref(), Some(plain));
        assert_eq!(notice(KEY).verdict, "unsigned", "such a notification has no signature");
        assert_eq!(notice(OTHER_KEY).decoded, None);
    }

    #[test]
    fn what_is_not_signed_is_no_mistake() {
        let shop = Shop::new();
        let fail = b"<xml><return_code>FAIL</return_code></xml>";
        assert_eq!(shop.gateway.explain(fail, Signer::Gateway).verdict, "unsigned");
        let unsigned = format!("<xml><mch_id>{MCH_ID}</mch_id></xml>");
        assert_eq!(explain(&shop, &unsigned).verdict, "unsigned");
        assert!(explain(&shop, &unsigned).expected.is_some(), "a merchant ought to have signed");
    }

    #[test]
    fn what_nobody_can_judge_is_said_to_be_so() {
        let shop = Shop::new();
        let stranger = "<xml><mch_id>1</mch_id><sign>A</sign></xml>";
        assert_eq!(explain(&shop, stranger).verdict, "unknown_merchant");
        let explained = explain(&shop, "{}");
        assert_eq!(explained.verdict, "unreadable");
        assert!(explained.detail.is_some() && explained.fields.is_empty());
    }

    #[test]
    fn no_explanation_holds_a_key() {
        let shop = Shop::new();
        let body = shop.signed(&testing::query("SM20261123"), &[]);
        for body in [body.clone(), body.replace("<sign><![CDATA[", "<sign><![CDATA[0")] {
            let explained = serde_json::to_string(&explain(&shop, &body)).unwrap();
            assert!(!explained.contains(KEY) && !explained.contains(OTHER_KEY), "{explained}");
        }
    }
}
