//! Refunds between the two implementations: the merchant's side of `saoma-core` asks, the sandbox
//! answers over TLS with both certificates, and each checks what the other says.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use saoma_core::api::{
    ACK_SUCCESS, CouponKind, ErrCode, Merchant, PaymentNo, Refund, RefundAccount, RefundAnswer,
    RefundChannel, RefundHint, RefundNo, RefundQuery, RefundQueryAnswer, RefundSource, RefundState,
    UnifiedOrder, UnifiedOrderAnswer,
};
use saoma_core::ids::{AppId, MchId, Nonce, OutRefundNo, OutTradeNo};
use saoma_core::money::Fen;
use saoma_core::native::{ClientCertificate, Gateway, RootCertificates, Settings};
use saoma_core::sign::{ApiKey, SignType};
use saoma_core::xml::Doc;
use saoma_sandbox::clock::ClockKind;
use saoma_sandbox::time::UnixTime;
use saoma_sandbox::{
    Config, ConsoleRefund, Coupon, Ending, RefundEnd, RefundTarget, Sandbox, Target, Tender,
};

const MCH_ID: &str = "1900000109";
const APPID: &str = "wx5a0mademeup0001";
/// Made up; its MD5 begins with zeroes.
const KEY: &str = "SaomaSampleKey000000000000000586";
const NO: &str = "SM20261123192600000001";

/// 2026-11-23 19:26:00 in Beijing.
const NOW: UnixTime = UnixTime(1_795_433_160);

/// A merchant's server by `saoma-core`, at a sandbox whose clock stands.
struct Shop {
    sandbox: Sandbox,
    gateway: Gateway,
    heard: Arc<Mutex<Vec<String>>>,
    notify_url: String,
    calls: u8,
}

fn merchant() -> Merchant {
    Merchant {
        mch_id: MchId::new(MCH_ID).unwrap(),
        app_id: AppId::new(APPID).unwrap(),
        key: ApiKey::new(KEY).unwrap(),
        sign_type: SignType::HmacSha256,
    }
}

fn fen(fen: u64) -> Fen {
    Fen::parse(&fen.to_string()).unwrap()
}

/// What hears the notifications of refunds, and where.
async fn listener() -> (Arc<Mutex<Vec<String>>>, String) {
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let hear = |State(heard): State<Arc<Mutex<Vec<String>>>>, body: String| async move {
        heard.lock().unwrap().push(body);
        ACK_SUCCESS
    };
    let router = Router::new().route("/refunds", post(hear)).with_state(Arc::clone(&heard));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/refunds", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (heard, url)
}

impl Shop {
    async fn start() -> Self {
        let (heard, notify_url) = listener().await;
        let mut merchant = saoma_sandbox::Merchant::new(MCH_ID, APPID, KEY, "扫码示例店").unwrap();
        merchant.refund_notify_url = Some(notify_url.clone());
        let clock = ClockKind::Standing(NOW);
        let config = Config { clock, ..Config::new([merchant]) };
        let sandbox = Sandbox::start(config).await.unwrap();
        let ours = sandbox.client_certificate(MCH_ID).unwrap();
        let certificate =
            ClientCertificate::from_pem(ours.certificate_pem.as_bytes(), ours.key_pem.as_bytes());
        let roots = RootCertificates::from_pem(sandbox.ca_pem().as_bytes());
        let settings = Settings {
            certificate: Some(certificate.unwrap()),
            roots: Some(roots.unwrap()),
            ..Settings::default()
        };
        let gateway = Gateway::with(self::merchant(), &[&sandbox.https_url()], settings).unwrap();
        Self { sandbox, gateway, heard, notify_url, calls: 0 }
    }

    fn nonce(&mut self) -> Nonce {
        self.calls += 1;
        Nonce::from_random([self.calls; 16])
    }

    /// Orders for 1800 fen and pays, with coupons.
    async fn paid(&mut self, coupons: Vec<Coupon>) {
        let start = saoma_core::time::UnixTime::parse_beijing("20261123192600").unwrap();
        let number = OutTradeNo::new(NO).unwrap();
        let order = UnifiedOrder::new(
            &number,
            "扫码示例店-拿铁",
            fen(1800),
            "http://127.0.0.1:9/notify",
            "203.0.113.7".parse().unwrap(),
            (start, start.plus(900)),
        );
        let mut request = String::new();
        let order = order.unwrap();
        order.draft(&merchant(), SignType::HmacSha256).write(&mut request).unwrap();
        let nonce = self.nonce();
        let answer =
            self.gateway.unified_order(request.as_bytes(), SignType::HmacSha256, &nonce).await;
        assert!(matches!(answer.unwrap(), UnifiedOrderAnswer::Placed { .. }));
        let tender = Tender { coupons, notify: false, ..Tender::default() };
        self.sandbox.pay(&Target::of_number(NO), tender).unwrap();
    }

