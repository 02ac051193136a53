//! Published SDKs that nobody here wrote, against the sandbox: the same orders, payments, refunds
//! and bills that their users have with WeChat, and nothing changed but the host, the ids, the key
//! and the certificates.
//!
//! Ignored by default, because they need Node, Python and the SDKs from npm and PyPI:
//! `cargo xtask test --only sdk` sees to all of them.

use saoma_sandbox::time::UnixTime;
use saoma_sandbox::{Config, Coupon, CouponKind, Merchant, OrderView, Sandbox, Target, Tender};
use saoma_tests::{Certificate, Sdk, SdkError, SdkMerchant, Us};
use serde_json::{Value, json};
use std::path::Path;
use tempfile::TempDir;

const MCH_ID: &str = "1900000109";
const APPID: &str = "wx5a0mademeup0001";
const NO: &str = "SM20261123000001";

type Outcome = Result<(), Box<dyn std::error::Error>>;

#[tokio::test]
#[ignore = "cargo xtask test --only sdk"]
async fn tenpay_from_npm() -> Outcome {
    Desk::start(Sdk::Tenpay).await?.all().await
}

#[tokio::test]
#[ignore = "cargo xtask test --only sdk"]
async fn wechatpay_axios_plugin_from_npm() -> Outcome {
    Desk::start(Sdk::AxiosPlugin).await?.all().await
}

#[tokio::test]
#[ignore = "cargo xtask test --only sdk"]
async fn wechatpy_from_pypi() -> Outcome {
    Desk::start(Sdk::Wechatpy).await?.all().await
}

#[tokio::test]
#[ignore = "cargo xtask test --only sdk"]
async fn weixin_python_from_pypi() -> Outcome {
    Desk::start(Sdk::WeixinPython).await?.all().await
}

/// A sandbox and a merchant that uses it through an SDK.
struct Desk {
    sdk: Sdk,
    sandbox: Sandbox,
    merchant: SdkMerchant,
    /// Where the merchant has its certificates.
    _folder: TempDir,
}

/// The certificates as WeChat gives them to a merchant: files.
fn certificate(
    sandbox: &Sandbox,
    folder: &Path,
) -> Result<Certificate, Box<dyn std::error::Error>> {
    let client = sandbox.client_certificate(MCH_ID).ok_or("no client certificate")?;
    let write = |name: &str, content: &[u8]| {
        let path = folder.join(name);
        std::fs::write(&path, content).map(|()| path)
    };
    Ok(Certificate {
        certificate: write("apiclient_cert.pem", client.certificate_pem.as_bytes())?,
        private_key: write("apiclient_key.pem", client.key_pem.as_bytes())?,
        pkcs12: write("apiclient_cert.p12", &client.p12)?,
        authority: write("ca.pem", sandbox.ca_pem().as_bytes())?,
    })
}

impl Desk {
    async fn start(sdk: Sdk) -> Result<Self, Box<dyn std::error::Error>> {
        let key = saoma_tests::key()?;
        let merchant = Merchant::new(MCH_ID, APPID, &key, "Saoma Cafe")?;
        let sandbox = Sandbox::start(Config::new([merchant])).await?;
        let folder = tempfile::tempdir()?;
        let us = Us {
            host: sandbox.https_url(),
            appid: APPID.to_owned(),
            mch_id: MCH_ID.to_owned(),
            key,
            certificate: Some(certificate(&sandbox, folder.path())?),
        };
        let merchant = SdkMerchant::start(sdk, &us).await?;
        Ok(Self { sdk, sandbox, merchant, _folder: folder })
    }

    async fn all(mut self) -> Outcome {
        self.a_payment_is_heard_of().await?;
        self.a_forged_notification_is_not_taken().await?;
        self.a_refund_is_made_and_heard_of().await?;
        self.an_order_is_closed().await?;
        self.what_does_not_exist_is_said_so().await?;
        self.the_bill_has_what_happened().await?;
        self.merchant.stop().await?;
        self.sandbox.stop().await;
        Ok(())
    }

    async fn order(&mut self, out_trade_no: &str) -> Result<String, SdkError> {
        let fields = json!({
            "body": "Saoma Cafe - 拿铁", "attach": "深圳分店", "total_fee": 1800,
            "out_trade_no": out_trade_no, "notify_url": self.merchant.pay_url,
        });
        let answer = self.merchant.call("order", fields).await?;
        Ok(text(&answer, "code_url").to_owned())
    }

    async fn query(&mut self, out_trade_no: &str) -> Result<Value, SdkError> {
        self.merchant.call("query", json!({ "out_trade_no": out_trade_no })).await
    }

