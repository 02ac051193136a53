//! Texts that depend on a name or a number. A name that nobody foresaw is shown as it is.

use super::super::lang::Lang;
use super::super::page::{EntryState, Kind, Notice, Tab};
use super::{Names, Words};
use crate::metrics::ANOMALY_KINDS;
use saoma_core::order::Anomaly;

fn named(names: Names, name: &str) -> &str {
    names.iter().find(|(known, _)| *known == name).map_or(name, |(_, text)| text)
}

/// Texts by name.
impl Words {
    pub(crate) fn phase<'a>(&self, phase: &'a str) -> &'a str {
        named(self.phases, phase)
    }

    /// What the customer's screen says in this phase.
    pub(crate) fn seen<'a>(&self, phase: &'a str) -> &'a str {
        named(self.seen, phase)
    }

    pub(crate) fn anomaly<'a>(&self, kind: &'a str) -> &'a str {
        named(self.anomalies_named, kind)
    }

    pub(crate) fn anomaly_text<'a>(&self, kind: &'a str) -> &'a str {
        named(self.anomaly_texts, kind)
    }

    pub(crate) fn refund_state<'a>(&self, state: &'a str) -> &'a str {
        named(self.refund_states, state)
    }

    /// How far an anomaly is. The end of one of which no money moves by itself need be no refund.
    pub(crate) fn anomaly_state<'a>(&self, kind: &str, state: &'a str) -> &'a str {
        let is_it = |it: &Anomaly| it.as_str() == kind && !it.is_refund_due();
        match state {
            "done" if ANOMALY_KINDS.iter().any(is_it) => self.over,
            state => self.refund_state(state),
        }
    }

    pub(crate) fn effect<'a>(&self, kind: &'a str) -> &'a str {
        named(self.effects, kind)
    }

    pub(crate) fn policy<'a>(&self, policy: &'a str) -> &'a str {
        named(self.policies, policy)
    }

    /// The title of a moment of an order's history.
    pub(crate) fn moment<'a>(&self, kind: Kind, name: &'a str) -> &'a str {
        match kind {
            Kind::Sent | Kind::Received => {
                let path = name.strip_prefix('/').unwrap_or(name);
                let text = named(self.calls, path);
                if text == path { self.effect(name) } else { text }
            }
            Kind::Event => named(self.events, name),
            Kind::Note => name,
        }
    }

    /// What an operator did: `retry KEY`, `seen_to KIND`.
    pub(crate) fn note(&self, text: &str) -> String {
        let (verb, about) = text.split_once(' ').unwrap_or((text, ""));
        format!("{} {}", named(self.notes, verb), self.anomaly(about)).trim_end().to_owned()
    }
}

