//! Every word of the pages, in both languages. A text that one of them lacks does not compile.

mod en;
mod named;
mod zh;

use super::lang::Lang;

/// Names of ours and what people call them.
type Names = &'static [(&'static str, &'static str)];

/// The texts of one language.
#[derive(Debug)]
pub(crate) struct Words {
    lang: Lang,
    // The frame.
    pub(super) skip: &'static str,
    pub(super) navigation: &'static str,
    pub(super) other_language: &'static str,
    pub(super) log_out: &'static str,
    pub(super) all_times: &'static str,
    pub(super) to_overview: &'static str,
    pub(super) copy: &'static str,
    pub(super) older: &'static str,
    pub(super) later: &'static str,
    // The login.
    pub(super) log_in: &'static str,
    pub(super) log_in_title: &'static str,
    pub(super) name: &'static str,
    pub(super) password: &'static str,
    pub(super) wrong_login: &'static str,
    pub(super) login_again: &'static str,
    // The overview.
    pub(super) overview: &'static str,
    pub(super) all_is_well: &'static str,
    pub(super) needs_you: &'static str,
    pub(super) paid_today: &'static str,
    pub(super) ship_delay: &'static str,
    pub(super) ship_delay_text: &'static str,
    pub(super) at_worst: &'static str,
    pub(super) oldest_entry: &'static str,
    pub(super) nothing_waits: &'static str,
    pub(super) last_bill: &'static str,
    pub(super) no_bill_yet: &'static str,
    pub(super) orders_today: &'static str,
    pub(super) no_orders_today: &'static str,
    pub(super) last_day: &'static str,
    pub(super) last_days: &'static str,
    pub(super) orders_made: &'static str,
    pub(super) orders_paid: &'static str,
    pub(super) figures: &'static str,
    pub(super) being_counted: &'static str,
    pub(super) gateway_errors: &'static str,
    pub(super) no_gateway_errors: &'static str,
    // Orders.
    pub(super) orders: &'static str,
    pub(super) order: &'static str,
    pub(super) search: &'static str,
    pub(super) search_hint: &'static str,
    pub(super) state: &'static str,
    pub(super) shop: &'static str,
    pub(super) merchant: &'static str,
    pub(super) day: &'static str,
    pub(super) all: &'static str,
    pub(super) clear: &'static str,
    pub(super) no_orders: &'static str,
    pub(super) looked_back_to: &'static str,
    pub(super) no_orders_found: &'static str,
    // One order.
    pub(super) order_no: &'static str,
    pub(super) order_id: &'static str,
    pub(super) customer_sees: &'static str,
    pub(super) made: &'static str,
    pub(super) expires: &'static str,
    pub(super) next_due: &'static str,
    pub(super) never: &'static str,
    pub(super) query_now: &'static str,
    pub(super) payment: &'static str,
    pub(super) paid: &'static str,
    pub(super) paid_at: &'static str,
    pub(super) verdict: &'static str,
    pub(super) verdict_ship: &'static str,
    pub(super) attempts: &'static str,
    pub(super) stored_request: &'static str,
    pub(super) history: &'static str,
    pub(super) history_is_cut: &'static str,
    // Refunds.
    pub(super) refund: &'static str,
    pub(super) refunded: &'static str,
    pub(super) refund_this: &'static str,
    pub(super) refund_amount: &'static str,
    pub(super) at_most: &'static str,
    pub(super) reason: &'static str,
    pub(super) reason_text: &'static str,
    pub(super) go_on: &'static str,
    pub(super) confirm_refund: &'static str,
    pub(super) of_payment: &'static str,
    pub(super) refund_is_final: &'static str,
    pub(super) type_amount_again: &'static str,
    pub(super) refund_now: &'static str,
    pub(super) leave: &'static str,
    pub(super) changed: &'static str,
    pub(super) not_an_amount: &'static str,
    pub(super) amount_too_large: &'static str,
    pub(super) amount_differs: &'static str,
    pub(super) reason_missing: &'static str,
    pub(super) not_yuan: &'static str,
    pub(super) unsendable: &'static str,
    pub(super) refund_refused: &'static str,
    pub(super) refund_lost: &'static str,
    pub(super) not_configured: &'static str,
    // Anomalies.
    pub(super) anomalies: &'static str,
    pub(super) anomalies_text: &'static str,
    pub(super) waiting: &'static str,
    pub(super) over: &'static str,
    pub(super) no_anomalies_wait: &'static str,
    pub(super) no_anomalies: &'static str,
    pub(super) expected: &'static str,
    pub(super) noticed: &'static str,
    pub(super) unknown: &'static str,
    pub(super) release: &'static str,
    pub(super) dismiss: &'static str,
    pub(super) dismiss_text: &'static str,
    pub(super) seen_to: &'static str,
    pub(super) seen_to_text: &'static str,
    pub(super) open_seen_to_text: &'static str,
    pub(super) seen_to_yes: &'static str,
    pub(super) dismiss_yes: &'static str,
    // The outbox.
    pub(super) outbox: &'static str,
    pub(super) outbox_text: &'static str,
    pub(super) to_do: &'static str,
    pub(super) dead_letters: &'static str,
    pub(super) held: &'static str,
    pub(super) no_dead: &'static str,
    pub(super) no_held: &'static str,
    pub(super) since: &'static str,
    pub(super) next_try: &'static str,
    pub(super) tries: &'static str,
    pub(super) key_of_entry: &'static str,
    pub(super) last_error: &'static str,
    pub(super) retry_now: &'static str,
    // Bills.
    pub(super) bills: &'static str,
    pub(super) bill: &'static str,
    pub(super) bills_text: &'static str,
    pub(super) bill_agrees: &'static str,
    pub(super) bill_waits: &'static str,
    pub(super) bill_failed: &'static str,
    pub(super) bill_others: &'static str,
    pub(super) more_in_csv: &'static str,
    pub(super) compare_again: &'static str,
    pub(super) bill_agrees_text: &'static str,
    pub(super) compared: &'static str,
    pub(super) download_csv: &'static str,
    pub(super) here: &'static str,
    pub(super) there: &'static str,
    // Settings.
    pub(super) settings: &'static str,
    pub(super) settings_text: &'static str,
    pub(super) server: &'static str,
    pub(super) version: &'static str,
    pub(super) database: &'static str,
    pub(super) with_replica: &'static str,
    pub(super) operators: &'static str,
    pub(super) webhook: &'static str,
    pub(super) keys: &'static str,
    pub(super) gateway: &'static str,
    pub(super) certificate: &'static str,
    pub(super) no_certificate: &'static str,
    pub(super) has_certificate: &'static str,
    pub(super) by_device: &'static str,
    // When something is wrong.
    pub(super) not_found: &'static str,
    pub(super) not_found_text: &'static str,
    pub(super) unknown_filter: &'static str,
    pub(super) unknown_filter_text: &'static str,
    pub(super) unavailable: &'static str,
    pub(super) unavailable_text: &'static str,
    pub(super) refused: &'static str,
    pub(super) refused_text: &'static str,
    /// By name: an order, by its phase.
    phases: Names,
    /// By name: what the customer sees in a phase.
    seen: Names,
    /// By name: why a payment may not ship.
    anomalies_named: Names,
    /// By name: the same, at length.
    anomaly_texts: Names,
    /// By name: a refund, by its state.
    refund_states: Names,
    /// By name: what is to be done outside.
    effects: Names,
    /// By name: what happened to an order.
    events: Names,
    /// By name: a call by its path, without the slash in front.
    calls: Names,
    /// By name: what an operator did.
    notes: Names,
    /// By name: what is done about anomalies.
    policies: Names,
}

impl Words {
    /// The texts of a language.
    pub(crate) const fn of(lang: Lang) -> &'static Self {
        match lang {
            Lang::Zh => &zh::ZH,
            Lang::En => &en::EN,
        }
    }
}
