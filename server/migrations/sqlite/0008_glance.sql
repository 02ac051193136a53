-- How much is not over, for the metrics: counting it must not read what is.

create index orders_unfinished on orders (phase)
    where phase in ('placing', 'open', 'closing', 'paid', 'refunding');
create index outbox_unfinished on outbox (lane, state, created_at) where state <> 'done';
create index refund_unfinished on refund (state, created_at)
    where state in ('held', 'asked', 'unsure', 'accepted', 'failed');
