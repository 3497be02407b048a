-- name: find_application
-- A live application's id.
select id from application where token = %s and deleted_at is null;

-- name: find_chat
-- The ids of a live application and of its live chat, null if that is not there.
select a.id, c.id
from application a left join chat c on c.application_id = a.id and c.number = %s and c.deleted_at is null
where a.token = %s and a.deleted_at is null;

-- name: get_chat
-- A live application's id and its live chat, nulls if that is not there.
select a.id, c.number, c.title, c.messages_count, c.created_at, c.updated_at
from application a left join chat c on c.application_id = a.id and c.number = %s and c.deleted_at is null
where a.token = %s and a.deleted_at is null;

-- name: chats_after
-- Live chats above a number, ascending: one range of the table.
select number, title, messages_count, created_at, updated_at
from chat
where application_id = %s and number > %s and deleted_at is null
order by number
limit %s;

-- name: chats_before
-- Live chats below a number, descending.
select number, title, messages_count, created_at, updated_at
from chat
where application_id = %s and number < %s and deleted_at is null
order by number desc
limit %s;

-- name: get_message
-- A live message.
select number, body, sender, metadata, created_at, updated_at
from message
where application_id = %s and chat_id = %s and number = %s and deleted_at is null;

-- name: messages_after
-- Live messages above a number, ascending: one range of the table.
select number, body, sender, metadata, created_at, updated_at
from message
where application_id = %s and chat_id = %s and number > %s and deleted_at is null
order by number
limit %s;

-- name: messages_before
-- Live messages below a number, descending.
select number, body, sender, metadata, created_at, updated_at
from message
where application_id = %s and chat_id = %s and number < %s and deleted_at is null
order by number desc
limit %s;

-- name: bodies_after
-- Messages above a number, tombstones too, ascending, for a scan.
select number, body, sender, metadata, created_at, updated_at
from message
where application_id = %s and chat_id = %s and number > %s
order by number
limit %s;

-- name: pick_messages
-- Those of the messages that are live, ascending.
select number, body, sender, metadata, created_at, updated_at
from message
where application_id = %s and chat_id = %s and number in %s and deleted_at is null
order by number;

-- name: partition_ends
-- Every partition's last change.
select id, change_epoch, change_id from `partition` order by id;
