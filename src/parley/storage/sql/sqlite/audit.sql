-- name: audit_integrity
-- What SQLite itself finds wrong with the file.
pragma integrity_check;

-- name: audit_chat_ids
-- Every chat that ever was.
select id from chat order by id;

-- name: audit_applications
-- What an application says of its chats, and what the chats say.
select
    a.id, a.token, a.granted_until, a.chats_count, a.deleted_at is not null, a.erased_at is not null,
    a.partition, p.id is not null,
    count(c.id), count(c.id) filter (where c.deleted_at is null), coalesce(max(c.number), 0)
from application a
left join partition p on p.id = a.partition
left join chat c on c.application_id = a.id
group by a.id
order by a.id;

-- name: audit_chats
-- What some chats say of their messages, and what the messages say.
select
    c.id, c.application_id, coalesce(a.token, ''), c.number, c.granted_until, c.messages_count,
    c.deleted_at is not null or a.deleted_at is not null, c.erased_at is not null, a.id is not null,
    count(m.id), count(m.id) filter (where m.deleted_at is null), coalesce(max(m.id) & 4294967295, 0),
    count(m.id) filter (where (m.body is null) <> (m.deleted_at is not null)), coalesce(a.partition, 0)
from chat c
left join application a on a.id = c.application_id
left join message m on m.id > c.id << 32 and m.id <= (c.id << 32 | 4294967295)
where c.id > ? and c.id <= ?
group by c.id
order by c.id;

-- name: audit_orphans
-- Messages whose chat never was.
select m.id
from message m
where m.id > ? and m.id <= ? and not exists (select 1 from chat c where c.id = m.id >> 32)
order by m.id;

-- name: audit_time_of_messages
-- Messages that are older than the one before them.
select id, created_at, previous
from (
    select id, created_at, lag(created_at) over numbered as previous, lag(id) over numbered as id_before
    from message
    where id > ? and id <= ?
    window numbered as (order by id)
)
where created_at < previous and id >> 32 = id_before >> 32
order by id;

-- name: audit_time_of_chats
-- Chats that are older than the one before them.
select application_id, number, created_at, previous
from (
    select
        application_id, number, created_at,
        lag(created_at) over (partition by application_id order by number) as previous
    from chat
)
where created_at < previous
order by application_id, number;

-- name: audit_messages_ahead
-- Messages beyond their partition's position.
select m.id
from message m
cross join chat c on c.id = m.id >> 32
cross join application a on a.id = c.application_id
cross join partition p on p.id = a.partition
where m.id > ? and m.id <= ? and (m.epoch, m.position) > (p.position_epoch, p.position_id)
order by m.id;

-- name: audit_rows_ahead
-- Chats, changes, followers and keys beyond their partition's position, and partitions beyond their epoch.
select 'chat ' || c.number || ' of application ' || substr(a.token, 1, 8)
from chat c
join application a on a.id = c.application_id
join partition p on p.id = a.partition
where (c.epoch, c.position) > (p.position_epoch, p.position_id)
union all
select 'change of partition ' || p.id
from change h join partition p on p.id = h.partition
where (h.epoch, h.position) > (p.position_epoch, p.position_id)
union all
select 'follower ' || f.name || ' of partition ' || p.id
from follower f join partition p on p.id = f.partition
where (f.epoch, f.position) > (p.position_epoch, p.position_id)
union all
select 'idempotency key of application ' || substr(a.token, 1, 8)
from idempotency_key k
join application a on a.id = k.application_id
join partition p on p.id = a.partition
where (k.epoch, k.position) > (p.position_epoch, p.position_id)
union all
select 'partition ' || id from partition where position_epoch > epoch;

-- name: audit_changed_messages
-- Messages of live chats that a follower has not passed.
select m.id
from message m
cross join chat c on c.id = m.id >> 32
cross join application a on a.id = c.application_id
left join follower f on f.name = ? and f.partition = a.partition
where
    m.id > ? and m.id <= ? and c.deleted_at is null and a.deleted_at is null
    and (m.epoch, m.position) > (coalesce(f.epoch, 0), coalesce(f.position, 0))
