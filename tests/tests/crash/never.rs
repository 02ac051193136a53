//! What must not be in a database at any moment.

/// What must find no row. The texts hold for both databases.
pub(crate) const NEVER: [(&str, &str); 12] = [
    (
        "an order ships for two payments",
        "select order_id from payment where verdict = 'ship' group by order_id having count(*) > 1",
    ),
    (
        "an order is paid without a payment",
        "select order_id from orders o where phase in ('paid', 'shipped') and not exists
         (select 1 from payment p where p.order_id = o.order_id and p.verdict = 'ship')",
    ),
    (
        "a payment ships another amount",
        "select o.order_id from orders o join payment p on p.order_id = o.order_id
         where p.verdict = 'ship' and p.total_fee_fen <> o.amount_fen",
    ),
    (
        "nobody is told to ship",
        "select transaction_id from payment p where verdict = 'ship' and not exists
         (select 1 from outbox x where x.order_id = p.order_id and x.key = 'ship-' || p.order_id)",
    ),
    (
        "somebody is told to ship for nothing",
        "select key from outbox x where kind = 'ship' and not exists
         (select 1 from payment p where p.order_id = x.order_id and p.verdict = 'ship')",
    ),
    (
        "a payment that may not be kept does not go back, or not as a whole",
        "select transaction_id from payment p where verdict in ('amount_mismatch', 'paid_twice',
         'currency_mismatch', 'paid_after_cancel', 'paid_after_close', 'unknown_order')
         and total_fee_fen <> coalesce((select sum(part_fen) from refund r
         where r.transaction_id = p.transaction_id
         and r.state not in ('closed', 'failed', 'dismissed')), 0)",
    ),
    (
        "more goes back than came",
        "select p.transaction_id from payment p join refund r
         on r.transaction_id = p.transaction_id
         where r.state not in ('closed', 'failed', 'dismissed')
         group by p.transaction_id, p.total_fee_fen having sum(r.part_fen) > p.total_fee_fen",
    ),
    (
        "a payment ships and goes back, and its shop has not asked for that",
        "select p.transaction_id from payment p join refund r
         on r.transaction_id = p.transaction_id where p.verdict = 'ship' and r.asked_by <> 'shop'",
    ),
    (
        "a refund is recorded and nobody sends it",
        "select out_refund_no from refund r where asked_by = 'rule' and not exists
         (select 1 from outbox x where x.key = 'refund-' || r.out_refund_no)",
    ),
    (
        "a message was kept without its payment",
        "select transaction_id from message m where outcome <> 'conflict' and not exists
         (select 1 from payment p where p.transaction_id = m.transaction_id)",
    ),
    (
        "an attempt has no order",
        "select out_trade_no from attempt a where not exists
         (select 1 from orders o where o.order_id = a.order_id)",
    ),
    (
        "an order has no attempt, or its first is not being placed",
        "select order_id from orders o where not exists
         (select 1 from attempt a where a.order_id = o.order_id) or not exists
         (select 1 from outbox x where x.order_id = o.order_id and x.kind = 'place')",
    ),
];
