//! The table: columns by their names, values by the two characters between them.

use super::reader::LineFault;
use super::scan::find;

/// Most columns of a bill. The widest known has 29.
pub const COLUMNS_MAX: usize = 40;

/// The name of a column in its spellings; the first is today's.
pub(super) type Names = &'static [&'static str];

/// Most columns that are ours.
const KNOWN_MAX: usize = 32;

/// Where a bill has its columns: for each of ours, by number, the place in a line.
#[derive(Clone, Debug)]
pub struct Columns {
    names: &'static [Names],
    places: [Option<u8>; KNOWN_MAX],
    /// How many columns there are, known or not.
    count: usize,
}

/// Why a header is refused.
///
/// An example is at [`BillError`](super::BillError).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderFault {
    /// A column that is needed is not there.
    Missing(&'static str),
    /// A column is there twice.
    Twice(&'static str),
    /// There are more than [`COLUMNS_MAX`].
    TooMany,
}

impl Columns {
    /// Reads a header. Names that are not ours are passed over; those in `needed` must be there.
    pub(super) fn read(
        header: &str,
        names: &'static [Names],
        needed: &[usize],
    ) -> Result<Self, HeaderFault> {
        let mut columns = Self { names, places: [None; KNOWN_MAX], count: 0 };
        for name in header.split(',') {
            let name = name.trim_matches(|c: char| c.is_whitespace() || c == '`');
            let place = u8::try_from(columns.count).map_err(|_| HeaderFault::TooMany)?;
            columns.count += 1;
            let places = columns.places.iter_mut().zip(names);
            let known = places.into_iter().find(|(_, spellings)| spellings.contains(&name));
            if let Some((taken, spellings)) = known
                && taken.replace(place).is_some()
            {
                return Err(HeaderFault::Twice(spellings.first().copied().unwrap_or("")));
            }
        }
        if columns.count > COLUMNS_MAX {
            return Err(HeaderFault::TooMany);
        }
        match needed.iter().find(|&&column| columns.place(column).is_none()) {
            Some(&column) => Err(HeaderFault::Missing(columns.name(column))),
            None => Ok(columns),
        }
    }

    fn place(&self, column: usize) -> Option<u8> {
        self.places.get(column).copied().flatten()
    }

    /// Today's name of a column.
    fn name(&self, column: usize) -> &'static str {
        self.names.get(column).and_then(|names| names.first()).copied().unwrap_or("")
    }

    /// Splits a line, which must have as many values as there are columns. A line with more has
    /// the very characters that stand between values in a text that people choose: what there is
    /// too much belongs to the first of the `free` columns, if the bill has them side by side.
    /// Which of them it was in nobody can tell, but every other column has its own value.
    pub(super) fn split<'l>(&self, line: &'l str, free: &[usize]) -> Result<Values<'l>, LineFault> {
        let mut values = Values::split(line).ok_or(LineFault::Form)?;
        let (got, expected) = (values.count, self.count);
        if got > expected
            && let Some(first) = self.first_of(free)
        {
            values.join(first, expected).ok_or(LineFault::Form)?;
        }
        if values.count == expected { Ok(values) } else { Err(LineFault::Count { got, expected }) }
    }

    /// Where the first of these columns is, when those that the bill has stand side by side.
    fn first_of(&self, columns: &[usize]) -> Option<usize> {
        let places = columns.iter().filter_map(|&column| self.place(column)).map(usize::from);
        let (first, last) = (places.clone().min()?, places.clone().max()?);
        (last - first < places.count()).then_some(first)
    }
}

/// The values of one line by their columns.
#[derive(Clone, Copy)]
pub(super) struct Row<'r, 'l> {
    columns: &'r Columns,
    values: &'r Values<'l>,
}

impl<'r, 'l> Row<'r, 'l> {
    pub(super) const fn new(columns: &'r Columns, values: &'r Values<'l>) -> Self {
        Self { columns, values }
    }

