-- WeChat's bills, compared with what is known here (docs/protocol.md §11.1).

-- A merchant's bill of a day in Beijing.
create table bill_day (
    mch_id               text not null,
    -- 8 digits, yyyyMMdd.
    bill_date            text not null,
    -- 'waiting' (never compared) or 'compared'.
    state                text not null,
    -- When it is to be compared next; whoever is at it has moved it into the future. Null: done.
    due_at               bigint,
    -- How often it was begun, and how often in a row it failed.
    runs                 bigint not null,
    failures             bigint not null,
    last_error           text,
    compared_at          bigint,
    -- What it came to when it was compared last: in the bill, here, and in the bill for other
    -- programs of the merchant.
    payments_there_count  bigint,
    payments_there_fen    bigint,
    payments_here_count   bigint,
    payments_here_fen     bigint,
    payments_others_count bigint,
    payments_others_fen   bigint,
    refunds_there_count   bigint,
    refunds_there_fen     bigint,
    refunds_here_count    bigint,
    refunds_here_fen      bigint,
    refunds_others_count  bigint,
    refunds_others_fen    bigint,
    primary key (mch_id, bill_date)
);

create index bill_day_due on bill_day (due_at) where due_at is not null;

-- What differs, each thing once for each day, however often the day is compared.
create table bill_difference (
    mch_id         text not null,
    bill_date      text not null,
    -- The name, as in docs/protocol.md §11.1.
    kind           text not null,
    -- WeChat's number of the payment, or the merchant's of the refund; '' for 'totals'.
    number         text not null,
    -- The numbers as the bill or our record has them; '' when it has none.
    out_trade_no   text not null,
    transaction_id text not null,
    out_refund_no  text not null,
    refund_id      text not null,
    app_id         text not null,
    -- '' when the number belongs to no order of ours.
    order_id       text not null,
    -- What the bill and what our record of the day says; null when it has nothing.
    there_fen      bigint,
    here_fen       bigint,
    -- When it was paid or accepted, as the bill or else our record says.
    happened_at    bigint not null,
    -- 'open', 'settled', 'refunded' or 'explained', and why.
    state          text not null,
    why            text not null,
    note           text not null,
    -- When WeChat is to be asked about it next; whoever is at it has moved it into the future.
    -- Null: nobody asks any more.
    due_at         bigint,
    tries          bigint not null,
    -- The run of the day that has seen it last.
    run            bigint not null,
    found_at       bigint not null,
    ended_at       bigint,
    primary key (mch_id, bill_date, kind, number)
);

create index bill_difference_due on bill_difference (due_at) where due_at is not null;
create index bill_difference_number on bill_difference (number);
create index bill_difference_open on bill_difference (mch_id, bill_date) where state = 'open';