    fn view(&self, out_trade_no: &str) -> Result<OrderView, String> {
        self.sandbox.order(out_trade_no).ok_or_else(|| format!("no order {out_trade_no}"))
    }

    async fn a_payment_is_heard_of(&mut self) -> Outcome {
        let code_url = self.order(NO).await?;
        assert!(code_url.starts_with("weixin://"), "{code_url}");
        assert_eq!(text(&self.query(NO).await?, "trade_state"), "NOTPAY");

        let coupon = Coupon { id: "10001".into(), fee_fen: 500, kind: Some(CouponKind::NoCash) };
        let tender = Tender { coupons: vec![coupon], ..Tender::default() };
        let paid = self.sandbox.pay(&Target::of_code(&code_url), tender)?;
        self.sandbox.quiet().await;
        let notices = self.merchant.notices().await?;
        let [notice] = notices.as_slice() else { panic!("one payment: {notices:?}") };
        assert_eq!(text(notice, "kind"), "pay");
        let found = self.query(NO).await?;
        assert_eq!(text(&found, "trade_state"), "SUCCESS");
        for told in [notice, &found] {
            assert_eq!(text(told, "out_trade_no"), NO);
            assert_eq!(text(told, "transaction_id"), paid.transaction_id);
            assert_eq!(text(told, "attach"), "深圳分店");
            assert_eq!(fen(told, "total_fee"), 1800);
            assert_eq!(fen(told, "cash_fee"), 1300);
            assert_eq!(fen(told, "settlement_total_fee"), 1300);
            assert_eq!(fen(told, "coupon_fee_0"), 500);
        }
        let view = self.view(NO)?;
        let attempts = &view.payments[0].notification.attempts;
        assert_eq!(attempts.len(), 1, "acknowledged at once: {attempts:?}");
        Ok(())
    }

    /// The same notification once more with another amount: the SDK really verifies.
    async fn a_forged_notification_is_not_taken(&mut self) -> Outcome {
        let messages = self.sandbox.messages();
        let is_notice =
            |message: &&saoma_sandbox::gateway::Message| message.name == self.merchant.pay_url;
        let notice = messages.iter().rfind(is_notice).ok_or("no notification was logged")?;
        let forged = notice.request.replace("<total_fee>1800<", "<total_fee>1<");
        assert_ne!(forged, notice.request);
        let http = reqwest::Client::new();
        for (body, is_taken) in [(forged, false), (notice.request.clone(), true)] {
            let answer = http.post(&self.merchant.pay_url).body(body).send().await?.text().await?;
            assert_eq!(answer.contains("SUCCESS"), is_taken, "{answer}");
            assert_eq!(self.merchant.notices().await?.len(), usize::from(is_taken));
        }
        Ok(())
    }

    /// A third goes back, the coupon's part of it too. The call shows the client certificate; the
    /// end, after twenty minutes, is told sealed.
    async fn a_refund_is_made_and_heard_of(&mut self) -> Outcome {
        const REFUND_NO: &str = "R-SM20261123-0001";
        let hears = self.sdk != Sdk::WeixinPython;
        let mut fields = json!({
            "out_trade_no": NO, "out_refund_no": REFUND_NO, "total_fee": 1800, "refund_fee": 600,
        });
        if hears {
            fields["notify_url"] = json!(self.merchant.refund_url);
        }
        let accepted = self.merchant.call("refund", fields.clone()).await?;
        assert_eq!(text(&accepted, "out_refund_no"), REFUND_NO);
        assert_eq!(fen(&accepted, "refund_fee"), 600);
        assert_eq!(fen(&accepted, "cash_refund_fee") + fen(&accepted, "coupon_refund_fee"), 600);
        let again = self.merchant.call("refund", fields).await?;
        assert_eq!(again["refund_id"], accepted["refund_id"], "one number is one refund");

        let number = json!({ "out_refund_no": REFUND_NO });
        let found = self.merchant.call("refund_query", number.clone()).await?;
        assert_eq!(text(&found, "refund_status_0"), "PROCESSING");
        self.sandbox.advance(20 * 60).ok_or("the clock does not move")?;
        self.sandbox.quiet().await;
        let found = self.merchant.call("refund_query", number).await?;
        assert_eq!(text(&found, "refund_status_0"), "SUCCESS");
        assert_eq!(fen(&found, "refund_fee_0"), 600);
        assert_eq!(fen(&found, "coupon_refund_fee_0"), fen(&accepted, "coupon_refund_fee"));
        assert_eq!(text(&self.query(NO).await?, "trade_state"), "REFUND");

        let notices = self.merchant.notices().await?;
        assert_eq!(notices.len(), usize::from(hears), "weixin-python cannot decrypt: {notices:?}");
        for notice in &notices {
            assert_eq!(text(notice, "kind"), "refund");
            assert_eq!(text(notice, "out_refund_no"), REFUND_NO);
            assert_eq!(notice["refund_id"], accepted["refund_id"]);
            assert_eq!(text(notice, "refund_status"), "SUCCESS");
            assert_eq!(fen(notice, "refund_fee"), 600);
        }
        Ok(())
    }

