-- name: partitions
-- Every partition's present row, and how often its letters have moved.
select p.id, p.epoch, p.run_id, p.position_epoch, p.position_id, p.mode, p.last_key_at, p.change_id,
    coalesce(l.token, 0)
from `partition` p left join lease l on l.job = cast(concat('letters-', p.id) as binary)
order by p.id;

-- name: epochs_of
-- Applications with their partition's present epoch and burn, and whether a log may give numbers in it; of wanted tokens.
select straight_join a.token, a.id, a.deleted_at is not null, p.epoch, p.burn, p.mode = 'log'
from json_table(%s, '$[*]' columns (token varbinary(64) path '$')) wanted
join application a on a.token = wanted.token
join `partition` p on p.id = a.`partition`;

-- name: lock_application_grants
-- Where applications' numbers stand, held until the transaction ends.
select id, granted_until, granted_at, grant_size, log_epoch, log_first, log_until, last_number, burnt
from application
where id in %s
order by id
for update;

-- name: lock_chat_grants
-- Where the numbers of one application's chats stand, held until the transaction ends.
select number, id, deleted_at is not null, granted_until, granted_at, grant_size, log_epoch, log_first, log_until,
    last_number, burnt
from chat
where application_id = %s and number in %s
order by number
for update;

-- name: grant_application
-- Give an application's next numbers away.
update application
set granted_until = %s, granted_at = %s, grant_size = %s, log_epoch = %s, log_first = %s, log_until = %s,
    last_number = %s, burnt = %s
where id = %s;

-- name: grant_chat
-- Give a chat's next numbers away.
update chat
set granted_until = %s, granted_at = %s, grant_size = %s, log_epoch = %s, log_first = %s, log_until = %s,
    last_number = %s, burnt = %s
where id = %s;

-- name: insert_gaps
-- Numbers that nothing will ever have, and why; chat id 0 stands for the application's chats.
insert into gap (application_id, chat_id, first, last, reason, created_at) values (%s, %s, %s, %s, %s, %s);

-- name: unclosed
-- Some deleted applications whose closing is not stored yet.
select token
from application force index (application_to_close)
where closed_at is null and deleted_at is not null
order by deleted_at
limit %s;

-- name: find_keys
-- What idempotency keys of live applications stand for, those that are younger than the given time.
select straight_join wanted.place, k.fingerprint, k.number, k.epoch, k.position
from json_table(
    %s, '$[*]' columns (
        place for ordinality,
        token varbinary(64) path '$[0]',
        route varbinary(64) path '$[1]',
        name varbinary(1024) path '$[2]'
    )
) wanted
join application a force index (application_token) on a.token = wanted.token and a.deleted_at is null
join idempotency_key k force index (primary)
    on k.application_id = a.id and k.route = wanted.route and k.`key` = wanted.name
where k.created_at > %s;
