-- name: probe_insert
-- Fail if the user may not insert; nothing is.
insert into follower (name, `partition`, epoch, position)
select name, `partition`, epoch, position from follower where 1 = 0;

-- name: probe_update
-- Fail if the user may not update; nothing is.
update follower set epoch = 0 where 1 = 0;

-- name: probe_delete
-- Fail if the user may not delete; nothing is.
delete from follower where 1 = 0;
