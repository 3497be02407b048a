-- name: explain_chats
-- Chat numbers that nothing will ever have, if nothing has them.
insert into gap (application_id, chat_id, first, last, reason, created_at)
select ?1, ?2, ?3, ?4, 'unknown', ?5
where not exists (select 1 from chat where application_id = ?1 and number between ?3 and ?4)
    and not exists (select 1 from gap where application_id = ?1 and chat_id = ?2 and first <= ?4 and last >= ?3);

-- name: explain_messages
-- Message numbers that nothing will ever have, if nothing has them.
insert into gap (application_id, chat_id, first, last, reason, created_at)
select ?1, ?2, ?3, ?4, 'unknown', ?5
where not exists (select 1 from message where id between ?2 << 32 | ?3 and ?2 << 32 | ?4)
    and not exists (select 1 from gap where application_id = ?1 and chat_id = ?2 and first <= ?4 and last >= ?3);

-- name: settle_application
-- Let an application have given what its chats have.
update application
set granted_until = max(granted_until, (select coalesce(max(number), 0) from chat where application_id = ?1))
where id = ?1;

-- name: settle_chat
-- Let a chat have given what its messages have.
update chat
set granted_until = max(granted_until, (
    select coalesce(max(id) & 4294967295, 0) from message where id > ?1 << 32 and id <= (?1 << 32 | 4294967295)
))
where id = ?1;
