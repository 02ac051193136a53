//! Sending refunds, and asking what became of them.

use super::Worker;
use super::log::Log;
use crate::service::{RefundJob, RefundLook, RefundNews, ToldRefund};
use crate::store::RefundRow;
use saoma_core::api::{
    Call, Class, ErrCode, PaymentNo, REFUNDS_MAX, RefundAnswer, RefundNo, RefundQuery,
    RefundQueryAnswer, Refusal,
};
use saoma_core::money::Fen;
use saoma_core::native::Gateway;
use std::sync::Arc;

/// Refunds of one answer (protocol §8).
const PAGE: u8 = 10;

/// What one question was answered with.
struct Page {
    refunds: Vec<ToldRefund>,
    total: Fen,
}

impl Worker {
    pub(super) async fn refund(&self, job: RefundJob, log: &Arc<Log>) -> RefundNews {
        match job {
            RefundJob::Known(news) => news,
            RefundJob::Send(row) => self.send(&row, log).await,
            RefundJob::Look(look) => match self.line(&look.mch_id, &look.app_id, log) {
                Ok(gateway) => self.look(&gateway, &look).await,
                Err(why) => RefundNews::again(why),
            },
        }
    }

    async fn send(&self, row: &RefundRow, log: &Arc<Log>) -> RefundNews {
        let gateway = match self.line(&row.mch_id, &row.app_id, log) {
            Ok(gateway) => gateway,
            Err(why) => return RefundNews::again(why),
        };
        let nonce = match self.service.context.nonce() {
            Ok(nonce) => nonce,
            Err(error) => return RefundNews::again(error.to_string()),
        };
        let look = |answer: RefundAnswer<'_, '_, _>| match answer {
            RefundAnswer::Accepted(refund) => Ok((refund.refund_id.clone(), refund.refund_fee)),
            RefundAnswer::Refused(refusal) => Err(Box::new(refusal)),
        };
        let answer = gateway.refund(row.request.as_bytes(), row.sign_type, &nonce, look);
        let answer = self.measured(Call::Refund, answer).await;
        RefundNews::of_refund(row.part, answer)
    }

    async fn look(&self, gateway: &Gateway, look: &RefundLook) -> RefundNews {
        if let Some(number) = &look.number {
            let query = RefundQuery::new(RefundNo::OutRefund(number));
            match self.page(gateway, look, &query).await {
                Ok(Ok(Page { refunds, total })) => {
                    return RefundNews::Told { refunds, total: Some(total) };
                }
                // It is not known; perhaps others of the payment tell why.
                Ok(Err(refusal)) if look.or_all && is_unknown(&refusal) => {}
                Ok(Err(refusal)) => return RefundNews::of_query(&refusal),
                Err(news) => return news,
            }
        }
        self.look_at_all(gateway, look).await
    }

    /// All refunds of the payment, ten at a time.
    async fn look_at_all(&self, gateway: &Gateway, look: &RefundLook) -> RefundNews {
        let payment = RefundNo::Payment(PaymentNo::Transaction(&look.transaction_id));
        let (mut refunds, mut total) = (Vec::new(), None);
        while refunds.len() < REFUNDS_MAX {
            // Below fifty.
            let offset = u8::try_from(refunds.len()).unwrap_or(u8::MAX);
            let query = match RefundQuery::new(payment).offset(offset) {
                Ok(query) if offset > 0 => query,
                Ok(_) => RefundQuery::new(payment),
                Err(error) => return RefundNews::again(error.to_string()),
            };
            match self.page(gateway, look, &query).await {
                Ok(Ok(page)) => {
                    total = Some(page.total);
                    let is_last = page.refunds.len() < usize::from(PAGE);
                    refunds.extend(page.refunds);
                    if is_last {
                        break;
                    }
                }
                // Beyond the last one. Any other refusal leaves the rest unknown.
                Ok(Err(refusal))
                    if offset > 0
                        && (refusal.code == ErrCode::ParamError || is_unknown(&refusal)) =>
                {
                    break;
                }
                Ok(Err(refusal)) => return RefundNews::of_query(&refusal),
                Err(news) => return news,
            }
        }
        RefundNews::Told { refunds, total }
    }

