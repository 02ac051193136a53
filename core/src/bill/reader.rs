//! The reader: header, lines, summary; the same for every kind of bill.

use super::failure::BillFailure;
use super::lines::{LINE_MAX, Lines, TooLong};
use super::table::{COLUMNS_MAX, Columns, HeaderFault};
use core::fmt;

pub(super) use sealed::Book;

/// What a kind of bill counts. [`TradeTotals`](super::TradeTotals) and
/// [`FundTotals`](super::FundTotals) are the two there are.
///
/// An example is at [the module](super).
pub trait Totals: Book {}

mod sealed {
    use super::LineFault;
    use crate::bill::table::{Columns, HeaderFault};

    /// What a kind of bill knows of its own form, and what it counts.
    pub trait Book: Clone + core::fmt::Debug + Default {
        /// A line as it is handed on.
        type Line<'l>;

        /// Whether this line is the header of the summary.
        fn begins_summary(line: &str) -> bool;
        /// Reads the header.
        fn header(line: &str) -> Result<Columns, HeaderFault>;
        /// Reads the header of the summary.
        fn summary_header(line: &str) -> Result<Columns, HeaderFault>;
        /// Reads a line.
        fn line<'l>(columns: &Columns, line: &'l str) -> Result<Self::Line<'l>, LineFault>;
        /// Counts a line; `None` when the sums do not fit any more.
        fn add(&mut self, line: &Self::Line<'_>) -> Option<()>;
        /// Compares the sums with the summary; an error names the column that differs.
        fn check(&self, columns: &Columns, line: &str) -> Result<(), &'static str>;
    }
}

/// Reads a bill in constant memory: [`feed`](Self::feed) it the chunks as they come, then
/// [`finish`](Self::finish). An example is at [the module](super).
#[derive(Clone, Debug)]
pub struct Reader<T: Totals> {
    lines: Lines,
    pages: Pages<T>,
}

impl<T: Totals> Default for Reader<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Totals> Reader<T> {
    /// A reader at the beginning of a bill.
    #[must_use]
    pub fn new() -> Self {
        Self { lines: Lines::new(), pages: Pages { number: 0, bad: 0, place: Place::Header } }
    }

