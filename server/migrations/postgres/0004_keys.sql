-- Keys of shops and devices that were made here; those of the configuration are kept nowhere.
create table api_key (
    -- SHA-256 of the key in hexadecimal digits. A key has 160 random bits, so nobody can find it
    -- by trying.
    digest       text primary key,
    shop         text not null,
    -- Names the holder. A device that gets another key keeps its name, and with it its orders.
    name         text not null,
    -- 'shop' or 'device'.
    kind         text not null,
    created_at   bigint not null,
    -- Exact to some minutes; null: never.
    last_used_at bigint,
    revoked_at   bigint
);

create unique index api_key_name on api_key (shop, name) where revoked_at is null;

-- The device that made an order and hands its goods over; '' for orders of the shop itself.
alter table orders add column device text not null default '';

-- Goods that wait for a device. States of the outbox for them: 'waiting' (paid, nobody has come),
-- 'unfetched' (the same, and somebody was told), 'dispensing' (claimed), 'unconfirmed' (claimed,
-- and somebody was told).
create index outbox_goods on outbox (due_at) where state in ('waiting', 'dispensing');
