-- name: find_application
-- A live application's id.
select id from application where token = ? and deleted_at is null;

-- name: find_chat
-- A live chat's id within an application.
select id from chat where application_id = ? and number = ? and deleted_at is null;

-- name: get_chat
-- A live chat.
select number, title, messages_count, created_at, updated_at
from chat
where application_id = ? and number = ? and deleted_at is null;

-- name: chats_after
-- Live chats above a number, ascending.
select number, title, messages_count, created_at, updated_at
from chat
where application_id = ? and number > ? and deleted_at is null
order by number
limit ?;

-- name: chats_before
-- Live chats below a number, descending.
select number, title, messages_count, created_at, updated_at
from chat
where application_id = ? and number < ? and deleted_at is null
order by number desc
limit ?;

-- name: get_message
-- A live message.
select id & 4294967295, body, sender, metadata, created_at, updated_at
from message
where id = ? and deleted_at is null;

-- name: messages_after
-- Live messages in a range of ids, ascending: one range search of the table.
select id & 4294967295, body, sender, metadata, created_at, updated_at
from message
where id > ? and id <= ? and deleted_at is null
order by id
limit ?;

-- name: messages_before
-- Live messages in a range of ids, descending.
select id & 4294967295, body, sender, metadata, created_at, updated_at
from message
where id >= ? and id < ? and deleted_at is null
order by id desc
limit ?;

-- name: bodies_after
-- Numbers and bodies in a range of ids, ascending, for a scan.
select id & 4294967295, body, sender, metadata, created_at, updated_at
from message
where id > ? and id <= ?
order by id
limit ?;

-- name: pick_messages
-- Those of the messages that are live, ascending, as one JSON array.
select json_group_array(json_array(number, body, sender, metadata, created_at, updated_at))
from (
    select m.id & 4294967295 as number, m.body, m.sender, m.metadata, m.created_at, m.updated_at
    from json_each(?) wanted join message m on m.id = wanted.value
    where m.deleted_at is null
    order by m.id
);
