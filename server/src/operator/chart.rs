//! Small bar charts as inline SVG: bars only; the words around them are HTML, so that they keep
//! their size on a phone.

use maud::{Markup, html};

/// One step of the chart.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    /// What stands below it, where there is room: `14`, `11-23`.
    pub(crate) label: String,
    /// The whole bar.
    pub(crate) value: u64,
    /// The part of it that is drawn strong.
    pub(crate) strong: u64,
    /// All of it in words, for the pointer and for those who do not see it.
    pub(crate) words: String,
}

const HEIGHT: u64 = 100;
const STEP: u64 = 20;
const GAP: u64 = 4;

/// The bars; every `every`th has its label.
pub(crate) fn bars(title: &str, bars: &[Bar], every: usize) -> Markup {
    let max = bars.iter().map(|bar| bar.value.max(bar.strong)).max().unwrap_or_default().max(1);
    let count = u64::try_from(bars.len()).unwrap_or_default();
    html! {
        svg .chart role="img" aria-label=(title) preserveAspectRatio="none"
            viewBox={ "0 0 " (count * STEP) " " (HEIGHT) } {
            @for (at, bar) in (0_u64..).zip(bars) {
                g {
                    title { (bar.words) }
                    rect .chart-step x=(at * STEP) y="0" width=(STEP) height=(HEIGHT) {}
                    (column("chart-bar", at, bar.value, max))
                    (column("chart-bar strong", at, bar.strong, max))
                }
            }
        }
        ol .chart-axis aria-hidden="true" {
            @for (at, bar) in bars.iter().enumerate() {
                li { @if at.is_multiple_of(every) { (bar.label) } }
            }
        }
    }
}

/// A bar from below; what is not nothing can be seen.
fn column(class: &str, at: u64, value: u64, max: u64) -> Markup {
    let scaled = u128::from(value) * u128::from(HEIGHT) / u128::from(max);
    let height = u64::try_from(scaled).unwrap_or(HEIGHT).max(2);
    html! {
        @if value > 0 {
            rect class=(class) x=(at * STEP + GAP / 2) y=(HEIGHT - height)
                width=(STEP - GAP) height=(height) {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_high_as_its_value_and_nothing_is_no_bar() {
        let bar =
            |value| Bar { label: "1".to_owned(), value, strong: 0, words: format!("{value} <b>") };
        let html = bars("t", &[bar(0), bar(1), bar(1_000), bar(u64::MAX)], 2).into_string();
        assert_eq!(html.matches("chart-bar").count(), 3);
        assert!(html.contains(r#"y="0" width="16" height="100""#), "{html}");
        assert!(html.contains("&lt;b&gt;") && !html.contains("<b>"));
    }
}
