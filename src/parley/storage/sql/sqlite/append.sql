-- name: scopes
-- Where applications and their chats stand, for one append; the chat's part is null where there is none.
select json_group_array(
    json_array(
        a.token, a.id, a.partition, a.granted_until, a.deleted_at is not null,
        p.epoch, p.position_epoch, p.position_id,
        c.number, c.id, c.granted_until, c.deleted_at is not null
    )
)
from json_each(?) wanted
join application a on a.token = wanted.value ->> 0
join partition p on p.id = a.partition
left join chat c on c.application_id = a.id and c.number = wanted.value ->> 1;

-- name: live_messages
-- Messages that are there to be edited or deleted.
select json_group_array(json_array(m.id))
from json_each(?) wanted join message m on m.id = wanted.value
where m.deleted_at is null;

-- name: keys
-- What idempotency keys stand for, those that are younger than the given time.
select json_group_array(json_array(k.application_id, k.route, k.key, hex(k.fingerprint), k.number, k.epoch, k.position))
from json_each(?) wanted
join idempotency_key k
    on k.application_id = wanted.value ->> 0 and k.route = wanted.value ->> 1 and k.key = wanted.value ->> 2
where k.created_at > ?;

-- name: insert_chats
-- New chats under the numbers that the log gave them.
insert into chat (application_id, number, title, epoch, position, created_at, updated_at)
select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6 from json_each(?);

-- name: insert_message
-- A new message under the number that the log gave it.
insert into message (id, epoch, position, body, sender, metadata, created_at)
values (?, ?, ?, ?, ?, ?, ?);

-- name: edit_message
-- A live message's new body.
update message set body = ?, epoch = ?, position = ?, updated_at = ? where id = ? and deleted_at is null;

-- name: delete_message
-- A live message becomes its tombstone; what it said is erased at once.
update message
set body = null, sender = null, metadata = null, created_hash = null, epoch = ?, position = ?, deleted_at = ?
where id = ? and deleted_at is null;

-- name: grow_chats
-- Chats after an append: numbers given away, and the change of their live messages.
update chat set granted_until = grown.value ->> 1, messages_count = messages_count + (grown.value ->> 2)
from json_each(?) grown
where chat.id = grown.value ->> 0;

-- name: retitle_chat
-- A live chat's new title.
update chat set title = ?, epoch = ?, position = ?, updated_at = ? where id = ? and deleted_at is null;

-- name: delete_chat
-- A live chat's gate is closed; its rows are erased later.
update chat set deleted_at = ?, epoch = ?, position = ? where id = ? and deleted_at is null;

-- name: grow_applications
-- Applications after an append: numbers given away, and the change of their live chats.
update application set granted_until = grown.value ->> 1, chats_count = chats_count + (grown.value ->> 2)
from json_each(?) grown
where application.id = grown.value ->> 0;

-- name: insert_key
-- Remember a key; an expired one of the same name gives way.
insert or replace into idempotency_key
    (application_id, route, key, fingerprint, number, count, epoch, position, created_at)
values (?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: move_partitions
-- Partitions' positions after an append.
update partition set position_epoch = moved.value ->> 1, position_id = moved.value ->> 2
from json_each(?) moved
where partition.id = moved.value ->> 0;

-- name: insert_changes
-- Tell followers what one append touched.
insert into change (partition, epoch, position, keys)
select value ->> 0, value ->> 1, value ->> 2, unhex(value ->> 3) from json_each(?);