    /// Asks for a refund; `look` sees the answer.
    async fn refund<T>(
        &mut self,
        number: &str,
        part: u64,
        mut look: impl FnMut(&Accepted<'_, '_>) -> T,
    ) -> Result<T, ErrCode> {
        let payment = OutTradeNo::new(NO).unwrap();
        let number = OutRefundNo::new(number).unwrap();
        let refund = Refund::new(PaymentNo::OutTrade(&payment), &number, fen(1800), fen(part));
        let refund = refund.unwrap().reason("少一杯").unwrap();
        let refund = refund.notify_url(&self.notify_url).unwrap();
        let mut request = String::new();
        refund.draft(&merchant(), SignType::HmacSha256).write(&mut request).unwrap();
        let nonce = self.nonce();
        let look = |answer: RefundAnswer<'_, '_, _>| match answer {
            RefundAnswer::Accepted(refund) => Ok(look(&refund)),
            RefundAnswer::Refused(refusal) => Err(refusal.code),
        };
        let request = request.as_bytes();
        self.gateway.refund(request, SignType::HmacSha256, &nonce, look).await.unwrap()
    }

    async fn query<T>(
        &mut self,
        number: RefundNo<'_>,
        mut look: impl FnMut(&Refunds<'_, '_>) -> T,
    ) -> Result<T, ErrCode> {
        let query = RefundQuery::new(number);
        let nonce = self.nonce();
        let look = |answer: RefundQueryAnswer<'_, '_, _>| match answer {
            RefundQueryAnswer::Found(refunds) => Ok(look(&refunds)),
            RefundQueryAnswer::Refused(refusal) => Err(refusal.code),
        };
        self.gateway.refund_query(&query, SignType::HmacSha256, &nonce, look).await.unwrap()
    }

    /// What was heard last.
    fn hint(&self) -> RefundHint {
        let body = self.heard.lock().unwrap().last().unwrap().clone();
        let doc: Doc<'_> = Doc::read(body.as_bytes()).unwrap();
        RefundHint::read(&doc, &merchant()).unwrap()
    }
}

type Accepted<'d, 'a> = saoma_core::api::AcceptedRefund<'d, 'a, ANSWER_FIELDS>;
type Refunds<'d, 'a> = saoma_core::api::Refunds<'d, 'a, REFUND_FIELDS>;

/// How many fields the documents have that core lends to look at.
const ANSWER_FIELDS: usize = saoma_core::native::ANSWER_FIELDS_MAX;
const REFUND_FIELDS: usize = saoma_core::native::REFUND_FIELDS_MAX;

fn coupons() -> Vec<Coupon> {
    let coupon = |id: &str, fee_fen, kind| Coupon { id: id.to_owned(), fee_fen, kind };
    vec![
        coupon("10000", 99, Some(saoma_sandbox::CouponKind::Cash)),
        coupon("10001", 500, Some(saoma_sandbox::CouponKind::NoCash)),
        coupon("10002", 10, None),
    ]
}

/// Kind, number and fen of each coupon.
type Parts = Vec<(Option<CouponKind>, String, u64)>;

fn parts(
    coupons: impl Iterator<Item = Result<saoma_core::api::Coupon, saoma_core::api::FieldError>>,
) -> Parts {
    let part = |coupon: saoma_core::api::Coupon| {
        (coupon.kind, coupon.id.unwrap().to_string(), coupon.fee.unwrap().get())
    };
    coupons.map(|coupon| part(coupon.unwrap())).collect()
}

