-- A notification changes fewer pages again. An order's payments are found by the numbers that the
-- order itself knows, and payments of one second, like orders that came to rest in one second, are
-- kept in the order in which they came. And a transaction is always looked up by the primary key:
-- while the table was empty, PostgreSQL could choose the index that had it last.

drop index payment_out_trade_no;
drop index payment_paid;
create index payment_paid on payment (mch_id, paid_at);

drop index orders_at_rest;
create index orders_at_rest on orders (phase, updated_at)
    where due_at is null and phase in ('placing', 'open', 'closing', 'paid', 'refunding');
