//! Bills, short links and product codes of the sandbox, read and made by the merchant's side.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use saoma_core::api::{
    Merchant, PaymentNo, ProductUrl, Refund, RefundAnswer, ScanNotice, ShortUrlAnswer,
    UnifiedOrder, UnifiedOrderAnswer, scan_reply, seal,
};
use saoma_core::bill::{
    BillDate, BillForm, BillState, Direction, FailureKind, FundAccount, FundTotals, TradeBillKind,
    TradeTotals,
};
use saoma_core::ids::{AppId, MchId, Nonce, OutRefundNo, OutTradeNo, PrepayId, ProductId};
use saoma_core::money::Fen;
use saoma_core::native::{ClientCertificate, DownloadError, Gateway, RootCertificates, Settings};
use saoma_core::sign::{ApiKey, SignType, Unverified};
use saoma_core::time::UnixTime;
use saoma_core::xml::Doc;
use saoma_sandbox::clock::ClockKind;
use saoma_sandbox::{
    BillFormat, Config, Coupon, CouponKind, Event, Sandbox, ScanError, Target, Tender,
};
use std::sync::Arc;

const MCH_ID: &str = "1900000109";
const APP_ID: &str = "wx5a0mademeup0001";
const KEY: &str = "CanaryMerchantKey000000000000042";
/// 2026-11-23 23:59:00 in Beijing.
const START: i64 = 1_795_449_540;

fn merchant() -> Merchant {
    Merchant {
        mch_id: MchId::new(MCH_ID).unwrap(),
        app_id: AppId::new(APP_ID).unwrap(),
        key: ApiKey::new(KEY).unwrap(),
        sign_type: SignType::Md5,
    }
}

fn nonce() -> Nonce {
    Nonce::from_random([7; 16])
}

fn date(text: &str) -> BillDate {
    BillDate::parse(text).unwrap()
}

/// A sandbox and a merchant's client of it.
struct World {
    sandbox: Sandbox,
    gateway: Gateway,
}

impl World {
    async fn start(set: impl FnOnce(&mut saoma_sandbox::Merchant)) -> Self {
        let mut known = saoma_sandbox::Merchant::new(MCH_ID, APP_ID, KEY, "扫码咖啡").unwrap();
        set(&mut known);
        let mut desk = Config::new([known]);
        desk.clock = ClockKind::Standing(saoma_sandbox::time::UnixTime(START));
        let sandbox = Sandbox::start(desk).await.unwrap();
        let held = sandbox.client_certificate(MCH_ID).unwrap();
        let certificate = (held.certificate_pem.as_bytes(), held.key_pem.as_bytes());
        let certificate = ClientCertificate::from_pem(certificate.0, certificate.1).unwrap();
        let settings = Settings {
            certificate: Some(certificate),
            roots: Some(RootCertificates::from_pem(sandbox.ca_pem().as_bytes()).unwrap()),
            ..Settings::default()
        };
        let hosts = [sandbox.https_url()];
        let gateway = Gateway::with(merchant(), &[hosts[0].as_str()], settings).unwrap();
        Self { sandbox, gateway }
    }

    async fn order(&self, number: &str, attach: &str) -> PrepayId {
        let number = OutTradeNo::new(number).unwrap();
        let now = UnixTime::new(self.sandbox.now().0.unsigned_abs()).unwrap();
        let times = (now, now.plus(900));
        let (price, ip) = (Fen::parse("2599").unwrap(), "203.0.113.7".parse().unwrap());
        let notify_url = "https://127.0.0.1/never";
        let order = UnifiedOrder::new(&number, "美式咖啡, 大杯,", price, notify_url, ip, times);
        let order = order.unwrap().attach(attach).unwrap();
        let mut request = String::new();
        order.draft(&merchant(), SignType::Md5).write(&mut request).unwrap();
        let nonce = nonce();
        let answer = self.gateway.unified_order(request.as_bytes(), SignType::Md5, &nonce);
        match answer.await.unwrap() {
            UnifiedOrderAnswer::Placed { prepay_id, .. } => prepay_id.unwrap(),
            UnifiedOrderAnswer::Refused(refusal) => panic!("{refusal}"),
        }
    }

