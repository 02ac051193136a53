//! The second step of a refund: what is about to happen, and the amount typed again.

use super::frame::{Frame, Tab};
use super::parts::{amount, csrf_field, number};
use maud::{Markup, html};
use saoma_core::money::Fen;

/// A refund that somebody wants.
#[derive(Clone, Debug)]
pub(crate) struct RefundPage {
    pub(crate) order_id: String,
    pub(crate) order_no: String,
    pub(crate) description: String,
    pub(crate) transaction_id: String,
    pub(crate) paid: Fen,
    pub(crate) amount: Fen,
    pub(crate) reason: String,
    /// Makes the same form sent twice one refund.
    pub(crate) refund_no: String,
    /// What was wrong with what was typed.
    pub(crate) error: Option<&'static str>,
}

/// The confirmation.
pub(crate) fn refund(frame: &Frame<'_>, page: &RefundPage) -> Markup {
    let w = frame.words();
    frame.page(Tab::Orders, w.confirm_refund, false, &html! {
        p .back { a href={ "/operator/orders/" (page.order_id) } { "← " (page.order_no) } }
        section .card.narrow {
            h1 { (w.confirm_refund) }
            @if let Some(error) = page.error { p .problem role="alert" { (error) } }
            dl .facts {
                div { dt { (w.refund) } dd .large { (amount(page.amount)) } }
                div { dt { (w.of_payment) } dd { (amount(page.paid)) } }
                div .wide { dt { (w.order) } dd { (page.description) " · " (page.order_no) } }
                div .wide { dt { "transaction_id" } dd { (number(w, &page.transaction_id)) } }
                div .wide { dt { (w.reason) } dd .break { (page.reason) } }
            }
            p .warning { (w.refund_is_final) }
            form .fields method="post" action={ "/operator/orders/" (page.order_id) "/refund" } {
                (csrf_field(frame.csrf))
                input type="hidden" name="transaction_id" value=(page.transaction_id);
                input type="hidden" name="amount" value=(page.amount.yuan());
                input type="hidden" name="reason" value=(page.reason);
                input type="hidden" name="refund_no" value=(page.refund_no);
                label { (w.type_amount_again)
                    input type="text" name="again" required inputmode="decimal" maxlength="20"
                        autocomplete="off" autofocus;
                }
                div .buttons {
                    button .button.danger { (w.refund_now) }
                    a .button href={ "/operator/orders/" (page.order_id) } { (w.leave) }
                }
            }
        }
    })
}
