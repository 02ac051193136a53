-- Anomalies of which no money moves by itself wait for a person as well ('open'). Those that were
-- written down before stay as they are ('none'), and over.
drop index anomaly_waiting;
create index anomaly_waiting on anomaly (noticed_at)
    where refund in ('due', 'held', 'failed', 'open');