    fn pay(&self, number: &str, coupons: Vec<Coupon>) {
        let tender = Tender { coupons, notify: false, ..Tender::default() };
        self.sandbox.pay(&Target::of_number(number), tender).unwrap();
    }

    /// A minute before midnight two payments, one with coupons, and one order that nobody pays;
    /// after midnight another payment. Then time goes on until the first day's bill is there.
    async fn two_days(&self) {
        let coupon = |fee_fen, kind| Coupon { id: "1".into(), fee_fen, kind: Some(kind) };
        for number in ["SM20261123-1", "SM20261123-2", "SM20261123-3"] {
            self.order(number, "深圳分店,一楼").await;
        }
        self.pay("SM20261123-1", Vec::new());
        let coupons = vec![coupon(500, CouponKind::NoCash), coupon(58, CouponKind::Cash)];
        self.pay("SM20261123-2", coupons);
        self.sandbox.advance(60).unwrap();
        self.order("SM20261124-1", "").await;
        self.pay("SM20261124-1", Vec::new());
        let early = self.trade("20261123", TradeBillKind::All, BillForm::Text).await;
        let failure = early.unwrap_err().failure().unwrap().kind;
        assert_eq!(failure, FailureKind::Creating);
        self.sandbox.advance(10 * 3600).unwrap();
    }

    /// The lines and sums of a trade bill; each line in short.
    async fn trade(
        &self,
        day: &str,
        kind: TradeBillKind,
        form: BillForm,
    ) -> Result<(Vec<String>, TradeTotals), DownloadError> {
        let mut lines = Vec::new();
        let (day, nonce) = (date(day), nonce());
        let on_line = |line: Result<saoma_core::bill::TradeLine<'_>, _>| {
            let line = line.unwrap();
            assert_eq!((line.app_id, line.mch_id), (APP_ID, MCH_ID));
            assert_eq!(line.body, "美式咖啡, 大杯,", "commas belong to the name");
            assert_eq!((line.state, line.rate), (BillState::Success, "0.60%"));
            let payment = line.payment().unwrap().unwrap();
            assert_eq!(payment.total_fee, line.total_fee);
            lines.push(format!(
                "{} {} {} {} {} {} {}",
                line.time.beijing(),
                line.out_trade_no,
                line.total_fee,
                line.settlement_total_fee,
                line.coupon_fee,
                line.fee,
                line.attach
            ));
        };
        let bill = self.gateway.download_bill(&day, (kind, form), SignType::Md5, &nonce, on_line);
        let totals = bill.await?;
        Ok((lines, totals))
    }
}

#[tokio::test]
async fn a_bill_says_what_was_paid_on_its_day_packed_or_not() {
    let world = World::start(|_| ()).await;
    world.two_days().await;
    let (lines, totals) =
        world.trade("20261123", TradeBillKind::All, BillForm::Text).await.unwrap();
    assert_eq!(
        lines,
        [
            "20261123235900 SM20261123-1 2599 2599 0 0.16000 深圳分店,一楼",
            "20261123235900 SM20261123-2 2599 2099 558 0.13000 深圳分店,一楼",
        ]
    );
    assert_eq!((totals.count, totals.total_fee.get()), (2, 5198));
    assert_eq!((totals.settlement_total_fee.get(), totals.fee.millifen()), (4698, 29_000));
    for (kind, form) in
        [(TradeBillKind::All, BillForm::Gzip), (TradeBillKind::Success, BillForm::Text)]
    {
        let again = world.trade("20261123", kind, form).await.unwrap();
        assert_eq!(again, (lines.clone(), totals), "{kind:?} {form:?}");
    }
    let refunds = world.trade("20261123", TradeBillKind::Refund, BillForm::Text).await.unwrap();
    assert_eq!(refunds, (Vec::new(), TradeTotals::default()), "No Bill Exist is an empty day");
    let nothing = world.trade("20261122", TradeBillKind::All, BillForm::Gzip).await.unwrap();
    assert_eq!(nothing.1.count, 0);

    world.sandbox.advance(86_400).unwrap();
    let (lines, _) = world.trade("20261124", TradeBillKind::All, BillForm::Text).await.unwrap();
    assert_eq!(lines, ["20261124000000 SM20261124-1 2599 2599 0 0.16000 "]);
}

