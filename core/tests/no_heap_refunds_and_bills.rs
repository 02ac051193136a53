//! Refunds, bills and scan mode one take no memory from the heap either.
#![cfg(feature = "merchant")]

use allocation_counter::measure;
use saoma_core::api::{
    Detail, Goods, Merchant, PayDetails, PaymentNo, ProductUrl, Refund, RefundAnswer, RefundHint,
    RefundNo, RefundQueryAnswer, SceneInfo, Store, UnifiedOrder, seal,
};
use saoma_core::bill::{FundBill, TradeBill};
use saoma_core::ids::{AppId, MchId, Nonce, OutRefundNo, OutTradeNo, ProductId, TransactionId};
use saoma_core::money::Fen;
use saoma_core::sign::{ApiKey, SignType, Unverified};
use saoma_core::time::UnixTime;
use saoma_core::xml::Doc;
use std::hint::black_box;

const MESSAGES: &str = include_str!("../../tests/fixtures/v2-messages.json");
const NOTICES: &str = include_str!("../../tests/fixtures/v2-refund-notices.json");
const BILL: &[u8] = include_bytes!("../../tests/fixtures/bills/all.csv");
const FUND_BILL: &[u8] = include_bytes!("../../tests/fixtures/bills/fund.csv");

fn merchant() -> Merchant {
    Merchant {
        mch_id: MchId::new("1900000109").expect("an id"),
        app_id: AppId::new("wx5a0mademeup0001").expect("an id"),
        key: ApiKey::new("192006250b4c09247ec02edce69f6a2d").expect("a key"),
        sign_type: SignType::Md5,
    }
}

fn message(number: &str) -> String {
    let messages: Vec<serde_json::Value> = serde_json::from_str(MESSAGES).expect("JSON");
    let found = messages.iter().find(|message| {
        message["title"].as_str().is_some_and(|title| title.split(' ').next() == Some(number))
    });
    found.and_then(|message| message["xml"].as_str()).expect(number).to_string()
}

fn assert_no_heap(what: &str, work: impl FnOnce()) {
    let used = measure(work);
    assert_eq!(used.count_total, 0, "{what} allocated {} bytes", used.bytes_total);
}

#[test]
fn a_refund_from_the_request_to_the_notification() {
    let merchant = merchant();
    let number = OutRefundNo::new("R-SM20261123-0001@a").expect("a number");
    let payment = TransactionId::new("4200009999202611230000000001").expect("a number");
    let (answer, found) = (message("M13"), message("M14"));
    let notices: serde_json::Value = serde_json::from_str(NOTICES).expect("JSON");
    let notice = notices["notices"][0]["xml"].as_str().expect("M16");
    assert_no_heap("a refund", || {
        let amount = Fen::new(599).expect("an amount");
        let refund = Refund::new(PaymentNo::Transaction(&payment), &number, amount, amount)
            .and_then(|refund| refund.reason("少一杯"))
            .expect("a refund");
        let mut xml = heapless::String::<2_048>::new();
        let nonce = Nonce::from_random([7; 16]);
        let doc = refund.draft(&merchant, SignType::Md5);
        seal(doc, &nonce, &merchant, SignType::Md5, &mut xml).expect("a request");

        let doc: Doc<'_> = Doc::read(answer.as_bytes()).expect("M13");
        let answer = RefundAnswer::read(&doc, &merchant, SignType::Md5, &number);
        black_box(answer.expect("an answer"));

        let doc: Doc<'_, 256> = Doc::read(found.as_bytes()).expect("M14");
        let asked = RefundNo::Payment(PaymentNo::Transaction(&payment));
        let answer = RefundQueryAnswer::read(&doc, &merchant, SignType::Md5, asked);
        let RefundQueryAnswer::Found(refunds) = answer.expect("an answer") else { return };
        assert_eq!(refunds.iter().map(|refund| refund.coupons().count()).sum::<usize>(), 1);

        let doc: Doc<'_> = Doc::read(notice.as_bytes()).expect("M16");
        black_box(RefundHint::read(&doc, &merchant).expect("a hint"));
    });
}

#[test]
fn an_order_with_goods_and_the_details_of_its_payment() {
    let merchant = merchant();
    let number = OutTradeNo::new("SM20261123-1").expect("a number");
    let product = ProductId::new("SKU-0001").expect("a number");
    let start = UnixTime::new(1_795_461_960).expect("a time");
    let ip = "203.0.113.7".parse().expect("an address");
    let notice = message("M7");
    assert_no_heap("an order", || {
        let price = Fen::new(2_599).expect("an amount");
        let goods =
            Goods {
                goods_id: "LATTE", wxpay_goods_id: "", goods_name: "拿铁", quantity: 1, price
            };
        let detail = Detail::new(&[goods], Some(price), "").expect("goods");
        let store = Store { id: "SZTX001", name: "腾大餐厅", area_code: "", address: "" };
        let scene = SceneInfo::new(&store).expect("a shop");
        let url = "https://pay.example.com/notify";
        let order = UnifiedOrder::new(&number, "拿铁", price, url, ip, (start, start.plus(900)))
            .and_then(|order| order.detail(detail.as_str()))
            .and_then(|order| order.scene_info(scene.as_str()))
            .expect("an order")
            .product_id(&product);
        black_box(order.draft(&merchant, SignType::Md5));
        let nonce = Nonce::from_random([7; 16]);
        black_box(ProductUrl::new(&merchant, &product, start, &nonce).expect("a link"));

        let doc: Doc<'_> = Doc::read(notice.as_bytes()).expect("M7");
        let verified = Unverified::new(&doc).verify(&merchant.key, SignType::HmacSha256);
        let details = PayDetails::of(verified.expect("signed"));
        assert_eq!(details.coupons().expect("a count").count(), 2);
    });
}

#[test]
fn bills_of_any_length() {
    assert_no_heap("a bill", || {
        let mut bill = TradeBill::new();
        for chunk in BILL.chunks(100) {
            bill.feed(chunk, |line| assert!(line.is_ok())).expect("a bill");
        }
        assert_eq!(bill.finish(|_| ()).expect("its sums").count, 4);
        let mut bill = FundBill::new();
        bill.feed(FUND_BILL, |line| assert!(line.is_ok())).expect("a bill");
        assert_eq!(bill.finish(|_| ()).expect("its sums").count, 3);
    });
}