order by m.id;

-- name: audit_changed_chats
-- Deleted chats whose deletion a follower has not passed, as the key that stands for all their messages.
select c.id << 32
from chat c
join application a on a.id = c.application_id
left join follower f on f.name = ? and f.partition = a.partition
where c.deleted_at is not null and (c.epoch, c.position) > (coalesce(f.epoch, 0), coalesce(f.position, 0))
order by c.id;

-- name: audit_change_keys
-- What the changes of one partition above a position name.
select keys from change where partition = ? and (epoch, position) > (?, ?);

-- name: audit_holes
-- Ranges of numbers without a row, between two rows of a chat or before its first.
select number_before + 1, number - 1
from (
    select id & 4294967295 as number, lag(id & 4294967295, 1, 0) over (order by id) as number_before
    from message
    where id > ? and id <= ?
)
where number > number_before + 1
order by number;

-- name: audit_chat_holes
-- Ranges of chat numbers without a row, between two rows of an application or before its first.
select number_before + 1, number - 1
from (
    select number, lag(number, 1, 0) over (order by number) as number_before from chat where application_id = ?
)
where number > number_before + 1
order by number;

-- name: audit_explained
-- Ranges of a scope's numbers that the gap ledger or a dead letter explains; chat id 0 is the application's own scope.
select first, last from gap where application_id = ?1 and chat_id = ?2
union all
select number, number from dead_letter where application_id = ?1 and chat_id = ?2 and number is not null
order by 1;

-- name: audit_gaps
-- The gap ledger beside its scopes: the range before it, what was given away, and rows inside.
select
    g.application_id, g.chat_id, coalesce(a.token, ''), coalesce(c.number, 0), g.first, g.last,
    lag(g.last) over (partition by g.application_id, g.chat_id order by g.first, g.last),
    case g.chat_id when 0 then a.granted_until else c.granted_until end,
    case g.chat_id
        when 0 then (
            select count(*) from chat o where o.application_id = g.application_id and o.number between g.first and g.last
        )
        else (
            select count(*) from message m where m.id between (g.chat_id << 32 | g.first) and (g.chat_id << 32 | g.last)
        )
    end
from gap g
left join application a on a.id = g.application_id
left join chat c on c.id = g.chat_id and c.application_id = g.application_id
order by g.application_id, g.chat_id, g.first;

-- name: audit_keys
-- Idempotency keys whose number was never given: of an application (id 0), a chat, or a message of any chat.
select coalesce(a.token, ''), k.route, k.number, k.count
from idempotency_key k
left join application a on a.id = k.application_id
left join (
    select application_id, max(granted_until) as granted_until from chat group by application_id
) s on s.application_id = k.application_id
where
    case
        when k.application_id = 0 then not exists (select 1 from application o where o.id = k.number)
        when a.id is null then 1
        when k.route = 'chats' then not exists (
            select 1 from chat c where c.application_id = k.application_id and c.number = k.number
        )
        else k.number + k.count - 1 > coalesce(s.granted_until, 0)
    end
order by k.application_id, k.route, k.key;

-- name: audit_live
-- Live messages of live chats, in the order of the index.
select m.id
from message m
cross join chat c on c.id = m.id >> 32
cross join application a on a.id = c.application_id
where m.id > ? and m.body is not null and c.deleted_at is null and a.deleted_at is null
order by m.id
limit ?;

-- name: audit_closing
-- Chats of deleted applications whose deletion no follower was told of yet.
select c.id
from chat c join application a on a.id = c.application_id
where a.deleted_at is not null and c.deleted_at is null;

-- name: audit_place
-- The token and the chat number of a chat id.
select a.token, c.number from chat c join application a on a.id = c.application_id where c.id = ?;
