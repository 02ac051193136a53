//! A shop for the tests of the gateway: it signs what it sends and checks what comes back.

use super::{Answer, Arrival, Call, Code, Fault, Gateway, Paid, PayError, Rules, Target, Tender};
use crate::merchant::Merchant;
use crate::sign::{self, Algorithm, Key};
use crate::time::UnixTime;
use crate::xml::{self, Document, Field};

/// 2026-11-23 19:26:00 in Beijing.
pub(super) const NOW: UnixTime = UnixTime(1_795_433_160);
pub(super) const MCH_ID: &str = "1900000109";
pub(super) const APPID: &str = "wx5a0mademeup0001";
/// Bound to the first merchant as well.
pub(super) const SECOND_APPID: &str = "wx5a0mademeup0009";
pub(super) const KEY: &str = "192006250b4c09247ec02edce69f6a2d";
pub(super) const OTHER_MCH_ID: &str = "1900000110";
pub(super) const OTHER_APPID: &str = "wx5a0mademeup0002";
pub(super) const OTHER_KEY: &str = "00000000000000000000000000000002";
pub(super) const NOTIFY_URL: &str = "https://pay.example.com/wx/v2/notify";

type Fields = Vec<(String, String)>;

pub(super) struct Shop {
    pub(super) gateway: Gateway,
    pub(super) now: UnixTime,
    pub(super) key: String,
    pub(super) algorithm: Algorithm,
    /// Whose certificate the calls come with.
    pub(super) certificate: Option<&'static str>,
    mch_id: &'static str,
    appid: &'static str,
}

/// The fields of an order query.
pub(super) fn query(out_trade_no: &str) -> Fields {
    vec![("out_trade_no".into(), out_trade_no.into())]
}

fn order(out_trade_no: &str) -> Fields {
    [
        ("body", "扫码示例店-美式咖啡"),
        ("out_trade_no", out_trade_no),
        ("total_fee", "1800"),
        ("spbill_create_ip", "203.0.113.7"),
        ("notify_url", NOTIFY_URL),
        ("trade_type", "NATIVE"),
    ]
    .map(|(name, value)| (name.into(), value.into()))
    .into()
}

impl Shop {
    pub(super) fn new() -> Self {
        Self::made(Rules::default(), 1)
    }

    pub(super) fn with_rules(rules: Rules) -> Self {
        Self::made(rules, 1)
    }

    pub(super) fn seeded(seed: u64) -> Self {
        Self::made(Rules::default(), seed)
    }

    pub(super) fn seeded_with(rules: Rules, seed: u64) -> Self {
        Self::made(rules, seed)
    }

    fn made(rules: Rules, seed: u64) -> Self {
        let mut first = Merchant::new(MCH_ID, APPID, KEY, "扫码示例店").unwrap();
        first.more_appids = vec![SECOND_APPID.to_owned()];
        let merchants =
            [first, Merchant::new(OTHER_MCH_ID, OTHER_APPID, OTHER_KEY, "隔壁").unwrap()];
        Self {
            gateway: Gateway::new(rules, merchants, seed),
            now: NOW,
            key: KEY.to_owned(),
            algorithm: Algorithm::Md5,
            certificate: Some(MCH_ID),
            mch_id: MCH_ID,
            appid: APPID,
        }
    }

    /// From now on this shop is the other merchant.
    pub(super) fn other_merchant(&mut self) -> &mut Self {
        (self.mch_id, self.appid) = (OTHER_MCH_ID, OTHER_APPID);
        self.key = OTHER_KEY.to_owned();
        self.certificate = Some(OTHER_MCH_ID);
        self
    }

    /// From now on this shop calls in the name of the merchant's second app.
    pub(super) fn second_app(&mut self) -> &mut Self {
        self.appid = SECOND_APPID;
        self
    }

    /// A signed request: these fields, the common ones, and some changed or added before signing.
    pub(super) fn signed(&self, fields: &Fields, change: &[(&str, &str)]) -> String {
        let mut fields = fields.clone();
        fields.extend([
            ("appid".into(), self.appid.into()),
            ("mch_id".into(), self.mch_id.into()),
            ("nonce_str".into(), format!("nonce{}", self.now.0)),
        ]);
        match self.algorithm {
            Algorithm::Md5 => {}
            Algorithm::HmacSha256 => fields.push(("sign_type".into(), "HMAC-SHA256".into())),
        }
        for (name, value) in change {
            fields.retain(|(known, _)| known != name);
            fields.push(((*name).into(), (*value).into()));
        }
        let pairs = fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let sign = sign::sign(pairs, &Key::new(&self.key).unwrap(), self.algorithm);
        fields.push(("sign".into(), sign));
        let fields: Vec<_> = fields.into_iter().map(|(n, v)| Field::cdata(n, v)).collect();
        xml::write(&fields)
    }

