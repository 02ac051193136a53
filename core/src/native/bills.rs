//! The calls that are answered with a bill, which is read while it comes.

use super::transport::Sealed;
use super::{CallError, DownloadError, Gateway, Heard};
use crate::api::Call;
use crate::bill::{
    BillDate, BillError, BillForm, FailureKind, FundAccount, FundLine, FundTotals, GZIP_MAGIC,
    LineError, Reader, Totals, TradeBillKind, TradeLine, TradeTotals, fund_bill, trade_bill,
};
use crate::ids::Nonce;
use crate::sign::SignType;
use flate2::write::MultiGzDecoder;
use std::boxed::Box;
use std::io::{self, Write};
use std::vec::Vec;

impl Gateway {
    /// Downloads the trade bill of a day, and hands on each line as it comes, in constant memory;
    /// `on_line` should be quick, for the connection waits meanwhile. At the end the sums are
    /// those of the bill's summary; a day without trade has none.
    ///
    /// Another host is asked as long as no line was handed on.
    ///
    /// ```no_run
    /// use saoma_core::bill::{BillDate, BillForm, TradeBillKind};
    /// use saoma_core::{ids::Nonce, native::Gateway};
    ///
    /// # type Done = Result<(), Box<dyn std::error::Error>>;
    /// # async fn fetch(gateway: &Gateway, nonce: Nonce) -> Done {
    /// let day = BillDate::parse("20261122")?;
    /// let what = (TradeBillKind::All, BillForm::Gzip);
    /// let sign_type = gateway.merchant().sign_type;
    /// let totals = gateway
    ///     .download_bill(&day, what, sign_type, &nonce, |line| match line {
    ///         Ok(line) => println!("{} {} fen", line.out_trade_no, line.total_fee),
    ///         Err(error) => println!("{error}"),
    ///     })
    ///     .await?;
    /// println!("{} lines, {} fen", totals.count, totals.total_fee);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`DownloadError`]: there is no bill ([`DownloadError::failure`] is WeChat's own word for
    /// why), or none that can be trusted.
    pub async fn download_bill(
        &self,
        date: &BillDate,
        (kind, form): (TradeBillKind, BillForm),
        algorithm: SignType,
        nonce: &Nonce,
        on_line: impl FnMut(Result<TradeLine<'_>, LineError>),
    ) -> Result<TradeTotals, DownloadError> {
        let request = trade_bill(&self.merchant, algorithm, date, kind, form);
        let sealed = self.sealed(Call::TradeBill, &request, algorithm, nonce)?;
        self.download::<TradeTotals>(Call::TradeBill, &sealed, on_line).await
    }

    /// Downloads the fund bill of a day; it needs the merchant's certificate. It is always signed
    /// by [`SignType::HmacSha256`], because WeChat takes no other here (protocol §1). Everything
    /// else is as at [`download_bill`](Self::download_bill).
    ///
    /// # Errors
    /// [`DownloadError`]: there is no bill, or none that can be trusted.
    pub async fn download_fund_flow(
        &self,
        date: &BillDate,
        (account, form): (FundAccount, BillForm),
        nonce: &Nonce,
        on_line: impl FnMut(Result<FundLine<'_>, LineError>),
    ) -> Result<FundTotals, DownloadError> {
        let request = fund_bill(&self.merchant, date, account, form);
        let sealed = self.sealed(Call::FundBill, &request, SignType::HmacSha256, nonce)?;
        self.download::<FundTotals>(Call::FundBill, &sealed, on_line).await
    }

    async fn download<T: Totals>(
        &self,
        call: Call,
        sealed: &[Sealed],
        mut on_line: impl FnMut(Result<T::Line<'_>, LineError>),
    ) -> Result<T, DownloadError> {
        let mut last = DownloadError::Call(CallError::Unreachable);
        for host in self.hosts.iter() {
            for (turn, Sealed { body, .. }) in sealed.iter().enumerate() {
                let mut handed_on = false;
                let hand_on = |line: Result<T::Line<'_>, LineError>| {
                    handed_on = true;
                    on_line(line);
                };
                let result = self.download_from(host, call, body, hand_on).await;
                self.tap_heard(
                    host,
                    call,
                    match &result {
                        Err(DownloadError::Call(error)) => Heard::Failed(error),
                        Ok(_) | Err(_) => Heard::Bill,
                    },
                );
                match result {
                    Ok(totals) => return Ok(totals),
                    // Nobody should get a line twice.
                    Err(error) if handed_on => return Err(error),
                    // It was only to see whether this is the key; it is not.
                    Err(error) if turn > 0 && is_about_sign(&error) => {}
                    Err(error) => last = error,
                }
                if !may_be_the_key(&last) {
                    break;
                }
            }
            // WeChat's word is an answer.
            if last.failure().is_some() {
                break;
            }
        }
        Err(last)
    }

    async fn download_from<T: Totals>(
        &self,
        host: &str,
        call: Call,
        body: &str,
        on_line: impl FnMut(Result<T::Line<'_>, LineError>),
    ) -> Result<T, DownloadError> {
        #[cfg(feature = "simulation")]
        if let Some(wire) = &self.wire {
            self.tap_asked(host, call, body);
            let (came, broken) = wire.ask(host, call, body).await;
            let mut bill = Incoming::new(came.starts_with(&GZIP_MAGIC), on_line);
            came.chunks(1_000).try_for_each(|chunk| bill.feed(chunk))?;
            return broken.map_or_else(|| bill.finish(), |error| Err(error.into()));
        }
        let mut response = self.post(host, call, body, Some(self.bill_timeout)).await?;
        let broken = |error: reqwest::Error| CallError::from(&error);
        let mut start = Vec::new();
        while start.len() < GZIP_MAGIC.len() {
            let Some(chunk) = response.chunk().await.map_err(broken)? else { break };
            start.extend_from_slice(&chunk);
        }
        let mut bill = Incoming::new(start.starts_with(&GZIP_MAGIC), on_line);
        bill.feed(&start)?;
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            bill.feed(&chunk)?;
        }
        bill.finish()
    }
}

fn is_about_sign(error: &DownloadError) -> bool {
    error.failure().is_some_and(|failure| failure.kind == FailureKind::Sign)
}

/// Whether a bill may have been refused because of the request's key.
fn may_be_the_key(error: &DownloadError) -> bool {
    is_about_sign(error)
        || error.failure().is_some_and(|failure| failure.kind == FailureKind::Request)
}

/// A bill that comes, compressed or not.
enum Incoming<T: Totals, F: FnMut(Result<T::Line<'_>, LineError>)> {
    Plain(Box<Lines<T, F>>),
    Gzip(Box<MultiGzDecoder<Lines<T, F>>>),
}

impl<T: Totals, F: FnMut(Result<T::Line<'_>, LineError>)> Incoming<T, F> {
    fn new(packed: bool, on_line: F) -> Self {
        let lines = Lines { reader: Reader::new(), on_line, error: None };
        if packed {
            Self::Gzip(Box::new(MultiGzDecoder::new(lines)))
        } else {
            Self::Plain(Box::new(lines))
        }
    }

    fn feed(&mut self, chunk: &[u8]) -> Result<(), DownloadError> {
        match self {
            Self::Plain(lines) => Ok(lines.feed(chunk)?),
            Self::Gzip(gzip) => gzip.write_all(chunk).map_err(|_| gzip.get_mut().why()),
        }
    }

    fn finish(self) -> Result<T, DownloadError> {
        let lines = match self {
            Self::Plain(lines) => *lines,
            Self::Gzip(mut gzip) => {
                gzip.try_finish().map_err(|_| gzip.get_mut().why())?;
                gzip.finish().map_err(|_| DownloadError::Unpack)?
            }
        };
        lines.reader.finish(lines.on_line).map_err(DownloadError::Bill)
    }
}

/// Where the unpacked text goes.
struct Lines<T: Totals, F> {
    reader: Reader<T>,
    on_line: F,
    /// What the reader said, for the unpacker knows errors of another kind only.
    error: Option<BillError>,
}

impl<T: Totals, F: FnMut(Result<T::Line<'_>, LineError>)> Lines<T, F> {
    fn feed(&mut self, text: &[u8]) -> Result<(), DownloadError> {
        self.reader.feed(text, &mut self.on_line).map_err(DownloadError::Bill)
    }

    /// Why the unpacker stopped.
    fn why(&mut self) -> DownloadError {
        self.error.take().map_or(DownloadError::Unpack, DownloadError::Bill)
    }
}

impl<T: Totals, F: FnMut(Result<T::Line<'_>, LineError>)> Write for Lines<T, F> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        match self.reader.feed(text, &mut self.on_line) {
            Ok(()) => Ok(text.len()),
            Err(error) => {
                self.error = Some(error);
                Err(io::ErrorKind::InvalidData.into())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
