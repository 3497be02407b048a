-- name: mark_replaced
-- Note that text stays behind if one of these documents is in the index already.
update upkeep set dirty = 1
where dirty = 0 and exists (
    select 1 from body_docsize where id in (select cast(key as integer) from json_each(?))
);

-- name: mark_removed
-- Note that text stays behind.
update upkeep set dirty = 1 where dirty = 0;

-- name: put_documents
-- Put documents, a JSON object of folded bodies by key in key order, in one statement: a row a statement would
-- wait for the interpreter each time. Always a replace: a plain insert of a key that is there leaves a ghost.
replace into body (rowid, folded) select cast(key as integer), value from json_each(?);

-- name: remove_documents
-- Remove documents, a JSON array of keys.
delete from body where rowid in (select value from json_each(?));

-- name: remove_chat
-- Remove every document of a chat.
delete from body where rowid > ? and rowid <= ?;

-- name: put_position
-- How far the follower is in one partition.
insert into position (partition, epoch, id) values (?, ?, ?)
on conflict (partition) do update set epoch = excluded.epoch, id = excluded.id;

-- name: positions
-- How far the follower is.
select partition, epoch, id from position;

-- name: candidates
-- Keys of one chat that hold the phrases, lazily and in order: the range is applied inside the index.
select rowid from body where body match ? and rowid > ? and rowid <= ? order by rowid limit ?;
