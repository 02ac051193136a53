-- A notification changes fewer pages: one index tells both what is due and how much waits.

drop index orders_unfinished;
drop index orders_due;
create index orders_due on orders (due_at, phase) where due_at is not null;
create index orders_at_rest on orders (phase)
    where due_at is null and phase in ('placing', 'open', 'closing', 'paid', 'refunding');

drop index outbox_unfinished;
drop index outbox_due;
create index outbox_due on outbox (lane, due_at, state, created_at)
    where state in ('pending', 'leased');
