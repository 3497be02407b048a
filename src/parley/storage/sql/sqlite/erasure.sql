-- name: application_to_erase
-- A deleted application that still has rows.
select id, partition from application where deleted_at is not null and erased_at is null order by id limit 1;

-- name: next_live_chats
-- Chats of a deleted application whose gate is still open.
select id from chat where application_id = ? and deleted_at is null order by number limit ?;

-- name: chat_to_erase
-- A deleted chat that still has rows.
select c.id, a.partition
from chat c join application a on a.id = c.application_id
where c.deleted_at is not null and c.erased_at is null
order by c.id
limit 1;

-- name: erase_messages
-- Remove some messages of a chat.
delete from message
where id in (select id from message where id > ? and id <= ? order by id limit ?);

-- name: mark_chat_erased
-- A chat keeps its number and what was given away, and nothing else.
update chat set erased_at = ?, title = null, messages_count = 0 where id = ?;

-- name: erase_keys
-- Remove some of an application's idempotency keys.
delete from idempotency_key
where (application_id, route, key) in (
    select application_id, route, key from idempotency_key where application_id = ? order by route, key limit ?
);

-- name: mark_application_erased
-- An application keeps its token, so that it is never given again.
update application set erased_at = ?, chats_count = 0 where id = ?;

-- name: keys_from
-- A slice of all idempotency keys, in key order.
select application_id, route, key, created_at
from idempotency_key
where (application_id, route, key) > (?, ?, ?)
order by application_id, route, key
limit ?;

-- name: delete_keys
-- Forget expired keys.
delete from idempotency_key
where (application_id, route, key) in (select value ->> 0, value ->> 1, value ->> 2 from json_each(?));
