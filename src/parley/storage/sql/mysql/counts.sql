-- name: application_counts
-- What some applications say of how many chats they hold, and how many live ones there are.
select a.id, a.`partition`, a.token, null, a.chats_count, count(c.number), a.deleted_at is not null
from (select * from application where id > %s order by id limit %s) a
left join chat c on c.application_id = a.id and c.deleted_at is null
group by a.id
order by a.id;

-- name: chat_counts
-- What some chats say of how many messages they hold, and how many live ones there are.
select straight_join
    c.id, a.`partition`, a.token, c.number, c.messages_count, count(m.number),
    c.deleted_at is not null or a.deleted_at is not null
from (select * from chat force index (chat_id) where id > %s order by id limit %s) c
join application a on a.id = c.application_id
left join message m
    on m.application_id = c.application_id and m.chat_id = c.id and m.deleted_at is null and c.deleted_at is null
group by c.id, c.application_id, c.number
order by c.id;

-- name: recount_chats
-- Let a live application say how many chats it holds; to be run while its partition is held.
update application
set chats_count = (select count(*) from chat c where c.application_id = application.id and c.deleted_at is null)
where id = %s and deleted_at is null;

-- name: recount_messages
-- Let a live chat say how many messages it holds; to be run while its partition is held.
update chat
set messages_count = (
    select count(*)
    from message m
    where m.application_id = chat.application_id and m.chat_id = chat.id and m.deleted_at is null
)
where id = %s and deleted_at is null;
