-- Everything the server must not forget, on PostgreSQL. SQLite's tables are the same (../sqlite).
--
-- Money is integer fen, times are unix seconds, and names of states are lower-case words. Only
-- text and bigint are used, so that one text of SQL serves both databases.
--
-- An order's id begins with Beijing's date and time, and the numbers of its attempts begin with
-- the id: rows of one order, and of one day, lie side by side in every table. The big tables are
-- partitioned by the month in it. The server makes the months ahead of time
-- (src/store/partition.rs); what has no month of its own lies in the default partition. Ids are
-- compared byte by byte (collate "C"), as SQLite does.

-- What was decided once, at the first start.
create table setting (
    name  text primary key,
    value text not null
);

-- What customers buy. ("order" is a word of SQL, hence the plural.)
create table orders (
    order_id    text collate "C" primary key,
    -- Whose it is, and that shop's own number (`order_number` says that there is one only).
    shop        text not null,
    order_no    text not null,
    mch_id      text not null,
    app_id      text not null,
    amount_fen  bigint not null check (amount_fen between 1 and 2147483647),
    description text not null,
    -- What the customer sees (docs/api.md, section 3), for people and for searching; `state`
    -- decides.
    phase       text not null,
    -- The order machine, as JSON.
    state       text not null,
    -- Grows with each change; an update names the version that it was made from.
    version     bigint not null check (version >= 1),
    -- When time next has something to do with the order.
    due_at      bigint,
    created_at  bigint not null,
    expires_at  bigint not null,
    updated_at  bigint not null
) partition by range (order_id);

create table orders_default partition of orders default;

create index orders_due on orders (due_at) where due_at is not null;

-- The shops' own numbers: the key that makes creating an order safe to repeat. In one table and
-- for ever, because a number must stay taken when its order's month has left for the archive.
create table order_number (
    shop     text not null,
    order_no text not null,
    order_id text collate "C" not null,
    primary key (shop, order_no)
);

-- One number at WeChat each; an order has 1 to 8.
create table attempt (
    out_trade_no  text collate "C" primary key,
    order_id      text collate "C" not null,
    -- 0 for the first.
    attempt_index bigint not null check (attempt_index between 0 and 7),
    mch_id        text not null,
    app_id        text not null,
    -- The algorithm of every message about this number, whatever a message itself may say.
    sign_type     text not null,
    -- The unified order without nonce and signature, stored before it is first sent: whatever is
    -- sent again must be the same, or WeChat refuses the number.
    request       text not null,
    created_at    bigint not null
) partition by range (out_trade_no);

create table attempt_default partition of attempt default;
create index attempt_order on attempt (order_id);

-- Money that customers have paid. One transaction belongs to one number for ever, so this table
-- has no months.
create table payment (
    transaction_id text primary key,
    mch_id         text not null,
    -- May be a number that nobody here knows; the order is '' then.
    out_trade_no   text not null,
    order_id       text not null,
    total_fee_fen  bigint not null,
    paid_at        bigint not null,
    -- 'ship', or the anomaly that keeps it from shipping.
    verdict        text not null,
    recorded_at    bigint not null
);

create index payment_out_trade_no on payment (out_trade_no);
create index payment_paid on payment (mch_id, paid_at, transaction_id);

-- Every verified notification, as it came. The same bytes again are the same message.
create table message (
    out_trade_no   text collate "C" not null,
    -- SHA-256 of the body in hexadecimal digits.
    digest         text not null,
    transaction_id text not null,
    body           text not null,
    -- What became of it: a verdict as in `payment`, 'repeated' or 'conflict'.
    outcome        text not null,
    received_at    bigint not null,
    primary key (out_trade_no, digest)
) partition by range (out_trade_no);

create table message_default partition of message default;

-- Payments that may not ship, each reason once for each payment.
create table anomaly (
    kind           text not null,
    transaction_id text not null,
    mch_id         text not null,
    out_trade_no   text not null,
    -- '' when the number is unknown.
    order_id       text not null,
    paid_fen       bigint not null,
    -- 'due', or 'none' when no money may move.
    refund         text not null,
    noticed_at     bigint not null,
    primary key (kind, transaction_id)
);

create index anomaly_noticed on anomaly (noticed_at);

-- What must be done outside, at least once, written in the transaction that decided it.
create table outbox (
    -- '' only for the refund of a payment for an unknown number.
    order_id   text collate "C" not null,
    -- Names the thing to be done, so that twice does once: 'ship-<order_id>' and the like.
    key        text not null,
    mch_id     text not null,
    kind       text not null,
    -- Who is called, 'gateway' or 'shop': a shop that hangs must not hold up WeChat's answers.
    lane       text not null,
    -- The order machine's effect, as JSON.
    effect     text not null,
    -- 'pending', 'leased' (somebody is at it), 'done', 'held' (waits for a person), or 'dead'
    -- (given up; a person may let it be tried again).
    state      text not null,
    -- Pending: not before then. Leased: who was at it until then has died.
    due_at     bigint not null,
    -- How often it was begun.
    tries      bigint not null default 0,
    last_error text,
    created_at bigint not null,
    updated_at bigint not null,
    primary key (order_id, key)
) partition by range (order_id);

create table outbox_default partition of outbox default;
create index outbox_due on outbox (lane, due_at) where state in ('pending', 'leased');
create index outbox_open on outbox (state, updated_at)
    where state not in ('pending', 'leased', 'done');

-- What happened to an order, for people: every event with what followed from it, every message
-- that was sent or received, every word of an operator. Nothing is decided by it.
create table history (
    order_id text collate "C" not null,
    id       bigserial,
    at       bigint not null,
    -- 'event', 'sent', 'received' or 'note'.
    kind     text not null,
    -- The event's or the call's name, or who wrote the note.
    name     text not null,
    -- JSON, XML without its signature, or words.
    text     text not null,
    primary key (order_id, id)
) partition by range (order_id);

create table history_default partition of history default;
