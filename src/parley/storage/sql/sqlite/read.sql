-- name: find_application
-- A live application's id.
select id from application where token = ? and deleted_at is null;

-- name: find_chat
-- A live application's id, and its live chat's, null if that is not there.
select a.id, c.id
from application a left join chat c on c.application_id = a.id and c.number = ?2 and c.deleted_at is null
where a.token = ?1 and a.deleted_at is null;

-- name: get_chat
-- A live application's id, and its live chat, nulls if that is not there.
select a.id, c.number, c.title, c.messages_count, c.created_at, c.updated_at
from application a left join chat c on c.application_id = a.id and c.number = ?2 and c.deleted_at is null
where a.token = ?1 and a.deleted_at is null;

-- name: chats_after
-- A live application's id, whether a live chat is not above a number, and the live chats above it, ascending, as one
-- JSON array.
select a.id,
    exists (select 1 from chat c where c.application_id = a.id and c.number <= ?2 and c.deleted_at is null),
    (
        select json_group_array(json_array(number, title, messages_count, created_at, updated_at))
        from (
            select number, title, messages_count, created_at, updated_at
            from chat c
            where c.application_id = a.id and c.number > ?2 and c.deleted_at is null
            order by c.number
            limit ?3
        )
    )
from application a
where a.token = ?1 and a.deleted_at is null;

-- name: chats_before
-- The same the other way: live chats below a number, descending.
select a.id,
    exists (select 1 from chat c where c.application_id = a.id and c.number >= ?2 and c.deleted_at is null),
    (
        select json_group_array(json_array(number, title, messages_count, created_at, updated_at))
        from (
            select number, title, messages_count, created_at, updated_at
            from chat c
            where c.application_id = a.id and c.number < ?2 and c.deleted_at is null
            order by c.number desc
            limit ?3
        )
    )
from application a
where a.token = ?1 and a.deleted_at is null;

-- name: get_message
-- A live application's id, its live chat's, and the live message, nulls for what is not there.
select a.id, c.id, m.id & 4294967295, m.body, m.sender, m.metadata, m.created_at, m.updated_at
from application a
left join chat c on c.application_id = a.id and c.number = ?2 and c.deleted_at is null
left join message m on m.id = (c.id << 32 | ?3) and m.deleted_at is null
where a.token = ?1 and a.deleted_at is null;

-- name: messages_after
-- A live application's id, its live chat's, whether a live message is not above a number, and the live messages above
-- it, ascending, as one JSON array: one range search of the table.
select a.id, c.id,
    exists (select 1 from message m where m.id > c.id << 32 and m.id <= (c.id << 32 | ?3) and m.deleted_at is null),
    (
        select json_group_array(json_array(number, body, sender, metadata, created_at, updated_at))
        from (
            select m.id & 4294967295 as number, m.body, m.sender, m.metadata, m.created_at, m.updated_at
            from message m
            where m.id > (c.id << 32 | ?3) and m.id <= (c.id << 32 | 4294967295) and m.deleted_at is null
            order by m.id
            limit ?4
        )
    )
from application a left join chat c on c.application_id = a.id and c.number = ?2 and c.deleted_at is null
where a.token = ?1 and a.deleted_at is null;

-- name: messages_before
-- The same the other way: live messages below a number, descending.
select a.id, c.id,
    exists (select 1 from message m where m.id >= (c.id << 32) + ?3 and m.id <= (c.id << 32 | 4294967295) and m.deleted_at is null),
    (
        select json_group_array(json_array(number, body, sender, metadata, created_at, updated_at))
        from (
            select m.id & 4294967295 as number, m.body, m.sender, m.metadata, m.created_at, m.updated_at
            from message m
            where m.id > c.id << 32 and m.id < (c.id << 32) + ?3 and m.deleted_at is null
            order by m.id desc
            limit ?4
        )
    )
from application a left join chat c on c.application_id = a.id and c.number = ?2 and c.deleted_at is null
where a.token = ?1 and a.deleted_at is null;

-- name: bodies_after
-- Numbers and bodies in a range of ids, ascending, for a scan: as one JSON array they would take twice as long.
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
