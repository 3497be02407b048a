-- name: insert_application
-- A new application.
insert into application (token, partition, name, created_at, updated_at, burnt)
values (?1, ?2, ?3, ?4, ?5, (select burn from partition where id = ?2));

-- name: get_application
-- A live application.
select id, token, name, chats_count, created_at, updated_at from application where token = ? and deleted_at is null;

-- name: get_application_by_id
-- A live application by its order number, for the replay of its creation.
select id, token, name, chats_count, created_at, updated_at from application where id = ? and deleted_at is null;

-- name: applications_after
-- Live applications in creation order.
select id, token, name, chats_count, created_at, updated_at
from application
where id > ? and deleted_at is null
order by id
limit ?;

-- name: applications_before
-- Live applications below one of them, in reverse order of creation.
select id, token, name, chats_count, created_at, updated_at
from application
where id < ? and deleted_at is null
order by id desc
limit ?;

-- name: rename_application
-- A live application's new name.
update application set name = ?, updated_at = ? where token = ? and deleted_at is null;

-- name: delete_application
-- Close an application's gate; what it holds is erased later.
update application set deleted_at = ?, name = '' where token = ? and deleted_at is null;

-- name: insert_partitions
-- The partitions of a new database.
insert into partition (id) select value ->> 0 from json_each(?);
