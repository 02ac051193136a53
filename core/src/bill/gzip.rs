//! Bills that come compressed, and bills from anything that can be read.

use super::reader::{BillError, LineError, Reader, Totals};
use core::fmt;
use flate2::read::MultiGzDecoder;
use std::io::{self, Chain, Cursor, Read};
use std::vec::Vec;

/// The two bytes that every gzip file begins with.
pub(crate) const GZIP_MAGIC: [u8; 2] = [0x1F, 0x8B];
/// What is read at a time.
const CHUNK: usize = 64 * 1024;

/// Unpacks what is compressed and passes on what is not: a failure comes as plain text also when a
/// compressed bill was asked for. Memory is constant, however much it unpacks to.
///
/// ```
/// use saoma_core::bill::Unpacked;
/// use std::io::Read;
///
/// let mut text = String::new();
/// Unpacked::new(&b"<xml></xml>"[..])?.read_to_string(&mut text)?;
/// assert_eq!(text, "<xml></xml>");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Unpacked<R>(Inner<R>);

#[derive(Debug)]
enum Inner<R> {
    /// With the bytes that were looked at to tell the two apart.
    Plain(Chain<Cursor<Vec<u8>>, R>),
    Gzip(MultiGzDecoder<Chain<Cursor<Vec<u8>>, R>>),
}

impl<R: Read> Unpacked<R> {
    /// Looks at the first two bytes.
    ///
    /// # Errors
    /// What reading them says.
    pub fn new(mut input: R) -> io::Result<Self> {
        let mut start = Vec::with_capacity(GZIP_MAGIC.len());
        input.by_ref().take(2).read_to_end(&mut start)?;
        let packed = start == GZIP_MAGIC;
        let whole = Cursor::new(start).chain(input);
        Ok(Self(if packed { Inner::Gzip(MultiGzDecoder::new(whole)) } else { Inner::Plain(whole) }))
    }
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Inner::Plain(plain) => plain.read(buffer),
            Inner::Gzip(gzip) => gzip.read(buffer),
        }
    }
}

/// Why a bill could not be read; an example is at [`read_bill`].
#[derive(Debug)]
pub enum ReadBillError {
    /// Reading or unpacking failed.
    Io(io::Error),
    /// The bill itself.
    Bill(BillError),
}

impl fmt::Display for ReadBillError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "reading the bill: {error}"),
            Self::Bill(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ReadBillError {}

impl From<io::Error> for ReadBillError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<BillError> for ReadBillError {
    fn from(error: BillError) -> Self {
        Self::Bill(error)
    }
}

/// Reads a whole bill, compressed or not, line by line.
///
/// ```no_run
/// use saoma_core::bill::{TradeTotals, read_bill};
///
/// let file = std::fs::File::open("20261122.csv.gz")?;
/// let totals = read_bill::<TradeTotals>(file, |line| match line {
///     Ok(line) => println!("{}", line.out_trade_no),
///     Err(error) => eprintln!("{error}"),
/// })?;
/// println!("{} lines", totals.count);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`ReadBillError`] when reading fails, or the bill is none or none that can be trusted.
pub fn read_bill<T: Totals>(
    input: impl Read,
    mut on_line: impl FnMut(Result<T::Line<'_>, LineError>),
) -> Result<T, ReadBillError> {
    let mut input = Unpacked::new(input)?;
    let mut reader: Reader<T> = Reader::new();
    let mut chunk = std::vec![0; CHUNK];
    loop {
        let len = match input.read(&mut chunk) {
            Ok(0) => return Ok(reader.finish(on_line)?),
            Ok(len) => len,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        reader.feed(chunk.get(..len).unwrap_or(&[]), &mut on_line)?;
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{ALL, assert_all};
    use super::super::{BillErrorKind, TradeTotals};
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    fn packed(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_compressed_bill_is_read_like_a_plain_one() {
        let totals = read_bill::<TradeTotals>(ALL.as_bytes(), |_| ()).unwrap();
        assert_all(&totals);
        assert_eq!(read_bill::<TradeTotals>(&packed(ALL.as_bytes())[..], |_| ()).unwrap(), totals);
    }

    #[test]
    fn a_failure_comes_plain_and_an_empty_answer_is_no_bill() {
        let failure = b"<xml><return_code>FAIL</return_code><return_msg>system error</return_msg>\
            <error_code>20003</error_code></xml>";
        for input in [&failure[..], b""] {
            let error = read_bill::<TradeTotals>(input, |_| ()).unwrap_err();
            let ReadBillError::Bill(error) = error else { panic!("{error}") };
            assert!(matches!(error.kind, BillErrorKind::Failure(_) | BillErrorKind::NoBill));
        }
    }

    #[test]
    fn a_damaged_or_cut_file_is_an_error() {
        let mut bytes = packed(ALL.as_bytes());
        let len = bytes.len();
        for cut in [3, 12, len / 2, len - 1] {
            let error = read_bill::<TradeTotals>(&bytes[..cut], |_| ()).unwrap_err();
            assert!(matches!(error, ReadBillError::Io(_)), "{cut}: {error}");
        }
        bytes[len - 6] ^= 1;
        let error = read_bill::<TradeTotals>(&bytes[..], |_| ()).unwrap_err();
        assert!(matches!(error, ReadBillError::Io(_)), "the checksum: {error}");
    }

    #[test]
    fn ten_megabytes_of_nothing_need_no_memory() {
        let bomb = packed(&std::vec![b' '; 10_000_000]);
        let error = read_bill::<TradeTotals>(&bomb[..], |_| ()).unwrap_err();
        let ReadBillError::Bill(error) = error else { panic!("{error}") };
        assert_eq!(error.kind, BillErrorKind::LineTooLong);
    }
}
