-- name: create_index
-- A new index file. `body` is a contentless trigram index over folded bodies, keyed by chat id << 32 | number;
-- case and diacritics were folded before, so the tokenizer keeps every letter as it is. Large in-memory hashes
-- and wide merges were the fastest by measurement: see benchmarks/search.py. `position` is what the follower has
-- indexed; `upkeep` says whether removed text is still in the file (dirty) and being merged away (merging).
create virtual table body using fts5 (
    folded, content = '', contentless_delete = 1, tokenize = 'trigram case_sensitive 1'
);
insert into body (body, rank) values ('hashsize', 8388608);
insert into body (body, rank) values ('automerge', 8);
create table position (partition integer primary key, epoch integer not null, id integer not null) strict;
create table upkeep (dirty integer not null, merging integer not null) strict;
insert into upkeep values (0, 0);
pragma application_id = 1347636312;
pragma user_version = 1;

-- name: identity
-- Whose file this is, of which version, and how many tables it has.
select application_id, user_version, (select count(*) from sqlite_schema)
from pragma_application_id, pragma_user_version;

-- name: probe
-- Touch each table, and the index's own records through a search.
select (select count(*) from position), (select max(dirty) from upkeep), (select rowid from body where body match '"parley"' limit 1);

-- name: truncate_wal
-- Bring the write-ahead log into the file and empty it, so that no old page stays in it.
pragma wal_checkpoint(truncate);
