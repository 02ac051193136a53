-- A notification changes fewer pages once more: entries, which are long, are kept in the order in
-- which they came, like messages.

create table outbox_2 (
    order_id   text not null,
    key        text not null,
    mch_id     text not null,
    kind       text not null,
    lane       text not null,
    effect     text not null,
    state      text not null,
    due_at     bigint not null,
    tries      bigint not null default 0,
    last_error text,
    created_at bigint not null,
    updated_at bigint not null,
    unique (order_id, key)
);
insert into outbox_2 select order_id, key, mch_id, kind, lane, effect, state, due_at, tries,
    last_error, created_at, updated_at from outbox;
drop table outbox;
alter table outbox_2 rename to outbox;

create index outbox_due on outbox (lane, due_at, state, created_at)
    where state in ('pending', 'leased');
create index outbox_open on outbox (state, updated_at)
    where state not in ('pending', 'leased', 'done');
create index outbox_goods on outbox (due_at) where state in ('waiting', 'dispensing');
create index outbox_stopped on outbox (state, updated_at, order_id, key)
    where state in ('held', 'dead');