/// Texts of our own enumerations.
impl Words {
    pub(crate) const fn tab(&self, tab: Tab) -> &'static str {
        match tab {
            Tab::Overview => self.overview,
            Tab::Orders => self.orders,
            Tab::Anomalies => self.anomalies,
            Tab::Outbox => self.outbox,
            Tab::Bills => self.bills,
            Tab::Settings => self.settings,
        }
    }

    pub(crate) const fn entry_state(&self, state: EntryState) -> &'static str {
        match (self.lang, state) {
            (Lang::Zh, EntryState::Pending) => "待办",
            (Lang::En, EntryState::Pending) => "To do",
            (Lang::Zh, EntryState::AtWeChat) => "微信处理中",
            (Lang::En, EntryState::AtWeChat) => "At WeChat",
            (Lang::Zh, EntryState::Leased) => "进行中",
            (Lang::En, EntryState::Leased) => "Under way",
            (_, EntryState::Held) => self.held,
            (Lang::Zh, EntryState::Dead) => "已停下",
            (Lang::En, EntryState::Dead) => "Given up",
            (Lang::Zh, EntryState::Device) => "等待设备",
            (Lang::En, EntryState::Device) => "Waits for its device",
            (Lang::Zh, EntryState::Done) => "已完成",
            (Lang::En, EntryState::Done) => "Done",
        }
    }

    pub(crate) const fn kind(&self, kind: Kind) -> &'static str {
        match (self.lang, kind) {
            (Lang::Zh, Kind::Sent) => "发出",
            (Lang::En, Kind::Sent) => "Sent",
            (Lang::Zh, Kind::Received) => "收到",
            (Lang::En, Kind::Received) => "Received",
            (Lang::Zh, Kind::Event) => "事件",
            (Lang::En, Kind::Event) => "Event",
            (Lang::Zh, Kind::Note) => "操作",
            (Lang::En, Kind::Note) => "By",
        }
    }

    pub(crate) const fn notice(&self, notice: Notice) -> &'static str {
        match (self.lang, notice) {
            (Lang::Zh, Notice::RefundBegun) => "退款已登记，正在发给微信。",
            (Lang::En, Notice::RefundBegun) => {
                "The refund is written down and on its way to WeChat."
            }
            (Lang::Zh, Notice::Released) => "已放行，正在退款。",
            (Lang::En, Notice::Released) => "Released: the refund is on its way.",
            (Lang::Zh, Notice::Dismissed) => "已决定不退款。",
            (Lang::En, Notice::Dismissed) => "Dismissed: the money stays.",
            (Lang::Zh, Notice::SeenTo) => "已处理，系统不再过问。",
            (Lang::En, Notice::SeenTo) => "Seen to: nothing more is done about it.",
            (Lang::Zh, Notice::Retried) => "正在重试。",
            (Lang::En, Notice::Retried) => "It is tried again now.",
            (Lang::Zh, Notice::Queried) => "正在向微信查询，结果会出现在全过程里。",
            (Lang::En, Notice::Queried) => {
                "WeChat is being asked; the answer appears in the history."
            }
            (_, Notice::Unsendable) => self.unsendable,
            (Lang::Zh, Notice::Nothing) => "情况已经变了，没有执行。",
            (Lang::En, Notice::Nothing) => "Things have changed meanwhile; nothing was done.",
        }
    }
}

/// Texts with numbers.
impl Words {
    pub(crate) fn payments(&self, count: u64) -> String {
        match self.lang {
            Lang::Zh => format!("{count} 笔付款"),
            Lang::En => format!("{count} payment{}", plural(count)),
        }
    }

    pub(crate) fn differences(&self, count: u64) -> String {
        match self.lang {
            Lang::Zh => format!("{count} 处不同"),
            Lang::En => format!("{count} difference{}", plural(count)),
        }
    }

    pub(crate) fn anomalies_wait(&self, count: &str) -> String {
        match self.lang {
            Lang::Zh => format!("{count} 笔异常付款等待处理"),
            Lang::En if count == "1" => "1 anomaly waits for you".to_owned(),
            Lang::En => format!("{count} anomalies wait for you"),
        }
    }

    pub(crate) fn dead_wait(&self, count: &str) -> String {
        match self.lang {
            Lang::Zh => format!("{count} 个任务多次失败，已停下"),
            Lang::En if count == "1" => "1 dead letter: it failed too often".to_owned(),
            Lang::En => format!("{count} dead letters: they failed too often"),
        }
    }

    pub(crate) fn entry_is_late(&self, length: &str) -> String {
        match self.lang {
            Lang::Zh => format!("有任务已经拖延了 {length}"),
            Lang::En => format!("Something is overdue by {length}"),
        }
    }

    pub(crate) fn bill_differs(&self, day: &str, open: u64) -> String {
        match self.lang {
            Lang::Zh => format!("{day} 的账单有 {open} 处不同没有解决"),
            Lang::En => format!("The bill of {day}: {open} open difference{}", plural(open)),
        }
    }

