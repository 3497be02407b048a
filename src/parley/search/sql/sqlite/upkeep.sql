-- name: upkeep
-- What is left to do.
select dirty, merging from upkeep;

-- name: merge_everything
-- Begin to write the whole index anew without removed text: some pages now, the rest by `merge`.
insert into body (body, rank) values ('merge', -500);

-- name: merge
-- Go on merging, some pages.
insert into body (body, rank) values ('merge', 500);

-- name: begin_merging
-- What is removed from now on waits for the next round.
update upkeep set dirty = 0, merging = 1;

-- name: end_merging
-- The round is over.
update upkeep set merging = 0;