#[tokio::test]
async fn both_sides_agree_on_every_field_of_a_refund() {
    let mut shop = Shop::start().await;
    shop.paid(coupons()).await;
    let expected: Parts = vec![
        (Some(CouponKind::Cash), "10000".into(), 49),
        (Some(CouponKind::NoCash), "10001".into(), 250),
        (None, "10002".into(), 5),
    ];
    let refund_id = shop.refund("R-1@a", 900, |refund| {
        assert_eq!(refund.out_trade_no.as_str(), NO);
        assert_eq!(refund.out_refund_no.as_str(), "R-1@a");
        assert_eq!((refund.total_fee, refund.refund_fee), (fen(1800), fen(900)));
        assert_eq!(refund.settlement_total_fee, Some(fen(1300)));
        assert_eq!(refund.settlement_refund_fee, Some(fen(650)));
        assert_eq!(refund.cash_fee, Some(fen(1191)));
        assert_eq!(refund.cash_refund_fee, Some(fen(596)));
        assert_eq!(refund.coupon_refund_fee, Some(fen(304)));
        assert_eq!(parts(refund.coupons()), expected);
        (refund.refund_id.clone(), refund.transaction_id.clone())
    });
    let (refund_id, transaction_id) = refund_id.await.unwrap();

    let number = OutRefundNo::new("R-1@a").unwrap();
    let state = |refunds: &Refunds<'_, '_>| refunds.iter().next().unwrap().state;
    let under_way = shop.query(RefundNo::OutRefund(&number), state).await;
    assert_eq!(under_way, Ok(RefundState::Processing));
    shop.sandbox.advance(5).unwrap();
    shop.sandbox.quiet().await;

    let ended_at = saoma_core::time::UnixTime::parse_beijing("20261123192605").unwrap();
    shop.query(RefundNo::Refund(&refund_id), |refunds| {
        assert_eq!(refunds.transaction_id, transaction_id);
        assert_eq!(refunds.out_trade_no.as_str(), NO);
        assert_eq!((refunds.total_fee, refunds.cash_fee), (fen(1800), Some(fen(1191))));
        assert_eq!(refunds.settlement_total_fee, Some(fen(1300)));
        assert_eq!((refunds.count(), refunds.total_refund_count), (1, None));
        let refund = refunds.iter().next().unwrap();
        assert_eq!(refund.out_refund_no, number);
        assert_eq!(refund.refund_id, refund_id);
        assert_eq!(refund.refund_fee, fen(900));
        assert_eq!(refund.settlement_refund_fee, Some(fen(650)));
        assert_eq!(refund.state, RefundState::Success);
        assert_eq!(refund.channel, Some(RefundChannel::Original));
        assert_eq!(refund.account, Some(RefundAccount::Unsettled));
        assert!(refund.recv_account.unwrap() == "支付用户的零钱");
        assert_eq!(refund.success_time, Some(ended_at));
        assert_eq!(refund.coupon_refund_fee, Some(fen(304)));
        assert_eq!(parts(refund.coupons()), expected);
    })
    .await
    .unwrap();

    let hint = shop.hint();
    assert_eq!((&hint.transaction_id, &hint.refund_id), (&transaction_id, &refund_id));
    assert_eq!((hint.out_trade_no.as_str(), &hint.out_refund_no), (NO, &number));
    assert_eq!((hint.total_fee, hint.refund_fee), (fen(1800), fen(900)));
    assert_eq!(hint.settlement_total_fee, Some(fen(1300)));
    assert_eq!(hint.settlement_refund_fee, Some(fen(650)));
    assert_eq!(hint.cash_refund_fee, Some(fen(596)));
    assert_eq!(hint.state, RefundState::Success);
    assert_eq!(hint.success_time, Some(ended_at));
    assert_eq!(hint.recv_account, "支付用户零钱");
    assert_eq!(hint.account, Some(RefundAccount::Unsettled));
    assert_eq!((hint.source, hint.is_external()), (RefundSource::Api, false));
}

#[tokio::test]
async fn refusals_and_other_ends_are_understood() {
    let mut shop = Shop::start().await;
    shop.paid(Vec::new()).await;
    let number = OutRefundNo::new("R-1").unwrap();
    let nothing = shop.query(RefundNo::OutRefund(&number), |_| ()).await;
    assert_eq!(nothing, Err(ErrCode::RefundNotExist));

    let target = RefundTarget::Number { mch_id: None, out_refund_no: "R-1".into() };
    let closed = Ending { end: RefundEnd::Closed, ..Ending::default() };
    shop.sandbox.plan_refund(&target, closed).unwrap();
    shop.refund("R-1", 900, |_| ()).await.unwrap();
    let other_amount = shop.refund("R-1", 901, |_| ()).await;
    assert_eq!(other_amount, Err(ErrCode::RefundFeeMismatch));
    assert_eq!(shop.refund("R-2", 900, |_| ()).await, Err(ErrCode::BizErrNeedRetry));
    shop.sandbox.advance(60).unwrap();
    shop.sandbox.quiet().await;
    assert_eq!((shop.hint().state, shop.hint().success_time), (RefundState::Closed, None));

    shop.sandbox.set_funds(None, Some(0), None).unwrap();
    assert_eq!(shop.refund("R-2", 900, |_| ()).await, Err(ErrCode::NotEnough));
    shop.sandbox.set_funds(None, Some(1800), None).unwrap();
    shop.refund("R-2", 900, |_| ()).await.unwrap();
}

#[tokio::test]
async fn a_refund_by_hand_is_external() {
    let mut shop = Shop::start().await;
    shop.paid(Vec::new()).await;
    let by_hand = ConsoleRefund { refund_fen: Some(1), ..ConsoleRefund::default() };
    let made = shop.sandbox.refund_by_hand(&Target::of_number(NO), by_hand).unwrap();
    shop.sandbox.advance(5).unwrap();
    shop.sandbox.quiet().await;
    let hint = shop.hint();
    assert!(hint.is_external());
    assert_eq!(hint.out_refund_no.as_str(), made.out_refund_no);
    let payment = OutTradeNo::new(NO).unwrap();
    let told = |refunds: &Refunds<'_, '_>| {
        refunds.iter().map(|refund| refund.out_refund_no.to_string()).collect::<Vec<_>>()
    };
    let payment = RefundNo::Payment(PaymentNo::OutTrade(&payment));
    assert_eq!(shop.query(payment, told).await.unwrap(), [made.out_refund_no]);
}