    /// The value of a column of ours, by number; `None` when the bill has no such column.
    fn get(self, column: usize) -> Option<&'l str> {
        let place = self.columns.place(column)?;
        self.values.get(usize::from(place))
    }

    /// The same; empty when the bill has no such column.
    pub(super) fn text(self, column: usize) -> &'l str {
        self.get(column).unwrap_or("")
    }

    /// A value read by its own rule; the error is the column's name.
    pub(super) fn parsed<T>(
        self,
        column: usize,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, &'static str> {
        match self.get(column) {
            Some(text) => parse(text).map(Some).ok_or(self.name(column)),
            None => Ok(None),
        }
    }

    /// Whether a column of a summary, if there is one, says this; the error is the column's name.
    pub(super) fn agrees<T: Copy + PartialEq>(
        self,
        column: usize,
        parse: impl FnOnce(&str) -> Option<T>,
        expected: T,
    ) -> Result<(), &'static str> {
        match self.parsed(column, parse)? {
            Some(value) if value != expected => Err(self.name(column)),
            Some(_) | None => Ok(()),
        }
    }

    /// Today's name of a column.
    pub(super) fn name(self, column: usize) -> &'static str {
        self.columns.name(column)
    }
}

/// The values of a line, in order. Where each begins is kept, not each text: that takes a sixth of
/// the bytes, which are moved once or twice for each line.
pub(super) struct Values<'l> {
    line: &'l str,
    /// Where each value begins, and behind the last where one more would.
    starts: [u16; COLUMNS_MAX + 1],
    /// How many there are, also when they are more than are kept.
    count: usize,
    /// Whether some were joined because there were too many.
    is_joined: bool,
}

/// What stands between values.
const BETWEEN: &str = ",`";

impl<'l> Values<'l> {
    /// Splits a line, which begins with a backtick, on the two characters that stand between
    /// values. A comma alone is part of a value: names of goods hold some, and nothing is quoted.
    /// `None` when the line begins with something else.
    fn split(line: &'l str) -> Option<Self> {
        let line = line.strip_prefix('`')?;
        let starts = [0; COLUMNS_MAX + 1];
        let mut values = Self { line, starts, count: 0, is_joined: false };
        let bytes = line.as_bytes();
        let mut start = 0;
        let mut from = 0;
        while let Some(at) = find(bytes, b'`', from) {
            from = at + 1;
            if let Some(comma) = at.checked_sub(1)
                && bytes.get(comma) == Some(&b',')
                && comma >= start
            {
                start = from;
                values.push(start)?;
            }
        }
        values.push(line.len() + BETWEEN.len())?;
        Some(values)
    }

    /// Ends a value: the next one begins at `next`.
    fn push(&mut self, next: usize) -> Option<()> {
        self.count += 1;
        if let Some(place) = self.starts.get_mut(self.count) {
            *place = u16::try_from(next).ok()?;
        }
        Some(())
    }

    /// Makes them `count` by joining values from `first` on. Those behind are counted from the
    /// line's end, for of too many values not all are kept.
    fn join(&mut self, first: usize, count: usize) -> Option<()> {
        let next = self.line.len() + BETWEEN.len();
        *self.starts.get_mut(count)? = u16::try_from(next).ok()?;
        let between = self.line.rmatch_indices(BETWEEN);
        for (place, (at, _)) in (first + 1..count).rev().zip(between) {
            *self.starts.get_mut(place)? = u16::try_from(at + BETWEEN.len()).ok()?;
        }
        self.count = count;
        self.is_joined = true;
        Some(())
    }

    /// Whether some were joined because there were too many. Whoever reads such a line makes sure
    /// that its other columns have their form: the surplus may have been in front of them.
    pub(super) const fn is_joined(&self) -> bool {
        self.is_joined
    }

