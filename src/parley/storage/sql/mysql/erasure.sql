-- name: chat_to_erase
-- A deleted chat that still has rows.
select c.application_id, c.number, c.id, a.token, a.`partition`
from chat c force index (chat_to_erase) join application a on a.id = c.application_id
where c.erased_at is null and c.deleted_at is not null
order by c.deleted_at
limit 1;

-- name: erase_messages
-- Remove some messages of a chat.
delete from message where application_id = %s and chat_id = %s order by number limit %s;

-- name: erase_chat_letters
-- Remove some of what could not be stored of a chat, what waits before what it waits for.
delete from dead_letter
where token = %s and (chat = %s or chat is null and first = %s)
order by chat desc, id desc
limit %s;

-- name: mark_chat_erased
-- A chat keeps its number and what was given away, and nothing else.
update chat
set erased_at = %s, title = null, created_hash = null, messages_count = 0
where application_id = %s and number = %s;

-- name: application_to_erase
-- A deleted application whose gate is closed in the log and that still has rows.
select id, `partition`, token
from application force index (application_to_erase)
where erased_at is null and closed_at is not null
order by closed_at
limit 1;

-- name: next_live_chats
-- Chats of a deleted application that are not deleted themselves.
select number, id from chat where application_id = %s and deleted_at is null order by number limit %s;

-- name: erase_keys
-- Remove some of an application's idempotency keys.
delete from idempotency_key where application_id = %s order by route, `key` limit %s;

-- name: erase_letters
-- Remove some of what could not be stored of an application, what waits before what it waits for.
delete from dead_letter where token = %s order by chat desc, id desc limit %s;

-- name: mark_application_erased
-- An application keeps its token, so that it is never given again.
update application set erased_at = %s, chats_count = 0 where id = %s;

-- name: keys_from
-- A slice of all idempotency keys, in key order.
select application_id, route, `key`, created_at
from idempotency_key
where application_id > %s or application_id = %s and (route > %s or route = %s and `key` > %s)
order by application_id, route, `key`
limit %s;

-- name: delete_keys
-- Forget keys that are still as old as they were.
delete k
from json_table(
    %s, '$[*]' columns (
        application_id bigint path '$[0]', route varbinary(64) path '$[1]', name varbinary(1024) path '$[2]'
    )
) wanted
straight_join idempotency_key k force index (primary)
    on k.application_id = wanted.application_id and k.route = wanted.route and k.`key` = wanted.name
where k.created_at <= %s;
