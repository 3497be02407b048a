-- name: beat
-- A worker lives for some time from now.
replace into worker (owner, until) values (%s, cast(unix_timestamp(now(3)) * 1000 as signed) + %s);

-- name: forget_workers
-- Forget workers that have been silent for a long time.
delete from worker where until < cast(unix_timestamp(now(3)) * 1000 as signed) - %s;

-- name: count_workers
-- Count the workers that live.
select count(*) from worker where until > cast(unix_timestamp(now(3)) * 1000 as signed);

-- name: count_present
-- Count the workers that live, or hold a lease: one that is without the log does not live for the others.
select count(*)
from (
    select owner from worker where until > cast(unix_timestamp(now(3)) * 1000 as signed)
    union
    select owner from lease where owner <> '' and until > cast(unix_timestamp(now(3)) * 1000 as signed)
) present;

-- name: lock_lease
-- A lease and how long it is still held, held until the transaction ends.
select owner, token, until - cast(unix_timestamp(now(3)) * 1000 as signed) from lease where job = %s for update;

-- name: insert_lease
-- A first lease.
insert into lease (job, owner, token, until) values (%s, %s, 1, cast(unix_timestamp(now(3)) * 1000 as signed) + %s);

-- name: take_lease
-- Another owner, or the same one again.
update lease
set owner = %s, token = %s, until = cast(unix_timestamp(now(3)) * 1000 as signed) + %s
where job = %s;

-- name: renew_lease
-- Hold a lease for longer, if it is still the owner's.
update lease
set until = cast(unix_timestamp(now(3)) * 1000 as signed) + %s
where job = %s and owner = %s and token = %s;

-- name: release_lease
-- Nobody holds it.
update lease set owner = '', until = 0 where job = %s and owner = %s and token = %s;

-- name: holders
-- Every lease that somebody holds, or did not release.
select job, owner, until - cast(unix_timestamp(now(3)) * 1000 as signed) from lease where owner <> '' order by job;

-- name: own_lease
-- Tell whether a lease is still the owner's.
select 1 from lease where job = %s and owner = %s and token = %s;

-- name: hold_mark
-- Let others know this connection by a name; it ends with the connection.
select get_lock(%s, 0);

-- name: find_marked
-- The connection that has a name, if any.
select is_used_lock(%s);

-- name: kill_connection
-- End a connection, and with it its transaction.
kill %s;
