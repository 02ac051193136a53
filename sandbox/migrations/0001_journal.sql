-- What a sandbox must not forget: how it began, and everything that happened to it since.

-- Seed, rules and clock.
create table setting (
    name  text primary key,
    value text not null
);

-- The merchants. Their keys are not here; of each there is a fingerprint among the settings.
create table merchant (
    mch_id   text primary key,
    -- The number of the first input that this merchant was there for.
    since    bigint not null,
    -- JSON: names and values.
    settings text not null
);

-- The inputs of the gateway, one after the other.
create table input (
    number integer primary key,
    -- The gateway's time.
    at     bigint not null,
    -- JSON.
    input  text not null,
    -- Of what came of it.
    digest text not null
);
