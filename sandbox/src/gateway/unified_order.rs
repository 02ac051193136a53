//! 统一下单: an order is made, or gets a new code (`docs/protocol.md` §4).

use super::answer::Reply;
use super::fields::{self, Form, Rule};
use super::order::{Order, OrderKey, PayCode, TradeState};
use super::refusal::{Code, Refusal};
use super::request::Request;
use super::{Gateway, numbers};
use crate::time::UnixTime;
use crate::xml::Field;

/// The least time between making an order and its `time_expire`, in seconds. Pages before 2018 said
/// five minutes.
const EXPIRE_S_MIN: i64 = 60;

/// The fields of the call. `product_id` is required on the pages for NATIVE and not asked for in
/// practice; this gateway does as practice does.
const RULES: [Rule; 23] = [
    Rule::required("body", 127, Form::Text),
    Rule::required("out_trade_no", 32, Form::NewOrderNo),
    Rule::required("total_fee", 10, Form::Fen),
    Rule::required("spbill_create_ip", 64, Form::Ip),
    Rule::required("notify_url", 256, Form::NotifyUrl),
    Rule::required("trade_type", 16, Form::OneOf(&["NATIVE", "JSAPI", "APP", "MWEB"])),
    Rule::optional("device_info", 32, Form::Text),
    Rule::optional("detail", 6144, Form::Detail),
    Rule::optional("attach", 127, Form::Text),
    Rule::optional("fee_type", 16, Form::OneOf(&["CNY"])),
    Rule::optional("time_start", 14, Form::Time),
    Rule::optional("time_expire", 14, Form::Time),
    Rule::optional("goods_tag", 32, Form::Text),
    Rule::optional("product_id", 32, Form::Text),
    Rule::optional("limit_pay", 32, Form::OneOf(&["no_credit"])),
    Rule::optional("openid", 128, Form::Text),
    Rule::optional("receipt", 8, Form::OneOf(&["Y", "N"])),
    Rule::optional("profit_sharing", 16, Form::OneOf(&["Y", "N"])),
    Rule::optional("scene_info", 256, Form::Scene),
    Rule::optional("version", 32, Form::OneOf(&["1.0"])),
    Rule::optional("user_type", 32, Form::Text),
    Rule::optional("user_creid", 32, Form::Text),
    Rule::optional("user_truename", 64, Form::Text),
];

impl Gateway {
    pub(super) fn unified_order(
        &mut self,
        request: &Request,
        now: UnixTime,
    ) -> Result<Reply, Refusal> {
        fields::check(&request.document, &RULES)?;
        if request.required("trade_type") != "NATIVE" {
            let text = "商户号该产品权限未开通，请前往商户平台>产品中心检查后重试";
            return Err(Refusal::new(Code::NoAuth, text));
        }
        let key = OrderKey {
            mch_id: request.merchant.mch_id.clone(),
            out_trade_no: request.required("out_trade_no").to_owned(),
        };
        if let Some(order) = self.orders.get(&key) {
            may_order_again(order, request, now)?;
            self.renew_code(&key, now);
        } else {
            let order = self.new_order(key.clone(), request, now)?;
            self.orders.insert(key.clone(), order);
            self.index.insert(&key);
        }
        let order = &self.orders[&key];
        Ok(Reply {
            device_info: order.device_info.clone(),
            fields: vec![
                Field::cdata("prepay_id", &order.code.prepay_id),
                Field::cdata("trade_type", "NATIVE"),
                Field::cdata("code_url", &order.code.url),
            ],
        })
    }

    fn new_order(
        &mut self,
        key: OrderKey,
        request: &Request,
        now: UnixTime,
    ) -> Result<Order, Refusal> {
        let time = |name| request.filled(name).and_then(UnixTime::from_beijing);
        let time_expire = time("time_expire");
        if let Some(end) = time_expire {
            if end.since(now) < EXPIRE_S_MIN {
                return Err(expires_too_early());
            }
            if time("time_start").is_some_and(|start| start >= end) {
                return Err(Refusal::new(Code::ParamError, "time_expire不能早于time_start"));
            }
        }
        let total_fen = fields::read_fen(request.required("total_fee"))
            .ok_or_else(|| Refusal::format("total_fee"))?;
        Ok(Order {
            code: self.new_code(&key, now),
            key,
            appid: request.appid().to_owned(),
            parameters: parameters(request),
            algorithm: request.algorithm,
            body: request.required("body").to_owned(),
            total_fen,
            notify_url: request.required("notify_url").to_owned(),
            attach: request.owned("attach"),
            device_info: request.owned("device_info"),
            time_expire,
            created_at: now,
            closed_at: None,
            payments: Vec::new(),
            lags_until: None,
            is_refunded: false,
            cancels: 0,
            scanned_by: None,
            paying: Vec::new(),
            failed: Vec::new(),
        })
    }

