-- name: lock_partition
-- How far a partition is, held until the transaction ends: whoever changes what lies in it comes here first.
select epoch, position_epoch, position_id, chat_counter, change_epoch, change_id, mode, burn
from `partition`
where id = %s
for update;

-- name: move_partition
-- How far a partition is now, if it was where it is thought to be.
update `partition`
set position_epoch = %s, position_id = %s, chat_counter = %s, last_key_at = greatest(last_key_at, %s),
    change_epoch = %s, change_id = %s
where id = %s and position_epoch = %s and position_id = %s;

-- name: open_epoch
-- Another life of the log begins, at a position in it; from now on the log gives the numbers.
update `partition`
set epoch = %s, run_id = %s, position_epoch = %s, position_id = %s, mode = 'log'
where id = %s;

-- name: stand_by
-- The database gives the numbers from now on, in an epoch of its own; what the log has is still to be read.
update `partition` set epoch = %s, mode = 'standby' where id = %s;

-- name: note_run
-- The present life goes on in another run of the engine.
update `partition` set run_id = %s where id = %s;

-- name: insert_change
-- Which messages one transaction touched.
insert into `change` (`partition`, epoch, id, `keys`) values (%s, %s, %s, %s);

-- name: known_applications
-- What is known of applications, by their tokens.
select straight_join a.token, a.id, a.deleted_at is not null
from json_table(%s, '$[*]' columns (token varbinary(64) path '$')) wanted
join application a on a.token = wanted.token;

-- name: known_chats
-- What is known of chats, by (application id, number).
select straight_join c.application_id, c.number, c.id, c.deleted_at is not null, c.created_hash, c.epoch, c.position
from json_table(
    %s, '$[*]' columns (application_id bigint path '$[0]', number int unsigned path '$[1]')
) wanted
join chat c on c.application_id = wanted.application_id and c.number = wanted.number;

-- name: known_messages
-- What is known of messages, by (application id, chat id, number).
select straight_join m.application_id, m.chat_id, m.number, m.deleted_at is not null, m.created_hash, m.epoch,
    m.position
from json_table(
    %s, '$[*]' columns (
        application_id bigint path '$[0]', chat_id int path '$[1]', number int unsigned path '$[2]'
    )
) wanted
join message m
    on m.application_id = wanted.application_id and m.chat_id = wanted.chat_id and m.number = wanted.number;

-- name: insert_chats
-- New chats, with the implicit first grant.
insert into chat (
    application_id, number, id, title, created_hash, granted_until, granted_at, grant_size, log_epoch, log_first,
    log_until, epoch, position, created_at, updated_at
) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s);

-- name: settle_chats
-- New chats begin with what restores have burnt so far: none of it concerns them.
update chat c join `partition` p on p.id = %s set c.burnt = p.burn where c.id in %s and p.burn > 0;

-- name: insert_messages
-- New messages; one that is there already is an error.
insert into message (
    application_id, chat_id, number, epoch, position, body, sender, metadata, created_hash, created_at, updated_at,
    deleted_at
) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s);

-- name: edit_message
-- Another body for a message. One row a statement: of an update that joins, MariaDB does not check the length of texts.
update message
set epoch = %s, position = %s, body = %s, updated_at = %s
where application_id = %s and chat_id = %s and number = %s and deleted_at is null;

-- name: delete_messages
-- Messages become tombstones.
update json_table(
    %s, '$[*]' columns (
        application_id bigint path '$[0]', chat_id int path '$[1]', number int unsigned path '$[2]',
        epoch bigint path '$[3]', position bigint path '$[4]', at bigint path '$[5]'
    )
) wanted
straight_join message m
    on m.application_id = wanted.application_id and m.chat_id = wanted.chat_id and m.number = wanted.number
set m.body = null, m.sender = null, m.metadata = null, m.created_hash = null, m.epoch = wanted.epoch,
    m.position = wanted.position, m.deleted_at = wanted.at
where m.deleted_at is null;

-- name: close_applications
-- The log's gates of applications are closed for ever.
update json_table(%s, '$[*]' columns (id bigint path '$[0]', at bigint path '$[1]')) wanted
straight_join application a on a.id = wanted.id
set a.closed_at = wanted.at, a.deleted_at = coalesce(a.deleted_at, wanted.at), a.name = ''
where a.closed_at is null;

