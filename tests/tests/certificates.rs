//! The native client refunds at the sandbox: by HTTPS, with the sandbox's authority and the
//! merchant's certificate as the sandbox made them.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use saoma_core::api::{Merchant, PaymentNo, Refund, RefundAnswer, UnifiedOrder};
use saoma_core::ids::{AppId, MchId, Nonce, OutRefundNo, OutTradeNo};
use saoma_core::money::Fen;
use saoma_core::native::{ClientCertificate, Gateway, RootCertificates, Settings};
use saoma_core::sign::{ApiKey, SignType};
use saoma_core::time::UnixTime;
use saoma_sandbox::{Config, Sandbox, Target, Tender};

const MCH_ID: &str = "1900000109";
const APP_ID: &str = "wx5a0mademeup0001";
const KEY: &str = "CanaryMerchantKey000000000000042";
const NO: &str = "SM20261123192600000001";

fn merchant() -> Merchant {
    Merchant {
        mch_id: MchId::new(MCH_ID).unwrap(),
        app_id: AppId::new(APP_ID).unwrap(),
        key: ApiKey::new(KEY).unwrap(),
        sign_type: SignType::HmacSha256,
    }
}

/// A client that trusts `sandbox` and holds the certificate that `maker` made for it.
fn client(sandbox: &Sandbox, maker: &Sandbox) -> Gateway {
    let certificate = maker.client_certificate(MCH_ID).unwrap();
    let certificate = ClientCertificate::from_pem(
        certificate.certificate_pem.as_bytes(),
        certificate.key_pem.as_bytes(),
    );
    let settings = Settings {
        certificate: Some(certificate.unwrap()),
        roots: Some(RootCertificates::from_pem(sandbox.ca_pem().as_bytes()).unwrap()),
        ..Settings::default()
    };
    Gateway::with(merchant(), &[&sandbox.https_url()], settings).unwrap()
}

async fn sandbox() -> Sandbox {
    let shop = saoma_sandbox::Merchant::new(MCH_ID, APP_ID, KEY, "Saoma Cafe").unwrap();
    Sandbox::start(Config::new([shop])).await.unwrap()
}

/// What the gateway says to a refund of all that was paid.
async fn refund(gateway: &Gateway) -> String {
    let (order, number) = (OutTradeNo::new(NO).unwrap(), OutRefundNo::new("R1").unwrap());
    let total = Fen::parse("1800").unwrap();
    let refund = Refund::new(PaymentNo::OutTrade(&order), &number, total, total).unwrap();
    let mut request = String::new();
    refund.draft(&merchant(), SignType::HmacSha256).write(&mut request).unwrap();
    let nonce = Nonce::from_random([9; 16]);
    let answer =
        gateway.refund(request.as_bytes(), SignType::HmacSha256, &nonce, |answer| match answer {
            RefundAnswer::Accepted(_) => "accepted".to_owned(),
            RefundAnswer::Refused(refusal) => format!("refused: {refusal}"),
        });
    answer.await.unwrap_or_else(|error| format!("failed: {error}"))
}

#[tokio::test]
async fn a_refund_is_accepted_with_the_merchants_certificate_and_no_other() {
    let (sandbox, other) = (sandbox().await, sandbox().await);
    let gateway = client(&sandbox, &sandbox);
    let number = OutTradeNo::new(NO).unwrap();
    let now = UnixTime::parse_beijing(&sandbox.now().beijing()).unwrap();
    let (total, notify_url) = (Fen::parse("1800").unwrap(), "http://127.0.0.1:9/notify");
    let ip = "127.0.0.1".parse().unwrap();
    let order =
        UnifiedOrder::new(&number, "Latte", total, notify_url, ip, (now, now.plus(900))).unwrap();
    let mut request = String::new();
    order.draft(&merchant(), SignType::HmacSha256).write(&mut request).unwrap();
    let nonce = Nonce::from_random([7; 16]);
    gateway.unified_order(request.as_bytes(), SignType::HmacSha256, &nonce).await.unwrap();
    sandbox.pay(&Target::of_number(NO), Tender::default()).unwrap();

    let refused = refund(&client(&sandbox, &other)).await;
    assert!(refused.contains("CERT_ERROR"), "{refused}");
    let refunds = || sandbox.order(NO).unwrap().payments[0].refunds.len();
    assert_eq!(refunds(), 0, "nothing has happened");
    assert_eq!(refund(&gateway).await, "accepted");
    assert_eq!(refunds(), 1);
    sandbox.stop().await;
    other.stop().await;
}
