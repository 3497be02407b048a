-- name: audit_isolation
-- Let all statements of a transaction see one state.
set session transaction isolation level repeatable read;

-- name: audit_snapshot
-- Hold that state from now on.
start transaction with consistent snapshot, read only;

-- name: audit_partitions
-- What partitions say of themselves.
select id, epoch, position_epoch, position_id, mode, chat_counter, change_epoch, change_id
from `partition`
order by id;

-- name: audit_applications
-- What some applications say of their chats, and what the chats say; does anything hang on them.
select
    a.id, a.token, a.`partition`, a.granted_until, a.last_number, a.log_epoch, a.log_first, a.log_until, a.chats_count,
    a.name <> '', a.deleted_at is not null, a.closed_at is not null, a.erased_at is not null,
    exists (select 1 from idempotency_key k where k.application_id = a.id),
    count(c.number), count(case when c.deleted_at is null then c.number end), coalesce(max(c.number), 0),
    count(case when c.erased_at is null then c.number end)
from (select * from application where id > %s order by id limit %s) a
left join chat c on c.application_id = a.id
group by a.id
order by a.id;

-- name: audit_application_seams
-- Chats without a row before them, and chats that are older than the one before, unless the standby made them: it
-- numbers above what a log that is away may still bring, by another clock.
select straight_join c.application_id, c.number, c.created_at, b.created_at
from chat c
left join chat b on b.application_id = c.application_id and b.number = cast(c.number as signed) - 1
where c.application_id > %s and c.application_id <= %s
    and (
        b.number is null and c.number > 1
        or b.created_at > c.created_at and b.epoch >= c.epoch and b.updated_at = b.created_at and b.deleted_at is null
    );

-- name: audit_chat_before
-- The last chat below a number, and the time that the next one must not be older than: none (0) across a standby.
select b.number,
    case
        when exists (
            select 1 from gap g
            where g.application_id = b.application_id and g.chat_id = 0 and g.first = b.number + 1
                and g.reason = 'standby'
        ) then 0
        else b.created_at
    end
from chat b
where b.application_id = %s and b.number < %s
order by b.number desc
limit 1;

-- name: audit_application_gaps
-- What the gap ledger says of the chat numbers of some applications.
select application_id, first, last
from gap
where application_id > %s and application_id <= %s and chat_id = 0
order by application_id, first, last;

-- name: audit_application_letters
-- Chat numbers of some applications that dead letters have.
select straight_join a.id, l.first, l.last
from application a join dead_letter l force index (dead_letter_scope) on l.token = a.token and l.chat is null
where a.id > %s and a.id <= %s and l.gives_numbers and l.first is not null
order by a.id, l.first;

-- name: audit_count_chats
-- How many chats there are, deleted ones too.
select count(*) from chat;

-- name: audit_chat_sizes
-- Some chats with the highest number that a message of theirs may have.
select id, last_number from chat force index (chat_id) where id > %s order by id limit %s;

-- name: audit_chats
-- What some chats say of their messages, and what the messages say.
select straight_join
    c.id, c.application_id, coalesce(a.token, ''), a.`partition`, c.number, c.granted_until, c.last_number,
    c.log_epoch, c.log_first, c.log_until, c.messages_count, c.epoch, c.position,
    c.title is not null or c.created_hash is not null, c.created_hash is null,
    a.deleted_at is not null, c.deleted_at is not null, c.erased_at is not null,
    count(m.number), count(case when m.deleted_at is null then m.number end), coalesce(max(m.number), 0),
    count(case when (m.body is null) <> (m.deleted_at is not null) then m.number end),
    count(case
        when m.deleted_at is not null and coalesce(m.sender, m.metadata, m.created_hash) is not null then m.number
    end),
    count(case when m.deleted_at is null and m.created_hash is null then m.number end)
from chat c force index (chat_id)
left join application a on a.id = c.application_id
left join message m on m.application_id = c.application_id and m.chat_id = c.id
where c.id > %s and c.id <= %s
group by c.id, c.application_id, c.number
order by c.id, c.application_id, c.number;

