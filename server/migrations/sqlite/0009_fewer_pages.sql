-- A notification changes fewer pages: one index tells both what is due and how much waits, and
-- messages, which are long, are kept in the order in which they came.

drop index orders_unfinished;
drop index orders_due;
create index orders_due on orders (due_at, phase) where due_at is not null;
create index orders_at_rest on orders (phase)
    where due_at is null and phase in ('placing', 'open', 'closing', 'paid', 'refunding');

drop index outbox_unfinished;
drop index outbox_due;
create index outbox_due on outbox (lane, due_at, state, created_at)
    where state in ('pending', 'leased');

create table message_2 (
    out_trade_no   text not null,
    -- SHA-256 of the body in hexadecimal digits: the same bytes are the same message.
    digest         text not null,
    transaction_id text not null,
    body           text not null,
    outcome        text not null,
    received_at    bigint not null,
    unique (out_trade_no, digest)
);
insert into message_2 select out_trade_no, digest, transaction_id, body, outcome, received_at
    from message;
drop table message;
alter table message_2 rename to message;
