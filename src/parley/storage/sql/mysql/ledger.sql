-- name: explain_chats
-- Chat numbers that nothing will ever have, if nothing has them.
insert into gap (application_id, chat_id, first, last, reason, created_at)
select w.application_id, 0, w.first, w.last, 'unknown', %s
from (select %s as application_id, %s as first, %s as last) w
where not exists (select 1 from chat c where c.application_id = w.application_id and c.number between w.first and w.last)
    and not exists (
        select 1 from gap g
        where g.application_id = w.application_id and g.chat_id = 0 and g.first <= w.last and g.last >= w.first
    );

-- name: explain_messages
-- Message numbers that nothing will ever have, if nothing has them.
insert into gap (application_id, chat_id, first, last, reason, created_at)
select w.application_id, w.chat_id, w.first, w.last, 'unknown', %s
from (select %s as application_id, %s as chat_id, %s as first, %s as last) w
where not exists (
        select 1 from message m
        where m.application_id = w.application_id and m.chat_id = w.chat_id and m.number between w.first and w.last
    )
    and not exists (
        select 1 from gap g
        where g.application_id = w.application_id and g.chat_id = w.chat_id and g.first <= w.last and g.last >= w.first
    );

-- name: settle_application
-- Let an application have given what its chats and its log have; a log's grant is of an epoch that was.
update application
set last_number = greatest(last_number, (select coalesce(max(number), 0) from chat where application_id = %s)),
    granted_until = greatest(granted_until, last_number, log_until),
    log_first = if(log_first between 1 and log_until + 1, log_first, log_until + 1),
    log_epoch = least(log_epoch, (select epoch from `partition` where id = %s))
where id = %s;

-- name: settle_chat
-- Let a chat have given what its messages and its log have; a log's grant is of an epoch that was.
update chat
set last_number = greatest(last_number, (
        select coalesce(max(number), 0) from message where application_id = %s and chat_id = %s
    )),
    granted_until = greatest(granted_until, last_number, log_until),
    log_first = if(log_first between 1 and log_until + 1, log_first, log_until + 1),
    log_epoch = least(log_epoch, (select epoch from `partition` where id = %s))
where id = %s;
