-- name: letters_of
-- Where the dead letters of applications stand, in the order of the log.
select straight_join l.id, l.token, l.chat, l.first, l.last, l.gives_numbers
from json_table(%s, '$[*]' columns (token varbinary(64) path '$')) wanted
join dead_letter l force index (dead_letter_scope) on l.token = wanted.token
where l.id < %s
order by l.id;

-- name: insert_letter
-- Set an event aside.
insert into dead_letter (
    `partition`, epoch, position, token, chat, first, last, gives_numbers, waits_for, reason, event, raw, created_at,
    updated_at
) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s);

-- name: delete_letters
-- Forget letters.
delete from dead_letter where id in %s;

-- name: count_letters
-- Count the letters.
select count(*) from dead_letter;

-- name: letters_after
-- Letters above an id, in the order of the log.
select id, `partition`, epoch, position, token, chat, first, reason, attempts, raw, created_at, updated_at
from dead_letter
where id > %s
order by id
limit %s;

-- name: get_letter
-- One letter.
select id, `partition`, epoch, position, token, chat, first, reason, attempts, raw, created_at, updated_at
from dead_letter
where id = %s;

-- name: open_letter
-- One letter as it can be stored again.
select `partition`, epoch, position, event, raw, token, chat, first, last, gives_numbers
from dead_letter
where id = %s
for update;

-- name: waiting_letters
-- Letters that wait for one, in the order of the log.
select id from dead_letter where waits_for = %s order by id;

-- name: fail_letter
-- A letter was tried again in vain.
update dead_letter
set attempts = attempts + 1, reason = %s, waits_for = %s, updated_at = %s
where id = %s;

-- name: numbers_between
-- Those of a chat's numbers that have a row.
select number from message where application_id = %s and chat_id = %s and number between %s and %s order by number;