    fn get(&self, place: usize) -> Option<&'l str> {
        if place >= self.count {
            return None;
        }
        let start = usize::from(*self.starts.get(place)?);
        let next = usize::from(*self.starts.get(place + 1)?);
        self.line.get(start..next.checked_sub(BETWEEN.len())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    fn split(line: &str) -> Option<Vec<&str>> {
        let values = Values::split(line)?;
        (0..values.count).map(|place| values.get(place)).collect()
    }

    #[test]
    fn commas_belong_to_values() {
        assert_eq!(split("`a, b,`c,,d,`").unwrap(), ["a, b", "c,,d", ""]);
        assert_eq!(split("`").unwrap(), [""]);
        assert_eq!(split("`,`").unwrap(), ["", ""]);
        assert_eq!(split("`a`b,`c`").unwrap(), ["a`b", "c`"]);
        assert_eq!(split("a,`b"), None);
        assert_eq!(split(""), None);
    }

    #[test]
    fn a_header_is_read_by_name() {
        const NAMES: [Names; 2] = [&["时间"], &["金额(元)", "金额（元）"]];
        let columns = Columns::read("new, `金额（元） ,时间", &NAMES, &[0, 1]).unwrap();
        let values = columns.split("`x,`1.00,`now", &[]).unwrap();
        let row = Row::new(&columns, &values);
        assert_eq!((row.get(0), row.get(1)), (Some("now"), Some("1.00")));
        let count = LineFault::Count { got: 2, expected: 3 };
        assert_eq!(columns.split("`x,`1.00", &[]).err(), Some(count));
        assert_eq!(columns.split("x,`1.00,`now", &[]).err(), Some(LineFault::Form));
        let fault = |header: &str| Columns::read(header, &NAMES, &[1]).err().unwrap();
        assert_eq!(fault("时间,金额（元）,金额(元)"), HeaderFault::Twice("金额(元)"));
        assert_eq!(fault("时间"), HeaderFault::Missing("金额(元)"));
        let many = "x,".repeat(COLUMNS_MAX);
        assert_eq!(fault(&many), HeaderFault::TooMany);
        assert_eq!(fault(&many.repeat(9)), HeaderFault::TooMany);
    }

    #[test]
    fn what_there_is_too_much_belongs_to_the_first_free_column() {
        const NAMES: [Names; 3] = [&["名称"], &["数据包"], &["金额"]];
        let read = |header, line: &'static str, free: &[usize]| {
            let columns = Columns::read(header, &NAMES, &[])?;
            let values = columns.split(line, free).map_err(|_| HeaderFault::TooMany)?;
            let texts = [0, 1, 2].map(|column| Row::new(&columns, &values).text(column));
            Ok::<_, HeaderFault>((texts, values.is_joined()))
        };
        let header = "x,名称,数据包,金额";
        let line = "`a,`b,`c,`d,`1.00";
        assert_eq!(read(header, line, &[0, 1]), Ok((["b,`c", "d", "1.00"], true)));
        assert_eq!(read(header, line, &[1]), Ok((["b", "c,`d", "1.00"], true)));
        assert_eq!(read(header, "`a,`b,`d,`1.00", &[0, 1]), Ok((["b", "d", "1.00"], false)));
        assert_eq!(read("x,数据包,金额", line, &[0, 1]), Ok((["", "b,`c,`d", "1.00"], true)));
        assert_eq!(read("金额,名称", line, &[0, 1]), Ok((["b,`c,`d,`1.00", "", "a"], true)));
        for (header, line, free) in [
            // Nothing is free, there is none of it, it is apart, and there is too little.
            (header, line, &[][..]),
            ("x,金额", line, &[0, 1][..]),
            ("名称,金额,数据包", line, &[0, 1][..]),
            (header, "`a,`b,`1.00", &[0, 1][..]),
        ] {
            assert_eq!(read(header, line, free), Err(HeaderFault::TooMany), "{header}");
        }
        // Far more than are kept.
        let many = std::format!("`{},`1.00", "a,`".repeat(200));
        let columns = Columns::read("名称,金额", &NAMES, &[]).unwrap();
        let values = columns.split(&many, &[0]).unwrap();
        let row = Row::new(&columns, &values);
        assert_eq!((row.text(0).len(), row.text(2)), (3 * 200, "1.00"));
    }

    proptest! {
        #[test]
        fn what_is_joined_is_split(values in proptest::collection::vec("[a-c,咖]{0,6}", 1..40)) {
            // A value's comma before the next value's backtick is the one ambiguity there is.
            let line = std::format!("`{}", values.join(",`"));
            let naive: Vec<&str> = line[1..].split(",`").collect();
            prop_assert_eq!(split(&line).unwrap(), naive);
        }
    }
}