    /// Calls, and checks that the answer is signed and for this shop.
    fn call(&mut self, call: Call, fields: &Fields, change: &[(&str, &str)]) -> (Answer, Document) {
        let body = self.signed(fields, change);
        let arrival = Arrival { certificate: self.certificate, ..Arrival::of(body.as_bytes()) };
        let answer = self.gateway.handle(call, &arrival, self.now);
        let document = Document::read(&answer.body).unwrap();
        assert_eq!(document.get("return_code"), Some("SUCCESS"), "{}", answer.text());
        assert_eq!(document.get("mch_id"), Some(self.mch_id));
        assert_eq!(document.get("appid"), Some(self.appid));
        let sign = document.get("sign").unwrap();
        let key = Key::new(&self.key).unwrap();
        assert!(sign::verify(document.iter(), &key, self.algorithm, sign), "{}", answer.text());
        let code = answer.code.map(Code::as_str);
        assert_eq!(document.get("err_code"), code);
        let result = if code.is_none() { "SUCCESS" } else { "FAIL" };
        assert_eq!(document.get("result_code"), Some(result));
        (answer, document)
    }

    pub(super) fn send_order(&mut self, no: &str, change: &[(&str, &str)]) -> (Answer, Document) {
        self.call(Call::UnifiedOrder, &order(no), change)
    }

    /// A signed call for this order; each takes of the fields what it knows.
    pub(super) fn signed_call(
        &self,
        call: Call,
        no: &str,
        total_fee: &str,
        out_refund_no: &str,
    ) -> String {
        match call {
            Call::UnifiedOrder => self.signed(&order(no), &[("total_fee", total_fee)]),
            Call::Refund => {
                let change = [
                    ("total_fee", total_fee),
                    ("refund_fee", "100"),
                    ("out_refund_no", out_refund_no),
                    ("notify_url", NOTIFY_URL),
                ];
                self.signed(&query(no), &change)
            }
            _ => self.signed(&query(no), &[]),
        }
    }

    /// Orders, and takes whatever comes back.
    pub(super) fn raw_order(&mut self, no: &str) -> Answer {
        self.raw_order_with(no, &[])
    }

    /// The same, with faults in the header.
    pub(super) fn raw_order_with(&mut self, no: &str, faults: &[Fault]) -> Answer {
        let body = self.signed(&order(no), &[]);
        let arrival = Arrival { faults, ..Arrival::of(body.as_bytes()) };
        self.gateway.handle(Call::UnifiedOrder, &arrival, self.now)
    }

    /// Orders until it is done.
    pub(super) fn order_until_accepted(&mut self, no: &str) {
        while self.raw_order(no).code.is_some() {}
    }

    pub(super) fn order(&mut self, no: &str, change: &[(&str, &str)]) -> Document {
        let (answer, document) = self.send_order(no, change);
        assert_eq!(answer.code, None, "{}", answer.text());
        document
    }

    pub(super) fn order_refused(&mut self, no: &str, change: &[(&str, &str)]) -> (Code, String) {
        let (answer, document) = self.send_order(no, change);
        assert_eq!(document.get("code_url"), None);
        (answer.code.unwrap(), document.get("err_code_des").unwrap().to_owned())
    }

    /// Orders, and gives the code.
    pub(super) fn code(&mut self, no: &str) -> String {
        self.order(no, &[]).get("code_url").unwrap().to_owned()
    }

    pub(super) fn query(&mut self, no: &str) -> Document {
        self.query_with(&[("out_trade_no", no)]).unwrap()
    }

    pub(super) fn query_with(&mut self, fields: &[(&str, &str)]) -> Result<Document, Code> {
        let (answer, document) = self.call(Call::OrderQuery, &Fields::new(), fields);
        answer.code.map_or(Ok(document), Err)
    }

    pub(super) fn close(&mut self, no: &str) -> Document {
        let (answer, document) = self.call(Call::CloseOrder, &query(no), &[]);
        assert_eq!(answer.code, None);
        document
    }

    pub(super) fn close_refused(&mut self, no: &str) -> Code {
        self.call(Call::CloseOrder, &query(no), &[]).0.code.unwrap()
    }

    /// Asks for a refund of an order of 1800 fen, with some fields changed or added.
    pub(super) fn refund(
        &mut self,
        no: &str,
        out_refund_no: &str,
        refund_fen: u64,
        change: &[(&str, &str)],
    ) -> Result<Document, Code> {
        let fields = [
            ("out_trade_no", no.to_owned()),
            ("out_refund_no", out_refund_no.to_owned()),
            ("total_fee", "1800".to_owned()),
            ("refund_fee", refund_fen.to_string()),
        ];
        let fields = fields.map(|(name, value)| (name.to_owned(), value)).into();
        let (answer, document) = self.call(Call::Refund, &fields, change);
        answer.code.map_or(Ok(document), Err)
    }

    pub(super) fn refund_query(&mut self, fields: &[(&str, &str)]) -> Result<Document, Code> {
        let (answer, document) = self.call(Call::RefundQuery, &Fields::new(), fields);
        answer.code.map_or(Ok(document), Err)
    }

    /// Orders and pays.
    pub(super) fn paid(&mut self, no: &str, tender: Tender) -> Paid {
        self.order(no, &[]);
        let mch_id = Some(self.mch_id.to_owned());
        let target = Target::Number { mch_id, out_trade_no: no.to_owned() };
        self.gateway.pay(&target, tender, self.now).unwrap()
    }

    pub(super) fn pay(&mut self, no: &str, tender: Tender) -> Result<Paid, PayError> {
        self.gateway.pay(&Target::of_number(no), tender, self.now)
    }
}