    /// Reads on. `on_line` is called with each line that is complete; one that breaks a rule is
    /// handed on as an error, and the others are read all the same.
    ///
    /// # Errors
    /// [`BillError`] when this is no bill, or not the rest of one. Nothing can be fed after it.
    pub fn feed(
        &mut self,
        chunk: &[u8],
        mut on_line: impl FnMut(Result<T::Line<'_>, LineError>),
    ) -> Result<(), BillError> {
        let Self { lines, pages } = self;
        let result = lines.feed(chunk, |line| pages.line(line, &mut on_line));
        result.map_err(|kind| BillError { line: pages.number, kind })
    }

    /// Ends the bill: its last line may come without a line end, and `on_line` is called with it if
    /// it is one of the lines. The sums are those of the summary; a day without trade has none.
    ///
    /// # Errors
    /// [`BillError`] when the bill is cut off, WeChat failed to make it, a line broke a rule, or
    /// the summary says something else than the lines.
    pub fn finish(
        self,
        mut on_line: impl FnMut(Result<T::Line<'_>, LineError>),
    ) -> Result<T, BillError> {
        let Self { mut lines, mut pages } = self;
        let result = lines.finish(|line| pages.line(line, &mut on_line));
        let number = pages.number;
        result.and_then(|()| pages.finish()).map_err(|kind| BillError { line: number, kind })
    }
}

/// What has been read of the lines, and what may come next.
#[derive(Clone, Debug)]
struct Pages<T: Book> {
    /// The line that was read last, from 1.
    number: u64,
    /// How many lines broke a rule.
    bad: u64,
    place: Place<T>,
}

#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "without heap each is held in place")]
enum Place<T: Book> {
    /// The first line comes next.
    Header,
    /// Lines come next, or the header of the summary.
    Lines { columns: Columns, totals: T },
    /// The summary comes next.
    Summary { columns: Columns, totals: T },
    /// Nothing comes next.
    End { totals: T },
    /// It is no bill but a message that says why there is none.
    Message(Message),
    /// An error was found before.
    Broken,
}

impl<T: Book> Pages<T> {
    fn line(
        &mut self,
        line: &[u8],
        on_line: &mut impl FnMut(Result<T::Line<'_>, LineError>),
    ) -> Result<(), BillErrorKind> {
        self.number += 1;
        if let Place::Message(message) = &mut self.place {
            return extend(message, line);
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let line = if self.number == 1 { strip_mark(line) } else { line };
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        let text = core::str::from_utf8(line).map_err(|_| LineFault::NotUtf8);
        if let Place::Lines { columns, totals } = &mut self.place
            && !text.is_ok_and(T::begins_summary)
        {
            let parsed = text.and_then(|text| T::line(columns, text));
            match &parsed {
                Ok(line) => totals.add(line).ok_or(BillErrorKind::Overflow)?,
                Err(_) => self.bad += 1,
            }
            on_line(parsed.map_err(|fault| LineError { line: self.number, fault }));
            return Ok(());
        }
        let text = text.map_err(|_| BillErrorKind::NotUtf8)?;
        let place = core::mem::replace(&mut self.place, Place::Broken);
        self.place = place.next(text, self.bad > 0)?;
        Ok(())
    }

    fn finish(self) -> Result<T, BillErrorKind> {
        match self.place {
            Place::End { .. } if self.bad > 0 => Err(BillErrorKind::BadLines { count: self.bad }),
            Place::End { totals } => Ok(totals),
            Place::Message(message) => match BillFailure::read(&message) {
                Some(failure) if failure.is_empty_day() => Ok(T::default()),
                Some(failure) => Err(BillErrorKind::Failure(failure)),
                None => Err(BillErrorKind::NoBill),
            },
            Place::Header => Err(BillErrorKind::NoBill),
            Place::Lines { .. } | Place::Summary { .. } => Err(BillErrorKind::Truncated),
            Place::Broken => Err(BillErrorKind::Broken),
        }
    }
}

impl<T: Book> Place<T> {
    /// What comes after a line that is not one of the bill's lines. With bad ones among those, the
    /// summary cannot be what the good ones add up to.
    fn next(self, line: &str, bad: bool) -> Result<Self, BillErrorKind> {
        match self {
            Self::Header if line.trim_start().starts_with('<') => {
                let mut message = Message::new();
                extend(&mut message, line.as_bytes())?;
                Ok(Self::Message(message))
            }
            Self::Header => Ok(Self::Lines { columns: T::header(line)?, totals: T::default() }),
            Self::Lines { totals, .. } => {
                Ok(Self::Summary { columns: T::summary_header(line)?, totals })
            }
            Self::Summary { columns, totals } => match totals.check(&columns, line) {
                Err(column) if !bad => Err(BillErrorKind::SummaryDiffers { column }),
                Ok(()) | Err(_) => Ok(Self::End { totals }),
            },
            Self::End { .. } => Err(BillErrorKind::Trailing),
            Self::Message(_) | Self::Broken => Err(BillErrorKind::Broken),
        }
    }
}

/// The byte order mark that may begin a bill.
fn strip_mark(line: &[u8]) -> &[u8] {
    line.strip_prefix("\u{FEFF}".as_bytes()).unwrap_or(line)
}

/// A message instead of a bill has about 200 bytes.
type Message = heapless::Vec<u8, 1_024>;

fn extend(message: &mut Message, line: &[u8]) -> Result<(), BillErrorKind> {
    let written = message.extend_from_slice(line).and_then(|()| message.extend_from_slice(b"\n"));
    written.map_err(|_| BillErrorKind::NoBill)
}

/// Why there is no bill, or none that can be trusted.
///
/// ```
/// use saoma_core::bill::{BillErrorKind, TradeBill};
///
/// let mut bill = TradeBill::new();
/// let message = b"<xml><return_code>FAIL</return_code>
/// <return_msg>Bill Creating</return_msg><error_code>20002</error_code></xml>";
/// bill.feed(message, |_| ())?;
/// let error = bill.finish(|_| ()).unwrap_err();
/// assert!(matches!(error.kind, BillErrorKind::Failure(_)));
/// assert_eq!(error.to_string(), "WeChat gives no bill: Bill Creating (20002)");
/// # Ok::<(), saoma_core::bill::BillError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillError {
    /// The line in which it was found, from 1.
    pub line: u64,
    /// What is wrong.
    pub kind: BillErrorKind,
}

/// What is wrong with a bill; an example is at [`BillError`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BillErrorKind {
    /// WeChat says that there is no bill, and why.
    Failure(BillFailure),
    /// Neither a bill nor a message that says why there is none.
    NoBill,
    /// A line is longer than [`LINE_MAX`].
    LineTooLong,
    /// A header or a summary is not UTF-8.
    NotUtf8,
    /// The header lacks a column that is needed.
    ColumnMissing {
        /// Its name.
        column: &'static str,
    },
    /// The header has a column twice.
    ColumnTwice {
        /// Its name.
        column: &'static str,
    },
    /// The header has more than [`COLUMNS_MAX`] columns.
    TooManyColumns,
    /// The sums do not fit any more.
    Overflow,
    /// The summary is not what the lines add up to.
    SummaryDiffers {
        /// The column of the summary.
        column: &'static str,
    },
    /// Something follows the summary.
    Trailing,
    /// The bill ends before its summary.
    Truncated,
    /// Lines broke a rule, so nobody can say what the bill adds up to.
    BadLines {
        /// How many.
        count: u64,
    },
    /// An error was found before.
    Broken,
}

impl fmt::Display for BillError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use BillErrorKind as K;
        match &self.kind {
            K::Failure(failure) => return write!(f, "WeChat gives no bill: {failure}"),
            K::NoBill => return f.write_str("neither a bill nor a message about one"),
            K::LineTooLong => write!(f, "a line is longer than {LINE_MAX} bytes"),
            K::NotUtf8 => f.write_str("a header is not UTF-8"),
            K::ColumnMissing { column } => write!(f, "the column {column} is missing"),
            K::ColumnTwice { column } => write!(f, "the column {column} is there twice"),
            K::TooManyColumns => write!(f, "there are more than {COLUMNS_MAX} columns"),
            K::Overflow => f.write_str("the sums are too large"),
            K::SummaryDiffers { column } => {
                write!(f, "the summary's {column} is not what the lines add up to")
            }
            K::Trailing => f.write_str("something follows the summary"),
            K::Truncated => f.write_str("the bill ends before its summary"),
            K::BadLines { count } => write!(f, "{count} lines break a rule"),
            K::Broken => f.write_str("the bill broke off with an error before"),
        }?;
        write!(f, " (line {})", self.line)
    }
}

