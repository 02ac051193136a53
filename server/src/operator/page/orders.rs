//! The list of orders: search, filters, one page after the other.

use super::super::show;
use super::frame::{Frame, Tab, percent_encoded};
use super::parts::{amount, empty, icon, number, older, phase};
use maud::{Markup, html};
use saoma_core::money::Fen;
use saoma_core::time::UnixTime;
use saoma_core::watch::Phase;

/// What the list is narrowed to. Empty texts: not narrowed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    /// An order number, order id, `out_trade_no` or transaction id, whole.
    pub(crate) q: String,
    pub(crate) phase: String,
    pub(crate) shop: String,
    pub(crate) mch_id: String,
    /// `2026-11-23`, in Beijing.
    pub(crate) day: String,
}

/// One line of the list.
#[derive(Clone, Debug)]
pub(crate) struct OrderItem {
    pub(crate) order_id: String,
    pub(crate) shop: String,
    pub(crate) order_no: String,
    pub(crate) description: String,
    pub(crate) amount: Fen,
    pub(crate) phase: String,
    pub(crate) created_at: UnixTime,
}

/// The list and what it can be narrowed by.
#[derive(Clone, Debug)]
pub(crate) struct OrdersPage {
    pub(crate) filter: Filter,
    pub(crate) shops: Vec<String>,
    pub(crate) merchants: Vec<String>,
    pub(crate) orders: Vec<OrderItem>,
    /// What was searched for and is in the archive: its month, `2025-09`, and its order id.
    pub(crate) archived: Vec<(String, String)>,
    /// The order id that the next part begins after.
    pub(crate) older_than: Option<String>,
    /// The day that was reached, `2026-11-23`, when a filter has found less than a page.
    pub(crate) looked_back_to: Option<String>,
}

impl Filter {
    /// `?q=..&phase=..`, and where the part begins.
    pub(crate) fn path(&self, older_than: Option<&str>) -> String {
        let fields = [
            ("q", self.q.as_str()),
            ("phase", &self.phase),
            ("shop", &self.shop),
            ("merchant", &self.mch_id),
            ("day", &self.day),
            ("before", older_than.unwrap_or_default()),
        ];
        let set = fields.iter().filter(|(_, value)| !value.is_empty());
        let query: Vec<String> =
            set.map(|(name, value)| format!("{name}={}", percent_encoded(value))).collect();
        if query.is_empty() {
            return "/operator/orders".to_owned();
        }
        format!("/operator/orders?{}", query.join("&"))
    }
}

/// The list of orders.
pub(crate) fn orders(frame: &Frame<'_>, page: &OrdersPage) -> Markup {
    let w = frame.words();
    let is_narrowed = page.filter != Filter::default();
    frame.page(
        Tab::Orders,
        w.orders,
        false,
        &html! {
            h1 { (w.orders) }
            (search(frame, page))
            @for (month, order_id) in &page.archived {
                p .empty { (w.archived(month)) " " (number(w, order_id)) }
            }
            @if page.orders.is_empty() {
                @if page.looked_back_to.is_none() && page.archived.is_empty() {
                (empty(if is_narrowed { w.no_orders_found } else { w.no_orders }))
            }
            } @else {
                ol .rows {
                    @for order in &page.orders { li { (row(frame, order)) } }
                }
            }
            @if let Some(day) = &page.looked_back_to {
            p .older.soft { (w.looked_back_to) " " (day) }
        }
        (older(w, page.older_than.as_deref().map(|id| page.filter.path(Some(id))).as_deref()))
        },
    )
}

fn search(frame: &Frame<'_>, page: &OrdersPage) -> Markup {
    let (w, filter) = (frame.words(), &page.filter);
    let phases = Phase::ALL.map(Phase::as_str);
    let phases = phases.map(|phase| (phase, w.phase(phase)));
    let same = |texts: &[String]| -> Vec<(String, String)> {
        texts.iter().map(|text| (text.clone(), text.clone())).collect()
    };
    html! {
        form .search method="get" action="/operator/orders" role="search" {
            div .search-line {
                label .grow { span .unseen { (w.search) }
                    input type="search" name="q" value=(filter.q) maxlength="64"
                        placeholder=(w.search_hint) spellcheck="false" autocapitalize="none";
                }
                button .button.strong { (icon("search")) (w.search) }
            }
            div .filters {
                (select("phase", w.state, w.all, &filter.phase, &phases))
                @if page.shops.len() > 1 {
                    (select("shop", w.shop, w.all, &filter.shop, &same(&page.shops)))
                }
                @if page.merchants.len() > 1 {
                    (select("merchant", w.merchant, w.all, &filter.mch_id, &same(&page.merchants)))
                }
                label { (w.day) input type="date" name="day" value=(filter.day); }
                @if *filter != Filter::default() {
                    a .button.plain href="/operator/orders" { (w.clear) }
                }
            }
        }
    }
}

fn select<T: AsRef<str>>(
    name: &str,
    label: &str,
    all: &str,
    chosen: &str,
    options: &[(T, T)],
) -> Markup {
    html! {
        label { (label)
            select name=(name) {
                option value="" { (all) }
                @for (value, text) in options {
                    option value=(value.as_ref()) selected[value.as_ref() == chosen] {
                        (text.as_ref())
                    }
                }
            }
        }
    }
}

/// An order in a list, which is one link.
pub(super) fn row(frame: &Frame<'_>, order: &OrderItem) -> Markup {
    html! {
        a .row href={ "/operator/orders/" (order.order_id) } {
            span .row-title { (order.description) }
            span .row-amount { (amount(order.amount)) }
            span .row-numbers {
                code { (order.order_no) } span .soft { (order.shop) }
            }
            span .row-state { (phase(frame.words(), &order.phase)) }
            span .row-time.soft {
                time datetime=(show::iso(order.created_at)) { (show::beijing(order.created_at)) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_stays_in_the_address() {
        assert_eq!(Filter::default().path(None), "/operator/orders");
        let filter =
            Filter { q: "A&b".to_owned(), day: "2026-11-23".to_owned(), ..Filter::default() };
        assert_eq!(filter.path(Some("X1")), "/operator/orders?q=A%26b&day=2026-11-23&before=X1");
    }
}