#[tokio::test]
async fn an_old_merchants_bill_is_read_as_well() {
    let world = World::start(|merchant| merchant.bills.format = BillFormat::Old).await;
    world.two_days().await;
    for kind in [TradeBillKind::All, TradeBillKind::Success] {
        let (lines, totals) = world.trade("20261123", kind, BillForm::Text).await.unwrap();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[1], "20261123235900 SM20261123-2 2599 2599 558 0.13000 深圳分店,一楼");
        assert_eq!((totals.total_fee.get(), totals.fee.millifen()), (5198, 29_000));
    }
}

/// A refund of 5.99 yuan of the payment with coupons, after midnight.
async fn refund(world: &World) {
    let payment = OutTradeNo::new("SM20261123-2").unwrap();
    let number = OutRefundNo::new("R-1@a").unwrap();
    let [total, part] = ["2599", "599"].map(|fen| Fen::parse(fen).unwrap());
    let refund = Refund::new(PaymentNo::OutTrade(&payment), &number, total, part).unwrap();
    let mut request = String::new();
    refund.draft(&merchant(), SignType::Md5).write(&mut request).unwrap();
    let nonce = nonce();
    let asked = world.gateway.refund(request.as_bytes(), SignType::Md5, &nonce, |answer| {
        assert!(matches!(answer, RefundAnswer::Accepted(_)), "{answer:?}");
    });
    asked.await.unwrap();
}

#[tokio::test]
async fn a_refund_stands_in_the_bill_of_the_day_on_which_it_was_accepted() {
    for (format, settled, coupons) in
        [(BillFormat::Current, 484, 13), (BillFormat::Old, 599, 115 + 13)]
    {
        let world = World::start(|merchant| merchant.bills.format = format).await;
        world.two_days().await;
        refund(&world).await;
        world.sandbox.advance(86_400).unwrap();
        world.sandbox.quiet().await;
        let (first_day, _) =
            world.trade("20261123", TradeBillKind::All, BillForm::Text).await.unwrap();
        assert_eq!(first_day.len(), 2, "not on the day of its payment");

        for kind in [TradeBillKind::All, TradeBillKind::Refund, TradeBillKind::RechargeRefund] {
            let (mut refunds, day, nonce) = (0, date("20261124"), nonce());
            let on_line = |line: Result<saoma_core::bill::TradeLine<'_>, _>| {
                let line = line.unwrap();
                let Some(refund) = line.refund else { return };
                refunds += 1;
                assert_eq!((line.state, line.out_trade_no), (BillState::Refund, "SM20261123-2"));
                assert_eq!((refund.out_refund_no, refund.state), ("R-1@a", "PROCESSING"));
                let fen = [refund.settlement_refund_fee, refund.coupon_refund_fee];
                assert_eq!(fen.map(Fen::get), [settled, coupons], "{format:?}");
                assert_eq!((refund.refund_fee.get(), line.total_fee), (599, Fen::ZERO));
                assert_eq!(line.fee.millifen(), -3000);
                let has_times = kind != TradeBillKind::All;
                assert_eq!(refund.applied_at.is_some(), has_times);
            };
            let what = (kind, BillForm::Gzip);
            let bill = world.gateway.download_bill(&day, what, SignType::Md5, &nonce, on_line);
            let totals = bill.await.unwrap();
            assert_eq!((refunds, totals.refund_fee.get()), (1, 599), "{kind:?}");
        }
    }
}