    pub(crate) fn bills_fail(&self, oldest_day: &str, count: u64) -> String {
        match (self.lang, count) {
            (Lang::Zh, 1) => format!("{oldest_day} 的账单对账失败"),
            (Lang::Zh, _) => format!("{count} 份账单对账失败，最早的是 {oldest_day}"),
            (Lang::En, 1) => format!("The bill of {oldest_day} could not be compared"),
            (Lang::En, _) => format!("{count} bills could not be compared, from {oldest_day} on"),
        }
    }

    pub(crate) fn hour_words(&self, hour: &str, orders: u64, payments: u64) -> String {
        match self.lang {
            Lang::Zh => format!("{hour} 时：下单 {orders}，付款 {payments}"),
            Lang::En => format!("{hour}:00: {orders} made, {payments} paid"),
        }
    }

    pub(crate) fn day_words(&self, day: &str, paid: &str, payments: u64) -> String {
        format!("{day}: {paid}, {}", self.payments(payments))
    }

    pub(crate) fn fixed_keys(&self, count: usize) -> String {
        match self.lang {
            Lang::Zh => format!("配置文件 {count} 个"),
            Lang::En => format!("{count} in the configuration"),
        }
    }

    pub(crate) fn archived(&self, month: &str) -> String {
        match self.lang {
            Lang::Zh => format!("这个订单已随 {month} 月份归档，这里不再显示。订单编号："),
            Lang::En => format!("Archived with the month {month}, and not shown here. Order id:"),
        }
    }

    pub(crate) fn too_many_logins(&self, wait_s: u64) -> String {
        match self.lang {
            Lang::Zh => format!("失败次数太多，请 {wait_s} 秒后再试。"),
            Lang::En => format!("Too many failures. Try again in {wait_s} s."),
        }
    }

    /// To who has made no mistake.
    pub(crate) fn crowded_login(&self, wait_s: u64) -> String {
        match self.lang {
            Lang::Zh => format!("同时登录的请求太多，请 {wait_s} 秒后再试。"),
            Lang::En => format!("Too many requests at once. Try again in {wait_s} s."),
        }
    }
}

const fn plural(count: u64) -> &'static str {
    if count == 1 { "" } else { "s" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use saoma_core::watch::Phase;

    #[test]
    fn both_languages_know_the_same_names() {
        let tables = |w: &Words| {
            [
                w.phases,
                w.seen,
                w.anomalies_named,
                w.anomaly_texts,
                w.refund_states,
                w.effects,
                w.events,
                w.calls,
                w.notes,
                w.policies,
            ]
            .map(|names| names.iter().map(|(name, _)| *name).collect::<Vec<_>>())
        };
        assert_eq!(tables(Words::of(Lang::Zh)), tables(Words::of(Lang::En)));
    }

    #[test]
    fn every_phase_and_anomaly_has_its_words_and_a_strange_name_stays() {
        for w in [Words::of(Lang::Zh), Words::of(Lang::En)] {
            for phase in Phase::ALL.map(Phase::as_str) {
                assert_ne!(w.phase(phase), phase);
                assert_ne!(w.seen(phase), phase);
            }
            for kind in ANOMALY_KINDS.map(Anomaly::as_str) {
                assert_ne!(w.anomaly(kind), kind);
                assert_ne!(w.anomaly_text(kind), kind);
            }
            assert_eq!(w.anomaly("tomorrow"), "tomorrow");
            assert_ne!(w.note("seen_to not_fetched"), "seen_to not_fetched");
            assert_eq!(w.moment(Kind::Note, "paid"), "paid");
            assert!(w.note("retry ship-1").ends_with(" ship-1"));
            assert_ne!(w.moment(Kind::Sent, "/pay/orderquery"), "/pay/orderquery");
        }
    }

    #[test]
    fn only_what_went_back_is_called_refunded() {
        for w in [Words::of(Lang::Zh), Words::of(Lang::En)] {
            assert_eq!(w.anomaly_state("not_fetched", "done"), w.over);
            assert_eq!(w.anomaly_state("paid_twice", "done"), w.refund_state("done"));
            assert_eq!(w.anomaly_state("not_fetched", "open"), w.refund_state("open"));
        }
    }
}
