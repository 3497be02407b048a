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
-- A live application's id, its live chat's, and the live message, each null if that is not there.
select a.id, c.id, m.number, m.body, m.sender, m.metadata, m.created_at, m.updated_at
from application a
left join chat c on c.application_id = a.id and c.number = %s and c.deleted_at is null
left join message m on m.application_id = a.id and m.chat_id = c.id and m.number = %s and m.deleted_at is null
where a.token = %s and a.deleted_at is null;

-- name: empty_page
-- As `find_chat`, and whether the chat has a live message from one number up to another: a neighbour of a page of none.
select a.id, c.id, exists (
        select 1 from message m
        where m.application_id = a.id and m.chat_id = c.id and m.number between %s and %s and m.deleted_at is null
    )
from application a left join chat c on c.application_id = a.id and c.number = %s and c.deleted_at is null
where a.token = %s and a.deleted_at is null;

-- name: messages_after
-- Live messages above a number, ascending, each with whether another one is not above it: one range of the table.
-- With the ids from a join the server would sort the whole chat.
select m.number, m.body, m.sender, m.metadata, m.created_at, m.updated_at,
    exists (
        select 1 from message m
        where m.application_id = (select a.id from application a where a.token = %s and a.deleted_at is null)
            and m.chat_id = (
                select c.id from application a join chat c on c.application_id = a.id
                where a.token = %s and a.deleted_at is null and c.number = %s and c.deleted_at is null
            )
            and m.number <= %s and m.deleted_at is null
    )
from message m
where m.application_id = (select a.id from application a where a.token = %s and a.deleted_at is null)
    and m.chat_id = (
        select c.id from application a join chat c on c.application_id = a.id
        where a.token = %s and a.deleted_at is null and c.number = %s and c.deleted_at is null
    )
    and m.number > %s and m.deleted_at is null
order by m.number
limit %s;

-- name: messages_before
-- The same the other way: live messages below a number, descending.
select m.number, m.body, m.sender, m.metadata, m.created_at, m.updated_at,
    exists (
        select 1 from message m
        where m.application_id = (select a.id from application a where a.token = %s and a.deleted_at is null)
            and m.chat_id = (
                select c.id from application a join chat c on c.application_id = a.id
                where a.token = %s and a.deleted_at is null and c.number = %s and c.deleted_at is null
            )
            and m.number >= %s and m.deleted_at is null
    )
from message m
where m.application_id = (select a.id from application a where a.token = %s and a.deleted_at is null)
    and m.chat_id = (
        select c.id from application a join chat c on c.application_id = a.id
        where a.token = %s and a.deleted_at is null and c.number = %s and c.deleted_at is null
    )
    and m.number < %s and m.deleted_at is null
order by m.number desc
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