impl core::error::Error for BillError {}

impl From<TooLong> for BillErrorKind {
    fn from(_: TooLong) -> Self {
        Self::LineTooLong
    }
}

impl From<HeaderFault> for BillErrorKind {
    fn from(fault: HeaderFault) -> Self {
        match fault {
            HeaderFault::Missing(column) => Self::ColumnMissing { column },
            HeaderFault::Twice(column) => Self::ColumnTwice { column },
            HeaderFault::TooMany => Self::TooManyColumns,
        }
    }
}

/// A line that cannot be read.
///
/// ```
/// use saoma_core::bill::{LineError, LineFault};
///
/// let error = LineError { line: 7, fault: LineFault::Count { got: 26, expected: 27 } };
/// assert_eq!(error.to_string(), "line 7 has 26 values, the header 27");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineError {
    /// Its number, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub fault: LineFault,
}

/// What is wrong with a line; an example is at [`LineError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineFault {
    /// It is not UTF-8.
    NotUtf8,
    /// It does not begin with a backtick.
    Form,
    /// It has another number of values than the header: fewer, or more where nothing can have held
    /// the very characters that stand between values, as a name of goods can.
    Count {
        /// Values in the line.
        got: usize,
        /// Columns in the header.
        expected: usize,
    },
    /// A value breaks the rule of its column: an amount, a time.
    Value {
        /// The column.
        column: &'static str,
    },
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.line;
        match self.fault {
            LineFault::NotUtf8 => write!(f, "line {line} is not UTF-8"),
            LineFault::Form => write!(f, "line {line} does not begin with a backtick"),
            LineFault::Count { got, expected } => {
                write!(f, "line {line} has {got} values, the header {expected}")
            }
            LineFault::Value { column } => write!(f, "line {line} has an invalid {column}"),
        }
    }
}

impl core::error::Error for LineError {}