    /// One question.
    async fn page(
        &self,
        gateway: &Gateway,
        look: &RefundLook,
        query: &RefundQuery<'_>,
    ) -> Result<Result<Page, Box<Refusal>>, RefundNews> {
        let nonce = self.service.context.nonce();
        let nonce = nonce.map_err(|error| RefundNews::again(error.to_string()))?;
        let read = |answer: RefundQueryAnswer<'_, '_, _>| -> Result<Page, Box<Refusal>> {
            match answer {
                RefundQueryAnswer::Refused(refusal) => Err(Box::new(refusal)),
                RefundQueryAnswer::Found(found) => {
                    let told = found.iter().map(|refund| ToldRefund {
                        out_refund_no: refund.out_refund_no.clone(),
                        refund_id: refund.refund_id.clone(),
                        part: refund.refund_fee,
                        state: refund.state,
                    });
                    Ok(Page { refunds: told.collect(), total: found.total_fee })
                }
            }
        };
        let answer = gateway.refund_query(query, look.sign_type, &nonce, read);
        let answer = self.measured(Call::RefundQuery, answer).await;
        answer.map_err(|error| RefundNews::of_failed_query(&error))
    }
}

/// Whether WeChat knows no such refund.
fn is_unknown(refusal: &Refusal) -> bool {
    matches!(refusal.class(Call::RefundQuery), Class::NotFound)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{KEY, Shop, merchant, signed};
    use crate::webhook::{Reach, Webhooks};
    use saoma_core::sign::SignType;
    use std::collections::HashMap;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    const PAYMENT: &str = "4200009999202611230000000001";

    fn answer(fields: &[(&str, &str)]) -> String {
        let ours = [
            ("return_code", "SUCCESS"),
            ("appid", "wx5a0mademeup0001"),
            ("mch_id", "1900000109"),
            ("nonce_str", "a3f0c1d2e4b596877869504132435465"),
        ];
        let fields = [&ours, fields].concat();
        let body = signed(&fields, KEY, SignType::HmacSha256);
        let body = String::from_utf8(body).unwrap();
        format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
    }

    /// Ten refunds of 1 fen each.
    fn page() -> String {
        let mut texts = Vec::new();
        for n in 0..PAGE {
            texts.push((format!("out_refund_no_{n}"), format!("CONSOLE-{n}")));
            texts.push((format!("refund_id_{n}"), format!("5030000000000000000000000000{n}")));
            texts.push((format!("refund_fee_{n}"), "1".to_owned()));
            texts.push((format!("refund_status_{n}"), "SUCCESS".to_owned()));
        }
        let mut fields: Vec<(&str, &str)> =
            texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        fields.extend([
            ("result_code", "SUCCESS"),
            ("transaction_id", PAYMENT),
            ("out_trade_no", "SM20261123-1"),
            ("total_fee", "1800"),
            ("refund_count", "10"),
        ]);
        answer(&fields)
    }

    /// What comes of a question about all refunds of a payment, when these are the answers.
    async fn looked(answers: [String; 2]) -> RefundNews {
        let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = format!("http://{}", door.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut guest, _) = door.accept().await.unwrap();
            for answer in answers {
                let mut request = Vec::new();
                while !request.ends_with(b"</xml>") {
                    assert!(guest.read_buf(&mut request).await.unwrap() > 0);
                }
                guest.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        let shop = Shop::open().await;
        let merchant = merchant(SignType::HmacSha256);
        let look = RefundLook {
            mch_id: merchant.mch_id.clone(),
            app_id: merchant.app_id.clone(),
            sign_type: merchant.sign_type,
            transaction_id: PAYMENT.parse().unwrap(),
            number: None,
            or_all: true,
        };
        let gateway = Gateway::new(merchant, &[&host]).unwrap();
        let webhooks = Webhooks::new([], Reach::of(true)).unwrap();
        let service = Arc::new(shop.service);
        let worker = Worker { service, gateways: HashMap::new(), webhooks };
        worker.look(&gateway, &look).await
    }

    #[tokio::test]
    async fn only_wechats_word_is_the_end_of_the_refunds() {
        let refused = |code| answer(&[("result_code", "FAIL"), ("err_code", code)]);
        match looked([page(), refused("PARAM_ERROR")]).await {
            RefundNews::Told { refunds, .. } => assert_eq!(refunds.len(), 10),
            other => panic!("{other:?}"),
        }
        let other = looked([page(), refused("SYSTEMERROR")]).await;
        assert!(matches!(other, RefundNews::Again { .. }), "the others are not known: {other:?}");
    }
}
