-- name: changes_after
-- Changes of one partition above a position, in order.
select epoch, id, `keys`
from `change`
where `partition` = %s and (epoch = %s and id > %s or epoch > %s)
order by epoch, id
limit %s;

-- name: documents
-- The present states of messages that have a row: of wanted (chat id, number) pairs.
select straight_join m.chat_id, m.number, m.body, m.position
from json_table(%s, '$[*]' columns (chat_id int path '$[0]', number int unsigned path '$[1]')) wanted
join chat c on c.id = wanted.chat_id
join message m on m.application_id = c.application_id and m.chat_id = c.id and m.number = wanted.number;

-- name: document_chats
-- Chats of documents: the application, whether both are live, and the position of a deletion.
select straight_join
    c.id, c.application_id, c.deleted_at is null and a.deleted_at is null,
    case when c.deleted_at is null then 0 else c.position end
from json_table(%s, '$[*]' columns (id int path '$')) wanted
join chat c on c.id = wanted.id
join application a on a.id = c.application_id;

-- name: walk_chats
-- Live chats above an id, with the highest number that a message of theirs may have.
select straight_join c.id, c.application_id, c.last_number
from chat c force index (chat_id) join application a on a.id = c.application_id
where c.id >= %s and c.last_number > 0 and c.deleted_at is null and a.deleted_at is null
order by c.id
limit %s;

-- name: walk_one
-- Live messages of one chat above a number, in order.
select chat_id, number, body, application_id, position
from message
where application_id = %s and chat_id = %s and number > %s and deleted_at is null
order by number
limit %s;

-- name: walk_some
-- All live messages of some chats.
select straight_join m.chat_id, m.number, m.body, m.application_id, m.position
from json_table(%s, '$[*]' columns (id int path '$[0]', application_id bigint path '$[1]')) wanted
join message m on m.application_id = wanted.application_id and m.chat_id = wanted.id
where m.deleted_at is null;

-- name: follower_positions
-- What a follower recorded.
select `partition`, epoch, position from follower where name = %s;

-- name: record_follower
-- How far a follower is in one partition.
replace into follower (name, `partition`, epoch, position) values (%s, %s, %s, %s);

-- name: followers_of
-- How far every follower of a partition is.
select epoch, position from follower where `partition` = %s;

-- name: trim_changes
-- Forget changes that every follower has passed.
delete from `change` where `partition` = %s and (epoch = %s and id <= %s or epoch < %s) limit %s;
