//! The statements that the service makes, by their texts.

/// What a statement does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Statement {
    Setting,
    InsertSetting,
    SettingBetween,
    Order,
    OrderBefore,
    OrderBetween,
    OrderOwner,
    OrderByNo,
    InsertOrder,
    InsertOrderNumber,
    UpdateOrder,
    DueOrders,
    NextDueOrder,
    Attempt,
    InsertAttempt,
    Payments,
    InsertPayment,
    Messages,
    InsertMessage,
    InsertAnomaly,
    TellAnomalies,
    AnomalyOrder,
    AnomaliesOfShop,
    SeeTo,
    EndWaits,
    PutRefund,
    OurRefund,
    TheirRefund,
    RefundStill,
    RefundsOfPayment,
    RefundsOfOrder,
    EndRefund,
    InsertEntry,
    Goods,
    LateGoods,
    NextLateGoods,
    UpdateGoods,
    EndEntry,
    AgainEntry,
    HurryQueries,
    RetryEntry,
    Claim,
    NextEntry,
    WakeEntry,
    ReleaseAll,
    InsertHistory,
    InsertDays,
    NextDay,
    DueDay,
    OneDay,
    TakeDay,
    DayCompared,
    DayFailed,
    DayLeft,
    RecordedPayments,
    RecordedRefunds,
    FirstPaid,
    PaymentsOfDay,
    RefundsOfDay,
    PutDifferences,
    EndUnseen,
    DifferencesNumbered,
    NextDifference,
    DueDifference,
    TakeDifference,
    SetDifference,
    DayAgain,
    UnknownOfDay,
}

use Statement as S;

