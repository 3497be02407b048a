-- name: scopes_by_name
-- Where applications and their chats stand, for one append; the chat's part is null where there is none.
select json_group_array(
    json_array(
        a.token, a.id, a.partition, a.granted_until, a.deleted_at is not null,
        p.epoch, p.position_epoch, p.position_id,
        c.number, c.id, c.granted_until, c.deleted_at is not null
    )
)
from (values (?, ?)) wanted
join application a on a.token = wanted.column1
join partition p on p.id = a.partition
left join chat c on c.application_id = a.id and c.number = wanted.column2;

-- name: message_by_id
-- Messages that are there to be edited or deleted.
select json_group_array(json_array(m.id))
from (values (?)) wanted join message m on m.id = wanted.column1
where m.deleted_at is null;

-- name: key_by_name
-- What idempotency keys stand for, those that are younger than the given time.
select json_group_array(json_array(k.application_id, k.route, k.key, hex(k.fingerprint), k.number, k.epoch, k.position))
from (values (?, ?, ?, ?)) wanted
join idempotency_key k
    on k.application_id = wanted.column1 and k.route = wanted.column2 and k.key = wanted.column3
where k.created_at > wanted.column4;

-- name: insert_chat
-- A new chat under the number that the log gave it.
insert into chat (application_id, number, title, epoch, position, created_at, updated_at)
values (?, ?, ?, ?, ?, ?, ?);

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

-- name: grow_chat
-- A chat after an append: numbers given away, and the change of its live messages.
update chat set granted_until = ?2, messages_count = messages_count + ?3 where id = ?1;

-- name: retitle_chat
-- A live chat's new title.
update chat set title = ?, epoch = ?, position = ?, updated_at = ? where id = ? and deleted_at is null;

-- name: delete_chat
-- A live chat's gate is closed; its rows are erased later.
update chat set deleted_at = ?, epoch = ?, position = ? where id = ? and deleted_at is null;

-- name: grow_application
-- An application after an append: numbers given away, and the change of its live chats.
update application set granted_until = ?2, chats_count = chats_count + ?3 where id = ?1;

-- name: insert_key
-- Remember a key; an expired one of the same name gives way.
insert or replace into idempotency_key
    (application_id, route, key, fingerprint, number, count, epoch, position, created_at)
values (?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: move_partition
-- A partition's position after an append.
update partition set position_epoch = ?2, position_id = ?3 where id = ?1;

-- name: insert_change
-- Tell followers what one append touched.
insert into change (partition, epoch, position, keys) values (?, ?, ?, ?);
