-- Several shops and merchants in one database; the same tables as on PostgreSQL (../postgres).
-- What was there belongs to the first shop, whose id is 'shop'. References between tables are
-- gone: rows of old months may be moved away table by table.

create table orders_2 (
    order_id    text primary key,
    shop        text not null,
    order_no    text not null,
    mch_id      text not null,
    app_id      text not null,
    amount_fen  bigint not null check (amount_fen between 1 and 2147483647),
    description text not null,
    phase       text not null,
    state       text not null,
    version     bigint not null check (version >= 1),
    due_at      bigint,
    created_at  bigint not null,
    expires_at  bigint not null,
    updated_at  bigint not null
);

insert into orders_2
    select order_id, 'shop', order_no, mch_id, app_id, amount_fen, description, phase, state,
           version, due_at, created_at, expires_at, updated_at
    from orders;

create table order_number (
    shop     text not null,
    order_no text not null,
    order_id text not null,
    primary key (shop, order_no)
) without rowid;

insert into order_number select 'shop', order_no, order_id from orders;

create table attempt_2 (
    out_trade_no  text primary key,
    order_id      text not null,
    attempt_index bigint not null check (attempt_index between 0 and 7),
    mch_id        text not null,
    app_id        text not null,
    sign_type     text not null,
    request       text not null,
    created_at    bigint not null,
    unique (order_id, attempt_index)
);

insert into attempt_2
    select a.out_trade_no, a.order_id, a.attempt_index, o.mch_id, o.app_id, a.sign_type, a.request,
           a.created_at
    from attempt as a join orders as o on o.order_id = a.order_id;

create table payment_2 (
    transaction_id text primary key,
    mch_id         text not null,
    out_trade_no   text not null,
    order_id       text not null,
    total_fee_fen  bigint not null,
    paid_at        bigint not null,
    verdict        text not null,
    recorded_at    bigint not null
);

insert into payment_2
    select p.transaction_id, (select value from setting where name = 'mch_id'), p.out_trade_no,
           coalesce(a.order_id, ''), p.total_fee_fen, p.paid_at, p.verdict, p.recorded_at
    from payment as p left join attempt as a on a.out_trade_no = p.out_trade_no;

create table message_2 (
    out_trade_no   text not null,
    digest         text not null,
    transaction_id text not null,
    body           text not null,
    outcome        text not null,
    received_at    bigint not null,
    primary key (out_trade_no, digest)
) without rowid;

insert into message_2
    select out_trade_no, digest, transaction_id, body, outcome, received_at from message;

create table anomaly_2 (
    kind           text not null,
    transaction_id text not null,
    mch_id         text not null,
    out_trade_no   text not null,
    order_id       text not null,
    paid_fen       bigint not null,
    refund         text not null,
    noticed_at     bigint not null,
    primary key (kind, transaction_id)
);

insert into anomaly_2
    select kind, transaction_id, (select value from setting where name = 'mch_id'), out_trade_no,
           coalesce(order_id, ''), paid_fen, refund, noticed_at
    from anomaly;

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
    primary key (order_id, key)
) without rowid;

insert into outbox_2
    select coalesce(order_id, ''), key, (select value from setting where name = 'mch_id'), kind,
           lane, effect, state, due_at, tries, last_error, created_at, updated_at
    from outbox;

drop table outbox;
drop table anomaly;
drop table attempt;
drop table message;
drop table payment;
drop table orders;

alter table orders_2 rename to orders;
alter table attempt_2 rename to attempt;
alter table payment_2 rename to payment;
alter table message_2 rename to message;
alter table anomaly_2 rename to anomaly;
alter table outbox_2 rename to outbox;

create index orders_due on orders (due_at) where due_at is not null;
create index payment_out_trade_no on payment (out_trade_no);
create index payment_paid on payment (mch_id, paid_at, transaction_id);
create index anomaly_noticed on anomaly (noticed_at);
create index outbox_due on outbox (lane, due_at) where state in ('pending', 'leased');
create index outbox_open on outbox (state, updated_at)
    where state not in ('pending', 'leased', 'done');

create table history (
    id       integer primary key,
    order_id text not null,
    at       bigint not null,
    kind     text not null,
    name     text not null,
    text     text not null
);

create index history_order on history (order_id, id);

-- One database may serve several merchants.
delete from setting where name = 'mch_id';