    /// Gives an order a new code. The one before cannot be paid any more.
    fn renew_code(&mut self, key: &OrderKey, now: UnixTime) {
        let code = self.new_code(key, now);
        if let Some(order) = self.orders.get_mut(key) {
            order.code = code;
        }
    }

    fn new_code(&mut self, key: &OrderKey, now: UnixTime) -> PayCode {
        loop {
            let url = numbers::code_url(&mut self.random);
            let prepay_id = numbers::prepay_id(&mut self.random, now);
            if !self.codes.contains_key(&url) && !self.prepay_ids.contains_key(&prepay_id) {
                self.codes.insert(url.clone(), key.clone());
                self.prepay_ids.insert(prepay_id.clone(), key.clone());
                return PayCode { url, prepay_id, made_at: now };
            }
        }
    }
}

/// Whether this request may ask once more for the order that it names.
fn may_order_again(order: &Order, request: &Request, now: UnixTime) -> Result<(), Refusal> {
    match order.state(now) {
        TradeState::Success | TradeState::Refund => {
            return Err(Refusal::new(Code::OrderPaid, "该订单已支付"));
        }
        TradeState::Closed => return Err(Refusal::new(Code::OrderClosed, "该订单已关闭")),
        TradeState::NotPay => {}
    }
    let parameters = parameters(request);
    if order.parameters != parameters {
        let detail = differences(&order.parameters, &parameters);
        return Err(Refusal::new(Code::InvalidRequest, "201 商户订单号重复").with_detail(detail));
    }
    // The end belongs to the number and cannot be moved: to pay later takes a new number.
    if order.is_expired(now) { Err(expires_too_early()) } else { Ok(()) }
}

fn expires_too_early() -> Refusal {
    Refusal::new(Code::ParamError, "time_expire时间过短，至少1分钟")
}

/// What a repeated request must have in common with the first one.
fn parameters(request: &Request) -> Vec<(String, String)> {
    let counts =
        |&(name, value): &(&str, &str)| name != "nonce_str" && name != "sign" && !value.is_empty();
    let fields = request.document.iter().filter(counts);
    let mut fields: Vec<_> = fields.map(|(name, value)| (name.into(), value.into())).collect();
    fields.sort();
    fields
}

