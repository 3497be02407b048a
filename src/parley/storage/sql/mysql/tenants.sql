-- name: insert_application
-- A new application.
insert into application (token, `partition`, name, created_at, updated_at, burnt)
values (%s, %s, %s, %s, %s, (select burn from `partition` where id = %s));

-- name: get_application
-- A live application.
select id, token, name, chats_count, created_at, updated_at from application where token = %s and deleted_at is null;

-- name: get_application_by_id
-- A live application by its order number, for the replay of its creation.
select id, token, name, chats_count, created_at, updated_at from application where id = %s and deleted_at is null;

-- name: applications_after
-- Live applications in creation order.
select id, token, name, chats_count, created_at, updated_at
from application
where id > %s and deleted_at is null
order by id
limit %s;

-- name: applications_before
-- Live applications below one of them, in reverse order of creation.
select id, token, name, chats_count, created_at, updated_at
from application
where id < %s and deleted_at is null
order by id desc
limit %s;

-- name: rename_application
-- A live application's new name.
update application set name = %s, updated_at = %s where token = %s and deleted_at is null;

-- name: delete_application
-- Delete an application; its gate is closed next, and what it holds is erased later.
update application set deleted_at = %s, name = '' where token = %s and deleted_at is null;

-- name: lock_key
-- What one idempotency key stands for, held until the transaction ends.
select fingerprint, number, created_at
from idempotency_key
where application_id = %s and route = %s and `key` = %s
for update;

-- name: insert_key
-- A new idempotency key; another with its name is an error.
insert into idempotency_key
    (application_id, route, `key`, fingerprint, number, `count`, epoch, position, created_at)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s);

-- name: delete_key
-- Forget one idempotency key.
delete from idempotency_key where application_id = %s and route = %s and `key` = %s;

-- name: insert_partition
-- A partition of a new database.
insert into `partition` (id) values (%s);
