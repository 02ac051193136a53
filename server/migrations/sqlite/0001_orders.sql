-- Everything the server must not forget.
--
-- Money is integer fen, times are unix seconds, and names of states are lower-case words. The text
-- is portable: it holds no type, clause or function that only one database knows.

-- What was decided once, at the first start.
create table setting (
    name  text primary key,
    value text not null
);

-- What customers buy. ("order" is a word of SQL, hence the plural.)
create table orders (
    order_id    text primary key,
    -- The shop's own number, and the key that makes creating an order safe to repeat.
    order_no    text not null unique,
    mch_id      text not null,
    app_id      text not null,
    amount_fen  bigint not null check (amount_fen between 1 and 2147483647),
    description text not null,
    -- What the customer sees (docs/api.md, section 3), for people and for searching; `state`
    -- decides.
    phase       text not null,
    -- The order machine, as JSON.
    state       text not null,
    -- Grows by one with each change; an update names the version that it was made from.
    version     bigint not null check (version >= 1),
    -- When time next has something to do with the order.
    due_at      bigint,
    created_at  bigint not null,
    expires_at  bigint not null,
    updated_at  bigint not null
);

create index orders_due on orders (due_at) where due_at is not null;

-- One number at WeChat each; an order has 1 to 8.
create table attempt (
    out_trade_no  text primary key,
    order_id      text not null references orders (order_id),
    -- 0 for the first.
    attempt_index bigint not null check (attempt_index between 0 and 7),
    -- The algorithm of every message about this number, whatever a message itself may say.
    sign_type     text not null,
    -- The unified order without nonce and signature, stored before it is first sent: whatever is
    -- sent again must be the same, or WeChat refuses the number.
    request       text not null,
    created_at    bigint not null,
    unique (order_id, attempt_index)
);

-- Money that customers have paid. One transaction belongs to one number for ever.
create table payment (
    transaction_id text primary key,
    -- No reference to `attempt`: money may come for a number that nobody here knows.
    out_trade_no   text not null,
    total_fee_fen  bigint not null,
    paid_at        bigint not null,
    -- 'ship', or the anomaly that keeps it from shipping.
    verdict        text not null,
    recorded_at    bigint not null
);

create index payment_out_trade_no on payment (out_trade_no);

-- Every verified notification, as it came. The same bytes again are the same message.
create table message (
    -- SHA-256 of the body in hexadecimal digits.
    digest         text primary key,
    out_trade_no   text not null,
    transaction_id text not null,
    body           text not null,
    -- What became of it: a verdict as in `payment`, or 'repeated'.
    outcome        text not null,
    received_at    bigint not null
);

create index message_out_trade_no on message (out_trade_no);

-- Payments that may not ship, each reason once for each payment.
create table anomaly (
    kind           text not null,
    transaction_id text not null,
    out_trade_no   text not null,
    -- Null when the number is unknown.
    order_id       text references orders (order_id),
    paid_fen       bigint not null,
    -- 'due', or 'none' when no money may move.
    refund         text not null,
    noticed_at     bigint not null,
    primary key (kind, transaction_id)
);

create index anomaly_noticed on anomaly (noticed_at);

-- What must be done outside, at least once, written in the transaction that decided it.
create table outbox (
    -- Names the thing to be done, so that twice does once: 'ship-<order_id>' and the like.
    key        text primary key,
    -- Null only for the refund of a payment for an unknown number.
    order_id   text references orders (order_id),
    kind       text not null,
    -- Who is called, 'gateway' or 'shop': a shop that hangs must not hold up WeChat's answers.
    lane       text not null,
    -- The order machine's effect, as JSON.
    effect     text not null,
    -- 'pending', 'leased' (somebody is at it), 'done', or 'held' (recorded, not performed yet).
    state      text not null,
    -- Pending: not before then. Leased: who was at it until then has died.
    due_at     bigint not null,
    -- How often it was begun.
    tries      bigint not null default 0,
    last_error text,
    created_at bigint not null,
    updated_at bigint not null
);

create index outbox_due on outbox (lane, due_at) where state in ('pending', 'leased');
create index outbox_order on outbox (order_id);
