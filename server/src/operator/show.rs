//! Values as people read them: yuan, Beijing time, lengths of time.

use super::lang::Lang;
use saoma_core::money::Fen;
use saoma_core::time::UnixTime;

/// `¥1,234.56`: exact to the fen.
pub(crate) fn yuan(fen: Fen) -> String {
    format!("¥{}", hundredths(fen))
}

/// `1,234.56`, in whatever currency.
pub(crate) fn hundredths(amount: Fen) -> String {
    let text = amount.yuan().to_string();
    let (whole, rest) = text.split_once('.').unwrap_or((&text, "00"));
    let mut grouped = String::new();
    for (at, digit) in whole.char_indices() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + "." + rest
}

/// An amount that a person has typed: `18`, `18.5`, `18.50`, `¥1,234.50`.
pub(crate) fn parse_yuan(text: &str) -> Option<Fen> {
    let text = text.trim().trim_start_matches(['¥', '￥']).replace(',', "");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || fraction.len() > 2 || !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    let yuan: u64 = whole.parse().ok()?;
    let fen: u64 = format!("{fraction:0<2}").parse().ok()?;
    Fen::new(yuan.checked_mul(100)?.checked_add(fen)?)
}

/// `2026-11-23 19:26:00`, in Beijing.
pub(crate) fn beijing(time: UnixTime) -> String {
    format!("{} {}", day(time), clock(time))
}

/// `2026-11-23`, in Beijing.
pub(crate) fn day(time: UnixTime) -> String {
    let digits = time.beijing();
    let part = |range: std::ops::Range<usize>| digits.get(range).unwrap_or_default();
    format!("{}-{}-{}", part(0..4), part(4..6), part(6..8))
}

/// `19:26:00`, in Beijing.
pub(crate) fn clock(time: UnixTime) -> String {
    let digits = time.beijing();
    let part = |range: std::ops::Range<usize>| digits.get(range).unwrap_or_default();
    format!("{}:{}:{}", part(8..10), part(10..12), part(12..14))
}

/// For machines: `2026-11-23T19:26:00+08:00`.
pub(crate) fn iso(time: UnixTime) -> String {
    format!("{}T{}+08:00", day(time), clock(time))
}

/// A length of time in its largest fitting unit, and the next below it where that says something.
pub(crate) fn length(lang: Lang, seconds: u64) -> String {
    let units = match lang {
        Lang::Zh => [" 天", " 小时", " 分", " 秒"],
        Lang::En => [" d", " h", " min", " s"],
    };
    let (large, small, names) = match seconds {
        0..60 => (seconds, 0, [units[3], ""]),
        60..600 => (seconds / 60, seconds % 60, [units[2], units[3]]),
        600..3_600 => (seconds / 60, 0, [units[2], ""]),
        3_600..86_400 => (seconds / 3_600, seconds % 3_600 / 60, [units[1], units[2]]),
        _ => (seconds / 86_400, seconds % 86_400 / 3_600, [units[0], units[1]]),
    };
    if small == 0 {
        return format!("{large}{}", names[0]);
    }
    format!("{large}{} {small}{}", names[0], names[1])
}

/// `3 min ago`, `in 5 s`.
pub(crate) fn relative(lang: Lang, time: UnixTime, now: UnixTime) -> String {
    let (ago, ahead) = (length(lang, now.since(time)), length(lang, time.since(now)));
    match (lang, time > now) {
        (Lang::Zh, false) => format!("{ago}前"),
        (Lang::Zh, true) => format!("{ahead}后"),
        (Lang::En, false) => format!("{ago} ago"),
        (Lang::En, true) => format!("in {ahead}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fen(fen: u64) -> Fen {
        Fen::new(fen).unwrap()
    }

    #[test]
    fn an_amount_is_exact_and_reads_back() {
        for (amount, text) in [
            (0, "¥0.00"),
            (1, "¥0.01"),
            (1_800, "¥18.00"),
            (99_999, "¥999.99"),
            (100_000, "¥1,000.00"),
            (2_147_483_647, "¥21,474,836.47"),
            (Fen::MAX.get(), "¥90,071,992,547,409.91"),
        ] {
            assert_eq!(yuan(fen(amount)), text);
            assert_eq!(parse_yuan(text), Some(fen(amount)), "{text}");
        }
    }

    #[test]
    fn what_a_person_types_is_an_amount_or_nothing() {
        for (text, amount) in [
            ("18", Some(1_800)),
            (" 18.5 ", Some(1_850)),
            ("￥18.05", Some(1_805)),
            ("18.", Some(1_800)),
            ("", None),
            (".5", None),
            ("-1", None),
            ("+1", None),
            ("1e3", None),
            ("18.005", None),
            ("18.50.1", None),
            ("１８", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(parse_yuan(text), amount.map(fen), "{text:?}");
        }
    }

    #[test]
    fn times_are_beijings() {
        let time = UnixTime::parse_beijing("20261123192600").unwrap();
        assert_eq!(beijing(time), "2026-11-23 19:26:00");
        assert_eq!(iso(time), "2026-11-23T19:26:00+08:00");
    }

    #[test]
    fn a_length_has_at_most_two_units() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (61, "1 min 1 s"),
            (3_599, "59 min"),
            (3_660, "1 h 1 min"),
            (90_000, "1 d 1 h"),
        ] {
            assert_eq!(length(Lang::En, seconds), text);
        }
        let now = UnixTime::new(1_000).unwrap();
        assert_eq!(relative(Lang::Zh, UnixTime::new(880).unwrap(), now), "2 分前");
        assert_eq!(relative(Lang::En, UnixTime::new(1_005).unwrap(), now), "in 5 s");
    }
}
