-- name: application_counts
-- What some applications say of how many chats they hold, and how many live ones there are.
select a.id, a.partition, a.token, null, a.chats_count, count(c.id), a.deleted_at is not null
from (select * from application where id > ? order by id limit ?) a
left join chat c on c.application_id = a.id and c.deleted_at is null
group by a.id
order by a.id;

-- name: chat_counts
-- What some chats say of how many messages they hold, and how many live ones there are.
select
    c.id, a.partition, a.token, c.number, c.messages_count, count(m.id),
    c.deleted_at is not null or a.deleted_at is not null
from (select * from chat where id > ? order by id limit ?) c
join application a on a.id = c.application_id
left join message m
    on m.id > c.id << 32 and m.id <= (c.id << 32 | 4294967295) and m.deleted_at is null and c.deleted_at is null
group by c.id
order by c.id;

-- name: recount_chats
-- Let a live application say how many chats it holds.
update application
set chats_count = (select count(*) from chat c where c.application_id = application.id and c.deleted_at is null)
where id = ? and deleted_at is null;

-- name: recount_messages
-- Let a live chat say how many messages it holds.
update chat
set messages_count = (
    select count(*)
    from message m
    where m.id > chat.id << 32 and m.id <= (chat.id << 32 | 4294967295) and m.deleted_at is null
)
where id = ? and deleted_at is null;
