-- Operators' sessions. Only the digest of a session's token is kept, so that nobody who reads the
-- database can use it.
create table session (
    -- SHA-256 of the token in hexadecimal digits.
    digest     text primary key,
    operator   text not null,
    created_at bigint not null,
    expires_at bigint not null
);

create index session_expires on session (expires_at);

-- What stopped and waits for a person: few rows, however many orders there are.
create index outbox_stopped on outbox (state, updated_at, order_id, key)
    where state in ('held', 'dead');

-- Payments that may not ship and whose money is not back yet.
create index anomaly_waiting on anomaly (noticed_at) where refund in ('due', 'held', 'failed');