-- name: grow_applications
-- Live chats by the difference, and the highest number that is explained.
update json_table(
    %s, '$[*]' columns (id bigint path '$[0]', live bigint path '$[1]', last bigint path '$[2]')
) wanted
straight_join application a on a.id = wanted.id
set a.chats_count = a.chats_count + wanted.live, a.last_number = greatest(a.last_number, wanted.last),
    a.granted_until = greatest(a.granted_until, wanted.last);

-- name: grow_chats
-- Live messages by the difference, and the highest number that is explained.
update json_table(
    %s, '$[*]' columns (
        application_id bigint path '$[0]', number int unsigned path '$[1]', live bigint path '$[2]',
        last bigint path '$[3]'
    )
) wanted
straight_join chat c on c.application_id = wanted.application_id and c.number = wanted.number
set c.messages_count = c.messages_count + wanted.live, c.last_number = greatest(c.last_number, wanted.last),
    c.granted_until = greatest(c.granted_until, wanted.last);

-- name: heard_all_chats
-- Chats that a log has brought which was away: of these applications no number is unheard of that far.
delete g
from json_table(%s, '$[*]' columns (id bigint path '$[0]', last bigint path '$[2]')) wanted
straight_join gap g force index (gap_scope) on g.application_id = wanted.id and g.chat_id = 0
where g.reason = 'standby' and g.first <= wanted.last and g.last = wanted.last;

-- name: heard_some_chats
-- The same, where more numbers were granted than the log has brought so far.
update json_table(%s, '$[*]' columns (id bigint path '$[0]', last bigint path '$[2]')) wanted
straight_join gap g force index (gap_scope) on g.application_id = wanted.id and g.chat_id = 0
set g.first = wanted.last + 1
where g.reason = 'standby' and g.first <= wanted.last and g.last > wanted.last;

-- name: heard_all_messages
-- Messages that a log has brought which was away: of these chats no number is unheard of that far.
delete g
from json_table(
    %s, '$[*]' columns (
        application_id bigint path '$[0]', number int unsigned path '$[1]', last bigint path '$[3]'
    )
) wanted
straight_join chat c on c.application_id = wanted.application_id and c.number = wanted.number
straight_join gap g force index (gap_scope) on g.application_id = c.application_id and g.chat_id = c.id
where g.reason = 'standby' and g.first <= wanted.last and g.last = wanted.last;

-- name: heard_some_messages
-- The same, where more numbers were granted than the log has brought so far.
update json_table(
    %s, '$[*]' columns (
        application_id bigint path '$[0]', number int unsigned path '$[1]', last bigint path '$[3]'
    )
) wanted
straight_join chat c on c.application_id = wanted.application_id and c.number = wanted.number
straight_join gap g force index (gap_scope) on g.application_id = c.application_id and g.chat_id = c.id
set g.first = wanted.last + 1
where g.reason = 'standby' and g.first <= wanted.last and g.last > wanted.last;

-- name: retitle_chat
-- Another title for a chat.
update chat
set epoch = %s, position = %s, title = %s, updated_at = %s
where application_id = %s and number = %s and deleted_at is null;

-- name: close_chats
-- Chats are deleted.
update json_table(
    %s, '$[*]' columns (
        application_id bigint path '$[0]', number int unsigned path '$[1]', epoch bigint path '$[2]',
        position bigint path '$[3]', at bigint path '$[4]'
    )
) wanted
straight_join chat c on c.application_id = wanted.application_id and c.number = wanted.number
set c.deleted_at = wanted.at, c.epoch = wanted.epoch, c.position = wanted.position
where c.deleted_at is null;

-- name: keep_key
-- An idempotency key of long ago, unless its name is another's by now.
insert into idempotency_key
    (application_id, route, `key`, fingerprint, number, `count`, epoch, position, created_at)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s)
on duplicate key update created_at = created_at;

-- name: put_keys
-- Idempotency keys, in place of expired ones with their names.
replace into idempotency_key
    (application_id, route, `key`, fingerprint, number, `count`, epoch, position, created_at)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s);
