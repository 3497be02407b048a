-- name: changes_after
-- Changes of one partition above a position, in order, up to the one that touches the last of so many messages, as one
-- JSON array. A key has 8 bytes; they are added up beside the keys themselves, of which none is read in vain.
select json_group_array(json_array(c.epoch, c.position, hex(c.keys)))
from (
    select epoch, position, sum(size) over (order by epoch, position rows unbounded preceding) - size as size_before
    from (
        select epoch, position, length(keys) as size
        from change
        where partition = ?1 and (epoch, position) > (?2, ?3)
        order by epoch, position
        limit ?4
    )
) s
cross join change c on c.partition = ?1 and c.epoch = s.epoch and c.position = s.position
where s.size_before < 8 * ?4;

-- name: documents
-- The present states of messages, as one JSON array; a tombstone's body is null.
select json_group_array(json_array(m.id, m.body, m.position)) from json_each(?) wanted join message m on m.id = wanted.value;

-- name: chats_of_documents
-- The chats with their applications, and whether both are live, as one JSON array.
select json_group_array(json_array(c.id, c.application_id, c.deleted_at is null and a.deleted_at is null))
from json_each(?) wanted
join chat c on c.id = wanted.value
join application a on a.id = c.application_id;

-- name: documents_after
-- Live messages of live chats in storage order, for a rebuild; cross joins keep that order without a sort.
select m.id, m.body, c.application_id, m.position
from message m
cross join chat c on c.id = m.id >> 32
cross join application a on a.id = c.application_id
where m.id > ? and m.body is not null and c.deleted_at is null and a.deleted_at is null
order by m.id
limit ?;

-- name: partition_ends
-- Every partition's position.
select id, position_epoch, position_id from partition order by id;

-- name: follower_positions
-- What a follower recorded.
select partition, epoch, position from follower where name = ?;

-- name: record_follower
-- How far a follower is in one partition.
insert into follower (name, partition, epoch, position) values (?, ?, ?, ?)
on conflict (name, partition) do update set epoch = excluded.epoch, position = excluded.position;

-- name: slowest_follower
-- The position that every follower of a partition has passed.
select epoch, position from follower where partition = ? order by epoch, position limit 1;

-- name: trim_changes
-- Forget some of the changes that every follower has passed.
delete from change
where (partition, epoch, position) in (
    select partition, epoch, position
    from change
    where partition = ? and (epoch, position) <= (?, ?)
    order by epoch, position
    limit ?
);