-- name: audit_chat_seams
-- Messages of live chats without a row before them, and messages that are older than the one before; as of chats.
select straight_join m.chat_id, m.number, m.created_at, b.created_at
from chat c force index (chat_id)
join application a on a.id = c.application_id
join message m on m.application_id = c.application_id and m.chat_id = c.id
left join message b
    on b.application_id = m.application_id and b.chat_id = m.chat_id and b.number = cast(m.number as signed) - 1
where c.id > %s and c.id <= %s and c.deleted_at is null and a.deleted_at is null
    and (
        b.number is null and m.number > 1
        or b.created_at > m.created_at and b.epoch >= m.epoch and b.updated_at is null and b.deleted_at is null
    );

-- name: audit_message_before
-- The last message of a chat below a number, and the time that the next one must not be older than; as of chats.
select b.number,
    case
        when exists (
            select 1 from gap g
            where g.application_id = b.application_id and g.chat_id = b.chat_id and g.first = b.number + 1
                and g.reason = 'standby'
        ) then 0
        else b.created_at
    end
from message b
where b.application_id = %s and b.chat_id = %s and b.number < %s
order by b.number desc
limit 1;

-- name: audit_messages_beyond
-- Messages of live chats that a follower has not passed, or that are beyond both their partition's position and its last
-- change, as which the standby stores.
select straight_join m.chat_id, m.number,
    (m.epoch, m.position) > (p.position_epoch, p.position_id) and (m.epoch, m.position) > (p.change_epoch, p.change_id)
from chat c force index (chat_id)
join application a on a.id = c.application_id
join `partition` p on p.id = a.`partition`
left join follower f on f.name = %s and f.`partition` = p.id
join message m on m.application_id = c.application_id and m.chat_id = c.id
where c.id > %s and c.id <= %s and c.deleted_at is null and a.deleted_at is null
    and (
        (m.epoch, m.position) > (coalesce(f.epoch, 0), coalesce(f.position, 0))
        or (m.epoch, m.position) > (p.position_epoch, p.position_id)
        and (m.epoch, m.position) > (p.change_epoch, p.change_id)
    );

-- name: audit_chat_beyond
-- The same of one long chat, within a range of its numbers.
select straight_join m.chat_id, m.number,
    (m.epoch, m.position) > (p.position_epoch, p.position_id) and (m.epoch, m.position) > (p.change_epoch, p.change_id)
from message m
join application a on a.id = m.application_id
join `partition` p on p.id = a.`partition`
left join follower f on f.name = %s and f.`partition` = p.id
where m.application_id = %s and m.chat_id = %s and m.number > %s and m.number <= %s
    and (
        (m.epoch, m.position) > (coalesce(f.epoch, 0), coalesce(f.position, 0))
        or (m.epoch, m.position) > (p.position_epoch, p.position_id)
        and (m.epoch, m.position) > (p.change_epoch, p.change_id)
    );

-- name: audit_chat_gaps
-- What the gap ledger says of the message numbers of some chats.
select straight_join c.id, g.first, g.last
from chat c force index (chat_id)
join gap g force index (gap_scope) on g.application_id = c.application_id and g.chat_id = c.id
where c.id > %s and c.id <= %s
order by c.id, g.first, g.last;

-- name: audit_chat_letters
-- Message numbers of some chats that dead letters have.
select straight_join c.id, l.first, l.last
from chat c force index (chat_id)
join application a on a.id = c.application_id
join dead_letter l force index (dead_letter_scope) on l.token = a.token and l.chat = c.number
where c.id > %s and c.id <= %s and l.gives_numbers and l.first is not null
order by c.id, l.first;

-- name: audit_orphans
-- Chats that have messages and never were.
select s.application_id, s.chat_id
from (select distinct application_id, chat_id from message) s
left join chat c on c.id = s.chat_id and c.application_id = s.application_id
where c.id is null
order by s.application_id, s.chat_id;

-- name: audit_lost_gaps
-- Ranges of the gap ledger whose scope never was.
select g.application_id, g.chat_id, g.first, g.last
from gap g
left join application a on a.id = g.application_id
left join chat c on c.id = g.chat_id and c.application_id = g.application_id
where a.id is null or g.chat_id <> 0 and c.id is null
order by g.application_id, g.chat_id, g.first;

