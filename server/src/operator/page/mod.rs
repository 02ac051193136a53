//! The pages, each a pure function of what it shows.

mod anomalies;
mod bills;
mod frame;
mod login;
mod order;
mod orders;
mod outbox;
mod overview;
mod parts;
mod refund;
mod settings;
mod story;

pub(crate) use anomalies::{AnomaliesPage, AnomalyItem, WaitingRefund, anomalies};
pub(crate) use bills::{BillPage, BillsPage, bill, bills};
pub(crate) use frame::{Frame, Notice, Tab, problem};
pub(crate) use login::{LoginPage, login, login_path};
pub(crate) use order::{Attempt, OrderPage, Payment, Refund, order};
pub(crate) use orders::{Filter, OrderItem, OrdersPage, orders};
pub(crate) use outbox::{Entry, EntryState, OutboxPage, outbox};
pub(crate) use overview::{Figures, OverviewPage, Span, overview};
pub(crate) use refund::{RefundPage, refund};
pub(crate) use settings::{MerchantItem, SettingsPage, ShopItem, settings};
pub(crate) use story::{Kind, Moment};
