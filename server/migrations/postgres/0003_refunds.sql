-- Money that goes back: what we ask for, and what somebody gave back in WeChat's console.
create table refund (
    -- Ours is derived from the order, or from the payment when no order is known; the console's is
    -- its own.
    out_refund_no  text not null,
    mch_id         text not null,
    app_id         text not null,
    -- '' when the payment's number is unknown.
    order_id       text not null,
    -- Which refund of the order, from 0; of the payment when no order is known.
    refund_index   bigint not null,
    transaction_id text not null,
    out_trade_no   text not null,
    total_fen      bigint not null,
    part_fen       bigint not null,
    -- 'rule' (a payment that may not be kept), 'shop', or 'elsewhere'.
    asked_by       text not null,
    -- The shop's own number of it, the key that makes asking safe to repeat.
    refund_no      text,
    reason         text not null,
    sign_type      text not null,
    -- Without nonce and signature, stored before it is first sent: what is sent again is the same.
    request        text not null,
    -- 'held' (waits for a person), 'asked' (to be sent), 'unsure' (sent; WeChat is to be asked what
    -- became of it), 'accepted' (WeChat is at it); and its ends: 'done', 'failed', 'closed',
    -- 'dismissed'.
    state          text not null,
    refund_id      text,
    -- What a person has to see to.
    trouble        text,
    -- When it was last sent.
    sent_at        bigint,
    accepted_at    bigint,
    ended_at       bigint,
    created_at     bigint not null,
    updated_at     bigint not null,
    primary key (out_refund_no, mch_id)
);

create unique index refund_of_shop on refund (order_id, refund_no) where refund_no is not null;
create index refund_of_payment on refund (transaction_id);
create index refund_of_order on refund (order_id, refund_index);
create index refund_accepted on refund (mch_id, accepted_at, out_refund_no)
    where accepted_at is not null;
create index refund_waiting on refund (created_at) where trouble is not null;
