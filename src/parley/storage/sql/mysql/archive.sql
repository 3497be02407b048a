-- name: archive_schema
-- The newest migration, and the oldest code that runs on it.
select max(version), max(oldest_code) from schema_migration;

-- name: archive_partitions
-- Where every partition is.
select id, epoch, mode, position_epoch, position_id, change_epoch, change_id from `partition` order by id;

-- name: archive_scopes
-- How many scopes there are, and the highest number that one was granted.
select count(*), coalesce(max(granted_until), 0)
from (select granted_until from application union all select granted_until from chat) scope;

-- name: archive_counts
-- How many rows there are.
select
    (select count(*) from application), (select count(*) from chat), (select count(*) from message),
    (select count(*) from idempotency_key), (select count(*) from gap), (select count(*) from dead_letter);

-- name: begin_partition
-- Another history begins: another epoch, and scopes take a higher floor when they are used next.
update `partition`
set epoch = %s, run_id = '', position_epoch = %s, position_id = %s, mode = 'log', burn = burn + %s,
    change_epoch = position_epoch, change_id = position_id, last_key_at = 0
where id = %s;

-- name: forget_keys
-- Let all idempotency keys expire.
truncate table idempotency_key;

-- name: forget_changes
-- Forget what followers were told.
truncate table `change`;

-- name: forget_followers
-- Forget how far followers were.
delete from follower;
