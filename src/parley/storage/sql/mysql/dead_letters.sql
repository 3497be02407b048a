-- name: letters_of
-- Where dead letters of scopes stand that are about some of their numbers; the chat 0 stands for the application's chats.
select straight_join l.id, l.token, l.chat, l.first, l.last, l.gives_numbers, l.epoch, l.position
from json_table(
    %s, '$[*]' columns (
        token varbinary(64) path '$[0]', chat bigint path '$[1]', low bigint path '$[2]', high bigint path '$[3]'
    )
) wanted
join dead_letter l force index (dead_letter_scope) on l.token = wanted.token and l.chat <=> nullif(wanted.chat, 0)
where l.first <= wanted.high and l.last >= wanted.low and l.id < %s
order by l.id;

-- name: insert_letter
-- Set an event aside.
insert into dead_letter (
    `partition`, epoch, position, token, chat, first, last, gives_numbers, waits_for, reason, event, raw, created_at,
    updated_at
) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s);

-- name: move_letters
-- Count that letters of a partition were made, stored or given up, as the token of a lease that nobody holds.
insert into lease (job, owner, token, until) values (concat('letters-', %s), '', 1, 0)
on duplicate key update token = token + 1;

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

-- name: rewrite_letter
-- A letter has another event.
update dead_letter
set token = %s, chat = %s, first = %s, last = %s, gives_numbers = %s, event = %s, raw = %s
where id = %s;

-- name: waiting_letter
-- The first letter that waits for another, with how many bytes it has, and how many numbers of a chat.
select id, length(raw), if(gives_numbers and chat is not null, last - first + 1, 0)
from dead_letter
where waits_for = %s
order by id
limit 1;

-- name: fail_letter
-- A letter was tried again in vain.
update dead_letter
set attempts = attempts + 1, reason = %s, waits_for = %s, updated_at = %s
where id = %s;

-- name: creations
-- Letters that would create a chat, by token and number.
select id from dead_letter where token = %s and chat is null and first = %s and gives_numbers order by id;

-- name: messages_between
-- Numbers of a chat that have a row, each as a range.
select number, number from message where application_id = %s and chat_id = %s and number between %s and %s;

-- name: chats_between
-- Numbers of an application's chats that have a row, each as a range; chat id 0 stands for the application's chats.
select number, number from chat where application_id = %s and 0 = %s and number between %s and %s;

-- name: gaps_between
-- Ranges of a scope's gaps that end at or after a number and begin at or before another.
select first, last from gap where application_id = %s and chat_id = %s and last >= %s and first <= %s;

-- name: letters_between
-- The same of the letters of a token and a chat, or of an application's chats, that explain their numbers.
select first, last
from dead_letter
where token = %s and chat <=> %s and last >= %s and first <= %s and gives_numbers;
