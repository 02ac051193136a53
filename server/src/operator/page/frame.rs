//! What stands around every page: head, navigation, the notice after an action.

use super::super::files::{ICON, SCRIPT, STYLE};
use super::super::{Lang, Words};
use super::parts::{csrf_field, icon};
use maud::{DOCTYPE, Markup, html};
use saoma_core::time::UnixTime;

/// What every page behind the login shows around itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) lang: Lang,
    /// Who is logged in.
    pub(crate) operator: &'a str,
    /// Stands in every form.
    pub(crate) csrf: &'a str,
    /// Path and query of this page, to come back after the language was switched.
    pub(crate) path: &'a str,
    pub(crate) now: UnixTime,
    pub(crate) notice: Option<Notice>,
    /// How much waits for a person, as the navigation shows it.
    pub(crate) anomalies: u64,
    pub(crate) dead: u64,
}

/// Where a page is in the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tab {
    Overview,
    Orders,
    Anomalies,
    Outbox,
    Bills,
    Settings,
}

/// What came of an action, as the page after it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// A refund was written down and is on its way.
    RefundBegun,
    /// A held refund was released.
    Released,
    /// A held refund was dismissed.
    Dismissed,
    /// Somebody has seen to a refund that failed, or to an anomaly.
    SeenTo,
    /// An entry of the outbox is due now.
    Retried,
    /// WeChat is asked now.
    Queried,
    /// A refund cannot be sent from here; nothing was done.
    Unsendable,
    /// Somebody else was faster; nothing was done.
    Nothing,
}

impl Notice {
    const ALL: [(Self, &'static str); 8] = [
        (Self::RefundBegun, "refund"),
        (Self::Released, "released"),
        (Self::Dismissed, "dismissed"),
        (Self::SeenTo, "seen"),
        (Self::Retried, "retried"),
        (Self::Queried, "queried"),
        (Self::Unsendable, "unsendable"),
        (Self::Nothing, "nothing"),
    ];

    /// As it stands in the address of the page after the action.
    pub(crate) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(notice, _)| *notice == self).map_or("", |(_, name)| name)
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(notice, _)| *notice)
    }
}

impl Tab {
    const ALL: [(Self, &'static str); 6] = [
        (Self::Overview, "/operator"),
        (Self::Orders, "/operator/orders"),
        (Self::Anomalies, "/operator/anomalies"),
        (Self::Outbox, "/operator/outbox"),
        (Self::Bills, "/operator/bills"),
        (Self::Settings, "/operator/settings"),
    ];
}

impl Frame<'_> {
    pub(super) const fn words(&self) -> &'static Words {
        Words::of(self.lang)
    }

    /// A whole page. `refresh`: it may be brought up to date while nobody touches it.
    pub(super) fn page(&self, tab: Tab, title: &str, refresh: bool, main: &Markup) -> Markup {
        let w = self.words();
        document(
            self.lang,
            title,
            &html! {
                a .skip href="#main" { (w.skip) }
                header .top {
                    a .brand href="/operator" {
                        img src=(ICON.path) alt="" width="28" height="28";
                        span { "Saoma" }
                    }
                    nav .tabs aria-label=(w.navigation) {
                        @for (each, path) in Tab::ALL {
                            a href=(path) aria-current=[(each == tab).then_some("page")] {
                                (w.tab(each))
                                (self.count(each))
                            }
                        }
                    }
                    div .tools {
                        (language_link(self.lang, self.path))
                        form method="post" action="/operator/logout" {
                            (csrf_field(self.csrf))
                            button .button.plain.small {
                            (w.log_out) span .operator { (self.operator) }
                        }
                        }
                    }
                }
                main #main .page tabindex="-1" data-refresh[refresh] {
                    @if let Some(notice) = self.notice {
                        p .notice role="status" { (icon("done")) (w.notice(notice)) }
                    }
                    (main)
                }
                footer .foot { (w.all_times) }
            },
        )
    }

    fn count(&self, tab: Tab) -> Markup {
        let w = self.words();
        let (count, meaning) = match tab {
            Tab::Anomalies => (self.anomalies, w.waiting),
            Tab::Outbox => (self.dead, w.dead_letters),
            Tab::Overview | Tab::Orders | Tab::Bills | Tab::Settings => (0, ""),
        };
        html! {
            @if count > 0 {
                " "
                span .count title=(meaning) { (at_most_99(count)) }
                span .unseen { " " (meaning) }
            }
        }
    }
}

/// `7`, `99+`.
pub(super) fn at_most_99(count: u64) -> String {
    if count > 99 { "99+".to_owned() } else { count.to_string() }
}

/// The link that switches the language and comes back.
pub(super) fn language_link(lang: Lang, path: &str) -> Markup {
    let other = lang.other();
    let to = percent_encoded(path);
    html! {
        a .button.plain.small lang=(other.tag()) hreflang=(other.tag())
            href={ "/operator/language?lang=" (other.tag()) "&to=" (to) } {
            (Words::of(lang).other_language)
        }
    }
}

/// For a value in a query.
pub(super) fn percent_encoded(text: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte);
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if keep(byte) {
            encoded.push(char::from(byte));
        } else {
            encoded += &format!("%{byte:02X}");
        }
    }
    encoded
}

pub(super) fn document(lang: Lang, title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang=(lang.tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                title { (title) " · Saoma" }
                link rel="icon" type="image/svg+xml" href=(ICON.path);
                link rel="stylesheet" href=(STYLE.path);
                script src=(SCRIPT.path) defer {}
            }
            body { (body) }
        }
    }
}

/// A page that says why there is nothing to see.
pub(crate) fn problem(lang: Lang, title: &str, advice: &str) -> Markup {
    document(
        lang,
        title,
        &html! {
            main #main .alone {
                img src=(ICON.path) alt="" width="44" height="44";
                h1 { (title) }
                p { (advice) }
                p { a .button href="/operator" { (Words::of(lang).to_overview) } }
            }
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_survives_a_query() {
        assert_eq!(percent_encoded("/operator/orders?q=a b&s=咖"), {
            "/operator/orders%3Fq%3Da%20b%26s%3D%E5%92%96"
        });
    }

    #[test]
    fn every_notice_reads_back() {
        for (notice, name) in Notice::ALL {
            assert_eq!((Notice::from_name(name), notice.name()), (Some(notice), name));
        }
        assert_eq!(Notice::from_name("<script>"), None);
    }
}
