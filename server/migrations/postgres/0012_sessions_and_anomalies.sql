-- A session ends with the password that it was begun with.
delete from session;
alter table session add column password text not null default '';

-- Each step of a refund says at the payment's anomalies how far it is.
create index anomaly_payment on anomaly (transaction_id);