    async fn an_order_is_closed(&mut self) -> Outcome {
        const UNPAID: &str = "SM20261123000002";
        self.order(UNPAID).await?;
        let number = json!({ "out_trade_no": UNPAID });
        let early = self.merchant.call("close", number.clone()).await;
        assert!(matches!(early, Err(SdkError::Refused(_))), "not within five minutes: {early:?}");
        self.sandbox.advance(300).ok_or("the clock does not move")?;
        self.merchant.call("close", number).await?;
        assert_eq!(text(&self.query(UNPAID).await?, "trade_state"), "CLOSED");
        assert_eq!(self.view(UNPAID)?.trade_state, "CLOSED");
        Ok(())
    }

    /// The bill of the day is there from ten o'clock of the next, read by the SDK where it can.
    async fn the_bill_has_what_happened(&mut self) -> Outcome {
        let paid_at = UnixTime(self.view(NO)?.payments[0].paid_at);
        let day = json!({ "bill_date": &paid_at.beijing()[..8] });
        let early = self.merchant.call("bill", day.clone()).await;
        assert!(matches!(early, Err(SdkError::Refused(_))), "not on the same day: {early:?}");
        self.sandbox.advance(36 * 3600).ok_or("the clock does not move")?;
        let packed = json!({ "bill_date": day["bill_date"], "tar_type": "GZIP" });
        // The other SDKs read every answer as text, which spoils a packed one.
        let takes_packed = self.sdk == Sdk::AxiosPlugin;
        for bill in [Some(day.clone()), takes_packed.then_some(packed)].into_iter().flatten() {
            let bill = self.merchant.call("bill", bill).await?;
            let [line, refund] = bill["lines"].as_array().map_or(&[][..], Vec::as_slice) else {
                panic!("a payment and a refund: {bill}")
            };
            assert_eq!(line["商户订单号"], NO, "{bill}");
            assert_eq!(line["交易状态"], "SUCCESS");
            assert_eq!(line["订单金额"], "18.00");
            assert_eq!(line["应结订单金额"], "13.00");
            assert_eq!(line["商户数据包"], "深圳分店");
            assert_eq!(refund["商户退款单号"], "R-SM20261123-0001");
            assert_eq!(refund["交易状态"], "REFUND");
            assert_eq!(refund["申请退款金额"], "6.00");
            assert_eq!(bill["summary"]["总交易单数"], "2");
            assert_eq!(bill["summary"]["申请退款总金额"], "6.00");
            assert_eq!(bill["summary"]["订单总金额"], "18.00");
        }
        // weixin-python has no call for it.
        if self.sdk != Sdk::WeixinPython {
            self.the_fund_bill_has_every_movement(day).await?;
        }
        Ok(())
    }

    /// Given out for the client certificate only, which is proved over HTTPS.
    async fn the_fund_bill_has_every_movement(&mut self, day: Value) -> Outcome {
        let bill = self.merchant.call("fund_bill", day).await?;
        let lines = bill["lines"].as_array().map_or(&[][..], Vec::as_slice);
        let amounts = lines.iter().map(|line| text(line, "收支金额(元)"));
        assert_eq!(amounts.collect::<Vec<_>>(), ["13.00", "0.08", "4.31"], "{bill}");
        assert_eq!(bill["summary"]["资金流水总笔数"], "3");
        Ok(())
    }

    async fn what_does_not_exist_is_said_so(&mut self) -> Outcome {
        let answer = self.query("SM20261123999999").await;
        let Err(SdkError::Refused(words)) = answer else { panic!("refused: {answer:?}") };
        assert!(["ORDERNOTEXIST", "order not exist"].contains(&words.as_str()), "{words}");
        Ok(())
    }
}

fn text<'a>(told: &'a Value, name: &str) -> &'a str {
    told[name].as_str().unwrap_or_default()
}

/// Some SDKs give numbers, some the text as it came.
fn fen(told: &Value, name: &str) -> u64 {
    let value = &told[name];
    value.as_u64().or_else(|| value.as_str()?.parse().ok()).unwrap_or_default()
}
