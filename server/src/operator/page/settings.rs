//! The settings as the server has them; nothing secret is among them.

use super::frame::{Frame, Tab};
use super::parts::{chip, number, time_and_distance};
use maud::{Markup, html};
use saoma_core::time::UnixTime;

/// A merchant account.
#[derive(Clone, Debug)]
pub(crate) struct MerchantItem {
    pub(crate) mch_id: String,
    pub(crate) name: String,
    pub(crate) apps: Vec<String>,
    pub(crate) sign_type: String,
    pub(crate) gateway: Vec<String>,
    /// `refund` or `hold`.
    pub(crate) anomalies: String,
    /// When the client certificate ends; `None`: there is none.
    pub(crate) certificate_ends_at: Option<UnixTime>,
}

/// A shop.
#[derive(Clone, Debug)]
pub(crate) struct ShopItem {
    pub(crate) id: String,
    pub(crate) mch_id: String,
    /// Scheme, host and path.
    pub(crate) webhook_url: String,
    /// Names, never the keys themselves.
    pub(crate) keys: Vec<String>,
}

/// All of it.
#[derive(Clone, Debug)]
pub(crate) struct SettingsPage {
    pub(crate) version: &'static str,
    /// `sqlite` or `postgres`.
    pub(crate) database: String,
    pub(crate) replica: bool,
    pub(crate) notify_url: String,
    pub(crate) merchants: Vec<MerchantItem>,
    pub(crate) shops: Vec<ShopItem>,
    pub(crate) operators: Vec<String>,
}

/// A certificate is renewed well before its end.
const SOON_S: u64 = 30 * 86_400;

/// The settings.
pub(crate) fn settings(frame: &Frame<'_>, page: &SettingsPage) -> Markup {
    let w = frame.words();
    frame.page(
        Tab::Settings,
        w.settings,
        false,
        &html! {
            h1 { (w.settings) }
            p .lead { (w.settings_text) }
            section .card {
                h2 { (w.server) }
                dl .facts {
                    div { dt { (w.version) } dd { (page.version) } }
                    div { dt { (w.database) } dd {
                        (page.database) @if page.replica { " · " (w.with_replica) }
                    } }
                    div .wide { dt { "notify_url" } dd { (number(w, &page.notify_url)) } }
                    div .wide { dt { (w.operators) } dd { (page.operators.join(", ")) } }
                }
            }
            @for merchant in &page.merchants { (merchant_card(frame, merchant)) }
            @for shop in &page.shops {
                section .card {
                    div .card-head { h2 { (w.shop) " " (shop.id) } code { (shop.mch_id) } }
                    dl .facts {
                        div .wide { dt { (w.webhook) } dd .break { code { (shop.webhook_url) } } }
                        div .wide { dt { (w.keys) } dd { (shop.keys.join(", ")) } }
                    }
                }
            }
        },
    )
}

fn merchant_card(frame: &Frame<'_>, merchant: &MerchantItem) -> Markup {
    let w = frame.words();
    html! {
        section .card {
            div .card-head { h2 { (merchant.name) } code { (merchant.mch_id) } }
            dl .facts {
                div { dt { "appid" } dd .break { (merchant.apps.join(", ")) } }
                div { dt { "sign_type" } dd { (merchant.sign_type) } }
                div .wide { dt { (w.gateway) } dd .break { (merchant.gateway.join(", ")) } }
                div { dt { (w.anomalies) } dd { (w.policy(&merchant.anomalies)) } }
                div { dt { (w.certificate) } dd {
                    @match merchant.certificate_ends_at {
                        None => (chip("wait", w.no_certificate)),
                        Some(at) if at.since(frame.now) == 0 => {
                            (chip("bad", w.certificate_is_over))
                            " " (time_and_distance(frame.lang, at, frame.now))
                        },
                        Some(at) => {
                            @if at.since(frame.now) < SOON_S {
                                (chip("bad", w.certificate_ends_soon)) " "
                            }
                            (time_and_distance(frame.lang, at, frame.now))
                        },
                    }
                } }
            }
        }
    }
}