-- name: audit_rows_ahead
-- Chats, keys, changes and followers beyond what their partition says; what the eraser closes, and what the standby
-- creates, is at the partition's own changes.
select 'chat', a.token, c.number
from chat c
join application a on a.id = c.application_id
join `partition` p on p.id = a.`partition`
where (c.epoch, c.position) > (p.position_epoch, p.position_id)
    and (c.epoch, c.position) > (p.change_epoch, p.change_id)
union all
select 'idempotency key', a.token, k.number
from idempotency_key k
join application a on a.id = k.application_id
join `partition` p on p.id = a.`partition`
where (k.epoch, k.position) > (p.position_epoch, p.position_id) or k.created_at > p.last_key_at
union all
select 'change', '', h.`partition`
from `change` h left join `partition` p on p.id = h.`partition`
where p.id is null or (h.epoch, h.id) > (p.change_epoch, p.change_id)
union all
select concat('follower ', f.name), '', f.`partition`
from follower f left join `partition` p on p.id = f.`partition`
where p.id is null or (f.epoch, f.position) > (p.change_epoch, p.change_id);

-- name: audit_keys
-- Idempotency keys whose number was never given: of an application (id 0), a chat, or a message of any chat. Where a
-- chat's creation was discarded nobody knows which numbers its messages had.
select coalesce(a.token, ''), k.route, k.number, k.`count`
from idempotency_key k
left join application a on a.id = k.application_id
left join (
    select application_id, max(last_number) as last_number from chat group by application_id
) s on s.application_id = k.application_id
left join (
    select token, max(last) as last from dead_letter where chat is not null group by token
) l on l.token = a.token
where
    case
        when k.application_id = 0 then not exists (select 1 from application o where o.id = k.number)
        when a.id is null then 1
        when k.route = 'chats' then k.number < 1 or k.number > a.last_number
        else k.number < 1 or k.number + k.`count` - 1 > greatest(coalesce(s.last_number, 0), coalesce(l.last, 0))
            and not exists (
                select 1 from gap g where g.application_id = a.id and g.chat_id = 0 and g.reason = 'discarded'
            )
    end
order by k.application_id, k.route, k.`key`;

-- name: audit_letters
-- Dead letters beside what they are about.
select
    l.id, l.`partition`, l.token, l.chat, l.first, l.last, l.waits_for, w.id is not null,
    p.id is not null, (l.epoch, l.position) > (p.position_epoch, p.position_id),
    a.id is not null, a.`partition`, a.erased_at is not null, a.granted_until,
    c.id is not null, c.erased_at is not null, c.granted_until
from dead_letter l
left join `partition` p on p.id = l.`partition`
left join dead_letter w on w.id = l.waits_for and w.id <> l.id
left join application a on a.token = l.token
left join chat c on c.application_id = a.id and c.number = coalesce(l.chat, l.first)
order by l.id;

-- name: audit_live_chats
-- Live chats from an id on, with the highest number that a message of theirs may have.
select straight_join c.id, c.application_id, c.last_number
from chat c force index (chat_id) join application a on a.id = c.application_id
where c.id >= %s and c.deleted_at is null and a.deleted_at is null
order by c.id
limit %s;

-- name: audit_live_one
-- Live messages of one chat above a number, in order.
select chat_id, number
from message
where application_id = %s and chat_id = %s and number > %s and body is not null
order by number
limit %s;

-- name: audit_live_some
-- All live messages of the live ones among some chats.
select straight_join m.chat_id, m.number
from chat c force index (chat_id)
join application a on a.id = c.application_id
join message m on m.application_id = c.application_id and m.chat_id = c.id
where c.id >= %s and c.id <= %s and c.deleted_at is null and a.deleted_at is null and m.body is not null;

-- name: audit_closing
-- Chats of deleted applications whose deletion no follower was told of yet.
select c.id
from chat c join application a on a.id = c.application_id
where a.deleted_at is not null and c.deleted_at is null;

-- name: audit_place
-- The token and the chat number of a chat id.
select a.token, c.number from chat c join application a on a.id = c.application_id where c.id = %s;