#[tokio::test]
async fn a_fund_bill_says_where_the_money_went() {
    let world = World::start(|_| ()).await;
    world.two_days().await;
    refund(&world).await;
    world.sandbox.advance(86_400).unwrap();
    let fetch = async |day, account, form| {
        let mut lines = Vec::new();
        let on_line = |line: Result<saoma_core::bill::FundLine<'_>, _>| {
            let line = line.unwrap();
            lines.push((line.direction, line.amount.get(), line.balance_fen));
        };
        let (day, nonce) = (date(day), nonce());
        let bill = world.gateway.download_fund_flow(&day, (account, form), &nonce, on_line);
        let totals = bill.await.unwrap();
        (lines, totals)
    };
    let (lines, totals) = fetch("20261123", FundAccount::Basic, BillForm::Gzip).await;
    let expected = [
        (Direction::Income, 2599, 2599),
        (Direction::Expense, 16, 2583),
        (Direction::Income, 2099, 4682),
        (Direction::Expense, 13, 4669),
    ];
    assert_eq!(lines, expected);
    assert_eq!((totals.income.get(), totals.expense.get()), (4698, 29));
    assert_eq!(fetch("20261123", FundAccount::Fees, BillForm::Text).await.1, FundTotals::default());
    let (lines, _) = fetch("20261124", FundAccount::Basic, BillForm::Text).await;
    let expected = [
        (Direction::Income, 2599, 7268),
        (Direction::Expense, 16, 7252),
        (Direction::Expense, 484 - 3, 6771),
    ];
    assert_eq!(lines, expected);

    let day = saoma_sandbox::time::UnixTime(START);
    let fees = world.sandbox.ledger(MCH_ID, day).into_iter().map(|entry| match entry.event {
        Event::Paid { fee_fen, .. } => fee_fen,
        other => panic!("{other:?}"),
    });
    assert_eq!(fees.sum::<u64>(), totals.expense.get(), "as the library tells it");
}

/// The shop's answer to a scan: an order of the product, or why not.
async fn sell(State(world): State<Arc<World>>, body: Bytes) -> String {
    let merchant = merchant();
    let doc: Doc<'_> = Doc::read(&body).unwrap();
    let verified = Unverified::new(&doc).verify(&merchant.key, SignType::Md5).unwrap();
    let notice = ScanNotice::read(verified, &merchant).unwrap();
    assert_eq!(notice.openid.as_str().len(), 28);
    let order = match notice.product_id.as_str() {
        "SKU-0001" => Ok(world.order("SM20261123-1", "").await),
        _ => Err("今日售罄"),
    };
    let reply = scan_reply(&merchant, order.as_ref().map_err(|reason| *reason)).unwrap();
    let mut xml = String::new();
    seal(reply, &nonce(), &merchant, SignType::Md5, &mut xml).unwrap();
    xml
}

/// A world whose merchant sells by product codes.
async fn selling() -> Arc<World> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/scan", listener.local_addr().unwrap());
    let world = Arc::new(World::start(|merchant| merchant.mode_one_url = Some(url)).await);
    let app = axum::Router::new().route("/scan", post(sell)).with_state(Arc::clone(&world));
    tokio::spawn(async move { axum::serve(listener, app).await });
    world
}

fn product(id: &str) -> ProductUrl {
    let made_at = UnixTime::new(START.unsigned_abs()).unwrap();
    ProductUrl::new(&merchant(), &ProductId::new(id).unwrap(), made_at, &nonce()).unwrap()
}

#[tokio::test]
async fn a_product_is_bought_by_its_code_and_by_the_short_link_to_it() {
    let world = selling().await;
    let code = product("SKU-0001");
    let scanned = world.sandbox.scan(code.as_str()).await.unwrap();
    assert_eq!((scanned.out_trade_no.as_str(), scanned.total_fen), ("SM20261123-1", 2599));

    let answer = world.gateway.short_url(code.as_str(), SignType::Md5, &nonce()).await.unwrap();
    let ShortUrlAnswer::Short { short_url } = answer else { panic!("{answer:?}") };
    let scanned = world.sandbox.scan(&short_url).await.unwrap();
    let tender = Tender { notify: false, ..Tender::default() };
    let paid = world.sandbox.pay(&Target::of_code(scanned.code_url), tender).unwrap();
    assert_eq!((paid.out_trade_no.as_str(), paid.total_fen), ("SM20261123-1", 2599));
}

#[tokio::test]
async fn the_customer_reads_what_the_shop_says() {
    let world = selling().await;
    let error = world.sandbox.scan(product("SKU-0002").as_str()).await.unwrap_err();
    assert_eq!(error, ScanError::ShopRefused { text: "今日售罄".into() });
}