fn differences(first: &[(String, String)], again: &[(String, String)]) -> String {
    let only = |a: &[(String, String)], b: &[(String, String)]| {
        let differs = a.iter().filter(|field| !b.contains(field));
        differs.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(", ")
    };
    format!("first only: [{}]; now only: [{}]", only(first, again), only(again, first))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{NOTIFY_URL, NOW, Shop};
    use super::super::{CODE_LIFE_S, Code, ORDER_LIFE_S, ScanRefusal, Tender};
    use crate::sign::Algorithm;

    #[test]
    fn an_order_gets_a_code_and_a_prepay_id_in_the_real_shape() {
        let mut shop = Shop::new();
        let answer = shop.order("SM20261123000001", &[]);
        let names: Vec<_> = answer.iter().map(|(name, _)| name).collect();
        assert_eq!(
            names,
            [
                "return_code",
                "return_msg",
                "appid",
                "mch_id",
                "nonce_str",
                "sign",
                "result_code",
                "prepay_id",
                "trade_type",
                "code_url"
            ]
        );
        assert_eq!(answer.get("trade_type"), Some("NATIVE"));
        assert!(answer.get("code_url").unwrap().starts_with("weixin://"));
        assert!(answer.get("prepay_id").unwrap().starts_with("wx23192600"));
    }

    #[test]
    fn answers_are_signed_with_the_algorithm_of_the_request() {
        let mut shop = Shop::new();
        let md5 = shop.order("SM20261123000001", &[("sign_type", "MD5")]);
        assert_eq!(md5.get("sign").unwrap().len(), 32);
        shop.algorithm = Algorithm::HmacSha256;
        let hmac = shop.order("SM20261123000002", &[]);
        assert_eq!(hmac.get("sign").unwrap().len(), 64);
        assert_eq!(hmac.get("sign_type"), None, "WeChat leaves it out");
    }

    #[test]
    fn the_device_is_echoed() {
        let answer = Shop::new().order("SM20261123000001", &[("device_info", "kiosk-7")]);
        assert_eq!(answer.get("device_info"), Some("kiosk-7"));
    }

    #[test]
    fn required_fields_must_be_there() {
        for name in
            ["body", "out_trade_no", "total_fee", "spbill_create_ip", "notify_url", "trade_type"]
        {
            let refused = Shop::new().order_refused("SM20261123000001", &[(name, "")]);
            assert_eq!(refused, (Code::LackParams, format!("缺少参数{name}")));
        }
    }

    #[test]
    fn fields_that_do_not_fit_are_refused() {
        for (name, value) in [
            ("out_trade_no", "SM 20261123"),
            ("out_trade_no", "SM1"),
            ("total_fee", "0"),
            ("total_fee", "1.00"),
            ("total_fee", "-1"),
            ("spbill_create_ip", "localhost"),
            ("notify_url", "https://pay.example.com/notify?a=1"),
            ("notify_url", "pay.example.com/notify"),
            ("trade_type", "undefined"),
            ("fee_type", "USD"),
            ("time_expire", "20261123200060"),
            ("time_start", "20261199000000"),
            ("limit_pay", "cash"),
            ("detail", "{\"goods_detail\":[{}]}"),
            ("scene_info", "a store"),
            ("body", "two\nlines"),
        ] {
            let refused = Shop::new().order_refused("SM20261123000001", &[(name, value)]);
            assert_eq!(refused, (Code::ParamError, format!("{name}参数格式错误")), "{value}");
        }
    }

    #[test]
    fn fields_that_are_too_long_are_refused() {
        for (name, bytes_max) in [
            ("body", 127),
            ("out_trade_no", 32),
            ("attach", 127),
            ("device_info", 32),
            ("detail", 6144),
            ("product_id", 32),
            ("user_truename", 64),
        ] {
            let (fits, long) = ("x".repeat(bytes_max), "x".repeat(bytes_max + 1));
            Shop::new().order("SM20261123000001", &[(name, &fits)]);
            let refused = Shop::new().order_refused("SM20261123000001", &[(name, &long)]);
            assert_eq!(refused, (Code::ParamError, format!("{name}参数长度有误")));
        }
        let chinese = "扫".repeat(43);
        let refused = Shop::new().order_refused("SM20261123000001", &[("body", &chinese)]);
        assert_eq!(refused.0, Code::ParamError, "lengths are bytes: 43 characters are 129");
    }

    #[test]
    fn json_may_come_with_line_breaks() {
        let detail = "{\n  \"goods_detail\": []\n}";
        Shop::new().order("SM20261123000001", &[("detail", detail), ("scene_info", detail)]);
    }

    #[test]
    fn another_product_is_not_opened() {
        let refused = Shop::new().order_refused("SM20261123000001", &[("trade_type", "JSAPI")]);
        assert_eq!(refused.0, Code::NoAuth);
    }

    #[test]
    fn time_expire_is_at_least_a_minute_away() {
        let order = |seconds| {
            let mut shop = Shop::new();
            shop.send_order("SM20261123000001", &[("time_expire", &NOW.plus(seconds).beijing())]).0
        };
        assert_eq!(order(59).code, Some(Code::ParamError));
        assert_eq!(order(-100).code, Some(Code::ParamError));
        assert_eq!(order(60).code, None);
    }

    #[test]
    fn time_expire_is_after_time_start() {
        let (start, end) = (NOW.plus(600).beijing(), NOW.plus(300).beijing());
        let change = [("time_start", start.as_str()), ("time_expire", end.as_str())];
        assert_eq!(Shop::new().order_refused("SM20261123000001", &change).0, Code::ParamError);
    }

    #[test]
    fn the_same_request_again_gives_a_new_code_that_kills_the_old_one() {
        let mut shop = Shop::new();
        let first = shop.code("SM20261123000001");
        shop.now = NOW.plus(60);
        let second = shop.code("SM20261123000001");
        assert_ne!(first, second);
        assert_eq!(shop.gateway.scan(&first, shop.now), Err(ScanRefusal::CodeReplaced));
        let scanned = shop.gateway.scan(&second, shop.now).unwrap();
        assert_eq!(scanned.out_trade_no, "SM20261123000001");
        assert_eq!(shop.gateway.orders(shop.now).len(), 1, "it is the same order");
    }

    #[test]
    fn empty_fields_make_no_difference_to_a_repeated_request() {
        let mut shop = Shop::new();
        shop.order("SM20261123000001", &[("device_info", "")]);
        shop.order("SM20261123000001", &[]);
    }

    #[test]
    fn the_same_number_with_other_parameters_is_refused() {
        for (name, value) in [
            ("total_fee", "1801"),
            ("body", "other goods"),
            ("notify_url", "https://other.example.com/notify"),
            ("time_expire", "20261123200000"),
            ("attach", "x"),
        ] {
            let mut shop = Shop::new();
            let code = shop.code("SM20261123000001");
            let refused = shop.order_refused("SM20261123000001", &[(name, value)]);
            assert_eq!(refused, (Code::InvalidRequest, "201 商户订单号重复".into()), "{name}");
            assert!(shop.gateway.scan(&code, NOW).is_ok(), "and the code still lives");
        }
    }

    #[test]
    fn another_merchant_may_use_the_same_number() {
        let mut shop = Shop::new();
        let ours = shop.code("SM20261123000001");
        let theirs = shop.other_merchant().code("SM20261123000001");
        assert!(shop.gateway.scan(&ours, NOW).is_ok());
        assert!(shop.gateway.scan(&theirs, NOW).is_ok());
    }

    #[test]
    fn a_paid_order_is_not_ordered_again() {
        let mut shop = Shop::new();
        shop.order("SM20261123000001", &[]);
        shop.pay("SM20261123000001", Tender::default()).unwrap();
        let refused = shop.order_refused("SM20261123000001", &[]);
        assert_eq!(refused, (Code::OrderPaid, "该订单已支付".into()));
    }

    #[test]
    fn a_closed_order_is_not_ordered_again() {
        let mut shop = Shop::new();
        shop.order("SM20261123000001", &[]);
        shop.now = NOW.plus(300);
        shop.close("SM20261123000001");
        let refused = shop.order_refused("SM20261123000001", &[]);
        assert_eq!(refused, (Code::OrderClosed, "该订单已关闭".into()));
    }

    #[test]
    fn an_order_is_closed_by_wechat_after_seven_days() {
        let mut shop = Shop::new();
        shop.order("SM20261123000001", &[]);
        shop.now = NOW.plus(ORDER_LIFE_S - 1);
        shop.order("SM20261123000001", &[]);
        shop.now = NOW.plus(ORDER_LIFE_S);
        assert_eq!(shop.order_refused("SM20261123000001", &[]).0, Code::OrderClosed);
    }

    #[test]
    fn a_code_lives_two_hours_and_the_order_longer() {
        let mut shop = Shop::new();
        let code = shop.code("SM20261123000001");
        assert!(shop.gateway.scan(&code, NOW.plus(CODE_LIFE_S - 1)).is_ok());
        shop.now = NOW.plus(CODE_LIFE_S);
        assert_eq!(shop.gateway.scan(&code, shop.now), Err(ScanRefusal::CodeExpired));
        let renewed = shop.code("SM20261123000001");
        assert!(shop.gateway.scan(&renewed, shop.now).is_ok());
    }

    #[test]
    fn after_time_expire_the_same_request_gets_no_new_code() {
        let mut shop = Shop::new();
        let end = NOW.plus(90);
        let change = [("time_expire", end.beijing())];
        let change = [(change[0].0, change[0].1.as_str())];
        shop.order("SM20261123000001", &change);
        shop.now = NOW.plus(89);
        shop.order("SM20261123000001", &change);
        shop.now = end;
        assert_eq!(shop.order_refused("SM20261123000001", &change).0, Code::ParamError);
    }

    #[test]
    fn a_refused_order_leaves_nothing_behind() {
        let mut shop = Shop::new();
        shop.order_refused("SM20261123000001", &[("total_fee", "0")]);
        shop.order_refused("SM20261123000001", &[("time_expire", "20261123192601")]);
        assert!(shop.gateway.orders(NOW).is_empty());
        shop.order("SM20261123000001", &[("notify_url", NOTIFY_URL)]);
    }

    #[test]
    fn a_seed_names_the_codes() {
        let code = |seed| Shop::seeded(seed).code("SM20261123000001");
        assert_eq!(code(1), code(1));
        assert_ne!(code(1), code(2));
    }
}