/// Each statement's text with single spaces; `..` stands between head and tail of one for rows.
pub(super) const TEXTS: &[(Statement, &str)] = &[
    (S::Setting, "select value from setting where name = $1"),
    (
        S::InsertSetting,
        "insert into setting (name, value) values ($1, $2) on conflict (name) do nothing",
    ),
    (
        S::SettingBetween,
        "select name from setting where name > $1 and name < $2 order by name limit 1",
    ),
    (
        S::OrderBefore,
        "select order_id from orders where order_id < $1 order by order_id desc limit 1",
    ),
    (
        S::OrderBetween,
        "select order_id from orders where order_id > $1 and order_id < $2 order by order_id \
         limit 1",
    ),
    (S::Order, "select * from orders where order_id = $1"),
    (S::Order, "select * from orders"),
    (S::OrderOwner, "select shop, device from orders where order_id = $1"),
    (S::OrderByNo, "select order_id from order_number where shop = $1 and order_no = $2"),
    (
        S::InsertOrderNumber,
        "insert into order_number (shop, order_no, order_id) values .. on conflict do nothing",
    ),
    (
        S::InsertOrder,
        "insert into orders (order_id, shop, order_no, mch_id, app_id, amount_fen, description, \
         phase, state, version, due_at, created_at, expires_at, updated_at, device) values .. on \
         conflict do nothing",
    ),
    (
        S::UpdateOrder,
        "update orders set phase = v.column3, state = v.column4, version = v.column5, due_at = \
         v.column6, updated_at = v.column7 from (values .. ) as v where orders.order_id = \
         v.column1 and orders.version = v.column2",
    ),
    (
        S::DueOrders,
        "select order_id from orders where due_at is not null and due_at <= $1 order by due_at \
         limit $2",
    ),
    (S::NextDueOrder, "select due_at from orders where due_at is not null order by due_at limit 1"),
    (S::Attempt, "select * from attempt where out_trade_no = $1"),
    (S::Attempt, "select * from attempt"),
    (
        S::InsertAttempt,
        "insert into attempt (out_trade_no, order_id, attempt_index, mch_id, app_id, sign_type, \
         request, created_at) values .. on conflict do nothing",
    ),
    (S::Payments, "select transaction_id, out_trade_no from payment"),
    (
        S::InsertPayment,
        "insert into payment (transaction_id, mch_id, out_trade_no, order_id, total_fee_fen, \
         paid_at, verdict, recorded_at) values .. on conflict do nothing",
    ),
    (S::Messages, "select digest, transaction_id, outcome from message"),
    (
        S::InsertMessage,
        "insert into message (out_trade_no, digest, transaction_id, body, outcome, received_at) \
         values .. on conflict do nothing",
    ),
    (
        S::InsertAnomaly,
        "insert into anomaly (kind, transaction_id, mch_id, out_trade_no, order_id, paid_fen, \
         refund, noticed_at) values .. on conflict (kind, transaction_id) do update set refund = \
         excluded.refund, noticed_at = excluded.noticed_at where anomaly.kind = \
         'elsewhere_closed' and anomaly.refund in ('done', 'dismissed')",
    ),
    (
        S::TellAnomalies,
        "update anomaly set refund = coalesce(( select case when r.state = 'dismissed' and \
         anomaly.kind = 'elsewhere_closed' then anomaly.refund when r.state in ('held', 'failed', \
         'dismissed') then r.state when r.state not in ('done', 'closed') then 'due' when exists \
         ( select 1 from refund as o where o.transaction_id = r.transaction_id and o.asked_by = \
         'elsewhere' and o.state = 'failed' ) then 'failed' else 'done' end from refund as r \
         where r.transaction_id = anomaly.transaction_id and r.asked_by = 'rule' order by \
         r.refund_index desc limit 1), case when anomaly.refund not in ('open', 'failed') then \
         anomaly.refund when anomaly.paid_fen <= ( select coalesce(sum(o.part_fen), 0) from \
         refund as o where o.transaction_id = anomaly.transaction_id and (o.state = 'done' or \
         o.state = 'dismissed' and o.asked_by = 'elsewhere') ) then 'done' when exists ( select 1 \
         from refund as o where o.transaction_id = anomaly.transaction_id and o.state = 'failed' \
         ) then 'failed' when anomaly.kind = 'refunded_elsewhere' and exists ( select 1 from \
         anomaly as a where a.transaction_id = anomaly.transaction_id and a.kind = \
         'elsewhere_closed' ) then 'done' else 'open' end) where transaction_id = $1",
    ),
    (S::AnomalyOrder, "select order_id from anomaly where kind = $1 and transaction_id = $2"),
    (
        S::AnomaliesOfShop,
        "select anomaly.*, orders.order_no, orders.amount_fen from anomaly left join orders on \
         orders.order_id = anomaly.order_id where orders.shop = $1 or anomaly.order_id = '' and \
         anomaly.mch_id = $2 order by anomaly.noticed_at desc, anomaly.transaction_id, \
         anomaly.kind limit $3",
    ),
    (
        S::SeeTo,
        "update anomaly set refund = 'dismissed' where kind = $1 and transaction_id = $2 and \
         refund = 'open'",
    ),
    (
        S::EndWaits,
        "update anomaly set refund = 'done' from (values .. ) as v where anomaly.transaction_id = \
         v.column1 and anomaly.kind in ('not_fetched', 'not_confirmed') and anomaly.refund in \
         ('open', 'failed')",
    ),
    (
        S::PutRefund,
        "insert into refund (out_refund_no, mch_id, app_id, order_id, refund_index, \
         transaction_id, out_trade_no, total_fen, part_fen, asked_by, refund_no, reason, \
         sign_type, request, state, refund_id, trouble, sent_at, accepted_at, ended_at, \
         created_at, updated_at) values .. on conflict (out_refund_no, mch_id) do update set \
         state = excluded.state, refund_id = excluded.refund_id, trouble = excluded.trouble, \
         sent_at = excluded.sent_at, accepted_at = excluded.accepted_at, ended_at = \
         excluded.ended_at, updated_at = excluded.updated_at where refund.state in \
         (excluded.state, 'held', 'asked', 'unsure', 'accepted') or refund.state <> 'done' and \
         excluded.state in ('done', 'failed', 'closed', 'dismissed')",
    ),
    (S::OurRefund, "select * from refund where out_refund_no = $1 and asked_by <> 'elsewhere'"),
    (
        S::TheirRefund,
        "select * from refund where out_refund_no = $1 and mch_id = $2 and asked_by = \
         'elsewhere'",
    ),
    (
        S::RefundStill,
        "update refund set updated_at = $1 where out_refund_no = $2 and mch_id = $3 and state = $4",
    ),
    (
        S::RefundsOfPayment,
        "select * from refund where transaction_id = $1 order by created_at, refund_index, \
         out_refund_no",
    ),
    (
        S::RefundsOfOrder,
        "select * from refund where order_id = $1 order by created_at, refund_index, \
         out_refund_no",
    ),
    (
        S::EndRefund,
        "update refund set state = v.column2, ended_at = v.column3, updated_at = v.column3, \
         trouble = case when v.column2 = 'failed' then refund.trouble else null end from (values \
         .. ) as v where refund.order_id = v.column1 and refund.refund_index = v.column4 and \
         refund.asked_by <> 'elsewhere'",
    ),
    (
        S::InsertEntry,
        "insert into outbox (order_id, key, mch_id, kind, lane, effect, state, due_at, tries, \
         created_at, updated_at) values .. on conflict do nothing",
    ),
    (
        S::Goods,
        "select order_id, key, state, due_at from outbox where order_id = $1 and kind = 'ship'",
    ),
    (
        S::LateGoods,
        "select order_id, key, state, due_at from outbox where state in ('waiting', \
         'dispensing') and due_at <= $1 order by due_at limit $2",
    ),
    (
        S::NextLateGoods,
        "select due_at from outbox where state in ('waiting', 'dispensing') order by due_at \
         limit 1",
    ),
    (
        S::UpdateGoods,
        "update outbox set state = v.column4, due_at = v.column5, updated_at = v.column6 from \
         (values .. ) as v where outbox.order_id = v.column1 and outbox.key = v.column2 and \
         (outbox.state = v.column3 or v.column4 in ('dispensing', 'done') and outbox.state in \
         ('waiting', 'unfetched', 'dispensing', 'unconfirmed'))",
    ),
    (
        S::EndEntry,
        "update outbox set state = 'done', updated_at = v.column3 from (values .. ) as v where \
         outbox.order_id = v.column1 and outbox.key = v.column2",
    ),
    (
        S::AgainEntry,
        "update outbox set state = v.column7, updated_at = v.column3, due_at = v.column5, \
         last_error = v.column6, tries = v.column8 from (values .. ) as v where outbox.order_id = \
         v.column1 and outbox.key = v.column2 and outbox.tries = v.column4 and outbox.state = \
         'leased'",
    ),
    (
        S::HurryQueries,
        "update outbox set due_at = $1, updated_at = $1 where order_id = $2 and kind = 'query' \
         and state = 'pending' and due_at > $1",
    ),
    (
        S::RetryEntry,
        "update outbox set state = 'pending', due_at = $1, updated_at = $1 where order_id = $2 \
         and key = $3 and (state = 'dead' or state = 'pending' and due_at > $1)",
    ),
    (
        S::Claim,
        "with mine as materialized ( select due.order_id, due.key from outbox as due where \
         due.lane = $3 and due.state in ('pending', 'leased') and due.due_at <= $1 and \
         (due.order_id = '' or not exists ( select 1 from outbox as other where other.order_id = \
         due.order_id and other.lane = due.lane and (other.state = 'leased' and other.due_at > \
         $1 or other.state in ('pending', 'leased') and other.due_at <= $1 and (other.due_at, \
         other.created_at, other.key) < (due.due_at, due.created_at, due.key)))) order by \
         due.due_at limit $4 ) update outbox set state = 'leased', \
         due_at = $2, tries = tries + 1, updated_at = $1 from mine where outbox.order_id = \
         mine.order_id and outbox.key = mine.key returning outbox.order_id, outbox.key, \
         outbox.effect, outbox.tries, outbox.created_at",
    ),
    (
        S::NextEntry,
        "select due_at from outbox where lane = $1 and state in ('pending', 'leased') order by \
         due_at limit 1",
    ),
    (
        S::WakeEntry,
        "update outbox set state = 'pending', due_at = $3, updated_at = $3 where order_id = $1 \
         and key = $2 and (state = 'pending' or $4 = 'anyhow' and state <> 'leased')",
    ),
    (
        S::ReleaseAll,
        "update outbox set state = 'pending', due_at = $1 where state in ('pending', 'leased') \
         and state = 'leased'",
    ),
    (S::InsertHistory, "insert into history (order_id, at, kind, name, text) values .."),
    (
        S::InsertDays,
        "insert into bill_day (mch_id, bill_date, state, due_at, runs, failures) values .. on \
         conflict do nothing",
    ),
    (S::NextDay, "select min(due_at) as due_at from bill_day where due_at is not null"),
    (S::DueDay, "select * from bill_day where due_at <= $1 order by due_at, bill_date limit 1"),
    (S::OneDay, "select * from bill_day where mch_id = $1 and bill_date = $2"),
    (
        S::TakeDay,
        "update bill_day set due_at = $1, runs = runs + 1 where mch_id = $2 and bill_date = $3 \
         and due_at = $4 and runs = $5",
    ),
    (
        S::DayCompared,
        "update bill_day set state = 'compared', failures = 0, last_error = null, compared_at = \
         $1, payments_there_count = $2, payments_there_fen = $3, payments_here_count = $4, \
         payments_here_fen = $5, payments_others_count = $6, payments_others_fen = $7, \
         refunds_there_count = $8, refunds_there_fen = $9, refunds_here_count = $10, \
         refunds_here_fen = $11, refunds_others_count = $12, refunds_others_fen = $13, due_at = \
         case when due_at = $14 then null else due_at end where mch_id = $15 and bill_date = $16 \
         and runs = $17",
    ),
    (
        S::DayFailed,
        "update bill_day set failures = failures + 1, last_error = $1, due_at = case when due_at \
         = $2 then $3 else due_at end where mch_id = $4 and bill_date = $5 and runs = $6",
    ),
    (
        S::DayLeft,
        "update bill_day set due_at = $1 where mch_id = $2 and bill_date = $3 and due_at = $4 and \
         runs = $5",
    ),
    (
        S::RecordedPayments,
        "select transaction_id, mch_id, out_trade_no, order_id, total_fee_fen, paid_at from \
         payment",
    ),
    (
        S::RecordedRefunds,
        "select out_refund_no, mch_id, order_id, transaction_id, out_trade_no, part_fen, state, \
         refund_id, accepted_at, created_at from refund",
    ),
    (
        S::FirstPaid,
        "select paid_at from payment where mch_id = $1 and order_id <> '' order by paid_at limit 1",
    ),
    (
        S::PaymentsOfDay,
        "select transaction_id, mch_id, out_trade_no, order_id, total_fee_fen, paid_at from \
         payment where mch_id = $1 and paid_at < $2 and (paid_at, transaction_id) > ($3, $4) \
         order by paid_at, transaction_id limit $5",
    ),
    (
        S::RefundsOfDay,
        "select out_refund_no, mch_id, order_id, transaction_id, out_trade_no, part_fen, state, \
         refund_id, accepted_at, created_at from refund where mch_id = $1 and accepted_at < $2 \
         and (accepted_at, out_refund_no) > ($3, $4) order by accepted_at, out_refund_no limit $5",
    ),
    (
        S::PutDifferences,
        "insert into bill_difference (mch_id, bill_date, kind, number, out_trade_no, \
         transaction_id, out_refund_no, refund_id, app_id, order_id, there_fen, here_fen, \
         happened_at, state, why, note, due_at, tries, run, found_at, ended_at) values .. on \
         conflict (mch_id, bill_date, kind, number) do update set run = case when excluded.run > \
         bill_difference.run then excluded.run else bill_difference.run end, due_at = case when \
         bill_difference.state = 'open' then coalesce(bill_difference.due_at, \
         excluded.due_at) else bill_difference.due_at end",
    ),
    (
        S::EndUnseen,
        "update bill_difference set state = $1, why = $2, due_at = null, ended_at = $3 where \
         mch_id = $4 and bill_date = $5 and state = 'open' and run < $6",
    ),
    (S::DifferencesNumbered, "select * from bill_difference"),
    (
        S::NextDifference,
        "select min(due_at) as due_at from bill_difference where due_at is not null",
    ),
    (
        S::DueDifference,
        "select * from bill_difference where due_at <= $1 order by due_at, mch_id, bill_date, \
         kind, number limit 1",
    ),
    (
        S::TakeDifference,
        "update bill_difference set due_at = $1, tries = tries + 1 where mch_id = $2 and \
         bill_date = $3 and kind = $4 and number = $5 and due_at = $6",
    ),
    (
        S::SetDifference,
        "update bill_difference set state = $1, why = $2, note = $3, due_at = $4, ended_at = $5 \
         where mch_id = $6 and bill_date = $7 and kind = $8 and number = $9 and state = 'open'",
    ),
    (
        S::DayAgain,
        "update bill_day set due_at = $1 where mch_id = $2 and bill_date = $3 and (due_at is null \
         or due_at > $1) and not exists ( select 1 from bill_difference as d where d.mch_id = $2 \
         and d.bill_date = $3 and d.state = 'open' and d.due_at is not null)",
    ),
    (
        S::UnknownOfDay,
        "select count(*) as unknown from bill_difference where mch_id = $1 and bill_date = $2 and \
         kind = $3 and order_id = '' and why <> $4",
    ),
];

impl Statement {
    /// The statement of this text.
    ///
    /// # Panics
    /// When it is not known: it was changed, or is new.
    pub(super) fn of(head: &str, tail: &str) -> Self {
        let mut text: Vec<&str> = head.split_whitespace().collect();
        if head.trim_end().ends_with("values") {
            text.push("..");
        }
        text.extend(tail.split_whitespace());
        let text = text.join(" ");
        let known = TEXTS.iter().find(|(_, known)| **known == text);
        let Some((statement, _)) = known else {
            panic!("server/src/store/memory/statement.rs does not know this statement:\n{text}")
        };
        *statement
    }
}
